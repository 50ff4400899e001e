"""The most probable parameters, found from several starts, and the curvature there."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from scipy.optimize import least_squares, minimize

from perovec_bayes.inference.bridge import Compiled, ScaledGradient
from perovec_bayes.inference.model import Observable

DIFFERENCE = 1e-4
"""Step of the finite difference of the gradient, in prior standard deviations."""
LARGEST = 1e8
"""Residuals in multiples of their tolerance, and their slopes, are cut here [1]: far from the data
a model may go beyond what squares can hold."""


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
    """

    point: np.ndarray
    factor: np.ndarray
    log_density: float
    starts: tuple[float, ...]


def find(
    compiled: Compiled,
    observables: list[Observable],
    prior_draws: np.ndarray,
    gradient: ScaledGradient,
    starts: int = 4,
) -> Optimum:
    """Search the posterior mode from several prior draws and measure its curvature.

    Least squares (trust-region Gauss-Newton of scipy, forward-mode Jacobian) on data and priors
    brings each start near; a quasi-Newton search on the full density, noise included, ends it. The
    curvature is the central difference of the exact gradient; where it is not positive the prior's
    is taken.

    Parameters
    ----------
    compiled : Compiled
        The model.
    observables : list of Observable
        With the tolerances of the least-squares comparison; may be empty.
    prior_draws : ndarray
        Unconstrained prior draws, shape (draws, size).
    gradient : callable
        `Compiled.scaled_gradient` of the model.
    starts : int
        Number of starts, the prior's centre first.
    """
    centre = np.median(prior_draws, axis=0)
    spread = np.maximum(
        0.5 * np.diff(np.quantile(prior_draws, [0.16, 0.84], axis=0), axis=0)[0], 1e-6
    )
    # a coordinate with a bound reaches absurd values under the prior:
    # start at the bound, a few e-folds wide
    centre = np.where(compiled.bounded, np.minimum(centre, 0.0), centre)
    spread = np.where(compiled.bounded, np.minimum(spread, 3.0), spread)
    scale = np.diag(spread)

    def objective(u: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = gradient(u, centre, scale)
        if not np.isfinite(value):
            return 1e300, np.zeros_like(u)
        return -float(value), -np.nan_to_num(np.asarray(slope))

    begin = [np.zeros(compiled.size)] + [
        np.clip((draw - centre) / spread, -2.0, 2.0) for draw in prior_draws[: starts - 1]
    ]
    near = _least_squares(compiled, observables, centre, spread) or (lambda u: u)

    def climb(u: np.ndarray) -> tuple[float, np.ndarray]:
        result = minimize(objective, u, jac=True, method="BFGS", options={"maxiter": 500})
        return float(result.fun), result.x

    with ThreadPoolExecutor(2) as pool:
        warm = pool.submit(objective, begin[0])  # compiled while the least squares are
        first = near(begin[0])
        warm.result()
        firsts = [first, *pool.map(near, begin[1:])]
    # one after the other: scipy's line search switches warnings off and on, for all threads at once
    ends = sorted(map(climb, firsts), key=lambda end: end[0])
    best = ends[0][1]
    curvature = _curvature(lambda u: objective(u)[1], best)
    values, vectors = np.linalg.eigh(curvature)
    values = np.clip(np.where(np.isfinite(values), values, 1.0), 0.1, None)
    factor = spread[:, None] * (vectors / np.sqrt(values))
    return Optimum(
        point=centre + spread * best,
        factor=factor,
        log_density=-ends[0][0],
        starts=tuple(-value for value, _ in ends),
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

    def residuals(u: Array) -> Array:
        outputs = means(centre + spread * u)
        parts = [
            ((m - o.value) / o.tolerance).ravel()[piece]
            for m, o, piece in zip(outputs, used, pieces, strict=True)
        ]
        return jnp.concatenate([*parts, u])

    # one function for both, since compiling is most of what this costs
    slope_and_value = jax.jit(jax.jacfwd(lambda u: (residuals(u),) * 2, has_aux=True))

    def clean(array: Array) -> np.ndarray:
        finite = np.nan_to_num(np.asarray(array), nan=LARGEST, posinf=LARGEST, neginf=-LARGEST)
        cut: np.ndarray = np.clip(finite, -LARGEST, LARGEST)
        return cut

    def descend(u: np.ndarray) -> np.ndarray:
        last: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

        def at(u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            if not last or not np.array_equal(last[0][0], u):
                slope, value = slope_and_value(u)
                last[:] = [(u.copy(), clean(value), clean(slope))]
            return last[0]

        result = least_squares(
            lambda u: at(u)[1],
            u,
            jac=lambda u: at(u)[2],
            method="trf",
            loss="soft_l1",
            max_nfev=60,
        )
        found: np.ndarray = result.x
        return found

    return descend


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
