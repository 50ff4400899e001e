"""The potential programme on the model's own uniform grid, and the way back to the data's times."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jax import Array


class Grid(NamedTuple):
    """A uniform time grid over a measured or designed programme E(t)."""

    dt: float
    """Time step, scalar [s]."""
    time: np.ndarray
    """Time, shape (steps + 1,) [s]."""
    potential: np.ndarray
    """Applied potential E, shape (steps + 1,) [V]."""


class Sampling(NamedTuple):
    """Linear interpolation from grid to data times."""

    index: np.ndarray  # type: ignore[assignment]  # hides tuple.index, which nobody needs
    """Left neighbour on the grid, shape (points,), int."""
    weight: np.ndarray
    """Weight of the right neighbour, shape (points,) [1]."""

    def at(self, series: Array) -> Array:
        """Return a series on the grid at the data's times.

        Parameters
        ----------
        series : Array
            Values on the grid, shape (steps + 1,), any unit.

        Returns
        -------
        Array
            Shape (points,), the same unit.
        """
        left, right = series[self.index], series[self.index + 1]
        value: Array = (1 - self.weight) * left + self.weight * right
        return value


def triangle(
    corners: list[float], scan_rate: float, hold: float, spacing: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return time and potential of a hold at the first corner and linear sweeps through the others.

    Parameters
    ----------
    corners : list of float
        Turning potentials E, first the start [V].
    scan_rate : float
        Scan rate v, scalar [V s^-1].
    hold : float
        Time at the first corner before the sweep, scalar [s].
    spacing : float
        Time between points, scalar [s].

    Returns
    -------
    time, potential : ndarray
        Both shape (points,) [s], [V].
    """
    knots = [0.0] + ([hold] if hold > 0 else [])
    levels = [corners[0]] * len(knots)
    for start, end in pairwise(corners):
        knots.append(knots[-1] + abs(end - start) / scan_rate)
        levels.append(end)
    time = np.arange(0.0, knots[-1] + 1e-9 * spacing, spacing)
    return time, np.interp(time, knots, levels)


def stairs(
    levels: list[float], durations: list[float], spacing: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return time and potential of potential steps, recorded at equal times.

    Parameters
    ----------
    levels : list of float
        E of each step, the first where the cell starts [V].
    durations : list of float
        Length of each, as many [s].
    spacing : float
        Time between points, scalar [s].

    Returns
    -------
    time, potential : ndarray
        Both shape (points,) [s], [V]; a point at the end of a step belongs to it.
    """
    ends = np.cumsum(durations)
    time = np.arange(0.0, ends[-1] + 1e-9 * spacing, spacing)
    step = np.searchsorted(ends, time - 1e-9 * spacing, side="left")
    return time, np.array(levels, dtype=float)[step]


def grid(time: np.ndarray, potential: np.ndarray, steps: int) -> Grid:
    """Lay a uniform grid over a programme given by points.

    Parameters
    ----------
    time, potential : ndarray
        Programme, both shape (points,) [s], [V]; linear between the points.
    steps : int
        Number of steps, scalar [1].

    Returns
    -------
    Grid
        Uniform grid from the first to the last time.
    """
    line = np.linspace(time[0], time[-1], steps + 1)
    return Grid(
        dt=float((time[-1] - time[0]) / steps),
        time=line,
        potential=np.interp(line, time, potential),
    )


def sampling(grid_time: np.ndarray, time: np.ndarray) -> Sampling:
    """Prepare linear interpolation from a uniform grid to the data's times.

    Parameters
    ----------
    grid_time : ndarray
        Uniform grid, shape (steps + 1,) [s].
    time : ndarray
        Times wanted, shape (points,) [s], inside the grid.

    Returns
    -------
    Sampling
        Indices and weights for `at`.
    """
    position = (time - grid_time[0]) / (grid_time[1] - grid_time[0])
    index = np.clip(np.floor(position).astype(int), 0, len(grid_time) - 2)
    return Sampling(index, np.clip(position - index, 0.0, 1.0))
