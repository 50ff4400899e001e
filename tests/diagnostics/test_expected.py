"""Bayes linear expectations against the exact posterior of linear models with normal noise."""

import numpy as np
import pytest

from perovec_bayes.diagnostics.expected import Measured, gain, least_ess, present

NAMES = ("a", "b", "c", "d")


def posterior(seed, size=4, draws=400):
    """A covariance, and draws that have it exactly."""
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((size, size)) * np.logspace(-3, 2, size)[:, None]
    z = rng.standard_normal((draws, size))
    z -= z.mean(axis=0)
    z = z @ np.linalg.inv(np.linalg.cholesky(np.cov(z.T))).T
    return root @ root.T, z @ root.T


def experiment(seed, now, new, points=7):
    """Slopes of a linear experiment in units of its noise."""
    rng = np.random.default_rng(seed)
    slopes = rng.standard_normal((points, now + new))
    return slopes.T @ slopes


def exactly(covariance, weights, information, variance):
    """sd of the weighted sum in the joint model of the study's parameters and what is new."""
    size = len(covariance)
    precision = np.zeros_like(information)
    precision[:size, :size] = np.linalg.inv(covariance)
    precision[size:, size:] = np.diag(1 / variance)
    after = np.linalg.inv(precision + information)[:size, :size]
    return np.sqrt(weights @ after @ weights)


@pytest.mark.parametrize("new", [0, 1, 3])
def test_a_linear_model_is_exact(new):
    covariance, draws = posterior(1)
    weights, variance = np.array([200.0, -3.0, 0.5, 0.02]), np.array([0.3, 2.0, 40.0])[:new]
    each = np.array([experiment(seed, 4, new) for seed in (5, 6, 7)])
    expected = [exactly(covariance, weights, one, variance) for one in each]
    now = present(draws @ weights, draws, NAMES)
    got = gain(now, Measured(each, np.arange(4), ("",) * new, variance))
    assert now.sd == pytest.approx(np.sqrt(weights @ covariance @ weights), rel=1e-9)
    assert now.linear == pytest.approx(1.0, abs=1e-9)
    assert got.sd == pytest.approx(np.mean(expected), rel=1e-6)
    assert got.information == pytest.approx(np.log(now.sd) - np.mean(np.log(expected)), rel=1e-6)
    assert got.low < got.sd < got.high


def test_a_candidate_that_sees_some_parameters_only():
    covariance, draws = posterior(2)
    used = np.array([3, 1])
    small = experiment(8, 2, 0)
    whole = np.zeros((4, 4))
    whole[np.ix_(used, used)] = small
    weights = np.array([1.0, 0.0, 0.0, 0.0])
    got = gain(present(draws[:, 0], draws, NAMES), Measured(small[None], used, (), np.zeros(0)))
    assert got.sd == pytest.approx(exactly(covariance, weights, whole, np.zeros(0)), rel=1e-6)


def test_neither_units_nor_coordinates_matter():
    _, draws = posterior(3)
    information = experiment(9, 4, 1)
    turn = np.random.default_rng(4).standard_normal((4, 4))
    back = np.eye(5)
    back[:4, :4] = np.linalg.inv(turn)
    one = gain(
        present(draws[:, 2], draws, NAMES),
        Measured(information[None], np.arange(4), ("x",), np.ones(1)),
    )
    other = gain(
        present(1e3 * draws[:, 2] - 7, draws @ turn.T, NAMES),
        Measured((back.T @ information @ back)[None], np.arange(4), ("x",), np.ones(1)),
    )
    assert other.information == pytest.approx(one.information, rel=1e-6)
    assert other.sd == pytest.approx(1e3 * one.sd, rel=1e-6)


def test_a_direction_that_does_not_vary_is_left_out():
    _, draws = posterior(4)
    doubled = np.column_stack([draws, draws[:, 0], np.zeros(len(draws))])
    information = np.zeros((6, 6))
    information[:4, :4] = experiment(10, 4, 0)
    names = (*NAMES, "e", "f")
    both = [
        gain(
            present(draws[:, 1], x, names[: x.shape[1]]),
            Measured(f[None], np.arange(len(f)), (), np.zeros(0)),
        )
        for x, f in ((draws, information[:4, :4]), (doubled, information))
    ]
    assert both[0].sd == pytest.approx(both[1].sd, rel=1e-6)


