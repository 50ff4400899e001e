"""Simulation-based calibration: truths from the prior, data from truths, posteriors from data."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pymc as pm

from perovec_bayes.diagnostics.calibration import pit
from perovec_bayes.diagnostics.convergence import convergence
from perovec_bayes.inference import optimum
from perovec_bayes.inference.bridge import Compiled, Mapped
from perovec_bayes.inference.model import info_of
from perovec_bayes.inference.result import Predictor
from perovec_bayes.inference.sample import PRIOR_DRAWS, nuts, prior_points

LIKELIHOOD = "log_likelihood"


class Calibrator:
    """Fits data made from draws of the prior, and ranks the truths among the posterior's draws.

    The model is compiled once; the data are exchanged. What a mechanism has worked out from the
    data that the model was built with (the time grid) stays, for simulation and fit alike.

    Parameters
    ----------
    model : pm.Model
        From `build`, without ICP-OES: readings below the detection limit change the model.
    chains, draws, tune : int
        Of each fit.
    target_accept : float
        As for `sample`.

    Raises
    ------
    ValueError
        With ICP-OES data.

    References
    ----------
    Talts, S.; Betancourt, M.; Simpson, D.; Vehtari, A.; Gelman, A. (2018), arXiv:1804.06788.
    Modrák, M. et al. (2025), Bayesian Anal. 20, 461 (the log-likelihood as a quantity).
    """

    def __init__(
        self,
        model: pm.Model,
        *,
        chains: int = 2,
        draws: int = 250,
        tune: int = 250,
        target_accept: float = 0.9,
    ) -> None:
        info = info_of(model)
        if any(o.technique == "icp" for o in info.observables):
            raise ValueError("a model with ICP-OES data depends on which readings are censored")
        self._chains, self._draws, self._tune = chains, draws, tune
        self._target = target_accept
        self._compiled = compiled = Compiled(model, info.frames)
        self._gradient = compiled.scaled_gradient()
        self._prior = prior_points(compiled, PRIOR_DRAWS, np.random.default_rng(1))
        self._search = optimum.Search(compiled, info.observables, self._prior, self._gradient)
        self._predict = Predictor(compiled)
        shown = list(info.quantities)
        terms: Any = model.logp(vars=model.observed_RVs)
        graphs = [*(model[name] for name in shown), terms]
        self._quantities = Mapped(compiled.function(graphs), data=compiled.data)
        shapes = [value.shape[1:] for value in self._quantities(self._prior[:1])]
        self._names = [
            f"{name}[{i}]" if shape else name
            for name, shape in zip([*shown, LIKELIHOOD], shapes, strict=True)
            for i in range(int(np.prod(shape)))
        ]

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
        truth = prior_points(self._compiled, 1, rng)
        made = self._predict(truth, rng)
        self._compiled.data[:] = [made[name].to_numpy()[0, 0] for name in self._compiled.observed]
        best = self._search()
        points, stats = nuts(
            self._gradient, best, self._chains, self._draws, self._tune, seed, self._target, cores=1
        )
        true = self._flat(truth)[0]
        found = self._flat(points.reshape(-1, self._compiled.size))
        row: dict[str, float] = {"seed": seed}
        worst, smallest = 0.0, np.inf
        for i, name in enumerate(self._names):
            quality = convergence(found[:, i].reshape(self._chains, self._draws))
            effective = np.fmin(quality.ess_bulk, quality.ess_tail)
            row[name] = pit(true[i], found[:, i], effective, rng)
            worst, smallest = np.fmax(worst, quality.r_hat), np.fmin(smallest, effective)
        row["divergences"] = int(stats["diverging"].sum())
        row["ess"], row["r_hat"] = smallest, worst
        row["seconds"] = time.perf_counter() - begun
        return row

    def _flat(self, points: np.ndarray) -> np.ndarray:
        """Return every scalar and the log-likelihood, shape (points, scalars + 1)."""
        values = self._quantities(points)
        return np.concatenate([value.reshape(len(points), -1) for value in values], axis=1)
