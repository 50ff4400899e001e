"""The electrode against the method-of-lines oracle and the worked case of the specification."""

from typing import NamedTuple

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from scipy.integrate import quad

from perovec_bayes.constants import FARADAY, thermal_frequency
from perovec_bayes.forward import electrode as laws
from perovec_bayes.forward import optics, sampling
from perovec_bayes.forward.electrode import (
    ButlerVolmer,
    Cell,
    Deposit,
    Electrode,
    Film,
    Lead,
    NoyesWhitney,
    Nucleation,
)
from perovec_bayes.forward.programme import sweeps
from perovec_bayes.forward.trbdf2 import Control
from perovec_bayes.forward.voltammetry import respond
from tests.oracles import electrode_mol

F = thermal_frequency()
TOLERANCES = (1e-3, 1e-4)
DEFAULT = Control().tolerance
ATTEMPTS = 4000
RATE = 0.01


def electrode(p):
    """The parts for the parameters of the oracle."""
    p = electrode_mol.DEFAULTS | p
    film = None
    if p["G0"]:
        own = p["E0"] + np.log(27 * (p["s"] / 1e-3) ** 5) / (2 * F)
        wave = ButlerVolmer(p["k_II"], p["A_d"], p.get("E_f", own))
        film = Film(p["G0"], p["p"], p["s"], p["D_ion"], wave, NoyesWhitney(p["k_d"]))
    nuclei = Nucleation(p["lnA"], p["B_n"], p["N0"], p["n_crit"])
    return Electrode(
        Cell(p["R_u"], p["C_dl"], p["g0"], p["g1"]),
        (Lead(p["E0"], p["k0"], p["A_c"], p["D"], p["c_b"]),),
        Deposit(nuclei, p["k_iso"], float(p["seed"])),
        film,
    )


class Run(NamedTuple):
    """Accepted steps of a run and what the oracle finds at their ends."""

    time: np.ndarray
    output: object
    attempts: int
    """Attempted steps until the end was reached."""
    forced: int


def accepted(record):
    time = np.asarray(record.time)
    keep = np.append(True, np.diff(time) > 0)
    output = jax.tree.map(lambda x: np.asarray(x)[keep], record.output)
    return Run(time[keep], output, int(np.argmax(time == time[-1])), int(record.forced.sum()))


class Runs:
    """Runs of the oracle's cases, each programme compiled once."""

    def __init__(self):
        self.compiled, self.found = {}, {}

    def __call__(self, name, tolerance=TOLERANCES[0]):
        if (name, tolerance) not in self.found:
            p, corners, rate, wait = electrode_mol.CASES[name]
            key = (*corners, wait, bool(p.get("G0")))
            if key not in self.compiled:
                programme = sweeps(corners, rate, wait=wait)
                self.compiled[key] = jax.jit(
                    lambda model, tolerance: respond(
                        model, programme, F, control=Control(ATTEMPTS, tolerance)
                    )
                )
            record = self.compiled[key](electrode(p), tolerance)
            self.found[name, tolerance] = accepted(record)
        return self.found[name, tolerance]


@pytest.fixture(scope="module")
def runs():
    return Runs()


BANDS = (optics.BAND_EDGE, optics.SUB_GAP)
OPTICS = {"absorption": 1.8e6, "scattering": 3e5, "exponent": 1.5}


def density(film, lead):
    """Optical density in both windows by quadrature over the wavelength, (4.1)."""
    found = []
    for (low, high), absorption in zip(BANDS, (OPTICS["absorption"], 0.0), strict=True):
        whole, _ = quad(lambda x: (x / 575) ** -OPTICS["exponent"], low, high, epsabs=0)
        found.append(absorption * film + OPTICS["scattering"] * lead * whole / (high - low))
    return np.array(found)


def inventory(name):
    stored = electrode_mol.reference(name)
    return stored.film[0] or np.abs(stored.dissolved).max()


