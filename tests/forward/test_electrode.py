"""Closed forms, limits of every law, balances, and gradients of the electrode."""

import jax
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from scipy.special import dawsn, erfcx

from perovec_bayes.constants import FARADAY, thermal_frequency
from perovec_bayes.forward import kernels
from perovec_bayes.forward.electrode import (
    Affinity,
    ButlerVolmer,
    Cell,
    Complexation,
    Deposit,
    Electrode,
    ElectronSupply,
    Film,
    Flat,
    Irreversible,
    Lead,
    NoyesWhitney,
    Nucleation,
    Pool,
    Population,
    Reduction,
    Shell,
    Sites,
    Unhindered,
)
from perovec_bayes.forward.programme import steps, sweeps
from perovec_bayes.forward.transients import cottrell
from perovec_bayes.forward.trbdf2 import Control
from perovec_bayes.forward.voltammetry import respond

F = thermal_frequency()
RATE = 0.01
IDEAL = Cell(0.0, 0.0, 0.0, 0.0)
"""No resistance, no double layer, no background."""
METAL = Deposit(Flat(), q0=1e-6)
"""Thick flat lead, of activity one."""
FAST = Lead(-0.96, 1e3, 1.0, 2.6e-6, 1e-6)
"""Reversible, 1 mM."""
IDLE = FAST._replace(k0=0.0, c_b=0.0)
"""No deposition, nothing in solution."""
EQUILIBRIUM = FAST.E0 + np.log(FAST.c_b / 1e-3) / (2 * F)


def march(model, programme, grid, **modes):
    """Outputs on a grid, or on so many equal steps."""
    if np.ndim(grid) == 0:
        grid = np.linspace(programme.start, programme.end, grid + 1)
    run = jax.jit(lambda model: respond(model, programme, F, grid=grid, **modes))
    return grid, jax.tree.map(np.asarray, run(model).output)


def peak(x, y):
    """Place and height of the maximum, from a parabola through three points."""
    i = int(y.argmax())
    a, b, c = np.polyfit(x[i - 1 : i + 2] - x[i], y[i - 1 : i + 2], 2)
    return x[i] - b / (2 * a), c - b * b / (4 * a)


def order(errors):
    """Order of convergence over grids that double."""
    return np.log2(np.array(errors[:-1]) / errors[1:])


# --- closed forms ------------------------------------------------------------------------------


def test_reversible_deposition():
    """Berzins and Delahay: psi = (2/sqrt(pi)) Dawson(sqrt(2 f v t)), the start at E_eq."""
    sigma = 2 * F * RATE
    programme = sweeps([EQUILIBRIUM, EQUILIBRIUM - 15 / (2 * F)], RATE)
    curve, heights = [], []
    for n in (500, 1000, 2000):
        t, out = march(Electrode(IDEAL, (FAST,), METAL), programme, n)
        psi = -out.current / (2 * FARADAY * FAST.c_b * np.sqrt(FAST.D * sigma))
        tau = sigma * t
        late = tau > 0.1
        curve.append(np.abs(psi - 2 / np.sqrt(np.pi) * dawsn(np.sqrt(tau)))[late].max())
        heights.append(peak(tau, psi))
    assert heights[-1][0] == pytest.approx(0.854032, abs=1e-4)
    assert heights[-1][1] == pytest.approx(0.610503, rel=8e-6)
    assert curve[-1] < 5e-5
    assert (order(curve) > 1.5).all()
    rises = [height for _, height in heights]
    assert order(np.diff(rises))[0] == pytest.approx(2, abs=0.5)


