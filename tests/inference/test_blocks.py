"""Densities of left-out blocks, against dense normals and adaptive quadrature."""

from itertools import pairwise

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from scipy import integrate, stats

from perovec_bayes.inference import blocks, bridge, icp_blocks, noise
from perovec_bayes.inference.bridge import Compiled
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import load_card
from perovec_bayes.inference.dilution import Ambiguity
from perovec_bayes.inference.model import info_of
from tests.inference.builders import cv, hypothesis, icp, with_parameters
from tests.inference.test_noise import covariance, series, steps_of


def given_the_rest(value, mean, cov, block):
    """Density of some elements of a normal vector given all others, by its textbook formula."""
    rest = ~block
    gain = np.linalg.solve(cov[np.ix_(rest, rest)], cov[np.ix_(rest, block)]).T
    centre = mean[block] + gain @ (value[rest] - mean[rest])
    left = cov[np.ix_(block, block)] - gain @ cov[np.ix_(rest, block)]
    return stats.multivariate_normal(centre, left).logpdf(value[block])


@pytest.mark.parametrize("wander", [0.0, 0.3, 20.0])
@pytest.mark.parametrize("length", [0.05, 0.7, 50.0])
def test_a_block_given_what_came_before_and_after_it(wander, length):
    time, value, mean, white = series(60, seed=3)
    index = np.repeat([0, 1, 0, 2], [10, 20, 5, 25])  # a block need not be in one piece
    parts = blocks.Parts(("a", "b", "c"), index)
    made = blocks.of_series(
        noise.log_density, parts.labels, parts.masks(), *map(bridge.constant, (value, mean, white)),
        bridge.constant(wander), bridge.constant(steps_of(time, length)),
    )  # fmt: skip
    cov = covariance(time, white, wander, length)
    exact = [given_the_rest(value, mean, cov, index == n) for n in range(3)]
    np.testing.assert_allclose(made.terms.eval(), exact, rtol=1e-7)


def test_unknown_data_leave_the_marginal_density_and_a_finite_gradient():
    time, value, mean, white = series(40, seed=4)
    gone = np.isin(np.arange(40), [0, 7, 8, 9, 39])
    hidden = jnp.where(gone, jnp.nan, value)

    def total(mean, wander):
        steps = jnp.asarray(steps_of(time, 0.7))
        return jnp.sum(noise.log_density(hidden, mean, white, wander, steps))

    cov = covariance(time, white, 0.4, 0.7)[np.ix_(~gone, ~gone)]
    dense = stats.multivariate_normal(mean[~gone], cov)
    assert float(total(mean, 0.4)) == pytest.approx(dense.logpdf(value[~gone]), rel=1e-9)
    slope, by_wander = jax.grad(total, argnums=(0, 1))(jnp.asarray(mean), 0.4)
    assert np.isfinite(by_wander)
    np.testing.assert_array_equal(np.asarray(slope)[gone], 0.0)
    np.testing.assert_allclose(
        np.asarray(slope)[~gone], np.linalg.solve(cov, (value - mean)[~gone]), rtol=1e-7
    )


def triangle(points, cycles):
    time = np.linspace(0.0, 20.0 * cycles, points)
    return time, np.interp(time % 20.0, [0, 10, 20], [0.5, -0.5, 0.5])


def test_a_voltammogram_is_cut_into_cycles_or_else_into_sweeps():
    time, potential = triangle(81, 2)
    data = cv(time, potential, np.zeros(81), area_cm2=1.0)
    assert blocks.sections(data).labels == ("sweep 1", "sweep 2", "sweep 3", "sweep 4")
    data["cycle"].data[:] = np.where(time < 20.0, 1, 2)
    parts = blocks.sections(data)
    assert parts.labels == ("cycle 1", "cycle 2")
    assert parts.masks().sum(axis=1).tolist() == [40, 41]
    od = blocks.at_times([data], np.array([-5.0, 0.0, 19.9, 20.0, 55.0]))
    assert od.labels == ("cycle 1", "cycle 2")
    assert od.part_of.tolist() == [0, 0, 0, 1, 1]
    late = blocks.at_times([data], np.array([25.0, 30.0]))
    assert late.labels == ("cycle 2",)


def test_a_record_without_sweeps_is_cut_into_stretches():
    parts = blocks.stretches(np.array([9.0, *[1.0] * 10]))
    assert parts.labels[0] == "stretch 1 of 5"
    assert np.bincount(parts.part_of).tolist() == [2, 2, 2, 2, 3]
    assert blocks.at_times([], np.arange(11.0)).labels == parts.labels


# --- ICP-OES ------------------------------------------------------------------------------------

