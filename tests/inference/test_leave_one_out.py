"""Values left out one at a time: against dense algebra, closed forms, and ArviZ."""

import arviz_stats
import jax
import numpy as np
import pytest
import xarray as xr
from builders import cv
from scipy import integrate, stats

from perovec_bayes.diagnostics.calibration import assess
from perovec_bayes.inference import icp_left_out, noise
from perovec_bayes.inference.bridge import Compiled
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import load_card
from perovec_bayes.inference.leave_one_out import LEAST, POINTS, leave_one_out, weighted
from perovec_bayes.inference.model import Observable, info_of
from perovec_bayes.inference.result import Predictor


def covariance(time, white, wander, length):
    a = np.sqrt(3) * np.abs(time[:, None] - time) / length
    return wander**2 * (1 + a) * np.exp(-a) + np.diag(white**2)


# series


@pytest.mark.parametrize(("wander", "length"), [(0.0, 1.0), (0.3, 0.2), (5.0, 3.0), (0.3, 0.7)])
def test_a_point_given_all_others_is_as_the_dense_normal_says(wander, length):
    """The conditional of a multivariate normal, by its blocks: rel. 1e-8."""
    rng = np.random.default_rng(1)
    time, value = np.sort(rng.uniform(0, 6, 40)), rng.normal(size=40)
    mean, white = rng.normal(size=40), rng.uniform(0.05, 0.4, 40)
    steps = np.diff(time, prepend=time[0]) / length
    score, density = noise.leave_one_out(
        value, mean[None], white[None], np.array([wander]), steps[None]
    )
    whole = covariance(time, white, wander, length)
    for i in range(40):
        rest = np.delete(np.arange(40), i)
        gain = np.linalg.solve(whole[np.ix_(rest, rest)], whole[rest, i])
        centre = mean[i] + gain @ (value - mean)[rest]
        sd = np.sqrt(whole[i, i] - gain @ whole[rest, i])
        assert score[0, i] == pytest.approx((value[i] - centre) / sd, rel=1e-8, abs=1e-10)
        assert density[0, i] == pytest.approx(stats.norm.logpdf(value[i], centre, sd), rel=1e-8)


def test_draws_do_not_mix():
    rng = np.random.default_rng(2)
    value, mean = rng.normal(size=20), rng.normal(size=(3, 20))
    white, wander = rng.uniform(0.1, 1, (3, 20)), np.array([0.1, 1.0, 3.0])
    steps = rng.uniform(0.05, 0.5, (3, 20))
    together = noise.leave_one_out(value, mean, white, wander, steps)
    for s in range(3):
        part = slice(s, s + 1)
        alone = noise.leave_one_out(value, mean[part], white[part], wander[part], steps[part])
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_array_equal(a[s], b[0])


def outside(series, scale, seed):
    """How many of so many series are outside the band if white noise is `scale` times the model's.

    200 points, a misfit ten times the white noise that forgets itself in 7 points.
    """
    rng = np.random.default_rng(seed)
    ones = np.ones((1, 200))
    steps = ones / 7
    right = 0
    for _ in range(series):
        value = noise.draw(rng, np.zeros(200), scale * np.ones(200), 10.0, steps[0])
        score, _ = noise.leave_one_out(value, 0 * ones, ones, np.array([10.0]), steps)
        right += assess(stats.norm.cdf(score[0])).inside
    return series - right


def test_right_noise_is_inside_the_band():
    """The values depend on each other, which keeps them inside more often than 95 %."""
    assert outside(100, 1.0, seed=3) <= 6


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_wrong_noise_is_outside_the_band(scale):
    assert outside(20, scale, seed=4) >= 18


