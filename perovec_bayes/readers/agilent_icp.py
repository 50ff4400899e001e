"""Agilent ICP Expert export with one column a line: intensities or concentrations.

A column "Solution Label" (or "Label"), columns such as "Pb Ax 220.353 nm c/s" or "Pb 220.353 nm
ppm", one row a solution; `.csv`, tab-separated or `.xlsx`. Returns what `icp_lines` says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError, PerovecError
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.header import head, stated_decimal
from perovec_bayes.readers.icp_cells import understand
from perovec_bayes.readers.icp_lines import lines_dataset
from perovec_bayes.readers.icp_readings import Line, Readings
from perovec_bayes.readers.layout import LAYOUT_OPTIONS, Layout
from perovec_bayes.readers.numbers import decimal_mark, number
from perovec_bayes.readers.table import Table
from perovec_bayes.readers.tabular import open_table

NAME = "agilent_icp"
_LABELS = ("solution label", "label", "sample", "sample label")
_LINE = re.compile(
    r"(?P<element>[A-Z][a-z]?) +(?:(?P<view>Ax|R|Axial|Radial) +)?(?P<nm>\d{2,4}\.\d+)"
    r"(?: *nm)? +\[?(?P<unit>[^\]\s]+)\]?$"
)


def _has_lines(header: tuple[str, ...] | list[str]) -> bool:
    names = [name.strip(' "\ufeff').lower().removeprefix("ï»¿") for name in header]
    return any(label in names for label in _LABELS) and any(
        _LINE.match(name.strip(' "')) for name in header
    )


def _delimiter(lines: list[str]) -> str | None:
    top = next((line for line in lines if line.strip()), "")
    return next((d for d in (",", ";", "\t") if _has_lines(top.split(d))), None)


def sniff(source: Source) -> bool:
    """Whether the first line names solutions and emission lines."""
    if not source.is_workbook:
        return _delimiter(head(source)) is not None
    try:
        return _has_lines(open_table(source, Layout(header=None)).header)
    except PerovecError:
        return False


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read an export of emission lines.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        Keys of `base.COMMON_META`.
    options : mapping
        `icp_lines.LINE_OPTIONS` and the layout (`layout.LAYOUT_OPTIONS`).

    Returns
    -------
    xarray.Dataset
        ICP readings, or ICP concentrations; validated.
    """
    found = None if source.is_workbook else _delimiter(head(source))
    layout = Layout.from_options(options, header=None, delimiter=found or ",")
    table = open_table(source, layout)
    names = [name.lower() for name in table.header]
    label = next((names.index(name) for name in _LABELS if name in names), None)
    columns = [(i, match) for i, name in enumerate(table.header) if (match := _LINE.match(name))]
    if label is None or not columns:
        raise DataError(
            "no solutions and emission lines",
            file=source.file,
            place="header",
            expected="'Solution Label' and names such as 'Pb 220.353 nm ppm'",
            found=", ".join(table.header)[:200],
        )
    lines = [
        Line(
            " ".join(part for part in (m["element"], m["view"], m["nm"]) if part),
            m["element"],
            float(m["nm"]),
            m["unit"],
        )
        for _, m in columns
    ]
    kept = [i for i, name in enumerate(table.texts(label)) if name and name.lower() != names[label]]
    cells = [[column[i] for i in kept] for column in (table.texts(i) for i, _ in columns)]
    values, kinds, notes = grid(table, cells, lines, kept, stated_decimal(options))
    labels = table.texts(label)
    readings = Readings(
        [labels[i] for i in kept],
        lines,
        values,
        kinds,
        np.full(len(lines), np.nan),
        lambda i: table.where(kept[i]),
        notes=notes,
    )
    return lines_dataset(source, NAME, readings, meta, options, LAYOUT_OPTIONS)


def grid(
    table: Table,
    cells: list[list[str]],
    lines: list[Line],
    kept: list[int],
    stated: str | None,
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return values and kinds of readings, shape (solutions, lines), and what was left out.

    Parameters
    ----------
    table : Table
        The table, for messages.
    cells : list of list of str
        Cells of each line's column.
    lines : list of Line
        The lines.
    kept : list of int
        Records of the table that these cells come from.
    stated : str or None
        Decimal mark that the study states; found out otherwise.
    """
    decimal = decimal_mark(table.file, " ".join(cell for row in cells for cell in row), "", stated)
    values = np.full((len(kept), len(lines)), np.nan)
    kinds = np.full(values.shape, "missing", dtype="U7")
    over = []
    for j, column in enumerate(cells):
        for i, cell in enumerate(column):
            said = understand(cell)
            if said.kind == "missing":
                continue
            where = f"{table.where(kept[i])}, column '{lines[j].name}'"
            if said.kind == "over":
                over.append(where)
                continue
            value = (
                number(said.written, decimal, sure=stated is not None) if said.written else np.nan
            )
            if not np.isfinite(value):
                absent = said.kind == "absent"
                raise DataError(
                    "not detected, but no limit" if absent else "not a number",
                    file=table.file,
                    place=where,
                    expected="a number, or '<limit'",
                    found=repr(cell[:40]),
                    hint="Write the limit as '<5'."
                    if absent
                    else "State decimal = ','."
                    if re.fullmatch(r"[\d,.]+", cell)
                    else None,
                )
            values[i, j] = value
            kinds[i, j] = said.kind
    notes = []
    if over:
        notes.append(
            f"flagged as over range, left out: {'; '.join(over[:5])}"
            + (f" and {len(over) - 5} more" if len(over) > 5 else "")
            + " (write '>limit' to keep them as bounds)"
        )
    return values, kinds, tuple(notes)


READER = Reader(NAME, "Agilent ICP-OES export, one column an emission line", sniff, read)
