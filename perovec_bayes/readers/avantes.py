"""Avantes AvaSoft text (6, 7, 8): `.ttt`, `.trt`, `.txt`.

A few lines of settings, a line of names `Wave;Sample;Dark;Reference;Transmittance`, a line of
units, then rows of numbers. Returns what `spectra` says, of one column: Absorbance, Transmittance
or Reflectance if the file has it, else Sample (counts).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import xarray as xr

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.base import Reader, Source, nearest
from perovec_bayes.readers.header import duration, head, stated_decimal, whole_text
from perovec_bayes.readers.numbers import read_block
from perovec_bayes.readers.spectra import UNKNOWN, Frames, spectra_dataset

NAME = "avantes"
_QUANTITIES = {
    "absorbance": "absorbance",
    "transmittance": "transmittance",
    "reflectance": "reflectance",
    "sample": "intensity",
    "dark": "intensity",
    "ref": "intensity",
    "reference": "intensity",
}
TICK_S = 1e-5


def _names_at(lines: list[str]) -> int | None:
    """Return where the line of names stands, or None."""
    for i, line in enumerate(lines[:-1]):
        if re.match(r"\s*Wave\s*;", line) and re.match(r"\s*\[\s*nm\s*\]\s*;", lines[i + 1]):
            return i
    return None


def sniff(source: Source) -> bool:
    """Whether a line of names that begins with Wave is followed by one of units in nm."""
    return _names_at(head(source)[:40]) is not None


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read an AvaSoft text file.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        Keys of `datasets.OD_META`.
    options : mapping
        `spectra.SPECTRA_OPTIONS` and `column`, a name in the file.

    Returns
    -------
    xarray.Dataset
        Spectra; validated.
    """
    content = whole_text(source, options)
    lines = content.split("\n", 60)[:60]
    at = _names_at(lines)
    if at is None:
        raise DataError(
            "no line of names", file=source.file, expected="Wave;Sample;... and [nm];..."
        )
    names = [name.strip() for name in lines[at].rstrip("; ").split(";")]
    units = [unit.strip(" []") for unit in lines[at + 1].split(";")]
    start = sum(len(line) + 1 for line in lines[: at + 2])
    block = read_block(
        source.file,
        content,
        start,
        delimiter=";",
        decimal=stated_decimal(options),
        headers=lines[at : at + 2],
    )
    if block.values.shape[1] != len(names):
        raise DataError(
            "columns without a name",
            file=source.file,
            place=block.where(0),
            expected=f"{len(names)} columns",
            found=str(block.values.shape[1]),
        )
    column = _column(names, options)
    unit = units[column] if column < len(units) else ""
    unit = "%" if unit.startswith("%") else unit
    quantity = _QUANTITIES.get(names[column].lower(), UNKNOWN)
    if quantity == "absorbance" and unit not in ("OD", "AU", "mOD"):
        unit = "1" if unit in ("", "A.U.", "a.u.") else unit
    frames = Frames(
        block.values[:, 0],
        block.values[:, [column]].T,
        quantity=quantity,
        unit=unit,
        exposure=duration(lines[:at], "integration time"),
        notes=(*block.notes, f"column {names[column]} of {', '.join(names[1:])}"),
        extra=_ticks(lines[:at]),
    )
    return spectra_dataset(source, NAME, frames, meta, options, ("column",))


def _column(names: list[str], options: Mapping[str, Any]) -> int:
    if "column" not in options:
        known = [i for i, name in enumerate(names) if i and name.lower() in _QUANTITIES]
        order = list(_QUANTITIES)
        return min(known, key=lambda i: order.index(names[i].lower())) if known else 1
    wanted = options["column"]
    if wanted not in names[1:]:
        raise StudyError(
            "no such column",
            place="column",
            expected=", ".join(names[1:]),
            found=repr(wanted),
            hint=nearest(str(wanted), names[1:]),
        )
    return names.index(wanted)


def _ticks(lines: list[str]) -> dict[str, float]:
    """Return the clock of the instrument, which ticks every 10 us."""
    for line in lines:
        if found := re.match(r"Timestamp \[10 microsec ticks\]\s*(\d{1,15})", line):
            return {"device_clock_s": int(found[1]) * TICK_S}
    return {}


READER = Reader(NAME, "Avantes AvaSoft text (.ttt, .trt, .txt)", sniff, read)
