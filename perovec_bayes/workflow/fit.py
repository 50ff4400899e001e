"""A fit from study file to run folder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pymc as pm
import xarray as xr

from perovec_bayes.diagnostics import (
    GateResult,
    check,
    feature_table,
    identifiability,
    sensitivity,
    summarise,
    write_csv,
)
from perovec_bayes.diagnostics.current import current_parts
from perovec_bayes.diagnostics.intervals import Interval
from perovec_bayes.files import write_text
from perovec_bayes.inference import storage
from perovec_bayes.inference.laplace import laplace
from perovec_bayes.inference.sample import finish as finish_sampling
from perovec_bayes.inference.sample import sample
from perovec_bayes.inference.study import Study, checked_card, load_study
from perovec_bayes.report import write_report
from perovec_bayes.report.export import PAGE, export
from perovec_bayes.report.tables import Quantity, other_modes, quantities
from perovec_bayes.workflow.crate import write_crate
from perovec_bayes.workflow.folder import RESULT, refuse_existing, whole_folder, writing
from perovec_bayes.workflow.inputs import LARGEST, keep_inputs
from perovec_bayes.workflow.interrupt import interruptible
from perovec_bayes.workflow.log import event, run_log
from perovec_bayes.workflow.prepare import (
    Prepared,
    build_model,
    check_sampler,
    datasets,
)
from perovec_bayes.workflow.provenance import provenance, study_record
from perovec_bayes.workflow.quiet import quiet
from perovec_bayes.workflow.together import Ahead

Progress = Callable[[str, float], None]
Finish = Callable[[Path, xr.DataTree, float], None]


@dataclass(frozen=True)
class Outcome:
    """What came of a fit.

    Parameters
    ----------
    folder : Path
        The run folder.
    gate : GateResult
        The verdict of the diagnostics gate.
    seconds : float
        Wall time [s].
    primary : tuple of Quantity
        The primary quantities as text.
    other_modes : tuple of str
        A sentence on each further mode that matters.
    approximation : str
        What the result is if not a posterior sample; else nothing.
    """

    folder: Path
    gate: GateResult
    seconds: float
    primary: tuple[Quantity, ...]
    other_modes: tuple[str, ...]
    approximation: str


def fit(
    study_path: str | Path,
    out: str | Path,
    *,
    overwrite: bool = False,
    quick: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Fit a study and leave a run folder `OUT/<study name>/`.

    Parameters
    ----------
    study_path : str or Path
        The study file.
    out : str or Path
        Where the run folder shall be; made if absent.
    overwrite : bool, default False
        Whether an earlier run of that name is replaced, when the new one is complete.
    quick : bool, default False
        Make a Laplace approximation instead of sampling, in `OUT/<study name>-quick/`.
    progress : callable, optional
        Called with a phase and the share of it that is done.

    Returns
    -------
    Outcome
        Folder, verdict and primary quantities.

    Raises
    ------
    StudyError, DataError
        If something is wrong; all is checked before sampling, and nothing is left behind.
    """
    study = load_study(study_path)
    return fit_study(
        study,
        Path(study_path).read_bytes(),
        Path(out) / (f"{study.name}-quick" if quick else study.name),
        command=f"perovec fit {Path(study_path).name}" + " --quick" * quick,
        overwrite=overwrite,
        quick=quick,
        progress=progress,
    )


