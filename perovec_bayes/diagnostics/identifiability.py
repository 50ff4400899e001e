"""What the data determine: single parameters, or only combinations of them.

Everything is judged on the scale of the parameter (`scale`: ln of it, or itself) in units of the
standard deviation of its prior, so that neither units nor display matter. Parameters with hard ends
(transfer coefficients, shape exponents) stay as they are: the logarithms of rates are linear in
them, and the ends narrow prior and posterior alike.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy.linalg import eigh

from perovec_bayes.diagnostics.convergence import convergence
from perovec_bayes.diagnostics.learning import LEARNED_BELOW, PARTLY_UP_TO
from perovec_bayes.diagnostics.scalars import Scalar, dataset, scalars

COLUMNS = ("kind", "combination", "sd", "prior_sd", "share", "correlation")

STRONG = 0.9
"""Correlation from which two parameters are reported as tied."""
PAIR_GAIN, TRIPLE_GAIN = 0.25, 0.1
"""A combination that is to be named leaves at most this share of the variance, against the prior,
that is left of the best known of its parts."""
LEAST_ESS, ESS_PER_SCALAR = 100.0, 5.0
"""Independent draws asked for: 100 know a correlation of 0.9 to 0.02 and a standard deviation to
7 %; with fewer than 5 for each parameter the smallest shares of variance come out too small by more
than 20 %."""
STILL = 2.0
"""By how much the variance of a combination found in one half of the draws may be larger in the
other half."""
NAMED, NAMED_SHARE = 4, 0.9
"""A direction is named by its largest members: at most 4, or as many as make up 0.9 of it."""
EXPLAINED = 0.8
"""For a triple to be named, the other parameters must explain this share of each member's variance:
with a gain of 0.1 it cannot be less."""
RIDGE = 1e-12
"""Added to both variances: what does not vary in the prior either is not learned."""

_NOISE_BEGINS, _NOISE = ("sigma_", "ell_"), ("tau_drift", "s_m", "s_p")


@dataclass(frozen=True, eq=False)
class Member:
    """One parameter of a combination.

    Parameters
    ----------
    scalar : Scalar
        The parameter.
    coefficient : float
        Its factor in the combination, on the scale on which it is judged.
    sd, prior_sd : float
        Standard deviations of the parameter alone, on that scale [its unit, or 1 for ln].
    """

    scalar: Scalar
    coefficient: float
    sd: float
    prior_sd: float

    @property
    def learned(self) -> bool:
        """Whether less than half of the width of the prior is left."""
        return self.sd < LEARNED_BELOW * self.prior_sd


@dataclass(frozen=True, eq=False)
class Combination:
    """A sum of parameters, each on its scale and with its factor; that of the first is 1.

    Parameters
    ----------
    members : tuple of Member
        The parameters, potentials first, then in order of weight.
    sd, prior_sd : float
        Standard deviations of the sum [unit of the first member, or 1 for ln].
    correlation : float
        Of two members in the posterior; NaN for any other number.
    whole : bool
        False for a direction of which the members make up less than 0.9. `sd` and `prior_sd` are
        those of the whole direction.
    """

    members: tuple[Member, ...]
    sd: float
    prior_sd: float
    correlation: float
    whole: bool

    @property
    def share(self) -> float:
        """The share of the prior's variance that is left."""
        return (self.sd / self.prior_sd) ** 2

    @property
    def only(self) -> bool:
        """Whether the sum is learned, and none of its members."""
        learned = self.sd < LEARNED_BELOW * self.prior_sd
        return learned and not any(member.learned for member in self.members)

    @property
    def formula(self) -> str:
        """The sum in names and canonical units, as in "E0 + 0.0642 ln(s)"."""
        terms = [
            f"{'-' if member.coefficient < 0 else '+'} {_factor(member)}" for member in self.members
        ]
        return " ".join(terms).removeprefix("+ ") + ("" if self.whole else " + ...")


