"""What is common to the figures of a fit: quantiles of the predictive draws, and their coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from perovec_bayes.diagnostics.observables import Observable

MAX_POINTS = 6000


@dataclass(frozen=True, eq=False)
class Bands:
    """Data and posterior-predictive quantiles of an observable, all of one shape and unit.

    Parameters
    ----------
    data : ndarray
        The data.
    centre : ndarray or None
        Median of the noise-free curve (of the new noisy data when that is not saved).
    low, high : ndarray or None
        Ends of the central predictive interval of new noisy data.
    """

    data: np.ndarray
    centre: np.ndarray | None
    low: np.ndarray | None
    high: np.ndarray | None

    def at(self, keep: tuple[slice | int, ...] | np.ndarray) -> Bands:
        """Return the part that an index selects."""
        parts = (
            None if part is None else part[keep] for part in (self.centre, self.low, self.high)
        )
        return Bands(self.data[keep], *parts)

    def coverage(self) -> tuple[int, int]:
        """Return how many finite data lie in the band, and how many there are."""
        finite = np.isfinite(self.data)
        if self.low is None or self.high is None:
            return 0, 0
        inside = finite & (self.low <= self.data) & (self.data <= self.high)
        return int(inside.sum()), int(finite.sum())


def bands(observable: Observable, prob: float, factor: float = 1.0) -> Bands:
    """Compute the predictive bands of an observable.

    Parameters
    ----------
    observable : Observable
        Data and draws.
    prob : float
        Probability of the band [1].
    factor : float, default 1
        From the canonical unit to the one wanted.

    Returns
    -------
    Bands
        In the shape of the data.
    """
    data = observable.observed.to_numpy().astype(float) * factor
    noisy, mean = observable.noisy, observable.mean
    curves = mean if mean is not None else noisy
    centre = None if curves is None else _quantile(curves, 0.5) * factor
    if noisy is None:
        return Bands(data, centre, None, None)
    low, high = (_quantile(noisy, p) * factor for p in ((1 - prob) / 2, (1 + prob) / 2))
    return Bands(data, centre, low, high)


def coverage_sentence(found: Bands, prob: float) -> str:
    """Say how many of the data the band holds; nothing when there is no band."""
    inside, total = found.coverage()
    if not total:
        return ""
    return (
        f" The band holds {inside} of {total} points ({100 * inside / total:.0f} %; "
        f"{100 * prob:g} % expected)."
    )


def thinning(points: int) -> int:
    """Return the step at which so many points are drawn, to keep a page small."""
    return -(-points // MAX_POINTS)


def thinning_sentence(step: int) -> str:
    """Say that only each so-many-th point is drawn; nothing when all are."""
    return "" if step == 1 else f" One of {step} points is drawn; the numbers count all."


def _quantile(draws: xr.DataArray, prob: float) -> np.ndarray:
    return np.asarray(np.quantile(draws.to_numpy(), prob, axis=0), dtype=float)
