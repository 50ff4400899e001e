"""From columns in canonical units to a CV or OD dataset: what every format has in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.constants import ROOM_TEMPERATURE
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.base import COMMON_META, Source, check_keys, quantity, text
from perovec_bayes.readers.waveform import (
    count_cycles,
    has_steps,
    holds,
    scan_rate,
    time_from_path,
)
from perovec_bayes.schema import CURRENT_SIGNS, FERROCENE, Origin, validate

CV_META = (
    *COMMON_META,
    "reference",
    "reference_offset",
    "area",
    "current_sign",
    "temperature",
)
OD_META = (*COMMON_META, "temperature", "clock_offset")
MOST_CYCLES = 1_000_000
WHOLE = 0.8
"""A cycle that spans more than this fraction of the range is a whole one."""
FERROCENE_NAMES = ("Fc/Fc+", "Fc+/Fc", "Fc|Fc+", "Fc+|Fc", "Fc", "ferrocene")


@dataclass(frozen=True)
class CvColumns:
    """The columns of a CV file, in canonical units but with the file's sign and origin of time.

    Parameters
    ----------
    potential : ndarray
        E, shape (n,) [V].
    current : ndarray
        I, shape (n,) [A], or j [A cm^-2].
    is_density : bool
        Whether `current` is a current density.
    time : ndarray or None
        t, shape (n,) [s]; None if the file has none.
    cycle : ndarray or None
        Cycle numbers as floats, shape (n,); None if the file has none.
    where : callable
        Place of the i-th point in the file.
    units : str
        The units of the file, for the record.
    notes : tuple of str
        What the reader decided, in words.
    warnings : tuple of str
        What looks wrong about the file, in words.
    sign : str
        The sign of the current that the format has, or is taken to have; "" if only the study can
        say it.
    sign_assumed : bool
        Whether `sign` is taken for granted: a fit then needs the study to state it.
    own_counter : bool
        Whether an instrument counted the cycles: a counter that is broken, or that contradicts the
        potential, then gives way to the count from the potential.
    """

    potential: np.ndarray
    current: np.ndarray
    is_density: bool
    time: np.ndarray | None
    cycle: np.ndarray | None
    where: Callable[[int], str]
    units: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    sign: str = ""
    sign_assumed: bool = False
    own_counter: bool = False


def cv_dataset(
    source: Source,
    reader: str,
    columns: CvColumns,
    meta: Mapping[str, Any],
    stated_rate: float = np.nan,
) -> xr.Dataset:
    """Make a CV dataset from the columns of a file.

    Parameters
    ----------
    source : Source
        The file.
    reader : str
        Name of the format.
    columns : CvColumns
        What the file holds.
    meta : mapping
        Keys of `CV_META`; `current_sign` must be stated here unless the format knows it.
    stated_rate : float
        Scan rate by the study [V s^-1]; gives the time where the file has none, is checked where
        it has; NaN: none.

    Returns
    -------
    xarray.Dataset
        Dimension `point`; `time` [s], `potential` [V], `current` [A] or `current_density` [A
        cm^-2], `cycle`, and `hold` (0 or 1) where the potential stands still beside sweeps;
        validated, save that the reference may be missing. `attrs["warnings"]`, one a line, says
        what looks wrong about the file.
    """
    check_keys(meta, CV_META, "meta")
    notes, warnings = list(columns.notes), list(columns.warnings)
    potential = columns.potential
    if potential.size < 2:
        raise DataError("fewer than two points", file=source.file, place=columns.where(0))
    time = columns.time
    if time is None:
        time = _time(source.file, potential, stated_rate, notes)
    area, area_sd = quantity(meta, "area", "cm^2")
    if not (np.isnan(area) or area > 0):
        raise StudyError("not positive", place="meta.area.value", expected="a positive area")
    assumed = columns.sign_assumed and not meta.get("current_sign")
    sign = _current_sign({"current_sign": columns.sign, **meta} if columns.sign else meta)
    current = columns.current if sign == "anodic_positive" else -columns.current
    density = columns.is_density or not np.isnan(area)
    if density and not columns.is_density:
        current = current / area
    reference, offset, offset_sd = _reference(meta)
    ds = xr.Dataset(
        {
            "potential": ("point", potential, {"unit": "V"}),
            "current_density" if density else "current": (
                "point",
                current,
                {"unit": "A/cm^2" if density else "A"},
            ),
            "cycle": ("point", _cycles(source.file, columns, notes, warnings)),
        },
        coords={"time": ("point", time, {"unit": "s"})},
        attrs=source.attrs(reader, "cv", meta)
        | {
            "reference": reference,
            "reference_offset_V": offset,
            "reference_offset_sd_V": offset_sd,
            "area_cm2": area,
            "area_sd_cm2": area_sd,
            "source_current_sign": sign,
            "source_units": columns.units,
        }
        | temperature(meta),
    )
    held = _holds(time, potential)
    swept = ~held if held.any() else slice(None)
    if held.any():
        ds["hold"] = ("point", held.astype(np.int64))
    with np.errstate(divide="ignore", invalid="ignore"):  # validation names repeated times
        ds.attrs["scan_rate_V_s"] = scan_rate(time[swept], potential[swept])
    if assumed:
        ds.attrs["current_sign_assumed"] = 1
    if warnings:
        ds.attrs["warnings"] = "\n".join(warnings)
    add_notes(ds, notes)
    validate(ds, origin=Origin(source.file, columns.where), reference_required=False)
    measured = ds.attrs["scan_rate_V_s"]
    if columns.time is not None and abs(stated_rate - measured) > 0.1 * stated_rate:
        raise StudyError(
            "the stated scan rate is not that of the data",
            place="scan_rate",
            expected=f"{measured:.4g} V/s from the data in '{source.path.name}'",
            found=f"{stated_rate:.4g} V/s",
            hint="Check the unit of the time column and of scan_rate.",
        )
    return ds


def _time(file: str, potential: np.ndarray, rate: float, notes: list[str]) -> np.ndarray:
    if np.isnan(rate):
        raise StudyError(
            "no time column and no scan rate",
            file=file,
            found=f"{potential.size} points of potential and current, {potential.min():.4g} to "
            f"{potential.max():.4g} V",
            hint="State scan_rate = { value = 50, unit = 'mV/s' }, or map columns.time.",
        )
    if np.ptp(potential) == 0:
        raise DataError("the potential never changes", file=file, hint="No time follows from it.")
    time, even = time_from_path(potential, rate)
    notes.append(f"time from the path of the potential at {rate:g} V/s")
    if even:
        notes.append("potential noisy or repeated: points spread evenly over each sweep")
    return time


def _current_sign(meta: Mapping[str, Any]) -> str:
    sign = text(meta, "current_sign")
    if sign not in CURRENT_SIGNS:
        raise StudyError(
            "the sign of the current is not stated",
            place="meta.current_sign",
            expected=" or ".join(map(repr, CURRENT_SIGNS)),
            found=repr(sign) if sign else "nothing",
        )
    return sign


def _reference(meta: Mapping[str, Any]) -> tuple[str, float, float]:
    reference = text(meta, "reference")
    offset, sd = quantity(meta, "reference_offset", "V")
    if reference in FERROCENE_NAMES:
        if not np.isnan(offset) and offset != 0:
            raise StudyError(
                "an offset against the reference itself",
                place="meta.reference_offset",
                expected=f"none, or 0 V, with reference '{FERROCENE}'",
                found=f"{offset:g} V",
            )
        return FERROCENE, 0.0, 0.0 if np.isnan(sd) else sd
    return reference, offset, sd


def _holds(time: np.ndarray, potential: np.ndarray) -> np.ndarray:
    """Return the points that are held beside sweeps; none where the whole record is stepped."""
    if has_steps(potential):
        return np.zeros(potential.size, bool)
    return holds(time, potential)


def _cycles(file: str, columns: CvColumns, notes: list[str], warnings: list[str]) -> np.ndarray:
    if columns.cycle is None and has_steps(columns.potential):
        notes.append("potential steps: one cycle")
        return np.ones(columns.potential.size, dtype=np.int64)
    if columns.cycle is None:
        notes.append("cycles counted from the potential")
        return count_cycles(columns.potential)
    whole = columns.cycle == np.round(columns.cycle)
    good = whole & (columns.cycle >= 0) & (columns.cycle <= MOST_CYCLES)
    if columns.own_counter:
        return _checked_counter(columns, good, notes, warnings)
    if not good.all():
        i = int(np.argmin(good))
        raise DataError(
            "bad cycle number",
            file=file,
            place=columns.where(i),
            expected="a whole number",
            found=f"{columns.cycle[i]:g}",
        )
    return _from_one(columns.cycle, notes)


def _from_one(counter: np.ndarray, notes: list[str]) -> np.ndarray:
    cycle = counter.astype(np.int64)
    if cycle.min() == 0:
        notes.append("the file counts cycles from 0: 1 added")
        return cycle + 1
    return cycle


def _checked_counter(
    columns: CvColumns, good: np.ndarray, notes: list[str], warnings: list[str]
) -> np.ndarray:
    """Return the instrument's count of cycles, or that from the potential where it is wrong."""
    potential, counter = columns.potential, columns.cycle
    stepped = has_steps(potential)
    counted = np.ones(potential.size, np.int64) if stepped else count_cycles(potential)
    if counter is None or not good.all() or (np.diff(counter) < 0).any():
        warnings.append("the file's cycle numbers are broken: cycles counted from the potential")
        return counted
    second = potential[counted == 2]
    if np.ptp(counter) == 0 and second.size and np.ptp(second) > WHOLE * np.ptp(potential):
        warnings.append(
            f"the file counts one cycle, the potential shows {counted[-1]}: counted from it"
        )
        return counted
    cycle = _from_one(counter, notes)
    own = np.unique(cycle).size
    if own > 1 + 1.5 * counted[-1]:
        warnings.append(f"the file counts {own} cycles, the potential shows {counted[-1]}")
    return cycle


