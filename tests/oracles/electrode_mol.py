"""Reference solution of the electrode with dissolved lead and film by the method of lines.

`film_mol` with nucleation and death of nuclei, residual lead that may seed growth, a wait at open
circuit, a film that fades to nothing by itself, and the case without a film. Units are cm, s, mol,
V, A; currents are per geometric area, anodic positive.

Equations (f = F/RT, c° = 1e-3 mol cm^-3)
-----------------------------------------
    phi    = E_app - I R_u
    I      = C_dl dphi/dt - 2F (v_dep + v_dec) + g0 + g1 (phi - phi_m)
    v_dep  = S k0 [c_s e^{-A_c f (phi - E0)} - c° a_Pb e^{(2 - A_c) f min(phi - E0, 0.2 V)}]
    h      = q + q_r if residual lead seeds growth, else q
    X      = (9 pi/4)^{1/3} (N + 1)^{1/3} (V_Pb [h + N n_crit/N_A])^{2/3}
    S      = 1 - e^{-2X},  theta = 1 - e^{-X},  a_Pb = 1 - e^{-q/q_m}
    eta    = phi - E0 - ln[(max(c_s, 0) + 1e-15 c°)/c°] / (2f)
    b      = exp[lnA - B_n/(eta^2 + e_n^2)] / (1 + e^{eta/w_n}) (N0 - N)(1 - theta)
    dN/dt  = b - N exp[-h N_A/(N n_crit)] max(0, -v_dep)/q    (or N = N0, and X without n_crit)
    dq/dt  = v_dep + v_dec - k_iso q,  dq_r/dt = k_iso q
    A_f    = g^p (1 - e^{-g/0.01}),  g = G/G0
    v_dec  = k_II A_f [e^{-A_d f (phi - E_f)} - alive 27 (y/c°)^4 a_Pb e^{(2 - A_d) f (phi - E_f)}]
    alive  = 1 - exp[-(g_low/1e-3)^2],  g_low the smallest g so far
    N_diss = k_d A_f (s - c_s),  dG/dt = -v_dec - N_diss
    Pb(II): flux N_diss - v_dep into the solution, D, bulk c_b, surface concentration c_s
    A+:     flux v_dec + N_diss into the solution, D_ion, bulk zero, surface concentration y;
            X- is three times A+
A nucleus has the area of its critical size from birth; that germ is no lead of q or the solution.
During the wait before the sweep only N_diss runs, I = 0 and phi = E(0). The sweep starts at
phi = E(0) with q = q_r = N = 0.

Discretisation
--------------
Space as in `film_mol`: distances over the square root of the diffusion coefficient, conservative
finite volumes on a sinh grid, surface concentrations from the balance of flux and kinetics with
the gradient of a parabola. That balance is linear in c_s and a monotone quartic in y. In `CASES`,
80 and 480 nodes differ by 2e-7 of the current's range: for anything slower than the first cell such
a grid converges far faster than second order. Time: BDF or Radau of scipy with a new Jacobian at
every step, restarted at the corners of the programme; the current's error is about 100 rtol of its
range, 2e-6 at rtol = 1e-8 and 1e-4 at 1e-6.

Guards, all far below what a current shows
------------------------------------------
* The lead is carried as z with q = z^3 + 3 rho^2 z, rho^3 = q_f = 1e-21 mol cm^-2 (600 atoms per
  cm^2), and X takes (m^2 + q_f^2)^{1/3} for m^{2/3}, m = h + N n_crit/N_A. Growth from nothing and
  stripping to nothing are then smooth. Lead is therefore not a linear invariant of the scheme: the
  balance of lead measures the error in time.
* The nuclei are carried as ln(N + 1). Where rounding leaves N < 0, no nuclei die.
* alive takes min(g, g_low) with dg_low/dt = -max(0, g_low - g)/`lag`: exact while the film shrinks,
  and late by O(lag^2) where it starts to grow.
* y < 0 (N_diss < 0 draws A+ that is not there) counts as zero in y^4.
* Exponents are clipped at 600, which only a trial state of Newton's iteration reaches.

`python -m tests.oracles.electrode_mol [name ...]` solves `CASES` again and writes the reference
solutions in `data/` that `reference` reads.
"""

