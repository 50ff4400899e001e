"""What is common to the figures of a fit: quantiles of the predictive draws, and their coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovec_bayes.diagnostics.intervals import Interval
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
        Ends of the predictive interval of new noisy data.
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


def bands(observable: Observable, interval: Interval, factor: float = 1.0) -> Bands:
    """Compute the predictive bands of an observable.

    Parameters
    ----------
    observable : Observable
        Data and draws.
    interval : Interval
        Of the band.
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
    centre = None if curves is None else np.median(curves.to_numpy(), axis=0) * factor
    if noisy is None:
        return Bands(data, centre, None, None)
    low, high = (end * factor for end in interval.ends(noisy.to_numpy()))
    return Bands(data, centre, low, high)


def coverage_sentence(found: Bands, interval: Interval) -> str:
    """Say how many of the data the band holds; nothing when there is no band."""
    inside, total = found.coverage()
    if not total:
        return ""
    return (
        f" The band holds {inside} of {total} points ({100 * inside / total:.0f} %; "
        f"{interval.percent} expected)."
    )


def thinning(points: int) -> int:
    """Return the step at which so many points are drawn, to keep a page small."""
    return -(-points // MAX_POINTS)


def thinning_sentence(step: int) -> str:
    """Say that only each so-many-th point is drawn; nothing when all are."""
    return "" if step == 1 else f" One of {step} points is drawn; the numbers count all."
