"""Sampling the posterior: NUTS in whitened coordinates, around the mode that is found first."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pymc as pm
import xarray as xr

from perovec_bayes.inference import backends, optimum
from perovec_bayes.inference.backends import Drawn, Progress
from perovec_bayes.inference.bridge import UNCOMPILED, Compiled, ScaledGradient
from perovec_bayes.inference.model import info_of
from perovec_bayes.inference.result import assemble

PRIOR_DRAWS = 1000


def sample(
    model: pm.Model,
    *,
    backend: str = "nutpie",
    chains: int = 4,
    draws: int = 1000,
    tune: int = 1000,
    seed: int = 1,
    target_accept: float = 0.9,
    whiten: bool = True,
    progress: Progress | None = None,
) -> xr.DataTree:
    """Sample the posterior of a built model.

    NUTS on JAX gradients, in coordinates whitened by the curvature at the posterior mode (a linear
    change of coordinates, which leaves the posterior as it is).

    Parameters
    ----------
    model : pm.Model
        From `build`, perhaps extended.
    backend : str
        "nutpie", "pymc", "numpyro" or "blackjax". "pymc" samples the model's own variables, not
        whitened; the last two are extras.
    chains, draws, tune : int
        Chains, draws and warm-up draws of each.
    seed : int
        Makes the result repeatable on one machine.
    target_accept : float
        Acceptance rate that the step size is tuned for.
    whiten : bool
        False samples in the prior's own scale instead.
    progress : callable, optional
        Called with a phase and the share of it that is done.

    Returns
    -------
    xr.DataTree
        Groups posterior, prior, posterior_predictive, prior_predictive, log_likelihood,
        observed_data, constant_data, sample_stats; see ARCHITECTURE.md.

    Raises
    ------
    StudyError
        If the sampler is unknown or not installed.
    """
    backends.backend_named(backend)
    report = progress or (lambda phase, share: None)
    begun = time.perf_counter()
    started = start(
        model,
        chains=chains,
        draws=draws,
        tune=tune,
        seed=seed,
        target_accept=target_accept,
        whiten=whiten,
        progress=progress,
    )
    report(backends.PHASE, 0.0)
    drawn = backends.draw(backend, started.target, started.settings, report)
    seconds = time.perf_counter() - begun
    return finish(started, drawn, backend=backend, seconds=seconds, progress=progress)


class Started(NamedTuple):
    """A posterior that is ready to be sampled."""

    target: backends.Target
    settings: backends.Settings
    prior: np.ndarray
    """Draws of the coordinates, shape (draws, size)."""
    best: optimum.Optimum
    seed: int
    """What all randomness comes from."""
    whitened: bool
    rng: np.random.Generator
    """For what comes after the sampling."""


def start(
    model: pm.Model,
    *,
    chains: int,
    draws: int,
    tune: int,
    seed: int,
    target_accept: float,
    whiten: bool,
    progress: Progress | None = None,
) -> Started:
    """Do what comes before the sampling of a posterior.

    Parameters
    ----------
    model, chains, draws, tune, seed, target_accept, whiten, progress
        As for `sample`.
    """
    report = progress or (lambda phase, share: None)
    rng = np.random.default_rng(seed)
    compiled, prior, gradient, best = locate(model, rng, report)
    around = best if whiten else replace(best, factor=np.diag(prior.std(axis=0)))
    settings = backends.Settings(chains, draws, tune, int(rng.integers(2**31)), target_accept)
    target = backends.Target(compiled, gradient, around)
    return Started(target, settings, prior, best, seed, whiten, rng)


def finish(
    started: Started,
    drawn: Drawn,
    *,
    backend: str,
    seconds: float,
    stated: dict[str, Any] | None = None,
    progress: Progress | None = None,
) -> xr.DataTree:
    """Make a result of draws.

    Parameters
    ----------
    started : Started
        The posterior; its `rng` is used up.
    drawn : Drawn
        The draws and their statistics.
    backend : str
        The sampler.
    seconds : float
        How long all has taken so far [s].
    stated : dict of str to Any, optional
        What else is said of the sampling.
    progress : callable, optional
        As for `sample`.
    """
    report = progress or (lambda phase, share: None)
    begun, (points, stats), settings = time.perf_counter(), drawn, started.settings
    report("results", 0.0)
    tree = assemble(started.target.compiled, points, started.prior, started.best, started.rng)
    tree["sample_stats"] = xr.DataTree(stats)
    tree.attrs["sampler"] = json.dumps(
        {
            "backend": backends.stated(backend),
            "chains": settings.chains,
            "draws": settings.draws,
            "tune": settings.tune,
            "seed": started.seed,
            "target_accept": settings.target_accept,
            "whitened": started.whitened and backends.BACKENDS[backend].whitens,
            "optimum_log_density": started.best.starts,
            "modes": len(started.best.modes),
            "wall_time_s": round(seconds + time.perf_counter() - begun, 2),
        }
        | (stated or {})
    )
    report("results", 1.0)
    return tree


class Located(NamedTuple):
    """A compiled model, with its prior and its mode."""

    compiled: Compiled
    prior: np.ndarray
    """Draws of the coordinates, shape (draws, size)."""
    gradient: ScaledGradient
    best: optimum.Optimum


def locate(model: pm.Model, rng: np.random.Generator, report: Progress) -> Located:
    """Compile a model, draw from its prior, and find its posterior mode.

    Parameters
    ----------
    model : pm.Model
        From `build`, perhaps extended.
    rng : numpy.random.Generator
        For the prior.
    report : callable
        Called with a phase and the share of it that is done.
    """
    info = info_of(model)
    compiled = Compiled(model, info.frames)
    report("prior", 0.0)
    prior = prior_points(compiled, PRIOR_DRAWS, rng)
    report("optimum", 0.0)
    gradient = compiled.scaled_gradient()
    best = optimum.Search(compiled, info.observables, prior, gradient)()
    return Located(compiled, prior, gradient, best)


def prior_points(compiled: Compiled, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw unconstrained parameter vectors from the prior.

    Parameters
    ----------
    compiled : Compiled
        The model.
    count : int
        Number of draws.
    rng : numpy.random.Generator
        Source of the seed.

    Returns
    -------
    ndarray
        Shape (count, size).
    """
    return compiled.unconstrain(prior_draws(compiled.model, count, rng))


def prior_draws(model: pm.Model, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw the free variables of a model from the prior.

    Parameters
    ----------
    model : pm.Model
        The model.
    count : int
        Number of draws.
    rng : numpy.random.Generator
        Source of the seed.

    Returns
    -------
    dict
        Name -> array of shape (count, ...).
    """
    free = model.free_RVs
    with model:
        drawn = pm.draw(free, draws=count, random_seed=int(rng.integers(2**31)), mode=UNCOMPILED)
    if count == 1:  # pm.draw then leaves the axis of draws out
        drawn = [d[None] for d in drawn]
    return {v.name: d for v, d in zip(free, drawn, strict=True)}
