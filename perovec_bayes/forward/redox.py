"""A dissolved one-electron couple O + e- = R at a planar electrode, with R_u and C_dl."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from perovec_bayes.constants import FARADAY
from perovec_bayes.forward.diffusion import Past, Weights, history, memory, no_past
from perovec_bayes.forward.waveform import Grid

EXPONENT_LIMIT = 200.0
LARGEST_STEP = 0.05
"""Of Newton's method [V]."""
NEAR = 1e-9
"""Newton's method ends with the first step shorter than this [V]."""
ITERATIONS = 50
"""Most steps of Newton's method before the last one."""
CORNER = 0.1
"""A programme has a corner where its step changes by more than this part of a typical step."""
STILL = 1e-9
"""Smaller steps of a programme are none [V]."""
RELAXED = 12
"""Steps after a corner during which the relaxation of the double layer is followed."""
LARGEST_RATIO = 30.0
"""Of a step and the relaxation time that is told from larger ones."""
OUTSET = 6.486
"""Found by solving m = 1 on the unit grid for the J_0 with which J -> 1/sqrt(pi t)."""
LEAST_RELAXATION = 1e-8
"""Of the double layer in steps; anything shorter is instantaneous."""


class RedoxParameters(NamedTuple):
    """Parameters of `redox_current` (all scalar)."""

    E0: Array | float
    """Formal potential E0' [V]."""
    k0: Array | float
    """Standard rate constant k0 [cm s^-1]."""
    alpha: Array | float
    """Cathodic transfer coefficient alpha [1]."""
    D_O: Array | float
    """Diffusion coefficient of O [cm^2 s^-1]."""
    D_R: Array | float
    """Diffusion coefficient of R [cm^2 s^-1]."""
    c_O: Array | float
    """Bulk concentration of O [mol cm^-3]."""
    c_R: Array | float
    """Bulk concentration of R [mol cm^-3]."""
    R_u: Array | float
    """Uncompensated resistance R_u, area-specific [ohm cm^2]."""
    C_dl: Array | float
    """Double-layer capacitance C_dl [F cm^-2]."""
    g0: Array | float
    """Background current density at the middle of the window [A cm^-2]."""
    g1: Array | float
    """Slope of the background [S cm^-2]."""


class _Instant(NamedTuple):
    """What the equation of one step depends on; scalars."""

    parameters: RedoxParameters
    roots: tuple[Array, Array]
    """1/sqrt(D) of O and R."""
    available: tuple[Array, Array]
    """Concentrations of O and R at the surface if no flux passed in this step."""
    weight: Array
    """Of the flux of this step in the semi-integral."""
    pace: Array
    """Derivative of dphi/dt in phi [s^-1]."""
    drift: Array
    """dphi/dt if phi were zero."""
    applied: Array
    """E."""


class _Found(NamedTuple):
    """What passes at the electrode."""

    flux: Array
    current: Array


class _State(NamedTuple):
    past: Past
    phi: tuple[Array, Array, Array]
    """Of the last three steps, latest first."""
    slope: Array
    """dphi/dt."""
    drop: tuple[Array, Array, Array]
    """phi - E of the last three steps, latest first."""


def since_corner(potential: np.ndarray) -> np.ndarray:
    """Return how many steps ago the last corner of a programme was.

    A corner that lies between two nodes makes both count as corners. So does the start.

    Parameters
    ----------
    potential : ndarray
        E(t) on a uniform grid, shape (steps + 1,) [V].

    Returns
    -------
    ndarray
        Int, shape (steps + 1,).
    """
    change = np.diff(potential)
    moves = np.abs(change[np.abs(change) > STILL])
    typical = float(np.median(moves)) if len(moves) else 1.0
    corner = np.zeros(len(potential), dtype=bool)
    corner[0] = True
    corner[1:-1] = np.abs(np.diff(change)) > CORNER * typical
    nodes = np.arange(len(potential))
    ago: np.ndarray = nodes - np.maximum.accumulate(np.where(corner, nodes, 0))
    return ago


class _Slopes(NamedTuple):
    """Rules for dphi/dt that are exact for exp(-t / (R C)), as h dphi/dt; scalars [1]."""

    one_step: Array
    """a in a (y_n - y_(n-1)) + (1 - a) h y'_(n-1), exact for lines too."""
    third: Array
    """b in d + d^2/2 + b d^3, d the backward difference, exact for parabolas too."""


