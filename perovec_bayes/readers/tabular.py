"""Opening the table in a delimited text or in a workbook."""

from __future__ import annotations

import contextlib
import csv
import io
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.base import Source, nearest
from perovec_bayes.readers.layout import DELIMITERS, Layout, decode
from perovec_bayes.readers.table import Table, clean
from perovec_bayes.readers.workbook import sheet_names, sheet_rows

ENOUGH_BYTES = 4000
"""The end of a table in which its last line is compared with others."""
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


def text_table(
    file: str, content: str, layout: Layout, *, spare: bool = False, before: int = 0
) -> Table:
    """Open a delimited table in a text.

    Parameters
    ----------
    file : str
        Name for messages.
    content : str
        The whole text, lines ended by a newline.
    layout : Layout
        How it is laid out.
    spare : bool
        Whether a line may have more cells than there are column names.
    before : int
        Lines of the file before this text, for messages.

    Returns
    -------
    Table
        Its cells are parsed when asked for.
    """
    header_line = layout.header
    if header_line is None:
        header_line = _first_line(content.split("\n"), layout.comment)
    begin = line_start(content, header_line + 1)
    header: list[str] = []
    if header_line:
        top = line_start(content, header_line)
        if top is None:
            place = f"line {header_line + before}"
            raise DataError("no such header line", file=file, place=place)
        header = [clean(cell) for cell in _split(content[top:begin].rstrip("\n"), layout)]
        while header and not header[-1]:
            header.pop()
    first = header_line + layout.skip_rows
    begin = line_start(content, first + 1)
    body = b"" if begin is None else content[begin:].encode("utf-8", "replace")
    kept, cells, body = _records(body, layout)
    if not kept.size:
        raise _no_data(file, f"line {first + before + 1}")
    rows = kept + first + before + 1
    width = int(cells.max())
    extra = list(range(len(header), width)) if header and not spare else []

    def load(positions: Sequence[int], as_text: bool) -> pd.DataFrame:
        try:
            with warnings.catch_warnings():  # of columns in which some cells are no numbers
                warnings.simplefilter("ignore", pd.errors.DtypeWarning)
                frame = pd.read_csv(
                    io.BytesIO(body),
                    sep=layout.separator,
                    header=None,
                    names=list(range(width)),
                    usecols=sorted({*(p for p in positions if p < width), *extra}) or [0],
                    index_col=False,
                    decimal=layout.decimal,
                    na_values=[""],
                    keep_default_na=False,
                    skip_blank_lines=False,
                    quoting=csv.QUOTE_MINIMAL if layout.quoted else csv.QUOTE_NONE,
                    dtype=str if as_text else None,
                )
        except (ValueError, OverflowError) as error:  # pandas' parser errors are ValueErrors
            reason = str(error).strip().splitlines()[0]
            raise DataError(f"not a table: {reason}", file=file) from error
        if len(frame) != len(rows):
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
    cut = not content.endswith("\n") and _is_shorter(body)
    return Table(file, tuple(header), columns, rows, "line", layout.decimal, load, cells, cut)


def _is_shorter(body: bytes) -> bool:
    """Whether the last line is shorter than each of those before it."""
    *before, last = body[-ENOUGH_BYTES:].rstrip(b"\n").split(b"\n")[1:] or [b""]
    return len(before) > 2 and len(last) < min(map(len, before))


def line_start(content: str, number: int) -> int | None:
    """Return where line `number`, counted from 1, begins; None past the end."""
    at = 0
    for _ in range(number - 1):
        at = content.find("\n", at) + 1
        if at == 0:
            return None
    return at


def _records(body: bytes, layout: Layout) -> tuple[np.ndarray, np.ndarray, bytes]:
    """Return the indices of lines that are neither blank nor comments, their cells, their bytes."""
    blanks = layout.separator == DELIMITERS["space"]
    data = np.frombuffer(body, np.uint8)
    starts = np.concatenate([[0], np.flatnonzero(data == ord("\n")) + 1])
    starts = starts[starts < data.size]
    if not starts.size:
        return starts, starts, b""
    separator = b" \t" if blanks else layout.separator.encode()
    full = data > ord(" ")
    if not blanks and len(separator) == 1:
        full &= data != separator[0]
    keep = np.logical_or.reduceat(full, starts)
    comment = layout.comment.encode("utf-8", "replace")
    if comment:
        keep &= ~np.array([body.startswith(comment, at) for at in starts.tolist()])
    if (layout.quoted and b'"' in body) or (not blanks and len(separator) != 1):
        lines = body.decode().split("\n")
        cells = np.array([len(_split(lines[i], layout)) for i in range(starts.size)])
    elif blanks:
        full[1:] &= ~full[:-1]
        cells = _counts(np.flatnonzero(full), starts)
    else:
        del full
        cells = _counts(np.flatnonzero(data == separator[0]), starts) + 1
    if not keep.all():
        lengths = np.diff(np.append(starts, data.size))
        body = data[np.repeat(keep, lengths)].tobytes()
    return np.flatnonzero(keep).astype(np.int32), cells[keep].astype(np.int32), body


def _counts(places: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return how many of the sorted places lie in each line."""
    return np.diff(np.append(np.searchsorted(places, starts), places.size))


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
    cells = np.full(rows.size, width)
    return Table(
        source.file, tuple(header), width, rows, f"{place}, row", layout.decimal, load, cells
    )


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
