"""The numbers of JCAMP-DX: pairs, and ordinates in plain (AFFN) or packed (ASDF) form.

In the packed form a letter stands for sign and first digit of a number: an ordinate itself (SQZ),
its difference from the one before (DIF), or how often the last one stands (DUP).

References
----------
McDonald, R. S.; Wilks, P. A. Appl. Spectrosc. 1988, 42, 151.
"""

from __future__ import annotations

import re

import numpy as np

from perovec_bayes.errors import DataError

MOST_POINTS = 2_000_000
_SQZ = dict(zip("@ABCDEFGHIabcdefghi", [*range(10), *range(-1, -10, -1)], strict=True))
_DIF = dict(zip("%JKLMNOPQRjklmnopqr", [*range(10), *range(-1, -10, -1)], strict=True))
_DUP = dict(zip("STUVWXYZs", range(1, 10), strict=True))
_TOKEN = re.compile(
    r"(?P<plain>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]\d{1,3})?)"
    r"|(?P<letter>[@A-Za-z%])(?P<rest>\d*\.?\d*)"
    r"|(?P<gap>[\s,;]+)|(?P<missing>\?)"
)
_CHECK = 1e-3


def pairs(file: str, place: str, body: str) -> tuple[np.ndarray, np.ndarray]:
    """Return abscissa and ordinate of data in the form (XY..XY).

    Parameters
    ----------
    file, place : str
        For messages.
    body : str
        What stands below the label.
    """
    body = re.sub(r"\$\$[^\n]*", "", body)
    if re.search(r"\d,\d", body) and "." not in body:
        body = re.sub(r"(?<=\d),(?=\d)", ".", body)
    cells = re.split(r"[\s,;]+", body.strip())
    try:
        values = np.array(cells, dtype=float) if cells != [""] else np.empty(0)
    except ValueError as error:
        raise DataError("not pairs of numbers", file=file, place=place) from error
    if values.size % 2 or not values.size or not np.isfinite(values).all():
        raise DataError(
            "not pairs of numbers", file=file, place=place, found=f"{values.size} cells"
        )
    return values[::2], values[1::2]


def table(
    file: str, place: str, body: str, first: float, last: float, count: float, factor: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return abscissa and ordinate (before its factor) of data in the form (X++(Y..Y)).

    Parameters
    ----------
    file, place : str
        For messages.
    body : str
        What stands below the label.
    first, last, count : float
        FIRSTX, LASTX, NPOINTS; NaN where the file has none.
    factor : float
        XFACTOR.
    """
    values: list[float] = []
    starts: list[tuple[int, float]] = []
    differences = False
    for line in body.split("\n"):
        written = line.split("$$", 1)[0].strip()
        if not written:
            continue
        x, ordinates, ended_in_difference = _line(file, place, written)
        if differences and ordinates:
            if abs(ordinates[0] - values[-1]) > _CHECK * max(1.0, abs(values[-1])):
                raise DataError(
                    "a check value differs: data are damaged",
                    file=file,
                    place=f"{place} at {x:g}",
                    expected=f"{values[-1]:g}",
                    found=f"{ordinates[0]:g}",
                )
            ordinates = ordinates[1:]
            starts.append((len(values) - 1, x * factor))
        else:
            starts.append((len(values), x * factor))
        values += ordinates
        differences = ended_in_difference
        if len(values) > MOST_POINTS:
            raise DataError("too many points", file=file, place=place, expected=f"{MOST_POINTS}")
    if len(values) < 2:
        raise DataError("no data", file=file, place=place)
    if np.isnan([first, last]).any():
        raise DataError("no ##FIRSTX and ##LASTX", file=file)
    if not np.isnan(count) and count != len(values):
        raise DataError(
            "not as many points as announced",
            file=file,
            place=place,
            expected=f"{count:g} points",
            found=str(len(values)),
            hint="Was the file cut short?",
        )
    axis = first + (last - first) / (len(values) - 1) * np.arange(len(values))
    _abscissae(file, place, axis, starts)
    return axis, np.array(values)


def _abscissae(file: str, place: str, axis: np.ndarray, starts: list[tuple[int, float]]) -> None:
    """Check the abscissa at the beginning of every line: at most half a line may be amiss."""
    step = abs(axis[1] - axis[0])
    for index, x in starts:
        if index < axis.size and abs(axis[index] - x) > 1.5 * step + 1e-4 * abs(x):
            raise DataError(
                "an abscissa does not fit FIRSTX, LASTX and NPOINTS",
                file=file,
                place=place,
                expected=f"{axis[index]:g}",
                found=f"{x:g}",
                hint="Is a line missing?",
            )


class _Line:
    """One line of ordinates as it is read, token by token."""

    def __init__(self) -> None:
        self.abscissa: float | None = None
        self.values: list[float] = []
        self.difference: float | None = None

    def plain(self, value: float) -> None:
        """Take a number: the first is the abscissa."""
        if self.abscissa is None:
            self.abscissa = value
        else:
            self.values.append(value)
            self.difference = None

    def letter(self, letter: str, rest: str) -> bool:
        """Take a packed number; false if it cannot stand here."""
        if letter in _SQZ:
            self.plain(_signed(_SQZ[letter], rest))
        elif letter in _DIF and self.values:
            self.difference = _signed(_DIF[letter], rest)
            self.values.append(self.values[-1] + self.difference)
        elif letter in _DUP and self.values:
            again = int(f"{_DUP[letter]}{rest.split('.', maxsplit=1)[0]}"[:9]) - 1
            step, last = self.difference or 0.0, self.values[-1]
            if again + len(self.values) > MOST_POINTS:
                return False
            self.values += [last + step * (i + 1) for i in range(again)]
        else:
            return False
        return True


def _line(file: str, place: str, written: str) -> tuple[float, list[float], bool]:
    """Return the abscissa of a line, its ordinates, and whether it ended in a difference."""
    line = _Line()
    position = 0
    while position < len(written):
        token = _TOKEN.match(written, position)
        good = token is not None and not token["missing"]
        if token is not None and token["plain"]:
            line.plain(float(token["plain"]))
        elif token is not None and token["letter"]:
            good = line.letter(token["letter"], token["rest"])
        if token is None or not good:
            raise DataError(
                "not an ordinate",
                file=file,
                place=place,
                found=repr(written[position : position + 20]),
            )
        position = token.end()
    if line.abscissa is None:
        raise DataError("no abscissa", file=file, place=place)
    return line.abscissa, line.values, line.difference is not None


def _signed(digit: int, rest: str) -> float:
    size = float(f"{abs(digit)}{rest}")
    return -size if digit < 0 else size
