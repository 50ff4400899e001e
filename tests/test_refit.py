"""Fits without a block, against the exact predictive density of a conjugate model."""

import numpy as np
import pymc as pm
import pytest
from scipy import stats

from perovec_bayes.inference import bridge
from perovec_bayes.inference.blocks import Parts, of_series
from perovec_bayes.inference.cards import load_card
from perovec_bayes.inference.model import ModelInfo, Observable, Quantity, attach
from perovec_bayes.inference.noise import draw, log_density
from perovec_bayes.inference.observe import observe
from perovec_bayes.workflow.refit import Exact, Fit, Refitter
from tests.inference.test_noise import covariance, steps_of

TIME = np.linspace(0.0, 3.0, 30)
PARTS = Parts(("a", "b", "c"), np.repeat([0, 1, 2], [8, 14, 8]))
SLOPE_SD, WHITE, WANDER, LENGTH = 2.0, 0.2, 0.3, 0.5
Y = 0.5 * TIME + 0.3 * np.sin(4.0 * TIME)


@pytest.fixture(scope="module")
def refitter():
    """A straight line through the origin, with a wandering misfit of known size."""
    white = bridge.constant(np.full(30, WHITE))
    noise = [white, bridge.constant(WANDER), bridge.constant(steps_of(TIME, LENGTH))]
    with pm.Model() as model:
        slope = pm.Normal("slope", 0.0, SLOPE_SD)
        mean = slope * bridge.constant(TIME)
        observed = observe("y", ("n",), Y, "(n),(n),(),(n)->(n)", log_density, draw, mean, noise)
    info = ModelInfo(load_card("redox_couple"), {})
    info.quantities["slope"] = Quantity("V", "slope", "for a test", "primary", free=True)
    blocks = of_series(log_density, PARTS.labels, PARTS.masks(), observed, mean, *noise)
    tolerance = np.full(30, 0.1)
    info.observables.append(
        Observable("y", "cv", "A", ("n",), Y, mean, noise, draw, tolerance, {}, {}, blocks)
    )
    attach(model, info)
    return Refitter(model, chains=2, draws=1000, tune=300, target_accept=0.8)


def exactly(gone):
    """ln p(gone | rest) of the normal marginal."""
    cov = covariance(TIME, np.full(30, WHITE), WANDER, LENGTH) + SLOPE_SD**2 * np.outer(TIME, TIME)
    rest = ~gone
    whole = stats.multivariate_normal(np.zeros(30), cov).logpdf(Y)
    if not rest.any():
        return whole
    return whole - stats.multivariate_normal(cov=cov[np.ix_(rest, rest)]).logpdf(Y[rest])


@pytest.mark.parametrize("block", [0, 1, 2])
def test_a_block_is_predicted_from_all_others(refitter, block):
    found = refitter.elpd_without("y", block, seed=5)
    assert found.fault == ""
    assert 0 < found.error < 0.1
    assert found.elpd == pytest.approx(exactly(PARTS.masks()[block]), abs=4.5 * found.error)


def test_a_whole_dataset_is_predicted_from_the_prior(refitter):
    found = refitter.elpd_without("y", None, seed=5)
    assert found.elpd == pytest.approx(exactly(np.ones(30, dtype=bool)), abs=4.5 * found.error)


def test_the_original_data_are_in_place_again(refitter):
    np.testing.assert_array_equal(refitter.compiled.data[0], Y)
    points = refitter.fit(seed=1).points
    assert refitter.blocks(points).shape == (2, 1000, 3)


@pytest.mark.parametrize(
    ("fit", "error", "words"),
    [
        (Fit(np.zeros(0), 1, 1.0, 1000.0), 0.1, "1 divergent draws"),
        (Fit(np.zeros(0), 0, 1.02, 1000.0), 0.1, "R-hat 1.020"),
        (Fit(np.zeros(0), 0, np.nan, np.nan), 0.1, "would not pass"),
        (Fit(np.zeros(0), 0, 1.0, 399.0), 0.1, "ESS 399"),
        (Fit(np.zeros(0), 0, 1.0, 1000.0), 0.6, "Monte Carlo error of 0.6"),
        (Fit(np.zeros(0), 0, 1.0, 1000.0), np.nan, "Monte Carlo error"),
        (Fit(np.zeros(0), 0, 1.0, 1000.0), 0.1, ""),
    ],
)
def test_what_is_wrong_with_a_fit_is_said(fit, error, words):
    found = Exact(1.0, error, fit)
    assert words in found.fault
    assert bool(words) == bool(found.fault)