@dataclass(frozen=True)
class Identifiability:
    """What the data determine.

    Parameters
    ----------
    directions : tuple of Combination
        Independent directions, from the best known against its prior to the least.
    combinations : tuple of Combination
        Two or three parameters of which the combination is known much better than each part.
    left_out : tuple of str
        Parameters of which there are too few independent draws to say anything.
    """

    directions: tuple[Combination, ...] = ()
    combinations: tuple[Combination, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def determined(self) -> tuple[Combination, ...]:
        """Directions of which less than half of the width of the prior is left."""
        return tuple(d for d in self.directions if d.share < LEARNED_BELOW**2)

    @property
    def partly(self) -> tuple[Combination, ...]:
        """Directions between `determined` and `at_prior`."""
        low, high = LEARNED_BELOW**2, PARTLY_UP_TO**2
        return tuple(d for d in self.directions if low <= d.share < high)

    @property
    def at_prior(self) -> tuple[Combination, ...]:
        """Directions that keep at least 0.9 of the width of the prior."""
        return tuple(d for d in self.directions if d.share >= PARTLY_UP_TO**2)

    def table(self) -> pd.DataFrame:
        """Return directions and combinations as rows; columns `COLUMNS`, canonical units."""
        rows = [
            (kind, each.formula, each.sd, each.prior_sd, each.share, each.correlation)
            for kind, found in (("combination", self.combinations), ("direction", self.directions))
            for each in found
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))


@dataclass(frozen=True, eq=False)
class _Draws:
    """The parameters in units of the prior's standard deviations.

    `prior_sd` has the shape (scalars,), the covariances (scalars, scalars); `halves` are those of
    the first and the second half of every chain.
    """

    scalars: tuple[Scalar, ...]
    prior_sd: np.ndarray
    prior: np.ndarray
    posterior: np.ndarray
    halves: tuple[np.ndarray, np.ndarray]

    @property
    def sd(self) -> np.ndarray:
        return np.asarray(np.sqrt(np.diag(self.posterior)) * self.prior_sd)


def identifiability(tree: xr.DataTree, strong: float = STRONG) -> Identifiability:
    """Find what the data determine, and what only in combination.

    Only sampled parameters of the physics are looked at: every primary one, and others unless they
    belong to the noise by their name (``sigma_``, ``ell_``, ``tau_drift``, ``s_m``, ``s_p``) or are
    deviations of single samples (symbol z).

    With the covariances P of the prior and S of the posterior, a combination v leaves the share
    v'Sv / v'Pv of the prior's variance. The directions are the eigenvectors of S v = l P v; for a
    linear model with normal noise and Fisher information F the shares are the eigenvalues of
    (1 + P F)^-1. Directions left at the prior, among which no draws can tell, are turned to have
    few members each.

    Parameters
    ----------
    tree : DataTree
        A result with the groups ``posterior`` and ``prior``.
    strong : float, default 0.9
        Correlation from which two parameters are reported as tied [1].

    Returns
    -------
    Identifiability
        Empty when the result holds no prior draws or no sampled parameters.
    """
    posterior, prior = dataset(tree, "posterior"), dataset(tree, "prior")
    if posterior is None or prior is None:
        return Identifiability()
    before = {scalar.name: scalar for scalar in scalars(prior)}
    found = [s for s in scalars(posterior) if s.name in before and _physical(s)]
    found = [s for s in found if _varies(_scaled(before[s.name]))]
    asked = max(LEAST_ESS, ESS_PER_SCALAR * len(found))
    enough = [s for s in found if _varies(_scaled(s)) and _ess(s) >= asked]
    left_out = tuple(s.name for s in found if s not in enough)
    if not enough:
        return Identifiability(left_out=left_out)
    draws = _standardised(enough, [before[s.name] for s in enough])
    return Identifiability(_directions(draws), _combinations(draws, strong), left_out)


def _physical(scalar: Scalar) -> bool:
    if not int(scalar.attrs.get("free", 0)):
        return False
    noise = (
        scalar.variable.startswith(_NOISE_BEGINS)
        or scalar.variable in _NOISE
        or str(scalar.attrs.get("symbol", "")) == "z"
    )
    return scalar.role == "primary" or not noise


