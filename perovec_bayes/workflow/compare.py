"""Rival models of the same data, from their run folders."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.diagnostics import write_csv
from perovec_bayes.diagnostics.comparison import (
    GROUP,
    Candidate,
    Comparison,
    Unit,
    compare,
    leave_out,
)
from perovec_bayes.errors import StudyError
from perovec_bayes.inference import storage
from perovec_bayes.inference.bridge import Compiled
from perovec_bayes.inference.evidence import Evidence, evidence, if_narrower
from perovec_bayes.inference.model import info_of
from perovec_bayes.report.comparison import EvidenceRow, write_page
from perovec_bayes.workflow.folder import writing
from perovec_bayes.workflow.interrupt import interruptible
from perovec_bayes.workflow.prepare import Prepared, prepare
from perovec_bayes.workflow.quiet import quiet
from perovec_bayes.workflow.refit import Exact, Refitter

SUFFIXES = (".html", ".csv")
CAREFUL = 0.95
"""Target acceptance rate of a second attempt."""
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Run:
    """A finished fit.

    Parameters
    ----------
    path : Path
        As named by the user.
    tree : DataTree
        The result.
    name : str
        What it is called in the comparison.
    """

    path: Path
    tree: xr.DataTree
    name: str

    @property
    def study(self) -> dict[str, Any]:
        """What the result says of its study."""
        return dict(json.loads(self.tree.attrs.get("study", "{}")))

    @property
    def data(self) -> dict[str, str]:
        """Checksum of each dataset's file, by name."""
        stated = json.loads(self.tree.attrs.get("provenance", "{}")).get("data", [])
        return {str(each["name"]): str(each["sha256"]) for each in stated}


@dataclass(frozen=True)
class Compared:
    """What came of a comparison.

    Parameters
    ----------
    comparison : Comparison
        Models, differences, verdict.
    evidences : tuple of EvidenceRow
        Evidence of each model, best first; empty unless asked for.
    written : Path or None
        The file.
    """

    comparison: Comparison
    evidences: tuple[EvidenceRow, ...]
    written: Path | None


def compare_runs(
    paths: Sequence[str | Path],
    *,
    out: str | Path | None = None,
    unit: Unit = "part",
    refit: bool = False,
    bayes_factor: bool = False,
    studies: Sequence[str | Path] = (),
    progress: Progress | None = None,
) -> Compared:
    """Compare finished runs by how well they predict blocks of data that are left out.

    Parameters
    ----------
    paths : sequence of str or Path
        Two or more run folders of fits to the same data.
    out : str or Path, optional
        An HTML page or a CSV table to write.
    unit : str
        Leave out each "part" (cycle, sweep, sample) or each whole "dataset".
    refit : bool
        Fit again without those blocks that importance sampling cannot leave out.
    bayes_factor : bool
        Estimate the evidence of each model by bridge sampling.
    studies : sequence of str or Path
        The study files of the runs, in any order: needed for `refit` and `bayes_factor`.
    progress : callable, optional
        Called with a phase and the share of it that is done.

    Returns
    -------
    Compared
        Models from best to worst.

    Raises
    ------
    StudyError
        If there are not two runs, they are not of the same data, a run is not a posterior sample,
        or the study of a run is needed and was not named.
    """
    tell = progress or (lambda phase, share: None)
    target = None if out is None else _checked(Path(out))
    with interruptible(), quiet():
        runs = open_runs(paths)
        prepared = _prepared(runs, studies) if refit or bayes_factor else {}
        candidates = [leave_out(run.tree, run.name, unit) for run in runs]
        if refit:
            candidates = [
                _refitted(candidate, prepared[candidate.name], unit, tell)
                for candidate in candidates
            ]
        found = compare(candidates)
        rows = _evidences(runs, prepared, tell) if bayes_factor else ()
    if target is not None:
        with writing(target):
            if target.suffix == ".csv":
                write_csv(found.table(), target)
            else:
                write_page(found, rows, {run.name: run.tree for run in runs}, target)
    return Compared(found, rows, target)


