import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from builders import cv, with_parameters
from jax import numpy as jnp
from known_posteriors import (
    NAMES,
    PRIOR,
    SYSTEMS,
    apart,
    effective,
    exact_distribution,
    share_below,
    solubilities,
)

from perovec_bayes.constants import thermal_frequency
from perovec_bayes.forward import waveform
from perovec_bayes.forward.redox import RedoxParameters, redox_current
from perovec_bayes.inference import optimum
from perovec_bayes.inference.bridge import Compiled
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import load_card
from perovec_bayes.inference.sample import prior_points, sample
from perovec_bayes.workflow.prepare import prepare

EXAMPLES = Path(__file__).parents[2] / "examples"


# --- a posterior that is known -----------------------------------------------------------------


@pytest.fixture(scope="module")
def known():
    """Three solubilities; of one only a bound is known, and of one two values 17 sd apart."""
    model = solubilities(ambiguous=True)
    return model, sample(model, chains=4, draws=1000, tune=500, seed=11)


@pytest.mark.parametrize("system", SYSTEMS, ids=NAMES)
@pytest.mark.parametrize("q", [0.025, 0.16, 0.5, 0.84, 0.975])
def test_the_posterior_is_that_of_quadrature(known, system, q):
    """The share of draws below each exact quantile, within four of its standard errors."""
    below, error = share_below(known[1]["posterior"]["s"].to_numpy(), system, q)
    assert abs(below - q) < 4 * error
    assert error < 0.02


@pytest.fixture(scope="module")
def in_the_prior_scale(known):
    """The same posterior without whitening; the frames of solubilities stay."""
    return sample(known[0], chains=4, draws=1000, tune=500, seed=12, whiten=False)


@pytest.mark.parametrize("system", SYSTEMS, ids=NAMES)
def test_whitening_does_not_change_a_posterior_bounded_from_one_side(
    known, in_the_prior_scale, system
):
    """Mean and sd of ln s within 4 Monte Carlo errors of their difference."""
    sampler = [json.loads(tree.attrs["sampler"]) for tree in (known[1], in_the_prior_scale)]
    assert [each["whitened"] for each in sampler] == [True, False]
    one, other = (
        np.log(tree["posterior"]["s"].to_numpy()[..., system])
        for tree in (known[1], in_the_prior_scale)
    )
    assert max(apart(one, other)) < 4
    assert min(effective(one), effective(other)) > 400


def test_the_effect_of_the_data_is_not_small_in_that_test():
    """The exact medians lie far from the prior's, one by a measurement and one by a bound."""
    medians = [np.interp(0.5, c, x) for x, c in (exact_distribution(*SYSTEMS[i]) for i in (0, 1))]
    assert medians[0] == pytest.approx(np.log(1.1e-6), abs=0.15)
    assert medians[1] < np.log(PRIOR.median) - 1.5


def test_the_result_has_the_groups_and_labels_of_the_contract(known):
    model, tree = known
    assert set(tree.children) == {
        "posterior", "prior", "posterior_predictive", "prior_predictive", "log_likelihood",
        "observed_data", "constant_data", "sample_stats", "block_log_likelihood", "log_prior",
        "leave_one_out",
    }  # fmt: skip
    assert not tree["sample_stats"]["diverging"].any()
    s = tree["posterior"]["s"]
    assert s.dims == ("chain", "draw", "system")
    assert s["system"].to_numpy().tolist() == ["CsPbBr3, PC", "CsPbBr3, DCM", "CsPbBr3, THF"]
    assert json.loads(s.attrs["limits"]) == ["", "upper", ""]
    assert (s.attrs["unit"], s.attrs["free"]) == ("mol/cm^3", 1)
    assert tree["log_likelihood"]["icp"].shape == (4, 1000, 5)
    assert tree["posterior_predictive"]["icp"].shape == (1, 200, 5)
    assert {v.name for v in model.free_RVs} == {"s", "icp_z", "icp_y"}


