"""`examples/solvents`: the shipped files, and, slow, their fits and the recovery of truths.

`.venv/bin/python -m pytest -m slow tests/test_solvent_examples.py` takes some 30 minutes;
with `SOLVENT_SEEDS=1,2` only these seeds.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from perovec_bayes.workflow.check import check
from perovec_bayes.workflow.fit import fit
from perovec_bayes.workflow.simulate import simulate

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples" / "solvents"
SEEDS = [int(seed) for seed in os.environ.get("SOLVENT_SEEDS", "1,2,3,4,5").split(",")]


def primary_truths(folder: Path) -> dict[str, float]:
    """True values by the names of summary.csv: parameters, solubilities and correlations."""
    record = json.loads((folder / "truth.json").read_text())
    found = {
        name: entry["value"]
        for name, entry in record["parameters"].items()
        if not isinstance(entry["value"], list)
    }
    table = pd.read_csv(folder / "icp.csv", comment="#")
    systems = (table["solute"] + ", " + table["solvent"]).unique()
    values = record["derived"]["s"]["value"]
    found |= {f"s[{system}]": value for system, value in zip(systems, values, strict=True)}
    return found | {name: record["derived"][name]["value"] for name in ("corr", "corr_measured")}


def test_the_synthetic_readings_are_what_simulate_makes(tmp_path: Path) -> None:
    study = shutil.copy(FOLDER / "synthetic.toml", tmp_path)
    simulate(study, tmp_path)
    made, shipped = (pd.read_csv(f / "icp.csv", comment="#") for f in (tmp_path, FOLDER))
    assert (FOLDER / "icp.csv").read_text().startswith("# SYNTHETIC")
    assert (made["value"] == "ND").tolist() == (shipped["value"] == "ND").tolist()
    shown = made["value"] != "ND"
    numbers = (each.loc[shown, "value"].astype(float) for each in (made, shipped))
    np.testing.assert_allclose(*numbers, rtol=1e-4)
    assert json.loads((FOLDER / "truth.json").read_text())["card"] == "solvent_regression"


def test_the_study_of_the_stated_values_can_be_fitted() -> None:
    assert check(FOLDER / "study.toml", draws=4).can_be_fitted


@pytest.mark.slow
@pytest.mark.parametrize("name", ["study", "synthetic"])
def test_the_examples_pass_the_gate(tmp_path: Path, name: str) -> None:
    outcome = fit(FOLDER / f"{name}.toml", tmp_path)
    assert outcome.gate.passed, outcome.gate.failures
    page = (outcome.folder / "report.html").read_text()
    assert "Are the two solubilities orthogonal?" in page


@pytest.mark.slow
def test_truths_of_five_solvents_are_recovered(tmp_path: Path) -> None:
    """Of the parameters, solubilities and correlations 90 % or more are in 95 % intervals."""
    inside = []
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        study = shutil.copy(FOLDER / "synthetic.toml", folder)
        simulate(study, folder, seed=seed)
        outcome = fit(study, folder / "runs")
        assert outcome.gate.passed, (seed, outcome.gate.failures)
        summary = pd.read_csv(outcome.folder / "summary.csv").set_index("quantity")
        for name, value in primary_truths(folder).items():
            if name in summary.index:
                low, high = summary.loc[name, ["interval_low", "interval_high"]]
                inside.append(low <= value <= high)
    assert len(inside) >= 20 * len(SEEDS)
    assert np.mean(inside) >= 0.9
