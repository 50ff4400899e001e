"""Princeton Instruments `.spe`: a header of 4100 bytes, then the frames.

Returns what `spectra` says. Version 2 (WinSpec): counts against the wavelength polynomial of the x
calibration, whose first pixel is 1; frames have no times, `frame_interval` gives them. Version 3
(LightField): counts against the wavelengths of the XML footer, times of the frames if they were
recorded (`lightfield`); `region` picks one of several regions of the sensor. Rows of a frame must
have been binned into one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError
from perovec_bayes.readers import lightfield
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.binary import MOST_VALUES, Bytes, finite
from perovec_bayes.readers.header import time_stamp
from perovec_bayes.readers.spectra import Frames, spectra_dataset

NAME = "princeton_spe"
HEADER = 4100
_DATE, _TIME, _EXPOSURE = (20, 10), (172, 7), 10
_WIDTH, _HEIGHT, _FRAMES, _TYPE = 42, 656, 1446, 108
_VERSION, _LAST, _LAST_VALUE = 1992, 4098, 0x5555
_MAGIC, _MAGIC_VALUE = 2996, 0x01234567
_VALID, _UNIT, _ORDER, _COEFFICIENTS, _LABEL = 3098, 3100, 3101, 3263, (3321, 81)
_TYPES = {0: "f4", 1: "i4", 2: "i2", 3: "u2", 5: "f8", 6: "u1", 8: "u4"}
_AXES = {4: "nm", 5: "1/cm"}
_REGION = 1512
_NEAR = 0.01
"""A spectrum that begins this fraction of its width into the sensor is still read."""
_EXPORT = "Export the spectra as text, wavelength against intensity."


def sniff(source: Source) -> bool:
    """Whether a header of WinSpec or LightField stands at the beginning."""
    raw = source.raw
    if len(raw) <= HEADER:
        return False
    data = Bytes(source.file, raw)
    marked = data.whole("I", _MAGIC) == _MAGIC_VALUE or data.whole("H", _LAST) == _LAST_VALUE
    several = 3 <= data.number("f", _VERSION) < 4  # regions, each of its own width
    sized = several or data.whole("H", _WIDTH) > 0
    return marked and data.whole("H", _TYPE) in _TYPES and sized


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a WinSpec file.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        Keys of `datasets.OD_META`.
    options : mapping
        `spectra.SPECTRA_OPTIONS`; for LightField `region`, from 1.

    Returns
    -------
    xarray.Dataset
        Spectra, or a series of them; validated.
    """
    data = Bytes(source.file, source.raw)
    data.need(0, HEADER)
    version = data.number("f", _VERSION)
    if not 0 <= version < 4:
        raise DataError(
            "not an .spe header",
            file=source.file,
            place=f"byte {_VERSION}",
            expected="version 2 (WinSpec) or 3 (LightField)",
            found=f"{version:g}",
            hint=_EXPORT,
        )
    if version >= 3:
        found = lightfield.frames(data, options)
        return spectra_dataset(source, NAME, found, meta, options, known=("region",))
    return spectra_dataset(source, NAME, _winspec(data), meta, options)


def _winspec(data: Bytes) -> Frames:
    """Return the spectra in a file of version 2."""
    width, height = data.whole("H", _WIDTH), data.whole("H", _HEIGHT)
    frames, kind = data.whole("i", _FRAMES), data.whole("H", _TYPE)
    if (
        kind not in _TYPES
        or min(width, height, frames) < 1
        or width * height * frames > MOST_VALUES
    ):
        raise DataError(
            "an impossible size",
            file=data.file,
            place="header",
            found=f"{frames} frames of {width} x {height}, type {kind}",
            hint=_EXPORT,
        )
    if height > 1:
        raise DataError(
            "frames are images, not spectra",
            file=data.file,
            expected="one row",
            found=f"{height} rows",
            hint="Bin the rows in the camera software and export again.",
        )
    signal = finite(data.file, data.array(_TYPES[kind], HEADER, width * frames))
    axis, unit, notes = _axis(data, width)
    exposure = data.number("f", _EXPOSURE)
    return Frames(
        axis,
        signal.reshape(frames, width),
        np.zeros(1) if frames == 1 else None,
        "intensity",
        "counts",
        unit,
        start=_start(data),
        exposure=exposure if 0 < exposure < 1e9 else np.nan,
        notes=notes,
    )


def _axis(data: Bytes, width: int) -> tuple[np.ndarray, str, tuple[str, ...]]:
    """Return the calibrated axis, its unit, and what was assumed."""
    order = data.whole("B", _ORDER)
    label = data.words(*_LABEL)
    if not data.whole("B", _VALID) or not 1 <= order <= 5:
        raise DataError(
            "no wavelength calibration",
            file=data.file,
            place=f"bytes {_VALID} to {_ORDER}",
            expected="a polynomial of order 1 to 5",
            found=f"order {order}",
            hint="Calibrate in the camera software, or export against wavelength.",
        )
    coefficients = finite(data.file, data.array("f8", _COEFFICIENTS, order + 1))
    with np.errstate(over="ignore", invalid="ignore"):
        axis = np.polynomial.polynomial.polyval(np.arange(1.0, width + 1), coefficients)
    unit = data.whole("B", _UNIT)
    if unit in _AXES:
        return axis, _AXES[unit], _region(data, width)
    if unit == 0 and label.lower().startswith("wavelength"):
        return axis, "nm", (f"the axis is named '{label}' without a unit: nm",)
    raise DataError(
        "the axis is no wavelength",
        file=data.file,
        place=f"byte {_UNIT}",
        expected="nm or 1/cm",
        found=f"unit {unit}, named {label[:20]!r}",
        hint=_EXPORT,
    )


def _region(data: Bytes, width: int) -> tuple[str, ...]:
    """Return words on a spectrum that does not begin at the first column of the sensor.

    The format does not say whether a calibration counts from the sensor's or from the spectrum's
    first pixel: far from it, or with columns binned, the wavelengths are not known.
    """
    first, last, binning = (data.whole("H", _REGION + 2 * i) for i in range(3))
    if first <= 1 and binning <= 1:
        return ()
    if binning > 1 or first - 1 > _NEAR * width:
        raise DataError(
            "a part of the sensor, or binned columns: the wavelengths are not certain",
            file=data.file,
            place=f"byte {_REGION}",
            expected="all columns of the sensor",
            found=f"columns {first} to {last}, {binning} to a pixel",
            hint=_EXPORT,
        )
    return (f"the spectrum begins at column {first} of the sensor: so uncertain is the axis",)


def _start(data: Bytes) -> str:
    date, time = data.words(*_DATE), data.words(*_TIME)
    if re.fullmatch(r"\d{1,2}[A-Za-z]{3}\d{4}", date) and re.fullmatch(r"\d{6}", time):
        return time_stamp(f"{date} {time}")
    return f"{date} {time}".strip()


READER = Reader(NAME, "Princeton Instruments .spe (WinSpec, LightField)", sniff, read)
