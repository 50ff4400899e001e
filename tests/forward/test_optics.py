import numpy as np
import pytest

from perovec_bayes.forward import optics

LOW, HIGH = np.array([500.0, 550.0]), np.array([550.0, 600.0])
"""The band-edge and the sub-gap window [nm]."""


def ratio(exponent):
    band_edge, sub_gap = np.asarray(optics.scattering_profile(LOW, HIGH, exponent))
    return band_edge / sub_gap


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
