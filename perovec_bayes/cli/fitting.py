"""Sub-commands that fit or simulate."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Literal

from perovec_bayes.cli.app import (
    BUG,
    GATE_FAILED,
    INTERRUPTED,
    OK,
    SOME_FAILED,
    Flag,
    app,
    complain,
    remark,
)
from perovec_bayes.cli.printing import (
    batch_lines,
    compared_lines,
    outcome_lines,
    planned_lines,
    ranked_lines,
    say,
)
from perovec_bayes.cli.progress import show_batch, show_progress
from perovec_bayes.errors import PerovecError

# The workflow is imported where it is used: loading JAX and PyMC takes seconds.
# ruff: noqa: PLC0415


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
        complain(f"{failed} of {len(codes)} studies failed")
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
        complain(error.line())
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
        found = again(run, out, data=data, overwrite=overwrite, note=remark, progress=tell)
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
        complain("interrupted; what is done is kept: run the same command again to go on")
        return INTERRUPTED
    say(batch_lines(found))
    if found.failed:
        return SOME_FAILED
    return GATE_FAILED if found.gates_failed else OK


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