def test_the_density_is_that_of_the_model_that_is_fitted():
    """The joint log density as a function of one value is a parabola: its curvature is 1/variance
    of that value given all others, its top the mean."""
    potential = np.concatenate([np.linspace(-0.3, 0.3, 20), np.linspace(0.27, -0.3, 20)])
    time = 10.0 * np.arange(40)
    current = 1e-6 * np.random.default_rng(9).normal(size=40)
    model = build(load_card("redox_couple"), [cv(time, potential, current, area_cm2=1.0)])
    compiled, (seen,) = Compiled(model), info_of(model).observables
    point = np.random.default_rng(10).normal(0, 0.3, (1, compiled.size))
    values, _ = Predictor(compiled).both(point, np.array([0]))
    share, density = seen.leave_one_out(*values)
    (terms,) = model.logp(vars=model.observed_RVs, sum=False)
    joint = jax.jit(compiled.function([terms]))
    for i in (0, 7, 39):
        heights = []
        for shift in (-1.0, 0.0, 1.0):
            moved = current.copy()
            moved[i] += shift
            heights.append(float(joint(point[0], moved)[0].sum()))
        slope = (heights[2] - heights[0]) / 2
        curvature = -(heights[2] - 2 * heights[1] + heights[0])
        score = -slope / np.sqrt(curvature)
        assert share[0, i] == pytest.approx(stats.norm.cdf(score), rel=1e-9)
        assert density[0, i] == pytest.approx(
            0.5 * np.log(curvature / (2 * np.pi)) - 0.5 * score**2, rel=1e-9
        )


# weights


