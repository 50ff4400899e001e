"""What a run says of itself in the small files of its folder, for lists of many runs."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from perovec_bayes.diagnostics.summary import SAMPLED
from perovec_bayes.errors import UnitError
from perovec_bayes.report.numbers import LIMITS, interval_words, pretty_unit, stated
from perovec_bayes.report.tables import duration
from perovec_bayes.units import convert

RECORD, SUMMARY, LOG, STUDY = "provenance.json", "summary.csv", "run.jsonl", "study.toml"
RESULT = "posterior.nc"
FILES = (RECORD, SUMMARY, LOG, STUDY, RESULT)
"""The files of a run that are looked at for a list; of the last only whether it is there."""
LARGEST = 20_000_000
"""No summary, record or log is larger [byte]."""

State = Literal["passed", "failed", "quick", "broken", "missing"]
_WORDS = {
    "passed": "gate passed",
    "failed": "GATE FAILED: do not publish",
    "quick": "quick answer: do not publish",
    "broken": "broken folder",
    "missing": "no result",
}


@dataclass(frozen=True)
class Estimate:
    """One scalar of a run.

    Parameters
    ----------
    name, role : str
        Which scalar, with its coordinates, and its role.
    unit : str
        The unit of the numbers: the one for tables.
    median, low, high : float
        Median and interval.
    prob : float
        Probability of the interval [1].
    kind : str
        As `interval_kind` of a summary.
    """

    name: str
    role: str
    unit: str
    median: float
    low: float
    high: float
    prob: float
    kind: str

    @property
    def value(self) -> str:
        """The rounded median with its unit, or the limit."""
        text = stated(self.median, self.low, self.high, self.kind)[0]
        return f"{text} {pretty_unit(self.unit)}".rstrip()

    @property
    def interval(self) -> str:
        """The rounded interval without unit; nothing for a limit."""
        if self.low == self.high:
            return "does not vary"
        return stated(self.median, self.low, self.high, self.kind)[1]

    @property
    def words(self) -> str:
        """Probability and kind of the interval."""
        return interval_words(self.prob, self.kind)

    def within(self, unit: str) -> Estimate:
        """Return the same in another unit.

        Parameters
        ----------
        unit : str
            The unit wanted.

        Raises
        ------
        UnitError
            If it is of another dimension.
        """
        median, low, high = (
            convert(end, self.unit, unit) for end in (self.median, self.low, self.high)
        )
        return replace(self, unit=unit, median=median, low=low, high=high)


@dataclass(frozen=True)
class Run:
    """A run as a list shows it.

    Parameters
    ----------
    key : str
        Its folder below the folder of runs, percent-encoded: its identifier in addresses.
    place : str
        The same to be read.
    state : str
        What is known of its result: one of `State`.
    name, title, card : str
        What its study says.
    created : datetime or None
        When it was made.
    seconds : float or None
        How long it took [s].
    notes : tuple of str
        What else must be known: reasons of a failure, further modes.
    estimates : tuple of Estimate
        Its scalars in the order of its summary.
    synthetic : bool
        Whether some of its data were simulated.
    data : mapping of str to str
        SHA-256 and file name of its data.
    """

    key: str
    place: str
    state: State
    name: str = ""
    title: str = ""
    card: str = ""
    created: datetime | None = None
    seconds: float | None = None
    notes: tuple[str, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    synthetic: bool = False
    data: Mapping[str, str] | None = None

    @property
    def status(self) -> str:
        """The state in words."""
        return _WORDS[self.state]

    @property
    def usable(self) -> bool:
        """Whether its gate passed."""
        return self.state == "passed"

    @property
    def comparable(self) -> bool:
        """Whether it has draws."""
        return self.state in {"passed", "failed", "quick"}

    @property
    def date(self) -> str:
        """When it was made, as text."""
        return "–" if self.created is None else f"{self.created:%Y-%m-%d %H:%M}"

    @property
    def time(self) -> str:
        """How long it took, as text."""
        return duration(self.seconds)

    @property
    def primary(self) -> tuple[Estimate, ...]:
        """Its primary quantities; all where there are none."""
        return tuple(each for each in self.estimates if each.role == "primary") or self.estimates

    @property
    def intervals(self) -> str:
        """Probability and kind of its intervals that have two ends."""
        words = [each.words for each in self.primary if each.kind not in LIMITS]
        return " or ".join(dict.fromkeys(words))


class _Broken(Exception):
    """A file of a run that is missing or cannot be understood."""


def read_run(folder: Path, root: Path, key: str, place: str) -> Run:
    """Read what the small files of a run folder say; a damaged one gives a run that says so.

    Parameters
    ----------
    folder : Path
        The run folder.
    root : Path
        The folder of runs, resolved: nothing is read outside it.
    key, place : str
        As in `Run`.

    Returns
    -------
    Run
        With state "broken", and the reason as its note, where a file is missing or damaged.
    """
    try:
        return _read(folder, root, key, place)
    except _Broken as error:
        return Run(key, place, "broken", name=folder.name, notes=(str(error),))


def _read(folder: Path, root: Path, key: str, place: str) -> Run:
    record = _record(_text(folder / RECORD, root))
    log = _events(_text(folder / LOG, root))
    estimates, method = _estimates(_text(folder / SUMMARY, root))
    title = _title(_text(folder / STUDY, root)) if (folder / STUDY).exists() else ""
    if not _inside(folder / RESULT, root).is_file():
        raise _Broken(f"{RESULT}: there is no such file")
    verdicts = [each for each in log if each.get("event") == "gate"]
    if not verdicts:
        raise _Broken(f"{LOG}: no verdict of the diagnostics gate in it")
    modes = [str(each.get("where")) for each in log if each.get("event") == "other mode"]
    approximate = method != SAMPLED or any(e.get("event") == "approximated" for e in log)
    state: State = "passed" if verdicts[-1].get("passed") is True else "failed"
    failures = verdicts[-1].get("failures") or []
    return Run(
        key,
        place,
        "quick" if approximate else state,
        title=title,
        notes=(*map(str, failures), *modes),
        estimates=estimates,
        **record,
    )


def _inside(path: Path, root: Path) -> Path:
    """Return the file that a path stands for; none outside the folder of runs."""
    try:
        found = path.resolve()
    except (OSError, RuntimeError) as error:
        raise _Broken(f"{path.name}: cannot be read") from error
    if not found.is_relative_to(root):
        raise _Broken(f"{path.name}: a link that leads outside the folder")
    return found


def _text(path: Path, root: Path) -> str:
    found = _inside(path, root)
    try:
        if not found.is_file():
            raise _Broken(f"{path.name}: there is no such file")
        if found.stat().st_size > LARGEST:
            raise _Broken(f"{path.name}: larger than {LARGEST / 1e6:g} MB")
        return found.read_text(encoding="utf-8")
    except OSError as error:
        raise _Broken(f"{path.name}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise _Broken(f"{path.name}: not a text in UTF-8") from error


def _record(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
        created = datetime.fromisoformat(found["created"])
        return {
            "name": str(found["study"]["name"]),
            "card": str(found["card"]["name"]),
            "created": created.astimezone(UTC) if created.tzinfo else created.replace(tzinfo=UTC),
            "seconds": float(found["wall_time_s"]),
            "synthetic": any(bool(each.get("synthetic", 0)) for each in found["data"]),
            "data": {str(each["sha256"]): str(each["file"]) for each in found["data"]},
        }
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        OverflowError,
    ) as error:
        raise _Broken(f"{RECORD}: not the record of a run") from error


def _events(text: str) -> list[dict[str, Any]]:
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _Broken(f"{LOG}: line {number} is not JSON") from error
        if isinstance(event, dict):
            found.append(event)
    return found


def _estimates(text: str) -> tuple[tuple[Estimate, ...], str]:
    """Return the scalars of a summary, and what its draws are."""
    rows = list(csv.DictReader(io.StringIO(text)))
    if not rows:
        raise _Broken(f"{SUMMARY}: no quantities in it")
    found = []
    for number, row in enumerate(rows, start=2):
        try:
            found.append(_estimate(row))
        except (KeyError, TypeError, ValueError, UnitError) as error:
            raise _Broken(f"{SUMMARY}: line {number} is not a row of a summary") from error
    return tuple(found), str(rows[0].get("method") or SAMPLED)


def _estimate(row: Mapping[str, str]) -> Estimate:
    estimate = Estimate(
        name=row["quantity"],
        role=row["role"],
        unit=row["unit"],
        median=float(row["median"]),
        low=float(row["interval_low"]),
        high=float(row["interval_high"]),
        prob=float(row["interval_prob"]),
        kind=row["interval_kind"],
    )
    shown = row.get("display_unit") or estimate.unit
    return estimate if shown == estimate.unit else estimate.within(shown)


def _title(text: str) -> str:
    try:
        study = tomllib.loads(text).get("study", {})
        return str(study.get("title", ""))
    except (tomllib.TOMLDecodeError, AttributeError, RecursionError) as error:
        raise _Broken(f"{STUDY}: not valid TOML") from error


def letters(runs: Iterable[Run]) -> dict[str, Run]:
    """Return runs under the letters A, B, ... by which figures and tables name them.

    Parameters
    ----------
    runs : iterable of Run
        At most 26.
    """
    return dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", runs, strict=False))
