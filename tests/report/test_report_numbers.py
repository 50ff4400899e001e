from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perovec_bayes.report.numbers import (
    MINUS,
    Quoted,
    count,
    decimals,
    interval_text,
    limit,
    pretty_prior,
    pretty_unit,
    quote,
    significant,
)

DIGITS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹" + MINUS, "-0123456789-")


def read(text: str) -> float:
    """Read a number that the formatter wrote; the slow way, sharing nothing with it."""
    found = re.fullmatch(r"(\S+?)(?: × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?", text)
    assert found is not None, text
    return float(f"{found[1].translate(DIGITS)}e{(found[2] or '0').translate(DIGITS)}")


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((0.25134, 0.2474, 0.2552), ("0.2513", "0.2474", "0.2552")),
        ((-1.7031, -1.7193, -1.6872), ("−1.703", "−1.719", "−1.687")),
        ((2.064e-12, 1.98e-12, 2.15e-12), ("2.064 × 10⁻¹²", "1.980 × 10⁻¹²", "2.150 × 10⁻¹²")),
        ((1e-12, 1e-15, 1e-9), ("1.0 × 10⁻¹²", "1.0 × 10⁻¹⁵", "1.0 × 10⁻⁹")),
        ((12345, 11100, 13600), ("1.23 × 10⁴", "1.11 × 10⁴", "1.36 × 10⁴")),
        ((120, 75, 165), ("120", "75", "165")),
        ((0, -1, 1), ("0.0", "−1.0", "1.0")),
        ((0.0001, -0.0049, 0.0051), ("0.0001", "−0.0049", "0.0051")),
        ((298.15, 298.15, 298.15), ("298.15", "298.15", "298.15")),
        ((1e-200, 1e-203, 1e-197), ("1.0 × 10⁻²⁰⁰", "1.0 × 10⁻²⁰³", "1.0 × 10⁻¹⁹⁷")),
        ((math.nan, 1, math.inf), ("–", "1.00", "∞")),
    ],
)
def test_quote(numbers: tuple[float, float, float], expected: tuple[str, str, str]) -> None:
    assert quote(*numbers) == Quoted(*expected)


@pytest.mark.parametrize(
    ("bound", "sense", "expected"),
    [
        (9.31e-38, "upper", "≤ 9.31 × 10⁻³⁸"),
        (9.311e-38, "upper", "≤ 9.32 × 10⁻³⁸"),
        (9.999e-5, "upper", "≤ 1.00 × 10⁻⁴"),
        (-1.7001, "upper", "≤ −1.70"),
        (0.7309, "lower", "≥ 0.730"),
        (math.inf, "upper", "≤ ∞"),
    ],
)
def test_limit(bound: float, sense: str, expected: str) -> None:
    assert limit(bound, sense) == expected


def test_shared_power_of_ten_is_written_once() -> None:
    assert interval_text(Quoted("", "1.2 × 10⁻⁵", "3.4 × 10⁻⁵")) == "(1.2 to 3.4) × 10⁻⁵"
    assert interval_text(Quoted("", "1.2 × 10⁻⁶", "3.4 × 10⁻⁵")) == "1.2 × 10⁻⁶ to 3.4 × 10⁻⁵"
    assert interval_text(Quoted("", "−0.1", "0.1")) == "−0.1 to 0.1"


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("uA/cm^2", "µA/cm²"),
        ("A cm^-2", "A cm⁻²"),
        ("mol*cm**-3", "mol cm⁻³"),
        ("1", ""),
        ("us", "µs"),
        ("mol/s^0.5", "mol/s^0.5"),
    ],
)
def test_units(unit: str, expected: str) -> None:
    assert pretty_unit(unit) == expected


def test_counts() -> None:
    assert [count(1041), count(20000)] == ["1041", "20\u202f000"]


ordinary = st.floats(-1e30, 1e30).filter(lambda x: x == 0 or abs(x) > 1e-60)


@given(st.tuples(ordinary, ordinary, ordinary).map(sorted))
def test_rounding_keeps_two_digits_of_the_half_interval_or_of_the_number(ends: list[float]) -> None:
    low, value, high = ends
    text = quote(value, low, high)
    half = high / 2 - low / 2
    for exact, shown in ((value, text.value), (low, text.low), (high, text.high)):
        # Half a unit in the second digit is at most 5 %.
        wide = half > 0 and low * high > 0 and max(low / high, high / low) > 10
        allowed = abs(exact) if wide or half == 0 else half
        assert abs(read(shown) - exact) <= 0.0501 * allowed + 1e-9 * abs(exact)


@given(ordinary, st.integers(1, 6))
def test_significant_digits_come_back(value: float, digits: int) -> None:
    assert abs(read(significant(value, digits)) - value) <= 0.5001 * 10 ** (1 - digits) * abs(value)


@given(ordinary)
def test_limits_are_on_the_safe_side_and_near(value: float) -> None:
    upper, lower = limit(value, "upper")[2:], limit(value, "lower")[2:]
    assert read(lower) <= value <= read(upper)
    assert read(upper) - read(lower) <= 0.0101 * abs(value)


def test_the_shared_power_of_ten_is_that_of_the_value() -> None:
    quoted = quote(7.7e-36, 2.7e-36, 1.8e-35)
    assert quoted.value == "7.7 × 10⁻³⁶"
    assert interval_text(quoted) == "(2.7 to 18.0) × 10⁻³⁶"
    assert quote(0.0, -2e-6, 3e-6).value == "0.0 × 10⁻⁶"


def test_decimals() -> None:
    written = [decimals(each, 2) for each in (6.8e-31, -0.004, 12.345, np.nan)]
    assert written == ["0.00", "0.00", "12.34", "–"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LogNormal(median 1e-06 mol/cm^2, sd of ln 7)",
         "LogNormal(median 1 × 10⁻⁶ mol/cm², sd of ln 7)"),
        ("Normal(mean -0.9 V, sd 0.3 V)", "Normal(mean −0.9 V, sd 0.3 V)"),
        ("fixed at 2 1", "fixed at 2"),
        ("fixed at 1e+09 1/cm^2", "fixed at 1 × 10⁹ 1/cm²"),
        ("Beta(2, 2; 0 to 1)", "Beta(2, 2; 0 to 1)"),
    ],
)  # fmt: skip
def test_priors_are_written_with_powers(text: str, expected: str) -> None:
    assert pretty_prior(text) == expected
