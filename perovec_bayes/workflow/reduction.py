"""From spectra to what a card fits: band averages or whole spectra, in the time of the CV."""

from __future__ import annotations

import numpy as np
import xarray as xr

from perovec_bayes import schema
from perovec_bayes.errors import DataError, PerovecError, StudyError
from perovec_bayes.forward.optics import BAND_EDGE, band_weights
from perovec_bayes.inference.study import DataEntry, Window

FEWEST_FRAMES = 3
"""Spectra of the untouched film that are averaged, at least."""
FEWEST_WAVELENGTHS = 20
"""Of a spectrum that is fitted whole, at least."""
LEAST_FILM = 0.03
"""Absorbance of the untouched film over 500-550 nm, at least [1]."""


def reduced(entry: DataEntry, data: xr.Dataset) -> xr.Dataset:
    """Return a dataset cut to the study's time window and made ready to be fitted.

    Spectra are averaged over `bands`, or kept whole with the spectrum of the untouched film, the
    mean over the span of time `film`, as `film(wavelength)` beside them.

    Parameters
    ----------
    entry : DataEntry
        What the study says of it.
    data : xr.Dataset
        As read, on the clock of the voltammogram.

    Returns
    -------
    xr.Dataset
        `data` itself where the study asks for nothing.

    Raises
    ------
    StudyError
        If these are no spectra.
    DataError
        If a band is not within the spectra, nothing was measured in the window, or the spectra are
        not those of a film.
    """
    asked = {"window": entry.window, "bands": entry.bands, "film": entry.film}
    if not any(asked.values()):
        return data
    if data.attrs["technique"] != "od":
        raise StudyError(
            "only optical densities can be cut, averaged or fitted whole",
            place=next(key for key, value in asked.items() if value),
            expected="technique 'od'",
            found=f"'{data.attrs['technique']}'",
        )
    film = None if entry.film is None else _film(entry.film, data)
    if entry.window is not None:
        data = _cut(entry.window.start_s, entry.window.end_s, data)
    if film is not None:
        data = data.assign(film=film)
        data.attrs["film_is_measured"] = 1
    if entry.bands:
        data = _averaged(entry.bands, data)
    return schema.validate(data)


def _cut(start: float, end: float, data: xr.Dataset) -> xr.Dataset:
    time = data["time"].to_numpy()
    inside = (time >= start) & (time <= end)
    if inside.sum() < 2:
        raise DataError(
            "fewer than two spectra in the window",
            file=data.attrs.get("source_file"),
            place="window",
            expected=f"a part of {time[0]:g} to {time[-1]:g} s",
            found=f"{start:g} to {end:g} s",
        )
    return data.isel(time=np.flatnonzero(inside))


def _film(span: Window, data: xr.Dataset) -> xr.DataArray:
    """Return the spectrum of the untouched film."""
    file = data.attrs.get("source_file")
    if "wavelength" not in data.dims:
        raise StudyError(
            "these data are band averages: there is no spectrum to fit whole",
            place="film",
            expected="a spectrum at each time",
            found=", ".join(data["band"].to_numpy().astype(str)),
            hint="Remove film.",
        )
    time, wavelength = data["time"].to_numpy(), data["wavelength"].to_numpy()
    if not (wavelength[0] <= BAND_EDGE[0] and BAND_EDGE[1] < wavelength[-1]):
        raise DataError(
            "the spectra do not cover the absorption edge",
            file=file,
            expected=f"{BAND_EDGE[0]:g} to {BAND_EDGE[1]:g} nm and more to the red",
            found=f"{wavelength[0]:g} to {wavelength[-1]:g} nm",
        )
    if wavelength.size < FEWEST_WAVELENGTHS:
        raise DataError(
            "too few wavelengths to fit spectra whole",
            file=file,
            expected=f"{FEWEST_WAVELENGTHS}",
            found=f"{wavelength.size}",
            hint="Average them over bands = { band_edge = [500, 550], sub_gap = [550, 600] }.",
        )
    inside = (time >= span.start_s) & (time <= span.end_s)
    if inside.sum() < FEWEST_FRAMES:
        raise DataError(
            "too few spectra of the untouched film",
            file=file,
            place="film",
            expected=f"{FEWEST_FRAMES} between {span.start_s:g} and {span.end_s:g} s",
            found=f"{inside.sum()} (the record runs from {time[0]:g} to {time[-1]:g} s)",
        )
    film = data["absorbance"].isel(time=np.flatnonzero(inside)).mean("time")
    low, high = np.array([BAND_EDGE]).T
    seen = float(film.to_numpy() @ band_weights(wavelength, low, high)[:, 0])
    if not seen >= LEAST_FILM:
        raise DataError(
            "no film is seen in the spectra that are said to be of the untouched film",
            file=file,
            place="film",
            expected=f"an absorbance of {LEAST_FILM:g} or more over 500-550 nm",
            found=f"{seen:.3g}",
        )
    return film


def _averaged(bands: dict[str, tuple[float, ...]], data: xr.Dataset) -> xr.Dataset:
    if "wavelength" not in data.dims:
        raise StudyError(
            "these data are band averages already",
            place="bands",
            expected="a spectrum at each time",
            found=", ".join(data["band"].to_numpy().astype(str)),
            hint="Remove bands.",
        )
    low, high = np.array(list(bands.values()), dtype=float).T
    try:
        weights = band_weights(data["wavelength"].to_numpy(), low, high)
    except PerovecError as error:
        raise error.within(file=data.attrs.get("source_file"), place="bands") from error
    values = data["absorbance"].to_numpy() @ weights
    return xr.Dataset(
        {
            "absorbance": (("time", "band"), values, data["absorbance"].attrs),
            "band_low_nm": ("band", low, {"unit": "nm"}),
            "band_high_nm": ("band", high, {"unit": "nm"}),
        },
        coords={"time": data["time"], "band": list(bands)},
        attrs=data.attrs,
    )
