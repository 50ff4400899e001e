"""PalmSens session (.pssession) of PSTrace: CV, LSV, chronoamperometry.

Returns dimension `point` with `time` [s], `potential` [V], `current` [A] or `current_density`
[A cm^-2], and `cycle` (the scan). A session is JSON, mostly UTF-16 with a mark at its end. It may
hold several measurements: the first voltammogram is read (or the first record under potential
control), the summary names the others, and `table` picks one by number or title. The scans of a CV
share one array of times: they are laid one after the other. PSTrace writes anodic currents as
positive. An area of 0 is its default and counts as unknown. Impedance, open circuit, galvanostatic
and pulse measurements are refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.layout import decode_any
from perovec_bayes.readers.potentiostat import Facts, Trace, check_options, chosen, dataset, join
from perovec_bayes.readers.table import parse

NAME = "palmsens_session"
TECHNIQUES = {
    "cv": 0, "lsv": 0, "fcv": 0, "fast_cv": 0,
    "ad": 1, "ca": 1, "ma": 1, "mad": 1, "fam": 1, "cc": 1, "lp": 2, "msad": 1,
}  # fmt: skip
"""`METHOD_ID`s in which the potential is controlled and swept (0) or stepped (1, 2)."""
UNITS = {
    "PalmSens.Units.MicroAmpere": ("current", 1e-6),
    "PalmSens.Units.MilliAmpere": ("current", 1e-3),
    "PalmSens.Units.NanoAmpere": ("current", 1e-9),
    "PalmSens.Units.Ampere": ("current", 1.0),
    "PalmSens.Units.Volt": ("potential", 1.0),
    "PalmSens.Units.MilliVolt": ("potential", 1e-3),
    "PalmSens.Units.Time": ("time", 1.0),
}
"""Quantity, and size in the canonical unit."""
DEFAULT_AREAS_CM2 = (0.0, 1.0)


def sniff(source: Source) -> bool:
    """Whether the file is JSON that begins with the type of a session."""
    head = source.raw[:300].replace(b"\0", b"")
    return re.search(rb'\{\s*"(t|T)ype"\s*:\s*"PalmSens\.DataFiles\.SessionFile"', head) is not None


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a PSTrace session.

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
    """
    check_options(options, NAME)
    measurements = _measurements(source)
    methods = [_method(_text(m, "method")) for m in measurements]
    titles = [_text(m, "title") or f"measurement {i}" for i, m in enumerate(measurements, 1)]
    ids = [method.get("METHOD_ID", "").lower() for method in methods]
    index = chosen(titles, options.get("table"), source.file, "measurement")
    if index is None:
        index = min(range(len(ids)), key=lambda i: (TECHNIQUES.get(ids[i], 9), i))
    if ids[index] not in TECHNIQUES:
        raise DataError(
            f"'{titles[index]}' is not a voltammetry or a chronoamperometry",
            file=source.file,
            place=f"measurement {index + 1}",
            expected="METHOD_ID cv, lsv or ad",
            found=repr(ids[index]),
            hint="Nothing in this package models it; read the session of a voltammogram.",
        )
    place = f"measurement {index + 1}"
    record, notes = _record(source.file, place, measurements[index])
    others = [f"{i} '{t}'" for i, t in enumerate(titles, 1) if i != index + 1]
    facts = _facts(titles[index], methods[index]).noting(
        *notes, f"others in the file: {', '.join(others)} (option table)"[:300] if others else ""
    )
    return dataset(source, NAME, record, facts, meta, options)


def _measurements(source: Source) -> list[dict[str, Any]]:
    """Return the measurements of the session."""
    try:
        session = json.loads(decode_any(source), object_pairs_hook=_lower)
    except (ValueError, RecursionError) as error:
        words = str(error).splitlines()[0] if str(error) else "nested too deeply"
        raise DataError(
            f"not JSON: {words}",
            file=source.file,
            hint="The session was cut short or edited: save it again from PSTrace.",
        ) from None
    found = session.get("measurements") if isinstance(session, dict) else None
    good = [m for m in found if isinstance(m, dict)] if isinstance(found, list) else []
    if not good:
        raise DataError(
            "no measurements", file=source.file, place="Measurements", expected="one or more"
        )
    return good


