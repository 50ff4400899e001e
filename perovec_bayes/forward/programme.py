"""The potential programme E(t) as straight lines and jumps, with an optional wait before it."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

MOST_CORNERS = 256
"""A programme keeps at most so many corners: each costs time in every step."""
LEAST_JUMP = 0.02
"""Smaller changes between two points of a record are no jumps [V]."""
JUMP_RATE = 10.0
"""E changes faster in a jump than before and after it by this factor [1]."""


class Programme(NamedTuple):
    """A piecewise-linear potential programme; jumps are two corners at one time."""

    time: np.ndarray
    """Times of the corners, not decreasing, shape (corners,) [s]."""
    potential: np.ndarray
    """E at the corners, shape (corners,) [V]."""
    wait: float = 0.0
    """Time at open circuit before the first corner: only dissolution runs, scalar [s]."""

    @property
    def start(self) -> float:
        """Start of the wait (of the programme, where there is none), scalar [s]."""
        return float(self.time[0] - self.wait)

    @property
    def end(self) -> float:
        """Time of the last corner, scalar [s]."""
        return float(self.time[-1])

    @property
    def breaks(self) -> np.ndarray:
        """Times that a step must not straddle, shape (breaks,) [s]."""
        found: np.ndarray = np.unique(np.append(self.time, self.end))
        return found if self.wait > 0 else found[1:]

    @property
    def jumps(self) -> np.ndarray:
        """Times at which E jumps, shape (jumps,) [s]."""
        found: np.ndarray = self.time[:-1][
            (np.diff(self.time) == 0) & (np.diff(self.potential) != 0)
        ]
        return found

    def at(self, time: Array) -> Array:
        """Return E just before or at a time (of a jump: the value it comes from).

        Parameters
        ----------
        time : Array
            Scalar, within the programme [s].

        Returns
        -------
        Array
            E, scalar [V]; before the first corner its potential.
        """
        length = np.diff(self.time)
        rise = np.diff(self.potential)
        jump = length == 0
        slope = np.append(np.where(jump, 0.0, rise / np.where(jump, 1.0, length)), 0.0)
        bend = np.diff(slope, prepend=0.0)
        # a jump interrupts no slope: the slope before it ends, the slope after it begins
        value = self.potential[0] + jnp.sum(bend * jnp.maximum(time - self.time, 0.0))
        if jump.any():
            value = value + jnp.sum(jnp.where(time > self.time[:-1][jump], rise[jump], 0.0))
        total: Array = value
        return total

    def closed(self, time: Array) -> Array | float:
        """Return 1 where the circuit is closed, 0 during the wait.

        Parameters
        ----------
        time : Array
            Scalar [s].
        """
        return jnp.where(time > self.time[0], 1.0, 0.0) if self.wait > 0 else 1.0


def sweeps(corners: list[float], scan_rate: float, *, wait: float = 0.0) -> Programme:
    """Return linear sweeps through the corners.

    Parameters
    ----------
    corners : list of float
        Turning potentials, first the start [V].
    scan_rate : float
        v, scalar, positive [V s^-1].
    wait : float
        Time at open circuit before the sweep, scalar [s].
    """
    length = [abs(b - a) / scan_rate for a, b in pairwise(corners)]
    return Programme(np.append(0.0, np.cumsum(length)), np.array(corners, float), wait)


def steps(levels: list[float], durations: list[float]) -> Programme:
    """Return potential steps: each level for its duration.

    Parameters
    ----------
    levels : list of float
        E of each step, the first is where the cell starts [V].
    durations : list of float
        Length of each, shape as `levels` [s].
    """
    time, potential, now = [], [], 0.0
    for level, duration in zip(levels, durations, strict=True):
        time += [now, now + duration]
        potential += [level, level]
        now += duration
    return Programme(np.array(time), np.array(potential))


def measured(
    time: np.ndarray, potential: np.ndarray, *, within: float = 5e-4, wait: float = 0.0
) -> Programme:
    """Return a measured E(t) as the straight lines and jumps that follow it.

    Ramer's and Douglas and Peucker's algorithm: the corners are points of the record, and no point
    is further than `within` from the lines; digital staircases and noise below that are not
    followed. If more than `MOST_CORNERS` corners would be left, `within` is doubled.

    A change by more than `LEAST_JUMP` from one point to the next, `JUMP_RATE` times as fast as the
    changes before and after it, is a jump just after the earlier of the two points: instruments
    record the last point of a level as they leave it.

    Parameters
    ----------
    time, potential : ndarray
        The record, both shape (points,) [s], [V].
    within : float
        Largest distance, scalar [V].
    wait : float
        Time at open circuit before the record, scalar [s].

    References
    ----------
    Ramer, U. Comput. Graph. Image Process. 1972, 1, 244. Douglas, D. H.; Peucker, T. K.,
    Cartographica 1973, 10, 112.
    """
    change = np.abs(np.diff(potential))
    pace = change / np.diff(time)
    around = np.maximum(np.append(0.0, pace[:-1]), np.append(pace[1:], 0.0))
    last = np.flatnonzero((change > LEAST_JUMP) & (pace > JUMP_RATE * around))
    edges = [0, *(last + 1), len(time)]
    pieces = [(time[a:b], potential[a:b]) for a, b in pairwise(edges)]
    for i, left in enumerate(last, start=1):  # from the jump on
        after, levels = pieces[i]
        pieces[i] = np.append(time[left], after), np.append(levels[0], levels)
    while True:
        kept = [_corners(*piece, within) for piece in pieces]
        if sum(map(np.count_nonzero, kept)) <= MOST_CORNERS:
            chosen = list(zip(pieces, kept, strict=True))
            return Programme(
                np.concatenate([piece[0][keep] for piece, keep in chosen]),
                np.concatenate([piece[1][keep] for piece, keep in chosen]),
                wait,
            )
        within *= 2


def _corners(time: np.ndarray, potential: np.ndarray, within: float) -> np.ndarray:
    """Return which points of a record are needed as corners, shape (points,), bool."""
    keep = np.zeros(len(time), dtype=bool)
    keep[[0, -1]] = True
    spans = [(0, len(time) - 1)]
    while spans:
        first, last = spans.pop()
        inside = slice(first + 1, last)
        line = np.interp(time[inside], time[[first, last]], potential[[first, last]])
        distance = np.abs(potential[inside] - line)
        if distance.size and distance.max() > within:
            middle = first + 1 + int(distance.argmax())
            keep[middle] = True
            spans += [(first, middle), (middle, last)]
    return keep
