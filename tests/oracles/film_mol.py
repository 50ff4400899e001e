"""Reference solution of the bulk-film model by the method of lines.

A perovskite film ABX3 on an electrode decomposes to lead and releases ions, dissolves, and the
lead is deposited and stripped at a constant density of nuclei. Units are cm, s, mol, V, A;
currents are per geometric area, anodic positive.

Equations (f = F/RT, c° = 1e-3 mol cm^-3)
-----------------------------------------
    phi    = E_app - I R_u
    I      = C_dl dphi/dt - 2F v_dep - 2F v_dec + g0 + g1 (phi - phi_m)
    v_dep  = k0 S [c_s e^{-A_c f (phi - E0)} - c° a_Pb e^{(2 - A_c) f min(phi - E0, 0.2 V)}]
    S      = 1 - exp(-2X),  X = (9 pi/4)^{1/3} N^{1/3} (V_Pb q)^{2/3},  a_Pb = 1 - exp(-q/q_m)
    v_dec  = k_II A_f [e^{-A_d f (phi - E_f)} - 27 (x/c°)^4 a_Pb e^{(2 - A_d) f (phi - E_f)}]
    N_diss = k_d A_f (s - c_s)
    E_f    = E0 + ln(27 (s/c°)^5) / (2f),  A_f = (G/G0)^p
    dG/dt  = -v_dec - N_diss,  dq/dt = v_dep + v_dec - k_iso q,  dq_iso/dt = k_iso q
    Pb(II): flux N_diss - v_dep into the solution, diffusion coefficient D, bulk c_b
    A+:     flux v_dec + N_diss into the solution, D_ion, bulk zero, surface concentration x;
            X- is three times A+

Discretisation
--------------
Distances are divided by the square root of the diffusion coefficient; finite volumes between the
faces y = a sinh(b xi), xi uniform, conserve mass. The surface concentrations follow from the
balance of flux and kinetics with the gradient of the parabola through the surface and two cell
centres: linear for Pb(II), a monotone quartic for A+. The error is of second order in 1/n_nodes.

Guards, all far below what a current shows
------------------------------------------
* The lead is carried as z with q = z^3 + 3 rho^2 z, rho^3 = q_f = 1e-21 mol cm^-2 (less than an
  atom per nucleus): stripping to nothing and growth from nothing are then smooth. X takes
  (q^2 + q_f^2)^{1/3} for q^{2/3}, so S has a slope at q = 0. Of the two solutions from q = 0
  (S ~ q^{2/3} has no Lipschitz constant there) this is the one that grows.
* A_f = g (g^2 + eps^2)^{(p - 1)/2}, g = G/G0, eps = `film_eps`: g^p above eps, linear below, so an
  ending film decays instead of vanishing in finite time with an infinite slope.
* A film that has fallen to g = `film_end` is gone for good: A_f = 0 from there on. The equations
  alone do not settle this. With A_f = g^p, p < 1, the reverse reaction regrows a film from any
  trace in finite time, and the trace that is left depends on the floor of the scheme. `regrow` > 0
  takes the other limit: there is no end, and the reverse reaction sees at least g = `regrow`.
* x < 0 (N_diss < 0 draws A+ that is not there) counts as zero in x^4; `x` shows it.
"""

from itertools import pairwise

import numpy as np
from scipy.integrate import solve_ivp
from scipy.sparse import csc_array

from .redox_mol import (
    METHODS,
    F,
    R,
    diffusion_matrix,
    expanding_grid,
    kinks,
    local_jacobian,
)

C_STD = 1e-3
"""Standard concentration, mol cm^-3."""

