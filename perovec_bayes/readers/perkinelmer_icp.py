"""PerkinElmer ICP-OES results of WinLab32 and Syngistix, one row a solution and emission line.

Columns `Sample ID`, `Analyte Name` (`Pb 220.353`), `Int (Corr)` and, after a calibration, `Conc
(Calib)` and `Conc (Samp)`; comma, semicolon or tab, UTF-8 or UTF-16. Returns what `icp_lines` says.
A solution begins where the name changes or a line comes again. An internal standard without a
wavelength in its name has that of the column `Wavelength`. The file does not state the unit of
its concentrations: the intensities are read unless the study asks for a concentration by its
column and states the unit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.agilent_icp import grid
from perovec_bayes.readers.base import Reader, Source, text
from perovec_bayes.readers.header import head, stated_decimal
from perovec_bayes.readers.icp_lines import lines_dataset
from perovec_bayes.readers.icp_readings import Line, Readings
from perovec_bayes.readers.layout import Layout, decode_any
from perovec_bayes.readers.table import Table, parse
from perovec_bayes.readers.tabular import text_table

NAME = "perkinelmer_icp"
INTENSITY = "Int (Corr)"
CONCENTRATIONS = ("Conc (Samp)", "Conc (Calib)")
OWN_OPTIONS = ("reading", "reading_unit", "decimal")
_SAMPLE, _ANALYTE, _PLACE = "Sample ID", "Analyte Name", "Wavelength"
_LINE = re.compile(r"(?P<element>[A-Z][a-z]?)(?: (?P<nm>\d{2,4}\.\d+))?(?: .*)?$")


def _delimiter(top: str) -> str | None:
    """Return the delimiter of the line of names; None if it is not of this format."""
    for delimiter in (",", "\t", ";"):
        names = [cell.strip(' "') for cell in top.split(delimiter)]
        if {_SAMPLE, _ANALYTE} <= set(names) and {INTENSITY, *CONCENTRATIONS} & set(names):
            return delimiter
    return None


def sniff(source: Source) -> bool:
    """Whether the first line names samples, analytes and a reading."""
    lines = head(source)
    return bool(lines) and _delimiter(lines[0].removeprefix("ï»¿")) is not None


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read results of WinLab32 or Syngistix.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        Keys of `base.COMMON_META`.
    options : mapping
        `icp_lines.LINE_OPTIONS`; `reading`, the column that is read ("Int (Corr)", or "Conc
        (Samp)" or "Conc (Calib)" with its `reading_unit`); `decimal`.

    Returns
    -------
    xarray.Dataset
        ICP readings, or ICP concentrations; validated.
    """
    content = decode_any(source)
    delimiter = _delimiter(content.split("\n", 1)[0])
    if delimiter is None:
        raise DataError("no column of the readings", file=source.file, place="line 1")
    table = text_table(source.file, content, Layout(delimiter=delimiter), spare=True)
    column, unit = _column(table, options)
    samples, analytes = (table.texts(table.position(name)) for name in (_SAMPLE, _ANALYTE))
    places = table.texts(table.position(_PLACE)) if _PLACE in table.header else [""] * len(samples)
    labels, rows, lines = _solutions(table, samples, analytes, places, unit)
    cells = table.texts(column)
    written = [[cells[row[j]] if j in row else "" for row in rows] for j in range(len(lines))]
    first = [min(row.values()) for row in rows]
    values, kinds, notes = grid(table, written, lines, first, stated_decimal(options))
    readings = Readings(
        labels,
        lines,
        values,
        kinds,
        np.full(len(lines), np.nan),
        lambda i: table.where(first[i]),
        notes=(*notes, f"column '{table.header[column]}'"),
    )
    return lines_dataset(source, NAME, readings, meta, options, OWN_OPTIONS)


def _column(table: Table, options: Mapping[str, Any]) -> tuple[int, str]:
    """Return the column that is read, and its unit."""
    there = [name for name in (INTENSITY, *CONCENTRATIONS) if name in table.header]
    if not there:
        raise DataError(
            "no column of the readings",
            file=table.file,
            place="line 1",
            expected=f"'{INTENSITY}'",
            found=", ".join(table.header)[:200],
        )
    wanted = text(options, "reading", "mapping") or there[0]
    if wanted not in there:
        raise StudyError(
            "no such reading", place="reading", expected=", ".join(there), found=repr(wanted)
        )
    unit = text(options, "reading_unit", "mapping")
    if wanted == INTENSITY:
        if unit:
            raise StudyError("an intensity needs no unit", place="reading_unit", hint="Remove it.")
        return table.position(wanted), "counts"
    if not unit:
        raise StudyError(
            f"the file does not state the unit of '{wanted}'",
            place="reading_unit",
            expected="reading_unit = 'mg/L', as set in the method",
        )
    return table.position(wanted), unit


def _solutions(
    table: Table, samples: list[str], analytes: list[str], places: list[str], unit: str
) -> tuple[list[str], list[dict[int, int]], list[Line]]:
    """Return the names of the solutions, the record of each line in each of them, and the lines."""
    labels: list[str] = []
    rows: list[dict[int, int]] = []
    lines: dict[str, Line] = {}
    for record, (sample, analyte) in enumerate(zip(samples, analytes, strict=True)):
        if not sample or not analyte or (sample, analyte) == (_SAMPLE, _ANALYTE):
            continue
        match = _LINE.match(analyte)
        nm = parse((match and match["nm"]) or places[record].replace(",", "."), ".")
        if match is None or not np.isfinite(nm):
            raise DataError(
                "not an emission line",
                file=table.file,
                place=f"{table.where(record)}, column '{_ANALYTE}'",
                expected="a name such as 'Pb 220.353'",
                found=repr(analyte[:40]),
            )
        lines.setdefault(analyte, Line(analyte, match["element"], nm, unit))
        at = list(lines).index(analyte)
        if not labels or labels[-1] != sample or at in rows[-1]:
            labels.append(sample)
            rows.append({})
        rows[-1][at] = record
    return labels, rows, list(lines.values())


READER = Reader(NAME, "PerkinElmer ICP-OES results of WinLab32 or Syngistix", sniff, read)
