"""Thermo Qtegra ICP-OES export in blocks: Raw.Average, ExtCal.Average, ExtCal.LOD ...

Four lines of names (block; a number; line, such as "Fe 238.204 {141} (Axial)"; unit, such as "Y
(ppm)" or "Y [ppm]"), then one row a solution: number, label, readings; or the same with rows and
columns exchanged. Tab, semicolon or comma. Returns what `icp_lines` says, of the block
ExtCal.Average if there is one, else Raw.Average. The sd that the instrument gives (ExtCal.STD) is
the scatter of repeated exposures, not the error of the concentration, and is not taken as such.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.agilent_icp import grid
from perovec_bayes.readers.base import Reader, Source, nearest
from perovec_bayes.readers.header import head, stated_decimal, whole_text
from perovec_bayes.readers.icp_lines import lines_dataset
from perovec_bayes.readers.icp_readings import Line, Readings
from perovec_bayes.readers.layout import Layout
from perovec_bayes.readers.numbers import decimal_mark, number
from perovec_bayes.readers.tabular import text_table

NAME = "qtegra"
BLOCKS = ("ExtCal.Average", "Raw.Average")
_BLOCK = re.compile(r"(Raw|ExtCal|IntCal|[A-Za-z]+Intensity)\.\w+$")
_LINE = re.compile(
    r"(?P<element>[A-Z][a-z]?) (?P<nm>\d{2,4}\.\d+)(?: \{\d+\})?(?: \((?P<view>\w+)\))?$"
)
_UNIT = re.compile(r"Y(?: [(\[](?P<unit>[^)\]]+)[)\]])?$")
_VIEWS = {"Axial": "Ax", "Radial": "R"}
_HEAD_BYTES = 262_144
"""Files with all blocks have names that run over many thousand characters."""
_NOT_CONCENTRATIONS = ("%", "")


def _delimiter(top: str) -> str | None:
    for delimiter in ("\t", ";", ","):
        cells = [cell.strip(' "') for cell in top.split(delimiter)]
        if len(cells) > 2 and _BLOCK.match(cells[2]):
            return delimiter
    return None


def sniff(source: Source) -> bool:
    """Whether the first line names blocks and the third emission lines; or columns do."""
    lines = head(source, _HEAD_BYTES)
    if len(lines) < 5:
        return False
    found = _delimiter(lines[0])
    if found is None:
        return _turned(lines) is not None
    return any(_LINE.match(c.strip(' "')) for c in lines[2].split(found))


def _turned(lines: list[str]) -> str | None:
    """Return the delimiter of a file with one solution a column; None if it is no such file."""
    for delimiter in ("\t", ";", ","):
        rows = [[cell.strip(' "') for cell in line.split(delimiter)] for line in lines[2:5]]
        if all(len(row) > 4 and _BLOCK.match(row[0]) and _LINE.match(row[2]) for row in rows):
            return delimiter
    return None


def _upright(content: str, delimiter: str) -> str:
    """Return the text with rows and columns exchanged: one solution a row."""
    rows = [line.split(delimiter) for line in content.rstrip("\n").split("\n")]
    return "\n".join(map(delimiter.join, zip_longest(*rows, fillvalue=""))) + "\n"


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a Qtegra export.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        Keys of `base.COMMON_META`.
    options : mapping
        `icp_lines.LINE_OPTIONS`, `block` and `decimal`; `standards` may be "file", for the
        concentrations in the block ExtCal.StandardConcentration.

    Returns
    -------
    xarray.Dataset
        ICP readings, or ICP concentrations; validated.
    """
    content = whole_text(source, options)
    turned = _turned(content.split("\n", 5)[:5])
    if turned is not None:
        content = _upright(content, turned)
    top = [line.split("\n")[0] for line in content.split("\n", 4)[:4]]
    delimiter = _delimiter(top[0]) if len(top) == 4 else None
    if delimiter is None:
        raise DataError("no names of blocks in the first line", file=source.file)
    stated = stated_decimal(options)
    decimal = _decimal(source.file, content, delimiter, stated)
    blocks, _, lines, units = ([cell.strip(' "') for cell in line.split(delimiter)] for line in top)
    table = text_table(
        source.file, content, Layout(delimiter=delimiter, decimal=decimal, header=0, skip_rows=4)
    )
    if turned is not None:
        table = replace(table, row_word="column")
    block = _block(blocks, options)
    columns = _columns(blocks, lines, units, block)
    columns = {
        key: (i, line) for key, (i, line) in columns.items() if line.unit not in _NOT_CONCENTRATIONS
    }
    if not columns:
        raise DataError("no emission lines with a unit", file=source.file, place=f"block {block}")
    places = [i for i, _ in columns.values()]
    labels = table.texts(1)
    kept = [i for i, label in enumerate(labels) if label]
    found = [line for _, line in columns.values()]
    cells = [[column[i] for i in kept] for column in map(table.texts, places)]
    values, kinds, notes = grid(table, cells, found, kept, decimal)
    extra = {
        name: _columns(blocks, lines, units, name)
        for name in ("ExtCal.LOD", "ExtCal.StandardConcentration")
    }
    readings = Readings(
        [labels[i] for i in kept],
        found,
        values,
        kinds,
        np.array(
            [
                _limit(table.texts(extra["ExtCal.LOD"][k][0]), decimal)
                if k in extra["ExtCal.LOD"] and block == "ExtCal.Average"
                else np.nan
                for k in columns
            ]
        ),
        lambda i: table.where(kept[i]),
        _standards(
            [labels[i] for i in kept],
            {
                j: (
                    [table.texts(extra["ExtCal.StandardConcentration"][k][0])[i] for i in kept],
                    extra["ExtCal.StandardConcentration"][k][1].unit,
                )
                for j, k in enumerate(columns)
                if k in extra["ExtCal.StandardConcentration"]
            },
            decimal,
        ),
        (*notes, f"block {block}"),
    )
    return lines_dataset(source, NAME, readings, meta, options, ("block", "decimal", "encoding"))


