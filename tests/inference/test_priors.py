import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy import integrate
from scipy.stats import kstest

from perovec_bayes.errors import UnitError
from perovec_bayes.inference.priors import (
    DISTRIBUTIONS,
    Beta,
    HalfNormal,
    LogNormal,
    Normal,
    Prior,
    PriorTable,
    TruncNormal,
    Uniform,
    unknown,
)
from perovec_bayes.units import convert

ADAPTER = TypeAdapter(Prior)
EXAMPLES = [
    Normal(mean=250.0, sd=200.0, unit="mV", reason="wide"),
    LogNormal(median=1e-3, sd_ln=2.3, unit="cm/s", reason="two decades"),
    HalfNormal(sd=3.0, unit="mV", reason="jitter"),
    Beta(alpha=2.0, beta=3.0, unit="1", reason="a fraction"),
    Beta(alpha=0.8, beta=2.0, lower=-5.0, upper=15.0, unit="mm", reason="stretched"),
    Uniform(lower=-2.0, upper=3.0, unit="V", reason="window"),
    TruncNormal(mean=0.8, sd=0.3, lower=0.2, upper=1.8, unit="1", reason="two electrons"),
]
BASE = {"unit": "V", "reason": "because"}
positive = st.floats(1e-6, 1e6)
location = st.floats(-1e3, 1e3)
UNITS = st.sampled_from([("mV", "V"), ("mm", "cm"), ("uA/cm^2", "A/cm^2"), ("mol/L", "mol/cm^3")])


@st.composite
def priors(draw):
    unit, to = draw(UNITS)
    base = {"unit": unit, "reason": "because"}
    mean, sd, lower = draw(location), draw(positive), draw(location)
    upper = lower + draw(st.floats(1e-2, 1e3))
    shape = st.floats(0.5, 20.0)
    prior = draw(
        st.sampled_from(
            [
                Normal(mean=mean, sd=sd, **base),
                LogNormal(median=sd, sd_ln=draw(st.floats(0.05, 4.0)), **base),
                HalfNormal(sd=sd, **base),
                Beta(alpha=draw(shape), beta=draw(shape), lower=lower, upper=upper, **base),
                Uniform(lower=lower, upper=upper, **base),
                TruncNormal(mean=0.5 * (lower + upper), sd=sd, lower=lower, upper=upper, **base),
            ]
        )
    )
    return prior, to


@settings(deadline=None, max_examples=150)
@given(priors(), st.lists(st.floats(0.001, 0.999), min_size=1, max_size=5))
def test_canonical_preserves_quantiles(case, q):
    prior, to = case
    canonical = prior.canonical(to)
    assert canonical.unit == to
    assert type(canonical) is type(prior)
    assert canonical.reason == prior.reason
    converted = convert(prior.ppf(q), prior.unit, to)
    scale = float(np.max(np.abs(converted)))
    np.testing.assert_allclose(canonical.ppf(q), converted, rtol=1e-7, atol=1e-7 * scale)


@pytest.mark.parametrize("prior", EXAMPLES, ids=lambda p: p.describe())
def test_sample_follows_the_quantile_function(prior):
    draws = prior.sample(np.random.default_rng(11), 4000)
    assert draws.shape == (4000,)
    uniform = np.linspace(0.0005, 0.9995, 1000)
    inside = np.interp(draws, prior.ppf(uniform), uniform)
    assert kstest(inside, "uniform").pvalue > 1e-3
    np.testing.assert_array_equal(draws, prior.sample(np.random.default_rng(11), 4000))


@pytest.mark.parametrize("prior", EXAMPLES, ids=lambda p: p.describe())
def test_density_integrates_to_the_probability_between_quantiles(prior):
    low, high = prior.ppf([0.1, 0.85])
    area, _ = integrate.quad(lambda x: float(np.exp(prior.logpdf(x))), low, high, epsrel=1e-9)
    assert area == pytest.approx(0.75, rel=1e-6)


@pytest.mark.parametrize("prior", EXAMPLES, ids=lambda p: p.describe())
def test_centre_is_the_median(prior):
    assert prior.centre() == pytest.approx(float(prior.ppf(0.5)))


@pytest.mark.parametrize("prior", EXAMPLES, ids=lambda p: p.describe())
def test_round_trip_through_plain_data_and_json(prior):
    assert ADAPTER.validate_python(prior.model_dump(mode="json")) == prior
    assert ADAPTER.validate_json(prior.to_json()) == prior


def test_closed_forms():
    assert EXAMPLES[0].centre() == 250.0
    assert EXAMPLES[0].canonical("V").sd == pytest.approx(0.2)
    lognormal = EXAMPLES[1]
    assert np.log(lognormal.ppf(0.8413447460685429) / 1e-3) == pytest.approx(2.3)
    assert HalfNormal(sd=1.0, **BASE).ppf(0.682689492137086) == pytest.approx(1.0)
    assert Beta(alpha=1.0, beta=1.0, **BASE).logpdf(0.3) == pytest.approx(0.0)


def test_density_is_zero_outside_the_support():
    assert LogNormal(median=1.0, sd_ln=1.0, **BASE).logpdf(-1.0) == -np.inf
    assert Uniform(lower=0.0, upper=1.0, **BASE).logpdf([-0.1, 1.1]).tolist() == [-np.inf] * 2
    assert EXAMPLES[6].logpdf(2.0) == -np.inf


