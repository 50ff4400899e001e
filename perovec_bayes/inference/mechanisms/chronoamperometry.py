"""A current transient after a potential step at a bare electrode in a solution of lead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jax import numpy as jnp
from pytensor import tensor as pt

from perovec_bayes.constants import STANDARD_CONCENTRATION, thermal_frequency
from perovec_bayes.errors import StudyError
from perovec_bayes.forward import grids, sampling, transients
from perovec_bayes.forward.electrode import BACKGROUND_CENTRE, NUCLEATION_WIDTH
from perovec_bayes.forward.programme import Programme, measured
from perovec_bayes.forward.trbdf2 import Control
from perovec_bayes.inference import bridge
from perovec_bayes.inference.builder import Builder
from perovec_bayes.inference.cards import Card, Option
from perovec_bayes.inference.mechanisms import electrode, parts, reference
from perovec_bayes.inference.mechanisms.common import area
from perovec_bayes.inference.mechanisms.reference import on_ferrocene_scale
from perovec_bayes.inference.mechanisms.solubility import atoms, check_solute
from perovec_bayes.inference.observe import observe_transient
from perovec_bayes.inference.observe_icp import observe_icp
from perovec_bayes.inference.priors import Normal

BACKGROUND = ("g0", "g1")
LAWS: dict[str, tuple[str, ...]] = {
    "cottrell": ("D", "c_b"),
    "instantaneous": ("D", "c_b", "N0"),
    "progressive": ("D", "c_b", "N0", "E0", "lnA", "B_n"),
    "heerman_tarallo": ("D", "c_b", "N0", "E0", "lnA", "B_n"),
    "sluyters_rehbach": ("D", "c_b", "N0", "E0", "lnA", "B_n"),
}
"""Closed forms, and the parameters that each needs beside the background."""
ENGINE = ("deposit", "residual", "side_reaction", "transport", "loss")
"""Options that only the engine knows."""
ABSENT: dict[str, Any] = {
    name: parts.OPTIONS[name][0] for name in ("decomposition", "populations", "shell", "pools")
}
OPTIONS = {
    "law": Option("engine", ("engine", *LAWS)),
    "deposit": Option("nucleation", parts.OPTIONS["deposit"]),
    **{name: electrode.OPTIONS[name] for name in ENGINE if name != "deposit"},
    "points": Option("mean", ("mean", "instant")),
    "before": Option(-0.4),
    "delay": Option(0.0),
    "material": Option("PbBr2"),
    "steps": Option(800),
}
NOISE = {"sigma_a": "A/cm^2", "sigma_p": "1", "sigma_d": "A/cm^2", "ell_t": "1"}
UNITS = {
    **{name: electrode.UNITS[name] for name in parts.UNITS},
    "area": "cm^2",
    **reference.UNITS,
    "s_m": "1",
    "s_p": "1",
    **NOISE,
}
DISPLAY = {name: unit for name, unit in electrode.DISPLAY.items() if name in UNITS}
APART = 30.0
"""Distance of the first point after a jump from the last before it, on the scale of ell_t [1]."""
FINER = 4
"""So many times the steps of a fit are taken where nothing has been measured yet [1]."""


def required(card: Card) -> set[str]:
    """Return the parameters that a card must have for its options and techniques.

    Parameters
    ----------
    card : Card
        With a study's overrides merged in, and every option.
    """
    names = {*_needed(card.options), "area", *reference.UNITS, *NOISE}
    return names | {"s_m", "s_p"} if "icp" in card.techniques else names


def _needed(options: Mapping[str, Any]) -> list[str]:
    law = str(options["law"])
    return parts.needed({**ABSENT, **options}) if law == "engine" else [*LAWS[law], *BACKGROUND]


class Step(NamedTuple):
    """What was done to the electrode."""

    programme: Programme
    """E(t)."""
    level: float
    """Most negative potential that is stepped to [V]."""


def potential_step(builder: Builder, cv: xr.Dataset) -> Step:
    """Return the programme of a record: as measured, or with a step before its first point.

    Parameters
    ----------
    builder : Builder
        With the options `before` and `delay`.
    cv : xr.Dataset
        Of technique "cv".

    Raises
    ------
    StudyError
        If the potential was never stepped, or a closed form cannot follow it.
    """
    time, potential = cv["time"].to_numpy(), cv["potential"].to_numpy()
    programme = measured(time, potential)
    law, file = str(builder.card.options["law"]), cv.attrs.get("source_file")
    if not programme.jumps.size:
        delay = builder.number("delay")
        if delay < 0:
            raise StudyError(
                "the step comes after the first point",
                place="options.delay",
                expected="the time from the step to the first point, 0 s or more",
                found=f"{delay:g} s",
            )
        if np.ptp(potential) > grids.HELD:
            raise StudyError(
                "no potential step in this record",
                file=file,
                expected="a jump between two points, or one potential throughout",
                found=f"{potential.min():g} to {potential.max():g} V without a jump",
                hint="For a voltammogram take card 'dissolved_lead'.",
            )
        before = builder.number("before") - float(cv.attrs.get("measured_offset_V", 0.0))
        if abs(before - potential[0]) < grids.HELD:
            raise StudyError(
                "the potential before the step is that after it",
                place="options.before",
                expected=f"another potential than {potential[0]:g} V",
                found=f"{before:g} V",
            )
        at = time[0] - delay
        programme = Programme(
            np.concatenate([[at, at], programme.time[1:]]),
            np.concatenate([[before], programme.potential]),
        )
    levels = [potential[time > jump][0] for jump in programme.jumps]
    if law != "engine":
        after = potential[time > programme.jumps[-1]]
        if len(levels) > 1 or np.ptp(after) > grids.HELD:
            raise StudyError(
                f"law '{law}' is for one step to a constant potential",
                file=file,
                expected=f"one jump, then a potential within {1e3 * grids.HELD:g} mV",
                found=f"{len(levels)} jumps, {1e3 * np.ptp(after):.3g} mV after the last",
                hint="Cut the record, or take law = 'engine'.",
            )
    return Step(programme, float(min(levels)))


def add(builder: Builder) -> None:
    """Add the electrode, its derived quantities and the likelihood of the transient.

    Parameters
    ----------
    builder : Builder
        Inside a PyMC model context.
    """
    cv, error = on_ferrocene_scale(builder, builder.one("cv"))
    f = thermal_frequency(float(cv.attrs["temperature_K"]))
    options: Mapping[str, Any] = builder.card.options
    law = str(options["law"])
    _check_engine_options(builder, law)
    step = potential_step(builder, cv)
    p = {name: builder.parameter(name) for name in _needed(options)}
    if "E0" in p:
        p["E0"] = p["E0"] + error  # as it appears in the record
    A = area(builder, cv)
    if "lnA" in p and isinstance(builder.card.parameters["lnA"].canonical_prior(), Normal):
        _frame_of_rate(builder, p, step, f)
    respond = _engine(builder, cv, step, f) if law == "engine" else _closed(builder, cv, step, f)
    names = tuple(p)
    density = bridge.wrap(lambda *values: respond(dict(zip(names, values, strict=True))))(
        *p.values()
    )
    observe_transient(builder, cv, density, A, _path(cv["time"].to_numpy(), step.programme.jumps))
    for each in builder.of_technique("icp"):
        check_solute(each, str(options["material"]), str(cv.attrs.get("solvent", "")))
        observe_icp(builder, each, p["c_b"] * bridge.constant(atoms(each)))
    _derive(builder, p, step, f)


def _frame_of_rate(builder: Builder, p: Mapping[str, Any], step: Step, f: float) -> None:
    """Sample ln A against the barrier: one step determines ln A(eta), not ln A and B_n apart."""
    eta = overpotential_of(p["E0"], p["c_b"], step.level, f, pt.log)
    barrier = p["B_n"] / (eta**2 + NUCLEATION_WIDTH**2)
    flat = np.zeros(1, dtype=bool)
    builder.frame("lnA", bridge.Frame(barrier, bridge.constant(1.0), flat))


def _check_engine_options(builder: Builder, law: str) -> None:
    for name in ENGINE if law != "engine" else ():
        if builder.card.options[name] != OPTIONS[name].default:
            raise StudyError(
                f"option '{name}' needs law = 'engine'",
                place=f"options.{name}",
                expected=f"{OPTIONS[name].default} with law = '{law}'",
                found=str(builder.card.options[name]),
            )


type Response = Callable[[Mapping[str, Any]], Any]


def _engine(builder: Builder, cv: xr.Dataset, step: Step, f: float) -> Response:
    """Return the current density of the electrode at the times of the data."""
    options = {**ABSENT, **builder.card.options}
    time = cv["time"].to_numpy()
    # after a jump a fixed grid suits any transient, also one that has not been measured yet
    seen = np.ptp(electrode.measured_current(cv)) > 0
    steps = int(builder.number("steps")) * (1 if seen else FINER)
    grid = electrode.grid_of(cv, step.programme, steps)
    run = electrode.runner(options, builder.card, step.programme, f, Control(), grid)
    limits = sampling.windows(time, step.programme.jumps)
    mean = options["points"] == "mean"

    def respond(v: Mapping[str, Any]) -> Any:
        r = run(v)
        if mean:
            return sampling.averages(r.time, r.output.charge, r.output.current, limits)
        return sampling.between(r.time, time).slope(r.output.charge, r.output.current)

    return respond


def _closed(builder: Builder, cv: xr.Dataset, step: Step, f: float) -> Response:
    """Return the current density by a closed form, with the background of the engine."""
    law = str(builder.card.options["law"])
    mean = builder.card.options["points"] == "mean"
    time = cv["time"].to_numpy() - step.programme.jumps[0]
    limits = sampling.windows(time, np.zeros(1))
    overpotential = cv["potential"].to_numpy() - BACKGROUND_CENTRE

    def respond(v: Mapping[str, Any]) -> Any:
        def current(t: Any) -> Any:
            if law == "cottrell":
                return transients.cottrell(t, v["c_b"], v["D"])
            rate: Any = 1.0
            if "lnA" in v:
                eta = overpotential_of(v["E0"], v["c_b"], step.level, f, jnp.log)
                rate = transients.nucleation_rate(v["lnA"], v["B_n"], eta)
            p = transients.NucleationParameters(v["c_b"], v["D"], v["N0"], rate)
            if law == "instantaneous":
                return transients.scharifker_hills(t, p, transients.INSTANTANEOUS)
            if law == "progressive":
                return transients.scharifker_hills(t, p, transients.PROGRESSIVE)
            if law == "heerman_tarallo":
                return transients.heerman_tarallo(t, p)
            return transients.sluyters_rehbach(t, p)

        own = transients.mean_between(current, limits) if mean else current(time)
        return own + v["g0"] + v["g1"] * overpotential

    return respond


def overpotential_of(E0: Any, c_b: Any, level: float, f: float, log: Callable[..., Any]) -> Any:
    """Return eta = E - E0' - (RT/2F) ln(c_b/c°), on graphs or arrays.

    Parameters
    ----------
    E0 : Any
        Formal potential, scalar [V].
    c_b : Any
        Bulk concentration, scalar [mol cm^-3].
    level : float
        E, scalar [V].
    f : float
        F/RT, scalar [V^-1].
    log : callable
        Natural logarithm.
    """
    return level - E0 - log(c_b / STANDARD_CONCENTRATION) / (2 * f)


def _path(time: np.ndarray, jumps: np.ndarray) -> np.ndarray:
    """Return how far each point is from the one before, in ln of the time since the last jump."""
    begin = np.concatenate([[min(time[0], jumps[0])], jumps])
    last = np.searchsorted(begin[1:], time, side="left")
    elapsed = time - begin[last]
    unit = float(elapsed[elapsed > 0].min())
    path = np.diff(np.log1p(elapsed / unit), prepend=0.0)
    return np.where(np.diff(last, prepend=last[0]) > 0, APART, np.abs(path))


def _derive(builder: Builder, p: Mapping[str, Any], step: Step, f: float) -> None:
    """Add what the late part of the transient determines, and its nucleation rate."""
    builder.derived(
        "c_sqrtD",
        p["c_b"] * pt.sqrt(p["D"]),
        unit="mol/cm^2/s^0.5",
        symbol="c_b √D",
        scale="log",
        description="what the late, diffusion-limited part of the transient determines",
    )
    if "E0" not in p:
        return
    eta = overpotential_of(p["E0"], p["c_b"], step.level, f, pt.log)
    builder.derived(
        "eta",
        eta,
        unit="V",
        symbol="η",
        description="overpotential at the most negative step, against E0' and c_b",
    )
    if "lnA" in p:
        builder.derived(
            "A_eta",
            bridge.wrap(transients.nucleation_rate)(p["lnA"], p["B_n"], eta),
            unit="1/s",
            symbol="A(η)",
            scale="log",
            description="nucleation rate of a free site at that overpotential",
        )