def test_what_is_not_linear_is_never_reduced():
    rng = np.random.default_rng(5)
    x = rng.standard_normal((4000, 1))
    g = x[:, 0] + x[:, 0] ** 2
    now = present(g, x, ("a",))
    assert now.linear == pytest.approx(1 / 3, abs=0.05)  # variances 1 and 2, uncorrelated
    all_known = Measured(np.array([[[1e12]]]), np.array([0]), (), np.zeros(0))
    assert gain(now, all_known).sd == pytest.approx(now.sd * np.sqrt(1 - now.linear), rel=1e-6)


def test_an_uninformative_candidate_says_nothing():
    _, draws = posterior(6)
    nothing = Measured(np.zeros((3, 4, 4)), np.arange(4), (), np.zeros(0))
    got = gain(present(draws[:, 0], draws, NAMES), nothing)
    assert got.information == pytest.approx(0.0, abs=1e-9)
    assert got.error == pytest.approx(0.0, abs=1e-9)


def test_the_limit_is_what_would_help_most():
    draws = posterior(7)[1] @ np.linalg.inv(np.linalg.cholesky(posterior(7)[0])).T  # all sd 1
    g = draws[:, 0]
    # the sum of a, b and something new with sd 5
    information = 100.0 * np.outer([1, 1, 0, 0, 1], [1, 1, 0, 0, 1])
    now = present(g, draws, NAMES)
    wide = gain(now, Measured(information[None], np.arange(4), ("own",), np.array([25.0])))
    assert (wide.limit, wide.limit_is_new) == ("own", True)
    assert wide.limit_sd == pytest.approx(np.sqrt(1 - 1 / 2.01), rel=1e-3)
    narrow = gain(now, Measured(information[None], np.arange(4), ("own",), np.array([1e-4])))
    assert (narrow.limit, narrow.limit_is_new) == ("b", False)
    assert narrow.limit_sd == pytest.approx(np.sqrt(1 - 1 / (1 + 0.01 + 1e-4)), rel=1e-2)


def test_too_few_independent_draws_are_seen():
    rng = np.random.default_rng(8)
    independent = rng.standard_normal((2, 500, 3))
    least, asked = least_ess(independent)
    assert asked == 100
    assert least > 600
    walk = np.cumsum(independent, axis=1)
    assert least_ess(walk)[0] < 60
    assert least_ess(np.zeros((2, 500, 40)))[1] == 200


def test_errors_of_unknown_size_are_not_averaged_away():
    """n readings of a level with an error whose size is uncertain, and one more: sqrt(n/(n+1))."""
    rng = np.random.default_rng(9)
    count, sizes = 2, np.exp(0.8 * rng.standard_normal(60))
    level = np.concatenate([s / np.sqrt(count) * rng.standard_normal(200) for s in sizes])
    now = present(level, level[:, None], ("level",))
    reading = (1 / sizes**2)[:, None, None]
    alone = Measured(reading, np.array([0]), (), np.zeros(0))
    both = Measured(reading, np.array([0]), (), np.zeros(0), count * reading)
    ratio = np.sqrt(count / (count + 1))
    assert gain(now, alone).sd < 0.9 * ratio * now.sd
    assert ratio * now.sd <= gain(now, both).sd < 1.1 * ratio * now.sd


def test_the_precision_at_a_draw_changes_nothing_in_a_linear_model():
    covariance, draws = posterior(10)
    information, variance = experiment(11, 4, 1)[None], np.array([2.0])
    now = present(draws[:, 3], draws, NAMES)
    plain = Measured(information, np.arange(4), ("",), variance)
    there = Measured(information, np.arange(4), ("",), variance, np.linalg.inv(covariance)[None])
    assert gain(now, there).sd == pytest.approx(gain(now, plain).sd, rel=1e-6)
