"""Ivium data file (.idf, .ids) of IviumSoft: CV, linear sweep, chronoamperometry.

Returns dimension `point` with `time` [s], `potential` [V], `current` [A], and `cycle`, counted from
the potential. The file is a short binary head (16 zeros or blanks, 4 bytes), then latin-1 lines,
ended by CR, LF or both, a NUL or blank after some:

- `starttime=`, `software=` and the like;
- for each measurement (`.ids`: several) its settings, from `Method=` on: `Technique=`, `Title=`,
  `E start=`, `Vertex 1=`, `Vertex 2=`, `E end=`, `E step=`, `N scans=`, `Scanrate=`,
  `Interval time=`, `Levels=`, `Current Range=100uA`, `AutoCR=`, `Apply wrt OCP=`;
- `primary_data`, the number of columns, the number of rows, and rows of numbers with six digits;
- further objects (`ocpdata`, `pretreatmentdata`, `osc_data`), which are not read.

Real files of impedance (IviumSoft 4.1061, 4.1170 and an older one) confirm this layout, the names
of the settings that an impedance shares, and, in `pretreatmentdata`, the columns time [s], current
[A] and measured potential [V]. No real voltammogram was seen. That a voltammogram has the applied
potential [V] in column 1 and the current [A] in column 2, and a chronoamperometry time, current and
potential, is what public programs that drive the instrument or read its files agree on; so a record
is taken only if its own settings bear it out (`ivium_programme`): potentials, steps, sense and
number of scans, or times and levels; and currents within the stated range. Column 3 of a
voltammogram is not read. A voltammogram has no times: they follow from step and scan rate.

Refused are impedances, galvanostatic and pulse measurements, open circuit, potentials relative to
open circuit (`Apply wrt OCP=true`: the file does not say against what the columns are), and what
does not fit. The sign of the current is assumed. `Data Options.Area` has no unit and is 1 unless
someone enters one: it is not used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.binary import MOST_VALUES
from perovec_bayes.readers.ivium_programme import (
    EXPORT,
    Settings,
    check_current,
    check_levels,
    check_sweeps,
)
from perovec_bayes.readers.numbers import read_block
from perovec_bayes.readers.potentiostat import Facts, Trace, check_options, chosen, dataset

NAME = "ivium_idf"
HEAD = re.compile(rb"[\x00 ]{16}.{4}[\r\n\x00 ]{1,4}(Version|Peaks)=", re.DOTALL)
LINE_END = re.compile(r"\r\n|\r[\0 ]?|\n")
DATA = "primary_data"
COLUMNS = 3
REFUSED = {
    r"impedance": "an impedance",
    r"galvan|potentiometr": "a galvanostatic measurement",
    r"pulse|square|strip|\bac\b|noise": "a pulse technique or noise",
    r"ocp|open": "an open-circuit potential",
}
SWEEPS = {"cyclicvoltammetry": True, "linearsweep": False, "linearsweepvoltammetry": False}
"""Methods whose potential is swept, and whether it comes back."""
STEPPED = "chronoamperometry"


class _Part(NamedTuple):
    settings: Settings
    data: int | None
    """Index of the line `primary_data`; None where there is none."""
    end: int
    """Index of the line after the last of this measurement."""

    @property
    def method(self) -> str:
        """The method and the technique, as the file has them."""
        words = [self.settings.text("Method"), self.settings.text("Technique")]
        return ", ".join(filter(None, words))

    @property
    def kind(self) -> str:
        """Key of `SWEEPS`, or `STEPPED`; "" for what is not read."""
        if _refused(self.method):
            return ""
        method, technique = (
            self.settings.text(key).lower().replace(" ", "") for key in ("Method", "Technique")
        )
        if STEPPED in (method, technique):
            return STEPPED
        return method if method in SWEEPS else ""


def _refused(method: str) -> str:
    words = method.lower()
    return next((what for form, what in REFUSED.items() if re.search(form, words)), "")


def sniff(source: Source) -> bool:
    """Whether the file begins with the head that IviumSoft writes."""
    return HEAD.match(source.raw[:64]) is not None


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read an Ivium data file.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        What the study says of the measurement (`datasets.CV_META`); all optional here.
    options : mapping
        `potentiostat.OPTIONS`; `table` picks one measurement by number from 1 or by title.

    Returns
    -------
    xarray.Dataset
        CV dataset, as the module says.

    Raises
    ------
    DataError
        If the file holds another technique, is damaged, or its settings do not bear out what the
        columns are.
    """
    check_options(options, NAME)
    lines = LINE_END.split(source.raw.decode("latin-1"))
    parts = _parts(source.file, lines)
    titles = [p.settings.text("Title") or f"measurement {i}" for i, p in enumerate(parts, 1)]
    index = chosen(titles, options.get("table"), source.file, "measurement")
    if index is None:
        index = next((i for i, part in enumerate(parts) if part.kind), 0)
    part = parts[index]
    _check_technique(part)
    values, rows, warnings = _rows(lines, part)
    record, more = _record(part, values, rows)
    others = [f"{i} '{title}'" for i, title in enumerate(titles, 1) if i != index + 1]
    facts = _facts(part, lines).warning(*warnings, *more)
    facts = facts.noting(
        f"others in the file: {', '.join(others)} (option table)"[:300] if others else ""
    )
    return dataset(source, NAME, record, facts, meta, options)


