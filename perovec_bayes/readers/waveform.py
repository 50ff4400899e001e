"""What a potential trace tells by itself: sweeps, cycles, scan rate, and time."""

from __future__ import annotations

import numpy as np

HYSTERESIS = 0.05
"""A reversal smaller than this fraction of the potential range is noise, not a turning point."""
POINTS_PER_SWEEP = 200
"""Differences for the scan rate span at least 1/200 of a sweep, so that noise does not add up."""


def turning_points(potential: np.ndarray) -> np.ndarray:
    """Return the points at which the sweep reverses.

    Parameters
    ----------
    potential : ndarray
        E, shape (n,) [V].

    Returns
    -------
    ndarray of int
        Indices of the first point, of every reversal larger than 5 % of the range of E, and of
        the last point: the ends of the sweeps, which alternate in direction.
    """
    values = potential.tolist()
    hysteresis = HYSTERESIS * float(np.ptp(potential))
    turns = [0]
    direction = high = low = 0
    for i, value in enumerate(values):
        if value > values[high]:
            high = i
        if value < values[low]:
            low = i
        if direction >= 0 and values[high] - value > hysteresis:
            if direction:
                turns.append(high)
            direction, low = -1, i
        elif direction <= 0 and value - values[low] > hysteresis:
            if direction:
                turns.append(low)
            direction, high = 1, i
    return np.array([*turns, len(values) - 1])


def count_cycles(potential: np.ndarray) -> np.ndarray:
    """Count cycles from the potential alone.

    A new cycle begins at the first point of a sweep in the direction of the first one that is at
    or past the starting potential; where that sweep begins past it already, at its turning point.
    A last piece that spans less than 5 % of the range belongs to the cycle before it. This is
    also how EC-Lab numbers the cycles of a CV.

    Parameters
    ----------
    potential : ndarray
        E, shape (n,) [V].

    Returns
    -------
    ndarray of int
        Cycle of each point, shape (n,), from 1.
    """
    turns = turning_points(potential)
    direction = np.sign(potential[turns[1]] - potential[0])
    starts = []
    for begin, end in zip(turns[2:-1:2], turns[3::2], strict=False):
        past = direction * (potential[begin : end + 1] - potential[0]) >= 0
        if past.any():
            starts.append(begin + int(past.argmax()))
    if starts and np.ptp(potential[starts[-1] :]) < HYSTERESIS * np.ptp(potential):
        starts.pop()
    cycle = np.ones(potential.size, dtype=np.int64)
    for start in starts:
        cycle[start:] += 1
    return cycle


def scan_rate(time: np.ndarray, potential: np.ndarray) -> float:
    """Return the median magnitude of dE/dt.

    Parameters
    ----------
    time, potential : ndarray
        t [s] and E [V], shape (n,). Differences are taken over 1/200 of a sweep or one step,
        whichever is longer.

    Returns
    -------
    float
        v [V s^-1].
    """
    sweeps = turning_points(potential).size - 1
    stride = max(1, potential.size // (POINTS_PER_SWEEP * sweeps))
    step = potential[stride:] - potential[:-stride]
    return float(np.median(np.abs(step) / (time[stride:] - time[:-stride])))


def time_from_path(potential: np.ndarray, rate: float) -> tuple[np.ndarray, bool]:
    """Return times from the length of the potential's path and a stated scan rate.

    Parameters
    ----------
    potential : ndarray
        E, shape (n,) [V].
    rate : float
        v [V s^-1].

    Returns
    -------
    time : ndarray
        t = (path of E) / v, shape (n,) [s], from 0.
    even : bool
        Whether E repeats a value or is noisy, so that its path cannot serve: the points are then
        spread evenly over each sweep.
    """
    steps = np.diff(potential)
    turns = turning_points(potential)
    flips = np.count_nonzero(np.diff(np.sign(steps)))
    if steps.all() and flips <= 2 * turns.size:
        return np.concatenate([[0.0], np.cumsum(np.abs(steps))]) / rate, False
    swept = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(potential[turns])))])
    return np.interp(np.arange(potential.size), turns, swept) / rate, True