def temperature(meta: Mapping[str, Any]) -> dict[str, float | int]:
    """Return the attributes of the temperature: 298.15 K, and flagged as assumed, if not stated."""
    kelvin, _ = quantity(meta, "temperature", "K", with_sd=False)
    assumed = bool(np.isnan(kelvin))
    return {
        "temperature_K": ROOM_TEMPERATURE if assumed else kelvin,
        "temperature_assumed": int(assumed),
    }


def clock_offset(meta: Mapping[str, Any]) -> dict[str, float | int]:
    """Return the attributes of the clock: 0 s, and flagged as assumed, if no offset is stated."""
    offset, sd = quantity(meta, "clock_offset", "s")
    assumed = bool(np.isnan(offset))
    return {
        "clock_offset_s": 0.0 if assumed else offset,
        "clock_offset_sd_s": 0.0 if np.isnan(sd) else sd,
        "clock_offset_assumed": int(assumed),
    }


def add_notes(ds: xr.Dataset, notes: list[str]) -> None:
    """Append what a reader decided to the user's own note."""
    words = [ds.attrs.get("note", ""), *notes]
    if any(words):
        ds.attrs["note"] = "; ".join(word for word in words if word)


def od_dataset(
    source: Source,
    reader: str,
    time: np.ndarray,
    absorbance: xr.Variable,
    across: Mapping[str, Any],
    meta: Mapping[str, Any],
    where: Callable[[int], str],
    units: str,
) -> xr.Dataset:
    """Make an OD dataset from the columns of a file.

    Parameters
    ----------
    source : Source
        The file.
    reader : str
        Name of the format.
    time : ndarray
        t on the file's clock, shape (n,) [s].
    absorbance : xarray.Variable
        Decadic absorbance [1], dims (time, band) or (time, wavelength).
    across : mapping
        Coordinates along the second dimension.
    meta : mapping
        Keys of `OD_META`; `clock_offset` is added to the time, its sd kept.
    where : callable
        Place of the i-th time in the file.
    units : str
        The units of the file, for the record.

    Returns
    -------
    xarray.Dataset
        `absorbance(time, band|wavelength)` [1], `time` [s] on the clock of the CV; validated.
    """
    check_keys(meta, OD_META, "meta")
    clock = clock_offset(meta)
    ds = xr.Dataset(
        {"absorbance": absorbance},
        coords={"time": ("time", time + clock["clock_offset_s"], {"unit": "s"}), **across},
        attrs=source.attrs(reader, "od", meta)
        | clock
        | {"source_units": units}
        | temperature(meta),
    )
    return validate(ds, origin=Origin(source.file, where))
