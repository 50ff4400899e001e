"""Log prior densities of the draws, against those that SciPy gives."""

import numpy as np
import pymc as pm
import pytest
from builders import icp

from perovec_bayes.inference.bridge import Compiled, Mapped
from perovec_bayes.inference.build import build
from perovec_bayes.inference.builder import distribution
from perovec_bayes.inference.cards import load_card
from perovec_bayes.inference.log_prior import log_prior
from perovec_bayes.inference.model import ModelInfo, attach
from perovec_bayes.inference.priors import (
    Beta,
    HalfNormal,
    LogNormal,
    Normal,
    TruncNormal,
    Uniform,
)

COMMON = {"unit": "1", "reason": "for a test"}
PRIORS = {
    "normal": Normal(mean=0.3, sd=2.0, **COMMON),
    "lognormal": LogNormal(median=3.0, sd_ln=1.5, **COMMON),
    "halfnormal": HalfNormal(sd=2.0, **COMMON),
    "beta": Beta(alpha=2.0, beta=3.0, **COMMON),
    "uniform": Uniform(lower=-1.0, upper=2.0, **COMMON),
    "truncnormal": TruncNormal(mean=0.5, sd=1.0, lower=0.0, upper=2.0, **COMMON),
}


@pytest.fixture(scope="module")
def drawn():
    """Values of the variables and their log priors at 20 points."""
    with pm.Model() as model:
        for name, prior in PRIORS.items():
            distribution(name, prior)
    attach(model, ModelInfo(load_card("solubility"), {}))
    compiled = Compiled(model)
    points = np.random.default_rng(1).normal(size=(20, compiled.size))
    graphs = log_prior(model)
    values = Mapped(compiled.function([*(model[name] for name in PRIORS), *graphs.values()]))(
        points
    )
    assert list(graphs) == list(PRIORS)
    return {name: (values[i], values[len(PRIORS) + i]) for i, name in enumerate(PRIORS)}


@pytest.mark.parametrize("name", PRIORS)
def test_densities_are_those_of_the_prior(name, drawn):
    """Of the variable itself; of a log-normal one, of its logarithm. PyTensor holds numbers such as
    0.3 in single precision, so 1e-6."""
    value, density = drawn[name]
    expected = PRIORS[name].frozen().logpdf(value) + (np.log(value) if name == "lognormal" else 0)
    np.testing.assert_allclose(density, expected, rtol=1e-6, atol=1e-6)


def test_a_log_normal_prior_keeps_its_centre_when_taken_to_a_power(drawn):
    """Its density is symmetric about ln(median)."""
    value, density = drawn["lognormal"]
    square = np.log(value / 3) ** 2
    np.testing.assert_allclose(
        density - density.max(), -0.5 / 1.5**2 * (square - square.min()), atol=1e-6
    )


def test_effects_of_samples_are_no_prior():
    data = icp({"sample": "A", "value": 2e-6}, {"sample": "B", "value": 3e-6})
    model = build(load_card("solubility"), [data])
    assert set(log_prior(model)) == {rv.name for rv in model.free_RVs} - {"icp_z"}
