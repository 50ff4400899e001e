"""Where things lie in the binaries of Avantes AvaSoft.

Version 8 (AVS82, AVS84): the number of spectra, then of each 322 bytes, which are the public types
of the AvaSpec interface (identity, settings of the measurement) with comment and polynomial, and
wavelengths, sample, dark and reference as 32-bit floats. Versions 6 and 7 hold 32-bit floats only:
settings with a polynomial in the number of the pixel, the counts, and three more settings. Files of
6, 7, AVS82 and AVS84 were compared with text exports of the same spectra, the dates of version 7
with the spectrometer's clock. Of the modes of version 8, 0, 4 and 5 were seen; all descriptions
of the format agree on 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from perovec_bayes.errors import DataError
from perovec_bayes.readers.binary import Bytes, finite

COLUMNS = ("Sample", "Dark", "Reference")
_SHOWN_8 = {0: "Sample", 3: "Transmittance", 5: "Reflectance"}
_OTHER_8 = {
    1: "scope minus dark or absorbance (descriptions of the format disagree)",
    2: "absorbance or scope minus dark (descriptions of the format disagree)",
    4: "irradiance, whose calibration is not known here",
    6: "relative irradiance",
    7: "temperature",
}
_LAMP_8 = (0, 1, 2, 3, 5)
"""Modes whose third array is the lamp; of irradiance it is the calibration."""
_SHOWN_7 = {0: "Sample", 2: "Transmittance"}
_VERSIONS = {b"\0\0\x70\x42": 60, b"\0\0\x8c\x42": 70}
"""AvaSoft 6 and 7 by their first number."""
_HEAD = {60: 19, 70: 100}
"""How many numbers stand before the counts."""
_EXPORT = "Export it from AvaSoft as text (.ttt or .txt)."


@dataclass(frozen=True)
class Spectrum:
    """One spectrum as it is stored.

    Parameters
    ----------
    axis : ndarray
        Wavelengths, shape (w,) [nm].
    columns : mapping
        Counts by the names in `COLUMNS`, each of shape (w,).
    device : str
        Serial number of the spectrometer.
    shown : str
        The column that AvaSoft showed; "" if the code for it is not known.
    mode : str
        What AvaSoft showed, in words.
    exposure : float
        Integration time [s]; NaN unknown.
    ticks : int or None
        Clock of the spectrometer, which counts 10 us and begins again at 2^32.
    saved : str
        Date and time of saving, by the clock of the computer; "" unknown.
    notes : tuple of str
        Averaging and smoothing.
    """

    axis: np.ndarray
    columns: Mapping[str, np.ndarray]
    device: str
    shown: str
    mode: str
    exposure: float
    ticks: int | None
    saved: str
    notes: tuple[str, ...]


def stored(data: Bytes) -> list[Spectrum]:
    """Return the spectra in a file, or raise a `DataError` if its layout is not known here."""
    if data.raw.startswith(b"AVS"):
        return _spectra_8(data)
    layout = old_layout(data.raw)
    if layout is None:
        raise DataError("not a binary file of AvaSoft", file=data.file, hint=_EXPORT)
    return [_spectrum_old(data, *layout)]


def _spectra_8(data: Bytes) -> list[Spectrum]:
    """Return the spectra in a file of AvaSoft 8."""
    version = data.words(0, 5)
    if version not in ("AVS82", "AVS84"):
        raise DataError(
            "a version of AvaSoft that is not known here",
            file=data.file,
            expected="AVS82 or AVS84",
            found=repr(version),
            hint=_EXPORT,
        )
    spectra = []
    begin = 6
    for _ in range(data.whole("B", 5)):
        length = data.whole("I", begin)
        spectra.append(_spectrum_8(data, begin, length))
        begin += length + 10  # the length leaves out the name of the group
    if not spectra or begin != len(data.raw):
        raise DataError(
            "spectra and size of the file do not fit",
            file=data.file,
            expected=f"{len(spectra)} spectra to byte {begin}",
            found=f"a file of {len(data.raw)} bytes",
            hint=_EXPORT,
        )
    return spectra


def _spectrum_8(data: Bytes, begin: int, length: int) -> Spectrum:
    """Return the spectrum that begins at a byte: 322 bytes of settings, then four arrays."""
    first, last = data.whole("H", begin + 83), data.whole("H", begin + 85)
    width = last - first + 1
    if width < 2 or 322 + 16 * width > length:
        raise DataError(
            "an impossible size",
            file=data.file,
            place=f"byte {begin}",
            expected="arrays within the spectrum's bytes",
            found=f"pixels {first} to {last} in {length} bytes",
            hint=_EXPORT,
        )
    arrays = finite(data.file, data.array("f4", begin + 322, 4 * width)).reshape(4, width)
    code = data.whole("B", begin + 5)
    smoothing = data.whole("H", begin + 101)
    return Spectrum(
        arrays[0],
        dict(zip(COLUMNS[: 3 if code in _LAMP_8 else 2], arrays[1:], strict=False)),
        _printable(data.words(begin + 8, 10)),
        _SHOWN_8.get(code, ""),
        f"mode {code}, " + _OTHER_8.get(code, "not known here"),
        _seconds(data.number("f", begin + 87)),
        data.whole("I", begin + 124),
        _saved_8(data.whole("I", begin + 128)),
        _settings(data.whole("I", begin + 95), smoothing),
    )


def _printable(name: str) -> str:
    return "".join(letter for letter in name if letter.isprintable())


def _seconds(milliseconds: float) -> float:
    """Return the integration time [s]; NaN if it makes no sense."""
    return milliseconds * 1e-3 if 0 < milliseconds < 1e9 else np.nan


def _settings(averages: float, smoothing: float | None) -> tuple[str, ...]:
    """Return averaging and smoothing in words."""
    words = []
    if averages > 1:
        words.append(f"AvaSoft averaged {averages:.0f} scans")
    if smoothing is not None and smoothing > 0:
        words.append(f"smoothing of AvaSoft: {smoothing:.0f} pixels")
    return tuple(words)


def _saved_8(packed: int) -> str:
    """Return date, hour and minute, packed as in GRAMS files."""
    parts = (packed >> 20, packed >> 16 & 15, packed >> 11 & 31, packed >> 6 & 31, packed & 63)
    try:
        return datetime(*parts).isoformat(timespec="minutes")
    except ValueError:
        return ""


def old_layout(raw: bytes) -> tuple[int, int, int] | None:
    """Return version (60, 70), first and last pixel of AvaSoft 6 and 7; None if it is neither."""
    version = _VERSIONS.get(raw[:4], 0)
    if not version or len(raw) < 4 * _HEAD[version]:
        return None
    values = np.frombuffer(raw, "<f4", _HEAD[version])
    name, pixels = (values[6:15], values[15:17]) if version == 60 else (values[1:10], values[79:81])
    with np.errstate(invalid="ignore"):
        whole = np.isfinite(pixels).all() and (pixels == np.floor(pixels)).all()
        named = ((name >= 0) & (name < 128)).all() and (name == np.floor(name)).all()
    if not (whole and named and 0 <= pixels[0] < pixels[1] < 65536):
        return None
    return version, int(pixels[0]), int(pixels[1])


def _spectrum_old(data: Bytes, version: int, first: int, last: int) -> Spectrum:
    """Return the spectrum in a file of AvaSoft 6 or 7: settings, counts, and three numbers."""
    width, head = last - first + 1, _HEAD[version]
    sizes = {4 * (head + count * width + 3): count for count in (1, 3)}
    if len(data.raw) not in sizes:
        raise DataError(
            "pixels and size of the file do not fit",
            file=data.file,
            expected=f"pixels {first} to {last} in " + " or ".join(f"{n} bytes" for n in sizes),
            found=f"{len(data.raw)} bytes",
            hint=_EXPORT,
        )
    values = finite(data.file, data.array("f4", 0, len(data.raw) // 4))
    counts = values[head:-3].reshape(width, -1).T
    names = ("Sample", "Reference", "Dark") if len(counts) == 3 else ("Sample",)
    coefficients, identity = (
        (values[1:6], values[6:15]) if version == 60 else (values[74:79], values[1:10])
    )
    code = int(values[17 if version == 60 else 81])
    shown = _SHOWN_7.get(code, "") if len(counts) == 3 else "Sample"
    notes = _settings(values[-2], values[-1] if version == 60 else values[91])
    if len(counts) == 1:
        notes = ("one spectrum of counts: of sample, dark or reference, which is not said", *notes)
    return Spectrum(
        np.polynomial.polynomial.polyval(np.arange(first, last + 1.0), coefficients),
        dict(zip(names, counts, strict=True)),
        _printable("".join(chr(int(letter)) for letter in identity).split("\0")[0]),
        shown,
        f"mode {code}, not known here",
        _seconds(values[-3]),
        None if version == 60 or not 0 <= values[89] < 2**32 else int(values[89]),
        "" if version == 60 else _saved_7(values[88], values[87]),
        notes,
    )


def _saved_7(date: float, time: float) -> str:
    """Return date and time, packed as in a FAT file system (steps of 2 s)."""
    if not (0 <= date < 65536 and 0 <= time < 65536):
        return ""
    day, clock = int(date), int(time)
    try:
        return datetime(
            1980 + (day >> 9), day >> 5 & 15, day & 31, clock >> 11, clock >> 5 & 63, clock % 32 * 2
        ).isoformat()
    except ValueError:
        return ""
