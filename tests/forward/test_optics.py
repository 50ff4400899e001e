import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.forward import optics, waveform

LOW, HIGH = np.array([500.0, 550.0]), np.array([550.0, 600.0])
"""The band-edge and the sub-gap window [nm]."""


def ratio(exponent):
    band_edge, sub_gap = np.asarray(optics.scattering_profile(LOW, HIGH, exponent))
    return band_edge / sub_gap


def central(function, x, step):
    """Derivative by central differences."""
    return float(function(x + step) - function(x - step)) / (2 * step)


def exact_average(low, high, n):
    """Band average of (l/575)^-n from the antiderivative."""
    if n == 1:
        return 575 * np.log(high / low) / (high - low)
    return 575**n * (high ** (1 - n) - low ** (1 - n)) / (1 - n) / (high - low)


@pytest.mark.parametrize(("n", "expected"), [(0, 1.000), (1, 1.095), (2, 1.200), (4, 1.441)])
def test_scattering_in_the_band_edge_window_over_the_sub_gap_window(n, expected):
    """rho_n of (4.3), to the digits in which it is known."""
    assert ratio(n) == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize("n", [0, 0.5, 1, 1.5, 2, 4])
def test_the_band_average_is_the_integral(n):
    """101 points of the trapezium rule: measured 1.5e-6 at n = 4."""
    exact = exact_average(LOW, HIGH, n)
    np.testing.assert_allclose(optics.scattering_profile(LOW, HIGH, float(n)), exact, rtol=3e-6)


def test_the_difference_of_the_windows_is_film_plus_what_scattering_leaves():
    """OD_corr = e_b G + (rho_n - 1) h_s + const (4.3); h_s: scattering in the sub-gap window."""
    film, lead = np.linspace(1e-7, 2e-8, 9), np.linspace(0.0, 9e-8, 9)
    e_b, kappa, n, offset = 1.8e6, 3e5, 1.5, np.array([0.03, -0.01])
    od = np.asarray(
        optics.optical_density(
            film,
            lead,
            absorption=e_b,
            scattering=kappa,
            exponent=n,
            offset=offset,
            low=LOW,
            high=HIGH,
        )
    )
    assert od.shape == (9, 2)
    scattered = kappa * lead * exact_average(550.0, 600.0, n)
    np.testing.assert_allclose(od[:, 1], scattered - 0.01, atol=1e-7)
    difference = e_b * film + (ratio(n) - 1) * scattered + 0.04
    np.testing.assert_allclose(od[:, 0] - od[:, 1], difference, atol=1e-7)


def test_bands_beyond_the_edge_do_not_see_the_film():
    shared = {"scattering": 0.0, "exponent": 1.0, "offset": np.zeros(3)}
    low, high = np.array([450.0, 549.9, 550.0]), np.array([500.0, 560.0, 560.0])
    film = np.array([1e-7])
    od = optics.optical_density(film, 0 * film, absorption=2e6, low=low, high=high, **shared)
    np.testing.assert_allclose(od, [[0.2, 0.2, 0.0]])


# --- scattering with a power of the amount


def test_the_density_with_u_of_one_is_what_it_was_to_the_last_bit():
    film, lead = np.linspace(1e-7, 0.0, 50), np.linspace(0.0, 9e-8, 50)
    shared = {"absorption": 1.8e6, "scattering": 3e5, "exponent": 1.5, "offset": np.zeros(2)}
    got = optics.optical_density(film, lead, low=LOW, high=HIGH, **shared)
    profile = optics.scattering_profile(LOW, HIGH, 1.5)
    expected = 1.8e6 * film[:, None] * np.array([1.0, 0.0]) + 3e5 * lead[:, None] * profile
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("u", [0.3, 0.5, 1.0, 1.7, 2.0])
def test_scattering_goes_with_the_power_and_kappa_keeps_its_unit(u):
    lead = np.array([1e-9, 1e-8, 1e-7, 4e-7])
    got = np.asarray(optics.scattering_amplitude(lead, 3e5, u))
    np.testing.assert_allclose(
        got, 3e5 * 1e-7 * (lead / 1e-7) ** u, rtol=1.01e-4 * abs(u - 1) + 1e-15
    )
    assert got[2] == pytest.approx(0.03, rel=1e-15)


