"""A dissolved one-electron couple at a planar electrode (`forward.redox`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from pytensor import tensor as pt

from perovec_bayes.constants import thermal_frequency
from perovec_bayes.forward import redox, waveform
from perovec_bayes.inference import bridge
from perovec_bayes.inference.builder import Builder
from perovec_bayes.inference.cards import Option
from perovec_bayes.inference.mechanisms import reference
from perovec_bayes.inference.mechanisms.common import (
    NOISE_DISPLAY,
    NOISE_UNITS,
    area,
    model_grid,
)
from perovec_bayes.inference.mechanisms.reference import ferrocene_offset
from perovec_bayes.inference.observe import observe_cv
from perovec_bayes.schema import FERROCENE

OPTIONS = {"steps_per_point": Option(1.0)}
UNITS = {
    "E0": "V",
    "k0": "cm/s",
    "alpha": "1",
    "D": "cm^2/s",
    "D_ratio": "1",
    "c_O": "mol/cm^3",
    "c_R": "mol/cm^3",
    "area": "cm^2",
    "R_u": "ohm*cm^2",
    "C_dl": "F/cm^2",
    "g0": "A/cm^2",
    "g1": "S/cm^2",
    **reference.UNITS,
    **NOISE_UNITS,
}
DISPLAY = {
    "c_O": "mmol/L",
    "c_R": "mmol/L",
    "C_dl": "uF/cm^2",
    "g0": "uA/cm^2",
    "g1": "uS/cm^2",
    **NOISE_DISPLAY,
}


def add(builder: Builder) -> None:
    """Add the couple, its derived quantities and the likelihood of the voltammogram.

    Parameters
    ----------
    builder : Builder
        Inside a PyMC model context.
    """
    data = builder.one("cv")
    f = thermal_frequency(float(data.attrs["temperature_K"]))
    grid = model_grid(data, builder.number("steps_per_point"), 1000)
    points = waveform.sampling(grid.time, data["time"].to_numpy())
    names = ("E0", "k0", "alpha", "D", "D_ratio", "c_O", "c_R", "R_u", "C_dl", "g0", "g1")
    p = {name: builder.parameter(name) for name in names}
    A = area(builder, data)

    def current(
        E0: Any,
        k0: Any,
        alpha: Any,
        D: Any,
        D_ratio: Any,
        c_O: Any,
        c_R: Any,
        R_u: Any,
        C_dl: Any,
        g0: Any,
        g1: Any,
    ) -> Any:
        parameters = redox.RedoxParameters(
            E0, k0, alpha, D, D * D_ratio, c_O, c_R, R_u, C_dl, g0, g1
        )
        j = redox.redox_current(parameters, grid, f)
        return points.at(j)

    density = bridge.wrap(current)(*p.values())
    observe_cv(builder, data, density, A)

    builder.derived(
        "E_half",
        p["E0"] + pt.log(p["D_ratio"]) / (2 * f),
        unit="V",
        symbol="E1/2",
        description="reversible half-wave potential E0' + (RT/2F) ln(D_R/D_O)",
    )
    if "area" in builder.values:
        builder.derived(
            "A2D",
            A**2 * p["D"],
            unit="cm^6/s",
            symbol="A²D",
            scale="log",
            description="area squared times D: what the wave determines when the area is unknown "
            "and c is known",
        )
        builder.derived(
            "A_c_sqrtD",
            A * (p["c_O"] * pt.sqrt(p["D"]) + p["c_R"] * pt.sqrt(p["D"] * p["D_ratio"])),
            unit="mol/s^0.5",
            symbol="A (c_O √D_O + c_R √D_R)",
            scale="log",
            description="what the heights of the waves determine",
        )
        builder.derived(
            "R_u_total",
            p["R_u"] / A,
            unit="ohm",
            symbol="Ru",
            scale="log",
            description="uncompensated resistance of this electrode",
        )
    builder.derived(
        "k0_per_sqrtD",
        p["k0"] / pt.sqrt(p["D"]),
        unit="1/s^0.5",
        symbol="k0/√D",
        scale="log",
        description="what the peak separation determines",
    )
    known = np.isfinite(float(data.attrs["reference_offset_V"]))
    if known and data.attrs["reference"] != FERROCENE:
        builder.derived(
            "E0_Fc",
            p["E0"] - ferrocene_offset(builder, data.attrs),
            unit="V",
            symbol="E0' vs Fc/Fc+",
            role="primary",
            description="formal potential on the ferrocene scale",
        )
