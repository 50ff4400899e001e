"""Noise of a recorded signal: white noise plus a slowly wandering misfit of the model.

Independent noise makes intervals far too narrow where the model is a little wrong for many points in a row. The misfit is
therefore an Ornstein-Uhlenbeck process d(t) with sd sigma_d and correlation time tau, observed through white noise; its
likelihood is exact and costs O(points) by the Kalman recursion.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array, lax


def log_density(
    value: Array, mean: Array, white: Array, wander: Array, persistence: Array
) -> Array:
    """One-step predictive log-densities of a series with Ornstein-Uhlenbeck misfit.

    y_n = mu_n + d_n + e_n, e_n ~ N(0, white_n^2), d an Ornstein-Uhlenbeck process: d_n | d_(n-1) ~
    N(r_n d_(n-1), sigma_d^2 (1 - r_n^2)), r_n = exp(-(t_n - t_(n-1))/tau). The densities sum to the joint one.

    Parameters
    ----------
    value, mean : Array
        Data y and model mu, shape (points,) in the unit of the data.
    white : Array
        sd of the white noise, shape (points,), same unit.
    wander : Array
        sd sigma_d of the misfit, scalar, same unit; 0 gives independent noise.
    persistence : Array
        r_n, shape (points,) [1]; the first is not used.

    Returns
    -------
    Array
        ln p(y_n | y_1..n-1), shape (points,).

    References
    ----------
    Kalman, R. E. J. Basic Eng. 1960, 82, 35. Uhlenbeck, G. E.; Ornstein, L. S. Phys. Rev. 1930, 36, 823.
    """
    variance = wander**2

    def step(carry: tuple[Array, Array], now: tuple[Array, ...]) -> tuple[tuple[Array, Array], Array]:
        level, spread = carry
        residual, white_variance, r = now
        level, spread = r * level, r**2 * spread + variance * (1 - r**2)
        total = spread + white_variance
        error = residual - level
        gain = spread / total
        density = -0.5 * (jnp.log(2 * jnp.pi * total) + error**2 / total)
        return (level + gain * error, spread * (1 - gain)), density

    start = (jnp.zeros(()), variance * jnp.ones(()))
    correlation = persistence.at[0].set(1.0)
    _, density = lax.scan(step, start, (value - mean, white**2, correlation))
    return density


def draw(
    rng: np.random.Generator, mean: np.ndarray, white: np.ndarray, wander: float, persistence: np.ndarray
) -> np.ndarray:
    """Draw a new series from the noise model.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    mean, white, wander, persistence
        As in `log_density`.

    Returns
    -------
    ndarray
        y, shape (points,), in the unit of the data.
    """
    kicks = rng.standard_normal(len(mean)) * wander * np.sqrt(1 - persistence**2)
    kicks[0] = rng.standard_normal() * wander
    misfit = np.empty(len(mean))
    level = 0.0
    for n, kick in enumerate(kicks):
        level = (persistence[n] * level if n else 0.0) + kick
        misfit[n] = level
    return mean + misfit + white * rng.standard_normal(len(mean))
