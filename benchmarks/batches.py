"""A batch of many short fits: efficiency of two workers, overhead of a fit, memory of a worker.

`.venv/bin/python benchmarks/batches.py [--fits 200] [--workers 2] [--out FOLDER]`

Fits of two cards, each with its own data or seed, as quick answers (the shorter a fit, the more an
engine shows); one in ten has a bad file. First some of them are made one at a time, by one worker
that has nothing beside it; then all of them. The result, also in `results/batches.csv`:

- efficiency: what the good fits would take one after the other, over the time that the workers had;
- share_outside: time of the workers outside fits, over that in them;
- memory of each worker after its first 20 fits and after its last.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from perovec_bayes.workflow.batch.run import batch
from perovec_bayes.workflow.simulate import simulate

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "batches.csv"
SETTLED = 20
"""Fits of a worker before its memory is looked at."""
SINGLES = 6
"""Fits of each card that are made one at a time; the first compiles."""
HEAD = """\
[batch]
name = "{name}"
quick = true
[engine]
workers = {workers}
fits_per_worker = 1000
"""
GOOD = '[[fits]]\nname = "{name}"\nstudy = "{study}/study.toml"\n[fits.grid]\nseed = {seeds}\n'
BAD = '[[fits]]\nname = "bad"\nstudy = "solubility/study.toml"\nfiles = {icp = "bad/*.csv"}\n'
WRONG = (
    "",
    "sample,element,value\nA,Pb,1\n",
    "sample,element,solute,solvent,replicate,value,unit,sd,dilution,lod\n",
    "sample,element,solute,solvent,replicate,value,unit,sd,dilution,lod\nA,Pb,X,PC,1,-3,ug/L,,1,5\n",
)


def studies(folder: Path) -> None:
    """Write the studies: stated solubilities, and a simulated voltammogram."""
    shutil.copytree(ROOT / "examples" / "solubility", folder / "solubility")
    couple = folder / "redox_couple"
    couple.mkdir()
    shutil.copy(ROOT / "benchmarks" / "calibration" / "redox_couple.toml", couple / "study.toml")
    simulate(couple / "study.toml", couple)


def manifest(folder: Path, name: str, workers: int, good: int, bad: int) -> Path:
    """Write a manifest with so many fits; return its path."""
    (folder / "bad").mkdir(exist_ok=True)
    for number in range(bad):
        text = f"# file {number}\n{WRONG[number % len(WRONG)]}" if number else ""
        (folder / "bad" / f"{number}.csv").write_text(text)
    parts = [HEAD.format(name=name, workers=workers)]
    for card, count in (("solubility", good - good // 2), ("redox_couple", good // 2)):
        parts.append(GOOD.format(name=card, study=card, seeds=list(range(1, count + 1))))
    path = folder / f"{name}.toml"
    path.write_text("\n".join(parts + ([BAD] if bad else [])))
    return path


def run(folder: Path, name: str, workers: int, good: int, bad: int) -> tuple[pd.DataFrame, float]:
    """Run a batch; return its fits in the order of their end, and its wall time [s]."""
    begun = time.perf_counter()
    batch(manifest(folder, name, workers, good, bad), folder / name)
    wall = time.perf_counter() - begun
    log = (folder / name / "batch.log").read_text(encoding="utf-8")
    done = re.findall(r"perovec_bayes.batch: (\S+) done in ([\d.]+) s", log)
    held = dict(re.findall(r"perovec_bayes.batch: (\S+): worker holds (\d+) MB", log))
    rows = [(fit, float(s), float(held.get(fit, "nan"))) for fit, s in done]
    table = pd.DataFrame(rows, columns=["fit", "seconds", "megabytes"])
    table["card"] = table["fit"].str.rsplit("-", n=1).str[0]
    return table, wall


def main() -> None:
    """Run both batches and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fits", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    folder = asked.out or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    studies(folder)
    bad = asked.fits // 10
    singles, _ = run(folder, "single", 1, 2 * SINGLES, 0)
    alone = singles.groupby("card")["seconds"].apply(lambda seconds: seconds.iloc[1:].mean())
    table, wall = run(folder, "all", asked.workers, asked.fits - bad, bad)
    counts = table["card"].value_counts()
    serial = float(sum(alone[card] * counts[card] for card in counts.index))
    within = float(table["seconds"].sum())
    early = table["megabytes"].iloc[SETTLED * asked.workers :][: 2 * asked.workers]
    late = table["megabytes"].iloc[-2 * asked.workers :]
    found = {
        "fits": asked.fits,
        "bad": bad,
        "workers": asked.workers,
        "with_result": len(table),
        "failed_with_reason": len(list((folder / "all" / "failed").glob("*.json"))),
        "alone_s": round(serial / len(table), 3),
        "within_s": round(within / len(table), 3),
        "wall_s": round(wall, 1),
        "efficiency": round(serial / (asked.workers * wall), 3),
        "share_outside": round(asked.workers * wall / within - 1, 3),
        "megabytes_early": early.mean().round(),
        "megabytes_late": late.mean().round(),
    }
    sys.stdout.write(f"{pd.Series(found).to_string()}\n")
    pd.DataFrame([found]).to_csv(RESULT, index=False)


if __name__ == "__main__":
    main()