def _decimal(file: str, content: str, delimiter: str, stated: str | None) -> str:
    """Return the decimal mark of the readings."""
    rows = content.split("\n", 30)[4:30]
    cells = [cell for row in rows for cell in row.split(delimiter)[2:]]
    return decimal_mark(file, " ".join(cells), delimiter if delimiter == "," else "", stated)


def _block(blocks: list[str], options: Mapping[str, Any]) -> str:
    there = list(dict.fromkeys(name for name in blocks if _BLOCK.match(name)))
    default = "Raw.Average" if "standards" in options else None
    wanted = options.get("block", default or next((b for b in BLOCKS if b in there), None))
    if wanted not in there:
        raise StudyError(
            "no such block",
            place="block",
            expected=", ".join(there)[:300],
            found=repr(wanted),
            hint=nearest(str(wanted), there),
        )
    return str(wanted)


def _columns(
    blocks: list[str], lines: list[str], units: list[str], block: str
) -> dict[str, tuple[int, Line]]:
    """Return column and line of every emission line in a block, by its name."""
    result = {}
    for i, name in enumerate(lines[: len(units)]):
        line, unit = _LINE.match(name), _UNIT.match(units[i])
        if i >= len(blocks) or blocks[i] != block or line is None or unit is None:
            continue
        view = _VIEWS.get(line["view"] or "", line["view"])
        words = " ".join(part for part in (line["element"], view, line["nm"]) if part)
        result[name] = (i, Line(words, line["element"], float(line["nm"]), unit["unit"] or ""))
    return result


def _limit(cells: list[str], decimal: str) -> float:
    """Return the limit of detection that stands in the rows of the standards."""
    found = {number(cell, decimal) for cell in cells if cell}
    known = {value for value in found if value > 0 and np.isfinite(value)}
    return known.pop() if len(known) == 1 else np.nan


def _standards(
    labels: list[str], columns: Mapping[int, tuple[list[str], str]], decimal: str
) -> dict[str, dict[int, tuple[float, str]]]:
    """Return the concentrations of standards in the file, by label and line."""
    result: dict[str, dict[int, tuple[float, str]]] = {}
    for j, (cells, unit) in columns.items():
        for label, cell in zip(labels, cells, strict=True):
            value = number(cell, decimal) if cell else np.nan
            if np.isfinite(value) and value >= 0:
                result.setdefault(label, {})[j] = (value, unit)
    return result


READER = Reader(NAME, "Thermo Qtegra ICP-OES export in blocks", sniff, read)
