"""The samplers that a study can choose: NUTS by nutpie, PyMC, numpyro or blackjax."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.metadata import version
from typing import Any, NamedTuple

import jax
import numpy as np
import nutpie
import pymc as pm
import xarray as xr
from jax import Array
from nutpie.compiled_pyfunc import from_pyfunc

from perovec_bayes.errors import StudyError
from perovec_bayes.inference.bridge import Compiled, ScaledGradient
from perovec_bayes.inference.optimum import Optimum
from perovec_bayes.inference.priors import unknown
from perovec_bayes.inference.threads import threads

Progress = Callable[[str, float], None]
CORRELATED = 2.0
"""nutpie learns a direction in which the posterior is wider or narrower than the curvature at its
mode says by this factor (of the variance)."""
PHASE = "sampling"
"""What progress is reported of."""


class Target(NamedTuple):
    """A posterior, and the coordinates z in which it is sampled."""

    compiled: Compiled
    """The model; log density of its coordinates."""
    gradient: ScaledGradient
    """Its `scaled_gradient`, compiled."""
    around: Optimum
    """Coordinates are point + factor z."""

    def points(self, z: np.ndarray) -> np.ndarray:
        """Return the model's coordinates.

        Parameters
        ----------
        z : ndarray
            Shape (..., size).
        """
        moved: np.ndarray = self.around.point + np.asarray(z) @ self.around.factor.T
        return moved

    def density(self) -> Callable[[Array], Array]:
        """Return the log density of z, which JAX can trace."""
        density, point, factor = self.compiled.log_density(), self.around.point, self.around.factor
        return lambda z: density(point + factor @ z)


class Settings(NamedTuple):
    """How long and from which random numbers; `sample` explains them."""

    chains: int
    draws: int
    tune: int
    seed: int
    target_accept: float
    cores: int | None = None
    """Chains that run at a time; as many as there are processors when absent."""

    @property
    def threads(self) -> int:
        """How many chains run at a time."""
        return min(self.chains, self.cores or threads())

    def starts(self, size: int) -> np.ndarray:
        """Return where the chains start, shape (chains, size) [widths of the optimum]."""
        return np.random.default_rng(self.seed).uniform(-1.0, 1.0, (self.chains, size))

    def keys(self) -> Array:
        """Return a JAX random key for each chain."""
        return jax.random.split(jax.random.key(self.seed), self.chains)


type Drawn = tuple[np.ndarray, xr.Dataset]
"""Coordinates of the model, shape (chains, draws, size), and statistics with the dimensions chain
and draw, `diverging` and `energy` among them."""


class Backend(NamedTuple):
    """One sampler."""

    run: Callable[[Target, Settings, Progress], Drawn]
    package: str
    """Whose version a result states."""
    whitens: bool = True
    """Whether it samples z; else the model's own variables."""
    extra: str | None = None
    """The extra of perovec_bayes that brings it."""


def with_nutpie(target: Target, settings: Settings, report: Progress) -> Drawn:
    """Sample z by nutpie, chains in threads.

    Parameters
    ----------
    target, settings
        What and how.
    report : callable
        As `progress` of `sample`.
    """
    gradient, point, factor = target.gradient, target.around.point, target.around.factor
    size = len(point)

    def make_density() -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
        def evaluate(z: np.ndarray) -> tuple[float, np.ndarray]:
            value, slope = gradient(z, point, factor)
            return float(value), np.asarray(slope)

        return evaluate

    def make_expand(*_: int) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
        return lambda z: {"z": z}

    whitened = from_pyfunc(
        ndim=size,
        make_logp_fn=make_density,
        make_expand_fn=make_expand,
        expanded_dtypes=[np.dtype("float64")],
        expanded_shapes=[(size,)],
        expanded_names=["z"],
        make_initial_point_fn=lambda seed: np.random.default_rng(seed).uniform(-1.0, 1.0, size),
    )
    total = settings.chains * (settings.draws + settings.tune)

    def watch(state: list[Any]) -> None:
        report(PHASE, sum(chain.finished_draws for chain in state) / total)

    trace = nutpie.sample(
        whitened,
        chains=settings.chains,
        draws=settings.draws,
        tune=settings.tune,
        seed=settings.seed,
        cores=settings.threads,
        target_accept=settings.target_accept,
        adaptation="low_rank",
        mass_matrix_eigval_cutoff=CORRELATED,
        save_warmup=False,
        progress_bar=False,
        progress_callback=watch,
    )
    return target.points(trace["posterior"]["z"].to_numpy()), _kept(trace)