def test_far_truncation_stays_finite():
    prior = TruncNormal(mean=0.0, sd=1.0, lower=30.0, upper=31.0, **BASE)
    assert 30.0 < prior.centre() < 31.0
    assert np.isfinite(prior.logpdf(30.5))


@pytest.mark.parametrize(
    ("prior", "words"),
    list(
        zip(
            EXAMPLES,
            [
                "Normal(mean 250 mV, sd 200 mV)",
                "LogNormal(median 1e-3 cm/s, sd of ln 2.3)",
                "HalfNormal(sd 3 mV)",
                "Beta(2, 3; 0 to 1)",
                "Beta(0.8, 2; -5 to 15 mm)",
                "Uniform(-2 to 3 V)",
                "TruncNormal(mean 0.8, sd 0.3; 0.2 to 1.8)",
            ],
            strict=True,
        )
    ),
)
def test_describe(prior, words):
    assert prior.describe() == words


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.0, "0"), (1.5e-12, "1.5e-12"), (3e8, "3e8"), (0.012, "0.012"), (-25.0, "-25")],
)
def test_describe_writes_numbers_briefly(number, text):
    prior = Normal(mean=number, sd=1.0, unit="1", reason="r")
    assert prior.describe() == f"Normal(mean {text}, sd 1)"


@pytest.mark.parametrize("prior", EXAMPLES, ids=lambda p: p.describe())
def test_wrong_dimension_is_refused(prior):
    with pytest.raises(UnitError, match="wrong dimension"):
        prior.canonical("K")


def test_offset_units_are_refused():
    prior = Normal(mean=25.0, sd=2.0, unit="degC", reason="room")
    with pytest.raises(
        UnitError, match=r"its zero is not that of 'K'\. Give the prior in 'K'"
    ) as info:
        prior.canonical("K")
    assert "\n" not in str(info.value)
    assert HalfNormal(sd=2.0, unit="delta_degC", reason="r").canonical("K").sd == 2.0


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"distribution": "normal", "mean": 0.0, "sd": 0.0}, "greater than 0"),
        ({"distribution": "normal", "mean": 0.0, "sd": -1.0}, "greater than 0"),
        ({"distribution": "normal", "mean": float("nan"), "sd": 1.0}, "finite"),
        ({"distribution": "normal", "mean": "0", "sd": 1.0}, "valid number"),
        ({"distribution": "normal", "mean": True, "sd": 1.0}, "valid number"),
        ({"distribution": "lognormal", "median": 0.0, "sd_ln": 1.0}, "greater than 0"),
        ({"distribution": "lognormal", "median": 1.0, "sd_ln": -1.0}, "greater than 0"),
        ({"distribution": "halfnormal", "sd": -1.0}, "greater than 0"),
        ({"distribution": "beta", "alpha": 0.0, "beta": 1.0}, "greater than 0"),
        ({"distribution": "beta", "alpha": 1.0, "beta": 1.0, "lower": 1.0}, "upper bound"),
        ({"distribution": "uniform", "lower": 1.0, "upper": 1.0}, "upper bound"),
        (
            {"distribution": "truncnormal", "mean": 0.0, "sd": 1.0, "lower": 1.0, "upper": 0.0},
            "upper bound",
        ),
        ({"distribution": "normal", "mean": 0.0, "sdd": 1.0}, "did you mean 'sd'?"),
        ({"distribtion": "normal", "mean": 0.0, "sd": 1.0}, "did you mean 'distribution'?"),
        ({"distribution": "norml", "mean": 0.0, "sd": 1.0}, "did you mean 'normal'?"),
        ({"distribution": ["normal"], "mean": 0.0, "sd": 1.0}, "unknown distribution"),
        ({"mean": 0.0, "sd": 1.0}, "a required key is missing"),
    ],
)
def test_wrong_priors_are_refused(table, words):
    with pytest.raises(ValidationError, match=words.replace("?", r"\?")):
        ADAPTER.validate_python({**BASE, **table})


@pytest.mark.parametrize("missing", ["unit", "reason"])
def test_unit_and_reason_are_required(missing):
    table = {"distribution": "halfnormal", "sd": 1.0, **BASE}
    del table[missing]
    with pytest.raises(ValidationError, match="Field required"):
        ADAPTER.validate_python(table)


@pytest.mark.parametrize("reason", ["", "  "])
def test_an_empty_reason_is_refused(reason):
    with pytest.raises(ValidationError, match="at least 1 character"):
        HalfNormal(sd=1.0, unit="V", reason=reason)


def test_priors_are_immutable():
    with pytest.raises(ValidationError, match="frozen"):
        EXAMPLES[0].sd = 1.0


def test_every_distribution_is_listed():
    models = {cls for base in PriorTable.__subclasses__() for cls in [base, *base.__subclasses__()]}
    tags = {
        cls.model_fields["distribution"].default
        for cls in models
        if "distribution" in cls.model_fields
    }
    assert tags == set(DISTRIBUTIONS)


@pytest.mark.parametrize(
    ("name", "known", "words"),
    [
        ("k_0", ["alpha", "k0"], "unknown name 'k_0'; did you mean 'k0'? Known: alpha, k0"),
        ("e0", ["k0", "E0"], "unknown name 'e0'; did you mean 'E0'? Known: k0, E0"),
        ("K", ["k", "K1"], "unknown name 'K'; did you mean 'k'? Known: k, K1"),
        ("zzz", ["a"], "unknown name 'zzz'. Known: a"),
        ("a", [], "unknown name 'a'. Known: none"),
    ],
)
def test_unknown_names_the_nearest(name, known, words):
    assert unknown("name", name, known) == words
