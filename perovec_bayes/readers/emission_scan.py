"""Emission scan of a fluorimeter as `.csv`: lines Labels, Type, Xaxis, Yaxis ..., then the rows.

The layout is that of Edinburgh Instruments' Fluoracle. Each further column of a line belongs to a
further scan. Returns what `spectra` says, of one scan: photoluminescence intensity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.header import head, stated_decimal, whole_text
from perovec_bayes.readers.numbers import number, read_block
from perovec_bayes.readers.spectra import UNKNOWN, Frames, spectra_dataset

NAME = "emission_scan"
_DELIMITERS = (",", "\t", ";")
_COUNTS = ("counts", "cps", "counts/s")


def _delimiter(lines: list[str]) -> str | None:
    top = lines[0].lstrip("\ufeff") if lines else ""
    return next((d for d in _DELIMITERS if top.startswith(f"Labels{d}")), None)


def sniff(source: Source) -> bool:
    """Whether the first line begins with Labels and others with Type and Xaxis."""
    lines = head(source)[:60]
    found = _delimiter([line.removeprefix("ï»¿") for line in lines[:1]])
    names = {line.split(found)[0] for line in lines} if found else set()
    return {"Type", "Xaxis", "Yaxis"} <= names


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read emission scans.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        Keys of `datasets.OD_META`.
    options : mapping
        `spectra.SPECTRA_OPTIONS` and `scan`, which of several, from 1.

    Returns
    -------
    xarray.Dataset
        Spectra; validated.
    """
    content = whole_text(source, options)
    lines = content.split("\n", 80)[:80]
    delimiter = _delimiter(lines)
    if delimiter is None:
        raise DataError("the first line does not begin with Labels", file=source.file)
    cells = {line.split(delimiter)[0].strip(): line.split(delimiter)[1:] for line in lines}
    scans = len([label for label in cells.get("Labels", []) if label.strip()])
    at = next(
        (i for i, line in enumerate(lines) if i and not np.isnan(_first(line, delimiter))), None
    )
    if at is None:
        raise DataError("no rows of numbers", file=source.file)
    block = read_block(
        source.file,
        content,
        sum(len(line) + 1 for line in lines[:at]),
        delimiter=delimiter,
        decimal=stated_decimal(options),
    )
    scan = _scan(options, block.values.shape[1] - 1)

    def said(name: str) -> str:
        values = cells.get(name, [])
        return values[min(scan, len(values)) - 1].strip() if values else ""

    if not said("Xaxis").lower().startswith("wavelength"):
        raise DataError(
            "the axis is no wavelength", file=source.file, place="Xaxis", found=repr(said("Xaxis"))
        )
    counted = said("Yaxis").lower() in _COUNTS
    notes = [said("Type") + " " + said("Labels")]
    if excitation := said("Fixed/Offset"):
        notes.append(f"fixed at {excitation} (wavelengths without a unit in the file: nm)")
    if scans > 1:
        notes.append(f"scan {scan} of {scans}")
    frames = Frames(
        block.values[:, 0],
        block.values[:, [scan]].T,
        quantity="intensity" if counted else UNKNOWN,
        unit=said("Yaxis").lower(),
        exposure=_positive(said("Dwell Time")),
        notes=(*block.notes, *notes),
    )
    return spectra_dataset(source, NAME, frames, meta, options, ("scan",))


def _first(line: str, delimiter: str) -> float:
    return number(line.split(delimiter, maxsplit=1)[0])


def _positive(written: str) -> float:
    value = number(written)
    return value if 0 < value < np.inf else np.nan


def _scan(options: Mapping[str, Any], scans: int) -> int:
    scan = options.get("scan", 1 if scans == 1 else None)
    if type(scan) is not int or not 1 <= scan <= scans:
        raise StudyError(
            f"{scans} scans in the file",
            place="scan",
            expected=f"scan = 1 to {scans}",
            found=repr(scan),
        )
    return scan


READER = Reader(NAME, "emission scan of a fluorimeter (.csv, Fluoracle layout)", sniff, read)
