"""One implicit stage of the yardstick `numba_engine.py`: laws, derivatives by hand, Newton steps.

One lead species that is absent from the bulk, hemispheres on nuclei (or on a constant number of
sites), lead that loses contact, and a film with Butler-Volmer decomposition and Noyes-Whitney
dissolution. Of the five unknowns only the changes of two sums of rates, u = v_dep + v_dec and
w = v_dec + N_diss, are solved for together; the rest follows.

Symbols are those of `perovec_bayes.forward.electrode`; x_phi is a derivative of x. Units are cm, s,
mol, V, A.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from perovec_bayes.constants import AVOGADRO, FARADAY
from perovec_bayes.constants import STANDARD_CONCENTRATION as STANDARD
from perovec_bayes.forward import electrode as laws

inlined = njit(fastmath=True, error_model="numpy", forceinline=True)

AREA = 9 * np.pi / 4 * laws.LEAD_MOLAR_VOLUME**2
NEAR, ITERATIONS, LARGEST_STEP, KEPT = 3e-3, 30, 0.08, 0.1
LEAST_LEAD, LEAST_IONS = 1e-16, 1e-12
LIMIT = laws.EXPONENT_LIMIT
NO_LEAD, LEAST_LEFT, LEAST_SHARE = laws.LEAST_LEAD, laws.LEAST_LEFT, laws.LEAST_CONCENTRATION
MONOLAYER, ANODIC_CAP, CENTRE = laws.MONOLAYER, laws.ANODIC_CAP, laws.BACKGROUND_CENTRE
WIDTH, LAST_FRACTION = laws.NUCLEATION_WIDTH, laws.LAST_FRACTION


class Parameters(NamedTuple):
    """The model's parameters, as in `perovec_bayes.forward.electrode`."""

    f: float
    R_u: float
    C_dl: float
    g0: float
    g1: float
    E0: float
    k0: float
    A_c: float
    D: float
    k_iso: float
    seeds: float
    nucleates: bool
    lnA: float
    B_n: float
    N0: float
    n_crit: float
    G0: float
    p: float
    s: float
    D_ion: float
    k_II: float
    A_d: float
    E_f: float
    k_d: float


class Unknowns(NamedTuple):
    """What Newton's method solves for."""

    rise: float
    """phi - E [V]."""
    q: float
    N: float
    G: float
    y: float


class Stage(NamedTuple):
    """What an implicit stage starts from."""

    K: float
    """Weight of the rates at its end [s]."""
    E: float
    phi: float
    q: float
    q_r: float
    N: float
    G: float
    past: float
    gain: float
    past_ion: float
    gain_ion: float
    living: float
    least: float
    """Change of an amount that need not be right [mol cm^-2]."""


class Coverage(NamedTuple):
    """How lead covers the electrode."""

    bare: float
    """exp(-X) [1]."""
    covered: float
    """exp(-2X) from one [1]."""
    X_q: float
    X_N: float
    size: float
    """Share of nuclei below the critical size [1]."""
    size_q: float
    """Derivative of its logarithm."""
    size_N: float


class Exchange(NamedTuple):
    """Deposition and the surface concentration that goes with it."""

    v: float
    v_phi: float
    v_q: float
    v_N: float
    v_G: float
    c: float
    c_phi: float
    c_q: float
    c_N: float
    c_G: float


class Nuclei(NamedTuple):
    """Births less deaths of nuclei."""

    net: float
    net_phi: float
    net_q: float
    net_N: float
    net_G: float


class Shape(NamedTuple):
    """Area of the film."""

    A: float
    A_G: float


class Decomposition(NamedTuple):
    """Decomposition of the film."""

    v: float
    v_phi: float
    v_q: float
    v_G: float
    v_y: float


class Correction(NamedTuple):
    """A Newton step."""

    z: Unknowns
    """Where it ends."""
    size2: float
    """How far it went, squared; of an amount over the product of itself and its change [1]."""
    dissolution: float
    """Dissolution carried on to its end [mol cm^-2 s^-1]."""
    background: float
    """Background current carried on to its end [A cm^-2]."""


@inlined
def _exp(x):
    return np.exp(min(max(x, -LIMIT), LIMIT))


@inlined
def _coverage(p, s, z):
    """Return S and theta of hemispheres (2.8), a nucleus having its critical size from birth."""
    grown = 1 + p.seeds * s.K * p.k_iso
    seeded = z.q + p.seeds * (s.q_r + s.K * p.k_iso * z.q)
    germ = p.n_crit / AVOGADRO
    lead, nuclei = seeded + z.N * germ + NO_LEAD, z.N + 1
    X = np.exp(np.log(AREA * nuclei * lead * lead) / 3)
    bare = _exp(-X)
    part = 2 / (3 * lead) * X
    atoms = 1 / (germ * nuclei)
    size = _exp(-seeded * atoms)
    return Coverage(
        bare,
        1 - bare * bare,
        part * grown,
        X / (3 * nuclei) + part * germ,
        size,
        -grown * atoms,
        seeded * atoms / nuclei,
    )