def test_irreversible_deposition():
    """Nicholson and Shain: 0.4958 n F c sqrt(D A_c f v)."""
    slow = FAST._replace(k0=1e-9, A_c=0.7)
    pace = slow.A_c * F * RATE
    wave = slow.E0 - np.log(np.sqrt(pace * slow.D) / slow.k0) / (slow.A_c * F)
    programme = sweeps([wave + 0.35, wave - 0.2], RATE)
    heights = []
    for n in (100, 200, 400):
        t, out = march(Electrode(IDEAL, (slow,), METAL), programme, n)
        psi = -out.current / (2 * FARADAY * slow.c_b * np.sqrt(slow.D * pace))
        heights.append(peak(pace * t, psi)[1])
    assert heights[-1] == pytest.approx(0.49577, rel=2e-5)
    assert order(np.diff(heights))[0] == pytest.approx(2, abs=0.6)


def test_cottrell():
    """After a step to the limiting current; its spike sets the scale of the error control."""
    programme = steps([EQUILIBRIUM, -1.6], [1.0, 20.0])
    run = jax.jit(lambda m, tolerance: respond(m, programme, F, control=Control(1000, tolerance)))
    for tolerance, bound in ((1e-3, 2.4e-2), (1e-4, 6e-3), (1e-5, 1.5e-3)):
        record = run(Electrode(IDEAL, (FAST,), METAL), tolerance)
        t = np.asarray(record.time)
        late = t > 1.01
        exact = np.asarray(cottrell(t[late] - 1, FAST.c_b, FAST.D))
        np.testing.assert_allclose(np.asarray(record.output.current)[late], exact, rtol=bound)
        charge = -4 * FARADAY * FAST.c_b * np.sqrt(FAST.D * (t[late] - 1) / np.pi)
        np.testing.assert_allclose(np.asarray(record.output.charge)[late], charge, rtol=bound / 4)
        assert not record.forced.any()


def test_decomposition_in_equilibrium():
    """(2.14): -2F c0 27^{-1/4} sqrt(D f v/2) exp(-f (E - E_f)/2), 118 mV a decade."""
    film = Film(1e-4, 0.0, 1e-9, 2.6e-6, ButlerVolmer(1e-2, 0.3, -1.8), NoyesWhitney(0.0))
    model = Electrode(IDEAL, (IDLE,), METAL, film)
    programme = sweeps([-0.9, -1.5], RATE)
    errors = []
    for n in (500, 1000):
        t, out = march(model, programme, programme.end * np.linspace(0, 1, n + 1) ** 4)
        E = programme.potential[0] - RATE * t
        exact = np.exp(-F * (E + 1.8) / 2) * np.sqrt(film.D_ion * F * RATE / 2)
        exact *= -2 * FARADAY * 1e-3 * 27**-0.25
        late = E < -1.35
        errors.append(np.abs(out.current / exact - 1)[late].max())
    assert errors[-1] < 1e-4
    assert (order(errors) > 1.5).all()


def test_irreversible_decomposition():
    """A surface wave: I = 2F k G, I_p = 2 A_d F^2 v G0/(e RT) where G = G0/e (p = 1)."""
    wave = Irreversible(1e-9, 0.6, -1.7)
    film = Film(1e-8, 1.0, 1e-9, 2.6e-6, wave, NoyesWhitney(0.0))
    model = Electrode(IDEAL, (IDLE,), METAL, film)
    programme = sweeps([-1.1, -1.9], RATE)
    errors, heights = [], []
    for n in (800, 1600):
        t, out = march(model, programme, n)
        over = np.exp(-wave.A_d * F * (programme.potential[0] - RATE * t - wave.E_f))
        pace = wave.k_II / film.G0 * over
        g = np.exp(-(pace - pace[0]) / (wave.A_d * F * RATE))
        whole = g > 0.12  # further on the last per cent of the film would show
        error = np.abs(out.current + 2 * FARADAY * film.G0 * pace * g)[whole][1:]
        errors.append(error.max() / np.abs(out.current).max())
        heights.append(peak(t, -out.current)[1])
    exact = 2 * wave.A_d * FARADAY * F * RATE * film.G0 / np.e
    assert heights[-1] == pytest.approx(exact, rel=3e-5)
    assert errors[-1] < 2e-5
    assert (order(errors) > 1.7).all()


