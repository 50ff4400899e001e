"""Power scaling of normal models, of which the answer is known."""

import numpy as np
import pytest
import xarray as xr

from perovec_bayes.diagnostics.sensitivity import (
    CONFLICT,
    LIMIT,
    STRONG,
    TOO_FEW,
    UNRELIABLE,
    sensitivity,
)

DIMS = ("chain", "draw")
ATTRS = {"role": "primary", "unit": "1", "free": 1}


def conjugate(reading, error, draws=1000, others=0, seed=1, **attrs):
    """theta ~ N(0, 1), one reading of it; besides, `others` parameters left at their priors."""
    rng = np.random.default_rng(seed)
    variance = 1 / (1 + error**-2)
    theta = variance * reading / error**2 + np.sqrt(variance) * rng.normal(size=(4, draws))
    rest = rng.normal(size=(4, draws, others))
    prior = {"theta": (DIMS, -0.5 * theta**2)}
    data = {"y": (DIMS, -0.5 * ((reading - theta) / error) ** 2)}
    posterior = {"theta": (DIMS, theta, {**ATTRS, **attrs})}
    for i in range(others):
        posterior[f"x{i}"] = (DIMS, rest[..., i], {**ATTRS, "role": "ancillary"})
        prior[f"x{i}"] = (DIMS, -0.5 * rest[..., i] ** 2)
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(posterior),
            "log_prior": xr.Dataset(prior),
            "log_likelihood": xr.Dataset(data),
        }
    )


def row(tree):
    (found,) = sensitivity(tree).table.to_dict("records")
    return found


def test_a_quantity_that_the_data_determine_is_quiet():
    found = row(conjugate(0.3, 0.1))
    assert found["verdict"] == ""
    assert found["prior"] < 0.05 < found["likelihood"]


def test_a_conflict_is_told():
    """Prior at 0, reading at 6, both of sd 1: they pull in opposite directions, and equally."""
    found = row(conjugate(6.0, 1.0))
    assert found["verdict"] == CONFLICT
    # theta = 3 +- 0.71; its mean moves by -+ y/4 d(ln a), here in sd and for a doubling
    expected = np.log(2) * 6.0 / 4 * np.sqrt(2)
    assert found["prior_shift"] == pytest.approx(-expected, rel=0.08)
    assert found["likelihood_shift"] == pytest.approx(expected, rel=0.08)
    assert found["most_by"] == "theta"


def test_a_quantity_left_at_the_prior_is_told():
    found = row(conjugate(0.0, 20.0))
    assert found["verdict"] == STRONG
    assert found["likelihood"] < 0.01


def test_for_a_limit_there_is_no_talk_of_conflict():
    assert row(conjugate(6.0, 1.0, kind="upper_limit"))["verdict"] == LIMIT


def test_a_quantity_on_a_logarithmic_scale_is_judged_there():
    tree = conjugate(6.0, 1.0)
    linear = row(tree)
    scaled = tree["posterior"].to_dataset()
    scaled["theta"] = np.exp(scaled["theta"]).assign_attrs(**ATTRS, scale="log")
    tree["posterior"] = xr.DataTree(scaled)
    found = row(tree)
    assert found["scale"] == "log"
    assert found["verdict"] == linear["verdict"]
    for column in ("prior", "likelihood", "prior_shift"):
        assert found[column] == pytest.approx(linear[column], rel=1e-9)


def test_chance_is_not_taken_for_sensitivity():
    """With 25 other parameters and few draws the sum of log priors wanders: 20 seeds, no verdict
    other than "too few", where 0.05 alone would have flagged some."""
    found = [row(conjugate(0.05, 0.02, draws=60, others=25, seed=seed)) for seed in range(20)]
    assert {each["verdict"] for each in found} <= {"", TOO_FEW}
    assert any(each["prior"] > 0.05 for each in found)


def test_weights_of_a_gaussian_are_reliable_and_of_a_heavy_tail_are_not():
    tree = conjugate(0.3, 0.1)
    assert sensitivity(tree).reliable
    heavy = np.random.default_rng(2).standard_cauchy((4, 1000))
    tree["log_likelihood"]["y"][:] = -np.abs(heavy) * 1e3
    found = sensitivity(tree)
    assert found.pareto_k["likelihood"] > 0.7
    assert not found.reliable
    assert set(found.table["verdict"]) == {UNRELIABLE}


def test_a_flat_prior_moves_nothing():
    tree = conjugate(0.3, 0.1)
    tree["log_prior"]["theta"][:] = -1.0
    found = sensitivity(tree)
    assert found.table["prior"].tolist() == [0.0]
    assert found.pareto_k["prior"] == 0.0
    assert found.table["verdict"].tolist() == [""]


@pytest.mark.parametrize("group", ["log_prior", "log_likelihood"])
def test_without_densities_the_table_is_empty(group):
    tree = conjugate(0.3, 0.1)
    del tree[group]
    assert sensitivity(tree).table.empty
    assert "quantity" in sensitivity(tree).table


def test_resampled_quantities_are_left_out():
    """Their draws do not belong to the densities of the same place."""
    tree = conjugate(6.0, 1.0)
    group = tree["posterior"].to_dataset()
    tree["posterior"] = xr.DataTree(group.assign(theta_if=group["theta"]))
    assert sensitivity(tree).table["quantity"].tolist() == ["theta"]
