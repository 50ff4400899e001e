"""A compact film: voltammogram, optical density, ICP-OES (`forward.film`, `forward.optics`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from jax import numpy as jnp
from pytensor import tensor as pt

from perovec_bayes.chemistry import material
from perovec_bayes.constants import STANDARD_CONCENTRATION, thermal_frequency
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.forward import film, optics, waveform
from perovec_bayes.forward.diffusion import memory
from perovec_bayes.inference import bridge
from perovec_bayes.inference.mechanisms.common import (
    NOISE_DISPLAY,
    NOISE_UNITS,
    area,
    ln_ksp,
    model_grid,
)
from perovec_bayes.inference.mechanisms.solubility import atoms, check_solute
from perovec_bayes.inference.model import Builder, model_in_context
from perovec_bayes.inference.observe import observe_cv, observe_od
from perovec_bayes.inference.observe_icp import observe_icp
from perovec_bayes.inference.priors import LogNormal

FILM_UNITS = {
    "E0": "V",
    "s": "mol/cm^3",
    "k0": "cm/s",
    "A_c": "1",
    "D": "cm^2/s",
    "D_ion": "cm^2/s",
    "k_II": "mol/cm^2/s",
    "A_d": "1",
    "p": "1",
    "G0": "mol/cm^2",
    "k_d": "cm/s",
    "k_iso": "1/s",
    "N0": "1/cm^2",
    "R_u": "ohm*cm^2",
    "C_dl": "F/cm^2",
    "g0": "A/cm^2",
    "g1": "S/cm^2",
}
UNITS = {
    **FILM_UNITS,
    "E_f": "V",
    "E_VB": "V",
    "E_gap": "V",
    "area": "cm^2",
    "e_b": "cm^2/mol",
    "kappa_s": "cm^2/mol",
    "n_s": "1",
    "od_0": "1",
    "sigma_od": "1",
    "sigma_drift": "1",
    "tau_drift": "s",
    "s_m": "1",
    "s_p": "1",
    **NOISE_UNITS,
}
DISPLAY = {
    "s": "mol/L",
    "C_dl": "uF/cm^2",
    "g0": "uA/cm^2",
    "g1": "uS/cm^2",
    "G0": "nmol/cm^2",
    **NOISE_DISPLAY,
}


def add(builder: Builder) -> None:
    """Add the film, its derived quantities and the likelihoods of all its datasets.

    Parameters
    ----------
    builder : Builder
        Inside a PyMC model context.
    """
    cv = builder.one("cv")
    _on_ferrocene_scale(cv)
    f = thermal_frequency(float(cv.attrs["temperature_K"]))
    stoich = material(str(builder.card.options["material"])).stoichiometry
    p = {name: builder.parameter(name) for name in FILM_UNITS}
    if "k_d" in builder.info.quantities:
        # the data often bound k_d from above only: sample it as what it does above, as ln k_d below
        prior = builder.card.parameters["k_d"].canonical_prior()
        if isinstance(prior, LogNormal):
            builder.info.frames["k_d"] = bridge.Frame(
                bridge.constant(np.log(prior.median)),
                bridge.constant(1.0),
                np.ones(1, dtype=bool),
            )
    ln_k = ln_ksp(p["s"], stoich)
    tied = builder.card.options["formal_potential"] == "tied"
    E_f = p["E0"] + ln_k / (2 * f) if tied else builder.parameter("E_f")
    A = area(builder, cv)

    grid = model_grid(cv, builder.number("steps_per_point"), 1000)
    constants = memory(grid.dt, len(grid.time) - 1)
    at_cv = waveform.sampling(grid.time, cv["time"].to_numpy())
    od = builder.of_technique("od")
    at_od = [waveform.sampling(grid.time, _od_times(each, cv)) for each in od]

    def respond(E_f: Any, *values: Any) -> Any:
        named = dict(zip(FILM_UNITS, values, strict=True))
        r = film.film_response(film.FilmParameters(E_f=E_f, **named), grid, f, constants)
        lead = r.lead + r.isolated
        cathodic = -jnp.trapezoid(jnp.minimum(r.current, 0.0), dx=grid.dt)
        anodic = jnp.trapezoid(jnp.maximum(r.current, 0.0), dx=grid.dt)
        return (
            at_cv.at(r.current),
            tuple(at.at(r.film) for at in at_od),
            tuple(at.at(lead) for at in at_od),
            anodic / cathodic,
            r.film[-1] / r.film[0],
        )

    density, films, leads, charge_ratio, left = bridge.wrap(respond)(E_f, *p.values())
    observe_cv(builder, cv, density, A)
    for each, G, q in zip(od, films, leads, strict=True):
        _add_od(builder, each, G, q)
    for each in builder.of_technique("icp"):
        check_solute(each, str(builder.card.options["material"]), str(cv.attrs.get("solvent", "")))
        observe_icp(builder, each, p["s"] * bridge.constant(atoms(each)))

    _derive(builder, p["E0"], E_f, ln_k, f, tied)
    builder.derived(
        "Q_ratio",
        charge_ratio,
        unit="1",
        symbol="Q_an/Q_cat",
        description="anodic over cathodic charge of the model",
    )
    builder.derived(
        "film_left",
        left,
        unit="1",
        symbol="G_end/G0",
        description="share of the film left at the end",
    )


def _on_ferrocene_scale(cv: xr.Dataset) -> None:
    if cv.attrs["reference"] != "Fc/Fc+":
        raise StudyError(
            "a film study needs potentials against Fc/Fc+",
            file=cv.attrs.get("source_file"),
            place="meta.reference",
            expected="Fc/Fc+",
            found=str(cv.attrs["reference"]),
            hint="Fit a ferrocene voltammogram with card 'redox_couple' first and convert with its "
            "E0'.",
        )


def _od_times(od: xr.Dataset, cv: xr.Dataset) -> np.ndarray:
    time = od["time"].to_numpy()
    first, last = float(cv["time"][0]), float(cv["time"][-1])
    if time[0] < first or time[-1] > last:
        raise DataError(
            "the spectra are not all within the time of the voltammogram",
            file=od.attrs.get("source_file"),
            expected=f"{first:g} to {last:g} s",
            found=f"{time[0]:g} to {time[-1]:g} s",
            hint="Give the clocks' difference as clock_offset, or cut the spectra.",
        )
    return time


def _add_od(builder: Builder, od: xr.Dataset, G: Any, q: Any) -> None:
    """Add the optical parameters and the likelihood of one set of band averages."""
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


def _derive(builder: Builder, E0: Any, E_f: Any, ln_k: Any, f: float, tied: bool) -> None:
    """Add K_sp, the formal potential, the actual ones, the distance to the conduction band."""
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
    builder.derived(
        "E_dec_ions",
        E_f - ions / (2 * f),
        unit="V",
        symbol="E_dec(1 mM Cs+, 3 mM Br-)",
        description="decomposition potential at 1 mmol/L Cs+ and 3 mmol/L Br-",
    )
    builder.derived(
        "E_dec_saturated",
        E0 + pt.log(builder.values["s"] / STANDARD_CONCENTRATION) / (2 * f),
        unit="V",
        symbol="E_dec(saturated)",
        description="decomposition potential in a solution saturated by the film alone",
    )
    E_CB = builder.derived(
        "E_CB",
        builder.parameter("E_VB") - builder.parameter("E_gap"),
        unit="V",
        symbol="E_CB",
        description="conduction band edge, from literature only",
    )
    builder.derived(
        "window",
        E_CB - E_f,
        unit="V",
        symbol="E_CB - E_f",
        threshold=0.0,
        description="above 0 V: electrons enter the conduction band before decomposition "
        "(unit activities)",
    )
