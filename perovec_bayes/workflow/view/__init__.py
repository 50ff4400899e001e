"""A folder of runs in a browser: what is in it (`shelf`), and who may ask for it (`server`)."""
