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


def between(steps: Array, times: np.ndarray) -> Between:
    """Find times among the steps of a run.

    Parameters
    ----------
    steps : Array
        Times reached, not decreasing (a rejected step repeats the time before it), shape
        (attempts + 1,) [s].
    times : ndarray
        Times wanted, within the run, shape (times,) [s].
    """
    wanted = jnp.asarray(times)
    left = jnp.clip(jnp.searchsorted(steps, wanted, side="right") - 1, 0, len(steps) - 2)
    width = steps[left + 1] - steps[left]
    place = (wanted - steps[left]) / jnp.where(width > 0, width, 1.0)
    return Between(left, jnp.clip(place, 0.0, 1.0), width)


def windows(times: np.ndarray) -> np.ndarray:
    """Return the limits of the windows that data are averaged over: half-way to the neighbours.

    Parameters
    ----------
    times : ndarray
        Times of the data, increasing, shape (points,) [s].

    Returns
    -------
    ndarray
        Shape (points + 1,) [s]; the first and last window end at the first and last time.
    """
    middle = (times[1:] + times[:-1]) / 2
    return np.concatenate([times[:1], middle, times[-1:]])


def averages(steps: Array, charge: Array, current: Array, limits: np.ndarray) -> Array:
    """Return the mean current in windows, from the charge passed: no charge is lost.

    Parameters
    ----------
    steps : Array
        Times reached, shape (attempts + 1,) [s].
    charge, current : Array
        There, both shape (attempts + 1,) [C cm^-2], [A cm^-2].
    limits : ndarray
        Limits of adjoining windows, increasing, shape (points + 1,) [s].

    Returns
    -------
    Array
        Shape (points,) [A cm^-2].
    """
    passed = between(steps, limits).value(charge, current)
    return jnp.diff(passed) / jnp.asarray(np.diff(limits))
