"""How often the comparison of two rivals picks the one that made the data.

    .venv/bin/python benchmarks/confusion.py nucleation --simulations 10

`confusion/PAIR.toml` is the study, `PAIRS` the option in which the rivals differ. Each simulation
draws a truth from the priors of one rival, makes data, fits both, and compares them by PSIS-LOO on
blocks. A line a simulation goes to `raw/confusion_PAIR.csv` (not kept in the repository; a second
run goes on where the first ended), the table to `results/confusion_PAIR.csv`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from perovec_bayes.diagnostics.comparison import GROUP, Candidate, compare, leave_out
from perovec_bayes.inference.result import Predictor
from perovec_bayes.inference.sample import prior_points
from perovec_bayes.workflow.prepare import prepare
from perovec_bayes.workflow.refit import Refitter
from perovec_bayes.workflow.simulate import simulate

HERE = Path(__file__).parent
PAIRS = {"nucleation": ("law", "progressive", "instantaneous")}
SETTINGS = {"chains": 2, "draws": 400, "tune": 400, "target_accept": 0.9, "cores": 1}


class Rival:
    """One of the two models."""

    def __init__(self, name: str, study: Path) -> None:
        self.name = name
        self.fits = Refitter(prepare(study).model, **SETTINGS)
        self._predict = Predictor(self.fits.compiled)

    def make(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return data of a truth drawn from the prior."""
        made = self._predict(prior_points(self.fits.compiled, 1, rng), rng)
        return {name: made[name].to_numpy()[0, 0] for name in self.fits.compiled.observed}

    def candidate(self, data: dict[str, np.ndarray], seed: int) -> Candidate:
        """Return how well each block of the data is predicted from the others."""
        self.fits.exchange(data)
        fit = self.fits.fit(seed)
        terms = self.fits.blocks(fit.points)
        observables = self.fits.info.observables
        labels = [f"{o.name}: {label}" for o in observables for label in o.blocks.labels]
        sizes = [int(mask.sum()) for o in observables for mask in o.blocks.masks]
        group = xr.Dataset(
            {"part": (("chain", "draw", "part_label"), terms), "part_size": ("part_label", sizes)},
            coords={"part_label": labels},
        )
        found = leave_out(xr.DataTree.from_dict({GROUP: group}), self.name)
        sys.stdout.write(f"  {self.name}: R-hat {fit.r_hat:.3f}, {fit.divergences} divergent\n")
        return found


def models(pair: str) -> list[Rival]:
    """Build both rivals on the same record."""
    option, *values = PAIRS[pair]
    text = (HERE / "confusion" / f"{pair}.toml").read_text(encoding="utf-8")
    assert f'{option} = "{values[0]}"' in text
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{value}.toml" for value in values]
        for path, value in zip(paths, values, strict=True):
            path.write_text(text.replace(f'{option} = "{values[0]}"', f'{option} = "{value}"'))
        simulate(paths[0], folder)
        return [Rival(value, path) for path, value in zip(paths, values, strict=True)]


def run(rivals: list[Rival], seed: int) -> list[dict[str, object]]:
    """Make data by each rival, and compare both on them."""
    rows: list[dict[str, object]] = []
    for number, truth in enumerate(rivals):
        begun = time.perf_counter()
        data = truth.make(np.random.default_rng([seed, number]))
        candidates = [rival.candidate(data, seed) for rival in rivals]
        found = compare(candidates)
        lead = found.difference(1)
        rows.append(
            {
                "seed": seed,
                "truth": truth.name,
                "ahead": found.candidates[0].name,
                "by": lead.elpd,
                "se": lead.se,
                "clear": lead.clear,
                "blocks": lead.blocks,
                "unreliable": int(sum(each.unreliable.sum() for each in candidates)),
                "weight_of_truth": found.weights[
                    [each.name for each in found.candidates].index(truth.name)
                ],
                "seconds": time.perf_counter() - begun,
            }
        )
        sys.stdout.write(f"{rows[-1]}\n")
        sys.stdout.flush()
    return rows


def matrix(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each truth."""
    rows = []
    for truth, part in table.groupby("truth", sort=False):
        right = part["ahead"] == truth
        rows.append(
            {
                "truth": truth,
                "simulations": len(part),
                "truth_ahead": int(right.sum()),
                "truth_clearly_ahead": int((right & part["clear"]).sum()),
                "rival_clearly_ahead": int((~right & part["clear"]).sum()),
                "with_large_k": int((part["unreliable"] > 0).sum()),
                "median_lead": float(np.median(np.where(right, part["by"], -part["by"]))),
                "median_weight_of_truth": float(part["weight_of_truth"].median()),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pair", choices=PAIRS)
    parser.add_argument("--simulations", type=int, default=100)
    options = parser.parse_args()
    raw = HERE / "raw" / f"confusion_{options.pair}.csv"
    raw.parent.mkdir(exist_ok=True)
    done = pd.read_csv(raw) if raw.exists() else pd.DataFrame(columns=["seed"])
    rivals = models(options.pair)
    for seed in range(options.simulations):
        if seed not in set(done["seed"]):
            new = pd.DataFrame(run(rivals, seed))
            done = pd.concat([done, new], ignore_index=True) if len(done) else new
            done.to_csv(raw, index=False)
    results = matrix(done)
    results.to_csv(HERE / "results" / f"confusion_{options.pair}.csv", index=False)
    sys.stdout.write(results.to_string(index=False) + "\n")


if __name__ == "__main__":
    main()
