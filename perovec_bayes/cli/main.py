"""The command: its sub-commands, and the exit code of each error."""

from __future__ import annotations

from collections.abc import Sequence

from cyclopts import CycloptsError

from perovec_bayes.cli import fitting, looking
from perovec_bayes.cli.app import INTERRUPTED, OK, USAGE, app, complain
from perovec_bayes.errors import PerovecError

__all__ = ["app", "fitting", "looking", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process unless given.

    Returns
    -------
    int
        The exit code.
    """
    try:
        code = app(None if argv is None else list(argv), exit_on_error=False, print_error=False)
    except CycloptsError as error:
        complain(f"{error} See 'perovec --help'.")
        return USAGE
    except PerovecError as error:
        complain(error.line())
        return error.exit_code
    except KeyboardInterrupt:
        complain("interrupted; nothing was left behind")
        return INTERRUPTED
    return code if isinstance(code, int) else OK
