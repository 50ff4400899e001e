"""The summary table: one row for each scalar quantity."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from perovec_bayes.diagnostics.convergence import Convergence, convergence
from perovec_bayes.diagnostics.intervals import Interval
from perovec_bayes.diagnostics.scalars import Scalar, dataset, scalars
from perovec_bayes.files import write_text

COLUMNS = (
    "quantity",
    "role",
    "unit",
    "mean",
    "sd",
    "median",
    "interval_low",
    "interval_high",
    "interval_prob",
    "interval_kind",
    "r_hat",
    "ess_bulk",
    "ess_tail",
    "method",
    "display_unit",
)
SAMPLED = "posterior sample"
"""Method of a result that is not an approximation."""


def summarise(tree: xr.DataTree, prob: float = 0.95, kind: str = "eti") -> pd.DataFrame:
    """Summarise every scalar of the posterior in canonical units.

    Parameters
    ----------
    tree : DataTree
        A result with the group ``posterior``.
    prob : float, default 0.95
        Probability of the intervals, and of one-sided limits [1].
    kind : {"eti", "hdi"}, default "eti"
        Equal-tailed interval, or interval of highest density.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`. A quantity that is an upper limit has `interval_kind` "upper", its
        `interval_high` is the `prob` quantile, and its `interval_low` is where the quantity is
        bounded by its meaning: 0 when it is positive, minus infinity when it may have any value,
        NaN when that is not stated. A lower limit has `interval_kind` "lower", `interval_low` the
        ``1 - prob`` quantile and `interval_high` infinity. `method` says what the draws are;
        those of an approximation are independent and have no convergence diagnostics. With a draw
        that is not finite there is no `sd`, and the gate fails. The numbers are in `unit`;
        `display_unit` is the one in which reports show them.

    Raises
    ------
    ValueError
        If `prob` is not between 0 and 1, `kind` is unknown, or there is no posterior.
    """
    interval = Interval(prob, kind)
    posterior = dataset(tree, "posterior")
    if posterior is None:
        raise ValueError("the result has no group 'posterior'")
    method = str(tree.attrs.get("approximation", SAMPLED))
    rows = [_row(scalar, interval, method) for scalar in scalars(posterior)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def write_csv(table: pd.DataFrame, path: str | Path) -> Path:
    """Write a table as CSV so that the file is whole or not there.

    Parameters
    ----------
    table : DataFrame
        As from `summarise`; the index is not written.
    path : str or Path
        The file to write.

    Returns
    -------
    Path
        `path`.
    """
    return write_text(path, table.to_csv(index=False, lineterminator="\n"))


def _row(scalar: Scalar, interval: Interval, method: str) -> dict[str, Any]:
    draws = scalar.draws.ravel()
    low, high, interval_kind = _ends(scalar, draws, interval)
    sampled = method == SAMPLED
    finite = bool(np.isfinite(draws).all())
    with np.errstate(invalid="ignore"):  # of infinite draws of either sign, which have no mean
        mean = float(np.mean(draws))
    quality = convergence(scalar.draws) if sampled else Convergence(np.nan, np.nan, np.nan)
    return {
        "quantity": scalar.name,
        "role": scalar.role,
        "unit": scalar.unit,
        "mean": mean,
        "sd": float(np.std(draws, ddof=1)) if finite and draws.size > 1 else np.nan,
        "median": float(np.median(draws)),
        "interval_low": low,
        "interval_high": high,
        "interval_prob": interval.prob,
        "interval_kind": interval_kind,
        "r_hat": quality.r_hat,
        "ess_bulk": quality.ess_bulk,
        "ess_tail": quality.ess_tail,
        "method": method,
        "display_unit": str(scalar.attrs.get("display_unit", scalar.unit)),
    }


def _ends(scalar: Scalar, draws: np.ndarray, interval: Interval) -> tuple[float, float, str]:
    if scalar.kind == "upper_limit":
        lowest = _lowest(scalar.variable, scalar.attrs)
        return lowest, interval.limit(draws, "upper"), "upper"
    if scalar.kind == "lower_limit":
        return interval.limit(draws, "lower"), np.inf, "lower"
    low, high = interval.ends(draws)
    return float(low), float(high), interval.kind


def _lowest(variable: str, attrs: Mapping[str, Any]) -> float:
    """Return the lowest value that the quantity can have by its meaning; NaN if not stated."""
    support = str(attrs.get("support", ""))
    if support == "real" or variable.startswith(("log_", "log10_", "ln_")):
        return -np.inf
    if support == "positive" or str(attrs.get("scale", "")) == "log":
        return 0.0
    return np.nan