import math
import sys
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.integrate import solve_ivp
from scipy.sparse import block_diag, csc_array

from .film_mol import C_STD, _root_quartic, cycles
from .redox_mol import METHODS, F, R, diffusion_matrix, expanding_grid, local_jacobian

AVOGADRO = 6.02214076e23
"""Avogadro constant, mol^-1."""

DATA = Path(__file__).parent / "data"

DEFAULTS = {
    "c_b": 0.0,
    "k_iso": 0.0,
    "g0": 0.0,
    "g1": 0.0,
    "phi_m": -1.0,
    "G0": 0.0,
    "k_II": 0.0,
    "A_d": 1.0,
    "p": 0.3,
    "k_d": 0.0,
    "s": 1e-6,
    "lnA": 8.0,
    "B_n": 0.15,
    "N0": 1e9,
    "n_crit": 50.0,
    "e_n": 0.01,
    "w_n": 0.01,
    "seed": True,
    "sites": False,
    "T": 298.15,
    "V_Pb": 18.27,
    "q_m": 1.56e-9,
    "cap": 0.2,
    "q_f": 1e-21,
    "lag": 0.02,
}
"""Parameters that may be left out. E_f follows from E0 and s unless given; D_ion is D."""

LEAD = {"k_iso": 6e-3, "lnA": 8.0, "B_n": 0.15, "N0": 1e9, "n_crit": 50.0, "g0": -2e-7, "g1": 1e-6}
PC = {"E0": -0.96, "k0": 3e-4, "A_c": 0.7, "D": 2.6e-6, "R_u": 60.0, "C_dl": 1.5e-5}
SALT = {**LEAD, **PC, "c_b": 1e-6}
BULK = {
    **LEAD,
    "E0": -0.75,
    "k0": 1e-3,
    "A_c": 0.8,
    "D": 1.2e-5,
    "D_ion": 1.2e-5,
    "R_u": 250.0,
    "C_dl": 1e-5,
    "k_iso": 2e-2,
    "s": 4.1e-11,
    "E_f": -1.80,
    "k_II": 1.5e-10,
    "A_d": 1.0,
    "p": 0.3,
    "G0": 1e-7,
    "k_d": 1e-5,
}
CRYSTALS = {
    **LEAD,
    **PC,
    "D_ion": 2.6e-6,
    "s": 2.38e-6,
    "k_II": 1e-10,
    "A_d": 0.6,
    "p": 0.7,
    "G0": 3e-8,
    "k_d": 2e-6,
}

CASES = {
    "salt_seeding": (SALT | {"seed": True}, [-0.4, *3 * [-2.0, -0.2]], 0.01, 0.0),
    "salt_inert": (SALT | {"seed": False}, [-0.4, *3 * [-2.0, -0.2]], 0.01, 0.0),
    "bulk_film": (BULK, [-0.35, *3 * [-2.0, -0.2]], 0.01, 0.0),
    "nanocrystals": (CRYSTALS, [-0.35, *3 * [-2.0, -0.2]], 0.01, 300.0),
}
"""Parameters, corners (V), scan rate (V/s) and wait (s) of the stored solutions."""


class Solution(NamedTuple):
    """Arrays over time; amounts per geometric area.

    `time` is zero at the start of the sweep, a wait lies at negative times. `dissolved` and `ions`
    are the lead and the A+ in the solution relative to the bulk. The last six are integrals over
    time from the start: of v_dep, v_dec and N_diss (mol cm^-2), of the current and its
    background (C cm^-2); `capacitive` is C_dl (phi - phi(0)).
    """

    time: np.ndarray
    potential: np.ndarray
    current: np.ndarray
    phi: np.ndarray
    film: np.ndarray
    lead: np.ndarray
    residual: np.ndarray
    nuclei: np.ndarray
    surface_lead: np.ndarray
    surface_ions: np.ndarray
    dissolved: np.ndarray
    ions: np.ndarray
    deposited: np.ndarray
    decomposed: np.ndarray
    released: np.ndarray
    charge: np.ndarray
    background: np.ndarray
    capacitive: np.ndarray

    def lead_error(self):
        """Lead in film, metal and solution less that at the start (mol cm^-2)."""
        total = self.film + self.lead + self.residual + self.dissolved
        return total - total[0]

    def charge_error(self):
        """Charge less what film, metal, double layer and background account for (C cm^-2).

        The Faradaic charge is taken from the amounts: metal made less metal there at the start.
        """
        metal = self.lead + self.residual
        faradaic = -2 * F * (metal - metal[0])
        return self.charge - faradaic - self.background - self.capacitive


