"""What several mechanisms share: thermodynamics on graphs, the area, the grid."""

from __future__ import annotations

import numpy as np
import xarray as xr
from pytensor import tensor as pt

from perovec_bayes.chemistry import Stoichiometry
from perovec_bayes.constants import STANDARD_CONCENTRATION
from perovec_bayes.forward import waveform
from perovec_bayes.inference.bridge import Frame, Tensor, constant
from perovec_bayes.inference.builder import Builder
from perovec_bayes.inference.priors import LogNormal

NOISE_UNITS = {
    "sigma_a": "A/cm^2",
    "sigma_p": "1",
    "sigma_E": "V",
    "sigma_d": "A/cm^2",
    "ell_d": "V",
}
"""Canonical units of the noise parameters of a voltammogram."""
NOISE_DISPLAY = {"sigma_a": "uA/cm^2", "sigma_d": "uA/cm^2", "sigma_E": "mV", "ell_d": "mV"}


def ln_ksp(s: Tensor, stoich: Stoichiometry) -> Tensor:
    """Return ln K_sp from the solubility s [mol cm^-3] of a fully dissociating salt (1.8)."""
    value: Tensor = stoich.ions * pt.log(s / STANDARD_CONCENTRATION) + stoich.ln_prefactor
    return value


def area(builder: Builder, data: xr.Dataset) -> Tensor:
    """Add the electrode area: as measured where the data state it, with the card's prior where not.

    Parameters
    ----------
    builder : Builder
        With the parameter `area` still to be added.
    data : xr.Dataset
        Of technique "cv".
    """
    stated = float(data.attrs["area_cm2"])
    if np.isnan(stated):
        free = builder.parameter("area")
        if builder.is_free("area"):
            # a background current is known, its density is not: sample g * area
            flat = np.zeros(1, dtype=bool)
            for name in ("g0", "g1"):
                builder.frame(name, Frame(pt.zeros(()), 1 / free, flat))
        return free
    sd = float(data.attrs.get("area_sd_cm2", np.nan))
    if not sd > 0:
        return constant(stated)
    measured = LogNormal(
        median=stated,
        sd_ln=sd / stated,
        unit="cm^2",
        reason="area and its sd as stated with the data",
    )
    return builder.parameter("area", prior=measured)


def model_grid(data: xr.Dataset, per_point: float, least: int) -> waveform.Grid:
    """Return the model's grid for a voltammogram.

    Parameters
    ----------
    data : xr.Dataset
        Of technique "cv".
    per_point : float
        Steps per data point.
    least : int
        Smallest number of steps.
    """
    time = data["time"].to_numpy()
    steps = max(int(np.ceil(per_point * (len(time) - 1))), least)
    return waveform.grid(time, data["potential"].to_numpy(), steps)
