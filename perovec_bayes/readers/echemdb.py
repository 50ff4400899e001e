"""echemdb: a table (.csv) with its metadata beside it (.yaml or .json of the same name).

Returns dimension `point` with `time` [s], `potential` [V], `current` [A] or `current_density` [A
cm^-2], and `cycle`. The metadata give units, reference, layout, and the area of the working
electrode (`geometricElectrolyteContactArea`); a .json is a frictionless data package, a .yaml the
source file of one. A .yaml of svgdigitizer states no units: that program writes V, A m^-2 (or A)
and s, and these are taken, with a note. Anodic currents are positive in echemdb. Only a file of
the same name in the same folder is read beside the table; the metadata's own paths are not
followed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from perovec_bayes import units
from perovec_bayes.errors import DataError, UnitError
from perovec_bayes.readers import plain_yaml
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.headings import Heading, heading, plain_unit
from perovec_bayes.readers.labelled import split
from perovec_bayes.readers.layout import DELIMITERS, Layout, decode_any
from perovec_bayes.readers.potentiostat import Facts, Trace, check_options, dataset, trace
from perovec_bayes.readers.tabular import text_table

NAME = "echemdb"
SUFFIXES = (".json", ".yaml", ".yml")
LARGEST = 2_000_000
"""A larger file is no metadata."""
ITS_OWN = {"t": "s", "E": "V", "j": "A/m^2", "I": "A"}
"""Names and units of the columns that svgdigitizer writes."""
HEADS = ("t", "e", "j", "i", "cycle")


class _Metadata(NamedTuple):
    path: Path
    sha256: str
    fields: dict[str, Mapping[str, Any]]
    """What is said of each column of the file, by its name there."""
    system: Mapping[str, Any]
    figure: Mapping[str, Any]
    dialect: Mapping[str, Any]


def sniff(source: Source) -> bool:
    """Whether metadata of echemdb lie beside a text table."""
    if source.is_workbook or source.raw[:1] in b"{[<":
        return False
    try:
        return _metadata(source) is not None
    except DataError:
        return True


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a table of echemdb with the metadata beside it.

    Parameters
    ----------
    source : Source
        The table.
    meta : mapping
        What the study says of the measurement (`datasets.CV_META`); all optional here.
    options : mapping
        `potentiostat.OPTIONS`.

    Returns
    -------
    xarray.Dataset
        CV dataset, as the module says; `metadata_file` and `metadata_sha256` say what was read
        beside the table.
    """
    check_options(options, NAME)
    found = _metadata(source)
    if found is None:
        raise DataError(
            "no metadata beside the table",
            file=source.file,
            expected=" or ".join(source.path.stem + suffix for suffix in SUFFIXES),
            hint="Without it state format = 'delimited' and map the columns.",
        )
    content = decode_any(source)
    layout, names = _layout(content, found)
    table = text_table(source.file, content, layout, spare=True)
    headings, assumed = _headings(names, found)
    record = trace(table, headings, labels=names, hint=f"{found.path.name} names no such column.")
    references = [h.reference for h in headings if h is not None and h.reference]
    facts = Facts(
        technique=str(found.figure.get("measurementType", "")),
        area_cm2=_area(found.system),
        reference=references[0] if references else _reference(found.system),
        rate=_quantity(found.figure.get("scanRate"), "V/s"),
        notes=(f"metadata from {found.path.name}",),
    )
    if assumed:
        facts = facts.noting("no units in the metadata: those of svgdigitizer (V, A/m^2, s) taken")
    if found.figure.get("type") == "digitized" or assumed:
        record, repeated = _without_repeats(record)
        facts = facts.noting("digitised from a figure, not raw data")
        if repeated:
            facts = facts.noting(f"{repeated} points of repeated times left out")
    ds = dataset(source, NAME, record, facts, meta, options)
    ds.attrs |= {"metadata_file": found.path.name, "metadata_sha256": found.sha256}
    return ds


def _without_repeats(record: Trace) -> tuple[Trace, int]:
    """Leave out points at the time of the point before: a drawn line may be vertical."""
    if record.time is None:
        return record, 0
    keep = np.concatenate([[True], np.diff(record.time) > 0])
    return record.only(keep), int((~keep).sum())


def _metadata(source: Source) -> _Metadata | None:
    """Return the metadata beside a table; None where there are none of echemdb."""
    for suffix in SUFFIXES:
        path = source.path.with_suffix(suffix)
        if path == source.path:
            continue
        try:
            if not path.is_file() or path.stat().st_size > LARGEST:
                continue
            raw = path.read_bytes()
        except (OSError, ValueError):
            continue
        data = _parse(Source(path, raw), suffix)
        found = _understood(path, raw, source.path.name, data)
        if found is not None:
            return found
    return None


