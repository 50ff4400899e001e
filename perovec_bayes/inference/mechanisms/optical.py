"""Optical density of an electrode: absorption by its film, scattering by its lead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jax import numpy as jnp
from pytensor import tensor as pt

from perovec_bayes.constants import FARADAY
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.forward import optics, spectral
from perovec_bayes.inference import bridge
from perovec_bayes.inference.bridge import Tensor
from perovec_bayes.inference.builder import Builder
from perovec_bayes.inference.model import model_in_context
from perovec_bayes.inference.observe import observe_od
from perovec_bayes.inference.observe_spectra import film_error, observe_spectra, spectral_noise
from perovec_bayes.inference.priors import LogNormal, Normal

UNITS = {
    "e_b": "cm^2/mol",
    "kappa_s": "cm^2/mol",
    "n_s": "1",
    "u_s": "1",
    "shift": "nm",
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


class Inventory(NamedTuple):
    """What light sees of an electrode, at the times of its spectra."""

    film: Tensor
    """Perovskite G, shape (times,) [mol cm^-2]."""
    start: Tensor
    """G_0, the same at the start, scalar."""
    lead: Tensor
    """Metallic lead, in contact or not, q_tot, shape (times,) [mol cm^-2]."""
    electrons: Tensor
    """n_opt, scalar [1]."""


def add(builder: Builder, od: xr.Dataset, seen: Inventory) -> None:
    """Add the optical parameters and the likelihood of one set of band averages or spectra.

    Parameters
    ----------
    builder : Builder
        With the parameters of `UNITS` still to be added.
    od : xr.Dataset
        Of technique "od", with bands, or with the spectrum of the untouched film.
    seen : Inventory
        At its times.

    Raises
    ------
    StudyError
        If it holds spectra and nothing says how they are fitted.
    """
    if "band" not in od.dims and "film" not in od:
        raise StudyError(
            "how the spectra are fitted is not stated",
            file=od.attrs.get("source_file"),
            expected="bands, or the time in which the film is untouched",
            found="a spectrum at each time",
            hint="In [[data]] state film = { start = 0, end = 60, unit = 's' } to fit them whole, "
            "or bands = { band_edge = [500, 550], sub_gap = [550, 600] }.",
        )
    e_b, kappa_s, n_s, u_s = (builder.parameter(name) for name in ("e_b", "kappa_s", "n_s", "u_s"))
    _frame_of_absorption(builder, seen)
    if "band" in od.dims:
        _add_bands(builder, od, seen, [e_b, kappa_s, n_s, u_s])
    else:
        _add_spectra(builder, od, seen, [e_b, kappa_s, n_s, u_s])
    builder.derived(
        "dOD_dQ",
        e_b / (seen.electrons * FARADAY),
        unit="cm^2/C",
        symbol="e_b/(n_opt F)",
        description="loss of the film's optical density (500-550 nm) for a charge of decomposition",
    )

    def bias(lead: Any, kappa_s: Any, n_s: Any, u_s: Any) -> Any:
        low, high = np.array([optics.SUB_GAP]).T
        amplitude = optics.scattering_amplitude(lead[-1:], kappa_s, u_s)
        return jnp.sum(
            optics.window_bias(amplitude * optics.scattering_profile(low, high, n_s), n_s)
        )

    builder.derived(
        "OD_bias",
        bridge.wrap(bias)(seen.lead, kappa_s, n_s, u_s),
        unit="1",
        symbol="(ρ_n - 1) h_s",
        description="scattering that OD(500-550 nm) - OD(550-600 nm) leaves in, at the end",
    )


def _frame_of_absorption(builder: Builder, seen: Inventory) -> None:
    """Sample e_b as e_b G_0, the optical density of the film, where the charge leaves G_0 open."""
    prior = builder.card.parameters["e_b"].canonical_prior()
    if builder.is_free("n_opt") and isinstance(prior, LogNormal):
        flat = np.zeros(1, dtype=bool)
        frame = bridge.Frame(-pt.log(seen.start), bridge.constant(1.0), flat)
        builder.frame("e_b", frame)


def _add_bands(
    builder: Builder, od: xr.Dataset, seen: Inventory, optical: Sequence[Tensor]
) -> None:
    low, high = od["band_low_nm"].to_numpy(), od["band_high_nm"].to_numpy()
    model_in_context().add_coord(builder.dim("band"), od["band"].to_numpy().astype(str).tolist())
    offset = builder.parameter("od_0", dims=builder.dim("band"))

    def density(G: Any, q: Any, e_b: Any, kappa_s: Any, n_s: Any, u_s: Any, offset: Any) -> Any:
        return optics.optical_density(
            G,
            q,
            absorption=e_b,
            scattering=kappa_s,
            exponent=n_s,
            power=u_s,
            offset=offset,
            low=low,
            high=high,
        )

    observe_od(builder, od, bridge.wrap(density)(seen.film, seen.lead, *optical, offset))


def _add_spectra(
    builder: Builder, od: xr.Dataset, seen: Inventory, optical: Sequence[Tensor]
) -> None:
    if len(builder.of_technique("od")) > 1:
        raise StudyError(
            "spectra that are fitted whole stand beside other optical densities of an experiment",
            file=od.attrs.get("source_file"),
            expected="one dataset of technique 'od'",
            found=str(len(builder.of_technique("od"))),
            hint="Bands of the same spectra hold the same information: leave them out.",
        )
    wavelength, film = od["wavelength"].to_numpy(), od["film"].to_numpy()
    measured = bool(od.attrs["film_is_measured"])
    rows = spectral.components(wavelength, film)
    span = spectral.span(wavelength, rows, od["absorbance"].to_numpy())
    parts = spectral.projected(wavelength, film, span, background=measured)
    ends = [f"{wavelength[i]:g} nm" for i in (0, -1)]
    model_in_context().add_coord(builder.dim("baseline"), ends)
    offset = builder.parameter("od_0", dims=builder.dim("baseline"))
    shift = builder.parameter("shift")
    noise = spectral_noise(builder, od, span)
    size = len(span.wander)
    name = str(od.attrs["name"])
    error = film_error(builder, name, size, noise) if measured else bridge.constant(np.zeros(size))

    def density(
        G: Any, G0: Any, q: Any, e_b: Any, kappa_s: Any, n_s: Any, u_s: Any, *others: Any
    ) -> Any:
        offset, shift, error = others
        return spectral.coefficients(
            G,
            optics.scattering_amplitude(q, kappa_s, u_s),
            parts,
            absorption=e_b,
            exponent=n_s,
            offset=offset,
            start=G0,
            shift=shift,
            error=error,
        )

    mean = bridge.wrap(density)(seen.film, seen.start, seen.lead, *optical, offset, shift, error)
    observe_spectra(builder, od, mean, span, noise)
