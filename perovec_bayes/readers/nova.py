"""Text export (.txt, .csv) of Metrohm Autolab NOVA: `WE(1).Potential (V)`, `WE(1).Current (A)`.

Returns dimension `point` with `time` [s], `potential` [V], `current` [A] and `cycle` (the column
`Scan`). The separator may be a semicolon, a tab or a comma, the decimal mark either. NOVA writes
anodic currents as positive (formic acid on gold, in a real file, shows it). Area and reference
are not in the file. Where there is only `Potential applied (V)`, that one is used, with a
warning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import xarray as xr

from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.layout import decode_any
from perovec_bayes.readers.potentiostat import Facts
from perovec_bayes.readers.text_export import read_export, sniff_line

NAME = "nova"
OWN = re.compile(r"WE\(\d\)\.Current \(\w*A\)")


def sniff(source: Source) -> bool:
    """Whether a heading is `WE(1).Current (A)`."""
    return sniff_line(source, OWN)


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a text export of NOVA.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        What the study says of the measurement (`datasets.CV_META`); all optional here.
    options : mapping
        `potentiostat.OPTIONS`.

    Returns
    -------
    xarray.Dataset
        CV dataset, as the module says.
    """
    return read_export(source, NAME, decode_any(source), Facts(), meta, options)


READER = Reader(NAME, "Metrohm Autolab NOVA text export (.txt, .csv)", sniff, read)
