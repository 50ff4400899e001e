"""A perovskite film on an electrode: decomposition, dissolution, lead deposit and its stripping.

States: G perovskite left [mol cm^-2], q metallic lead in contact [mol cm^-2], dissolved lead and
released ions by their flux histories, phi the potential behind R_u [V]. Lead that loses contact is
counted in `isolated`.

Equations (f = F/RT, c° = 1 mol/L; anodic current positive):

    phi   = E - j R_u
    j     = C_dl dphi/dt - 2F v_dep - 2F v_dec + g0 + g1 (phi - phi_m)
    v_dep = S k0 [c_s e^(-A_c f (phi - E0')) - c° a_Pb e^((2 - A_c) f (phi - E0'))]
    v_dec = k_II A_f [e^(-A_d f (phi - E_f)) - 27 (x/c°)^4 a_Pb e^((2 - A_d) f (phi - E_f))]
    N     = k_d A_f (s - c_s)
    dG/dt = -v_dec - N,   dq/dt = v_dep + v_dec - k_iso q

with S = 1 - exp(-2X), X = (9 pi/4)^(1/3) N_0^(1/3) (V_Pb q)^(2/3) (hemispheres on N_0 sites),
a_Pb = 1 - exp(-q/q_m) (so that stripping runs out smoothly and no film can re-form without metal),
A_f = (G/G0)^p [1 - exp(-G/(w G0))] (times a factor that keeps a used-up film from re-forming, in
the second term of v_dec), c_s the surface concentration of dissolved lead and x that of released
Cs+ (Br- is 3x: equal diffusion coefficients).

References
----------
Mulder et al., J. Am. Chem. Soc. 2024, 146, 24415 (reaction, eq. 3). Noyes, A. A.; Whitney, W. R.,
J. Am. Chem. Soc. 1897, 19, 930 (dissolution). Brainina, K., stripping activity of sub-monolayers.
Gerischer, H., J. Electroanal. Chem. 1977, 82, 133.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from perovec_bayes.constants import FARADAY, STANDARD_CONCENTRATION
from perovec_bayes.forward import newton
from perovec_bayes.forward.diffusion import Memory, Past, history, memory, no_past
from perovec_bayes.forward.waveform import Grid

LEAD_MOLAR_VOLUME = 18.27
"""V_Pb [cm^3 mol^-1]."""
MONOLAYER = 1.56e-9
"""q_m, close-packed monolayer of lead [mol cm^-2]."""
LAST_FRACTION = 0.01
"""w: below this fraction of G0 the film no longer covers its sites and A_f falls linearly [1]."""
GONE = 1e-3
"""A film that has once been well below this fraction of G0 is used up and does not re-form [1]: a
numerical trace must not seed a new film, and how a perovskite nucleates anew on lead is not known.
"""
ANODIC_CAP = 0.2
"""Largest phi - E0' in the anodic exponent of stripping [V]; stripping is complete long before."""
BACKGROUND_CENTRE = -1.0
"""phi_m [V]."""
TRACE = 1e-30
"""Amounts end at this share of G0 or of a monolayer: logarithms and ratios stay finite [1]."""
EXPONENT_LIMIT = 200.0
NEWTON_STEPS = 5
LARGEST_STEP = 0.08
REACTION_STEPS = 5


class FilmParameters(NamedTuple):
    """Parameters of `film_response` (all scalar)."""

    E0: Array | float
    """Conditional formal potential E0'(Pb2+/Pb) [V]."""
    E_f: Array | float
    """Formal potential of decomposition E_f [V]."""
    s: Array | float
    """Solubility of the perovskite s [mol cm^-3]."""
    k0: Array | float
    """Rate constant of lead deposition k0 [cm s^-1]."""
    A_c: Array | float
    """Apparent cathodic transfer coefficient of deposition [1]; the anodic one is 2 - A_c."""
    D: Array | float
    """Diffusion coefficient of dissolved lead [cm^2 s^-1]."""
    D_ion: Array | float
    """Diffusion coefficient of released Cs+ and Br- [cm^2 s^-1]."""
    k_II: Array | float
    """Rate of decomposition at E_f and unit activities [mol cm^-2 s^-1]."""
    A_d: Array | float
    """Apparent cathodic transfer coefficient of decomposition [1]."""
    p: Array | float
    """Shape exponent [1]."""
    G0: Array | float
    """Perovskite at the start [mol cm^-2]."""
    k_d: Array | float
    """Dissolution rate constant [cm s^-1]."""
    k_iso: Array | float
    """Rate at which metallic lead loses contact [s^-1]."""
    N0: Array | float
    """Number density of lead particles [cm^-2]."""
    R_u: Array | float
    """Uncompensated resistance, area-specific [ohm cm^2]."""
    C_dl: Array | float
    """Double-layer capacitance [F cm^-2]."""
    g0: Array | float
    """Background current density at -1.0 V [A cm^-2]."""
    g1: Array | float
    """Slope of the background [S cm^-2]."""


