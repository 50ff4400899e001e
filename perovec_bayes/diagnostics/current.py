"""The current of an electrode taken apart into its processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from perovec_bayes.constants import FARADAY, ROOM_TEMPERATURE, thermal_frequency
from perovec_bayes.diagnostics.observables import Observable, decoded, observables
from perovec_bayes.forward.electrode import BACKGROUND_CENTRE
from perovec_bayes.forward.programme import measured
from perovec_bayes.forward.trbdf2 import Control, Record
from perovec_bayes.inference.cards import Card
from perovec_bayes.inference.mechanisms import electrode, parts

DRAWS = 8
"""So many draws, spread over the chains, are taken apart."""
PROCESSES = ("deposition", "decomposition", "stripping", "background", "charging")
"""Reduction of dissolved lead (wave I) and of the film (wave II), oxidation of lead, background,
and the double layer; they add up to the current."""


def current_parts(tree: xr.DataTree, card: Card) -> xr.Dataset | None:
    """Take the model's current apart, for a few draws of the posterior.

    With v_dep the net rate of deposition (negative: stripping) and v_dec that of decomposition:
    deposition -2F max(v_dep, 0), decomposition -2F v_dec, stripping 2F max(-v_dep, 0), background
    g0 + g1 (phi + 1 V) less the side reaction, and the double layer the rest.

    Parameters
    ----------
    tree : DataTree
        A result.
    card : Card
        The card it was made with, the study's changes merged in.

    Returns
    -------
    Dataset or None
        `NAME_PROCESS` of the voltammogram, shape (draw, point), in the unit of its current; None
        where the mechanism is not "electrode" or there are several experiments.
    """
    curves = [each for each in observables(tree) if each.technique == "cv"]
    if decoded(tree, "card").get("mechanism") != "electrode" or len(curves) != 1:
        return None
    curve = curves[0]
    values = _values(tree, curve)
    if values is None or not np.ptp(curve.observed.to_numpy()) > 0:
        return None
    take_apart = jax.jit(_model(decoded(tree, "card")["options"], card, curve))
    scale = values.pop("scale")
    found = [
        {name: np.asarray(part) * scale[i] for name, part in take_apart(_at(values, i)).items()}
        for i in range(DRAWS)
    ]
    dims = ("part_draw", f"{curve.name}_point")
    return xr.Dataset(
        {
            f"{curve.name}_{name}": (dims, np.stack([each[name] for each in found]))
            for name in PROCESSES
        },
        attrs={"unit": curve.unit},
    )


def _at(values: Mapping[str, np.ndarray], draw: int) -> dict[str, float]:
    return {name: float(value[draw]) for name, value in values.items()}


def _values(tree: xr.DataTree, curve: Observable) -> dict[str, np.ndarray] | None:
    """Return a few draws of each parameter, as they appear in the data, and of the area's scale."""
    posterior, priors = tree["posterior"].to_dataset(), decoded(tree, "priors")
    options = decoded(tree, "card")["options"]
    size = posterior.sizes["chain"] * posterior.sizes["draw"]
    chosen = np.linspace(0, size - 1, DRAWS).round().astype(int)

    def draws(name: str) -> np.ndarray | None:
        if name in posterior and posterior[name].ndim == 2:
            return np.asarray(posterior[name].to_numpy().ravel()[chosen], dtype=float)
        fixed = priors.get(name, {}).get("value")
        return None if fixed is None else np.full(DRAWS, float(fixed))

    names = parts.needed(options)
    if parts.has_film(options):
        names += ["E_f", "E_CB"]
    values = {name: draws(name) for name in names}
    if any(value is None for value in values.values()):
        return None
    found = {name: value for name, value in values.items() if value is not None}
    offset = draws("offset") if "offset" in posterior else None
    if offset is not None:
        info = curve.info
        stated = info.get("measured_offset_V", info.get("reference_offset_V")) or 0.0
        for name in set(parts.POTENTIALS) & set(found):
            found[name] = found[name] + offset - float(stated)
    found["scale"] = _scale(curve, draws("area") if "area" in posterior else None)
    return found


def _scale(curve: Observable, area: np.ndarray | None) -> np.ndarray:
    """Return what a current density is multiplied by to be compared with the data."""
    stated = curve.info.get("area_cm2")
    free = area if area is not None else np.full(DRAWS, float(stated or 1.0))
    return free / float(stated or 1.0) if curve.unit != "A" else free


type Model = Callable[[Mapping[str, Any]], dict[str, Any]]


def _model(options: Mapping[str, Any], card: Card, curve: Observable) -> Model:
    """Return the function from parameters to current densities at the data's times."""
    time = curve.constants["time"].astype(float)
    potential = curve.constants["potential"].astype(float)
    data = xr.Dataset(
        {
            "time": ("point", time),
            "potential": ("point", potential),
            "current": ("point", curve.observed.to_numpy().astype(float)),
        }
    )
    programme = measured(time, potential, wait=float(options["wait"]))
    f = thermal_frequency(float(curve.info.get("temperature_K") or ROOM_TEMPERATURE))
    grid = electrode.grid_of(data, programme, int(options["steps"]))
    control = Control(int(options["attempts"]), float(options["tolerance"]))
    run = electrode.runner(options, card, programme, f, control, grid)

    def take_apart(v: Mapping[str, Any]) -> dict[str, Any]:
        record = run(v)
        found = _currents(record, v, f)
        return {name: jnp.interp(time, record.time, part) for name, part in found.items()}

    return take_apart


def _currents(record: Record, v: Mapping[str, Any], f: float) -> dict[str, Any]:
    o = record.output
    background = v["g0"] + v["g1"] * (o.potential - BACKGROUND_CENTRE)
    if "i_r" in v:
        background = background - v["i_r"] * jnp.exp(-v["a_r"] * f * (o.potential - v["E_r"]))
    deposition = -2 * FARADAY * jnp.maximum(o.deposition, 0.0)
    stripping = 2 * FARADAY * jnp.maximum(-o.deposition, 0.0)
    decomposition = -2 * FARADAY * o.decomposition
    faradaic = deposition + stripping + decomposition
    return {
        "deposition": deposition,
        "decomposition": decomposition,
        "stripping": stripping,
        "background": background,
        "charging": o.current - faradaic - background,
    }
