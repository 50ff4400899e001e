"""CH Instruments text (.txt): CV, LSV, Tafel, staircase, chronoamperometry, amperometric i-t.

Returns dimension `point` with `time` [s], `potential` [V], `current` [A] and `cycle`, counted
from the potential. The file of a sweep has no time: it follows from the scan rate in the header.
The file of a chronoamperometry has no potential: it follows from the programme in the header (the
first step goes to High E if Init P/N is P, else to Low E; each lasts one pulse width), and that
of an amperometric i-t curve is Init E. CH Instruments can write cathodic or anodic currents as
positive and does not say which: anodic positive is assumed, and a fit needs `meta.current_sign`.
With two working electrodes `table` picks the column of the current. Pulse techniques, impedance,
open circuit and galvanostatic files are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.labelled import Found, find_table
from perovec_bayes.readers.layout import decode_any
from perovec_bayes.readers.potentiostat import Facts, check_options, dataset, trace
from perovec_bayes.readers.table import parse
from perovec_bayes.readers.tabular import text_table
from perovec_bayes.readers.text_export import one_each
from perovec_bayes.readers.waveform import turning_points

NAME = "chi_txt"
SWEEPS = ("cyclic voltammetry", "linear sweep voltammetry", "staircase voltammetry", "tafel plot")
STEPS = ("chronoamperometry",)
CONSTANT = ("amperometric i-t curve", "bulk electrolysis with coulometry")
REFUSED = {
    "pulse": "a pulse technique",
    "square wave": "a pulse technique",
    "impedance": "an impedance",
    "a.c.": "an a.c. technique",
    "ac voltammetry": "an a.c. technique",
    "open circuit": "an open-circuit potential",
    "chronopotentiometry": "a galvanostatic measurement",
    "stripping potentiometry": "a galvanostatic measurement",
    "chronocoulometry": "charges, not currents",
}
PULSED = ("Amplitude (V)", "High Frequency (Hz)", "Pulse Period (sec)", "Frequency (Hz)")
"""Settings of techniques that are refused, for files whose header names none."""


def sniff(source: Source) -> bool:
    """Whether the header is one of CH Instruments: a model, or Init E and the like."""
    head = source.raw[:3000].replace(b"\0", b"")
    model = re.search(rb"Instrument Model:\s*CHI", head)
    settings = re.search(rb"^\s*Init E \(V\) = ", head, re.MULTILINE)
    more = re.search(rb"^\s*(Quiet Time|Sensitivity|Scan Rate|Init P/N)[^=\n]* = ", head, re.M)
    return model is not None or (settings is not None and more is not None)


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a text file of CH Instruments.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        What the study says of the measurement (`datasets.CV_META`); all optional here.
    options : mapping
        `potentiostat.OPTIONS`; `table` picks the column of the current.

    Returns
    -------
    xarray.Dataset
        CV dataset, as the module says.
    """
    check_options(options, NAME)
    content = decode_any(source)
    found = find_table(content)
    top = content.split("\n", 400)[: found.layout.header if found else 400]
    settings = _settings(top)
    technique = _technique(source.file, top, settings)
    if found is None or found.layout.header is None:
        raise DataError(
            "no table of the current",
            file=source.file,
            expected="a line such as 'Potential/V, Current/A'",
            hint="Convert the .bin file to text again, with its header.",
        )
    facts = Facts(technique=technique, rate=_scan_rate(settings), sign_assumed=True)
    if "Comp R (ohm)" in settings:
        facts = facts.noting(f"iR compensation of {settings['Comp R (ohm)']} ohm was on")
    return _dataset(source, content, found, settings, facts, meta, options)