class FilmResponse(NamedTuple):
    """What `film_response` returns, each of shape (steps + 1,)."""

    current: Array
    """Current density j, anodic positive [A cm^-2]."""
    film: Array
    """Perovskite left G [mol cm^-2]."""
    lead: Array
    """Metallic lead in contact q [mol cm^-2]."""
    isolated: Array
    """Metallic lead out of contact [mol cm^-2]."""
    decomposition: Array
    """v_dec [mol cm^-2 s^-1]."""
    deposition: Array
    """v_dep [mol cm^-2 s^-1]."""
    dissolution: Array
    """N [mol cm^-2 s^-1]."""
    surface_lead: Array
    """c_s [mol cm^-3]."""
    potential: Array
    """phi [V]."""


class _State(NamedTuple):
    lead_flux: Past
    ion_flux: Past
    phi: Array
    q: Array
    q_before: Array
    G: Array
    G_before: Array
    G_lowest: Array
    isolated: Array
    v_dec: Array


def _extrapolate(now: Array, before: Array) -> Array:
    """Continue an amount by a step, kept positive and within a factor of three."""
    return jnp.clip(2 * now - before, 0.3 * now, 3 * now)


def _bdf2(now: Array, before: Array) -> Array:
    """Return the known part of the second-order backward difference, at least 2 % of the amount."""
    return jnp.maximum((4 * now - before) / 3, 0.02 * now)


def _reaction(
    onward: Array, back: Array, lead: Array, lead_gain: Array, ions: Array, ions_gain: Array
) -> Array:
    """Solve v = onward - back q u^4 for v.

    q = lead + lead_gain v and u = ions + ions_gain v, both kept >= 0. The right-hand side falls
    with v, so the root is unique. It is written as v = lowest + w, where `lowest` is the v at which
    lead or ions run out; w starts at the smallest of its upper bounds and Newton descends from
    there.
    """
    lowest = jnp.maximum(-lead / lead_gain, -ions / ions_gain)
    reach = jnp.maximum(onward - lowest, 1e-300)
    least_q = jnp.maximum(lead + lead_gain * lowest, 0.0)
    least_u = jnp.maximum(ions + ions_gain * lowest, 0.0)

    def excess(w: Array) -> Array:
        q, u = least_q + lead_gain * w, least_u + ions_gain * w
        return w + back * q * u**4 - reach

    def slope(w: Array) -> Array:
        q, u = least_q + lead_gain * w, least_u + ions_gain * w
        return 1 + back * (lead_gain * u**4 + 4 * ions_gain * q * u**3)

    bounds = (
        reach / (back * lead_gain * least_u**4 + 1.0),
        (reach / (back * least_q * ions_gain**4 + 1e-280)) ** 0.25,
        (reach / (back * lead_gain * ions_gain**4 + 1e-280)) ** 0.2,
    )
    w = reach
    for bound in bounds:
        w = jnp.minimum(w, bound)
    w = lax.stop_gradient(w)
    for _ in range(REACTION_STEPS):
        w = lax.stop_gradient(jnp.maximum(w - excess(w) / slope(w), 0.0))
    w = w - excess(w) / lax.stop_gradient(slope(w))
    return jnp.where(onward > lowest, lowest + w, onward)


def _exp(x: Array) -> Array:
    return jnp.exp(jnp.clip(x, -EXPONENT_LIMIT, EXPONENT_LIMIT))


