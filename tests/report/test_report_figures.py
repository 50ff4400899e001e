from __future__ import annotations

import json
import re
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr

from perovec_bayes.diagnostics.observables import observables
from perovec_bayes.report.figures import Figures, draw_all
from perovec_bayes.report.figures.cv import autocorrelation, is_held, sweeps
from perovec_bayes.report.figures.parameters import density
from perovec_bayes.report.results import display_unit


def drawings(figures: Figures) -> list[str]:
    extra = [d for d in (figures.prior_posterior, figures.ranks) if d is not None]
    return [drawing.svg for drawing in (*figures.fits, *extra)]


@pytest.fixture(scope="module")
def figures(tree: xr.DataTree) -> Figures:
    return draw_all(tree)


def test_one_figure_for_each_observable_and_two_for_parameters(figures: Figures) -> None:
    assert [d.title for d in figures.fits] == [
        "Voltammogram cv1: data and fit",
        "Optical density od1: data and fit",
        "Rate of the optical density od1 over potential",
        "Optical density od1 against charge",
        "Solubility ladder icp1: data and fit",
    ]
    assert figures.prior_posterior is not None
    assert figures.ranks is not None


def test_ids_are_unique_and_references_meet_them(figures: Figures) -> None:
    page = "".join(drawings(figures))
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    used = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', page)
    assert {a or b for a, b in used} <= set(ids)
    assert used


def test_drawing_twice_gives_the_same_text(tree: xr.DataTree, figures: Figures) -> None:
    assert drawings(draw_all(tree)) == drawings(figures)


def test_users_settings_neither_matter_nor_change(tree: xr.DataTree, figures: Figures) -> None:
    with mpl.rc_context({"axes.facecolor": "red", "svg.fonttype": "none"}):
        before = dict(mpl.rcParams)
        assert drawings(draw_all(tree)) == drawings(figures)
        assert dict(mpl.rcParams) == before


def test_svg_has_title_and_description_and_loads_nothing(figures: Figures) -> None:
    for svg in drawings(figures):
        assert re.match(r'<svg viewBox="[^"]+" role="img" aria-labelledby="(fig\d)-t \1-d">', svg)
        assert "<title" in svg
        assert "<desc" in svg
        assert "http" not in svg
        assert "<!--" not in svg
        assert "<metadata" not in svg


@pytest.mark.parametrize(
    "changes",
    [
        {"cycles": 1},
        {"cycles": 9},
        {"censored": (True, True, True, True)},
        {"censored": (False, False, False, False)},
        {"sample": "$x_{ $ \u9225\u9271 --> <b>"},
    ],
)
def test_edge_cases_are_drawn(
    make_tree: Callable[..., xr.DataTree], changes: dict[str, object]
) -> None:
    assert len(draw_all(make_tree(**changes)).fits) == 5


def test_result_without_prior_and_predictive_draws_is_drawn(
    make_tree: Callable[..., xr.DataTree],
) -> None:
    tree = make_tree()
    for group in ("prior", "posterior_predictive"):
        del tree[group]
    assert len(draw_all(tree).fits) == 5


def test_missing_detection_limit_is_said_not_invented(
    make_tree: Callable[..., xr.DataTree],
) -> None:
    tree = make_tree()
    tree["constant_data"]["icp1_lod"][:] = np.nan
    assert len(draw_all(tree).fits) == 5


def test_nothing_primary_gives_no_small_multiples(make_tree: Callable[..., xr.DataTree]) -> None:
    tree = make_tree()
    for name in tree["posterior"].data_vars:
        tree["posterior"][name].attrs["role"] = "ancillary"
    figures = draw_all(tree)
    assert figures.prior_posterior is None
    assert figures.ranks is None


def test_spectra_are_drawn_at_a_few_wavelengths() -> None:
    rng = np.random.default_rng(0)
    dims, shape = ("od_time", "od_wavelength"), (50, 30)
    coords = {"od_time": np.arange(50.0), "od_wavelength": np.linspace(450, 650, 30)}
    data = xr.Dataset({"od": (dims, rng.normal(size=shape))}, coords)
    draws = xr.Dataset({"od": (("chain", "draw", *dims), rng.normal(size=(1, 20, *shape)))}, coords)
    tree = xr.DataTree.from_dict({"observed_data": data, "posterior_predictive": draws})
    tree.attrs["observables"] = json.dumps({"od": {"technique": "od", "unit": "1"}})
    assert len(draw_all(tree).fits) == 1


