"""Blocks left out of a conjugate model, against their exact densities."""

import json

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from perovec_bayes.diagnostics import GateResult
from perovec_bayes.diagnostics.comparison import Candidate, compare, leave_out

SIZES = (12, 8, 20, 15, 9)
BLOCK = np.repeat(np.arange(5), SIZES)
NOISE, PRIOR_SD = 0.5, 3.0


def line(degree, draws=4000, seed=1):
    """y = polynomial + noise: draws of the posterior, block terms, exact block densities."""
    rng = np.random.default_rng(0)
    x = np.linspace(-1.0, 1.0, len(BLOCK))
    y = 0.4 + 0.8 * x + NOISE * rng.standard_normal(len(x))
    design = np.vander(x, degree + 1)
    precision = design.T @ design / NOISE**2 + np.eye(degree + 1) / PRIOR_SD**2
    covariance = np.linalg.inv(precision)
    mean = covariance @ design.T @ y / NOISE**2
    theta = np.random.default_rng(seed).multivariate_normal(mean, covariance, (4, draws // 4))
    pointwise = stats.norm.logpdf(y, theta @ design.T, NOISE)
    terms = np.stack([pointwise[..., b == BLOCK].sum(axis=-1) for b in range(5)], axis=-1)
    marginal = NOISE**2 * np.eye(len(y)) + PRIOR_SD**2 * design @ design.T

    def density(kept):
        return stats.multivariate_normal(np.zeros(kept.sum()), marginal[np.ix_(kept, kept)]).logpdf(
            y[kept]
        )

    exact = [density(BLOCK > -1) - density(b != BLOCK) for b in range(5)]
    return result(terms), np.array(exact)


def result(terms, gate=None):
    labels = [f"cv: cycle {n + 1}" for n in range(terms.shape[2])]
    group = xr.Dataset(
        {
            "part": (("chain", "draw", "part_label"), terms),
            "dataset": (("chain", "draw", "dataset_label"), terms.sum(axis=2, keepdims=True)),
            "part_size": ("part_label", list(SIZES[: terms.shape[2]])),
            "dataset_size": ("dataset_label", [sum(SIZES)]),
        },
        coords={"part_label": labels, "dataset_label": ["cv"]},
    )
    tree = xr.DataTree.from_dict({"block_log_likelihood": group})
    if gate:
        tree.attrs["gate"] = gate
    return tree


@pytest.mark.parametrize("degree", [0, 1, 3])
def test_leaving_out_blocks_of_a_conjugate_model(degree):
    tree, exact = line(degree)
    found = leave_out(tree, "line")
    good = found.pareto_k <= found.good_k
    assert good.sum() >= 2
    np.testing.assert_allclose(found.elpd[good], exact[good], atol=0.1)
    assert found.blocks[1] == "cv: cycle 2"
    assert found.sizes.tolist() == list(SIZES)


def test_the_better_of_two_lines_is_found_with_its_exact_lead():
    (flat, flat_exact), (sloped, sloped_exact) = line(0), line(1)
    found = compare([leave_out(flat, "flat"), leave_out(sloped, "sloped")])
    assert [each.name for each in found.candidates] == ["sloped", "flat"]
    lead = found.difference(1)
    assert lead.elpd == pytest.approx(sloped_exact.sum() - flat_exact.sum(), abs=0.3)
    assert lead.se == pytest.approx(np.sqrt(5) * (sloped_exact - flat_exact).std(ddof=1), rel=0.05)


def candidate(name, elpd, k=0.2, **more):
    elpd = np.asarray(elpd, dtype=float)
    labels = tuple(f"cv: cycle {n + 1}" for n in range(len(elpd)))
    k = np.broadcast_to(k, elpd.shape).astype(float)
    return Candidate(name, labels, np.full(len(elpd), 100), elpd, k, 0.7, **more)


def test_weights_are_those_of_stacking():
    """Two models, the weight by a search over a grid; huge common densities do no harm."""
    rng = np.random.default_rng(3)
    common = 1e4 + rng.standard_normal(12)
    a, b = rng.standard_normal((2, 12))
    found = compare([candidate("a", common + a), candidate("b", common + b)])
    grid = np.linspace(0, 1, 20_001)[:, None]
    score = np.log(grid * np.exp(a) + (1 - grid) * np.exp(b)).sum(axis=1)
    weight = float(grid[score.argmax(), 0])
    assert 0.05 < weight < 0.95
    at = [each.name for each in found.candidates].index("a")
    assert found.weights[at] == pytest.approx(weight, abs=2e-3)
    assert found.weights.sum() == pytest.approx(1.0)


def test_a_clear_lead_is_called_one():
    rng = np.random.default_rng(5)
    b = rng.standard_normal(12)
    found = compare([candidate("b", b), candidate("a", b + 5 + 0.5 * rng.standard_normal(12))])
    assert found.reliable
    assert found.difference(1).clear
    assert found.verdict[0].startswith("'a' predicts better than 'b': ")
    assert "ahead in 12 of 12 blocks" in found.verdict[0]
    assert not any("hardly known" in sentence for sentence in found.verdict)


@pytest.mark.parametrize(
    "leads",
    [[2.0, 1.0, 0.5], [20.0, -1.0, 1.0], [30.0, 2.0, 4.0], [50.0]],
    ids=["small", "one block", "three blocks of unlike size", "a single block"],
)
def test_what_is_not_clear_is_not_called_so(leads):
    found = compare([candidate("a", leads), candidate("b", np.zeros(len(leads)))])
    assert not found.difference(1).clear
    assert found.verdict[0].startswith("These data do not tell 'a' and 'b' apart")
    assert f"from {len(leads)} block" in found.verdict[1]


def test_large_k_takes_the_verdict_back_until_the_block_is_refitted():
    bad = candidate("a", [9.0, 9.5, 10.0, 9.2], [0.2, 0.9, 0.1, 0.3])
    rival = candidate("b", [1.0, 1.1, 0.9, 1.0])
    found = compare([bad, rival])
    assert found.verdict[0].startswith("NO VERDICT")
    (warning,) = found.warnings
    assert warning.startswith("'a': leaving out cv: cycle 2 changes the posterior too much for")
    assert "k = 0.90" in warning
    mended = compare([bad.exactly(1, 9.1), rival])
    assert mended.reliable
    assert mended.difference(1).elpd == pytest.approx(9.0 + 9.1 + 10.0 + 9.2 - 4.0)
    table = mended.table()
    assert table["method"].tolist() == ["", "psis", "refit", "psis", "psis", "", *["psis"] * 4]
    assert table[table["block"] == "all"]["weight"].tolist() == pytest.approx([1.0, 0.0], abs=1e-3)
    failed = compare([bad.exactly(1, 9.1, "the fit without cycle 2 has R-hat 1.2"), rival])
    assert failed.warnings == ("the fit without cycle 2 has R-hat 1.2",)


def test_an_elpd_that_is_not_a_number_is_not_reliable():
    assert candidate("a", [1.0, np.nan], np.nan).unreliable.tolist() == [False, True]


def test_a_failed_gate_takes_the_verdict_back():
    gate = GateResult(False, ("3 divergent draws.",), ())
    terms = line(1)[0]["block_log_likelihood"]["part"].to_numpy()
    poor = leave_out(result(terms, gate.to_json()), "poor")
    assert poor.faults == ("'poor' failed its diagnostics gate: 3 divergent draws.",)
    found = compare([poor, leave_out(result(terms - 10.0), "good")])
    assert not found.reliable
    assert json.loads(found.table().to_json(orient="records"))[0]["reliable"] is False
