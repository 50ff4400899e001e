"""Andor Solis text (`.asc`): rows of wavelength [nm] and counts, then or before them the settings.

More columns than one are the frames of a kinetic series, with the kinetic cycle time between them.
Returns what `spectra` says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.header import duration, stated_decimal, time_stamp, value_of, whole_text
from perovec_bayes.readers.numbers import Block, read_block
from perovec_bayes.readers.spectra import UNKNOWN, Frames, spectra_dataset

NAME = "andor_asc"
_ROW = re.compile(r"[ \t]*[-+]?\d+(?:[.,]\d*)?(?:[eE][-+]?\d+)?[ \t;,]+[-+\d]")
_MARKS = (b"Acquisition Mode:", b"Readout Mode:", b"Exposure Time (secs):")
_EDGE = 65_536


def sniff(source: Source) -> bool:
    """Whether the settings of Solis stand at the beginning or the end of the text."""
    edges = source.raw[:_EDGE] + source.raw[-_EDGE:]
    return all(mark in edges for mark in _MARKS) and b"\0" not in edges


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read an Andor Solis text file.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        Keys of `datasets.OD_META`.
    options : mapping
        `spectra.SPECTRA_OPTIONS`.

    Returns
    -------
    xarray.Dataset
        Spectra, or a series of them; validated.
    """
    block, said = _parts(source, whole_text(source, options), options)
    axis, signal = block.values[:, 0], block.values[:, 1:].T
    if np.array_equal(axis, np.arange(1, axis.size + 1)):
        raise DataError(
            "the axis counts pixels",
            file=source.file,
            found=f"1 to {axis.size}",
            hint="Calibrate the spectrograph and export against wavelength.",
        )
    count = signal.shape[0]
    tracks = value_of(said, "Number of Tracks")
    if count > 1 and tracks.isdigit() and int(tracks) > 1:
        raise DataError(
            f"{count} columns and {tracks} tracks",
            file=source.file,
            expected="one track",
            hint="Export one track, or bin the rows of the detector.",
        )
    step = duration(said, "Kinetic Cycle Time")
    kind = value_of(said, "Data Type")
    counts = kind.lower().startswith("counts")
    frames = Frames(
        axis,
        signal,
        _times(count, step),
        "intensity" if counts else UNKNOWN,
        "counts" if counts else kind,
        start=time_stamp(value_of(said, "Date and Time")),
        exposure=duration(said, "Exposure Time"),
        notes=(*block.notes, *_notes(said, axis)),
    )
    return spectra_dataset(source, NAME, frames, meta, options)


def _parts(source: Source, content: str, options: Mapping[str, Any]) -> tuple[Block, list[str]]:
    """Return the rows of numbers, and the lines of settings on either side."""
    offset = 0
    while offset < len(content) and not _ROW.match(content, offset):
        offset = content.find("\n", offset) + 1 or len(content)
    begin = offset
    top = content[:begin].split("\n")
    close = re.compile(r"^[ \t]*(?![-+]?\d)[^\s]", re.MULTILINE).search(content, begin)
    end = close.start() if close else len(content)
    line = content[begin : content.find("\n", begin)]
    delimiter = next((d for d in ("\t", ";", ",") if d in line), "")
    block = read_block(
        source.file, content[:end], begin, delimiter=delimiter, decimal=stated_decimal(options)
    )
    if block.values.shape[1] < 2:
        raise DataError("no column of counts", file=source.file, place=block.where(0))
    return block, [*top, *content[end:].split("\n")]


def _times(count: int, step: float) -> np.ndarray | None:
    if count == 1:
        return np.zeros(1)
    return np.arange(count) * step if step > 0 else None


def _notes(said: list[str], axis: np.ndarray) -> list[str]:
    centre = value_of(said, "Wavelength (nm)")
    try:
        inside = axis.min() <= float(centre) <= axis.max()
    except ValueError:
        inside = False
    return [] if inside else ["the file does not name the unit of its axis: taken as nm"]


READER = Reader(NAME, "Andor Solis text (.asc)", sniff, read)
