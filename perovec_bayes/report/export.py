"""A report as a folder: page, PDF, tables, figures, methods paragraph and bibliography."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import xarray as xr

from perovec_bayes.files import replacing
from perovec_bayes.report.content import Document, Table
from perovec_bayes.report.document import document
from perovec_bayes.report.html import page
from perovec_bayes.report.pdf import figure_files, pdf
from perovec_bayes.report.tex import ascii_numbers, tabular

PAGE = "report.html"
PDF = "report.pdf"
METHODS = "methods.md"
BIBLIOGRAPHY = "references.bib"
TABLES = "tables"
FIGURES = "figures"


def export(tree: xr.DataTree, folder: str | Path) -> list[Path]:
    """Write a report with everything that goes with it.

    Parameters
    ----------
    tree : DataTree
        A result, as saved in ``posterior.nc``.
    folder : str or Path
        An existing folder. Files of the same names are replaced, each whole or not at all.

    Returns
    -------
    list of Path
        ``report.html``, ``report.pdf``, ``methods.md``, ``references.bib``, ``tables/*.tex`` and
        ``*.csv``, ``figures/*.pdf``, ``*.svg`` and ``*.png``.
    """
    content = document(tree)
    made = dict(contents(content))  # all of it, before the first file is replaced
    written = []
    for name, data in made.items():
        path = Path(folder) / name
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(data)
        written.append(path)
    return written


def contents(content: Document) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of every file of a report.

    Parameters
    ----------
    content : Document
        What it says.
    """
    yield PAGE, page(content).encode()
    yield PDF, pdf(content)
    yield METHODS, content.methods.encode()
    yield BIBLIOGRAPHY, content.bibliography.encode()
    for table in content.tables():
        yield f"{TABLES}/{table.key}.tex", tabular(table).encode()
        yield f"{TABLES}/{table.key}.csv", comma_separated(table).encode()
    for drawing in content.drawings():
        for name, data in figure_files(drawing).items():
            yield f"{FIGURES}/{name}", data


def comma_separated(table: Table) -> str:
    """Return a table as CSV, numbers as machines read them.

    Parameters
    ----------
    table : Table
        The table. The title of a group of rows, and what is said of the first cell, have columns of
        their own where there are any.
    """
    grouped = any(title for title, _ in table.groups)
    described = any(row[0].about for row in table.rows())
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["Group"] * grouped + [*table.columns] + ["Description"] * described)
    for title, rows in table.groups:
        for row in rows:
            cells = [
                ascii_numbers(cell.text) if "number" in cell.style else cell.text for cell in row
            ]
            writer.writerow([title] * grouped + cells + [row[0].about] * described)
    return out.getvalue()
