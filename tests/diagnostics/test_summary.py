from __future__ import annotations

from pathlib import Path

import arviz_stats
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from perovec_bayes.diagnostics import learning, scalars, summarise, write_csv

SAMPLE = ("chain", "draw")
DECIDED = [
    "quantity", "role", "unit", "mean", "sd", "median", "interval_low", "interval_high",
    "interval_prob", "interval_kind", "r_hat", "ess_bulk", "ess_tail", "method", "display_unit",
]  # fmt: skip


def tree(draws: np.ndarray, prior: np.ndarray | None = None, **attrs: object) -> xr.DataTree:
    dims = SAMPLE if draws.ndim == 2 else (*SAMPLE, "solvent")
    coords = {} if draws.ndim == 2 else {"solvent": ["PC", "DCM"]}
    groups = {"posterior": xr.Dataset({"q": (dims, draws, attrs)}, coords)}
    if prior is not None:
        groups["prior"] = xr.Dataset({"q": (dims, prior, attrs)}, coords)
    return xr.DataTree.from_dict(groups)


@pytest.fixture
def draws() -> np.ndarray:
    return np.random.default_rng(11).gamma(3.0, size=(4, 400))


def test_values_are_those_of_numpy_and_arviz(draws: np.ndarray) -> None:
    table = summarise(tree(draws, role="primary", unit="V"), prob=0.9)
    assert list(table.columns) == DECIDED
    row = table.iloc[0]
    assert (row["quantity"], row["role"], row["unit"]) == ("q", "primary", "V")
    assert row["mean"] == pytest.approx(draws.mean())
    assert row["sd"] == pytest.approx(draws.std(ddof=1))
    assert row["median"] == pytest.approx(np.median(draws))
    low, high = np.quantile(draws, [0.05, 0.95])
    assert (row["interval_low"], row["interval_high"]) == pytest.approx((low, high))
    assert (row["interval_prob"], row["interval_kind"]) == (0.9, "eti")
    array = xr.DataArray(draws, dims=SAMPLE)
    assert row["r_hat"] == pytest.approx(float(arviz_stats.rhat(array)))
    assert row["ess_bulk"] == pytest.approx(float(arviz_stats.ess(array, method="bulk")))
    tail = float(arviz_stats.ess(array, method="tail", prob=(0.05, 0.95)))
    assert row["ess_tail"] == pytest.approx(tail)


def test_effective_size_does_not_depend_on_the_scale(draws: np.ndarray) -> None:
    # A power of two: other factors round, which breaks the ties of R-hat differently.
    table = summarise(tree(draws)), summarise(tree(draws * 2.0**-123))
    for column in ("r_hat", "ess_bulk", "ess_tail"):
        assert table[0][column][0] == pytest.approx(table[1][column][0])


def test_highest_density_interval_is_the_shorter_one(draws: np.ndarray) -> None:
    eti, hdi = (summarise(tree(draws), kind=kind).iloc[0] for kind in ("eti", "hdi"))
    assert hdi["interval_kind"] == "hdi"
    width = [row["interval_high"] - row["interval_low"] for row in (eti, hdi)]
    assert width[1] < width[0]


@pytest.mark.parametrize(
    ("attrs", "low"),
    [
        ({"support": "positive"}, 0.0),
        ({"scale": "log"}, 0.0),
        ({"support": "real"}, -np.inf),
        ({}, np.nan),
    ],
)
def test_upper_limit_is_one_sided(draws: np.ndarray, attrs: dict[str, str], low: float) -> None:
    row = summarise(tree(draws, kind="upper_limit", **attrs), prob=0.95).iloc[0]
    assert row["interval_kind"] == "upper"
    assert row["interval_high"] == pytest.approx(np.quantile(draws, 0.95))
    assert row["interval_low"] == pytest.approx(low, nan_ok=True)


def test_a_draw_that_is_not_finite_leaves_median_and_interval(draws: np.ndarray) -> None:
    before = summarise(tree(draws)).iloc[0]
    draws[0, 0] = -np.inf
    row = summarise(tree(draws)).iloc[0]
    assert np.isnan(row["sd"])
    assert row["mean"] == -np.inf
    for column in ("median", "interval_low", "interval_high"):
        assert row[column] == pytest.approx(before[column], abs=0.02)
    draws[0, 1] = np.inf
    assert np.isnan(summarise(tree(draws)).iloc[0]["mean"])


def test_upper_limit_of_a_logarithm_has_no_lower_end(draws: np.ndarray) -> None:
    data = tree(draws, kind="upper_limit")
    data["posterior"] = xr.DataTree(data["posterior"].to_dataset().rename(q="log10_K_sp"))
    assert summarise(data).iloc[0]["interval_low"] == -np.inf


def test_lower_limit_is_one_sided(draws: np.ndarray) -> None:
    row = summarise(tree(draws, kind="lower_limit"), prob=0.95).iloc[0]
    assert row["interval_kind"] == "lower"
    assert row["interval_low"] == pytest.approx(np.quantile(draws, 0.05))
    assert row["interval_high"] == np.inf


