"""A table of named columns in which every number knows its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from perovec_bayes.errors import DataError
from perovec_bayes.readers.base import nearest

THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}[.,]\d{3}")
"""A number whose mark may part thousands."""
ROUNDED = 1e-6
"""A number so far from a multiple of 1/1000 [1/1000] has more than three decimals."""
ENOUGH = 20
"""So many records before the last show how many cells a record has."""


@dataclass(frozen=True)
class Table:
    """A table whose cells are read when asked for.

    Parameters
    ----------
    file : str
        The file, for messages.
    header : tuple of str
        Column names; empty when there are none.
    width : int
        Number of columns.
    rows : ndarray of int
        Line or row in the file of each record, counted from 1.
    row_word : str
        "line", or "sheet 'X', row".
    decimal : str
        Decimal mark.
    load : callable
        `load(positions, as_text)` returns these columns as a DataFrame.
    cells : ndarray of int
        Number of cells of each record.
    unended : bool
        Whether the last record has no line end and is shorter than those before it.
    """

    file: str
    header: tuple[str, ...]
    width: int
    rows: np.ndarray
    row_word: str
    decimal: str
    load: Callable[[Sequence[int], bool], pd.DataFrame]
    cells: np.ndarray
    unended: bool = False

    def where(self, record: int) -> str:
        """Return the place of a record, such as "line 18"."""
        return f"{self.row_word} {self.rows[record]}"

    def label(self, position: int) -> str:
        """Return a column's name for messages."""
        name = self.header[position] if position < len(self.header) else position + 1
        return f"column {name!r}"

    def position(self, name: str) -> int:
        """Return where the column with this name stands, or raise a `DataError`."""
        found = [i for i, column in enumerate(self.header) if column == clean(name)]
        if len(found) == 1:
            return found[0]
        columns = ", ".join(repr(c) for c in self.header)
        if found:
            raise DataError(
                f"{len(found)} columns are named '{name}'",
                file=self.file,
                hint=f"State index = {found[0] + 1} or {found[1] + 1} instead of the name.",
            )
        alone = "Is the delimiter right?" if len(self.header) == 1 else None
        hint = nearest(name, self.header) or alone
        raise DataError(
            f"no column '{name}'", file=self.file, place="header", found=columns[:400], hint=hint
        )

    def texts(self, position: int) -> list[str]:
        """Return the cells of a column as stripped texts, '' where empty.

        A cell of a workbook that is a number is written with the table's decimal mark.
        """
        column = self.load([position], True).iloc[:, 0]
        return [
            ""
            if pd.isna(cell)
            else str(cell).replace(".", self.decimal)
            if isinstance(cell, Real)
            else str(cell).strip()
            for cell in column
        ]

    def numbers(self, positions: Mapping[str, int]) -> dict[str, np.ndarray]:
        """Return columns of finite numbers, or raise a `DataError` at the first cell that is none.

        Parameters
        ----------
        positions : mapping of str to int
            Where each wanted column stands.

        Returns
        -------
        dict of str to ndarray
            Float arrays of the same length as `rows`.
        """
        for position in positions.values():
            if position >= self.width:
                raise DataError(
                    f"no column {position + 1}", file=self.file, found=f"{self.width} columns"
                )
        frame = self.load(list(positions.values()), False)
        return {key: self._numbers(frame[p], p) for key, p in positions.items()}

    def measured(
        self, positions: Mapping[str, int]
    ) -> tuple[dict[str, np.ndarray], np.ndarray, list[str]]:
        """Return columns of an instrument's file, without the rows that are no data.

        Left out are empty rows, repeated headings, and a last line that was cut short; any other
        cell that is no number is a `DataError`.

        Parameters
        ----------
        positions : mapping of str to int
            Where each wanted column stands.

        Returns
        -------
        values : dict of str to ndarray
            Float arrays, one element a row that is left.
        keep : ndarray of int
            The rows that are left.
        warnings : list of str
            What was left out, in words.
        """
        frame = self.load(list(positions.values()), False)
        values = {key: self._floats(frame[p]) for key, p in positions.items()}
        for key, position in positions.items():
            if not pd.api.types.is_integer_dtype(frame[position]):
                self._check_marks(values[key], position)
        good = np.logical_and.reduce([np.isfinite(v) for v in values.values()])
        cut = self._is_cut(good)
        warnings = ["the last line is cut short: left out"] if cut else []
        if cut:
            good[-1] = False
        bad = np.flatnonzero(~good[: good.size - cut])
        repeated = empty = 0
        for record in bad.tolist():
            cells = [frame[p].iloc[record] for p in positions.values()]
            texts = ["" if c is None or pd.isna(c) else clean(c) for c in cells]
            if not any(texts):
                empty += 1
            elif self._is_heading(texts, list(positions.values())):
                repeated += 1
            else:
                for key, p in positions.items():
                    self._check(values[key], frame[p], p, record)
        if repeated:
            warnings.append(f"the heading is repeated {repeated} times: left out")
        if empty:
            warnings.append(f"{empty} rows without numbers: left out")
        keep = np.flatnonzero(good)
        if not keep.size:
            raise DataError("no data rows", file=self.file, place=self.where(0))
        if keep.size < good.size:
            values = {key: v[keep] for key, v in values.items()}
        return values, keep, warnings

    def _check_marks(self, values: np.ndarray, position: int) -> None:
        """Raise a `DataError` if what was taken for decimal marks may part thousands.

        So it is in "950", "1.050", "12.300": whole numbers below 1000 without a mark beside numbers
        with three digits behind it, none of which begins with 0.
        """
        known = values[np.isfinite(values)]
        whole = known == np.round(known)
        broken = np.abs(known[~whole])
        if not (whole & (known != 0)).any() or (broken < 1).any():
            return
        if (np.abs(1e3 * broken - np.round(1e3 * broken)) > ROUNDED).any():
            return
        cells = self.texts(position)
        marked = [record for record, cell in enumerate(cells) if self.decimal in cell]
        plain = any(re.fullmatch(r"[-+]?[1-9]\d{0,2}", cell) for cell in cells)
        if marked and plain and all(THOUSANDS.fullmatch(cells[record]) for record in marked):
            raise DataError(
                "is it a decimal mark or a mark of thousands?",
                file=self.file,
                place=f"{self.where(marked[0])}, {self.label(position)}",
                found=repr(cells[marked[0]][:40]),
                hint="Export without marks of thousands; or, if it is decimal, state format = "
                "'delimited' and decimal, and map the columns.",
            )

    def _is_cut(self, good: np.ndarray) -> bool:
        """Whether the last record lacks cells that all others have, or its last number."""
        if self.cells.size < 3:
            return False
        fewest = int(self.cells[-ENOUGH - 1 : -1].min())
        wrong = not good[-1] and good[-ENOUGH - 1 : -1].all()
        return bool(self.unended or self.cells[-1] < fewest or wrong)

    def _is_heading(self, texts: list[str], positions: list[int]) -> bool:
        """Whether a row repeats the headings, or holds words where numbers should be."""
        heads = [self.header[p] if p < len(self.header) else "" for p in positions]
        same = [text == head for text, head in zip(texts, heads, strict=True) if text]
        return all(same) and bool(same)

    def _floats(self, cells: pd.Series[Any]) -> np.ndarray:
        if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells):
            return cells.to_numpy(dtype=float)
        return np.array([parse(cell, self.decimal) for cell in cells], dtype=float)

    def _numbers(self, cells: pd.Series[Any], position: int) -> np.ndarray:
        values = self._floats(cells)
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            self._check(values, cells, position, int(bad[0]))
        return values

    def _check(self, values: np.ndarray, cells: pd.Series[Any], position: int, record: int) -> None:
        """Raise a `DataError` if the cell of this record is no finite number."""
        if np.isfinite(values[record]):
            return
        cell = cells.iloc[record]
        empty = cell is None or pd.isna(cell)
        hint = None
        if empty and record == len(values) - 1:
            hint = "The last row: was the file cut short?"
        elif isinstance(cell, str) and THOUSANDS.fullmatch(cell.strip()):
            hint = "Is the decimal mark right, or is it a mark of thousands? Export without those."
        elif isinstance(cell, str) and re.fullmatch(r"\s*[-+\d.,eE]+\s*", cell):
            hint = "Is the decimal mark right?"
        raise DataError(
            "an empty cell in a number column" if empty else "not a finite number",
            file=self.file,
            place=f"{self.where(record)}, {self.label(position)}",
            expected="a number",
            found="nothing" if empty else repr(str(cell)[:40]),
            hint=hint,
        )


