"""Files that are recognised but not read, each with words on how to export it as text."""

from __future__ import annotations

import re

from perovec_bayes.errors import DataError
from perovec_bayes.readers.base import Source
from perovec_bayes.readers.labelled import without_units
from perovec_bayes.readers.layout import decode_any
from perovec_bayes.readers.workbook import sheet_names

SIGNS: tuple[tuple[re.Pattern[bytes], str, str], ...] = tuple(
    (re.compile(sign, re.DOTALL | (re.IGNORECASE if b"<" in sign else 0)), what, hint)
    for sign, what, hint in (
        (
            rb"(\xef\xbb\xbf)?E[Cc]-L[Aa][Bb] (SETTING|LOG) FILE",
            "settings or a log of EC-Lab, without data",
            "Export the measurement itself as text (.mpt) and read that.",
        ),
        (
            rb"\x00\x00\xff\xff\xff\xfe",
            "a binary Zahner file (.ism, .isw)",
            "Export it as text with time, potential and current, and map its columns.",
        ),
        (
            rb"(\xef\xbb\xbf)?ZAHNER polarization file",
            "a Zahner polarization file",
            "Export time, potential and current with their units as headings.",
        ),
        (
            rb"CPYU?A? ",
            "an Origin project",
            "Export the worksheet as csv, with units in the headings.",
        ),
        (
            rb"[\x00-\x08\x80-\xff][KLM].{0,10}\x00",
            "a binary GRAMS spectrum (.spc)",
            "Export it as text, as JCAMP-DX or as csv.",
        ),
        (
            rb"PEPE2D",
            "a binary PerkinElmer spectrum (.sp)",
            "Export it from UV WinLab or Spectrum as ASCII (.asc) or csv.",
        ),
        (
            rb"STR8\d",
            "a store-to-RAM file of AvaSoft",
            "Export its spectra from AvaSoft as text (.ttt or .txt).",
        ),
        (
            rb"PK\x03\x04.{26}(ps_\d+\.xml|OOI)",
            "a ProcSpec archive of SpectraSuite",
            "Export it from SpectraSuite as text.",
        ),
        (rb"PK\x03\x04.{26}mimetype", "an OpenDocument file", "Export it as .xlsx or csv."),
        (
            rb"\x89HDF\r\n",
            "an HDF5 or netCDF file",
            "Export the measurement as text, with units in the headings.",
        ),
        (
            rb"SQLite format 3\x00",
            "a database",
            "Export the measurement as text from the program that wrote it.",
        ),
        (
            rb"(?=.*(echemdb|figureDescription))(\{|#|\w+:\s)",
            "metadata of echemdb, without data",
            "Read the table (.csv) of the same name beside it.",
        ),
        (
            rb"(\xef\xbb\xbf)?\s*<(!doctype html|html|table|head|body|meta)\b",
            "a web page (many programs export it as .xls)",
            "Open it in a spreadsheet program and save it as .xlsx or csv.",
        ),
        (
            rb"(\xef\xbb\xbf)?\s*<\?xml.{0,300}urn:schemas-microsoft-com:office:spreadsheet",
            "an XML spreadsheet (.xls of 2003)",
            "Save it as .xlsx or csv.",
        ),
        (rb"%PDF-", "a PDF", "Export the measurement itself as text."),
        (rb"\x1f\x8b|7z\xbc\xaf|Rar!", "an archive", "Unpack it, and read the file within."),
        (
            rb"\xd0\xcf\x11\xe0",
            "an old Office file (.xls), or a UVProbe file (.spc) of Shimadzu",
            "Save it as .xlsx or csv, or in UVProbe as text.",
        ),
    )
)
LOOKED_AT = 8000
"""Bytes that tell what a file is ..."""
TOP_BYTES = 20_000
"""... and, of a text, in which a table is looked for."""
BINARY_HINT = (
    "Export the measurement as text from the program of the instrument (NOVA .nox, CH Instruments "
    ".bin, Zahner .isc, PAR M270 and the like cannot be read here)."
)


def refuse(source: Source) -> None:
    """Raise a `DataError` with words on what to do if the file is of a kind that is not read.

    So is a binary file, a workbook without headings that are understood, and a table of potential
    and current whose headings have no units.

    Parameters
    ----------
    source : Source
        The file.
    """
    for sign, what, hint in SIGNS:
        if sign.match(source.raw[:LOOKED_AT]):
            raise DataError(f"{what}: not read here", file=source.file, hint=hint)
    if source.is_workbook:
        raise DataError(
            "a workbook whose columns are not mapped",
            file=source.file,
            expected="format = 'delimited' with columns (and sheet)",
            found=_sheets(source),
            hint="Map its columns (docs/data.md), or give them units: 'Potential (V)'.",
        )
    try:
        content = decode_any(Source(source.path, source.raw[:TOP_BYTES]))
    except DataError:
        raise DataError(
            "a binary file: not read here", file=source.file, hint=BINARY_HINT
        ) from None
    bare = without_units(content)
    if bare is not None:
        line, names = bare
        raise DataError(
            "a table whose headings have no units that are understood",
            file=source.file,
            place=f"line {line}",
            expected="units behind the names, 'Potential (V)', or in the line below them",
            found=", ".join(names)[:200],
            hint="Write them there, or state format = 'delimited' and map the columns with their "
            "units (docs/data.md).",
        )


def _sheets(source: Source) -> str:
    """Return the names of a workbook's sheets."""
    return "sheets " + ", ".join(repr(name) for name in sheet_names(source)[:20])
