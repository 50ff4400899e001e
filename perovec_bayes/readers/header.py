"""The top of a text file: its first lines, its keys, its time stamp."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.base import Source, text
from perovec_bayes.readers.layout import decode

HEAD_BYTES = 16_384
"""So much of a file is looked at to tell its format."""
_STAMPS = (
    "%a %b %d %H:%M:%S %Y",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%d%b%Y %H%M%S",
)
_SECONDS = {"usec": 1e-6, "us": 1e-6, "µs": 1e-6, "msec": 1e-3, "ms": 1e-3}
_SECONDS |= dict.fromkeys(("sec", "secs", "s"), 1.0)
_DURATION = re.compile(
    r"(?:[(\[]\s*(?P<before>µs|[a-z]+)\s*[)\]]\s*:\s*(?P<a>[-+\d.,]+(?:e[-+]?\d+)?)"
    r"|:\s*(?P<b>[-+\d.,]+(?:e[-+]?\d+)?)\s*(?P<after>µs|[a-z]+))",
    re.IGNORECASE,
)


def head(source: Source, size: int = HEAD_BYTES) -> list[str]:
    """Return the first lines of a file as text, none of a binary file, to tell its format.

    Parameters
    ----------
    source : Source
        The file.
    size : int
        So many bytes are looked at.
    """
    raw = source.raw[:size]
    if source.is_workbook:
        return []
    try:
        top = decode(
            Source(source.path, raw.replace(b"\0", b"") if _plain(raw) else raw), "latin-1"
        )
    except DataError:
        return []
    return top.split("\n")


def _plain(raw: bytes) -> bool:
    """Whether a file is 8-bit text, in which a NUL is only padding."""
    return not raw.startswith((b"\xff\xfe", b"\xfe\xff")) and raw.count(b"\0") < len(raw) // 4


def whole_text(source: Source, options: Mapping[str, Any]) -> str:
    """Return the text of a file, by the stated encoding or the first of utf-8 and latin-1."""
    stated = text(options, "encoding", "mapping")
    raw = source.raw
    if b"\0" in raw[:HEAD_BYTES] and _plain(raw[:HEAD_BYTES]):
        source = Source(source.path, raw.replace(b"\0", b""))
    try:
        return decode(source, *([stated] if stated else ["utf-8", "latin-1"]))
    except LookupError as error:
        raise StudyError("unknown encoding", place="encoding", found=repr(stated)) from error


def stated_decimal(options: Mapping[str, Any]) -> str | None:
    """Return the decimal mark that the study states, or None."""
    mark = options.get("decimal")
    if mark not in (None, ".", ","):
        raise StudyError("bad layout", place="decimal", expected="'.' or ','", found=repr(mark))
    return mark


def value_of(lines: Iterable[str], *names: str, separator: str = ":") -> str:
    """Return what stands after the first of these names in "name: value" lines; '' if nowhere."""
    wanted = tuple(name.lower() for name in names)
    for line in lines:
        name, found, value = line.partition(separator)
        if found and name.strip(" \t\"'").lower() in wanted:
            return value.strip()
    return ""


def duration(lines: Iterable[str], pattern: str) -> float:
    """Return the time [s] in the first line that matches a pattern and states a unit; NaN if none.

    Both "Integration Time (usec): 20000" and "Integration time: 100.00 ms" are understood.
    """
    for line in lines:
        begin = re.search(pattern, line, re.IGNORECASE)
        for found in _DURATION.finditer(line, begin.start()) if begin else ():
            unit = (found["before"] or found["after"] or "").lower()
            try:
                seconds = float((found["a"] or found["b"]).replace(",", ".")) * _SECONDS[unit]
            except (ValueError, KeyError):
                continue
            if 0 < seconds < 1e9:
                return seconds
    return float("nan")


def time_stamp(written: str) -> str:
    """Return a time stamp in ISO 8601 where it can be read in one way only, else as it is written.

    A zone such as CEST or GMT+02:00 is kept behind it.
    """
    written = " ".join(written.split())
    zone = re.search(r"\s((?:GMT|UTC)[+-]\d\d?:?\d*|[A-Z]{2,5})(?=\s\d{4}$)", written)
    bare = written if zone is None else written.replace(zone[0], "", 1)
    found = _moment(bare)
    if found is None:
        return written
    return f"{found.isoformat()} {zone[1]}" if zone else found.isoformat()


def moment(stamp: str) -> tuple[datetime, str] | None:
    """Return date, time and the words of the zone of what `time_stamp` has returned.

    None where it is no date and time that can be read in one way only.
    """
    written, _, zone = stamp.partition(" ")
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?", written) is None:
        return None
    try:
        return datetime.fromisoformat(written), zone
    except ValueError:
        return None


def _moment(bare: str) -> datetime | None:
    for form in _STAMPS:
        try:
            return datetime.strptime(bare, form)
        except ValueError:
            continue
    return None
