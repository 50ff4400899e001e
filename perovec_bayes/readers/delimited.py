"""Delimited text and .xlsx with columns and units that the study states: CV and OD.

Returns, for a CV, dimension `point` with `time` [s], `potential` [V], `current` [A] or
`current_density` [A cm^-2] and `cycle`; for OD, `absorbance(time, band)` or `absorbance(time,
wavelength)` [1]. `columns.potential` makes it a CV, `columns.absorbance` an OD record. Nothing is
guessed: every column has a name or a number and a unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes import units
from perovec_bayes.errors import DataError, StudyError, UnitError
from perovec_bayes.readers.base import Reader, Source, check_keys, convert, number, quantity
from perovec_bayes.readers.datasets import CvColumns, cv_dataset, od_dataset
from perovec_bayes.readers.layout import LAYOUT_OPTIONS, Layout
from perovec_bayes.readers.table import Table, parse
from perovec_bayes.readers.tabular import open_table

NAME = "delimited"
CV_COLUMNS = ("time", "potential", "current", "cycle")
OD_COLUMNS = ("time", "absorbance", "bands", "wavelengths")
ABSORBANCE_UNITS = {"1": 1.0, "OD": 1.0, "mOD": 1e-3}


def _position(table: Table, entry: object, place: str, keys: tuple[str, ...] = ("unit",)) -> int:
    """Return where the column stands that `{name = ...}` or `{index = ...}` means."""
    entry = check_keys(entry, ("name", "index", *keys), place)
    if ("name" in entry) == ("index" in entry):
        raise StudyError(
            "a column needs either a name or an index",
            place=place,
            expected="name = '...' or index = 1, 2, ...",
        )
    if "index" in entry:
        index = entry["index"]
        if type(index) is not int or index < 1:
            raise StudyError(
                "bad column number", place=f"{place}.index", expected="1, 2, ...", found=repr(index)
            )
        return index - 1
    if not isinstance(entry["name"], str):
        raise StudyError("not a text", place=f"{place}.name", found=repr(entry["name"]))
    if not table.header:
        raise StudyError(
            "a column by name in a table without header",
            place=f"{place}.name",
            hint="State index = 1, 2, ... instead, or the header line.",
        )
    return table.position(entry["name"])


def _cv(
    source: Source, table: Table, columns: Mapping[str, Any], meta: Mapping[str, Any], rate: float
) -> xr.Dataset:
    check_keys(columns, CV_COLUMNS, "columns")
    if "current" not in columns:
        raise StudyError(
            "no column for the current",
            place="columns",
            expected="columns.current = { name = '...', unit = 'mA' } (or 'mA/cm^2')",
        )
    keyed = {"cycle": ()}
    positions = {
        key: _position(table, entry, f"columns.{key}", keyed.get(key, ("unit",)))
        for key, entry in columns.items()
    }
    values = table.numbers(positions)
    unit = {key: entry.get("unit") for key, entry in columns.items() if key != "cycle"}
    is_density = _is_density(unit["current"])
    to = {"time": "s", "potential": "V", "current": "A/cm^2" if is_density else "A"}
    canonical = {
        key: convert(values[key], stated, to[key], f"columns.{key}.unit")
        for key, stated in unit.items()
    }
    found = CvColumns(
        potential=canonical["potential"],
        current=canonical["current"],
        is_density=is_density,
        time=canonical.get("time"),
        cycle=values.get("cycle"),
        where=table.where,
        units=", ".join(f"{key}: {stated}" for key, stated in unit.items()),
    )
    return cv_dataset(source, NAME, found, meta, stated_rate=rate)


def _is_density(unit: object) -> bool:
    """Whether a unit is one of current density; a wrong one is reported as that of a current."""
    try:
        units.convert(1.0, str(unit), "A/cm^2")
    except UnitError:
        return False
    return True


def _od(
    source: Source, table: Table, columns: Mapping[str, Any], meta: Mapping[str, Any]
) -> xr.Dataset:
    check_keys(columns, OD_COLUMNS, "columns")
    entry = check_keys(columns.get("absorbance"), ("unit",), "columns.absorbance")
    unit = entry.get("unit")
    if unit not in ABSORBANCE_UNITS:
        raise StudyError(
            "unknown unit of absorbance",
            place="columns.absorbance.unit",
            expected="one of " + ", ".join(map(repr, ABSORBANCE_UNITS)) + " (decadic)",
            found=repr(unit),
        )
    if "time" not in columns or ("bands" in columns) == ("wavelengths" in columns):
        raise StudyError(
            "incomplete mapping",
            place="columns",
            expected="columns.time and either columns.bands or columns.wavelengths",
            found=", ".join(columns),
        )
    time_at = _position(table, columns["time"], "columns.time")
    if "bands" in columns:
        across, coords = _bands(table, columns["bands"])
        dim = "band"
    else:
        across, coords = _wavelengths(table, columns["wavelengths"], time_at)
        dim = "wavelength"
    values = table.numbers({"time": time_at} | {str(p): p for p in across})
    time_unit = columns["time"].get("unit")
    time = convert(values["time"], time_unit, "s", "columns.time.unit")
    scale = ABSORBANCE_UNITS[unit]
    absorbance = scale * np.column_stack([values[str(p)] for p in across])
    return od_dataset(
        source,
        NAME,
        time,
        xr.Variable(("time", dim), absorbance, {"unit": "1"}),
        coords,
        meta,
        table.where,
        f"time: {time_unit}, absorbance: {unit}",
    )


def _bands(table: Table, bands: object) -> tuple[list[int], dict[str, Any]]:
    place = "columns.bands"
    if not isinstance(bands, Mapping) or not bands:
        raise StudyError("not a table of bands", place=place, expected="one or more bands")
    edges = ("low_nm", "high_nm")
    positions = [_position(table, b, f"{place}.{name}", edges) for name, b in bands.items()]
    low, high = (
        np.array([number(b, edge, f"{place}.{name}") for name, b in bands.items()])
        for edge in edges
    )
    if (low >= high).any():
        worst = list(bands)[int(np.argmax(low >= high))]
        raise StudyError("empty band", place=f"{place}.{worst}", expected="low_nm below high_nm")
    return positions, {
        "band": list(bands),
        "band_low_nm": ("band", low, {"unit": "nm"}),
        "band_high_nm": ("band", high, {"unit": "nm"}),
    }


def _wavelengths(table: Table, entry: object, time_at: int) -> tuple[list[int], dict[str, Any]]:
    place = "columns.wavelengths"
    entry = check_keys(entry, ("unit", "ignore"), place)
    ignore = entry.get("ignore", [])
    if not isinstance(ignore, list) or not all(isinstance(name, str) for name in ignore):
        raise StudyError("not a list of names", place=f"{place}.ignore", found=repr(ignore))
    skipped = {time_at, *(table.position(name) for name in ignore)}
    across = [p for p in range(len(table.header)) if p not in skipped]
    heads = [table.header[p] for p in across]
    if not heads:
        raise DataError("no column of a wavelength", file=table.file, place="header")
    written = np.array([parse(head.removesuffix("nm"), table.decimal) for head in heads])
    if not np.isfinite(written).all():
        head = heads[int(np.argmin(np.isfinite(written)))]
        raise DataError(
            "a column name that is no wavelength",
            file=table.file,
            place="header",
            expected="a number",
            found=repr(head),
            hint=f"Columns to leave out go into {place}.ignore.",
        )
    wavelength = convert(written, entry.get("unit"), "nm", f"{place}.unit")
    order = np.argsort(wavelength, kind="stable")
    coords = {"wavelength": ("wavelength", wavelength[order], {"unit": "nm"})}
    return [across[i] for i in order], coords


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a CV or OD table by an explicit mapping.

    Parameters
    ----------
    source : Source
        The file: delimited text or .xlsx.
    meta : mapping
        What the study says of the measurement (`datasets.CV_META`, `datasets.OD_META`).
    options : mapping
        `columns` (required), `scan_rate` (CV), and the layout (`table.LAYOUT_OPTIONS`).

    Returns
    -------
    xarray.Dataset
        CV or OD dataset, as the module says.
    """
    check_keys(options, ("columns", "scan_rate", *LAYOUT_OPTIONS), "format 'delimited'")
    columns = options.get("columns")
    if not isinstance(columns, Mapping) or not {"potential", "absorbance"} & set(columns):
        raise StudyError(
            "no mapping of columns",
            place="columns",
            expected="columns.potential = { name = '...', unit = 'V' }, or columns.absorbance",
            found=repr(columns) if columns is None else ", ".join(map(str, columns)),
        )
    rate, _ = quantity(options, "scan_rate", "V/s", place="mapping", with_sd=False)
    if not (np.isnan(rate) or rate > 0):
        raise StudyError("not positive", place="scan_rate.value", expected="a positive scan rate")
    marked = {"header": None, "comment": "#"} if source.is_marked_synthetic else {}
    table = open_table(source, Layout.from_options(options, **marked))
    if "potential" in columns:
        return _cv(source, table, columns, meta, rate)
    return _od(source, table, columns, meta)


READER = Reader(
    NAME,
    "delimited text or .xlsx with a mapping of columns and units",
    lambda source: False,  # without its mapping any table might be anything
    read,
)
