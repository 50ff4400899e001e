"""The most probable parameters, found from several starts, and the curvature there."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jax import Array
from jax import numpy as jnp
from scipy.optimize import minimize

from perovec_bayes.inference.bridge import Compiled, ScaledGradient
from perovec_bayes.inference.descent import descent, inverse_root
from perovec_bayes.inference.model import Observable
from perovec_bayes.inference.threads import threads

DIFFERENCE = 1e-4
"""Step of the finite difference of the gradient, in prior standard deviations."""
FLATTEST = 0.1
"""Least curvature that is believed, in multiples of the prior's [1]."""
NOWHERE = 1e300
"""Minus the log density where it is not finite."""
APART = 3.0
"""Ends of the search that are nearer to each other are one mode [standard deviations of a Gaussian
with the curvature at the best]."""
LEVEL = 1.0
"""An end where the log density is steeper than this is no mode [1 / standard deviation]."""
CLOSE = 10.0
"""Modes that lie deeper below the best do not matter [units of log density]."""


class Mode(NamedTuple):
    """An optimum."""

    point: np.ndarray
    """Unconstrained parameters, shape (size,)."""
    log_density: float
    """Up to a constant."""


class End(NamedTuple):
    """Where a search ended, in units of the prior."""

    cost: float
    """Minus the log density."""
    point: np.ndarray
    """Shape (size,)."""
    slope: np.ndarray
    """Of the cost, shape (size,)."""


@dataclass(frozen=True)
class Optimum:
    """Where the posterior is highest, and how wide it is there.

    Parameters
    ----------
    point : ndarray
        Unconstrained parameters, shape (size,).
    factor : ndarray
        L with L L^T the inverse of the curvature (an approximate covariance), shape (size, size).
    log_density : float
        Log posterior density at `point`, up to a constant.
    starts : tuple of float
        Log density reached from each start, best first.
    modes : tuple of Mode
        The distinct optima among them, best first.
    """

    point: np.ndarray
    factor: np.ndarray
    log_density: float
    starts: tuple[float, ...]
    modes: tuple[Mode, ...]

    @property
    def rivals(self) -> tuple[Mode, ...]:
        """The other modes that are so high that they matter."""
        return tuple(mode for mode in self.modes[1:] if mode.log_density > self.log_density - CLOSE)


