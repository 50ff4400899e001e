from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from perovec_bayes.diagnostics.intervals import CENTRAL
from perovec_bayes.diagnostics.left_out import left_out
from perovec_bayes.report import facts
from perovec_bayes.report.checks import Checks, checks
from perovec_bayes.report.figures import Drawing, Figures
from perovec_bayes.report.figures.pit import draw_pit
from perovec_bayes.report.figures.style import drawing_style
from perovec_bayes.report.html import render

Make = Callable[..., xr.DataTree]


@pytest.fixture
def full(make_tree: Make) -> xr.DataTree:
    """A result with 240 replicates in which the data's anodic current is a fifth too low, with
    values left out (those of `od1` too close to their predictions), and with densities."""
    tree = make_tree()
    rng = np.random.default_rng(11)
    curves = tree["posterior_predictive"].to_dataset()
    both = xr.concat([curves, curves.assign(cv1=curves["cv1_mean"])], dim="draw")
    both["cv1"] = both["cv1_mean"] + rng.normal(0, 1e-7, both["cv1"].shape)
    both["od1"] = both["od1_mean"] + rng.normal(0, 0.004, both["od1"].shape)
    tree["posterior_predictive"] = xr.DataTree(both)
    current = tree["observed_data"]["cv1"]
    current[:] = np.where(current > 0, 0.8 * current, current)
    uniform = rng.uniform(size=300)
    k = np.where(np.arange(300) < 2, 0.9, 0.1)
    tree["leave_one_out"] = xr.DataTree(
        xr.Dataset(
            {
                "cv1_pit": ("a", uniform),
                "cv1_pareto_k": ("a", k),
                "od1_pit": ("a", 0.5 + 0.3 * (uniform - 0.5)),
                "od1_pareto_k": ("a", 0 * k),
            }
        )
    )
    posterior = tree["posterior"].to_dataset()
    alpha = posterior["alpha"]
    tree["log_prior"] = xr.DataTree(
        xr.Dataset({"alpha": -0.5 * ((alpha.drop_attrs() - 0.5) / 0.1) ** 2})
    )
    E = posterior["E_dec"].drop_attrs()
    tree["log_likelihood"] = xr.DataTree(xr.Dataset({"cv1": -0.5 * ((E + 1.7) / 0.004) ** 2}))
    return tree


@pytest.fixture
def found(full: xr.DataTree) -> Checks:
    return checks(full, CENTRAL)


def test_a_feature_that_is_missed_is_said(found: Checks) -> None:
    said = [s for s in found.feature_words if "anodic charge of cv1, cycle 2" in s]
    (row,) = [r for r in found.features if (r.name, r.where) == ("anodic charge", "cycle 2")]
    assert said == [
        f"The model does not reproduce the anodic charge of cv1, cycle 2: measured "
        f"{row.measured} µC, model {row.interval} µC (central 95 % of replicates)."
    ]
    assert row.outside
    assert row.p == "≤ 0.008"
    assert not any("cathodic charge" in sentence for sentence in found.feature_words)
    outside = sum(each.outside for each in found.features)
    assert found.feature_note.startswith(f"{outside} of {len(found.features)} features")


def test_too_few_replicates_are_said(make_tree: Make) -> None:
    found = checks(make_tree(), CENTRAL)
    assert found.feature_note.startswith("There are 120 replicates; at least 199 are needed")
    assert found.feature_words == ()


def test_values_left_out_are_judged_in_words(found: Checks) -> None:
    cv, od, icp = found.pit_words
    assert cv.startswith("cv1: inside the band")
    assert "For 2 of 300 values the importance weights are not reliable" in cv
    assert od.startswith("od1: outside the band. More values than expected lie close")
    assert icp == "icp1: 4 values are too few to judge."


def test_what_rests_on_the_prior_is_said(found: Checks) -> None:
    (said,) = found.sensitivity_words
    assert said == (
        "The data say little against a prior on which these rest: alpha (the prior of alpha). "
        "Quote them with it."
    )
    rows = {row.name: row for row in found.sensitivity}
    assert rows["alpha"].most_by == "alpha"
    assert rows["E_dec"].verdict == ""
    assert "sigma_i" not in rows


def test_weights_that_fail_are_said(full: xr.DataTree) -> None:
    density = full["log_likelihood"]["cv1"]
    heavy = np.random.default_rng(5).standard_cauchy(density.shape)
    density[:] = -1e3 * np.abs(heavy)
    (said,) = checks(full, CENTRAL).sensitivity_words
    assert said.startswith("The importance weights of the likelihood fail (Pareto k ")


@pytest.fixture
def pit(full: xr.DataTree) -> Drawing:
    with drawing_style():
        drawing = draw_pit(left_out(full), "fig9")
    assert drawing is not None
    return drawing


def test_the_page_has_all_of_it(
    full: xr.DataTree, found: Checks, pit: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "draw_all", lambda tree, prob: Figures((), None, None, pit))
    page = render(full)
    for words in (*found.feature_words, *found.pit_words, *found.sensitivity_words):
        assert words in page
    assert pit.title in page


def test_a_result_without_densities_says_so(
    make_tree: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "draw_all", lambda tree, prob: Figures((), None, None))
    page = render(make_tree())
    assert "does not hold these comparisons" in page
    assert "does not hold the prior density" in page


def test_one_panel_for_each_observable(full: xr.DataTree, pit: Drawing) -> None:
    assert [each.name for each in left_out(full)] == ["cv1", "od1"]
    assert len(set(re.findall(r'id="fig9-(axes_\d+)"', pit.svg))) == 2


def test_nothing_left_out_is_no_figure() -> None:
    assert draw_pit([], "fig9") is None
