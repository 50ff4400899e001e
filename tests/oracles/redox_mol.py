"""Reference solution of O + e- <-> R at a planar electrode by the method of lines.

One-dimensional semi-infinite diffusion of O and R, Butler-Volmer kinetics with one electron,
uncompensated resistance, double-layer capacitance and a linear background. Units are
cm, s, mol, V, A: concentrations mol cm^-3, D cm^2 s^-1, k0 cm s^-1, current density A cm^-2
(anodic positive), R_u ohm cm^2, C_dl F cm^-2.

Equations
---------
    c_t = D c_xx for O and R, c = bulk everywhere at t = 0 and far away at all times
    v   = k0 [c_O exp(-alpha f (phi - E0)) - c_R exp((1 - alpha) f (phi - E0))]     (reduction)
    D_O dc_O/dx = v and D_R dc_R/dx = -v at x = 0
    I   = C_dl dphi/dt - F v + g0 + g1 (phi - phi_m),    phi = E_app - I R_u

Discretisation
--------------
Distances are divided by sqrt(D) of each species (unit s^1/2). Finite volumes between the faces
y = a sinh(b xi), xi uniform on [0, 1], conserve mass to rounding. The surface concentrations are
not states: the gradient at the surface is that of the parabola through the surface and the first
two cell centres, and the balance flux = kinetics is linear in them, so a fast reaction makes the
system neither stiff nor noisy. The mapping does not depend on the number of cells: the error is of
second order in 1/n_nodes. The integration restarts at every kink of the programme.
"""

from itertools import pairwise

import numpy as np
from scipy.integrate import BDF, Radau, solve_ivp
from scipy.optimize import brentq
from scipy.sparse import block_diag, csc_array, diags_array, kron

F = 96485.33212
"""Faraday constant, C mol^-1."""
R = 8.31446261815324
"""Gas constant, J mol^-1 K^-1."""


def kinks(time, potential, rel=1e-7):
    """Indices of the points where the slope of a piecewise-linear programme changes.

    The first and the last point are included. A change counts if it moves the potential over one
    sampling interval by more than `rel` of the programme's range.
    """
    time = np.asarray(time, float)
    potential = np.asarray(potential, float)
    if time.ndim != 1 or time.shape != potential.shape or time.size < 2:
        msg = "time and potential must be equally long, one-dimensional, two points or more"
        raise ValueError(msg)
    dt = np.diff(time)
    if np.any(dt <= 0):
        msg = "time must increase strictly (write a step as a short ramp)"
        raise ValueError(msg)
    slope = np.diff(potential) / dt
    jump = np.abs(np.diff(slope)) * np.minimum(dt[1:], dt[:-1])
    inner = np.flatnonzero(jump > rel * max(np.ptp(potential), 1e-12)) + 1
    return np.concatenate([[0], inner, [time.size - 1]])


def expanding_grid(n_cells, t_total, t_fine, reach=5.0):
    """Grid y = a sinh(b xi) in s^1/2 (distance / sqrt(D)): centre distances, widths, stencil.

    a = sqrt(t_fine) sets the depth up to which the grid is nearly uniform; it ends at
    reach * sqrt(t_total), where a perturbation from the surface has fallen to erfc(reach / 2).
    The stencil (m0, m1, m2) gives the gradient at y = 0 as m0 c_surface + m1 c[0] + m2 c[1].
    """
    a = np.sqrt(t_fine)
    b = np.arcsinh(reach * np.sqrt(t_total) / a)
    xi = np.arange(2 * n_cells + 1) / (2 * n_cells)
    y = a * np.sinh(b * xi)
    centre, width = y[1::2], np.diff(y[::2])
    y1, y2 = centre[:2]
    stencil = (-(y1 + y2) / (y1 * y2), y2 / (y1 * (y2 - y1)), -y1 / (y2 * (y2 - y1)))
    return np.diff(centre), width, stencil


def diffusion_matrix(h, width, head):
    """Diffusion without the flux at the surface, for states [head..., a_0, b_0, a_1, b_1, ...]."""
    n = width.size
    gradient = diags_array([-1 / h, 1 / h], offsets=[0, 1], shape=(n - 1, n))
    ones = np.ones(n - 1)
    divergence = diags_array([ones, -ones], offsets=[0, -1], shape=(n, n - 1))
    one = diags_array([1 / width], offsets=[0]) @ divergence @ gradient
    return block_diag([csc_array((head, head)), kron(one, np.eye(2))], format="csc")


