"""The quick first answer: exact where the posterior is Gaussian, and honest where it is not."""

import json

import numpy as np
import pymc as pm
import pytest
from known_posteriors import PRIOR_SD, described, line, line_exactly
from scipy import stats

from perovec_bayes.diagnostics import GateResult, check, summarise
from perovec_bayes.inference import optimum, storage
from perovec_bayes.inference.bridge import Compiled
from perovec_bayes.inference.laplace import LABEL, laplace, reliability
from perovec_bayes.report.html import render
from perovec_bayes.report.tables import other_modes


def square(prior_sd):
    """A voltage of which only the square was read, 16 +/- 1: modes near 4 and -4."""
    with pm.Model() as model:
        x = pm.Normal("x", 1.0, prior_sd)
        pm.Normal("y", x**2, 1.0, observed=16.0)
    return described(model)


def bound():
    """Known from one side only, and that sharply: half a Gaussian 100 times as wide as its edge."""
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 10.0)
        pm.Censored("y", pm.Normal.dist(x, 0.1), lower=0.0, upper=None, observed=0.0)
    return described(model)


def found(model, draws):
    compiled = Compiled(model)
    return optimum.Search(compiled, [], draws, compiled.scaled_gradient())()


@pytest.fixture(scope="module")
def gaussian():
    return laplace(line(), seed=3)


@pytest.fixture(scope="module")
def one_sided():
    return laplace(bound(), seed=4)


@pytest.fixture(scope="module")
def two():
    return laplace(square(3.0), seed=5)


def test_mode_and_width_of_a_gaussian_are_exact():
    mean, covariance = line_exactly()
    best = found(line(), PRIOR_SD * np.random.default_rng(1).standard_normal((200, 2)))
    np.testing.assert_allclose(best.point, mean, rtol=1e-5)
    np.testing.assert_allclose(best.factor @ best.factor.T, covariance, rtol=1e-5)
    assert len(best.modes) == 1


def test_the_draws_of_a_gaussian_are_those_of_its_posterior(gaussian):
    """Means within 4.5 standard errors, standard deviations likewise; all draws count."""
    mean, covariance = line_exactly()
    draws = np.stack([gaussian["posterior"][name].to_numpy().ravel() for name in "ab"])
    sd = np.sqrt(np.diag(covariance))
    np.testing.assert_array_less(np.abs(draws.mean(axis=1) - mean), 4.5 * sd / np.sqrt(1000))
    np.testing.assert_allclose(draws.std(axis=1), sd, rtol=4.5 / np.sqrt(2000))
    sampler = json.loads(gaussian.attrs["sampler"])
    assert (sampler["pareto_k"], sampler["worth"]) == (0.0, 1.0)


def test_the_gate_never_passes_an_approximation(gaussian):
    gate = check(gaussian)
    assert not gate.passed
    assert len(gate.failures) == 1
    assert f"{LABEL}: sample before you publish" in gate.failures[0]
    assert "worth 100 %" in gate.failures[0]
    assert GateResult.from_json(gate.to_json()) == gate


def test_everything_that_shows_numbers_says_what_they_are(gaussian):
    assert gaussian.attrs["approximation"] == LABEL
    table = summarise(gaussian)
    assert set(table["method"]) == {LABEL}
    assert table[["r_hat", "ess_bulk", "ess_tail"]].isna().all(axis=None)
    page = render(gaussian)
    assert f"A quick first answer: {LABEL}" in page
    assert f"Result ({LABEL})" in page
    assert f"{LABEL}: do not publish" in page
    assert "gate passed" not in page


def test_a_bound_is_not_a_gaussian(one_sided):
    """The half of the prior below the edge is missed, and k says so."""
    exact = stats.halfnorm(scale=10.0).std()
    assert one_sided["posterior"]["x"].std() < 0.5 * exact
    assert json.loads(one_sided.attrs["sampler"])["pareto_k"] > 0.7
    gate = check(one_sided)
    assert [worst.passed for worst in gate.worst] == [False, False, True]
    assert "may be wrong by any factor" in gate.failures[1]


def test_ratios_with_a_known_tail():
    """e^(k E) with E exponential is a Pareto variable of shape k: (E r)^2 / E r^2 is known."""
    tail = np.random.default_rng(2).exponential(1.0, 40_000)
    for k in (0.3, 0.6, 1.0):
        assert reliability(k * tail)[0] == pytest.approx(k, abs=0.1)
    assert reliability(0.3 * tail)[1] == pytest.approx((1 - 0.6) / (1 - 0.3) ** 2, rel=0.05)


def test_ratios_without_a_tail():
    assert reliability(1e-12 * np.arange(100)) == (0.0, 1.0)
    for nothing in (-np.inf, np.nan):
        assert reliability(np.full(100, nothing)) == (None, 0.0)


@pytest.mark.parametrize("step", [10.0, 10.3, 20.0])
def test_ratios_over_hundreds_of_decades_are_not_called_reliable(step):
    k, worth = reliability(-step * np.arange(1000.0))
    assert k is None or k > 0.7
    assert 0 < worth < 0.01


def test_both_modes_of_a_square_are_found(two, tmp_path):
    """Near +-4, where the prior differs by (5^2 - 3^2) / (2 3^2) = 0.89 and pulls by 0.009."""
    best = found(square(3.0), np.linspace(-5.0, 7.0, 201)[:, None])
    assert len(best.starts) == 4
    assert [mode.point[0] for mode in best.modes] == pytest.approx([4.0, -4.0], abs=0.02)
    assert best.rivals == best.modes[1:]
    lower = best.log_density - best.rivals[0].log_density
    assert lower == pytest.approx(8 / 9, abs=0.01)
    assert json.loads(two.attrs["sampler"])["modes"] == 2
    (sentence,) = other_modes(two)
    assert sentence == "Another mode, 0.9 lower in log density, is at x = −3.99 V"
    assert sentence in render(two)
    assert other_modes(storage.load(storage.save(two, tmp_path / "two.nc"))) == [sentence]


def test_what_counts_as_a_mode_of_its_own():
    """Not beside a better one, not where the density still rises, and not where there is none."""
    here, away, flat = np.zeros(2), np.array([0.0, 9.0]), np.zeros(2)
    ends = [
        optimum.End(1.0, here, flat),
        optimum.End(1.5, here + 1.0, flat),
        optimum.End(2.0, -away, np.array([0.0, 1.5])),
        optimum.End(3.0, away, np.array([1e-5, 0.0])),
        optimum.End(4.0, away + 1.0, flat),
        optimum.End(optimum.NOWHERE, 3.0 * away, flat),
    ]
    assert [end.cost for end in optimum._distinct(ends, np.eye(2))] == [1.0, 3.0]


def test_a_mode_far_below_is_counted_but_does_not_matter():
    best = found(square(0.8), np.linspace(-0.6, 2.6, 201)[:, None])
    assert len(best.modes) == 2
    assert best.rivals == ()
