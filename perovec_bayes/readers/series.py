"""A folder, or a pattern such as `spectra/*.txt`, of single spectra, one file each: one series.

Returns what `spectra` says, on the wavelengths that all files share. The time of each spectrum is
the time stamp in its header, or stands in its name (`name_time`), or follows from a stated
interval in the natural order of the names (`frame_interval`). Time begins with the first spectrum.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.base import Source, quantity
from perovec_bayes.readers.binary import MOST_VALUES
from perovec_bayes.readers.header import moment
from perovec_bayes.readers.name_time import natural, seconds_in_names, skipped
from perovec_bayes.readers.spectra import UNKNOWN, Frames, spectra_dataset

OPTIONS = ("name_time", "frame_interval")
"""Options of a series; all others go to the reader of the single files."""
MOST_FILES = 100_000
MOST_BYTES = 2_000_000_000
SAME_NM = 1e-6
"""Wavelengths that differ by more than this [nm] are different."""
_SAME = ("reader", "quantity", "signal_unit")
_CLOCK = "device_clock_s"
_COARSE_S, _DRIFT = 2.0, 1e-3
"""How far dates [s] and the spectrometer's clock may be apart."""


def is_series(path: str | Path) -> bool:
    """Whether a path means several files: a folder, or a last part with `*`, `?` or `[` in it."""
    path = Path(path)
    try:
        return path.is_dir() or (not path.is_file() and bool(re.search(r"[*?[]", path.name)))
    except (OSError, ValueError):
        return False


def listing(files: Iterable[tuple[str, str]]) -> bytes:
    """Return the list whose checksum stands for a series.

    Parameters
    ----------
    files : iterable of (str, str)
        SHA-256 and name of each file, in any order.
    """
    return "".join(sorted(f"{sha256}  {name}\n" for sha256, name in files)).encode()


def files_of(path: str | Path, without: tuple[str, ...] = ()) -> list[Path]:
    """Return the files that a folder or pattern means, in the natural order of their names.

    Parameters
    ----------
    path : str or Path
        A folder, whose files are meant without those in its subfolders, or a folder and a pattern.
    without : tuple of str
        Files, beside the others, that are not meant: the spectra of lamp and dark.

    Returns
    -------
    list of Path
        Hidden files are left out; empty if there is none, or no such folder.

    Raises
    ------
    DataError
        If the folder cannot be read, or holds too many files.
    """
    path = Path(path)
    folder, pattern = (path, "*") if path.is_dir() else (path.parent, path.name)
    apart = {(path.parent / name).absolute() for name in without}
    try:
        found = [
            each
            for each in folder.iterdir()
            if fnmatchcase(each.name, pattern)
            and each.is_file()
            and not each.name.startswith(".")
            and each.absolute() not in apart
        ]
        size = sum(each.stat().st_size for each in found)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"cannot be read: {reason}", file=path) from None
    if len(found) > MOST_FILES or size > MOST_BYTES:
        raise DataError(
            "too many files, or too large ones",
            file=path,
            expected=f"at most {MOST_FILES} files and {MOST_BYTES // 1_000_000} MB",
            found=f"{len(found)} files, {size // 1_000_000} MB",
        )
    return sorted(found, key=lambda each: natural(each.name))


def read_series(
    path: str | Path,
    format: str | None,
    meta: Mapping[str, Any],
    mapping: Mapping[str, Any],
    without: tuple[str, ...],
    read: Callable[..., xr.Dataset],
) -> tuple[xr.Dataset, Callable[[int], str]]:
    """Read files of one spectrum each as a series.

    Parameters
    ----------
    path : str or Path
        A folder or a pattern.
    format : str or None
        Format of the files; that of the first by its content unless given.
    meta : mapping
        Keys of `datasets.OD_META`.
    mapping : mapping
        Options of the files' reader, and `OPTIONS`.
    without : tuple of str
        Files beside them that are not meant: the spectra of lamp and dark.
    read : callable
        Reads one file: `read(path, format, meta, mapping)`.

    Returns
    -------
    data : xarray.Dataset
        Of technique "od" for absorbances, else "spectra"; validated. `attrs["source_sha256"]` is
        that of the list of the files' own, `attrs["source_files"]` their number.
    where : callable
        Gives the file of the n-th spectrum, from 0, in words.

    Raises
    ------
    DataError
        If there is no file, or one is not a single spectrum, or differs from the others in
        format, quantity or wavelengths, or has no time; the file is named.
    StudyError
        If an option is wrong.
    """
    own = {key: mapping[key] for key in OPTIONS if key in mapping}
    rest = {key: value for key, value in mapping.items() if key not in OPTIONS}
    said = {key: value for key, value in meta.items() if key != "note"}
    files = files_of(path, without)
    if not files:
        raise DataError("no files", file=path, expected="files of one spectrum each", found="none")
    spectra: list[xr.Dataset] = []
    for file in files:
        found = read(file, format, said, rest)
        _check_single(file, found)
        if spectra:
            _check_same(file, found, files[0], spectra[0])
        if len(files) * found.sizes["wavelength"] > MOST_VALUES:
            raise DataError(
                "too many spectra", file=path, expected=f"at most {MOST_VALUES} numbers together"
            )
        format = str(found.attrs["reader"])
        spectra.append(found)
    time, notes = _times(path, files, spectra, own)
    order = np.argsort(time, kind="stable")
    _check_apart(files, time, order, own)
    return _joined(
        Path(path), [files[i] for i in order], [spectra[i] for i in order], time[order], notes, meta
    )


