"""The command's name, options and exit codes, which all sub-commands share."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

from cyclopts import App, Parameter

OK, BUG, USAGE, SOME_FAILED, GATE_FAILED, INTERRUPTED = 0, 1, 2, 4, 5, 130

app = App(
    name="perovec",
    help="Formal potentials and solubility limits from CV, optical density and ICP-OES.",
    help_epilogue=(
        "Exit codes: 0 ok, 2 usage or study file, 3 data, 4 some of several fits failed, "
        "5 diagnostics gate failed (--quick never passes it) or no verdict, 130 interrupted."
    ),
    version=lambda: version("perovec_bayes"),
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
Flag = Annotated[bool, Parameter(negative="")]


def remark(words: str) -> None:
    """Print what is not as it was, on stderr."""
    sys.stderr.write(f"perovec: {words}\n")


def complain(words: str) -> None:
    """Print one line on stderr."""
    sys.stderr.write(f"perovec: error: {' '.join(words.split())}\n")
