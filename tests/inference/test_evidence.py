"""Bridge sampling against evidences that are known."""

import numpy as np
import pymc as pm
import pytest
from scipy import stats
from scipy.special import gammaln

from perovec_bayes.inference.bridge import Compiled
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import load_card
from perovec_bayes.inference.evidence import bridge_sampling, evidence, if_narrower, narrower
from perovec_bayes.inference.model import info_of
from perovec_bayes.inference.priors import Beta, HalfNormal, LogNormal, Normal
from perovec_bayes.inference.sample import sample
from tests.inference.builders import icp, with_parameters
from tests.inference.known_posteriors import INSTRUMENT, PREPARATION, PRIOR, READINGS, SYSTEMS

X = np.linspace(-1.0, 2.0, 12)
Y = 0.7 - 0.4 * X + 0.5 * np.sin(5.0 * X)
PRIOR_SD, NOISE = np.array([2.0, 1.0]), 0.5
DESIGN = np.stack([np.ones_like(X), X], axis=1)


def test_a_straight_line_with_known_error():
    """Conjugate: y ~ N(0, noise^2 + X V X'). The proposal is the posterior, so nearly no error."""
    with pm.Model() as model:
        a, b = (pm.Normal(name, 0.0, sd) for name, sd in zip("ab", PRIOR_SD, strict=True))
        pm.Normal("y", a + b * X, NOISE, observed=Y)
    covariance = np.linalg.inv(DESIGN.T @ DESIGN / NOISE**2 + np.diag(1 / PRIOR_SD**2))
    rng = np.random.default_rng(1)
    mean = covariance @ DESIGN.T @ Y / NOISE**2
    draws = rng.multivariate_normal(mean, covariance, (4, 500))
    found = evidence(Compiled(model), {"a": draws[..., 0], "b": draws[..., 1]}, rng)
    marginal = NOISE**2 * np.eye(12) + DESIGN @ np.diag(PRIOR_SD**2) @ DESIGN.T
    exact = stats.multivariate_normal(np.zeros(12), marginal).logpdf(Y)
    assert found.log == pytest.approx(exact, abs=4 * found.error)
    assert 0 < found.error < 0.01


def test_a_skew_density_and_the_stated_error():
    """Two gamma variables in ln: of 40 repetitions the errors have the size that is stated."""
    shape = np.array([1.5, 4.0])

    def log_density(x):
        return (shape * x - np.exp(x)).sum(axis=1)  # Gamma(shape) of e^x, with dx, not normalised

    truth, found = gammaln(shape).sum(), []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        found.append(bridge_sampling(np.log(rng.gamma(shape, size=(4, 400, 2))), log_density, rng))
    z = np.array([(each.log - truth) / each.error for each in found])
    assert abs(z.mean()) < 4 / np.sqrt(40)
    assert 0.65 < z.std() < 1.45
    assert np.median([each.error for each in found]) < 0.05


@pytest.mark.parametrize("nowhere", [-np.inf, np.nan])
def test_draws_where_there_is_no_density_have_no_evidence(nowhere):
    rng = np.random.default_rng(2)
    draws = rng.standard_normal((2, 100, 1))
    found = bridge_sampling(draws, lambda x: np.where(x[:, 0] > 0, 0.0, nowhere), rng)
    assert found.error == np.inf


def evidence_by_quadrature(likelihood, low, high):
    x, z = np.linspace(low, high, 8001), np.linspace(-8, 8, 1601)
    weights = stats.norm.pdf(z) * (z[1] - z[0])
    true = np.exp(x[:, None] + PREPARATION * z)
    log_p = stats.norm.logpdf(x, np.log(PRIOR.median), PRIOR.sd_ln)
    for per_sample in likelihood:
        log_p = log_p + np.log(np.exp(per_sample(true)) @ weights + 1e-300)
    return np.log(np.sum(np.exp(log_p)) * (x[1] - x[0]))


def test_the_solubility_card_against_quadrature():
    """A bounded coordinate, deviations of samples and a detection limit: all frames are in it."""
    held = {"s": PRIOR, "s_p": PREPARATION, "s_m": INSTRUMENT}
    model = build(with_parameters(load_card("solubility"), held), [icp(*READINGS)])
    tree = sample(model, chains=2, draws=800, tune=300, seed=11)
    posterior = {v.name: tree["posterior"][v.name].to_numpy() for v in model.free_RVs}
    compiled = Compiled(model, info_of(model).frames)
    found = evidence(compiled, posterior, np.random.default_rng(3))
    # the oracle's densities of readings are in units of their sd
    constants = -np.log([5e-8, 5e-8, 4e-8]).sum()
    wide = {0: SYSTEMS[0], 1: (SYSTEMS[1][0], np.log(1e-7) - 30, np.log(1e-5))}
    exact = sum(evidence_by_quadrature(*wide[n]) for n in wide) + constants
    assert found.error < 0.1
    assert found.log == pytest.approx(exact, abs=4 * found.error)


def test_what_a_prior_half_as_wide_would_change():
    """Conjugate normal: the evidence of one datum with both widths is known."""
    prior = Normal(mean=0.0, sd=2.0, unit="1", reason="for a test")
    rng, y, sd = np.random.default_rng(4), 1.5, 0.3
    variance = 1 / (1 / 2.0**2 + 1 / sd**2)
    draws = rng.normal(variance * y / sd**2, np.sqrt(variance), 20_000)
    exact = [stats.norm.logpdf(y, 0.0, np.hypot(width, sd)) for width in (2.0, 1.0)]
    assert if_narrower(prior, draws) == pytest.approx(exact[1] - exact[0], abs=0.01)


def test_which_priors_can_be_narrowed():
    why = {"unit": "1", "reason": "for a test"}
    assert narrower(LogNormal(median=2.0, sd_ln=1.0, **why)).sd_ln == 0.5
    assert narrower(HalfNormal(sd=1.0, **why)).sd == 0.5
    share = Beta(alpha=2.0, beta=2.0, **why)
    assert narrower(share) is None
    assert if_narrower(share, np.array([0.5])) is None
