"""What data that have not been measured would say of parameters: their Fisher information."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp

from perovec_bayes.inference.bridge import Compiled
from perovec_bayes.inference.model import Observable


class Planned(NamedTuple):
    """A dataset that is to be measured."""

    observable: Observable
    """Of the model that is built for it."""
    rows: np.ndarray | None = None
    """Which of its values are new, shape of the data, bool; None for all."""
    repeats: bool = False
    """Whether it is a voltammogram of the study once more, with the same misfit."""


class Directions(NamedTuple):
    """Directions in the coordinates of a model, each a column."""

    known: np.ndarray
    """Along parameters of the study, shape (size, used)."""
    new: np.ndarray
    """Along what is new in the experiment, shape (size, new)."""


def information(
    compiled: Compiled, planned: Sequence[Planned], along: Directions
) -> Callable[[Array], Array]:
    """Return the function from coordinates to the Fisher information of planned data.

    Parameters
    ----------
    compiled : Compiled
        The model of the planned experiment.
    planned : sequence of Planned
        The data that count.
    along : Directions
        The directions, of the study first.

    Returns
    -------
    callable
        From (size,) to (used + new, used + new).
    """
    graphs = [graph for each in planned for graph in (each.observable.mean, *each.observable.noise)]
    graph = compiled.function(graphs)
    columns = np.concatenate([along.known, along.new], axis=1).T
    used = along.known.shape[1]

    def outputs(w: Array) -> list[Array]:
        return [jnp.asarray(each) for each in graph(w)]  # a constant noise is a plain number

    def function(w: Array) -> Array:
        values = iter(outputs(w))
        tangents = iter(jax.vmap(lambda v: jax.jvp(outputs, (w,), (v,))[1])(columns))
        total = jnp.zeros((len(columns),) * 2)
        for each in planned:
            count = 1 + len(each.observable.noise)
            at = [next(values) for _ in range(count)]
            slopes = [next(tangents) for _ in range(count)]
            total += _of_dataset(each, at, slopes, used)
        return total

    return function


def _of_dataset(planned: Planned, values: list[Array], tangents: list[Array], used: int) -> Array:
    fisher = planned.observable.fisher
    assert fisher is not None  # every observable of a mechanism has it
    if planned.repeats:
        return _of_repeat(fisher, values, tangents[0], used)
    if planned.rows is not None:
        rows = planned.rows.astype(float)
        tangents = [each * rows if each.shape[1:] == rows.shape else each for each in tangents]
    return fisher(values, tangents)


def _of_repeat(
    fisher: Callable[[Sequence[Array], Sequence[Array]], Array],
    values: list[Array],
    slope: Array,
    used: int,
) -> Array:
    """Return what a second record adds that is wrong by the same misfit as the first.

    y_1 = mu(x) + d + e_1 and y_2 = mu(x + v) + d + e_2 with what is new, v, near 0. Their mean has
    the slopes dmu/dx and (dmu/dv)/2, the misfit d and white noise of half the variance; their
    difference the slope dmu/dv, no misfit and twice the variance; the two are independent. What
    y_1 says of x is known already.
    """
    mean, white, wander, steps = values
    is_new = (np.arange(slope.shape[0]) >= used)[:, None]

    def about(slope: Array, white: Array, wander: Array) -> Array:
        still = [jnp.zeros((slope.shape[0], *each.shape)) for each in (white, wander, steps)]
        return fisher([mean, white, wander, steps], [slope, *still])

    together = about(jnp.where(is_new, slope / 2, slope), white / np.sqrt(2), wander)
    apart = about(jnp.where(is_new, slope, 0.0), white * np.sqrt(2), jnp.zeros_like(wander))
    return together + apart - about(jnp.where(is_new, 0.0, slope), white, wander)
