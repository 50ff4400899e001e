import jax
import numpy as np
import pytest
from jax import numpy as jnp
from oracles import redox_mol
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

from perovec_bayes.constants import FARADAY, thermal_frequency
from perovec_bayes.forward import waveform
from perovec_bayes.forward.redox import RedoxParameters, redox_current, since_corner

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


def cycle(grid, turn, sweep):
    """The current of a reversible cycle, in NORM: half-derivative of 1/(1 + e^(f E)).

    m steps at t = 0; Gauss-Legendre quadrature in (t - u)^1/2, from the vertex and from the start.
    """
    t = f * RATE * grid.time
    whole, recent = np.sqrt(t), np.sqrt(np.maximum(t - f * sweep, 0.0))
    nodes, weights = (each[:, None] for each in np.polynomial.legendre.leggauss(300))
    total = np.zeros_like(t)
    for low, high, sign in ((0 * recent, recent, 1.0), (recent, whole, -1.0)):
        root = (high - low) / 2 * nodes + (high + low) / 2
        xi = f * turn + np.abs(f * sweep - t + root**2)
        total += sign * (high - low) / 2 * np.sum(weights / np.cosh(xi / 2) ** 2, axis=0) / 4
    start = 1 / (1 + np.exp(f * (turn + sweep)))
    return 2 / np.sqrt(np.pi) * total - start / np.sqrt(np.pi * np.where(t > 0, t, np.inf))


def orders(steps, errors):
    """Order of convergence between each number of steps and the next."""
    return -np.diff(np.log(errors)) / np.diff(np.log(steps))


@pytest.fixture(scope="module")
def reversible_peaks():
    """Position and height of the reversible peak for several numbers of steps over 30 RT/F."""
    found = {}
    for steps in (250, 500, 1000, 2000):
        grid, current = simulate(PLAIN, [15 / f, -15 / f], steps)
        found[steps] = top(-grid.potential * f, -current / NORM)
    return found


def test_the_reversible_peak_is_that_of_randles_and_sevcik(reversible_peaks):
    """Measured at 2000 steps: 0.4462947 at 1.10895."""
    position, height = reversible_peaks[2000]
    assert height == pytest.approx(0.446295, rel=1e-5)
    assert position == pytest.approx(1.109, abs=1e-3)


def test_the_reversible_peak_converges(reversible_peaks):
    """Errors against quadrature 1.1e-6, 2.4e-7, 7.5e-8, 3.6e-8: down to that of the kernel."""
    best = minimize_scalar(lambda x: -reversible(x), bracket=(0.9, 1.1, 1.3), tol=1e-10)
    errors = np.abs([height + best.fun for _, height in reversible_peaks.values()])
    assert (np.diff(errors) < 0).all()
    assert errors[-1] < 6e-8


def test_the_whole_reversible_wave_is_the_semi_derivative():
    """Measured 9e-8 at 4000 steps."""
    grid, current = simulate(PLAIN, [15 / f, -15 / f], 4000)
    some = slice(1000, None, 100)
    exact = [reversible(-f * e) for e in grid.potential[some]]
    np.testing.assert_allclose(-current[some] / NORM, exact, atol=2e-7)


def test_the_whole_reversible_cycle_converges_in_third_order():
    """Largest error, of the peak: 1.5e-4, 1.4e-5, 1.2e-6 at 250, 500, 1000 steps."""
    turn, sweep, steps = -0.4, 0.9, (250, 500, 1000)
    errors = []
    for count in steps:
        grid, current = simulate(PLAIN, [turn + sweep, turn, turn + sweep], count)
        errors.append(np.abs(current / NORM - cycle(grid, turn, sweep)).max() / 0.4463)
    assert (orders(steps, errors) > 2.9).all()
    assert errors[-1] < 4e-6


