"""Numbers in a text: which mark is decimal, and blocks of numbers read fast or named exactly."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from perovec_bayes.errors import DataError

_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+$")
_SAMPLE = 4000
"""So many characters show which mark is decimal."""


@dataclass(frozen=True)
class Block:
    """Rows of numbers.

    Parameters
    ----------
    values : ndarray
        Shape (rows, columns); finite.
    first : int
        Line of the first row in the file, from 1.
    notes : tuple of str
        What was left out, in words.
    """

    values: np.ndarray
    first: int
    notes: tuple[str, ...] = ()

    def where(self, row: int) -> str:
        """Return the place of a row; exact unless blank lines stand between the rows."""
        return f"line {self.first + row}"


def decimal_mark(file: str, text: str, delimiter: str, stated: str | None = None) -> str:
    """Return the decimal mark of a block of numbers, or raise a `DataError` if it is ambiguous.

    Parameters
    ----------
    file : str
        The file, for messages.
    text : str
        The block.
    delimiter : str
        Separates the cells; "" for blanks.
    stated : str, optional
        What the study says: "." or ",".
    """
    if stated is not None or delimiter == ",":
        return stated or "."
    sample = text[:_SAMPLE].replace(delimiter, " ") if delimiter else text[:_SAMPLE]
    cells = [cell.lstrip("<>≤≥=") for cell in sample.split()]
    commas = [cell for cell in cells if "," in cell]
    both = next((cell for cell in commas if "." in cell), None)
    if both is not None:
        return "," if both.rfind(",") > both.rfind(".") else "."
    if not commas:
        return "."
    if not all(_THOUSANDS.match(cell) for cell in commas):
        return ","
    if any(re.fullmatch(r"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?", cell) for cell in cells):
        return "."
    raise DataError(
        "is the comma a decimal mark or a thousands mark?",
        file=file,
        found=repr(commas[0][:40]),
        hint="State decimal = ',' or decimal = '.'.",
    )


def number(cell: str, decimal: str = ".", *, sure: bool = False) -> float:
    """Return the number in a cell; NaN if it is none.

    Thousands marks are passed over where they cannot be decimal marks: "1,234.5", "1,234,567".

    Parameters
    ----------
    cell : str
        The cell.
    decimal : str
        The decimal mark.
    sure : bool
        Whether the decimal mark is stated, so that "1,234" may be more than a thousand.
    """
    written = cell.strip()
    other = "." if decimal == "," else ","
    if other in written and _grouped(written, other, decimal, sure):
        written = written.replace(other, "")
    if decimal == ",":
        written = written.replace(".", "?").replace(",", ".")
    try:
        return float(written) if "_" not in written else np.nan
    except ValueError:
        return np.nan


def _grouped(written: str, mark: str, decimal: str, sure: bool) -> bool:
    """Whether `mark` parts the digits before the decimal mark into groups of three."""
    shape = rf"[+-]?\d{{1,3}}(?:\{mark}\d{{3}})+(?:\{decimal}\d*)?"
    plain = sure or decimal in written or written.count(mark) > 1
    return plain and re.fullmatch(shape, written) is not None


def read_block(
    file: str,
    text: str,
    start: int,
    *,
    delimiter: str = "",
    decimal: str | None = None,
    headers: Sequence[str] = (),
) -> Block:
    """Read the rows of numbers from a place in a text to its end.

    Blank lines and repeated headers are passed over, the last line too if it was cut short.

    Parameters
    ----------
    file : str
        The file, for messages.
    text : str
        The text, lines ended by a newline.
    start : int
        Offset of the first row.
    delimiter : str
        Separates the cells; "" for blanks.
    decimal : str, optional
        "." or ","; found out unless given.
    headers : sequence of str
        Lines that may be repeated among the rows.

    Raises
    ------
    DataError
        If there is no row, or a cell is not a finite number, with its line.
    """
    blank = re.compile(r"(?:[ \t]*\n)+").match(text, start)
    start = blank.end() if blank else start
    first = text.count("\n", 0, start) + 1
    body = text[start:]
    mark = decimal_mark(file, body, delimiter, decimal)
    values = _fast(body, delimiter, mark)
    if values is not None:
        return Block(values, first)
    bare = [line.strip() for line in headers]
    return _careful(file, body, first, delimiter, mark, bare, decimal is not None)


def _fast(body: str, delimiter: str, decimal: str) -> np.ndarray | None:
    """Return the rows if all of them are plain numbers, else None."""
    top = body[: body.find("\n")] if "\n" in body else body
    width = len(_cells(top, delimiter))
    written = top.count(delimiter) + 1 if delimiter else width
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # pandas warns of rows that are too long
            frame = pd.read_csv(
                io.StringIO(body),
                sep=delimiter or r"\s+",
                header=None,
                names=list(range(written)),
                index_col=False,
                decimal=decimal,
                dtype=np.float64,
                na_values=[""],
                keep_default_na=False,
                on_bad_lines="error",
            )
    except (ValueError, OverflowError, Warning):
        return None
    values = frame.to_numpy()
    if not values.size or not np.isfinite(values[:, :width]).all():
        return None
    return values[:, :width] if np.isnan(values[:, width:]).all() else None


def _cells(line: str, delimiter: str) -> list[str]:
    if not delimiter:
        return line.split()
    cells = [cell.strip() for cell in line.split(delimiter)]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _careful(
    file: str,
    body: str,
    first: int,
    delimiter: str,
    decimal: str,
    headers: Sequence[str],
    sure: bool,
) -> Block:
    """Read line by line, so that whatever is wrong is named with its line."""
    rows: list[list[float]] = []
    notes: list[str] = []
    begin = first
    repeated = 0
    last = first + body.rstrip().count("\n")
    for line, written in enumerate(body.split("\n"), start=first):
        if not written.strip(f" \t{delimiter}"):
            continue
        if written.strip() in headers:
            repeated += 1
            continue
        row = [number(cell, decimal, sure=sure) for cell in _cells(written, delimiter)]
        if line == last and rows and (len(row) < len(rows[0]) or np.isnan(row).any()):
            notes.append(f"line {line} was cut short and is left out")
            continue
        _check_row(file, line, written, row, len(rows[0]) if rows else len(row))
        if not rows:
            begin = line
        rows.append(row)
    if not rows:
        raise DataError(
            "no rows of numbers",
            file=file,
            place=f"line {first}",
            hint="Export the spectra themselves as text, wavelength and signal in columns.",
        )
    if repeated:
        notes.append(f"{repeated} repeated header lines passed over")
    return Block(np.array(rows), begin, tuple(notes))


def _check_row(file: str, line: int, written: str, row: list[float], width: int) -> None:
    place = f"line {line}"
    if len(row) != width:
        raise DataError(
            "a row of another length",
            file=file,
            place=place,
            expected=f"{width} numbers",
            found=f"{len(row)} cells",
        )
    if not np.isfinite(row).all():
        raise DataError(
            "not a row of numbers",
            file=file,
            place=place,
            expected=f"{width} finite numbers",
            found=repr(written[:40]),
            hint="Is the decimal mark right?",
        )