def _checked(target: Path) -> Path:
    if target.suffix not in SUFFIXES:
        raise StudyError(
            "a comparison is written as a page or as a table",
            file=target,
            expected="a name that ends in .html or .csv",
        )
    return target


def open_runs(paths: Sequence[str | Path]) -> list[Run]:
    """Open run folders, and refuse those that cannot be compared.

    Parameters
    ----------
    paths : sequence of str or Path
        Run folders, or their `posterior.nc`.

    Raises
    ------
    StudyError
        See `compare_runs`.
    """
    if len(paths) < 2 or len({Path(path).resolve() for path in paths}) < len(paths):
        raise StudyError(
            "a comparison takes two or more runs",
            expected="different run folders",
            found=", ".join(str(path) for path in paths) or "none",
        )
    runs = [Run(Path(path), storage.load(path), "") for path in paths]
    names = [str(run.study.get("name") or run.path) for run in runs]
    runs = [
        replace(run, name=name if names.count(name) == 1 else str(run.path))
        for run, name in zip(runs, names, strict=True)
    ]
    for run in runs:
        _refuse_unfit(run)
    for run in runs[1:]:
        _refuse_other_data(runs[0], run)
    return runs


def _refuse_unfit(run: Run) -> None:
    if run.tree.attrs.get("approximation"):
        raise StudyError(
            "this result is not a posterior sample and cannot be compared",
            file=run.path,
            found=str(run.tree.attrs["approximation"]),
            hint="Fit the study without --quick.",
        )
    if GROUP not in run.tree.children:
        raise StudyError(
            "this result does not hold what a comparison needs",
            file=run.path,
            expected=f"a group '{GROUP}'",
            hint="Fit the study again with this version.",
        )


def _refuse_other_data(first: Run, other: Run) -> None:
    hint = "Models can be compared only on the same data."
    if first.data != other.data:
        names = sorted(
            name
            for name in {*first.data, *other.data}
            if first.data.get(name) != other.data.get(name)
        )
        raise StudyError(
            f"this run was fitted to other data than {first.path}",
            file=other.path,
            expected="the same datasets (name and sha256)",
            found=f"different: {', '.join(names)}",
            hint=hint,
        )
    if not _as_seen(first).identical(_as_seen(other)):
        raise StudyError(
            f"this run understood the same files otherwise than {first.path}",
            file=other.path,
            expected="the same values, units and blocks",
            hint=f"{hint} Make the [[data]] tables of the two studies alike.",
        )


def _as_seen(run: Run) -> xr.Dataset:
    """Return the data as the model saw them, their units, and the blocks."""
    observed = xr.Dataset(
        {name: (each.dims, each.to_numpy()) for name, each in _data_of(run.tree).items()}
    )
    units = {name: each["unit"] for name, each in json.loads(run.tree.attrs["observables"]).items()}
    blocks = run.tree[GROUP].to_dataset()
    return observed.assign(
        {name: blocks[name].variable for name in ("part_label", "part_size")}
    ).assign_attrs(units)


def _data_of(tree: xr.DataTree) -> dict[str, xr.DataArray]:
    data = tree["observed_data"].to_dataset()
    return {str(name): data[name] for name in data.data_vars}


def _prepared(runs: Sequence[Run], studies: Sequence[str | Path]) -> dict[str, Prepared]:
    """Return for each run its study, built again; refuse one that has changed since."""
    found = {study.study.origin.sha256: study for study in map(prepare, studies)}
    result = {}
    for run in runs:
        study = found.get(str(run.study.get("sha256")))
        if study is None:
            raise StudyError(
                "to fit again, the study of this run is needed",
                file=run.path,
                place="--study",
                expected=f"the study file '{run.study.get('name')}', as it was when it was fitted",
                found=", ".join(str(path) for path in studies) or "none",
                hint="Name it with --study; fit it again if it has changed since.",
            )
        sums = {name: str(each.attrs["source_sha256"]) for name, each in study.datasets.items()}
        if sums != run.data:
            raise StudyError(
                "the data of this study have changed since it was fitted",
                file=study.study.origin.file,
                hint="Fit it again.",
            )
        result[run.name] = study
    return result


