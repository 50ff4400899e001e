"""Small fits of one card, sampled as one computation or one after the other.

`.venv/bin/python benchmarks/together.py [--fits 16] [--workers 2]`

Batches of the same fits, each with its own concentrations, on workers of one thread:

- nutpie: one after the other, by the default sampler;
- blackjax: one after the other, by the sampler of the next;
- together: eight at a time (`engine.together = 8`).

wall_s is all of it, with the start of the workers and the compilation; s_per_fit what the fits say
they took, after the first of each worker; ess the least bulk effective number of draws among the
parameters, mean over the fits; ess_per_s that over s_per_fit. The table is in
`results/together.csv`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from batches import studies

from perovec_bayes.workflow.batch.run import batch

RESULT = Path(__file__).parent / "results" / "together.csv"
LANES = 8
WAYS = {"nutpie": ("nutpie", 1), "blackjax": ("blackjax", 1), "together": ("blackjax", LANES)}
MANIFEST = """\
[batch]
name = "{name}"
[engine]
workers = {workers}
together = {together}
[[fits]]
name = "fit"
study = "solubility/study.toml"
files = {{ icp = "tables/*.csv" }}
[fits.set]
"sampler.backend" = "{backend}"
"sampler.draws" = 1000
"sampler.tune" = 1000
"""


def tables(folder: Path, count: int) -> None:
    """Write tables of concentrations, each a fifth or so off those that were measured."""
    rng = np.random.default_rng(1)
    source = pd.read_csv(folder / "solubility" / "icp.csv", comment="#")
    (folder / "tables").mkdir()
    for number in range(count):
        off = np.exp(rng.normal(0.0, 0.2, len(source)))
        read = pd.to_numeric(source["value"], errors="coerce")
        value = (read * off).astype(str).where(read.notna(), source["value"])
        changed = source.assign(value=value)
        changed.to_csv(folder / "tables" / f"{number:03}.csv", index=False)


def measured(folder: Path, name: str, workers: int) -> dict[str, object]:
    """Run a batch in one of the ways."""
    backend, together = WAYS[name]
    manifest = folder / f"{name}.toml"
    text = MANIFEST.format(name=name, workers=workers, together=together, backend=backend)
    manifest.write_text(text)
    begun = time.perf_counter()
    batch(manifest, folder / name)
    wall = time.perf_counter() - begun
    table = pd.read_parquet(folder / name / "batch.parquet")
    fits = table.groupby("fit").agg(seconds=("seconds", "first"), ess=("ess_bulk", "min"))
    fits = fits.iloc[workers * together :]
    each, ess = float(fits["seconds"].mean()), float(fits["ess"].mean())
    return {
        "way": name,
        "fits": table["fit"].nunique(),
        "workers": workers,
        "wall_s": round(wall, 1),
        "s_per_fit": round(each, 2),
        "ess": round(ess),
        "ess_per_s": round(ess / each, 1),
    }


def main() -> None:
    """Run the batches and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fits", type=int, default=32)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        studies(folder)
        tables(folder, asked.fits)
        found = pd.DataFrame([measured(folder, name, asked.workers) for name in WAYS])
    sys.stdout.write(f"{found.to_string(index=False)}\n")
    found.to_csv(RESULT, index=False)


if __name__ == "__main__":
    main()
