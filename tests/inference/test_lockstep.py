"""Posteriors that are sampled in one computation are those of each alone."""

import jax
import numpy as np
import pymc as pm
import pytest
from jax import numpy as jnp
from known_posteriors import NOISE, PRIOR_SD, X, Y, described, moments

from perovec_bayes.inference import lockstep
from perovec_bayes.inference.bridge import wrap
from perovec_bayes.inference.lockstep import draw_together, form_of, worthwhile
from perovec_bayes.inference.sample import start

pytest.importorskip("blackjax")
LANES = 6


def line(y, noise=NOISE, x=X):
    with pm.Model(coords={"point": range(len(x))}) as model:
        a, b = (pm.Normal(name, 0.0, sd) for name, sd in zip("ab", PRIOR_SD, strict=True))
        pm.Normal("y", a + b * x, noise, observed=y, dims="point")
    return described(model)


def exactly(y, noise=NOISE, x=X):
    """Mean and covariance of the posterior of a line."""
    design = np.stack([np.ones_like(x), x], axis=1)
    covariance = np.linalg.inv(np.diag(PRIOR_SD**-2) + design.T @ design / noise**2)
    return covariance @ design.T @ y / noise**2, covariance


def started(model, seed=1, draws=500):
    return start(model, chains=4, draws=draws, tune=300, seed=seed, target_accept=0.9, whiten=True)


@pytest.fixture(scope="module")
def lines():
    """Lines with other data, abscissae and errors."""
    rng = np.random.default_rng(4)
    cases = [(Y + rng.normal(0.0, 1.0, len(Y)), 0.3 + 0.2 * k, X * (1 + k)) for k in range(4)]
    return cases, [started(line(*case), seed) for seed, case in enumerate(cases)]


def together(chosen, lanes=LANES):
    targets = [each.target for each in chosen]
    forms = [form_of(target) for target in targets]
    return draw_together(targets, forms, [each.settings for each in chosen], lanes)


@pytest.fixture(scope="module")
def drawn(lines):
    return together(lines[1])


def test_lines_with_other_numbers_have_one_form(lines):
    forms = [form_of(each.target) for each in lines[1]]
    assert len({form.text for form in forms}) == 1
    assert all(worthwhile(form) for form in forms)


def test_another_number_of_points_is_another_form(lines):
    shorter = started(line(Y[:-1], x=X[:-1]), draws=1)
    assert form_of(shorter.target).text != form_of(lines[1][0].target).text


def test_each_posterior_is_found(lines, drawn):
    """Means, sds and covariance within 4 Monte Carlo errors, for every line of the group."""
    for case, (points, _) in zip(lines[0], drawn, strict=True):
        mean, covariance = exactly(*case)
        for k in range(2):
            found, error = moments(points[..., k])
            at = [mean[k], np.sqrt(covariance[k, k])]
            np.testing.assert_array_less(np.abs(found - at), 4 * error)
        product, error = moments((points[..., 0] - mean[0]) * (points[..., 1] - mean[1]))
        assert abs(product[0] - covariance[0, 1]) < 4 * error[0]


def test_draws_do_not_depend_on_the_others(lines, drawn):
    """In another place, with other neighbours, or with none: the same bits."""
    backwards = together(lines[1][::-1])[::-1]
    (alone,) = together(lines[1][2:3])
    for (points, stats), (again, its) in zip(drawn, backwards, strict=True):
        np.testing.assert_array_equal(points, again)
        assert stats.identical(its)
    np.testing.assert_array_equal(drawn[2][0], alone[0])


def test_chains_differ(drawn):
    points = np.concatenate([each[0] for each in drawn])
    assert len({chain.tobytes() for chain in points}) == 4 * len(drawn)


def test_statistics_are_those_of_a_sampler(drawn):
    stats = drawn[0][1]
    assert dict(stats.sizes) == {"chain": 4, "draw": 500}
    assert {"diverging", "energy", "n_steps", "acceptance_rate"} <= set(stats)


def test_a_density_that_comes_out_otherwise_is_sampled_alone(lines, monkeypatch):
    """The numbers of one fit are spoilt on their way into the common computation."""
    forms = [form_of(each.target) for each in lines[1]]
    spoilt = forms[1]._replace(
        numbers=[n * 1.01 if n.dtype == float else n for n in forms[1].numbers]
    )
    found = draw_together(
        [each.target for each in lines[1]],
        [forms[0], spoilt, *forms[2:]],
        [each.settings._replace(draws=5, tune=5) for each in lines[1]],
        LANES,
    )
    assert [each is None for each in found] == [False, True, False, False]


@pytest.mark.parametrize(("steps", "worth"), [(lockstep.MOST_STEPS, True), (300, False)])
def test_long_loops_are_left_alone(steps, worth):
    """As are loops of unknown length; where there is no GPU."""

    def decay(a):
        return jax.lax.scan(lambda s, _: (0.99 * s, None), a, None, length=steps)[0]

    def until(a):
        return jax.lax.while_loop(lambda s: jnp.abs(s) > 1.0, lambda s: s / 2, a)

    with pm.Model() as model:
        a = pm.Normal("a")
        pm.Normal("y", wrap(decay)(a), 1.0, observed=0.3)
    form = form_of(started(described(model), draws=1).target)
    assert form.steps >= steps
    assert worthwhile(form) is (worth or jax.default_backend() != "cpu")
    closed = jax.make_jaxpr(until)(1.0)
    assert sum(map(lockstep._steps, closed.jaxpr.eqns)) == np.inf
