"""Implicit equations inside a time step: solved by Newton, differentiated by a last step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

LEAST_PIVOT = 1e-290
"""Pivots of the elimination are kept away from zero by this."""


def solve(
    residual: Callable[[Array], Array], guess: Array, iterations: int, largest_step: float
) -> Array:
    """Solve g(x) = 0 for a scalar x, where g is known to be increasing (g' > 0).

    The iterations run under `stop_gradient`; a last step with the derivative held constant carries
    the gradient, which is the implicit-function derivative dx = -(dg/dtheta) / g' (exact to first
    order, once the iterations have converged).

    Parameters
    ----------
    residual : callable
        g, scalar to scalar, differentiable.
    guess : Array
        Start, scalar.
    iterations : int
        Newton steps, scalar.
    largest_step : float
        Bound on a step, scalar, in the unit of x.

    Returns
    -------
    Array
        x, scalar.
    """

    def slope_at(x: Array) -> tuple[Array, Array]:
        value, slope = jax.jvp(residual, (x,), (jnp.ones_like(x),))
        return value, slope

    x = lax.stop_gradient(guess)
    for _ in range(iterations):
        value, slope = slope_at(x)
        x = lax.stop_gradient(x - jnp.clip(value / slope, -largest_step, largest_step))
    _, slope = slope_at(x)
    return x - residual(x) / lax.stop_gradient(slope)


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

    def along(direction: Array) -> tuple[Any, Any]:
        return jax.jvp(system, (z,), (tuple(direction),))

    (value, beside), (columns, slopes) = jax.vmap(along, out_axes=(None, -1))(jnp.eye(size))
    rows = [
        jnp.concatenate([lax.stop_gradient(column), v[None]])
        for column, v in zip(columns, value, strict=True)
    ]
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
    step = jnp.stack(found)
    carried = tuple(
        b - jnp.sum(lax.stop_gradient(slope) * step)
        for b, slope in zip(beside, slopes, strict=True)
    )
    return tuple(found), carried
