"""PSTrace export (.csv) of PalmSens: CV, LSV, chronoamperometry.

Returns dimension `point` with `time` [s], `potential` [V], `current` [A], and `cycle` (the scan).
The text is UTF-16 or UTF-8; a title stands over each pair of columns, their units (`V`, `µA`; or
`s`, `µA`) in a row of their own. All scans of the first voltammogram are read; the summary names
the others, and `table` picks one by number or title. Measurements of the same title are told apart
by their times; scans have a number in their title, or the same time. Anodic currents are positive.
There is no scan rate in the file: state `scan_rate`. A chronoamperometry has no potential in it:
save the session instead. Pulse techniques are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.headings import Heading, heading
from perovec_bayes.readers.labelled import decimal_mark, split
from perovec_bayes.readers.layout import Layout, decode_any
from perovec_bayes.readers.potentiostat import (
    Facts,
    Trace,
    check_options,
    chosen,
    dataset,
    join,
    trace,
)
from perovec_bayes.readers.table import Table
from perovec_bayes.readers.tabular import text_table

NAME = "pstrace_csv"
TOP_LINES = 60
PULSED = re.compile(r"pulse|square wave|impedance|potentiometry|open circuit|ac voltammetry", re.I)
SCAN = re.compile(r"^(?P<rest>.*?)[\s:,-]*scan\s*(?P<number>\d+)\s*$", re.IGNORECASE)


class _Pair(NamedTuple):
    title: str
    at: int
    headings: tuple[Heading | None, Heading | None]

    @property
    def measurement(self) -> str:
        """The title without the number of the scan."""
        match = SCAN.match(self.title)
        return match["rest"] if match else self.title


def sniff(source: Source) -> bool:
    """Whether the first line is `Date and time:` and a row of units follows."""
    head = source.raw[:200].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")
    return re.match(rb'"?Date and time:', head) is not None


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a csv file of PSTrace.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        What the study says of the measurement (`datasets.CV_META`); all optional here.
    options : mapping
        `potentiostat.OPTIONS`; `table` picks one measurement by number from 1 or by title.

    Returns
    -------
    xarray.Dataset
        CV dataset, as the module says.
    """
    check_options(options, NAME)
    content = decode_any(source)
    lines = content.split("\n")
    row, separator, pairs = _pairs(source.file, lines)
    names = list(dict.fromkeys(pair.measurement for pair in pairs))
    index = chosen(names, options.get("table"), source.file, "measurement")
    if index is None:
        index = next((i for i, name in enumerate(names) if not PULSED.search(name)), 0)
    if PULSED.search(names[index]):
        raise DataError(
            f"'{names[index]}' is not a voltammetry that is modelled here",
            file=source.file,
            place=f"line {row}",
            expected="CV or LSV",
            hint="Nothing in this package models it; read the file of a voltammogram.",
        )
    mine = [pair for pair in pairs if pair.measurement == names[index]]
    decimal = decimal_mark(lines[row : row + 6], separator) or "."
    layout = Layout(delimiter=separator, decimal=decimal, header=row)
    table = text_table(source.file, content, layout, spare=True)
    wanted = [i for pair in mine for i in (pair.at, pair.at + 1) if i < table.width]
    frame = table.load(wanted, False)  # once for all scans
    table = replace(table, load=lambda positions, as_text: frame[list(positions)])
    record = join([_scan(table, pair, len(mine)) for pair in mine])
    others = [f"{i} '{name}'" for i, name in enumerate(names, 1) if i != index + 1]
    facts = Facts(technique=names[index]).noting(
        f"others in the file: {', '.join(others)} (option table)"[:300] if others else "",
        f"{len(mine)} scans" if len(mine) > 1 else "",
    )
    return dataset(source, NAME, record, facts, meta, options)


