"""Implicit scalar equations inside a time step: solved by Newton, differentiated by a last step."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax


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