class Search:
    """The search for the posterior mode, from several prior draws, and for its curvature.

    Least squares (trust-region Gauss-Newton of scipy, forward-mode Jacobian) on data and priors
    bring each start near; a quasi-Newton search on the full density, noise included, ends it. The
    curvature is the central difference of the exact gradient; where it is not positive the prior's
    is taken.

    Parameters
    ----------
    compiled : Compiled
        The model; of its `data` those at the time of the search count.
    observables : list of Observable
        With the tolerances of the least-squares comparison; may be empty.
    prior_draws : ndarray
        Unconstrained prior draws, shape (draws, size).
    gradient : callable
        `Compiled.scaled_gradient` of the model.
    starts : int
        Number of starts, the prior's centre first.
    """

    def __init__(
        self,
        compiled: Compiled,
        observables: list[Observable],
        prior_draws: np.ndarray,
        gradient: ScaledGradient,
        starts: int = 4,
    ) -> None:
        centre = np.median(prior_draws, axis=0)
        spread = np.maximum(
            0.5 * np.diff(np.quantile(prior_draws, [0.16, 0.84], axis=0), axis=0)[0], 1e-6
        )
        # a coordinate with a bound reaches absurd values under the prior:
        # start at the bound, a few e-folds wide
        centre = np.where(compiled.bounded, np.minimum(centre, 0.0), centre)
        spread = np.where(compiled.bounded, np.minimum(spread, 3.0), spread)
        self._centre, self._spread, self._gradient = centre, spread, gradient
        self._scale = np.diag(spread)
        self._begin = [np.zeros(compiled.size)] + [
            np.clip((draw - centre) / spread, -2.0, 2.0) for draw in prior_draws[: starts - 1]
        ]
        self._near = _least_squares(compiled, observables, centre, spread) or (lambda u: u)

    def _objective(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = self._gradient(u, self._centre, self._scale)
        if not np.isfinite(value):
            return NOWHERE, np.zeros_like(u)
        return -float(value), -np.nan_to_num(np.asarray(slope))

    def _climb(self, u: np.ndarray) -> End:
        result = minimize(self._objective, u, jac=True, method="BFGS", options={"maxiter": 500})
        return End(float(result.fun), result.x, result.jac)

    def __call__(self) -> Optimum:
        """Search, and return what was found."""
        with ThreadPoolExecutor(min(2, threads())) as pool:
            warm = pool.submit(self._objective, self._begin[0])  # compiled beside least squares
            first = pool.submit(self._near, self._begin[0]).result()
            warm.result()
            firsts = [first, *pool.map(self._near, self._begin[1:])]
        # one after the other: scipy's line search switches warnings off and on, for all threads
        ends = sorted(map(self._climb, firsts), key=lambda end: end.cost)
        best = ends[0].point
        curvature = _curvature(lambda u: self._objective(u)[1], best)
        root = inverse_root(curvature, least=FLATTEST)
        centre, spread = self._centre, self._spread
        return Optimum(
            point=centre + spread * best,
            factor=spread[:, None] * root,
            log_density=-ends[0].cost,
            starts=tuple(-end.cost for end in ends),
            modes=tuple(Mode(centre + spread * e.point, -e.cost) for e in _distinct(ends, root)),
        )


def _least_squares(
    compiled: Compiled, observables: list[Observable], centre: np.ndarray, spread: np.ndarray
) -> Callable[[np.ndarray], np.ndarray] | None:
    """Return a function from a start to the nearest least-squares optimum, None without data."""
    used = [o for o in observables if np.isfinite(o.tolerance).any()]
    if not used:
        return None
    means = compiled.function([o.mean for o in used])
    pieces = [np.isfinite(o.tolerance).ravel() for o in used]
    places = [compiled.observed.index(o.name) for o in used]

    # centre and spread depend on the seed: as constants they would be compiled anew for each
    def residuals(
        u: Array, centre: Array, spread: Array, values: list[Array], widths: list[Array]
    ) -> Array:
        outputs = means(centre + spread * u)
        parts = [
            jnp.where(jnp.isnan(value), 0.0, (mean - value) / width).ravel()[piece]
            for mean, value, width, piece in zip(outputs, values, widths, pieces, strict=True)
        ]
        return jnp.concatenate([*parts, u])

    descend = descent(residuals, loss="soft_l1", max_nfev=60)

    def near(u: np.ndarray) -> np.ndarray:
        values = [compiled.data[place] for place in places]
        widths = [
            o.tolerance * (1.0 if o.technique == "icp" else _span(value) / _span(o.value))
            for o, value in zip(used, values, strict=True)
        ]
        return descend(u, centre, spread, values, widths).point

    return near


def _span(value: np.ndarray) -> float:
    """Return the range of those values that are known."""
    known = value[~np.isnan(value)]
    return float(np.ptp(known)) if known.size else 1.0


def _distinct(ends: list[End], root: np.ndarray) -> list[End]:
    """Return the first end and those that are modes and do not lie beside a better one."""
    kept = ends[:1]
    for end in ends[1:]:
        away = [np.linalg.norm(np.linalg.solve(root, end.point - other.point)) for other in kept]
        level = end.cost < NOWHERE and np.linalg.norm(root.T @ end.slope) < LEVEL
        if level and min(away) > APART:
            kept.append(end)
    return kept


def _curvature(gradient: Callable[[np.ndarray], np.ndarray], at: np.ndarray) -> np.ndarray:
    """Return the symmetrised Jacobian of a gradient by central differences."""
    rows = []
    for i in range(len(at)):
        step = np.zeros_like(at)
        step[i] = DIFFERENCE
        rows.append((gradient(at + step) - gradient(at - step)) / (2 * DIFFERENCE))
    matrix: np.ndarray = np.nan_to_num(np.array(rows))
    symmetric: np.ndarray = 0.5 * (matrix + matrix.T)
    return symmetric
