import jax
import numpy as np
import pytest
from jax import numpy as jnp

from perovec_bayes.forward import diffusion

REACHES = (500, 2000, 5000, 10_000, 50_000)
"""Steps of a grid; the last is beyond the stored tables."""
KERNEL = 2e-6
"""Accuracy promised for the kernel; measured 7.3e-7 to 1.6e-6, and 1.4e-7 beyond the tables."""


def semi_integral(flux, dt):
    """m at every step of a uniform grid by the recursion; flux[0] belongs to t = 0."""
    constants = diffusion.memory(dt, len(flux) - 1)

    def step(past, now):
        modes, older = diffusion.history(constants, past)
        return diffusion.Past(modes, now, past.last), constants.now * now + older

    start = diffusion.no_past(constants)._replace(last=jnp.asarray(flux[0]))
    return np.asarray(jax.lax.scan(step, start, jnp.asarray(flux[1:]))[1])


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


@pytest.mark.parametrize("steps", [500, 5000])
def test_a_constant_flux_gives_twice_the_square_root_of_time(steps):
    """m = 2 J sqrt(t/pi); the step at t = 0 is a ramp over one step, felt as dt / 4t later on."""
    dt, flux = 0.25, 2.0
    t = dt * np.arange(steps + 1)
    m = semi_integral(np.where(t > 0, flux, 0.0), dt)
    ramp = 4 / 3 * flux / np.sqrt(np.pi) * (t[1:] ** 1.5 - t[:-1] ** 1.5) / dt
    np.testing.assert_allclose(m, ramp, rtol=KERNEL)
    late = t[1:] > 100 * dt
    step = 2 * flux * np.sqrt(t[1:] / np.pi)
    np.testing.assert_allclose((m / step)[late], 1 - dt / 4 / t[1:][late], atol=1e-5)


def test_the_unit_of_time_only_scales_the_result():
    flux = np.random.default_rng(1).normal(size=401).cumsum()
    flux -= flux[0]
    np.testing.assert_allclose(
        semi_integral(flux, 0.04), 0.2 * semi_integral(flux, 1.0), rtol=1e-12, atol=1e-12
    )
