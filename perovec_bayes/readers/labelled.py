"""Finding a table in a text by its headings: columns whose names say quantity and unit."""

from __future__ import annotations

import csv
import re
from typing import NamedTuple

from perovec_bayes.readers.headings import Heading, heading
from perovec_bayes.readers.layout import DELIMITERS, Layout

TOP_LINES = 300
"""A heading is looked for in so many first lines."""
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
        if not 3 <= len(line) <= 4000 or re.match(r"\s*[-+.\d]", line):
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
    quantities = {h.quantity for h in headings if h is not None}
    if not quantities & {"current", "density"} or not quantities & {"potential", "time"}:
        return None
    data = [row for row in after if row.strip()][:6]
    decimal = decimal_mark(data, separator)
    if decimal is None:
        return None
    quoted = '"' in line or any('"' in row for row in data)
    layout = Layout(delimiter=separator, decimal=decimal, header=number, quoted=quoted)
    return Found(layout, tuple(names), headings)


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
    if separator == "comma":
        return "."
    comma = any(re.search(r",\d+([eE][-+]?\d+)?$", n) and n.count(",") == 1 for n in numbers)
    point = any(re.search(r"\.\d+([eE][-+]?\d+)?$", n) and n.count(".") == 1 for n in numbers)
    return "," if comma and not point else "."