def _parts(file: str, lines: list[str]) -> list[_Part]:
    """Return the measurements of the file: settings from `Method=` on, and where the data begin."""
    begins = [i for i, line in enumerate(lines) if line.startswith("Method=")]
    if not begins:
        raise DataError(
            "no measurement",
            file=file,
            expected="a line 'Method=...'",
            found=f"an Ivium file of {len(lines)} lines",
            hint=f"The file was cut short. {EXPORT}",
        )
    parts = []
    for begin, end in zip(begins, [*begins[1:], len(lines)], strict=True):
        data = next((i for i in range(begin, end) if lines[i].strip() == DATA), None)
        values: dict[str, str] = {}
        for line in lines[begin : end if data is None else data]:
            key, equals, value = line.partition("=")
            if equals:
                values.setdefault(key.strip(), value.strip())
        parts.append(_Part(Settings(file, begin + 1, values), data, end))
    return parts


def _check_technique(part: _Part) -> None:
    """Raise a `DataError` if the measurement is none that is read."""
    settings = part.settings
    if not part.kind:
        what = _refused(part.method)
        raise DataError(
            f"an Ivium file that holds {what or 'a technique not known here'}: not read here",
            file=settings.file,
            place=f"line {settings.line}",
            expected="CyclicVoltammetry, LinearSweep or ChronoAmperometry",
            found=repr(part.method[:80]),
            hint="Nothing in this package models it; read the file of a voltammogram."
            if what
            else EXPORT,
        )
    if settings.text("Apply wrt OCP").lower() not in ("false", ""):
        raise settings.misfit(
            "potentials relative to open circuit",
            "Apply wrt OCP=false",
            f"Apply wrt OCP={settings.text('Apply wrt OCP')[:20]}",
        )


