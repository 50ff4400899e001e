"""Tables with one fit a row."""

from __future__ import annotations

import csv
import io
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from perovec_bayes.errors import StudyError
from perovec_bayes.inference.cards import shown
from perovec_bayes.workflow.batch.overrides import is_place

FILE = "file."
"""Beginning of the heading of a column of data files."""
Plain = str | int | float | bool


class Row(NamedTuple):
    """One row of a table of fits."""

    place: str
    """Where it stands, as in "line 3"."""
    name: str
    """Name of the fit; may be empty."""
    study: str
    """Study file, relative to the table; may be empty."""
    files: dict[str, str]
    """Data set = file."""
    changes: dict[str, Any]
    """Place in the study file = value."""
    metadata: dict[str, Plain]


def read_rows(path: Path) -> list[Row]:
    """Read a table of fits.

    Headings: `name`, `study`, `file.NAME` for the file of a data set, `card`, `seed` and places in
    the study file such as `priors.k0.median` for changes; any other one is metadata. A cell is read
    as a value of TOML if it is one, else as text; an empty one says nothing.

    Parameters
    ----------
    path : Path
        The table, comma-separated, with headings.

    Raises
    ------
    StudyError
        If it cannot be read, or its lines do not go with its headings.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise StudyError(f"cannot be read ({error.strerror})", file=path) from error
    except UnicodeDecodeError as error:
        raise StudyError("not UTF-8 text", file=path, hint="Save the file as UTF-8.") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in line]) for line in reader]
    except csv.Error as error:
        raise StudyError(
            f"not a table: {error}", file=path, place=f"line {reader.line_num}"
        ) from error
    lines = [(number, line) for number, line in lines if any(line)]
    if len(lines) < 2:
        raise StudyError("no rows", file=path, expected="a line of headings, and one for each fit")
    (_, head), *body = lines
    _check_head(path, head)
    return [_row(path, head, number, line) for number, line in body]


def _check_head(path: Path, head: list[str]) -> None:
    for place, heading in enumerate(head, start=1):
        if not heading or heading in head[: place - 1]:
            raise StudyError(
                "a heading is empty" if not heading else f"two columns are headed '{heading}'",
                file=path,
                place=f"column {place}",
            )


def _row(path: Path, head: list[str], number: int, line: list[str]) -> Row:
    place = f"line {number}"
    if len(line) != len(head):
        raise StudyError(
            "not as many cells as headings",
            file=path,
            place=place,
            expected=str(len(head)),
            found=str(len(line)),
            hint="Put cells that hold a comma in double quotation marks.",
        )
    cells = {key: cell for key, cell in zip(head, line, strict=True) if cell}
    row = Row(place, cells.pop("name", ""), cells.pop("study", ""), {}, {}, {})
    for key, cell in cells.items():
        if key.startswith(FILE):
            row.files[key.removeprefix(FILE)] = cell
        elif is_place(key):
            row.changes[key] = _value(cell)
        else:
            row.metadata[key] = _plain(path, f"{place}, {key}", _value(cell))
    return row


def _value(cell: str) -> Any:
    try:
        value = tomllib.loads(f"x = {cell}")["x"]
    except tomllib.TOMLDecodeError:
        return cell
    return value if isinstance(value, bool | int | float | str | list | dict) else cell


def _plain(path: Path, place: str, value: Any) -> Plain:
    if isinstance(value, bool | int | float | str):
        return value
    raise StudyError(
        "metadata are numbers or text",
        file=path,
        place=place,
        found=shown(value),
        hint="A change of the study is headed by its place, as in priors.k0.median.",
    )
