"""From the steps that a run took to the times of the data."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array


class Between(NamedTuple):
    """Where times lie among the steps of a run."""

    left: Array
    """Step before each time, shape (times,), int."""
    place: Array
    """Share of the step that has passed, shape (times,) [1]."""
    width: Array
    """Length of the step, shape (times,) [s]; 0 at the very end."""

    def value(self, values: Array, slopes: Array) -> Array:
        """Interpolate by the cubic that has the values and slopes at both ends (Hermite).

        Parameters
        ----------
        values, slopes : Array
            At the steps, both shape (attempts + 1,), any unit and the same per second.

        Returns
        -------
        Array
            Shape (times,).
        """
        x, h = self.place, self.width
        a, b = values[self.left], values[self.left + 1]
        p, q = h * slopes[self.left], h * slopes[self.left + 1]
        rise = b - a
        found: Array = a + x * (p + x * (3 * rise - 2 * p - q + x * (p + q - 2 * rise)))
        return found

    def slope(self, values: Array, slopes: Array) -> Array:
        """Return the slope of that cubic: the current, where the values are charges.

        Parameters
        ----------
        values, slopes : Array
            As in `value`.

        Returns
        -------
        Array
            Shape (times,), the unit of the slopes.
        """
        x = self.place
        h = jnp.where(self.width > 0, self.width, 1.0)
        p, q = slopes[self.left], slopes[self.left + 1]
        rise = (values[self.left + 1] - values[self.left]) / h
        found: Array = p + x * (6 * rise - 4 * p - 2 * q + x * 3 * (p + q - 2 * rise))
        return jnp.where(self.width > 0, found, q)


def between(steps: Array, times: Array | np.ndarray) -> Between:
    """Find times among the steps of a run.

    Parameters
    ----------
    steps : Array
        Times reached, not decreasing (a rejected step repeats the time before it), shape
        (attempts + 1,) [s].
    times : ndarray or Array
        Times wanted, shape (times,) [s]; before the run its first state holds, after it its last.
    """
    wanted = jnp.asarray(times)
    left = jnp.clip(jnp.searchsorted(steps, wanted, side="right") - 1, 0, len(steps) - 2)
    width = steps[left + 1] - steps[left]
    place = (wanted - steps[left]) / jnp.where(width > 0, width, 1.0)
    return Between(left, jnp.clip(place, 0.0, 1.0), width)


def windows(times: np.ndarray, jumps: np.ndarray | None = None) -> np.ndarray:
    """Return the limits of the windows that data are averaged over: half-way to the neighbours.

    Parameters
    ----------
    times : ndarray
        Times of the data, increasing, shape (points,) [s].
    jumps : ndarray, optional
        Times at which the potential jumps: between two points the limit is there instead, so that
        what a jump sets off belongs to the points after it, shape (jumps,) [s].

    Returns
    -------
    ndarray
        Shape (points + 1,) [s], not decreasing; the first and last window end at the first and last
        time.
    """
    limits = np.concatenate([times[:1], (times[1:] + times[:-1]) / 2, times[-1:]])
    for jump in [] if jumps is None else jumps:
        after = int(np.searchsorted(times, jump, side="right"))
        if 0 < after < len(times):
            limits[after] = jump
    return limits


def averages(steps: Array, charge: Array, current: Array, limits: np.ndarray) -> Array:
    """Return the mean current in windows, from the charge passed: no charge is lost.

    Parameters
    ----------
    steps : Array
        Times reached, shape (attempts + 1,) [s].
    charge, current : Array
        There, both shape (attempts + 1,) [C cm^-2], [A cm^-2].
    limits : ndarray
        Limits of adjoining windows, not decreasing, shape (points + 1,) [s].

    Returns
    -------
    Array
        Shape (points,) [A cm^-2]; 0 in a window of no width.
    """
    passed = between(steps, limits).value(charge, current)
    width = np.diff(limits)
    return jnp.diff(passed) / jnp.asarray(np.where(width > 0, width, 1.0))
