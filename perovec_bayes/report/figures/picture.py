"""A quick picture of a data file, as it was read and before any fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from perovec_bayes.files import replacing
from perovec_bayes.readers.waveform import has_steps
from perovec_bayes.report.figures.style import (
    INK,
    LIMIT,
    MODEL,
    PRIOR,
    drawing_style,
    label,
    new_figure,
    with_unit,
)
from perovec_bayes.report.numbers import pretty_unit
from perovec_bayes.report.results import scaled_unit
from perovec_bayes.units import convert

FORMATS = (".png", ".svg", ".pdf")
MAX_POINTS = 20_000
MAX_SPECTRA = 8
MAX_TRACES = 4
HEIGHT = 3.4
DPI = 160


def draw_picture(ds: xr.Dataset, path: str | Path) -> Path:
    """Draw a dataset and write the picture, whole or not at all.

    Parameters
    ----------
    ds : xarray.Dataset
        As a reader returns it.
    path : str or Path
        The file; its name ends in one of `FORMATS`, its folder exists.

    Returns
    -------
    Path
        `path`.
    """
    target = Path(path)
    with drawing_style():
        figure = new_figure(HEIGHT)
        _DRAW[str(ds.attrs["technique"])](figure, ds)
        figure.suptitle(str(ds.attrs["source_file"]), fontsize=8.5, parse_math=False)
        with replacing(target) as temporary:
            figure.savefig(temporary, format=target.suffix[1:].lower(), dpi=DPI)
    return target


def _every(points: int) -> slice:
    """Return the points that are drawn of so many."""
    return slice(None, None, max(1, -(-points // MAX_POINTS)))


def _shades(count: int) -> np.ndarray:
    """Return as many colours, from early to late."""
    return np.asarray(colormaps["viridis"](np.linspace(0.0, 0.9, max(count, 1))))


def _spread(count: int, most: int) -> list[int]:
    """Return at most so many places, spread evenly, the first and the last among them."""
    return [int(i) for i in np.unique(np.linspace(0, count - 1, most).round())]


def _cv(figure: Figure, ds: xr.Dataset) -> None:
    name = "current_density" if "current_density" in ds else "current"
    unit = "A/cm^2" if name == "current_density" else "A"
    current = ds[name].to_numpy()
    shown = scaled_unit(unit, float(np.abs(current).max()))
    current = convert(current, unit, shown)
    time, potential = ds["time"].to_numpy(), ds["potential"].to_numpy()
    cycle = ds["cycle"].to_numpy()
    left, right = figure.subplots(1, 2)
    y = with_unit(name.replace("_", " "), pretty_unit(shown))
    every = _every(time.size)
    if has_steps(potential):
        left.plot(time[every], current[every], color=INK, lw=0.8)
        label(left, x="time / s", y=y)
    else:
        numbers = np.unique(cycle)
        kept = [int(numbers[i]) for i in _spread(numbers.size, MAX_SPECTRA)]
        for number, colour in zip(kept, _shades(len(kept)), strict=True):
            part = cycle == number
            left.plot(
                potential[part][every],
                current[part][every],
                color=colour,
                lw=0.8,
                label=f"cycle {number}",
            )
        if len(kept) > 1:
            left.legend(loc="best", handlelength=1.2)
        reference = str(ds.attrs.get("reference", "")) or "a reference not stated"
        label(left, x=f"potential vs {reference} / V", y=y)
    right.plot(time[every], potential[every], color=MODEL, lw=0.8)
    label(right, x="time / s", y="potential / V")


def _od(figure: Figure, ds: xr.Dataset) -> None:
    if "band" in ds.dims:
        axes = figure.subplots()
        names = [str(band) for band in ds["band"].to_numpy()]
        _traces(axes, ds["time"].to_numpy(), ds["absorbance"].to_numpy(), names)
        label(axes, x="time / s", y="absorbance")
        return
    left, right = figure.subplots(1, 2)
    _spectra_over(left, ds, ds["absorbance"].to_numpy(), "absorbance")
    nm = ds["wavelength"].to_numpy()
    chosen = _spread(nm.size, MAX_TRACES)
    values = ds["absorbance"].to_numpy()[:, chosen]
    _traces(right, ds["time"].to_numpy(), values, [f"{nm[i]:g} nm" for i in chosen])
    label(right, x="time / s", y="absorbance")


def _spectra(figure: Figure, ds: xr.Dataset) -> None:
    quantity, unit = str(ds.attrs["quantity"]), str(ds.attrs["signal_unit"])
    name = "signal" if quantity == "unknown" else quantity
    shown = "" if unit in ("1", "unknown") else unit
    _spectra_over(figure.subplots(), ds, ds["signal"].to_numpy(), with_unit(name, shown))


def _spectra_over(axes: Axes, ds: xr.Dataset, values: np.ndarray, y: str) -> None:
    """Draw a few of the spectra against wavelength."""
    time, nm = ds["time"].to_numpy(), ds["wavelength"].to_numpy()
    every = _every(nm.size)
    kept = _spread(time.size, MAX_SPECTRA)
    for i, colour in zip(kept, _shades(len(kept)), strict=True):
        axes.plot(nm[every], values[i][every], color=colour, lw=0.8, label=f"{time[i]:.4g} s")
    if len(kept) > 1:
        axes.legend(loc="best", handlelength=1.2)
    label(axes, x="wavelength / nm", y=y)


def _traces(axes: Axes, time: np.ndarray, values: np.ndarray, names: list[str]) -> None:
    every = _every(time.size)
    for i, colour in enumerate(_shades(len(names))):
        axes.plot(time[every], values[every, i], color=colour, lw=0.8, label=names[i])
    axes.legend(loc="best", handlelength=1.2)


def _icp(figure: Figure, ds: xr.Dataset) -> None:
    axes = figure.subplots()
    samples = ds["sample"].to_numpy().astype(str)
    elements = ds["element"].to_numpy().astype(str)
    labels = np.char.add(np.char.add(samples, " "), elements)
    places = {name: i for i, name in enumerate(dict.fromkeys(labels))}
    x = np.array([places[name] for name in labels], dtype=float)
    value, sd = (convert(ds[key].to_numpy(), "mol/cm^3", "mol/L") for key in ("value", "sd"))
    censored = ds["censoring"].to_numpy().astype(str)
    measured = censored == "none"
    axes.errorbar(
        x[measured],
        value[measured],
        yerr=np.nan_to_num(sd[measured]),
        fmt="o",
        ms=3,
        color=INK,
        ecolor=PRIOR,
        lw=0.8,
    )
    for side, mark, key in (("left", "v", "lod"), ("right", "^", "upper")):
        at = censored == side
        if at.any():
            limit = convert(ds[key].to_numpy(), "mol/cm^3", "mol/L")
            word = "below" if side == "left" else "above"
            axes.plot(x[at], limit[at], mark, ms=4, color=LIMIT, label=f"{word} this limit")
    if not measured.all():
        axes.legend(loc="best")
    axes.set_yscale("log")
    _named(axes, list(places))
    label(axes, y=f"concentration in the measured solution / {pretty_unit('mol/L')}")


def _readings(figure: Figure, ds: xr.Dataset) -> None:
    axes = figure.subplots()
    names = [str(name) for name in ds["label"].to_numpy()]
    lines = [str(name) for name in ds["line"].to_numpy()]
    for i in _spread(len(lines), MAX_SPECTRA):
        axes.plot(ds["reading"].to_numpy()[:, i], "o-", ms=3, lw=0.6, label=lines[i])
    axes.legend(loc="best")
    _named(axes, names)
    units = sorted(set(ds["unit"].to_numpy().astype(str)))
    label(axes, y=with_unit("reading", ", ".join(units)))


def _named(axes: Axes, names: list[str]) -> None:
    """Write a few of the names below their places."""
    kept = _spread(len(names), 24)
    axes.set_xticks(kept, [names[i] for i in kept], rotation=90, parse_math=False)


_DRAW: dict[str, Callable[[Figure, xr.Dataset], None]] = {
    "cv": _cv,
    "od": _od,
    "icp": _icp,
    "spectra": _spectra,
    "icp_readings": _readings,
}
