import numpy as np
import pymc as pm
import pytest
from builders import hypothesis, icp, with_parameters
from jax import numpy as jnp
from scipy import stats
from scipy.special import logsumexp

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.inference.bridge import Compiled, Mapped
from perovec_bayes.inference.build import build
from perovec_bayes.inference.builder import Builder
from perovec_bayes.inference.cards import load_card
from perovec_bayes.inference.dilution import LEAST_SPREAD
from perovec_bayes.inference.mechanisms import solubility
from perovec_bayes.inference.model import attach
from perovec_bayes.inference.observe_icp import observe_icp

FLOOR = 3.29
"""Detection limits are so many sd of the blank."""


def evaluated(model, seed=1):
    """Pointwise log-likelihood and everything it depends on, at a random point near the data."""
    compiled = Compiled(model, model.perovec.frames)
    x = np.random.default_rng(seed).normal(0.0, 0.7, compiled.size)
    names = [v.name for v in model.free_RVs] + [
        v.name for v in model.deterministics if "_dil" in v.name
    ]
    (terms,) = model.logp(vars=model.observed_RVs, sum=False)
    values = compiled.function([terms, *(model[name] for name in names)])(jnp.asarray(x))
    return dict(zip(["terms", *names], map(np.asarray, values), strict=True))


def sigma(mean, floor, proportional):
    """Two-component sd; 1e-12 is what the model adds to the square of the proportional error."""
    square = proportional**2 + 1e-12
    return np.sqrt(floor**2 + mean**2 * np.expm1(square) * np.exp(square))


def test_readings_have_the_two_component_density():
    """Atoms per formula unit, dilution, samples shared by readings, stated sd, detection limit."""
    data = icp(
        {"sample": "A", "value": 2.0e-6, "dilution": 2.0},
        {"sample": "A", "value": 6.5e-6, "element": "Br", "dilution": 2.0, "replicate": 2},
        {"sample": "B", "value": 4.1e-6, "sd": 2e-7},
        {"sample": "C", "value": 4.0e-8, "dilution": 100.0, "lod": 2e-8},
    )
    got = evaluated(build(load_card("solubility"), [data]))
    saturated = got["s"][0] * np.exp(got["s_p"] * got["icp_z"][[0, 0, 1, 2]])
    mean = saturated * np.array([1, 3, 1, 1]) / np.array([2.0, 2.0, 1.0, 100.0])
    floor = np.array([0.0, 0.0, 2e-7, 2e-8 / FLOOR])
    s_m = np.where([1, 1, 0, 1], got["s_m"], 0.0)  # a stated sd is the whole error
    expected = stats.norm.logpdf(data["value"], mean, sigma(mean, floor, s_m))
    np.testing.assert_allclose(got["terms"], expected, rtol=1e-9)


def test_a_censored_reading_has_the_probability_of_lying_below_the_limit():
    data = icp({"lod": 2.4e-10, "dilution": 0.1}, {"lod": 1e-9})
    got = evaluated(build(load_card("solubility"), [data]))
    mean = got["s"][0] * np.exp(got["s_p"] * got["icp_z"]) / np.array([0.1, 1.0])
    limit = np.array([2.4e-10, 1e-9])
    expected = stats.norm.logcdf((limit - mean) / sigma(mean, limit / FLOOR, got["s_m"]))
    np.testing.assert_allclose(got["terms"], expected, rtol=1e-9)


AMBIGUOUS = (
    {"sample": "A", "value": 1.0e-6},
    {"sample": "B", "solvent": "DCM", "value": 3.0e-8, "dilution": np.nan},
    {"sample": "B", "solvent": "DCM", "value": 3.3e-8, "dilution": np.nan, "replicate": 2},
    {"sample": "C", "solvent": "DCM", "lod": 5e-8, "dilution": np.nan},
    {"sample": "D", "solvent": "THF", "value": 7e-7, "dilution": np.nan},
)
HYPOTHESES = (
    hypothesis("half", 0.25, 0.5, 0.3, solvent="DCM"),
    hypothesis("as is", 0.6, 1.0, 0.0, solvent="DCM"),
    hypothesis("ten", 0.15, 10.0, 0.1, solvent="DCM"),
    hypothesis("one", 0.9, 1.0, 0.1, solvent="THF", sample="D"),
    hypothesis("two", 0.1, 2.0, 0.1, solvent="THF", sample="D"),
)


def mixture(got, data, rows, where):
    """ln w_h + sum of the log-densities of a group's readings, for each hypothesis."""
    s = got["s"][[0, 1, 1, 1, 2]] * np.exp(got["s_p"] * got["icp_z"][[0, 1, 1, 2, 3]])
    y = got["icp_y"][0 if where == "DCM" else 1]
    value, lod = data["value"].to_numpy(), data["lod"].to_numpy()
    scores = []
    for h in HYPOTHESES:
        if h["where"]["solvent"] != where:
            continue
        mean = s / (h["factor"] * np.exp(h["sd_ln"] * y))
        score = np.log(h["weight"])
        for row in rows:
            hidden = np.isnan(value[row])
            sd = sigma(mean[row], lod[row] / FLOOR if hidden else 0.0, got["s_m"])
            if hidden:
                score += stats.norm.logcdf((lod[row] - mean[row]) / sd)
            else:
                score += stats.norm.logpdf(value[row], mean[row], sd)
        scores.append(score)
    return np.array(scores)


def model_of(data, *, sample_dilution):
    """Solubilities whose readings have errors of 60 %, which keeps every hypothesis alive."""
    card = with_parameters(load_card("solubility"), {"s_m": 0.6})
    builder = Builder(card, {"icp": data}, solubility.UNITS, {})
    with pm.Model(coords={"system": list(range(3))}) as model:
        s = builder.parameter("s", dims="system")
        readings = s[np.array([0, 1, 1, 1, 2])]
        observe_icp(builder, data, readings, sample_dilution=sample_dilution)
    attach(model, builder.info)
    return model