def test_single_elements_can_be_limits() -> None:
    draws = np.random.default_rng(1).normal(size=(4, 100, 2))
    table = summarise(tree(draws, upper_limit_mask="[false, true]", support="real"))
    assert list(table["quantity"]) == ["q[PC]", "q[DCM]"]
    assert list(table["interval_kind"]) == ["eti", "upper"]


def test_limits_can_be_named_for_each_element() -> None:
    draws = np.random.default_rng(1).normal(size=(4, 100, 2))
    table = summarise(tree(draws, limits='["lower", ""]'))
    assert list(table["interval_kind"]) == ["lower", "eti"]


def test_mask_of_the_wrong_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="1 of 2"):
        summarise(tree(np.ones((4, 100, 2)), upper_limit_mask="[true]"))


def test_names_carry_all_coordinates_and_primary_comes_first() -> None:
    values = np.zeros((2, 5, 1, 2))
    dims = (*SAMPLE, "solute", "solvent")
    group = xr.Dataset(
        {
            "b": (SAMPLE, values[..., 0, 0]),
            "s": (dims, values, {"role": "primary"}),
            "w": ((*SAMPLE, "nm"), values[..., 0, :1], {"role": "derived"}),
        },
        {"solute": ["CsPbBr3"], "solvent": ["DCM", "PC"], "nm": [550.0]},
    )
    names = [scalar.name for scalar in scalars(group)]
    assert names == ["s[CsPbBr3, DCM]", "s[CsPbBr3, PC]", "w[550]", "b"]


def test_elements_hold_their_own_draws() -> None:
    values = np.arange(2 * 3 * 2 * 2, dtype=float).reshape(2, 2, 3, 2)
    group = xr.Dataset({"s": (("a", "chain", "draw", "b"), values)})
    for scalar in scalars(group):
        a, b = scalar.index
        np.testing.assert_array_equal(scalar.draws, values[a, :, :, b])


@pytest.mark.parametrize("arguments", [{"prob": 0.0}, {"prob": 95}, {"kind": "sd"}])
def test_wrong_arguments_are_refused(draws: np.ndarray, arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        summarise(tree(draws), **arguments)  # type: ignore[arg-type]


def test_csv_comes_back_and_leaves_nothing_behind(draws: np.ndarray, tmp_path: Path) -> None:
    table = summarise(tree(draws, kind="upper_limit", support="real"))
    path = write_csv(table, tmp_path / "summary.csv")
    pd.testing.assert_frame_equal(
        pd.read_csv(path, dtype={"unit": str, "display_unit": str}), table, check_exact=False
    )
    assert [entry.name for entry in tmp_path.iterdir()] == ["summary.csv"]


def test_csv_that_cannot_be_written_leaves_nothing_behind(
    draws: np.ndarray, tmp_path: Path
) -> None:
    (tmp_path / "summary.csv").mkdir()
    with pytest.raises(OSError, match=r"summary\.csv"):
        write_csv(summarise(tree(draws)), tmp_path / "summary.csv")
    assert [entry.name for entry in tmp_path.iterdir()] == ["summary.csv"]


@pytest.mark.parametrize(
    ("width", "shift", "verdict"),
    [
        (0.1, 0.0, "learned"),
        (0.7, 0.0, "partly"),
        (1.0, 0.0, "not learned from these data"),
        (1.0, 2.0, "partly"),
    ],
)
def test_learning_verdicts(width: float, shift: float, verdict: str) -> None:
    rng = np.random.default_rng(2)
    prior, posterior = rng.normal(size=(1, 4000)), rng.normal(shift, width, size=(4, 1000))
    row = learning(tree(posterior, prior)).iloc[0]
    assert row["verdict"] == verdict
    assert row["sd_ratio"] == pytest.approx(posterior.std(ddof=1) / prior.std(ddof=1))
    assert row["scale"] == "linear"


def test_wide_positive_quantities_are_judged_on_the_log_scale() -> None:
    rng = np.random.default_rng(2)
    prior, posterior = 10 ** rng.normal(size=(1, 4000)), 10 ** rng.normal(0, 0.2, size=(4, 1000))
    row = learning(tree(posterior, prior, scale="log")).iloc[0]
    ratio = np.log10(posterior).std(ddof=1) / np.log10(prior).std(ddof=1)
    assert row["sd_ratio"] == pytest.approx(ratio)


def test_learning_says_when_it_cannot_tell() -> None:
    prior, posterior = np.linspace(-1, 1, 100).reshape(1, 100), np.full((2, 50), -1.0)
    assert learning(tree(posterior, prior, scale="log")).iloc[0]["verdict"] == "cannot tell"


def test_learning_without_prior_draws_is_empty(draws: np.ndarray) -> None:
    assert learning(tree(draws)).empty
