"""A study compared with its prior, without a fit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from perovec_bayes.diagnostics import observables as shown
from perovec_bayes.diagnostics.intervals import CENTRAL
from perovec_bayes.diagnostics.predictive import compare as compare_features
from perovec_bayes.inference.bridge import Compiled
from perovec_bayes.inference.model import Observable, info_of
from perovec_bayes.inference.result import Predictor
from perovec_bayes.inference.sample import prior_points
from perovec_bayes.readers import Summary, describe
from perovec_bayes.workflow.prepare import check_sampler, prepare
from perovec_bayes.workflow.quiet import quiet

DRAWS = 200


@dataclass(frozen=True)
class PriorCheck:
    """One dataset beside what the prior expects of it.

    Parameters
    ----------
    name, unit : str
        Dataset and unit of its values.
    points, censored : int
        Number of values, and how many of them are below a detection limit.
    data : (float, float)
        Lowest and highest value [unit]; NaN if all are censored.
    expected : (float, float)
        Range that holds 95 % of the prior-predictive draws of all points [unit].
    inside : float
        Share of the values inside the 95 % prior-predictive interval of their own point.
    broken : float
        Share of the draws that are not finite.
    """

    name: str
    unit: str
    points: int
    censored: int
    data: tuple[float, float]
    expected: tuple[float, float]
    inside: float
    broken: float

    def __str__(self) -> str:
        """Return the comparison as lines of text."""
        hidden = f", {self.censored} below a detection limit" if self.censored else ""
        lines = [f"{self.name}: {self.points} values{hidden}"]
        if self.censored < self.points:
            lines += [
                f"  data                   {self.data[0]:.3g} to {self.data[1]:.3g} {self.unit}",
                f"  prior expects (95 %)   {self.expected[0]:.3g} to {self.expected[1]:.3g} "
                f"{self.unit}",
                f"  data inside            {100 * self.inside:.0f} %",
            ]
            if self.inside < 0.5:
                lines.append("  looks wrong: most data lie outside what the prior expects")
        if self.broken:
            lines.append(
                f"  looks wrong: the model fails for {100 * self.broken:.2g} % of the prior"
            )
        return "\n".join(lines)


@dataclass(frozen=True)
class StudyCheck:
    """What `check` found.

    Parameters
    ----------
    study, card : str
        Their names.
    parameters : int
        Number of scalars to be sampled.
    summaries : dict of str to Summary
        What was understood of each dataset.
    priors : tuple of PriorCheck
        Each dataset beside the prior.
    features : DataFrame
        Features of the data beside those of the prior's draws, as from `diagnostics.predictive`.
    """

    study: str
    card: str
    parameters: int
    summaries: dict[str, Summary]
    priors: tuple[PriorCheck, ...]
    features: pd.DataFrame

    def __str__(self) -> str:
        """Return the findings as lines of text."""
        blocks = [f"study {self.study}, card {self.card}: {self.parameters} free parameters"]
        for name, summary in self.summaries.items():
            blocks.append(f"[{name}]\n{summary}")
        blocks.append("\n".join(["Data and prior", *(str(each) for each in self.priors)]))
        if len(self.features):
            blocks.append("\n".join(_feature_lines(self.features)))
        verdict = (
            "The study can be fitted."
            if self.can_be_fitted
            else "The study cannot be fitted: the model has no finite value within the prior."
        )
        return "\n\n".join([*blocks, verdict])

    @property
    def can_be_fitted(self) -> bool:
        """Whether the model has finite values somewhere within the prior."""
        return all(each.broken < 1 for each in self.priors)


def check(study_path: str | Path, *, draws: int = DRAWS) -> StudyCheck:
    """Read and check a study and its data, build the model, and compare the data with the prior.

    Parameters
    ----------
    study_path : str or Path
        The study file.
    draws : int, default 200
        Draws from the prior.

    Returns
    -------
    StudyCheck
        `str()` of it prints.

    Raises
    ------
    StudyError, DataError
        If the study cannot be fitted.
    """
    with quiet():
        study, card, data, model = prepare(study_path)
        check_sampler(study)
        rng = np.random.default_rng(study.study.seed)
        info = info_of(model)
        compiled = Compiled(model)
        drawn = Predictor(compiled)(prior_points(compiled, draws, rng), rng)
    return StudyCheck(
        study.name,
        card.name,
        compiled.size,
        {name: describe(each) for name, each in data.items()},
        tuple(compare(each, drawn[each.name].to_numpy()[0]) for each in info.observables),
        compare_features([_with_draws(each, drawn) for each in info.observables], CENTRAL),
    )


def _with_draws(observable: Observable, drawn: xr.Dataset) -> shown.Observable:
    """Return an observable as diagnostics take it, with draws as its replicates."""
    name = observable.name
    return shown.Observable(
        name,
        {**observable.attrs, "technique": observable.technique, "unit": observable.unit},
        xr.DataArray(observable.value, dims=observable.dims),
        drawn[name].isel(chain=0).rename(draw="sample"),
        None,
        {key.removeprefix(f"{name}_"): value for key, (_, value) in observable.constants.items()},
    )


def _feature_lines(features: pd.DataFrame) -> list[str]:
    """Say which features of the data the prior hardly ever gives."""
    lines = [f"Peaks, charges and optical density left: {len(features)} features"]
    for row in features[features["outside"]].to_dict("records"):
        where = f"cycle {row['cycle']}" if row["cycle"] else "whole record"
        band = f", {row['band']}" if row["band"] else ""
        lines.append(
            f"  looks wrong: {row['feature']} of {row['data']}, {where}{band}: "
            f"{row['measured']:.3g} {row['unit']}; prior expects {row['low']:.3g} to "
            f"{row['high']:.3g} (95 %)"
        )
    if not features["outside"].any():
        lines.append("  none is outside what the prior expects")
    return lines


def compare(observable: Observable, drawn: np.ndarray) -> PriorCheck:
    """Compare data with draws from the prior.

    Parameters
    ----------
    observable : Observable
        With its data.
    drawn : ndarray
        Prior-predictive draws, shape (draws, ...) [unit of the observable].
    """
    value = observable.value
    seen = np.isfinite(value)
    finite = np.isfinite(drawn)
    whole = drawn[finite.reshape(len(drawn), -1).all(axis=1)]
    nothing = (np.nan, np.nan)
    low, high = CENTRAL.ends(whole) if len(whole) else (np.full(value.shape, np.nan),) * 2
    inside = (value >= low) & (value <= high)
    return PriorCheck(
        name=observable.name,
        unit=observable.unit,
        points=value.size,
        censored=int(value.size - seen.sum()),
        data=(float(value[seen].min()), float(value[seen].max())) if seen.any() else nothing,
        expected=_ends(whole) if len(whole) else nothing,
        inside=float(inside[seen].mean()) if seen.any() else np.nan,
        broken=1 - len(whole) / len(drawn),
    )


def _ends(draws: np.ndarray) -> tuple[float, float]:
    low, high = CENTRAL.ends(draws.ravel())
    return float(low), float(high)
