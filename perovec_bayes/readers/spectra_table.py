"""A table of spectra as delimited text, in either orientation.

Wavelengths down: a column of wavelengths under a name such as "Wavelength (nm)", then one column a
spectrum, named by its time ("0.5", "0.5 s") or, if there is one spectrum, by what it is
("Absorbance"). Wavelengths across: a column of times under a name such as "Time (s)", the other
columns named by their wavelengths ("450", "450 nm"). Returns what `spectra` says.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes import units
from perovec_bayes.errors import DataError, StudyError, UnitError
from perovec_bayes.readers.base import Reader, Source, nearest
from perovec_bayes.readers.header import head, stated_decimal, whole_text
from perovec_bayes.readers.layout import DELIMITERS
from perovec_bayes.readers.numbers import number, read_block
from perovec_bayes.readers.spectra import UNKNOWN, Frames, spectra_dataset

NAME = "spectra_table"
_WAVELENGTH = re.compile(
    r"(wave ?length|wellenl.{1,2}nge|longueur d.onde|longitud de onda|lunghezza d.onda|golflengte"
    r"|lambda|λ|wl)(\b|_)|^\[?nm\]?$",
    re.IGNORECASE,
)
"""In six languages; in another encoding ä may be two characters."""
_TIME = re.compile(r"^(elapsed )?(time|t|zeit|temps|tiempo|tempo|tijd)\b", re.IGNORECASE)
_UNIT_BELOW = re.compile(r"[(\[]?(nm|s|min|ms)[)\]]?$")
"""First cell of a line of units below the names."""
_UNIT = re.compile(r"[(\[/]\s*([^)\]/]+?)\s*[)\]]?$")
_WINLAB = ("nm", "A")
"""Names in a csv of UV WinLab, below a line of one cell: the A is that of an absorbance."""
_MOST_HEAD = 100
SHORTEST_NM = 100
"""A smaller number is no wavelength [nm]."""
_FEWEST = 5
"""So many names must be wavelengths if no name says that they are."""
_QUANTITIES = (
    (
        re.compile(
            r"absorban(ce|z|cia)|extinktion|assorbanza|\babs\b|^od\b|optical density|\bau\b", re.I
        ),
        "absorbance",
        "1",
    ),
    (re.compile(r"transmit?tance|transmission|^%?t\b", re.I), "transmittance", ""),
    (re.compile(r"reflectance|^%r\b", re.I), "reflectance", ""),
    (re.compile(r"counts|intensity|\bpl\b|cps", re.I), "intensity", ""),
)


@dataclass(frozen=True)
class _Top:
    """The line of names (or of the units below it): where, how it is split, what it names."""

    line: int
    delimiter: str
    names: tuple[str, ...]

    @property
    def across(self) -> bool:
        """Whether the wavelengths stand across, that is, the first column is a time."""
        return _TIME.match(self.names[0]) is not None


def _split(line: str, delimiter: str) -> tuple[str, ...]:
    cells = [cell.strip(' "\t') for cell in (line.split(delimiter) if delimiter else line.split())]
    while len(cells) > 1 and not cells[-1]:
        cells.pop()
    return tuple(cells)


def _wavelengths(names: tuple[str, ...]) -> np.ndarray:
    """Return the wavelengths in column names [nm]; NaN where a name is none."""
    mark = "," if any("," in name for name in names) else "."
    return np.array([number(re.sub(r"\s*[(\[]?nm[)\]]?$", "", name), mark) for name in names])


def _top(lines: list[str], stated: str | None) -> _Top | None:
    """Return the line of names, or None if there is none among the first lines."""
    for i, line in enumerate(lines[:_MOST_HEAD]):
        for delimiter in [stated] if stated is not None else ["\t", ";", ",", ""]:
            names = _split(line, delimiter)
            units = _split(lines[i + 1], delimiter) if i + 1 < len(lines) else ()
            if 2 <= len(units) <= len(names) and _UNIT_BELOW.match(units[0]):
                pairs = itertools.zip_longest(names, units, fillvalue="")
                joined = tuple(f"{n} ({u.strip('()[]')})" if u else n for n, u in pairs)
                found = _top([" "] * (i + 1) + [delimiter.join(joined)], delimiter)
                if found is not None and delimiter:
                    return found
            if len(names) < 2:
                continue
            timed = _TIME.match(names[0])
            if _WAVELENGTH.search(names[0]) and not timed:
                return _Top(i, delimiter, names)
            if timed and len(names) > _FEWEST and _are_wavelengths(names[1:]):
                return _Top(i, delimiter, names)
    return None


def _are_wavelengths(names: tuple[str, ...]) -> bool:
    """Whether column names are wavelengths that rise or fall."""
    nm = _wavelengths(names)
    steps = np.diff(nm)
    one_way = bool((steps > 0).all() or (steps < 0).all())
    return bool(np.isfinite(nm).all() and one_way and nm.min() >= SHORTEST_NM and nm.max() <= 5000)


def sniff(source: Source) -> bool:
    """Whether a line names wavelengths, down or across, and numbers follow it."""
    lines = [line.removeprefix("ï»¿") for line in head(source)]
    top = _top(lines[:-1], None)
    if top is None or top.line + 1 >= len(lines):
        return False
    below = _split(lines[top.line + 1], top.delimiter)
    if len(below) < 2:
        return False
    marks = "," if top.delimiter != "," and "," in below[0] else "."
    return bool(np.isfinite(number(below[0], marks))) or _is_turned(top, below)


def _is_turned(top: _Top, below: tuple[str, ...]) -> bool:
    """Whether the wavelengths stand across although the first column is named after them."""
    return (
        not top.across
        and len(top.names) > _FEWEST
        and _are_wavelengths(top.names[1:])
        and not number(below[0].replace(",", ".")) >= SHORTEST_NM
    )


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a table of spectra.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        Keys of `datasets.OD_META`.
    options : mapping
        `spectra.SPECTRA_OPTIONS`; `time_unit` and `wavelength_unit` where the table does not say;
        `column` where it holds several spectra under names that are no times; `delimiter`. A table
        without names is two columns, wavelength and signal.

    Returns
    -------
    xarray.Dataset
        Spectra, or a series of absorbance; validated.
    """
    content = whole_text(source, options)
    lines = content.split("\n", _MOST_HEAD)[:_MOST_HEAD]
    stated = _delimiter(options)
    top = _top(lines, stated)
    if top and top.line + 1 < len(lines):
        _check_sense(source.file, top, _split(lines[top.line + 1], top.delimiter))
    if top and len(top.names) == 2 and top.delimiter:
        content, blank = _without_blanks(content, top)
    else:
        blank = 0
    start = sum(len(line) + 1 for line in lines[: top.line + 1]) if top else 0
    delimiter = top.delimiter if top else _guess(lines, stated)
    repeated = [lines[top.line]] if top else []
    block = read_block(
        source.file,
        content,
        start,
        delimiter=delimiter,
        decimal=stated_decimal(options),
        headers=repeated,
    )
    names = top.names if top else ("wavelength", "signal")
    if top and names == _WINLAB and _is_lone(lines[top.line - 1 : top.line], top.delimiter):
        names = ("nm", "Absorbance")
    if block.values.shape[1] != len(names):
        raise DataError(
            "names and columns do not fit",
            file=source.file,
            place=block.where(0),
            expected=f"{len(names)} columns",
            found=str(block.values.shape[1]),
            hint=None if top else "Name the columns in a first line.",
        )
    if top is not None and top.across:
        frames = _across(names, block.values, options)
    else:
        frames = _down(names, block.values, options)
    notes = (f"{blank} wavelengths without a value left out",) if blank else ()
    full = Frames(
        frames.axis,
        frames.signal,
        frames.time,
        frames.quantity,
        frames.unit,
        frames.axis_unit,
        notes=(*block.notes, *frames.notes, *notes),
    )
    known = ("time_unit", "wavelength_unit", "column", "delimiter")
    return spectra_dataset(source, NAME, full, meta, options, known)


