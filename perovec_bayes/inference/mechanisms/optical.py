"""Optical density of an electrode: absorption by its film, scattering by its lead."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.forward import optics
from perovec_bayes.inference import bridge
from perovec_bayes.inference.model import Builder, model_in_context
from perovec_bayes.inference.observe import observe_od

UNITS = {
    "e_b": "cm^2/mol",
    "kappa_s": "cm^2/mol",
    "n_s": "1",
    "od_0": "1",
    "sigma_od": "1",
    "sigma_drift": "1",
    "tau_drift": "s",
}


def times(od: xr.Dataset, cv: xr.Dataset, wait: float) -> np.ndarray:
    """Return the times of spectra, which must be within those of the voltammogram.

    Parameters
    ----------
    od, cv : xr.Dataset
        Of technique "od" and "cv".
    wait : float
        Time at open circuit before the voltammogram, scalar [s].

    Returns
    -------
    ndarray
        Shape (times,) [s].

    Raises
    ------
    DataError
        If they are not.
    """
    time = od["time"].to_numpy()
    first, last = float(cv["time"][0]) - wait, float(cv["time"][-1])
    if time[0] < first or time[-1] > last:
        raise DataError(
            "the spectra are not all within the time of the voltammogram",
            file=od.attrs.get("source_file"),
            expected=f"{first:g} to {last:g} s",
            found=f"{time[0]:g} to {time[-1]:g} s",
            hint="Give the clocks' difference as clock_offset, or cut the spectra.",
        )
    return time


def add(builder: Builder, od: xr.Dataset, G: Any, q: Any) -> None:
    """Add the optical parameters and the likelihood of one set of band averages.

    Parameters
    ----------
    builder : Builder
        With the parameters of `UNITS` still to be added.
    od : xr.Dataset
        Of technique "od", with bands.
    G, q : TensorVariable
        Perovskite and metallic lead at its times, shape (times,) [mol cm^-2].

    Raises
    ------
    StudyError
        If it holds spectra.
    """
    if "band" not in od.dims:
        raise StudyError(
            "this card takes optical density as band averages",
            file=od.attrs.get("source_file"),
            expected="bands with low_nm and high_nm",
            found="a spectrum at each time",
            hint="Average the spectra over 500-550 nm and 550-600 nm.",
        )
    low, high = od["band_low_nm"].to_numpy(), od["band_high_nm"].to_numpy()
    model_in_context().add_coord("band", od["band"].to_numpy().astype(str).tolist())
    p = [builder.parameter(name) for name in ("e_b", "kappa_s", "n_s")]
    offset = builder.parameter("od_0", dims="band")

    def density(G: Any, q: Any, e_b: Any, kappa_s: Any, n_s: Any, offset: Any) -> Any:
        return optics.optical_density(
            G,
            q,
            absorption=e_b,
            scattering=kappa_s,
            exponent=n_s,
            offset=offset,
            low=low,
            high=high,
        )

    observe_od(builder, od, bridge.wrap(density)(G, q, *p, offset))