def _dataset(
    source: Source,
    content: str,
    found: Found,
    settings: Mapping[str, str],
    facts: Facts,
    meta: Mapping[str, Any],
    options: Mapping[str, Any],
) -> xr.Dataset:
    headings, notes = one_each(found.headings, found.names, options.get("table"), source.file)
    table = text_table(source.file, content, found.layout, spare=True)
    has_potential = "potential" in found.quantities
    record = trace(table, headings, need_potential=False, labels=found.names)
    if not has_potential and record.time is not None:
        potential, words = _programme(source.file, facts.technique.lower(), settings, record.time)
        record = replace(record, potential=potential)
        notes = [*notes, words]
    facts = facts.warning(_lost_segments(settings, record.potential))
    return dataset(source, NAME, record, facts.noting(*notes), meta, options)


def _settings(lines: list[str]) -> dict[str, str]:
    """Return the settings of the header, `Init E (V) = -0.5`."""
    pairs = [line.partition(" = ") for line in lines]
    return {key.strip(): value.strip() for key, equals, value in pairs if equals}


def _technique(file: str, lines: list[str], settings: Mapping[str, str]) -> str:
    """Return the technique in the words of the file; a header may lack it."""
    for line in lines[:8]:
        words = line.strip().lower()
        refused = next((what for word, what in REFUSED.items() if word in words), None)
        if refused and ":" not in words and "=" not in words:
            raise _refusal(file, refused, line.strip())
        if words in (*SWEEPS, *STEPS, *CONSTANT):
            return line.strip()
    pulsed = [key for key in PULSED if key in settings]
    if pulsed:
        raise _refusal(file, "a pulse or a.c. technique", f"{pulsed[0]} in the header")
    return ""


def _refusal(file: str, what: str, found: str) -> DataError:
    return DataError(
        f"the file holds {what}",
        file=file,
        expected="CV, LSV, chronoamperometry or an i-t curve",
        found=repr(found[:80]),
        hint="Nothing in this package models it; read the file of a voltammogram.",
    )


def _lost_segments(settings: Mapping[str, str], potential: np.ndarray) -> str:
    """Say if the header counts more segments (sweeps) than the file holds."""
    stated, shown = _number(settings, "Segment"), turning_points(potential).size - 1
    if not stated > shown + 1:
        return ""
    return f"the header counts {stated:g} segments, the data show {shown}: some were not exported"


def _number(settings: Mapping[str, str], key: str) -> float:
    text = settings.get(key, "")
    decimal = "," if "," in text and "." not in text else "."
    return parse(text, decimal) if text else np.nan


def _scan_rate(settings: Mapping[str, str]) -> float:
    rate = _number(settings, "Scan Rate (V/s)")
    return rate if rate > 0 else np.nan


def _programme(
    file: str, technique: str, settings: Mapping[str, str], time: np.ndarray
) -> tuple[np.ndarray, str]:
    """Return the potential at each time, from the programme in the header, and words on it."""
    start = _number(settings, "Init E (V)")
    if not np.isfinite(start):
        raise DataError("no potential", file=file, expected="'Init E (V) = ...' in the header")
    if technique in CONSTANT or ("Pulse Width (sec)" not in settings and not technique):
        return np.full(time.size, start), "potential: Init E of the header"
    high, low = _number(settings, "High E (V)"), _number(settings, "Low E (V)")
    width = _number(settings, "Pulse Width (sec)")
    polarity = settings.get("Init P/N", "").upper()[:1]
    if not (np.isfinite([high, low, width]).all() and width > 0 and polarity in ("P", "N")):
        raise DataError(
            "the programme of the potential is not in the header",
            file=file,
            expected="High E, Low E, Init P/N and Pulse Width (sec)",
            found=", ".join(settings)[:300],
            hint="Export the file again with its header.",
        )
    levels = (high, low) if polarity == "P" else (low, high)
    odd = np.floor(np.maximum(time, 0.0) / width * (1 + 1e-9)).astype(np.int64) % 2
    return np.where(odd == 1, levels[1], levels[0]), (
        f"potential from the header: steps to {levels[0]:g} and {levels[1]:g} V, {width:g} s each, "
        f"from {start:g} V"
    )


READER = Reader(NAME, "CH Instruments text (.txt): CV, LSV, CA, i-t", sniff, read)
