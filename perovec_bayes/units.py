"""Conversion to the canonical units: V, A, s, cm, mol, K (and what is made of them)."""

from __future__ import annotations

from functools import cache
from typing import Any, overload

import numpy as np
import pint

from perovec_bayes.errors import UnitError


@cache
def _registry() -> pint.UnitRegistry[Any]:
    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True)


def _parse(unit: str) -> pint.Unit:
    text = str(unit).strip().replace("µ", "u").replace("μ", "u").replace("Ω", "ohm")
    if not text:
        raise UnitError("a unit is missing", hint="Write '1' for a pure number.")
    try:
        return _registry().parse_units("dimensionless" if text == "1" else text)
    except Exception as error:  # pint raises several unrelated classes for a bad unit string
        raise UnitError(
            f"'{unit}' is not a unit known here",
            hint="Write units as in 'mV', 'uA/cm^2', 'mol/L', 'cm^2/s'; '1' for a pure number.",
        ) from error


@overload
def convert(value: float, unit: str, to: str) -> float: ...
@overload
def convert(value: np.ndarray, unit: str, to: str) -> np.ndarray: ...
def convert(value: float | np.ndarray, unit: str, to: str) -> float | np.ndarray:
    """Convert a number or an array from one unit to another.

    Parameters
    ----------
    value : float or ndarray
        The magnitude in `unit`.
    unit, to : str
        Unit of `value`, and the unit wanted; '1' stands for a pure number.

    Returns
    -------
    float or ndarray
        The magnitude in `to`.

    Raises
    ------
    UnitError
        If a unit is unknown, or the two have different dimensions.

    Examples
    --------
    >>> print(f"{convert(250.0, 'umol/L', 'mol/cm^3'):.1e}")
    2.5e-07
    """
    source, target = _parse(unit), _parse(to)
    try:
        result = _registry().Quantity(value, source).to(target).magnitude
    except pint.DimensionalityError as error:
        raise UnitError(
            f"unit '{unit}' has the wrong dimension",
            expected=f"a unit of the kind of '{to}'" if to != "1" else "'1', a pure number",
            found=f"'{unit}'",
        ) from error
    return result if isinstance(value, np.ndarray) else float(result)
