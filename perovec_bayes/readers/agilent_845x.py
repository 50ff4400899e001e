"""Agilent 8453 / 845x ChemStation kinetics (`.KD`): absorbance of a diode array against time.

Each spectrum is an object with the number of its pixels, absorbances as 64-bit floats, first
wavelength and step [nm], and RelTime [s]. Returns `absorbance(time, wavelength)` of one cell. The
layout is not published; what is read is what files of 2023 show, and any other is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.binary import Bytes, finite
from perovec_bayes.readers.header import time_stamp
from perovec_bayes.readers.spectra import Frames, spectra_dataset

NAME = "agilent_845x"
_FIRST = b"\x0232\x00\x0dREGISTER FILE"
_MOST_PIXELS = 10_000
_HINT = "Export the spectra from ChemStation as text (.csv)."


def _utf16(words: str) -> bytes:
    return words.encode("utf-16-le")


_SPECTRUM = _utf16("Absorbance (AU)") + b"\0\0\xff\xff"
_AXIS = _utf16("Wavelength (nm)") + b"\0\0\xff\xff"
_RELATIVE = _utf16("RelTime") + b"\x11\0"
_DAY = re.compile(_utf16("TimeOfDay") + b"w\0{5}(.)\0", re.DOTALL)


def sniff(source: Source) -> bool:
    """Whether the file is a ChemStation register."""
    return source.raw.startswith(_FIRST)


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a ChemStation kinetics file.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        Keys of `datasets.OD_META`.
    options : mapping
        `spectra.SPECTRA_OPTIONS`.

    Returns
    -------
    xarray.Dataset
        A series of absorbance; validated.
    """
    if not sniff(source):
        raise DataError("not a ChemStation register", file=source.file, hint=_HINT)
    data = Bytes(source.file, source.raw)
    spectra = list(_places(source.raw, _SPECTRUM))
    axes = list(_places(source.raw, _AXIS))
    stamps = list(_places(source.raw, _RELATIVE))
    if not spectra or not len(spectra) == len(axes) == len(stamps):
        raise DataError(
            "not one time and one axis to every spectrum",
            file=source.file,
            found=f"{len(spectra)} spectra, {len(axes)} axes, {len(stamps)} times",
            hint=_HINT,
        )
    pixels = data.whole("I", spectra[0])
    if not 2 <= pixels <= _MOST_PIXELS or len({data.whole("I", at) for at in spectra}) > 1:
        raise DataError("an impossible number of pixels", file=source.file, hint=_HINT)
    first, step = _axis(data, axes)
    signal = np.array([data.array("f8", at + 5, pixels) for at in spectra])
    time = finite(source.file, np.array([data.number("d", at + 4) for at in stamps]))
    back = np.flatnonzero(np.diff(time) <= 0)
    if back.size:
        raise DataError(
            "times go back: several cells, or a damaged file",
            file=source.file,
            place=f"spectrum {back[0] + 2}",
            hint="Export one cell from ChemStation as text.",
        )
    frames = Frames(
        first + step * np.arange(pixels),
        finite(source.file, signal),
        time,
        "absorbance",
        "AU",
        start=_start(data),
    )
    return spectra_dataset(source, NAME, frames, meta, options)


def _places(raw: bytes, mark: bytes) -> Iterator[int]:
    """Yield where each mark ends."""
    at = raw.find(mark)
    while at != -1:
        yield at + len(mark)
        at = raw.find(mark, at + len(mark))


def _axis(data: Bytes, axes: list[int]) -> tuple[float, float]:
    """Return first wavelength and step [nm], the same in every spectrum."""
    found = {(data.number("d", at + 22), data.number("d", at + 30)) for at in axes}
    first, step = min(found)
    if len(found) > 1 or not 100 < first < 5000 or not 0 < step < 100:
        raise DataError(
            "no wavelength axis",
            file=data.file,
            expected="one first wavelength and step",
            found=f"{first:g} nm, {step:g} nm",
            hint=_HINT,
        )
    return float(first), float(step)


def _start(data: Bytes) -> str:
    found = _DAY.search(data.raw)
    if found is None:
        return ""
    written = data.raw[found.end() : found.end() + 2 * found[1][0]]
    return time_stamp(written.decode("utf-16-le", "replace"))


READER = Reader(NAME, "Agilent 845x ChemStation kinetics (.KD)", sniff, read)