def _slopes(relaxation: Array) -> _Slopes:
    """Return the rules for a double layer that relaxes with R C.

    Inserting exp(-t / (R C)), with z = h / (R C) and w = 1 - e^z, gives
    a = z (1 - e^-z) / (z - 1 + e^-z) and b = -(z + w + w^2/2) / w^3. If it is slow (z -> 0), these
    are the trapezoidal rule, a = 2, and BDF3, b = 1/3; if it follows at once, Euler's implicit
    rule, a = 1, and BDF2, b = 0.

    Parameters
    ----------
    relaxation : Array
        R C / h, scalar [1].
    """
    z = 1 / jnp.maximum(relaxation, LEAST_RELAXATION)
    slow = z < 1e-2
    safe = jnp.where(slow, 1.0, z)
    fade = jnp.exp(-safe)
    one_step = jnp.where(
        slow,
        2 * (1 - z / 2 + z**2 / 6 - z**3 / 24) / (1 - z / 3 + z**2 / 12 - z**3 / 60),
        safe * (1 - fade) / (safe - 1 + fade),
    )
    safe = jnp.minimum(safe, LARGEST_RATIO)
    w = -jnp.expm1(safe)
    v = -jnp.expm1(jnp.where(slow, z, 0.0))
    third = jnp.where(
        slow, 1 / 3 + v / 4 + v**2 / 5 + v**3 / 6 + v**4 / 7, -(safe + w + w**2 / 2) / w**3
    )
    return _Slopes(one_step, third)


def _charging(
    slopes: _Slopes, ago: Array, dt: float, phi: tuple[Array, Array, Array], slope: Array
) -> tuple[Array, Array]:
    """Return pace and drift in dphi/dt = pace phi + drift.

    Parameters
    ----------
    slopes : _Slopes
        The rules that are exact for the relaxation of the double layer.
    ago : Array
        Steps from the last corner to the step before this one, scalar [1]: for two steps there is
        only the one-step rule, for some more the relaxation is followed exactly, then BDF3 holds.
    dt : float
        Time step, scalar [s].
    phi : tuple of Array
        Of the last three steps, latest first, scalars [V].
    slope : Array
        dphi/dt of the last step, scalar [V s^-1].
    """
    one, two, three = phi
    a, b = slopes.one_step, jnp.where(ago < RELAXED, slopes.third, 1 / 3)
    cubic = (-(2 + 3 * b) * one + (1 / 2 + 3 * b) * two - b * three) / dt
    young = ago < 2
    pace = jnp.where(young, a, 3 / 2 + b) / dt
    return pace, jnp.where(young, (1 - a) * slope - a * one / dt, cubic)


def _rates(now: _Instant, phi: Array, f: float) -> tuple[Array, Array]:
    """Return the rate of the reaction without flux, and how much a unit of m lowers it."""
    p = now.parameters
    eta = f * (phi - p.E0)
    limit = EXPONENT_LIMIT
    forward = p.k0 * jnp.exp(jnp.clip(-p.alpha * eta, -limit, limit))
    backward = p.k0 * jnp.exp(jnp.clip((1 - p.alpha) * eta, -limit, limit))
    (root_O, root_R), (c_O, c_R) = now.roots, now.available
    return forward * c_O - backward * c_R, forward * root_O + backward * root_R


def _laws(now: _Instant, phi: Array, middle: float, f: float) -> _Found:
    """Return flux and current at a potential of the electrode."""
    p = now.parameters
    alone, lowered = _rates(now, phi, f)
    flux = alone / (1 + now.weight * lowered)
    charging = p.C_dl * (now.pace * phi + now.drift)
    return _Found(flux, charging - FARADAY * flux + p.g0 + p.g1 * (phi - middle))


def _solve(now: _Instant, guess: Array, middle: float, f: float) -> tuple[Array, _Found]:
    """Solve u + R_u j(E + u) = 0 for u = phi - E by Newton's method.

    The left side increases with u. Steps are taken under `stop_gradient` until they are short; a
    last one, with its derivative held constant, carries the gradient (implicit function theorem).
    Flux and current are carried along it by their own derivatives.

    Parameters
    ----------
    now : _Instant
        What the equation depends on.
    guess : Array
        First guess of u, scalar [V].
    middle : float
        Potential about which the background is linear, scalar [V].
    f : float
        F/RT, scalar [V^-1].

    Returns
    -------
    u : Array
        Scalar [V].
    found : _Found
        Flux and current at E + u.
    """

    def step(now: _Instant, u: Array) -> tuple[Array, _Found, _Found]:
        phi = now.applied + u
        value, slope = jax.jvp(
            lambda phi: _laws(now, phi, middle, f), (phi,), (jnp.ones_like(phi),)
        )
        R = now.parameters.R_u
        return (u + R * value.current) / lax.stop_gradient(1 + R * slope.current), value, slope

    def iterate(carry: tuple[Array, Array, int]) -> tuple[Array, Array, int]:
        u, size, count = carry
        u = u - jnp.clip(size, -LARGEST_STEP, LARGEST_STEP)
        return u, step(held, u)[0], count + 1

    def far(carry: tuple[Array, Array, int]) -> Array:
        return (jnp.abs(carry[1]) > NEAR) & (carry[2] < ITERATIONS)

    held, guess = lax.stop_gradient((now, guess))
    u: Array = lax.stop_gradient(lax.while_loop(far, iterate, (guess, step(held, guess)[0], 0))[0])
    size, value, slope = step(now, u)
    found = _Found(*(v - lax.stop_gradient(d) * size for v, d in zip(value, slope, strict=True)))
    return u - size, found


