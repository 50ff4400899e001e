import numpy as np
import pytest
from oracles import redox_mol
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

from perovec_bayes.constants import FARADAY, thermal_frequency
from perovec_bayes.forward import waveform
from perovec_bayes.forward.redox import RedoxParameters, redox_current

f = thermal_frequency(298.15)
D, C, RATE = 1e-5, 1e-6, 0.1
NORM = FARADAY * C * np.sqrt(D * f * RATE)
PLAIN = RedoxParameters(
    E0=0.0, k0=1e4, alpha=0.5, D_O=D, D_R=D, c_O=C, c_R=0.0, R_u=0.0, C_dl=0.0, g0=0.0, g1=0.0
)


def simulate(parameters, corners, steps, temperature=298.15):
    """Grid and current of a sweep through the corners [V] at RATE."""
    time = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(corners)))]) / RATE
    grid = waveform.grid(time, np.array(corners), steps)
    return grid, np.asarray(redox_current(parameters, grid, thermal_frequency(temperature)))


def top(x, y):
    """Position and height of the maximum: of a quartic through thirteen points."""
    k = int(np.argmax(y))
    near = slice(k - 6, k + 7)
    quartic = np.polynomial.Polynomial.fit(x[near], y[near], 4)
    turns = quartic.deriv().roots()
    turns = turns[np.abs(turns.imag) < 1e-9].real
    at = turns[np.argmin(np.abs(turns - x[k]))]
    return at, quartic(at)


def reversible(x):
    """Current of a reversible wave at x = f (E0 - E), in NORM: semi-derivative of 1/(1 + e^-x)."""

    def integrand(u):
        return np.cosh((x - u * u) / 2) ** -2 / 2 / np.sqrt(np.pi)

    return quad(integrand, 0.0, 8.0, epsabs=1e-13, epsrel=1e-12, limit=200)[0]


@pytest.fixture(scope="module")
def reversible_peaks():
    """Position and height of the reversible peak for several numbers of steps over 30 RT/F."""
    found = {}
    for steps in (500, 1000, 2000, 4000):
        grid, current = simulate(PLAIN, [15 / f, -15 / f], steps)
        found[steps] = top(-grid.potential * f, -current / NORM)
    return found


def test_the_reversible_peak_is_that_of_randles_and_sevcik(reversible_peaks):
    """Measured at 2000 steps: 0.4462964 at 1.10894."""
    position, height = reversible_peaks[2000]
    assert height == pytest.approx(0.446295, rel=1e-5)
    assert position == pytest.approx(1.109, abs=1e-3)


def test_the_reversible_peak_converges_in_second_order(reversible_peaks):
    """Errors against quadrature 2.8e-5, 6.9e-6, 1.7e-6, 4.0e-7 at 500 to 4000 steps: order 2.0."""
    best = minimize_scalar(lambda x: -reversible(x), bracket=(0.9, 1.1, 1.3), tol=1e-10)
    steps = np.array(list(reversible_peaks))
    errors = np.array([height + best.fun for _, height in reversible_peaks.values()])
    assert (errors > 0).all()
    order = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert order == pytest.approx(2.0, abs=0.15)
    assert errors[-1] < 6e-7


def test_the_whole_reversible_wave_is_the_semi_derivative():
    """Measured 5e-7 at 4000 steps."""
    grid, current = simulate(PLAIN, [15 / f, -15 / f], 4000)
    some = slice(1000, None, 100)
    exact = [reversible(-f * e) for e in grid.potential[some]]
    np.testing.assert_allclose(-current[some] / NORM, exact, atol=1e-6)


@pytest.mark.parametrize(("alpha", "k0"), [(0.4, 1e-7), (0.5, 1e-8)])
def test_the_irreversible_peak(alpha, k0):
    """0.4958 sqrt(alpha), at 0.780 + ln(sqrt(D alpha f v) / k0) in units of 1/(alpha f)."""
    shift = (0.780 + np.log(np.sqrt(D * alpha * f * RATE) / k0)) / alpha
    corners = [(15 / alpha - shift) / f, (-15 / alpha - shift) / f]
    grid, current = simulate(PLAIN._replace(alpha=alpha, k0=k0), corners, 2000)
    position, height = top(-grid.potential * f, -current / NORM / np.sqrt(alpha))
    assert height == pytest.approx(0.4958, abs=5e-5)
    assert position == pytest.approx(shift, abs=2e-3 / alpha)