def local_jacobian(local, t, s, floor):
    """Forward differences of local(t, s), which depends on s[: floor.size] alone."""
    base = local(t, s)
    columns = []
    for k, small in enumerate(floor):
        moved = s.copy()
        moved[k] += 1e-7 * max(abs(s[k]), small)
        columns.append((local(t, moved) - base) / (moved[k] - s[k]))
    return np.transpose(columns)


class FreshBDF(BDF):
    """BDF with a new Jacobian at every step.

    The stock class keeps its Jacobian for as long as Newton's iteration seems to converge. The
    rate at which a trace of metal is lost changes over 20 decades within a sweep; with an old and
    far too large rate every correction is tiny, the iteration stops at once, and a deposit that
    should grow does not: the onset of deposition then depends on the tolerance.
    """

    def _step_impl(self):
        self.J, self.LU = self.jac(self.t, self.y), None
        return super()._step_impl()


class FreshRadau(Radau):
    """Radau with a new Jacobian at every step (see `FreshBDF`)."""

    def _step_impl(self):
        self.J, self.current_jac = self.jac(self.t, self.y, self.f), True
        self.LU_real = self.LU_complex = None
        return super()._step_impl()


METHODS = {"BDF": FreshBDF, "Radau": FreshRadau}


def simulate(  # noqa: PLR0915 (the whole system in one place)
    time,
    potential,
    *,
    E0,
    k0,
    alpha=0.5,
    D_O,
    D_R,
    c_O,
    c_R=0.0,
    R_u=0.0,
    C_dl=0.0,
    g0=0.0,
    g1=0.0,
    phi_m=0.0,
    T=298.15,
    n_nodes=200,
    rtol=1e-8,
    t_fine=None,
    method="BDF",
    full=False,
):
    """Current density (A cm^-2, anodic positive) at `time` for a piecewise-linear programme.

    Parameters
    ----------
    time, potential
        Corners or samples of the programme, s and V; the output is at these times. The
        double-layer current of R_u = 0 jumps at a kink; the value before the kink is given.
    E0, k0, alpha
        Formal potential (V), rate constant (cm s^-1), cathodic transfer coefficient.
    D_O, D_R, c_O, c_R
        Diffusion coefficients (cm^2 s^-1) and bulk concentrations (mol cm^-3).
    R_u, C_dl, g0, g1, phi_m
        Resistance (ohm cm^2), capacitance (F cm^-2), background g0 + g1 (phi - phi_m)
        (A cm^-2, A cm^-2 V^-1, V). With both R_u and C_dl the current is a state, from zero at
        the start; with R_u alone it is the root of the Ohmic balance. With R_u = 0 the start is
        a step from the bulk composition, and the current at t = 0 is the kinetic one (of the
        grid's first cell if that is smaller).
    n_nodes, rtol, t_fine
        Grid cells, relative tolerance, time (s) whose diffusion length the grid resolves evenly
        (default: a quarter of RT/F divided by the fastest sweep rate).
    method
        "BDF" or "Radau", both with a new Jacobian at every step. When R_u C_dl is far below
        1e-6 s, R_u or C_dl is better left out.
    full
        Return a dict with I, phi, c_O, c_R (at the surface) and M_O, M_R, the amounts in the
        solution relative to bulk (mol cm^-2), instead of the current alone.
    """
    time = np.asarray(time, float)
    potential = np.asarray(potential, float)
    corner = kinks(time, potential)
    f = F / (R * T)
    if t_fine is None:
        rate = np.max(np.abs(np.diff(potential) / np.diff(time)))
        t_fine = 0.25 / (f * rate) if rate > 0 else 0.01 * np.ptp(time)
    h, width, (m0, m1, m2) = expanding_grid(n_nodes, np.ptp(time), t_fine)
    root_O, root_R = np.sqrt(D_O), np.sqrt(D_R)
    c_ref = max(c_O, c_R)
    # The scale of the current: diffusion over t_fine.
    i_ref = F * c_ref * max(root_O, root_R) / np.sqrt(t_fine)
    stateful = R_u > 0 and C_dl > 0

    def surface(phi, s):
        """Surface concentrations o, r (units of c_ref) and reduction flux v (mol cm^-2 s^-1).

        root_O * gradient(O) = v / c_ref = kf o - kb r and root_R * gradient(R) = -v / c_ref.
        """
        e = f * (phi - E0)
        kf = k0 * np.exp(np.clip(-alpha * e, -300, 300))
        kb = k0 * np.exp(np.clip((1 - alpha) * e, -300, 300))
        far_O = -(m1 * s[1] + m2 * s[3]) / m0
        far_R = -(m1 * s[2] + m2 * s[4]) / m0
        resist_O, resist_R = -1 / (m0 * root_O), -1 / (m0 * root_R)
        v = (kf * far_O - kb * far_R) / (1 + kf * resist_O + kb * resist_R)
        return far_O - v * resist_O, far_R + v * resist_R, v * c_ref

    def faradaic(phi, s):
        """Current without the double layer, A cm^-2."""
        return -F * surface(phi, s)[2] + g0 + g1 * (phi - phi_m)

    def interface(s, e_app, slope):
        """Potential (V) and current (A cm^-2)."""
        if stateful:
            return e_app - s[0] * i_ref * R_u, s[0] * i_ref
        if R_u == 0:
            return e_app, faradaic(e_app, s) + C_dl * slope

        def residual(phi):
            return phi - e_app + R_u * faradaic(phi, s)

        step = 0.05
        while residual(e_app - step) * residual(e_app + step) > 0:
            step *= 2
        phi = brentq(residual, e_app - step, e_app + step, xtol=1e-14, rtol=1e-14)
        return phi, faradaic(phi, s)

    # State: [I / i_ref, O_0, R_0, O_1, R_1, ...], the cells' concentrations in units of c_ref.
    diffusion = diffusion_matrix(h, width, 1)
    place = np.divmod(np.arange(3 * 5), 5)
    state = np.empty(1 + 2 * n_nodes)
    state[0] = 0.0
    state[1::2], state[2::2] = c_O / c_ref, c_R / c_ref
    out = {k: np.empty(time.size) for k in ("I", "phi", "c_O", "c_R", "M_O", "M_R")}

    for left, right in pairwise(corner):
        t0, e_left = time[left], potential[left]
        slope = (potential[right] - e_left) / (time[right] - t0)

        def local(t, s, e_left=e_left, slope=slope):
            """What the surface adds to the first states: I, O_0, R_0."""
            phi, i = interface(s, e_left + slope * t, slope)
            v = surface(phi, s)[2] / c_ref
            di = (slope - (i - faradaic(phi, s)) / C_dl) / R_u / i_ref if stateful else 0.0
            return np.array([di, -v / root_O / width[0], v / root_R / width[0]])

        def rhs(t, s, local=local):
            ds = diffusion @ s
            ds[:3] += local(t, s)
            return ds

        def jacobian(t, s, local=local):
            block = local_jacobian(local, t, s, np.full(5, 1e-3))
            return diffusion + csc_array((block.ravel(), place), shape=diffusion.shape)

        where = np.arange(left, right + 1)
        # A trial state of Newton's iteration may overflow; the solver then shortens the step.
        with np.errstate(over="ignore", invalid="ignore"):
            sol = solve_ivp(
                rhs,
                (0.0, time[right] - t0),
                state,
                method=METHODS[method],
                t_eval=time[where] - t0,
                rtol=rtol,
                atol=1e-3 * rtol,
                jac=jacobian,
            )
        if not sol.success:
            raise RuntimeError(sol.message)
        state = sol.y[:, -1]
        for n, s in zip(where, sol.y.T, strict=True):
            if n == left and left > 0:
                continue
            e_app = e_left + slope * (time[n] - t0)
            phi, i = interface(s, e_app, slope)
            o, r, _ = surface(phi, s)
            out["I"][n], out["phi"][n] = i, phi
            out["c_O"][n], out["c_R"][n] = o * c_ref, r * c_ref
            out["M_O"][n] = root_O * (width @ (s[1::2] * c_ref - c_O))
            out["M_R"][n] = root_R * (width @ (s[2::2] * c_ref - c_R))
    return out if full else out["I"]
