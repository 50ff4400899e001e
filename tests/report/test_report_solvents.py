"""The figures of a regression over solvents, and what they say in words."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr

from perovec_bayes.diagnostics.intervals import CENTRAL
from perovec_bayes.report.figures import draw_all
from perovec_bayes.report.figures.solvents import verdict

SOLVENTS = ["PC", "MeCN", "DCM"]
SAMPLE = ("chain", "draw")


def made(*, ligand: bool = True, predictors: tuple[str, ...] = ("permittivity", "donor_number")):
    """A result with the draws that the figures need; b_DN of the lattice is fixed."""
    rng = np.random.default_rng(3)
    shape = (2, 100)
    salts = ["CsPbBr3", "Pb(OA)2"] if ligand else ["CsPbBr3"]
    systems = [f"{salt}, {solvent}" for salt in salts for solvent in SOLVENTS]
    values = {
        "s": ((*SAMPLE, "system"), 1e-6 * np.exp(rng.normal(0, 0.3, (*shape, len(systems))))),
        "eps": ((*SAMPLE, "solvent"), rng.normal([64.9, 35.7, 8.8], 0.1, (*shape, 3))),
        "DN": ((*SAMPLE, "solvent"), rng.normal([15.1, 14.1, 1.0], 1.0, (*shape, 3))),
    }
    for salt in ("lattice", "ligand")[: len(salts)]:
        values[f"a_{salt}"] = (SAMPLE, rng.normal(-3.5, 0.2, shape))
        values[f"b_eps_{salt}"] = (SAMPLE, rng.normal(-50, 10, shape))
        values[f"b_DN_{salt}"] = (SAMPLE, rng.normal(0.5, 0.1, shape))
    del values["b_DN_lattice"]
    if ligand:
        values["corr"] = (SAMPLE, rng.uniform(-1, 0.3, shape))
    coords = {"system": systems, "solvent": SOLVENTS}
    posterior = xr.Dataset(values, coords)
    posterior["s"].attrs = {"limits": json.dumps(["", "", "upper", "", "", ""][: len(systems)])}
    prior = posterior.isel(chain=[0])
    tree = xr.DataTree.from_dict({"posterior": posterior, "prior": prior})
    options = {"lattice": "CsPbBr3", "ligand": "Pb(OA)2", "predictors": list(predictors)}
    options |= {"eps_ref": 35.7, "DN_ref": 14.0, "AN_ref": 18.9}
    card = {"name": "solvent_regression", "mechanism": "solvent_regression", "options": options}
    tree.attrs["card"] = json.dumps(card)
    tree.attrs["priors"] = json.dumps({"b_DN_lattice": {"value": 0.5}})
    return tree


def titles(tree: xr.DataTree) -> list[str]:
    return [drawing.title for drawing in draw_all(tree).fits]


def test_law_and_correlation_are_drawn() -> None:
    law, correlation = draw_all(made()).fits
    assert law.title == "Solubility over solvents: data and law"
    assert "eps = 35.7, DN = 14" in law.caption
    assert "before the data" in correlation.caption
    assert law.svg.count("<title") == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ligand": False}, ["Solubility over solvents: data and law"]),
        ({"predictors": ()}, ["Are the two solubilities orthogonal?"]),
        ({"predictors": (), "ligand": False}, []),
    ],
)
def test_what_is_not_there_is_not_drawn(changes: dict, expected: list[str]) -> None:
    assert titles(made(**changes)) == expected


@pytest.mark.parametrize(
    ("low", "high", "share", "words"),
    [
        (-1.0, 0.5, "0.67", "its sign is not determined"),
        (-0.95, -0.2, "above 0.99", "It is negative; how strong it is, is not determined"),
        (-0.99, -0.9, "above 0.99", "It is negative."),
        (0.9, 0.99, "below 0.01", "It is positive."),
    ],
)
def test_what_is_determined_is_said_in_words(
    low: float, high: float, share: str, words: str
) -> None:
    draws = np.linspace(low, high, 1001)
    said = verdict(draws, np.linspace(-1, 1, 1001), CENTRAL)
    assert words in said
    assert "(before the data 0.50)" in said
    assert f"with probability {share} (before" in said
    assert "before" not in verdict(draws, None, CENTRAL)
