"""Times in the names of files, by a template such as `film_{time}s.txt`."""

from __future__ import annotations

import re
from datetime import datetime

import numpy as np

from perovec_bayes import units
from perovec_bayes.errors import DataError, StudyError, UnitError

HALF_A_DAY_S = 43_200.0
MOST_STARS = 3
_NUMBER = r"(\d{1,15}(?:[.,]\d{1,15})?)"
_CLOCK = {
    "year": r"(\d{4})",
    "month": r"(\d{1,2})",
    "day": r"(\d{1,2})",
    "hour": r"(\d{1,2})",
    "minute": r"(\d{1,2})",
    "second": r"(\d{1,2}(?:[.,]\d{1,6})?)",
    "ms": r"(\d{1,3})",
}
_DATE = ("year", "month", "day")
_PART = re.compile(r"\{([^{}]*)\}|(\*)|([^*{}]+)")


def natural(name: str) -> tuple[tuple[str, int], ...]:
    """Return a key by which "b2" comes before "b10".

    Parameters
    ----------
    name : str
        Name of a file.
    """
    parts = re.split(r"(\d{1,18})", name)
    numbers = [*parts[1::2], "-1"]
    return tuple((words, int(digits)) for words, digits in zip(parts[::2], numbers, strict=True))


def skipped(names: list[str]) -> tuple[str, str] | None:
    """Return the two names between which a counter does not go up as elsewhere, if there are any.

    Parameters
    ----------
    names : list of str
        In natural order. Names that differ in more than one number have no counter.
    """
    keys = [natural(name) for name in names]
    texts = {tuple(words for words, _ in key) for key in keys}
    if len(names) < 3 or len(texts) > 1:
        return None
    numbers = np.array([[number for _, number in key] for key in keys])
    moving = np.flatnonzero(np.ptp(numbers, axis=0) > 0)
    if moving.size != 1:
        return None
    steps = np.diff(numbers[:, moving[0]])
    uneven = np.flatnonzero(steps != np.min(steps))
    return (names[uneven[0]], names[uneven[0] + 1]) if uneven.size else None


def seconds_in_names(names: list[str], template: object, place: str) -> np.ndarray:
    """Return the times that stand in names.

    Parameters
    ----------
    names : list of str
        Names of files.
    template : object
        What stands where: `{time}`, a number of seconds, or `{time:min}` in another unit; or a
        time of day from `{hour}`, `{minute}`, `{second}`, `{ms}`, with `{year}`, `{month}` and
        `{day}` where there is a date; `*` for anything.
    place : str
        The folder or pattern, for messages.

    Returns
    -------
    ndarray
        Shape (n,) [s], on any origin.

    Raises
    ------
    StudyError
        If the template is not understood.
    DataError
        If a name does not follow it, or the times seem to pass midnight without a date.
    """
    fields, pattern, unit = _compiled(template)
    seconds = np.array([_seconds(name, fields, pattern, template, place) for name in names])
    if fields == ["time"]:
        return units.convert(seconds, unit, "s")
    if "day" not in fields and np.ptp(seconds) > HALF_A_DAY_S:
        raise DataError(
            "times of day over more than 12 hours, without a date: do they pass midnight?",
            file=place,
            found=f"{names[int(seconds.argmin())]} to {names[int(seconds.argmax())]}",
            hint="Let name_time name year, month and day, or state frame_interval.",
        )
    return seconds


def _wrong(template: object, found: str) -> StudyError:
    return StudyError(
        "not understood",
        place="name_time",
        expected="such as 'film_{time}s.txt' or '*__{hour}-{minute}-{second}-{ms}.txt'",
        found=f"{template!r}, {found}",
    )


def _compiled(template: object) -> tuple[list[str], re.Pattern[str], str]:
    """Return the fields of a template in order, the pattern of a name, and the unit of a time."""
    if (
        not isinstance(template, str)
        or "".join(part[0] for part in _PART.finditer(template)) != template
    ):
        raise _wrong(template, "with a brace that is not closed")
    fields: list[str] = []
    unit, stars, pattern = "s", 0, ""
    for field, star, words in _PART.findall(template):
        if words:
            pattern += re.escape(words)
        elif star:
            stars += 1
            pattern += ".*"
        else:
            name, _, stated = field.partition(":")
            if name == "time":
                unit = stated or "s"
                pattern += _NUMBER
            elif field in _CLOCK:
                pattern += _CLOCK[field]
            else:
                raise _wrong(template, f"with an unknown '{{{field}}}'")
            fields.append(name)
    _check_fields(template, fields, stars)
    try:
        units.convert(np.ones(1), unit, "s")
    except UnitError as error:
        raise _wrong(template, f"unit {unit!r}") from error
    return fields, re.compile(pattern, re.DOTALL), unit


def _check_fields(template: object, fields: list[str], stars: int) -> None:
    dated = [field for field in _DATE if field in fields]
    if stars > MOST_STARS:
        raise _wrong(template, f"with more than {MOST_STARS} '*'")
    if len(set(fields)) < len(fields):
        raise _wrong(template, "with a field twice")
    if not ("hour" in fields or fields == ["time"]) or ("time" in fields and len(fields) > 1):
        raise _wrong(template, "without {time}, or without {hour}")
    if dated and len(dated) < len(_DATE):
        raise _wrong(template, "with part of a date")
    gaps = [f for f in ("minute", "second", "ms") if f in fields]
    if gaps != ["minute", "second", "ms"][: len(gaps)]:
        raise _wrong(template, "with part of a time of day")


def _seconds(
    name: str, fields: list[str], pattern: re.Pattern[str], template: object, place: str
) -> float:
    """Return the time in one name: seconds of the day, from year 1 if there is a date."""
    found = pattern.fullmatch(name)
    if found is None:
        raise DataError(
            "the name does not say the time",
            file=place,
            place=f"file '{name}'",
            expected=repr(template),
            hint="Correct name_time, or name the files with a pattern that leaves this one out.",
        )
    values = {
        field: float(cell.replace(",", "."))
        for field, cell in zip(fields, found.groups(), strict=True)
    }
    if "time" in values:
        return values["time"]
    year, month, day = (int(values.get(field, 1)) for field in _DATE)
    try:
        begin = datetime(year, month, day, int(values["hour"]), int(values.get("minute", 0)))
    except ValueError as error:
        raise DataError(
            "not a date and time",
            file=place,
            place=f"file '{name}'",
            expected=repr(template),
            found=str(error),
        ) from None
    rest = values.get("second", 0.0) + 1e-3 * values.get("ms", 0.0)
    return (begin - datetime(1, 1, 1)).total_seconds() + rest
