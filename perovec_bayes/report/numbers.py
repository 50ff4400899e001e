"""Numbers for people: as many digits as the uncertainty allows, and no more."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

UNKNOWN = "–"
MINUS = "−"

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_PLAIN_FROM, _PLAIN_TO = -3, 5  # decimal exponents written without a power of ten
_WIDE = 10  # an interval whose ends differ by more than this factor has no common last digit
_CONSTANT_DIGITS = 6
_LIMIT_DIGITS = 3
_INTERVALS = {
    "eti": "equal-tailed",
    "hdi": "highest density",
    "upper": "upper limit",
    "lower": "lower limit",
}
LIMITS = ("upper", "lower")
"""Kinds of interval that have one end."""


@dataclass(frozen=True)
class Quoted:
    """A value and the ends of its interval as text.

    Parameters
    ----------
    value, low, high : str
        The numbers, rounded to the same place where that makes sense.
    """

    value: str
    low: str
    high: str


def quote(value: float, low: float, high: float) -> Quoted:
    """Round a value and its interval to two significant digits of the half-interval.

    They share the power of ten that leaves the value one digit before the point, if there is one.
    An interval of one sign whose ends differ by more than a factor of 10 has no common last digit:
    then each of the three numbers has two significant digits of its own.

    Parameters
    ----------
    value : float
        A median, say.
    low, high : float
        The ends of the interval, in the unit of `value`.

    Returns
    -------
    Quoted
        The three texts. NaN is "–", infinity "∞".
    """
    ends = [value, low, high]
    if not all(math.isfinite(end) for end in ends):
        return Quoted(*(significant(end, 3) for end in ends))
    half = high / 2 - low / 2
    if half <= 0:
        return Quoted(*(significant(end, _CONSTANT_DIGITS, strip=True) for end in ends))
    if (low > 0 or high < 0) and max(low / high, high / low) > _WIDE:
        return Quoted(*(significant(end, 2) for end in ends))
    place = _rounded_exponent(half, 2) - 1
    first, *others = (_exponent(_round(end, place)) for end in ends)
    top = max(place, first, *others)
    power = 0
    if place > 0 or not _PLAIN_FROM <= top < _PLAIN_TO:
        power = first if first >= place else top  # the value's own, unless it is rounded to 0
    return Quoted(*(_write(_round(end, place), place, power) for end in ends))


def significant(value: float, digits: int, *, strip: bool = False) -> str:
    """Write a number with so many significant digits.

    Parameters
    ----------
    value : float
        The number.
    digits : int
        How many digits, from 1.
    strip : bool, default False
        Whether to leave off zeros at the end.
    """
    special = _special(value)
    if special is not None:
        return special
    place = _rounded_exponent(value, digits) - digits + 1
    return _standing_alone(_round(value, place), place, strip)


def decimals(value: float, places: int) -> str:
    """Write a number with so many decimals, whatever its size.

    Parameters
    ----------
    value : float
        The number.
    places : int
        How many decimals.
    """
    special = _special(value)
    return _write(_round(value, -places), -places, 0) if special is None else special


def limit(bound: float, sense: str) -> str:
    """Write a one-sided limit with three significant digits, rounded to the safe side.

    Parameters
    ----------
    bound : float
        The limit.
    sense : {"upper", "lower"}
        An upper limit is rounded up, a lower limit down.

    Returns
    -------
    str
        As in "≤ 9.31 × 10⁻³⁸".
    """
    sign, rounding = {"upper": ("≤", ROUND_CEILING), "lower": ("≥", ROUND_FLOOR)}[sense]
    special = _special(bound)
    if special is not None:
        return f"{sign} {special}"
    place = _exponent(_decimal(bound)) - _LIMIT_DIGITS + 1
    rounded = _round(bound, place, rounding)
    place = _exponent(rounded) - _LIMIT_DIGITS + 1  # 9.999 has become 10.0
    return f"{sign} {_standing_alone(rounded, place, strip=False)}"


def interval_text(quoted: Quoted) -> str:
    """Return "low to high"; a power of ten that both ends share is written once."""
    low, high = (re.fullmatch(r"(.+?) × (10.+)", end) for end in (quoted.low, quoted.high))
    if low and high and low[2] == high[2]:
        return f"({low[1]} to {high[1]}) × {low[2]}"
    return f"{quoted.low} to {quoted.high}"


def stated(median: float, low: float, high: float, kind: str) -> tuple[str, str]:
    """Write a median and its interval, or a limit alone.

    Parameters
    ----------
    median, low, high : float
        In one unit.
    kind : str
        As `interval_kind` of a summary.

    Returns
    -------
    tuple of str
        The value, with its sign if it is a limit; and the interval, nothing for a limit.
    """
    if kind in LIMITS:
        return limit(high if kind == "upper" else low, kind), ""
    quoted = quote(median, low, high)
    return quoted.value, interval_text(quoted)


def interval_words(prob: float, kind: str) -> str:
    """Write probability and kind of an interval, as in "95 % equal-tailed".

    Parameters
    ----------
    prob : float
        Probability [1].
    kind : str
        As `interval_kind` of a summary.
    """
    return f"{100 * prob:g} % {_INTERVALS.get(kind, kind)}"


def pretty_unit(unit: str) -> str:
    """Write a unit with raised powers: "uA/cm^2" as "µA/cm²", and "1" as nothing; "s^0.5" stays."""
    if unit.strip() in {"", "1", "dimensionless"}:
        return ""
    raised = re.sub(
        r"(?:\^|\*\*)\s*(-?\d+)(?![\d.])",
        lambda power: power[1].translate(_SUPERSCRIPT),
        unit.strip(),
    )
    return re.sub(r"\bu(?=[A-Za-z])", "µ", raised.replace("*", " "))


def pretty_prior(text: str) -> str:
    """Write a prior with raised powers: "median 1e-7 mol/cm^2" as "median 1 × 10⁻⁷ mol/cm²".

    Parameters
    ----------
    text : str
        As a result says it, in words.
    """
    text = re.sub(r"^(fixed at \S+) 1$", r"\1", text)
    text = re.sub(r"(?<=\d )(?:1/)?[A-Za-z][\w*/^-]*", lambda unit: pretty_unit(unit[0]), text)
    text = re.sub(
        r"(?<=\d)e([+-]?)0*(\d+)",
        lambda power: f" × 10{(power[1].strip('+') + power[2]).translate(_SUPERSCRIPT)}",
        text,
    )
    return re.sub(r"(?<![\w.])-(?=\d)", MINUS, text)


def count(number: int) -> str:
    """Write a count with thin spaces between thousands, from 10 000 on."""
    return f"{number:,}".replace(",", "\u202f") if number >= 10_000 else str(number)


def _special(value: float) -> str | None:
    if math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    return "0" if value == 0 else None


def _decimal(value: float) -> Decimal:
    return Decimal(repr(float(value)))


def _exponent(value: Decimal) -> int:
    return value.adjusted() if value else -(10**6)


def _rounded_exponent(value: float, digits: int) -> int:
    """Return the decimal exponent of a number after rounding it to so many digits."""
    exact = _decimal(value)
    return _exponent(_round(value, _exponent(exact) - digits + 1))


def _round(value: float, place: int, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    """Round to a multiple of 10**place."""
    return (_decimal(value).scaleb(-place).to_integral_value(rounding)).scaleb(place)


def _standing_alone(rounded: Decimal, place: int, strip: bool) -> str:
    top = max(_exponent(rounded), place)
    power = top if place > 0 or not _PLAIN_FROM <= top < _PLAIN_TO else 0
    return _write(rounded, place, power, strip)


def _write(rounded: Decimal, place: int, power: int, strip: bool = False) -> str:
    """Write a rounded number to the place, over a power of ten (0: none)."""
    mantissa = f"{rounded.scaleb(-power):.{max(power - place, 0)}f}"
    if strip and "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    if not rounded:
        mantissa = mantissa.removeprefix("-")
    mantissa = mantissa.replace("-", MINUS)
    return f"{mantissa} × 10{str(power).translate(_SUPERSCRIPT)}" if power else mantissa