@pytest.mark.parametrize("turn", [-0.141, -0.1])
def test_a_near_vertex_spoils_but_the_steps_after_it(turn):
    """There j is a square root of time at first, which no parabola follows."""
    sweep, steps = 0.6, (500, 1000)
    errors = []
    for count in steps:
        grid, current = simulate(PLAIN, [turn + sweep, turn, turn + sweep], count)
        off = np.abs(current / NORM - cycle(grid, turn, sweep)) / 0.4463
        off[count // 2 + 1 : count // 2 + 1 + count // 50] = 0.0
        errors.append(off.max())
    assert (orders(steps, errors) > 2.4).all()
    assert errors[-1] < 2e-5


RESISTED = PLAIN._replace(k0=1e-2, alpha=0.45, R_u=400.0, C_dl=2e-5, D_R=7e-6)


@pytest.mark.parametrize("R_u", [40.0, 400.0, 1100.0])
def test_with_resistance_and_double_layer_the_cycle_converges_in_third_order(R_u):
    """L2 error against 16,000 steps; R C from 0.02 to 0.6 of the shortest step."""
    p, corners = RESISTED._replace(R_u=R_u), [0.5, -0.4, 0.5]
    _, fine = simulate(p, corners, 16_000)
    steps = (125, 250, 500)
    errors = []
    for count in steps:
        _, current = simulate(p, corners, count)
        errors.append(np.linalg.norm(current - fine[:: 16_000 // count]) / np.sqrt(count) / NORM)
    assert (orders(steps, errors) > 2.5).all()
    assert errors[-1] < 3e-6


@pytest.mark.parametrize("k0", [1e3, 1e6])
@pytest.mark.parametrize("R_u", [0.0, 300.0])
def test_fast_kinetics_on_a_coarse_grid_do_not_oscillate(k0, R_u):
    """60 steps a sweep (13 mV each): measured 1.9e-3 of the peak, and no wiggle."""
    p, corners = PLAIN._replace(k0=k0, R_u=R_u), [0.5, -0.3, 0.5]
    _, current = simulate(p, corners, 120)
    _, fine = simulate(p, corners, 12_000)
    off = (current - fine[::100]) / NORM / 0.4463
    assert np.abs(off).max() < 2.5e-3
    falling = np.diff(current[10:61]) < 0  # to the peak and back up
    assert np.count_nonzero(np.diff(falling)) == 1


def test_after_a_potential_step_the_current_is_that_of_cottrell():
    """It rings for a few steps, as no straight line follows 1/sqrt(t)."""
    time = np.linspace(0.0, 10.0, 1001)
    grid = waveform.Grid(0.01, time, np.where(time < 1, 0.4, -0.4))
    since = time[100:] - 0.995  # the step is a ramp over one interval
    ratio = redox_current(PLAIN, grid, f)[100:] / (-FARADAY * C * np.sqrt(D / np.pi / since))
    np.testing.assert_allclose(ratio[10:], 1.0, atol=0.02)
    np.testing.assert_allclose(ratio[30:], 1.0, atol=5e-4)


def test_a_start_far_from_equilibrium_is_a_potential_step():
    """Measured 0.50, 1.21, 0.69, 1.14 at first; 2e-5 after 50 steps."""
    time = np.linspace(0.0, 10.0, 1001)
    current = redox_current(PLAIN, waveform.Grid(0.01, time, np.full(1001, -0.4)), f)
    ratio = current[1:] / (-FARADAY * C * np.sqrt(D / np.pi / time[1:]))
    np.testing.assert_allclose(ratio[10:], 1.0, atol=0.02)
    np.testing.assert_allclose(ratio[50:], 1.0, atol=4e-5)


DIFFERENTIATED = {
    "resistance and double layer": {"R_u": 1100.0, "C_dl": 2e-5},
    "neither": {"R_u": 0.0, "C_dl": 0.0},
}


@pytest.mark.parametrize("case", DIFFERENTIATED)
def test_the_gradient_is_that_of_central_differences(case):
    """Relative to each parameter; fourth-order differences. iR is 0.2 V at the peak."""
    p = PLAIN._replace(E0=0.01, k0=1e-2, alpha=0.45, D_R=8e-6, c_R=1e-7, g0=1e-6, g1=1e-6)
    p = jnp.array(p._replace(**DIFFERENTIATED[case]))
    grid = waveform.grid(np.array([0.0, 8.0, 16.0]), np.array([0.5, -0.3, 0.5]), 500)
    weights = np.random.default_rng(0).normal(size=501)

    @jax.jit
    def summed(p):
        return weights @ redox_current(RedoxParameters(*p), grid, f) / NORM

    def along(i):
        by = np.zeros(len(p))
        by[i] = 1e-4 * p[i]
        near, far = (summed(p + k * by) - summed(p - k * by) for k in (1, 2))
        return (8 * near - far) / 12e-4

    gradient = jax.jit(jax.grad(summed))(p)
    assert np.isfinite(gradient).all()
    expected = [along(i) for i in range(len(p))]
    np.testing.assert_allclose(p * gradient, expected, rtol=1e-6, atol=1e-8)


def test_the_corners_of_a_programme_are_found():
    aligned = np.interp(np.arange(13), [0, 6, 12], [0.0, 0.6, 0.0])
    assert list(since_corner(aligned)) == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 6]
    between = np.interp(np.arange(9), [0, 4.5, 9], [0.0, 0.45, 0.0])
    assert list(since_corner(between)) == [0, 1, 2, 3, 0, 0, 1, 2, 3]
    assert list(since_corner(np.full(4, 0.3))) == [0, 1, 2, 3]


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
    # L2 error of the model at 500 and 1000 steps as measured; the oracle's own is 3e-7 or less
    "kinetics": ({"k0": 1e-2}, 1.1e-5, 1.2e-6),
    "resistance": ({"k0": 1e-2, "R_u": 200.0}, 4.7e-6, 4.9e-7),
    "double layer": ({"k0": 1e-2, "R_u": 200.0, "C_dl": 2e-5}, 4.2e-6, 4.3e-7),
    # starts far from equilibrium
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
        5.8e-5,
        1.6e-6,
    ),
}


@pytest.mark.parametrize("case", ORACLE_CASES)
def test_the_current_is_that_of_the_method_of_lines(case):
    changes, at_500, at_1000 = ORACLE_CASES[case]
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
    for steps in (500, 1000):
        _, current = simulate(p, [0.5, -0.5, 0.5], steps, temperature)
        every = slice(None, None, 1000 // steps)  # no interpolation
        off = current - expected[every]
        errors[steps] = np.linalg.norm(off[late[every]]) / np.linalg.norm(
            expected[every][late[every]]
        )
    assert errors[500] < 1.3 * at_500
    assert errors[1000] < 1.3 * at_1000


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


@pytest.mark.parametrize(("steps", "error"), [(50, 1e-5), (200, 3e-4), (2500, 3e-6)])
def test_the_charging_current_alone_is_that_of_a_resistance_and_a_capacitance(steps, error):
    """Of v C where it is worst; R C is 1, 4 and 50 steps."""
    r, c, half = 500.0, 4e-4, 5.0
    p = PLAIN._replace(k0=0.0, R_u=r, C_dl=c)
    grid, current = simulate(p, [0.0, 0.5, 0.0], steps)
    t, tau = grid.time, r * c
    back = 2 * np.exp(-np.maximum(t - half, 0.0) / tau) - 1 - np.exp(-t / tau)
    exact = RATE * c * np.where(t < half, 1 - np.exp(-t / tau), back)
    np.testing.assert_allclose(current, exact, atol=error * RATE * c)


def test_the_background_is_centred_on_the_middle_of_the_window():
    p = PLAIN._replace(k0=0.0, g0=2e-6, g1=5e-6)
    grid, current = simulate(p, [0.3, -0.5], 100)
    np.testing.assert_allclose(current[1:], 2e-6 + 5e-6 * (grid.potential[1:] + 0.1), atol=1e-18)
    assert current[0] == 0.0
