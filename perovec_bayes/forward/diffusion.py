"""Semi-infinite planar diffusion as a sum of exponentials with piecewise-linear flux.

The surface concentration of a species with diffusion coefficient D that starts at c_b and receives
the flux J(t) is c_s(t) = c_b + D^(-1/2) m(t), with the semi-integral m = K * J and
K(t) = 1/sqrt(pi t). On a uniform grid the last interval is integrated exactly; older ones are
carried by modes with positive poles and weights, so that a step costs the same however long the
history is.

Symbols: t time [s]; J flux into the solution [mol cm^-2 s^-1];
m semi-integral of J [mol cm^-2 s^-1/2].
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

TABLE_ACCURACY = 2e-6
"""Largest relative error of the kernel accepted from the stored tables."""


class Memory(NamedTuple):
    """Constants of the recursion on one uniform grid (plain arrays, no gradient needed)."""

    now: float
    """Weight of the flux of this step, (4/3) sqrt(dt/pi) [s^1/2]."""
    before: float
    """Weight of the flux of the step before, (2/3) sqrt(dt/pi) [s^1/2]."""
    decay: Array
    """Decay of each mode in a step, shape (modes,) [1]."""
    gain_now: Array
    """Weighted response of each mode to the flux one step ago, shape (modes,) [s^1/2]."""
    gain_before: Array
    """The same for the flux two steps ago, shape (modes,) [s^1/2]."""


@cache
def _tables() -> dict[tuple[int, int], tuple[np.ndarray, np.ndarray, float]]:
    text = resources.files("perovec_bayes.forward").joinpath("data/soe_tables.csv").read_text()
    rows: dict[tuple[int, int], list[tuple[float, float, float]]] = {}
    for row in csv.DictReader(text.splitlines()):
        key = (int(row["R"]), int(row["N"]))
        rows.setdefault(key, []).append(
            (float(row["s_unit_dt"]), float(row["w_unit_dt"]), float(row["max_rel_err"]))
        )
    return {
        key: (np.array([r[0] for r in value]), np.array([r[1] for r in value]), value[0][2])
        for key, value in rows.items()
    }


def poles(steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return poles and weights with sum_j w_j exp(-s_j t) = 1/sqrt(pi t) for 1 <= t <= `steps`.

    Optimised tables serve up to 10,000 steps; beyond, the trapezoidal rule in u = ln s of
    (1/pi) int exp(u/2 - t e^u) du, which needs more terms but has no upper end.

    Parameters
    ----------
    steps : int
        Number of steps of the grid, R, scalar [1].

    Returns
    -------
    s, w : ndarray
        Poles s_j and weights w_j, both shape (modes,), positive [1], in units of the step.

    References
    ----------
    McLean, W. (2018), Exponential sum approximations for t^-beta, in: Contemporary Computational
    Mathematics.
    """
    fitting = [
        (count, s, w)
        for (reach, count), (s, w, error) in _tables().items()
        if reach >= steps and error <= TABLE_ACCURACY
    ]
    if fitting:
        _, s, w = min(fitting, key=lambda item: item[0])
        return s, w
    spacing = 0.55
    u = np.arange(np.log(1e-14 / steps), np.log(40.0), spacing)
    return np.exp(u), spacing / np.pi * np.exp(u / 2)


def memory(dt: float, steps: int) -> Memory:
    """Prepare the recursion for a uniform grid.

    Parameters
    ----------
    dt : float
        Time step, scalar [s].
    steps : int
        Number of steps, scalar [1].

    Returns
    -------
    Memory
        Constants used by `history` and `advance`.
    """
    x, w = poles(steps)
    weight = w * np.sqrt(dt)  # w_j dt, with w_j = w_unit / sqrt(dt)
    small = x < 1e-2
    safe = np.where(small, 1.0, x)
    a = np.where(
        small,
        1 / 2 - x / 6 + x**2 / 24 - x**3 / 120,
        (safe - 1 + np.exp(-safe)) / safe**2,
    )
    b = np.where(
        small,
        1 / 2 - x / 3 + x**2 / 8 - x**3 / 30,
        (1 - np.exp(-safe) * (1 + safe)) / safe**2,
    )
    root = np.sqrt(dt / np.pi)
    decay = np.exp(-x)
    return Memory(
        now=4 / 3 * root,
        before=2 / 3 * root,
        decay=jnp.asarray(decay),
        gain_now=jnp.asarray(decay * weight * a),
        gain_before=jnp.asarray(decay * weight * b),
    )


class Past(NamedTuple):
    """History of one flux: modes and the last two values."""

    modes: Array
    """Weighted modes, shape (modes,) [mol cm^-2 s^-1/2]."""
    last: Array
    """Flux of the last step, scalar [mol cm^-2 s^-1]."""
    last2: Array
    """Flux of the step before it, scalar [mol cm^-2 s^-1]."""


def no_past(memory: Memory) -> Past:
    """Return the history of a flux that has been zero.

    Parameters
    ----------
    memory : Memory
        Constants of the grid.
    """
    zero = jnp.zeros(())
    return Past(jnp.zeros_like(memory.decay), zero, zero)


def history(memory: Memory, past: Past) -> tuple[Array, Array]:
    """Advance the modes by a step and return what the past adds to the semi-integral.

    Parameters
    ----------
    memory : Memory
        Constants of the grid.
    past : Past
        History up to the step before.

    Returns
    -------
    modes : Array
        Modes at this step, shape (modes,) [mol cm^-2 s^-1/2].
    h : Array
        m at this step if the flux of this step were zero, scalar [mol cm^-2 s^-1/2]; with the flux
        J of this step m = memory.now * J + h.
    """
    modes = (
        memory.decay * past.modes + memory.gain_now * past.last + memory.gain_before * past.last2
    )
    return modes, memory.before * past.last + jnp.sum(modes)
