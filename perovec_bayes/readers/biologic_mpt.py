"""EC-Lab ASCII (.mpt) of BioLogic potentiostats: CV, CVA and LSV.

Returns dimension `point` with `time` [s] (the file's clock), `potential` [V], `current` [A] or
`current_density` [A cm^-2] and `cycle`. EC-Lab writes anodic currents as positive (IUPAC; a real
CV of ferrocyanide shows it), so that sign holds unless the study states another. A header area of
0 or 0.001 cm^2 is EC-Lab's default, left by people who did not enter one: it counts as unknown.
None of some fifty real exports looked at, with loops and sequences, repeats a time stamp; a
repeated one is therefore an error here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes import units
from perovec_bayes.errors import DataError, UnitError
from perovec_bayes.readers.base import Reader, Source, check_keys
from perovec_bayes.readers.datasets import CvColumns, cv_dataset
from perovec_bayes.readers.layout import Layout, decode
from perovec_bayes.readers.table import Table, parse
from perovec_bayes.readers.tabular import text_table

NAME = "biologic_mpt"
FIRST_LINE = re.compile(rb"(\xef\xbb\xbf)?(EC|BT)-Lab ASCII FILE")
COLUMNS = {
    "time": (r"time/(\w+)",),
    "potential": (r"Ewe/(m?V)", r"<Ewe(?:>/|/)(m?V)>?"),
    "current": (r"<I(?:>/|/)([mµun]?A)>?", r"I/([mµun]?A)"),
}
"""Names of the columns, best first, with the unit as a group."""
CANONICAL = {"time": "s", "potential": "V", "current": "A"}
DEFAULT_AREAS_CM2 = (0.0, 0.001)


def sniff(source: Source) -> bool:
    """Whether the first line is that of an EC-Lab or BT-Lab text export."""
    return FIRST_LINE.match(source.raw) is not None


def _column(table: Table, key: str) -> tuple[int, str]:
    """Return position and unit of the column that holds a quantity."""
    for pattern in COLUMNS[key]:
        for position, name in enumerate(table.header):
            match = re.fullmatch(pattern, name)
            if match:
                return position, match[1]
    examples = {"time": "time/s", "potential": "Ewe/V or <Ewe>/V", "current": "<I>/mA or I/mA"}
    raise DataError(
        f"no column of the {key}",
        file=table.file,
        place=f"line {int(table.rows[0]) - 1}",
        expected=examples[key],
        found=", ".join(table.header)[:400],
        hint="Export a CV again from EC-Lab with this column.",
    )


def _header(source: Source, content: str) -> tuple[int, list[str]]:
    """Return the number of header lines and the lines of the file."""
    lines = content.split("\n")
    match = re.match(r"\s*Nb header lines\s*:\s*(\d{1,6})\s*$", lines[1] if len(lines) > 1 else "")
    if not match:
        raise DataError(
            "no count of header lines",
            file=source.file,
            place="line 2",
            expected="'Nb header lines : N'",
            found=repr(lines[1][:40]) if len(lines) > 1 else "the end of the file",
        )
    count = int(match[1])
    if not 3 <= count <= len(lines) or "\t" not in lines[count - 1]:
        raise DataError(
            "no column names where the header should end",
            file=source.file,
            place=f"line {count}",
            found=repr(lines[count - 1][:40])
            if 3 <= count <= len(lines)
            else f"{len(lines)} lines",
            hint="The header was cut short: export the file again.",
        )
    return count, lines


def _setting(header: list[str], key: str) -> str:
    """Return the text after `key :` in the header, '' where absent."""
    for line in header:
        name, colon, value = line.partition(" : ")
        if colon and name.strip() == key:
            return value.strip()
    return ""


def _area(header: list[str], meta: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """Return meta with the header's area where the study states none and the header's is real."""
    stated = _setting(header, "Electrode surface area")
    match = re.match(r"([\d.,]+)\s*([cm]m)", stated)
    if not match:
        return meta, []
    value = parse(match[1].replace(",", "."), ".")
    unit = f"{match[2]}^2"
    if not np.isfinite(value) or units.convert(value, unit, "cm^2") in DEFAULT_AREAS_CM2:
        return meta, [f"area {stated} in the header is EC-Lab's default: counts as unknown"]
    if "area" in meta:
        return meta, [f"area in the header: {value:g} {unit}; the study's is used"]
    return {**meta, "area": {"value": value, "unit": unit}}, ["area from the header"]


def _reference(header: list[str], meta: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """Return meta with the header's reference electrode where the study states none."""
    stated = _setting(header, "Reference electrode")
    if not stated or "unspecified" in stated.lower():
        return meta, []
    if "reference" in meta:
        return meta, [f"reference electrode in the header: {stated}; the study's is used"]
    return {**meta, "reference": stated}, ["reference electrode from the header"]


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read an EC-Lab text export.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        What the study says of the measurement (`datasets.CV_META`); all optional here.
    options : mapping
        None are known.

    Returns
    -------
    xarray.Dataset
        CV dataset, as the module says; the reference is '' unless the study or the header states
        it.
    """
    check_keys(options, (), f"format '{NAME}'")
    content = decode(source, "utf-8", "latin-1")
    count, lines = _header(source, content)
    head = lines[:count]
    technique = _technique(source.file, head)
    first = next((line for line in lines[count:] if line.strip()), "")
    decimal = "," if "," in first and "." not in first else "."
    layout = Layout(delimiter="tab", decimal=decimal, header=count, quoted=False)
    table = text_table(source.file, content, layout)
    found = {key: _column(table, key) for key in COLUMNS}
    positions = {key: position for key, (position, _) in found.items()}
    positions |= {k: table.header.index(k) for k in ("cycle number", "error") if k in table.header}
    _check_last_line(table, lines)
    values = table.numbers(positions)
    try:
        canonical = {
            key: units.convert(values[key], unit, CANONICAL[key])
            for key, (_, unit) in found.items()
        }
    except UnitError as error:
        raise DataError(error.what, file=source.file, place=f"line {count}") from error
    meta, notes = _area(head, {"current_sign": "anodic_positive", **meta})
    meta, more = _reference(head, meta)
    columns = CvColumns(
        potential=canonical["potential"],
        current=canonical["current"],
        is_density=False,
        time=canonical["time"],
        cycle=values.get("cycle number"),
        where=table.where,
        units=", ".join(table.header[position] for position, _ in found.values()),
        notes=(*_what(technique, head, values), *notes, *more),
    )
    return cv_dataset(source, NAME, columns, meta)


def _check_last_line(table: Table, lines: list[str]) -> None:
    """Fail where the file ends in the middle of a record."""
    first, last = int(table.rows[0]), int(table.rows[-1])
    expected, found = (lines[number - 1].count("\t") + 1 for number in (first, last))
    if found < expected:
        raise DataError(
            "the file ends in the middle of a record",
            file=table.file,
            place=f"line {last}",
            expected=f"{expected} cells",
            found=found,
            hint="Copy the file again, or delete this line.",
        )


def _technique(file: str, header: list[str]) -> str:
    """Return the technique that a full header names; a short header names none."""
    technique = header[3].strip() if len(header) > 4 else ""
    if technique and "voltammetry" not in technique.lower():
        raise DataError(
            f"'{technique}' is not a voltammetry",
            file=file,
            place="line 4",
            expected="CV, CVA or LSV",
            hint="To read it as one all the same, map its columns with format = 'delimited'.",
        )
    return technique


def _what(technique: str, header: list[str], values: Mapping[str, np.ndarray]) -> list[str]:
    """Return notes on the technique, the loops and the points flagged by the instrument."""
    notes = [f"EC-Lab technique: {technique}"] if technique else []
    loops = _setting(header, "Number of loops")
    if loops not in ("", "1"):
        notes.append(f"loops: {loops}")
    flagged = int(np.count_nonzero(values.get("error", np.zeros(0))))
    if flagged:
        notes.append(f"points flagged as errors by the instrument: {flagged}")
    return notes


READER = Reader(NAME, "BioLogic EC-Lab ASCII (.mpt)", sniff, read)
