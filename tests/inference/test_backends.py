"""Every sampler that a study can choose finds posteriors that are known by other means."""

import json
import sys
from importlib.metadata import version
from importlib.util import find_spec
from typing import get_args

import numpy as np
import pytest
from known_posteriors import NAMES, line, line_exactly, moments, share_below, solubilities

from perovec_bayes.diagnostics import check
from perovec_bayes.errors import StudyError
from perovec_bayes.inference.backends import BACKENDS
from perovec_bayes.inference.sample import sample
from perovec_bayes.inference.study import Sampler


def installed(name):
    """The name, to be skipped where its package is not installed."""
    missing = find_spec(BACKENDS[name].package) is None
    reason = f"the extra '{BACKENDS[name].extra}' is not installed"
    return pytest.param(name, marks=pytest.mark.skipif(missing, reason=reason))


EACH = [installed(name) for name in BACKENDS]


@pytest.fixture(scope="module", params=EACH)
def gaussian(request):
    """A line, its progress, and who sampled it."""
    told = []
    tree = sample(
        line(),
        backend=request.param,
        chains=4,
        draws=600,
        tune=300,
        seed=21,
        progress=lambda phase, share: told.append((phase, share)),
    )
    return request.param, tree, told


@pytest.fixture(scope="module")
def bounded():
    """A solubility that was measured and one that is only bounded, without their frames."""
    return sample(solubilities(), backend="pymc", chains=2, draws=900, tune=400, seed=22)


def test_a_correlated_gaussian_is_found(gaussian):
    """Means, sds and the covariance within 4 Monte Carlo errors."""
    mean, covariance = line_exactly()
    a, b = (gaussian[1]["posterior"][name].to_numpy() for name in "ab")
    for draws, at, variance in zip((a, b), mean, np.diag(covariance), strict=True):
        found, error = moments(draws)
        np.testing.assert_array_less(np.abs(found - [at, np.sqrt(variance)]), 4 * error)
    product, error = moments((a - mean[0]) * (b - mean[1]))
    assert abs(product[0] - covariance[0, 1]) < 4 * error[0]
    assert abs(covariance[0, 1]) > 10 * error[0]


def test_the_gate_can_judge_every_sampler(gaussian):
    gate = check(gaussian[1])
    assert gate.failures == ()
    assert None not in [worst.value for worst in gate.worst]


def test_the_result_states_its_sampler(gaussian):
    name, tree, _ = gaussian
    stated = json.loads(tree.attrs["sampler"])
    assert stated["backend"] == f"{name} {version(name)}"
    assert stated["whitened"] is (name != "pymc")


def test_progress_is_told_to_the_end(gaussian):
    shares = [share for phase, share in gaussian[2] if phase == "sampling"]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, pytest.approx(1.0))


@pytest.mark.parametrize("system", [0, 1], ids=NAMES[:2])
@pytest.mark.parametrize("q", [0.025, 0.5, 0.975])
def test_a_measured_and_a_bounded_solubility_are_found(bounded, system, q):
    """The share of draws below each exact quantile, within four of its standard errors.

    The others sample what nutpie samples in `test_sample.py`; PyMC samples the model itself.
    """
    below, error = share_below(bounded["posterior"]["s"].to_numpy(), system, q)
    assert abs(below - q) < 4 * error
    assert error < 0.03


@pytest.mark.parametrize("name", [installed("numpyro")])
def test_one_chain_has_the_shape_of_several(name):
    tree = sample(line(), backend=name, chains=1, draws=20, tune=30)
    assert tree["posterior"]["a"].shape == (1, 20)
    assert tree["sample_stats"]["diverging"].shape == (1, 20)


def test_a_study_can_choose_what_there_is():
    assert get_args(Sampler.model_fields["backend"].annotation) == tuple(BACKENDS)


def test_an_unknown_sampler_is_refused_with_the_nearest_name():
    with pytest.raises(StudyError) as info:
        sample(line(), backend="blackjack")
    assert str(info.value) == (
        "unknown sampler 'blackjack'; did you mean 'blackjax'? "
        "Known: nutpie, pymc, numpyro, blackjax"
    )


@pytest.mark.parametrize("name", ["numpyro", "blackjax"])
def test_a_sampler_that_is_absent_is_said_to_be_an_extra(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(StudyError, match=rf"'{name}' is not installed\. .*\[{name}\]"):
        sample(line(), backend=name)