def _parse(source: Source, suffix: str) -> Any:
    """Return the content of a file of metadata, or raise if it looks like one and is broken."""
    content = decode_any(source)
    try:
        return json.loads(content) if suffix == ".json" else plain_yaml.load(content)
    except (ValueError, RecursionError) as error:
        if "echemdb" not in content and "figureDescription" not in content:
            return None
        raise DataError(
            f"broken metadata: {str(error).splitlines()[0] if str(error) else 'too deep'}",
            file=source.file,
            hint="Correct it, or state format = 'delimited' and map the columns.",
        ) from None


def _table(value: Any, *keys: str) -> Mapping[str, Any]:
    """Return a table within tables, empty where it is absent."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def _understood(path: Path, raw: bytes, name: str, data: Any) -> _Metadata | None:
    digest = hashlib.sha256(raw).hexdigest()
    if not isinstance(data, Mapping):
        return None
    if "resources" in data:
        resources = _rows(data["resources"])
        mine = [r for r in resources if r.get("path") == name] or resources[:1]
        if not mine:
            return None
        inner = _table(mine[0], "metadata", "echemdb")
        fields = {str(f.get("name")): f for f in _rows(_table(mine[0], "schema").get("fields"))}
        dialect = _table(mine[0], "dialect")
    elif "system" in data and ("figureDescription" in data or "curation" in data):
        inner = data
        described = _table(data, "dataDescription")
        renamed = {str(new): str(old) for old, new in _table(described, "fieldMapping").items()}
        fields = {}
        for field in _rows(described.get("fieldUnits")):
            new = str(field.get("name"))
            fields[renamed.get(new, new)] = {**field, "means": new}
        for new, old in renamed.items():
            fields.setdefault(old, {"means": new})
        dialect = _table(described, "dialect")
    else:
        return None
    if not inner:
        return None
    return _Metadata(
        path, digest, fields, _table(inner, "system"), _table(inner, "figureDescription"), dialect
    )


def _layout(content: str, found: _Metadata) -> tuple[Layout, tuple[str, ...]]:
    """Return how the table stands in its file, and its column names."""
    stated = str(found.dialect.get("delimiter", "") or "")
    known = {mark: word for word, mark in DELIMITERS.items()}
    lead = found.dialect.get("headerLines", 0)
    count = found.dialect.get("columnHeaderLines", 1)
    lead = lead if type(lead) is int and 0 <= lead < 1000 else 0
    count = count if type(count) is int and 1 <= count < 10 else 1
    lines = content.split("\n", lead + count + 1)
    top = lines[lead] if lead < len(lines) else ""
    delimiter = known.get(stated) or max(
        ("comma", "tab", "semicolon"), key=lambda w: top.count(DELIMITERS[w])
    )
    decimal = "," if found.dialect.get("decimal") == "," and delimiter != "comma" else "."
    rows = [split(line, delimiter) for line in lines[lead : lead + count]]
    joined = [" / ".join(filter(None, cells)) for cells in zip(*rows, strict=False)]
    layout = Layout(delimiter, decimal, header=lead + 1, skip_rows=count - 1)
    return layout, tuple(joined)


def _headings(names: tuple[str, ...], found: _Metadata) -> tuple[list[Heading | None], bool]:
    """Return what the columns hold, and whether their units are svgdigitizer's."""
    own = not any("unit" in field for field in found.fields.values())
    digitised = own and set(names) <= set(ITS_OWN) and "E" in names
    headings: list[Heading | None] = []
    for name in names:
        field = found.fields.get(name, {})
        means = str(field.get("means", name))
        unit = field.get("unit", ITS_OWN.get(name) if digitised else None)
        result = heading(means, str(unit)) if unit is not None else heading(means)
        if result is not None and field.get("reference"):
            result = result._replace(reference=str(field["reference"]))
        headings.append(result)
    return headings, digitised


def _quantity(table: Any, to: str) -> float:
    """Return the value of `{value, unit}` in a unit; NaN where it is none."""
    value, unit = _table({"q": table}, "q").get("value"), _table({"q": table}, "q").get("unit")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isinstance(unit, str):
        return np.nan
    try:
        return units.convert(float(value), plain_unit(unit), to) if len(unit) < 20 else np.nan
    except UnitError:
        return np.nan


def _electrode(system: Mapping[str, Any], name: str, function: str) -> Mapping[str, Any]:
    electrodes = _rows(system.get("electrodes"))
    named = [e for e in electrodes if e.get("function") == function or e.get("name") == name]
    return named[0] if named else {}


def _area(system: Mapping[str, Any]) -> float:
    working = _electrode(system, "WE", "working electrode")
    return _quantity(working.get("geometricElectrolyteContactArea"), "cm^2")


def _reference(system: Mapping[str, Any]) -> str:
    """Return the reference electrode by redox system, type or material."""
    electrode = _electrode(system, "REF", "reference electrode")
    words = [electrode.get(key) for key in ("redoxSystem", "type", "material")]
    kinds = [w for w in words if isinstance(w, str)]
    if kinds and kinds[0] == "wire" and len(kinds) > 1:
        return f"{kinds[1]} wire"
    return kinds[0] if kinds else ""


READER = Reader(NAME, "echemdb table (.csv) with .yaml or .json beside it", sniff, read)
