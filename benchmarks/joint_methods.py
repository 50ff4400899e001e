"""Ways to sample the posterior of a built model, as `joint_fit.py` compares them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import numpy as np
import pymc as pm
import xarray as xr

from perovec_bayes.diagnostics import check
from perovec_bayes.inference.backends import Settings, Target
from perovec_bayes.inference.bridge import Compiled, Mapped
from perovec_bayes.inference.model import info_of
from perovec_bayes.inference.sample import locate, sample

INITIAL = 200
"""Steps before PINTS adapts, as in its own controller."""


class Sampled(NamedTuple):
    """Draws of the free parameters, and what they cost."""

    draws: np.ndarray
    """Shape (chains, draws, scalars)."""
    divergences: int | None
    """None where the method has none."""
    seconds: float
    """Wall time from the built model to the draws."""
    note: str = ""


type Method = Callable[[pm.Model, Settings, float], Sampled]


def _of_trace(model: pm.Model, trace: xr.DataTree, seconds: float) -> Sampled:
    """Return the free parameters of what PyMC or nutpie has drawn."""
    values = [trace["posterior"][variable.name].to_numpy() for variable in model.free_RVs]
    flat = [value.reshape(*value.shape[:2], -1) for value in values]
    diverging = int(trace["sample_stats"]["diverging"].sum())
    return Sampled(np.concatenate(flat, axis=2), diverging, seconds)


def ours(backend: str) -> Method:
    """`perovec_bayes.sample` as users call it, predictions and likelihoods included."""

    def method(model: pm.Model, settings: Settings, limit: float) -> Sampled:
        wanted = {name: value for name, value in settings._asdict().items() if name != "cores"}
        begun = time.perf_counter()
        tree = sample(model, backend=backend, **wanted)
        seconds = time.perf_counter() - begun
        gate = "gate passed" if check(tree).passed else "gate failed"
        used = json.loads(tree.attrs["sampler"])
        return _of_trace(model, tree, seconds)._replace(note=f"{gate}; {used['backend']}")

    return method


def nutpie_plain(model: pm.Model, settings: Settings, limit: float) -> Sampled:
    """Nutpie on the PyMC model, with its defaults, on JAX."""
    import nutpie  # noqa: PLC0415

    begun = time.perf_counter()
    compiled = nutpie.compile_pymc_model(model, backend="jax", gradient_backend="jax")
    trace = nutpie.sample(compiled, progress_bar=False, **settings._asdict())
    return _of_trace(model, trace, time.perf_counter() - begun)


def by_pymc(sampler: str, **options: Any) -> Method:
    """One of the samplers of `pm.sample`, with its defaults."""

    def method(model: pm.Model, settings: Settings, limit: float) -> Sampled:
        begun = time.perf_counter()
        trace = pm.sample(
            model=model,
            nuts_sampler=sampler,
            progressbar=False,
            compute_convergence_checks=False,
            random_seed=settings.seed,
            **{k: v for k, v in settings._asdict().items() if k != "seed"},
            **options,
        )
        trace["posterior"].load()  # PyMC may leave arrays to be computed
        return _of_trace(model, trace, time.perf_counter() - begun)

    return method


def pints_adaptive(model: pm.Model, settings: Settings, limit: float) -> Sampled:
    """Adaptive-covariance Metropolis of PINTS, for as long as the limit allows.

    In its favour it starts around our mode with our covariance, and neither is timed. The first
    half is warm-up.
    """
    import pints  # noqa: PLC0415

    located = locate(model, np.random.default_rng(settings.seed), lambda phase, share: None)
    target = Target(located.compiled, located.gradient, located.best)
    starts = target.points(settings.starts(located.compiled.size))
    covariance = located.best.factor @ located.best.factor.T
    begun = time.perf_counter()
    density = jax.jit(located.compiled.log_density())

    def chain(number: int) -> list[np.ndarray]:
        sampler = pints.HaarioBardenetACMC(starts[number], covariance)
        points: list[np.ndarray] = []
        while time.perf_counter() - begun < limit:
            proposed = sampler.ask()
            value = float(density(proposed))
            answer = sampler.tell(value if np.isfinite(value) else -np.inf)
            if answer is not None:
                points.append(np.array(answer[0]))
            if len(points) == INITIAL and sampler.in_initial_phase():
                sampler.set_initial_phase(False)
        return points

    np.random.seed(settings.seed)  # noqa: NPY002 (PINTS draws from the global generator)
    with ThreadPoolExecutor(settings.chains) as pool:
        chains = list(pool.map(chain, range(settings.chains)))
    seconds = time.perf_counter() - begun
    length = min(map(len, chains))
    if length < INITIAL:
        raise SystemExit(f"PINTS made {length} steps a chain in {limit:g} s: raise --limit")
    kept = np.stack([each[length // 2 : length] for each in chains])
    note = f"{length} steps a chain"
    return Sampled(_free(located.compiled, kept), None, seconds, note)


def _free(compiled: Compiled, points: np.ndarray) -> np.ndarray:
    """Return the free parameters at coordinates of shape (chains, draws, size)."""
    flat = points.reshape(-1, compiled.size)
    values = Mapped(compiled.function(compiled.model.free_RVs))(flat)
    joined = np.concatenate([value.reshape(len(flat), -1) for value in values], axis=1)
    return joined.reshape(*points.shape[:2], -1)


METHODS: dict[str, Method] = {
    "ours": ours("nutpie"),
    "nutpie": nutpie_plain,
    "numpyro": by_pymc("numpyro"),
    "pymc": by_pymc("pymc", backend="jax"),
    "pints": pints_adaptive,
    "ours_numpyro": ours("numpyro"),
    "ours_blackjax": ours("blackjax"),
    "ours_pymc": ours("pymc"),
}


def observed(model: pm.Model) -> str:
    """Return the techniques of the data, in words."""
    return " + ".join(o.technique.upper() for o in info_of(model).observables)
