"""Agilent (Varian) Cary spectra as csv: of WinUV, and the report of Cary UV Workstation.

WinUV: a line of sample names over pairs of columns, a line `Wavelength (nm),Abs,...`, the rows,
then, after a blank line, one block of settings a sample with its `Collection Time`. Cary UV
Workstation: `CSV Report`, settings, `Name,...` over the pairs, and rows that begin with an empty
cell. Spectra may end at different rows. Returns what `spectra` says: one spectrum, or all of them
as a series if they have the same wavelengths and `frame_interval` is stated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.base import Reader, Source, nearest
from perovec_bayes.readers.header import head, stated_decimal, whole_text
from perovec_bayes.readers.numbers import decimal_mark, number
from perovec_bayes.readers.spectra import UNKNOWN, Frames, spectra_dataset

NAME = "cary"
_WAVELENGTH = re.compile(r"Wavelength \((nm)\)$", re.IGNORECASE)
_ORDINATES = {
    "abs": ("absorbance", "1"),
    "%t": ("transmittance", "%"),
    "%r": ("reflectance", "%"),
}
_MOST_HEAD = 60


@dataclass(frozen=True)
class _Top:
    """Where the pairs of columns are: their line of names, delimiter, places and samples."""

    line: int
    delimiter: str
    names: tuple[str, ...]
    places: tuple[int, ...]
    samples: tuple[str, ...]


def sniff(source: Source) -> bool:
    """Whether samples stand over pairs of wavelength and signal."""
    return _top([line.removeprefix("ï»¿") for line in head(source)[:-1]]) is not None


def _cells(line: str, delimiter: str) -> list[str]:
    return [cell.strip(' "') for cell in line.split(delimiter)]


def _top(lines: Sequence[str]) -> _Top | None:
    """Return the line of names; None if the text is not of this format."""
    report = lines[:1] and lines[0].startswith("CSV Report")
    for i, line in enumerate(lines[: _MOST_HEAD if report else 2]):
        for delimiter in (",", ";", "\t"):
            names = _cells(line, delimiter)
            places = [p for p, name in enumerate(names[:-1]) if _WAVELENGTH.match(name)]
            shift = int(bool(report))
            if not places or places != list(range(shift, 2 * len(places) + shift, 2)):
                continue
            above = _sample_line(lines[:i], delimiter, bool(report))
            if above is None or any(cell for cell in above[shift + 1 :: 2]):
                continue
            padded = [*above, *[""] * len(names)]
            samples = tuple(padded[p] or f"spectrum {n}" for n, p in enumerate(places, 1))
            return _Top(i, delimiter, tuple(names), tuple(places), samples)
    return None


def _sample_line(before: Sequence[str], delimiter: str, report: bool) -> list[str] | None:
    """Return the cells of the line of sample names, if there is one that fits."""
    if not report:
        return _cells(before[-1], delimiter) if before and delimiter in before[-1] else None
    return next(
        (_cells(line, delimiter) for line in before if line.startswith(f"Name{delimiter}")), None
    )


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read spectra of a Cary spectrophotometer.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        Keys of `datasets.OD_META`.
    options : mapping
        `spectra.SPECTRA_OPTIONS`; `column` picks one of several spectra by name, or by number
        from 1; `frame_interval` makes a series of all.

    Returns
    -------
    xarray.Dataset
        Spectra, or a series of absorbance; validated.
    """
    lines = whole_text(source, options).split("\n")
    top = _top(lines)
    if top is None:
        raise DataError(
            "no pairs of wavelength and signal",
            file=source.file,
            expected="sample names, and 'Wavelength (nm),Abs,...' in the line below",
        )
    rows = _rows(lines, top)
    body = " ".join(cell for _, row in rows[:50] for cell in row)
    mark = decimal_mark(
        source.file, body, "," if top.delimiter == "," else "", stated_decimal(options)
    )
    wanted = _wanted(top, options)
    spectra = [_spectrum(source.file, rows, top.places[i], mark) for i in wanted]
    axis = spectra[0][0]
    if not all(np.array_equal(axis, nm) for nm, _ in spectra):
        raise DataError(
            "spectra at different wavelengths",
            file=source.file,
            expected="the same wavelengths for a series",
            hint="State column to read one of them.",
        )
    shown = {top.names[top.places[i] + 1] for i in wanted}
    if len(shown) > 1:
        raise DataError(
            "spectra of different quantities",
            file=source.file,
            found=", ".join(sorted(shown)),
            hint="State column to read one of them.",
        )
    unit = shown.pop()
    quantity, signal_unit = _ORDINATES.get(unit.lower(), (UNKNOWN, unit))
    several = len(top.samples) > 1 and len(wanted) == 1
    note = f"spectrum {wanted[0] + 1} of {len(top.samples)}: {top.samples[wanted[0]]}"
    frames = Frames(
        axis,
        np.array([signal for _, signal in spectra]),
        quantity=quantity,
        unit=signal_unit,
        start=_collected(lines, top, rows[-1][0] + 1, wanted[0]),
        notes=(note,) if several else (),
    )
    return spectra_dataset(source, NAME, frames, meta, options, ("column",))


