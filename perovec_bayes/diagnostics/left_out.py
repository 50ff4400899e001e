"""Measured values against their predictions from all other values: LOO-PIT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from perovec_bayes.diagnostics.calibration import band
from perovec_bayes.diagnostics.gate import PARETO_K_BELOW
from perovec_bayes.diagnostics.observables import decoded
from perovec_bayes.diagnostics.scalars import dataset

PROB = 0.95
"""Probability of the simultaneous band [1]."""
NARROW, WIDE, SHIFTED = "too narrow", "too wide", "off to one side"


@dataclass(frozen=True, eq=False)
class LeftOut:
    """The PIT values of one observable, and how they compare with uniform ones.

    Parameters
    ----------
    name : str
        The observable.
    values : ndarray
        PIT values, shape (values,) [1].
    places, found, low, high : ndarray
        Cumulative distribution at some places, and its simultaneous 95 % band [1].
    unreliable : int
        Values whose importance weights fail (Pareto k of 0.7 or more).
    """

    name: str
    values: np.ndarray
    places: np.ndarray
    found: np.ndarray
    low: np.ndarray
    high: np.ndarray
    unreliable: int

    @property
    def inside(self) -> bool:
        """Whether the cumulative distribution stays inside the band."""
        return bool(((self.found >= self.low) & (self.found <= self.high)).all())

    @property
    def fault(self) -> str:
        """How the predictions are wrong, in words; nothing inside the band."""
        if self.inside:
            return ""
        middle = float(np.mean(np.abs(self.values - 0.5) <= 0.25)) - 0.5
        side = 0.5 - float(np.mean(self.values))
        if abs(side) > abs(middle):
            return SHIFTED
        return WIDE if middle > 0 else NARROW


def left_out(tree: xr.DataTree) -> list[LeftOut]:
    """Compare the PIT values of each observable with uniform ones.

    Parameters
    ----------
    tree : DataTree
        A result with the group ``leave_one_out``.

    Returns
    -------
    list of LeftOut
        In the order of the fit; observables without such values are left out.

    References
    ----------
    Gelfand, A. E.; Dey, D. K.; Chang, H. Bayesian Stat. 1992, 4, 147 (LOO-PIT). Säilynoja, T.;
    Bürkner, P.-C.; Vehtari, A. Stat. Comput. 2022, 32, 32 (bands).
    """
    group = dataset(tree, "leave_one_out")
    result = []
    for name in decoded(tree, "observables"):
        if group is None or f"{name}_pit" not in group:
            continue
        values = group[f"{name}_pit"].to_numpy().ravel()
        k = group[f"{name}_pareto_k"].to_numpy().ravel()
        known = np.isfinite(values)
        if known.sum() < 2:
            continue
        kept = values[known]
        unreliable = int(np.sum(~(k[known] < PARETO_K_BELOW)))
        places, found, low, high = band(kept, PROB)
        result.append(LeftOut(name, kept, places, found, low, high, unreliable))
    return result
