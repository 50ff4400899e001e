"""The directions in wavelength, against dense algebra and closed forms."""

import jax.numpy as jnp
import numpy as np
import pytest

from perovec_bayes.forward import optics, spectral
from perovec_bayes.forward.exciton import exciton_spectrum

WAVELENGTH = np.linspace(450.0, 700.0, 101)
SHAPE = exciton_spectrum(WAVELENGTH)
WINDOW = optics.band_weights(WAVELENGTH, np.array([500.0]), np.array([550.0]))[:, 0]
FILM = 0.18 * SHAPE + np.linspace(0.012, 0.004, WAVELENGTH.size)
OFFSET = np.array([0.012, 0.004])


def decay(times=80):
    """A film that goes and lead that comes, G [mol cm^-2] and q_tot [mol cm^-2]."""
    share = np.linspace(0.0, 1.0, times)
    return 1e-7 * (1 - 0.8 * share**2), 6e-8 * share**1.5


def spectra(G, q, *, e_b=1.8e6, kappa=4e5, n=1.5, shift=0.0, offset=OFFSET, start=1e-7):
    """The model written out at every wavelength, without projections."""
    own = FILM - OFFSET @ spectral.line(WAVELENGTH)
    own = own / (own @ WINDOW)
    slope = spectral.edge(WAVELENGTH, FILM) / ((FILM - OFFSET @ spectral.line(WAVELENGTH)) @ WINDOW)
    absorbed = e_b * G[:, None] * (own - shift * (1 - G[:, None] / start) * slope)
    scattered = kappa * q[:, None] * (WAVELENGTH / 575.0) ** -n
    return absorbed + scattered + offset @ spectral.line(WAVELENGTH)


def noise(rng, times):
    """Flicker of the lamp, neighbours that share noise, and more of it in the blue."""
    pixels = rng.standard_normal((times, WAVELENGTH.size))
    for i in range(1, WAVELENGTH.size):
        pixels[:, i] = 0.7 * pixels[:, i - 1] + np.sqrt(1 - 0.7**2) * pixels[:, i]
    return 1e-3 * rng.standard_normal((times, 1)) + 2e-3 * (2 - WAVELENGTH / 600) * pixels


@pytest.mark.parametrize("tolerance", [1e-4, 1e-11])
def test_projections_of_the_model_are_those_of_its_spectra(tolerance):
    G, q = decay()
    full = spectra(G, q, n=2.3, shift=1.5)
    found = spectral.span(WAVELENGTH, spectral.components(WAVELENGTH, FILM), None, tolerance)
    parts = spectral.projected(WAVELENGTH, FILM, found, background=True)
    z = spectral.coefficients(
        jnp.asarray(G),
        optics.scattering_amplitude(q, 4e5),
        parts,
        absorption=1.8e6,
        exponent=2.3,
        offset=jnp.asarray(OFFSET),
        start=1e-7,
        shift=1.5,
    )
    # exact, however few directions are kept: the model is projected, not expanded
    np.testing.assert_allclose(z, full @ found.analysis, rtol=0, atol=1e-12)
    back = np.asarray(z) @ found.synthesis
    assert np.abs(back - full).max() < 30 * tolerance * np.abs(full).max()


def test_a_measured_film_and_a_pure_one_give_the_same_model():
    G, q = decay()
    pure = FILM - OFFSET @ spectral.line(WAVELENGTH)
    found = spectral.span(WAVELENGTH, spectral.components(WAVELENGTH, FILM))
    given = {"absorption": 1.8e6, "exponent": 1.0, "offset": jnp.asarray(OFFSET), "start": 1e-7}
    h = optics.scattering_amplitude(q, 4e5)
    with_base, without = (
        spectral.coefficients(
            G, h, spectral.projected(WAVELENGTH, film, found, background=background), **given
        )
        for film, background in ((FILM, True), (3.0 * pure, False))
    )
    np.testing.assert_allclose(with_base, without, rtol=0, atol=1e-12)


