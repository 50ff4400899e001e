"""BioLogic text export (.txt) without the EC-Lab header: columns such as `Ewe/V` and `<I>/mA`.

Returns dimension `point` with `time` [s], `potential` [V], `current` [A] or `current_density`
[A cm^-2], and `cycle`. Anodic currents are positive, as in every file of EC-Lab. Area and reference
are not in the file. Where there is no `time/s`, state `scan_rate`.
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

NAME = "biologic_txt"
OWN = re.compile(r"(^|[\t;,\s])<?Ewe[^\t;,]*/m?V|<I>?/[mµun]?A|control/V", re.IGNORECASE)


def sniff(source: Source) -> bool:
    """Whether a heading is one of EC-Lab's."""
    return sniff_line(source, OWN)


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a BioLogic text export.

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


READER = Reader(NAME, "BioLogic text export without header (.txt)", sniff, read)
