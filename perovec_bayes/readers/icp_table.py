"""A tidy table of ICP-OES results, one row a measurement, as delimited text or .xlsx.

Columns `sample, element, solute, solvent, replicate, value, unit` and, where known, `sd,
dilution, lod, qualifier, comment`; `sd` and `lod` in the unit of `value`. Returns dimension
`measurement` with `value`, `sd`, `lod` [mol cm^-3 of the element in the solution that was
measured], `dilution`, `censoring` and the labels. A `value` of `<50` or `50 U` is censored at 50;
`ND`, `BDL` and the like at `lod`; `>500` is censored from the right at 500, in `upper`; an empty
one, `--`, `uncal` or `####` is missing and its row is dropped with a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes import units
from perovec_bayes.constants import MOLAR_MASS
from perovec_bayes.errors import DataError, PerovecError, StudyError, UnitError
from perovec_bayes.readers.base import COMMON_META, Reader, Source, check_keys, nearest
from perovec_bayes.readers.icp_cells import understand
from perovec_bayes.readers.icp_dataset import icp_dataset
from perovec_bayes.readers.layout import LAYOUT_OPTIONS, Layout, decode_any
from perovec_bayes.readers.numbers import decimal_mark
from perovec_bayes.readers.table import Table, parse
from perovec_bayes.readers.tabular import open_table, text_table
from perovec_bayes.readers.workbook import sheet_names, sheet_rows

NAME = "icp_table"
REQUIRED = ("sample", "element", "solute", "solvent", "replicate", "value", "unit")
NUMERIC = ("value", "sd", "dilution", "lod")
"""Columns that show the decimal mark."""
TOP_ROWS = 60
"""The names of the columns are looked for in so many first lines or rows ..."""
MOST_SHEETS = 20
"""... of so many sheets."""
OPTIONAL = ("sd", "dilution", "lod", "qualifier", "comment")
QUALIFIED = {
    **dict.fromkeys(("", "=", "J"), "{}"),
    **dict.fromkeys(("<", "ND", "U", "UJ"), "<{}"),
    ">": ">{}",
}
"""What a qualifier makes of a value: not detected at it, above it, or (J) an estimate."""
AMBIGUOUS_UNITS = ("ppm", "ppb", "ppt", "%", "percent")


class _Row:
    """One row of the table, with the one way to complain about it."""

    def __init__(self, table: Table, cells: Mapping[str, list[str]], record: int) -> None:
        self.table = table
        self.record = record
        self.cells = {key: column[record] for key, column in cells.items()}

    def error(self, what: str, key: str, expected: str, hint: str | None = None) -> DataError:
        return DataError(
            what,
            file=self.table.file,
            place=f"{self.table.where(self.record)}, column '{key}'",
            expected=expected,
            found=repr(self.cells.get(key, "")[:40]),
            hint=hint,
        )

    def number(self, key: str, written: str | None = None) -> float:
        """Return a cell as a finite number; NaN where it is empty."""
        cell = self.cells.get(key, "") if written is None else written
        if written is None and understand(cell).kind == "missing":
            return np.nan
        value = parse(cell, self.table.decimal)
        if not np.isfinite(value):
            hint = "State decimal = ','." if re.fullmatch(r"[\d,]+", cell) else None
            raise self.error("not a number", key, "a number", hint)
        return value

    def positive(self, key: str, written: str | None = None) -> float:
        """Return a cell as a positive number; NaN where it is empty."""
        value = self.number(key, written)
        if value <= 0:
            hint = "Write a result below the limit as 'ND' with its lod, or '<50'."
            raise self.error("not positive", key, "a positive number", hint)
        return value

    def factor(self) -> float:
        """Return mol cm^-3 of the element for one unit of `value`."""
        unit, element = self.cells["unit"], self.cells["element"]
        if unit.lower() in AMBIGUOUS_UNITS:
            raise self.error(
                "by mass or by volume?",
                "unit",
                "mol/L, mM, uM, mg/L or ug/L",
                "If by volume write 'ug/L' or 'mg/L'; if by mass multiply by the density first.",
            )
        if element not in MOLAR_MASS:
            raise self.error(
                "unknown element", "element", ", ".join(MOLAR_MASS), nearest(element, MOLAR_MASS)
            )
        try:
            return units.convert(1.0, unit, "mol/cm^3")
        except UnitError:
            pass
        try:
            return units.convert(1.0, unit, "g/cm^3") / MOLAR_MASS[element]
        except UnitError as error:
            raise self.error(
                "not a unit of concentration", "unit", "mol/L, mM, uM, mg/L or ug/L"
            ) from error

    def qualified(self) -> str:
        """Return the value with its qualifier."""
        written, flag = self.cells["value"], self.cells.get("qualifier", "").upper()
        if flag not in QUALIFIED:
            raise self.error("unknown qualifier", "qualifier", ", ".join(q for q in QUALIFIED if q))
        return QUALIFIED[flag].format(written) if understand(written).kind == "value" else written

    def result(self) -> tuple[float, float, float, str]:
        """Return value, lod, upper limit and censoring, in the unit of the row."""
        said = understand(self.qualified())
        if said.kind == "absent":
            lod = self.positive("lod")
            if np.isnan(lod):
                raise self.error("not detected, but no limit", "lod", "the limit of detection")
            return np.nan, lod, np.nan, "left"
        if said.kind == "left":
            return np.nan, self.positive("value", said.written), np.nan, "left"
        if said.kind == "right":
            return np.nan, self.positive("lod"), self.positive("value", said.written), "right"
        if said.kind == "over":
            hint = "Dilute and measure again, or write the limit as '>500'."
            raise self.error("above the range", "value", "a value or a limit", hint)
        return self.positive("value", said.written), self.positive("lod"), np.nan, "none"


def _columns(table: Table) -> dict[str, list[str]]:
    names = [name.lower() for name in table.header]
    for name in names:
        if names.count(name) > 1 or name not in (*REQUIRED, *OPTIONAL):
            raise DataError(
                f"column '{name}' stands twice"
                if names.count(name) > 1
                else f"unknown column '{name}'",
                file=table.file,
                place="header",
                expected=", ".join((*REQUIRED, *OPTIONAL)),
                hint=nearest(name, (*REQUIRED, *OPTIONAL)) or "Remarks go into 'comment'.",
            )
    for name in REQUIRED:
        if name not in names:
            raise DataError(
                f"no column '{name}'",
                file=table.file,
                place="header",
                expected=", ".join(REQUIRED),
                found=", ".join(names)[:400],
            )
    return {name: table.texts(i) for i, name in enumerate(names)}


def _names_columns(cells: Iterable[object]) -> bool:
    """Whether the cells of a line or row are the names of the columns."""
    return set(REQUIRED) <= {str(cell).strip(' "').lower() for cell in cells if cell is not None}


def _text_header(source: Source) -> dict[str, Any]:
    """Return line and delimiter of the names of the columns in a text; nothing if none."""
    try:
        lines = decode_any(source).split("\n", TOP_ROWS)[:TOP_ROWS]
    except DataError:
        return {}
    for number, line in enumerate(lines, start=1):
        for delimiter in (",", ";", "\t"):
            if not line.startswith("#") and _names_columns(line.split(delimiter)):
                return {"header": number, "delimiter": delimiter}
    return {}


def _sheet_headers(source: Source, wanted: object) -> list[dict[str, Any]]:
    """Return sheet and row of the names of the columns, of every sheet that has them."""
    titles = sheet_names(source)[:MOST_SHEETS]
    return [
        {"header": number, "sheet": title}
        for title in (titles if wanted is None else [t for t in titles if t == wanted])
        for number, row in enumerate(sheet_rows(source, title, TOP_ROWS), start=1)
        if _names_columns(row)
    ]


def _sheet_header(source: Source, wanted: object) -> dict[str, Any]:
    """Return sheet and row of the names of the columns; nothing if no sheet has them."""
    found = _sheet_headers(source, wanted)
    if len(found) > 1:
        raise StudyError(
            f"{len(found)} tables of results in '{source.file}'",
            place="sheet",
            expected=", ".join(repr(where["sheet"]) for where in found)[:400],
            found="nothing" if wanted is None else repr(wanted),
            hint="State sheet, and keep one table in each.",
        )
    return found[0] if found else {}


def sniff(source: Source) -> bool:
    """Whether one of the first lines, or of the first rows of a sheet, names the columns."""
    try:
        return bool(_sheet_headers(source, None) if source.is_workbook else _text_header(source))
    except PerovecError:
        return False


def _open(source: Source, options: Mapping[str, Any]) -> Table:
    """Open the table; what the study does not say of its layout follows from the file."""
    if source.is_workbook:
        found = _sheet_header(source, options.get("sheet"))
    else:
        found = _text_header(source)
    layout = Layout.from_options(options, **{"header": None, "comment": "#", **found})
    if source.is_workbook or "encoding" in options:
        table = open_table(source, layout)
    else:
        table = text_table(source.file, decode_any(source), layout)
    if "decimal" in options:
        return table
    names = [name.lower() for name in table.header]
    frame = table.load([names.index(key) for key in NUMERIC if key in names], True)
    cells = [cell for _, column in frame.items() for cell in column if isinstance(cell, str)]
    return replace(table, decimal=decimal_mark(source.file, "\n".join(cells), ";"))


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a table of ICP-OES results.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        Keys of `base.COMMON_META`.
    options : mapping
        Layout options (`layout.LAYOUT_OPTIONS`); header, delimiter and decimal mark follow from the
        file unless stated, lines that begin with '#' are comments.

    Returns
    -------
    xarray.Dataset
        ICP dataset, as the module says; validated.
    """
    check_keys(meta, COMMON_META, "meta")
    check_keys(options, LAYOUT_OPTIONS, f"format '{NAME}'")
    table = _open(source, options)
    cells = _columns(table)
    kept: list[int] = []
    dropped: list[str] = []
    records: list[dict[str, Any]] = []
    notes: list[str] = []
    first_seen: dict[tuple[object, ...], int] = {}
    for record in range(len(table.rows)):
        row = _Row(table, cells, record)
        if understand(row.cells["value"]).kind == "missing":
            dropped.append(table.where(record))
            continue
        measured = _record(row, notes)
        key = tuple(measured[k] for k in ("sample", "element", "solute", "solvent", "replicate"))
        if key in first_seen:
            hint = f"First at {table.where(first_seen[key])}: number the replicates."
            raise row.error("the same measurement twice", "replicate", "each once", hint)
        first_seen[key] = record
        records.append(measured)
        kept.append(record)
    if not records:
        raise DataError("no row has a value", file=source.file)
    if dropped:
        notes.insert(0, f"no value, dropped: {', '.join(dropped)}")
    written = ", ".join(sorted({cells["unit"][i] for i in kept}))
    return icp_dataset(source, NAME, records, meta, notes, written, lambda i: table.where(kept[i]))


def _record(row: _Row, notes: list[str]) -> dict[str, Any]:
    """Return the variables of one measurement in canonical units."""
    for key in ("sample", "element", "solute", "solvent"):
        if not row.cells[key]:
            raise row.error("empty", key, "a text")
    replicate = row.number("replicate")
    if not (replicate >= 1 and replicate == round(replicate)):
        raise row.error("bad replicate", "replicate", "a whole number from 1")
    factor = row.factor()
    value, lod, upper, censoring = row.result()
    stated = row.positive("lod")
    if censoring == "left" and not np.isnan(stated) and stated != lod:
        notes.append(f"{row.table.where(row.record)}: censored at {lod:g}, its lod is {stated:g}")
    return {
        **{key: row.cells[key] for key in ("sample", "element", "solute", "solvent")},
        "replicate": int(replicate),
        "value": value * factor,
        "sd": row.positive("sd") * factor,
        "lod": lod * factor,
        "upper": upper * factor,
        "dilution": row.positive("dilution"),
        "censoring": censoring,
    }


READER = Reader(NAME, "tidy table of ICP-OES results (.csv or .xlsx)", sniff, read)