def _check_sense(file: str, top: _Top, below: tuple[str, ...]) -> None:
    """Raise a `DataError` if the first column is no column of wavelengths."""
    if _is_turned(top, below):
        raise DataError(
            "wavelengths across, under the name of a column of wavelengths",
            file=file,
            place=f"line {top.line + 1}",
            expected="'Time (s)' over the first column, and times in it",
            found=f"{top.names[0]!r} over {below[0]!r}"[:120],
            hint="Name the first column 'Time (s)' with times as numbers, or turn the table.",
        )


def _without_blanks(content: str, top: _Top) -> tuple[str, int]:
    """Return the text, rows of a wavelength and nothing else made empty, and how many there were.

    UVProbe writes such rows where the sampling interval of the spectrum is wider than the table's.
    """
    mark = re.escape(top.delimiter)
    return re.subn(rf"(?m)^[ \t]*\d[\d.,]*?[ \t]*{mark}[ \t]*$", "", content)


def _is_lone(line: list[str], delimiter: str) -> bool:
    """Whether there is such a line, and it holds one cell and a delimiter."""
    return bool(line) and len(_split(line[0], delimiter)) == 1 and line[0].endswith(delimiter)


def _delimiter(options: Mapping[str, Any]) -> str | None:
    if "delimiter" not in options:
        return None
    stated = options["delimiter"]
    if stated == "space":
        return ""
    if stated in DELIMITERS or (isinstance(stated, str) and len(stated) == 1):
        return DELIMITERS.get(stated, str(stated))
    raise StudyError(
        "bad layout",
        place="delimiter",
        expected=f"one character, or one of {', '.join(DELIMITERS)}",
        found=repr(stated),
    )


