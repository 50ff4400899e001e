"""Scans of a Thermo GENESYS 10S spectrophotometer (`.csv`).

`TEST SETUP`, the model, settings such as `Measurement Mode,Absorbance`, then one or more scans,
each with `ID#,n`, the names `Wavelength,Abs` and rows of wavelength [nm] and signal, with or
without quotes. Returns what `spectra` says, of one scan.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from typing import Any

import xarray as xr

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.header import head, whole_text
from perovec_bayes.readers.numbers import read_block
from perovec_bayes.readers.spectra import UNKNOWN, Frames, spectra_dataset

NAME = "genesys"
_MODES = {"absorbance": ("absorbance", "1"), "%transmittance": ("transmittance", "%")}


def sniff(source: Source) -> bool:
    """Whether the first line is TEST SETUP and the second names the model."""
    top = [_cells(line) for line in head(source)[:2]]
    return (
        len(top) == 2
        and top[0][:1] == ["TEST SETUP"]
        and any(cell.startswith("GENESYS") for cell in top[1][:1])
    )


def _cells(line: str) -> list[str]:
    """Return the cells of a line, stripped."""
    return [cell.strip() for cell in next(csv.reader([line.replace("\0", "")]), [])]


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a scan of a GENESYS spectrophotometer.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        Keys of `datasets.OD_META`.
    options : mapping
        `spectra.SPECTRA_OPTIONS` and `scan`, which of several scans, from 1.

    Returns
    -------
    xarray.Dataset
        Spectra; validated.
    """
    content = whole_text(source, options)
    try:
        rows = [_cells(line) for line in content.split("\n")]
    except csv.Error as error:
        raise DataError(f"not a table: {error}", file=source.file) from None
    heads = [i for i, row in enumerate(rows) if row[:1] == ["Wavelength"] and len(row) > 1]
    if not heads:
        raise DataError(
            "no scan",
            file=source.file,
            expected="a line 'Wavelength,Abs' and numbers below it",
            hint="Only wavelength scans are read.",
        )
    which = options.get("scan", 1)
    if type(which) is not int or not 1 <= which <= len(heads):
        raise StudyError(
            "no such scan", place="scan", expected=f"1 to {len(heads)}", found=repr(which)
        )
    line = heads[which - 1] + 1
    end = next((i for i in range(line, len(rows)) if not _is_number(rows[i])), len(rows))
    text = "\n".join([*[""] * line, *(",".join(row[:2]) for row in rows[line:end]), ""])
    block = read_block(source.file, text, 0, delimiter=",")
    settings = {row[0].lower(): row[1] for row in rows[: heads[0]] if len(row) > 1}
    mode = settings.get("measurement mode", "").lower().replace(" ", "")
    quantity, unit = _MODES.get(mode, (UNKNOWN, ""))
    frames = Frames(
        block.values[:, 0],
        block.values[:, 1:].T,
        quantity=quantity,
        unit=unit,
        start=settings.get("scanning", ""),
        notes=(
            *block.notes,
            *((f"scan {which} of {len(heads)}",) if len(heads) > 1 else ()),
            *((f"test {settings['test name']}",) if settings.get("test name") else ()),
        ),
    )
    return spectra_dataset(source, NAME, frames, meta, options, ("scan",))


def _is_number(row: list[str]) -> bool:
    """Whether a row begins with a number and holds another cell."""
    return len(row) > 1 and re.fullmatch(r"\d+(\.\d+)?", row[0]) is not None


READER = Reader(NAME, "Thermo GENESYS 10S scan (.csv)", sniff, read)