@pytest.mark.parametrize(
    ("psi", "separation"),
    [(20, 60.23), (7, 62.59), (1, 83.08), (0.5, 104.28), (0.25, 139.68), (0.1, 210.67)],
)
def test_the_peak_separation_is_that_of_nicholson(psi, separation):
    """Switching 141 mV beyond E0': the exact values in mV, met within 0.005 mV at 4000 steps."""
    p = PLAIN._replace(k0=psi * np.sqrt(np.pi * D * f * RATE))
    grid, current = simulate(p, [0.3, -0.141, 0.3], 4000)
    there, back = slice(0, 2001), slice(2001, None)
    cathodic, _ = top(-grid.potential[there], -current[there])
    anodic, _ = top(grid.potential[back], current[back])
    assert 1e3 * (anodic + cathodic) == pytest.approx(separation, abs=0.02)


ORACLE_CASES = {
    # L2 error of the model at 2000 and 4000 steps as measured; the oracle's own is 3e-7 or less
    "kinetics": ({"k0": 1e-2}, 1.3e-5, 3.3e-6),
    "resistance": ({"k0": 1e-2, "R_u": 200.0}, 6.8e-6, 1.8e-6),
    # the charging current is of first order in the step
    "double layer": ({"k0": 1e-2, "R_u": 200.0, "C_dl": 2e-5}, 2.1e-4, 1.2e-4),
    "everything": (
        {
            "k0": 3e-3,
            "alpha": 0.4,
            "D_R": 3e-6,
            "c_R": 5e-7,
            "R_u": 100.0,
            "C_dl": 1e-5,
            "g0": -1e-6,
            "g1": 2e-6,
            "temperature": 310.0,
        },
        3.3e-4,
        1.7e-4,
    ),
}


@pytest.mark.parametrize("case", ORACLE_CASES)
def test_the_current_is_that_of_the_method_of_lines(case):
    changes, at_2000, at_4000 = ORACLE_CASES[case]
    changes = dict(changes)
    temperature = changes.pop("temperature", 298.15)
    p = PLAIN._replace(E0=0.02, **changes)
    time = np.linspace(0.0, 20.0, 1001)
    potential = np.interp(time, [0.0, 10.0, 20.0], [0.5, -0.5, 0.5])
    expected = redox_mol.simulate(
        time, potential, **p._asdict(), T=temperature, n_nodes=100, rtol=1e-7
    )
    late = time > 0.5  # the oracle starts with a step from the bulk composition
    errors = {}
    for steps in (2000, 4000):
        grid, current = simulate(p, [0.5, -0.5, 0.5], steps, temperature)
        off = np.interp(time, grid.time, current) - expected
        errors[steps] = np.linalg.norm(off[late]) / np.linalg.norm(expected[late])
    assert errors[2000] < 1.3 * at_2000
    assert errors[4000] < 1.3 * at_4000


def test_no_current_flows_at_equilibrium():
    equilibrium = np.log(0.3) / f  # c_O / c_R = 0.3
    p = PLAIN._replace(c_O=0.3 * C, c_R=C, k0=0.1, R_u=50.0, C_dl=1e-5, D_R=3e-6)
    time = np.linspace(0.0, 10.0, 11)
    grid = waveform.grid(time, np.full(11, equilibrium), 500)
    current = redox_current(p, grid, f)
    np.testing.assert_allclose(current, 0.0, atol=1e-14 * NORM)


@pytest.mark.parametrize("ratio", [0.25, 3.0])
def test_unequal_diffusion_moves_a_reversible_wave_by_the_half_wave_potential(ratio):
    """E1/2 = E0' + (RT/2F) ln(D_R/D_O): the same wave, elsewhere."""
    half = np.log(ratio) / (2 * f)
    _, unequal = simulate(PLAIN._replace(D_R=ratio * D), [0.4, -0.4, 0.4], 2000)
    _, moved = simulate(PLAIN._replace(E0=half), [0.4, -0.4, 0.4], 2000)
    np.testing.assert_allclose(unequal[50:], moved[50:], atol=3e-7 * NORM)  # measured 3e-8


def test_the_charging_current_alone_is_that_of_a_resistance_and_a_capacitance():
    """tau = R C is a hundred steps: first order, so measured 0.18 % of v C where it is worst."""
    r, c = 500.0, 4e-4
    p = PLAIN._replace(k0=0.0, R_u=r, C_dl=c)
    grid, current = simulate(p, [0.0, 0.5], 2500)
    exact = RATE * c * (1 - np.exp(-grid.time / (r * c)))
    np.testing.assert_allclose(current, exact, atol=2.5e-3 * RATE * c)
    np.testing.assert_allclose(current[-1], RATE * c, rtol=1e-9)


def test_the_background_is_centred_on_the_middle_of_the_window():
    p = PLAIN._replace(k0=0.0, g0=2e-6, g1=5e-6)
    grid, current = simulate(p, [0.3, -0.5], 100)
    np.testing.assert_allclose(current[1:], 2e-6 + 5e-6 * (grid.potential[1:] + 0.1), atol=1e-18)
    assert current[0] == 0.0
