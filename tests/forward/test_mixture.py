"""The normal score of a mixture of normal distributions, against scipy."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from scipy import stats

from perovec_bayes.forward import mixture

WEIGHTS, CENTRES, SPREADS = (
    np.array([0.2, 0.5, 0.3]),
    np.array([-2.5, 0.0, 1.0]),
    np.array([0.1, 0.5, 1.0]),
)
SCORES = np.array([-7.0, -3.0, -0.9, -0.84, 0.0, 0.3, 2.0, 7.0])


def tail(x, sign):
    return float(np.sum(WEIGHTS * stats.norm.cdf(sign * (x - CENTRES) / SPREADS)))


@pytest.mark.parametrize("score", SCORES)
def test_a_score_and_its_quantile_have_the_same_tail(score):
    x = float(mixture.quantile(WEIGHTS, CENTRES, SPREADS)(jnp.asarray(score)))
    sign = -1.0 if score > 0 else 1.0
    assert tail(x, sign) == pytest.approx(stats.norm.cdf(sign * score), rel=1e-9)


@pytest.mark.parametrize("score", SCORES)
def test_slope(score):
    """In both directions of differentiation, against differences; cut where it is very steep."""
    quantile, h = mixture.quantile(WEIGHTS, CENTRES, SPREADS), 1e-6
    central = (quantile(jnp.asarray(score + h)) - quantile(jnp.asarray(score - h))) / (2 * h)
    expected = pytest.approx(min(float(central), mixture.STEEPEST), rel=1e-5)
    assert jax.grad(quantile)(score) == expected
    assert jax.jacfwd(quantile)(score) == expected
    assert (float(central) > mixture.STEEPEST) == (score == -0.84)


def test_one_component_is_a_straight_line():
    quantile = mixture.quantile(np.array([1.0]), np.array([3.0]), np.array([0.5]))
    np.testing.assert_allclose(
        jax.vmap(quantile)(jnp.asarray(SCORES)), 3 + 0.5 * SCORES, rtol=1e-12
    )


def test_distant_components_keep_the_slope_small():
    """Exact factors: nothing lies between them."""
    quantile = mixture.quantile(np.array([0.7, 0.3]), np.array([-2.5, 0.0]), np.full(2, 1e-3))
    low, high = (float(quantile(jnp.asarray(stats.norm.ppf(p)))) for p in (0.69, 0.71))
    assert (low, high) == (pytest.approx(-2.5, abs=0.01), pytest.approx(0.0, abs=0.01))
    slopes = jax.vmap(jax.grad(quantile))(jnp.linspace(-9.0, 9.0, 1001))
    assert np.all(slopes >= 0)
    assert np.all(slopes <= 1.0001 * mixture.STEEPEST * 1e-3)


def test_components_add_up_to_the_density():
    each = mixture.log_density(jnp.asarray(0.3), WEIGHTS, CENTRES, SPREADS)
    expected = WEIGHTS * stats.norm.pdf(0.3, CENTRES, SPREADS)
    np.testing.assert_allclose(np.exp(each), expected, rtol=1e-12)
