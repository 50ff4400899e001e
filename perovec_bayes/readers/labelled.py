"""Finding a table in a text by its headings: columns whose names say quantity and unit.

The units may stand in the line below the names.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

from perovec_bayes.readers.headings import Heading, heading, named
from perovec_bayes.readers.layout import DELIMITERS, Layout

TOP_LINES = 300
"""A heading is looked for in so many first lines."""
LONGEST_LINE = 4000
"""No line of headings has more characters."""
NEAR = 3
"""The line of units is among so many below the names."""
MARKS = ("tab", "semicolon", "comma")
"""Separators that go before blanks, which stand within headings as well: "half cycle"."""
NUMBER = re.compile(r"[-+]?(\d[\d.,'’  ]*|[.,]\d+)([eE][-+]?\d+)?")


class Found(NamedTuple):
    """A table that was found in a text."""

    layout: Layout
    """How it is laid out; `layout.header` is the line of the headings."""
    names: tuple[str, ...]
    """The headings."""
    headings: tuple[Heading | None, ...]
    """What they mean."""

    @property
    def quantities(self) -> set[str]:
        """The quantities among the columns."""
        return {h.quantity for h in self.headings if h is not None}


def find_table(content: str, first: int = 1) -> Found | None:
    """Find the first table of potential and current, or of time and current, in a text.

    Parameters
    ----------
    content : str
        The text.
    first : int
        Line, from 1, at which to begin.

    Returns
    -------
    Found or None
        The table whose headings mean most; None if there is no such table in the first lines.
    """
    lines = content.split("\n", TOP_LINES + 8)[: TOP_LINES + 8]
    for number in range(first, min(len(lines), TOP_LINES) + 1):
        line = lines[number - 1]
        if not 3 <= len(line) <= LONGEST_LINE or re.match(r"\s*[-+.\d]", line):
            continue
        options = [f for s in MARKS if (f := _headings(line, s, number, lines[number:]))]
        if options:
            return max(options, key=lambda f: sum(h is not None for h in f.headings))
        blanks = _headings(line, "space", number, lines[number:])
        if blanks:
            return blanks
    return None


def _headings(line: str, separator: str, number: int, after: list[str]) -> Found | None:
    """Return the table that a line heads with this separator, if it does."""
    names = split(line, separator)
    if len(names) < 2:
        return None
    headings = tuple(heading(name) for name in names)
    below = 0
    if not _is_enough(headings):
        filled = [i for i, row in enumerate(after[:NEAR]) if row.strip()]
        below = filled[0] + 1 if filled else 0
        headings = _with_units_below(names, after[below - 1], separator) if below else ()
    if not _is_enough(headings):
        return None
    data = [row for row in after[below:] if row.strip()][:6]
    decimal = decimal_mark(data, separator)
    if decimal is None:
        return None
    quoted = '"' in line or any('"' in row for row in data)
    layout = Layout(
        delimiter=separator, decimal=decimal, header=number, skip_rows=below, quoted=quoted
    )
    return Found(layout, tuple(names), headings)


def _is_enough(headings: Sequence[Heading | None]) -> bool:
    """Whether a current is among the columns, and a potential or a time."""
    quantities = {h.quantity for h in headings if h is not None}
    return bool(quantities & {"current", "density"} and quantities & {"potential", "time"})


def _with_units_below(
    names: Sequence[str], line: str, separator: str
) -> tuple[Heading | None, ...]:
    """Return what names mean with the units in the line below them; nothing if it holds none."""
    units = [cell.strip("()[] ") for cell in split(line, separator)]
    while units and not units[-1]:
        units.pop()
    if len(units) > len(names) or any(NUMBER.fullmatch(unit) for unit in units):
        return ()
    pairs = itertools.zip_longest(names, units, fillvalue="")
    return tuple(heading(name, unit) if unit else heading(name) for name, unit in pairs)


def without_units(content: str) -> tuple[int, tuple[str, ...]] | None:
    """Find a line that names potential and current, without units that are understood.

    Parameters
    ----------
    content : str
        The text.

    Returns
    -------
    tuple of int and tuple of str, or None
        The line, from 1, and the names in it.
    """
    for number, line in enumerate(content.split("\n", TOP_LINES)[:TOP_LINES], start=1):
        for separator in (*MARKS, "space") if len(line) <= LONGEST_LINE else ():
            names = split(line, separator)
            meant = [named(name) for name in names]
            mostly = 2 * sum(map(bool, meant)) >= len(names)  # U and I are elements as well
            understood = _is_enough([heading(name) for name in names])
            if mostly and {"potential", "current"} <= set(meant) and not understood:
                return number, tuple(names)
    return None


def split(line: str, separator: str) -> list[str]:
    """Return the cells of a line, stripped.

    Parameters
    ----------
    line : str
        The line.
    separator : str
        A key of `layout.DELIMITERS`.
    """
    if separator == "space":
        return line.split()
    mark = DELIMITERS[separator]
    if '"' in line:
        try:
            return [cell.strip() for cell in next(csv.reader([line], delimiter=mark))]
        except csv.Error:
            return []
    return [cell.strip() for cell in line.split(mark)]


def decimal_mark(rows: list[str], separator: str) -> str | None:
    """Return the decimal mark of rows of numbers; None if they are none.

    Parameters
    ----------
    rows : list of str
        Some lines of the table.
    separator : str
        A key of `layout.DELIMITERS`.
    """
    cells = [cell for row in rows for cell in split(row, separator) if cell]
    numbers = [cell for cell in cells if NUMBER.fullmatch(cell)]
    if not numbers:
        return None
    comma = any(re.search(r",\d+([eE][-+]?\d+)?$", n) and n.count(",") == 1 for n in numbers)
    point = any(re.search(r"\.\d+([eE][-+]?\d+)?$", n) and n.count(".") == 1 for n in numbers)
    return "," if comma and not point else "."
