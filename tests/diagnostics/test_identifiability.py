from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from perovec_bayes.diagnostics import identifiability
from perovec_bayes.diagnostics.identifiability import Identifiability

CHAINS, DRAWS, BEFORE = 4, 1000, 4000
F = 38.922  # 1/V
FREE = {"free": 1, "unit": "1", "role": "primary"}
POTENTIAL = {**FREE, "unit": "V"}
LOG = {**FREE, "scale": "log", "unit": "mol cm^-3"}


def tree(
    names: dict[str, dict[str, object]], prior: np.ndarray, posterior: np.ndarray
) -> xr.DataTree:
    """A result; draws of shape (chain, draw, names) on the scale on which each is judged."""

    def group(draws: np.ndarray) -> xr.Dataset:
        return xr.Dataset(
            {
                name: (
                    ("chain", "draw"),
                    np.exp(draws[..., i]) if attrs.get("scale") == "log" else draws[..., i],
                    attrs,
                )
                for i, (name, attrs) in enumerate(names.items())
            }
        )

    return xr.DataTree.from_dict({"prior": group(prior), "posterior": group(posterior)})


def gaussian(
    names: dict[str, dict[str, object]],
    sds: list[float],
    rows: list[list[float]],
    *,
    seed: int = 1,
    draws: int = DRAWS,
) -> tuple[xr.DataTree, np.ndarray]:
    """Exact draws of a linear model, and the covariance of its posterior.

    The prior is normal with the standard deviations `sds`; each of `rows` is a sum that is measured
    with standard deviation 1.
    """
    rng = np.random.default_rng(seed)
    slopes = np.array(rows).reshape(-1, len(sds))
    covariance = np.linalg.inv(np.diag(np.array(sds) ** -2) + slopes.T @ slopes)
    root = np.linalg.cholesky(covariance)
    prior = rng.normal(size=(1, BEFORE, len(sds))) * np.array(sds)
    posterior = rng.normal(size=(CHAINS, draws, len(sds))) @ root.T
    return tree(names, prior, posterior), covariance


def members(found: Identifiability) -> list[list[str]]:
    return [sorted(m.scalar.name for m in each.members) for each in found.combinations]


def test_shares_of_a_linear_model_are_those_of_its_information() -> None:
    sds = [0.3, 7.0, 1.0, 0.5]
    rows = [[250.0, 250 * 2.5 / F, 0.0, 0.0], [0.0, 0.0, 4.0, 8.0]]
    names = {"E0": POTENTIAL, "s": LOG, "k": LOG, "a": FREE}
    result, _ = gaussian(names, sds, rows)
    scaled = np.array(rows) * np.array(sds)
    expected = np.sort(1 / (1 + np.linalg.eigvalsh(scaled.T @ scaled)))
    found = identifiability(result)
    # variances of 4000 draws over those of 4000 others: standard error 3 %
    shares = [direction.share for direction in found.directions]
    np.testing.assert_allclose(shares, expected, rtol=0.13)
    assert len(found.determined) == len(found.at_prior) == 2


def test_only_a_sum_is_determined() -> None:
    names = {"E0": POTENTIAL, "s": LOG, "D": LOG}
    result, covariance = gaussian(names, [0.3, 7.0, 0.5], [[250.0, 250 * 2.5 / F, 0.0]])
    (found,) = identifiability(result).combinations
    assert [member.scalar.name for member in found.members] == ["E0", "s"]
    assert found.only
    assert found.members[1].coefficient == pytest.approx(2.5 / F, rel=0.01)
    assert found.sd == pytest.approx(0.004, rel=0.05)
    for member, variance in zip(found.members, np.diag(covariance), strict=False):
        assert member.sd == pytest.approx(np.sqrt(variance), rel=0.05)
    assert found.correlation == pytest.approx(-1.0, abs=0.001)
    assert found.formula.startswith("E0 + 0.064")
    assert found.formula.endswith(" ln(s)")