def norms(name, run):
    """Errors against the oracle at the ends of the steps, as shares of each channel's range."""
    stored = electrode_mol.reference(name)

    def of(values, exact):
        return np.abs(values - np.interp(run.time, stored.time, exact)).max() / np.ptp(exact)

    out = run.output
    exact = np.interp(run.time, stored.time, stored.current)
    width = np.gradient(run.time)
    error = np.sqrt(np.sum((out.current - exact) ** 2 * width) / np.sum(exact**2 * width))
    found = {
        "L2": error,
        "current": np.abs(out.current - exact).max() / np.abs(exact).max(),
        "charge": of(out.charge, stored.charge),
        "lead": of(out.lead - out.residual, stored.lead),
        "residual": of(out.residual, stored.residual),
        "nuclei": of(out.nuclei, stored.nuclei),
        "surface_lead": of(out.surface_lead, stored.surface_lead),
        "dissolved": of(out.dissolved, stored.dissolved),
        "phi": np.abs(out.potential - np.interp(run.time, stored.time, stored.phi)).max(),
    }
    if stored.film[0]:
        found["film"] = of(out.film, stored.film)
        found["surface_ions"] = of(out.surface_ions, stored.surface_ions)
        low, high = np.array(BANDS).T
        ours = optics.optical_density(
            out.film, out.lead, low=low, high=high, offset=jnp.zeros(2), **OPTICS
        ).T
        theirs = density(stored.film, stored.lead + stored.residual)
        found["density"] = max(map(of, np.asarray(ours), theirs))
    return found


BOUNDS = {
    "salt_seeding": {
        1e-3: {"L2": 3e-3, "current": 1e-2, "lead": 1e-3, "residual": 3e-4, "nuclei": 2e-3},
        1e-4: {"L2": 4e-4, "current": 1.1e-3, "lead": 2e-4, "residual": 5e-5, "nuclei": 2e-3},
    },
    "salt_inert": {
        1e-3: {"L2": 3e-3, "current": 5e-3, "lead": 1.2e-3, "residual": 3e-4, "nuclei": 7e-3},
        1e-4: {"L2": 4e-4, "current": 6e-4, "lead": 3e-4, "residual": 5e-5, "nuclei": 5e-3},
    },
    "bulk_film": {
        1e-3: {"L2": 6e-3, "current": 3.5e-2, "lead": 5e-3, "residual": 2e-3, "nuclei": 7e-3}
        | {"film": 1.5e-3, "surface_ions": 1.5e-2, "density": 1.3e-3},
        1e-4: {"L2": 1.2e-3, "current": 1.2e-2, "lead": 1.2e-3, "residual": 4e-4, "nuclei": 3e-3}
        | {"film": 2e-4, "surface_ions": 3e-3, "density": 2e-4},
    },
    "nanocrystals": {
        1e-3: {"L2": 4e-3, "current": 1e-2, "lead": 1.2e-3, "residual": 6e-4, "nuclei": 2e-3}
        | {"film": 1.1e-3, "surface_ions": 2e-3, "density": 1e-3},
        1e-4: {"L2": 4e-4, "current": 7e-4, "lead": 3e-4, "residual": 5e-4, "nuclei": 2e-3}
        | {"film": 1e-4, "surface_ions": 5e-4, "density": 2e-4},
    },
}
"""Twice what was found, for each tolerance; below 1e-4 the interpolation of the oracle shows."""


@pytest.mark.parametrize("tolerance", TOLERANCES)
@pytest.mark.parametrize("name", BOUNDS)
def test_oracle(runs, name, tolerance):
    found = norms(name, runs(name, tolerance))
    for channel, bound in BOUNDS[name][tolerance].items():
        assert found[channel] < bound, (channel, found[channel])
    assert found["charge"] < 1e-3


@pytest.mark.parametrize("name", BOUNDS)
def test_error_falls_with_the_tolerance(runs, name):
    """tol^(2/3), as a second-order method's does: a factor of 4.6 for ten, on the steep edges."""
    loose, tight = (norms(name, runs(name, tolerance)) for tolerance in TOLERANCES)
    assert tight["L2"] < loose["L2"] / 3


@pytest.mark.parametrize("name", BOUNDS)
def test_default_control_suffices(runs, name):
    """Nothing was forced, also not with the default number of attempts, of which half remain."""
    run = runs(name, DEFAULT)
    assert run.forced == 0
    assert run.attempts < 0.6 * Control().attempts
    _, corners, rate, _ = electrode_mol.CASES[name]
    assert run.time[-1] == sweeps(corners, rate).end


