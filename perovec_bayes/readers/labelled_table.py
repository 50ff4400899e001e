"""Any table, text or `.xlsx`, with units in its headings: `time/s`, `Potential (V)`, `I [uA]`.

Returns dimension `point` with `time` [s], `potential` [V], `current` [A] or `current_density`
[A cm^-2], and `cycle`. Ivium's text export (`time/s I/A E/V`, below a date) is of this kind. The
file does not say whose sign convention it has: anodic positive is assumed, and a fit needs
`meta.current_sign`. Where there is no time, state `scan_rate`. A reference in the heading
(`E/V vs. SCE`) is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.base import SYNTHETIC_MARK, Reader, Source
from perovec_bayes.readers.labelled import find_table
from perovec_bayes.readers.layout import decode_any
from perovec_bayes.readers.potentiostat import Facts
from perovec_bayes.readers.text_export import TOP_BYTES, read_export
from perovec_bayes.readers.workbook import sheet_names, sheet_text

NAME = "labelled_table"
TOP_ROWS = 60
"""A heading is looked for in so many first rows of a sheet ..."""
MOST_SHEETS = 20
"""... and in so many sheets."""


def sniff(source: Source) -> bool:
    """Whether a line in the beginning heads columns of potential and current with units."""
    if source.raw.startswith(SYNTHETIC_MARK):
        return False
    try:
        if source.is_workbook:
            return bool(_sheets(source))
        found = find_table(decode_any(Source(source.path, source.raw[:TOP_BYTES])))
    except DataError:
        return False
    return found is not None and "potential" in found.quantities


def _sheets(source: Source) -> list[str]:
    """Return the sheets of a workbook that hold such a table."""
    good = []
    for title in sheet_names(source)[:MOST_SHEETS]:
        found = find_table(sheet_text(source, title, TOP_ROWS))
        if found is not None and "potential" in found.quantities:
            good.append(title)
    return good


def _sheet(source: Source, wanted: object) -> str:
    """Return the text of the sheet that is read."""
    titles = sheet_names(source)
    good = _sheets(source) if wanted is None else []
    if wanted is None and len(good) == 1:
        return sheet_text(source, good[0])
    if type(wanted) is int and 1 <= wanted <= len(titles):
        return sheet_text(source, titles[wanted - 1])
    if wanted in titles:
        return sheet_text(source, str(wanted))
    raise StudyError(
        f"{len(good)} sheets with potential and current" if wanted is None else "no such sheet",
        place="sheet",
        expected=", ".join(map(repr, good or titles))[:400],
        found="nothing" if wanted is None else repr(wanted),
        hint="State sheet, a name or a number from 1.",
    )


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a table by the units in its headings.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        What the study says of the measurement (`datasets.CV_META`).
    options : mapping
        `potentiostat.OPTIONS`; `sheet` of a workbook, where several hold such a table.

    Returns
    -------
    xarray.Dataset
        CV dataset, as the module says.
    """
    rest = {key: value for key, value in options.items() if key != "sheet"}
    workbook = source.is_workbook
    content = _sheet(source, options.get("sheet")) if workbook else decode_any(source)
    return read_export(
        source, NAME, content, Facts(sign_assumed=True), meta, rest if workbook else options
    )


READER = Reader(NAME, "any table with units in its headings, text or .xlsx: CV, LSV", sniff, read)
