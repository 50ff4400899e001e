"""Any text table whose headings say quantity and unit: `time/s`, `Potential (V)`, `I [uA]`.

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

from perovec_bayes.errors import DataError
from perovec_bayes.readers.base import SYNTHETIC_MARK, Reader, Source
from perovec_bayes.readers.labelled import find_table
from perovec_bayes.readers.layout import decode_any
from perovec_bayes.readers.potentiostat import Facts
from perovec_bayes.readers.text_export import TOP_BYTES, read_export

NAME = "labelled_table"


def sniff(source: Source) -> bool:
    """Whether a line in the beginning heads columns of potential and current with units."""
    if source.is_workbook or source.raw.startswith(SYNTHETIC_MARK):
        return False
    try:
        found = find_table(decode_any(Source(source.path, source.raw[:TOP_BYTES])))
    except DataError:
        return False
    return found is not None and "potential" in found.quantities


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a table by the units in its headings.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        What the study says of the measurement (`datasets.CV_META`).
    options : mapping
        `potentiostat.OPTIONS`.

    Returns
    -------
    xarray.Dataset
        CV dataset, as the module says.
    """
    content = decode_any(source)
    return read_export(source, NAME, content, Facts(sign_assumed=True), meta, options)


READER = Reader(NAME, "any text table with units in its headings: CV, LSV, CA", sniff, read)