def waves(name, time, current, charge):
    """Of each cycle: potential, current of the cathodic and the anodic peak, Q_cat, Q_an."""
    _, corners, rate, _ = electrode_mol.CASES[name]
    corner_time, corner_potential = electrode_mol.cycles(corners, rate)
    potential = np.interp(time, corner_time, corner_potential)
    found = []
    for begin, end in zip(corner_time[:-2:2], corner_time[2::2], strict=True):
        inside = np.flatnonzero((time >= begin) & (time <= end))
        low = inside[current[inside].argmin()]
        high = inside[current[inside].argmax()]
        moved = np.diff(charge[inside])
        q_cat, q_an = -moved[moved < 0].sum(), moved[moved > 0].sum()
        peaks = potential[low], current[low], potential[high], current[high]
        found.append([*peaks, q_cat, q_an])
    return np.array(found)


def between_steps(run):
    """Time, current and charge as data would see them, ten points a second."""
    limits = np.arange(0.0, run.time[-1], 0.1)
    steps, charge = jnp.asarray(run.time), jnp.asarray(run.output.charge)
    slope = jnp.asarray(run.output.current)
    passed = sampling.between(steps, limits).value(charge, slope)
    middle = (limits[1:] + limits[:-1]) / 2
    current = sampling.averages(steps, charge, slope, limits)
    return middle, np.asarray(current), np.interp(middle, limits, passed)


@pytest.mark.parametrize("name", BOUNDS)
def test_peaks_and_charges(runs, name):
    """Nucleation spike, waves and stripping peaks of all cycles at the default tolerance."""
    run, stored = runs(name, DEFAULT), electrode_mol.reference(name)
    ours = waves(name, *between_steps(run))
    theirs = waves(name, stored.time, stored.current, stored.charge)
    largest = np.abs(theirs).max(axis=0)
    np.testing.assert_allclose(ours[:, [0, 2]], theirs[:, [0, 2]], rtol=0, atol=3e-3)
    heights = np.abs(ours - theirs)[:, [1, 3]] / np.abs(theirs)[:, [1, 3]]
    assert heights.max() < 0.01
    assert (np.abs(ours - theirs)[:, 4:] / largest[4:]).max() < 0.01


PRINTED = {
    "salt_seeding": (
        [-1.193, -1.105, -1.095],
        [-158.2, -75.7, -66.7],
        [-1.166, -1.007, -1.008],
        [-0.980, -0.989, -0.995],
        [474, 421, 376],
        0.481,
    ),
    "salt_inert": ([-1.193], [-158.1], [-1.166], [-0.976, -0.981, -0.984], [389, 329, 288], 0.488),
}
"""Cathodic peaks [V], [uA cm^-2], onset at -5 uA cm^-2, stripping peaks, Q_an/Q_cat (2.3a).

The cathodic peaks that are printed for the later cycles where lead falls off (-1.185 V and
-120.9 uA cm^-2 in cycle 2) are not those of the oracle, in which a nucleus has its area from birth
(-1.195 V, -132.2 uA cm^-2): there the oracle alone is the reference.
"""


def onsets(name, time, current):
    _, corners, rate, _ = electrode_mol.CASES[name]
    corner_time, corner_potential = electrode_mol.cycles(corners, rate)
    found = []
    for begin, end in zip(corner_time[:-2:2], corner_time[1::2], strict=True):
        inside = np.flatnonzero((time >= begin) & (time <= end))
        first = inside[np.argmax(current[inside] < -5e-6)]
        edge = slice(first - 1, first + 1)
        when = np.interp(5e-6, -current[edge], time[edge])
        found.append(np.interp(when, corner_time, corner_potential))
    return np.array(found)


@pytest.mark.parametrize("name", PRINTED)
def test_worked_case(runs, name):
    """Residual lead that seeds turns I_A into I_B; lead that fell off leaves no memory."""
    run = runs(name)
    found = waves(name, run.time, run.output.current, run.output.charge)
    cathodic, height, onset, anodic, stripping, ratio = PRINTED[name]
    first = onsets(name, run.time, run.output.current)
    for values, printed in ((found[:, 0], cathodic), (first, onset)):
        np.testing.assert_allclose(values[: len(printed)], printed, rtol=0, atol=3e-3)
    np.testing.assert_allclose(found[: len(height), 1] * 1e6, height, rtol=0.01)
    np.testing.assert_allclose(found[:, 2], anodic, rtol=0, atol=3e-3)
    np.testing.assert_allclose(found[:, 3] * 1e6, stripping, rtol=0.01)
    assert found[:, 5].sum() / found[:, 4].sum() == pytest.approx(ratio, abs=0.002)
    if name == "salt_seeding":
        assert (found[0, 0] < found[1:, 0] - 0.06).all()
    else:
        assert (found[:, 0] < -1.18).all()