@pytest.fixture(scope="module")
def ambiguous_model():
    data = icp(*AMBIGUOUS, hypotheses=HYPOTHESES)
    return data, model_of(data, sample_dilution=False)


@pytest.mark.parametrize("seed", range(5))
def test_an_ambiguous_group_has_the_mixture_over_its_hypotheses(ambiguous_model, seed):
    """Sum over h of w_h times the product over the group, not the product of sums."""
    data, model = ambiguous_model
    got = evaluated(model, seed) | {"s_m": 0.6}
    for rows, where, label in (
        ([1, 2, 3], "DCM", "p_dilution_icp_0"),
        ([4], "THF", "p_dilution_icp_1"),
    ):
        scores = mixture(got, data, rows, where)
        assert got["terms"][rows].sum() == pytest.approx(logsumexp(scores), rel=1e-9)
        np.testing.assert_allclose(got[label], np.exp(scores - logsumexp(scores)), rtol=1e-8)
    mean = got["s"][0] * np.exp(0.0 + got["s_p"] * got["icp_z"][0])
    alone = stats.norm.logpdf(1.0e-6, mean, sigma(mean, 0.0, 0.6))
    assert got["terms"][0] == pytest.approx(alone, rel=1e-9)


def test_a_sampled_factor_divides_the_readings():
    data = icp(*AMBIGUOUS, hypotheses=HYPOTHESES)
    got = evaluated(model_of(data, sample_dilution=True))
    factors = np.array([1.0, *[got["F_dil_icp_0"]] * 3, got["F_dil_icp_1"]])
    s = got["s"][[0, 1, 1, 1, 2]] * np.exp(got["s_p"] * got["icp_z"][[0, 1, 1, 2, 3]])
    mean, value, lod = s / factors, data["value"].to_numpy(), data["lod"].to_numpy()
    seen = stats.norm.logpdf(value, mean, sigma(mean, 0.0, 0.6))
    below = stats.norm.logcdf((lod - mean) / sigma(mean, lod / FLOOR, 0.6))
    np.testing.assert_allclose(got["terms"], np.where(np.isnan(value), below, seen), rtol=1e-9)


def test_a_sampled_factor_has_the_prior_of_the_hypotheses():
    model = model_of(icp(*AMBIGUOUS, hypotheses=HYPOTHESES), sample_dilution=True)
    compiled = Compiled(model)
    scores = stats.norm.ppf((np.arange(2000) + 0.5) / 2000)
    start = {v.name: np.ones((2000, *v.shape.eval())) for v in model.free_RVs}
    start["icp_y"][:, 0] = scores  # the other variables are not looked at
    names = ("F_dil_icp_0", "p_dilution_icp_0")
    graph = compiled.function([model[name] for name in names])
    factor, probability = Mapped(graph)(compiled.unconstrain(start))
    ours = HYPOTHESES[:3]
    spreads = [max(h["sd_ln"], LEAST_SPREAD) for h in ours]

    def distribution(x):
        return sum(
            h["weight"] * stats.norm.cdf((x - np.log(h["factor"])) / sd)
            for h, sd in zip(ours, spreads, strict=True)
        )

    assert stats.kstest(np.log(factor), distribution).statistic < 1 / 2000
    np.testing.assert_allclose(probability.mean(axis=0), [0.25, 0.6, 0.15], atol=1e-3)


def test_an_unknown_dilution_without_hypotheses_is_refused():
    data = icp({"value": 1e-6}, {"sample": "flask 7", "value": 1e-6, "dilution": np.nan})
    with pytest.raises(StudyError, match=r"measurement 2 \(flask 7\).*gives no hypotheses"):
        build(load_card("solubility"), [data])


def test_hypotheses_for_other_measurements_do_not_help():
    data = icp(
        {"solvent": "DCM", "value": 1e-6, "dilution": np.nan},
        {"solvent": "THF", "value": 1e-6, "dilution": np.nan},
        hypotheses=[hypothesis("one", 1.0, 1.0, 0.1, solvent="DCM")],
    )
    with pytest.raises(StudyError, match="measurement 2"):
        build(load_card("solubility"), [data])


def test_two_sets_of_hypotheses_for_one_measurement_are_refused():
    data = icp(
        {"solvent": "DCM", "value": 1e-6, "dilution": np.nan},
        hypotheses=[
            hypothesis("one", 1.0, 1.0, 0.1, solvent="DCM"),
            hypothesis("two", 1.0, 2.0, 0.1, solute="CsPbBr3"),
        ],
    )
    with pytest.raises(StudyError, match="two sets of dilution hypotheses"):
        build(load_card("solubility"), [data])


def test_hypotheses_that_match_only_known_dilutions_are_refused():
    data = icp(
        {"solvent": "DCM", "value": 1e-6},
        hypotheses=[hypothesis("one", 1.0, 1.0, 0.1, solvent="DCM")],
    )
    with pytest.raises(StudyError, match="match no measurement of unknown dilution"):
        build(load_card("solubility"), [data])


def test_a_reading_above_the_range_is_refused():
    data = icp({"value": 2e-6}, {"sample": "flask 7", "lod": 1e-9})
    data["censoring"] = ("measurement", np.array(["none", "right"]))
    data["upper"] = ("measurement", np.array([np.nan, 1e-5]))
    with pytest.raises(DataError, match=r"measurement 2 \(flask 7\).*above the range"):
        build(load_card("solubility"), [data])