def _exp(x):
    return math.exp(min(x, 600.0))


class _Electrode:
    """Kinetics at the surface for a state [z, u, g, g_low, I, q_r, c_0, y_0, c_1, y_1, ...].

    Units: z in 1e-3 (mol cm^-2)^(1/3), u = ln(N + 1), g and g_low in G0, I in 1e-4 A cm^-2, q_r in
    1e-7 mol cm^-2, concentrations in c°.
    """

    head, unit_z, unit_i, unit_q = 6, 1e-3, 1e-4, 1e-7
    floor = np.array([1e-7, 1e-3, 1e-8, 1e-8, 1e-3, 1e-3, 1e-4, 1e-4, 1e-4, 1e-4])
    # Absolute tolerances per relative tolerance.
    atol_head = np.array([1e-6, 1.0, 1e-10, 1e-10, 1e-1, 1e-4])
    atol_cell, atol_integral = 1e-6, 1e-4

    def __init__(self, p, stencil):
        self.p = p
        self.f = F / (R * p["T"])
        self.rho2 = p["q_f"] ** (2 / 3)
        self.shape = (9 * math.pi / 4) ** (1 / 3) * p["V_Pb"] ** (2 / 3)
        self.root_c, self.root_y = math.sqrt(p["D"]), math.sqrt(p["D_ion"])
        m0, m1, m2 = map(float, stencil)
        self.far = (-m1 / m0 * C_STD, -m2 / m0 * C_STD)
        self.resist_c, self.resist_y = -1 / (m0 * self.root_c), -1 / (m0 * self.root_y)
        self.atom = p["n_crit"] / AVOGADRO

    def lead(self, z):
        """Active lead q and dq/dz (z scaled)."""
        z *= self.unit_z
        return z**3 + 3 * self.rho2 * z, 3 * (z * z + self.rho2) * self.unit_z

    def held(self, q, q_r):
        """Lead that carries nuclei: q, and the residual lead if it seeds (q_r scaled)."""
        return q + q_r * self.unit_q if self.p["seed"] else q

    def nuclei(self, u):
        """N, from just above -1 where a trial state strays."""
        return self.p["N0"] if self.p["sites"] else math.expm1(max(-1.0, min(u, 600.0)))

    def area(self, g):
        """Film area factor A_f."""
        return g ** self.p["p"] * -math.expm1(-g / 0.01) if g > 0 else 0.0

    def nucleation(self, phi, c):
        """Rate of nucleation at a free site, 1/s."""
        p = self.p
        e_eq = p["E0"] + math.log(max(c, 0.0) / C_STD + 1e-15) / (2 * self.f)
        eta = phi - e_eq
        rate = math.exp(p["lnA"] - p["B_n"] / (eta * eta + p["e_n"] ** 2))
        return rate / (1 + _exp(eta / p["w_n"]))

    def rates(self, phi, s, alive=True):
        """v_dep, v_dec, N_diss, c_s, y, births (1/cm2/s) of the state `s`, a list.

        Without `alive` only N_diss runs.
        """
        p, f = self.p, self.f
        z, u, g, g_low, _, q_r, c0, y0, c1, y1 = s
        q, _ = self.lead(z)
        a_f = self.area(g) if p["G0"] > 0 else 0.0
        kd = p["k_d"] * a_f
        far = self.far[0] * c0 + self.far[1] * c1
        far_y = self.far[0] * y0 + self.far[1] * y1
        rc, ry = self.resist_c, self.resist_y
        if not alive:
            n_diss = kd * (p["s"] - far) / (1 + rc * kd)
            return 0.0, 0.0, n_diss, far + rc * n_diss, far_y + ry * n_diss, 0.0

        n = self.nuclei(u)
        mass = self.held(q, q_r) + (0.0 if p["sites"] else n * self.atom)
        x = self.shape * ((n + 1) * (mass * mass + p["q_f"] ** 2)) ** (1 / 3)
        wetted = -math.expm1(-2 * x)
        a_lead = -math.expm1(-q / p["q_m"]) if q > -p["q_m"] else -1.0
        e = f * (phi - p["E0"])
        kc = p["k0"] * wetted * _exp(-p["A_c"] * e)
        ka = p["k0"] * wetted * C_STD * a_lead * _exp((2 - p["A_c"]) * min(e, f * p["cap"]))

        # c_s = far + rc (N_diss - v_dep), both linear in c_s.
        v_dep = (kc * (far + rc * kd * p["s"]) - ka * (1 + rc * kd)) / (1 + rc * (kd + kc))
        n_diss = kd * (p["s"] - far + rc * v_dep) / (1 + rc * kd)
        c_s = far + rc * (n_diss - v_dep)
        births = (p["N0"] - n) * math.exp(-x) * self.nucleation(phi, c_s)

        # y = far + ry (v_dec + N_diss), v_dec = forward - back y^4.
        start = far_y + ry * n_diss
        if a_f == 0:
            return v_dep, 0.0, n_diss, c_s, start, births
        e = f * (phi - p["E_f"])
        living = -math.expm1(-((min(g, g_low) / 1e-3) ** 2))
        forward = p["k_II"] * a_f * _exp(-p["A_d"] * e)
        back = p["k_II"] * a_f * living * 27 / C_STD**4 * a_lead * _exp((2 - p["A_d"]) * e)
        y = _root_quartic(start + ry * forward, ry * back)
        if ry * back * max(y, 0.0) ** 3 < 1:
            v_dec = forward - back * max(y, 0.0) ** 4
        else:  # the same number without the cancellation
            v_dec = (y - start) / ry
        return v_dep, v_dec, n_diss, c_s, y, births

    def background(self, phi):
        return self.p["g0"] + self.p["g1"] * (phi - self.p["phi_m"])

    def derivative(self, s, e_app, slope, width0, alive=True):
        """Rates of the first eight states and of the integrals, without diffusion."""
        p = self.p
        s = s[:10].tolist()
        z, u, g, g_low, i, q_r, *_ = s
        i *= self.unit_i
        phi = e_app - i * p["R_u"]
        v_dep, v_dec, n_diss, _, _, births = self.rates(phi, s, alive)
        q, dq_dz = self.lead(z)
        bg = self.background(phi)
        di = dz = du = 0.0
        if alive:
            faradaic = -2 * F * (v_dep + v_dec) + bg
            di = (slope - (i - faradaic) / p["C_dl"]) / p["R_u"] / self.unit_i
            dz = (v_dep + v_dec - p["k_iso"] * q) / dq_dz
            if not p["sites"]:
                n = self.nuclei(u)
                deaths = 0.0
                if n > 0 and q > 0 and v_dep < 0:
                    deaths = n * math.exp(-self.held(q, q_r) / (n * self.atom)) * -v_dep / q
                du = (births - deaths) / (n + 1)
        dg = -(v_dec + n_diss) / p["G0"] if p["G0"] > 0 else 0.0
        isolated = p["k_iso"] * q if alive else 0.0
        return np.array(
            [
                dz,
                du,
                dg,
                -max(0.0, g_low - g) / p["lag"],
                di,
                isolated / self.unit_q,
                (n_diss - v_dep) / self.root_c / width0 / C_STD,
                (v_dec + n_diss) / self.root_y / width0 / C_STD,
                v_dep / self.unit_q,
                v_dec / self.unit_q,
                n_diss / self.unit_q,
                i / (2 * F * self.unit_q) if alive else 0.0,
                bg / (2 * F * self.unit_q) if alive else 0.0,
            ]
        )


