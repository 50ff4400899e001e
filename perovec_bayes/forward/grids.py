"""A time grid for measured data: fine where the current bends, the same for every draw.

Steps that follow the error of each draw would make the log density rough: each would have its own
grid. For inference the grid is fixed beforehand, from the data of a sweep; after a potential step,
where the same happens a decade earlier or later, it is even on a logarithmic scale.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter, minimum_filter1d

OF_PEAK = 0.02
"""Bends of the current are relative to it plus this share of the largest [1]."""
REACH = 0.02
"""Fine steps extend this far to both sides of a bend [V]."""
FINEST = 8.0
"""Most steps in the time between two points of the data [1]."""
COARSEST = 0.02
"""Longest step, as a potential difference [V]."""
EVENNESS = 2.0
"""Longest step, as a multiple of the mean one [1]."""
HELD = 0.01
"""A potential that stays within this is held [V]."""
EARLIEST = 1e-6
"""First step after a jump, as a share of the time for which the potential is held [1]."""
EARLIER = 0.01
"""The same, as a share of the time between two points of the data [1]."""
REST = 40
"""Steps while nothing but dissolution happens [1]."""


def from_data(
    time: np.ndarray,
    potential: np.ndarray,
    current: np.ndarray,
    breaks: np.ndarray,
    steps: int,
    begin: float,
    jumps: np.ndarray | None = None,
) -> np.ndarray:
    """Return a grid that is fine where a measured current bends, and after potential steps.

    In sweeps the step is proportional to the inverse square root of the relative curvature, which
    spreads the error of straight lines evenly, within limits and smoothed so that what moves a
    little in potential still meets fine steps. After each break steps begin short. Where the
    potential is held after a jump, each step is longer than the last by the same factor.

    Parameters
    ----------
    time, potential, current : ndarray
        The record, each shape (points,) [s], [V], [A] or [A cm^-2].
    breaks : ndarray
        Times that steps must not straddle, increasing; the last is the end, shape (breaks,) [s].
    steps : int
        About how many steps, scalar [1]; down to half of it where nothing bends.
    begin : float
        Start of the grid, before the record where there is a wait, scalar [s].
    jumps : ndarray, optional
        Times at which the potential jumps, shape (jumps,) [s].

    Returns
    -------
    ndarray
        Times, increasing, from `begin` to the last break, shape (steps + 1,) [s].
    """
    held = _held(time, potential, [] if jumps is None else list(jumps))
    free = ~np.logical_or.reduce([(time > a) & (time <= b) for a, b in held] or [time < time[0]])
    swept = not held or (free.sum() > 2 and np.ptp(potential[free]) > HELD)
    share = steps // (len(held) + swept)
    place = _bends(time, potential, current, free, share) if swept else None
    stops = np.unique(np.concatenate([[begin], breaks]))
    pieces = [np.array([begin])]
    for left, right in itertools.pairwise(stops):
        span = next((span for span in held if span[0] <= left and right <= span[1]), None)
        if span:
            inside = _relaxing(time, span, share, left, right)
        elif right <= time[0] or place is None:  # short steps first
            inside = left + (right - left) * np.linspace(0, 1, REST + 1)[1:] ** 3
        else:
            edges, passed = place
            a, b = np.interp([left, right], edges, passed)
            count = max(int(np.ceil(b - a)), 2)
            inside = np.interp(np.linspace(a, b, count + 1)[1:], passed, edges)
            # the first step after a break in three, each longer than the last
            inside = np.concatenate([left + (inside[0] - left) * np.array([0.02, 0.2]), inside])
            inside[-1] = right
        pieces.append(inside)
    return np.concatenate(pieces)


def _held(time: np.ndarray, potential: np.ndarray, jumps: list[float]) -> list[tuple[float, float]]:
    """Return from when to when the potential is held after each jump."""
    found = []
    for jump, end in itertools.pairwise([*jumps, time[-1]]):
        level = potential[(time > jump) & (time <= end)]
        leaves = np.abs(level - level[:1]) > HELD
        if not leaves.any():
            found.append((jump, end))
        elif leaves.argmax() > 1:  # else a sweep begins at once
            found.append((jump, float(time[time > jump][leaves.argmax() - 1])))
    return found


def _relaxing(
    time: np.ndarray, span: tuple[float, float], steps: int, left: float, right: float
) -> np.ndarray:
    """Return the steps from `left` to `right`, a part of a span after a jump."""
    length = span[1] - span[0]
    first = min(EARLIEST * length, EARLIER * float(np.median(np.diff(time))))
    # t + t0 in equal ratios, the first step being t0 times the ratio less one
    ratio = _ratio(length / first, steps)
    passed = first * np.expm1(np.arange(1, steps + 1) * np.log(ratio)) / (ratio - 1)
    every = span[0] + passed * (length / passed[-1])
    gap = np.diff(every, prepend=span[0])
    inside = every[(every > left + 0.5 * gap) & (every < right - 0.5 * gap)]
    return np.append(inside, right)


def _ratio(total: float, steps: int) -> float:
    """Return the ratio q of a geometric series with 1 + q + ... + q^(steps - 1) = total."""
    low, high = 1.0 + 1e-9, total ** (1 / (steps - 1))  # the last term is below the sum
    for _ in range(60):
        middle = 0.5 * (low + high)
        too_long = np.expm1(steps * np.log(middle)) / (middle - 1) > total
        low, high = (low, middle) if too_long else (middle, high)
    return float(high)


def _typical(steps: np.ndarray) -> float:
    """Return the median step weighted by length: rests, however long, count for nothing."""
    ordered = np.sort(steps)
    path = np.cumsum(ordered)
    return float(ordered[np.searchsorted(path, 0.5 * path[-1])])


def _bends(
    time: np.ndarray, potential: np.ndarray, current: np.ndarray, free: np.ndarray, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return times and the number of steps up to them, from the curvature of the current."""
    spacing = float(np.median(np.diff(time)))
    even = np.arange(time[0], time[-1] + 0.5 * spacing, spacing)
    moved = np.abs(np.diff(potential))
    rate = _typical(moved[free[1:]]) / spacing
    smooth = median_filter(np.interp(even, time, current), size=5)
    bend = np.abs(np.gradient(np.gradient(smooth, spacing), spacing))
    relative = bend / (np.abs(smooth) + OF_PEAK * np.abs(smooth).max() + 1e-300)
    wide = max(round(REACH / max(rate * spacing, 1e-9)), 1)
    longest = min(COARSEST / max(rate, 1e-9), EVENNESS * (even[-1] - even[0]) / steps)
    counts = np.interp(even, time, free.astype(float))

    def density(error: float) -> np.ndarray:
        step = np.sqrt(8 * error / np.maximum(relative, 1e-300))
        step = np.clip(step, spacing / FINEST, longest)
        step = minimum_filter1d(step, 2 * wide + 1)
        found: np.ndarray = counts / np.exp(gaussian_filter1d(np.log(step), 0.5 * wide))
        return found

    low, high = -6.0, 2.0
    for _ in range(40):  # bisection: more error, fewer steps
        middle = 0.5 * (low + high)
        many = density(10**middle).sum() * spacing > steps
        low, high = (middle, high) if many else (low, middle)
    passed = np.concatenate([[0.0], np.cumsum(density(10**high)) * spacing])
    return np.concatenate([even, [even[-1] + spacing]]), passed
