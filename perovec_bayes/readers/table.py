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
    """

    file: str
    header: tuple[str, ...]
    width: int
    rows: np.ndarray
    row_word: str
    decimal: str
    load: Callable[[Sequence[int], bool], pd.DataFrame]

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
        """Return the cells of a column as stripped texts, '' where empty."""
        column = self.load([position], True).iloc[:, 0]
        return ["" if pd.isna(cell) else str(cell).strip() for cell in column]

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

    def _numbers(self, cells: pd.Series[Any], position: int) -> np.ndarray:
        if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells):
            values = cells.to_numpy(dtype=float)
        else:
            values = np.array([parse(cell, self.decimal) for cell in cells], dtype=float)
        bad = np.flatnonzero(~np.isfinite(values))
        if not bad.size:
            return values
        record = int(bad[0])
        cell = cells.iloc[record]
        empty = cell is None or pd.isna(cell)
        hint = None
        if empty and record == len(values) - 1:
            hint = "The last row: was the file cut short?"
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


def parse(cell: object, decimal: str) -> float:
    """Return the number in a cell; NaN where it is none."""
    if isinstance(cell, bool):
        return np.nan
    if isinstance(cell, Real):
        return float(cell)
    written = str(cell).strip()
    if decimal == ",":
        written = written.replace(".", "?").replace(",", ".")
    try:
        return float(written) if "_" not in written else np.nan
    except ValueError:
        return np.nan