LAWS = [
    (NoyesWhitney(3e-4), 1e-4),
    (Complexation(3e-4, 0.0), 1e-4),
    (Affinity(3e-4), 3e-3),  # Omega is rounded off at 1e-10, that is c/s at 0.01
]


@pytest.mark.parametrize(("law", "bound"), LAWS)
def test_dissolution_while_waiting(law, bound):
    """c/s = 1 - exp(h^2) erfc(h), h = k_d sqrt(t/D); congruent, (2.16) reduces to (2.17)."""
    film = Film(1e-4, 0.0, 2.38e-6, 2.6e-6, Irreversible(0.0, 1.0, -1.8), law)
    model = Electrode(IDEAL, (IDLE,), METAL, film)
    programme = sweeps([-0.5, -0.51], RATE, wait=100.0)
    t = np.append(-100 + 100 * np.linspace(0, 1, 301) ** 3, 1.0)
    _, out = march(model, programme, t)
    late = (t > -99) & (t <= 0)
    exact = film.s * (1 - erfcx(law.k_d * np.sqrt((t[late] + 100) / IDLE.D)))
    np.testing.assert_allclose(out.surface_lead[late], exact, rtol=bound)
    np.testing.assert_allclose(out.surface_ions[late], exact, rtol=bound)
    assert not out.current.any()


# --- laws --------------------------------------------------------------------------------------


def test_complexation_helps():
    """Released bromide raises the solubility: at once at equilibrium, c = s (1 + 3 K_X c)."""
    law = Complexation(1e2, 1e5)
    film = Film(1e-4, 0.0, 1e-6, 2.6e-6, Irreversible(0.0, 1.0, -1.8), law)
    programme = sweeps([-0.5, -0.6], RATE)
    _, out = march(Electrode(IDEAL, (IDLE,), METAL, film), programme, 100)
    c = film.s / (1 - 3 * law.K_X * film.s)
    np.testing.assert_allclose(out.surface_lead[10:], c, rtol=1e-3)


def test_electron_supply_and_side_reaction():
    """Without resistance and film loss the current is that of the laws at E, at every step."""
    cell = Cell(0.0, 0.0, -3e-7, 1e-6, Reduction(2e-6, 0.3, -1.9))
    film = Film(1e-4, 0.0, 1e-9, 2.6e-6, ElectronSupply(1e-10, -1.88), NoyesWhitney(0.0))
    t, out = march(Electrode(cell, (IDLE,), METAL, film), sweeps([-1.5, -2.1], RATE), 50)
    E = -1.5 - RATE * t
    v_dec = 1e-10 / (1 + np.exp(F * (E + 1.88)))
    np.testing.assert_allclose(out.decomposition[1:], v_dec[1:], rtol=1e-9, atol=1e-19)
    background = -3e-7 + 1e-6 * (E + 1) - 2e-6 * np.exp(-0.3 * F * (E + 1.9))
    exact = background - 2 * FARADAY * v_dec
    np.testing.assert_allclose(out.current[1:], exact[1:], rtol=1e-8)


def test_shell():
    """It goes as exp(-t/tau) into a solution that carries all away; then the film dissolves."""
    shell = Shell(1e-9, 1e-4, 5e-7)
    film = Film(1e-7, 0.0, 2e-6, 1e6, Irreversible(0.0, 1.0, -1.8), Unhindered(1e-5))
    model = Electrode(IDEAL, (IDLE._replace(D=1e6),), METAL, film, shell)
    t, out = march(model, sweeps([-0.5, -1.0], RATE), 50 * np.linspace(0, 1, 401) ** 3)
    tau = shell.G_L0 / (shell.k_L * shell.c_sat)
    left = np.exp(-t / tau)
    np.testing.assert_allclose(out.shell, shell.G_L0 * left, atol=1e-5 * shell.G_L0)
    lost = 1e-5 * film.s * (t - tau * (1 - left))
    np.testing.assert_allclose(film.G0 - out.film, lost, atol=1e-5 * lost[-1])
    lead = out.film + out.lead + out.shell + out.dissolved
    assert np.ptp(lead) < 3e-14 * lead[0]