def _guess(lines: list[str], stated: str | None) -> str:
    if stated is not None:
        return stated
    row = next((line for line in lines if line.strip()), "")
    return next((d for d in ("\t", ";") if d in row), "," if re.search(r",\s*[-+\d]", row) and (
        "." in row or row.count(",") == 1
    ) else "")  # fmt: skip


def _axis_unit(name: str, options: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return the unit of the wavelengths, and a note if it is taken for granted."""
    stated = options.get("wavelength_unit")
    if stated is not None:
        return str(stated), ()
    if found := re.search(r"(?:\b|_)(nm|um|µm|eV|1/cm|cm-1)(?:\b|_)", name):
        return {"µm": "um", "cm-1": "1/cm"}.get(found[1], found[1]), ()
    return "nm", ("wavelengths without a unit: nm",)


def _across(names: tuple[str, ...], values: np.ndarray, options: Mapping[str, Any]) -> Frames:
    found = _UNIT.search(names[0])
    time = _seconds(values[:, 0], options.get("time_unit", found[1] if found else None))
    unit, notes = _axis_unit(names[1], options)
    nm = _wavelengths(names[1:])
    return Frames(nm, values[:, 1:], time, axis_unit=unit, notes=notes)


def _down(names: tuple[str, ...], values: np.ndarray, options: Mapping[str, Any]) -> Frames:
    unit, notes = _axis_unit(names[0], options)
    mark = "," if any(re.fullmatch(r"\d+,\d+.*", name) for name in names[1:]) else "."
    parts = [re.fullmatch(r"([-+\d.,eE]+)\s*([a-zA-Zµ]*)", name) for name in names[1:]]
    times = np.array([number(part[1], mark) if part else np.nan for part in parts])
    if len(names) > 2 and np.isfinite(times).all() and "column" not in options:
        written = {part[2] for part in parts if part}
        time_unit = options.get("time_unit", written.pop() if len(written) == 1 else None)
        seconds = _seconds(times, time_unit)
        return Frames(values[:, 0], values[:, 1:].T, seconds, axis_unit=unit, notes=notes)
    column = _column(names, options)
    named = next(
        ((q, u) for word, q, u in _QUANTITIES if word.search(names[column])), (UNKNOWN, "")
    )
    bracket = _UNIT.search(names[column])
    signal_unit = "%" if "%" in names[column] else (bracket[1] if bracket else named[1])
    if named[0] == "absorbance":
        signal_unit = "mOD" if "mOD" in names[column] else "1"
    return Frames(
        values[:, 0], values[:, [column]].T, np.zeros(1), named[0], signal_unit, unit, notes=notes
    )


def _column(names: tuple[str, ...], options: Mapping[str, Any]) -> int:
    wanted = options.get("column", names[1] if len(names) == 2 else None)
    if wanted not in names[1:] or names.count(str(wanted)) > 1:
        raise StudyError(
            f"{len(names) - 1} spectra, whose names are no times",
            place="column",
            expected=", ".join(names[1:])[:400],
            found=repr(wanted),
            hint=nearest(str(wanted), names[1:]) or "State column, or name the columns by time.",
        )
    return names.index(str(wanted))


def _seconds(time: np.ndarray, unit: object) -> np.ndarray:
    if not isinstance(unit, str) or not unit:
        raise StudyError(
            "the unit of the times is not stated",
            place="time_unit",
            expected="'s', 'ms' or 'min'",
            found="nothing",
        )
    try:
        return units.convert(time, "s" if unit.lower() in ("sec", "secs") else unit, "s")
    except UnitError as error:
        raise StudyError(
            error.what, place="time_unit", expected="'s', 'ms' or 'min'", found=repr(unit)
        ) from error


READER = Reader(NAME, "table of spectra, wavelengths down or across", sniff, read)
