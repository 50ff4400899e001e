"""Parts of time series that cross-validation leaves out: cycles, sweeps, stretches of a transient.

Points that follow each other share the misfit, so that leaving out one point at a time tests
nothing: its neighbours give it away. Left out are parts as long as what the model is to predict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr
from jax import Array
from jax import numpy as jnp

from perovec_bayes.inference import bridge
from perovec_bayes.inference.bridge import Tensor
from perovec_bayes.inference.model import Blocks
from perovec_bayes.readers.waveform import turning_points

STRETCHES = 5
"""Into so many parts a record is cut that has neither cycles nor sweeps."""


class Parts(NamedTuple):
    """A series cut into parts."""

    labels: tuple[str, ...]
    """Their names."""
    part_of: np.ndarray
    """The part that each point belongs to, shape (points,), from 0."""

    def masks(self) -> np.ndarray:
        """Return which points belong to each part, shape (parts, points), bool."""
        found: np.ndarray = np.arange(len(self.labels))[:, None] == self.part_of
        return found


def sections(data: xr.Dataset) -> Parts:
    """Cut a voltammogram into its cycles; one of a single cycle into its sweeps.

    Parameters
    ----------
    data : xr.Dataset
        Of technique "cv".
    """
    cycles, index = np.unique(data["cycle"].to_numpy(), return_inverse=True)
    if len(cycles) > 1:
        return Parts(tuple(f"cycle {number}" for number in cycles), index)
    turns = turning_points(data["potential"].to_numpy())[1:-1]
    if not turns.size:
        return stretches(np.ones(len(index)))
    index = np.searchsorted(turns, np.arange(len(index)))
    return Parts(tuple(f"sweep {number + 1}" for number in range(len(turns) + 1)), index)


def stretches(path: np.ndarray) -> Parts:
    """Cut a record into parts that are equally long on the scale on which the misfit wanders.

    Parameters
    ----------
    path : ndarray
        Distance of each point from the one before, shape (points,); the first counts as 0.
    """
    along = np.concatenate([[0.0], np.cumsum(path[1:])])
    share = np.minimum((STRETCHES * along / along[-1]).astype(int), STRETCHES - 1)
    found, index = np.unique(share, return_inverse=True)
    labels = tuple(f"stretch {number + 1} of {len(found)}" for number in range(len(found)))
    return Parts(labels, index)


def at_times(voltammograms: Sequence[xr.Dataset], time: np.ndarray) -> Parts:
    """Cut a record like the voltammogram that it was taken with.

    Parameters
    ----------
    voltammograms : sequence of xr.Dataset
        The first one counts; without any the record is cut into stretches of equal duration.
    time : ndarray
        On the voltammogram's clock, shape (times,) [s].
    """
    if not voltammograms:
        return stretches(np.diff(time, prepend=time[0]))
    whole = sections(voltammograms[0])
    begin = np.flatnonzero(np.diff(whole.part_of, prepend=-1))
    starts = voltammograms[0]["time"].to_numpy()[begin]
    place = np.maximum(np.searchsorted(starts, time, side="right") - 1, 0)
    found, index = np.unique(whole.part_of[begin][place], return_inverse=True)
    return Parts(tuple(whole.labels[number] for number in found), index)


def of_series(
    log_density: Callable[..., Any],
    labels: tuple[str, ...],
    masks: np.ndarray,
    observed: Tensor,
    mean: Tensor,
    *noise: Tensor,
) -> Blocks:
    """Return the blocks of a series of which some data may be unknown (NaN).

    ln p(y_b | y_rest) = ln p(y) - ln p(y_rest): the second by the same recursion, which predicts
    over the block without learning from it. (The one-step terms of the block alone would be
    p(y_b | what came before), without what came after.)

    Parameters
    ----------
    log_density : callable
        (value, mean, *noise) -> pointwise log-densities that sum to the joint one; 0 where a value
        is NaN.
    labels : tuple of str
        Of the blocks.
    masks : ndarray
        As in `Blocks`.
    observed : TensorVariable
        The observed variable of the PyMC model.
    mean, *noise : TensorVariable
        As `log_density` takes them.
    """

    def terms(value: Array, *given: Array) -> tuple[Array, Array]:
        whole = jnp.sum(log_density(value, *given))

        def term(mask: Array) -> Array:
            return whole - jnp.sum(log_density(jnp.where(mask, jnp.nan, value), *given))

        return jax.vmap(term)(jnp.asarray(masks)), whole

    return Blocks(labels, masks, *bridge.wrap(terms)(observed, mean, *noise))
