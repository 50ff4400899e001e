"""Intervals and one-sided limits of draws: the one place where they are worked out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from arviz_stats.base.array import BaseArray

from perovec_bayes.diagnostics.observables import decoded

_hdi: Callable[..., Any] = BaseArray().hdi  # ArviZ has no type hints

KINDS = {"eti": "central", "hdi": "narrowest"}
"""Kinds of interval, and how a caption calls them."""


@dataclass(frozen=True)
class Interval:
    """Which interval is asked for.

    Parameters
    ----------
    prob : float, default 0.95
        Probability of intervals, bands and one-sided limits [1].
    kind : {"eti", "hdi"}, default "eti"
        Equal-tailed ("central"), or of highest density ("narrowest").

    Raises
    ------
    ValueError
        If `prob` is not between 0 and 1, or `kind` is unknown.
    """

    prob: float = 0.95
    kind: str = "eti"

    def __post_init__(self) -> None:
        """Refuse what is no interval."""
        if not 0 < self.prob < 1:
            raise ValueError(f"prob must be between 0 and 1, not {self.prob}")
        if self.kind not in KINDS:
            raise ValueError(f"kind must be 'eti' or 'hdi', not {self.kind!r}")

    @classmethod
    def asked(cls, tree: xr.DataTree) -> Interval:
        """Return the interval that the study of a result asked for.

        Parameters
        ----------
        tree : DataTree
            A result.
        """
        study = decoded(tree, "study")
        return cls(float(study.get("interval_prob", 0.95)), str(study.get("interval_kind", "eti")))

    @property
    def percent(self) -> str:
        """The probability, as in "95 %"."""
        return f"{100 * self.prob:g} %"

    @property
    def words(self) -> str:
        """Kind and probability, as in "central 95 %"."""
        return f"{KINDS[self.kind]} {self.percent}"

    def ends(self, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of the interval of each quantity.

        Parameters
        ----------
        draws : ndarray, shape (draws, ...)
            Draws along the first axis, in any unit.

        Returns
        -------
        tuple of ndarray, each of shape (...)
            Low and high; NaN where a draw is NaN, and, of highest density, where one is infinite.
        """
        if self.kind == "eti":
            return (
                _quantile(draws, (1 - self.prob) / 2, "lower"),
                _quantile(draws, (1 + self.prob) / 2, "higher"),
            )
        finite = np.isfinite(draws).all(axis=0)
        found = _hdi(np.where(finite, draws, 0.0), prob=self.prob, axis=0)
        found = np.where(finite[..., None], found, np.nan)
        return found[..., 0], found[..., 1]

    def limit(self, draws: np.ndarray, sense: str) -> float:
        """Return a one-sided limit: the quantile of `prob`, or of 1 - `prob`.

        Parameters
        ----------
        draws : ndarray
            Draws.
        sense : {"upper", "lower"}
            Upper or lower limit.
        """
        flat = np.ravel(draws)
        if sense == "upper":
            return float(_quantile(flat, self.prob, "higher"))
        return float(_quantile(flat, 1 - self.prob, "lower"))


def _quantile(draws: np.ndarray, prob: float, outwards: Literal["lower", "higher"]) -> np.ndarray:
    """Return a quantile along the first axis, beside an infinite draw the draw that lies outwards.

    Between an infinite draw and the next there is nothing to interpolate: it would be NaN.
    """
    with np.errstate(invalid="ignore"):
        found: np.ndarray = np.asarray(np.quantile(draws, prob, axis=0))
    if np.isfinite(found).all():
        return found
    nearest: np.ndarray = np.quantile(draws, prob, axis=0, method=outwards)
    return np.where(np.isfinite(found), found, nearest)


CENTRAL = Interval()
"""The central 95 %."""
