import numpy as np
import pytest
from scipy import stats

from perovec_bayes.forward import icp


def test_a_measured_value_has_a_normal_density():
    rng = np.random.default_rng(1)
    mean, floor = rng.lognormal(-18, 2, 50), rng.lognormal(-20, 1, 50)
    share = rng.uniform(0, 0.3, 50)
    value = mean * (1 + 0.2 * rng.standard_normal(50))
    sd = np.asarray(icp.standard_deviation(mean, floor, share))
    got = icp.log_density(value, np.zeros(50), np.zeros(50), mean, floor, share)
    np.testing.assert_allclose(got, stats.norm.logpdf(value, mean, sd), rtol=1e-12)


@pytest.mark.parametrize("distance", [-37.0, -8.0, -1.0, 0.0, 1.0, 8.0, 30.0])
def test_a_censored_value_has_the_probability_of_lying_below_the_limit(distance):
    """Also 37 sd below the mean, where the probability itself underflows."""
    mean, floor, share = 2e-9, 3e-10, 0.05
    sd = float(icp.standard_deviation(mean, floor, share))
    limit = np.array([mean + distance * sd])
    got = icp.log_density(
        np.array([np.nan]), limit, np.array([1.0]), np.array([mean]), floor, share
    )
    np.testing.assert_allclose(got, stats.norm.logcdf(distance), rtol=1e-9, atol=1e-15)


def test_measured_and_censored_rows_do_not_touch_each_other():
    value, limit = np.array([1.0, np.nan, 3.0]), np.array([np.nan, 2.0, np.nan])
    hidden = np.array([0.0, 1.0, 0.0])
    mean, floor = np.array([1.1, 2.5, 2.9]), np.array([0.1, 0.2, 0.3])
    got = np.asarray(icp.log_density(value, limit, hidden, mean, floor, 0.0))
    expected = [
        stats.norm.logpdf(1.0, 1.1, 0.1),
        stats.norm.logcdf(2.0, 2.5, 0.2),
        stats.norm.logpdf(3.0, 2.9, 0.3),
    ]
    np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize(("mean", "share"), [(0.0, 0.2), (1.0, 0.02), (1.0, 0.3), (20.0, 0.1)])
def test_the_variance_is_that_of_the_two_component_model(mean, share):
    """y = c e^u + e; a million draws give a sample variance to about 0.2 % (1 % at share 0.3)."""
    rng = np.random.default_rng(7)
    draws = mean * np.exp(share * rng.standard_normal(1_000_000))
    draws += 0.5 * rng.standard_normal(1_000_000)
    expected = float(icp.standard_deviation(mean, 0.5, share)) ** 2
    assert draws.var() == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("distance", [-np.inf, -2.0, 0.3, 3.0])
def test_the_information_of_censored_readings_is_that_of_their_scores(distance):
    """E[score score'] by quadrature above the limit, and at the limit with its probability."""
    mean, sd = 2.0, 0.5
    low = max(distance, -12.0)
    u = np.linspace(low, 12.0, 400_001)
    scores = np.array([u, u**2 - 1]) / sd
    seen = np.trapezoid(scores[:, None] * scores * stats.norm.pdf(u), u, axis=2)
    ratio = np.exp(stats.norm.logpdf(low) - stats.norm.logcdf(low))
    at_limit = -np.array([1.0, low]) * ratio / sd
    expected = seen + stats.norm.cdf(low) * np.outer(at_limit, at_limit)
    one, two, three = icp.fisher(np.array(mean), np.array(sd), np.array(mean + distance * sd))
    np.testing.assert_allclose([[one, two], [two, three]], expected, rtol=1e-5, atol=1e-8)
