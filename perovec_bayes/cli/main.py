"""The sub-commands, and the exit code of each."""

from __future__ import annotations

import sys
import tomllib
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter

from perovec_bayes.cli.printing import (
    batch_lines,
    compared_lines,
    outcome_lines,
    planned_lines,
    ranked_lines,
    say,
)
from perovec_bayes.cli.progress import show_batch, show_progress
from perovec_bayes.errors import PerovecError, StudyError

# The workflow is imported where it is used: loading JAX and PyMC takes seconds.
# ruff: noqa: PLC0415

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
        _complain(f"{error} See 'perovec --help'.")
        return USAGE
    except PerovecError as error:
        _complain(error.line())
        return error.exit_code
    except KeyboardInterrupt:
        _complain("interrupted; nothing was left behind")
        return INTERRUPTED
    return code if isinstance(code, int) else OK


@app.command
def fit(
    studies: tuple[Path, ...], /, *, out: Path, overwrite: Flag = False, quick: Flag = False
) -> int:
    """Fit studies; each gets a folder OUT/NAME with the result and a report.

    Parameters
    ----------
    studies
        Study files (.toml).
    out
        Folder for the results; made if absent.
    overwrite
        Replace an earlier result of the same name.
    quick
        A first answer instead: a Laplace approximation, not a posterior sample, in OUT/NAME-quick.
        The diagnostics gate never passes it.
    """
    if len(studies) == 1:
        return _fit_one(studies[0], out, overwrite, quick)
    codes = [_fit_of_several(study, out, overwrite, quick) for study in studies]
    failed = sum(code not in {OK, GATE_FAILED} for code in codes)
    if failed:
        _complain(f"{failed} of {len(codes)} studies failed")
        return SOME_FAILED
    return GATE_FAILED if GATE_FAILED in codes else OK


def _fit_one(study: Path, out: Path, overwrite: bool, quick: bool) -> int:
    from perovec_bayes.workflow.fit import fit as run

    with show_progress("/".join(study.parts[-2:])) as tell:
        outcome = run(study, out, overwrite=overwrite, quick=quick, progress=tell)
    say(outcome_lines(outcome))
    return OK if outcome.gate.passed else GATE_FAILED


def _fit_of_several(study: Path, out: Path, overwrite: bool, quick: bool) -> int:
    try:
        return _fit_one(study, out, overwrite, quick)
    except PerovecError as error:
        _complain(error.line())
        return error.exit_code
    except Exception:  # a bug with one study shall not cost the others
        traceback.print_exc()
        return BUG


@app.command
def rerun(run: Path, /, *, out: Path, data: Path | None = None, overwrite: Flag = False) -> int:
    """Make a run again from what its folder holds, and compare the draws.

    Study, card and data must be what the first run was made from; other versions of packages are
    told. Draws are the same, bit for bit, with the same versions on the same kind of machine.

    Parameters
    ----------
    run
        A run folder that 'fit' or 'batch' has made.
    out
        Folder for the new run folder; made if absent.
    data
        A folder in which to look for data that were too large to be copied into the run folder.
    overwrite
        Replace an earlier result of the same name.
    """
    from perovec_bayes.workflow.rerun import rerun as again

    with show_progress("/".join(run.parts[-2:])) as tell:
        found = again(run, out, data=data, overwrite=overwrite, note=_remark, progress=tell)
    say(f"{outcome_lines(found.outcome)}\n{found.compared}")
    return OK if found.outcome.gate.passed else GATE_FAILED


