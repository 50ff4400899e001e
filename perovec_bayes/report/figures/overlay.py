"""One quantity after another in several runs: densities over each other, intervals below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from perovec_bayes.report.figures.parameters import density, plain_axes, span
from perovec_bayes.report.figures.style import (
    CHAINS,
    INK,
    NARROW,
    WIDTH,
    Drawing,
    drawing_style,
    label,
    new_figure,
    to_drawing,
    with_unit,
)
from perovec_bayes.report.numbers import LIMITS, pretty_unit

MOST_PANELS = 24
LINES = (*CHAINS, ("#2e6b34", (0, (8, 1.5, 1, 1.5, 1, 1.5))), ("#7b3294", (0, (2, 2.5))))
"""Colour and dashes of each run; the dashes alone tell them apart."""
_COLUMNS, _GRID, _DECADE = 3, 200, 10
_RUNG = 0.13
"""Height of a rung, in heights of the densities."""
_LONGEST = 60  # characters of a name


@dataclass(frozen=True, eq=False)
class Curve:
    """What one run says of a quantity, in the unit shown.

    Parameters
    ----------
    letter : str
        Of the run.
    draws : ndarray, shape (n,)
        Its draws, finite and not all equal.
    median, low, high : float
        Median and interval.
    kind : str
        As `interval_kind` of a summary.
    """

    letter: str
    draws: np.ndarray
    median: float
    low: float
    high: float
    kind: str


@dataclass(frozen=True)
class Panel:
    """A quantity.

    Parameters
    ----------
    name, unit : str
        What is drawn, and its unit.
    log : bool
        Whether it is judged on a logarithmic scale.
    curves : sequence of Curve
        One for each run that has it.
    """

    name: str
    unit: str
    log: bool
    curves: Sequence[Curve]


def draw_overlay(
    panels: Sequence[Panel], names: Mapping[str, str], warnings: Mapping[str, str], key: str
) -> Drawing | None:
    """Draw quantities of several runs.

    Parameters
    ----------
    panels : sequence of Panel
        The quantities; those beyond `MOST_PANELS` are left out, and the caption says so.
    names : mapping of str to str
        Letter and name of each run, at most as many as `LINES`.
    warnings : mapping of str to str
        What is wrong with the run of this letter; nothing where its gate passed.
    key : str
        Prefix of all ids.

    Returns
    -------
    Drawing or None
        None if there is no panel.
    """
    if not panels:
        return None
    shown = panels[:MOST_PANELS]
    columns = min(len(shown), _COLUMNS)
    rows = -(-len(shown) // columns)
    styles = dict(zip(names, LINES, strict=False))
    with drawing_style():
        height = rows * (1.3 + 0.12 * len(names)) + 0.25 + 0.14 * len(names)
        figure = new_figure(height, NARROW * 1.4 if columns == 1 else WIDTH)
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes, panel in zip(grid.flat, shown, strict=False):
            _draw(axes, panel, list(names), styles, warnings)
        for axes in grid.flat[len(shown) :]:
            axes.set_visible(False)
        handles = [
            Line2D([], [], color=styles[each][0], ls=styles[each][1], lw=_width(warnings[each]))
            for each in names
        ]
        words = [_legend(each, name, warnings[each]) for each, name in names.items()]
        legend = figure.legend(handles, words, loc="outside upper left", handlelength=4)
        for text in legend.get_texts():
            text.set_parse_math(False)
        return to_drawing(figure, key, "Posteriors over each other", _caption(panels, warnings))


def _legend(letter: str, name: str, warning: str) -> str:
    short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    return f"{letter}: {short}" + (f" ({warning})" if warning else "")


def _caption(panels: Sequence[Panel], warnings: Mapping[str, str]) -> str:
    words = (
        "Posterior densities, all scaled to the same height; below them median (dot) and interval "
        "of each run, in the order of the letters. An arrow head is a limit: the data bound the "
        "quantity from that side only, and the density beyond it follows the prior."
    )
    if any(warnings.values()):
        words += " Thin lines without filling, hollow marks: a run that did not pass its gate."
    if len(panels) > MOST_PANELS:
        words += f" The first {MOST_PANELS} of {len(panels)} quantities are drawn."
    return words


def _width(warning: str) -> float:
    return 0.7 if warning else 1.2


def _draw(
    axes: Axes,
    panel: Panel,
    order: Sequence[str],
    styles: Mapping[str, tuple[str, object]],
    warnings: Mapping[str, str],
) -> None:
    spans = [span(curve.draws, None, panel.log) for curve in panel.curves]
    low, high = min(ends[0] for ends in spans), max(ends[1] for ends in spans)
    log_axis = panel.log and low > 0 and high > _DECADE * low
    if log_axis:
        axes.set_xscale("log")
    for curve, ends in zip(panel.curves, spans, strict=True):
        colour, dashes = styles[curve.letter]
        grid = np.geomspace(*ends, _GRID) if log_axis else np.linspace(*ends, _GRID)
        height = density(curve.draws, grid, log_axis)
        warning = warnings[curve.letter]
        axes.plot(grid, height, color=colour, ls=dashes, lw=_width(warning))
        if not warning:
            axes.fill_between(grid, height, color=colour, alpha=0.24 / len(panel.curves), lw=0)
        place = -_RUNG * (order.index(curve.letter) + 1)
        _rung(axes, curve, place, colour, not warning)
        axes.text(
            -0.015, place, curve.letter, transform=axes.get_yaxis_transform(), color=INK,
            fontsize=6, ha="right", va="center",
        )  # fmt: skip
    axes.axhline(0, color="#999999", lw=0.5)
    axes.set_xlim(low, high)
    axes.set_ylim(-_RUNG * (len(order) + 0.8), 1.06)
    plain_axes(axes, log_axis)
    label(axes, title=with_unit(panel.name, pretty_unit(panel.unit)))


def _rung(axes: Axes, curve: Curve, place: float, colour: str, passed: bool) -> None:
    face = colour if passed else "white"
    if curve.kind in LIMITS:
        end, marker = (curve.high, "<") if curve.kind == "upper" else (curve.low, ">")
        axes.plot([end], [place], marker=marker, ms=4.5, color=colour, mfc=face, ls="")
        return
    axes.plot([curve.low, curve.high], [place, place], color=colour, lw=1.4 if passed else 0.8)
    axes.plot([curve.median], [place], marker="o", ms=3, color=colour, mfc=face, ls="")
