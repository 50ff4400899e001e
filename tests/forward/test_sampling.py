import jax
import numpy as np
import pytest
from jax import numpy as jnp

from perovec_bayes.forward import sampling

STEPS = jnp.array([0.0, 0.1, 0.1, 0.4, 1.0, 1.0, 2.5, 4.0, 4.0])
"""A rejected step repeats the time before it."""


def cubic(t):
    return 1 - 2 * t + 0.5 * t**2 - 0.3 * t**3


def slope(t):
    return -2 + t - 0.9 * t**2


def test_a_cubic_is_returned_exactly():
    times = np.linspace(0, 4, 57)
    found = sampling.between(STEPS, times).value(cubic(STEPS), slope(STEPS))
    np.testing.assert_allclose(found, cubic(times), rtol=1e-12, atol=1e-12)


def test_the_steps_themselves_and_the_end_are_returned():
    found = sampling.between(STEPS, np.asarray(STEPS)).value(cubic(STEPS), slope(STEPS))
    np.testing.assert_allclose(found, cubic(STEPS), rtol=1e-13)


def test_windows_adjoin_and_lie_around_the_data():
    times = np.array([0.0, 1.0, 1.5, 4.0])
    np.testing.assert_allclose(sampling.windows(times), [0.0, 0.5, 1.25, 2.75, 4.0])


def test_no_charge_is_lost():
    limits = sampling.windows(np.linspace(0, 4, 23))
    mean = sampling.averages(STEPS, cubic(STEPS), slope(STEPS), limits)
    assert mean @ np.diff(limits) == pytest.approx(float(cubic(4.0) - cubic(0.0)), rel=1e-13)
    exact = np.diff(cubic(limits)) / np.diff(limits)
    np.testing.assert_allclose(mean, exact, rtol=1e-11)


def test_gradients_are_finite_at_repeated_times():
    def total(values):
        return jnp.sum(sampling.between(STEPS, np.linspace(0, 4, 9)).value(values, slope(STEPS)))

    assert np.isfinite(jax.grad(total)(cubic(STEPS))).all()


def test_the_slope_is_that_of_the_cubic():
    times = np.linspace(0, 4, 57)
    found = sampling.between(STEPS, times).slope(cubic(STEPS), slope(STEPS))
    np.testing.assert_allclose(found, slope(times), rtol=1e-11, atol=1e-12)
    at_steps = sampling.between(STEPS, np.asarray(STEPS)).slope(cubic(STEPS), slope(STEPS))
    np.testing.assert_allclose(at_steps, slope(STEPS), rtol=1e-12)


def test_windows_end_at_a_jump():
    times = np.array([0.0, 1.0, 1.5, 4.0])
    np.testing.assert_allclose(sampling.windows(times, np.array([1.0])), [0.0, 0.5, 1.0, 2.75, 4.0])
    np.testing.assert_allclose(
        sampling.windows(times, np.array([0.0])), [0.0, 0.0, 1.25, 2.75, 4.0]
    )
    early = np.array([-1.0])  # a step before the record
    np.testing.assert_allclose(sampling.windows(times, early), sampling.windows(times))


def test_a_window_of_no_width_is_empty():
    limits = np.array([0.0, 0.0, 2.0, 4.0])
    mean = sampling.averages(STEPS, cubic(STEPS), slope(STEPS), limits)
    exact = [0.0, (cubic(2.0) - cubic(0.0)) / 2, (cubic(4.0) - cubic(2.0)) / 2]
    np.testing.assert_allclose(mean, exact, rtol=1e-11)
