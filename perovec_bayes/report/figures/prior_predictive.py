"""Prior predictive: what the model expects before the data speak, over the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from perovec_bayes.diagnostics.intervals import Interval
from perovec_bayes.diagnostics.observables import Observable
from perovec_bayes.report.figures.bands import Bands, bands, thinning
from perovec_bayes.report.figures.style import (
    BAND,
    INK,
    PRIOR,
    Drawing,
    dots,
    label,
    new_figure,
    to_drawing,
    with_unit,
)
from perovec_bayes.report.numbers import pretty_unit
from perovec_bayes.report.results import display_unit
from perovec_bayes.units import convert

WIDEST = 4.0
"""The axis spans at most so many times the span of the data [1]."""
HALF = 0.5


def draw_prior_predictive(found: list[Observable], key: str, interval: Interval) -> Drawing | None:
    """Draw one panel for each observable.

    Parameters
    ----------
    found : list of Observable
        With the draws of the prior predictive.
    key : str
        Prefix of the ids in the SVG.
    interval : Interval
        Of the wide band.

    Returns
    -------
    Drawing or None
        None when the result holds no such draws.
    """
    shown = [each for each in found if each.noisy is not None and each.observed.size]
    if not shown:
        return None
    heights = [_height(each) for each in shown]
    figure = new_figure(sum(heights) + 0.2)
    panels = figure.subplots(len(shown), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[
        :, 0
    ]
    for axes, each in zip(panels, shown, strict=True):
        (_readings if each.technique == "icp" else _series)(axes, each, interval)
    caption = (
        f"Dots: data. Light: {interval.words} of new data that the prior alone predicts; "
        f"dark: {_half(interval).words}. A prior that excludes the data, or expects absurd ones, "
        f"is wrong. Bands that reach beyond {WIDEST:g} times the span of the data are cut there."
    )
    if any(each.observed.ndim > 1 for each in shown):
        caption += " Of several bands of wavelength the first is drawn."
    return to_drawing(figure, key, "Prior predictive: what the model expects", caption)


def _half(interval: Interval) -> Interval:
    return replace(interval, prob=HALF)


def _height(each: Observable) -> float:
    return 0.22 * each.observed.size + 0.8 if each.technique == "icp" else 1.7


def _series(axes: Axes, each: Observable, interval: Interval) -> None:
    shown, factor = display_unit(each)
    wide, inner = bands(each, interval, factor), bands(each, _half(interval), factor)
    if wide.data.ndim > 1:
        wide, inner = (found.at((slice(None), 0)) for found in (wide, inner))
    every = np.arange(0, wide.data.size, thinning(wide.data.size))
    time = each.constants.get("time")
    x = every if time is None or time.size != wide.data.size else time[every]
    for found, colour in ((wide, BAND), (inner, PRIOR)):
        part = found.at(every)
        assert part.low is not None
        assert part.high is not None
        axes.fill_between(x, part.low, part.high, color=colour, lw=0, zorder=0)
    dots(axes, x, wide.data[every])
    axes.set_ylim(*_limits(wide))
    axes.margins(x=0.01)
    name = "absorbance" if each.technique == "od" else "current"
    axis = "point" if time is None else "time / s"
    label(axes, x=axis, y=with_unit(name, pretty_unit(shown)), title=each.name)


def _limits(found: Bands) -> tuple[float, float]:
    """Return the span of the axis: the data, and of the prior what has room."""
    data = found.data[np.isfinite(found.data)]
    low, high = float(data.min()), float(data.max())
    room = (WIDEST - 1) / 2 * max(high - low, 1e-12)
    assert found.low is not None
    assert found.high is not None
    margin = 0.05 * (high - low)
    bottom = max(min(low - margin, float(np.nanmin(found.low))), low - room)
    top = min(max(high + margin, float(np.nanmax(found.high))), high + room)
    return bottom, top


def _readings(axes: Axes, each: Observable, interval: Interval) -> None:
    assert each.noisy is not None
    factor = convert(1.0, each.unit, "mol/L")
    draws = each.noisy.to_numpy() * factor
    rows = np.arange(each.observed.size)
    data = each.observed.to_numpy().astype(float) * factor
    lod = each.constants.get("lod", np.full(rows.size, np.nan)).astype(float) * factor
    hidden = ~np.isfinite(data)
    seen = np.concatenate([data, lod[hidden], draws[draws > 0]])
    lowest = np.nanquantile(seen, 0.02)
    bottom = 0.5 * float(np.nanmin([*data[data > 0], *lod[lod > 0], lowest]))
    axes.set_xscale("log")
    tops = []
    for share, colour, height in ((interval, BAND, 0.6), (_half(interval), PRIOR, 0.4)):
        low, high = share.ends(draws)
        low, high = np.maximum(low, bottom), np.maximum(high, bottom)
        axes.barh(rows, high - low, left=low, height=height, color=colour)
        tops.append(float(high.max()))
    axes.plot(data, rows, color=INK, marker="o", ms=3, ls="none")
    axes.plot(lod[hidden], rows[hidden], color=INK, marker="<", ms=4, ls="none")
    axes.set_xlim(bottom, 2 * float(np.nanmax([*tops, *data, *lod])))
    names = [str(sample) for sample in each.constants.get("sample", rows)]
    axes.set_yticks(rows, names, parse_math=False)
    axes.xaxis.set_major_locator(LogLocator(numticks=9))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(len(rows) - 0.4, -0.6)
    title = f"{each.name} (triangles: detection limits of what was not seen)"
    label(axes, x="concentration in the measured solution / (mol/L)", title=title)