@pytest.mark.parametrize("u", [0.3, 0.5, 1.0, 1.7, 2.0])
@pytest.mark.parametrize("lead", [0.0, 1e-14, 1e-9, 1e-7])
def test_the_gradient_of_scattering_is_right_and_finite_without_lead(lead, u):
    def h(q, u):
        return optics.scattering_amplitude(q, 3e5, u)

    by_lead, by_power = jax.grad(h, argnums=(0, 1))(lead, u)
    assert np.isfinite([by_lead, by_power]).all()
    if lead > 0:
        assert by_lead == pytest.approx(central(lambda q: h(q, u), lead, 1e-4 * lead), rel=1e-6)
    else:  # the straight line from zero, kappa w^(u - 1)
        assert by_lead == pytest.approx(float(h(1e-18, u)) / 1e-18, rel=1e-5)
        assert float(h(lead, u)) == by_power == 0
    expected = central(lambda u: h(lead, u), u, 1e-5)
    assert by_power == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_amounts_that_round_below_zero_stay_numbers():
    got = optics.scattering_amplitude(np.array([-1e-30, -1e-12]), 3e5, 0.5)
    assert np.isfinite(got).all()
    assert (np.asarray(got) < 0).all()


# --- spectra and their band averages


def test_a_spectrum_is_film_and_scattering_and_offset():
    wavelength = np.linspace(450.0, 650.0, 201)
    absorption = 2e6 / (1 + np.exp((wavelength - 525) / 8))
    film, h = np.array([1e-7, 3e-8]), np.array([0.0, 0.05])
    offset = 1e-4 * (wavelength - 600)
    got = optics.spectra(
        film, h, wavelength=wavelength, absorption=absorption, exponent=2.0, offset=offset
    )
    assert got.shape == (2, 201)
    for i in range(2):
        expected = absorption * film[i] + h[i] * (575 / wavelength) ** 2 + offset
        np.testing.assert_allclose(got[i], expected, rtol=1e-13, atol=1e-16)


def test_band_averages_of_spectra_are_the_band_model():
    """A film that absorbs evenly below 550 nm; wavelengths 0.5 nm apart, measured 2e-6."""
    wavelength = np.linspace(480.0, 620.0, 281)
    film, lead, n = np.linspace(1e-7, 0.0, 7), np.linspace(0.0, 9e-8, 7), 2.5
    h = optics.scattering_amplitude(lead, 3e5, 1.4)
    scattered = optics.spectra(
        0 * film, h, wavelength=wavelength, absorption=0 * wavelength, exponent=n, offset=0.0
    )
    got = np.asarray(optics.band_average(scattered, wavelength, LOW, HIGH))
    expected = optics.optical_density(
        0 * film,
        lead,
        absorption=0.0,
        scattering=3e5,
        exponent=n,
        offset=np.zeros(2),
        low=LOW,
        high=HIGH,
        power=1.4,
    )
    np.testing.assert_allclose(got, expected, rtol=5e-6)
    even = optics.spectra(
        film, 0 * h, wavelength=wavelength, absorption=np.full(281, 2e6), exponent=n, offset=0.01
    )
    got = optics.band_average(even, wavelength, LOW[:1], HIGH[:1])
    np.testing.assert_allclose(got, 2e6 * film[:, None] + 0.01, rtol=1e-13)


