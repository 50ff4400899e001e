"""Whether the columns of an Ivium file show what its header says was measured.

A staircase of `E step` from `E start` runs in every scan to `Vertex 1`, to `Vertex 2` and back to
`E start` (a linear sweep: to `E end`); a chronoamperometry holds `Levels.E[k]` for
`Levels.time[k]`, `Cycles` times over. What does not fit is a `DataError`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from perovec_bayes.errors import DataError
from perovec_bayes.readers.binary import finite
from perovec_bayes.readers.table import parse

EXPORT = "In IviumSoft choose File > Export > text with time, E and I, and read that."
MOST_SCANS = 100_000
MOST_LEVELS = 1000
UNEVEN = 0.25
"""A step or interval may differ from the one in the header by this part of it ..."""
ROUNDING = 1e-5
"""... and by this part of the largest value: the file has six digits."""
SLACK = 2.0
"""Corners of the potential may lie so many steps away from those in the header."""
OVERLOAD = 4.0
"""Largest current over the stated range; a wrong unit would show as 1000."""
OFF_V = 0.02
"""A measured potential may be so far from the level that the header states [V]."""
_AMPERES = {"p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "": 1.0}


@dataclass(frozen=True)
class Settings:
    """The settings of one measurement.

    Parameters
    ----------
    file : str
        The file, for messages.
    line : int
        Line of the file with the method.
    values : mapping of str to str
        `Key=value` lines.
    """

    file: str
    line: int
    values: Mapping[str, str]

    def text(self, key: str) -> str:
        """Return a setting; "" where it is absent."""
        return self.values.get(key, "")

    def number(self, key: str, *, positive: bool = False) -> float:
        """Return a setting that is a finite number, or raise a `DataError`."""
        found = parse(self.text(key), ".")
        if not np.isfinite(found) or (positive and not found > 0):
            raise self.misfit(
                f"no {key} in the settings",
                "a positive number" if positive else "a number",
                repr(self.text(key)[:40]) if key in self.values else "nothing",
            )
        return found

    def count(self, key: str, most: int) -> int:
        """Return a setting that is a whole number from 1 to `most`, or raise a `DataError`."""
        found = self.number(key, positive=True)
        if found != int(found) or found > most:
            raise self.misfit(f"{key} is no count", f"a whole number up to {most}", f"{found:g}")
        return int(found)

    def misfit(self, what: str, expected: str, found: str, line: int | None = None) -> DataError:
        """Return the error that says what does not fit."""
        return DataError(
            what,
            file=self.file,
            place=f"line {line or self.line}",
            expected=expected,
            found=found,
            hint=EXPORT,
        )


def check_current(settings: Settings, current: np.ndarray) -> None:
    """Raise a `DataError` if currents [A], shape (n,), are far beyond the range in the header."""
    automatic = settings.text("AutoCR").lower() == "true"
    key = "AutoCR.Max range" if automatic else "Current Range"
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([pnuµm]?)A", settings.text(key).strip())
    if match is None:
        raise settings.misfit(
            f"no {key} in the settings", "a range such as '100uA'", repr(settings.text(key)[:40])
        )
    most = OVERLOAD * float(match[1]) * _AMPERES[match[2]]
    found = float(np.abs(finite(settings.file, current)).max())
    if found > most:
        raise settings.misfit(
            "currents beyond the range in the settings",
            f"at most {most:g} A ({OVERLOAD:g} times {key}={settings.text(key)})",
            f"{found:g} A in column 2",
        )


def check_sweeps(
    settings: Settings, potential: np.ndarray, rows: np.ndarray, cyclic: bool
) -> tuple[str, ...]:
    """Check that the applied potential is the staircase that the header states.

    Parameters
    ----------
    settings : Settings
        `E start`, `E step`, and `Vertex 1`, `Vertex 2`, `N scans` or `E end`.
    potential : ndarray
        Column 1, shape (n,) [V].
    rows : ndarray of int
        Line of the file of each point.
    cyclic : bool
        Whether it is a CV, not a linear sweep.

    Returns
    -------
    tuple of str
        A warning if the measurement stopped early.

    Raises
    ------
    DataError
        If step, corners, sense or number of scans are others, or the record ends with a scan and
        the header counts more: where the others lie is not known.
    """
    step = settings.number("E step", positive=True)
    start = settings.number("E start")
    if cyclic:
        scans = settings.count("N scans", MOST_SCANS)
        one = [settings.number("Vertex 1"), settings.number("Vertex 2"), start]
    else:
        scans, one = 1, [settings.number("E end")]
    seen = _corners(potential, step)
    stated = _turning([start, *one * scans], step)
    if len(stated) < 2:
        raise settings.misfit("no sweep in the settings", "vertices apart", f"{one} V")
    if seen.size > len(stated):
        raise _wrong_column(
            settings,
            f"{seen.size - 1} sweeps",
            int(rows[seen[len(stated) - 1]]),
            f"{len(stated) - 1} sweeps (E start, vertices or E end, N scans)",
        )
    _check_steps(settings, potential, rows, step, seen)
    far = SLACK * step + ROUNDING * float(np.abs(potential).max())
    _check_corners(settings, potential, rows, seen, stated, far)
    legs = np.abs(np.diff(stated))
    scan = float(legs.sum()) / scans
    done = float(legs[: seen.size - 2].sum() + abs(potential[-1] - stated[seen.size - 2]))
    if scan * scans - done <= far:
        return ()
    whole = round(done / scan)
    if whole >= 1 and abs(done - whole * scan) <= far:
        raise settings.misfit(
            "not all scans are in primary_data",
            f"{scans} (N scans)",
            f"{whole}; where others would be is not known",
        )
    return (f"the measurement stopped early, after {done / scan:.3g} of {scans} scans",)


def check_levels(
    settings: Settings,
    time: np.ndarray,
    current: np.ndarray,
    potential: np.ndarray,
    rows: np.ndarray,
) -> None:
    """Check that the columns are time, current and potential of the steps in the header.

    Parameters
    ----------
    settings : Settings
        `Levels`, `Levels.E[k]`, `Levels.time[k]`, `Cycles` (1 unless stated) and `Interval time`.
    time, current, potential : ndarray
        Columns 1 [s], 2 [A] and 3 [V], shape (n,).
    rows : ndarray of int
        Line of the file of each point.

    Raises
    ------
    DataError
        If column 1 is not the time or column 3 not the potential, or the two others fit alike.
    """
    step = settings.number("Interval time", positive=True)
    count = settings.count("Levels", MOST_LEVELS)
    levels = np.array([settings.number(f"Levels.E[{k}]") for k in range(1, count + 1)])
    lasts = np.array(
        [settings.number(f"Levels.time[{k}]", positive=True) for k in range(1, count + 1)]
    )
    cycles = settings.count("Cycles", MOST_SCANS) if "Cycles" in settings.values else 1
    near = UNEVEN * step + ROUNDING * float(np.abs(time).max())
    uneven = np.flatnonzero(np.abs(np.diff(time) - step) > near)
    ends = cycles * float(lasts.sum())
    if uneven.size or not -near <= time[0] <= step + near or time[-1] > ends + step + near:
        at = int(uneven[0]) + 1 if uneven.size else 0
        raise settings.misfit(
            "column 1 is not the time that the settings state",
            f"steps of {step:g} s from 0 to {ends:g} s (Interval time, Levels, Cycles)",
            f"{time[at]:g} after {time[max(0, at - 1)]:g}, {time[-1]:g} in the end",
            int(rows[at]),
        )
    within = np.mod(time, float(lasts.sum()))
    bounds = np.concatenate([[0.0], np.cumsum(lasts)])
    settled = np.abs(within[:, None] - bounds).min(axis=1) > step + near
    level = levels[np.clip(np.searchsorted(bounds, within, side="right") - 1, 0, count - 1)]
    off = settled & (np.abs(potential - level) > OFF_V)
    if not settled.any() or off.any():
        at = int(np.flatnonzero(off)[0]) if off.any() else 0
        raise settings.misfit(
            "column 3 is not the potential that the settings state",
            f"{level[at]:g} V within {OFF_V:g} V (Levels)",
            f"{potential[at]:g}" if off.any() else "no point away from a step",
            int(rows[at]),
        )
    if not (settled & (np.abs(current - level) > OFF_V)).any():
        raise settings.misfit(
            "current and potential cannot be told apart",
            f"one column within {OFF_V:g} V of the levels",
            "columns 2 and 3 alike",
        )


def _corners(potential: np.ndarray, step: float) -> np.ndarray:
    """Return the first point, those at which the staircase turns, and the last."""
    steps = np.diff(potential)
    moved = np.flatnonzero(np.abs(steps) > UNEVEN * step)
    sense = np.sign(steps[moved])
    return np.concatenate([[0], moved[:-1][sense[1:] != sense[:-1]] + 1, [potential.size - 1]])


def _check_steps(
    settings: Settings, potential: np.ndarray, rows: np.ndarray, step: float, corners: np.ndarray
) -> None:
    """Raise a `DataError` at a step of another size; beside a corner it may be shorter."""
    moved = np.abs(np.diff(potential))
    near = UNEVEN * step + ROUNDING * float(np.abs(potential).max())
    beside = np.zeros(moved.size + 4, dtype=bool)
    for shift in (1, 2, 3):
        beside[corners + shift] = True
    short = beside[2:-2] & (moved < step)
    wrong = np.flatnonzero((np.abs(moved - step) > near) & ~short)
    if wrong.size:
        at = int(wrong[0])
        raise _wrong_column(
            settings,
            f"{potential[at + 1]:g} after {potential[at]:g}",
            int(rows[at + 1]),
            f"steps of {step:g} V (E step)",
        )


def _check_corners(
    settings: Settings,
    potential: np.ndarray,
    rows: np.ndarray,
    seen: np.ndarray,
    stated: Sequence[float],
    far: float,
) -> None:
    """Raise a `DataError` if the staircase does not run from corner to corner as stated."""
    found = potential[seen]
    want = np.array(stated[: found.size])
    wrong = np.abs(found - want) > far
    low, high = sorted((want[-2], want[-1]))
    wrong[-1] = not low - far <= found[-1] <= high + far
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise _wrong_column(
            settings,
            f"{found[at]:g} V",
            int(rows[seen[at]]),
            f"a corner at {want[at]:g} V (E start, vertices or E end)",
        )


def _turning(path: Sequence[float], step: float) -> list[float]:
    """Return a path without corners at which it stands still or goes straight on."""
    kept = [path[0]]
    for value in path[1:]:
        if abs(value - kept[-1]) < step:
            continue
        if len(kept) > 1 and (kept[-1] - kept[-2]) * (value - kept[-1]) > 0:
            kept[-1] = value
        else:
            kept.append(value)
    return kept


def _wrong_column(settings: Settings, found: str, line: int, expected: str) -> DataError:
    return settings.misfit(
        "column 1 is not the potential that the settings state", expected, found, line
    )
