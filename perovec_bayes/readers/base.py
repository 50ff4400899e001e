"""What every reader shares: a file's bytes, a registry entry, what the study says of a file."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes import units
from perovec_bayes.errors import DataError, StudyError, UnitError
from perovec_bayes.schema import SCHEMA_VERSION

COMMON_META = ("name", "sample", "solvent", "electrolyte", "note", "synthetic")
"""Keys of `meta` that every technique knows."""
LARGEST = 2_000_000_000
"""A larger file [byte] is refused, and a pipe or device that gives more."""
SYNTHETIC_MARK = b"# SYNTHETIC data"
"""First bytes of a file of simulated data; its first line is a comment."""


@dataclass(frozen=True)
class Source:
    """A file, read once: what is parsed is what is hashed.

    Parameters
    ----------
    path : Path
        The file.
    raw : bytes
        Its content.
    """

    path: Path
    raw: bytes

    @classmethod
    def open(cls, path: str | Path) -> Source:
        """Read a file, or raise a `DataError` if it is missing, empty, too large or unreadable."""
        path = Path(path)
        try:
            raw = _content(path)
        except FileNotFoundError:
            raise DataError("no such file", file=path, hint="Check the path.") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(f"cannot be read: {reason}", file=path) from None
        if not raw.strip():
            raise DataError("the file is empty", file=path)
        return cls(path, raw)

    @property
    def file(self) -> str:
        """The path as the user gave it, for messages."""
        return str(self.path)

    @property
    def is_workbook(self) -> bool:
        """Whether the content is an Office Open XML workbook."""
        return self.raw.startswith(b"PK\x03\x04")

    @property
    def is_marked_synthetic(self) -> bool:
        """Whether the file says in its first line that it was simulated."""
        return self.raw.startswith(SYNTHETIC_MARK)

    def attrs(self, reader: str, technique: str, meta: Mapping[str, Any]) -> dict[str, Any]:
        """Return the attributes that every dataset carries, checked for type."""
        synthetic = meta.get("synthetic", False)
        if not isinstance(synthetic, (bool, int)) or synthetic not in (0, 1):
            raise StudyError(
                "not a truth value",
                place="meta.synthetic",
                expected="true or false",
                found=synthetic,
            )
        texts = {key: text(meta, key) for key in COMMON_META[:-1] if key in meta}
        return {
            "schema_version": SCHEMA_VERSION,
            "technique": technique,
            "name": self.path.stem,
            "source_file": self.path.name,
            "source_sha256": hashlib.sha256(self.raw).hexdigest(),
            "reader": reader,
            "synthetic": int(bool(synthetic) or self.is_marked_synthetic),
            **texts,
        }


def _content(path: Path) -> bytes:
    """Return the content of a file of at most `LARGEST` bytes."""
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        raw = stream.read() if 0 < size <= LARGEST else b""
        while size == 0 and len(raw) <= LARGEST and (more := stream.read(1_000_000)):
            raw += more  # a pipe does not tell its size
    if max(size, len(raw)) > LARGEST:
        raise DataError(
            "the file is too large",
            file=path,
            expected=f"at most {LARGEST // 1_000_000} MB",
            hint="Export less of it.",
        )
    return raw


@dataclass(frozen=True)
class Reader:
    """One file format in the registry.

    Parameters
    ----------
    name : str
        What a study file calls the format.
    description : str
        One line for the list of known formats.
    sniff : callable
        Whether the content of a `Source` is in this format; never by the file's name.
    read : callable
        `read(source, meta, options) -> Dataset`: `meta` is what the study says about the
        measurement, `options` how the file is laid out. The dataset has passed the schema, save
        that a CV may lack its reference.
    """

    name: str
    description: str
    sniff: Callable[[Source], bool]
    read: Callable[[Source, Mapping[str, Any], Mapping[str, Any]], xr.Dataset]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return a hint naming the known word that is most like `word`, or None."""
    lower = {str(k).lower(): str(k) for k in known}
    close = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.6)
    return f"Did you mean '{lower[close[0]]}'?" if close else None


def check_keys(table: object, known: Iterable[str], place: str) -> Mapping[str, Any]:
    """Return `table` if it is a table with known keys only, else raise a `StudyError`."""
    if not isinstance(table, Mapping):
        raise StudyError("not a table", place=place, expected="a table", found=repr(table))
    names = sorted(known)
    for key in table:
        if key not in names:
            raise StudyError(
                f"unknown key '{key}'",
                place=place,
                expected="one of " + ", ".join(names) if names else "no key",
                hint=nearest(str(key), names),
            )
    return table


def text(table: Mapping[str, Any], key: str, place: str = "meta") -> str:
    """Return a text from the mapping, '' where it is absent."""
    value = table.get(key, "")
    if not isinstance(value, str):
        raise StudyError("not a text", place=f"{place}.{key}", expected="a text", found=repr(value))
    return value.strip()


def number(table: Mapping[str, Any], key: str, place: str) -> float:
    """Return a finite number from the mapping."""
    value = table.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise StudyError(
            "not a number", place=f"{place}.{key}", expected="a finite number", found=repr(value)
        )
    return float(value)


def convert(values: np.ndarray, unit: object, to: str, place: str) -> np.ndarray:
    """Convert an array whose unit the study states; a bad unit is the study's mistake."""
    if not isinstance(unit, str):
        raise StudyError(
            "a unit is missing", place=place, expected=f"a unit such as '{to}'", found=repr(unit)
        )
    try:
        return units.convert(values, unit, to)
    except UnitError as error:
        raise StudyError(
            error.what, place=place, expected=error.expected, found=error.found, hint=error.hint
        ) from error


def quantity(
    table: Mapping[str, Any], key: str, to: str, *, place: str = "meta", with_sd: bool = True
) -> tuple[float, float]:
    """Return value and standard deviation of `{value, unit, sd}` in unit `to`; NaN where absent.

    Parameters
    ----------
    table : mapping
        Holds the quantity under `key`, or does not.
    key, place : str
        Name of the quantity, and of the table, for messages.
    to : str
        The canonical unit.
    with_sd : bool
        Whether an `sd` may be stated.

    Returns
    -------
    value, sd : float
        In unit `to`.
    """
    if key not in table:
        return np.nan, np.nan
    where = f"{place}.{key}"
    entry = check_keys(table[key], ("value", "unit", "sd") if with_sd else ("value", "unit"), where)
    value = number(entry, "value", where)
    sd = number(entry, "sd", where) if "sd" in entry else np.nan
    if sd < 0:
        raise StudyError("negative", place=f"{where}.sd", expected="0 or more", found=sd)
    scaled = convert(np.array([value, sd]), entry.get("unit"), to, f"{where}.unit")
    return float(scaled[0]), float(scaled[1])
