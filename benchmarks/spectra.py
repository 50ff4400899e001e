"""Whole spectra against their band averages: time of a gradient and of a fit, in one run.

    .venv/bin/python benchmarks/spectra.py

simulates `examples/bulk_film_spectra` with 911 wavelengths x 2,000 times, builds one model of the
whole spectra and one of the averages over 500-550 and 550-600 nm of the same file, and writes
`results/spectra.csv`. Gradients are timed in turns, by processor time; the least of several rounds
counts. A fit is the search for the mode, `--tune` and `--draws` steps of one chain and the result
with its predictions, by wall time and by processor time.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pymc as pm

from perovec_bayes.inference.bridge import Compiled
from perovec_bayes.inference.sample import sample
from perovec_bayes.workflow.prepare import prepare
from perovec_bayes.workflow.quiet import quiet
from perovec_bayes.workflow.simulate import simulate

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "examples" / "bulk_film_spectra" / "study.toml"
FILM = 'film = { start = 0, end = 60, unit = "s" }'
BANDS = "bands = { band_edge = [500, 550], sub_gap = [550, 600] }"
DESIGN = (
    'spacing = { value = 5.0, unit = "s" }\nwavelengths = { low = 450, high = 700, count = 101 }'
)
RESULTS = HERE / "results" / "spectra.csv"


def models(folder: Path, times: int, wavelengths: int) -> dict[str, pm.Model]:
    """Simulate spectra, and return the model of them whole and of their averages."""
    text = EXAMPLE.read_text(encoding="utf-8")
    spacing = 1111.0 / times
    wanted = DESIGN.replace("5.0", f"{spacing:.6g}").replace("101", str(wavelengths))
    assert DESIGN in text
    assert FILM in text
    study = folder / "study.toml"
    study.write_text(text.replace(DESIGN, wanted), encoding="utf-8")
    simulate(study, folder)
    found = {"spectra": prepare(study).model}
    study.write_text(text.replace(FILM, BANDS), encoding="utf-8")
    found["windows"] = prepare(study).model
    return found


def gradients(found: dict[str, pm.Model], rounds: int) -> dict[str, float]:
    """Return the processor time of log density and gradient of each model [s]."""
    runs: dict[str, tuple[Any, np.ndarray]] = {}
    for name, model in found.items():
        compiled = Compiled(model)
        runs[name] = jax.jit(jax.value_and_grad(compiled.log_density())), compiled.start
        jax.block_until_ready(runs[name][0](compiled.start))
    least = dict.fromkeys(runs, np.inf)
    for _ in range(rounds):
        for name, (run, start) in runs.items():
            begun = time.process_time()
            jax.block_until_ready(run(start))
            least[name] = min(least[name], time.process_time() - begun)
    return least


def fits(found: dict[str, pm.Model], draws: int, tune: int) -> dict[str, tuple[float, float]]:
    """Return wall and processor time of a fit of each model [s]."""
    took = {}
    for name, model in found.items():
        begun, used = time.perf_counter(), time.process_time()
        with quiet():
            sample(model, chains=1, draws=draws, tune=tune, seed=1)
        took[name] = time.perf_counter() - begun, time.process_time() - used
    return took


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=2000)
    parser.add_argument("--wavelengths", type=int, default=911)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--tune", type=int, default=200, help="0 with --draws 0: gradients only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, quiet():
        found = models(Path(folder), options.times, options.wavelengths)
    size = f"{options.times}x{options.wavelengths}"
    least = gradients(found, options.rounds)
    rows = [(f"gradient, {size}", "processor", least["spectra"], least["windows"])]
    if options.draws:
        took = fits(found, options.draws, options.tune)
        for i, clock in enumerate(("wall", "processor")):
            rows.append((f"fit, {size}", clock, took["spectra"][i], took["windows"][i]))
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["what", "clock", "spectra_s", "windows_s", "ratio"])
        for what, clock, whole, windows in rows:
            row = [what, clock, f"{whole:.4g}", f"{windows:.4g}", f"{whole / windows:.3g}"]
            writer.writerow(row)
            sys.stdout.write(", ".join(row) + "\n")


if __name__ == "__main__":
    main()
