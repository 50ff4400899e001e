"""StellarNet SpectraWiz text: `.ABS` and the like.

Two lines in a leading double quote, the second with what was shown (`ABSOR->`, `SCOPE->`) and the
settings, then rows of wavelength [nm] and signal. Returns what `spectra` says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import xarray as xr

from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.header import duration, head, stated_decimal, whole_text
from perovec_bayes.readers.numbers import read_block
from perovec_bayes.readers.spectra import UNKNOWN, Frames, spectra_dataset

NAME = "stellarnet"
_SETTINGS = re.compile(r'"\s*(\w+)->.*Wave:.*Pix:')
_MODES = {"ABSOR": ("absorbance", "1"), "SCOPE": ("intensity", "counts")}


def sniff(source: Source) -> bool:
    """Whether the second line holds the settings of SpectraWiz."""
    return any(_SETTINGS.match(line) for line in head(source)[:3])


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a SpectraWiz text file.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        Keys of `datasets.OD_META`.
    options : mapping
        `spectra.SPECTRA_OPTIONS`; `quantity` where the file shows neither ABSOR nor SCOPE.

    Returns
    -------
    xarray.Dataset
        Spectra; validated.
    """
    content = whole_text(source, options)
    top = [line for line in content.split("\n", 10)[:10] if line.startswith('"')]
    start = sum(len(line) + 1 for line in top)
    block = read_block(source.file, content, start, decimal=stated_decimal(options))
    mode = next((found[1] for line in top if (found := _SETTINGS.match(line))), "")
    quantity, unit = _MODES.get(mode, (UNKNOWN, ""))
    settings = " ".join(top)
    frames = Frames(
        block.values[:, 0],
        block.values[:, 1:].T,
        quantity=quantity,
        unit=unit,
        exposure=duration([settings], r"Time:"),
        notes=(*block.notes, *(() if mode in _MODES else (f"shown as {mode or 'nothing known'}",))),
    )
    return spectra_dataset(source, NAME, frames, meta, options)


READER = Reader(NAME, "StellarNet SpectraWiz text (.ABS)", sniff, read)