def solve(
    parameters,
    corners,
    scan_rate,
    wait=0.0,
    *,
    n_nodes=120,
    rtol=1e-7,
    points=None,
    t_fine=0.02,
    method="BDF",
    max_volt=0.01,
):
    """Solve the model for a wait and a sweep through `corners` at a constant rate.

    Parameters
    ----------
    parameters
        E0, k0, A_c, D, R_u, C_dl (both positive) and any of `DEFAULTS`, E_f, D_ion. G0 = 0 is no
        film; `seed` says whether residual lead counts in X; `sites` makes N = N0 throughout.
    corners, scan_rate, wait
        Potentials (V) of the corners, V/s, s.
    n_nodes, rtol, t_fine
        Grid cells, relative tolerance, time (s) whose diffusion length the grid resolves evenly.
    points
        None for every step of the solver, a number for about that many of them, chosen for linear
        interpolation, or increasing times within the sweep.
    method, max_volt
        "BDF" or "Radau"; the longest step of the sweep in V.

    Returns
    -------
    Solution
    """
    p = DEFAULTS | dict(parameters)
    p.setdefault("D_ion", p["D"])
    if p["R_u"] <= 0 or p["C_dl"] <= 0:
        msg = "R_u and C_dl must be positive"
        raise ValueError(msg)
    thermal = R * p["T"] / (2 * F)
    p.setdefault("E_f", p["E0"] + thermal * math.log(27 * (p["s"] / C_STD) ** 5))
    corner_time, corner_e = cycles(corners, scan_rate)
    h, width, stencil = expanding_grid(n_nodes, corner_time[-1] + wait, t_fine)
    model = _Electrode(p, stencil)
    head, n_local, n_integrals = model.head, model.head + 4, 5

    state = np.zeros(head + 2 * n_nodes + n_integrals)
    state[2:4] = 1.0
    state[head:-n_integrals:2] = p["c_b"] / C_STD
    atol = np.full(state.size, model.atol_cell)
    atol[:head], atol[-n_integrals:] = model.atol_head, model.atol_integral
    diffusion = block_diag(
        [diffusion_matrix(h, width, head), csc_array((n_integrals, n_integrals))], format="csc"
    )
    rows = np.concatenate([np.arange(head + 2), state.size + np.arange(-n_integrals, 0)])
    place = np.repeat(rows, n_local), np.tile(np.arange(n_local), rows.size)

    legs = [(-wait, 0.0, corner_e[0], 0.0)] if wait > 0 else []
    for (t0, t1), (e0, e1) in zip(pairwise(corner_time), pairwise(corner_e), strict=True):
        legs.append((t0, t1, e0, (e1 - e0) / (t1 - t0)))
    asked = None if points is None or np.ndim(points) == 0 else np.asarray(points, float)

    times, states, forced = [np.array([legs[0][0]])], [state[None]], [0]
    for t0, t1, e0, slope in legs:
        alive = t0 >= 0

        def local(t, s, e0=e0, slope=slope, alive=alive):
            return model.derivative(s, e0 + slope * t, slope, width[0], alive)

        def rhs(t, s, local=local):
            ds = diffusion @ s
            ds[rows] += local(t, s)
            return ds

        def jacobian(t, s, local=local):
            block = local_jacobian(local, t, s, model.floor)
            return diffusion + csc_array((block.ravel(), place), shape=diffusion.shape)

        where = None
        if asked is not None:
            where = np.append(asked[(asked > t0) & (asked < t1)], t1)
        sol = solve_ivp(
            rhs,
            (0.0, t1 - t0),
            state,
            method=METHODS[method],
            t_eval=None if where is None else where - t0,
            rtol=rtol,
            atol=rtol * atol,
            jac=jacobian,
            max_step=max_volt / abs(slope) if slope else np.inf,
        )
        if not sol.success:
            raise RuntimeError(sol.message)
        if where is None:
            where = np.append(t0 + sol.t[1:-1], t1)
        times.append(where)
        states.append(sol.y.T[-where.size :])
        state = sol.y[:, -1]
        forced.append(forced[-1] + times[-1].size)

    time, states = np.concatenate(times), np.concatenate(states)
    result = _record(model, time, states, (corner_time, corner_e), width)
    if asked is not None:
        return Solution(*(a[np.isin(time, asked)] for a in result))
    if points is not None:
        keep = _thin(result, points, forced)
        return Solution(*(a[keep] for a in result))
    return result


