"""The oracles meet closed forms and conserve what they must, so that a broken oracle is caught."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.special import erfc, erfcx

from . import electrode_mol, film_mol, redox_mol
from .redox_mol import F, R

f = F / (R * 298.15)


def sampled(corners, rate, step):
    """Programme at a constant sweep rate (V/s), sampled every `step` V; corners included."""
    parts = [
        np.linspace(a, b, max(2, round(abs(b - a) / step) + 1))[1:] for a, b in pairwise(corners)
    ]
    potential = np.concatenate([[corners[0]], *parts])
    time = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(potential)))]) / rate
    return time, potential


def lowest(potential, current):
    """Position and value of the minimum, by a parabola."""
    k = np.argmin(current)
    near = slice(k - 2, k + 3)
    a, b, c = np.polyfit(potential[near] - potential[k], current[near], 2)
    return potential[k] - b / (2 * a), c - b * b / (4 * a)


# --- redox_mol ---------------------------------------------------------------------------------

COUPLE = {"E0": -0.5, "D_O": 1e-5, "D_R": 1e-5, "c_O": 1e-6}
SWEEP = 0.1
NORM = F * 1e-6 * np.sqrt(1e-5 * f * SWEEP)


@pytest.mark.parametrize("method", ["BDF", "Radau"])
def test_reversible_peak(method):
    t, e = sampled([-0.1, -0.9], SWEEP, 5e-4)
    i = redox_mol.simulate(t, e, k0=1e3, n_nodes=60, rtol=1e-7, method=method, **COUPLE)
    i[:20] = 0.0  # the step from bulk to equilibrium at t = 0
    position, height = lowest(e, i)
    assert -height / NORM == pytest.approx(0.446295, abs=1e-5)
    assert position - COUPLE["E0"] == pytest.approx(-1.109 / f, abs=5e-5)


def test_irreversible_peak():
    alpha, k0 = 0.4, 1e-7
    t, e = sampled([-0.5, -1.7], SWEEP, 1e-3)
    i = redox_mol.simulate(t, e, k0=k0, alpha=alpha, n_nodes=60, rtol=1e-7, **COUPLE)
    position, height = lowest(e, i)
    assert -height / NORM / np.sqrt(alpha) == pytest.approx(0.49577, abs=2e-5)
    shift = (0.780 + np.log(np.sqrt(1e-5 * alpha * f * SWEEP) / k0)) / (alpha * f)
    assert position - COUPLE["E0"] == pytest.approx(-shift, abs=2e-4)


def test_step_with_slow_kinetics():
    """I = -F k c exp(H^2 t) erfc(H sqrt t) at constant potential, also with the product back."""
    k0 = 2e-3
    t = np.linspace(0.0, 1.0, 51)
    e = np.full(51, -0.52)
    i = redox_mol.simulate(t, e, k0=k0, n_nodes=100, rtol=1e-8, **COUPLE)
    kf, kb = k0 * np.exp(0.5 * f * 0.02), k0 * np.exp(-0.5 * f * 0.02)
    h = (kf + kb) / np.sqrt(1e-5)
    exact = -F * kf * 1e-6 * erfcx(h * np.sqrt(t))
    np.testing.assert_allclose(i[1:], exact[1:], rtol=5e-5)


def test_charging_current():
    t, e = sampled([0.0, 0.1, -0.1], 0.1, 1e-3)
    r, c = 500.0, 1e-4
    i = redox_mol.simulate(t, e, k0=0.0, R_u=r, C_dl=c, n_nodes=20, **COUPLE)
    exact = 0.1 * c * (1 - np.exp(-t / (r * c)))
    back = t > 1.0
    exact[back] = 0.1 * c * (2 * np.exp(-(t[back] - 1.0) / (r * c)) - 1)
    np.testing.assert_allclose(i, exact, atol=1e-7 * exact.max())


def test_resistance_with_and_without_capacitance_agree_and_mass_is_kept():
    t, e = sampled([-0.2, -0.9, -0.2], SWEEP, 2e-3)
    kw = COUPLE | {"D_R": 3e-6, "k0": 1e-2, "alpha": 0.4, "n_nodes": 60, "full": True}
    root = redox_mol.simulate(t, e, R_u=500.0, **kw)
    state = redox_mol.simulate(t, e, R_u=500.0, C_dl=1e-9, **kw)
    np.testing.assert_allclose(state["I"][1:], root["I"][1:], atol=1e-5 * NORM)
    np.testing.assert_allclose(root["phi"], e - 500.0 * root["I"], atol=1e-12)
    np.testing.assert_allclose(state["M_R"], -state["M_O"], atol=1e-9 * np.abs(state["M_O"]).max())
    charge = np.trapezoid(state["I"], t)
    assert F * state["M_O"][-1] == pytest.approx(charge, rel=2e-3)


# --- film_mol ----------------------------------------------------------------------------------

RATE = 0.01
PLAIN = film_mol.WORKED | {"R_u": 0.0, "C_dl": 0.0, "g0": 0.0, "g1": 0.0, "k_iso": 0.0}


def test_dissolution_alone():
    """c_s = s [1 - exp(k^2 t / D) erfc(k sqrt(t / D))] for a film that stays."""
    p = PLAIN | {"k0": 0.0, "k_II": 0.0, "p": 0.0, "k_d": 3e-4, "D_ion": 5e-6}
    t = np.linspace(0.0, 100.0, 51)
    out = film_mol.simulate(t, np.full(51, -0.5), p, n_nodes=100)
    depth = p["k_d"] * np.sqrt(t / p["D"])
    np.testing.assert_allclose(out["c_s"][1:], p["s"] * (1 - erfcx(depth[1:])), rtol=2e-3)
    np.testing.assert_allclose(out["N_diss"], p["k_d"] * p["s"] * erfcx(depth), rtol=2e-3)
    np.testing.assert_allclose(out["x"][1:], out["c_s"][1:] * np.sqrt(p["D"] / p["D_ion"]), 1e-4)


def test_unit_activity_deposition_peak():
    """0.6105 n^{3/2} F c sqrt(D f v) at 0.854 RT/2F below the equilibrium potential."""
    c = 1e-6
    p = PLAIN | {"k_II": 0.0, "k_d": 0.0, "k0": 1.0, "N": 1e15, "q_m": 1e-14, "c_b": c}
    equilibrium = p["E0"] + np.log(c / film_mol.C_STD) / (2 * f)
    t, e = sampled([equilibrium + 0.05, equilibrium - 0.2], RATE, 5e-4)
    out = film_mol.simulate(t, e, p, n_nodes=100)
    position, height = lowest(e, out["I"])
    norm = 2**1.5 * F * c * np.sqrt(p["D"] * f * RATE)
    assert -height / norm == pytest.approx(0.6105, rel=2e-3)
    assert position - equilibrium == pytest.approx(-0.854 / (2 * f), abs=5e-4)


def test_growth_of_hemispheres():
    """Few small nuclei at a constant rate per area: the radius grows linearly from nothing."""
    p = PLAIN | {"k_II": 0.0, "k_d": 0.0, "k0": 1.5e-5, "c_b": 1e-6, "N": 1e6}
    over, t = -0.2, np.linspace(0.0, 20.0, 21)
    out = film_mol.simulate(t, np.full(21, p["E0"] + over), p)
    speed = 18.27 * p["k0"] * p["c_b"] * np.exp(-p["A_c"] * f * over)  # cm/s
    q = (2 * np.pi / 3) * p["N"] * (speed * t) ** 3 / 18.27
    late = t > 4
    np.testing.assert_allclose(out["q"][late], q[late], rtol=0.01)


def test_irreversible_decomposition_peak():
    """2 A_d F^2 v G0 / (e RT) for p = 1 far below E_f, where k_II e^{..} = G0 A_d f v."""
    a_d, k_ii, g0 = 0.5, 1e-16, 1e-7
    p = PLAIN | {"k0": 0.0, "k_d": 0.0, "p": 1.0, "A_d": a_d, "k_II": k_ii, "G0": g0}
    e_f = p["E0"] + np.log(27 * (p["s"] / 1e-3) ** 5) / (2 * f)
    expected = e_f + np.log(k_ii / (g0 * a_d * f * RATE)) / (a_d * f)
    t, e = sampled([expected + 0.5, expected - 0.2], RATE, 1e-3)
    out = film_mol.simulate(t, e, p)
    position, height = lowest(e, out["I"])
    assert -height == pytest.approx(2 * F * g0 * a_d * f * RATE / np.e, rel=1e-4)
    assert position == pytest.approx(expected, abs=2e-4)
    assert out["t_end"] > 0


def test_reversible_decomposition():
    """Local equilibrium: -2F c0 27^{-1/4} sqrt(D f v / 2) exp(-f (phi - E_f) / 2)."""
    p = PLAIN | {"k0": 0.0, "k_d": 0.0, "p": 0.0, "A_d": 0.3, "k_II": 1e-2}
    p |= {"G0": 1e-4, "q_m": 1e-16}
    e_f = p["E0"] + np.log(27 * (p["s"] / 1e-3) ** 5) / (2 * f)
    t, e = sampled([e_f + 0.9, e_f + 0.3], RATE, 2e-3)
    out = film_mol.simulate(t, e, p)
    closed = np.exp(-f * (e - e_f) / 2) * np.sqrt(p["D_ion"] * f * RATE / 2)
    closed *= -2 * F * 1e-3 * 27**-0.25
    late = e < e_f + 0.45
    np.testing.assert_allclose(out["I"][late], closed[late], rtol=1e-3)


@pytest.fixture(scope="module")
def two_cycles():
    t, e = sampled([-0.35, -2.0, -0.2, -2.0, -0.2], RATE, 5e-3)
    return t, e, film_mol.simulate(t, e, film_mol.WORKED, n_nodes=40, rtol=1e-5)


def test_film_conserves_lead_and_ions(two_cycles):
    t, _, out = two_cycles
    p = film_mol.WORKED
    assert np.ptp(out["total_Pb"]) < 2e-4 * p["G0"]
    assert np.ptp(out["total_Cs"]) < 1e-9 * p["G0"]
    charge = np.trapezoid(out["I"] - p["g0"] - p["g1"] * (out["phi"] + 1.0), t)
    moved = p["C_dl"] * (out["phi"][-1] - out["phi"][0]) - 2 * F * (out["q"] + out["q_iso"])[-1]
    assert charge == pytest.approx(moved, abs=5e-3 * 2 * F * p["G0"])


def test_film_does_not_depend_on_the_solver(two_cycles):
    """Stiff solvers with an old Jacobian put the second onset anywhere, and G with it."""
    t, e, out = two_cycles
    other = film_mol.simulate(t, e, film_mol.WORKED, n_nodes=60, rtol=1e-6, method="Radau")
    np.testing.assert_allclose(out["G"], other["G"], atol=3e-4 * film_mol.WORKED["G0"])
    np.testing.assert_allclose(out["I"], other["I"], atol=3e-3 * np.abs(other["I"]).max())
    # On the way to the second onset a trace of lead is gained and lost at equal rates.
    before = (t > 390) & (t < 405)
    np.testing.assert_allclose(out["v_dep"][before], -out["v_dec"][before], rtol=0.05)


def test_film_that_ends():
    """A film that ends between two samples, and one that may regrow; lead is kept in both."""
    p = film_mol.WORKED | {"k_II": 1e-9, "R_u": 0.0}
    t, e = film_mol.cycles([-0.35, -2.0, -0.2], RATE)
    out = film_mol.simulate(t, e, p, n_nodes=40, rtol=1e-5)
    assert 100 < out["t_end"] < 165
    assert out["G"][-1] <= 1.01e-6 * p["G0"]
    assert np.ptp(out["total_Pb"]) < 2e-4 * p["G0"]
    grown = film_mol.simulate(t, e, p, n_nodes=40, rtol=1e-5, regrow=1e-4)
    assert grown["G"][-1] > 0.05 * p["G0"]
    assert np.ptp(grown["total_Pb"]) < 2e-4 * p["G0"]


# --- electrode_mol -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", electrode_mol.CASES)
def test_stored_solution(name):
    """A coarse first cycle meets the stored solution, which conserves lead and charge."""
    stored = electrode_mol.reference(name)
    p, corners, rate, wait = electrode_mol.CASES[name]
    inventory = p.get("G0") or np.abs(stored.dissolved).max()
    assert np.abs(stored.lead_error()).max() < 1e-6 * inventory
    assert np.abs(stored.charge_error()).max() < 1e-6 * np.abs(stored.charge).max()
    end = electrode_mol.cycles(corners[:3], rate)[0][-1]
    first = (stored.time > 0) & (stored.time <= end)
    out = electrode_mol.solve(
        p, corners[:3], rate, wait, n_nodes=40, rtol=1e-6, points=stored.time[first]
    )
    np.testing.assert_array_equal(out.time, stored.time[first])
    for field in ("current", "film", "lead", "residual", "surface_lead", "surface_ions"):
        exact = getattr(stored, field)[first]
        np.testing.assert_allclose(getattr(out, field), exact, atol=2e-3 * np.ptp(exact))
    np.testing.assert_allclose(out.phi, stored.phi[first], atol=1e-4)


def test_electrode_is_film_on_sites():
    """Fixed nuclei, residual lead that does not seed, a film that stays: `film_mol`."""
    t, e = film_mol.cycles([-0.35, -2.0, -0.2], RATE)
    t, e = (np.interp(np.arange(0, t[-1] + 1, 1.0), t, a) for a in (t, e))
    film = film_mol.simulate(t, e, film_mol.WORKED, n_nodes=40, rtol=1e-6, film_eps=1e-9)
    p = {k: v for k, v in film_mol.WORKED.items() if k != "N"} | {"N0": film_mol.WORKED["N"]}
    p |= {"sites": True, "seed": False}
    out = electrode_mol.solve(p, [-0.35, -2.0, -0.2], RATE, n_nodes=40, rtol=1e-6, points=t[1:])
    names = {"current": "I", "film": "G", "lead": "q", "surface_lead": "c_s", "surface_ions": "x"}
    for ours, theirs in names.items():
        exact = film[theirs][1:]
        np.testing.assert_allclose(getattr(out, ours), exact, atol=1e-4 * np.ptp(exact))


def test_nuclei_have_their_area_from_birth():
    """q = 2 h k0 c_b e^{-A_c f (E - E0)} N0 [t - (1 - e^{-Jt})/J], h the area of a nucleus.

    Deposition so slow that the nuclei, born at a constant potential, keep their critical size.
    """
    eta, p = -0.3, electrode_mol.SALT | {"k0": 1e-13, "k_iso": 0.0}
    p |= {"lnA": -1.0, "g0": 0.0, "g1": 0.0}
    e = p["E0"] + np.log(p["c_b"] / film_mol.C_STD) / (2 * f) + eta
    out = electrode_mol.solve(p, [e, e - 1e-7], 5e-9, n_nodes=40)
    rate = np.exp(p["lnA"] - p["B_n"] / (eta**2 + 0.01**2))
    aged = -np.expm1(-rate * out.time)
    np.testing.assert_allclose(out.nuclei, p["N0"] * aged, rtol=1e-4, atol=1)
    area = (9 * np.pi / 4) ** (1 / 3) * (18.27 * p["n_crit"] / electrode_mol.AVOGADRO) ** (2 / 3)
    speed = 2 * area * p["k0"] * p["c_b"] * np.exp(-p["A_c"] * f * (e - p["E0"]))
    exact = speed * p["N0"] * (out.time - aged / rate)
    np.testing.assert_allclose(out.lead, exact, atol=1e-4 * exact[-1])


def test_dissolution_while_waiting():
    """The closed form of `test_dissolution_alone`, at the end of the wait."""
    p = PLAIN | {"k_II": 0.0, "p": 0.0, "k_d": 3e-4, "R_u": 1.0, "C_dl": 1e-5}
    out = electrode_mol.solve(p, [-0.5, -0.51], RATE, 100.0, n_nodes=40)
    late = (out.time > -99) & (out.time <= 0)
    exact = p["s"] * (1 - erfcx(p["k_d"] * np.sqrt((out.time[late] + 100) / p["D"])))
    np.testing.assert_allclose(out.surface_lead[late], exact, rtol=5e-5)
    assert not out.current[late].any()


def test_programmes():
    t = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    assert redox_mol.kinks(t, [0.0, 0.1, 0.2, 0.1, 0.0]).tolist() == [0, 2, 4]
    assert redox_mol.kinks(t, [0.1, 0.1, 0.1, 0.0, 0.0]).tolist() == [0, 2, 3, 4]
    with pytest.raises(ValueError, match="strictly"):
        redox_mol.kinks([0.0, 1.0, 1.0], [0.0, 0.1, 0.2])
    assert erfc(5 / 2) < 5e-4  # what `reach` of the grid leaves out
