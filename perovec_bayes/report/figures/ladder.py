"""One quantity over many fits: a rung for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perovec_bayes.report.figures.style import (
    INK,
    LIMIT,
    MODEL,
    Drawing,
    drawing_style,
    label,
    new_figure,
    to_drawing,
    with_unit,
)
from perovec_bayes.report.numbers import pretty_unit

_RUNG, _FRAME = 0.19, 0.75  # inches: height of a rung, of axis and title
_LONGEST = 48  # characters of a label
_LIMITS = ("upper", "lower")


@dataclass(frozen=True)
class Rung:
    """What one fit says of the quantity, in the unit shown.

    Parameters
    ----------
    fit : str
        Its name.
    median, low, high : float
        Median and interval.
    kind : str
        As `interval_kind` of a summary.
    passed : bool
        Whether the fit passed its gate.
    """

    fit: str
    median: float
    low: float
    high: float
    kind: str
    passed: bool


def draw_ladder(rungs: Sequence[Rung], key: str, quantity: str, unit: str, *, log: bool) -> Drawing:
    """Draw the intervals of a quantity, one fit below the other.

    Parameters
    ----------
    rungs : sequence of Rung
        From top to bottom.
    key : str
        Prefix of all ids.
    quantity, unit : str
        What is drawn, and its unit.
    log : bool
        Whether the axis is logarithmic; not where a value is not positive.
    """
    places = np.arange(len(rungs))
    with drawing_style():
        figure = new_figure(_FRAME + _RUNG * len(rungs))
        axes = figure.add_subplot()
        finite = [v for r in rungs for v in (r.median, r.low, r.high) if np.isfinite(v)]
        logarithmic = log and bool(finite) and all(r.median > 0 for r in rungs)
        if logarithmic:
            axes.set_xscale("log")
        for place, rung in zip(places, rungs, strict=True):
            colour = MODEL if rung.passed else LIMIT
            if rung.kind in _LIMITS:
                end, marker = (rung.high, "<") if rung.kind == "upper" else (rung.low, ">")
                axes.plot([end], [place], marker=marker, ms=5, color=colour, mfc="white")
                continue
            low = rung.low if rung.low > 0 or not logarithmic else rung.median
            axes.plot([low, rung.high], [place, place], color=colour, lw=2)
            filled = INK if rung.passed else "white"
            axes.plot([rung.median], [place], marker="o", ms=3.5, mec=colour, color=filled)
        names = [r.fit if len(r.fit) <= _LONGEST else f"{r.fit[: _LONGEST - 1]}…" for r in rungs]
        axes.set_yticks(places, names, parse_math=False)
        axes.set_ylim(len(rungs) - 0.4, -0.6)
        axes.grid(axis="x", color="#dddddd", lw=0.6)
        axes.set_axisbelow(True)
        label(axes, x=with_unit(quantity, pretty_unit(unit)))
        caption = (
            f"Median and interval of {quantity} in {len(rungs)} fits, those that passed last. "
            "An arrow head is a limit: the data bound the quantity from that side only."
        )
        if not all(rung.passed for rung in rungs):
            caption += " Orange, hollow: the diagnostics gate failed; do not use."
        return to_drawing(figure, key, quantity, caption)