@inlined
def _shape(p, z):
    """Return A_f = g^p (1 - exp(-g/w))."""
    g = z.G / p.G0
    left = g + LEAST_LEFT
    shape, gap = _exp(p.p * np.log(left)), _exp(-g / LAST_FRACTION)
    return Shape(shape * (1 - gap), shape * (p.p / left * (1 - gap) + gap / LAST_FRACTION) / p.G0)


@inlined
def _exchange(p, s, z, over, deposit, film, without, there):
    """Return deposition with the surface concentration eliminated (2.6, 2.10)."""
    cover = deposit.covered
    on = p.k0 * _exp(-p.A_c * p.f * over)
    full = p.k0 * STANDARD * _exp((2 - p.A_c) * p.f * min(over, ANODIC_CAP))
    off = full * there
    pace = p.k_d * film.A
    weight = 1 + s.gain * pace
    scale = 1 / (weight + s.gain * cover * on)
    c = (s.past + s.gain * (pace * p.s + cover * off)) * scale
    v = cover * (on * (s.past + s.gain * pace * p.s) - off * weight) * scale
    # a change of v at constant c changes c by -gain scale of it, and v by weight scale of it
    capped = over > ANODIC_CAP
    forced_phi = cover * p.f * (-p.A_c * on * c - (0.0 if capped else (2 - p.A_c) * off))
    per_X = (on * c - off) * 2 * deposit.bare * deposit.bare
    forced_q = per_X * deposit.X_q - cover * full * without / MONOLAYER
    forced_N = per_X * deposit.X_N
    stay, answer = weight * scale, -s.gain * scale
    c_G = s.gain * scale * (p.s - c) * p.k_d * film.A_G
    return Exchange(
        v,
        stay * forced_phi,
        stay * forced_q,
        stay * forced_N,
        cover * on * c_G,
        c,
        answer * forced_phi,
        answer * forced_q,
        answer * forced_N,
        c_G,
    )


@inlined
def _nuclei(p, z, over, deposit, lead):
    """Return births (2.7) less deaths (2.3a) of nuclei."""
    present = max(lead.c, 0.0)
    share = present / STANDARD + LEAST_SHARE
    eta = over - np.log(share) / (2 * p.f)
    width = 1 / (eta * eta + WIDTH * WIDTH)
    onset = _exp(eta / WIDTH)
    unoccupied = 1 / (1 + onset)
    birth = _exp(p.lnA - p.B_n * width) * unoccupied * deposit.bare
    births = birth * (p.N0 - z.N)
    per_eta = births * (2 * p.B_n * eta * width * width - onset * unoccupied / WIDTH)
    per_c = -per_eta / (2 * p.f * STANDARD * share) if lead.c > 0 else 0.0
    dying = deposit.size / (z.q + NO_LEAD)
    loss = max(-lead.v, 0.0)
    per_v = z.N * dying if lead.v < 0 else 0.0  # deaths = -per_v v
    deaths = z.N * dying * loss
    return Nuclei(
        births - deaths,
        per_eta + per_c * lead.c_phi + per_v * lead.v_phi,
        per_c * lead.c_q
        - births * deposit.X_q
        - deaths * (deposit.size_q - 1 / (z.q + NO_LEAD))
        + per_v * lead.v_q,
        per_c * lead.c_N
        - births * deposit.X_N
        - birth
        - deaths * deposit.size_N
        - dying * loss
        + per_v * lead.v_N,
        per_c * lead.c_G + per_v * lead.v_G,
    )


@inlined
def _decomposition(p, s, z, phi, film, without, there):
    """Return decomposition and its reverse (2.11)."""
    over = p.f * (phi - p.E_f)
    onward, back = p.k_II * _exp(-p.A_d * over), p.k_II * _exp((2 - p.A_d) * over)
    y = max(z.y, 0.0) / STANDARD
    ions = back * 27 * s.living * y * y * y
    reverse = ions * y * there
    net = onward - reverse
    return Decomposition(
        film.A * net,
        -film.A * p.f * (p.A_d * onward + (2 - p.A_d) * reverse),
        -film.A * ions * y * without / MONOLAYER,
        film.A_G * net,
        -film.A * 4 / STANDARD * ions * there,
    )