WORKED = {
    "E0": -0.75,
    "s": 4.1e-11,
    "k_II": 1.5e-10,
    "A_d": 1.0,
    "p": 0.3,
    "G0": 1e-7,
    "R_u": 250.0,
    "C_dl": 1e-5,
    "k0": 1e-3,
    "A_c": 0.8,
    "D": 1.2e-5,
    "D_ion": 1.2e-5,
    "N": 1e9,
    "k_d": 1e-5,
    "k_iso": 5e-3,
    "g0": -2e-7,
    "g1": 1e-6,
    "c_b": 0.0,
}
"""Worked set of a bulk film in a poor solvent (V, mol cm^-3, mol cm^-2 s^-1, ohm cm^2, ...)."""

DEFAULTS = {
    "phi_m": -1.0,
    "T": 298.15,
    "V_Pb": 18.27,
    "q_m": 1.56e-9,
    "cap": 0.2,
    "q_f": 1e-21,
}
"""Constants and guards: V, K, cm^3 mol^-1, mol cm^-2, V, mol cm^-2."""


def cycles(corners, rate):
    """Times (s) and potentials (V) of the corners of a programme at a constant sweep rate."""
    corners = np.asarray(corners, float)
    return np.concatenate([[0.0], np.cumsum(np.abs(np.diff(corners)))]) / rate, corners


def _root_quartic(y, b):
    """Root x of x + b max(x, 0)^4 = y, by Newton's method from above."""
    if y <= 0 or b <= 0:
        return y
    x = min(y, (y / b) ** 0.25)
    for _ in range(60):
        step = (x + b * x**4 - y) / (1 + 4 * b * x**3)
        x -= step
        if abs(step) <= 1e-15 * x:
            break
    return x


