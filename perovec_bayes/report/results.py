"""The units in which a report shows an observable."""

from __future__ import annotations

import numpy as np

from perovec_bayes.diagnostics.observables import Observable
from perovec_bayes.units import convert


def display_unit(observable: Observable) -> tuple[str, float]:
    """Return the unit in which an observable is shown, and the factor from its canonical one.

    The unit is what the observable asks for by ``display_unit``; else a current is shown in A, mA,
    uA, nA or pA, whatever makes its greatest value at least 1.
    """
    unit = observable.unit
    wanted = str(observable.info.get("display_unit", ""))
    if wanted:
        return wanted, convert(1.0, unit, wanted)
    if observable.technique != "cv":
        return unit, 1.0
    values = np.abs(observable.observed.to_numpy())
    top = float(np.nanmax(values)) if np.any(np.isfinite(values)) else 0.0
    shown = scaled_unit("A/cm^2" if "cm" in unit else "A", top)
    return shown, convert(1.0, unit, shown)


def scaled_unit(unit: str, top: float) -> str:
    """Return the unit with the prefix that makes a value at least 1.

    Parameters
    ----------
    unit : str
        A, A/cm^2, C or C/cm^2.
    top : float
        The value, in that unit.

    Returns
    -------
    str
        With no prefix, m, u, n or p.
    """
    prefixes = ("", "m", "u", "n", "p")
    power = next((i for i in range(len(prefixes)) if top * 1e3**i >= 1), 0)
    return f"{prefixes[power]}{unit}"
