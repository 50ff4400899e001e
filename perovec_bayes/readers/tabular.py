"""Opening the table in a delimited text or in a workbook."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Sequence

import numpy as np
import pandas as pd

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.base import Source, nearest
from perovec_bayes.readers.layout import DELIMITERS, Layout, decode
from perovec_bayes.readers.table import Table, clean
from perovec_bayes.readers.workbook import sheet_names, sheet_rows

OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"


def open_table(source: Source, layout: Layout) -> Table:
    """Open the table in a text file or a workbook, told apart by content."""
    if source.raw.startswith(OLD_WORKBOOK):
        raise DataError("an old .xls workbook", file=source.file, hint="Save it as .xlsx.")
    if source.is_workbook:
        return _sheet_table(source, layout)
    return text_table(source.file, decode(source, layout.encoding), layout)


def _first_line(lines: Sequence[Sequence[object] | str], comment: str) -> int:
    for number, line in enumerate(lines, start=1):
        first = line if isinstance(line, str) else next((c for c in line if c is not None), "")
        if str(first).strip() and not (comment and str(first).startswith(comment)):
            return number
    return len(lines)


def _no_data(file: str, place: str) -> DataError:
    return DataError("no data rows below the header", file=file, place=place)


def text_table(file: str, content: str, layout: Layout) -> Table:
    """Open a delimited table in a text.

    Parameters
    ----------
    file : str
        Name for messages.
    content : str
        The whole text, lines ended by a newline.
    layout : Layout
        How it is laid out.

    Returns
    -------
    Table
        Its cells are parsed when asked for.
    """
    lines = content.split("\n")
    blanks = layout.separator == DELIMITERS["space"]
    header_line = layout.header
    if header_line is None:
        header_line = _first_line(lines, layout.comment)
    if header_line > len(lines):
        raise DataError("no such header line", file=file, place=f"line {header_line}")
    header: list[str] = []
    if header_line:
        top = lines[header_line - 1]
        header = [clean(cell) for cell in _split(top, layout)]
        while header and not header[-1]:
            header.pop()
    trivial = " \t" if blanks else " \t" + layout.separator
    first = header_line + layout.skip_rows
    kept = [
        (number, line)
        for number, line in enumerate(lines[first:], start=first + 1)
        if line.strip(trivial) and not (layout.comment and line.startswith(layout.comment))
    ]
    if not kept:
        raise _no_data(file, f"line {first + 1}")
    rows = np.array([number for number, _ in kept])
    body = [line for _, line in kept]
    width = max(len(_split(line, layout)) for line in body)
    extra = list(range(len(header), width)) if header else []

    def load(positions: Sequence[int], as_text: bool) -> pd.DataFrame:
        try:
            frame = pd.read_csv(
                io.StringIO("\n".join(body)),
                sep=layout.separator,
                header=None,
                names=list(range(width)),
                usecols=sorted({*(p for p in positions if p < width), *extra}) or [0],
                index_col=False,
                decimal=layout.decimal,
                na_values=[""],
                keep_default_na=False,
                skip_blank_lines=False,
                low_memory=False,
                quoting=csv.QUOTE_MINIMAL if layout.quoted else csv.QUOTE_NONE,
                dtype=str if as_text else None,
            )
        except (ValueError, OverflowError) as error:  # pandas' parser errors are ValueErrors
            reason = str(error).strip().splitlines()[0]
            raise DataError(f"not a table: {reason}", file=file) from error
        if len(frame) != len(body):
            raise DataError(
                "a quoted cell runs over several lines", file=file, hint="Is a quote left open?"
            )
        for position in extra:
            more = np.flatnonzero(frame[position].notna())
            if more.size:
                raise DataError(
                    "more cells than column names",
                    file=file,
                    place=f"line {rows[more[0]]}",
                    expected=f"{len(header)} cells",
                    found=f"{position + 1} or more",
                    hint="Is the decimal mark the same as the delimiter?",
                )
        return frame.reindex(columns=list(positions))

    columns = max(width, len(header))
    return Table(file, tuple(header), columns, rows, "line", layout.decimal, load)


def _split(line: str, layout: Layout) -> list[str]:
    """Return the cells of a line."""
    if layout.separator == DELIMITERS["space"]:
        return line.split()
    if layout.quoted and '"' in line:
        with contextlib.suppress(csv.Error):
            return next(csv.reader([line], delimiter=layout.separator))
    return line.split(layout.separator)


def _sheet_table(source: Source, layout: Layout) -> Table:
    title = _sheet_title(source.file, sheet_names(source), layout.sheet)
    lines = sheet_rows(source, title)
    place = f"sheet '{title}'"
    header_line = layout.header if layout.header is not None else _first_line(lines, layout.comment)
    if not header_line <= len(lines):
        raise DataError("no such header row", file=source.file, place=f"{place}, row {header_line}")
    header = ["" if c is None else clean(c) for c in lines[header_line - 1]] if header_line else []
    while header and not header[-1]:
        header.pop()
    first = header_line + layout.skip_rows
    kept = [
        (number, line)
        for number, line in enumerate(lines[first:], start=first + 1)
        if any(cell is not None for cell in line)
        and not (layout.comment and str(line[0]).startswith(layout.comment))
    ]
    if not kept:
        raise _no_data(source.file, place)

    def load(positions: Sequence[int], as_text: bool) -> pd.DataFrame:
        columns = {p: pd.Series([line[p] for _, line in kept], dtype=object) for p in positions}
        return pd.DataFrame(columns)

    rows = np.array([number for number, _ in kept])
    width = len(kept[0][1])
    return Table(source.file, tuple(header), width, rows, f"{place}, row", layout.decimal, load)


def _sheet_title(file: str, titles: list[str], wanted: str | int | None) -> str:
    listed = ", ".join(repr(t) for t in titles)
    if wanted is None and len(titles) != 1:
        raise StudyError(
            f"a workbook of {len(titles)} sheets", place="sheet", found=listed, hint="State sheet."
        )
    if wanted is None:
        return titles[0]
    if isinstance(wanted, int) and 1 <= wanted <= len(titles):
        return titles[wanted - 1]
    if wanted in titles:
        return str(wanted)
    hint = nearest(str(wanted), titles)
    raise DataError(f"no sheet {wanted!r}", file=file, found=listed, hint=hint)
