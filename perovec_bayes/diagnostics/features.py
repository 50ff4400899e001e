"""What a chemist reads off the data: peaks and charges of a voltammogram, optical density left.

Everything is taken from measured data and from replicates of the model in the same way, so that
what noise, background and smoothing do to a feature, they do to both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.signal import savgol_filter

from perovec_bayes.readers.waveform import turning_points

WINDOW = 0.04
"""Path in potential over which a current is smoothed [V]; a reversible two-electron peak is about
as wide at half its height."""
ORDER, LEAST_POINTS = 2, 5
"""Degree of the polynomial that smooths, and fewest points that it goes through."""
LEVEL_BINS, LEVEL_SHARE = 50, 0.05
"""A bin of potential, of 50, with more than this share of the points is a level [1]."""
NARROW = 0.02
"""A potential that varies by less is held [V]."""
ENDS = 0.02
"""Share of an optical record that is averaged at its start and at the end of a cycle [1]."""
ENDS_POINTS = 3
"""Fewest points of that average."""
CLEAR = 10.0
"""From so many times the scatter of its points a band's start is something to be a share of."""


@dataclass(frozen=True, eq=False)
class Feature:
    """One feature of one cycle, of one or many series.

    Parameters
    ----------
    name : str
        "E_c", "i_c", "E_a", "i_a", "Q_cat", "Q_an", "Q_an/Q_cat", "OD left" or "OD change".
    cycle : int
        The cycle; 0 for the whole record.
    band : str
        Of an optical density; else empty.
    value : ndarray
        Shape (series,); NaN where there is none.
    unit : str
        Its unit.
    at_end : ndarray of bool
        Whether the extremum of a current is at an end of its sweeps, so that it is no peak, shape
        (series,).
    """

    name: str
    cycle: int
    band: str
    value: np.ndarray
    unit: str
    at_end: np.ndarray


def is_held(potential: np.ndarray) -> bool:
    """Tell whether most points are at a few levels of potential, rather than in sweeps.

    Parameters
    ----------
    potential : ndarray, shape (n,)
        Potentials in order of time [V].
    """
    if np.ptp(potential) < NARROW:
        return True
    share = np.histogram(potential, LEVEL_BINS)[0] / potential.size
    return bool(share[share > LEVEL_SHARE].sum() > 0.5)


def cv_features(
    time: np.ndarray, potential: np.ndarray, cycle: np.ndarray, current: np.ndarray, unit: str
) -> list[Feature]:
    """Return peaks and charges of every cycle.

    Each sweep of each cycle is smoothed by a local parabola (Savitzky-Golay) through the points of
    40 mV of path, at least 5. Of the smoothed current, whatever background is in it:

    - E_c, i_c: potential and value of its minimum in the sweeps to negative potentials of the
      cycle; E_a, i_a: of its maximum in those to positive potentials. The vertex of the parabola
      through the extreme point and its neighbours; at an end of a sweep, the point itself.
    - Q_cat, Q_an: the integrals of -min(i, 0) and max(i, 0) over the time of the cycle, i a
      straight line between points. Intervals from one cycle to the next count in neither.

    Where the potential is held, as after a step, there are no sweeps: charges only, of the current
    as it is.

    Parameters
    ----------
    time, potential, cycle : ndarray
        t [s], E [V] and number of the cycle, shape (points,).
    current : ndarray
        i or j, shape (series, points) [unit].
    unit : str
        "A" or "A/cm^2".

    Returns
    -------
    list of Feature
        By cycle; a cycle without sweeps in a direction has no such peak.

    References
    ----------
    Savitzky, A.; Golay, M. J. E. Anal. Chem. 1964, 36, 1627.
    """
    pieces = [] if is_held(potential) else _pieces(potential, cycle)
    smooth = _smoothed(potential, current, pieces)
    charge_unit = unit.replace("A", "C", 1)
    found = []
    nowhere = np.zeros(len(current), dtype=bool)
    for number in np.unique(cycle):
        here = [piece for piece in pieces if cycle[piece.start] == number]
        for side, sign in (("c", -1.0), ("a", 1.0)):
            place, height, at_end = _extremum(potential, smooth, here, sign)
            if not np.isnan(height).all():
                found.append(Feature(f"E_{side}", int(number), "", place, "V", at_end))
                found.append(Feature(f"i_{side}", int(number), "", height, unit, at_end))
        inside = (cycle[:-1] == number) & (cycle[1:] == number)
        anodic = _charge(time, smooth, inside)
        cathodic = _charge(time, -smooth, inside)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(cathodic > 0, anodic / cathodic, np.nan)
        found += [
            Feature("Q_cat", int(number), "", cathodic, charge_unit, nowhere),
            Feature("Q_an", int(number), "", anodic, charge_unit, nowhere),
            Feature("Q_an/Q_cat", int(number), "", ratio, "1", nowhere),
        ]
    return found