def test_current_is_shown_in_a_unit_of_its_size(tree: xr.DataTree) -> None:
    cv = observables(tree)[0]
    assert display_unit(cv) == ("uA", pytest.approx(1e6))


def test_constants_of_one_observable_are_not_those_of_another() -> None:
    names = ("cv", "cv_2")
    data = xr.Dataset({name: (f"{name}_point", np.zeros(2)) for name in names})
    constant = xr.Dataset({f"{name}_time": (f"{name}_point", [0.0, 1.0]) for name in names})
    tree = xr.DataTree.from_dict({"observed_data": data, "constant_data": constant})
    tree.attrs["observables"] = json.dumps({name: {} for name in names})
    assert [set(found.constants) for found in observables(tree)] == [{"time"}, {"time"}]


def test_autocorrelation_of_a_known_series() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=20_000)
    series = np.zeros_like(noise)
    for i in range(1, noise.size):
        series[i] = 0.8 * series[i - 1] + noise[i]
    np.testing.assert_allclose(autocorrelation(series, 4), 0.8 ** np.arange(5), atol=0.03)
    np.testing.assert_array_equal(autocorrelation(np.ones(3), 9), [1, 0, 0])


def test_noise_of_the_potential_makes_no_sweeps() -> None:
    triangle = np.concatenate([np.linspace(-0.2, -2, 300), np.linspace(-2, -0.2, 300)])
    noisy = triangle + np.random.default_rng(0).normal(0, 0.004, 600)
    found = list(sweeps(noisy))
    assert len(found) == 2
    assert found[0][-1] == found[1][0] == pytest.approx(300, abs=3)
    assert (found[0][0], found[1][-1]) == (0, 599)


def test_potential_that_stays_is_one_sweep() -> None:
    assert [len(sweep) for sweep in sweeps(np.zeros(5))] == [5]


@pytest.mark.parametrize("levels", [[-0.4], [-0.4, -1.2], [-0.4, -1.2, -0.3, -1.3]])
def test_a_held_potential_is_told_from_a_sweep(levels: list[float]) -> None:
    noise = np.random.default_rng(0).normal(0, 1e-3, 300)
    assert is_held(np.repeat(levels, 300 // len(levels)) + noise)
    there = np.linspace(-0.2, -2.0, 300)
    assert not is_held(np.concatenate([there, there[::-1], there]))
    assert not is_held(np.concatenate([np.full(200, -0.2), there]))  # held before the sweep


def test_a_transient_is_drawn_against_time(make_tree: Callable[..., xr.DataTree]) -> None:
    tree = make_tree()
    data = tree["constant_data"].to_dataset()
    level = np.where(np.arange(data["cv1_potential"].size) < 9, -0.4, -1.2)
    tree["constant_data"] = xr.DataTree(
        data.assign(cv1_potential=(data["cv1_potential"].dims, level))
    )
    assert draw_all(tree).fits[0].title == "Transient cv1: data and fit"


def test_long_records_are_thinned_and_say_so(
    make_tree: Callable[..., xr.DataTree], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perovec_bayes.report.figures.bands.MAX_POINTS", 100)
    cv, od, *_ = draw_all(make_tree()).fits
    assert "One of 4 points is drawn" in cv.caption
    assert "drawn" not in od.caption
    assert "of 360 points" in cv.caption


def test_no_density_is_mirrored_where_the_axis_reaches_below_zero() -> None:
    draws = np.random.default_rng(3).normal(0.8, 0.05, 2000)
    grid = np.linspace(-1.5, 1.5, 301)
    curve = density(draws, grid, log_axis=False)
    assert curve[grid < 0.3].max() < 1e-6
    assert grid[curve.argmax()] == pytest.approx(0.8, abs=0.05)


def test_a_density_that_ends_at_zero_does_not_fall_there() -> None:
    draws = np.abs(np.random.default_rng(3).normal(0.0, 1.0, 4000))
    curve = density(draws, np.linspace(0.0, 3.0, 100), log_axis=False)
    assert curve[0] > 0.9