def simulate(  # noqa: PLR0915 (the whole system in one place)
    time,
    potential,
    params,
    *,
    n_nodes=80,
    rtol=1e-6,
    t_fine=0.1,
    residual_seeds=False,
    film_eps=1e-4,
    film_end=1e-6,
    regrow=0.0,
    method="BDF",
    max_volt=0.01,
):
    """Film model at `time` for a potential programme piecewise linear through (time, potential).

    Parameters
    ----------
    time, potential
        Samples of the programme (s, V) with its corners among them; the output is at these times.
    params
        The keys of `WORKED`, and optionally those of `DEFAULTS` (phi_m and cap in V, T in K, V_Pb
        in cm^3 mol^-1, q_m and q_f in mol cm^-2). R_u = 0 is allowed; with R_u > 0, C_dl must
        be positive.
    n_nodes, rtol, t_fine
        Grid cells, relative tolerance, time (s) whose diffusion length the grid resolves evenly.
    residual_seeds
        Count the isolated lead q_iso in X.
    film_eps, film_end, regrow
        See the module's guards.
    method, max_volt
        "BDF" or "Radau", both with a new Jacobian at every step of `max_volt` (V) at most.

    Returns
    -------
    dict
        Arrays at `time`: I (A cm^-2), phi (V), q, q_iso, G (mol cm^-2), c_s, x (mol cm^-3), v_dec,
        v_dep, N_diss (mol cm^-2 s^-1), total_Pb and total_Cs (mol cm^-2; in the solution relative
        to bulk); t_end (s), when the film ended, or nan; nfev, calls of the right-hand side.
    """
    time = np.asarray(time, float)
    potential = np.asarray(potential, float)
    corner = kinks(time, potential)
    p = DEFAULTS | dict(params)
    f = F / (R * p["T"])
    e_film = p["E0"] + np.log(27 * (p["s"] / C_STD) ** 5) / (2 * f)
    h, width, (m0, m1, m2) = expanding_grid(n_nodes, np.ptp(time), t_fine)
    root_c, root_x = np.sqrt(p["D"]), np.sqrt(p["D_ion"])
    resist_c, resist_x = -1 / (m0 * root_c), -1 / (m0 * root_x)
    stateful = p["R_u"] > 0
    if stateful and p["C_dl"] <= 0:
        msg = "R_u > 0 needs C_dl > 0"
        raise ValueError(msg)

    # State: [z, g, I, q_iso, c_0, x_0, c_1, x_1, ...] in the units below.
    rho, q_f = np.cbrt(p["q_f"]), p["q_f"]
    unit_z, unit_i, head = 1e-3, 1e-4, 4
    shape = (9 * np.pi / 4) ** (1 / 3) * p["N"] ** (1 / 3) * p["V_Pb"] ** (2 / 3)

    def lead(s):
        """Active lead q and dq/dz."""
        z = s[0] * unit_z
        return z**3 + 3 * rho**2 * z, 3 * (z**2 + rho**2)

    def area(g):
        """Film area factor A_f."""
        return g * (g * g + film_eps**2) ** ((p["p"] - 1) / 2)

    def rates(phi, s, film):
        """Rates v_dep, v_dec, N_diss and surface concentrations c_s, x (mol, cm, s)."""
        q, _ = lead(s)
        seed = q + (s[3] * p["G0"] if residual_seeds else 0.0)
        wetted = -np.expm1(-2 * shape * (seed * seed + q_f * q_f) ** (1 / 3))
        a_lead = -np.expm1(-q / p["q_m"])
        e = f * (phi - p["E0"])
        kc = p["k0"] * wetted * np.exp(-p["A_c"] * e)
        ka = p["k0"] * wetted * (C_STD * a_lead) * np.exp((2 - p["A_c"]) * min(e, f * p["cap"]))
        a_f = area(s[1]) if film else 0.0
        kd = p["k_d"] * a_f

        # c_s = far + resist (N_diss - v_dep), both rates linear in c_s.
        far = -(m1 * s[head] + m2 * s[head + 2]) / m0 * C_STD
        v_dep = (kc * (far + resist_c * kd * p["s"]) - ka * (1 + resist_c * kd)) / (
            1 + resist_c * (kd + kc)
        )
        n_diss = kd * (p["s"] - far + resist_c * v_dep) / (1 + resist_c * kd)
        c_s = far + resist_c * (n_diss - v_dep)

        # x = far + resist (v_dec + N_diss), v_dec = forward - back x^4.
        far = -(m1 * s[head + 1] + m2 * s[head + 3]) / m0 * C_STD
        e = f * (phi - e_film)
        forward = p["k_II"] * np.exp(-p["A_d"] * e)
        back = p["k_II"] * 27 / C_STD**4 * a_lead * np.exp((2 - p["A_d"]) * e)
        start = far + resist_x * n_diss
        if regrow > 0 and film and forward < back * max(start, 0.0) ** 4:
            a_f = area(max(s[1], regrow))
        forward, back = a_f * forward, a_f * back
        x = _root_quartic(start + resist_x * forward, resist_x * back)
        if resist_x * back * max(x, 0.0) ** 3 < 1:
            v_dec = forward - back * max(x, 0.0) ** 4
        else:  # the same number without the cancellation
            v_dec = (x - start) / resist_x
        return v_dep, v_dec, n_diss, c_s, x

    def faradaic(phi, r):
        return -2 * F * (r[0] + r[1]) + p["g0"] + p["g1"] * (phi - p["phi_m"])

    def interface(s, e_app, slope, film):
        """Potential, current and rates."""
        if stateful:
            i = s[2] * unit_i
            phi = e_app - i * p["R_u"]
            return phi, i, rates(phi, s, film)
        r = rates(e_app, s, film)
        return e_app, faradaic(e_app, r) + p["C_dl"] * slope, r

    state = np.zeros(head + 2 * n_nodes)
    state[1] = 1.0
    state[head::2] = p["c_b"] / C_STD
    atol = np.full(state.size, 1e-10)
    atol[0], atol[1], atol[2], atol[3] = 1e-8, 1e-9, 1e-6, 1e-10
    atol[head::2] = 1e-12
    atol *= rtol / 1e-6
    diffusion = diffusion_matrix(h, width, head)
    place = np.divmod(np.arange(6 * 8), 8)
    floor = np.array([1e-4, 1e-2, 1e-3, 1.0, 1e-4, 1e-4, 1e-4, 1e-4])

    names = ["I", "phi", "q", "q_iso", "G", "c_s", "x", "v_dec", "v_dep", "N_diss"]
    names += ["total_Pb", "total_Cs"]
    out = {name: np.empty(time.size) for name in names}
    out["nfev"], out["t_end"] = 0, np.nan

    def film_ends(_t, s):
        return s[1] - film_end

    film_ends.terminal = True
    film_ends.direction = -1
    film = True

    def record(n, s, e_app, slope, film):
        phi, i, (v_dep, v_dec, n_diss, c_s, x) = interface(s, e_app, slope, film)
        q, _ = lead(s)
        g, q_iso = s[1] * p["G0"], s[3] * p["G0"]
        pb = g + q + q_iso + root_c * (width @ (s[head::2] * C_STD - p["c_b"]))
        cs = g + root_x * (width @ s[head + 1 :: 2]) * C_STD
        row = (i, phi, q, q_iso, g, c_s, x, v_dec, v_dep, n_diss, pb, cs)
        for name, value in zip(names, row, strict=True):
            out[name][n] = value

    record(0, state, potential[0], (potential[1] - potential[0]) / (time[1] - time[0]), film)
    for left, right in pairwise(corner):
        t0, e0 = time[left], potential[left]
        slope = (potential[right] - e0) / (time[right] - t0)
        begin = t0
        max_step = max_volt / abs(slope) if slope else np.inf
        while begin < time[right]:

            def local(t, s, e_begin=e0 + slope * (begin - t0), slope=slope, film=film):
                """All but the diffusion: the rates of z, g, I, q_iso, c_0, x_0."""
                phi, i, r = interface(s, e_begin + slope * t, slope, film)
                v_dep, v_dec, n_diss, _, _ = r
                q, dq_dz = lead(s)
                di = 0.0
                if stateful:
                    di = (slope - (i - faradaic(phi, r)) / p["C_dl"]) / p["R_u"] / unit_i
                return np.array(
                    [
                        (v_dep + v_dec - p["k_iso"] * q) / dq_dz / unit_z,
                        -(v_dec + n_diss) / p["G0"],
                        di,
                        p["k_iso"] * q / p["G0"],
                        (n_diss - v_dep) / root_c / width[0] / C_STD,
                        (v_dec + n_diss) / root_x / width[0] / C_STD,
                    ]
                )

            def rhs(t, s, local=local):
                ds = diffusion @ s
                ds[:6] += local(t, s)
                return ds

            def jacobian(t, s, local=local):
                block = local_jacobian(local, t, s, floor)
                return diffusion + csc_array((block.ravel(), place), shape=diffusion.shape)

            # Time counts from `begin`: the first steps may be shorter than rounding allows at t.
            where = np.arange(left, right + 1)
            where = where[time[where] > begin]
            # A trial state of Newton's iteration may overflow; the solver then shortens the step.
            with np.errstate(over="ignore", invalid="ignore"):
                sol = solve_ivp(
                    rhs,
                    (0.0, time[right] - begin),
                    state,
                    method=METHODS[method],
                    t_eval=time[where] - begin,
                    events=film_ends if film and regrow == 0 else None,
                    rtol=rtol,
                    atol=atol,
                    jac=jacobian,
                    max_step=max_step,
                )
            if not sol.success:
                raise RuntimeError(sol.message)
            out["nfev"] += sol.nfev
            reached = np.reshape(sol.y, (state.size, -1)).T  # an empty list if an event came first
            for n, s in zip(where, reached, strict=False):
                record(n, s, e0 + slope * (time[n] - t0), slope, film)
            if sol.status == 1:
                begin, state, film = begin + sol.t_events[0][0], sol.y_events[0][0], False
                out["t_end"] = begin
            else:
                begin, state = time[right], reached[-1]
    return out
