"""PerkinElmer ASCII spectra (`.asc`, PEDS) of UV WinLab and FL WinLab.

A first line such as `PE UV ... SPECTRUM ASCII PEDS 4.00`, one setting a line, a section `#GR` with
unit of the axis, unit of the signal, scale, offset, first abscissa, step and number of points, then
`#DATA` with rows of abscissa and signal, which are scaled already. Returns what `spectra` says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.header import head, stated_decimal, whole_text
from perovec_bayes.readers.numbers import Block, number, read_block
from perovec_bayes.readers.spectra import UNKNOWN, Frames, spectra_dataset

NAME = "perkinelmer_asc"
_FIRST = re.compile(r"PE \w\w\b.*SPECTRUM\s+ASCII\s+PEDS")
_ABSCISSA = {"nm": "nm", "cm-1": "1/cm", "um": "um"}
_ORDINATE = {
    "a": ("absorbance", "1"),
    "t": ("transmittance", "1"),
    "%t": ("transmittance", "%"),
    "r": ("reflectance", "1"),
    "%r": ("reflectance", "%"),
    "int": ("intensity", "counts"),
}
_ROUNDED = 0.01
"""Abscissas are written to this part of a step at worst."""


def sniff(source: Source) -> bool:
    """Whether the first line names a spectrum in PEDS."""
    return any(_FIRST.match(line) for line in head(source)[:1])


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a PerkinElmer ASCII spectrum.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        Keys of `datasets.OD_META`.
    options : mapping
        `spectra.SPECTRA_OPTIONS`; `quantity` where the file does not say what it shows.

    Returns
    -------
    xarray.Dataset
        Spectra; validated.
    """
    content = whole_text(source, options)
    begin = content.find("#DATA")
    lines = content[: max(begin, 0)].split("\n")
    if begin < 0 or "#GR" not in [line.strip() for line in lines]:
        raise DataError(
            "no data",
            file=source.file,
            expected="sections #GR and #DATA",
            hint="The file was cut short: export it again.",
        )
    settings = [line.strip() for line in lines]
    grid = [*settings[settings.index("#GR") + 1 :], *[""] * 7]
    start = content.find("\n", begin) + 1 or len(content)
    block = read_block(source.file, content, start, decimal=stated_decimal(options))
    if block.values.shape[1] != 2:
        raise DataError(
            "not a wavelength and a signal",
            file=source.file,
            place=block.where(0),
            expected="2 numbers",
            found=f"{block.values.shape[1]}",
        )
    _check(source.file, grid, block)
    unit = grid[0].lower()
    quantity, signal_unit = _ORDINATE.get(grid[1].lower(), (UNKNOWN, grid[1]))
    title = settings[8] if len(settings) > 8 else ""
    frames = Frames(
        block.values[:, 0],
        block.values[:, 1:].T,
        quantity=quantity,
        unit=signal_unit,
        axis_unit=_ABSCISSA.get(unit, grid[0] or "nm"),
        start=" ".join(settings[3:5]),
        notes=(*block.notes, *((f"title {title}",) if title else ())),
    )
    return spectra_dataset(source, NAME, frames, meta, options)


def _check(file: str, grid: Sequence[str], block: Block) -> None:
    """Raise a `DataError` if the rows are not those that #GR announces."""
    first, step, count = (number(cell) for cell in grid[4:7])
    if not np.isfinite([first, step, count]).all():
        return
    axis = block.values[:, 0]
    if axis.size != count and not block.notes:
        raise DataError(
            "points are missing",
            file=file,
            place=block.where(axis.size - 1),
            expected=f"{count:g} points",
            found=str(axis.size),
            hint="The file was cut short: export it again.",
        )
    off = np.abs(axis - (first + step * np.arange(axis.size))) > _ROUNDED * abs(step) + 1e-6
    if off.any():
        at = int(np.argmax(off))
        raise DataError(
            "an abscissa does not fit the first one and the step",
            file=file,
            place=block.where(at),
            expected=f"{first + step * at:g}",
            found=f"{axis[at]:g}",
            hint="Is a line missing, or the decimal mark wrong?",
        )


READER = Reader(NAME, "PerkinElmer ASCII spectrum (PEDS) of UV WinLab", sniff, read)
