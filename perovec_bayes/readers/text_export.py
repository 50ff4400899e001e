"""What readers of plain text exports share: one table, found by its headings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import xarray as xr

from perovec_bayes.errors import DataError
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.headings import CANONICAL, Heading
from perovec_bayes.readers.labelled import find_table
from perovec_bayes.readers.layout import decode_any
from perovec_bayes.readers.potentiostat import (
    Facts,
    Trace,
    check_options,
    chosen,
    dataset,
    trace,
)
from perovec_bayes.readers.table import Table
from perovec_bayes.readers.tabular import text_table

IMPEDANCE = re.compile(r"[|<]?(z\b|z['\"_]|z ?(re|im)|re\(z|-?im\(z)", re.IGNORECASE)
FREQUENCY = re.compile(r"(f|freq|frequency)\b", re.IGNORECASE)
Refine = Callable[[Table, Trace, Facts], tuple[Trace, Facts]]
TOP_BYTES = 20_000
"""So much of a file is looked at to tell its format."""


def export_reader(
    name: str, description: str, own: re.Pattern[str], refine: Refine | None = None
) -> Reader:
    """Return the reader of text exports that are told by one of their headings.

    Parameters
    ----------
    name, description : str
        As in `Reader`.
    own : pattern
        What only this format has in its headings.
    refine : callable, optional
        Makes table, points and facts into the points that are kept, and facts.
    """

    def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
        content = decode_any(source)
        return read_export(source, name, content, Facts(), meta, options, refine=refine)

    return Reader(name, description, lambda source: sniff_line(source, own), read)


def sniff_line(source: Source, own: re.Pattern[str]) -> bool:
    """Whether the headings of a table in the beginning of a text hold a pattern.

    Parameters
    ----------
    source : Source
        The file.
    own : pattern
        What only this format has in its headings.
    """
    if source.is_workbook:
        return False
    try:
        content = decode_any(Source(source.path, source.raw[:TOP_BYTES]))
    except DataError:
        return False
    found = find_table(content)
    return found is not None and any(own.search(name) for name in found.names)


def read_export(
    source: Source,
    reader: str,
    content: str,
    facts: Facts,
    meta: Mapping[str, Any],
    options: Mapping[str, Any],
    *,
    first: int = 1,
    refine: Refine | None = None,
) -> xr.Dataset:
    """Read the table of a text export by its headings.

    Parameters
    ----------
    source, reader, content
        The file, the name of the format, and its text.
    facts : Facts
        What the header says.
    meta, options : mapping
        As for every reader; `table` picks one of several columns of the current.
    first : int
        Line, from 1, at which the table is looked for.
    refine : callable, optional
        As in `export_reader`.

    Returns
    -------
    xarray.Dataset
        CV dataset.
    """
    check_options(options, reader)
    found = find_table(content, first)
    if found is None:
        raise DataError(
            "no table of potential and current",
            file=source.file,
            expected="a line of headings with units such as 'Ewe/V' and '<I>/mA'",
            hint="For any table state format = 'delimited' and map its columns (docs/data.md).",
        )
    if any(map(FREQUENCY.match, found.names)) and any(map(IMPEDANCE.match, found.names)):
        raise DataError(
            "the table holds an impedance",
            file=source.file,
            place=f"line {found.layout.header}",
            expected="a voltammogram: time, potential and current",
            found=", ".join(found.names)[:300],
            hint="To read a sweep in it all the same, map its columns with format = 'delimited'.",
        )
    if "potential" not in found.quantities:
        raise DataError(
            "no column of the potential",
            file=source.file,
            place=f"line {found.layout.header}",
            expected="a heading such as 'Ewe/V' or 'Potential (V)'",
            found=", ".join(found.names)[:400],
            hint="Export the file again with the potential.",
        )
    table = text_table(source.file, content, found.layout, spare=True)
    if found.layout.delimiter == "comma" and table.cells.min() > len(found.names) + 1:
        raise DataError(
            "more cells than headings: is the comma a decimal mark as well?",
            file=source.file,
            place=table.where(0),
            expected=f"{len(found.names)} cells",
            found=f"{table.cells[0]} cells",
            hint="Export with semicolons or tabs between the cells, or with decimal points.",
        )
    headings, notes = one_each(found.headings, found.names, options.get("table"), source.file)
    record = trace(table, headings, labels=found.names)
    references = [h.reference for h in headings if h is not None and h.reference]
    if references and not facts.reference:
        facts = replace(facts, reference=references[0])
    facts = facts.noting(*notes)
    if refine is not None:
        record, facts = refine(table, record, facts)
    return dataset(source, reader, record, facts, meta, options)


def one_each(
    headings: tuple[Heading | None, ...], names: tuple[str, ...], wanted: object, file: str
) -> tuple[list[Heading | None], list[str]]:
    """Keep one column of each quantity, and say which were left out.

    Parameters
    ----------
    headings : tuple of Heading or None
        What every column holds.
    names : tuple of str
        The headings.
    wanted : object
        The option `table`: which column of the current, by name or number from 1.
    file : str
        For messages.

    Returns
    -------
    headings : list of Heading or None
        None for columns that are not used.
    notes : list of str
        What was left out.
    """
    currents = [
        i for i, h in enumerate(headings) if h is not None and h.quantity in ("current", "density")
    ]
    index = chosen([names[i] for i in currents], wanted, file, "column of the current")
    taken = currents[index or 0]
    kept: list[Heading | None] = [None] * len(headings)
    notes = []
    for quantity in CANONICAL:
        mine = [i for i, h in enumerate(headings) if h is not None and h.quantity == quantity]
        if quantity in ("current", "density"):
            mine = [i for i in mine if i == taken]
        if not mine:
            continue
        best = min(mine, key=lambda i: (headings[i].rank, i))  # type: ignore[union-attr]
        kept[best] = headings[best]
        same = [i for i in mine if i != best and headings[i].rank == headings[best].rank]  # type: ignore[union-attr]
        if same and names[same[0]] == names[best]:
            raise DataError(
                f"{len(same) + 1} columns are named '{names[best]}'",
                file=file,
                hint="State format = 'delimited' and map the columns by index.",
            )
    others = [names[i] for i in currents if i != taken]
    if others:
        notes.append(
            f"current from '{names[taken]}'; left out: {', '.join(others)}"[:300]
            + " (option table)"
        )
    return kept, notes
