"""Whether posteriors are calibrated: ranks of truths among draws, over many simulations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from arviz_stats import ecdf_utils

BANDS = 1000
"""Simulated samples that a simultaneous band is made from."""
LEVELS = (0.5, 0.8, 0.95)
"""Probabilities of the intervals whose coverage is counted."""

_ecdf_pit: Callable[..., tuple[np.ndarray, ...]] = ecdf_utils.ecdf_pit


@dataclass(frozen=True)
class Calibration:
    """Ranks of one quantity compared with uniform ones.

    Parameters
    ----------
    simulations : int
        How many there are.
    deviation : float
        Largest distance of their cumulative distribution from the uniform one [1].
    inside : bool
        Whether it stays inside the simultaneous band.
    coverage : tuple of float
        Share of truths inside the central intervals of `LEVELS` [1].
    """

    simulations: int
    deviation: float
    inside: bool
    coverage: tuple[float, ...]


def pit(truth: float, draws: np.ndarray, effective: float, rng: np.random.Generator) -> float:
    """Return the rank of a truth among draws, as a number from 0 to 1.

    Uniform over simulations if the draws are independent ones of the right posterior. Draws of a
    chain are thinned to their effective number first.

    Parameters
    ----------
    truth : float
        Value that the data were made with.
    draws : ndarray
        Posterior draws of it, chain after chain, shape (draws,).
    effective : float
        Effective number of draws [1]; NaN takes all.
    rng : numpy.random.Generator
        Breaks ties and fills the gaps between ranks.

    References
    ----------
    Talts, S.; Betancourt, M.; Simpson, D.; Vehtari, A.; Gelman, A. (2018), arXiv:1804.06788.
    """
    apart = max(1, int(np.ceil(len(draws) / effective))) if effective > 0 else 1
    kept = draws[int(rng.integers(apart)) :: apart]
    low = np.sum(kept < truth)
    high = np.sum(kept <= truth)
    place = low + rng.random() * (high - low + 1)
    return float(place / (len(kept) + 1))


def assess(ranks: np.ndarray, prob: float = 0.95) -> Calibration:
    """Compare ranks with uniform ones.

    Parameters
    ----------
    ranks : ndarray
        From `pit`, one a simulation, shape (simulations,) [1].
    prob : float, default 0.95
        Probability of the simultaneous band [1].

    References
    ----------
    Säilynoja, T.; Bürkner, P.-C.; Vehtari, A. (2022), Stat. Comput. 32, 32 (bands).
    """
    places, found, low, high = band(ranks, prob)
    distance = np.abs(2 * ranks - 1)
    return Calibration(
        len(ranks),
        float(np.abs(found - places).max()),
        bool(((found >= low) & (found <= high)).all()),
        tuple(float(np.mean(distance <= level)) for level in LEVELS),
    )


def band(ranks: np.ndarray, prob: float = 0.95) -> tuple[Any, ...]:
    """Return places, cumulative distribution of the ranks there, and the ends of the band.

    Parameters
    ----------
    ranks, prob
        As for `assess`.

    Returns
    -------
    tuple of ndarray
        Each of shape (simulations + 1,) [1].
    """
    places, low, high = _ends(len(ranks), prob)
    found = np.searchsorted(np.sort(ranks), places, side="right") / len(ranks)
    found[[0, -1]] = 0.0, 1.0
    return places, found, low, high


@lru_cache(maxsize=64)
def _ends(count: int, prob: float) -> tuple[np.ndarray, ...]:
    """Return places and ends of the band, which depend on the number of ranks alone."""
    even = np.arange(count) / count
    places, _, low, high = _ecdf_pit(even, prob, BANDS, rng=np.random.default_rng(1))
    return places, low, high
