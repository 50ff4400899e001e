import jax
import numpy as np
import pytest
from jax import numpy as jnp

from perovec_bayes.forward import diffusion

REACHES = (500, 2000, 5000, 10_000, 50_000)
"""Steps of a grid; the last is beyond the stored tables."""
KERNEL = 2e-6
"""Accuracy promised for the kernel; measured 7.3e-7 to 1.6e-6, and 1.4e-7 beyond the tables."""


def semi_integral(flux, dt, corners=(0,)):
    """m at every step of a uniform grid by the recursion; flux[0] belongs to t = 0."""
    smooth = ~np.isin(np.arange(len(flux)), corners)
    constants = diffusion.memory(dt, smooth)

    def step(past, row):
        now, weights = row
        modes, older = diffusion.history(constants, weights, past)
        return past.followed_by(modes, now), weights.fluxes[0] * now + older

    start = diffusion.no_past(constants, jnp.asarray(flux[0]))
    rows = (jnp.asarray(flux[1:]), constants.weights)
    return np.asarray(jax.lax.scan(step, start, rows)[1])


@pytest.mark.parametrize("reach", REACHES)
def test_the_kernel_is_a_sum_of_decaying_exponentials_with_positive_weights(reach):
    s, w = diffusion.poles(reach)
    assert s.shape == w.shape
    assert (s > 0).all()
    assert (w > 0).all()


@pytest.mark.parametrize("reach", REACHES)
def test_the_sum_of_exponentials_is_the_kernel_from_one_step_to_the_reach(reach):
    s, w = diffusion.poles(reach)
    t = np.geomspace(1.0, reach, 20_001)
    kernel = np.exp(-np.outer(t, s)) @ w
    np.testing.assert_allclose(kernel * np.sqrt(np.pi * t), 1.0, rtol=0, atol=KERNEL)


def test_longer_grids_do_not_take_fewer_modes_and_the_tables_take_few():
    counts = [len(diffusion.poles(reach)[0]) for reach in REACHES]
    assert counts == sorted(counts)
    assert max(counts[:-1]) <= 16


@pytest.mark.parametrize("reach", REACHES)
def test_a_flux_linear_in_time_is_integrated_exactly(reach):
    """m = (4/3) a t^(3/2) / sqrt(pi): the scheme is exact for it but for the kernel's own error."""
    dt, rise = 0.25, 3.0
    t = dt * np.arange(reach + 1)
    exact = 4 / 3 * rise * t[1:] ** 1.5 / np.sqrt(np.pi)
    np.testing.assert_allclose(semi_integral(rise * t, dt), exact, rtol=KERNEL)


@pytest.mark.parametrize("reach", REACHES)
def test_a_flux_quadratic_in_time_is_integrated_exactly_after_the_first_step(reach):
    """m = (16/15) a t^(5/2) / sqrt(pi); the first step alone is straight."""
    dt, rise = 0.25, 3.0
    t = dt * np.arange(reach + 1)
    exact = 16 / 15 * rise * t[1:] ** 2.5 / np.sqrt(np.pi)
    np.testing.assert_allclose(semi_integral(rise * t**2, dt)[1:], exact[1:], rtol=KERNEL)


def test_two_parabolas_are_integrated_exactly_across_their_corner():
    dt, corner = 0.25, 200
    t = dt * np.arange(501)
    late = np.maximum(t - t[corner], 0.0)
    exact = 16 / 15 * (t**2.5 - 3 * late**2.5) / np.sqrt(np.pi) - 16 / 3 * late**1.5 / np.sqrt(
        np.pi
    )
    m = semi_integral(t**2 - 3 * late**2 - 4 * late, dt, corners=(0, corner))
    straight = corner  # the only step without a second difference of its own
    np.testing.assert_allclose(
        np.delete(m, [0, straight]), np.delete(exact[1:], [0, straight]), rtol=KERNEL
    )


def test_a_constant_flux_from_the_start_is_integrated_exactly():
    dt, steps = 0.25, 2000
    t = dt * np.arange(1, steps + 1)
    m = semi_integral(np.full(steps + 1, 2.0), dt)
    np.testing.assert_allclose(m, 4 * np.sqrt(t / np.pi), rtol=KERNEL)


def test_a_semi_integral_determines_the_flux_stably():
    """G(z) on the unit circle, of the weights of the fluxes k steps ago (see the module)."""
    steps, at = 2000, 10
    weights = semi_integral((np.arange(steps + at) == at).astype(float), 1.0)[at - 1 :]
    z = 0.999 * np.exp(1j * np.linspace(0.0, np.pi, 501))
    transform = np.polynomial.polynomial.polyval(z, weights)
    assert np.abs(transform * np.sqrt(1 - z)).min() > 0.4
    assert np.degrees(np.abs(np.angle(transform))).max() < 55


def test_small_and_large_poles_share_one_response():
    """The series and the closed forms meet, and both are the integrals."""
    x = np.array([1e-9, 9.99e-3, 1.001e-2, 0.5, 20.0])
    s, w = np.polynomial.legendre.leggauss(40)
    s, w = (s + 1) / 2, w / 2
    shapes = np.array([s, 1 - s, s * (s - 1) / 2])
    exact = (shapes[:, None] * np.exp(-x[:, None] * (1 - s))) @ w
    np.testing.assert_allclose(diffusion._responses(x), exact, rtol=1e-9)


@pytest.mark.parametrize("steps", [500, 5000])
def test_a_constant_flux_gives_twice_the_square_root_of_time(steps):
    """m = 2 J sqrt(t/pi); the step at t = 0 is a ramp over one step, felt as dt / 4t later on."""
    dt, flux = 0.25, 2.0
    t = dt * np.arange(steps + 1)
    m = semi_integral(np.where(t > 0, flux, 0.0), dt, corners=(0, 1))
    ramp = 4 / 3 * flux / np.sqrt(np.pi) * (t[1:] ** 1.5 - t[:-1] ** 1.5) / dt
    np.testing.assert_allclose(m, ramp, rtol=KERNEL)
    late = t[1:] > 100 * dt
    step = 2 * flux * np.sqrt(t[1:] / np.pi)
    np.testing.assert_allclose((m / step)[late], 1 - dt / 4 / t[1:][late], atol=1e-5)


def test_the_unit_of_time_only_scales_the_result():
    flux = np.random.default_rng(1).normal(size=401).cumsum()
    np.testing.assert_allclose(
        semi_integral(flux, 0.04), 0.2 * semi_integral(flux, 1.0), rtol=1e-12, atol=1e-12
    )
