"""The engine's algorithm for one model as a loop written by hand: the yardstick of `engine.py`.

`march` does what `perovec_bayes.forward.voltammetry.respond` does on a given grid (TR-BDF2,
Newton's method with the exact Jacobian to the same criterion, diffusion modes, limiter, amounts
from balances), for the model of `numba_stage.py`. What a general engine cannot know is used:
derivatives are written out, and the two stages of a step share the decay of their modes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numba_stage import LEAST_LEAD, Parameters, Stage, Unknowns, inlined, parameters, solve

from perovec_bayes.constants import FARADAY
from perovec_bayes.forward import kernels, voltammetry
from perovec_bayes.forward.electrode import GONE
from perovec_bayes.forward.programme import Programme

__all__ = ["Parameters", "Record", "Run", "march", "parameters"]

compiled = njit(fastmath=True, error_model="numpy")

LANES = 8
"""The number of modes is filled up to a multiple of this."""
GAMMA = 2 - np.sqrt(2)
IMPLICIT = GAMMA / 2
KEEP, NEGLIGIBLE, GUESS = 0.9, 1e-14, 5.0
OF_PEAK, LEAST_CURRENT = 0.02, 2e-7


class State(NamedTuple):
    """Amounts and their rates at the end of a stage."""

    z: Unknowns
    phi: float
    q_r: float
    charge: float
    phi_t: float
    q_t: float
    q_r_t: float
    N_t: float
    G_t: float
    current: float
    flux: float
    """Of lead into the solution [mol cm^-2 s^-1]."""


class Trend(NamedTuple):
    """Where the unknowns have been heading."""

    slope: Unknowns
    """Mean time derivatives over the last stage."""
    bend: Unknowns
    """Second ones, from the stage before."""
    duration: float
    """Length of the last stage [s]."""


class Memory(NamedTuple):
    """What else a stage looks back at."""

    lowest: float
    """Smallest film so far [mol cm^-2]."""
    peak: float
    """Largest current density so far [A cm^-2]."""


class Record(NamedTuple):
    """What a run leaves behind, each of shape (steps + 1,)."""

    current: np.ndarray
    charge: np.ndarray
    film: np.ndarray
    film_rate: np.ndarray
    lead: np.ndarray
    lead_rate: np.ndarray


@inlined
def _finish(p, s, last, charge):
    """Return the amounts that the found unknowns imply."""
    z, pace = last.z, 1 / s.K
    phi = z.rise + s.E
    gone, isolation = pace * (s.G - z.G), p.k_iso * z.q
    metal = pace * (z.q - s.q) + isolation
    phi_t = pace * (phi - s.phi)
    current = p.C_dl * phi_t - 2 * FARADAY * metal + last.background
    return State(
        z,
        phi,
        s.q_r + s.K * isolation,
        charge + s.K * current,
        phi_t,
        metal - isolation,
        isolation,
        pace * (z.N - s.N),
        -gone,
        current,
        gone - metal,
    )


@inlined
def _living(p, memory):
    """Return the factor that keeps a used-up film from re-forming."""
    left = memory.lowest / (GONE * p.G0)
    return -np.expm1(-left * left)


@inlined
def _fraction(amount, loss):
    """Return the factor up to one with which an amount loses no more than its share."""
    spare = KEEP * amount + NEGLIGIBLE
    return spare / loss if loss > spare else 1.0


@inlined
def _guess(z, trend, duration):
    """Return the unknowns some time ahead, on a parabola."""
    slope, bend, apart = trend.slope, trend.bend, 0.5 * (trend.duration + duration)
    q = z.q + duration * (slope.q + apart * bend.q)
    N = z.N + duration * (slope.N + apart * bend.N)
    G = z.G + duration * (slope.G + apart * bend.G)
    return Unknowns(
        z.rise + duration * (slope.rise + apart * bend.rise),
        min(max(q, z.q / GUESS), z.q * GUESS),
        min(max(N, z.N / GUESS), z.N * GUESS),
        min(max(G, z.G / GUESS), z.G * GUESS),
        z.y + duration * (slope.y + apart * bend.y),
    )


@inlined
def _rise(a, b, time):
    pace = 1 / time
    return Unknowns(
        (b.rise - a.rise) * pace,
        (b.q - a.q) * pace,
        (b.N - a.N) * pace,
        (b.G - a.G) * pace,
        (b.y - a.y) * pace,
    )


@inlined
def _trend(trend, a, b, duration):
    """Return where the unknowns are heading, after a stage from a to b."""
    slope = _rise(a, b, duration)
    bend = _rise(trend.slope, slope, 0.5 * (trend.duration + duration))
    return Trend(slope, bend, duration)


@inlined
def _remember(memory, state):
    """Return what the next stages look back at."""
    return Memory(min(memory.lowest, state.z.G), max(memory.peak, abs(state.current)))


@inlined
def _least(memory, K):
    """Return the change of an amount in a stage that need not be right."""
    return K * OF_PEAK * memory.peak / (2 * FARADAY) + LEAST_LEAD


@inlined
def _begin(poles, weights, K, x, modes):
    """Set decay and known part of the modes in stage one; return gain and concentrations."""
    y, y_t, ion, ion_t, fade, known, known_ion = modes
    gain = past = past_ion = 0.0
    for j in range(len(poles)):
        fade[j] = 1 / (1 + K * poles[j])
        known[j] = y[j] + x * y_t[j]
        known_ion[j] = ion[j] + x * ion_t[j]
        share = weights[j] * fade[j]
        gain += share
        past += share * known[j]
        past_ion += share * known_ion[j]
    return K * gain, past, past_ion


@inlined
def _between(weights, K, leap, flux, flux_ion, modes):
    """End stage one, set the known part of the modes in stage two; return concentrations."""
    y, _, ion, _, fade, known, known_ion = modes
    past = past_ion = 0.0
    for j in range(len(weights)):
        middle = (known[j] + K * flux) * fade[j]
        middle_ion = (known_ion[j] + K * flux_ion) * fade[j]
        known[j] = middle + leap * (middle - y[j])
        known_ion[j] = middle_ion + leap * (middle_ion - ion[j])
        share = weights[j] * fade[j]
        past += share * known[j]
        past_ion += share * known_ion[j]
    return past, past_ion


@inlined
def _again(poles, weights, K, modes):
    """Set the decay of the modes in a stage two of another length; return as `_begin`."""
    _, _, _, _, fade, known, known_ion = modes
    gain = past = past_ion = 0.0
    for j in range(len(poles)):
        fade[j] = 1 / (1 + K * poles[j])
        share = weights[j] * fade[j]
        gain += share
        past += share * known[j]
        past_ion += share * known_ion[j]
    return K * gain, past, past_ion


@inlined
def _end(K, flux, flux_ion, modes):
    """Set the modes at the end of stage two, and their rates."""
    y, y_t, ion, ion_t, fade, known, known_ion = modes
    pace = 1 / K
    for j in range(len(fade)):
        y[j] = (known[j] + K * flux) * fade[j]
        ion[j] = (known_ion[j] + K * flux_ion) * fade[j]
        y_t[j] = pace * (y[j] - known[j])
        ion_t[j] = pace * (ion[j] - known_ion[j])


@inlined
def _step(p, now, h, fresh, E_middle, E_end, memory, trend, poles, weights, modes):
    """Take a step; return its end, what to remember, the trend, and the number of corrections."""
    root, root_ion = 1 / np.sqrt(p.D), 1 / np.sqrt(p.D_ion)
    z0 = now.z
    # of a fresh step, whose rates at the start are not known, the first stage is implicit Euler
    lasting, x = (IMPLICIT * h, 0.0) if fresh else (GAMMA * h, IMPLICIT * h)
    part = min(_fraction(z0.q, -x * now.q_t), _fraction(z0.G, -x * now.G_t))
    x *= part
    K = lasting - x
    gain, past, past_ion = _begin(poles, weights, K, x, modes)
    s = Stage(
        K,
        E_middle,
        now.phi + x * now.phi_t,
        z0.q + x * now.q_t,
        now.q_r + x * now.q_r_t,
        max(z0.N + x * now.N_t, 0.0),
        z0.G + x * now.G_t,
        root * past,
        root * gain,
        root_ion * past_ion,
        root_ion * gain,
        _living(p, memory),
        _least(memory, K),
    )
    last, many = solve(p, s, _guess(z0, trend, lasting))
    mid = _finish(p, s, last, now.charge + x * now.current)

    z1, rest = mid.z, h - lasting
    memory, trend = _remember(memory, mid), _trend(trend, z0, z1, lasting)
    explicit = rest - IMPLICIT * h
    x = explicit / lasting
    leap = min(_fraction(z1.q, x * (z0.q - z1.q)), _fraction(z1.G, x * (z0.G - z1.G)))
    x *= leap
    past, past_ion = _between(weights, K, x, mid.flux, -mid.G_t, modes)
    K2 = rest - leap * explicit
    if leap < 1 or part < 1:
        gain, past, past_ion = _again(poles, weights, K2, modes)
    s = Stage(
        K2,
        E_end,
        mid.phi + x * (mid.phi - now.phi),
        z1.q + x * (z1.q - z0.q),
        mid.q_r + x * (mid.q_r - now.q_r),
        max(z1.N + x * (z1.N - z0.N), 0.0),
        z1.G + x * (z1.G - z0.G),
        root * past,
        root * gain,
        root_ion * past_ion,
        root_ion * gain,
        _living(p, memory),
        _least(memory, K2),
    )
    last, more = solve(p, s, _guess(z1, trend, rest))
    end = _finish(p, s, last, mid.charge + x * (mid.charge - now.charge))
    _end(K2, end.flux, -end.G_t, modes)
    return end, _remember(memory, end), _trend(trend, z1, end.z, rest), many + more


@compiled
def march(p, grid, E_middle, E_end, poles, weights):
    """Run the model over a grid.

    Parameters
    ----------
    p : Parameters
        Of the model.
    grid : ndarray
        Times, increasing, shape (steps + 1,) [s].
    E_middle, E_end : ndarray
        Potential at the first stage of each step, shape (steps,), and on the grid,
        shape (steps + 1,) [V].
    poles, weights : ndarray
        Diffusion modes, shape (modes,).

    Returns
    -------
    Record
        On the grid.
    corrections : int
        How many Newton steps there were.
    """
    count = len(poles)
    modes = (
        np.zeros(count),
        np.zeros(count),
        np.zeros(count),
        np.zeros(count),
        np.zeros(count),
        np.zeros(count),
        np.zeros(count),
    )
    out = np.zeros((6, len(grid)))
    nuclei = 0.0 if p.nucleates else p.N0
    still = Unknowns(0.0, 0.0, 0.0, 0.0, 0.0)
    trend, memory = Trend(still, still, 0.0), Memory(p.G0, LEAST_CURRENT / OF_PEAK)
    z = Unknowns(0.0, 0.0, nuclei, p.G0, 0.0)
    now = State(z, E_end[0], 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    out[2, 0], corrections = p.G0, 0
    for i in range(len(grid) - 1):
        h = grid[i + 1] - grid[i]
        now, memory, trend, many = _step(
            p, now, h, i == 0, E_middle[i], E_end[i + 1], memory, trend, poles, weights, modes
        )
        corrections += many
        out[0, i + 1], out[1, i + 1] = now.current, now.charge
        out[2, i + 1], out[3, i + 1] = now.z.G, now.G_t
        out[4, i + 1], out[5, i + 1] = now.z.q + now.q_r, now.q_t + now.q_r_t
    return Record(out[0], out[1], out[2], out[3], out[4], out[5]), corrections


class Run:
    """The loop with all that does not depend on the parameters prepared.

    Parameters
    ----------
    programme : Programme
        E(t), without a wait and without jumps.
    grid : ndarray
        Times, increasing, shape (steps + 1,) [s].
    """

    def __init__(self, programme: Programme, grid: np.ndarray) -> None:
        tolerance = voltammetry.KERNEL_TOLERANCE
        duration = programme.end - programme.start
        modes = kernels.semi_infinite(float(np.diff(grid).min()), duration, tolerance)
        spare = -len(modes.poles) % LANES
        self.poles = np.append(modes.poles, np.zeros(spare))
        self.weights = np.append(modes.weights, np.zeros(spare))
        self.grid = grid
        share = np.append(IMPLICIT, np.full(len(grid) - 2, GAMMA))
        middle = grid[:-1] + share * np.diff(grid)
        self.middle = np.interp(middle, programme.time, programme.potential)
        self.end = np.interp(grid, programme.time, programme.potential)

    def __call__(self, p: Parameters) -> tuple[Record, int]:
        """Return the record, and the number of Newton steps.

        Parameters
        ----------
        p : Parameters
            Of the model.
        """
        found: tuple[Record, int] = march(
            p, self.grid, self.middle, self.end, self.poles, self.weights
        )
        return found
