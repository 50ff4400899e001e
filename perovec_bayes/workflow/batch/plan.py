"""What there is to do: each fit with its key, its state, and how long it may take."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Literal

from perovec_bayes.errors import StudyError
from perovec_bayes.inference.cards import Origin
from perovec_bayes.inference.study import checked_card, study_of
from perovec_bayes.workflow.batch.expand import Single, expand
from perovec_bayes.workflow.batch.keys import key_of
from perovec_bayes.workflow.batch.manifest import Manifest
from perovec_bayes.workflow.batch.records import (
    FITS,
    Done,
    Failed,
    read_done,
    read_failed,
)

State = Literal["done", "failed", "new", "changed", "again"]
TO_DO = ("new", "changed", "again")
"""States of fits that a run does."""


@dataclass(frozen=True)
class Planned:
    """One fit and what is known of it.

    Parameters
    ----------
    single : Single
        The fit.
    card : str
        Name of its card.
    key : str
        Of its study, data, card, version and seed.
    state : str
        "done"; "failed" (it would fail again); or to be done: "new", "changed", "again" (it failed
        for reasons that are not its own).
    problem : StudyError or None
        What is wrong with its study.
    done : Done or None
        Its result, if that is up to date.
    failed : Failed or None
        Its failure, if that is up to date.
    """

    single: Single
    card: str
    key: str
    state: State
    problem: StudyError | None = None
    done: Done | None = None
    failed: Failed | None = None

    @property
    def name(self) -> str:
        """Name of the fit."""
        return self.single.name


@dataclass(frozen=True)
class Plan:
    """All fits of a batch, as things stand.

    Parameters
    ----------
    manifest : Manifest
        The manifest.
    out : Path
        The folder of the batch.
    fits : tuple of Planned
        In the order of the manifest.
    strangers : tuple of str
        Run folders there that the manifest does not have.
    """

    manifest: Manifest
    out: Path
    fits: tuple[Planned, ...]
    strangers: tuple[str, ...] = field(default=())

    @property
    def to_do(self) -> list[Planned]:
        """The fits that a run does."""
        return [each for each in self.fits if each.state in TO_DO]

    @property
    def counts(self) -> Counter[str]:
        """How many fits are in each state."""
        return Counter(each.state for each in self.fits)

    def seconds(self) -> tuple[float, int]:
        """Estimate the time of computing that is left, from the fits of each card that are done.

        Returns
        -------
        seconds : float
            Sum over the fits whose card has a finished fit [s].
        unknown : int
            Number of fits whose card has none.
        """
        times: dict[str, list[float]] = {}
        for each in self.fits:
            if each.done is not None:
                times.setdefault(each.card, []).append(each.done.seconds)
        known = [median(times[each.card]) for each in self.to_do if each.card in times]
        return sum(known), len(self.to_do) - len(known)


def plan(manifest: Manifest, out: str | Path, *, retry_failed: bool = False) -> Plan:
    """Work out what there is to do; nothing is written.

    Parameters
    ----------
    manifest : Manifest
        The manifest.
    out : str or Path
        The folder of the batch; it need not exist.
    retry_failed : bool
        Do again also what failed for reasons of its own.

    Raises
    ------
    StudyError
        If the manifest as a whole is wrong. What is wrong with a single study is that fit's.
    """
    out = Path(out)
    singles = expand(manifest)
    fits = tuple(_planned(each, out, manifest.batch.quick, retry_failed) for each in singles)
    names = {each.name for each in fits}
    there = sorted(p.name for p in (out / FITS).glob("*") if not p.name.startswith("."))
    return Plan(manifest, out, fits, tuple(name for name in there if name not in names))


def _planned(single: Single, out: Path, quick: bool, retry_failed: bool) -> Planned:
    label = str(single.study)
    problem, card = None, ""
    try:
        origin = Origin(file=label, sha256="")
        study = study_of(single.content, origin, single.study.parent)
        merged = checked_card(study)
        card, key = merged.name, key_of(study, merged, single.content, quick=quick)
    except StudyError as error:
        problem, key = error, f"invalid-{_hash(single.content)}"
    done, failed = read_done(out, single.name), read_failed(out, single.name)
    current = done if done is not None and done.key == key else None
    failure = failed if failed is not None and failed.key == key else None
    if current is not None:
        return Planned(single, card, key, "done", problem, done=current)
    if failure is not None and not retry_failed and not failure.again:
        return Planned(single, card, key, "failed", problem, failed=failure)
    state: State = "new"
    if failure is not None:
        state = "again"
    elif done is not None or failed is not None:
        state = "changed"
    return Planned(single, card, key, state, problem, failed=failure)


def _hash(content: dict[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def states(fits: Sequence[Planned]) -> list[tuple[str, str, str]]:
    """Return name, card and state of each fit, as text.

    Parameters
    ----------
    fits : sequence of Planned
        The fits.
    """
    return [(each.name, each.card or "–", _words(each)) for each in fits]


def _words(each: Planned) -> str:
    if each.problem is not None:
        return f"{each.state}: {each.problem.line()}"
    if each.failed is not None:
        return f"{each.state}: {each.failed.message}"
    return str(each.state)