def test_band_averages_are_exact_for_straight_spectra_on_any_wavelengths():
    """Limits of the bands between the wavelengths, and a band between two neighbours."""
    wavelength = np.array([480.0, 503.0, 511.0, 540.0, 566.0, 603.0, 640.0])
    low, high = np.array([500.0, 550.0, 545.0, 480.0]), np.array([550.0, 600.0, 560.0, 640.0])
    got = optics.band_average(0.3 + 0.01 * wavelength, wavelength, low, high)
    np.testing.assert_allclose(got, 0.3 + 0.01 * (low + high) / 2, rtol=1e-13)
    weights = optics.band_weights(wavelength, low, high)
    np.testing.assert_allclose(weights.sum(axis=0), 1, rtol=1e-13)


def test_band_averages_converge_with_the_second_order():
    def error(spacing):
        wavelength = np.arange(500.0, 600.0 + spacing / 2, spacing)
        got = optics.band_average((575 / wavelength) ** 4, wavelength, LOW, HIGH)
        return np.abs(got - exact_average(LOW, HIGH, 4))

    np.testing.assert_allclose(np.log2(error(5.0) / error(2.5)), 2, atol=0.01)


@pytest.mark.parametrize(
    ("wavelength", "low", "high", "message"),
    [
        ([600.0, 500.0], 500.0, 550.0, "must increase"),
        ([510.0, 600.0], 500.0, 550.0, "expected a part of 510 to 600 nm, found 500 to 550 nm"),
        ([500.0, 540.0], 500.0, 550.0, "not within the spectrum"),
        ([500.0, 600.0], 550.0, 550.0, "not within the spectrum"),
    ],
)
def test_a_band_that_cannot_be_averaged_is_an_error(wavelength, low, high, message):
    with pytest.raises(DataError, match=message):
        optics.band_weights(np.array(wavelength), np.array([low]), np.array([high]))


# --- the paper's difference of windows, and what it leaves


@pytest.mark.parametrize(("n", "rho"), [(0.0, 1.000), (1.0, 1.095), (2.0, 1.200), (4.0, 1.441)])
def test_the_ratio_of_the_windows(n, rho):
    assert optics.window_ratio(n) == pytest.approx(rho, abs=5e-4)


@pytest.mark.parametrize(("n", "bias"), [(0.0, 0.0), (1.0, 0.010), (2.0, 0.020), (4.0, 0.044)])
def test_the_bias_of_a_tenth_of_scattering(n, bias):
    assert optics.window_bias(0.1, n) == pytest.approx(bias, abs=5e-4)


def test_the_difference_of_the_windows_is_film_and_bias_and_hides_loss():
    film, lead = np.linspace(1e-7, 0.0, 9), np.linspace(0.0, 9e-8, 9)
    shared = {"absorption": 1.8e6, "scattering": 3e6, "exponent": 2.0, "offset": np.zeros(2)}
    od = optics.optical_density(film, lead, low=LOW, high=HIGH, **shared)
    corrected = np.asarray(optics.window_difference(od[:, 0], od[:, 1]))
    bias = np.asarray(optics.window_bias(od[:, 1], 2.0))
    np.testing.assert_allclose(corrected, 1.8e6 * film + bias, rtol=1e-12)
    assert (np.diff(bias) > 0).all()
    assert corrected[0] - corrected[-1] < 1.8e6 * (film[0] - film[-1])


def test_the_gradient_of_the_bias():
    for n in (0.0, 1.0, 2.5):
        got = jax.grad(lambda n: optics.window_bias(0.1, n))(n)
        assert got == pytest.approx(
            central(lambda n: optics.window_bias(0.1, n), n, 1e-5), rel=1e-7
        )


# --- rates of change: by time, by potential, and the paper's

RATE = 0.01
"""Scan rate [V s^-1]."""


@pytest.fixture
def sweep():
    """Hold, cathodic sweep, anodic sweep; time [s], E [V], and dE/dt by differences."""
    time, potential = waveform.triangle([-0.6, -2.0, -0.2], RATE, 20.0, 1.0)
    return time, potential, np.gradient(potential, time)


