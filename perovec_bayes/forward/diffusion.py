"""Semi-infinite planar diffusion as a sum of exponentials, with a flux of parabolas.

The surface concentration of a species with diffusion coefficient D that starts at c_b and receives
the flux J(t) is c_s(t) = c_b + D^(-1/2) m(t), with the semi-integral m = K * J and
K(t) = 1/sqrt(pi t). On a uniform grid the last two intervals are integrated exactly; older ones are
carried by modes with positive poles and weights, so that a step costs the same however long the
history is.

Between the nodes k - 1 and k the flux is, with s from 0 to 1,
J = (1 - s) J_(k-1) + s J_k + s (s - 1)/2 B_k: the parabola whose bend B_k is the mean of the second
differences at both nodes. The last interval, whose end has none yet, takes the bend of the one
before. For a smooth flux m is then of third order in the step, and the flux found from a given m
too. Where the flux has a kink there is no second difference: its neighbours' are taken, and
without any the flux is a straight line.

Stability was decided by G(z) = sum_k g_k z^k, with g_k the weight in m of the flux k steps ago on
the unit grid. A given m determines the flux stably if G has no zero in |z| <= 1, and so do all
kinetics if besides |arg G| < 90 degrees. Here |G sqrt(1 - z)| >= 0.41 and |arg G| < 55 degrees on
the circle (0.49 and 53 degrees with straight lines). Bending the last interval by its own second
difference only leaves 0.07: jumps then ring for tens of steps.

Symbols: t time [s]; J flux into the solution [mol cm^-2 s^-1];
m semi-integral of J [mol cm^-2 s^-1/2]; B second difference of J [mol cm^-2 s^-1].
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


class Weights(NamedTuple):
    """What the latest fluxes count for in each step (leading axis: steps, absent within one)."""

    fluxes: Array
    """Weights in m of the fluxes of this step and the three before, shape (steps, 4) [s^1/2]."""
    entering: Array
    """Of the interval that enters the modes: whether there is one, and the shares of the second
    differences at its end and at its start in its bend, shape (steps, 3) [1]."""


class Memory(NamedTuple):
    """Constants of the recursion on one uniform grid (plain arrays, no gradient needed)."""

    weights: Weights
    """Of every step."""
    decay: Array
    """Decay of each mode in a step, shape (modes,) [1]."""
    gain_end: Array
    """Weighted response of each mode to the flux at the end of an interval, two steps after it,
    shape (modes,) [s^1/2]."""
    gain_start: Array
    """The same for the flux at its start, shape (modes,) [s^1/2]."""
    gain_bend: Array
    """The same for its bend, shape (modes,) [s^1/2]."""


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


def _recent(lag: int) -> tuple[float, float, float]:
    """Return the weights of the flux at the end, at the start and of the bend of one interval.

    Exact integrals against 1/sqrt(pi (lag + 1 - s)) ds with lag + 1 - s = r^2, in units of
    sqrt(dt/pi); the interval ended `lag` steps ago.
    """

    def from_zero(r: float) -> np.ndarray:
        end = 2 * (lag + 1) * r - 2 * r**3 / 3
        bend = lag * (lag + 1) * r - (2 * lag + 1) * r**3 / 3 + r**5 / 5
        return np.array([end, 2 * r - end, bend])

    end, start, bend = from_zero(np.sqrt(lag + 1)) - from_zero(np.sqrt(lag))
    return float(end), float(start), float(bend)


def _responses(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the responses of modes to the flux at the end, at the start and to the bend.

    int_0^1 p(s) e^(-x (1 - s)) ds for p = s, 1 - s and s (s - 1)/2; series for small x.

    Parameters
    ----------
    x : ndarray
        Poles times the step, shape (modes,) [1].
    """
    small = x < 1e-2
    safe = np.where(small, 1.0, x)
    fade = np.exp(-safe)
    end = np.where(
        small, 1 / 2 - x / 6 + x**2 / 24 - x**3 / 120 + x**4 / 720, (safe - 1 + fade) / safe**2
    )
    start = np.where(
        small,
        1 / 2 - x / 3 + x**2 / 8 - x**3 / 30 + x**4 / 144,
        (1 - fade * (1 + safe)) / safe**2,
    )
    bend = -np.where(
        small,
        1 / 12 - x / 24 + x**2 / 80 - x**3 / 360 + x**4 / 2016,
        (safe - 2 + fade * (2 + safe)) / (2 * safe**3),
    )
    return end, start, bend