@pytest.mark.parametrize("tolerance", TOLERANCES)
@pytest.mark.parametrize("name", BOUNDS)
def test_lead_is_conserved(runs, name, tolerance):
    out = runs(name, tolerance).output
    total = out.film + out.lead + out.dissolved
    assert np.ptp(total) < 1e-13 * inventory(name)
    for amount in (out.film, out.lead, out.lead - out.residual, out.residual):
        assert amount.min() > -1e-25
    assert out.nuclei.min() > -1e-6
    assert out.surface_lead.min() > -1e-9 * inventory(name)


@pytest.mark.parametrize("name", ["salt_seeding", "bulk_film", "nanocrystals"])
def test_charge_is_conserved(runs, name):
    """What has passed is lead reduced, and the double layer's; to rounding without background."""
    p, corners, _, wait = electrode_mol.CASES[name]
    runs(name)
    model = electrode(p)
    model = model._replace(cell=model.cell._replace(g0=0.0, g1=0.0))
    key = (*corners, wait, bool(p.get("G0")))
    out = accepted(runs.compiled[key](model, TOLERANCES[0])).output
    made = p["C_dl"] * (out.potential - out.potential[0]) - 2 * FARADAY * out.lead
    assert np.abs(out.charge - made).max() < 1e-12 * np.abs(out.charge).max()


@pytest.mark.parametrize("name", ["salt_seeding", "bulk_film"])
def test_charge_is_the_sum_of_its_parts(runs, name):
    """With background: a constant one to rounding, a leak as far as a trapezoid tells."""
    p, corners, _, wait = electrode_mol.CASES[name]
    runs(name)
    for leak, bound in ((0.0, 1e-12), (p["g1"], 1e-5)):
        model = electrode(p)
        model = model._replace(cell=model.cell._replace(g1=leak))
        run = accepted(runs.compiled[*corners, wait, bool(p.get("G0"))](model, TOLERANCES[0]))
        out, over = run.output, run.output.potential - laws.BACKGROUND_CENTRE
        made = p["C_dl"] * (out.potential - out.potential[0]) - 2 * FARADAY * out.lead
        made += p["g0"] * run.time
        trapezoids = np.diff(run.time) * (over[1:] + over[:-1]) / 2
        made += leak * np.concatenate([[0.0], np.cumsum(trapezoids)])
        assert np.abs(out.charge - made).max() < bound * np.abs(out.charge).max()


def test_a_grid_with_times_that_differ_by_rounding_is_refused():
    programme = sweeps([-0.4, -1.0], RATE)
    grid = np.array([0.0, 20.0, 20.0 + 1e-13, programme.end])
    with pytest.raises(ValueError, match="shortest step"):
        respond(electrode(electrode_mol.CASES["salt_inert"][0]), programme, F, grid=grid)


# --- anywhere in wide priors (2.8) -------------------------------------------------------------

DRAWS = 200


@pytest.fixture(scope="module")
def draws():
    """A bulk film, a solvent and a cell drawn from wide priors."""
    rng = np.random.default_rng(1)

    def spread(median, width):
        return median * np.exp(width * rng.normal(size=DRAWS))

    E0 = rng.normal(-0.9, 0.3, DRAWS)
    s = spread(1e-8, 3.5)
    D = spread(6e-6, 0.6)
    k0 = np.clip(spread(1e-3, 2.3), 1e-7, 0.1)
    A_c = np.clip(rng.normal(0.8, 0.3, DRAWS), 0.2, 1.8)
    lead = zip(E0, k0, A_c, D, strict=True)
    G0, k_II = spread(6e-8, 0.7), np.exp(rng.normal(-25, 6, DRAWS))
    A_d = np.clip(rng.normal(0.6, 0.3, DRAWS), 0.05, 1.9)
    E_f = E0 + np.log(27 * (s / 1e-3) ** 5) / (2 * F)
    wave = zip(k_II, A_d, E_f, strict=True)
    p, k_d = rng.beta(2, 2, DRAWS), spread(1e-5, 2.5)
    lnA, B_n, N0 = rng.normal(6, 4, DRAWS), spread(0.12, 0.8), spread(3e8, 2.3)
    nuclei = zip(lnA, B_n, N0, np.full(DRAWS, 50.0), strict=True)
    k_iso, R_u, C_dl = spread(5e-3, 1.5), spread(150, 0.8), spread(8e-6, 0.6)
    columns = zip(R_u, C_dl, lead, nuclei, k_iso, G0, p, s, D, wave, k_d, strict=True)
    return [
        jax.tree.map(
            float,
            Electrode(
                Cell(cell, double, -2e-7, 1e-6),
                (Lead(*species),),
                Deposit(Nucleation(*births), lost, 1.0),
                Film(film, shape, sol, ion, ButlerVolmer(*fast), NoyesWhitney(slow)),
            ),
        )
        for cell, double, species, births, lost, film, shape, sol, ion, fast, slow in columns
    ]


