"""The solubility ladder: measured concentrations, detection limits, and predicted intervals."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import (
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
    ScalarFormatter,
)

from perovec_bayes.diagnostics.intervals import Interval
from perovec_bayes.diagnostics.observables import Observable
from perovec_bayes.report.figures.bands import bands, coverage_sentence
from perovec_bayes.report.figures.style import (
    BAND,
    INK,
    LIMIT,
    MODEL,
    Drawing,
    label,
    new_figure,
    to_drawing,
    with_unit,
)
from perovec_bayes.report.numbers import pretty_unit
from perovec_bayes.units import convert

DISPLAY_UNIT = "mol/L"
LEAST_SPAN = 10.0
"""An axis over less than this factor may have no decade to be labelled [1]."""


def draw_icp(observable: Observable, key: str, interval: Interval) -> Drawing:
    """Draw each measurement over its predicted interval on a logarithmic axis.

    Concentrations are those in the saturated solution: the measured ones times the dilution. Where
    the dilution is unknown they are those in the solution that was measured, and marked so.

    Parameters
    ----------
    observable : Observable
        Concentrations; "sample", "element", "solute", "solvent", "dilution", "lod", "sd" and
        "censoring" among its constants are used where they are there.
    key : str
        Prefix of the ids in the SVG.
    interval : Interval
        Of the predicted interval.

    Returns
    -------
    Drawing
        The figure.
    """
    unit = str(observable.info.get("display_unit", DISPLAY_UNIT))
    size = observable.observed.size
    dilution = _numbers(observable, "dilution", 1.0)
    known = np.isfinite(dilution)
    factor = convert(1.0, observable.unit, unit) * np.where(known, dilution, 1.0)
    found = bands(observable, interval)
    censored = np.array([str(flag) == "left" for flag in _texts(observable, "censoring")])
    lod, sd = _numbers(observable, "lod", np.nan) * factor, _numbers(observable, "sd", 0.0) * factor
    rows = np.arange(size)
    value = np.where(censored, np.nan, found.data * factor)

    figure = new_figure(0.34 * size + 1.5)
    axes = figure.add_subplot()
    axes.set_xscale("log")
    if found.low is not None and found.high is not None:
        low, high = (
            _positive(end * factor, found.data * factor, lod) for end in (found.low, found.high)
        )
        # Only a bar that was cut may run into the edge.
        axes.use_sticky_edges = bool((found.low <= 0).any())
        axes.barh(rows, high - low, left=low, height=0.5, color=BAND, label="new data, predicted")
    if found.centre is not None:
        centre = found.centre * factor
        if observable.noisy is not None:  # the noise-free model knows no unknown dilution
            median = np.median(observable.noisy.to_numpy(), axis=0)
            centre = np.where(known, centre, median * factor)
        good = centre > 0
        axes.plot(
            centre[good],
            rows[good],
            color=MODEL,
            marker="|",
            ms=11,
            mew=1.6,
            ls="none",
            label="model, median",
        )
    error = np.where(np.isfinite(sd), sd, 0.0)
    error = np.vstack([np.minimum(error, 0.999 * value), error])
    shown = np.isfinite(value) & (value > 0)
    if shown.any():
        axes.errorbar(
            value[shown],
            rows[shown],
            xerr=error[:, shown],
            color=INK,
            marker="o",
            ms=3.5,
            lw=0.9,
            ls="none",
            label="measured (± 1 sd)",
        )
    _limits(axes, lod, rows, censored)
    axes.set_yticks(rows, _names(observable, known), parse_math=False)
    axes.set_ylim(size - 0.4, -0.6)
    axes.grid(axis="x", color="#dddddd", lw=0.5)
    axes.set_axisbelow(True)
    _ticks(axes)
    label(axes, x=with_unit("concentration in the saturated solution", pretty_unit(unit)))
    figure.legend(loc="outside upper left", ncols=4, handlelength=1.4, columnspacing=1.4)
    caption = (
        f"Points: measured. Arrows: not seen above the detection limit, at that limit. Bars: "
        f"{interval.words} of predicted new measurements; stroke: median of the noise-free "
        f"model.{coverage_sentence(found, interval)}"
    )
    if not known.all():
        caption += (
            " * Dilution unknown: concentration in the solution that was measured, and its median."
        )
    return to_drawing(figure, key, f"Solubility ladder {observable.name}: data and fit", caption)


def _ticks(axes: Axes) -> None:
    """Label decades; where there may be none in sight, round numbers."""
    low, high = axes.get_xlim()
    axes.xaxis.set_minor_formatter(NullFormatter())
    if high > LEAST_SPAN * low:
        axes.xaxis.set_major_locator(LogLocator(numticks=9))
        return
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(ScalarFormatter(useMathText=True))


def _limits(axes: Axes, lod: np.ndarray, rows: np.ndarray, censored: np.ndarray) -> None:
    """Mark the left-censored rows: a stroke at the detection limit, an arrow to lower values."""
    at = censored & np.isfinite(lod) & (lod > 0)
    if at.any():
        axes.plot(lod[at], rows[at], color=LIMIT, marker="|", ms=9, mew=1.6, ls="none")
        axes.plot(
            [],
            [],
            color=LIMIT,
            marker=r"$\leftarrow$",
            ms=9,
            ls="none",
            label="below detection limit",
        )
    arrow = {"arrowstyle": "<-", "color": LIMIT, "lw": 1.3, "shrinkA": 0, "shrinkB": 0}
    for x, row in zip(lod[at], rows[at], strict=True):
        axes.annotate(
            "", xy=(x, row), xytext=(-26, 0), textcoords="offset points", arrowprops=arrow
        )
    for row in rows[censored & ~at]:
        axes.text(
            0.99,
            row,
            "not seen; no detection limit stated",
            ha="right",
            va="center",
            transform=axes.get_yaxis_transform(),
            color=LIMIT,
            fontsize=7.5,
        )


def _positive(end: np.ndarray, data: np.ndarray, lod: np.ndarray) -> np.ndarray:
    """Cut an interval's end that is not positive at a tenth of the smallest number drawn."""
    drawn = np.concatenate([end, data, lod])
    drawn = drawn[np.isfinite(drawn) & (drawn > 0)]
    floor = 0.1 * float(drawn.min()) if drawn.size else 1e-12
    return np.where(np.isfinite(end), np.maximum(end, floor), floor)


def _numbers(observable: Observable, name: str, otherwise: float) -> np.ndarray:
    size = observable.observed.size
    values = observable.constants.get(name)
    return np.full(size, otherwise) if values is None else values.astype(float)


def _texts(observable: Observable, name: str) -> list[str]:
    values = observable.constants.get(name)
    if values is None:
        return [""] * observable.observed.size
    return [str(value) for value in values]


def _names(observable: Observable, known: np.ndarray) -> list[str]:
    """Return one label for each measurement: solute, solvent, element, sample, replicate."""
    columns = [_texts(observable, part) for part in ("solute", "solvent", "element", "sample")]
    replicates = _texts(observable, "replicate")
    names = []
    for i, replicate in enumerate(replicates):
        parts = list(dict.fromkeys(column[i] for column in columns if column[i]))
        if replicate:
            parts.append(f"no. {replicate}")
        text = ", ".join(parts) or f"measurement {i + 1}"
        names.append(text if known[i] else f"{text} *")
    return names
