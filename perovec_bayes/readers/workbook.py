"""Rows of an `.xlsx` workbook, within limits of size."""

from __future__ import annotations

import io
import warnings
import zipfile

import openpyxl

from perovec_bayes.errors import DataError
from perovec_bayes.readers.base import Source

MOST_UNPACKED = 500_000_000
"""Bytes of a workbook's parts together, unpacked."""
MOST_PARTS = 10_000
MOST_ROWS = 1_048_576
MOST_CELLS = 20_000_000
_HEAD = 65_536
_HINT = "Save the one sheet that is needed as text (.csv)."

Row = tuple[object, ...]


def sheet_names(source: Source) -> list[str]:
    """Return the names of the sheets, in order."""
    return [str(sheet.title) for sheet in _open(source).worksheets]


def sheet_text(source: Source, title: str, first: int | None = None) -> str:
    """Return the rows of a sheet as lines of cells with tabs between them.

    Parameters
    ----------
    source : Source
        The workbook.
    title : str
        The sheet.
    first : int, optional
        So many first rows; all unless given.
    """
    rows = sheet_rows(source, title, first)
    return "\n".join("\t".join(map(_written, row)) for row in rows) + "\n"


def _written(cell: object) -> str:
    return "" if cell is None else " ".join(str(cell).split())


def sheet_rows(source: Source, title: str, first: int | None = None) -> list[Row]:
    """Return the rows of a sheet, all of one length; an empty cell is None.

    Parameters
    ----------
    source : Source
        The workbook.
    title : str
        The sheet.
    first : int, optional
        So many first rows; all unless given.

    Raises
    ------
    DataError
        If the workbook is damaged or too large.
    """
    rows: list[Row] = []
    cells = 0
    try:
        sheet = _open(source)[title]
        sheet.reset_dimensions()  # what a file says of its size may be wrong
        for row in sheet.iter_rows(values_only=True, max_row=first):
            rows.append(tuple(row))
            cells += max(1, len(row))
            if len(rows) > MOST_ROWS or cells > MOST_CELLS:
                raise DataError(
                    "a sheet that is too large",
                    file=source.file,
                    place=f"sheet '{title}'",
                    expected=f"at most {MOST_ROWS} rows and {MOST_CELLS} cells",
                    hint=_HINT,
                )
    except DataError:
        raise
    except Exception as error:  # zipfile, XML and openpyxl raise unrelated classes for a bad file
        raise _damaged(source) from error
    while rows and not any(cell is not None for cell in rows[-1]):
        rows.pop()
    width = max(map(len, rows), default=0)
    if width * len(rows) > MOST_CELLS:
        raise DataError(
            "a sheet that is too large",
            file=source.file,
            place=f"sheet '{title}'",
            expected=f"at most {MOST_CELLS} cells",
            hint=_HINT,
        )
    return [row + (None,) * (width - len(row)) for row in rows]


def _damaged(source: Source) -> DataError:
    return DataError("not a readable .xlsx workbook", file=source.file)


def _open(source: Source) -> openpyxl.Workbook:
    _check_parts(source)
    try:
        with warnings.catch_warnings():  # openpyxl warns of styles that it does not keep
            warnings.simplefilter("ignore")
            return openpyxl.load_workbook(io.BytesIO(source.raw), read_only=True, data_only=True)
    except Exception as error:  # zipfile, XML and openpyxl raise unrelated classes for a bad file
        raise _damaged(source) from error


def _check_parts(source: Source) -> None:
    """Refuse what would grow without bounds: archives that unpack to much, XML entities."""
    try:
        with zipfile.ZipFile(io.BytesIO(source.raw)) as archive:
            parts = archive.infolist()
            size = sum(part.file_size for part in parts)
            if len(parts) > MOST_PARTS or size > MOST_UNPACKED:
                raise DataError(
                    "a workbook that is too large",
                    file=source.file,
                    expected=f"at most {MOST_UNPACKED // 1_000_000} MB unpacked",
                    found=f"{size // 1_000_000} MB in {len(parts)} parts",
                    hint=_HINT,
                )
            for part in parts:
                with archive.open(part) as content:
                    if b"<!" in (top := content.read(_HEAD)) and (
                        b"<!DOCTYPE" in top or b"<!ENTITY" in top
                    ):
                        raise DataError(
                            "a workbook with XML entities", file=source.file, place=part.filename
                        )
    except DataError:
        raise
    except Exception as error:  # zipfile raises unrelated classes for a bad archive
        raise _damaged(source) from error
