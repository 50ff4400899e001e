"""How far one batch goes: the work of everything but the fits, measured with fits that are done.

`.venv/bin/python benchmarks/scheduler.py [--fits 1000 10000] [--workers 2]`

One fit is made, and its record and summary are put into as many folders as there are fits. Then, as
a run of the batch would:

- plan: every study is checked, its data are hashed, its record is read;
- send: all fits go through Dask to the workers, which find them done and say so: the scheduler at
  its limit;
- tables: `summary.csv`, `batch.parquet` and `report.html`.

What 100,000 fits cost follows from the largest number. Results: `results/scheduler.csv`.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd
import psutil

from perovec_bayes.workflow.batch.engine import limits_of, running
from perovec_bayes.workflow.batch.gather import results, write_results
from perovec_bayes.workflow.batch.manifest import Engine, load_manifest
from perovec_bayes.workflow.batch.plan import Plan, plan
from perovec_bayes.workflow.batch.records import Done, folder_of, read_done, write_done
from perovec_bayes.workflow.batch.run import batch, ended, job_of

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "scheduler.csv"
STUDY = ROOT / "examples" / "solubility" / "study.toml"
MANIFEST = """\
[batch]
name = "{name}"
quick = true
[[fits]]
study = "{study}"
[fits.grid]
seed = [{seeds}]
"""
TARGET, FIT_S = 100_000, 60.0
"""What is worked out: so many fits, of so many seconds each."""


def manifest(folder: Path, fits: int) -> Path:
    """Write a manifest of one study with so many seeds; return its path."""
    path = folder / f"{fits}.toml"
    seeds = ", ".join(str(seed) for seed in range(1, fits + 1))
    path.write_text(MANIFEST.format(name=f"n{fits}", study=STUDY, seeds=seeds))
    return path


def put(made: Plan, model: Path, done: Done) -> None:
    """Put record and summary of a fit that was made into the folder of each fit."""
    for each in made.fits:
        folder = folder_of(made.out, each.name)
        folder.mkdir(parents=True)
        shutil.copy(model / "summary.csv", folder)
        write_done(folder, replace(done, name=each.name, key=each.key))


def measured(folder: Path, fits: int, workers: int, model: Path, done: Done) -> dict[str, float]:
    """Return what each part of a run with so many fits takes [s]."""
    path, out, took = manifest(folder, fits), folder / f"out{fits}", {}

    @contextmanager
    def timed(part: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        took[part] = time.perf_counter() - begun

    put(plan(load_manifest(path), out), model, done)
    with timed("plan_s"):
        made = plan(load_manifest(path), out)
    engine = Engine(workers=workers)
    jobs = [(job_of(made, each, "benchmark", limits_of(engine, workers)),) for each in made.fits]
    with running(engine, workers) as at_work:
        list(ended(at_work, jobs[:workers]))  # the workers import what they need
        with timed("send_s"):
            found = list(ended(at_work, jobs[workers:]))
    assert all(isinstance(each, Done) for each in found)
    held = psutil.Process().memory_info().rss
    with timed("tables_s"):
        write_results(results(made))
    shutil.rmtree(out)
    return {"fits": fits, **took, "megabytes": held / 1e6}


def main() -> None:
    """Measure, print, and work out what 100,000 fits cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fits", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        batch(manifest(folder, 1), folder / "model")
        (model,) = (folder / "model" / "fits").iterdir()
        done = read_done(folder / "model", model.name)
        assert done is not None
        size = sum(path.stat().st_size for path in model.rglob("*") if path.is_file())
        rows = [measured(folder, fits, asked.workers, model, done) for fits in asked.fits]
    table = pd.DataFrame(rows)
    table["fits_per_s"] = table["fits"] / table["send_s"]
    largest = table.iloc[-1]
    driver = TARGET / largest["fits"] * (largest["plan_s"] + largest["tables_s"])
    sys.stdout.write(
        f"{table.round(3).to_string(index=False)}\n"
        f"{largest['fits_per_s']:.0f} fits/s keep {FIT_S * largest['fits_per_s']:.0f} workers busy "
        f"with fits of {FIT_S:g} s.\n"
        f"{TARGET} fits: {TARGET * FIT_S / 3600:.0f} h of computing, {driver / 60:.0f} min of one "
        f"processor for plan and tables, {TARGET / largest['fits_per_s'] / 60:.0f} min at least to "
        f"send them, {TARGET * size / 1e9:.0f} GB.\n"
    )
    table.round(3).to_csv(RESULT, index=False)


if __name__ == "__main__":
    main()
