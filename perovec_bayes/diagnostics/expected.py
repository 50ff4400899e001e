"""How much better a quantity would be known after an experiment that has not been done.

Bayes linear adjustment: the posterior enters by the covariance of its draws, a candidate by its
Fisher information at draws. With the covariance C of the parameters x, the covariance c of x with
the quantity g, and the information F of the candidate about x,

    var(g | candidate) = var(g) - c' C^-1 [C - (C^-1 + F)^-1] C^-1 c.

For a linear model with normal noise this is exact. Otherwise C is as wide as the posterior is,
skewed or one-sided as it may be, and what of g is not linear in x is left as uncertain as it is.

Where the size of errors is itself uncertain, F at a draw with small errors belongs to a posterior
that is narrower than C. With the precision P at that draw (prior and information of the data at
hand), the share of the variance of g that is left is also b'(P + F)^-1 b / b' P^-1 b with
b = C^-1 c. At each draw the larger of the two results counts.

Goldstein, M.; Wooff, D. Bayes Linear Statistics, Wiley 2007.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perovec_bayes.diagnostics.convergence import convergence

DEGENERATE = 1e-12
"""Directions with a smaller share of the largest variance do not vary [1]."""
SPREAD = (0.05, 0.95)
"""Quantiles of the draws that are reported."""
LEAST_ESS, ESS_PER_PARAMETER = 100.0, 5.0
"""Independent draws asked for, as for what the data determine."""
SAME = 0.999
"""A parameter that is correlated with the quantity by more is the quantity itself."""


@dataclass(frozen=True, eq=False)
class Present:
    """What is known now of a quantity and of the parameters.

    Parameters
    ----------
    names : tuple of str
        Of the parameters; "" for those that are never named as a limit.
    sd : float
        Of the quantity on its scale (ln of it, or itself) [its unit, or 1 for ln].
    linear : float
        Share of its variance that is linear in the parameters [1].
    factor : ndarray
        L with L L' the covariance of the parameters, shape (parameters, rank).
    slope : ndarray
        Covariance of the quantity with z, where x = L z, shape (rank,).
    weights : ndarray
        b, the quantity as a linear function of the parameters, shape (parameters,).
    """

    names: tuple[str, ...]
    sd: float
    linear: float
    factor: np.ndarray
    slope: np.ndarray
    weights: np.ndarray


def present(quantity: np.ndarray, parameters: np.ndarray, names: Sequence[str]) -> Present:
    """Describe a posterior by its covariance.

    Parameters
    ----------
    quantity : ndarray
        Draws of the quantity on its scale, shape (draws,).
    parameters : ndarray
        Draws of the parameters without bounds, shape (draws, parameters).
    names : sequence of str
        As in `Present`.
    """
    centred = parameters - parameters.mean(axis=0)
    width = centred.std(axis=0, ddof=1)
    unit = np.where(width > 0, width, 1.0)
    variances, vectors = np.linalg.eigh(np.atleast_2d(np.cov((centred / unit).T)))
    kept = variances > DEGENERATE * variances.max()
    root = np.sqrt(variances[kept])
    z = centred / unit @ vectors[:, kept] / root
    about = quantity - quantity.mean()
    slope = z.T @ about / (len(about) - 1)
    sd = float(about.std(ddof=1))
    return Present(
        tuple(names),
        sd,
        float(min(slope @ slope / sd**2, 1.0)),
        unit[:, None] * vectors[:, kept] * root,
        slope,
        vectors[:, kept] @ (slope / root) / unit,
    )


def least_ess(chains: np.ndarray) -> tuple[float, float]:
    """Return the smallest number of independent draws of any parameter, and the number asked for.

    Parameters
    ----------
    chains : ndarray
        Draws, shape (chain, draw, parameters).
    """
    size = chains.shape[2]
    moving = [i for i in range(size) if np.ptp(chains[:, :, i]) > 0]
    found = [convergence(chains[:, :, i]).ess_bulk for i in moving]
    return float(np.min(found, initial=np.inf)), max(LEAST_ESS, ESS_PER_PARAMETER * size)


@dataclass(frozen=True, eq=False)
class Measured:
    """The Fisher information of a candidate at draws.

    Parameters
    ----------
    information : ndarray
        About parameters of the study, then about what is new in the candidate, shape (draws, used +
        new, used + new).
    used : ndarray of int
        Which parameters of the study.
    new : tuple of str
        Names of what is new: parameters of its own, and differences from the study's; "" for those
        that are never named as a limit.
    new_variance : ndarray
        Of its prior, shape (new,).
    precision : ndarray, optional
        Of the study's parameters at the same draws, from the prior and the information of the data
        at hand, shape (draws, parameters, parameters).
    """

    information: np.ndarray
    used: np.ndarray
    new: tuple[str, ...]
    new_variance: np.ndarray
    precision: np.ndarray | None = None


@dataclass(frozen=True)
class Gain:
    """What a candidate is expected to tell of a quantity.

    Parameters
    ----------
    sd : float
        Expected standard deviation of the quantity afterwards [its unit, or 1 for ln].
    low, high : float
        5 % and 95 % quantiles of it over the draws.
    information : float
        Expected ln(sd now / sd afterwards) [nat].
    error : float
        Its standard error, from the number of draws.
    limit : str
        What is best known in addition: "" if nothing helps much.
    limit_is_new : bool
        Whether that is new in the candidate.
    limit_sd : float
        Standard deviation of the quantity if it were known besides.
    """

    sd: float
    low: float
    high: float
    information: float
    error: float
    limit: str
    limit_is_new: bool
    limit_sd: float


def gain(now: Present, candidate: Measured) -> Gain:
    """Return what a candidate is expected to tell.

    Parameters
    ----------
    now : Present
        The posterior.
    candidate : Measured
        The candidate.
    """
    each = np.array([_sd(now, candidate, one) for one in candidate.information])
    if candidate.precision is not None:
        pairs = zip(candidate.information, candidate.precision, strict=True)
        each = np.fmax(each, [_sd_locally(now, candidate, one, there) for one, there in pairs])
    nats = np.log(now.sd / each)
    low, high = np.quantile(each, SPREAD)
    name, is_new, known = _limit(now, candidate)
    return Gain(
        float(each.mean()),
        float(low),
        float(high),
        float(nats.mean()),
        float(nats.std(ddof=1) / np.sqrt(len(nats))) if len(nats) > 1 else np.nan,
        name,
        is_new,
        known,
    )


def _about_study(candidate: Measured, one: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return the information about the study's parameters, what is new integrated out.

    With S S' = variance of the prior it is A - B S (1 + S D S)^-1 S B', which holds for a variance
    of zero (known) as well.
    """
    count = len(candidate.used)
    root = np.sqrt(variance)
    across = one[:count, count:] * root
    within = np.eye(len(root)) + root[:, None] * one[count:, count:] * root
    return np.asarray(one[:count, :count] - across @ np.linalg.solve(within, across.T))


