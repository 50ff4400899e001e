"""Fisher information of series against dense algebra."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from perovec_bayes.inference import bridge, noise
from perovec_bayes.inference.fisher import _of_repeat
from tests.inference.test_noise import covariance, steps_of

assert bridge  # double precision
POINTS, LENGTH = 50, 0.6
TIME = np.sort(np.random.default_rng(1).uniform(0, 6, POINTS))
WHITE = np.random.default_rng(2).uniform(0.05, 0.3, POINTS)
SLOPES = np.random.default_rng(3).standard_normal((4, POINTS)) * np.sin(TIME)


def still(count):
    """No change of the noise along any direction."""
    return [jnp.zeros((count, POINTS)), jnp.zeros(count), jnp.zeros((count, POINTS))]


def series(wander, white=WHITE):
    steps = jnp.asarray(steps_of(TIME, LENGTH))
    return [jnp.zeros(POINTS), jnp.asarray(white), jnp.asarray(wander), steps]


@pytest.mark.parametrize("wander", [0.0, 0.1, 3.0])
def test_of_the_mean_it_is_that_of_the_dense_normal(wander):
    got = noise.fisher(series(wander), [jnp.asarray(SLOPES), *still(4)])
    dense = np.linalg.inv(covariance(TIME, WHITE, wander, LENGTH))
    np.testing.assert_allclose(got, SLOPES @ dense @ SLOPES.T, rtol=1e-8)


def test_of_white_noise_it_is_that_of_variances():
    change = np.random.default_rng(4).uniform(0, 0.2, (2, POINTS))
    slopes = jnp.asarray(SLOPES[:2])
    tangents = [slopes, jnp.asarray(change), jnp.zeros(2), jnp.zeros((2, POINTS))]
    got = noise.fisher(series(0.0), tangents)
    expected = SLOPES[:2] / WHITE**2 @ SLOPES[:2].T + 2 * (change / WHITE**2) @ change.T
    np.testing.assert_allclose(got, expected, rtol=1e-8)


def test_of_wandering_noise_it_is_a_lower_bound_and_most_of_it():
    wander = 0.15

    def dense_in(x):
        return covariance(TIME, (1 + x[0]) * WHITE, wander * (1 + x[1]), LENGTH)

    inverse = np.linalg.inv(dense_in([0, 0]))
    step = 1e-5
    slopes = [(dense_in(step * unit) - dense_in(-step * unit)) / (2 * step) for unit in np.eye(2)]
    whole = np.array([[0.5 * np.trace(inverse @ a @ inverse @ b) for a in slopes] for b in slopes])
    tangents = [
        jnp.zeros((2, POINTS)),
        jnp.asarray(np.array([WHITE, 0 * WHITE])),
        jnp.asarray([0.0, wander]),
        jnp.zeros((2, POINTS)),
    ]
    got = np.asarray(noise.fisher(series(wander), tangents))
    assert np.linalg.eigvalsh(whole - got).min() > -1e-6 * np.linalg.eigvalsh(whole).max()
    assert np.trace(got) > 0.5 * np.trace(whole)


@pytest.mark.parametrize("wander", [0.0, 0.5])
def test_a_repeat_has_the_misfit_of_the_first_record(wander):
    """y_1 = x a + d + e_1, y_2 = (x + v) a + d + e_2: the pair, less what y_1 says."""
    used = 2
    jacobian = np.zeros((2 * POINTS, 4))
    jacobian[:POINTS, :used] = jacobian[POINTS:, :used] = SLOPES[:used].T
    jacobian[POINTS:, used:] = SLOPES[used:].T
    misfit = covariance(TIME, 0 * WHITE, wander, LENGTH)
    pair = np.tile(misfit, (2, 2)) + np.diag(np.tile(WHITE**2, 2))
    alone = jacobian[:POINTS].T @ np.linalg.inv(pair[:POINTS, :POINTS]) @ jacobian[:POINTS]
    expected = jacobian.T @ np.linalg.inv(pair) @ jacobian - alone
    got = jax.jit(lambda s: _of_repeat(noise.fisher, series(wander), s, used))(SLOPES)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())
