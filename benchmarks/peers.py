"""Against what else simulates a voltammogram: the same task, the same error, in one run.

    .venv/bin/python benchmarks/peers.py --python PATH --python PATH --mecsim PATH

prints tables and writes `results/peers.csv` and `figures/error_cost.svg`. The other codes live in
environments of their own, made with `peers-requirements.txt`: one of Python 3.12, and one of 3.9
for PyECsim, which has no newer wheels. MECSim is a program that comes without its source: the wheel
of pymecsim lacks it, its repository (kiranvad/pyMECSim) has it, and it needs libgfortran.so.3 (GCC
6 or earlier) on LD_LIBRARY_PATH. A code that is not found is named and left out.

The task (`peer_codes.py`) has an exact solution. Two errors are taken of each curve, of the peak
current or relative to it: of the peak (a parabola through its three highest points), and the
largest one of all points, which coincidences do not hide. A code's cost at an error is
interpolated, log-log, between its resolutions.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from peer_codes import CODES, F_RT, START, SWEEP, VERTEX

from perovec_bayes.report.figures.style import drawing_style, new_figure

HERE = Path(__file__).parent
RESULTS, FIGURE = HERE / "results" / "peers.csv", HERE / "figures" / "error_cost.svg"
OURS, GRADIENT = "perovec_bayes", "value and gradient"
PEAK, PEAK_AT = 0.4462946948, -1.1089493
"""Peak of I / (F A C sqrt(D F v / RT)), and F(E - E0)/RT there [1] (Nicholson & Shain 1964)."""
LEVELS = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5)
GOAL = 20
"""So many times faster than the best other code is what we are after."""
ABOUT_1000 = (800, 1100)
NODES = 400
ALONE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Run(NamedTuple):
    """A code at one setting and resolution."""

    code: str
    version: str
    setting: str
    resolution: str
    points: int
    cpu: float
    """CPU time of a cycle [s]."""
    wall: float
    """Wall time of a cycle [s]."""
    peak_error: float
    """Of the peak current, relative [1]."""
    potential_error: float
    """Of the peak potential [V]."""
    curve_error: float
    """Largest one of the current, of the peak current [1]."""


type Measure = Callable[[Run], float]
MEASURES: dict[str, Measure] = {
    "whole curve": lambda run: run.curve_error,
    "peak current": lambda run: abs(run.peak_error),
}


def exact(potential: np.ndarray) -> np.ndarray:
    """Return the exact current of a cycle at given potentials, shapes (points,) [V], [1].

    The semi-integral of the current is known, m = -1/(1 + e^xi), so I is its half-derivative:
    pi^-1/2 int_0^t m'(u) (t - u)^-1/2 du, in which m steps at the start; t = F v (time)/RT.
    Gauss-Legendre quadrature in (t - u)^1/2, from the vertex and from the start.
    """
    back = np.arange(len(potential)) > np.argmin(potential)
    gone = np.where(back, SWEEP + potential - VERTEX, START - potential)
    t, turn = np.maximum(F_RT * gone, 0.0), F_RT * SWEEP
    nodes, weights = (each[:, None] for each in np.polynomial.legendre.leggauss(NODES))
    whole, recent = np.sqrt(t), np.sqrt(np.maximum(t - turn, 0.0))
    total = np.zeros_like(t)
    for low, high, sign in ((np.zeros_like(t), recent, 1.0), (recent, whole, -1.0)):
        s = (high - low) / 2 * nodes + (high + low) / 2
        xi = F_RT * VERTEX + np.abs(turn - (t - s**2))
        total += sign * (high - low) / 2 * np.sum(weights / 4 / np.cosh(xi / 2) ** 2, axis=0)
    step = 1 / (1 + np.exp(F_RT * START)) / np.sqrt(np.pi * np.where(t > 0, t, np.inf))
    current: np.ndarray = 2 / np.sqrt(np.pi) * total - step
    return current


def judge(code: str, line: dict[str, Any]) -> Run:
    """Return a run with its errors."""
    potential, current = np.asarray(line.pop("potential")), np.asarray(line.pop("current"))
    top = int(np.argmin(current))
    before, at, after = current[top - 1 : top + 2]
    shift = (before - after) / (2 * (before - 2 * at + after))
    height = at - (before - after) * shift / 4
    place = potential[top] + shift * (potential[top + 1] - potential[top])
    worst = np.abs(current - exact(potential)).max()
    errors = (-height / PEAK - 1, place - PEAK_AT / F_RT, worst / PEAK)
    peak, peak_at, curve = (float(error) for error in errors)
    return Run(
        code=code,
        points=len(current),
        peak_error=peak,
        potential_error=peak_at,
        curve_error=curve,
        **line,
    )


def which(code: str, pythons: Sequence[str], program: str) -> str:
    """Return the first Python that has a code, or "" where none has."""
    if code == "mecsim":
        return sys.executable if program else ""
    test = f"import importlib.util as u, sys; sys.exit(u.find_spec({code!r}) is None)"
    found = (p for p in pythons if not subprocess.run([p, "-c", test], check=False).returncode)
    return next(found, "")


def measure(pythons: Sequence[str], program: str) -> Iterator[Run]:
    """Run every code that is there."""
    environment = os.environ | ALONE | {"PYBAMM_DISABLE_TELEMETRY": "true"}
    for code in CODES:
        python = which(code, pythons, program)
        if not python:
            hint = "--mecsim" if code == "mecsim" else "--python"
            say(f"{code}: not found, not run; give it with {hint}")
            continue
        command = [python, str(HERE / "peer_run.py"), code, program]
        done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
        if done.returncode:
            say(f"{code}: stopped: {(done.stderr.strip() or 'no message').splitlines()[-1]}")
        runs = [judge(code, json.loads(line)) for line in done.stdout.splitlines()]
        if runs:
            say(f"{code} {runs[0].version}: {len(runs)} runs")
        yield from runs


def series(runs: Sequence[Run]) -> dict[tuple[str, str], list[Run]]:
    """Return the runs of each code and setting."""
    found: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        found.setdefault((run.code, run.setting), []).append(run)
    return found


def cost_at(error: float, runs: Sequence[Run], of: Measure) -> float:
    """Return the CPU time at which runs of one setting reach an error [s]; infinity if none."""
    kept: list[Run] = []
    for run in sorted(runs, key=lambda run: run.cpu):
        if not kept or of(run) < of(kept[-1]):
            kept.append(run)
    if of(kept[-1]) > error:
        return np.inf
    errors, costs = ([f(run) for run in kept] for f in (of, lambda run: run.cpu))
    return float(np.exp(np.interp(-np.log(error), -np.log(errors), np.log(costs))))


def number(value: float, digits: int = 2) -> str:
    """Return a few digits; a dash where there is no number."""
    return f"{value:.{digits}g}" if np.isfinite(value) else "–"


def cycles(runs: Sequence[Run], ours: Sequence[Run]) -> None:
    """Print the runs of about 1000 points, and what ours cost at the same errors."""
    say("\nAbout 1000 points a cycle; how many times faster ours is at the same error:\n")
    say("| code | setting | CPU / ms | wall / ms | peak current | peak potential / mV |", end=" ")
    say("whole curve | faster, curve | faster, peak |")
    say("|---|---|---|---|---|---|---|---|---|")
    for run in runs:
        if not ABOUT_1000[0] <= run.points <= ABOUT_1000[1]:
            continue
        times = [run.cpu / cost_at(of(run), ours, of) for of in MEASURES.values()]
        faster = (
            ["", ""] if run.code == OURS else [number(value) if value else "?" for value in times]
        )
        say(
            f"| {run.code} | {run.setting}, {run.resolution} | {run.cpu * 1e3:.3g} "
            f"| {run.wall * 1e3:.3g} | {run.peak_error:+.1e} | {run.potential_error * 1e3:+.3f} "
            f"| {run.curve_error:.1e} | {faster[0]} | {faster[1]} |"
        )


def against_best(runs: Sequence[Run], ours: Sequence[Run]) -> None:
    """Print the cheapest other code at each error, and the ratio of costs."""
    peers = {key: each for key, each in series(runs).items() if key[0] != OURS}
    for name, of in MEASURES.items():
        say(f"\n| error of the {name} | best other code | its CPU / ms | ours / ms | faster |")
        say("|---|---|---|---|---|")
        ratios = []
        for level in LEVELS:
            costs = {key: cost_at(level, each, of) for key, each in peers.items()}
            best = min(costs, key=lambda key: costs[key])
            own = cost_at(level, ours, of)
            ratios.append(costs[best] / own)
            theirs = number(costs[best] * 1e3, 3)
            say(f"| {level:.0e} | {', '.join(best)} | {theirs} ", end="")
            say(f"| {number(own * 1e3, 3)} | {number(ratios[-1])} |")
        real = [ratio for ratio in ratios if np.isfinite(ratio)]
        reached = sum(ratio >= GOAL for ratio in real)
        say(
            f"\nBy the {name}: {min(real):.1f} to {max(real):.1f} times faster than the best ",
            end="",
        )
        say(f"other code; {GOAL} times at {reached} of {len(real)} errors.")


def draw(runs: Sequence[Run]) -> None:
    """Draw cost against error."""
    with drawing_style():
        figure = new_figure(3.6)
        axes = figure.subplots(1, 2, sharey=True)
        names = [code for code in CODES if any(run.code == code for run in runs)]
        for ax, (name, of) in zip(axes, MEASURES.items(), strict=True):
            for (code, setting), each in series(runs).items():
                same = [key for key in series(runs) if key[0] == code]
                place = names.index(code)
                ax.loglog(
                    [of(run) for run in each],
                    [run.cpu * 1e3 for run in each],
                    color="#1a1a1a" if code == OURS else f"C{place - 1}",
                    lw=2.0 if code == OURS else 1.0,
                    marker="os^Dv<>"[place],
                    ms=3,
                    ls=("-", "--", ":")[same.index((code, setting))],
                    label=f"{code}, {setting}",
                )
            ax.set_xlabel(f"relative error of the {name}")
            ax.invert_xaxis()
            ax.grid(alpha=0.3, lw=0.5)
        axes[0].set_ylabel("CPU time of a cycle / ms")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", fontsize=6)
        FIGURE.parent.mkdir(exist_ok=True)
        figure.savefig(FIGURE, metadata={"Date": None})


def say(text: str, end: str = "\n") -> None:
    """Write at once."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", action="append", default=[], help="one that has other codes")
    parser.add_argument("--mecsim", default="", help="the program MECSim")
    given = parser.parse_args()
    program = str(Path(given.mecsim).resolve()) if given.mecsim else ""
    runs = list(measure([sys.executable, *given.python], program))
    with RESULTS.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Run._fields)
        writer.writerows([f"{v:.4g}" if isinstance(v, float) else v for v in run] for run in runs)
    ours = [run for run in runs if run.code == OURS and run.setting != GRADIENT]
    cycles(runs, ours)
    if any(run.code != OURS for run in runs):
        against_best(runs, ours)
    draw(runs)


if __name__ == "__main__":
    main()
