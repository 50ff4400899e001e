"""One model, fitted to one set of data after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pymc as pm
from scipy.special import logsumexp

from perovec_bayes.diagnostics.convergence import convergence
from perovec_bayes.diagnostics.gate import ESS_AT_LEAST, R_HAT_BELOW
from perovec_bayes.inference import backends, optimum
from perovec_bayes.inference.bridge import Compiled, Mapped
from perovec_bayes.inference.model import info_of
from perovec_bayes.inference.sample import PRIOR_DRAWS, prior_points

LARGE_ERROR = 0.5
"""An elpd with a larger Monte Carlo error is not used [1]."""


class Fit(NamedTuple):
    """A posterior sample in the sampler's coordinates, and what it is worth."""

    points: np.ndarray
    """Shape (chains, draws, size)."""
    divergences: int
    """Number of divergent draws."""
    r_hat: float
    """Largest of all coordinates."""
    ess: float
    """Smallest of all coordinates, bulk and tail [draws]."""


class Exact(NamedTuple):
    """How a fit without some data predicts them."""

    elpd: float
    """ln p(left out | rest), the parameters integrated out."""
    error: float
    """Its Monte Carlo standard error."""
    fit: Fit
    """The fit without them."""

    @property
    def fault(self) -> str:
        """What is wrong with it; nothing where all is well."""
        fit = self.fit
        if fit.divergences or not (fit.r_hat < R_HAT_BELOW and fit.ess >= ESS_AT_LEAST):
            return (
                f"{fit.divergences} divergent draws, R-hat {fit.r_hat:.3f}, smallest ESS "
                f"{fit.ess:.0f}; the gate would not pass it"
            )
        if not self.error <= LARGE_ERROR:
            return f"Monte Carlo error of {self.error:.1f} in elpd; take more draws"
        return ""


class Refitter:
    """Fits a model to data that are exchanged; it is compiled once.

    What a mechanism has worked out from the data that the model was built with (the time grid,
    which readings are below a detection limit) stays.

    Parameters
    ----------
    model : pm.Model
        From `build`.
    chains, draws, tune : int
        Of each fit.
    target_accept : float
        As for `sample`.
    frames : bool
        Sample in the coordinates that the mechanism has chosen for its data. They may be bad ones
        where just those data are left out.
    cores : int, optional
        Chains that run at a time.
    """

    def __init__(
        self,
        model: pm.Model,
        *,
        chains: int,
        draws: int,
        tune: int,
        target_accept: float,
        frames: bool = True,
        cores: int | None = None,
    ) -> None:
        self.info = info_of(model)
        self.compiled = Compiled(model, self.info.frames if frames else None)
        self.original = tuple(self.compiled.data)
        self._settings = backends.Settings(chains, draws, tune, 0, target_accept, cores)
        self._gradient = self.compiled.scaled_gradient()
        observables = self.info.observables
        prior = prior_points(self.compiled, PRIOR_DRAWS, np.random.default_rng(1))
        self._search = optimum.Search(self.compiled, observables, prior, self._gradient)
        terms = [graph for o in observables for graph in (o.blocks.terms, o.blocks.whole)]
        self._terms = Mapped(self.compiled.function(terms), data=self.compiled.data)

    def exchange(self, data: Mapping[str, np.ndarray] | None = None) -> None:
        """Put other data in place of the model's own; values that are NaN are not known.

        Parameters
        ----------
        data : mapping of str to ndarray, optional
            By name of the dataset; the others are the original ones.
        """
        new = data or {}
        self.compiled.data[:] = [
            np.asarray(new.get(name, old), dtype=float)
            for name, old in zip(self.compiled.observed, self.original, strict=True)
        ]

    def fit(self, seed: int) -> Fit:
        """Sample the posterior given the present data.

        Parameters
        ----------
        seed : int
            Of the sampler.
        """
        best = self._search()
        points, stats = backends.with_nutpie(
            backends.Target(self.compiled, self._gradient, best),
            self._settings._replace(seed=seed),
            lambda phase, share: None,
        )
        quality = [convergence(points[:, :, i]) for i in range(self.compiled.size)]
        return Fit(
            points,
            int(stats["diverging"].sum()),
            float(np.max([each.r_hat for each in quality])),
            float(np.min([(each.ess_bulk, each.ess_tail) for each in quality])),
        )

    def blocks(self, points: np.ndarray) -> np.ndarray:
        """Return ln p(block | all other data, parameters) of the present data.

        Parameters
        ----------
        points : ndarray
            Shape (chains, draws, size).

        Returns
        -------
        ndarray
            All blocks of one dataset after the other, shape (chains, draws, blocks).
        """
        return np.concatenate(self._values(points)[::2], axis=2)

    def _values(self, points: np.ndarray) -> list[np.ndarray]:
        """Return for each dataset its blocks, and it as a whole."""
        found = self._terms(points.reshape(-1, self.compiled.size))
        return [each.reshape(*points.shape[:2], -1) for each in found]

    def elpd_without(self, name: str, block: int | None, seed: int) -> Exact:
        """Fit the original data without some of them, and predict those.

        Parameters
        ----------
        name : str
            The dataset.
        block : int or None
            Which of its blocks; None for all of it.
        seed : int
            Of the sampler.

        Returns
        -------
        Exact
            What came of it.
        """
        place = [o.name for o in self.info.observables].index(name)
        original = self.original[self.compiled.observed.index(name)]
        masks = self.info.observables[place].blocks.masks
        gone = masks.any(axis=0) if block is None else masks[block]
        self.exchange({name: np.where(gone, np.nan, original)})
        fit = self.fit(seed)
        self.exchange()
        values = self._values(fit.points)[2 * place + (block is None)]
        densities = values[:, :, 0 if block is None else block]
        elpd = float(logsumexp(densities) - np.log(densities.size))
        relative = np.exp(densities - elpd)
        worth = convergence(densities).ess_bulk
        return Exact(elpd, float(relative.std() / np.sqrt(worth)), fit)