def _rows(lines: Sequence[str], top: _Top) -> list[tuple[int, list[str]]]:
    """Return the rows of numbers, each with its index in the file."""
    rows = []
    for i, line in enumerate(lines[top.line + 1 :], start=top.line + 1):
        cells = _cells(line, top.delimiter)
        if not any(cells) or not any(
            re.match(r"[-+.\d]", cells[p]) for p in top.places if p < len(cells)
        ):
            break
        rows.append((i, cells))
    if not rows:
        return [(top.line, [""] * len(top.names))]
    return rows


def _wanted(top: _Top, options: Mapping[str, Any]) -> list[int]:
    """Return which spectra are read."""
    count = len(top.samples)
    wanted = options.get("column")
    if wanted is None and (count == 1 or "frame_interval" in options):
        return list(range(count))
    if type(wanted) is int and 1 <= wanted <= count:
        return [wanted - 1]
    if isinstance(wanted, str) and top.samples.count(wanted) == 1:
        return [top.samples.index(wanted)]
    listed = ", ".join(f"{i} '{name}'" for i, name in enumerate(top.samples, 1))
    near = nearest(wanted, top.samples) if isinstance(wanted, str) else None
    raise StudyError(
        f"{count} spectra in the file",
        place="column",
        expected=listed[:400],
        found="nothing" if wanted is None else repr(wanted),
        hint=near or "State column; or frame_interval, if they are a series.",
    )


def _spectrum(
    file: str, rows: Sequence[tuple[int, list[str]]], place: int, mark: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return wavelengths and signal of one pair of columns; it may end before the last row."""
    values: list[tuple[float, float]] = []
    for i, cells in rows:
        pair = [*cells[place : place + 2], "", ""][:2]
        if not any(pair):
            break
        numbers = [number(cell, mark) for cell in pair]
        if not np.isfinite(numbers).all():
            raise DataError(
                "not a wavelength and a signal",
                file=file,
                place=f"line {i + 1}, column {place + 1}",
                expected="two numbers",
                found=repr(", ".join(pair)[:60]),
                hint="Is the decimal mark right?",
            )
        values.append((numbers[0], numbers[1]))
    if not values:
        raise DataError("no rows of numbers", file=file, place=f"line {rows[0][0] + 2}")
    axis, signal = np.array(values).T
    return axis, signal


def _collected(lines: Sequence[str], top: _Top, after: int, sample: int) -> str:
    """Return when the spectrum was collected, as the file has it; "" if it does not say."""
    stamps = [m[1] for line in lines[after:] if (m := re.match(r'"?Collection Time: *(.+)', line))]
    if len(stamps) == len(top.samples):
        return stamps[sample].strip(' ",')
    for line in lines[: top.line]:
        cells = _cells(line, top.delimiter)
        place = top.places[sample]
        if cells[0] == "Collection Time" and place < len(cells):
            return cells[place]
    return ""


READER = Reader(NAME, "Agilent Cary csv of WinUV and of Cary UV Workstation", sniff, read)
