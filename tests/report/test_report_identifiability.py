from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr

from perovec_bayes.diagnostics import identifiability
from perovec_bayes.inference.cards import load_card
from perovec_bayes.report.identifiability import HINTS, determined, formula

E0 = {"free": 1, "role": "primary", "unit": "V", "symbol": "E0'(Pb2+/Pb)"}
S = {"free": 1, "role": "primary", "unit": "mol cm^-3", "symbol": "s", "scale": "log"}
PURE = {"free": 1, "role": "ancillary", "unit": "1"}
SLOPE = 2.5 / 38.922


def result(
    parameters: dict[str, tuple[dict[str, object], float]],
    *sums: list[float],
    measured: tuple[str, ...] = (),
) -> xr.DataTree:
    """Draws of a linear model in which each of `sums` is measured with sd 1.

    They are scaled to have the means and the covariance of the model exactly.
    """
    rng = np.random.default_rng(2)
    sds = np.array([sd for _, sd in parameters.values()])
    slopes = np.array(sums).reshape(-1, len(sds))
    covariance = np.linalg.inv(np.diag(sds**-2) + slopes.T @ slopes)

    def draws(chains: int, wanted: np.ndarray) -> xr.Dataset:
        raw = rng.normal(size=(chains * 1000, len(sds)))
        raw -= raw.mean(axis=0)
        raw = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw.T).reshape(wanted.shape))).T
        values = (raw @ np.linalg.cholesky(wanted).T).reshape(chains, 1000, -1)
        return xr.Dataset(
            {
                name: (
                    ("chain", "draw"),
                    np.exp(values[..., i]) if attrs.get("scale") == "log" else values[..., i],
                    attrs,
                )
                for i, (name, (attrs, _)) in enumerate(parameters.items())
            }
        )

    groups = {"prior": draws(1, np.diag(sds**2)), "posterior": draws(4, covariance)}
    groups["observed_data"] = xr.Dataset({name: ("point", [0.0]) for name in measured})
    tree = xr.DataTree.from_dict(groups)
    tree.attrs["observables"] = json.dumps({name: {"technique": name} for name in measured})
    return tree


def test_a_sum_that_alone_is_determined_is_said_in_words() -> None:
    tree = result({"E0": (E0, 0.3), "s": (S, 3.0)}, [250.0, 250 * SLOPE], measured=("cv",))
    (sentence,) = determined(tree).sentences
    # with x = 0.3^2/(0.3^2 + (3 SLOPE)^2) E0 keeps the sd 0.3 V sqrt(1 - x), ln s 3 sqrt(x) = 2.5
    assert sentence == (
        "Only E0'(Pb2+/Pb) + 0.0642 V × ln s is determined (to 4.0 mV); separately, E0'(Pb2+/Pb) "
        "is known to 162 mV and s to a factor of 12. To tell E0'(Pb2+/Pb) and s apart: ICP-OES in "
        "the same solvent or a voltammogram of dissolved lead in the same solvent."
    )


def test_what_was_measured_is_not_advised() -> None:
    tree = result({"E0": (E0, 0.3), "s": (S, 3.0)}, [250.0, 250 * SLOPE], measured=("cv", "icp"))
    (sentence,) = determined(tree).sentences
    assert sentence.endswith("apart: a voltammogram of dissolved lead in the same solvent.")
    k_d, g0 = S | {"symbol": "k_d"}, S | {"symbol": "G0"}
    tree = result({"s": (k_d, 1.0), "k_II": (g0, 1.0)}, [90.0, 90.0], measured=("icp",))
    assert "apart" not in determined(tree).sentences[0]


def test_parameters_without_a_hint_get_none() -> None:
    tree = result({"E0": (E0, 0.3), "k_iso": (S | {"symbol": "k_iso"}, 3.0)}, [250.0, 16.0])
    assert determined(tree).sentences[0].endswith("k_iso to a factor of 13.")


def test_a_bound_has_no_width() -> None:
    tree = result({"E0": (E0, 0.3), "s": (S | {"limits": '["upper"]'}, 3.0)}, [250.0, 16.0])
    (sentence,) = determined(tree).sentences
    assert "E0'(Pb2+/Pb) is known to 162 mV and s is bounded from above only." in sentence


def test_learned_parameters_are_not_called_undetermined() -> None:
    tree = result({"E0": (E0, 0.3), "A_c": (PURE, 0.3)}, [20.0, 0.0], [500.0, 500.0])
    (sentence,) = determined(tree).sentences
    assert sentence.startswith("E0'(Pb2+/Pb) + 0.999 V × A_c is known to 2.0 mV; separately, ")


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (PURE, PURE, "a + 0.0889 b"),
        (PURE | {"unit": "ohm"}, S, "a + 0.0889 ohm × ln s"),
        (S, PURE | {"unit": "A", "display_unit": "uA"}, "ln s + 8.89 × 10⁻⁸/µA × b"),
        (PURE | {"unit": "V"}, PURE | {"unit": "A/m^2"}, "a + 0.0889 V/(A/m²) × b"),
    ],
)
def test_factors_have_units(
    first: dict[str, object], second: dict[str, object], words: str
) -> None:
    tree = result({"a": (first, 1.0), "b": (second, 10.0)}, [900.0, 80.0])
    assert formula(identifiability(tree).combinations[0]) == words


def test_nothing_is_said_of_unrelated_parameters() -> None:
    found = determined(result({"E0": (E0, 0.3), "s": (S, 3.0)}, [250.0, 0.0]))
    assert found.sentences == ()
    assert [(title, [row.formula for row in rows]) for title, rows in found.groups] == [
        ("Known best", ["E0'(Pb2+/Pb)"]),
        ("Left at the prior", ["ln s"]),
    ]
    row = found.groups[0][1][0]
    assert (row.sd, row.prior_sd, row.ratio) == ("4.0 mV", "300 mV", "0.013")


def test_directions_known_in_part_are_shown_too() -> None:
    ((title, (row,)),) = determined(result({"a": (PURE, 1.0)}, [1.0])).groups
    assert (title, row.formula, row.ratio) == ("Known in part", "a", "0.71")


def test_too_few_draws_are_admitted() -> None:
    tree = result({"E0": (E0, 0.3), "s": (S, 3.0)}, [250.0, 0.0])
    tree["posterior"]["s"][:] = np.exp(np.linspace(0, 1, 1000))
    assert determined(tree).sentences == ("Too few independent draws to judge: s.",)


def test_hints_name_parameters_of_the_cards() -> None:
    cards = [load_card(name) for name in ("bulk_film", "dissolved_lead", "nanocrystal_film")]
    known = {name for card in cards for name in card.parameters}
    assert {name for pair in HINTS for name in pair} <= known