def normal_model(points=60, draws=4000, seed=5):
    """y_i ~ N(theta, 1), theta flat: exact posterior draws and leave-one-out distributions."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=points)
    theta = rng.normal(y.mean(), 1 / np.sqrt(points), draws)
    density = stats.norm.logpdf(y, theta[:, None])
    others = (y.sum() - y) / (points - 1)
    exact = stats.norm.cdf(y, others, np.sqrt(1 + 1 / (points - 1)))
    return y, theta, density, exact, rng


def test_weights_take_a_value_out_of_the_posterior():
    y, theta, density, exact, _ = normal_model()
    share = stats.norm.cdf(y, theta[:, None])
    found, k = weighted(share, density)
    np.testing.assert_allclose(found, exact, atol=2e-3)
    assert np.abs(share.mean(axis=0) - exact).max() > 5e-3  # not so without the weights
    assert (k < 0.5).all()


def test_it_is_the_loo_pit_of_arviz():
    """ArviZ counts draws of new data; with 4000 draws its standard error is at most 0.008."""
    y, theta, density, _, rng = normal_model(points=20)
    found, _ = weighted(stats.norm.cdf(y, theta[:, None]), density)
    shape = (4, 1000, 20)
    dims = ("chain", "draw", "n")
    new = theta[:, None] + rng.normal(size=density.shape)
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"theta": (dims[:2], theta.reshape(shape[:2]))}),
            "posterior_predictive": xr.Dataset({"y": (dims, new.reshape(shape))}),
            "log_likelihood": xr.Dataset({"y": (dims, density.reshape(shape))}),
            "observed_data": xr.Dataset({"y": ("n", y)}),
        }
    )
    theirs = arviz_stats.loo_pit(tree)["y"].to_numpy()
    np.testing.assert_allclose(found, theirs, atol=0.04)


def test_equal_densities_are_equal_weights():
    share = np.random.default_rng(6).uniform(size=(50, 3))
    found, k = weighted(share, np.zeros((50, 3)))
    np.testing.assert_allclose(found, share.mean(axis=0), rtol=1e-14)
    assert k.tolist() == [0, 0, 0]


def observable(value, function):
    return Observable(
        "x", "icp", "1", ("n",), value, None, [], None, np.ones_like(value), {}, {}, None, function
    )


def test_what_is_below_a_limit_is_spread_evenly():
    """Half the values are hidden below 0, where P(new value <= 0) = 1/2: uniform on (0, 1/2)."""
    value = np.where(np.arange(400) % 2, np.nan, 1.0)

    def function(mean):
        return np.full((len(mean), 400), 0.5), np.zeros((len(mean), 400))

    found = leave_one_out([observable(value, function)], [[np.ones(9)]], np.random.default_rng(7))
    pit = found["x_pit"].to_numpy()
    assert (pit[::2] == 0.5).all()
    assert assess(2 * pit[1::2]).inside


def test_few_values_and_those_unknown_are_not_compared():
    def function(mean):
        density = np.zeros((len(mean), 2 * POINTS))
        density[:, :7] = np.nan
        return np.full_like(density, 0.5), density

    few = observable(np.ones(LEAST - 1), None)
    many = observable(np.ones(2 * POINTS), function)
    found = leave_one_out([few, many], [[np.ones(3)]] * 2, np.random.default_rng(8))
    assert set(found) == {"x_pit", "x_pareto_k"}
    known = np.isfinite(found["x_pit"].to_numpy())
    assert known.sum() == POINTS
    assert not known[:7].any()


# ICP-OES


def readings(**change):
    usual = {
        "value": np.array([1.0e-6, 1.2e-6, np.nan, 0.9e-6, 2.0e-6]),
        "limit": np.array([0.0, 0.0, 0.8e-6, 0.0, 0.0]),
        "floor": np.full(5, 2e-8),
        "factor": np.array([1.0, 1.0, 1.0, 2.0, np.nan]),
        "sample": np.array([0, 0, 0, 1, 2]),
    }
    return icp_left_out.Readings(**(usual | change))


def test_a_reading_given_those_of_its_sample_is_as_quadrature_says():
    """By adaptive quadrature over the deviation of the sample, with the noise written out anew."""
    s, s_p, s_m = 1.1e-6, 0.3, 0.05
    data = readings()
    below, density = icp_left_out.leave_one_out(
        data, np.full((1, 5), s), np.array([s_p]), np.full((1, 5), s_m)
    )

    def one(i, z, cumulative):
        mean = s / data.factor[i] * np.exp(s_p * z)
        sd = np.sqrt(data.floor[i] ** 2 + mean**2 * np.expm1(s_m**2) * np.exp(s_m**2))
        if np.isnan(data.value[i]):
            return stats.norm.cdf((data.limit[i] - mean) / sd)
        score = (data.value[i] - mean) / sd
        return stats.norm.cdf(score) if cumulative else stats.norm.pdf(score) / sd

    for i in range(4):
        rest = [j for j in range(4) if data.sample[j] == data.sample[i] and j != i]

        def weight(z, rest=rest):
            return stats.norm.pdf(z) * np.prod([one(j, z, False) for j in rest])

        def over(function):
            return integrate.quad(function, -8, 8, points=[-1, 0, 1], limit=400, epsabs=0)[0]

        norm = over(weight)
        share = over(lambda z, i=i: weight(z) * one(i, z, True)) / norm
        height = over(lambda z, i=i: weight(z) * one(i, z, False)) / norm
        assert below[0, i] == pytest.approx(share, rel=1e-5)
        assert density[0, i] == pytest.approx(np.log(height), rel=1e-6)


def test_a_sample_of_unknown_dilution_is_left_out():
    below, density = icp_left_out.leave_one_out(
        readings(), np.full((2, 5), 1e-6), np.full(2, 0.3), np.full((2, 5), 0.05)
    )
    assert np.isfinite(below[:, :4]).all()
    assert np.isnan(below[:, 4]).all()
    assert np.isnan(density[:, 4]).all()


def test_weights_that_no_pareto_fits_are_marked():
    """The plain ratios remain, and k is no number: the value counts as unreliable."""
    share, density = np.random.default_rng(3).random((1000, 1)), 10.3 * np.arange(1000.0)[:, None]
    found, k = weighted(share, density)
    assert found[0] == pytest.approx(share[0, 0], rel=1e-3)
    assert np.isnan(k[0])
