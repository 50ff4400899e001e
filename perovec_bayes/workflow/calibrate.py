"""Simulation-based calibration: truths from the prior, data from truths, posteriors from data."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.diagnostics.calibration import pit
from perovec_bayes.diagnostics.convergence import convergence
from perovec_bayes.inference.bridge import Mapped
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import Card
from perovec_bayes.inference.model import info_of
from perovec_bayes.inference.result import Predictor
from perovec_bayes.inference.sample import prior_draws
from perovec_bayes.workflow.refit import Refitter

LIKELIHOOD = "log_likelihood"


class Calibrator:
    """Fits data made from draws of the prior, and ranks the truths among the posterior's draws.

    The model is compiled once and the data are exchanged; what a mechanism has worked out from the
    first data (the time grid) stays, for simulation and fit alike. Only where ICP-OES readings may
    fall below a detection limit is a new model built for each simulation.

    Parameters
    ----------
    card : Card
        Model card, with a study's overrides merged in.
    datasets : mapping of str to xr.Dataset
        Design of the data, by name; of their values only the detection limits matter.
    chains, draws, tune : int
        Of each fit.
    target_accept : float
        As for `sample`.

    References
    ----------
    Talts, S.; Betancourt, M.; Simpson, D.; Vehtari, A.; Gelman, A. (2018), arXiv:1804.06788.
    Modrák, M. et al. (2025), Bayesian Anal. 20, 461 (the log-likelihood as a quantity).
    """

    def __init__(
        self,
        card: Card,
        datasets: Mapping[str, xr.Dataset],
        *,
        chains: int = 2,
        draws: int = 250,
        tune: int = 250,
        target_accept: float = 0.9,
    ) -> None:
        self._card = card
        self._refitter = partial(
            Refitter, chains=chains, draws=draws, tune=tune, target_accept=target_accept, cores=1
        )
        # the simulated readings are all seen: what is below its limit is hidden afterwards
        self._datasets = {name: _read(data, None) for name, data in datasets.items()}
        self._limited = any(
            "lod" in data and np.isfinite(data["lod"].to_numpy()).any()
            for data in self._datasets.values()
        )
        self._first = self._fitted(self._datasets)
        self._predict = Predictor(self._first.fits.compiled)

    def _fitted(self, datasets: Mapping[str, xr.Dataset]) -> _Fitted:
        return _Fitted(self._refitter(build(self._card, datasets)))

    def run(self, seed: int) -> dict[str, float]:
        """Make one simulation and fit it.

        Parameters
        ----------
        seed : int
            Of the truth, the data and the fit.

        Returns
        -------
        dict
            Rank of each scalar and of the log-likelihood, from 0 to 1; divergences, smallest bulk
            ESS, largest R-hat, seconds.
        """
        begun = time.perf_counter()
        rng = np.random.default_rng(seed)
        compiled = self._first.fits.compiled
        truth = prior_draws(compiled.model, 1, rng)
        made = self._predict(compiled.unconstrain(truth), rng)
        values = {name: made[name].to_numpy()[0, 0] for name in compiled.observed}
        fitted = self._first
        if self._limited:
            fitted = self._fitted(
                {name: _read(data, values[name]) for name, data in self._datasets.items()}
            )
        fitted.fits.exchange({} if self._limited else values)
        fit = fitted.fits.fit(seed)
        chains, draws, size = fit.points.shape
        true = fitted.scalars(fitted.fits.compiled.unconstrain(truth))[0]
        drawn = fitted.scalars(fit.points.reshape(-1, size))
        row: dict[str, float] = {"seed": seed}
        worst, smallest = 0.0, np.inf
        for i, name in enumerate(fitted.names):
            quality = convergence(drawn[:, i].reshape(chains, draws))
            effective = np.fmin(quality.ess_bulk, quality.ess_tail)
            row[name] = pit(true[i], drawn[:, i], effective, rng)
            worst, smallest = np.fmax(worst, quality.r_hat), np.fmin(smallest, effective)
        row["divergences"] = fit.divergences
        row["ess"], row["r_hat"] = smallest, worst
        row["seconds"] = time.perf_counter() - begun
        return row


class _Fitted:
    """A model that is fitted, and its scalars."""

    def __init__(self, fits: Refitter) -> None:
        self.fits = fits
        model, compiled = fits.compiled.model, fits.compiled
        shown = list(info_of(model).quantities)
        terms: Any = model.logp(vars=model.observed_RVs)
        graphs = [*(model[name] for name in shown), terms]
        self._quantities = Mapped(compiled.function(graphs), data=compiled.data)
        shapes = [value.shape[1:] for value in self._quantities(compiled.start[None])]
        self.names = [
            f"{name}[{i}]" if shape else name
            for name, shape in zip([*shown, LIKELIHOOD], shapes, strict=True)
            for i in range(int(np.prod(shape)))
        ]

    def scalars(self, points: np.ndarray) -> np.ndarray:
        """Return every scalar and the log-likelihood, shape (points, scalars + 1)."""
        values = self._quantities(points)
        return np.concatenate([value.reshape(len(points), -1) for value in values], axis=1)


def _read(data: xr.Dataset, values: np.ndarray | None) -> xr.Dataset:
    """Return ICP-OES data with other readings, hidden below their limits; other data as they are.

    Without values hidden readings are put at their limit.
    """
    if data.attrs["technique"] != "icp":
        return data
    lod, stated = data["lod"].to_numpy(), data["value"].to_numpy()
    seen = np.where(np.isnan(stated), lod, stated) if values is None else values
    hidden = np.zeros(len(seen), dtype=bool) if values is None else seen < lod
    return data.assign(
        value=("measurement", np.where(hidden, np.nan, seen)),
        censoring=("measurement", np.where(hidden, "left", "none")),
    )