@inlined
def _correct(p, s, z):
    """Take a Newton step."""
    phi = z.rise + s.E
    # a_Pb needs its digits where no lead is left: the reverse of decomposition is fast there
    there = -np.expm1(-z.q / MONOLAYER)
    without = 1 - there
    deposit, film = _coverage(p, s, z), _shape(p, z)
    lead = _exchange(p, s, z, phi - p.E0, deposit, film, without, there)
    dec = _decomposition(p, s, z, phi, film, without, there)
    pace = p.k_d * film.A
    lost = pace * (p.s - lead.c)
    lost_G = p.k_d * film.A_G * (p.s - lead.c) - pace * lead.c_G
    background = p.g0 + p.g1 * (phi - CENTRE)

    # residuals: rise + R_u current, then each amount less its balance
    u, w = lead.v + dec.v, dec.v + lost
    charging = p.C_dl / s.K
    current = charging * (phi - s.phi) - 2 * FARADAY * u + background
    stiff = 1 / (1 + p.R_u * (charging + p.g1))
    firm = 1 / (1 + s.K * p.k_iso)
    r_phi = (z.rise + p.R_u * current) * stiff
    r_q = (z.q - s.q - s.K * (u - p.k_iso * z.q)) * firm
    r_G = z.G - s.G + s.K * w
    r_y = z.y - s.past_ion - s.gain_ion * w
    # the step is x = r + a du (+ b dw), with du and dw the changes of u and w along it
    a_phi, a_q, b_G, b_y = 2 * FARADAY * p.R_u * stiff, s.K * firm, -s.K, s.gain_ion
    if p.nucleates:
        nuclei = _nuclei(p, z, phi - p.E0, deposit, lead)
        ease = 1 / (1 - s.K * nuclei.net_N)
        along = s.K * (nuclei.net_phi * r_phi + nuclei.net_q * r_q + nuclei.net_G * r_G)
        r_N = (z.N - s.N - s.K * nuclei.net + along) * ease
        a_N = s.K * (nuclei.net_phi * a_phi + nuclei.net_q * a_q) * ease
        b_N = s.K * nuclei.net_G * b_G * ease
    else:
        r_N, a_N, b_N = 0.0, 0.0, 0.0
    u_phi, u_q, u_G = lead.v_phi + dec.v_phi, lead.v_q + dec.v_q, lead.v_G + dec.v_G
    w_phi, w_q = dec.v_phi - pace * lead.c_phi, dec.v_q - pace * lead.c_q
    w_N, w_G = -pace * lead.c_N, dec.v_G + lost_G
    # (1 - uu) du - uw dw = u0,  -wu du + (1 - ww) dw = w0
    u0 = u_phi * r_phi + u_q * r_q + lead.v_N * r_N + u_G * r_G + dec.v_y * r_y
    w0 = w_phi * r_phi + w_q * r_q + w_N * r_N + w_G * r_G + dec.v_y * r_y
    one_uu = 1 - (u_phi * a_phi + u_q * a_q + lead.v_N * a_N)
    uw = lead.v_N * b_N + u_G * b_G + dec.v_y * b_y
    wu = w_phi * a_phi + w_q * a_q + w_N * a_N
    one_ww = 1 - (w_N * b_N + w_G * b_G + dec.v_y * b_y)
    determinant = 1 / (one_uu * one_ww - uw * wu)
    du, dw = (u0 * one_ww + uw * w0) * determinant, (w0 * one_uu + wu * u0) * determinant
    d_phi, d_q, d_N = r_phi + a_phi * du, r_q + a_q * du, r_N + a_N * du + b_N * dw
    d_G, d_y = r_G + b_G * dw, r_y + b_y * dw

    taken = Unknowns(
        z.rise - min(max(d_phi, -LARGEST_STEP), LARGEST_STEP),
        max(z.q - d_q, KEPT * z.q),
        max(z.N - d_N, KEPT * z.N),
        max(z.G - d_G, KEPT * z.G),
        z.y - d_y,
    )
    size2 = max(
        (p.f * d_phi) ** 2,
        d_q * d_q / ((taken.q + LEAST_LEAD) * (abs(taken.q - s.q) + s.least)),
        d_G * d_G / ((taken.G + LEAST_LEAD) * (abs(taken.G - s.G) + s.least)),
        (d_y / (abs(taken.y) + LEAST_IONS)) ** 2,
    )
    c_step = lead.c_phi * d_phi + lead.c_q * d_q + lead.c_N * d_N + lead.c_G * d_G
    lost_step = (p.s - lead.c) * p.k_d * film.A_G * d_G - pace * c_step
    return Correction(taken, size2, lost - lost_step, background - p.g1 * d_phi)


@inlined
def solve(p, s, guess):
    """Return the last step of Newton's method, and how many there were."""
    found, count = _correct(p, s, guess), 1
    while found.size2 > NEAR * NEAR and count < ITERATIONS:
        found = _correct(p, s, found.z)
        count += 1
    return found, count


def parameters(model: laws.Electrode, f: float) -> Parameters:
    """Return the parameters of an electrode that has the parts of this file.

    Parameters
    ----------
    model : Electrode
        With concrete values.
    f : float
        F/RT, scalar [V^-1].
    """
    (lead,), film, surface = model.lead, model.film, model.deposit.surface
    assert film is not None
    nucleates = isinstance(surface, laws.Nucleation)
    found = {
        **model.cell._asdict(),
        **lead._asdict(),
        **model.deposit._asdict(),
        **surface._asdict(),
        **film._asdict(),
        **film.decomposition._asdict(),
        **film.dissolution._asdict(),
        "f": f,
    }
    unused = {"lnA": 0.0, "B_n": 0.0}
    numbers = {k: float((unused | found)[k]) for k in Parameters._fields if k != "nucleates"}
    return Parameters(**numbers, nucleates=nucleates)
