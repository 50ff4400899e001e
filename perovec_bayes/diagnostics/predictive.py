"""Features of the measured data among those of data drawn from posterior and prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from perovec_bayes.diagnostics.features import Feature, clear_start, cv_features, od_features
from perovec_bayes.diagnostics.intervals import CENTRAL, Interval
from perovec_bayes.diagnostics.observables import Observable, companion, observables

COLUMNS = ("data", "feature", "cycle", "band", "unit", "measured", "at_end")
PREDICTED = ("median", "low", "high", "replicates", "p", "outside")
OUTSIDE = 0.01
"""A feature with a smaller p lies outside the central 99 % of the replicates [1]."""
WINDOWS = ("500-550 nm", "550-600 nm")
"""The windows of whole spectra."""
LEAST_REPLICATES = 199
"""Fewest replicates of which a p can be below 0.01."""


def feature_table(tree: xr.DataTree, interval: Interval = CENTRAL) -> pd.DataFrame:
    """Compare the features of the data with those of posterior and prior replicates.

    Parameters
    ----------
    tree : DataTree
        A result with the groups ``observed_data``, ``constant_data`` and, for what is predicted,
        ``posterior_predictive`` and ``prior_predictive``.
    interval : Interval, default the central 95 %
        Of the replicates.

    Returns
    -------
    DataFrame
        `COLUMNS` (`cycle` 0: the whole record; `at_end` says that an extreme current is no peak
        but at the end of a sweep), then the columns of `compare` for the posterior and, with the
        prefix ``prior_``, for the prior. In canonical units. Empty without series.
    """
    after = compare(observables(tree), interval)
    before = compare(observables(tree, "prior_predictive"), interval)
    return after.join(before[list(PREDICTED)].add_prefix("prior_"))


def compare(found: Sequence[Observable], interval: Interval = CENTRAL) -> pd.DataFrame:
    """Compare the features of observables with those of their replicates.

    Parameters
    ----------
    found : sequence of Observable
        With replicates in `noisy`, where there are any.
    interval : Interval, default the central 95 %
        Of the replicates.

    Returns
    -------
    DataFrame
        `COLUMNS`, then `median`, `low` and `high` of the replicates, their number `replicates`
        (those in which the feature exists), `p` as from `two_sided`, and `outside`: whether p is
        below 0.01.
    """
    rows = [row for observable in found for row in _rows(observable, found, interval)]
    return pd.DataFrame(rows, columns=[*COLUMNS, *PREDICTED])


def two_sided(measured: float, replicates: np.ndarray) -> float:
    """Return the two-sided Monte Carlo p of a value among replicates.

    p = 2 min(1 + #(replicates <= measured), 1 + #(replicates >= measured))/(n + 1), at most 1. If
    the value comes from the distribution of the replicates, p is below 0.01 in less than 1 of 100
    cases; ties make p larger.

    Parameters
    ----------
    measured : float
        The value.
    replicates : ndarray
        Shape (n,).

    Returns
    -------
    float
        NaN without replicates.

    References
    ----------
    Besag, J.; Clifford, P. Biometrika 1989, 76, 633 (Monte Carlo tests). Gelman, A.; Meng, X.-L.;
    Stern, H. Stat. Sin. 1996, 6, 733 (posterior predictive checks).
    """
    if not replicates.size:
        return np.nan
    below, above = np.sum(replicates <= measured), np.sum(replicates >= measured)
    return float(min(1.0, 2 * (1 + min(below, above)) / (replicates.size + 1)))


def _rows(
    observable: Observable, found: Sequence[Observable], interval: Interval
) -> list[tuple[Any, ...]]:
    if observable.technique not in {"cv", "od"}:
        return []
    data = observable.observed.to_numpy().astype(float)
    noisy = observable.noisy
    drawn = np.empty((0, *data.shape)) if noisy is None else noisy.to_numpy()
    drawn = drawn[np.isfinite(drawn).reshape(len(drawn), data.size).all(axis=1)]
    series = np.concatenate([data[None], drawn])
    features = (
        _of_cv(observable, series)
        if observable.technique == "cv"
        else _of_od(observable, series, companion(observable, found))
    )
    return [
        _row(observable.name, feature, interval)
        for feature in features
        if np.isfinite(feature.value[0])
    ]


def _of_cv(observable: Observable, series: np.ndarray) -> list[Feature]:
    known = observable.constants
    if not {"time", "potential"} <= set(known):
        return []
    cycle = known.get("cycle", np.ones(series.shape[1], dtype=int))
    return cv_features(known["time"], known["potential"], cycle, series, observable.unit)


def _of_od(observable: Observable, series: np.ndarray, cv: Observable | None) -> list[Feature]:
    """Return features of bands, and of the two windows of whole spectra."""
    if "windows" in observable.constants:
        constants = {**observable.constants, "band": np.array(WINDOWS)}
        observable = replace(observable, constants=constants)
        series = series @ constants["windows"]
    if series.ndim != 3 or "time" not in observable.constants or "band" not in observable.constants:
        return []
    time, bands = observable.constants["time"], observable.constants["band"]
    ends = [(0, float(time[-1]))]
    if cv is not None and "cycle" in cv.constants:
        clock, cycle = cv.constants["time"], cv.constants["cycle"]
        ends = [(int(n), float(clock[cycle == n].max())) for n in np.unique(cycle)]
    shares = clear_start(time, series[0])
    return od_features(time, series, [str(band) for band in bands], ends, shares)


def _row(name: str, feature: Feature, interval: Interval) -> tuple[Any, ...]:
    measured, drawn = float(feature.value[0]), feature.value[1:]
    drawn = drawn[np.isfinite(drawn)]
    middle = low = high = np.nan
    if drawn.size:
        middle, (low, high) = float(np.median(drawn)), map(float, interval.ends(drawn))
    p = two_sided(measured, drawn)
    return (
        name,
        feature.name,
        feature.cycle,
        feature.band,
        feature.unit,
        measured,
        bool(feature.at_end[0]),
        middle,
        low,
        high,
        drawn.size,
        p,
        p < OUTSIDE,
    )
