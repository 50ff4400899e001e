"""Optical density against time, band by band, over the potential when a voltammogram is there."""

from __future__ import annotations

import numpy as np

from perovec_bayes.diagnostics.intervals import Interval
from perovec_bayes.diagnostics.observables import Observable
from perovec_bayes.report.figures.bands import bands, coverage_sentence, thinning, thinning_sentence
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

MAX_TRACES = 4


def draw_od(
    observable: Observable, key: str, interval: Interval, voltammogram: Observable | None = None
) -> Drawing:
    """Draw absorbance against time for each band (or for a few of many wavelengths).

    Parameters
    ----------
    observable : Observable
        Absorbance with "time" among its constants or as a coordinate.
    key : str
        Prefix of the ids in the SVG.
    interval : Interval
        Of the band.
    voltammogram : Observable, optional
        One on the same clock; its potential is drawn in a strip below.

    Returns
    -------
    Drawing
        The figure.
    """
    shown, factor = display_unit(observable)
    found = bands(observable, interval, factor)
    time, channel = _dimensions(observable)
    step = thinning(time.size)
    every = slice(None, None, step)
    time = time[every]
    if channel is None:
        labels = [""]
        traces: list[tuple[slice | int, ...]] = [(every,)]
    else:
        labels = _labels(observable, channel)
        axis = observable.observed.dims.index(channel)
        chosen = np.unique(np.linspace(0, len(labels) - 1, MAX_TRACES).round().astype(int))
        traces = [(int(i), every) if axis == 0 else (every, int(i)) for i in chosen]
        labels = [labels[i] for i in chosen]
    strip = voltammogram is not None and "potential" in voltammogram.constants
    heights = [1.7] * len(traces) + [1.0] * strip
    figure = new_figure(sum(heights) + 0.4)
    panels = figure.subplots(
        len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
    )[:, 0]
    for axes, name, trace in zip(panels, labels, traces, strict=False):
        part = found.at(trace)
        if part.low is not None and part.high is not None:
            axes.fill_between(time, part.low, part.high, color=BAND, lw=0, label="new data")
        if part.centre is not None:
            axes.plot(time, part.centre, color=MODEL, label="model")
        dots(axes, time, part.data)
        axes.plot([], [], color=INK, marker="o", ms=2, ls="none", label="data")
        title = f"{observable.name}, {name}" if name else observable.name
        label(axes, y=with_unit("absorbance", pretty_unit(shown)), title=title)
    panels[0].legend(loc="best", handlelength=1.4)
    if strip and voltammogram is not None:
        clock, potential = voltammogram.constants["time"], voltammogram.constants["potential"]
        panels[-1].plot(
            clock[:: thinning(clock.size)], potential[:: thinning(clock.size)], color=INK, lw=0.9
        )
        reference = voltammogram.info.get("reference", "reference")
        label(panels[-1], y="potential / V", title=f"potential vs {reference}")
    label(panels[-1], x="time / s")
    caption = (
        f"Dots: data. Line: median of the noise-free curve. Band: {interval.words} of new "
        f"noisy data.{coverage_sentence(found, interval)}{thinning_sentence(step)}"
    )
    return to_drawing(figure, key, f"Optical density {observable.name}: data and fit", caption)


def _dimensions(observable: Observable) -> tuple[np.ndarray, str | None]:
    """Return the times, and the name of the dimension of bands or wavelengths (None: no such)."""
    data = observable.observed
    dims = [str(dim) for dim in data.dims]
    time = observable.constants.get("time")
    others = [dim for dim in dims if dim != "time" and not dim.endswith("_time")]
    if len(dims) == 1:
        channel, along = None, dims[0]
    else:
        channel = others[0] if others else dims[1]
        along = next(dim for dim in dims if dim != channel)
    if time is None:
        time = data[along].to_numpy()
    return np.asarray(time, dtype=float), channel


def _labels(observable: Observable, channel: str) -> list[str]:
    values = observable.constants.get("band")
    if values is None:
        values = observable.observed[channel].to_numpy()
    low, high = observable.constants.get("band_low_nm"), observable.constants.get("band_high_nm")
    if np.issubdtype(values.dtype, np.number):
        return [f"{float(value):g} nm" for value in values]
    if low is None or high is None:
        return [str(value) for value in values]
    return [f"{v} ({a:g} to {b:g} nm)" for v, a, b in zip(values, low, high, strict=True)]
