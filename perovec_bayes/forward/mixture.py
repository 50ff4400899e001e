"""A mixture of normal distributions in a coordinate in which it is one standard normal."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.scipy.special import log_ndtr, logsumexp
from jax.scipy.stats import norm

HALVINGS = 60
"""Of the bracket, which is some hundred standard deviations wide at most."""
REACH = 40.0
"""Ends of the bracket, in standard deviations outside the outermost centres."""
STEEPEST = 10.0
"""Largest slope that is reported, in the largest sd of a component."""


def log_density(
    value: Array, weights: np.ndarray, centres: np.ndarray, spreads: np.ndarray
) -> Array:
    """Log-density of each component of the mixture, weight included.

    Parameters
    ----------
    value : Array
        Scalar.
    weights, centres, spreads : ndarray
        Probability [1], mean and sd of each component, shape (components,) [unit of `value`].

    Returns
    -------
    Array
        ln(w_h N(value; c_h, s_h)), shape (components,); `logsumexp` of it is the mixture's.
    """
    each: Array = jnp.log(weights) + norm.logpdf(value, centres, spreads)
    return each


def quantile(
    weights: np.ndarray, centres: np.ndarray, spreads: np.ndarray
) -> Callable[[Array], Array]:
    """Return the map from a normal score to the mixture: x with F(x) = Phi(score).

    A standard normal score then gives x the mixture's distribution, however far its components lie
    apart (the inverse of the probability integral transform).

    Parameters
    ----------
    weights, centres, spreads : ndarray
        As for `log_density`.

    Returns
    -------
    callable
        From a scalar score [1] to x; its derivative is phi(score) / f(x), cut at `STEEPEST`.

    Notes
    -----
    Between distant components x is all but a step. Its exact slope would throw a leapfrog
    integrator out of bounds; with a cut one the integrator is as reversible and preserves volume as
    well, and a sampler that accepts by the density stays exact.

    References
    ----------
    Devroye, L. Non-Uniform Random Variate Generation, Springer 1986, chapter II.2 (inversion).
    Neal, R. M. in Handbook of Markov Chain Monte Carlo, CRC Press 2011, chapter 5 (any force keeps
    the leapfrog's properties).
    """
    low = float(np.min(centres - REACH * spreads))
    high = float(np.max(centres + REACH * spreads))
    steepest = float(np.log(STEEPEST * np.max(spreads)))

    def excess(x: Array, score: Array) -> Array:
        """Positive where F(x) > Phi(score), told from the smaller tail."""
        z = (x - centres) / spreads
        sign = jnp.where(score > 0, -1.0, 1.0)
        return sign * (logsumexp(log_ndtr(sign * z), b=weights) - log_ndtr(sign * score))

    @jax.custom_jvp
    def find(score: Array) -> Array:
        def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
            a, b = ends
            middle = 0.5 * (a + b)
            over = excess(middle, score) > 0
            return jnp.where(over, a, middle), jnp.where(over, middle, b)

        a, b = lax.fori_loop(0, HALVINGS, halve, (jnp.asarray(low), jnp.asarray(high)))
        middle: Array = 0.5 * (a + b)
        return middle

    @find.defjvp
    def _slope(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
        (score,), (tangent,) = primals, tangents
        x = find(score)
        log_slope = norm.logpdf(score) - logsumexp(log_density(x, weights, centres, spreads))
        return x, jnp.exp(jnp.minimum(log_slope, steepest)) * tangent

    mapped: Callable[[Array], Array] = find
    return mapped
