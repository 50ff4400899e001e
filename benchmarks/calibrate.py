"""Simulation-based calibration of a card: `calibration/CARD.toml` says of which data.

    .venv/bin/python benchmarks/calibrate.py redox_couple --simulations 1000

appends a line a simulation to `raw/CARD.csv` (not kept in the repository; a second run goes on
where the first ended) and then writes `results/calibration_CARD.csv` and
`figures/calibration_CARD.svg`.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
import tempfile
from pathlib import Path

import jax
import pandas as pd
from in_parts import main
from matplotlib.figure import Figure

from perovec_bayes.diagnostics.calibration import LEVELS, assess, band
from perovec_bayes.workflow.calibrate import Calibrator
from perovec_bayes.workflow.prepare import datasets, open_study
from perovec_bayes.workflow.simulate import simulate

HERE = Path(__file__).parent
BESIDE = ("seed", "divergences", "ess", "r_hat", "seconds")


def work(card: str, seeds: list[int], raw: Path) -> None:
    """Run simulations in this process."""
    with tempfile.TemporaryDirectory() as folder:
        study = shutil.copy(HERE / "calibration" / f"{card}.toml", Path(folder) / "study.toml")
        simulate(study, folder)
        opened, merged = open_study(study)
        sampler = opened.sampler.model_dump(exclude_unset=True)
        calibrator = Calibrator(merged, datasets(opened), **sampler)
    for number, seed in enumerate(seeds):
        if number % 50 == 49:
            jax.clear_caches()  # where each simulation is compiled, memory would fill up
        row = calibrator.run(seed)
        new = not raw.exists()
        with raw.open("a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if new:
                writer.writeheader()
            writer.writerow({name: f"{value:.6g}" for name, value in row.items()})


def report(card: str, table: pd.DataFrame) -> None:
    """Write the table of quantities and the figure of their rank distributions."""
    names = [name for name in table.columns if name not in BESIDE]
    rows = []
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name in names:
        ranks = table[name].to_numpy()
        found = assess(ranks)
        rows.append(
            {
                "quantity": name,
                "simulations": found.simulations,
                "largest_deviation": found.deviation,
                "inside_band": found.inside,
                **{f"cover_{100 * p:g}": c for p, c in zip(LEVELS, found.coverage, strict=True)},
            }
        )
        places, heights, low, high = band(ranks)
        axes.plot(places, heights - places, lw=0.8, color="0.3" if found.inside else "tab:red")
    axes.fill_between(places, low - places, high - places, color="tab:blue", alpha=0.2, lw=0)
    axes.set(xlabel="rank", ylabel="share below, minus rank", title=card)
    figure.savefig(HERE / "figures" / f"calibration_{card}.svg", metadata={"Date": None})
    results = pd.DataFrame(rows)
    results.to_csv(HERE / "results" / f"calibration_{card}.csv", index=False, float_format="%.4g")
    lines = [
        results.to_string(index=False),
        f"{len(table)} simulations, {(table['divergences'] > 0).sum()} with divergent draws",
        f"{(table['r_hat'] > 1.05).sum()} with R-hat above 1.05",
        f"smallest ESS, median: {table['ess'].median():.0f}",
        f"{table['seconds'].sum():.0f} s of fits",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("card")
    parser.add_argument("--simulations", type=int, default=1000)
    main(parser, "", ["seed"], work, report)