def test_derived_quantities_follow_from_the_draws(known):
    posterior = known[1]["posterior"]
    s = posterior["s"].to_numpy() / 1e-3
    np.testing.assert_allclose(posterior["K_sp"], 27 * s**5, rtol=1e-10)
    shift = np.log(27 * s**5) / (2 * thermal_frequency(298.15))
    np.testing.assert_allclose(posterior["dE_formal"], shift, rtol=1e-10)


def test_the_prior_group_is_the_prior(known):
    """1000 draws of two systems: 4.5 standard errors of mean and sd."""
    logs = np.log(known[1]["prior"]["s"].to_numpy()).ravel()
    assert logs.mean() == pytest.approx(np.log(PRIOR.median), abs=4.5 * 3 / np.sqrt(2000))
    assert logs.std() == pytest.approx(3.0, rel=4.5 / np.sqrt(4000))


def test_the_same_seed_gives_the_same_draws(known):
    model, _ = known
    short = {"chains": 1, "draws": 20, "tune": 30}
    first, again, other = (sample(model, seed=seed, **short) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first["posterior"]["s"], again["posterior"]["s"])
    assert (first["posterior"]["s"].to_numpy() != other["posterior"]["s"].to_numpy()).any()


# --- a small voltammogram ----------------------------------------------------------------------

TRUTH = {"E0": 0.2, "k0": 5e-3, "D": 7e-6, "sigma_a": 2e-6}
HELD = {
    "alpha": 0.5, "D_ratio": 1.0, "c_O": 1e-12, "c_R": 1e-6, "R_u": 10.0, "C_dl": 1e-5,
    "g0": 0.0, "g1": 0.0, "sigma_p": 1e-4, "sigma_E": 1e-6,
}  # fmt: skip


@pytest.fixture(scope="module")
def couple():
    """151 points of one cycle, four parameters free, independent noise."""
    time, potential = waveform.triangle([0.5, -0.1, 0.5], 0.1, hold=0.0, spacing=0.08)
    names = ("alpha", "c_O", "c_R", "R_u", "C_dl", "g0", "g1")
    p = RedoxParameters(
        E0=TRUTH["E0"], k0=TRUTH["k0"], D_O=TRUTH["D"], D_R=TRUTH["D"],
        **{name: HELD[name] for name in names},
    )  # fmt: skip
    grid = waveform.grid(time, potential, 1000)
    current = redox_current(p, grid, thermal_frequency(298.15))
    clean = np.interp(time, grid.time, current)
    noise = TRUTH["sigma_a"] * np.random.default_rng(1).standard_normal(len(time))
    card = load_card("redox_couple").model_copy(update={"noise": {"cv": "independent"}})
    return build(with_parameters(card, HELD), [cv(time, potential, clean + noise, area_cm2=1.0)])


@pytest.fixture(scope="module")
def fits(couple):
    """The same posterior in coordinates whitened at the optimum, and in the prior's scale."""
    shared = {"chains": 2, "draws": 700, "tune": 300}
    return [
        sample(couple, seed=seed, whiten=whiten, **shared)["posterior"]
        for seed, whiten in ((3, True), (4, False))
    ]


@pytest.mark.parametrize("name", TRUTH)
def test_whitening_does_not_change_the_posterior_of_a_voltammogram(fits, name):
    """Means and sds within 4 Monte Carlo errors of their difference, which are small."""
    one, other = (fit[name].to_numpy() for fit in fits)
    assert max(apart(one, other)) < 4
    assert min(effective(one), effective(other)) > 100


@pytest.mark.parametrize("name", TRUTH)
def test_the_truth_of_a_small_voltammogram_is_recovered(fits, name):
    draws = fits[0][name].to_numpy()
    assert abs(draws.mean() - TRUTH[name]) < 4 * draws.std()
    assert draws.std() < 0.08 * TRUTH[name]


