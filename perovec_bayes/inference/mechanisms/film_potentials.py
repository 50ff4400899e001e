"""Potentials that follow from the parameters of a film, and its stability window."""

from __future__ import annotations

from typing import Any

import numpy as np
from pytensor import tensor as pt

from perovec_bayes.constants import STANDARD_CONCENTRATION
from perovec_bayes.inference.builder import Builder


def derive(builder: Builder, p: dict[str, Any], ln_k: Any, f: float, tied: bool) -> None:
    """Add K_sp, the formal potential, the actual ones, the distance to the conduction band.

    Parameters
    ----------
    builder : Builder
        Its model is in context.
    p : dict
        Parameters by name: E0, E_f, E_CB.
    ln_k : TensorVariable
        ln K_sp, scalar [1].
    f : float
        F/RT, scalar [V^-1].
    tied : bool
        Whether E_f follows from K_sp.
    """
    E0, E_f = p["E0"], p["E_f"]
    note = "from E0'(Pb2+/Pb) and K_sp by eq. 3" if tied else "free of K_sp"
    if tied:
        builder.derived(
            "E_f",
            E_f,
            unit="V",
            symbol="E_f",
            role="primary",
            description=f"formal potential of decomposition (released ions at 1 mol/L), {note}",
        )
    builder.derived(
        "K_sp",
        pt.exp(ln_k),
        unit="1",
        symbol="K_sp",
        role="primary",
        scale="log",
        description="27 s^5 per (mol/L)^5: free ions, m = 5",
    )
    builder.derived(
        "log10_K_sp",
        ln_k / np.log(10),
        unit="1",
        symbol="log10 K_sp",
        description="decimal logarithm of K_sp",
    )
    ions = np.log(1e-6 * (3e-6) ** 3 / STANDARD_CONCENTRATION**4)
    with_ions = builder.derived(
        "E_dec_ions",
        E_f - ions / (2 * f),
        unit="V",
        symbol="E_dec(1 mM Cs+, 3 mM Br-)",
        description="decomposition potential at 1 mmol/L Cs+ and 3 mmol/L Br-",
    )
    saturated = builder.derived(
        "E_dec_saturated",
        E0 + pt.log(builder.values["s"] / STANDARD_CONCENTRATION) / (2 * f),
        unit="V",
        symbol="E_dec(saturated)",
        description="decomposition potential in a solution saturated by the film alone",
    )
    E_CB = builder.derived(
        "E_CB",
        p["E_CB"],
        unit="V",
        symbol="E_CB",
        description="conduction band edge, from literature only",
    )
    windows = {
        "window": (E_f, "E_f", "released ions at 1 mol/L; free ions, m = 5"),
        "window_ions": (with_ions, "E_dec(1 mM Cs+, 3 mM Br-)", "free ions, m = 5"),
        "window_saturated": (saturated, "E_dec(saturated)", "a solution saturated by the film"),
    }
    for name, (potential, symbol, where) in windows.items():
        builder.derived(
            name,
            E_CB - potential,
            unit="V",
            symbol=f"E_CB - {symbol}",
            threshold=0.0,
            description="above 0 V: electrons enter the conduction band before decomposition "
            f"({where})",
        )
    builder.derived(
        "log10_K_sp_CB",
        2 * f * (E_CB - E0) / np.log(10),
        unit="1",
        symbol="log10 K_sp(E_f = E_CB)",
        description="what log10 K_sp would have to be for E_f (1 mol/L, m = 5) to lie at the "
        "conduction band edge; below it decomposition comes after the band is reached",
    )
