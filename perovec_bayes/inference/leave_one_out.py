"""Each measured value against its prediction from all the others (LOO-PIT)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.inference.model import Observable
from perovec_bayes.inference.psis import smoothed

DRAWS = 500
"""Posterior draws that are weighted, at most."""
LEAST = 10
"""Fewest values of an observable of which a distribution is worth a look."""
POINTS = 500
"""Values of an observable that are compared, at most, evenly spread."""
ROUNDING = 1e-6
"""Log densities that differ by less are equal [1]."""


def leave_one_out(
    observables: Sequence[Observable],
    values: Sequence[Sequence[np.ndarray]],
    rng: np.random.Generator,
) -> xr.Dataset:
    """Return P(new value <= measured value | all other values) for the values of each observable.

    For one draw of the parameters the distribution of a value given all the others is known (for a
    series with correlated noise it leans on its neighbours). Draws are weighted by 1/p(y_i | all
    others), Pareto-smoothed, which takes the influence of y_i on the parameters away. Numbers
    between 0 and 1, uniform if the model is right.

    Parameters
    ----------
    observables : sequence of Observable
        Of the model; those with fewer than 10 values are not in the result.
    values : sequence of sequence of ndarray
        Mean and noise parameters of each, with a leading axis of draws.
    rng : numpy.random.Generator
        Spreads a value below a detection limit evenly over P(new value <= limit).

    Returns
    -------
    xr.Dataset
        `NAME_pit` and `NAME_pareto_k` of each observable, in its dimensions; NaN where a value was
        not compared.

    References
    ----------
    Bürkner, P.-C.; Gabry, J.; Vehtari, A. Comput. Stat. 2021, 36, 1243 (values that depend on each
    other). Vehtari, A. et al. J. Mach. Learn. Res. 2024, 25, 72 (weights). Czado, C.; Gneiting, T.;
    Held, L. Biometrics 2009, 65, 1254 (randomised values).
    """
    found: dict[str, Any] = {}
    for observable, given in zip(observables, values, strict=True):
        if observable.leave_one_out is None or observable.value.size < LEAST:
            continue
        share, density = observable.leave_one_out(*given)
        shape = observable.value.shape
        share, density = (each.reshape(len(share), -1) for each in (share, density))
        chosen = _spread(np.isfinite(density).all(axis=0))
        pit, k = np.full((2, share.shape[1]), np.nan)
        pit[chosen], k[chosen] = weighted(share[:, chosen], density[:, chosen])
        hidden = np.isnan(observable.value).ravel()
        pit[hidden] *= rng.random(int(hidden.sum()))
        found[f"{observable.name}_pit"] = (observable.dims, pit.reshape(shape))
        found[f"{observable.name}_pareto_k"] = (observable.dims, k.reshape(shape))
    return xr.Dataset(found)


def weighted(share: np.ndarray, density: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average over draws with the weights that leave each value out.

    Parameters
    ----------
    share : ndarray
        What is averaged, for each draw and value, shape (draws, values).
    density : ndarray
        ln p(y_i | all others, draw), same shape.

    Returns
    -------
    mean : ndarray
        Shape (values,).
    k : ndarray
        Pareto k of the weights of each value; 0 where all are equal, NaN where it cannot be told.
    """
    moves = np.ptp(density, axis=0) > ROUNDING
    mean, k = share.mean(axis=0), np.zeros(share.shape[1])
    if moves.any():
        weights, k[moves] = smoothed(-density[:, moves].T)
        mean[moves] = np.sum(weights * share[:, moves].T, axis=1) / weights.sum(axis=1)
    return mean, k


def _spread(possible: np.ndarray) -> np.ndarray:
    """Return at most `POINTS` of the places that are possible."""
    places = np.flatnonzero(possible)
    if len(places) <= POINTS:
        return places
    chosen: np.ndarray = places[np.linspace(0, len(places) - 1, POINTS).round().astype(int)]
    return chosen
