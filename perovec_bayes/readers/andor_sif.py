"""Andor Solis binary (`.sif`): lines of text, counts as 32-bit floats, XML that is not read.

Returns what `spectra` says: counts against the wavelength polynomial, whose first pixel is 1.
Rows of a frame must have been binned into one; several frames have the times
of their stamps, if those agree with the kinetic cycle, else those of `frame_interval`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.binary import Bytes, finite
from perovec_bayes.readers.spectra import Frames, spectra_dataset

NAME = "andor_sif"
_FIRST = b"Andor Technology Multi-Channel File"
_HEAD_BYTES = 1_000_000
_MOST_FRAMES = 1_000_000
_TICK_S = 1e-6
_AGREEMENT = 0.1
_SETTINGS = re.compile(
    rb"\n\d+ \d+ \d+ \d+ (\d+) -?[\d.]+ . . . . . [-+\d.eE]+ ([-+\d.eE]+) [-+\d.eE]+ "
    rb"[-+\d.eE]+ \d+ . ([-+\d.eE]+) ",
    re.DOTALL,
)
_LAYOUT = re.compile(
    rb"65541 (?P<image>-?\d+(?: -?\d+){3}) (?P<frames>\d+) (?P<parts>\d+) "
    rb"(?P<total>\d+) (?P<size>\d+) ?\n"
    rb"65538 (?P<x0>\d+) (?P<y1>\d+) (?P<x1>\d+) (?P<y0>\d+) (?P<ybin>\d+) (?P<xbin>\d+) \d+ ?\n"
)
_POLYNOMIAL = re.compile(rb"\n65540 [^\n]*\n((?:[-+\d.eE]+ ){3}[-+\d.eE]+) ?\n")

_HINT = "Export from Solis as .asc, wavelength against counts."


def sniff(source: Source) -> bool:
    """Whether the first line is that of an Andor file."""
    return source.raw.startswith(_FIRST)


def _damaged(source: Source, what: str) -> DataError:
    return DataError(f"{what}: not a layout known here", file=source.file, hint=_HINT)


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read an Andor Solis file.

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
        Spectra, or a series of them; validated.
    """
    if not sniff(source):
        raise DataError("not an Andor file", file=source.file, expected=_FIRST.decode())
    layout = _LAYOUT.search(source.raw, 0, _HEAD_BYTES)
    if layout is None:
        raise _damaged(source, "no size of the frames")
    sizes = {name: int(found) for name, found in layout.groupdict().items() if name != "image"}
    frames, width = _shape(source, sizes)
    signal, stamps = _signal(source, layout.end(), frames, width)
    head = source.raw[: layout.start()]
    axis, notes = _axis(source, head, width)
    start, exposure, cycle = _clock(head)
    found = Frames(
        axis,
        signal,
        _times(stamps, cycle),
        "intensity",
        "counts",
        start=start,
        exposure=exposure,
        notes=notes,
    )
    return spectra_dataset(source, NAME, found, meta, options)


def _shape(source: Source, sizes: Mapping[str, int]) -> tuple[int, int]:
    """Return number of frames and pixels of each, after checking that they agree."""
    if min(sizes["xbin"], sizes["ybin"], sizes["frames"]) < 1 or sizes["frames"] > _MOST_FRAMES:
        raise _damaged(source, "no size of the frames")
    width = (sizes["x1"] - sizes["x0"] + 1) // sizes["xbin"]
    height = (sizes["y1"] - sizes["y0"] + 1) // sizes["ybin"]
    if sizes["parts"] != 1 or height != 1:
        raise DataError(
            "frames are images, not spectra",
            file=source.file,
            expected="one row",
            found=f"{max(height, sizes['parts'])} rows",
            hint="Bin the rows and save again.",
        )
    if width < 2 or sizes["size"] != width or sizes["total"] != width * sizes["frames"]:
        raise _damaged(source, f"{sizes['size']} counts for {width} pixels")
    return sizes["frames"], width


def _signal(source: Source, offset: int, frames: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the counts, and the time stamps [s] of the frames that stand before them."""
    stamps, offset = _stamps(source, offset, frames)
    flag = re.compile(rb"([01]) ?\n").match(source.raw, offset)
    if flag is None:
        raise _damaged(source, "no flag before the counts")
    offset = flag.end()
    if flag[1] == b"1":
        _, offset = _stamps(source, offset, frames)
    values = Bytes(source.file, source.raw).array("f4", offset, frames * width)
    return finite(source.file, values).reshape(frames, width), stamps


def _stamps(source: Source, offset: int, frames: int) -> tuple[np.ndarray, int]:
    """Return the numbers on as many lines as there are frames [us to s], and where they end."""
    line = re.compile(rb" *(-?\d{1,18}) ?\n")
    stamps = []
    for _ in range(frames):
        found = line.match(source.raw, offset)
        if found is None:
            raise _damaged(source, "no time stamp of a frame")
        stamps.append(int(found[1]) * _TICK_S)
        offset = found.end()
    return np.array(stamps), offset


def _axis(source: Source, head: bytes, width: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the wavelengths [nm] and what was taken for granted."""
    polynomial = _POLYNOMIAL.search(head)
    label = re.search(rb"\n10\nWavelength\d+\n", head)
    if polynomial is None or label is None:
        raise DataError(
            "no wavelength calibration",
            file=source.file,
            expected="an axis named Wavelength",
            hint=_HINT,
        )
    try:
        coefficients = np.array(polynomial[1].split(), dtype=float)
    except ValueError:
        raise _damaged(source, "no wavelength polynomial") from None
    with np.errstate(over="ignore", invalid="ignore"):
        axis = np.polynomial.polynomial.polyval(np.arange(1.0, width + 1), coefficients)
    return axis, ("the axis is named Wavelength without a unit: nm",)


def _clock(head: bytes) -> tuple[str, float, float]:
    """Return time stamp (UTC), exposure [s] and kinetic cycle [s], NaN where unknown."""
    found = _SETTINGS.search(head)
    if found is None:
        return "", np.nan, np.nan
    try:
        stamp = datetime.fromtimestamp(int(found[1]), UTC).replace(tzinfo=None).isoformat()
        times = [float(cell) for cell in found.groups()[1:]]
    except (ValueError, OverflowError, OSError):
        return "", np.nan, np.nan
    exposure, cycle = (time if 0 < time < 1e9 else np.nan for time in times)
    return f"{stamp} UTC", exposure, cycle


def _times(stamps: np.ndarray, cycle: float) -> np.ndarray | None:
    """Return the times of the frames [s] if time stamps and kinetic cycle agree, else None."""
    if stamps.size == 1:
        return np.zeros(1)
    steps = np.diff(stamps)
    agrees = (steps > 0).all() and abs(np.median(steps) - cycle) <= _AGREEMENT * cycle
    return stamps - stamps[0] if agrees else None


READER = Reader(NAME, "Andor Solis binary (.sif)", sniff, read)
