"""What the data taught: the posterior of each quantity against its prior."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from perovec_bayes.diagnostics.scalars import dataset, scalars

COLUMNS = ("quantity", "role", "scale", "prior_sd", "posterior_sd", "sd_ratio", "shift", "verdict")

LEARNED_BELOW = 0.5
PARTLY_UP_TO = 0.9
SHIFT_THAT_TELLS = 0.5


def learning(tree: xr.DataTree) -> pd.DataFrame:
    """Compare the posterior with the prior of every scalar that is in both.

    Parameters
    ----------
    tree : DataTree
        A result with the groups ``posterior`` and ``prior``.

    Returns
    -------
    DataFrame
        One row for each scalar that varies in the prior: `scale` ("log": the standard deviations
        are those of log10 of the quantity), `prior_sd`, `posterior_sd`, `sd_ratio` (posterior over
        prior), `shift` (distance of the medians in units of `prior_sd`), and `verdict`: "learned"
        (ratio below 0.5), "partly" (up to 0.9, or the median moved by 0.5 prior sd or more), "not
        learned from these data", or "cannot tell" when a standard deviation is not finite. The
        frame is empty when the result holds no prior draws.
    """
    posterior, prior = dataset(tree, "posterior"), dataset(tree, "prior")
    if posterior is None or prior is None:
        return pd.DataFrame(columns=list(COLUMNS))
    before = {scalar.name: scalar.draws for scalar in scalars(prior)}
    rows = []
    for scalar in scalars(posterior):
        if scalar.name not in before or np.ptp(before[scalar.name]) == 0:
            continue
        prior_median, prior_sd = _spread(before[scalar.name], scalar.log_scale)
        median, sd = _spread(scalar.draws, scalar.log_scale)
        ratio, shift = sd / prior_sd, abs(median - prior_median) / prior_sd
        scale = "log" if scalar.log_scale else "linear"
        verdict = _verdict(ratio, shift)
        rows.append((scalar.name, scalar.role, scale, prior_sd, sd, ratio, shift, verdict))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _spread(draws: np.ndarray, log_scale: bool) -> tuple[float, float]:
    """Return median and standard deviation of the draws, or of their log10; NaN if undefined."""
    values = draws.ravel()
    if log_scale:
        if not np.all(values > 0):
            return np.nan, np.nan
        values = np.log10(values)
    if not np.all(np.isfinite(values)):
        return np.nan, np.nan
    return float(np.median(values)), float(np.std(values, ddof=1))


def _verdict(ratio: float, shift: float) -> str:
    if not np.isfinite(ratio) or not np.isfinite(shift):
        return "cannot tell"
    if ratio < LEARNED_BELOW:
        return "learned"
    if ratio <= PARTLY_UP_TO or shift >= SHIFT_THAT_TELLS:
        return "partly"
    return "not learned from these data"
