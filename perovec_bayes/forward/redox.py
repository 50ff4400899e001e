"""A dissolved one-electron couple O + e- = R at a planar electrode, with R_u and C_dl."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from perovec_bayes.constants import FARADAY
from perovec_bayes.forward import newton
from perovec_bayes.forward.diffusion import Memory, Past, history, memory, no_past
from perovec_bayes.forward.waveform import Grid

EXPONENT_LIMIT = 200.0
NEWTON_STEPS = 4
LARGEST_STEP = 0.05


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


class _State(NamedTuple):
    past: Past
    phi: Array


def redox_current(
    parameters: RedoxParameters, grid: Grid, f: float, mem: Memory | None = None
) -> Array:
    """Compute the current density of a dissolved couple over a potential programme.

    Butler-Volmer, v = k0 [c_O e^(-alpha f eta) - c_R e^((1-alpha) f eta)] with eta = phi - E0',
    phi = E - j R_u and j = C_dl dphi/dt - F v + g0 + g1 (phi - E_mid); semi-infinite planar
    diffusion of both species. The solution starts uniform and currentless.

    Parameters
    ----------
    parameters : RedoxParameters
        Each scalar, units as stated there.
    grid : Grid
        Programme E(t) on the model's grid, shape (steps + 1,).
    f : float
        F/RT, scalar [V^-1].
    mem : Memory, optional
        Recursion constants of the grid; made here when absent.

    Returns
    -------
    Array
        Current density j, anodic positive, shape (steps + 1,) [A cm^-2]; j[0] = 0.

    References
    ----------
    Nicholson, R. S.; Shain, I. Anal. Chem. 1964, 36, 706. Bard, A. J.; Faulkner, L. R.
    Electrochemical Methods, 2nd ed.
    """
    p = parameters
    mem = memory(grid.dt, len(grid.time) - 1) if mem is None else mem
    middle = 0.5 * (grid.potential.min() + grid.potential.max())
    root_O, root_R = jnp.sqrt(p.D_O), jnp.sqrt(p.D_R)
    programme = jnp.asarray(grid.potential)

    def step(state: _State, E: tuple[Array, Array]) -> tuple[_State, Array]:
        potential, before = E
        modes, h = history(mem, state.past)
        available_O = p.c_O - h / root_O
        available_R = p.c_R + h / root_R

        def rate(phi: Array) -> Array:
            eta = f * (phi - p.E0)
            forward = p.k0 * jnp.exp(jnp.clip(-p.alpha * eta, -EXPONENT_LIMIT, EXPONENT_LIMIT))
            backward = p.k0 * jnp.exp(
                jnp.clip((1 - p.alpha) * eta, -EXPONENT_LIMIT, EXPONENT_LIMIT)
            )
            net: Array = (forward * available_O - backward * available_R) / (
                1 + mem.now * (forward / root_O + backward / root_R)
            )
            return net

        def current(phi: Array) -> Array:
            charging = p.C_dl * (phi - state.phi) / grid.dt
            total: Array = charging - FARADAY * rate(phi) + p.g0 + p.g1 * (phi - middle)
            return total

        phi = newton.solve(
            lambda phi: phi - potential + p.R_u * current(phi),
            state.phi + potential - before,
            NEWTON_STEPS,
            LARGEST_STEP,
        )
        flux = rate(phi)
        return _State(Past(modes, flux, state.past.last), phi), current(phi)

    start = _State(no_past(mem), programme[0])
    _, current = lax.scan(step, start, (programme[1:], programme[:-1]))
    return jnp.concatenate([jnp.zeros(1), current])