def _record(model, time, states, programme, width):
    """Solution from the states at `time`."""
    p, n = model.p, model.head
    potential = np.interp(time, *programme)
    current = states[:, 4] * model.unit_i
    phi = potential - current * p["R_u"]
    cells = states[:, n:-5]
    surface = np.empty((2, time.size))
    for k, s in enumerate(states):
        # At time zero after a wait the sweep has not begun.
        waiting = time[k] < 0
        surface[:, k] = model.rates(float(phi[k]), s[:10].tolist(), not waiting)[3:5]
    amounts = states[:, -5:] * model.unit_q
    return Solution(
        time,
        potential,
        current,
        phi,
        states[:, 2] * p["G0"],
        model.lead(states[:, 0].copy())[0],
        states[:, 5] * model.unit_q,
        np.full(time.size, p["N0"]) if p["sites"] else np.expm1(states[:, 1]),
        surface[0],
        surface[1],
        model.root_c * ((cells[:, ::2] * C_STD - p["c_b"]) @ width),
        model.root_y * C_STD * (cells[:, 1::2] @ width),
        *amounts[:, :3].T,
        *2 * F * amounts[:, 3:].T,
        p["C_dl"] * (phi - phi[0]),
    )


def _thin(result, points, forced):
    """Indices of about `points` samples, dense where the curves bend; `forced` are kept."""
    time = result.time
    step = np.diff(time)
    bend = np.zeros(time.size)
    channels = [result.current, result.phi, result.film, result.lead, result.residual]
    channels += [np.log10(np.maximum(result.nuclei, 0) + 1), result.surface_lead]
    for values in [*channels, result.surface_ions]:
        span = np.ptp(values)
        if span > 0:
            second = np.abs(np.diff(np.diff(values) / step)) / (step[1:] + step[:-1])
            bend[1:-1] = np.maximum(bend[1:-1], second / span)
    bend[forced] = 0.0
    root = np.sqrt(bend)
    weight = step * np.maximum(root[1:], root[:-1])
    weight = 0.8 * weight / weight.sum() + 0.2 * step / step.sum()
    along = np.concatenate([[0.0], np.cumsum(weight)])
    aim = np.linspace(0.0, along[-1], points)
    return np.unique(np.concatenate([np.searchsorted(along, aim * (1 - 1e-12)), forced]))


