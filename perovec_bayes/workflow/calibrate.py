"""Simulation-based calibration: truths from the prior, data from truths, posteriors from data."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr

from perovec_bayes.diagnostics.calibration import pit
from perovec_bayes.diagnostics.convergence import convergence
from perovec_bayes.inference import backends, optimum
from perovec_bayes.inference.bridge import Compiled, Mapped
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import Card
from perovec_bayes.inference.model import info_of
from perovec_bayes.inference.result import Predictor
from perovec_bayes.inference.sample import PRIOR_DRAWS, prior_draws, prior_points

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
        self._shape, self._target = (chains, draws, tune), target_accept
        # the simulated readings are all seen: what is below its limit is hidden afterwards
        self._datasets = {name: _read(data, None) for name, data in datasets.items()}
        self._limited = any(
            "lod" in data and np.isfinite(data["lod"].to_numpy()).any()
            for data in self._datasets.values()
        )
        self._fitted = _Fitted(build(card, self._datasets))
        self._predict = Predictor(self._fitted.compiled)

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
        truth = prior_draws(self._fitted.compiled.model, 1, rng)
        made = self._predict(self._fitted.compiled.unconstrain(truth), rng)
        values = {name: made[name].to_numpy()[0, 0] for name in self._fitted.compiled.observed}
        fitted = self._fitted
        if self._limited:
            found = {name: _read(data, values[name]) for name, data in self._datasets.items()}
            fitted = _Fitted(build(self._card, found))
        else:
            fitted.compiled.data[:] = values.values()
        chains, draws, tune = self._shape
        best = fitted.search()
        points, stats = backends.with_nutpie(
            backends.Target(fitted.compiled, fitted.gradient, best),
            backends.Settings(chains, draws, tune, seed, self._target, cores=1),
            lambda phase, share: None,
        )
        true = fitted.scalars(fitted.compiled.unconstrain(truth))[0]
        drawn = fitted.scalars(points.reshape(-1, fitted.compiled.size))
        row: dict[str, float] = {"seed": seed}
        worst, smallest = 0.0, np.inf
        for i, name in enumerate(fitted.names):
            quality = convergence(drawn[:, i].reshape(chains, draws))
            effective = np.fmin(quality.ess_bulk, quality.ess_tail)
            row[name] = pit(true[i], drawn[:, i], effective, rng)
            worst, smallest = np.fmax(worst, quality.r_hat), np.fmin(smallest, effective)
        row["divergences"] = int(stats["diverging"].sum())
        row["ess"], row["r_hat"] = smallest, worst
        row["seconds"] = time.perf_counter() - begun
        return row


class _Fitted:
    """A compiled model: its density, the search for its mode, and its scalars."""

    def __init__(self, model: pm.Model) -> None:
        info = info_of(model)
        self.compiled = Compiled(model, info.frames)
        self.gradient = self.compiled.scaled_gradient()
        prior = prior_points(self.compiled, PRIOR_DRAWS, np.random.default_rng(1))
        self.search = optimum.Search(self.compiled, info.observables, prior, self.gradient)
        shown = list(info.quantities)
        terms: Any = model.logp(vars=model.observed_RVs)
        graphs = [*(model[name] for name in shown), terms]
        self._quantities = Mapped(self.compiled.function(graphs), data=self.compiled.data)
        shapes = [value.shape[1:] for value in self._quantities(prior[:1])]
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
