"""An electrode with lead and film: voltammogram, optical density, ICP-OES."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from jax import numpy as jnp
from pytensor import tensor as pt

from perovec_bayes.chemistry import material
from perovec_bayes.constants import STANDARD_CONCENTRATION, thermal_frequency
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.forward import grids, optics, sampling, voltammetry
from perovec_bayes.forward.programme import Programme, measured
from perovec_bayes.forward.trbdf2 import Control
from perovec_bayes.inference import bridge
from perovec_bayes.inference.cards import Card
from perovec_bayes.inference.mechanisms import parts
from perovec_bayes.inference.mechanisms.common import (
    NOISE_DISPLAY,
    NOISE_UNITS,
    area,
    ln_ksp,
)
from perovec_bayes.inference.mechanisms.solubility import atoms, check_solute
from perovec_bayes.inference.model import Builder, model_in_context
from perovec_bayes.inference.observe import observe_cv, observe_od
from perovec_bayes.inference.observe_icp import observe_icp
from perovec_bayes.inference.priors import LogNormal

UNITS = {
    **parts.UNITS,
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
OPTICS = ("e_b", "kappa_s", "n_s", "od_0", "sigma_od", "sigma_drift", "tau_drift")
DISPLAY = {
    "s": "mol/L",
    "c_b": "mmol/L",
    "c_sat": "mmol/L",
    "K_X": "L/mol",
    "i_r": "uA/cm^2",
    "G_L0": "nmol/cm^2",
    "C_dl": "uF/cm^2",
    "g0": "uA/cm^2",
    "g1": "uS/cm^2",
    "G0": "nmol/cm^2",
    **NOISE_DISPLAY,
}


def required(card: Card) -> set[str]:
    """Return the parameters that a card must have for its options and techniques.

    Parameters
    ----------
    card : Card
        With a study's overrides merged in.
    """
    options = _options(card)
    names = {*parts.needed(options), "area", *NOISE_UNITS}
    if parts.has_film(options):
        names |= {"E_f", "E_VB", "E_gap"}
    if "od" in card.techniques:
        names |= {*OPTICS}
    if "icp" in card.techniques:
        names |= {"s_m", "s_p"}
    return names


def _options(card: Card) -> dict[str, Any]:
    """Return the options that choose parts, each checked."""
    chosen = {}
    for name, values in parts.OPTIONS.items():
        value = card.options.get(name, values[0])
        if value not in values:
            raise StudyError(
                f"unknown value of option '{name}'",
                file=card.origin.file,
                place=f"options.{name}",
                expected=f"one of {', '.join(map(str, values))}",
                found=str(value),
            )
        chosen[name] = value
    return chosen


def add(builder: Builder) -> None:
    """Add the electrode, its derived quantities and the likelihoods of all its datasets.

    Parameters
    ----------
    builder : Builder
        Inside a PyMC model context.
    """
    cv = builder.one("cv")
    _on_ferrocene_scale(cv)
    f = thermal_frequency(float(cv.attrs["temperature_K"]))
    options = _options(builder.card)
    film = parts.has_film(options)
    p = {name: builder.parameter(name) for name in parts.needed(options)}
    if film:
        _frame_of_dissolution(builder)
        stoich = material(str(builder.card.options["material"])).stoichiometry
        ln_k = ln_ksp(p["s"], stoich)
        tied = options["formal_potential"] == "tied"
        p["E_f"] = p["E0"] + ln_k / (2 * f) if tied else builder.parameter("E_f")
        p["E_CB"] = builder.parameter("E_VB") - builder.parameter("E_gap")
    A = area(builder, cv)

    time = cv["time"].to_numpy()
    wait = builder.number("wait")
    programme = measured(time, cv["potential"].to_numpy(), wait=wait)
    control = Control(int(builder.number("attempts")), builder.number("tolerance"))
    grid = _grid(cv, programme, int(builder.number("steps")))
    limits = sampling.windows(time)
    od = builder.of_technique("od")
    od_times = [_od_times(each, cv, wait) for each in od]
    names = tuple(p)

    def respond(*values: Any) -> Any:
        model = parts.assemble(options, dict(zip(names, values, strict=True)))
        r = voltammetry.respond(model, programme, f, control=control, grid=grid)
        o = r.output
        at = [sampling.between(r.time, each) for each in od_times]
        passed = 0.5 * jnp.diff(r.time)
        cathodic = -jnp.sum(passed * _pairs(jnp.minimum(o.current, 0.0)))
        anodic = jnp.sum(passed * _pairs(jnp.maximum(o.current, 0.0)))
        left = o.film[-1] / o.film[0] if film else jnp.ones(())
        return (
            sampling.averages(r.time, o.charge, o.current, limits),
            tuple(each.value(o.film, o.film_rate) for each in at),
            tuple(each.value(o.lead, o.lead_rate) for each in at),
            anodic / cathodic,
            left,
        )

    density, films, leads, charge_ratio, left = bridge.wrap(respond)(*p.values())
    observe_cv(builder, cv, density, A)
    for each, G, q in zip(od, films, leads, strict=True):
        _add_od(builder, each, G, q)
    for each in builder.of_technique("icp"):
        check_solute(each, str(builder.card.options["material"]), str(cv.attrs.get("solvent", "")))
        observe_icp(builder, each, p["s" if film else "c_b"] * bridge.constant(atoms(each)))

    if film:
        _derive(builder, p, ln_k, f, tied)
        builder.derived(
            "film_left",
            left,
            unit="1",
            symbol="G_end/G0",
            description="share of the film left at the end",
        )
    builder.derived(
        "Q_ratio",
        charge_ratio,
        unit="1",
        symbol="Q_an/Q_cat",
        description="anodic over cathodic charge of the model",
    )


def _grid(cv: xr.Dataset, programme: Programme, steps: int) -> np.ndarray | None:
    """Return the model's grid, None where nothing has been measured yet.

    Steps then follow the error: more accurate, but not smooth in the parameters.
    """
    current = cv["current" if "current" in cv else "current_density"].to_numpy()
    if not np.ptp(current) > 0:
        return None
    time, potential = cv["time"].to_numpy(), cv["potential"].to_numpy()
    return grids.from_data(time, potential, current, programme.breaks, steps, begin=programme.start)


def _pairs(values: Any) -> Any:
    """Return the sums of neighbours."""
    return values[1:] + values[:-1]


def _frame_of_dissolution(builder: Builder) -> None:
    """Sample k_d, often bounded from above only, as what it does above and as ln k_d below."""
    prior = builder.card.parameters["k_d"].canonical_prior()
    if isinstance(prior, LogNormal):
        builder.info.frames["k_d"] = bridge.Frame(
            bridge.constant(np.log(prior.median)), bridge.constant(1.0), np.ones(1, dtype=bool)
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


def _od_times(od: xr.Dataset, cv: xr.Dataset, wait: float) -> np.ndarray:
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


def _derive(builder: Builder, p: dict[str, Any], ln_k: Any, f: float, tied: bool) -> None:
    """Add K_sp, the formal potential, the actual ones, the distance to the conduction band."""
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
        p["E_CB"],
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