def test_a_product_of_three_is_found_and_no_pair_of_it() -> None:
    names = {"area": LOG, "c_O": LOG, "D": LOG, "E0": POTENTIAL}
    rows = [[300.0, 300.0, 150.0, 0.0], [0.0, 0.0, 0.0, 500.0]]
    result, _ = gaussian(names, [0.7, 0.7, 0.8, 0.2], rows)
    (found,) = identifiability(result).combinations
    assert {m.scalar.name: round(m.coefficient, 2) for m in found.members} == {
        "area": 1.0,
        "c_O": 1.0,
        "D": 0.5,
    }
    assert found.only
    assert found.sd == pytest.approx(1 / 300, rel=0.05)


def test_learned_parameters_that_are_tied_are_told_from_those_that_are_not() -> None:
    names = {"k0": LOG, "A_c": FREE, "R_u": LOG}
    rows = [[20.0, 0.0, 0.0], [60.0, 600.0, 0.0], [0.0, 0.0, 9.0]]
    result, covariance = gaussian(names, [2.3, 0.3, 0.7], rows)
    (found,) = identifiability(result).combinations
    assert {member.scalar.name for member in found.members} == {"k0", "A_c"}
    assert not found.only
    exact = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    assert found.correlation == pytest.approx(exact, abs=0.01)
    assert identifiability(result, strong=0.9999).combinations == ()


@pytest.mark.parametrize("seed", range(5))
def test_unrelated_parameters_give_no_combination(seed: int) -> None:
    names = {f"q{i}": FREE for i in range(12)}
    rows = np.diag(np.geomspace(0.01, 1000.0, 12)).tolist()
    result, _ = gaussian(names, [1.0] * 12, rows, seed=seed, draws=100)
    found = identifiability(result)
    assert found.combinations == ()
    assert found.left_out == ()


def test_directions_left_at_the_prior_have_one_member_each() -> None:
    names = {f"q{i}": FREE for i in range(8)}
    result, _ = gaussian(names, [1.0] * 8, [[100.0] + [0.0] * 7])
    found = identifiability(result).at_prior
    assert {each.formula for each in found} == {f"q{i}" for i in range(1, 8)}


def test_units_do_not_matter() -> None:
    names = {"E0": POTENTIAL, "s": LOG, "g": FREE, "h": FREE}
    rows = [[250.0, 16.0, 0.0, 0.0], [0.0, 0.0, 5.0, 5.0]]
    result, _ = gaussian(names, [0.3, 7.0, 1.0, 1.0], rows)
    other = result.copy()
    for group in ("prior", "posterior"):
        changed = result[group].to_dataset()
        other[group] = xr.DataTree(
            changed.assign({"s": 1e3 * changed["s"], "g": 1e-6 * changed["g"]}).map(
                lambda array: array.assign_attrs(names[str(array.name)])
            )
        )
    one, two = identifiability(result), identifiability(other)
    assert members(one) == members(two) == [["E0", "s"], ["g", "h"]]
    for a, b in zip(one.directions, two.directions, strict=True):
        assert a.share == pytest.approx(b.share, rel=1e-6)
    assert one.combinations[0].sd == pytest.approx(two.combinations[0].sd)


@pytest.mark.parametrize(
    ("name", "attrs", "looked_at"),
    [
        ("k", {"role": "ancillary"}, True),
        ("sigma_d", {"role": "ancillary"}, False),
        ("s_p", {"role": "ancillary"}, False),
        ("s_pore", {"role": "ancillary"}, True),
        ("icp_z", {"role": "ancillary", "symbol": "z"}, False),
        ("sigma_d", {"role": "primary"}, True),
        ("K_sp", {"role": "primary", "free": 0}, False),
    ],
)
def test_noise_and_derived_quantities_are_left_alone(
    name: str, attrs: dict[str, object], looked_at: bool
) -> None:
    result, _ = gaussian({"a": FREE, name: {**FREE, **attrs}}, [1.0, 1.0], [[50.0, 50.0]])
    assert members(identifiability(result)) == ([["a", name]] if looked_at else [])