def test_wide_priors(runs, draws):
    """Every run ends, finite and balanced, with the steps it asks for."""
    runs("bulk_film")
    _, corners, _, wait = electrode_mol.CASES["bulk_film"]
    respond_to = runs.compiled[(*corners, wait, True)]
    forced = 0
    for model in draws:
        record = respond_to(model, TOLERANCES[0])
        run = accepted(record)
        assert run.time[-1] == sweeps(corners, RATE).end
        assert all(np.isfinite(values).all() for values in run.output)
        total = run.output.film + run.output.lead + run.output.dissolved
        assert np.ptp(total) < 1e-12 * total[0]
        assert run.output.film.min() >= 0
        assert run.output.lead.min() >= 0
        forced += run.forced > 0
    assert forced == 0


CORNERS = {
    "decomposes_at_once": {"E0": -0.285, "s": 1.75e-5, "k_II": 1.04e-5, "A_d": 0.749, "k_d": 1e-3},
    "fast_reverse": {"E0": -0.867, "s": 7.3e-13, "k_II": 8.5e-4, "A_d": 0.538, "A_c": 1.15},
}


@pytest.mark.parametrize("name", CORNERS)
def test_a_given_grid_holds_in_the_corners_of_the_priors(name):
    """Newton's method finds its way where a wave begins with the run or the film re-forms fast."""
    model = electrode(electrode_mol.CASES["bulk_film"][0] | CORNERS[name])
    programme = sweeps([-0.35, -2.0, -0.2], RATE)
    grid = np.linspace(0.0, programme.end, 400)
    coarse = jax.jit(lambda m: respond(m, programme, F, grid=grid).output)(model)
    run = accepted(jax.jit(lambda m: respond(m, programme, F, control=Control(ATTEMPTS)))(model))
    assert run.forced == 0
    for found, exact in ((coarse.film, run.output.film), (coarse.lead, run.output.lead)):
        off = np.asarray(found) - np.interp(grid, run.time, exact)
        assert np.abs(off).max() < 0.05 * model.film.G0


def test_the_cap_on_re_forming_hardly_moves_the_current(monkeypatch):
    model = electrode(electrode_mol.CASES["bulk_film"][0])
    programme = sweeps([-0.4, -1.9, -0.4], RATE)
    grid = np.linspace(0.0, programme.end, 600)

    def current():
        return np.asarray(jax.jit(lambda m: respond(m, programme, F, grid=grid).output)(model)[0])

    capped = current()
    monkeypatch.setattr(laws, "RE_FORMING_CAP", 10.0)
    assert np.abs(current() - capped).max() < 1e-4 * np.abs(capped).max()


@pytest.mark.slow
def test_wide_priors_with_few_attempts(draws):
    """Half of the runs must force some steps: still finite, with finite gradients of any size."""
    _, corners, rate, _ = electrode_mol.CASES["bulk_film"]
    programme = sweeps(corners, rate)

    def value(model):
        record = respond(model, programme, F, control=Control(800))
        out = record.output
        loss = (out.current * 1e4 + out.film / model.film.G0).mean()
        return loss, (record.time[-1], sum(jnp.abs(x).sum() for x in out), record.forced.sum())

    run = jax.jit(jax.value_and_grad(value, has_aux=True))
    forced = 0
    for model in draws:
        (_, (end, size, count)), slope = run(model)
        assert end == programme.end
        assert np.isfinite(size)
        moved = jax.tree.map(lambda g, x: np.abs(g * x), slope, model)
        assert max(jax.tree.leaves(moved)) < 1e6
        forced += count > 0
    assert forced < 0.6 * DRAWS
