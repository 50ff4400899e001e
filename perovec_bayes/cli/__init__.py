"""The command `perovec`: arguments, printing, exit codes."""

from perovec_bayes.cli.main import app, main

__all__ = ["app", "main"]