def clean(name: object) -> str:
    """Return a column name stripped, with one code point for the micro sign."""
    return str(name).strip().replace("μ", "µ")


GROUPED = {
    mark: re.compile(
        rf"[-+]?\d{{1,3}}(?:{group}\d{{3}})+(?:{re.escape(mark)}\d+)?(?:[eE][-+]?\d+)?"
    )
    for mark, group in ((".", "[,'’\u00a0\u202f]"), (",", "[.'’\u00a0\u202f]"))
}
"""Numbers with marks between thousands, by decimal mark."""


def parse(cell: object, decimal: str) -> float:
    """Return the number in a cell; NaN where it is none.

    Marks between thousands are understood where they cannot be decimal marks: in "1.234,5" and
    "1.234.567" but not in "1.234", where "," is the decimal mark.

    Parameters
    ----------
    cell : object
        A number or a text.
    decimal : str
        The decimal mark, "." or ",".

    Returns
    -------
    float
        The number.
    """
    if isinstance(cell, bool):
        return np.nan
    if isinstance(cell, Real):
        return float(cell)
    written = str(cell).strip().replace("\u2212", "-")
    other = "." if decimal == "," else ","
    if decimal in written or written.count(other) != 1:
        grouped = GROUPED[decimal].fullmatch(written)
        if grouped:
            written = re.sub(rf"[{other}'’\u00a0\u202f]", "", written)
    if decimal == ",":
        written = written.replace(".", "?").replace(",", ".")
    try:
        return float(written) if "_" not in written else np.nan
    except ValueError:
        return np.nan
