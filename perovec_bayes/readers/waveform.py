"""What a potential trace tells by itself: sweeps, cycles, scan rate, and time."""

from __future__ import annotations

import numpy as np

HYSTERESIS = 0.05
"""A reversal smaller than this fraction of the potential range is noise, not a turning point."""
POINTS_PER_SWEEP = 200
"""Differences for the scan rate span at least 1/200 of a sweep, so that noise does not add up."""
STILL = 0.005
"""A potential within this fraction of the range stands still ..."""
STILL_V = 2e-3
"""... or within this [V]."""
NOISY = 10
"""... or within so many standard deviations of its noise."""
SECOND_DIFFERENCE = 1.652
"""Median magnitude of second differences of white noise over its standard deviation."""
LONG = 10
"""A hold lasts this many times longer than a sweep takes to pass the same potentials."""
FEWEST = 5
"""Points of the shortest hold."""
CHUNK = 50_000
"""So many points at a time become Python numbers."""
ENOUGH = 100_000
"""More points than this are thinned out to tell steps from sweeps."""
MOSTLY = 0.7
"""In a record of potential steps more of the points than this stand still."""


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
    hysteresis = HYSTERESIS * float(np.ptp(potential))
    turns = [0]
    direction = at_high = at_low = 0
    high = low = float(potential[0])
    for begin in range(0, potential.size, CHUNK):
        for i, value in enumerate(potential[begin : begin + CHUNK].tolist(), start=begin):
            if value > high:
                high, at_high = value, i
            if value < low:
                low, at_low = value, i
            if direction >= 0 and high - value > hysteresis:
                if direction:
                    turns.append(at_high)
                direction, low, at_low = -1, value, i
            elif direction <= 0 and value - low > hysteresis:
                if direction:
                    turns.append(at_low)
                direction, high, at_high = 1, value, i
    return np.array([*turns, potential.size - 1])


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


def tolerance(potential: np.ndarray) -> float:
    """Return by how much a potential may vary and still stand still [V]."""
    bends = np.abs(np.diff(potential, 2))  # 0 in a sweep and in a hold, save for noise
    noise = float(np.median(bends)) / SECOND_DIFFERENCE if bends.size else 0.0
    return max(STILL * float(np.ptp(potential)), STILL_V, NOISY * noise)


def still_runs(time: np.ndarray, potential: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut a record into runs within which the potential hardly changes.

    Parameters
    ----------
    time, potential : ndarray
        t [s] and E [V], shape (n,).

    Returns
    -------
    starts : ndarray of int
        Where each run begins.
    lasts : ndarray
        How long it lasts [s]; of a gap without points only five usual steps count.
    """
    most = tolerance(potential)
    starts, low, high = [0], float(potential[0]), float(potential[0])
    for begin in range(0, potential.size, CHUNK):
        for i, value in enumerate(potential[begin : begin + CHUNK].tolist(), start=begin):
            low, high = min(low, value), max(high, value)
            if high - low > most:
                starts.append(i)
                low = high = value
    steps = np.diff(time)
    counted = np.minimum(steps, 5 * np.median(steps)) if steps.size else steps
    return np.array(starts), np.add.reduceat(np.append(counted, 0.0), starts)


def holds(time: np.ndarray, potential: np.ndarray) -> np.ndarray:
    """Return which points belong to a hold: a stretch of constant potential beside sweeps.

    Parameters
    ----------
    time, potential : ndarray
        t [s] and E [V], shape (n,).

    Returns
    -------
    ndarray of bool
        Shape (n,). In a record of potential steps all points do.
    """
    if has_steps(potential):
        return np.full(potential.size, True)
    starts, lasts = still_runs(time, potential)
    points = np.diff(np.append(starts, potential.size))
    level = np.add.reduceat(potential, starts) / points
    apart = np.abs(np.diff(level)) > tolerance(potential) / 2  # noise may cut a hold in two
    group = np.concatenate([[0], np.cumsum(apart)])
    points, lasts = np.bincount(group, points), np.bincount(group, lasts)
    held = (points >= FEWEST) & (lasts > LONG * float(np.median(lasts)))
    return np.repeat(held, points.astype(np.int64))


def has_steps(potential: np.ndarray) -> bool:
    """Whether the potential is stepped rather than swept (chronoamperometry).

    Parameters
    ----------
    potential : ndarray
        E, shape (n,) [V].

    Returns
    -------
    bool
        True if most points stand still in runs between which the potential jumps.
    """
    potential = potential[:: max(1, potential.size // ENOUGH)]
    starts, _ = still_runs(np.arange(potential.size, dtype=float), potential)
    points = np.diff(np.append(starts, potential.size))
    if points[points >= FEWEST].sum() < MOSTLY * potential.size:
        return False
    jumps = np.abs(potential[starts[1:]] - potential[starts[1:] - 1])
    return bool(np.median(jumps) > 2 * tolerance(potential)) if jumps.size else True
