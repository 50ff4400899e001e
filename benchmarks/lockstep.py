"""Whether many small fits of one card would be faster as one batched JAX computation.

`.venv/bin/python benchmarks/lockstep.py [--thread]`

For cards with small data, on one thread (`--thread` is set by the script for itself):

- single_us: the log density and its gradient at a point of one fit, as the sampler asks for it;
- batch_N_us: the same for N fits at once (`jax.vmap` over points, whitening and data), per fit;
- compile_N_s: what compiling that takes;
- waiting_N: in lock-step NUTS makes, for each draw, as many steps as the longest trajectory of the
  N: the mean of the longest over the mean of all, from N chains;
- gain_N: what a gradient gains by the batch, divided by that;
- nutpie_ess_per_s, batch_ess_per_s: the least effective number of draws among the coordinates, per
  second of sampling and fit: by nutpie, one fit after the other, and by blackjax with the same
  whitening, its chains of FITS fits as one computation, which takes batch_compile_s to compile.

The result is also in `results/lockstep.csv`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import arviz as az
import blackjax
import jax
import numpy as np
import pandas as pd
from batches import studies
from jax import Array

from perovec_bayes.inference import backends
from perovec_bayes.inference.backends import Target
from perovec_bayes.inference.sample import locate
from perovec_bayes.inference.study import checked_card, load_study
from perovec_bayes.workflow.prepare import build_model, datasets

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "lockstep.csv"
SIZES = (8, 64)
DRAWS = 100
"""Draws by which trajectories are judged."""
FITS, CHAINS, KEPT = 8, 2, 500
"""The fits that are sampled, the chains of each, and their draws; as many to warm up."""
ALONE = dict.fromkeys(("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PEROVEC_THREADS"), "1")


def fastest(call: Callable[[], object], seconds: float = 3.0) -> float:
    """Return the median time of a call [s] over some seconds."""
    call()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return float(np.median(times))


def measured(path: Path) -> dict[str, float]:
    """Return what there is to tell of a study."""
    study = load_study(path)
    model = build_model(study, checked_card(study), datasets(study))
    found = locate(model, np.random.default_rng(1), lambda phase, share: None)
    compiled, best, rng = found.compiled, found.best, np.random.default_rng(2)
    density = compiled.log_density()

    def value(z: Array, point: Array, factor: Array, data: list[Array]) -> Array:
        return density(point + factor @ z, *data)

    z = rng.normal(size=compiled.size) * 0.5
    out = {"size": compiled.size}
    out["single_us"] = 1e6 * fastest(
        lambda: [np.asarray(v) for v in found.gradient(z, best.point, best.factor)]
    )
    target = backends.Target(compiled, found.gradient, best)
    for count in SIZES:
        batch = jax.jit(jax.vmap(jax.value_and_grad(value)))
        many = (
            rng.normal(size=(count, compiled.size)) * 0.5,
            np.repeat(best.point[None], count, 0),
            np.repeat(best.factor[None], count, 0),
            [np.repeat(d[None], count, 0) for d in compiled.data],
        )
        begun = time.perf_counter()
        jax.block_until_ready(batch(*many))
        out[f"compile_{count}_s"] = time.perf_counter() - begun
        each = fastest(lambda batch=batch, many=many: [np.asarray(v) for v in batch(*many)]) / count
        settings = backends.Settings(count, DRAWS, 300, 3, 0.9)
        stats = backends.draw("nutpie", target, settings, lambda phase, share: None)[1]
        steps = stats["n_steps"].to_numpy()
        waiting = float(steps.max(axis=0).mean() / steps.mean())
        out[f"batch_{count}_us"] = 1e6 * each
        out[f"waiting_{count}"] = waiting
        out[f"gain_{count}"] = out["single_us"] / (1e6 * each) / waiting
    return out | sampled(target, target.density())


def sampled(target: Target, density: Callable[[Array], Array]) -> dict[str, float]:
    """Return how fast nutpie samples fits in turn, and blackjax the same in lock-step."""
    settings = backends.Settings(CHAINS, KEPT, KEPT, 5, 0.9)
    begun = time.perf_counter()
    points = backends.draw("nutpie", target, settings, lambda phase, share: None)[0]
    single = time.perf_counter() - begun
    around = np.linalg.inv(target.around.factor)
    z = (points - target.around.point) @ around.T

    warmup = blackjax.window_adaptation(
        blackjax.nuts,
        density,
        target_acceptance_rate=settings.target_accept,
        adaptation_info_fn=lambda *_: None,
    )

    def chain(key: Array, start: Array) -> Array:
        first, second = jax.random.split(key)
        (state, tuned), _ = warmup.run(first, start, num_steps=KEPT)
        step = blackjax.nuts(density, **tuned).step

        def move(state: Any, key: Array) -> tuple[Any, Array]:
            state, _ = step(key, state)
            return state, state.position

        return jax.lax.scan(move, state, jax.random.split(second, KEPT))[1]

    lanes = FITS * CHAINS
    keys = jax.random.split(jax.random.key(1), lanes)
    starts = np.random.default_rng(1).uniform(-1.0, 1.0, (lanes, target.compiled.size))
    begun = time.perf_counter()
    compiled = jax.jit(jax.vmap(chain)).lower(keys, starts).compile()
    compiling = time.perf_counter() - begun
    begun = time.perf_counter()
    many = np.asarray(compiled(keys, starts)).reshape(FITS, CHAINS, KEPT, -1)
    together = time.perf_counter() - begun
    return {
        "nutpie_s": single,
        "nutpie_ess_per_s": least(z) / single,
        "batch_compile_s": compiling,
        "batch_s_per_fit": together / FITS,
        "batch_ess_per_s": float(np.mean([least(each) for each in many])) * FITS / together,
    }


def least(z: np.ndarray) -> float:
    """Return the least effective number of draws, of shape (chains, draws, size)."""
    return min(float(az.ess(z[..., k])) for k in range(z.shape[-1]))


def main() -> None:
    """Measure each card and print the table."""
    if "--thread" not in sys.argv:
        flags = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
        again = [sys.executable, __file__, "--thread"]
        raise SystemExit(subprocess.call(again, env=os.environ | ALONE | flags))
    folder = Path(tempfile.mkdtemp())
    studies(folder)
    rows = {card: measured(folder / card / "study.toml") for card in ("redox_couple", "solubility")}
    table = pd.DataFrame(rows).T.round(3)
    table.index.name = "card"
    sys.stdout.write(f"{table.T.to_string()}\n")
    table.to_csv(RESULT)


if __name__ == "__main__":
    main()
