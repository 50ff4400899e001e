"""The synthetic examples are what `perovec simulate` makes of their studies."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from perovec_bayes.workflow.check import check
from perovec_bayes.workflow.simulate import simulate

EXAMPLE = Path(__file__).parents[1] / "examples" / "chronoamperometry"


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    """The example made anew."""
    folder = tmp_path_factory.mktemp("chronoamperometry")
    shutil.copy(EXAMPLE / "study.toml", folder)
    simulate(folder / "study.toml", folder)
    return folder


def test_the_data_of_the_example(again):
    head = (EXAMPLE / "cv.csv").read_text().splitlines()[0]
    assert head.startswith("# SYNTHETIC")
    made, shipped = (np.loadtxt(f / "cv.csv", delimiter=",", skiprows=2) for f in (again, EXAMPLE))
    np.testing.assert_allclose(made, shipped, rtol=2e-3, atol=1e-8)
    truth = json.loads((EXAMPLE / "truth.json").read_text())
    assert truth["derived"]["eta"]["value"] == pytest.approx(-0.1563, abs=1e-3)


def test_the_example_can_be_checked(again):
    found = check(again / "study.toml", draws=4)
    assert found.can_be_fitted
    assert found.summaries["cv"].facts
