"""A run made again from its crate: the same study, card, data and seed, and the draws compared."""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.inference import storage
from perovec_bayes.inference.cards import Origin
from perovec_bayes.inference.study import Study, study_of
from perovec_bayes.inference.threads import threads
from perovec_bayes.workflow.fit import Outcome, Progress, fit_study
from perovec_bayes.workflow.folder import RESULT, refuse_existing
from perovec_bayes.workflow.inputs import FOLDER, STUDY, Input, copy_of, stated_paths
from perovec_bayes.workflow.provenance import ABSENT, machine, versions
from perovec_bayes.workflow.stored_crate import Crate, read_crate
from perovec_bayes.workflow.together import sampled_together

Note = Callable[[str], None]


@dataclass(frozen=True)
class Rerun:
    """What came of making a run again.

    Parameters
    ----------
    outcome : Outcome
        The new run.
    same_draws : bool
        Whether all draws are those of the first run, bit for bit.
    compared : str
        The same in words, with how far the medians are apart if they differ.
    """

    outcome: Outcome
    same_draws: bool
    compared: str


def rerun(
    run: str | Path,
    out: str | Path,
    *,
    data: str | Path | None = None,
    overwrite: bool = False,
    note: Note | None = None,
    progress: Progress | None = None,
) -> Rerun:
    """Fit again what a run folder holds, and compare the draws.

    Parameters
    ----------
    run : str or Path
        A run folder, or its `ro-crate-metadata.json`.
    out : str or Path
        Where the new run folder shall be.
    data : str or Path, optional
        A folder in which data lie that are not in the crate; they are known by their checksums.
    overwrite : bool, default False
        Whether an earlier run of that name in `out` is replaced.
    note : callable, optional
        Called with a sentence on each thing that is not as it was, before the fit begins.
    progress : callable, optional
        As for `fit`.

    Raises
    ------
    DataError
        If there is no crate, or study, card or data are missing or not what the run was made from.
    StudyError
        If the new run folder exists already.
    """
    crate = read_crate(run)
    earlier = storage.load(crate.folder) if (crate.folder / RESULT).is_file() else None
    with assembled(crate, None if data is None else Path(data)) as folder:
        study = _study(crate, folder)
        target = Path(out) / (f"{study.name}-quick" if crate.quick else study.name)
        if target.exists() and target.samefile(crate.folder):
            raise StudyError(
                "the run that is to be made again", file=target, hint="Choose another --out."
            )
        refuse_existing(target, overwrite)
        for sentence in differences(crate):
            (note or (lambda _: None))(sentence)
        lanes = 0 if earlier is None else _lanes(earlier)
        outcome = fit_study(
            study,
            (folder / "study.toml").read_bytes(),
            target,
            command=f"perovec rerun {crate.folder.resolve().name}",
            overwrite=overwrite,
            quick=crate.quick,
            ahead=sampled_together([study], lanes)[0] if lanes else None,
            progress=progress,
        )
    if earlier is None:
        return Rerun(outcome, False, f"the run has no {RESULT} to compare the draws with")
    return Rerun(outcome, *compared(earlier, storage.load(target)))


def _lanes(tree: xr.DataTree) -> int:
    """Return for how many fits a batch compiled what sampled a result; 0 for one by itself."""
    return int(json.loads(tree.attrs["sampler"]).get("together", 0))


def differences(crate: Crate) -> list[str]:
    """Return what is not as it was when a run was made, a sentence each.

    Parameters
    ----------
    crate : Crate
        The run.
    """
    now = {key: each for key, each in versions().items() if each != ABSENT}
    now |= machine() | {"threads": str(threads())}
    then = crate.made_with
    found = [
        f"{name}: {then.get(name, ABSENT)} then, {now.get(name, ABSENT)} now"
        for name in dict.fromkeys([*then, *now])
        if then.get(name) != now.get(name)
    ]
    for path, sha256 in crate.results.items():
        file = crate.folder / path
        if not file.is_file():
            found.append(f"{path}: no longer in the run folder")
        elif copy_of(file, None)[0] != sha256:
            found.append(f"{path}: changed since the run")
    return found


