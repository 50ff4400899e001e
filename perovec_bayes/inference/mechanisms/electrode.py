"""An electrode with lead and film: voltammogram, optical density, ICP-OES."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from jax import numpy as jnp
from pytensor import tensor as pt

from perovec_bayes.chemistry import material
from perovec_bayes.constants import FARADAY, thermal_frequency
from perovec_bayes.forward import grids, sampling, voltammetry
from perovec_bayes.forward.programme import Programme, measured
from perovec_bayes.forward.stripping import overpotential
from perovec_bayes.forward.trbdf2 import Control, Record
from perovec_bayes.inference import bridge
from perovec_bayes.inference.builder import Builder
from perovec_bayes.inference.cards import Card, Option
from perovec_bayes.inference.mechanisms import (
    film_potentials,
    optical,
    parts,
    reference,
    transport,
)
from perovec_bayes.inference.mechanisms.common import (
    NOISE_DISPLAY,
    NOISE_UNITS,
    area,
    ln_ksp,
)
from perovec_bayes.inference.mechanisms.reference import on_ferrocene_scale
from perovec_bayes.inference.mechanisms.solubility import atoms, check_solute
from perovec_bayes.inference.model import Requirement
from perovec_bayes.inference.observe import observe_cv
from perovec_bayes.inference.observe_icp import observe_icp
from perovec_bayes.inference.priors import LogNormal, Normal

PEAK_WIDTH = 0.02
"""Of the steep end of a stripping peak, for the time that it takes [V]."""
OPTIONS = {
    **{name: Option(values[0], values) for name, values in parts.OPTIONS.items()},
    "material": Option("CsPbBr3"),
    "wait": Option(0.0),
    "steps": Option(800),
    "tolerance": Option(3e-4),
    "attempts": Option(2400),
}
UNITS = {
    **parts.UNITS,
    "E_f": "V",
    "E_VB": "V",
    "E_gap": "V",
    "n_opt": "1",
    "area": "cm^2",
    **reference.UNITS,
    **optical.UNITS,
    "s_m": "1",
    "s_p": "1",
    **NOISE_UNITS,
}
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
    **transport.DISPLAY,
    **NOISE_DISPLAY,
}


def consumes(card: Card) -> bool:
    """Tell whether an experiment uses up its sample.

    Parameters
    ----------
    card : Card
        With every option.
    """
    return parts.has_film(card.options) or bool(card.options["shell"])


def required(card: Card) -> set[str]:
    """Return the parameters that a card must have for its options and techniques.

    Parameters
    ----------
    card : Card
        With a study's overrides merged in, and every option.
    """
    options = card.options
    names = {*parts.needed(options), "area", *reference.UNITS, *NOISE_UNITS}
    if parts.has_film(options):
        names |= {"E_f", "E_VB", "E_gap", "n_opt"}
    if "od" in card.techniques:
        names |= {*optical.UNITS}
    if "icp" in card.techniques:
        names |= {"s_m", "s_p"}
    return names


def add(builder: Builder) -> None:
    """Add the electrode, its derived quantities and the likelihoods of all its datasets.

    Parameters
    ----------
    builder : Builder
        Inside a PyMC model context.
    """
    cv, error = on_ferrocene_scale(builder, builder.one("cv"))
    f = thermal_frequency(float(cv.attrs["temperature_K"]))
    options: Mapping[str, Any] = builder.card.options
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
    shown = {name: p[name] + error if name in parts.POTENTIALS else p[name] for name in p}
    pairs = builder.parameter("n_opt") / 2 if film else bridge.constant(1.0)
    if film:  # the engine counts a film in pairs of electrons
        shown["G0"] = p["G0"] * pairs
        _frame_of_charge(builder)
    _frame_of_stripping(builder, cv, p, A, f, error)

    time = cv["time"].to_numpy()
    wait = builder.number("wait")
    programme = measured(time, cv["potential"].to_numpy(), wait=wait)
    control = Control(int(builder.number("attempts")), builder.number("tolerance"))
    grid = _grid(cv, programme, int(builder.number("steps")))
    run = runner(options, builder.card, programme, f, control, grid)
    limits = sampling.windows(time, programme.jumps)
    od = builder.of_technique("od")
    od_times = [optical.times(each, cv, wait) for each in od]
    lags = [optical.lag(builder, each) for each in od]
    names = tuple(p)

    def respond(*inputs: Any) -> Any:
        lags, values = inputs[: len(od)], inputs[len(od) :]
        r = run(dict(zip(names, values, strict=True)))
        o = r.output
        at = [
            sampling.between(r.time, each + lag) for each, lag in zip(od_times, lags, strict=True)
        ]
        return (
            sampling.averages(r.time, o.charge, o.current, limits),
            tuple(each.value(o.film, o.film_rate) for each in at),
            tuple(each.value(o.lead, o.lead_rate) for each in at),
            *_totals(r, film),
            jnp.sum(jnp.where(r.forced, 1.0, 0.0)),
        )

    density, films, leads, charge_ratio, efficiency, left, forced = bridge.wrap(respond)(
        *lags, *shown.values()
    )
    if grid is None:
        builder.info.requirements.append(
            Requirement(
                forced,
                "the model needs more time steps than it may take",
                "Raise attempts under [options], or tolerance.",
            )
        )
    observe_cv(builder, cv, density, A)
    for each, G, q in zip(od, films, leads, strict=True):
        start = p["G0"] if film else bridge.constant(1.0)
        optical.add(builder, each, optical.Inventory(G / pairs, start, q, 2 * pairs))
    for each in builder.of_technique("icp"):
        check_solute(each, str(builder.card.options["material"]), str(cv.attrs.get("solvent", "")))
        observe_icp(builder, each, p["s" if film else "c_b"] * bridge.constant(atoms(each)))

    if film:
        film_potentials.derive(builder, p, ln_k, f, tied)
        builder.derived(
            "film_left",
            left,
            unit="1",
            symbol="G_end/G0",
            description="share of the film left at the end",
        )
        builder.derived(
            "efficiency",
            efficiency,
            unit="1",
            symbol="Q_dec/Q_cat",
            description="share of the cathodic charge of the model that decomposes the film",
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
    if not np.ptp(measured_current(cv)) > 0:
        return None
    return grid_of(cv, programme, steps)


def measured_current(cv: xr.Dataset) -> np.ndarray:
    """Return the current or current density of a record.

    Parameters
    ----------
    cv : xr.Dataset
        Of technique "cv".

    Returns
    -------
    ndarray
        Shape (points,), [A] or [A cm^-2].
    """
    return cv["current" if "current" in cv else "current_density"].to_numpy()


def grid_of(cv: xr.Dataset, programme: Programme, steps: int) -> np.ndarray:
    """Return the model's grid for a record, see `forward.grids.from_data`.

    Parameters
    ----------
    cv : xr.Dataset
        Of technique "cv".
    programme : Programme
        E(t).
    steps : int
        About how many steps.

    Returns
    -------
    ndarray
        Times, shape (steps + 1,) [s].
    """
    return grids.from_data(
        cv["time"].to_numpy(),
        cv["potential"].to_numpy(),
        measured_current(cv),
        programme.breaks,
        steps,
        programme.start,
        programme.jumps,
    )


def runner(
    options: Mapping[str, Any],
    card: Card,
    programme: Programme,
    f: float,
    control: Control,
    grid: np.ndarray | None,
) -> Callable[[Mapping[str, Any]], Record]:
    """Return the function from the values of parameters to the response of the electrode.

    Parameters
    ----------
    options : mapping
        Every option of `parts`.
    card : Card
        With the priors, which tell what the diffusion kernels must be accurate for.
    programme : Programme
        E(t).
    f : float
        F/RT, scalar [V^-1].
    control : Control
        Of adaptive steps.
    grid : ndarray, optional
        Times to step over instead, shape (steps + 1,) [s].
    """
    duration = programme.end - programme.start
    least = control.shortest * duration if grid is None else float(np.diff(grid).min())
    lead, ion = parts.diffusion(options)
    names = [name for name in (*lead, ion, *transport.needed(options)) if name]
    span = transport.Span(least, duration, transport.limits(card, names))

    def run(v: Mapping[str, Any]) -> Record:
        model = parts.assemble(options, v)
        modes = transport.modes(options, v, span, lead, ion)
        return voltammetry.respond(model, programme, f, control=control, grid=grid, **modes)

    return run


def _totals(r: Record, film: bool) -> tuple[Any, Any, Any]:
    """Return Q_an/Q_cat, the share of Q_cat that decomposes the film, and that of the film left."""
    o, passed = r.output, 0.5 * jnp.diff(r.time)
    cathodic = -jnp.sum(passed * _pairs(jnp.minimum(o.current, 0.0)))
    anodic = jnp.sum(passed * _pairs(jnp.maximum(o.current, 0.0)))
    decomposed = 2 * FARADAY * jnp.sum(passed * _pairs(o.decomposition))
    left = o.film[-1] / o.film[0] if film else jnp.ones(())
    return anodic / cathodic, decomposed / cathodic, left


def _pairs(values: Any) -> Any:
    """Return the sums of neighbours."""
    return values[1:] + values[:-1]


def _frame_of_dissolution(builder: Builder) -> None:
    """Sample k_d, often bounded from above only, as what it does above and as ln k_d below."""
    prior = builder.card.parameters["k_d"].canonical_prior()
    if isinstance(prior, LogNormal):
        centre, width = bridge.constant(np.log(prior.median)), bridge.constant(1.0)
        builder.frame("k_d", bridge.Frame(centre, width, np.ones(1, dtype=bool)))


def _frame_of_charge(builder: Builder) -> None:
    """Sample G_0 as n_opt G_0, the charge that is in the film, where n_opt is free."""
    prior = builder.card.parameters["G0"].canonical_prior()
    if builder.is_free("n_opt") and isinstance(prior, LogNormal):
        flat = np.zeros(1, dtype=bool)
        centre = -pt.log(builder.values["n_opt"])
        builder.frame("G0", bridge.Frame(centre, bridge.constant(1.0), flat))


def _frame_of_stripping(
    builder: Builder, cv: xr.Dataset, p: dict[str, Any], area: Any, f: float, error: Any
) -> None:
    """Sample E0' as the potential of the stripping peak, which is what the data show.

    E0' follows with k0, A_c, D and R_u: a curved valley in them is a straight one in the peak.
    """
    prior = builder.card.parameters["E0"].canonical_prior()
    largest = float(measured_current(cv).max())
    if not isinstance(prior, Normal) or not largest > 0:
        return
    duration = PEAK_WIDTH / float(cv.attrs["scan_rate_V_s"])
    current = largest / area if "current" in cv else bridge.constant(largest)

    def peak(current: Any, k0: Any, A_c: Any, D: Any, R_u: Any) -> Any:
        lead = current / (2 * FARADAY)
        return overpotential(lead, duration, k0, A_c, D, f) + R_u * current

    where = bridge.wrap(peak)(current, *(p[name] for name in ("k0", "A_c", "D", "R_u")))
    flat = np.zeros(1, dtype=bool)
    builder.frame("E0", bridge.Frame(-where - error, bridge.constant(1.0), flat))