def test_elements_of_vectors_are_named() -> None:
    rng = np.random.default_rng(3)
    tied = rng.normal(size=(4, 500, 1)) + 0.01 * rng.normal(size=(4, 500, 2))
    draws = {"prior": rng.normal(size=(1, 500, 2)), "posterior": tied}
    groups = {
        group: xr.Dataset(
            {"s": (("chain", "draw", "solvent"), np.exp(values), LOG)}, {"solvent": ["PC", "DCM"]}
        )
        for group, values in draws.items()
    }
    assert members(identifiability(xr.DataTree.from_dict(groups))) == [["s[DCM]", "s[PC]"]]


def test_what_cannot_be_judged_is_left_out_and_named() -> None:
    names = dict.fromkeys(("fine", "stuck", "zero", "slow", "fixed"), LOG)
    result, _ = gaussian(names, [1.0] * 5, [])
    posterior, prior = result["posterior"], result["prior"]
    posterior["stuck"][:] = 1.0
    posterior["zero"][0, 0] = 0.0
    posterior["slow"][:] = np.exp(np.linspace(0, 1, DRAWS))
    prior["fixed"][:] = 1.0
    found = identifiability(result)
    assert found.left_out == ("stuck", "zero", "slow")
    assert [each.formula for each in found.directions] == ["ln(fine)"]


def test_two_names_for_one_parameter_do_no_harm() -> None:
    names = {"a": FREE, "b": FREE, "c": FREE}
    result, _ = gaussian(names, [1.0, 1.0, 1.0], [[9.0, 0.0, 0.0]])
    for group in ("prior", "posterior"):
        result[group]["b"][:] = result[group]["a"]
    found = identifiability(result)
    assert len(found.directions) == 3
    assert found.combinations == ()
    assert np.all(np.isfinite([each.share for each in found.directions]))


def test_a_combination_must_hold_in_both_halves_of_the_draws() -> None:
    rng = np.random.default_rng(5)
    first = rng.normal(size=(CHAINS, DRAWS))
    slope = np.where(np.arange(DRAWS) < DRAWS // 2, 1.0, 1.6)
    posterior = np.stack([first, slope * first], axis=-1)
    prior = 5 * rng.normal(size=(1, BEFORE, 2))
    names = {"a": FREE, "b": FREE}
    assert np.corrcoef(posterior.reshape(-1, 2).T)[0, 1] > 0.95
    assert members(identifiability(tree(names, prior, posterior))) == []
    posterior[..., 1] = 1.3 * first + 0.1 * rng.normal(size=first.shape)
    assert members(identifiability(tree(names, prior, posterior))) == [["a", "b"]]


def test_a_correlation_of_the_prior_is_not_taken_for_knowledge() -> None:
    rng = np.random.default_rng(6)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(size=(*shape, 1)) + 0.2 * rng.normal(size=(*shape, 2))

    found = identifiability(tree({"a": FREE, "b": FREE}, draw(1, 4000), draw(4, 1000)))
    np.testing.assert_allclose([each.share for each in found.directions], 1.0, rtol=0.1)
    assert found.combinations == ()


def test_without_prior_or_parameters_there_is_nothing_to_say() -> None:
    result, _ = gaussian({"a": FREE}, [1.0], [])
    bare = xr.DataTree.from_dict({"posterior": result["posterior"].to_dataset()})
    assert identifiability(bare) == Identifiability()
    assert identifiability(bare).table().empty
    derived, _ = gaussian({"a": {**FREE, "free": 0}}, [1.0], [])
    assert identifiability(derived) == Identifiability()


def test_the_table_lists_combinations_and_directions() -> None:
    result, _ = gaussian({"E0": POTENTIAL, "s": LOG}, [0.3, 7.0], [[250.0, 16.0]])
    table = identifiability(result).table()
    assert list(table["kind"]) == ["combination", "direction", "direction"]
    assert table["share"][0] == pytest.approx(table["share"][1])