def with_pymc(target: Target, settings: Settings, report: Progress) -> Drawn:
    """Sample the PyMC model itself by PyMC, in its own scale, one chain after the other.

    PyMC runs chains side by side in processes, each of which would import and compile anew. Neither
    the density of `Compiled` nor a frame takes part in the sampling: a check of both.

    Parameters
    ----------
    target, settings
        What and how; the chains start where those of the others do.
    report : callable
        As `progress` of `sample`.
    """
    model, size = target.compiled.model, target.compiled.size
    free = [variable.name for variable in model.free_RVs]
    values = jax.jit(target.compiled.function(model.free_RVs))
    starts = [
        dict(zip(free, map(np.asarray, values(point)), strict=True))
        for point in target.points(settings.starts(size))
    ]
    total = settings.chains * (settings.draws + settings.tune)
    done = iter(range(1, total + 1))
    trace = pm.sample(
        model=model,
        nuts_sampler="pymc",
        backend="jax",
        init="adapt_diag",
        initvals=starts,
        chains=settings.chains,
        draws=settings.draws,
        tune=settings.tune,
        random_seed=settings.seed,
        target_accept=settings.target_accept,
        cores=1,
        var_names=free,
        progressbar=False,
        quiet=True,
        compute_convergence_checks=False,
        callback=lambda **_: report(PHASE, next(done) / total),
    )
    drawn = trace["posterior"].to_dataset()
    flat = {name: np.concatenate(drawn[name].to_numpy()) for name in free}
    points = target.compiled.unconstrain(flat)
    return points.reshape(drawn.sizes["chain"], drawn.sizes["draw"], size), _kept(trace)


def with_numpyro(target: Target, settings: Settings, report: Progress) -> Drawn:
    """Sample z by numpyro: side by side where JAX has a device for each chain, else in turn.

    Parameters
    ----------
    target, settings
        What and how.
    report : callable
        As `progress` of `sample`.
    """
    infer, density = import_module("numpyro.infer"), target.density()
    kernel = infer.NUTS(
        potential_fn=lambda z: -density(z), target_accept_prob=settings.target_accept
    )
    parallel = 1 < settings.chains <= jax.local_device_count()
    sampler = infer.MCMC(
        kernel,
        num_warmup=settings.tune,
        num_samples=settings.draws,
        num_chains=settings.chains,
        chain_method="parallel" if parallel else "sequential",
        progress_bar=False,
    )
    fields = {
        "diverging": "diverging",
        "energy": "energy",
        "n_steps": "num_steps",
        "acceptance_rate": "accept_prob",
    }
    start = settings.starts(target.compiled.size)
    sampler.run(
        jax.random.key(settings.seed),
        init_params=start if settings.chains > 1 else start[0],
        extra_fields=tuple(fields.values()),
    )
    found = sampler.get_extra_fields(group_by_chain=True)
    points = target.points(np.asarray(sampler.get_samples(group_by_chain=True)))
    report(PHASE, 1.0)
    return points, labelled({name: found[field] for name, field in fields.items()})


def blackjax_chain(
    density: Callable[[Array], Array], settings: Settings
) -> Callable[[Array, Array], tuple[Array, dict[str, Array]]]:
    """Return a function that makes a chain by blackjax, with the window adaptation of Stan.

    Parameters
    ----------
    density : callable
        Log density of z, which JAX can trace.
    settings : Settings
        Its draws, tune and target_accept count.

    Returns
    -------
    callable
        From a random key and a start (size,) to z of shape (draws, size) and statistics by name,
        each of shape (draws,).
    """
    blackjax = import_module("blackjax")
    warmup = blackjax.window_adaptation(
        blackjax.nuts,
        density,
        target_acceptance_rate=settings.target_accept,
        adaptation_info_fn=lambda *_: None,
    )

    def chain(key: Array, start: Array) -> tuple[Array, dict[str, Array]]:
        first, second = jax.random.split(key)
        (state, tuned), _ = warmup.run(first, start, num_steps=settings.tune)
        step = blackjax.nuts(density, **tuned).step

        def move(state: Any, key: Array) -> tuple[Any, tuple[Array, dict[str, Array]]]:
            state, info = step(key, state)
            stats = {
                "diverging": info.is_divergent,
                "energy": info.energy,
                "n_steps": info.num_integration_steps,
                "acceptance_rate": info.acceptance_rate,
            }
            return state, (state.position, stats)

        drawn: tuple[Array, dict[str, Array]]
        _, drawn = jax.lax.scan(move, state, jax.random.split(second, settings.draws))
        return drawn

    return chain