def _check_single(file: Path, found: xr.Dataset) -> None:
    if found.attrs["technique"] != "spectra" or found.sizes["time"] != 1:
        count = f", {found.sizes['time']} of them" if "time" in found.sizes else ""
        raise DataError(
            "not a file of one spectrum",
            file=file,
            expected="one spectrum in each file of the series",
            found=f"technique '{found.attrs['technique']}'{count}",
            hint="Name the files with a pattern, such as 'spectra/film*.txt'.",
        )


def _check_same(file: Path, found: xr.Dataset, first: Path, one: xr.Dataset) -> None:
    """Fail unless two files hold the same quantity on the same wavelengths."""
    keys = list(_SAME)
    if one.attrs["quantity"] in ("intensity", UNKNOWN):
        keys.append("exposure_s")
    for key in keys:
        mine, theirs = str(found.attrs[key]), str(one.attrs[key])
        if mine != theirs:
            raise DataError(
                f"another {key.removesuffix('_s')} than in '{first.name}'",
                file=file,
                expected=theirs,
                found=mine,
                hint="A series holds spectra that were taken alike.",
            )
    nm, others = found["wavelength"].to_numpy(), one["wavelength"].to_numpy()
    if nm.size != others.size or np.abs(nm - others).max() > SAME_NM:
        raise DataError(
            f"other wavelengths than in '{first.name}'",
            file=file,
            expected=f"{others.size}, {others[0]:.9g} to {others[-1]:.9g} nm",
            found=f"{nm.size}, {nm[0]:.9g} to {nm[-1]:.9g} nm",
            hint="All files of a series share one wavelength axis.",
        )


def _times(
    path: str | Path, files: list[Path], spectra: list[xr.Dataset], options: Mapping[str, Any]
) -> tuple[np.ndarray, list[str]]:
    """Return the time of each file [s], on any origin, and words on where it came from."""
    if len(options) > 1:
        raise StudyError(
            "two statements on the times",
            place="name_time",
            expected="name_time or frame_interval",
            found="both",
        )
    names = [file.name for file in files]
    if "name_time" in options:
        return seconds_in_names(names, options["name_time"], str(path)), [
            f"times: in the names of the files, '{options['name_time']}'"
        ]
    if "frame_interval" in options:
        step, _ = quantity(options, "frame_interval", "s", place="mapping", with_sd=False)
        if not step > 0:
            raise StudyError(
                "not positive", place="frame_interval.value", expected="a positive time"
            )
        if gap := skipped(names):
            raise DataError(
                "the numbers in the names do not go up evenly: a stated interval would be wrong",
                file=path,
                place=f"after '{gap[0]}'",
                found=f"'{gap[1]}'",
                hint="If a file is missing, state name_time with the number as {time}.",
            )
        words = f"times: the stated interval, in the order of the names, from '{names[0]}'"
        return np.arange(len(files)) * step, [words]
    if len(files) == 1:
        return np.zeros(1), []
    return _header_times(files, spectra)