def test_parts_that_are_split():
    """Populations in halves change nothing; n pools or species strip n times as fast.

    Each pool strips from its whole surface and each species has its own equilibrium, as (2.10) and
    (2.6) state: K pools and n species are one with E0 lower by ln(n K)/(2f).
    """
    cell = Cell(60.0, 1e-5, -2e-7, 1e-6)
    one = Lead(-0.96, 3e-4, 0.7, 2.6e-6, 1e-6)
    film = Film(3e-8, 0.7, 2e-6, 2.6e-6, ButlerVolmer(1e-10, 0.6, -1.4), NoyesWhitney(0.0))
    half = one._replace(c_b=one.c_b / 2)
    pools = (Pool(0.5, 0.0), Pool(0.2, 0.0), Pool(0.3, 0.0))
    halves = (Population(0.5, 0.0), Population(0.5, 0.0))
    split = Electrode(
        cell, (half, half), METAL._replace(pools=pools), film._replace(populations=halves)
    )
    n = 6
    whole = one._replace(E0=one.E0 - np.log(n) / (2 * F), k0=one.k0 * n ** (one.A_c / 2))
    programme = sweeps([-1.0, -1.7], 0.05)
    _, a = march(split, programme, 400)
    _, b = march(Electrode(cell, (whole,), METAL, film), programme, 400)
    np.testing.assert_allclose(a.current, b.current, rtol=0, atol=1e-6 * np.abs(b.current).max())
    np.testing.assert_allclose(a.film, b.film, rtol=1e-6)
    np.testing.assert_allclose(a.lead, b.lead, rtol=1e-6)
    lead = a.film + a.lead + a.dissolved
    assert np.ptp(lead) < 3e-14 * lead[0]


def test_thin_layer():
    """All lead within a thin layer follows the potential: Q = -2F L (c_b - c(E))."""
    L = 1e-4
    modes = kernels.reflecting(FAST.D, L, 1e-3)
    programme = sweeps([EQUILIBRIUM, EQUILIBRIUM - 0.15], RATE)
    t, out = march(Electrode(IDEAL, (FAST,), METAL), programme, 500, lead_modes=(modes,))
    c = FAST.c_b * np.exp(-2 * F * RATE * t)
    exact = -2 * FARADAY * L * (FAST.c_b - c)
    np.testing.assert_allclose(out.charge, exact, atol=2e-3 * np.abs(exact).max())
    np.testing.assert_allclose(out.surface_lead, c, atol=1e-6 * FAST.c_b)


def test_steady_state():
    """With a stagnant layer the current ends at -2F D c_b/delta."""
    delta = 1e-3
    modes = kernels.fixed_concentration(FAST.D, delta, 1e-3)
    programme = sweeps([EQUILIBRIUM, EQUILIBRIUM - 0.3], RATE)
    _, out = march(Electrode(IDEAL, (FAST,), METAL), programme, 300, lead_modes=(modes,))
    assert out.current[-1] == pytest.approx(-2 * FARADAY * FAST.D * FAST.c_b / delta, rel=1e-4)


# --- everything at once ------------------------------------------------------------------------

