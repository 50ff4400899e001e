from __future__ import annotations

import json

import arviz_stats
import numpy as np
import pytest
import xarray as xr

from perovec_bayes.diagnostics import GateResult, check

SAMPLE = ("chain", "draw")


def result(draws: np.ndarray | None = None, **changes: np.ndarray) -> xr.DataTree:
    """Make a healthy result with parameter `x`, with what is given put in its place."""
    rng = np.random.default_rng(3)
    good = rng.normal(size=(4, 500))
    x = good if draws is None else draws
    chains, length = x.shape
    stats = {
        "diverging": np.zeros((chains, length), dtype=bool),
        "energy": np.random.default_rng(4).normal(size=(chains, length)),
        **changes,
    }
    posterior = xr.Dataset(
        {"x": (SAMPLE, x, {"free": 1}), "n": (SAMPLE, np.full(x.shape, 2.0), {"free": 0})}
    )
    groups = {
        "posterior": posterior,
        "sample_stats": xr.Dataset({k: (SAMPLE, v) for k, v in stats.items()}),
    }
    return xr.DataTree.from_dict(groups)


def normal(chains: int = 4, draws: int = 500) -> np.ndarray:
    return np.random.default_rng(5).normal(size=(chains, draws))


def failed(gate: GateResult) -> set[str]:
    return {worst.diagnostic for worst in gate.worst if not worst.passed}


def test_healthy_draws_pass() -> None:
    gate = check(result())
    assert gate.passed
    assert gate.failures == ()
    assert failed(gate) == set()


def test_shifted_chain_fails_on_r_hat_with_its_number() -> None:
    draws = normal(draws=2000)
    draws[0] += 0.5
    gate = check(result(draws))
    assert not gate.passed
    assert "R-hat" in failed(gate)
    number = float(arviz_stats.rhat(draws))
    assert any(f"R-hat is {number:.3f} for x" in sentence for sentence in gate.failures)


def test_chain_of_another_width_fails_on_r_hat() -> None:
    draws = normal(draws=2000)
    draws[0] *= 3
    assert "R-hat" in failed(check(result(draws)))


def test_few_draws_fail_on_effective_size_alone() -> None:
    gate = check(result(normal(draws=90)))
    assert {"bulk ESS", "tail ESS"} <= failed(gate)


def test_sticky_tail_fails_on_tail_alone() -> None:
    draws = normal(draws=1000)
    draws[:, :60] = -4 - 1e-3 * np.abs(draws[:, :60])
    gate = check(result(draws))
    assert "tail ESS" in failed(gate)


def test_one_chain_fails() -> None:
    gate = check(result(normal(chains=1, draws=2000)))
    assert "chains" in failed(gate)
    assert "1 chain" in gate.failures[0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_draw_that_is_not_finite_fails(bad: float) -> None:
    draws = normal()
    draws[1, 7] = bad
    gate = check(result(draws))
    assert {"non-finite draws", "R-hat", "bulk ESS", "tail ESS"} <= failed(gate)
    assert "1 draws of x" in gate.failures[0]


def test_sampled_parameter_that_never_moves_fails() -> None:
    assert "R-hat" in failed(check(result(np.ones((4, 500)))))


def test_one_stuck_chain_fails() -> None:
    draws = normal()
    draws[2] = 0.3
    assert "R-hat" in failed(check(result(draws)))


def test_divergences_fail_and_are_counted() -> None:
    diverging = np.zeros((4, 500), dtype=bool)
    diverging[0, :3] = True
    gate = check(result(diverging=diverging))
    assert failed(gate) == {"divergences"}
    assert gate.failures[0].startswith("3 of 2000 draws are divergent")


def test_low_energy_information_fails_for_the_chain_that_has_it() -> None:
    energy = np.random.default_rng(4).normal(size=(4, 500))
    energy[2] = np.cumsum(energy[2])
    gate = check(result(energy=energy))
    assert failed(gate) == {"E-BFMI"}
    assert "chain 2" in gate.failures[0]


def test_constant_energy_fails() -> None:
    assert failed(check(result(energy=np.ones((4, 500))))) == {"E-BFMI"}


@pytest.mark.parametrize("group", ["diverging", "energy"])
def test_statistics_that_are_not_there_fail(group: str) -> None:
    tree = result()
    tree["sample_stats"] = xr.DataTree(tree["sample_stats"].to_dataset().drop_vars(group))
    assert not check(tree).passed


def test_a_result_without_groups_fails() -> None:
    gate = check(xr.DataTree())
    assert {"chains", "non-finite draws", "divergences", "E-BFMI"} <= failed(gate)


def test_every_element_of_a_vector_is_checked() -> None:
    draws = np.random.default_rng(5).normal(size=(4, 1000, 3))
    draws[0, :, 2] += 1
    tree = result()
    vector = xr.Dataset({"s": ((*SAMPLE, "solvent"), draws)}, {"solvent": ["PC", "THF", "DCM"]})
    tree["posterior"] = xr.DataTree(vector)
    gate = check(tree)
    assert next(worst.where for worst in gate.worst if worst.diagnostic == "R-hat") == "s[DCM]"


def test_verdict_survives_json() -> None:
    draws = normal()
    draws[0] = np.nan
    for gate in (check(result()), check(result(draws))):
        assert GateResult.from_json(gate.to_json()) == gate
        json.loads(gate.to_json(), parse_constant=pytest.fail)