@contextmanager
def assembled(crate: Crate, data: Path | None) -> Iterator[Path]:
    """Give a temporary folder with everything that a run was made from, each file checked.

    Parameters
    ----------
    crate : Crate
        The run.
    data : Path, optional
        A folder in which data lie that are not in the crate.

    Raises
    ------
    DataError
        If a file is missing or not what the run was made from.
    StudyError
        If there is no such folder.
    """
    if data is not None and not data.is_dir():
        raise StudyError("no such folder", file=data, place="--data")
    elsewhere = _by_name(data)
    with tempfile.TemporaryDirectory(prefix="perovec-rerun-") as name:
        for each in crate.inputs:
            _bring(each, crate, elsewhere, Path(name) / each.path)
        yield Path(name)


def _by_name(data: Path | None) -> Mapping[str, list[Path]]:
    """Return the files in a folder and below it, by name."""
    found: dict[str, list[Path]] = defaultdict(list)
    for folder, _, files in os.walk(data) if data is not None else ():
        for each in files:
            found[each].append(Path(folder, each))
    return found


def _bring(each: Input, crate: Crate, elsewhere: Mapping[str, list[Path]], target: Path) -> None:
    """Copy a file of the crate, or from elsewhere, if it is the one that the run was made from."""
    named = elsewhere.get(PurePosixPath(each.path).name, [])
    others = []
    for source in (crate.folder / each.path, *named):
        if not source.is_file():
            continue
        if copy_of(source, target)[0] == each.sha256:
            return
        others.append(source)
        target.unlink()
    if others:
        raise DataError(
            "not the file that the run was made from",
            file=others[0],
            expected=f"SHA-256 {each.sha256}",
            found=copy_of(others[0], None)[0],
            hint="For a fit of other data use 'perovec fit' with a study of its own.",
        )
    raise DataError(
        f"'{PurePosixPath(each.path).name}' is not in the run folder"
        + ("" if each.copied else " (it was too large to be copied)"),
        file=crate.folder,
        expected=f"a file of {each.size} bytes with SHA-256 {each.sha256}",
        hint="Say in which folder it lies: --data FOLDER.",
    )


def _study(crate: Crate, folder: Path) -> Study:
    """Return the study of a crate; it may name files of the crate alone."""
    file = crate.folder / STUDY
    content = tomllib.loads((folder / STUDY).read_text(encoding="utf-8"))
    sums = {each.path: each.sha256 for each in crate.inputs}
    study = study_of(content, Origin(file=str(file), sha256=sums["study.toml"]), folder / FOLDER)
    for path in stated_paths(content):
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise DataError("a path leaves the crate", file=file, found=f"'{path}'")
    return study


def compared(earlier: xr.DataTree, later: xr.DataTree) -> tuple[bool, str]:
    """Return whether two results have the same draws, and the same in words.

    Parameters
    ----------
    earlier, later : DataTree
        Results of one study.
    """
    first, second = earlier["posterior"].to_dataset(), later["posterior"].to_dataset()
    if first.sizes != second.sizes or set(first.data_vars) != set(second.data_vars):
        return False, "the draws cannot be compared: other quantities, or another number of draws"
    pairs = {str(name): (first[name], second[name]) for name in first.data_vars}
    if all(np.array_equal(a, b, equal_nan=True) for a, b in pairs.values()):
        return True, "the draws are those of the first run, bit for bit"
    shifts = {name: _shift(*pair) for name, pair in pairs.items()}
    worst = max(shifts, key=lambda name: shifts[name])
    return False, (
        "the draws are not those of the first run; the largest shift of a median is "
        f"{shifts[worst]:.2g} posterior sd ({worst})"
    )


def _shift(first: xr.DataArray, second: xr.DataArray) -> float:
    """Return how far the medians are apart, in standard deviations of the first; the worst."""
    over = ("chain", "draw")
    medians = (each.median(over, skipna=False).to_numpy() for each in (first, second))
    apart = np.abs(np.subtract(*medians))
    sd = first.std(over, skipna=False).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(apart == 0, 0.0, apart / sd)
    return float(max(shift[~np.isnan(shift)], default=0.0))
