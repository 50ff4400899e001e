"""Noise of a recorded signal: white noise plus a slowly wandering misfit of the model.

Independent noise makes intervals far too narrow where the model is a little wrong for many points
in a row. The misfit is therefore a Gaussian process d(t) with the once-differentiable Matérn-3/2
covariance sigma_d^2 (1 + a) e^(-a), a = sqrt(3) |t - t'| / ell, seen through white noise. It is
Markov in (d, ell d'), so that its likelihood is exact and costs O(points) by the Kalman recursion.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
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
    missing = jnp.isnan(value)
    residual = jnp.where(missing, 0.0, value - mean)
    known = jnp.where(missing, 0.0, 1.0)
    error, total = _innovations(residual, known, white, wander, steps)
    return -0.5 * known * (jnp.log(2 * jnp.pi * total) + error**2 / total)


def _innovations(
    residual: Array, known: Array, white: Array, wander: Array, steps: Array
) -> tuple[Array, Array]:
    """Return the error of each one-step prediction of a residual, and its variance.

    Of what is not known (0 in `known`) nothing is learned.
    """
    variance = wander**2
    zero = jnp.zeros(())
    Moments = tuple[Array, Array, Array, Array, Array]

    def step(carry: Moments, now: tuple[Array, ...]) -> tuple[Moments, tuple[Array, Array]]:
        residual, known, white_variance, u = now
        level, slope, p11, p12, p22 = _predicted(carry, _transition(u, jnp.exp), variance)
        total = p11 + white_variance
        error = residual - level
        k1, k2 = known * p11 / total, known * p12 / total
        after = (
            level + k1 * error,
            slope + k2 * error,
            p11 * (1 - k1),
            p12 * (1 - k1),
            p22 - k2 * p12,
        )
        return after, (error, total)

    start = (zero, zero, variance + zero, zero, 3 * variance + zero)
    given = (residual, known, white**2, steps.at[0].set(0.0))
    _, found = lax.scan(step, start, given)
    return found


def fisher(values: Sequence[Array], tangents: Sequence[Array]) -> Array:
    """Return the expected Fisher information of a series about the directions of given tangents.

    With the one-step predictions y_n ~ N(m_n, S_n) the information is the sum over the points of

        E[dm_n dm_n] / S_n + dS_n dS_n / (2 S_n^2).

    In dm_n only what comes from the mean of the series is counted. What a change of the noise does
    to the prediction has expectation 0 and would add information about the noise alone: the result
    is exact for the mean, and a lower bound for the noise.

    Parameters
    ----------
    values : sequence of Array
        Mean, white, wander and steps, as `log_density` takes them.
    tangents : sequence of Array
        Their derivatives along each direction, with a leading axis of directions.

    Returns
    -------
    Array
        Shape (directions, directions).

    References
    ----------
    Kay, S. M. Fundamentals of Statistical Signal Processing: Estimation Theory, 1993, ch. 3 (of a
    normal with mean and covariance that depend on the parameters).
    """
    mean, *noise = values
    known, at = jnp.ones_like(mean), (jnp.zeros_like(mean), *noise)

    def predicted(residual: Array, *noise: Array) -> tuple[Array, Array]:
        return _innovations(residual, known, *noise)

    _, total = predicted(*at)
    error, change = jax.vmap(lambda *along: jax.jvp(predicted, at, along)[1])(*tangents)
    root = jnp.concatenate([error / jnp.sqrt(total), change / (jnp.sqrt(2.0) * total)], axis=1)
    return root @ root.T


def _transition(u: Any, exp: Callable[[Any], Any]) -> tuple[Any, Any, Any, Any]:
    """Return F of a step of u lengths, row by row."""
    a = math.sqrt(3.0) * u
    e = exp(-a)
    return e * (1 + a), e * u, -3 * e * u, e * (1 - a)


def _predicted(
    moments: tuple[Any, ...], transition: tuple[Any, ...], variance: Any
) -> tuple[Any, Any, Any, Any, Any]:
    """Return mean (level, slope) and covariance (p11, p12, p22) one step on."""
    level, slope, p11, p12, p22 = moments
    f11, f12, f21, f22 = transition
    # P -> F P F' + (P_inf - F P_inf F'), written with P - P_inf
    q11, q12, q22 = p11 - variance, p12, p22 - 3 * variance
    g11, g12 = f11 * q11 + f12 * q12, f11 * q12 + f12 * q22
    g21, g22 = f21 * q11 + f22 * q12, f21 * q12 + f22 * q22
    return (
        f11 * level + f12 * slope,
        f21 * level + f22 * slope,
        variance + g11 * f11 + g12 * f12,
        g11 * f21 + g12 * f22,
        3 * variance + g21 * f21 + g22 * f22,
    )


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


def leave_one_out(
    value: np.ndarray, mean: np.ndarray, white: np.ndarray, wander: np.ndarray, steps: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compare each point with what all the other points of its series say of it.

    Given all others, y_i is normal with mean y_i - u_i/d_i and variance 1/d_i, where u = K^-1 (y -
    mu), d = diag(K^-1) and K is the covariance of misfit and white noise. u and d come from the
    Kalman filter and one pass backward, in O(points).

    Parameters
    ----------
    value : ndarray
        Data y, shape (points,) in the unit of the data.
    mean, white : ndarray
        Model and sd of the white noise for each draw, shape (draws, points), same unit.
    wander : ndarray
        sd of the misfit, shape (draws,), same unit.
    steps : ndarray
        As in `log_density`, shape (draws, points) [1].

    Returns
    -------
    score : ndarray
        Deviation in units of its own standard deviation, u_i/sqrt(d_i), shape (draws, points) [1].
    density : ndarray
        ln p(y_i | all others), shape (draws, points).

    References
    ----------
    de Jong, P. J. Am. Stat. Assoc. 1989, 84, 1085 (the backward pass). Sundararajan, S.; Keerthi,
    S. S. Neural Comput. 2001, 13, 1103 (from the inverse covariance).
    """
    points_first = (np.ascontiguousarray(each.T) for each in (value - mean, white**2, steps))
    forward, transitions = _filter(wander**2, *points_first)
    r1, r2, n11, n12, n22 = np.zeros((5, len(mean)))
    u, d = np.empty((2, len(value), len(mean)))
    for i in range(len(value) - 1, -1, -1):
        error, total, p11, p12 = forward[i]
        if i + 1 < len(value):
            f11, f12, f21, f22 = transitions[i + 1]
            # r -> F' r, N -> F' N F
            r1, r2 = f11 * r1 + f21 * r2, f12 * r1 + f22 * r2
            m11, m12 = n11 * f11 + n12 * f21, n11 * f12 + n12 * f22
            m21, m22 = n12 * f11 + n22 * f21, n12 * f12 + n22 * f22
            n11, n12 = f11 * m11 + f21 * m21, f11 * m12 + f21 * m22
            n22 = f12 * m12 + f22 * m22
        k1, k2 = p11 / total, p12 / total
        u[i] = error / total - (k1 * r1 + k2 * r2)
        nk1, nk2 = n11 * k1 + n12 * k2, n12 * k1 + n22 * k2
        d[i] = 1 / total + k1 * nk1 + k2 * nk2
        # through the update: r -> r + u (1, 0), N -> (1 - k z)' N (1 - k z) + z z'/total
        r1 = r1 + u[i]
        n11, n12 = n11 - 2 * nk1 + d[i], n12 - nk2
    score = (u / np.sqrt(d)).T
    return score, 0.5 * np.log(d / (2 * np.pi)).T - 0.5 * score**2


type _Moments = tuple[np.ndarray, ...]


def _filter(
    variance: np.ndarray, residual: np.ndarray, white: np.ndarray, steps: np.ndarray
) -> tuple[list[_Moments], list[_Moments]]:
    """Run the recursion of `log_density` for many draws at once; arrays begin with the points.

    Returns at each point the error of the prediction, its variance and the first row of the
    predicted covariance; and the transition to each point.
    """
    level = slope = p12 = np.zeros_like(variance)
    p11, p22 = variance, 3 * variance
    moments: list[_Moments] = []
    transitions: list[_Moments] = []
    for i in range(len(residual)):
        u = steps[i] if i else np.zeros_like(variance)
        transition = _transition(u, np.exp)
        level, slope, p11, p12, p22 = _predicted(
            (level, slope, p11, p12, p22), transition, variance
        )
        total = p11 + white[i]
        error = residual[i] - level
        moments.append((error, total, p11, p12))
        transitions.append(transition)
        k1, k2 = p11 / total, p12 / total
        level, slope = level + k1 * error, slope + k2 * error
        p11, p12, p22 = p11 * (1 - k1), p12 * (1 - k1), p22 - k2 * p12
    return moments, transitions
