"""The sections of a report, in the order of the guidelines (Kruschke 2021)."""
