"""Simulations shared out among processes, each of which appends to a file of its own.

A run that was stopped goes on where it ended.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd

RAW = Path(__file__).parent / "raw"


def main(
    parser: argparse.ArgumentParser,
    prefix: str,
    keys: list[str],
    work: Callable[[str, list[int], Path], None],
    report: Callable[[str, pd.DataFrame], None],
) -> None:
    """Run what the arguments ask for.

    Parameters
    ----------
    parser : ArgumentParser
        With the arguments `card` and `--simulations`.
    prefix : str
        Of the names of the files.
    keys : list of str
        Columns that tell lines apart; "seed" is one.
    work : callable
        (card, seeds, file): makes simulations and appends their lines.
    report : callable
        (card, all lines).
    """
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--part", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    RAW.mkdir(exist_ok=True)
    files = [RAW / f"{prefix}{options.card}_{part}.csv" for part in range(options.processes)]
    if options.part is not None:
        done = set(_gathered(files, keys)["seed"])
        seeds = range(options.part, options.simulations, options.processes)
        work(options.card, [seed for seed in seeds if seed not in done], files[options.part])
        return
    command = [sys.executable, *sys.argv]
    parts = [subprocess.Popen([*command, "--part", str(part)]) for part in range(options.processes)]
    ends = [part.wait() for part in parts]
    if any(ends):
        raise SystemExit("a process has failed")
    report(options.card, _gathered(files, keys))


def _gathered(files: list[Path], keys: list[str]) -> pd.DataFrame:
    tables = [pd.read_csv(path) for path in files if path.exists()]
    if not tables:
        return pd.DataFrame(columns=keys)
    return pd.concat(tables, ignore_index=True).drop_duplicates(keys).sort_values("seed")
