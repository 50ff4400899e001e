"""Speed of the engine: against a loop in numba, gradients, compilation, steps, batches.

    .venv/bin/python benchmarks/engine.py

prints tables and writes `results/engine.csv`. Everything runs on one core, compilation apart.
Times are the least of several rounds in which all that is compared takes turns; processor time,
which other work on the machine disturbs little, except on a GPU and for compilation.
"""

from __future__ import annotations

import contextlib
import csv
import importlib.metadata
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import engine_case
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from perovec_bayes.forward import voltammetry

STEPS = 2000
DIVISIONS = (1, 3, 10, 30, 100)
"""Of the steps of a grid of about `engine_case.BASE_STEPS`."""
BATCHES = (1, 4, 16, 64, 256)
TURN = 3
"""Runs in a turn."""
AGREEMENT = 1e-8
"""Largest difference from the loop, of the largest value [1]."""
SCALES = (5e-4, 1e-7)
"""Of currents [A cm^-2] and film [mol cm^-2] in the sum of squares."""
RESULTS = Path(__file__).parent / "results" / "engine.csv"
FORWARD, GRADIENT, JACOBIAN = "forward", "value and gradient", "Jacobian, forward mode"

type Run = Callable[[], Any]
type Respond = Callable[[Array], tuple[Array, ...]]


class Row(NamedTuple):
    """A line of the results."""

    part: str
    what: str
    size: int
    """Steps or parameter sets."""
    value: float
    unit: str
    ratio: float
    """To what the table names [1]."""


def respond(grid: np.ndarray, *, nucleation: bool = True) -> Respond:
    """Return the engine's run over a grid: theta -> what `numba_engine.Record` has."""
    programme = engine_case.programme()

    def run(theta: Array) -> tuple[Array, ...]:
        model = engine_case.model(theta, nucleation=nucleation)
        o = voltammetry.respond(model, programme, engine_case.F, grid=grid).output
        return o.current, o.charge, o.film, o.film_rate, o.lead, o.lead_rate

    return run


def objective(run: Respond) -> Callable[[Array], Array]:
    """Return a sum of squares of currents and film."""

    def squares(theta: Array) -> Array:
        current, _, film, *_ = run(theta)
        return jnp.sum((current / SCALES[0]) ** 2) + jnp.sum((film / SCALES[1]) ** 2)

    return squares


def functions(grid: np.ndarray) -> dict[str, Callable[[Array], Any]]:
    """Return what is timed, to be compiled."""
    run = respond(grid)
    return {
        FORWARD: run,
        GRADIENT: jax.value_and_grad(objective(run)),
        JACOBIAN: jax.jacfwd(lambda theta: run(theta)[0]),
    }


def waiting(function: Callable[[Array], Any], theta: Array) -> Run:
    """Return a run of a compiled function that ends when its result is there."""
    return lambda: jax.block_until_ready(function(theta))


def race(
    runs: dict[str, Run], rounds: int, clock: Callable[[], float] = time.process_time
) -> dict[str, float]:
    """Return the least time of each run [s]; they take turns, after one that compiles.

    A turn is several runs: the first finds the caches as the others have left them.
    """
    for run in runs.values():
        run()
    least = dict.fromkeys(runs, np.inf)
    for _ in range(rounds):
        for name, _ in itertools.product(runs, range(TURN)):
            begin = clock()
            runs[name]()
            least[name] = min(least[name], clock() - begin)
    return least


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Keep this process, and those it starts, on one core where the system allows it."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def start() -> Array:
    """Return the parameters at their true values."""
    return jnp.ones(len(engine_case.TRUTH))


