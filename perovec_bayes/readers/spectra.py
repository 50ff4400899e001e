"""From the frames of a spectrometer to a dataset: what every spectral format has in common.

Returns `signal(time, wavelength)` with `attrs["quantity"]` and `attrs["signal_unit"]` (technique
"spectra"), or, if it is a series of absorbance, `absorbance(time, wavelength)` [1] (technique
"od"). Wavelengths are in nm and ascending, time in s from the first frame plus `clock_offset`;
`attrs["start_time"]` is the time stamp of the file, as its clock had it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes import units
from perovec_bayes.constants import ELEMENTARY_CHARGE
from perovec_bayes.errors import DataError, StudyError, UnitError
from perovec_bayes.readers.base import Source, check_keys, quantity
from perovec_bayes.readers.datasets import (
    OD_META,
    add_notes,
    clock_offset,
    od_dataset,
    temperature,
)
from perovec_bayes.schema import SPECTRAL_QUANTITIES, Origin, validate

SPECTRA_OPTIONS = (
    "quantity",
    "signal_unit",
    "to_absorbance",
    "wavelength_range",
    "frame_interval",
    "decimal",
    "encoding",
)
UNKNOWN = "unknown"
PLANCK_TIMES_LIGHT = 6.62607015e-34 * 299792458.0 / ELEMENTARY_CHARGE * 1e9
"""h c, exact in the SI [eV nm]."""
_SCALES = {
    "absorbance": {"1": 1.0, "OD": 1.0, "AU": 1.0, "mOD": 1e-3},
    "transmittance": {"1": 1.0, "%": 0.01},
    "reflectance": {"1": 1.0, "%": 0.01},
}


def frame(index: int) -> str:
    """Return the place of a frame, counted from 0, in messages."""
    return f"frame {index + 1}"


@dataclass(frozen=True)
class Frames:
    """The spectra in a file.

    Parameters
    ----------
    axis : ndarray
        Position of each pixel, shape (w,), in `axis_unit`, in the order of the file.
    signal : ndarray
        Shape (t, w), in `unit`.
    time : ndarray or None
        Time of each frame from the first, shape (t,) [s]; None if the file does not say.
    quantity : str
        One of `schema.SPECTRAL_QUANTITIES`; "unknown" if the file does not say.
    unit : str
        Unit of the signal as the file says; "" if it does not.
    axis_unit : str
        "nm", "um", "1/cm" or "eV".
    start : str
        Time stamp of the file; "" if it has none.
    exposure : float
        Integration time [s]; NaN unknown.
    notes : tuple of str
        What the reader decided, in words.
    extra : mapping
        More attributes worth keeping.
    where : callable
        Place of the i-th frame, for messages.
    """

    axis: np.ndarray
    signal: np.ndarray
    time: np.ndarray | None = None
    quantity: str = UNKNOWN
    unit: str = ""
    axis_unit: str = "nm"
    start: str = ""
    exposure: float = np.nan
    notes: tuple[str, ...] = ()
    extra: Mapping[str, str | float | int] | None = None
    where: Callable[[int], str] = frame


def spectra_dataset(
    source: Source,
    reader: str,
    frames: Frames,
    meta: Mapping[str, Any],
    options: Mapping[str, Any],
    known: tuple[str, ...] = (),
) -> xr.Dataset:
    """Make a dataset from the frames of a file.

    Parameters
    ----------
    source : Source
        The file.
    reader : str
        Name of the format.
    frames : Frames
        What the file holds.
    meta : mapping
        Keys of `datasets.OD_META`.
    options : mapping
        Keys of `SPECTRA_OPTIONS` and of `known`: `quantity` and `signal_unit` where the file does
        not say what its numbers are; `to_absorbance` turns a transmittance into one, A = -lg T;
        `wavelength_range`, two wavelengths [nm] between which is kept; `frame_interval` where the
        file holds several frames and no times.
    known : tuple of str
        Options of the format itself.

    Returns
    -------
    xarray.Dataset
        Of technique "od" for a series of absorbance, else "spectra"; validated.

    Raises
    ------
    DataError
        If the frames are no spectra.
    StudyError
        If an option is wrong, or one is needed that is not stated.
    """
    check_keys(meta, OD_META, "meta")
    check_keys(options, (*SPECTRA_OPTIONS, *known), f"format '{reader}'")
    what, unit = _meaning(frames, options)
    nm, signal = _in_order(source, frames)
    time = _times(frames, options)
    kept = in_range(source, nm, options)
    nm, signal = nm[kept], signal[:, kept] * _scale(what, unit)
    if what in _SCALES:
        unit = "1"
    if _flag(options, "to_absorbance"):
        signal, what = _from_transmittance(source, nm, signal, what), "absorbance"
    extra = {
        "start_time": frames.start,
        "exposure_s": float(frames.exposure),
        **(frames.extra or {}),
    }
    if what == "absorbance" and len(time) > 1:
        values = xr.Variable(("time", "wavelength"), signal, {"unit": "1"})
        coords = {"wavelength": ("wavelength", nm, {"unit": "nm"})}
        written = f"absorbance: {frames.unit or 'not stated'}"
        ds = od_dataset(source, reader, time, values, coords, meta, frames.where, written)
        ds.attrs |= extra
        add_notes(ds, list(frames.notes))
        return ds
    clock = clock_offset(meta)
    ds = xr.Dataset(
        {"signal": (("time", "wavelength"), signal, {"unit": unit or UNKNOWN})},
        coords={
            "time": ("time", time + clock["clock_offset_s"], {"unit": "s"}),
            "wavelength": ("wavelength", nm, {"unit": "nm"}),
        },
        attrs=source.attrs(reader, "spectra", meta)
        | {
            "quantity": what,
            "signal_unit": unit or UNKNOWN,
            **clock,
            "source_units": f"{frames.axis_unit}, {frames.unit or 'not stated'}",
        }
        | temperature(meta)
        | extra,
    )
    add_notes(ds, list(frames.notes))
    return validate(ds, origin=Origin(source.file, frames.where))


def _flag(options: Mapping[str, Any], key: str) -> bool:
    value = options.get(key, False)
    if not isinstance(value, bool):
        raise StudyError("not a truth value", place=key, expected="true or false", found=value)
    return value


def _meaning(frames: Frames, options: Mapping[str, Any]) -> tuple[str, str]:
    """Return quantity and unit: what the file says, else what the study says."""
    stated = options.get("quantity")
    if stated is not None and stated not in SPECTRAL_QUANTITIES:
        known = ", ".join(SPECTRAL_QUANTITIES)
        raise StudyError("unknown quantity", place="quantity", expected=known, found=repr(stated))
    unit = options.get("signal_unit", frames.unit)
    if not isinstance(unit, str) or (frames.unit and unit != frames.unit):
        raise StudyError(
            "not the unit of the file" if frames.unit else "not a unit",
            place="signal_unit",
            expected=repr(frames.unit) if frames.unit else "a text such as 'counts'",
            found=repr(unit),
        )
    if stated is None or stated == frames.quantity:
        return frames.quantity, unit
    if frames.quantity != UNKNOWN:
        raise StudyError(
            "the file says what it holds",
            place="quantity",
            expected=repr(frames.quantity),
            found=repr(stated),
        )
    return str(stated), unit


def _scale(what: str, unit: str) -> float:
    """Return what the signal is multiplied by: ratios become pure numbers."""
    known = _SCALES.get(what)
    if known is None:
        return 1.0
    if unit in known:
        return known[unit]
    raise StudyError(
        f"the unit of the {what} is not stated",
        place="signal_unit",
        expected="one of " + ", ".join(map(repr, known)),
        found=repr(unit),
        hint=f"State signal_unit, such as '{next(iter(known))}'.",
    )


def _in_order(source: Source, frames: Frames) -> tuple[np.ndarray, np.ndarray]:
    """Return wavelengths [nm], ascending, and the signals in that order."""
    if frames.signal.ndim != 2 or frames.signal.shape[1] != frames.axis.size:
        raise DataError("frames and wavelengths do not match", file=source.file)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        nm = _nanometres(source, np.asarray(frames.axis, dtype=float), frames.axis_unit)
    signal = np.asarray(frames.signal, dtype=float)
    if nm.size < 2 or not np.isfinite(nm).all():
        raise DataError("no wavelength axis", file=source.file, found=f"{nm.size} pixels")
    if nm[0] > nm[-1]:
        nm, signal = nm[::-1], signal[:, ::-1]
    return nm, signal


def _nanometres(source: Source, axis: np.ndarray, unit: str) -> np.ndarray:
    if unit == "eV":
        return PLANCK_TIMES_LIGHT / axis
    if unit == "1/cm":
        return 1e7 / axis
    try:
        return units.convert(axis, unit, "nm")
    except UnitError as error:
        raise DataError(
            "the axis is no wavelength",
            file=source.file,
            expected="nm, um, 1/cm or eV",
            found=repr(unit),
            hint="Export the spectra against wavelength.",
        ) from error


def _times(frames: Frames, options: Mapping[str, Any]) -> np.ndarray:
    count = frames.signal.shape[0]
    step, _ = quantity(options, "frame_interval", "s", place="mapping", with_sd=False)
    if frames.time is not None:
        if not np.isnan(step):
            raise StudyError(
                "the file has times of its own", place="frame_interval", hint="Remove it."
            )
        return np.asarray(frames.time, dtype=float)
    if count > 1 and not step > 0:
        raise StudyError(
            f"{count} frames without times",
            place="frame_interval",
            expected="frame_interval = { value = 0.5, unit = 's' }, from frame to frame",
            found="nothing" if np.isnan(step) else f"{step:g} s",
        )
    return np.arange(count) * (0.0 if np.isnan(step) else step)


def in_range(source: Source, nm: np.ndarray, options: Mapping[str, Any]) -> np.ndarray:
    """Return which wavelengths `wavelength_range` keeps, all without it.

    Parameters
    ----------
    source : Source
        The file, for messages.
    nm : ndarray
        Wavelengths, shape (w,) [nm].
    options : mapping
        `wavelength_range`, if it is stated.

    Returns
    -------
    ndarray of bool
        Shape (w,); at least two are True where a range is stated.

    Raises
    ------
    StudyError
        If it is no range.
    DataError
        If fewer than two wavelengths lie in it.
    """
    ends = options.get("wavelength_range")
    if ends is None:
        return np.ones(nm.size, dtype=bool)
    good = isinstance(ends, (list, tuple)) and len(ends) == 2
    if not good or not all(type(e) in (int, float) for e in ends) or not ends[0] < ends[1]:
        raise StudyError(
            "not a range of wavelengths",
            place="wavelength_range",
            expected="[450, 750], in nm",
            found=repr(ends),
        )
    kept = (nm >= ends[0]) & (nm <= ends[1])
    if kept.sum() < 2:
        raise DataError(
            "no wavelengths in the stated range",
            file=source.file,
            expected=f"{ends[0]:g} to {ends[1]:g} nm",
            found=f"{nm.min():g} to {nm.max():g} nm",
        )
    return np.asarray(kept)


def _from_transmittance(
    source: Source, nm: np.ndarray, signal: np.ndarray, what: str
) -> np.ndarray:
    """Return A = -lg T."""
    if what != "transmittance":
        raise StudyError(
            "only a transmittance becomes an absorbance",
            place="to_absorbance",
            expected="quantity 'transmittance'",
            found=repr(what),
            hint="For intensities state reference and dark.",
        )
    return minus_log(source.file, nm, signal)


def minus_log(
    file: str, nm: np.ndarray, ratio: np.ndarray, where: Callable[[int], str] = frame
) -> np.ndarray:
    """Return A = -lg T, or raise a `DataError` where T is not positive.

    Parameters
    ----------
    file : str
        The file, for messages.
    nm : ndarray
        Wavelengths, shape (w,) [nm].
    ratio : ndarray
        Transmittance T, shape (t, w) [1].
    where : callable
        Place of the i-th frame, for messages.
    """
    bad = np.argwhere(~(ratio > 0))
    if bad.size:
        row, pixel = map(int, bad[0])
        raise DataError(
            "no light: the absorbance is not defined",
            file=file,
            place=f"{where(row)}, {nm[pixel]:g} nm",
            expected="a positive transmittance",
            found=f"{ratio[row, pixel]:.4g}",
            hint="State wavelength_range = [from, to] in nm, where there is light.",
        )
    return np.asarray(-np.log10(ratio))
