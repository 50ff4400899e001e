"""Whole spectra: the change of absorbance in false colours, and spectra at chosen potentials."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from perovec_bayes.diagnostics.intervals import Interval
from perovec_bayes.diagnostics.observables import Observable
from perovec_bayes.readers.waveform import turning_points
from perovec_bayes.report.figures.style import (
    BAND,
    INK,
    MODEL,
    Drawing,
    dots,
    label,
    new_figure,
    to_drawing,
)

PIXELS = (240, 320)
"""Wavelengths and times of a map."""
CHOSEN = 6
"""Spectra that are drawn one by one, at most."""


def are_spectra(observable: Observable) -> bool:
    """Tell whether an observable holds projections of whole spectra.

    Parameters
    ----------
    observable : Observable
        Of any technique.
    """
    return "synthesis" in observable.constants


def turns(voltammogram: Observable) -> np.ndarray:
    """Return the times at which the potential turns, shape (turns,) [s].

    Parameters
    ----------
    voltammogram : Observable
        With time and potential.
    """
    inner = turning_points(voltammogram.constants["potential"])[1:-1]
    found: np.ndarray = voltammogram.constants["time"][inner]
    return found


def draw_map(observable: Observable, key: str, voltammogram: Observable | None) -> Drawing:
    """Draw the change of absorbance over time and wavelength, as measured and as fitted.

    Parameters
    ----------
    observable : Observable
        Of whole spectra.
    key : str
        Prefix of the ids in the SVG.
    voltammogram : Observable or None
        One on the same clock; its turning points are marked.

    Returns
    -------
    Drawing
        The figure.
    """
    c = observable.constants
    maps = {"data": _resampled(c["shown"], c["shown_time"], c["shown_wavelength"])}
    if observable.mean is not None:
        median = np.median(observable.mean.to_numpy(), axis=0)
        maps["fit (median)"] = _resampled(median @ c["synthesis"], c["time"], c["wavelength"])
    film = np.interp(_grid(c["wavelength"], PIXELS[0]), c["wavelength"], c["film"])
    maps = {name: values - film[:, None] for name, values in maps.items()}
    reach = max(float(np.quantile(np.abs(values), 0.995)) for values in maps.values())
    figure = new_figure(2.0 * len(maps) + 0.5)
    panels = figure.subplots(len(maps), 1, sharex=True, squeeze=False)[:, 0]
    marks = np.empty(0) if voltammogram is None else turns(voltammogram)
    for axes, (name, values) in zip(panels, maps.items(), strict=True):
        picture = axes.imshow(
            values,
            aspect="auto",
            origin="lower",
            extent=(c["time"][0], c["time"][-1], c["wavelength"][0], c["wavelength"][-1]),
            cmap="cividis",
            vmin=-reach,
            vmax=reach,
            interpolation="nearest",
        )
        for moment in marks:
            axes.axvline(moment, color=INK, lw=0.7, ls=(0, (4, 2)))
        label(axes, y="wavelength / nm", title=f"{observable.name}, {name}")
    label(panels[-1], x="time / s")
    bar = figure.colorbar(picture, ax=list(panels), shrink=0.8)
    bar.set_label("change of absorbance")
    caption = (
        "Absorbance less that of the untouched film. Dark: loss; light: gain. "
        f"{'Broken lines: the potential turns. ' if marks.size else ''}"
        "The fit holds what lies in the span of its components, without noise."
    )
    return to_drawing(figure, key, f"Change of the spectra {observable.name}", caption)


def draw_chosen(
    observable: Observable, key: str, interval: Interval, voltammogram: Observable | None
) -> Drawing:
    """Draw spectra at the start, at the turning points and at the end, with posterior bands.

    Parameters
    ----------
    observable : Observable
        Of whole spectra.
    key : str
        Prefix of the ids in the SVG.
    interval : Interval
        Of the band.
    voltammogram : Observable or None
        One on the same clock.

    Returns
    -------
    Drawing
        The figure.
    """
    c = observable.constants
    moments = [float(c["time"][0]), float(c["time"][-1])]
    if voltammogram is not None:
        inside = [t for t in turns(voltammogram) if moments[0] < t < moments[1]]
        moments[1:1] = [float(t) for t in inside]
    if len(moments) > CHOSEN:
        moments = [moments[i] for i in np.linspace(0, len(moments) - 1, CHOSEN).round().astype(int)]
    rows = -(-len(moments) // 2)
    figure = new_figure(1.7 * rows + 0.4)
    panels = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, moment in zip(panels, moments, strict=False):
        _draw_one(axes, observable, moment, interval)
        label(axes, title=_where(moment, voltammogram))
    for axes in panels[len(moments) :]:
        axes.set_axis_off()
    for axes in panels[-2:]:
        label(axes, x="wavelength / nm")
    for axes in panels[::2]:
        label(axes, y="absorbance")
    panels[0].legend(loc="best", handlelength=1.4)
    caption = (
        f"Dots: data. Line: median of the noise-free spectrum; band: its {interval.words}. "
        "The band holds no noise: data scatter about it."
    )
    return to_drawing(figure, key, f"Spectra {observable.name} at chosen potentials", caption)


def _draw_one(axes: Axes, observable: Observable, moment: float, interval: Interval) -> None:
    c = observable.constants
    if observable.mean is not None:
        row = int(np.argmin(np.abs(c["time"] - moment)))
        drawn = observable.mean.to_numpy()[:, row] @ c["synthesis"]
        low, high = interval.ends(drawn)
        axes.fill_between(c["wavelength"], low, high, color=BAND, lw=0, label="posterior")
        axes.plot(c["wavelength"], np.median(drawn, axis=0), color=MODEL, label="model")
    shown = int(np.argmin(np.abs(c["shown_time"] - moment)))
    dots(axes, c["shown_wavelength"], c["shown"][shown].astype(float))
    axes.plot([], [], color=INK, marker="o", ms=2, ls="none", label="data")


def _where(moment: float, voltammogram: Observable | None) -> str:
    if voltammogram is None:
        return f"{moment:.0f} s"
    clock, potential = voltammogram.constants["time"], voltammogram.constants["potential"]
    return f"{moment:.0f} s, {np.interp(moment, clock, potential):.2f} V"


def _grid(axis: np.ndarray, size: int) -> np.ndarray:
    return np.linspace(axis[0], axis[-1], size)


def _resampled(values: np.ndarray, time: np.ndarray, wavelength: np.ndarray) -> np.ndarray:
    """Return spectra on even wavelengths and times, shape `PIXELS`."""
    nm, moments = _grid(wavelength, PIXELS[0]), _grid(time, PIXELS[1])
    across = np.stack([np.interp(nm, wavelength, row) for row in values.astype(float)])
    return np.stack([np.interp(moments, time, column) for column in across.T])