def against_the_loop(grid: np.ndarray) -> Iterator[Row]:
    """Compare the engine with the loop by hand, with nuclei and with a constant number of sites."""
    import numba_engine  # noqa: PLC0415  (compiles when used; the workers do without)

    loop, runs = numba_engine.Run(engine_case.programme(), grid), {}
    for nucleation, name in ((True, "nucleation"), (False, "sites")):
        engine = jax.jit(respond(grid, nucleation=nucleation))
        model = engine_case.model(start(), nucleation=nucleation)
        p = numba_engine.parameters(model, engine_case.F)
        record, corrections = loop(p)
        for field, ours, theirs in zip(record._fields, engine(start()), record, strict=True):
            apart = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
            yield Row("loop", f"{name}: {field} differs", len(grid) - 1, apart, "1", np.nan)
            assert apart < AGREEMENT, f"{name}: {field} differs by {apart:.1e} of its largest"
        each = corrections / (len(grid) - 1)
        yield Row("loop", f"{name}: Newton steps a step", len(grid) - 1, each, "1", np.nan)
        runs[f"{name}: engine"] = waiting(engine, start())
        runs[f"{name}: loop"] = lambda p=p: loop(p)
    wall, times = race(runs, 40, time.perf_counter), race(runs, 40)
    for name, value in times.items():
        ratio = value / times[name.split(":")[0] + ": loop"]
        yield Row("loop", name, len(grid) - 1, value, "s", ratio)
        yield Row("loop", f"{name}, waits too", len(grid) - 1, wall[name], "s", np.nan)


def derivatives(grid: np.ndarray) -> Iterator[Row]:
    """Time gradient and Jacobian."""
    compiled = {name: jax.jit(each) for name, each in functions(grid).items()}
    times = race({name: waiting(each, start()) for name, each in compiled.items()}, 20)
    for name, value in times.items():
        yield Row("derivatives", name, len(grid) - 1, value, "s", value / times[FORWARD])


def worker(task: str, *arguments: str) -> dict[str, float]:
    """Run a task of this file in a new process; return what it has measured."""
    command = [sys.executable, __file__, task, *arguments]
    environment = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compile_task(grid: str, name: str, cache: str = "") -> dict[str, float]:
    """Compile one of `functions`, with a persistent cache if a folder is given."""
    if cache:
        jax.config.update("jax_compilation_cache_dir", cache)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    function, theta = functions(np.load(grid))[name], start()
    begin, used = time.perf_counter(), time.process_time()
    lowered = jax.jit(function).lower(theta)
    traced = time.perf_counter()
    lowered.compile()
    end, used = time.perf_counter(), time.process_time() - used
    return {"tracing": traced - begin, "all": end - begin, "all, processor time": used}


def compilation(grid: Path) -> Iterator[Row]:
    """Time tracing and compilation in new processes, without a cache and with a filled one."""
    for name in (FORWARD, GRADIENT):
        with tempfile.TemporaryDirectory() as cache:
            cold = worker("compile", str(grid), name)
            worker("compile", str(grid), name, cache)
            warm = worker("compile", str(grid), name, cache)
        for kind, found in (("cold", cold), ("cached", warm)):
            for what, value in found.items():
                label = f"{name}, {kind}: {what}"
                yield Row("compilation", label, STEPS, value, "s", value / cold[what])


