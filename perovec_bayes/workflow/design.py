"""Which measurement to make next: candidates ranked by what they would tell of a quantity."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from perovec_bayes.diagnostics import GateResult, Scalar, scalars, write_csv
from perovec_bayes.diagnostics.expected import Gain, Present, gain, least_ess, present
from perovec_bayes.errors import PerovecError, StudyError
from perovec_bayes.files import write_text
from perovec_bayes.inference import storage
from perovec_bayes.inference.bridge import Compiled
from perovec_bayes.inference.laplace import laplace
from perovec_bayes.inference.model import info_of
from perovec_bayes.inference.planned import DesignTable
from perovec_bayes.inference.priors import unknown
from perovec_bayes.inference.result import card_summary, observable_table, prior_table
from perovec_bayes.workflow.candidates import Candidate, candidate
from perovec_bayes.workflow.expect import (
    Posterior,
    expected,
    free_draws,
    local_precision,
    shown,
    thinned,
)
from perovec_bayes.workflow.folder import MARK, RESULT, refuse_existing, whole_folder, writing
from perovec_bayes.workflow.interrupt import interruptible
from perovec_bayes.workflow.obvious import obvious
from perovec_bayes.workflow.prepare import Prepared, prepare
from perovec_bayes.workflow.provenance import provenance
from perovec_bayes.workflow.quiet import quiet

TABLE = "design.csv"
HELPS = 0.8
"""What would leave less than this share of the expected sd is named as the limit [1]."""
LITTLE = 0.02
"""A candidate that tells less hardly bears on the quantity [nat]; a smaller probability is not
worth a word."""
LINEAR = 0.9
"""Below this share of its variance a quantity is said not to be linear in the parameters [1]."""
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Row:
    """A candidate in the ranking; the names are the columns of `design.csv`.

    Parameters
    ----------
    rank : int
        From 1, by information.
    candidate, quantity : str
        Names.
    scale : str
        Unit of the standard deviations; "ln" for those of the logarithm.
    sd_now, sd_expected : float
        Standard deviation of the quantity now, and expected afterwards.
    sd_low, sd_high : float
        5 % and 95 % quantiles over the draws of the latter.
    factor : float
        Expected over present [1].
    information : float
        Expected ln(sd now / sd afterwards) [nat].
    information_error : float
        Its standard error, from the number of draws.
    limit : str
        What limits it, in words.
    """

    rank: int
    candidate: str
    quantity: str
    scale: str
    sd_now: float
    sd_expected: float
    sd_low: float
    sd_high: float
    factor: float
    information: float
    information_error: float
    limit: str


@dataclass(frozen=True)
class Ranked:
    """What came of it.

    Parameters
    ----------
    folder : Path
        Where `design.csv` is.
    rows : tuple of Row
        From the most telling candidate on.
    notes : tuple of str
        What to know of the numbers.
    """

    folder: Path
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def rank(
    study_path: str | Path,
    out: str | Path,
    *,
    result: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Ranked:
    """Rank candidate measurements, and write `OUT/<study name>-design/design.csv`.

    Parameters
    ----------
    study_path : str or Path
        The study file, with a table [design].
    out : str or Path
        Folder of results.
    result : str or Path, optional
        The result to start from; that of the study in `out` unless given, and if there is none a
        Laplace approximation.
    overwrite : bool, default False
        Whether an earlier ranking is replaced.
    progress : callable, optional
        Called with a phase and the share of it that is done.

    Returns
    -------
    Ranked
        Candidates from best to worst.

    Raises
    ------
    StudyError
        If the study asks for nothing, the quantity or a candidate is wrong, or the result is of
        something else.
    DataError
        If the data or the result cannot be read.
    """
    tell = progress or (lambda phase, share: None)
    begun = time.perf_counter()
    with interruptible(), quiet():
        tell("reading", 0.0)
        prepared = prepare(study_path)
        source = Path(study_path).read_bytes()
        table = _asked(prepared)
        target = Path(out) / f"{prepared.study.name}-design"
        refuse_existing(target, overwrite)
        candidates = _candidates(prepared, table)
        tree, origin = _result(prepared, Path(out), result, tell)
        state = _state(prepared, tree, table)
        rows = _rows(table.quantity, state, _gains(prepared, candidates, state, tell))
        notes = tuple(_notes(tree, origin, state.now))
        record = provenance(
            prepared.study,
            prepared.card,
            prepared.datasets,
            sampler=json.loads(tree.attrs.get("sampler", "{}")),
            command=f"perovec design {Path(study_path).name}",
            seconds=time.perf_counter() - begun,
        )
        with whole_folder(target, overwrite=overwrite) as folder, writing(target):
            columns = [field.name for field in fields(Row)]
            write_csv(pd.DataFrame(map(astuple, rows), columns=columns), folder / TABLE)
            (folder / "study.toml").write_bytes(source)
            write_text(folder / MARK, json.dumps(record | {"notes": notes}, indent=2) + "\n")
    return Ranked(target, rows, notes)


def _asked(prepared: Prepared) -> DesignTable:
    table = prepared.study.design
    if table is None:
        raise StudyError(
            "the study does not say which quantity the next measurement is for",
            file=prepared.study.origin.file,
            place="design",
            expected='a table [design] with quantity = "..."',
            hint="See docs/design.md.",
        )
    if prepared.study.experiments:
        raise StudyError(
            "candidates are ranked for a study of one experiment",
            file=prepared.study.origin.file,
            place="experiments",
            found=", ".join(prepared.study.experiments),
            hint="Give the experiment that you would go on from a study of its own.",
        )
    return table


def _candidates(prepared: Prepared, table: DesignTable) -> list[Candidate]:
    stated = table.candidate or obvious(prepared)
    if not stated:
        raise StudyError(
            "no candidate follows from the data of this study",
            file=prepared.study.origin.file,
            place="design",
            expected="[[design.candidate]]",
            hint="See docs/design.md.",
        )
    return [
        candidate(prepared, each, f"design.candidate#{number}" if table.candidate else "design")
        for number, each in enumerate(stated, start=1)
    ]


def _result(
    prepared: Prepared, out: Path, named: str | Path | None, tell: Progress
) -> tuple[xr.DataTree, str]:
    """Return the result to start from, and what it is."""
    name = prepared.study.name
    places = [out / name, out / f"{name}-quick"] if named is None else [Path(named)]
    for place in places:
        if named is not None or (place / RESULT).is_file():
            tree = storage.load(place)
            _refuse_another(prepared, tree, place)
            return tree, str(place)
    made = laplace(prepared.model, seed=prepared.study.sampler_seed, progress=tell)
    return made, f"a quick fit made for this, since there is no result of '{name}' in {out}"


def _refuse_another(prepared: Prepared, tree: xr.DataTree, place: Path) -> None:
    """Refuse a result of another card, other priors or other data than the study's."""
    info = info_of(prepared.model)
    sums = {name: str(data.attrs["source_sha256"]) for name, data in prepared.datasets.items()}
    stated = json.loads(tree.attrs.get("provenance", "{}")).get("data", [])
    now = {
        "data": sums,
        "card": card_summary(info.card),
        "priors": prior_table(info),
        "data as read": _without_path(observable_table(info)),
    }
    then = {
        "data": {str(each["name"]): str(each["sha256"]) for each in stated},
        "card": json.loads(tree.attrs["card"]),
        "priors": json.loads(tree.attrs["priors"]),
        "data as read": _without_path(json.loads(tree.attrs["observables"])),
    }
    for what, content in now.items():
        if json.loads(json.dumps(content)) != then[what]:
            raise StudyError(
                f"this result is not of study '{prepared.study.name}' as it is now",
                file=place,
                expected=f"the same {what}",
                found=f"other {what}",
                hint="Fit the study again, or name its result with --result.",
            )


