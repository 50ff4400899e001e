"""Newton steps for the small systems inside a time step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

LEAST_PIVOT = 1e-290
"""Pivots of the elimination are kept away from zero by this."""


LANES = 8
"""Short vectors are as long as a multiple of this: others are worked through number by number."""

type Scalars = tuple[Array, ...]


def correction(
    system: Callable[[Scalars], tuple[Scalars, Scalars]], z: Scalars
) -> tuple[Scalars, Scalars]:
    """Return the Newton step of a small system, with its Jacobian J held constant.

    The tangents of all unknowns are carried as one short vector; J is eliminated without pivoting.

    Parameters
    ----------
    system : callable
        As many scalars as z has to as many residuals r, and to further scalars b.
    z : tuple of Array
        Where to linearise, scalars.

    Returns
    -------
    step, beside : tuple of Array
        J^-1 r; and b carried on to z - J^-1 r by its own derivatives, held constant too.
    """
    size = len(z)
    wide = -(-(size + 1) // LANES) * LANES

    def along(direction: Array) -> tuple[Any, Any]:
        return jax.jvp(system, (z,), (tuple(direction),))

    (value, beside), (columns, slopes) = jax.vmap(along, out_axes=(None, -1))(jnp.eye(wide, size))
    # behind the columns of J stands r
    place = jnp.arange(wide) == size
    rows = [lax.stop_gradient(column) + v * place for column, v in zip(columns, value, strict=True)]
    inverse = []
    for i in range(size):
        pivot = rows[i][i]
        inverse.append(1 / jnp.where(jnp.abs(pivot) > LEAST_PIVOT, pivot, LEAST_PIVOT))
        for k in range(i + 1, size):
            rows[k] = rows[k] - (rows[k][i] * inverse[i]) * rows[i]
    found: list[Array] = [jnp.zeros(())] * size
    for i in reversed(range(size)):
        total = rows[i][size]
        for j in range(i + 1, size):
            total = total - rows[i][j] * found[j]
        found[i] = total * inverse[i]
    step = jnp.concatenate([jnp.stack(found), jnp.zeros(wide - size)])
    carried = tuple(
        b - jnp.sum(lax.stop_gradient(slope) * step)
        for b, slope in zip(beside, slopes, strict=True)
    )
    return tuple(found), carried
