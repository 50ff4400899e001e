"""What light says of the charge: rate of the optical density over the CV, and Q against OD."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from scipy.integrate import cumulative_trapezoid
from scipy.signal import savgol_filter

from perovec_bayes.diagnostics.intervals import Interval
from perovec_bayes.diagnostics.observables import Observable
from perovec_bayes.forward.optics import ABSORPTION_EDGE, convert_slope
from perovec_bayes.report.figures.spectra import are_spectra, draw_chosen, draw_map
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
from perovec_bayes.report.numbers import interval_text, quote

SMOOTHED = 0.04
"""Path of potential over which an optical density is smoothed before its rate is taken [V]."""
FEWEST = 5


class Corrected(NamedTuple):
    """OD(500-550 nm) - OD(550-600 nm), the paper's correction, or that of the bands at hand."""

    time: np.ndarray
    """Shape (times,) [s]."""
    data: np.ndarray
    """Shape (times,) [1]."""
    mean: np.ndarray | None
    """Draws of the noise-free model, shape (draws, times) [1]."""


def corrected(observable: Observable) -> Corrected | None:
    """Return the difference of the windows, None where there are no two of them.

    Parameters
    ----------
    observable : Observable
        Band averages or whole spectra.
    """
    c = observable.constants
    if are_spectra(observable):
        weights = c["windows"][:, 0] - c["windows"][:, 1]
    elif {"time", "band_low_nm"} <= set(c):
        low = c["band_low_nm"]
        if not (low < ABSORPTION_EDGE).any() or not (low >= ABSORPTION_EDGE).any():
            return None
        weights = np.zeros(low.size)
        weights[int(np.argmax(low < ABSORPTION_EDGE))] = 1.0
        weights[int(np.argmax(low >= ABSORPTION_EDGE))] = -1.0
    else:
        return None
    mean = None if observable.mean is None else observable.mean.to_numpy() @ weights
    return Corrected(np.asarray(c["time"]), observable.observed.to_numpy() @ weights, mean)


def draw_light(
    tree: xr.DataTree,
    observable: Observable,
    numbers: Iterator[int],
    interval: Interval,
    voltammogram: Observable | None,
) -> list[Drawing]:
    """Draw every figure of an optical density but its course in time.

    Parameters
    ----------
    tree : DataTree
        The result.
    observable : Observable
        Of technique "od".
    numbers : iterator of int
        Numbers of the figures; the keys are "fig1" and so on.
    interval : Interval
        Of bands.
    voltammogram : Observable or None
        One on the same clock.
    """
    found: list[Drawing] = []
    if are_spectra(observable):
        found.append(draw_map(observable, f"fig{next(numbers)}", voltammogram))
        found.append(draw_chosen(observable, f"fig{next(numbers)}", interval, voltammogram))
    seen = corrected(observable)
    if seen is None or voltammogram is None or seen.time.size < 2 * FEWEST:
        return found
    name = observable.name
    found.append(draw_rates(name, seen, f"fig{next(numbers)}", interval, voltammogram))
    slope = _slope(tree, str(observable.info.get("experiment") or ""), interval)
    found.append(draw_charge(name, seen, f"fig{next(numbers)}", interval, voltammogram, slope))
    return found


def draw_rates(
    name: str, seen: Corrected, key: str, interval: Interval, voltammogram: Observable
) -> Drawing:
    """Draw the rate of the optical density over potential, in both conventions, and the current.

    (1/v) dOD/dt, which the paper plots as dOD/dV, is negative wherever film is lost; dOD/dE, a
    true derivative, is positive there on a sweep to negative potentials (4.6).

    Parameters
    ----------
    name : str
        Of the optical density.
    seen : Corrected
        The difference of the windows.
    key : str
        Prefix of the ids in the SVG.
    interval : Interval
        Of the band.
    voltammogram : Observable
        On the same clock.

    Returns
    -------
    Drawing
        The figure.
    """
    clock, path = voltammogram.constants["time"], voltammogram.constants["potential"]
    potential = np.interp(seen.time, clock, path)
    sweep = np.interp(seen.time, clock, np.gradient(path, clock))
    speed = float(voltammogram.info.get("scan_rate_V_s") or np.median(np.abs(sweep)))
    window = _window(seen.time, speed)
    series = [seen.data[None]] + ([] if seen.mean is None else [seen.mean])
    rates = [_rate(each, seen.time, window) for each in series]
    figure = new_figure(5.2)
    panels = figure.subplots(3, 1, sharex=True)
    for axes, wanted, words in (
        (panels[0], "dOD/dt/v", "(1/v) dOD/dt / V⁻¹"),
        (panels[1], "dOD/dE", "dOD/dE / V⁻¹"),
    ):
        shown = [
            np.asarray(convert_slope(each, sweep, speed, given="dOD/dt", wanted=wanted))  # type: ignore[arg-type]
            for each in rates
        ]
        if len(shown) > 1:
            _band(axes, potential, shown[1], interval)
        dots(axes, potential, shown[0][0])
        axes.axhline(0.0, color=INK, lw=0.5)
        label(axes, y=words)
    label(panels[0], title=f"{name}: rate of OD(500-550 nm) - OD(550-600 nm)")
    unit = voltammogram.unit.replace("/cm^2", " cm⁻²")
    panels[2].plot(path, 1e6 * voltammogram.observed.to_numpy(), color=INK, lw=0.8)
    reference = voltammogram.info.get("reference", "reference")
    label(panels[2], x=f"potential vs {reference} / V", y=f"current / µ{unit}")
    caption = (
        f"Dots: data, smoothed by a parabola through {window} points. Band: "
        f"{interval.words} of the noise-free model, smoothed likewise. Above: negative where film "
        "is lost, on either sweep (the paper's dOD/dV). Middle: the derivative by potential, "
        "positive where film is lost on a sweep to negative potentials; it does not exist where "
        "the potential turns or stands still. Below: the current."
    )
    return to_drawing(figure, key, f"Rate of the optical density {name} over potential", caption)


