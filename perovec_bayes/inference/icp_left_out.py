"""ICP-OES readings, each against what the other readings of its sample say of it."""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np
from scipy.special import logsumexp, ndtr

from perovec_bayes.forward import icp

GRID = np.linspace(-5.0, 5.0, 601)
"""Deviations of a sample, in units of s_p, over which is summed [1]: fine enough where the error of
its mean reading is at least 1/75 of s_p."""
_WEIGHTS = -0.5 * GRID**2 - logsumexp(-0.5 * GRID**2)
_log_density = jax.jit(icp.log_density)
_standard_deviation = jax.jit(icp.standard_deviation)


class Readings(NamedTuple):
    """Readings as measured, each of shape (n,)."""

    value: np.ndarray
    """NaN where censored [mol cm^-3]."""
    limit: np.ndarray
    """Limit where censored [mol cm^-3]."""
    floor: np.ndarray
    """Additive error [mol cm^-3]."""
    factor: np.ndarray
    """Dilution; NaN where unknown [1]."""
    sample: np.ndarray
    """Number of the sample, int."""


def leave_one_out(
    readings: Readings, saturated: np.ndarray, spread: np.ndarray, proportional: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what the other readings of a sample say of each reading.

    The deviation z of the sample is summed over: given the other readings its density is N(z; 0, 1)
    prod_(j != i) p(y_j | z), up to a constant, so that one reading, which says most of its own
    sample, can be left out.

    Parameters
    ----------
    readings : Readings
        The data.
    saturated : ndarray
        Concentration at saturation, shape (draws, n) [mol cm^-3].
    spread : ndarray
        s_p, the sd of ln(concentration) between samples, shape (draws,) [1].
    proportional : ndarray
        s_m, shape (draws, n) [1].

    Returns
    -------
    below : ndarray
        P(new reading <= reading, or <= limit where censored), shape (draws, n).
    density : ndarray
        ln of the density of the reading, or of that probability, shape (draws, n). Both are NaN for
        the readings of a sample of which a dilution is unknown.
    """
    below, density = np.full((2, *saturated.shape), np.nan)
    hidden = np.isnan(readings.value)
    point = np.where(hidden, readings.limit, readings.value)
    stretch = np.exp(spread[:, None] * GRID)
    for sample in np.unique(readings.sample):
        rows = np.flatnonzero(readings.sample == sample)
        if np.isnan(readings.factor[rows]).any():
            continue
        terms, shares = [], []
        for i in rows:
            mean = saturated[:, i, None] / readings.factor[i] * stretch
            error = proportional[:, i, None]
            floor = readings.floor[i]
            terms.append(
                np.asarray(
                    _log_density(point[i], readings.limit[i], float(hidden[i]), mean, floor, error)
                )
            )
            shares.append(
                ndtr((point[i] - mean) / np.asarray(_standard_deviation(mean, floor, error)))
            )
        total = np.sum(terms, axis=0) + _WEIGHTS
        for i, term, share in zip(rows, terms, shares, strict=True):
            rest = total - term
            norm = logsumexp(rest, axis=1)
            density[:, i] = logsumexp(total, axis=1) - norm
            below[:, i] = np.sum(np.exp(rest - norm[:, None]) * share, axis=1)
    return below, density