def with_blackjax(target: Target, settings: Settings, report: Progress) -> Drawn:
    """Sample z by blackjax, chains in threads.

    Parameters
    ----------
    target, settings
        What and how.
    report : callable
        As `progress` of `sample`.
    """
    chain = blackjax_chain(target.density(), settings)
    keys, starts = settings.keys(), settings.starts(target.compiled.size)
    compiled = jax.jit(chain).lower(keys[0], starts[0]).compile()
    done = iter(range(1, settings.chains + 1))

    def run(key: Array, start: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        z, stats = jax.tree.map(np.asarray, compiled(key, start))
        report(PHASE, next(done) / settings.chains)
        return z, stats

    with ThreadPoolExecutor(settings.threads) as pool:
        chains = list(pool.map(run, keys, starts))
    points = target.points(np.stack([z for z, _ in chains]))
    stats = [stats for _, stats in chains]
    return points, labelled({name: np.stack([each[name] for each in stats]) for name in stats[0]})


BACKENDS = {
    "nutpie": Backend(with_nutpie, "nutpie"),
    "pymc": Backend(with_pymc, "pymc", whitens=False),
    "numpyro": Backend(with_numpyro, "numpyro", extra="numpyro"),
    "blackjax": Backend(with_blackjax, "blackjax", extra="blackjax"),
}


def backend_named(name: str) -> Backend:
    """Return a sampler that is installed.

    Parameters
    ----------
    name : str
        One of `BACKENDS`.

    Raises
    ------
    StudyError
        If there is no such sampler, or its package is not installed.
    """
    if name not in BACKENDS:
        raise StudyError(unknown("sampler", name, BACKENDS))
    backend = BACKENDS[name]
    try:
        import_module(backend.package)
    except ImportError as error:
        raise StudyError(
            f"the sampler '{name}' is not installed",
            hint=f"Install the extra perovec_bayes[{backend.extra}] (docs/study-files.md says how; "
            "`sh setup.sh dev` does it too), or choose 'nutpie' or 'pymc'.",
        ) from error
    return backend


def draw(name: str, target: Target, settings: Settings, report: Progress) -> Drawn:
    """Sample a posterior.

    Parameters
    ----------
    name : str
        One of `BACKENDS`.
    target, settings
        What and how.
    report : callable
        As `progress` of `sample`.

    Returns
    -------
    points : ndarray
        Coordinates, shape (chains, draws, size).
    stats : xr.Dataset
        The sampler's statistics.

    Raises
    ------
    StudyError
        As `backend_named` does.
    KeyboardInterrupt
        If the sampler took an interrupt as a wish for fewer draws.
    """
    points, stats = backend_named(name).run(target, settings, report)
    if points.shape[:2] != (settings.chains, settings.draws):
        raise KeyboardInterrupt
    return points, stats


def stated(name: str) -> str:
    """Return a sampler's name and version.

    Parameters
    ----------
    name : str
        One of `BACKENDS`.
    """
    return f"{name} {version(BACKENDS[name].package)}"


def _kept(trace: xr.DataTree) -> xr.Dataset:
    """Return the statistics that are one number a draw."""
    stats = trace["sample_stats"].to_dataset()
    return stats[[name for name in stats if stats[name].ndim == 2]].load()


def labelled(stats: dict[str, Any]) -> xr.Dataset:
    """Return statistics as a dataset like those of nutpie and PyMC.

    Parameters
    ----------
    stats : dict of str to array
        Each of shape (chains, draws).
    """
    found = xr.Dataset({name: (("chain", "draw"), np.asarray(v)) for name, v in stats.items()})
    return found.assign_coords({dim: np.arange(size) for dim, size in found.sizes.items()})
