"""Readings of emission lines, one row a solution: what Agilent and Thermo exports have in common.

Without a calibration or a unit that says what it means, returns technique "icp_readings":
`reading(solution, line)` as in the file. With `standards` (for intensities) or `ppm_is` (for
concentrations) returns an ICP dataset as `icp_table` does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.base import COMMON_META, Source, check_keys, number
from perovec_bayes.readers.datasets import add_notes
from perovec_bayes.readers.icp_calibration import Calibration, calibrate
from perovec_bayes.readers.icp_dataset import icp_dataset
from perovec_bayes.readers.icp_readings import (
    Readings,
    chosen_lines,
    factor,
    standard_concentrations,
)
from perovec_bayes.readers.icp_samples import SAMPLE_OPTIONS, Place, place_samples
from perovec_bayes.schema import Origin, validate

LINE_OPTIONS = (
    "lines",
    "standards",
    "blanks",
    "weights",
    "reading_sd",
    "ppm_is",
    "density",
    *SAMPLE_OPTIONS,
)
INTENSITY_UNITS = ("c/s", "cps", "counts/s", "counts")
WEIGHTS = ("constant", "proportional")
LOW_R_SQUARED = 0.999


def lines_dataset(
    source: Source,
    reader: str,
    readings: Readings,
    meta: Mapping[str, Any],
    options: Mapping[str, Any],
    known: tuple[str, ...] = (),
) -> xr.Dataset:
    """Make a dataset from readings of emission lines.

    Parameters
    ----------
    source : Source
        The file.
    reader : str
        Name of the format.
    readings : Readings
        What the file holds.
    meta : mapping
        Keys of `base.COMMON_META`.
    options : mapping
        Keys of `LINE_OPTIONS` and of `known`.
    known : tuple of str
        Options of the format itself.

    Returns
    -------
    xarray.Dataset
        Of technique "icp", or "icp_readings" if what turns readings into concentrations is not
        stated; validated.

    Raises
    ------
    DataError, StudyError
        If the file, or what the study says of it, is wrong.
    """
    check_keys(meta, COMMON_META, "meta")
    check_keys(options, (*LINE_OPTIONS, *known), f"format '{reader}'")
    if not readings.labels or not readings.lines:
        raise DataError("no readings", file=source.file)
    if not {"standards", "ppm_is", "samples", "solute", "solvent"} & set(options):
        return _readings_dataset(source, reader, readings, meta)
    chosen = chosen_lines(readings, options)
    blanks = options.get("blanks", [])
    if not isinstance(blanks, list) or not set(blanks) <= set(readings.labels):
        known_labels = ", ".join(dict.fromkeys(readings.labels))[:300]
        raise StudyError(
            "no such solution", place="blanks", expected=known_labels, found=repr(blanks)
        )
    standards = standard_concentrations(readings, chosen, options)
    taken = {*standards, *blanks}
    places = place_samples(readings.labels, taken, options)
    records: list[dict[str, Any]] = []
    notes = list(readings.notes)
    lines: dict[str, dict[str, float]] = {}
    used: list[int] = []
    for index in chosen:
        line = readings.lines[index]
        if line.unit in INTENSITY_UNITS:
            found, report = _calibrated(readings, index, standards, blanks, places, options, notes)
            lines[line.name] = report
        else:
            found = _concentrations(source, readings, index, places, options)
        records += [record for _, record in found]
        used += [i for i, _ in found]
    missing = sum(readings.kinds[i, index] == "missing" for i in places for index in chosen)
    if missing:
        notes.append(f"{missing} readings are missing and left out")
    if not records:
        raise DataError("no reading of a sample on these lines", file=source.file)
    written = ", ".join(sorted({readings.lines[i].unit for i in chosen}))
    ds = icp_dataset(
        source, reader, records, meta, notes, written, lambda i: readings.where(used[i])
    )
    if lines:
        ds.attrs["calibration"] = json.dumps(lines)
    return ds


def _readings_dataset(
    source: Source, reader: str, readings: Readings, meta: Mapping[str, Any]
) -> xr.Dataset:
    lines = readings.lines
    values = np.where(readings.kinds == "value", readings.values, np.nan)
    ds = xr.Dataset(
        {
            "reading": (("solution", "line"), values),
            "label": ("solution", np.array(readings.labels)),
            "element": ("line", np.array([line.element for line in lines])),
            "emission": ("line", np.array([line.emission for line in lines]), {"unit": "nm"}),
            "unit": ("line", np.array([line.unit for line in lines])),
        },
        coords={"line": np.array([line.name for line in lines])},
        attrs=source.attrs(reader, "icp_readings", meta)
        | {
            "source_units": ", ".join(sorted({line.unit for line in lines})),
            "censored": int(np.isin(readings.kinds, ("left", "right")).sum()),
        },
    )
    add_notes(ds, list(readings.notes))
    return validate(ds, origin=Origin(source.file, readings.where))


def _calibrated(
    readings: Readings,
    index: int,
    standards: Mapping[str, Mapping[int, float]],
    blanks: list[str],
    places: Mapping[int, Place],
    options: Mapping[str, Any],
    notes: list[str],
) -> tuple[list[tuple[int, dict[str, Any]]], dict[str, float]]:
    """Return the records of a line through its calibration, and what to keep of that."""
    line = readings.lines[index]
    known = {
        **dict.fromkeys(blanks, 0.0),
        **{k: v[index] for k, v in standards.items() if index in v},
    }
    rows = [
        i
        for i, label in enumerate(readings.labels)
        if label in known and readings.kinds[i, index] == "value"
    ]
    weights = options.get("weights", "constant")
    if weights not in WEIGHTS:
        raise StudyError(
            "unknown weights",
            place="weights",
            expected=" or ".join(map(repr, WEIGHTS)),
            found=repr(weights),
        )
    scale = number(options, "reading_sd", "mapping") if "reading_sd" in options else np.nan
    if scale <= 0:
        raise StudyError("not positive", place="reading_sd", found=scale)
    c = np.array([known[readings.labels[i]] for i in rows])
    fit = calibrate(
        c,
        readings.values[rows, index],
        line=line.name,
        proportional=weights == "proportional",
        stated_scale=scale,
    )
    value, sd = fit.concentration(readings.values[:, index])
    records = []
    above = 0
    for i, place in places.items():
        if readings.kinds[i, index] != "value":
            continue
        seen = value[i] >= fit.limit
        above += bool(value[i] > fit.top)
        records.append(
            (
                i,
                place.record(
                    line.element,
                    value=value[i] if seen else np.nan,
                    sd=sd[i],
                    lod=fit.limit,
                    censoring="none" if seen else "left",
                ),
            )
        )
    notes += _words(line.name, fit, weights, above)
    return records, {
        "slope": fit.slope,
        "intercept": fit.intercept,
        "var_slope": float(fit.covariance[1, 1]),
        "var_intercept": float(fit.covariance[0, 0]),
        "covariance": float(fit.covariance[0, 1]),
        "scale": fit.scale,
        "points": fit.points,
        "r_squared": fit.r_squared,
        "top": fit.top,
    }


def _words(name: str, fit: Calibration, weights: str, above: int) -> list[str]:
    words = [
        f"{name}: line through {fit.points} readings of standards, {weights} errors, "
        f"R2 {fit.r_squared:.5f}; {100 * fit.shared(fit.top):.0f} % of a variance near the top "
        "standard is common to all samples"
    ]
    if fit.r_squared < LOW_R_SQUARED:
        words.append(f"{name}: looks curved or scattered (R2 {fit.r_squared:.4f})")
    if above:
        words.append(f"{name}: {above} readings above the highest standard, extrapolated")
    return words


def _concentrations(
    source: Source,
    readings: Readings,
    index: int,
    places: Mapping[int, Place],
    options: Mapping[str, Any],
) -> list[tuple[int, dict[str, Any]]]:
    """Return the records of a line that the instrument gave as concentrations."""
    line = readings.lines[index]
    scale = factor(line.element, line.unit, options, f"lines.{line.name}")
    lod = readings.limits[index]
    records = []
    for i, place in places.items():
        kind, value = readings.kinds[i, index], readings.values[i, index]
        limit, upper = lod, np.nan
        if kind == "missing":
            continue
        if kind == "value" and not value > 0 and np.isnan(lod):
            raise DataError(
                "not positive, and no limit of detection in the file",
                file=source.file,
                place=f"{readings.where(i)}, {line.name}",
                expected="a positive number, or '<limit'",
                found=f"{value:g}",
                hint="Export with the limits, or write '<limit' there.",
            )
        if kind == "value" and not np.isnan(lod) and value < lod:
            kind = "left"
        elif kind == "left":
            limit = value
        elif kind == "right":
            upper = value
        records.append(
            (
                i,
                place.record(
                    line.element,
                    value=value * scale if kind == "value" else np.nan,
                    sd=np.nan,
                    lod=limit * scale,
                    upper=upper * scale,
                    censoring="none" if kind == "value" else str(kind),
                ),
            )
        )
    return records
