"""Avantes AvaSoft binaries: 8 (`.Raw8`, `.TRM8`, `.RFL8` ...), 6 and 7 (`.TRM`, `.ROH` ...).

They hold counts: of the sample, and (not in `.ROH`, `.DRK`, `.REF`) of dark and reference. Returns
what `spectra` says, of one column: what AvaSoft showed, where the code for it is known, else the
one that `column` names. The transmittance or reflectance is T = (S - D)/(R - D), the absorbance
-lg T. Several spectra of one spectrometer on one axis are frames, with the times of its clock;
those of several spectrometers are channels, of which `channel` picks one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.avantes import TICK_S
from perovec_bayes.readers.avantes_bytes import Spectrum, old_layout, stored
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.binary import Bytes
from perovec_bayes.readers.spectra import Frames, in_range, minus_log, spectra_dataset

NAME = "avantes_binary"
RATIOS = ("Absorbance", "Transmittance", "Reflectance")


def sniff(source: Source) -> bool:
    """Whether the file begins as one of AvaSoft 8, or with the floats of AvaSoft 6 or 7."""
    return bool(re.match(rb"AVS8\d", source.raw)) or old_layout(source.raw) is not None


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read an AvaSoft binary file.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        Keys of `datasets.OD_META`.
    options : mapping
        `spectra.SPECTRA_OPTIONS`; `column`, one of `avantes_bytes.COLUMNS` and `RATIOS`;
        `channel`, from 1, where the file holds spectra of several spectrometers.

    Returns
    -------
    xarray.Dataset
        Spectra, or a series of them; validated.

    Raises
    ------
    DataError
        If the file is damaged, of a version not known here, or has no light in its reference.
    StudyError
        If a channel or column is to be stated and is not.
    """
    chosen, notes = _channel(source, stored(Bytes(source.file, source.raw)), options.get("channel"))
    frames = _frames(source, chosen, notes, options)
    return spectra_dataset(source, NAME, frames, meta, options, ("column", "channel"))


def _channel(
    source: Source, spectra: list[Spectrum], wanted: object
) -> tuple[list[Spectrum], tuple[str, ...]]:
    """Return the spectra of one spectrometer on one axis, and which it is in words."""
    channels: dict[tuple[str, bytes], list[Spectrum]] = {}
    for one in spectra:
        channels.setdefault((one.device, one.axis.tobytes()), []).append(one)
    listed = [
        f"{i} ({same[0].device}, {same[0].axis[0]:.0f} to {same[0].axis[-1]:.0f} nm)"
        for i, same in enumerate(channels.values(), 1)
    ]
    number = 1 if wanted is None and len(channels) == 1 else wanted
    if type(number) is not int or not 1 <= number <= len(channels):
        raise StudyError(
            f"spectra of {len(channels)} channels in '{source.file}'",
            place="channel",
            expected="one of " + ", ".join(listed)[:300],
            found="nothing" if wanted is None else repr(wanted),
            hint="State channel, such as channel = 1.",
        )
    words = (f"channel {listed[number - 1]} of {len(listed)}",) if len(listed) > 1 else ()
    return list(channels.values())[number - 1], words


def _frames(
    source: Source, spectra: list[Spectrum], notes: tuple[str, ...], options: Mapping[str, Any]
) -> Frames:
    """Return the chosen column of spectra on one axis."""
    column, first = _column(source, spectra, options), spectra[0]
    kept = in_range(source, first.axis, options)
    axis = first.axis[kept]
    counts = {
        name: np.array([one.columns[name][kept] for one in spectra]) for name in _names(spectra)
    }
    if column in counts:
        signal, quantity, unit = counts[column], "intensity", "counts"
        words = f"column {column} of {', '.join(counts)}"
    else:
        signal, quantity, unit = _ratio(source, axis, counts), column.lower(), "1"
        if column == "Absorbance":
            signal = minus_log(source.file, axis, signal)
        words = f"{quantity} from sample, dark and reference in the file"
    exposures = np.unique([one.exposure for one in spectra])
    if exposures.size > 1:
        if column in counts:
            raise DataError(
                "the integration time changes from frame to frame",
                file=source.file,
                expected="counts of one integration time",
                found=", ".join(f"{one:g} s" for one in exposures[:10]),
            )
        notes = (*notes, "the integration time changes from frame to frame")
    extra = {} if first.ticks is None else {"device_clock_s": first.ticks * TICK_S}
    return Frames(
        axis,
        signal,
        _times(spectra),
        quantity,
        unit,
        start=first.saved,
        exposure=first.exposure if exposures.size == 1 else np.nan,
        notes=(words, *notes, *first.notes),
        extra=extra | {"device": first.device},
    )


def _names(spectra: list[Spectrum]) -> list[str]:
    """Return the columns that all spectra have."""
    return [name for name in spectra[0].columns if all(name in one.columns for one in spectra)]


def _column(source: Source, spectra: list[Spectrum], options: Mapping[str, Any]) -> str:
    """Return which column is read: the stated one, else what AvaSoft showed."""
    first, known = spectra[0], _names(spectra)
    known += RATIOS if "Reference" in known else ()
    wanted = options.get("column")
    if wanted is None and all(one.shown == first.shown for one in spectra) and first.shown:
        return first.shown
    if isinstance(wanted, str) and wanted in known:
        return wanted
    if wanted is not None:
        raise StudyError(
            f"no such column in '{source.file}'",
            place="column",
            expected=", ".join(known),
            found=repr(wanted),
        )
    ratio = "column = 'Absorbance', if AvaSoft showed that (.ABS8, .ABS), or "
    raise StudyError(
        f"what AvaSoft showed cannot be told from '{source.file}'",
        place="column",
        expected=", ".join(known),
        found="; ".join(dict.fromkeys(one.shown or one.mode for one in spectra)),
        hint=f"State {ratio if len(known) > 3 else ''}column = 'Sample' for the counts as stored.",
    )


def _ratio(source: Source, axis: np.ndarray, counts: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return T = (S - D)/(R - D), or raise a `DataError` where R is no brighter than D."""
    light = counts["Reference"] - counts["Dark"]
    good = (light > 0).all(axis=0)
    if not good.all():
        ends = [-1, *np.flatnonzero(~good), good.size]
        begin, end = max(pairwise(ends), key=lambda pair: pair[1] - pair[0])
        there = "State column = 'Sample' for the counts."
        if end - begin > 2:
            nm = sorted((axis[begin + 1], axis[end - 1]))
            there = f"State wavelength_range = [from, to] within {nm[0]:.2f} to {nm[1]:.2f} nm."
        raise DataError(
            "the reference is no brighter than the dark",
            file=source.file,
            place=f"{axis[int(np.argmin(good))]:g} nm",
            expected="light at every wavelength",
            found=f"none at {np.count_nonzero(~good)} of {good.size}",
            hint=there,
        )
    return np.asarray((counts["Sample"] - counts["Dark"]) / light)


def _times(spectra: list[Spectrum]) -> np.ndarray | None:
    """Return the times of the frames by the spectrometer's clock [s]; None if it does not go on."""
    if len(spectra) == 1:
        return np.zeros(1)
    ticks = [one.ticks for one in spectra if one.ticks is not None]
    time = (np.array(ticks, dtype=float) - ticks[0]) * TICK_S if ticks else np.empty(0)
    return time if len(ticks) == len(spectra) and (np.diff(time) > 0).all() else None


READER = Reader(NAME, "Avantes AvaSoft binary (.Raw8, .TRM8, .TRM, .ROH ...)", sniff, read)