def film_response(  # noqa: PLR0915  (one time step, read from top to bottom)
    parameters: FilmParameters, grid: Grid, f: float, mem: Memory | None = None
) -> FilmResponse:
    """Compute current, film and lead over a potential programme.

    Implicit in everything that is fast: for a trial phi the surface concentration and the deposit
    are eliminated in closed form, lead and ions left by the reverse reaction by a monotone
    polynomial; a scalar Newton iteration finds phi. Amounts advance by the second-order backward
    difference, fluxes are piecewise linear.

    Parameters
    ----------
    parameters : FilmParameters
        Each scalar, units as stated there.
    grid : Grid
        Programme E(t) on the model's grid, shape (steps + 1,). It starts with the film whole, no
        lead, no current.
    f : float
        F/RT, scalar [V^-1].
    mem : Memory, optional
        Recursion constants of the grid; made here when absent.

    Returns
    -------
    FilmResponse
        Each of shape (steps + 1,).
    """
    P = parameters
    mem = memory(grid.dt, len(grid.time) - 1) if mem is None else mem
    h = 2 / 3 * grid.dt
    omega = mem.now / jnp.sqrt(P.D)
    omega_ion = mem.now / jnp.sqrt(P.D_ion)
    geometry = 2 * (9 * np.pi / 4) ** (1 / 3) * P.N0 ** (1 / 3) * LEAD_MOLAR_VOLUME ** (2 / 3)
    programme = jnp.asarray(grid.potential)

    def step(state: _State, E: tuple[Array, Array]) -> tuple[_State, FilmResponse]:
        potential, before = E
        lead_modes, lead_h = history(mem, state.lead_flux)
        ion_modes, ion_h = history(mem, state.ion_flux)
        c_history = lead_h / jnp.sqrt(P.D)
        x_history = ion_h / jnp.sqrt(P.D_ion)

        q_guess = _extrapolate(state.q, state.q_before)
        covered = -jnp.expm1(-geometry * q_guess ** (2 / 3))
        a_Pb = -jnp.expm1(-q_guess / MONOLAYER)
        G_guess = _extrapolate(state.G, state.G_before)
        fraction = G_guess / P.G0
        active = fraction**P.p * -jnp.expm1(-fraction / LAST_FRACTION)
        alive = -jnp.expm1(-((state.G_lowest / (GONE * P.G0)) ** 2))
        q_known = _bdf2(state.q, state.q_before)
        G_known = _bdf2(state.G, state.G_before)

        def fluxes(phi: Array) -> tuple[Array, Array, Array, Array, Array]:
            eta = f * (phi - P.E0)
            capped = f * jnp.minimum(phi - P.E0, ANODIC_CAP)
            deposit = P.k0 * covered * _exp(-P.A_c * eta)
            strip = (
                P.k0
                * covered
                * STANDARD_CONCENTRATION
                * a_Pb
                * _exp((2 - P.A_c) * capped)
                / q_guess
            )
            over = f * (phi - P.E_f)
            onward = P.k_II * _exp(-P.A_d * over)
            # the film that is left limits what a step can take:
            # A_f scales with the G that the step ends with
            drain = (onward + P.k_d * P.s) * active / G_guess
            site = active * G_known / (G_guess * (1 + h * drain))
            dissolve = P.k_d * site
            den = 1 + h * (strip + P.k_iso)
            kept = jnp.maximum(q_known + h * state.v_dec, 0.0)
            c_s = (c_history + omega * (dissolve * P.s + strip * kept / den)) / (
                1 + omega * (dissolve + deposit * (1 - strip * h / den))
            )
            loss = dissolve * (P.s - c_s)
            v_dec = _reaction(
                onward * site,
                P.k_II * site * alive * 27 * a_Pb / q_guess * _exp((2 - P.A_d) * over),
                (q_known + h * deposit * c_s) / den,
                h / den,
                (x_history + omega_ion * loss) / STANDARD_CONCENTRATION,
                omega_ion / STANDARD_CONCENTRATION,
            )
            q = jnp.maximum((q_known + h * (deposit * c_s + v_dec)) / den, TRACE * MONOLAYER)
            v_dep = (q - q_known) / h + P.k_iso * q - v_dec
            return v_dec, v_dep, loss, q, c_s

        def current(phi: Array) -> Array:
            v_dec, v_dep, *_ = fluxes(phi)
            return (
                P.C_dl * (phi - state.phi) / grid.dt
                - 2 * FARADAY * (v_dec + v_dep)
                + P.g0
                + P.g1 * (phi - BACKGROUND_CENTRE)
            )

        phi = newton.solve(
            lambda phi: phi - potential + P.R_u * current(phi),
            state.phi + potential - before,
            NEWTON_STEPS,
            LARGEST_STEP,
        )
        v_dec, v_dep, loss, q, c_s = fluxes(phi)
        G = jnp.maximum(G_known - h * (v_dec + loss), TRACE * P.G0)
        isolated = state.isolated + P.k_iso * grid.dt * 0.5 * (q + state.q)
        after = _State(
            Past(lead_modes, loss - v_dep, state.lead_flux.last),
            Past(ion_modes, v_dec + loss, state.ion_flux.last),
            phi,
            q,
            state.q,
            G,
            state.G,
            jnp.minimum(state.G_lowest, G),
            isolated,
            v_dec,
        )
        return after, FilmResponse(current(phi), G, q, isolated, v_dec, v_dep, loss, c_s, phi)

    zero = jnp.zeros(())
    seed = jnp.asarray(1e-16)
    G0 = jnp.asarray(P.G0) * jnp.ones(())
    start = _State(no_past(mem), no_past(mem), programme[0], seed, seed, G0, G0, G0, zero, zero)
    first = FilmResponse(zero, G0, seed, zero, zero, zero, zero, zero, programme[0])
    _, rest = lax.scan(step, start, (programme[1:], programme[:-1]))
    return FilmResponse(*(jnp.concatenate([a[None], b]) for a, b in zip(first, rest, strict=True)))
