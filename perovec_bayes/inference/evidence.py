"""The evidence p(data | model) of a fitted model, by bridge sampling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from arviz_stats.base.array import array_stats
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from perovec_bayes.inference.bridge import Compiled, Mapped
from perovec_bayes.inference.priors import HalfNormal, LogNormal, Normal, Prior

TOLERANCE = 1e-10
"""The iteration ends when ln Z moves by less [1]."""
ITERATIONS = 1000
_ess: Callable[..., Any] = array_stats.ess  # ArviZ has no type hints


class Evidence(NamedTuple):
    """The integral of a posterior density that is not normalised."""

    log: float
    """ln Z."""
    error: float
    """Its standard error (the relative error of Z); infinite where it could not be computed."""


def bridge_sampling(
    points: np.ndarray, log_density: Callable[[np.ndarray], np.ndarray], rng: np.random.Generator
) -> Evidence:
    """Integrate a density of which draws are at hand.

    Z is the fixed point of

        Z = mean_g[p/(s_1 p + s_2 Z g)] / mean_post[g/(s_1 p + s_2 Z g)],

    p the density, g a Gaussian fitted to the first half of every chain; the second half, worth n_1
    independent draws, and n_2 draws of g enter, s_i = n_i/(n_1 + n_2).

    Parameters
    ----------
    points : ndarray
        Draws from the density, unbounded coordinates, shape (chains, draws, size).
    log_density : callable
        From (n, size) to ln p, (n,); without the normalisation, with everything else.
    rng : numpy.random.Generator
        For the Gaussian.

    References
    ----------
    Meng, X.-L.; Wong, W. H. Stat. Sin. 1996, 6, 831. Gronau, Q. F. et al. J. Math. Psychol. 2017,
    81, 80. The error: Frühwirth-Schnatter, S. Econom. J. 2004, 7, 143.
    """
    half = points.shape[1] // 2
    chains, size = points.shape[0], points.shape[2]
    fitted, kept = points[:, :half].reshape(-1, size), points[:, half:].reshape(-1, size)
    near = multivariate_normal(fitted.mean(axis=0), np.cov(fitted.T, ddof=1))
    proposed = np.asarray(near.rvs(len(kept), random_state=rng)).reshape(-1, size)
    over = [
        np.nan_to_num(log_density(x), nan=-np.inf, neginf=-np.inf) - near.logpdf(x)
        for x in (kept, proposed)
    ]
    if not np.isfinite(over[0]).all() or not np.isfinite(over[1]).any():
        return Evidence(-np.inf, np.inf)
    ratios = over[0].reshape(chains, -1)
    worth = min(float(_ess(ratios, method="bulk")), float(len(kept)))
    n_1, n_2 = (worth if np.isfinite(worth) else float(len(kept))), float(len(proposed))
    ln_1, ln_2 = np.log(n_1 / (n_1 + n_2)), np.log(n_2 / (n_1 + n_2))

    def shares(log_z: float) -> tuple[np.ndarray, np.ndarray]:
        """Return ln of p/(s_1 p + s_2 Z g) at the proposals and g/(...) at the draws."""
        below = [np.logaddexp(ln_1 + each, ln_2 + log_z) for each in over]
        return over[1] - below[1], -below[0]

    log_z, ended = float(np.median(over[0])), False
    for _ in range(ITERATIONS):
        above, below = shares(log_z)
        new = float(logsumexp(above) - np.log(len(above)) - logsumexp(below) + np.log(len(below)))
        ended, log_z = abs(new - log_z) < TOLERANCE, new
        if ended:
            break
    if not ended:
        return Evidence(log_z, np.inf)
    above, below = (np.exp(each - logsumexp(each)) * len(each) for each in shares(log_z))
    draws = below.reshape(chains, -1)
    effective = float(_ess(draws, method="mean")) if np.ptp(draws) > 0 else n_1
    return Evidence(log_z, float(np.sqrt(above.var() / n_2 + below.var() / effective)))


def evidence(
    compiled: Compiled, posterior: Mapping[str, np.ndarray], rng: np.random.Generator
) -> Evidence:
    """Return the evidence of a model from draws of its posterior.

    Parameters
    ----------
    compiled : Compiled
        The model, with its frames.
    posterior : mapping of str to ndarray
        Draws of its free variables, shape (chains, draws, ...).
    rng : numpy.random.Generator
        For the proposals.
    """
    draws = {name: np.asarray(value) for name, value in posterior.items()}
    chains, length = next(iter(draws.values())).shape[:2]
    flat = {name: value.reshape(chains * length, *value.shape[2:]) for name, value in draws.items()}
    points = compiled.unconstrain(flat).reshape(chains, length, compiled.size)
    density = compiled.log_density()
    mapped = Mapped(lambda w: [density(w)], chunk=min(50, length))
    return bridge_sampling(points, lambda x: mapped(x)[0], rng)


def narrower(prior: Prior) -> Prior | None:
    """Return a prior half as wide with the same centre, None where that is not defined.

    Parameters
    ----------
    prior : Prior
        Any.
    """
    match prior:
        case Normal() | HalfNormal():
            return prior.model_copy(update={"sd": prior.sd / 2})
        case LogNormal():
            return prior.model_copy(update={"sd_ln": prior.sd_ln / 2})
    return None


def if_narrower(prior: Prior, draws: np.ndarray) -> float | None:
    """Return by how much ln Z would change if a prior were half as wide.

    Z'/Z is the posterior mean of the new prior over the old, a ratio that is bounded.

    Parameters
    ----------
    prior : Prior
        Of one parameter, in the unit of the draws.
    draws : ndarray
        Posterior draws of it, shape (draws, ...): further dimensions have the prior independently.
    """
    half = narrower(prior)
    if half is None:
        return None
    ratio = (half.logpdf(draws) - prior.logpdf(draws)).reshape(len(draws), -1).sum(axis=1)
    return float(logsumexp(ratio) - np.log(len(ratio)))