def draw_charge(
    name: str,
    seen: Corrected,
    key: str,
    interval: Interval,
    voltammogram: Observable,
    slope: tuple[float, float, float] | None,
) -> Drawing:
    """Draw the optical density against the charge that has passed, with the slope of Faraday's law.

    Parameters
    ----------
    name : str
        Of the optical density.
    seen : Corrected
        The difference of the windows.
    key : str
        Prefix of the ids in the SVG.
    interval : Interval
        Of band and interval.
    voltammogram : Observable
        On the same clock.
    slope : tuple of float, optional
        Median and interval of e_b/(n_opt F) [cm^2 C^-1].

    Returns
    -------
    Drawing
        The figure.
    """
    clock = voltammogram.constants["time"]
    current = voltammogram.observed.to_numpy()
    passed = cumulative_trapezoid(current, clock, initial=0.0)
    charge = 1e3 * np.interp(seen.time, clock, passed)
    dense = voltammogram.unit == "A/cm^2"
    figure = new_figure(3.4)
    axes = figure.subplots()
    if seen.mean is not None:
        axes.vlines(charge, *interval.ends(seen.mean), color=BAND, lw=2.0, label="posterior")
    dots(axes, charge, seen.data)
    axes.plot([], [], color=INK, marker="o", ms=2, ls="none", label="data")
    words = ""
    if slope is not None:
        middle, low, high = slope
        said = quote(middle, low, high)
        words = (
            f" Lines: the loss if all charge decomposed the film, e_b/(n_opt F) = {said.value} "
            f"cm² C⁻¹ ({interval_text(said)}, {interval.words})."
        )
        if dense:
            start = int(np.argmax(charge))
            span = np.array([charge[start], charge.min()])
            for each, style in ((middle, "-"), (low, ":"), (high, ":")):
                fall = seen.data[start] + 1e-3 * each * (span - charge[start])
                axes.plot(span, fall, color=MODEL, ls=style, lw=1.0)
            axes.plot([], [], color=MODEL, label="slope e_b/(n_opt F)")
    axes.legend(loc="best", handlelength=1.4)
    label(
        axes,
        x=f"charge passed / mC{' cm⁻²' if dense else ''}",
        y="OD(500-550) - OD(550-600)",
        title=f"{name} against charge",
    )
    caption = (
        "Dots: data, against the integral of the measured current. Band: "
        f"{interval.words} of the noise-free model.{words} Where lead is stripped the charge comes "
        "back, and the film only as far as it forms anew."
    )
    return to_drawing(figure, key, f"Optical density {name} against charge", caption)


def _window(time: np.ndarray, speed: float) -> int:
    """Return the odd number of points over `SMOOTHED`, at least `FEWEST`."""
    points = max(FEWEST, round(SMOOTHED / (speed * float(np.median(np.diff(time))))))
    return min(points + 1 - points % 2, time.size - 1 + time.size % 2)


def _rate(values: np.ndarray, time: np.ndarray, window: int) -> np.ndarray:
    """Return d/dt of each series, smoothed; times may be uneven, shape (series, times)."""
    smooth = savgol_filter(values, window, 2, axis=1)
    found: np.ndarray = np.gradient(smooth, time, axis=1)
    return found


def _band(axes: Axes, x: np.ndarray, draws: np.ndarray, interval: Interval) -> None:
    good = np.isfinite(draws).all(axis=0)
    low, high = interval.ends(draws[:, good])
    axes.vlines(x[good], low, high, color=BAND, lw=2.0)


def _slope(
    tree: xr.DataTree, experiment: str, interval: Interval
) -> tuple[float, float, float] | None:
    """Return median and interval of e_b/(n_opt F) of an experiment [cm^2 C^-1]."""
    posterior = tree.children["posterior"].to_dataset() if "posterior" in tree.children else {}
    for name in (f"dOD_dQ[{experiment}]", "dOD_dQ"):
        if name in posterior:
            draws = posterior[name].to_numpy().ravel()
            low, high = interval.ends(draws)
            return float(np.median(draws)), float(low), float(high)
    return None
