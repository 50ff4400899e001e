import jax
import numpy as np
import pytest
from jax import numpy as jnp
from scipy import stats

from perovec_bayes.inference import bridge, noise

assert bridge  # double precision


def series(points, seed):
    """Irregular times, a model, data around it, white noise that varies."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, 6, points))
    mean = np.sin(time)
    return time, mean + 0.5 * rng.standard_normal(points), mean, rng.uniform(0.05, 0.4, points)


def covariance(time, white, wander, length):
    """Matérn-3/2 plus a diagonal, dense."""
    a = np.sqrt(3) * np.abs(time[:, None] - time) / length
    return wander**2 * (1 + a) * np.exp(-a) + np.diag(white**2)


def steps_of(time, length):
    return np.diff(time, prepend=time[0]) / length


@pytest.mark.parametrize("wander", [0.0, 1e-3, 0.3, 20.0])
@pytest.mark.parametrize("length", [0.05, 0.7, 50.0])
def test_the_terms_sum_to_the_density_of_the_dense_normal(wander, length):
    time, value, mean, white = series(60, seed=3)
    terms = noise.log_density(value, mean, white, wander, jnp.asarray(steps_of(time, length)))
    dense = stats.multivariate_normal(mean, covariance(time, white, wander, length))
    assert float(jnp.sum(terms)) == pytest.approx(dense.logpdf(value), rel=1e-9)


def test_each_term_is_the_density_given_the_points_before():
    time, value, mean, white = series(12, seed=4)
    terms = noise.log_density(value, mean, white, 0.4, jnp.asarray(steps_of(time, 0.7)))
    whole = covariance(time, white, 0.4, 0.7)
    joint = [
        stats.multivariate_normal(mean[:n], whole[:n, :n]).logpdf(value[:n]) for n in range(1, 13)
    ]
    np.testing.assert_allclose(terms, np.diff(joint, prepend=0.0), rtol=1e-8, atol=1e-10)


def test_without_wandering_the_points_are_independent():
    time, value, mean, white = series(40, seed=5)
    terms = noise.log_density(value, mean, white, 0.0, jnp.asarray(steps_of(time, 0.7)))
    np.testing.assert_allclose(terms, stats.norm.logpdf(value, mean, white), rtol=1e-12)


def test_the_first_distance_is_not_used():
    time, value, mean, white = series(10, seed=6)
    steps = jnp.asarray(steps_of(time, 0.7))
    usual = noise.log_density(value, mean, white, 0.3, steps)
    np.testing.assert_array_equal(
        noise.log_density(value, mean, white, 0.3, steps.at[0].set(9.0)), usual
    )


def test_the_gradient_is_that_of_the_dense_density():
    """By central differences of the dense normal, in all that the model varies: rel. 1e-6."""
    points = 25
    time, value, mean, white = series(points, seed=7)

    def total(x):
        steps = jnp.asarray(np.diff(time, prepend=time[0])) / x[-1]
        terms = noise.log_density(value, x[:points], x[points:-2], x[-2], steps)
        return jnp.sum(terms)

    def dense(x):
        cov = covariance(time, x[points:-2], x[-2], x[-1])
        return stats.multivariate_normal(x[:points], cov).logpdf(value)

    x = np.concatenate([mean, white, [0.3, 0.8]])
    gradient = np.asarray(jax.grad(total)(jnp.asarray(x)))
    differences = [
        (dense(x + h) - dense(x - h)) / 2e-5 for h in 1e-5 * np.eye(len(x))
    ]  # fmt: skip
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-6)


def test_drawn_series_have_the_mean_and_covariance_of_the_density():
    """20,000 draws of 5 points: every element within five of its standard errors."""
    time, white = np.array([0.0, 0.1, 0.5, 0.6, 3.0]), np.array([0.1, 0.4, 0.1, 0.2, 0.1])
    mean, count, rng = np.arange(5.0), 20_000, np.random.default_rng(8)
    steps = steps_of(time, 0.7)
    draws = np.array([noise.draw(rng, mean, white, 0.5, steps) for _ in range(count)])
    exact = covariance(time, white, 0.5, 0.7)
    variance = np.diag(exact)
    assert (np.abs(draws.mean(axis=0) - mean) < 5 * np.sqrt(variance / count)).all()
    error = np.sqrt((exact**2 + np.outer(variance, variance)) / count)
    assert (np.abs(np.cov(draws.T) - exact) < 5 * error).all()
