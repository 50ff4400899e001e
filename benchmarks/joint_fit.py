"""The joint fit of CV, optical density and ICP-OES against other samplers, in one run.

    .venv/bin/python benchmarks/joint_fit.py

makes the data of `joint_fit/bulk_film.toml` and `joint_fit/nanocrystal_film.toml` (three cycles,
15 to 18 free scalars), samples each posterior by each method, every one in a process of its own,
and writes `results/joint_fit.csv`. Rivals take the PyMC model and the defaults of their makers:
nutpie, numpyro and PyMC, with as many draws and the same target acceptance; PINTS takes the same
log density for as long as the limit allows, if it is installed (`uv pip install pints`).

Wall times go from the built model to the draws, compilation included; "ours" also makes predictions
and pointwise likelihoods in that time. R-hat, ESS and divergences are the worst of the free
parameters; ESS is the smaller of bulk and tail. `ours_over` is our ESS per second over theirs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
PROBLEMS = ("nanocrystal_film", "bulk_film")
METHODS = ("ours", "nutpie", "numpyro", "pymc", "pints")
BESIDE = ("ours_numpyro", "ours_blackjax", "ours_pymc")
"""Our other samplers, on request."""
SET_UP = 900.0
"""What a process may take beside sampling: imports, data, the untimed start of PINTS [s]."""
FREE = range(15, 19)
"""How many free scalars a reference problem has."""
NUMBERS = ["wall_s", "r_hat", "ess_bulk", "ess_tail", "divergences", "ess_per_s"]
COLUMNS = ["problem", "method", "data", "free", "draws", *NUMBERS, "note"]
MAX_R_HAT, MIN_ESS, MAX_WALL = 1.01, 400.0, 60.0
CORES = 2


def work(problem: str, method: str, options: argparse.Namespace) -> dict[str, object]:
    """Sample one posterior by one method, in this process."""
    from joint_methods import METHODS as CODES  # noqa: PLC0415
    from joint_methods import observed  # noqa: PLC0415

    from perovec_bayes.diagnostics.convergence import convergence  # noqa: PLC0415
    from perovec_bayes.inference.backends import Settings  # noqa: PLC0415
    from perovec_bayes.workflow.prepare import prepare  # noqa: PLC0415
    from perovec_bayes.workflow.quiet import quiet  # noqa: PLC0415
    from perovec_bayes.workflow.simulate import simulate  # noqa: PLC0415

    with quiet(), tempfile.TemporaryDirectory() as folder:
        study = shutil.copy(HERE / "joint_fit" / f"{problem}.toml", Path(folder) / "study.toml")
        simulate(study, folder)
        model = prepare(study).model
        settings = Settings(
            options.chains, options.draws, options.tune, options.seed, options.target_accept, CORES
        )
        found = CODES[method](model, settings, options.limit)
    quality = [convergence(found.draws[..., i]) for i in range(found.draws.shape[2])]
    bulk, tail = (min(getattr(q, name) for q in quality) for name in ("ess_bulk", "ess_tail"))
    assert len(quality) in FREE, f"{problem} has {len(quality)} free parameters"
    return {
        "data": observed(model),
        "free": len(quality),
        "draws": found.draws.shape[0] * found.draws.shape[1],
        "wall_s": found.seconds,
        "r_hat": max(q.r_hat for q in quality),
        "ess_bulk": bulk,
        "ess_tail": tail,
        "divergences": found.divergences,
        "ess_per_s": min(bulk, tail) / found.seconds,
        "note": found.note,
    }


def measure(problem: str, method: str, options: argparse.Namespace) -> dict[str, object]:
    """Run `work` in a fresh process, on two cores, for no longer than the limit."""
    row: dict[str, object] = {"problem": problem, "method": method}
    if method == "pints" and find_spec("pints") is None:
        return row | {"note": "PINTS is not installed (uv pip install pints)"}
    environment = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}
    if "numpyro" in method:  # it runs chains side by side only on devices of their own
        flag = f"--xla_force_host_platform_device_count={options.chains}"
        environment["XLA_FLAGS"] = f"{environment.get('XLA_FLAGS', '')} {flag}".strip()
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "row.json"
        command = [sys.executable, *sys.argv, "--part", problem, method, str(answer)]
        try:
            done = subprocess.run(
                command, env=environment, timeout=options.limit + SET_UP, check=False
            )
        except subprocess.TimeoutExpired:
            return row | {"note": f"not done in {options.limit:g} s"}
        if not answer.exists():
            return row | {"note": f"failed (exit status {done.returncode})"}
        row |= json.loads(answer.read_text())
    if method != "pints" and float(str(row["wall_s"])) > options.limit:
        row["note"] = f"{row['note']}; over the limit of {options.limit:g} s".lstrip("; ")
    return row


def judged(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Return the table with our ESS per second over that of each method, and what passes."""
    table = pd.DataFrame(rows, columns=COLUMNS)
    table[NUMBERS] = table[NUMBERS].apply(pd.to_numeric)
    own = table[table["method"] == "ours"].set_index("problem")["ess_per_s"]
    table["ours_over"] = table["problem"].map(own) / table["ess_per_s"]
    table["converged"] = (
        (table["r_hat"] < MAX_R_HAT)
        & (table[["ess_bulk", "ess_tail"]].min(axis=1) >= MIN_ESS)
        & ~(table["divergences"] > 0)
    )
    table["in_time"] = table["wall_s"] <= MAX_WALL
    return table


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=PROBLEMS)
    parser.add_argument("--methods", nargs="+", choices=METHODS + BESIDE, default=METHODS)
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--tune", type=int, default=500)
    parser.add_argument("--target-accept", type=float, default=0.95)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=1800.0, help="of each method [s]")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "joint_fit.csv")
    parser.add_argument("--part", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        problem, method, answer = options.part
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
        row = work(problem, method, options)
        plain = {k: None if isinstance(v, float) and np.isnan(v) else v for k, v in row.items()}
        Path(answer).write_text(json.dumps(plain))
        return
    rows: list[dict[str, object]] = []
    for problem in options.problems:
        for method in options.methods:
            rows.append(measure(problem, method, options))
            sys.stdout.write(f"{json.dumps(rows[-1])}\n")
            sys.stdout.flush()
            judged(rows).to_csv(options.out, index=False, float_format="%.4g")
    sys.stdout.write(judged(rows).to_string(index=False, float_format="%.4g") + "\n")


if __name__ == "__main__":
    main()
