"""PIT values that are uniform, and the words for those that are not."""

import json

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from perovec_bayes.diagnostics.left_out import NARROW, SHIFTED, WIDE, left_out


def tree(values, k=None):
    values = np.asarray(values, dtype=float)
    k = np.zeros_like(values) if k is None else k
    found = xr.DataTree.from_dict(
        {"leave_one_out": xr.Dataset({"cv_pit": ("n", values), "cv_pareto_k": ("n", k)})}
    )
    found.attrs["observables"] = json.dumps({"cv": {}, "icp": {}})
    return found


def judged(score):
    (found,) = left_out(tree(stats.norm.cdf(score)))
    return found


def test_about_one_in_twenty_right_models_is_outside():
    """Of 200: 10 expected, standard deviation 3."""
    rng = np.random.default_rng(1)
    found = [judged(rng.normal(size=300)) for _ in range(200)]
    assert 1 <= sum(not each.inside for each in found) <= 20
    assert {each.fault for each in found if each.inside} == {""}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda z: 1.4 * z, NARROW),
        (lambda z: 0.7 * z, WIDE),
        (lambda z: z + 0.3, SHIFTED),
    ],
)
def test_what_is_wrong_is_said(change, fault):
    found = judged(change(np.random.default_rng(2).normal(size=300)))
    assert not found.inside
    assert found.fault == fault


def test_values_that_were_not_compared_do_not_count():
    values = np.random.default_rng(3).uniform(size=100)
    values[::2] = np.nan
    k = np.where(np.isnan(values), np.nan, 0.1)
    k[1], k[3] = 0.9, np.nan
    (found,) = left_out(tree(values, k))
    assert found.values.size == 50
    assert found.unreliable == 2


def test_a_result_without_them_has_none():
    assert left_out(xr.DataTree()) == []
    assert left_out(tree([np.nan, 0.5])) == []