def _lower(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object with lower-case keys: PSTrace 5.0 to 5.8 writes them so, later ones not."""
    return {key.lower(): value for key, value in pairs}


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key, "")
    return value.strip() if isinstance(value, str) else ""


def _method(text: str) -> dict[str, str]:
    """Return the settings of a method, `SCAN_RATE=5.0E-002`."""
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return {key.strip(): value.strip() for key, equals, value in pairs if equals}


def _record(file: str, place: str, measurement: Mapping[str, Any]) -> tuple[Trace, list[str]]:
    """Return the points of a measurement, scan after scan."""
    data = measurement.get("dataset", {})
    arrays = data.get("values") if isinstance(data, dict) else None
    sets: dict[str, list[tuple[str, np.ndarray, int]]] = {
        "time": [],
        "potential": [],
        "current": [],
    }
    for array in arrays if isinstance(arrays, list) else []:
        kind = _kind(array)
        if kind is not None:
            quantity, scale = kind
            values, flagged = _values(file, place, array)
            sets[quantity].append((_text(array, "description"), scale * values, flagged))
    potentials = sets["potential"]
    pairs = [
        (p, next((c for c in sets["current"] if c[0] == p[0]), None))
        for p in potentials
        if re.fullmatch(r"scan\s*\d+", p[0], re.IGNORECASE)
    ] or [(p, sets["current"][0] if sets["current"] else None) for p in potentials[:1]]
    if not pairs or any(current is None for _, current in pairs):
        raise DataError(
            "no potential and current",
            file=file,
            place=f"{place}, DataSet",
            expected="arrays in V and uA",
            found=", ".join(f"{k}: {len(v)}" for k, v in sets.items()),
        )
    time = sets["time"][0][1] if sets["time"] else None
    notes = [f"{len(pairs)} scans, laid one after the other"] if len(pairs) > 1 else []
    flagged = sum(current[2] for _, current in pairs if current)
    if flagged:
        notes.append(f"currents flagged by the instrument: {flagged}")
    pieces = [
        _piece(file, f"{place}, {p[0]}", p[1], current[1], time, scan, len(pairs))
        for scan, (p, current) in enumerate(pairs)
        if current is not None
    ]
    return join(pieces), notes


def _kind(array: Any) -> tuple[str, float] | None:
    """Return quantity and scale of an array, if it is one of those that are read."""
    if not isinstance(array, dict) or array.get("arraytype") not in (0, 1, 2):
        return None
    unit = array.get("unit")
    return UNITS.get(_text(unit, "type")) if isinstance(unit, dict) else None


def _values(file: str, place: str, array: Mapping[str, Any]) -> tuple[np.ndarray, int]:
    """Return the values of an array and how many have a status other than 0."""
    entries = array.get("datavalues")
    try:
        cells = list(entries)  # type: ignore[arg-type]
        values = np.array([float(cell["v"]) for cell in cells])
        flagged = sum(cell.get("s", 0) not in (0, None) for cell in cells)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
        values, flagged = np.zeros(0), 0
    if not values.size or not np.isfinite(values).all():
        raise DataError(
            "values that are no numbers",
            file=file,
            place=f"{place}, '{_text(array, 'Description')}'",
            expected="DataValues of {'V': number}",
        )
    return values, flagged


def _piece(
    file: str,
    place: str,
    potential: np.ndarray,
    current: np.ndarray,
    time: np.ndarray | None,
    scan: int,
    scans: int,
) -> Trace:
    """Return one scan, its times after those of the scans before it.

    A scan that was stopped early has fewer points than there are times.
    """
    if current.size != potential.size or (time is not None and time.size < potential.size):
        raise DataError(
            "arrays of different lengths",
            file=file,
            place=place,
            expected=f"{potential.size} values",
            found=f"{current.size} currents and {0 if time is None else time.size} times",
            hint="Save the session again, or export the curve from PSTrace as csv.",
        )
    if time is not None and scan:
        step = float(np.median(np.diff(time))) if time.size > 1 else 0.0
        time = time + scan * (time[-1] - time[0] + step)
    if time is not None:
        time = time[: potential.size]
    return Trace(
        potential=potential,
        current=current,
        is_density=False,
        time=time,
        cycle=np.full(potential.size, scan + 1.0) if scans > 1 else None,
        rows=np.arange(1, potential.size + 1),
        row_word=f"{place}, value",
        units="time: s, potential: V, current: uA",
    )


def _facts(title: str, method: Mapping[str, str]) -> Facts:
    rate = parse(method.get("SCAN_RATE", "x"), ".")
    facts = Facts(
        technique=title,
        area_cm2=parse(method.get("AREA", "x"), "."),
        default_areas=DEFAULT_AREAS_CM2,
        software="PSTrace",
        reference=method.get("REF_ELECTRODE_NAME", ""),
        rate=rate if rate > 0 and method.get("METHOD_ID", "") in ("cv", "lsv") else np.nan,
    )
    if method.get("USE_IR_DROP_COMP", "False").lower() == "true":
        facts = facts.noting(f"iR compensation of {method.get('IR_DROP_COMP_RES', '?')} ohm was on")
    return facts


READER = Reader(NAME, "PalmSens PSTrace session (.pssession): CV, LSV, CA", sniff, read)