def _rows(lines: list[str], part: _Part) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return the rows of `primary_data`, shape (n, 3), the line of each, and words on it."""
    settings = part.settings
    if part.data is None:
        raise settings.misfit("no data", f"a line '{DATA}'", "settings only")
    columns, count = (_whole(lines, part, 1 + k) for k in (0, 1))
    if columns != COLUMNS:
        raise settings.misfit("another layout", "3 columns", f"{columns} columns", part.data + 2)
    if not 2 <= count <= MOST_VALUES // COLUMNS:
        raise settings.misfit("an impossible size", "rows", f"{count} rows", part.data + 3)
    first = part.data + 3
    last = min(first + count, part.end)
    while last > first and not lines[last - 1].strip("\0 \t"):
        last -= 1
    if last == first:
        raise settings.misfit("no rows", f"{count} rows", "the end of the file", first)
    top = sum(len(line) + 1 for line in lines[:first])
    block = read_block(settings.file, "\n".join(lines[:last]), top, decimal=".")
    if block.values.shape[1] != COLUMNS:
        raise settings.misfit(
            "rows of another length", "3 numbers", f"{block.values.shape[1]}", first + 1
        )
    _check_end(lines, part, first + count)
    warnings = list(block.notes)
    if block.values.shape[0] < count:
        warnings.append(f"{block.values.shape[0]} of {count} points in the file: it was cut short")
    return block.values, block.first + np.arange(block.values.shape[0]), warnings


def _whole(lines: list[str], part: _Part, offset: int) -> int:
    """Return the whole number on a line after `primary_data`."""
    at = (part.data or 0) + offset
    written = lines[at].strip("\0 \t") if at < part.end else ""
    if not re.fullmatch(r"\d{1,12}", written):
        raise part.settings.misfit(
            f"no size after {DATA}", "a whole number", repr(written[:40]), at + 1
        )
    return int(written)


def _check_end(lines: list[str], part: _Part, after: int) -> None:
    """Raise a `DataError` if the rows go on beyond the stated number."""
    more = lines[after].split() if after < part.end else []
    if len(more) == COLUMNS and all(re.fullmatch(r"[-+.\deE]+", cell) for cell in more):
        raise part.settings.misfit(
            "more rows than the file states", "the end of the rows", lines[after][:40], after + 1
        )


def _record(part: _Part, values: np.ndarray, rows: np.ndarray) -> tuple[Trace, tuple[str, ...]]:
    """Return the points if the settings bear out what the columns are, and warnings."""
    settings, current = part.settings, values[:, 1]
    check_current(settings, current)
    warnings: tuple[str, ...]
    if part.kind == STEPPED:
        time, potential = values[:, 0], values[:, 2]
        check_levels(settings, time, current, potential, rows)
        units, warnings = "column 1: s, 2: A, 3: V", ()
    else:
        time, potential = None, values[:, 0]
        settings.number("Scanrate", positive=True)
        warnings = (
            *check_sweeps(settings, potential, rows, SWEEPS[part.kind]),
            "no measured potential: column 1, the applied one, is used",
        )
        units = "column 1: V, 2: A"
    return Trace(
        potential=potential,
        current=current,
        is_density=False,
        time=time,
        cycle=None,
        rows=rows,
        row_word="line",
        units=units,
    ), warnings


def _facts(part: _Part, lines: list[str]) -> Facts:
    """Return what the header says."""
    settings = part.settings
    swept = part.kind != STEPPED
    started = next((line for line in lines[:40] if line.startswith("starttime=")), "=")
    moment, area = started.partition("=")[2].strip(), settings.text("Data Options.Area")
    facts = Facts(
        technique=part.method,
        rate=settings.number("Scanrate", positive=True) if swept else np.nan,
        sign_assumed=True,
    ).noting(
        f"started {moment[:40]}" if moment else "",
        "no times in the file: from E step and Scanrate" if swept else "",
        f"Data Options.Area={area[:20]} in the header: its unit is not stated, not used"
        if area not in ("", "1", "0")
        else "",
    )
    correction = settings.text("Data Options.E_correction")
    return facts.warning(
        f"Data Options.E_correction={correction[:20]} in the header: the file does not say whether "
        "it is in the potentials"
        if correction not in ("", "0")
        else "",
        "the header does not say whether potentials are relative to open circuit (Apply wrt OCP)"
        if "Apply wrt OCP" not in settings.values
        else "",
    )


READER = Reader(NAME, "Ivium (.idf, .ids): CV, LSV, chronoamperometry", sniff, read)
