"""Features of the data among those of replicates."""

import json

import numpy as np
import pytest
import xarray as xr

from perovec_bayes.diagnostics import feature_table
from perovec_bayes.diagnostics.predictive import two_sided

REPLICATES = 200


def result(height=1.0, left=0.5, replicates=REPLICATES, seed=2):
    """A voltammogram of two cycles with a peak each way, and an optical density; all noisy.

    The anodic peak of cycle 2 of the data is `height` times that of the replicates, and the data's
    optical density ends at `left` of its start, that of the replicates at 0.5.
    """
    rng = np.random.default_rng(seed)
    down = np.linspace(-0.3, -1.5, 200)
    potential = np.tile(np.concatenate([down, down[::-1]]), 2)
    cycle = np.repeat([1, 2], 400)
    time = np.arange(800.0)
    falls = np.tile(np.repeat([True, False], 200), 2)
    cathodic = -4e-5 * np.exp(-(((potential + 0.95) / 0.06) ** 2)) * falls
    anodic = 3e-5 * np.exp(-(((potential + 0.86) / 0.06) ** 2)) * ~falls
    model = cathodic + anodic
    clock = time[::8]
    fade = 0.8 * (1 - 0.5 * clock / clock[-1])

    def noisy(mean, sd, *lead):
        return mean + rng.normal(0, sd, (*lead, *mean.shape))

    data = cathodic + anodic * np.where(cycle == 2, height, 1.0)
    faded = 0.8 * (1 - (1 - left) * clock / clock[-1])
    groups = {
        "observed_data": xr.Dataset(
            {
                "cv": ("cv_point", noisy(data, 5e-7)),
                "od": (("od_time", "od_band"), noisy(faded, 0.004)[:, None]),
            }
        ),
        "constant_data": xr.Dataset(
            {
                "cv_time": ("cv_point", time),
                "cv_potential": ("cv_point", potential),
                "cv_cycle": ("cv_point", cycle),
                "od_time": ("od_time", clock),
                "od_band": ("od_band", ["edge"]),
            }
        ),
        "posterior_predictive": xr.Dataset(
            {
                "cv": (("chain", "draw", "cv_point"), noisy(model, 5e-7, 1, replicates)),
                "od": (
                    ("chain", "draw", "od_time", "od_band"),
                    noisy(fade, 0.004, 1, replicates)[..., None],
                ),
            }
        ),
    }
    tree = xr.DataTree.from_dict(groups)
    tree.attrs["observables"] = json.dumps(
        {"cv": {"technique": "cv", "unit": "A"}, "od": {"technique": "od", "unit": "1"}}
    )
    return tree


def outside(table):
    flagged = table[table["outside"]]
    return set(zip(flagged["feature"], flagged["cycle"], strict=True))


def test_data_of_the_model_are_reproduced():
    table = feature_table(result())
    assert len(table) == 2 * 7 + 2
    assert outside(table) == set()
    assert (table["replicates"] == REPLICATES).all()
    assert ((table["low"] <= table["median"]) & (table["median"] <= table["high"])).all()


def test_a_charge_that_the_model_misses_is_told():
    assert {("i_a", 2), ("Q_an", 2), ("Q_an/Q_cat", 2)} <= outside(feature_table(result(0.8)))
    assert not {cycle for _, cycle in outside(feature_table(result(0.8)))} - {2}


def test_optical_density_that_the_model_misses_is_told():
    assert outside(feature_table(result(left=0.45))) == {("OD left", 1), ("OD left", 2)}


def test_the_prior_stands_beside_the_posterior():
    tree = result()
    tree["prior_predictive"] = xr.DataTree(2 * tree["posterior_predictive"].to_dataset())
    table = feature_table(tree)
    heights = table[table["feature"] == "i_a"]
    np.testing.assert_allclose(heights["prior_median"], 2 * heights["median"], rtol=1e-12)
    assert heights["prior_outside"].all()


def test_without_replicates_there_are_the_data():
    tree = result()
    del tree["posterior_predictive"]
    table = feature_table(tree)
    assert len(table) == 16
    assert np.isfinite(table["measured"]).all()
    assert table["p"].isna().all()
    assert not table["outside"].any()


def test_replicates_that_are_not_finite_are_left_out():
    tree = result()
    tree["posterior_predictive"]["cv"][0, :50, 7] = np.nan
    table = feature_table(tree)
    assert set(table.loc[table["data"] == "cv", "replicates"]) == {REPLICATES - 50}
    assert set(table.loc[table["data"] == "od", "replicates"]) == {REPLICATES}


def test_p_is_that_of_the_rank():
    draws = np.arange(1.0, 200.0)  # 199 of them
    assert two_sided(0.0, draws) == pytest.approx(2 / 200)
    assert two_sided(1.5, draws) == pytest.approx(4 / 200)
    assert two_sided(500.0, draws) == pytest.approx(2 / 200)
    assert two_sided(100.0, draws) == 1.0
    assert two_sided(3.0, np.full(9, 3.0)) == 1.0
    assert np.isnan(two_sided(0.0, np.empty(0)))


def test_p_below_one_in_a_hundred_is_that_rare():
    """4000 values, each among 200 of the same distribution: 1.0 % with standard error 0.16 %."""
    rng = np.random.default_rng(3)
    found = [two_sided(rng.normal(), rng.normal(size=200)) < 0.01 for _ in range(4000)]
    assert 0.005 < np.mean(found) < 0.015