def _header_times(files: list[Path], spectra: list[xr.Dataset]) -> tuple[np.ndarray, list[str]]:
    """Return the time stamps in the headers [s from the first file's], and whose clock it was."""
    clock = _device_times(spectra)
    if clock is not None:
        return clock, ["times: in the headers of the files, clock of the spectrometer"]
    stamps: list[datetime] = []
    zones: list[str] = []
    for file, one in zip(files, spectra, strict=True):
        written = str(one.attrs["start_time"])
        stamp = moment(written)
        if stamp is None:
            raise DataError(
                "no time stamp that can be read",
                file=file,
                expected="date and time, with seconds, in the header",
                found=repr(written) if written else "none",
                hint="State name_time, where the time stands in the names of the files, or "
                "frame_interval.",
            )
        stamps.append(stamp[0])
        zones.append(stamp[1])
        if stamp[1] != zones[0]:
            raise DataError(
                f"another time zone than in '{files[0].name}'",
                file=file,
                expected=zones[0] or "none",
                found=stamp[1] or "none",
                hint="State name_time or frame_interval.",
            )
    seconds = np.array([(stamp - stamps[0]).total_seconds() for stamp in stamps])
    words = "times: time stamps in the headers of the files, clock of the computer"
    notes = [f"{words}, {zones[0]}" if zones[0] else words]
    if all(stamp.microsecond == 0 for stamp in stamps):
        notes.append("the time stamps are whole seconds: each time may be wrong by up to 1 s")
    return seconds, notes


def _device_times(spectra: list[xr.Dataset]) -> np.ndarray | None:
    """Return the times on the spectrometer's clock [s]; None if there is none to be trusted.

    It begins again when it is full or switched on: dates, where there are any, must go with it.
    """
    if not all(_CLOCK in one.attrs for one in spectra):
        return None
    clock = np.array([float(one.attrs[_CLOCK]) for one in spectra])
    written = [str(one.attrs["start_time"]) for one in spectra]
    if not any(written):
        return clock
    try:
        saved = [datetime.fromisoformat(stamp) for stamp in written]
    except ValueError:
        return None
    coarse = 60.0 if all(stamp.second == 0 for stamp in saved) else _COARSE_S
    passed = np.array([(stamp - saved[0]).total_seconds() for stamp in saved])
    apart = np.abs(clock - clock[0] - passed)
    return clock if (apart <= coarse + _DRIFT * np.abs(passed)).all() else None


def _check_apart(
    files: list[Path], time: np.ndarray, order: np.ndarray, options: Mapping[str, Any]
) -> None:
    """Fail if two files have the same time."""
    again = np.flatnonzero(np.diff(time[order]) <= 0)
    if again.size:
        one, other = files[order[again[0]]], files[order[again[0] + 1]]
        raise DataError(
            f"the same time as '{one.name}'",
            file=other,
            expected="a time of its own for each spectrum",
            hint="Is name_time complete?"
            if "name_time" in options
            else "Are the time stamps too coarse? State name_time, or frame_interval.",
        )


def _joined(
    path: Path,
    files: list[Path],
    spectra: list[xr.Dataset],
    time: np.ndarray,
    notes: list[str],
    meta: Mapping[str, Any],
) -> tuple[xr.Dataset, Callable[[int], str]]:
    """Return the spectra, whose files are in the order of time, as one dataset."""
    names = tuple(file.name for file in files)
    first = spectra[0]
    exposures = {float(one.attrs["exposure_s"]) for one in spectra}
    said = dict.fromkeys(words for one in spectra if (words := str(one.attrs.get("note", ""))))
    listed = [f"{len(files)} files, '{names[0]}' to '{names[-1]}'", *notes, *list(said)[:3]]

    def where(index: int) -> str:
        return f"file '{names[index]}'"

    frames = Frames(
        first["wavelength"].to_numpy(),
        np.concatenate([one["signal"].to_numpy() for one in spectra]),
        time - time[0],
        str(first.attrs["quantity"]),
        str(first.attrs["signal_unit"]).replace(UNKNOWN, ""),
        start=str(first.attrs["start_time"]),
        exposure=exposures.pop() if len(exposures) == 1 else np.nan,
        notes=tuple(listed),
        extra={"source_files": len(files)},
        where=where,
    )
    sums = [str(one.attrs["source_sha256"]) for one in spectra]
    source = Source(path, listing(zip(sums, names, strict=True)))
    data = spectra_dataset(source, str(first.attrs["reader"]), frames, meta, {})
    data.attrs["source_units"] = first.attrs["source_units"]
    data.attrs["synthetic"] = max(data.attrs["synthetic"], *(o.attrs["synthetic"] for o in spectra))
    if "name" not in meta:
        data.attrs["name"] = path.name if path.is_dir() else path.absolute().parent.name
    return data, where
