"""Optical density of an electrode: absorption by its film, scattering by its lead."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.forward import optics
from perovec_bayes.inference import bridge
from perovec_bayes.inference.builder import Builder
from perovec_bayes.inference.model import model_in_context
from perovec_bayes.inference.observe import observe_od
from perovec_bayes.inference.priors import Normal

UNITS = {
    "e_b": "cm^2/mol",
    "kappa_s": "cm^2/mol",
    "n_s": "1",
    "od_0": "1",
    "lag": "s",
    "sigma_od": "1",
    "sigma_drift": "1",
    "tau_drift": "s",
}


def times(od: xr.Dataset, cv: xr.Dataset, wait: float) -> np.ndarray:
    """Return the times of spectra, which must be within those of the voltammogram.

    Where the clocks' difference is uncertain, three standard deviations must fit behind the last
    spectrum; before the first point of the model the film is taken as it is there.

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
    StudyError
        If the clocks' difference is not stated.
    """
    if od.attrs["clock_offset_assumed"]:
        raise StudyError(
            "the clock of the spectra is not known",
            file=od.attrs.get("source_file"),
            place="meta.clock_offset",
            expected="what to add to the file's time to put it on the clock of the voltammogram",
            found="nothing",
            hint="State it: { value = 0, unit = 's' } where both ran on one clock, with sd where "
            "it is uncertain.",
        )
    time = od["time"].to_numpy()
    first = float(cv["time"][0]) - wait
    last = float(cv["time"][-1]) - 3 * float(od.attrs["clock_offset_sd_s"])
    if time[0] < first or time[-1] > last:
        raise DataError(
            "the spectra are not all within the time of the voltammogram",
            file=od.attrs.get("source_file"),
            expected=f"{first:g} to {last:g} s",
            found=f"{time[0]:g} to {time[-1]:g} s",
            hint="Give the clocks' difference as clock_offset, or cut the spectra: "
            "window = { start = ..., end = ..., unit = 's' } in [[data]].",
        )
    return time


def lag(builder: Builder, od: xr.Dataset) -> Any:
    """Return the parameter `lag`: what the stated difference of the clocks lacks.

    Parameters
    ----------
    builder : Builder
        With the parameter still to be added.
    od : xr.Dataset
        Of technique "od"; its `clock_offset_sd_s` replaces the card's prior.

    Returns
    -------
    TensorVariable
        Scalar [s]; to be added to the times of the spectra.
    """
    sd = float(od.attrs["clock_offset_sd_s"])
    if not sd > 0:
        return builder.parameter("lag")
    stated = Normal(mean=0.0, sd=sd, unit="s", reason="sd of clock_offset as stated with the data")
    return builder.parameter("lag", prior=stated)


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
            hint="In [[data]] state bands = { band_edge = [500, 550], sub_gap = [550, 600] }.",
        )
    low, high = od["band_low_nm"].to_numpy(), od["band_high_nm"].to_numpy()
    model_in_context().add_coord(builder.dim("band"), od["band"].to_numpy().astype(str).tolist())
    p = [builder.parameter(name) for name in ("e_b", "kappa_s", "n_s")]
    offset = builder.parameter("od_0", dims=builder.dim("band"))

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