STORED = (
    "time",
    "current",
    "film",
    "lead",
    "residual",
    "nuclei",
    "surface_lead",
    "surface_ions",
    "dissolved",
    "deposited",
    "decomposed",
    "charge",
    "background",
)
"""Fields of `Solution` in the files; the others follow from them exactly."""


def _round(values, bits=32):
    """Values rounded to `bits` significant bits, which compresses better."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.round(np.ldexp(mantissa, bits)), exponent - bits)


def reference(name):
    """Stored solution of the case `name` of `CASES`, rounded to nine digits."""
    parameters, corners, rate, _ = CASES[name]
    with np.load(DATA / f"electrode_{name}.npz") as file:
        stored = {field: file[field] for field in STORED}
    film, decomposed = stored["film"], stored["decomposed"]
    potential = np.interp(stored["time"], *cycles(corners, rate))
    phi = potential - parameters["R_u"] * stored["current"]
    return Solution(
        potential=potential,
        phi=phi,
        ions=film[0] - film,
        released=film[0] - film - decomposed,
        capacitive=parameters["C_dl"] * (phi - phi[0]),
        **stored,
    )


def write_reference(name, points=2000, **options):
    """Solve a case finely, store `points` samples and return the whole solution."""
    result = solve(*CASES[name], **({"n_nodes": 320, "rtol": 1e-9} | options))
    corner_time, _ = cycles(*CASES[name][1:3])
    edges = np.searchsorted(result.time, [result.time[0], *corner_time])
    keep = _thin(result, points, edges)
    DATA.mkdir(exist_ok=True)
    rounded = {field: _round(getattr(result, field)[keep]) for field in STORED}
    rounded["time"] = result.time[keep]
    np.savez_compressed(DATA / f"electrode_{name}.npz", **rounded)
    return result


if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        write_reference(case)