def _refitted(candidate: Candidate, prepared: Prepared, unit: Unit, tell: Progress) -> Candidate:
    """Replace what importance sampling cannot tell by fits without the block."""
    places = np.flatnonzero(candidate.unreliable)
    fits = _Refits(prepared)
    blocks: list[tuple[str, int | None]] = [
        (o.name, number if unit == "part" else None)
        for o in info_of(prepared.model).observables
        for number in range(len(o.blocks.labels) if unit == "part" else 1)
    ]
    for done, place in enumerate(places):
        label = candidate.blocks[place]
        tell(f"{candidate.name} without {label}", done / len(places))
        found = fits.without(*blocks[place])
        words = f"'{candidate.name}', fitted without {label}: {found.fault}."
        candidate = candidate.exactly(int(place), found.elpd, words if found.fault else "")
    return candidate


class _Refits:
    """Fits as the study asks for; where one fails, again in plain coordinates and smaller steps."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._made: dict[bool, Refitter] = {}

    def _refitter(self, careful: bool) -> Refitter:
        if careful not in self._made:
            settings = self._prepared.study.sampler
            self._made[careful] = Refitter(
                self._prepared.model,
                chains=settings.chains,
                draws=settings.draws,
                tune=settings.tune,
                target_accept=max(settings.target_accept, CAREFUL * careful),
                frames=not careful,
            )
        return self._made[careful]

    def without(self, name: str, block: int | None) -> Exact:
        """Return how well a block is predicted from all other data."""
        seed = self._prepared.study.sampler_seed
        found = self._refitter(False).elpd_without(name, block, seed)
        if found.fault:
            found = self._refitter(True).elpd_without(name, block, seed)
        return found


def _evidences(
    runs: Sequence[Run], prepared: dict[str, Prepared], tell: Progress
) -> tuple[EvidenceRow, ...]:
    """Return the evidence of each run, best first."""
    rows = []
    priors = {run.name: json.loads(run.tree.attrs["priors"]) for run in runs}
    for done, run in enumerate(runs):
        tell(f"evidence of {run.name}", done / len(runs))
        study = prepared[run.name]
        draws = _free_draws(run, study)
        found = (
            Evidence(np.nan, np.inf)
            if draws is None
            else evidence(
                Compiled(study.model, info_of(study.model).frames),
                draws,
                np.random.default_rng(study.study.sampler_seed),
            )
        )
        own = [
            name
            for name, entry in priors[run.name].items()
            if not entry["fixed"]
            and any(priors[other.name].get(name, {}).get("text") != entry["text"] for other in runs)
        ]
        rows.append(EvidenceRow(run.name, found.log, found.error, _narrowed(run, study, own)))
    return tuple(sorted(rows, key=lambda row: -row.log))


def _free_draws(run: Run, prepared: Prepared) -> dict[str, np.ndarray] | None:
    """Return the draws of a model's free variables, None if the result does not hold one."""
    posterior = run.tree["posterior"].to_dataset()
    names = [str(variable.name) for variable in prepared.model.free_RVs]
    if not all(name in posterior for name in names):
        return None
    return {name: posterior[name].to_numpy() for name in names}


def _narrowed(run: Run, prepared: Prepared, names: Sequence[str]) -> dict[str, float]:
    """Return by how much ln Z changes if the prior of a parameter were half as wide."""
    posterior = run.tree["posterior"].to_dataset()
    result = {}
    for name in names:
        prior = prepared.card.parameters[name].canonical_prior()
        if prior is None or name not in posterior:
            continue
        values = posterior[name].to_numpy()
        change = if_narrower(prior, values.reshape(-1, *values.shape[2:]))
        if change is not None:
            result[name] = change
    return result