def memory(*, forget: bool = False) -> float:
    """Return the largest memory of this process [bytes], since the last call with `forget`.

    Where the system cannot forget, compilation hides what a run of few steps takes.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return float(peak * (1 if sys.platform == "darwin" else 1024))
    if forget:
        status.with_name("clear_refs").write_text("5", encoding="ascii")
    # `getrusage` counts what the parent had when it started this process
    lines = status.read_text(encoding="ascii").splitlines()
    return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def steps_task(grid: str) -> dict[str, float]:
    """Measure memory of reverse mode and times on a grid."""
    times, theta = np.load(grid), start()
    these = functions(times)
    gradient = jax.jit(these[GRADIENT]).lower(theta).compile()
    before = memory(forget=True)
    jax.block_until_ready(gradient(theta))
    growth = memory() - before
    runs = {FORWARD: waiting(jax.jit(these[FORWARD]), theta), GRADIENT: waiting(gradient, theta)}
    buffers = float(gradient.memory_analysis().temp_size_in_bytes)
    found = race(runs, max(1, 30_000 // len(times)))
    return found | {"process": before + growth, "growth": growth, "buffers": buffers}


def against_steps(base: np.ndarray, folder: Path) -> Iterator[Row]:
    """Measure cost and memory against the number of steps; fit the exponents of the cost."""
    counts, costs = [], []
    for division in DIVISIONS:
        path = folder / f"steps{division}.npy"
        times = engine_case.finer(base, division)
        np.save(path, times)
        found, steps = worker("steps", str(path)), len(times) - 1
        counts.append(steps)
        costs.append([found[FORWARD], found[GRADIENT]])
        for name in (FORWARD, GRADIENT):
            yield Row("steps", name, steps, found[name], "s", found[name] / steps * 1e6)
        for name in ("process", "growth", "buffers"):
            value = found[name]
            yield Row("steps", f"memory, {name}", steps, value / 2**20, "MiB", value / steps)
    exponents = np.polyfit(np.log(counts), np.log(costs), 1)[0]
    for name, value in zip((FORWARD, GRADIENT), exponents, strict=True):
        yield Row("steps", f"{name}: exponent", counts[-1], value, "1", np.nan)


def batches(grid: np.ndarray, device: jax.Device) -> Iterator[Row]:
    """Measure runs a second of batches of parameter sets, against one by one."""
    rng = np.random.default_rng(1)
    sets = rng.normal(1.0, 0.02, (max(BATCHES), len(engine_case.TRUTH)))
    function, part = respond(grid), f"batch, {device.platform}"
    rounds, clock = (10, time.process_time) if device.platform == "cpu" else (1, time.perf_counter)
    with jax.default_device(device):
        one, several = jax.jit(function), jax.jit(jax.vmap(function))
        alone = race({"one": waiting(one, jnp.asarray(sets[0]))}, rounds, clock)["one"]
        yield Row(part, "one by one", 1, 1 / alone, "1/s", 1.0)
        for size in BATCHES:
            run = waiting(several, jnp.asarray(sets[:size]))
            value = size / race({"batch": run}, max(1, rounds // size), clock)["batch"]
            yield Row(part, "batch", size, value, "1/s", value * alone)


def devices() -> list[jax.Device]:
    """Return the processor, and a GPU if JAX sees one."""
    found = jax.devices("cpu")[:1]
    with contextlib.suppress(RuntimeError):
        found += jax.devices("gpu")[:1]
    return found


MEANING = {
    "loop": "time over that of the loop",
    "derivatives": "time over forward",
    "compilation": "time over cold",
    "steps": "us or bytes a step",
    "batch": "over one by one",
}
"""What the ratio is in each part."""
TASKS = {"compile": compile_task, "steps": steps_task}


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def number(value: float) -> str:
    """Return three digits, nothing for NaN."""
    return "" if np.isnan(value) else f"{value:.3g}"


def tell(rows: Iterator[Row]) -> list[Row]:
    """Print a table of the rows, each as soon as it is measured."""
    kept: list[Row] = []
    for row in rows:
        if not kept:
            size = "sets" if row.part.startswith("batch") else "steps"
            say(f"\n| {row.part} | {size} | value | unit | {MEANING[row.part.split(',')[0]]} |")
            say("|---|---|---|---|---|")
        kept.append(row)
        say(f"| {row.what} | {row.size} | {number(row.value)} | {row.unit} | {number(row.ratio)} |")
    return kept


def main() -> None:
    """Measure everything, print tables, write `results/engine.csv`."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("jax", "numba")]
    say(f"{', '.join(versions)}; {os.cpu_count()} cores, one used")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        with one_core():
            grid, base = (engine_case.grid(steps) for steps in (STEPS, engine_case.BASE_STEPS))
            rows += tell(against_the_loop(grid)) + tell(derivatives(grid))
            rows += tell(against_steps(base, Path(folder)))
            for device in devices():
                rows += tell(batches(grid, device))
        path = Path(folder) / "grid.npy"
        np.save(path, grid)
        rows += tell(compilation(path))
    if len(devices()) == 1:
        say("\nJAX sees no GPU here.")
    with RESULTS.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row._fields)
        writer.writerows((*row[:3], number(row.value), row.unit, number(row.ratio)) for row in rows)


if __name__ == "__main__":
    if sys.argv[1:]:
        say(json.dumps(TASKS[sys.argv[1]](*sys.argv[2:])))
    else:
        main()
