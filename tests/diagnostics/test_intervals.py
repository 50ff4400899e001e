from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from perovec_bayes.diagnostics.intervals import CENTRAL, Interval


def test_ends_of_both_kinds_are_those_of_the_distribution() -> None:
    scale = np.array([1.0, 10.0])
    draws = np.random.default_rng(1).exponential(1.0, (200_000, 2)) * scale
    low, high = Interval(0.9).ends(draws)
    np.testing.assert_allclose(low, stats.expon.ppf(0.05) * scale, rtol=0.05)
    np.testing.assert_allclose(high, stats.expon.ppf(0.95) * scale, rtol=0.02)
    low, high = Interval(0.9, "hdi").ends(draws)  # densest at zero
    np.testing.assert_allclose(low / scale, 0.0, atol=0.01)
    np.testing.assert_allclose(high, stats.expon.ppf(0.9) * scale, rtol=0.03)


def test_a_quantity_that_is_not_finite_has_no_narrowest_interval() -> None:
    draws = np.stack([np.linspace(0, 1, 100)] * 2, axis=1)
    draws[3, 1] = np.inf
    low, high = Interval(kind="hdi").ends(draws)
    assert np.isfinite([low[0], high[0]]).all()
    assert np.isnan([low[1], high[1]]).all()


@pytest.mark.parametrize("infinite", [10, 25, 200])  # the end lies beside the 25th draw
def test_an_end_among_infinite_draws_is_infinite(infinite: int) -> None:
    draws = np.linspace(0.0, 1.0, 1000)
    draws[:infinite] = -np.inf
    low, high = Interval().ends(draws)
    assert low == (pytest.approx(0.025) if infinite < 25 else -np.inf)
    assert high == pytest.approx(0.975)
    assert Interval().ends(-draws) == (pytest.approx(-high), -low)
    assert Interval().limit(draws, "lower") == (pytest.approx(0.05) if infinite < 50 else -np.inf)
    assert Interval(0.5).limit(np.array([-np.inf, 2.0]), "upper") == 2.0


def test_limits_are_one_sided_quantiles() -> None:
    draws = np.linspace(0, 1, 1001)
    assert CENTRAL.limit(draws, "upper") == pytest.approx(0.95)
    assert CENTRAL.limit(draws, "lower") == pytest.approx(0.05)


def test_a_result_says_what_its_study_asked_for() -> None:
    study = json.dumps({"interval_prob": 0.89, "interval_kind": "hdi"})
    asked = Interval.asked(xr.DataTree(xr.Dataset(attrs={"study": study})))
    assert asked == Interval(0.89, "hdi")
    assert asked.words == "narrowest 89 %"
    assert Interval.asked(xr.DataTree()) == CENTRAL
    assert CENTRAL.words == "central 95 %"


@pytest.mark.parametrize(("prob", "kind"), [(1.0, "eti"), (0.0, "eti"), (0.9, "hpd")])
def test_what_is_no_interval_is_refused(prob: float, kind: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        Interval(prob, kind)