def _without_path(table: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    """Return what is known of datasets, but for the way to the file."""
    paths = {"source_file", "metadata_file"}
    return {
        name: {key: value for key, value in each.items() if key not in paths}
        for name, each in table.items()
    }


class _State(NamedTuple):
    """What is known now."""

    now: Present
    posterior: Posterior
    scale: str


def _state(prepared: Prepared, tree: xr.DataTree, table: DesignTable) -> _State:
    posterior = tree["posterior"].to_dataset()
    scalar = _scalar(prepared, scalars(posterior), table.quantity)
    draws = free_draws(posterior, prepared.model, info_of(prepared.model).card)
    compiled = Compiled(prepared.model)
    whole = thinned(compiled, draws, scalar.draws.size)
    least, asked = least_ess(whole.points.reshape(*scalar.draws.shape, -1))
    if not least >= asked:
        raise StudyError(
            "the result has too few independent draws to plan by",
            file=prepared.study.origin.file,
            expected=f"{asked:.0f} of every parameter",
            found=f"{least:.0f}",
            hint="Raise draws under [sampler], and fit again.",
        )
    on_scale = np.log(scalar.draws) if scalar.log_scale else scalar.draws
    names = [shown(each, info_of(prepared.model)) for each in whole.elements]
    now = present(on_scale.ravel(), whole.points, names)
    chosen = thinned(compiled, draws, table.draws)
    rng = np.random.default_rng(prepared.study.sampler_seed)
    chosen = chosen._replace(precision=local_precision(compiled, chosen.points, rng))
    return _State(now, chosen, "ln" if scalar.log_scale else scalar.unit)


def _scalar(prepared: Prepared, known: Sequence[Scalar], name: str) -> Scalar:
    file, place = prepared.study.origin.file, "design.quantity"
    by_name = {scalar.name: scalar for scalar in known}
    if name not in by_name:
        raise StudyError(unknown("quantity", name, by_name), file=file, place=place)
    scalar = by_name[name]
    if scalar.variable not in info_of(prepared.model).quantities:
        raise StudyError(
            f"'{name}' is given one hypothesis, which no measurement is sure to settle",
            file=file,
            place=place,
            expected="a quantity over all hypotheses",
            hint=f"Choose {scalar.variable.removesuffix('_if')}.",
        )
    varies = np.isfinite(scalar.draws).all() and not scalar.constant
    if not varies or (scalar.log_scale and not (scalar.draws > 0).all()):
        raise StudyError(
            f"'{name}' has no finite spread in the result", file=file, place=place,
            hint="Choose a quantity that varies.",
        )  # fmt: skip
    return scalar


class _Found(NamedTuple):
    """A candidate and what it would tell."""

    name: str
    gain: Gain
    hidden: float


def _gains(
    prepared: Prepared, candidates: Sequence[Candidate], state: _State, tell: Progress
) -> list[_Found]:
    found = []
    for done, each in enumerate(candidates):
        tell(f"candidate {each.name}", done / len(candidates))
        rng = np.random.default_rng(prepared.study.sampler_seed)  # the same for all
        try:
            told = expected(each, state.posterior, rng)
        except PerovecError as error:
            raise error.within(file=prepared.study.origin.file) from error
        found.append(_Found(each.name, gain(state.now, told.measured), told.hidden))
    return sorted(found, key=lambda one: -one.gain.information)


def _rows(quantity: str, state: _State, found: Sequence[_Found]) -> tuple[Row, ...]:
    now = state.now.sd
    return tuple(
        Row(
            number,
            name,
            quantity,
            state.scale,
            now,
            told.sd,
            told.low,
            told.high,
            told.sd / now,
            told.information,
            told.error,
            _limit(told, hidden, state.scale),
        )
        for number, (name, told, hidden) in enumerate(found, start=1)
    )


def _limit(told: Gain, hidden: float, scale: str) -> str:
    """Return in words what limits a candidate."""
    words = []
    if told.information < LITTLE:
        words.append("hardly bears on the quantity")
    elif told.limit and told.limit_sd < HELPS * told.sd:
        which = "its own " if told.limit_is_new else ""
        words.append(
            f"limited by {which}{told.limit}: were that known, the sd would be "
            f"{told.limit_sd:.2g}{'' if scale in {'ln', '1'} else f' {scale}'}"
        )
    else:
        words.append("limited by the scatter of its data")
    if hidden > LITTLE:
        words.append(f"below its detection limit with probability {hidden:.2g}")
    return "; ".join(words)


def _notes(tree: xr.DataTree, origin: str, now: Present) -> list[str]:
    notes = [f"Starts from {origin}."]
    if approximation := tree.attrs.get("approximation"):
        notes.append(f"That is a {approximation}: fit the study to plan by its posterior.")
    elif "gate" in tree.attrs and not GateResult.from_json(tree.attrs["gate"]).passed:
        notes.append("Its diagnostics gate failed: do not plan by these numbers.")
    if now.linear < LINEAR:
        notes.append(
            f"Of the variance of the quantity {100 * (1 - now.linear):.0f} % is not linear in the "
            "parameters, and counted as if no candidate could reduce it."
        )
    return notes
