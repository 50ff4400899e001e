"""Sub-commands that look: at data, studies, results, cards."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from perovec_bayes.cli.app import (
    OK,
    USAGE,
    Flag,
    app,
)
from perovec_bayes.cli.printing import (
    say,
)
from perovec_bayes.errors import StudyError

# The workflow is imported where it is used: loading JAX and PyMC takes seconds.
# ruff: noqa: PLC0415


@app.command
def check(study: Path, /) -> int:
    """Read and check a study and its data and compare them with the prior, without fitting.

    Parameters
    ----------
    study
        Study file (.toml).
    """
    from perovec_bayes.workflow.check import check as run

    found = run(study)
    say(str(found))
    return OK if found.can_be_fitted else USAGE


@app.command(name="read")
def read_(
    file: Path,
    /,
    *,
    format: Annotated[str | None, Parameter(name="--as")] = None,
    set_: Annotated[tuple[str, ...], Parameter(name="--set", negative="")] = (),
    save: Path | None = None,
    plot: Path | None = None,
) -> int:
    """Say what is understood of a data file, what is missing, and what looks wrong.

    Parameters
    ----------
    file
        The file; or a folder of single spectra, or a pattern of their names in quotation marks.
    format
        Its format; found out from the content unless given.
    set_
        What a study file would say of it, in the same words; may be repeated:
        --set "scan_rate = { value = 50, unit = 'mV/s' }" --set "table = 2"
        --set "meta.reference = 'SCE'".
    save
        Write the dataset to this netCDF file (.nc).
    plot
        Draw the data into this picture (.png, .svg or .pdf).
    """
    from perovec_bayes.workflow.files import read_file

    say(str(read_file(file, format, save=save, plot=plot, **_settings(set_))))
    return OK


def _settings(lines: Sequence[str]) -> dict[str, Any]:
    """Return what --set says, read as the TOML of a study file."""
    try:
        found = tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError as error:
        raise StudyError(
            f"not understood: {error}",
            place="--set",
            expected="lines of a study file such as \"meta.reference = 'SCE'\"",
            hint="Put the whole setting in quotation marks.",
        ) from None
    for key in ("path", "format", "save", "plot"):
        if key in found:
            raise StudyError(f"'{key}' cannot be set so", place="--set", hint="See --help.")
    return found


@app.command
def report(result: Path, /, *, out: Path | None = None, overwrite: Flag = False) -> int:
    """Make the report of a result again: page, PDF, tables, figures, methods, bibliography.

    Parameters
    ----------
    result
        A run folder, or its posterior.nc.
    out
        The folder to make; the files in the run folder are replaced unless given. A name that ends
        in .html or .pdf gives that file alone.
    overwrite
        Replace an earlier report in that folder.
    """
    from perovec_bayes.workflow.files import remake_report

    say(str(remake_report(result, out, overwrite=overwrite)))
    return OK


@app.command
def view(
    folder: Path,
    /,
    *,
    port: int | None = None,
    open_: Annotated[bool, Parameter(name="--open", negative="")] = False,
) -> int:
    """Show a folder of runs in a browser: list, reports, chosen runs beside each other.

    Only browsers on this machine are answered. Ctrl-C ends it.

    Parameters
    ----------
    folder
        Folder of runs, the --out of 'fit' or 'batch'; runs are looked for in all folders below it.
    port
        Port; a free one, 8765 if it can be had, unless given.
    open_
        Open the browser as well.
    """
    from perovec_bayes.workflow.view.server import view as show

    def tell(address: str, runs: int) -> None:
        say(f"{address} shows {runs} run{'s' * (runs != 1)} of {folder}; Ctrl-C ends it")

    with suppress(KeyboardInterrupt):
        show(folder, port=port, open_browser=open_, tell=tell)
    return OK


@app.command
def cards() -> int:
    """List the model cards that come with the package."""
    from perovec_bayes.workflow.files import list_cards

    found = list_cards()
    wide = max(len(name) for name, _ in found)
    say("\n".join(f"{name:{wide}}  {title}" for name, title in found))
    return OK


@app.command
def schema(
    kind: Literal["study", "card"] = "study",
    /,
    *,
    card: str | None = None,
    out: Path | None = None,
) -> int:
    """Give the JSON Schema of study files or cards, with which an editor completes keys.

    Parameters
    ----------
    kind
        The files that it is for.
    card
        Name or path of a card: only its parameters, options and techniques are completed.
    out
        The file (.json) to write or replace; the schema is printed unless given.
    """
    from perovec_bayes.workflow.files import editor_schema

    text = editor_schema(kind, card=card, out=out)
    say(text.rstrip() if out is None else str(out))
    return OK