def _outset(now: _Instant, weights: Array, middle: float, f: float) -> Array:
    """Return a flux at t = 0 that stands for a start away from equilibrium [mol cm^-2 s^-1].

    Such a flux starts at J_kin, which diffusion lowers by its part theta within a step at constant
    E, to J_1. If theta is 0 the flux stays J_1; if it is 1 the flux is c* sqrt(D / (pi t)), which a
    straight line cannot follow, but one from (1 + OUTSET) J_1 leaves the flux exact later on.

    Parameters
    ----------
    now : _Instant
        The first step, at the first E.
    weights : Array
        Of the fluxes at the end and at the start of the first step in m, shape (2,) [s^1/2].
    middle : float
        Potential about which the background is linear, scalar [V].
    f : float
        F/RT, scalar [V^-1].
    """
    hindrance = now.weight * _rates(now, now.applied, f)[1]
    rise = 1 + OUTSET * hindrance / (1 + hindrance)
    held = now._replace(weight=weights[0] + rise * weights[1])
    return rise * _solve(held, jnp.zeros(()), middle, f)[1].flux


def redox_current(parameters: RedoxParameters, grid: Grid, f: float) -> Array:
    """Compute the current density of a dissolved couple over a potential programme.

    Butler-Volmer, v = k0 [c_O e^(-alpha f eta) - c_R e^((1-alpha) f eta)] with eta = phi - E0',
    phi = E - j R_u and j = C_dl dphi/dt - F v + g0 + g1 (phi - E_mid); semi-infinite planar
    diffusion of both species. The solution starts uniform and currentless.

    Away from corners of the programme the error is of third order in the step: fluxes are made of
    parabolas (`forward.diffusion`), and dphi/dt is that of a cubic through the last four values
    (BDF3). For some steps after a corner, rules take its place that are exact for the relaxation of
    the double layer.

    Parameters
    ----------
    parameters : RedoxParameters
        Each scalar, units as stated there.
    grid : Grid
        Programme E(t) on the model's grid, shape (steps + 1,).
    f : float
        F/RT, scalar [V^-1].

    Returns
    -------
    Array
        Current density j, anodic positive, shape (steps + 1,) [A cm^-2]; j[0] = 0.

    References
    ----------
    Nicholson, R. S.; Shain, I. Anal. Chem. 1964, 36, 706. Bard, A. J.; Faulkner, L. R.
    Electrochemical Methods, 2nd ed.
    """
    p = RedoxParameters(*(jnp.asarray(each, dtype=float) for each in parameters))
    ago = since_corner(grid.potential)
    constants = memory(grid.dt, ago >= 2)
    middle = 0.5 * float(grid.potential.min() + grid.potential.max())
    roots = (lax.rsqrt(p.D_O), lax.rsqrt(p.D_R))
    bulk = (jnp.asarray(p.c_O), jnp.asarray(p.c_R))
    slopes = _slopes(jnp.asarray(p.R_u * p.C_dl) / grid.dt)

    def step(state: _State, row: tuple[Array, Array, Weights]) -> tuple[_State, Array]:
        applied, ago, weights = row
        modes, h = history(constants, weights, state.past)
        pace, drift = _charging(slopes, ago, grid.dt, state.phi, state.slope)
        now = _Instant(
            parameters=p,
            roots=roots,
            available=(bulk[0] - h * roots[0], bulk[1] + h * roots[1]),
            weight=weights.fluxes[0],
            pace=pace,
            drift=drift,
            applied=applied,
        )
        u1, u2, u3 = state.drop
        u, found = _solve(now, 3 * (u1 - u2) + u3, middle, f)
        phi = applied + u
        later = _State(
            past=state.past.followed_by(modes, found.flux),
            phi=(phi, *state.phi[:2]),
            slope=pace * phi + drift,
            drop=(u, u1, u2),
        )
        return later, found.current

    zero, E0 = jnp.zeros(()), jnp.asarray(grid.potential[0])
    pace = slopes.one_step / grid.dt
    first = constants.weights.fluxes[0, :2]
    still = _Instant(p, roots, bulk, first[0], pace, -pace * E0, E0)
    past = no_past(constants, _outset(still, first, middle, f))
    start = _State(past, (E0, E0, E0), zero, (zero, zero, zero))
    rows = (jnp.asarray(grid.potential[1:]), jnp.asarray(ago[:-1]), constants.weights)
    _, current = lax.scan(step, start, rows)
    return jnp.concatenate([jnp.zeros(1), current])