def _adjusted(now: Present, candidate: Measured, about: np.ndarray) -> np.ndarray:
    """Return (1 + L' F L)^-1, the covariance of z afterwards."""
    factor = now.factor[candidate.used]
    inner = factor.T @ about @ factor
    values, vectors = np.linalg.eigh(0.5 * (inner + inner.T))
    return np.asarray(vectors / (1 + np.maximum(values, 0.0)) @ vectors.T)


def _sd(
    now: Present, candidate: Measured, one: np.ndarray, variance: np.ndarray | None = None
) -> float:
    """Return the standard deviation of the quantity after a candidate of known information."""
    new = candidate.new_variance if variance is None else variance
    after = _adjusted(now, candidate, _about_study(candidate, one, new))
    rest = now.sd**2 * (1 - now.linear)
    return float(np.sqrt(rest + now.slope @ after @ now.slope))


def _sd_locally(now: Present, candidate: Measured, one: np.ndarray, there: np.ndarray) -> float:
    """Return the sd of the quantity if the posterior were as narrow as it is at one draw."""
    scale = np.linalg.norm(now.factor, axis=1)
    moving = scale > 0
    unit, b = scale[moving], (scale * now.weights)[moving]
    about = np.zeros_like(there)
    about[np.ix_(candidate.used, candidate.used)] = _about_study(
        candidate, one, candidate.new_variance
    )
    before, added = (
        (each[np.ix_(moving, moving)] * unit[:, None] * unit) for each in (there, about)
    )
    left = (b @ np.linalg.solve(before + added, b)) / (b @ np.linalg.solve(before, b))
    return float(now.sd * np.sqrt(1 - now.linear + now.linear * min(left, 1.0)))


def _limit(now: Present, candidate: Measured) -> tuple[str, bool, float]:
    """Return what would help most if it were known besides, whether it is new, and the sd then."""
    mean = candidate.information.mean(axis=0)
    found: list[tuple[float, str, bool]] = []
    for place, name in enumerate(candidate.new):
        if not name:
            continue
        known = candidate.new_variance.copy()
        known[place] = 0.0
        found.append((_sd(now, candidate, mean, known), name, True))
    after = _adjusted(now, candidate, _about_study(candidate, mean, candidate.new_variance))
    total = now.sd**2 * (1 - now.linear) + now.slope @ after @ now.slope
    left = now.factor @ after
    variance = np.sum(left * now.factor, axis=1)
    shared = left @ now.slope
    itself = np.abs(now.factor @ now.slope) > SAME * now.sd * np.linalg.norm(now.factor, axis=1)
    named = np.array([bool(name) for name in now.names])
    for i in np.flatnonzero(named & ~itself & (variance > 0)):
        rest = max(float(total - shared[i] ** 2 / variance[i]), 0.0)
        found.append((float(np.sqrt(rest)), now.names[i], False))
    if not found:
        return "", False, float(np.sqrt(total))
    best = min(found)
    return best[1], best[2], best[0]
