"""Noise of a recorded signal: white noise plus a slowly wandering misfit of the model.

Independent noise makes intervals far too narrow where the model is a little wrong for many points
in a row. The misfit is therefore a Gaussian process d(t) with the once-differentiable Matérn-3/2
covariance sigma_d^2 (1 + a) e^(-a), a = sqrt(3) |t - t'| / ell, seen through white noise. It is
Markov in (d, ell d'), so that its likelihood is exact and costs O(points) by the Kalman recursion.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array, lax


def log_density(value: Array, mean: Array, white: Array, wander: Array, steps: Array) -> Array:
    """One-step predictive log-densities of a series with a wandering misfit.

    y_n = mu_n + d_n + e_n, e_n ~ N(0, white_n^2), d the Matérn-3/2 process of the module. The
    densities sum to the joint one.

    Parameters
    ----------
    value, mean : Array
        Data y and model mu, shape (points,) in the unit of the data. A datum that is NaN is not
        known: the recursion predicts over it, and its term is 0.
    white : Array
        sd of the white noise, shape (points,), same unit.
    wander : Array
        sd sigma_d of the misfit, scalar, same unit; 0 gives independent noise.
    steps : Array
        Distance to the point before in units of ell, shape (points,) [1]; the first is not used.

    Returns
    -------
    Array
        ln p(y_n | those known of y_1..n-1), shape (points,).

    References
    ----------
    Kalman, R. E. J. Basic Eng. 1960, 82, 35. Hartikainen, J.; Särkkä, S. IEEE MLSP 2010, 379
    (Matérn processes as state space). Kennedy, M. C.; O'Hagan, A. J. R. Stat. Soc. B 2001, 63, 425
    (model discrepancy).
    """
    variance = wander**2
    zero = jnp.zeros(())
    Moments = tuple[Array, Array, Array, Array, Array]

    def step(carry: Moments, now: tuple[Array, ...]) -> tuple[Moments, Array]:
        level, slope, p11, p12, p22 = carry
        residual, known, white_variance, u = now
        a = jnp.sqrt(3.0) * u
        e = jnp.exp(-a)
        f11, f12, f21, f22 = e * (1 + a), e * u, -3 * e * u, e * (1 - a)
        level, slope = f11 * level + f12 * slope, f21 * level + f22 * slope
        # P -> F P F' + (P_inf - F P_inf F'), written with P - P_inf
        q11, q12, q22 = p11 - variance, p12, p22 - 3 * variance
        g11, g12 = f11 * q11 + f12 * q12, f11 * q12 + f12 * q22
        g21, g22 = f21 * q11 + f22 * q12, f21 * q12 + f22 * q22
        p11 = variance + g11 * f11 + g12 * f12
        p12 = g11 * f21 + g12 * f22
        p22 = 3 * variance + g21 * f21 + g22 * f22
        total = p11 + white_variance
        error = residual - level
        density = -0.5 * known * (jnp.log(2 * jnp.pi * total) + error**2 / total)
        k1, k2 = known * p11 / total, known * p12 / total
        after = (
            level + k1 * error,
            slope + k2 * error,
            p11 * (1 - k1),
            p12 * (1 - k1),
            p22 - k2 * p12,
        )
        return after, density

    start = (zero, zero, variance + zero, zero, 3 * variance + zero)
    missing = jnp.isnan(value)
    residual = jnp.where(missing, 0.0, value - mean)
    given = (residual, jnp.where(missing, 0.0, 1.0), white**2, steps.at[0].set(0.0))
    _, density = lax.scan(step, start, given)
    return density


def draw(
    rng: np.random.Generator,
    mean: np.ndarray,
    white: np.ndarray,
    wander: float,
    steps: np.ndarray,
) -> np.ndarray:
    """Draw a new series from the noise model.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    mean, white, wander, steps
        As in `log_density`.

    Returns
    -------
    ndarray
        y, shape (points,), in the unit of the data.
    """
    stationary = np.diag([1.0, 3.0])
    state = rng.standard_normal(2) * np.sqrt(np.diag(stationary))
    u = np.asarray(steps[1:])
    a = np.sqrt(3.0) * u
    f = np.exp(-a)[:, None, None] * np.moveaxis(np.array([[1 + a, u], [-3 * u, 1 - a]]), 2, 0)
    kick = stationary - f @ stationary @ np.swapaxes(f, 1, 2)
    values, vectors = np.linalg.eigh(kick)
    random = rng.standard_normal(values.shape)
    push = (vectors @ (np.sqrt(np.clip(values, 0, None)) * random)[:, :, None])[:, :, 0]
    level, slope = (float(x) for x in state)
    misfit = [level]
    for ((f11, f12), (f21, f22)), (p1, p2) in zip(f.tolist(), push.tolist(), strict=True):
        level, slope = f11 * level + f12 * slope + p1, f21 * level + f22 * slope + p2
        misfit.append(level)
    return mean + wander * np.array(misfit) + white * rng.standard_normal(len(mean))