def convert(slope, sweep, given, wanted):
    return np.asarray(optics.convert_slope(slope, sweep, RATE, given=given, wanted=wanted))


def test_the_signs_on_cathodic_and_anodic_sweeps(sweep):
    """A film that goes all the time: only the true derivative changes sign with the sweep."""
    _, _, speed = sweep
    loss = np.full_like(speed, -2e-4)
    true = convert(loss, speed, "dOD/dt", "dOD/dE")
    paper = convert(loss, speed, "dOD/dt", "dOD/dt/v")
    cathodic, anodic = speed < -0.9 * RATE, speed > 0.9 * RATE
    assert cathodic.sum() > 100
    assert anodic.sum() > 100
    np.testing.assert_allclose(true[cathodic], 0.02, rtol=1e-9)
    np.testing.assert_allclose(true[anodic], -0.02, rtol=1e-9)
    np.testing.assert_allclose(paper, -0.02, rtol=1e-12)


def test_the_true_derivative_is_that_of_density_against_potential(sweep):
    """An OD that is a function of E: the same dOD/dE on both sweeps, d(0.1 E^2)/dE = 0.2 E."""
    time, potential, speed = sweep
    true = convert(np.gradient(0.1 * potential**2, time), speed, "dOD/dt", "dOD/dE")
    smooth = np.abs(np.abs(speed) - RATE) < 1e-9
    smooth[-1] = False  # one-sided differences there
    np.testing.assert_allclose(true[smooth], 0.2 * potential[smooth], rtol=1e-9)


def test_a_potential_that_stands_still_has_no_derivative_and_never_an_infinite_one(sweep):
    time, _, speed = sweep
    speed = speed.copy()
    turn = int(np.argmin(np.abs(time - 160)))
    assert speed[turn] == pytest.approx(0, abs=1e-12)
    speed[turn] = 1e-17  # what rounding leaves of zero
    still = np.abs(speed) < 1e-6 * RATE
    assert still[:20].all()
    for given, wanted in [
        ("dOD/dt", "dOD/dE"),
        ("dOD/dt/v", "dOD/dE"),
        ("dOD/dE", "dOD/dt"),
        ("dOD/dE", "dOD/dt/v"),
    ]:
        got = convert(np.full_like(speed, -2e-4), speed, given, wanted)
        np.testing.assert_array_equal(np.isnan(got), still)
        assert not np.isinf(got).any()
    for given, wanted in [("dOD/dt", "dOD/dt/v"), ("dOD/dt/v", "dOD/dt"), ("dOD/dE", "dOD/dE")]:
        assert np.isfinite(convert(np.full_like(speed, -2e-4), speed, given, wanted)).all()


@pytest.mark.parametrize("given", ["dOD/dt", "dOD/dE", "dOD/dt/v"])
@pytest.mark.parametrize("wanted", ["dOD/dt", "dOD/dE", "dOD/dt/v"])
def test_there_and_back(given, wanted):
    slope, speed = np.array([0.3, -0.2, 0.0, 1.0]), np.array([-0.01, 0.01, -0.008, 0.02])
    there = convert(slope, speed, given, wanted)
    np.testing.assert_allclose(convert(there, speed, wanted, given), slope, rtol=1e-14)


def test_points_that_stand_still_do_not_spoil_the_gradient_of_the_others():
    speed = np.array([0.0, -0.01, 0.01])

    def total(slope, speed, given, wanted):
        got = optics.convert_slope(slope, speed, RATE, given=given, wanted=wanted)
        return jnp.nansum(got)

    for slope in (np.array([1.0, 2.0, 3.0]), np.array([np.nan, 2.0, 3.0])):
        by_slope, by_speed = jax.grad(total, (0, 1))(slope, speed, "dOD/dt", "dOD/dE")
        np.testing.assert_allclose(by_slope, [0, -100, 100])
        np.testing.assert_allclose(by_speed[1:], [-2e4, -3e4])
        by_slope, by_speed = jax.grad(total, (0, 1))(slope, speed, "dOD/dE", "dOD/dt")
        np.testing.assert_allclose(by_slope, speed)
        np.testing.assert_allclose(by_speed, [0, 2, 3])


