"""Voltammograms: data and posterior-predictive band, cycle by cycle, and what is left over."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec

from perovec_bayes.diagnostics.features import is_held
from perovec_bayes.diagnostics.intervals import Interval
from perovec_bayes.diagnostics.observables import Observable
from perovec_bayes.report.figures.bands import (
    Bands,
    bands,
    coverage_sentence,
    thinning,
    thinning_sentence,
)
from perovec_bayes.report.figures.style import (
    BAND,
    INK,
    MODEL,
    Drawing,
    dots,
    label,
    new_figure,
    to_drawing,
    with_unit,
)
from perovec_bayes.report.numbers import pretty_unit
from perovec_bayes.report.results import display_unit

MAX_CYCLES = 6
COLUMNS = 3
LAGS = 40
TURN = 0.02


def draw_cv(observable: Observable, key: str, interval: Interval) -> Drawing:
    """Draw current against potential for each cycle, and the residuals against time.

    Where the potential is mostly held, as after a potential step, current is drawn against time.

    Parameters
    ----------
    observable : Observable
        A voltammogram with "time", "potential" and "cycle" among its constants.
    key : str
        Prefix of the ids in the SVG.
    interval : Interval
        Of the band.

    Returns
    -------
    Drawing
        The figure.
    """
    shown, factor = display_unit(observable)
    unit = pretty_unit(shown)
    found = bands(observable, interval, factor)
    step = thinning(found.data.size)
    time = observable.constants.get("time", np.arange(found.data.size)).astype(float)
    potential = observable.constants["potential"].astype(float)
    cycle = observable.constants.get("cycle", np.ones(found.data.size)).astype(int)
    cycles = chosen_cycles(np.unique(cycle))

    held = is_held(potential)
    reference = observable.info.get("reference", "reference")

    columns = min(len(cycles), COLUMNS)
    rows = -(-len(cycles) // columns)
    figure = new_figure(2.5 * rows + 1.8)
    places = figure.add_gridspec(2, 1, height_ratios=[2.5 * rows, 1.7])
    grid = places[0].subgridspec(rows, columns)
    name = "current density" if "cm" in shown else "current"
    first: Axes | None = None
    for i, number in enumerate(cycles):
        cell = grid[i // columns, i % columns]
        axes = figure.add_subplot(cell, sharex=first, sharey=first)
        first = first or axes
        keep = np.flatnonzero(cycle == number)[::step]
        across = (time if held else potential)[keep]
        _curve(axes, across, found.at(keep))
        label(
            axes,
            x="time / s" if held else f"potential vs {reference} / V",
            y=with_unit(name, unit) if i % columns == 0 else "",
            title=f"{observable.name}, cycle {number}",
        )
        if i % columns:
            axes.tick_params(labelleft=False)
    if first is not None:
        first.legend(loc="best", handlelength=1.4)
    if found.centre is not None:
        _residuals(figure, places[1], time, found, found.centre, unit, step)
    caption = (
        f"Dots: data, anodic current positive. Line: median of the noise-free curve. Band: "
        f"{interval.words} of new noisy data.{coverage_sentence(found, interval)} Below: data "
        "minus line against time, and its autocorrelation (dashed: 95 % range of white noise; a "
        "noise model with correlation allows more)."
    )
    if len(cycles) < np.unique(cycle).size:
        caption += f" {len(cycles)} of {np.unique(cycle).size} cycles are drawn."
    caption += thinning_sentence(step)
    kind = "Transient" if held else "Voltammogram"
    return to_drawing(figure, key, f"{kind} {observable.name}: data and fit", caption)


def autocorrelation(values: np.ndarray, lags: int) -> np.ndarray:
    """Return the autocorrelation of a series at lags 0 to `lags` [1].

    Parameters
    ----------
    values : ndarray, shape (n,)
        The series, equally spaced.
    lags : int
        The greatest lag; cut to n - 1.

    Returns
    -------
    ndarray, shape (min(lags, n - 1) + 1,)
        Normalised by the variance, so 1 at lag 0; zeros after it for a constant series.
    """
    centred = values - values.mean()
    power = float(centred @ centred)
    kept = range(min(lags, values.size - 1) + 1)
    if power == 0:
        return np.array([1.0 if lag == 0 else 0.0 for lag in kept])
    return np.array([centred[: values.size - lag] @ centred[lag:] / power for lag in kept])


def chosen_cycles(cycles: np.ndarray) -> list[int]:
    """Return the cycles that are drawn: all, or a few spread over them.

    Parameters
    ----------
    cycles : ndarray of int
        Numbers of all cycles, increasing.
    """
    if cycles.size > MAX_CYCLES:
        cycles = cycles[np.unique(np.linspace(0, cycles.size - 1, MAX_CYCLES).round().astype(int))]
    return [int(number) for number in cycles]


def _curve(axes: Axes, across: np.ndarray, found: Bands) -> None:
    axes.axhline(0, color="#bbbbbb", lw=0.6, zorder=0)
    for i, sweep in enumerate(sweeps(across)):
        part, x = found.at(sweep), across[sweep]
        if part.low is not None and part.high is not None:
            axes.fill_between(
                x, part.low, part.high, color=BAND, lw=0, label="new data" if i == 0 else None
            )
        if part.centre is not None:
            axes.plot(x, part.centre, color=MODEL, label="model" if i == 0 else None)
    dots(axes, across, found.data)
    axes.plot([], [], color=INK, marker="o", ms=2, ls="none", label="data")


def sweeps(potential: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the indices of each sweep; neighbours share the turn.

    A turn is a way back of more than `TURN` of the span, so noise of the potential makes none.

    Parameters
    ----------
    potential : ndarray, shape (n,)
        Potentials in order of time.
    """
    least = TURN * float(np.ptp(potential))
    edges, extreme, direction = [0], 0, 0.0
    for i, value in enumerate(potential):
        gone = float(value - potential[extreme])
        if gone * direction >= 0 and (direction or abs(gone) > least):
            extreme, direction = i, direction or float(np.sign(gone))
        elif abs(gone) > least:
            edges.append(extreme)
            extreme, direction = i, -direction
    for start, stop in pairwise([*edges, potential.size - 1]):
        yield np.arange(start, stop + 1)


def _residuals(
    figure: Figure,
    place: SubplotSpec,
    time: np.ndarray,
    found: Bands,
    centre: np.ndarray,
    unit: str,
    step: int,
) -> None:
    panels = place.subgridspec(1, 2, width_ratios=[3, 1])
    axes = figure.add_subplot(panels[0])
    if found.low is not None and found.high is not None:
        low, high = found.low - centre, found.high - centre
        axes.fill_between(time[::step], low[::step], high[::step], color=BAND, lw=0)
    axes.axhline(0, color=MODEL, lw=1.0)
    residual = found.data - centre
    dots(axes, time[::step], residual[::step], size=1.3)
    axes.margins(x=0.01)
    label(axes, x="time / s", y=with_unit("residual", unit))

    finite = residual[np.isfinite(residual)]
    side = figure.add_subplot(panels[1])
    if finite.size > 1:
        values = autocorrelation(finite, LAGS)
        side.vlines(np.arange(values.size), 0, values, color=INK, lw=0.9)
        white = 1.96 / np.sqrt(finite.size)
        for level in (-white, white):
            side.axhline(level, color=MODEL, lw=0.8, ls=(0, (4, 2)))
    side.axhline(0, color="#bbbbbb", lw=0.6)
    side.set_ylim(-1.05, 1.05)
    label(side, x="lag / points", y="autocorrelation")
