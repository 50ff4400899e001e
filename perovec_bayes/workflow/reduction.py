"""From spectra to what a card fits: band averages, in the time of the voltammogram."""

from __future__ import annotations

import numpy as np
import xarray as xr

from perovec_bayes import schema
from perovec_bayes.errors import DataError, PerovecError, StudyError
from perovec_bayes.forward.optics import band_weights
from perovec_bayes.inference.study import DataEntry


def reduced(entry: DataEntry, data: xr.Dataset) -> xr.Dataset:
    """Return a dataset with the study's time window cut out and its spectra averaged over bands.

    Parameters
    ----------
    entry : DataEntry
        What the study says of it.
    data : xr.Dataset
        As read, on the clock of the voltammogram.

    Returns
    -------
    xr.Dataset
        `data` itself where the study asks for neither.

    Raises
    ------
    StudyError
        If these are no spectra.
    DataError
        If a band is not within the spectra, or nothing was measured in the window.
    """
    if entry.window is None and not entry.bands:
        return data
    if data.attrs["technique"] != "od":
        raise StudyError(
            "only optical densities can be cut or averaged",
            place="window" if entry.window else "bands",
            expected="technique 'od'",
            found=f"'{data.attrs['technique']}'",
        )
    if entry.window is not None:
        data = _cut(entry.window.start_s, entry.window.end_s, data)
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
