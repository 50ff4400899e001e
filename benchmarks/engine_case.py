"""What the engine is timed on: the full model of a bulk film, three cycles, a grid as in a fit."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from perovec_bayes.constants import STANDARD_CONCENTRATION, thermal_frequency
from perovec_bayes.forward import grids, voltammetry
from perovec_bayes.forward.electrode import (
    ButlerVolmer,
    Cell,
    Deposit,
    Electrode,
    Film,
    Lead,
    NoyesWhitney,
    Nucleation,
    Sites,
)
from perovec_bayes.forward.programme import Programme, sweeps
from perovec_bayes.forward.trbdf2 import Control

jax.config.update("jax_enable_x64", True)

F = thermal_frequency()
"""F/RT [V^-1]."""
SITES = 1e9
"""N0 [cm^-2]."""
LN_A, BARRIER = 8.0, 0.15
"""Nucleation: ln A [ln s^-1] and B_n [V^2]."""
TRUTH = {
    "E0": -0.75,
    "s": 4.1e-11,
    "k0": 1e-3,
    "A_c": 0.8,
    "D": 1.2e-5,
    "D_ion": 1.2e-5,
    "k_II": 1.5e-10,
    "A_d": 1.0,
    "p": 0.3,
    "G0": 1e-7,
    "k_d": 1e-5,
    "k_iso": 8e-3,
    "R_u": 250.0,
    "C_dl": 1e-5,
    "g0": -2e-7,
    "g1": 1e-6,
}
"""The sixteen parameters of the forward model in `examples/bulk_film` (cm, s, mol, V, A)."""
SPACING = 1.0
"""Of the record that the grid is made from [s]."""
BASE_STEPS = 1000
"""Steps that finer grids are made from by division [1]."""


def programme() -> Programme:
    """Return three cycles from -0.35 V to -2.0 V and back to -0.2 V at 10 mV/s."""
    return sweeps([-0.35, -2.0, -0.2, -2.0, -0.2, -2.0, -0.2], 0.01)


def model(theta: Array, *, nucleation: bool = True) -> Electrode:
    """Return the electrode, E_f tied to E0' and s by K_sp = 27 (s/c°)^5.

    Parameters
    ----------
    theta : Array
        Each parameter over its value in `TRUTH`, shape (16,) [1].
    nucleation : bool, default True
        Whether nuclei form and die; a constant number of sites otherwise.
    """
    v = {name: value * theta[i] for i, (name, value) in enumerate(TRUTH.items())}
    E_f = v["E0"] + (jnp.log(27.0) + 5 * jnp.log(v["s"] / STANDARD_CONCENTRATION)) / (2 * F)
    surface = Nucleation(LN_A, BARRIER, SITES) if nucleation else Sites(SITES)
    return Electrode(
        Cell(v["R_u"], v["C_dl"], v["g0"], v["g1"]),
        (Lead(v["E0"], v["k0"], v["A_c"], v["D"]),),
        Deposit(surface, v["k_iso"]),
        Film(
            v["G0"],
            v["p"],
            v["s"],
            v["D_ion"],
            ButlerVolmer(v["k_II"], v["A_d"], E_f),
            NoyesWhitney(v["k_d"]),
        ),
    )


@cache
def simulated() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return times, potentials and currents as they would be measured.

    Returns
    -------
    time, potential, current : ndarray
        Each shape (points,) [s], [V], [A cm^-2].
    """
    p = programme()
    run = jax.jit(lambda x: voltammetry.respond(model(x), p, F, control=Control()))
    record = run(jnp.ones(len(TRUTH)))
    time = np.arange(p.start, p.end + 0.5 * SPACING, SPACING)
    potential = np.interp(time, p.time, p.potential)
    taken = np.append(True, np.asarray(record.taken))
    current = np.asarray(record.output.current)[taken]
    return time, potential, np.interp(time, np.asarray(record.time)[taken], current)


def grid(steps: int) -> np.ndarray:
    """Return a grid as a fit would make it from this voltammogram.

    Parameters
    ----------
    steps : int
        About how many steps, scalar [1].

    Returns
    -------
    ndarray
        Times, shape (about steps + 1,) [s].
    """
    p = programme()
    return grids.from_data(*simulated(), p.breaks, steps, begin=p.start)


def finer(times: np.ndarray, division: int) -> np.ndarray:
    """Return a grid with every step divided into equal ones.

    Parameters
    ----------
    times : ndarray
        Times, increasing, shape (steps + 1,) [s].
    division : int
        Into how many, scalar [1].
    """
    place = np.arange(len(times) * division - division + 1) / division
    return np.interp(place, np.arange(len(times)), times)
