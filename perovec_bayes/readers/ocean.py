"""Ocean Optics / Ocean Insight text: OOIBase32, SpectraSuite, OceanView, Jaz.

Lines "key: value", a line `>>>>>Begin ...<<<<<`, then either rows of wavelength [nm] and signal,
or (Jaz) columns W, D, R, S, P under their names, or (OceanView time series) a row of wavelengths
and rows of time stamp and signals. Returns what `spectra` says. The file does not say what its
signal is: `quantity` does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.base import Reader, Source, nearest
from perovec_bayes.readers.header import (
    duration,
    head,
    stated_decimal,
    time_stamp,
    value_of,
    whole_text,
)
from perovec_bayes.readers.numbers import decimal_mark, number, read_block
from perovec_bayes.readers.spectra import UNKNOWN, Frames, spectra_dataset

NAME = "ocean"
_BEGIN = re.compile(r"^>>>[^\n<]*<<<[^\n]*$", re.MULTILINE)
_JAZ = {"D": "dark", "R": "reference", "S": "sample", "P": "processed"}
_STAMPS = ("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%H:%M:%S.%f", "%H:%M:%S", "%H:%M:%S:%f")
_EXPOSURE = r"integra|tiempo|\(usec\)|\(msec\)"


def sniff(source: Source) -> bool:
    """Whether one of the first lines is `>>>>>...<<<<<`."""
    return any(_BEGIN.match(line) for line in head(source)[:100])


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a text file of an Ocean Optics spectrometer.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        Keys of `datasets.OD_META`.
    options : mapping
        `spectra.SPECTRA_OPTIONS`, and of a Jaz file `column`: "S" (sample, the default), "P"
        (processed), "D" (dark) or "R" (reference).

    Returns
    -------
    xarray.Dataset
        Spectra, or a series of absorbance; validated.
    """
    content = whole_text(source, options)
    begin = _BEGIN.search(content)
    if begin is None:
        raise DataError(
            "no line that begins the spectrum", file=source.file, expected=">>>>>Begin ...<<<<<"
        )
    top = content[: begin.start()].split("\n")
    mode = value_of(top, "XAxis mode")
    if mode and not mode.lower().startswith("wavelength"):
        raise DataError(
            "the axis is no wavelength",
            file=source.file,
            place="XAxis mode",
            found=repr(mode),
            hint="Export the spectra against wavelength.",
        )
    end = _BEGIN.search(content, begin.end())
    content = content[: end.start()] if end else content
    start = begin.end() + len(content[begin.end() :]) - len(content[begin.end() :].lstrip("\n"))
    first = content[start:].split("\n", 1)[0].strip()
    if not first:
        raise DataError("no spectrum in the file", file=source.file)
    decimal = stated_decimal(options)
    if re.fullmatch(r"W(?:\s+[A-Z])+", first):
        frames = _jaz(source, content, start, first.split(), options, decimal)
    elif len(first.split()) > 2:
        frames = _series(source, content, start, decimal)
    else:
        block = read_block(source.file, content, start, decimal=decimal)
        frames = Frames(block.values[:, 0], block.values[:, 1:].T, notes=block.notes)
    notes = (*frames.notes, *_pixels(top, frames.axis.size))
    full = Frames(
        frames.axis,
        frames.signal,
        frames.time,
        frames.quantity,
        frames.unit,
        notes=notes,
        start=time_stamp(value_of(top, "Date", "Fecha", "Datum")),
        exposure=duration(top, _EXPOSURE),
    )
    return spectra_dataset(source, NAME, full, meta, options, ("column",))


def _pixels(top: list[str], found: int) -> list[str]:
    said = next((line for line in top if re.match(r"Number of Pixels", line)), "")
    count = said.rpartition(":")[2].strip()
    if count.isdigit() and int(count) != found:
        return [f"the file announces {count} pixels and holds {found}"]
    return []


def _jaz(
    source: Source,
    content: str,
    start: int,
    names: list[str],
    options: Mapping[str, Any],
    decimal: str | None,
) -> Frames:
    column = options.get("column", "S" if "S" in names else names[-1])
    if column not in names[1:]:
        hint = nearest(str(column), names[1:])
        raise StudyError(
            "no such column",
            place="column",
            expected=", ".join(names[1:]),
            found=repr(column),
            hint=hint,
        )
    block = read_block(
        source.file,
        content,
        content.index("\n", start) + 1 if "\n" in content[start:] else start,
        decimal=decimal,
        headers=["\t".join(names)],
    )
    if block.values.shape[1] != len(names):
        raise DataError(
            "columns without a name",
            file=source.file,
            place=block.where(0),
            expected=f"{len(names)} columns",
            found=str(block.values.shape[1]),
        )
    signal = block.values[:, [names.index(column)]].T
    raw = column in ("D", "R", "S")
    notes = (
        *block.notes,
        f"column {column} ({_JAZ.get(column, column)}) of {', '.join(names[1:])}",
    )
    return Frames(
        block.values[:, 0],
        signal,
        None,
        "intensity" if raw else UNKNOWN,
        "counts" if raw else "",
        notes=notes,
    )


def _series(source: Source, content: str, start: int, decimal: str | None) -> Frames:
    """Read the row of wavelengths and the rows of time stamp and signals."""
    line = content.count("\n", 0, start) + 1
    top, _, body = content[start:].partition("\n")
    mark = decimal_mark(source.file, top, "", decimal)
    axis = np.array([number(cell, mark) for cell in top.split()])
    if not np.isfinite(axis).all():
        raise DataError(
            "not a row of wavelengths", file=source.file, place=f"line {line}", found=repr(top[:40])
        )
    times: list[float] = []
    rows: list[str] = []
    for index, written in enumerate(body.split("\n"), start=line + 1):
        if not written.strip() or written.strip() == top.strip():
            continue
        stamp, _, values = written.partition("\t") if "\t" in written else written.partition(" ")
        times.append(_moment(source.file, index, stamp))
        rows.append(values)
    if not rows:
        raise DataError("no spectra below the wavelengths", file=source.file, place=f"line {line}")
    block = read_block(source.file, "\n".join(rows), 0, decimal=decimal)
    extra = block.values.shape[1] - axis.size  # some versions write a second clock
    if extra not in (0, 1):
        raise DataError(
            "rows do not fit the wavelengths",
            file=source.file,
            place=f"line {line + 1}",
            expected=f"{axis.size} signals",
            found=str(block.values.shape[1]),
        )
    time = np.array(times[: len(block.values)])
    return Frames(axis, block.values[:, extra:], time - time[0], notes=block.notes)


def _moment(file: str, line: int, stamp: str) -> float:
    for form in _STAMPS:
        try:
            return (datetime.strptime(stamp.strip(), form) - datetime(1900, 1, 1)).total_seconds()
        except ValueError:
            continue
    raise DataError(
        "not a time stamp",
        file=file,
        place=f"line {line}",
        expected="such as 2024-05-17 10:30:01.250",
        found=repr(stamp[:40]),
    )


READER = Reader(NAME, "Ocean Optics text (OOIBase32, SpectraSuite, OceanView, Jaz)", sniff, read)