def test_an_unknown_convention_is_an_error():
    for given, wanted in [("dOD/dV", "dOD/dE"), ("dOD/dE", "dOD/dV")]:
        with pytest.raises(StudyError, match="expected dOD/dt or dOD/dE or dOD/dt/v, found dOD/dV"):
            convert(np.ones(1), np.ones(1), given, wanted)


# --- density and charge


def test_the_charge_of_a_film_of_100_nm():
    """16.1 mC cm^-2 are 0.0834 umol cm^-2, and 0.13-0.17 of OD between the two known e_b."""
    amount = -optics.faradaic_change(16.1e-3, absorption=1.0)
    assert amount == pytest.approx(0.0834e-6, rel=1e-3)
    assert optics.faradaic_change(16.1e-3, absorption=1.51e6) == pytest.approx(-0.13, abs=0.005)
    assert optics.faradaic_change(16.1e-3, absorption=2.06e6) == pytest.approx(-0.17, abs=0.005)


def test_fewer_electrons_for_each_unit_lose_more_and_the_sign_of_the_charge_does_not_count():
    full = float(optics.faradaic_change(1e-2, absorption=1.8e6))
    partly = optics.faradaic_change(-1e-2, absorption=1.8e6, electrons=1.5)
    assert partly == pytest.approx(full * 4 / 3, rel=1e-14)


def test_the_rate_integrates_to_the_change():
    """Only decomposition: the integral of (4.4) is (4.5); dissolution adds e_b N t."""
    time = np.linspace(0.0, 30.0, 2001)
    current = -1e-3 * np.sin(np.pi * time / 30) ** 2
    charge = np.trapezoid(current, time)
    shared = {"absorption": 1.8e6, "electrons": 1.5}
    rate = optics.faradaic_rate(current, 0.0, **shared)
    assert (np.asarray(rate) <= 0).all()
    expected = float(optics.faradaic_change(charge, **shared))
    assert np.trapezoid(rate, time) == pytest.approx(expected, rel=1e-12)
    both = optics.faradaic_rate(current, np.full_like(time, 4.7e-12), **shared)
    expected -= 1.8e6 * 4.7e-12 * 30
    assert np.trapezoid(both, time) == pytest.approx(expected, rel=1e-12)


def test_the_gradient_of_the_change_also_where_no_charge_has_passed():
    def change(charge, absorption, electrons):
        return optics.faradaic_change(charge, absorption=absorption, electrons=electrons)

    at = (0.01, 1.8e6, 1.7)
    got = jax.grad(change, argnums=(0, 1, 2))(*at)
    for i, step in enumerate([1e-6, 10.0, 1e-5]):
        expected = central(lambda x, i=i: change(*at[:i], x, *at[i + 1 :]), at[i], step)
        assert got[i] == pytest.approx(expected, rel=1e-8)
    assert jax.grad(change)(0.0, 1.8e6, 1.7) == pytest.approx(float(got[0]), rel=1e-14)


def test_the_gradient_of_a_density_at_an_empty_film_without_lead():
    def total(film, lead, exponent, power):
        od = optics.optical_density(
            film,
            lead,
            absorption=1.8e6,
            scattering=3e5,
            exponent=exponent,
            offset=jnp.zeros(2),
            low=LOW,
            high=HIGH,
            power=power,
        )
        return od.sum()

    gradient = jax.grad(total, argnums=(0, 1, 2, 3))(np.zeros(3), np.zeros(3), 1.5, 0.5)
    assert all(np.isfinite(part).all() for part in gradient)