def _scaled(scalar: Scalar) -> np.ndarray:
    """Return the draws on the scale on which they are judged; NaN where that has no meaning."""
    if not scalar.log_scale:
        return scalar.draws
    return np.asarray(np.log(np.where(scalar.draws > 0, scalar.draws, np.nan)))


def _varies(draws: np.ndarray) -> bool:
    return bool(np.all(np.isfinite(draws)) and np.ptp(draws) > 0)


def _ess(scalar: Scalar) -> float:
    return convergence(scalar.draws).ess_bulk


def _standardised(after: Sequence[Scalar], before: Sequence[Scalar]) -> _Draws:
    prior = np.array([_scaled(scalar).ravel() for scalar in before])
    prior_sd = np.std(prior, axis=1, ddof=1)
    values = np.array([_scaled(scalar) for scalar in after]) / prior_sd[:, None, None]
    half = values.shape[2] // 2
    return _Draws(
        tuple(after),
        prior_sd,
        _prior_correlation(prior),
        _covariance(values),
        (_covariance(values[:, :, :half]), _covariance(values[:, :, half:])),
    )


def _covariance(values: np.ndarray) -> np.ndarray:
    """Return the covariance of draws, shape (scalars, chain, draw)."""
    flat = values.reshape(len(values), -1)
    return np.atleast_2d(np.cov(flat)) + RIDGE * np.eye(len(flat))


def _prior_correlation(draws: np.ndarray) -> np.ndarray:
    """Return the correlation of prior draws; one that chance makes (4 standard errors) is none."""
    full = np.atleast_2d(np.corrcoef(draws))
    ridge = RIDGE * np.eye(len(full))
    clear = np.where(np.abs(full) < 4 / np.sqrt(draws.shape[1]), 0.0, full) + ridge
    return clear if np.linalg.eigvalsh(clear)[0] > 0 else full + ridge


def _directions(draws: _Draws) -> tuple[Combination, ...]:
    shares, vectors = eigh(draws.posterior, draws.prior)
    idle = shares >= PARTLY_UP_TO**2
    vectors[:, idle] = _turned(vectors[:, idle])
    order = np.argsort(_variance(draws.posterior, vectors), kind="stable")
    return tuple(_direction(draws, vectors[:, k]) for k in order)


def _direction(draws: _Draws, vector: np.ndarray) -> Combination:
    weight = vector**2 / np.sum(vector**2)
    order = np.argsort(-weight, kind="stable")
    count = int(np.searchsorted(np.cumsum(weight[order]), NAMED_SHARE)) + 1
    return _combination(draws, vector, order[:NAMED][:count].tolist(), whole=count <= NAMED)


def _turned(vectors: np.ndarray, rounds: int = 100) -> np.ndarray:
    """Turn directions among themselves so that each has few large members (varimax).

    Kaiser, H. F. Psychometrika 1958, 23, 187.
    """
    count = vectors.shape[1]
    turn = np.eye(count)
    for _ in range(rounds if count > 1 else 0):
        turned = vectors @ turn
        slope = vectors.T @ (turned**3 - turned * np.mean(turned**2, axis=0))
        left, _, right = np.linalg.svd(slope)
        turn = left @ right
    return vectors @ turn


def _combinations(draws: _Draws, strong: float) -> tuple[Combination, ...]:
    """Return pairs, then triples, each sort from the best known.

    A pair that is not strongly correlated gives way to a triple that holds it.
    """
    singles = np.diag(draws.posterior)
    pairs = _sets(len(singles), 2)
    shares = _least_shares(draws, pairs)
    best = np.full((len(singles),) * 2, np.inf)
    best[tuple(pairs.T)] = shares
    triples = _triples(draws, best)

    gain = shares / np.min(singles[pairs], axis=1)
    # a correlation r that the prior does not have gives a gain of 1 - r^2 at least
    tied = np.abs(_correlation(draws.posterior, *pairs.T)) >= strong
    tied &= gain <= 1 - strong**2
    apart = np.any(singles[pairs] < LEARNED_BELOW**2, axis=1)
    held = np.array([any(set(p) <= set(t) for t in triples) for p in pairs.tolist()], dtype=bool)
    named = tied | (~apart & (gain <= PAIR_GAIN) & ~held)
    named &= shares < LEARNED_BELOW**2
    found = _confirmed(draws, pairs[named], shares[named]) + triples
    return tuple(_combination(draws, _best(draws, c), c, whole=True) for c in found)


