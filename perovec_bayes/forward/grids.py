"""A time grid for a measured voltammogram: fine where the current bends, the same for every draw.

Steps that follow the error of each draw would make the log density rough: each would have its own
grid. For inference the grid is fixed beforehand, from the data.
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


def from_data(
    time: np.ndarray,
    potential: np.ndarray,
    current: np.ndarray,
    breaks: np.ndarray,
    steps: int,
    begin: float,
) -> np.ndarray:
    """Return a grid that is fine where a measured current bends.

    The step is proportional to the inverse square root of the relative curvature, which spreads the
    error of straight lines evenly, within limits and smoothed so that what moves a little in
    potential still meets fine steps. After each break steps begin short.

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

    Returns
    -------
    ndarray
        Times, increasing, from `begin` to the last break, shape (steps + 1,) [s].
    """
    spacing = float(np.median(np.diff(time)))
    even = np.arange(time[0], time[-1] + 0.5 * spacing, spacing)
    rate = float(np.median(np.abs(np.diff(potential)))) / spacing
    smooth = median_filter(np.interp(even, time, current), size=5)
    bend = np.abs(np.gradient(np.gradient(smooth, spacing), spacing))
    relative = bend / (np.abs(smooth) + OF_PEAK * np.abs(smooth).max() + 1e-300)
    wide = max(round(REACH / max(rate * spacing, 1e-9)), 1)
    longest = min(COARSEST / max(rate, 1e-9), EVENNESS * (even[-1] - even[0]) / steps)

    def density(error: float) -> np.ndarray:
        step = np.sqrt(8 * error / np.maximum(relative, 1e-300))
        step = np.clip(step, spacing / FINEST, longest)
        step = minimum_filter1d(step, 2 * wide + 1)
        found: np.ndarray = 1 / np.exp(gaussian_filter1d(np.log(step), 0.5 * wide))
        return found

    low, high = -6.0, 2.0
    for _ in range(40):  # bisection: more error, fewer steps
        middle = 0.5 * (low + high)
        many = density(10**middle).sum() * spacing > steps
        low, high = (middle, high) if many else (low, middle)
    passed = np.concatenate([[0.0], np.cumsum(density(10**high)) * spacing])
    edges = np.concatenate([even, [even[-1] + spacing]])
    stops = np.unique(np.concatenate([[begin], breaks]))
    pieces = [np.array([begin])]
    for left, right in itertools.pairwise(stops):
        a, b = np.interp([left, right], edges, passed)
        if right <= time[0]:  # the wait: short steps first
            inside = left + (right - left) * np.linspace(0, 1, 41)[1:] ** 3
        else:
            count = max(int(np.ceil(b - a)), 2)
            inside = np.interp(np.linspace(a, b, count + 1)[1:], passed, edges)
            # the first step after a break in three, each longer than the last
            inside = np.concatenate([left + (inside[0] - left) * np.array([0.02, 0.2]), inside])
            inside[-1] = right
        pieces.append(inside)
    return np.concatenate(pieces)
