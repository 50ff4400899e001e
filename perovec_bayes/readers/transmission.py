"""From transmitted intensities to absorbance, with the spectra of lamp and dark that it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.datasets import add_notes
from perovec_bayes.readers.spectra import frame, minus_log
from perovec_bayes.schema import validate

OPTIONS = ("reference", "dark")
SUBTRACTED = "subtracted"


def to_absorbance(
    data: xr.Dataset,
    options: Mapping[str, Any],
    path: Path,
    read: Callable[[Path], xr.Dataset],
    where: Callable[[int], str] = frame,
) -> xr.Dataset:
    """Return the absorbance A = -lg[(I - D)/(I0 - D)] of spectra of transmitted light.

    Parameters
    ----------
    data : xarray.Dataset
        Spectra of quantity "intensity", I.
    options : mapping
        `reference`: file of the lamp's spectrum I0, beside the data file unless absolute; `dark`:
        file of the dark spectrum D, or "subtracted" if the instrument has done it.
    path : Path
        The data file.
    read : callable
        Reads a file of spectra.
    where : callable
        Place of the i-th spectrum, for messages.

    Returns
    -------
    xarray.Dataset
        Of technique "od" if it is a series, else "spectra".

    Raises
    ------
    DataError
        If the spectra do not fit each other, or there is no light.
    StudyError
        If a spectrum is not stated.
    """
    if data.attrs["technique"] != "spectra" or data.attrs["quantity"] != "intensity":
        raise StudyError(
            "reference and dark are for intensities",
            place="reference",
            expected="quantity = 'intensity'",
            found=str(data.attrs.get("quantity", data.attrs["technique"])),
        )
    for key in OPTIONS:
        if not isinstance(options.get(key), str):
            raise StudyError(
                f"an absorbance needs a {key} spectrum",
                place=key,
                expected="a file" + (f", or '{SUBTRACTED}'" if key == "dark" else ""),
                found=repr(options.get(key)),
            )
    lamp = _spectrum(data, path.parent / options["reference"], read)
    dark = np.zeros_like(lamp)
    if options["dark"] != SUBTRACTED:
        dark = _spectrum(data, path.parent / options["dark"], read)
    nm = data["wavelength"].to_numpy()
    light = lamp - dark
    if not (light > 0).all():
        pixel = int(np.argmin(light > 0))
        raise DataError(
            "the reference is no brighter than the dark",
            file=path.parent / options["reference"],
            place=f"{nm[pixel]:g} nm",
            hint="State wavelength_range = [from, to] in nm, where there is light.",
        )
    absorbance = minus_log(str(path), nm, (data["signal"].to_numpy() - dark) / light, where)
    series = data.sizes["time"] > 1
    name = "absorbance" if series else "signal"
    ds = data.drop_vars("signal").assign(
        {name: (("time", "wavelength"), absorbance, {"unit": "1"})}
    )
    ds.attrs = dict(data.attrs) | {"technique": "od" if series else "spectra"}
    if series:
        del ds.attrs["quantity"], ds.attrs["signal_unit"]
    else:
        ds.attrs |= {"quantity": "absorbance", "signal_unit": "1"}
    dark_words = "dark subtracted before" if options["dark"] == SUBTRACTED else options["dark"]
    add_notes(ds, [f"absorbance from intensities, reference {options['reference']}, {dark_words}"])
    return validate(ds)


def _spectrum(data: xr.Dataset, path: Path, read: Callable[[Path], xr.Dataset]) -> np.ndarray:
    """Return the mean spectrum of another file, on the wavelengths of the data."""
    other = read(path)
    if other.attrs["technique"] != "spectra":
        raise DataError(
            "not a file of intensities", file=path, found=f"technique {other.attrs['technique']!r}"
        )
    nm, theirs = data["wavelength"].to_numpy(), other["wavelength"].to_numpy()
    inside = (theirs >= nm[0] - 1e-6) & (theirs <= nm[-1] + 1e-6)
    if inside.sum() != nm.size or np.abs(theirs[inside] - nm).max() > 0.1 * np.diff(nm).min():
        raise DataError(
            "another wavelength axis than the data",
            file=path,
            expected=f"{nm.size} pixels, {nm[0]:g} to {nm[-1]:g} nm",
            found=f"{theirs.size} pixels, {theirs[0]:g} to {theirs[-1]:g} nm",
        )
    mine, its = data.attrs["exposure_s"], other.attrs["exposure_s"]
    if not np.isnan(mine) and not np.isnan(its) and abs(mine - its) > 1e-3 * mine:
        raise DataError(
            "another integration time than the data",
            file=path,
            expected=f"{mine:g} s",
            found=f"{its:g} s",
            hint="Take data, reference and dark with the same integration time.",
        )
    return np.asarray(other["signal"].to_numpy()[:, inside].mean(axis=0))