def test_the_optimum_is_a_stationary_point_and_its_factor_the_inverse_curvature(couple):
    compiled = Compiled(couple, couple.perovec.frames)
    prior = prior_points(compiled, 200, np.random.default_rng(0))
    gradient = compiled.scaled_gradient()
    best = optimum.Search(compiled, couple.perovec.observables, prior, gradient)()
    assert list(best.starts) == sorted(best.starts, reverse=True)
    value, slope = gradient(np.zeros(compiled.size), best.point, best.factor)
    assert float(value) == pytest.approx(best.log_density, rel=1e-9)
    np.testing.assert_allclose(slope, 0.0, atol=1e-3)  # posterior sds
    h = 1e-2
    rows = [
        np.asarray(gradient(h * e, best.point, best.factor)[1])
        - np.asarray(gradient(-h * e, best.point, best.factor)[1])
        for e in np.eye(compiled.size)
    ]
    np.testing.assert_allclose(np.array(rows) / (2 * h), -np.eye(compiled.size), atol=0.02)


# --- the paper's solubilities ------------------------------------------------------------------


@pytest.fixture(scope="module")
def paper():
    """The concentrations of the paper, from the files of the example."""
    prepared = prepare(EXAMPLES / "solubility" / "study.toml")
    return sample(prepared.model, chains=4, draws=500, tune=500, seed=2, target_accept=0.9)


def test_the_paper_is_sampled_without_divergences(paper):
    assert not paper["sample_stats"]["diverging"].any()


def test_the_solubility_product_in_propylene_carbonate_is_that_of_the_paper(paper):
    k = paper["posterior"]["K_sp"].sel(system="CsPbBr3, PC")
    assert 1.5e-12 < float(k.median()) < 2.8e-12


@pytest.mark.parametrize("name", ["s_if", "K_sp_if", "dE_formal_if"])
def test_a_preconcentrated_sample_bounds_the_solubility_more_tightly(paper, name):
    given = paper["posterior"][name]
    labels = given[given.dims[2]].to_numpy().tolist()
    assert labels == [f"CsPbBr3, DCM | F_dil {each}" for each in ("preconcentrated", "undiluted")]
    tight, loose = np.quantile(given.to_numpy().reshape(-1, 2), 0.95, axis=0)
    assert tight < loose


def test_the_upper_limits_are_near_the_detection_limit_of_each_hypothesis(paper):
    """50 ug/L of lead times the factor, and what noise and preparation add: up to half as much."""
    given = 1e6 * paper["posterior"]["s_if"].to_numpy().reshape(-1, 2)
    limit = 1e6 * 50e-9 / 207.2 * np.array([0.084, 1.0])
    highest = np.quantile(given, 0.99, axis=0)
    assert (highest > 0.5 * limit).all()
    assert (highest < 3 * limit).all()


def test_ligand_over_lattice_is_below_one_in_pc_and_above_in_dcm(paper):
    ratio = paper["posterior"]["ratio"]
    assert float((ratio.sel(solvent="PC") < 1).mean()) > 0.999
    assert float((ratio.sel(solvent="DCM") > 1).mean()) > 0.999


class Steep:
    """A stand-in for a compiled model whose mean leaves the range of squares away from its data."""

    observed = ("steep",)
    data = (np.exp([-4.0]),)

    def function(self, outputs):
        return lambda u: [jnp.exp(400.0 * u)]


def test_least_squares_survive_what_squares_cannot_hold():
    tolerance = np.array([1e-3])
    seen = SimpleNamespace(
        name="steep", technique="icp", mean=None, value=Steep.data[0], tolerance=tolerance
    )
    descend = optimum._least_squares(Steep(), [seen], np.zeros(1), np.ones(1))
    assert np.isfinite(descend(np.array([1.5]))).all()
    assert descend(np.array([0.02])) == pytest.approx([-0.01], abs=1e-4)
