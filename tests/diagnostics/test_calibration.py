"""Ranks of truths: uniform where a posterior is right, and seen where it is not."""

import numpy as np
import pytest
from arviz_stats import ecdf_utils

from perovec_bayes.diagnostics.calibration import BANDS, assess, band, pit

SIMULATIONS = 400


def ranks(seed=1, narrower=1.0, shifted=0.0):
    """Of the mean of a normal prior, known from one reading; a posterior that may be wrong."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(SIMULATIONS):
        truth = rng.normal()
        reading = truth + rng.normal()
        draws = reading / 2 + np.sqrt(0.5) * (shifted + narrower * rng.normal(size=99))
        found.append(pit(truth, draws, 99.0, rng))
    return np.array(found)


def test_a_right_posterior_is_inside():
    found = assess(ranks(seed=3))
    assert found.inside
    assert found.simulations == SIMULATIONS
    for level, covered in zip((0.5, 0.8, 0.95), found.coverage, strict=True):
        assert covered == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / SIMULATIONS))


@pytest.mark.parametrize("wrong", [{"narrower": 0.6}, {"narrower": 1.6}, {"shifted": 0.4}])
def test_a_wrong_posterior_is_outside(wrong):
    found = assess(ranks(**wrong))
    assert not found.inside
    if "narrower" in wrong:
        assert (found.coverage[1] < 0.75) == (wrong["narrower"] < 1)


def test_about_one_in_twenty_right_ones_is_outside():
    rng = np.random.default_rng(2)
    outside = sum(not assess(rng.uniform(size=100)).inside for _ in range(100))
    assert outside <= 12


def test_draws_of_a_chain_are_thinned_to_their_effective_number():
    rng = np.random.default_rng(3)
    draws = np.repeat(rng.normal(size=50), 20)
    places = {round(pit(0.0, draws, 50.0, rng) * 51) for _ in range(200)}
    assert len(places) <= 3


def test_ties_are_broken_at_random():
    rng = np.random.default_rng(5)
    found = np.array([pit(1.0, np.ones(9), 9.0, rng) for _ in range(300)])
    assert assess(found).inside


def test_the_band_is_that_of_arviz():
    found = np.random.default_rng(7).uniform(size=60)
    for ours, theirs in zip(
        band(found),
        ecdf_utils.ecdf_pit(found, 0.95, BANDS, rng=np.random.default_rng(1)),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)