def _weights(dt: float, smooth: np.ndarray) -> Weights:
    """Return the weights of the latest fluxes in every step; arguments as of `memory`."""
    steps = len(smooth) - 1
    known = np.concatenate([np.zeros(2), smooth])  # nothing is known before the start
    at = {back: known[2 - back :][1 : steps + 1] for back in (1, 2)}  # at nodes n - 1, n - 2
    at[3] = np.concatenate([[0.0], at[2][:-1]])

    def shares(back: int) -> np.ndarray:
        both = at[back] + at[back + 1]
        return np.stack([at[back], at[back + 1]]) / np.where(both > 0, both, 1.0)

    end, start, bend = _recent(0)
    end_before, start_before, bend_before = _recent(1)
    # the last interval may only look past the node n - 1 if the flux is smooth there
    first, second = (bend * at[1] + bend_before) * shares(1)
    step = np.arange(1, steps + 1)  # the interval of step 1 is the first there is
    fluxes = [
        end + first,
        start + end_before * (step > 1) - 2 * first + second,
        start_before * (step > 1) + first - 2 * second,
        second,
    ]
    return Weights(
        fluxes=jnp.asarray(np.sqrt(dt / np.pi) * np.stack(fluxes, axis=1)),
        entering=jnp.asarray(np.stack([1.0 * (step > 2), *shares(2)], axis=1)),
    )


def memory(dt: float, smooth: np.ndarray) -> Memory:
    """Prepare the recursion for a uniform grid.

    Parameters
    ----------
    dt : float
        Time step, scalar [s].
    smooth : ndarray
        Whether the flux is smooth at each node, so that its second difference there tells its
        curvature, bool, shape (steps + 1,).

    Returns
    -------
    Memory
        Constants used by `history`.
    """
    x, w = poles(len(smooth) - 1)
    decay = np.exp(-x)
    weight = decay**2 * w * np.sqrt(dt)  # w_j dt, with w_j = w_unit / sqrt(dt)
    end, start, bend = (jnp.asarray(weight * each) for each in _responses(x))
    return Memory(_weights(dt, smooth), jnp.asarray(decay), end, start, bend)


class Past(NamedTuple):
    """History of one flux that was zero before t = 0: modes and the last four values."""

    modes: Array
    """Weighted modes, shape (modes,) [mol cm^-2 s^-1/2]."""
    fluxes: tuple[Array, Array, Array, Array]
    """Fluxes of the last four steps, latest first, scalars [mol cm^-2 s^-1]."""

    def followed_by(self, modes: Array, flux: Array) -> Past:
        """Return the history a step later.

        Parameters
        ----------
        modes : Array
            Modes at this step, as `history` returns them.
        flux : Array
            Flux of this step, scalar [mol cm^-2 s^-1].
        """
        return Past(modes, (flux, *self.fluxes[:3]))


def no_past(memory: Memory, flux: Array) -> Past:
    """Return the history of a flux that has been zero.

    Parameters
    ----------
    memory : Memory
        Constants of the grid.
    flux : Array
        Flux at t = 0, scalar [mol cm^-2 s^-1].
    """
    zero = jnp.zeros(())
    return Past(jnp.zeros_like(memory.decay), (flux, zero, zero, zero))


def history(memory: Memory, weights: Weights, past: Past) -> tuple[Array, Array]:
    """Advance the modes by a step and return what the past adds to the semi-integral.

    Parameters
    ----------
    memory : Memory
        Constants of the grid.
    weights : Weights
        Those of this step.
    past : Past
        History up to the step before.

    Returns
    -------
    modes : Array
        Modes at this step, shape (modes,) [mol cm^-2 s^-1/2].
    h : Array
        m at this step if the flux of this step were zero, scalar [mol cm^-2 s^-1/2]; with the flux
        J of this step m = weights.fluxes[0] * J + h.
    """
    one, two, three, four = past.fluxes
    w, (enters, end_share, start_share) = weights
    bend = end_share * (one - 2 * two + three) + start_share * (two - 2 * three + four)
    modes = (
        memory.decay * past.modes
        + memory.gain_end * (enters * two)
        + memory.gain_start * three
        + memory.gain_bend * bend
    )
    return modes, w[1] * one + w[2] * two + w[3] * three + jnp.sum(modes)