def fit_study(
    study: Study,
    source: bytes,
    target: Path,
    *,
    command: str,
    overwrite: bool = False,
    quick: bool = False,
    page_only: bool = False,
    largest_copy: int = LARGEST,
    ahead: Ahead | None = None,
    progress: Progress | None = None,
    finish: Finish | None = None,
) -> Outcome:
    """Fit a study that is in memory and leave a run folder.

    Parameters
    ----------
    study : Study
        The study.
    source : bytes
        Its file, as it is put into the run folder.
    target : Path
        The run folder.
    command : str
        The command that provenance names, without folders.
    overwrite, quick, progress
        As for `fit`.
    page_only : bool, default False
        Leave out of the report what `perovec report` can make later: all but the page.
    largest_copy : int
        Records of more bytes are not copied into the run folder.
    ahead : Ahead, optional
        What has been done of it: it is not read, built and sampled again.
    finish : callable, optional
        Called with the folder, the result and the seconds so far when all is written but the
        metadata of the crate, and before the folder takes its name.

    Raises
    ------
    StudyError, DataError
        If something is wrong; all is checked before sampling, and nothing is left behind.
    """
    tell = progress or (lambda phase, share: None)
    with interruptible(), quiet(), run_log() as log:
        begun, clock = time.perf_counter(), datetime.now(UTC)
        if ahead is not None:
            begun -= ahead.seconds
        card = checked_card(study)
        if not quick:
            check_sampler(study)
        event("start", study=study.name, card=card.name)
        refuse_existing(target, overwrite)
        tell("reading", 0.0)
        data = datasets(study) if ahead is None else ahead.prepared.datasets
        event("data read", data={name: dict(each.sizes) for name, each in data.items()})
        tell("building", 0.0)
        model = build_model(study, card, data) if ahead is None else ahead.prepared.model
        event("model built", parameters=[variable.name for variable in model.free_RVs])
        with whole_folder(target, overwrite=overwrite) as folder:
            with writing(target):
                log.write_to(folder / "run.jsonl")
                (folder / "study.toml").write_bytes(source)
                inputs = keep_inputs(study, card, data, source, folder, largest=largest_copy)
            prepared = Prepared(study, card, data, model)
            tree, gate = _judged(prepared, ahead, quick, command, begun, tell)
            tell("report", 0.0)
            with writing(target):
                _write(tree, folder, page_only)
            event("report written")
            rows = quantities(tree, Interval.asked(tree))
            seconds = time.perf_counter() - begun
            event("end", seconds=round(seconds, 2))
            log.close()
            with writing(target):
                if finish is not None:
                    finish(folder, tree, seconds)
                write_crate(folder, study, tree, gate, inputs, clock)
    return Outcome(
        target,
        gate,
        seconds,
        tuple(row for row in rows if row.role == "primary"),
        tuple(other_modes(tree)),
        tree.attrs.get("approximation", ""),
    )


def _judged(
    prepared: Prepared,
    ahead: Ahead | None,
    quick: bool,
    command: str,
    begun: float,
    tell: Progress,
) -> tuple[xr.DataTree, GateResult]:
    """Fit, judge, and put study, provenance and verdict into the result."""
    study, card, data, model = prepared
    if quick:
        tree = laplace(model, seed=study.sampler_seed, progress=tell)
    elif ahead is not None:
        tree = finish_sampling(
            ahead.started,
            ahead.drawn,
            backend=study.sampler.backend,
            seconds=ahead.seconds,
            stated={"together": ahead.lanes},
            progress=tell,
        )
    else:
        tree = _sampled(model, study, tell)
    used = json.loads(tree.attrs["sampler"])
    event("approximated" if quick else "sampled", **used)
    for mode in other_modes(tree):
        event("other mode", where=mode)
    tell("diagnostics", 0.0)
    taken_apart = current_parts(tree, card)
    if taken_apart is not None:
        tree["current_parts"] = xr.DataTree(taken_apart)
    gate = check(tree)
    event("gate", passed=gate.passed, failures=gate.failures)
    tree.attrs["gate"] = gate.to_json()
    tree.attrs["study"] = json.dumps(study_record(study))
    tree.attrs["provenance"] = json.dumps(
        provenance(
            study,
            card,
            data,
            sampler=used,
            command=command,
            seconds=time.perf_counter() - begun,
        )
    )
    return tree, gate


def _sampled(model: pm.Model, study: Study, tell: Progress) -> xr.DataTree:
    settings = study.sampler
    with interruptible():  # nutpie, when interrupted, returns the draws that it has
        return sample(
            model,
            backend=settings.backend,
            chains=settings.chains,
            draws=settings.draws,
            tune=settings.tune,
            seed=study.sampler_seed,
            target_accept=settings.target_accept,
            whiten=settings.whiten,
            progress=tell,
        )


def _write(tree: xr.DataTree, folder: Path, page_only: bool) -> None:
    storage.save(tree, folder / RESULT)
    interval = Interval.asked(tree)
    write_csv(summarise(tree, interval.prob, interval.kind), folder / "summary.csv")
    write_csv(identifiability(tree).table(), folder / "identifiability.csv")
    write_csv(feature_table(tree, interval), folder / "features.csv")
    write_csv(sensitivity(tree).table, folder / "sensitivity.csv")
    record = json.loads(tree.attrs["provenance"])
    write_text(folder / "provenance.json", json.dumps(record, indent=2) + "\n")
    if page_only:
        write_report(tree, folder / PAGE)
    else:
        export(tree, folder)