WAVE = ButlerVolmer(1e-10, 0.6, -1.4)
FILM = Film(3e-8, 0.7, 2.38e-6, 2.6e-6, WAVE, NoyesWhitney(2e-6))
LEAD = Lead(-0.96, 3e-4, 0.7, 2.6e-6)
NUCLEI = Nucleation(8.0, 0.15, 1e9)
CELL = Cell(60.0, 1.5e-5, -2e-7, 1e-6)
FULL = Electrode(
    CELL._replace(reduction=Reduction(1e-7, 0.4, -1.8)),
    (LEAD._replace(c_b=2e-7), Lead(-1.1, 1e-4, 0.9, 1.2e-6, 1e-7)),
    Deposit(NUCLEI, 6e-3, 0.7, 0.0, (Pool(0.6, 0.0), Pool(0.4, 0.15))),
    FILM._replace(
        dissolution=Complexation(2e-6, 1e4),
        populations=(Population(0.9, 0.0), Population(0.1, 0.2)),
        c_Br=1e-7,
    ),
    Shell(2e-9, 2e-5, 5e-8),
)
CYCLE = sweeps([-0.4, -2.0, -0.2], 0.02, wait=60.0)
EXTREMES = {
    "full": FULL,
    "affinity": Electrode(
        CELL, (LEAD,), Deposit(Sites(1e8), 6e-3, 0.0), FILM._replace(dissolution=Affinity(2e-6))
    ),
    "supply": Electrode(
        CELL,
        (LEAD,),
        Deposit(NUCLEI, 6e-3),
        FILM._replace(decomposition=ElectronSupply(1e-9, -1.88), dissolution=Unhindered(1e-6)),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", EXTREMES)
def test_balances(name):
    """Lead to rounding, amounts never negative, with every part there is."""
    model = EXTREMES[name]
    run = jax.jit(lambda model: respond(model, CYCLE, F, control=Control(2500)))
    record = run(model)
    out = jax.tree.map(np.asarray, record.output)
    assert record.time[-1] == CYCLE.end
    assert not record.forced.any()
    for values in out:
        assert np.isfinite(values).all()
    total = out.film + out.lead + out.shell + out.dissolved
    assert np.ptp(total) < 1e-13 * total[0]
    for amount in (out.film, out.lead, out.residual, out.lead - out.residual, out.shell):
        assert amount.min() > -1e-22
    assert out.nuclei.min() > -1e-6
    # without background all charge is in lead and double layer
    bare = model.cell._replace(g0=0.0, g1=0.0)
    if bare.reduction:
        bare = bare._replace(reduction=bare.reduction._replace(i_r=0.0))
    out = jax.tree.map(np.asarray, run(model._replace(cell=bare)).output)
    made = bare.C_dl * (out.potential - out.potential[0]) - 2 * FARADAY * out.lead
    assert np.abs(out.charge - made).max() < 1e-12 * np.abs(out.charge).max()


def test_nuclei_form_from_whichever_species_there_is():
    """The order of the species does not matter, and one that is absent changes nothing."""
    there = LEAD._replace(c_b=1e-6)
    absent = there._replace(E0=there.E0 - 0.3, c_b=0.0, k0=0.0)
    programme = sweeps([-0.4, -1.5, -0.4], 0.05)
    deposit = Deposit(NUCLEI, 6e-3)
    _, alone = march(Electrode(CELL, (there,), deposit), programme, 600)
    assert alone.nuclei.max() > 0.5 * NUCLEI.N0
    for lead in ((there, absent), (absent, there)):
        _, both = march(Electrode(CELL, lead, deposit), programme, 600)
        np.testing.assert_allclose(both.current, alone.current, rtol=0, atol=1e-9)


def test_a_shell_never_exceeds_what_it_was():
    """Complexes that are stripped above their solubility return to free sites only."""
    model = FULL._replace(shell=FULL.shell._replace(c_sat=1e-8, k_L=1e-3))
    _, out = march(model, sweeps([-0.4, -1.8, -0.2], 0.05), 800)
    theta = out.shell / model.shell.G_L0
    assert theta.min() < 0.95
    assert theta[theta.argmin() :].max() > theta.min() + 0.02  # some return
    assert theta.max() <= 1 + 1e-9


# --- gradients ---------------------------------------------------------------------------------

SIZES = {"q0": 1e-20, "c_b": 1e-8, "c_Cs": 1e-8, "c_Br": 1e-8}
"""Size of a parameter that is zero; potentials have 0.03 V [unit of the parameter].

The area of a deposit has a vertical tangent at q0 = 0, but for the last 1e-20 mol cm^-2.
"""


def parameters(model):
    """Names and sizes of all numbers of a model, and how to put them back."""
    flat, back = ravel_pytree(jax.tree.map(float, model))
    leaves = jax.tree_util.tree_leaves_with_path(model)
    names = [jax.tree_util.keystr(path).rsplit(".", 1)[-1] for path, _ in leaves]
    size = [
        abs(x) or SIZES.get(name, 0.03) for name, x in zip(names, np.asarray(flat), strict=True)
    ]
    return names, np.array(size), flat, back


def summary(programme, grid):
    """A number that depends on all that is recorded, in sizes that compare."""

    def value(model):
        out = respond(model, programme, F, grid=grid).output
        weight = 1 + 0.3 * np.cos(np.arange(len(grid)))  # no symmetry hides a term
        parts = (out.current * 1e4, out.charge * 1e3, out.film * 1e8, out.lead * 1e9)
        parts += (
            out.nuclei * 1e-9,
            out.residual * 1e9,
            out.surface_lead * 1e6,
            out.dissolved * 1e9,
        )
        return sum((weight * part).sum() for part in parts) / len(grid)

    return value


MODELS = {
    "salt": Electrode(CELL, (LEAD._replace(c_b=1e-6),), Deposit(NUCLEI, 6e-3)),
    "film": Electrode(CELL, (LEAD,), Deposit(NUCLEI, 6e-3), FILM),
    "full": FULL,
}


def followed(model, programme):
    """The steps that follow the error."""
    run = jax.jit(lambda m: respond(m, programme, F, control=Control(1500, 3e-4)))
    return np.unique(run(model).time)


def forward_and_back(model, programme, grid):
    """Both gradients and central differences, times the size of each parameter."""
    names, size, flat, back = parameters(model)
    whole = summary(programme, grid)

    def value(x):
        return whole(back(x))

    flat = np.asarray(flat)
    reverse = np.asarray(jax.jit(jax.grad(value))(flat)) * size
    along = jax.jit(lambda x, d: jax.jvp(value, (x,), (d,)))
    forward = np.array([along(flat, e)[1] for e in np.diag(size)])

    def at(i, h):
        return along(flat + h * size[i] * (np.arange(flat.size) == i), 0 * flat)[0]

    def difference(i, h):
        if names[i] in SIZES and flat[i] == 0:  # zero is the end of its range
            return (4 * at(i, h) - at(i, 2 * h) - 3 * at(i, 0.0)) / (2 * h)
        return (at(i, h) - at(i, -h)) / (2 * h)

    central = np.array([[difference(i, h) for h in (1e-4, 1e-5)] for i in range(len(names))])
    return names, reverse, forward, central


def check(names, reverse, forward, central):
    assert np.isfinite(reverse).all()
    largest = np.abs(reverse).max()
    np.testing.assert_allclose(forward, reverse, rtol=1e-7, atol=1e-9 * largest)
    error = np.abs(central - reverse[:, None]).min(axis=1)
    for which, off, exact in zip(names, error, reverse, strict=True):
        assert off < 1e-6 * abs(exact) + 1e-6 * largest, (which, off, exact, largest)


@pytest.mark.parametrize(
    "name", ["salt", *(pytest.param(n, marks=pytest.mark.slow) for n in ("film", "full"))]
)
def test_gradient(name):
    """Empty inventory, first nucleus, no lead in solution, reversal, zero current."""
    wait = 60.0 if name == "full" else 0.0
    model, programme = MODELS[name], sweeps([-0.4, -1.7, -1.05], 0.02, wait=wait)
    check(*forward_and_back(model, programme, followed(model, programme)))


@pytest.mark.parametrize("steps", [120, 400])
def test_gradient_through_complete_stripping(steps):
    """On grids that are coarse there, so that the explicit part of stages must be limited."""
    model = Electrode(CELL, (LEAD,), Deposit(Sites(1e9), 6e-3), FILM)
    programme = sweeps([-0.4, -1.7, -0.2, -1.7, -0.2], 0.02)
    grid = np.union1d(np.linspace(programme.start, programme.end, steps), programme.time)
    check(*forward_and_back(model, programme, grid))