def _pairs(file: str, lines: list[str]) -> tuple[int, str, list[_Pair]]:
    """Return the line of the units, the separator, and the pairs of columns with their titles."""
    for number, line in enumerate(lines[:TOP_LINES], start=1):
        for separator in ("comma", "semicolon", "tab"):
            units = split(line, separator)
            found = [_quantity(unit) for unit in units]
            if len(units) < 2 or sum(h is not None for h in found) < 2:
                continue
            above = [split(row, separator) for row in lines[max(0, number - 6) : number - 1]]
            titles = _told_apart(_titles(above, len(units)), _stamps(above, len(units)))
            pairs = [
                _Pair(titles[i], i, (found[i], found[i + 1]))
                for i in range(0, len(units) - 1, 2)
                if found[i] is not None and found[i + 1] is not None
            ]
            if pairs:
                return number, separator, pairs
    raise DataError(
        "no row of units",
        file=file,
        expected="'V,µA' over the columns",
        hint="Export the curves again from PSTrace as csv.",
    )


def _quantity(unit: str) -> Heading | None:
    """Return what a column with this unit holds."""
    for name in ("e", "i", "t"):
        found = heading(name, unit)
        if found is not None:
            return found
    return None


def _stamps(rows: list[list[str]], width: int) -> list[str]:
    """Return when the measurement in each column was made; "" where it is not said."""
    stamps = [""] * width
    for cells in rows:
        for i, cell in enumerate(cells[: width - 1]):
            if cell.lower().startswith("date and time measurement"):
                stamps[i] = stamps[i + 1] = cells[i + 1] if i + 1 < len(cells) else ""
    return stamps


def _told_apart(titles: list[str], stamps: list[str]) -> list[str]:
    """Return titles in which measurements of the same title, not scans of one, are numbered.

    Scans have a number in the title, or the same time of the measurement.
    """
    numbers: dict[str, dict[str, int]] = {}
    named = []
    for i, title in enumerate(titles):
        match = SCAN.match(title)
        rest = match["rest"] if match else title
        unstamped = "" if match else str(i - i % 2)
        known = numbers.setdefault(rest, {})
        number = known.setdefault(stamps[i] or unstamped, len(known) + 1)
        scan = f" Scan {match['number']}" if match else ""
        named.append(title if number == 1 else f"{rest} ({number}){scan}")
    return named


def _titles(rows: list[list[str]], width: int) -> list[str]:
    """Return the title over each column; over the second of a pair it is mostly empty."""
    titles = [""] * width
    for cells in rows:
        if cells and re.match(r"date and time|notes", cells[0], re.IGNORECASE):
            continue
        for i, cell in enumerate(cells[:width]):
            titles[i] = cell or titles[i]
    return [titles[i] or titles[i - 1] if i else titles[0] for i in range(width)]


def _scan(table: Table, pair: _Pair, scans: int) -> Trace:
    """Return the points under one pair of columns; shorter than others, it ends in empty cells."""
    table = _until_empty(table, pair)
    headings: list[Heading | None] = [None] * table.width
    headings[pair.at : pair.at + 2] = pair.headings
    if not any(h is not None and h.quantity == "potential" for h in pair.headings):
        raise DataError(
            f"no potential with '{pair.title}'",
            file=table.file,
            expected="columns in V and µA",
            hint="Save the session (.pssession) from PSTrace and read that.",
        )
    labels = [f"column {i + 1}" for i in range(table.width)]
    labels[pair.at : pair.at + 2] = ["potential", "current"]
    record = trace(table, headings, labels=labels)
    match = SCAN.match(pair.title)
    number = float(match["number"]) if match and scans > 1 else np.nan
    cycle = np.full(record.current.size, number) if np.isfinite(number) else None
    units = "potential: V, current: " + next(
        h.unit for h in pair.headings if h is not None and h.quantity in ("current", "density")
    )
    return replace(record, cycle=cycle, units=units)


def _until_empty(table: Table, pair: _Pair) -> Table:
    """Return the rows up to the last that has a cell under this pair of columns."""
    frame = table.load([i for i in (pair.at, pair.at + 1) if i < table.width], False)
    filled = np.flatnonzero(frame.notna().any(axis=1).to_numpy())
    end = int(filled[-1]) + 1 if filled.size else 0
    if end in (0, table.rows.size):
        return table
    load = table.load
    return replace(
        table,
        rows=table.rows[:end],
        cells=table.cells[:end],
        load=lambda positions, as_text: load(positions, as_text).iloc[:end],
        unended=False,
    )


READER = Reader(NAME, "PalmSens PSTrace csv (UTF-16 or UTF-8): CV, LSV", sniff, read)