def _triples(draws: _Draws, best: np.ndarray) -> list[list[int]]:
    """Return triples known much better than any pair of them; `best` has the shares of pairs."""
    explained = 1 - 1 / (np.diag(draws.posterior) * np.diag(np.linalg.inv(draws.posterior)))
    eligible = np.flatnonzero(explained >= EXPLAINED)
    triples = eligible[_sets(len(eligible), 3)]
    i, j, k = triples.T
    parts = np.minimum.reduce([best[i, j], best[i, k], best[j, k]])
    shares = _least_shares(draws, triples)
    named = (shares <= TRIPLE_GAIN * parts) & (shares < LEARNED_BELOW**2)
    return _confirmed(draws, triples[named], shares[named])


def _sets(count: int, size: int) -> np.ndarray:
    found = list(itertools.combinations(range(count), size))
    return np.array(found, dtype=int).reshape(-1, size)


def _least_shares(draws: _Draws, sets: np.ndarray) -> np.ndarray:
    """Return the smallest share that a combination of each set leaves, shape (sets,)."""
    rows, columns = sets[:, :, None], sets[:, None, :]
    factor = np.linalg.inv(np.linalg.cholesky(draws.prior[rows, columns]))
    inner = factor @ draws.posterior[rows, columns] @ np.swapaxes(factor, 1, 2)
    return np.linalg.eigvalsh(inner).min(axis=1, initial=np.inf)


def _confirmed(draws: _Draws, sets: np.ndarray, shares: np.ndarray) -> list[list[int]]:
    """Return the sets whose best combination in each half of the draws holds in the other half."""
    return [
        chosen
        for share, chosen in sorted(zip(shares.tolist(), sets.tolist(), strict=True))
        if all(
            _variance(other, _best(draws, chosen, half)) <= STILL * share
            for half, other in (draws.halves, draws.halves[::-1])
        )
    ]


def _best(draws: _Draws, chosen: list[int], covariance: np.ndarray | None = None) -> np.ndarray:
    """Return the best known combination of some parameters, of variance 1 in the prior."""
    where = np.ix_(chosen, chosen)
    known = draws.posterior if covariance is None else covariance
    vector = np.zeros(len(known))
    vector[chosen] = eigh(known[where], draws.prior[where])[1][:, 0]
    return vector


def _variance(covariance: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return np.asarray(np.sum(vectors * (covariance @ vectors), axis=0))


def _correlation(covariance: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    sd = np.sqrt(np.diag(covariance))
    return np.asarray(covariance[i, j] / (sd[i] * sd[j]))


def _combination(
    draws: _Draws, vector: np.ndarray, chosen: list[int], *, whole: bool
) -> Combination:
    def rank(i: int) -> tuple[bool, float]:
        return draws.scalars[i].unit != "V" or draws.scalars[i].log_scale, -abs(vector[i])

    order = sorted(chosen, key=rank)
    first = vector[order[0]] / draws.prior_sd[order[0]]
    members = tuple(
        Member(
            draws.scalars[i],
            float(vector[i] / draws.prior_sd[i] / first),
            float(draws.sd[i]),
            float(draws.prior_sd[i]),
        )
        for i in order
    )
    correlation = np.nan
    if len(order) == 2:
        correlation = float(_correlation(draws.posterior, *np.array(order)))
    sd, prior_sd = (
        float(np.sqrt(_variance(covariance, vector)) / abs(first))
        for covariance in (draws.posterior, draws.prior)
    )
    return Combination(members, sd, prior_sd, correlation, whole)


def _factor(member: Member) -> str:
    name = f"ln({member.scalar.name})" if member.scalar.log_scale else member.scalar.name
    size = f"{abs(member.coefficient):.3g}"
    return name if size == "1" else f"{size} {name}"