FACTORS = Ambiguity(
    np.array([3, 4]), ("a", "b"), np.array([0.7, 0.3]), np.array([0.1, 1.0]), np.array([0.1, 0.2])
)
SAMPLES = np.array(["A", "B", "C", "D"])
SAMPLE_OF = np.array([0, 0, 1, 2, 3])
LIMIT = np.array([0.0, 0.0, 0.0, 5e-8, 0.0])
HIDDEN = np.array([0.0, 0.0, 0.0, 1.0, 0.0])
VALUE = np.array([1.0e-6, 1.1e-6, 0.6e-6, 5e-8, 4e-7])
FLOOR = np.array([5e-8, 5e-8, 0.0, 5e-8 / 3.29, 1e-9])
DILUTION = np.array([1.0, 1.0, 2.0, 1.0, 1.0])
DEVIATIONS = np.linspace(-9.0, 9.0, 301)
SATURATED = np.array([1.3e-6, 1.3e-6, 1.3e-6, 1e-7, 1e-7])


def by_quadrature(rows, factor, preparation, proportional):
    """p(readings of one sample), the deviation integrated out by scipy."""

    def density(z):
        mean = SATURATED[rows] * np.exp(preparation * z) / factor[rows]
        square = proportional**2
        sd = np.sqrt(FLOOR[rows] ** 2 + mean**2 * np.expm1(square) * np.exp(square))
        each = np.where(
            HIDDEN[rows] > 0,
            stats.norm.logcdf((LIMIT[rows] - mean) / sd),
            stats.norm.logpdf(VALUE[rows], mean, sd),
        )
        return np.exp(each.sum()) * stats.norm.pdf(z)

    grid = np.linspace(-9, 9, 1801)
    peak = grid[np.argmax([density(z) for z in grid])]
    near = [(peak - d, peak + d) for d in (0.05, 0.5)]
    edges = sorted({-10.0, 10.0, *np.clip(np.ravel(near), -10, 10)})
    pieces = pairwise(edges)
    return sum(integrate.quad(density, a, b, limit=200, epsrel=1e-10)[0] for a, b in pieces)


def on_a_grid(row, factors, preparation, proportional):
    """p(reading of one sample) for each dilution factor, the deviation integrated out."""
    z = np.linspace(-9, 9, 8001)
    mean = SATURATED[row] * np.exp(preparation * z) / factors[:, None]
    square = proportional**2
    sd = np.sqrt(FLOOR[row] ** 2 + mean**2 * np.expm1(square) * np.exp(square))
    below, seen = stats.norm.cdf((LIMIT[row] - mean) / sd), stats.norm.pdf(VALUE[row], mean, sd)
    return integrate.simpson((below if HIDDEN[row] else seen) * stats.norm.pdf(z), x=z)


@pytest.mark.parametrize(("preparation", "proportional"), [(0.15, 0.03), (1.0, 0.01), (0.02, 0.1)])
def test_a_sample_left_out_is_an_integral_over_its_deviation(preparation, proportional):
    parts = icp_blocks.partition(SAMPLES, SAMPLE_OF, [FACTORS])
    assert parts.labels == ("sample A", "sample B", "samples C, D")
    readings = icp_blocks.Readings(VALUE, LIMIT, HIDDEN, FLOOR, DILUTION)
    terms = icp_blocks.terms(readings, SAMPLE_OF, [FACTORS], parts.part_of)
    given = jnp.asarray(VALUE), jnp.asarray(SATURATED), preparation, jnp.full(5, proportional)
    found = terms(*given)
    exact = [
        by_quadrature(np.array(rows), DILUTION, preparation, proportional) for rows in ([0, 1], [2])
    ]
    both = 0.0
    for weight, factor, spread in zip(
        FACTORS.weights, FACTORS.factors, FACTORS.spreads, strict=True
    ):
        each = [
            on_a_grid(n, factor * np.exp(spread * DEVIATIONS), preparation, proportional)
            for n in (3, 4)
        ]
        both += weight * integrate.simpson(
            np.prod(each, axis=0) * stats.norm.pdf(DEVIATIONS), x=DEVIATIONS
        )
    np.testing.assert_allclose(found, np.log([*exact, both]), rtol=0, atol=2e-3)


def test_a_dilution_is_found_where_readings_are_far_sharper_than_its_prior():
    """Against a fine grid of factors; the readings leave an eightieth of the prior's width."""
    spread, preparation, proportional = 0.5, 0.002, 0.006
    group = Ambiguity(np.array([0, 1]), ("a",), np.ones(1), np.array([2.0]), np.array([spread]))
    value, saturated = np.array([4.1e-7, 4.15e-7]), np.full(2, 1.2e-6)
    nothing = np.zeros(2)
    readings = icp_blocks.Readings(value, nothing, nothing, nothing, np.ones(2))
    terms = icp_blocks.terms(readings, np.zeros(2, dtype=int), [group], np.zeros(2, dtype=int))
    found = terms(jnp.asarray(value), jnp.asarray(saturated), preparation, np.full(2, proportional))
    u = np.linspace(-9, 9, 40_001)
    z = np.linspace(-8, 8, 161)[:, None, None]
    mean = saturated * np.exp(preparation * z - spread * u[:, None]) / 2.0
    sd = mean * np.sqrt(np.expm1(proportional**2) * np.exp(proportional**2))
    each = stats.norm.pdf(value, mean, sd).prod(axis=2) * stats.norm.pdf(z[..., 0])
    both = integrate.simpson(integrate.simpson(each, x=z[:, 0, 0], axis=0) * stats.norm.pdf(u), x=u)
    np.testing.assert_allclose(found, np.log(both), atol=1e-4)