def test_measured_noise_is_whitened_and_its_unit_is_that_of_the_window():
    rng = np.random.default_rng(1)
    G, q = decay(3000)
    rows = spectral.components(WAVELENGTH, FILM)
    found = spectral.span(WAVELENGTH, rows, spectra(G, q) + noise(rng, 3000))
    fresh = noise(rng, 20000)
    scale = np.std(fresh @ WINDOW)
    covariance = np.cov((fresh @ found.analysis).T) / scale**2
    # 2400 differences that overlap are worth 1040: 4 % in a variance, and 4 % in the unit
    np.testing.assert_allclose(covariance, np.eye(len(covariance)), atol=0.22)
    assert np.trace(covariance) / len(covariance) == pytest.approx(1.0, abs=0.15)
    flat = spectral.span(WAVELENGTH, rows)
    wrong = np.cov((fresh @ flat.analysis).T) / scale**2
    assert np.abs(wrong - np.eye(len(wrong))).max() > 0.5  # what white noise would have missed


def test_a_film_that_changes_smoothly_is_no_noise():
    rng = np.random.default_rng(2)
    e = noise(rng, 300)
    G, q = decay(300)
    rows = spectral.components(WAVELENGTH, FILM)
    still, moving = (spectral.span(WAVELENGTH, rows, s + e) for s in (0.0, spectra(G, q)))
    np.testing.assert_allclose(
        moving.analysis @ moving.synthesis, still.analysis @ still.synthesis, atol=1e-4
    )
    np.testing.assert_allclose(moving.wander, still.wander, rtol=0.02)


def test_waves_of_a_voltammogram_are_left_out_of_the_noise():
    rng = np.random.default_rng(3)
    e = noise(rng, 2000)
    G = 1e-7 * (1 - 0.5 / (1 + np.exp(-(np.arange(2000) - 900) / 1.5)))  # half of it in 6 spectra
    rows = spectral.components(WAVELENGTH, FILM)
    found = spectral.span(WAVELENGTH, rows, spectra(G, 0 * G) + e)
    fresh = noise(rng, 20000)
    covariance = np.cov((fresh @ found.analysis).T) / np.var(fresh @ WINDOW)
    np.testing.assert_allclose(covariance, np.eye(len(covariance)), atol=0.3)


def test_a_smooth_misfit_is_independent_from_projection_to_projection():
    rng = np.random.default_rng(4)
    found = spectral.span(
        WAVELENGTH, spectral.components(WAVELENGTH, FILM), spectra(*decay(200)) + noise(rng, 200)
    )
    a = np.sqrt(3) * np.abs(WAVELENGTH[:, None] - WAVELENGTH) / 20.0
    covariance = found.analysis.T @ ((1 + a) * np.exp(-a)) @ found.analysis
    np.testing.assert_allclose(covariance, np.diag(found.wander**2), atol=1e-9)
    assert found.wander.min() > 0


def test_without_noise_in_the_data_it_is_white():
    rows = spectral.components(WAVELENGTH, FILM)
    blank = spectral.span(WAVELENGTH, rows, np.zeros((50, WAVELENGTH.size)))
    np.testing.assert_allclose(blank.analysis, spectral.span(WAVELENGTH, rows).analysis)
    gram = (blank.analysis * blank.profile[:, None]).T @ (blank.analysis * blank.profile[:, None])
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-12)
    assert np.sqrt(np.sum((WINDOW * blank.profile) ** 2)) == pytest.approx(1.0)


@pytest.mark.parametrize(("n", "per_tenth"), [(1.0, 0.010), (2.0, 0.020), (4.0, 0.044)])
def test_the_bias_of_the_window_correction_in_full_spectra(n, per_tenth):
    """(4.3): what the difference of the windows keeps of scattering, from spectra alone."""
    G, q = decay()
    full = spectra(G, q, n=n, offset=np.zeros(2))
    low, high = np.array([optics.BAND_EDGE, optics.SUB_GAP]).T
    windows = optics.band_weights(WAVELENGTH, low, high)
    edge, gap = (full @ windows).T
    film = spectra(G, 0 * q, offset=np.zeros(2)) @ windows
    left = optics.window_difference(edge, gap) - (film[:, 0] - film[:, 1])
    h_s = gap - film[:, 1]
    # 1.25 nm apart: the profile of the bands is integrated to 1e-4
    np.testing.assert_allclose(left, optics.window_bias(h_s, n), rtol=3e-3, atol=1e-7)
    assert left[-1] / h_s[-1] * 0.1 == pytest.approx(per_tenth, abs=6e-4)
    assert left[-1] > 0  # it hides a loss of film
