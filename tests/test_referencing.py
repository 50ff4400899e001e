"""The offset of a reference electrode from a saved fit of ferrocene."""

import json

import numpy as np
import pytest
import xarray as xr

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.inference import storage
from perovec_bayes.inference.cards import load_card
from perovec_bayes.inference.result import card_summary
from perovec_bayes.workflow.referencing import resolved

META = {"reference": "Ag wire", "solvent": "DCM", "area": {"value": 1, "unit": "cm^2"}}


@pytest.fixture
def saved(tmp_path):
    def save(*, passed=True, card="redox_couple", **record):
        rng = np.random.default_rng(1)
        draws = {name: (("chain", "draw"), rng.normal(at, 0.002, (4, 500)))
                 for name, at in (("E0", 0.46), ("E_half", 0.465))}  # fmt: skip
        tree = xr.DataTree.from_dict({"posterior": xr.Dataset(draws)})
        tree.attrs["card"] = json.dumps(card_summary(load_card(card)))
        tree.attrs["gate"] = json.dumps({"passed": passed})
        info = {"technique": "cv", "reference": "Ag wire", "solvent": "DCM", **record}
        tree.attrs["observables"] = json.dumps({"cv": info})
        folder = tmp_path / "runs" / "ferrocene"
        folder.mkdir(parents=True)
        storage.save(tree, folder / "posterior.nc")
        return tmp_path

    return save


def stated(**more):
    return META | {"reference_offset": {"result": "runs/ferrocene", **more}}


def test_the_posterior_of_the_fit_is_the_offset(saved):
    offset = resolved(stated(), saved())["reference_offset"]
    assert offset["unit"] == "V"
    assert offset["value"] == pytest.approx(0.46, abs=2e-4)
    assert offset["sd"] == pytest.approx(0.002, rel=0.1)


def test_the_half_wave_potential_on_demand(saved):
    offset = resolved(stated(quantity="E_half"), saved())["reference_offset"]
    assert offset["value"] == pytest.approx(0.465, abs=2e-4)


def test_a_stated_offset_is_left_alone(tmp_path):
    meta = META | {"reference_offset": {"value": 0.4, "unit": "V", "sd": 0.01}}
    assert resolved(meta, tmp_path) is meta
    assert resolved(META, tmp_path) is META


@pytest.mark.parametrize(
    ("made", "said", "words"),
    [
        ({"passed": False}, {}, "did not pass its diagnostics"),
        ({"card": "dissolved_lead"}, {}, "is not a fit of a dissolved couple"),
        ({"reference": "SCE"}, {}, "another reference electrode; expected meta.reference = 'SCE'"),
        ({"solvent": "PC"}, {}, "in another solvent; expected meta.solvent = 'PC'"),
        ({}, {"quantity": "E1/2"}, "unknown quantity 'E1/2'"),
        ({}, {"value": 0.4}, "unknown key 'value'"),
    ],
)
def test_what_is_refused(saved, made, said, words):
    with pytest.raises(StudyError) as caught:
        resolved(stated(**said), saved(**made))
    assert words in str(caught.value)
    assert "meta.reference_offset" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_result_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="no such result"):
        resolved(stated(), tmp_path)