def test_a_hidden_reading_of_unknown_dilution_is_summed_over_all_that_shifts_it():
    """Against a grid of deviations of the sample and of two dilutions."""
    weights, factors, spreads = np.array([0.7, 0.3]), np.array([0.1, 1.0]), np.array([0.3, 0.2])
    group = Ambiguity(np.array([0]), ("a", "b"), weights, factors, spreads)
    limit, floor, preparation, proportional = 2.4e-10, 8e-11, 0.15, 0.05
    readings = icp_blocks.Readings(
        np.array([limit]), np.array([limit]), np.ones(1), np.array([floor]), np.ones(1)
    )
    terms = icp_blocks.terms(readings, np.zeros(1, dtype=int), [group], np.zeros(1, dtype=int))
    u, z = np.linspace(-8, 8, 1601), np.linspace(-8, 8, 801)[:, None]
    for saturated in (2e-11, 3e-10, 2e-9):
        found = terms(readings.value, jnp.array([saturated]), preparation, np.array([proportional]))
        total = 0.0
        for weight, factor, spread in zip(weights, factors, spreads, strict=True):
            mean = saturated * np.exp(preparation * z - spread * u) / factor
            own = mean**2 * np.expm1(proportional**2) * np.exp(proportional**2)
            below = stats.norm.cdf((limit - mean) / np.sqrt(own + floor**2))
            over_z = integrate.simpson(below * stats.norm.pdf(z), x=z[:, 0], axis=0)
            total += weight * integrate.simpson(over_z * stats.norm.pdf(u), x=u)
        np.testing.assert_allclose(found, [np.log(total)], atol=1e-4)


def test_an_exact_dilution_is_not_spread():
    """The same as a known one."""
    group = Ambiguity(np.array([4]), ("a",), np.ones(1), np.array([0.1]), np.zeros(1))
    known = DILUTION.copy()
    known[4] = 0.1
    given = jnp.asarray(VALUE), jnp.asarray(SATURATED), 0.15, jnp.full(5, 0.03)
    found = [
        icp_blocks.terms(
            icp_blocks.Readings(VALUE, LIMIT, HIDDEN, FLOOR, dilution), SAMPLE_OF, groups, SAMPLE_OF
        )(*given)
        for dilution, groups in ((DILUTION, [group]), (known, []))
    ]
    np.testing.assert_allclose(*found, rtol=1e-10)


def test_the_blocks_of_a_built_model_hold_all_data_once():
    known = (
        hypothesis("a", 0.7, 0.1, 0.1, solvent="DCM"),
        hypothesis("b", 0.3, 1, 0.1, solvent="DCM"),
    )
    rows = (
        {"sample": "A", "value": 1e-6},
        {"sample": "A", "value": 1.1e-6, "replicate": 2},
        {"sample": "B", "value": 1.2e-6},
        {"sample": "C", "solvent": "DCM", "lod": 5e-8, "dilution": np.nan},
    )
    model = build(load_card("solubility"), [icp(*rows, hypotheses=known)])
    (observable,) = info_of(model).observables
    assert observable.blocks.labels == ("sample A", "sample B", "sample C")
    np.testing.assert_array_equal(observable.blocks.masks.sum(axis=0), 1)


def test_exchanged_data_with_unknown_points_are_left_out_of_the_density():
    """The density of a voltammogram without its second sweep, and the block's own, by both ways."""
    time, potential = triangle(41, 1)
    data = cv(time, potential, 1e-5 * np.sin(time), area_cm2=1.0)
    model = build(with_parameters(load_card("redox_couple"), {"sigma_d": 1e-5}), [data])
    info = info_of(model)
    compiled = Compiled(model, info.frames)
    (observable,) = info.observables
    x = compiled.start + 0.1
    hidden = np.where(observable.blocks.masks[1], np.nan, compiled.data[0])
    density = compiled.log_density()
    whole, without = density(x), density(x, hidden)
    block = compiled.function([observable.blocks.terms])(x)[0][1]
    assert float(whole - without) == pytest.approx(float(block), rel=1e-8)
    assert np.isfinite(jax.grad(density)(x, hidden)).all()