@app.command
def batch(
    manifest: Path,
    /,
    *,
    out: Path,
    engine: Path | None = None,
    dry_run: Flag = False,
    retry_failed: Flag = False,
    gather: Flag = False,
) -> int:
    """Do many fits side by side; a second run does only what is missing or changed.

    Results go to OUT/fits/NAME, with summary.csv, batch.parquet, report.html and batch.log in OUT.

    Parameters
    ----------
    manifest
        What to fit (.toml), or a table with one fit a row (.csv).
    out
        Folder of the batch; made if absent.
    engine
        A file with an [engine] table in place of the manifest's: another machine, a cluster.
    dry_run
        Show what would be done, and write nothing.
    retry_failed
        Do again also fits that failed for reasons of their own.
    gather
        Put all results into OUT/batch.nc.
    """
    from perovec_bayes.workflow.batch import run

    if dry_run:
        say(planned_lines(*run.planned(manifest, out, engine=engine, retry_failed=retry_failed)))
        return OK
    try:
        with show_batch(manifest.name) as tell:
            found = run.batch(
                manifest,
                out,
                engine=engine,
                retry_failed=retry_failed,
                gathered=gather,
                progress=tell,
            )
    except KeyboardInterrupt:
        _complain("interrupted; what is done is kept: run the same command again to go on")
        return INTERRUPTED
    say(batch_lines(found))
    if found.failed:
        return SOME_FAILED
    return GATE_FAILED if found.gates_failed else OK


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
def simulate(study: Path, /, *, out: Path, seed: int | None = None, overwrite: Flag = False) -> int:
    """Write synthetic data of a study from its [truth] and [simulate] tables.

    Parameters
    ----------
    study
        Study file (.toml).
    out
        Folder for the files; made if absent.
    seed
        Seed of the random numbers; that of the study unless given.
    overwrite
        Replace files that exist.
    """
    from perovec_bayes.workflow.simulate import simulate as run

    say("\n".join(str(path) for path in run(study, out, seed=seed, overwrite=overwrite)))
    return OK


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
def compare(
    runs: tuple[Path, ...],
    /,
    *,
    out: Path | None = None,
    leave_out: Literal["part", "dataset"] = "part",
    refit: Flag = False,
    bayes_factor: Flag = False,
    study: tuple[Path, ...] = (),
) -> int:
    """Compare rival models of the same data by how well they predict what is left out.

    Parameters
    ----------
    runs
        Two or more run folders that 'fit' has made.
    out
        Write a page (.html) or a table (.csv).
    leave_out
        Leave out each part (cycle, sweep, sample), or each dataset as a whole.
    refit
        Fit again without what importance sampling cannot leave out; needs --study.
    bayes_factor
        Estimate the evidence of each model as well; needs --study.
    study
        The study files of the runs, one --study each, in any order.
    """
    from perovec_bayes.workflow.compare import compare_runs

    with show_progress("compare") as tell:
        found = compare_runs(
            runs,
            out=out,
            unit=leave_out,
            refit=refit,
            bayes_factor=bayes_factor,
            studies=study,
            progress=tell,
        )
    say(compared_lines(found))
    return OK if found.comparison.reliable else GATE_FAILED


@app.command
def design(
    study: Path, /, *, out: Path, result: Path | None = None, overwrite: Flag = False
) -> int:
    """Rank measurements that could be made next by what they would tell of a quantity.

    The study's table [design] names the quantity, and perhaps the candidates. The ranking goes to
    OUT/NAME-design/design.csv.

    Parameters
    ----------
    study
        Study file (.toml).
    out
        Folder with the results of 'fit', and for the ranking.
    result
        The result to start from, a run folder or its posterior.nc; that of the study under OUT
        unless given, and a quick fit if there is none.
    overwrite
        Replace an earlier ranking.
    """
    from perovec_bayes.workflow.design import rank

    with show_progress("design") as tell:
        found = rank(study, out, result=result, overwrite=overwrite, progress=tell)
    say(ranked_lines(found))
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


def _remark(words: str) -> None:
    """Print what is not as it was, on stderr."""
    sys.stderr.write(f"perovec: {words}\n")


def _complain(words: str) -> None:
    """Print one line on stderr."""
    sys.stderr.write(f"perovec: error: {' '.join(words.split())}\n")
