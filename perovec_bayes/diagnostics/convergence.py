"""R-hat and effective sample size of one scalar, by ArviZ, with every choice stated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from arviz_stats import sampling_diagnostics

TAILS = (0.05, 0.95)
"""Quantiles of the tail effective sample size (Vehtari et al. 2021, doi:10.1214/20-BA1221).

ArviZ 1.x would take 0.11 and 0.89, from its default interval of 0.89, unless told otherwise."""

MIN_DRAWS = 4

# ArviZ has no type hints: these are its functions, said to be callable.
_rhat: Callable[..., Any] = sampling_diagnostics.rhat
_ess: Callable[..., Any] = sampling_diagnostics.ess
_bfmi: Callable[..., Any] = sampling_diagnostics.bfmi


@dataclass(frozen=True)
class Convergence:
    """Convergence diagnostics of one scalar; NaN where they cannot be computed.

    Parameters
    ----------
    r_hat : float
        Rank-normalised split R-hat [1].
    ess_bulk, ess_tail : float
        Effective sample sizes [draws].
    """

    r_hat: float
    ess_bulk: float
    ess_tail: float


def convergence(draws: np.ndarray) -> Convergence:
    """Compute rank-normalised R-hat, and bulk and tail effective sample size.

    Parameters
    ----------
    draws : ndarray, shape (chain, draw)
        The draws of one scalar.

    Returns
    -------
    Convergence
        All NaN when a draw is not finite, all draws are equal, or there are too few draws; `r_hat`
        is NaN for a single chain.
    """
    chains, length = draws.shape
    if length < MIN_DRAWS or not np.all(np.isfinite(draws)) or np.all(draws == draws.flat[0]):
        return Convergence(np.nan, np.nan, np.nan)
    # A chain that never moved makes a variance of zero; the NaN that follows is the answer.
    with np.errstate(divide="ignore", invalid="ignore"):
        return Convergence(
            float(_rhat(draws, method="rank")) if chains > 1 else np.nan,
            float(_ess(draws, method="bulk")),
            float(_ess(draws, method="tail", prob=TAILS)),
        )


def e_bfmi(energy: np.ndarray) -> np.ndarray:
    """Compute the energy's Bayesian fraction of missing information of each chain.

    Parameters
    ----------
    energy : ndarray, shape (chain, draw)
        The energy of each draw.

    Returns
    -------
    ndarray, shape (chain,)
        NaN for a chain whose energy never changes or is not finite.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.array(_bfmi(energy), dtype=np.float64)
