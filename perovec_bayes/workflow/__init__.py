"""The steps in order: fit, check, simulate; the run folder.

Import the module that is needed: `fit`, `check`, `simulate` load JAX and PyMC, `files` does not.
"""
