"""Checks shared by the functions of this package: every one raises a one-line StudyError."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perovec_bayes.constants import thermal_frequency
from perovec_bayes.errors import StudyError

type Values = float | NDArray[np.float64]
"""A number or an array (posterior draws): all functions here work on both, element by element."""


def _check(name: str, values: Values, good: NDArray[np.bool_], expected: str) -> None:
    if not good.all():
        found = np.asarray(values, dtype=float)[~good].flat[0]
        raise StudyError(f"{name} is out of range", expected=expected, found=f"{found:g}")


def require_positive(name: str, values: Values) -> None:
    """Raise StudyError unless all `values` are finite and above zero."""
    array = np.asarray(values, dtype=float)
    _check(name, values, np.isfinite(array) & (array > 0), "a finite number > 0")


def require_non_negative(name: str, values: Values) -> None:
    """Raise StudyError unless all `values` are finite and at least zero."""
    array = np.asarray(values, dtype=float)
    _check(name, values, np.isfinite(array) & (array >= 0), "a finite number >= 0")


def require_finite(name: str, values: Values) -> None:
    """Raise StudyError unless all `values` are finite."""
    _check(name, values, np.isfinite(np.asarray(values, dtype=float)), "a finite number")


def require_between(name: str, values: Values, low: float, high: float) -> None:
    """Raise StudyError unless all `values` lie in [low, high]."""
    array = np.asarray(values, dtype=float)
    _check(name, values, (array >= low) & (array <= high), f"a number from {low:g} to {high:g}")


def frequency(temperature: float) -> float:
    """Return f = F/RT [V^-1]; StudyError unless T [K] is positive and finite."""
    require_positive("temperature T [K]", temperature)
    return thermal_frequency(temperature)


def ln_activity(name: str, activity: Values) -> Values:
    """Return ln a [1]; StudyError unless a is positive and finite."""
    require_positive(f"activity of {name}", activity)
    return np.log(activity)
