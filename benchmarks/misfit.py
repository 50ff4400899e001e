"""Coverage of intervals where the model is wrong: a misfit that wanders along the voltammogram.

    .venv/bin/python benchmarks/misfit.py redox_couple --simulations 100
    .venv/bin/python benchmarks/misfit.py bulk_film --simulations 100

Data are made from the truths of `misfit/CARD.toml` with white noise and a misfit of another kind
than the noise model's: an Ornstein-Uhlenbeck process (not differentiable; the model's is) of the
length and size below. Each is fitted with the card's own noise ("correlated") and with independent
noise. A line a fit is appended to `raw/misfit_CARD_PART.csv` (not kept; a second run goes on where
the first ended); `results/misfit_CARD.csv` has the share of 90 % intervals that hold the truth.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from in_parts import main

HERE = Path(__file__).parent
NOISES = ("correlated", "independent")
LENGTH = 0.12
"""Potential over which the misfit forgets itself [V]; the model's noise takes 0.07 V."""
SIZE = 0.02
"""Its sd as a share of the largest current [1]."""
LEVEL = 0.9
QUANTITIES = {
    "redox_couple": ("E0", "E_half", "k0", "k0_per_sqrtD"),
    "bulk_film": ("E0", "K_sp", "G0", "E_f"),
}
KEYS = ["seed", "noise", "quantity"]


class Problem:
    """A study whose truths are known, with either noise model."""

    def __init__(self, card: str) -> None:
        from perovec_bayes.inference.bridge import Compiled, Mapped  # noqa: PLC0415
        from perovec_bayes.inference.build import build  # noqa: PLC0415
        from perovec_bayes.inference.model import info_of  # noqa: PLC0415
        from perovec_bayes.inference.study import truths  # noqa: PLC0415
        from perovec_bayes.workflow.prepare import datasets, open_study  # noqa: PLC0415
        from perovec_bayes.workflow.quiet import quiet  # noqa: PLC0415
        from perovec_bayes.workflow.refit import Refitter  # noqa: PLC0415
        from perovec_bayes.workflow.simulate import simulate  # noqa: PLC0415

        with quiet(), tempfile.TemporaryDirectory() as folder:
            study = shutil.copy(HERE / "misfit" / f"{card}.toml", Path(folder) / "study.toml")
            simulate(study, folder)
            opened, merged = open_study(study)
            data = datasets(opened)
        self.names = QUANTITIES[card]
        self.cv = next(each for each in data.values() if each.attrs["technique"] == "cv")
        model = build(merged, data)
        self.observables = info_of(model).observables
        self.compiled = Compiled(model)
        self.stated = truths(merged, opened)
        self.shapes = {v.name: tuple(v.shape.eval()) for v in model.free_RVs}
        graphs = [graph for o in self.observables for graph in (o.mean, *o.noise)]
        self.response = Mapped(self.compiled.function(graphs), chunk=1)
        self.true = self._values(self.compiled, model)(self._point(np.random.default_rng(0)))
        self.fits = {}
        for noise in NOISES:
            one = build(merged.model_copy(update={"noise": {**merged.noise, "cv": noise}}), data)
            settings = opened.sampler.model_dump(exclude_unset=True)
            refitter = Refitter(one, cores=1, **settings)
            self.fits[noise] = refitter, self._values(refitter.compiled, one)

    def _values(self, compiled, model):
        from perovec_bayes.inference.bridge import Mapped  # noqa: PLC0415

        mapped = Mapped(compiled.function([model[name] for name in self.names]))
        return lambda points: np.stack([each.reshape(len(points)) for each in mapped(points)])

    def _point(self, rng: np.random.Generator) -> np.ndarray:
        """Return the truth; what has none (deviations of samples) is drawn."""
        values = {
            name: np.full(shape, self.stated[name])
            if name in self.stated
            else rng.standard_normal(shape)
            for name, shape in self.shapes.items()
        }
        return self.compiled.unconstrain({name: value[None] for name, value in values.items()})

    def data(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return new data with a misfit in the current."""
        series = iter(value[0] for value in self.response(self._point(rng)))
        made = {}
        for o in self.observables:
            mean, *noise = [next(series) for _ in range(1 + len(o.noise))]
            if o.technique == "cv":
                white = noise[0] * rng.standard_normal(len(mean))
                made[o.name] = mean + white + SIZE * np.abs(mean).max() * self._misfit(rng)
            else:
                made[o.name] = o.draw(rng, mean, *noise)
        return made

    def _misfit(self, rng: np.random.Generator) -> np.ndarray:
        path = np.abs(np.diff(self.cv["potential"].to_numpy()))
        fade = np.exp(-path / LENGTH)
        value = rng.standard_normal()
        found = [value]
        for f in fade:
            value = f * value + np.sqrt(1 - f**2) * rng.standard_normal()
            found.append(value)
        return np.array(found)

    def run(self, seed: int) -> list[dict[str, object]]:
        """Fit one set of data with both noise models."""
        made = self.data(np.random.default_rng(seed))
        rows = []
        for noise, (refitter, values) in self.fits.items():
            refitter.exchange(made)
            fit = refitter.fit(seed)
            draws = values(fit.points.reshape(-1, fit.points.shape[2]))
            low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
            rows += [
                {
                    "seed": seed, "noise": noise, "quantity": name, "truth": true, "low": a,
                    "high": b, "sd": spread, "divergences": fit.divergences, "r_hat": fit.r_hat,
                }
                for name, true, a, b, spread in zip(
                    self.names, self.true[:, 0], low, high, draws.std(axis=1), strict=True
                )
            ]  # fmt: skip
        return rows


def work(card: str, seeds: list[int], path: Path) -> None:
    """Fit the data of some seeds, in this process."""
    problem = Problem(card)
    for seed in seeds:
        rows = pd.DataFrame(problem.run(seed))
        rows.to_csv(path, mode="a", header=not path.exists(), index=False)


def report(card: str, table: pd.DataFrame) -> None:
    """Write the coverage of each quantity with each noise model."""
    table = table.assign(
        inside=(table["low"] <= table["truth"]) & (table["truth"] <= table["high"])
    )
    rows = table.groupby(["quantity", "noise"], sort=False).agg(
        simulations=("inside", "size"),
        covered=("inside", "mean"),
        median_sd=("sd", "median"),
        fits_with_divergences=("divergences", lambda d: int((d > 0).sum())),
        worst_r_hat=("r_hat", "max"),
    )
    rows.to_csv(HERE / "results" / f"misfit_{card}.csv", float_format="%.4g")
    sys.stdout.write(rows.to_string() + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("card", choices=list(QUANTITIES))
    parser.add_argument("--simulations", type=int, default=100)
    main(parser, "misfit_", KEYS, work, report)