def od_features(
    time: np.ndarray,
    density: np.ndarray,
    bands: Sequence[str],
    ends: Sequence[tuple[int, float]],
    shares: np.ndarray,
) -> list[Feature]:
    """Return the optical density at the end of each cycle relative to the start.

    Start and end are means over 2 % of the record, at least 3 points: the first ones, and the last
    ones of the cycle. "OD left" is their ratio, "OD change" their difference.

    Parameters
    ----------
    time : ndarray
        t, shape (points,) [s].
    density : ndarray
        Shape (series, points, bands) [1].
    bands : sequence of str
        Names of the bands.
    ends : sequence of (int, float)
        Each cycle with the time of its end [s].
    shares : ndarray of bool
        Whether the ratio is taken, shape (bands,).

    Returns
    -------
    list of Feature
        By cycle, then band; a cycle that ends before there are points is left out.
    """
    window = ENDS * float(np.ptp(time))
    first = max(ENDS_POINTS, int(np.sum(time <= time[0] + window)))
    start = density[:, :first].mean(axis=1)
    nowhere = np.zeros(len(density), dtype=bool)
    found = []
    for number, moment in ends:
        stop = int(np.searchsorted(time, moment, side="right"))
        if stop < first + ENDS_POINTS:
            continue
        begin = min(int(np.searchsorted(time, time[stop - 1] - window)), stop - ENDS_POINTS)
        last = density[:, begin:stop].mean(axis=1)
        for b, band in enumerate(bands):
            if shares[b]:
                with np.errstate(divide="ignore", invalid="ignore"):
                    value = np.where(start[:, b] > 0, last[:, b] / start[:, b], np.nan)
            else:
                value = last[:, b] - start[:, b]
            name = "OD left" if shares[b] else "OD change"
            found.append(Feature(name, number, band, value, "1", nowhere))
    return found


def clear_start(time: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Tell for which bands the optical density at the start is well above the scatter.

    Parameters
    ----------
    time : ndarray
        t, shape (points,) [s].
    density : ndarray
        Measured, shape (points, bands) [1].

    Returns
    -------
    ndarray of bool
        Shape (bands,): whether the start is at least 10 times the scatter of points, taken from
        the median of the absolute differences of neighbours.
    """
    first = max(ENDS_POINTS, int(np.sum(time <= time[0] + ENDS * float(np.ptp(time)))))
    scatter = np.median(np.abs(np.diff(density, axis=0)), axis=0) / (0.6745 * np.sqrt(2))
    clear: np.ndarray = density[:first].mean(axis=0) >= CLEAR * scatter
    return clear


def _pieces(potential: np.ndarray, cycle: np.ndarray) -> list[slice]:
    """Return the sweeps, cut where a cycle ends; a turn belongs to the sweep that it ends."""
    cuts = {int(turn) + 1 for turn in turning_points(potential)[1:-1]}
    cuts |= {int(i) + 1 for i in np.flatnonzero(np.diff(cycle))}
    edges = [0, *sorted(cuts), potential.size]
    return [slice(a, b) for a, b in pairwise(edges) if b > a]


def _smoothed(potential: np.ndarray, current: np.ndarray, pieces: list[slice]) -> np.ndarray:
    smooth = np.array(current, dtype=float)
    if not pieces:
        return smooth
    steps = np.abs(np.diff(potential))
    step = float(np.median(steps[steps > 0]))
    points = max(LEAST_POINTS, round(WINDOW / step))
    for piece in pieces:
        length = piece.stop - piece.start
        window = min(points, length)
        window -= 1 - window % 2
        if window >= LEAST_POINTS:
            smooth[:, piece] = savgol_filter(smooth[:, piece], window, ORDER, axis=1)
    return smooth


def _extremum(
    potential: np.ndarray, smooth: np.ndarray, pieces: list[slice], sign: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return potential and value of the extremum over the sweeps in a direction, and if at an end.

    The direction of the sweeps is that of `sign`, and so is the extremum.
    """
    series = len(smooth)
    place, height = np.full(series, np.nan), np.full(series, np.nan)
    at_end = np.zeros(series, dtype=bool)
    for piece in pieces:
        across, values = potential[piece], smooth[:, piece]
        if across.size < ENDS_POINTS or sign * (across[-1] - across[0]) <= 0:
            continue
        top = np.argmax(sign * values, axis=1)
        inner = np.clip(top, 1, across.size - 2)
        left, middle, right = (
            np.take_along_axis(values, (inner + d)[:, None], axis=1)[:, 0] for d in (-1, 0, 1)
        )
        bend = left - 2 * middle + right
        edge = (top != inner) | (bend == 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            shift = np.where(edge, top - inner, 0.5 * (left - right) / bend)
        at = np.interp(inner + shift, np.arange(across.size), across)
        value = np.where(
            edge,
            np.take_along_axis(values, top[:, None], axis=1)[:, 0],
            middle - 0.25 * (left - right) * shift,
        )
        better = np.isnan(height) | (sign * value > sign * height)
        place, height = np.where(better, at, place), np.where(better, value, height)
        at_end = np.where(better, top != inner, at_end)
    return place, height, at_end


def _charge(time: np.ndarray, current: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Integrate the positive part of a broken line over the intervals chosen; exact."""
    a, b = current[:, :-1][:, inside], current[:, 1:][:, inside]
    up_a, up_b = np.maximum(a, 0), np.maximum(b, 0)
    crosses = (a > 0) != (b > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(crosses, np.maximum(up_a, up_b) / np.abs(a - b), 1.0)
    area: np.ndarray = np.sum(0.5 * (up_a + up_b) * share * np.diff(time)[inside], axis=1)
    return area
