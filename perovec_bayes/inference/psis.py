"""Pareto-smoothed importance weights, and no word of praise where the smoothing failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from arviz_stats.base.array import array_stats

_psislw: Callable[..., Any] = array_stats.psislw  # ArviZ has no type hints


def smoothed(log_ratios: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smooth the largest importance ratios by the Pareto distribution that fits them.

    Parameters
    ----------
    log_ratios : ndarray
        Logarithms of the ratios, up to a constant for each row, shape (..., draws); minus infinity
        is a ratio of zero.

    Returns
    -------
    weights : ndarray
        Of the same shape; the largest of each row is 1. The plain ratios where no Pareto
        distribution could be fitted.
    k : ndarray
        Its shape parameter, shape (...); NaN where none could be fitted.

    References
    ----------
    Vehtari, A.; Simpson, D.; Gelman, A.; Yao, Y.; Gabry, J. J. Mach. Learn. Res. 2024, 25, 72.
    """
    # Ratios over hundreds of orders of magnitude overflow in ArviZ's fit. Its k may then look well
    # while the weights are NaN.
    with np.errstate(all="ignore"):
        log_weights, k = _psislw(-log_ratios)  # it is made for ratios that are 1 / likelihood
    fitted = np.isfinite(k) & ~np.isnan(log_weights).any(axis=-1)
    chosen = np.where(fitted[..., None], log_weights, log_ratios)
    weights = np.exp(chosen - chosen.max(axis=-1, keepdims=True))
    return weights, np.where(fitted, k, np.nan)
