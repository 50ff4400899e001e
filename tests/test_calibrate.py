"""Simulations for calibration: one model, many data."""

from __future__ import annotations

import numpy as np
import pytest

from perovec_bayes.inference.cards import load_card
from perovec_bayes.inference.priors import LogNormal
from perovec_bayes.workflow.calibrate import LIKELIHOOD, Calibrator
from tests.inference.builders import cv, hypothesis, icp, with_parameters

FIXED = {
    "k0": 0.1,
    "alpha": 0.5,
    "D": 7e-6,
    "D_ratio": 1.0,
    "c_R": 1e-6,
    "R_u": 10.0,
    "C_dl": 1e-5,
    "g1": 0.0,
    "sigma_p": 0.01,
    "sigma_E": 1e-3,
}


@pytest.fixture(scope="module")
def calibrator():
    time = np.linspace(0.0, 20.0, 41)
    potential = np.interp(time, [0.0, 10.0, 20.0], [-0.3, 0.7, -0.3])
    data = cv(time, potential, 1e-5 * np.sin(time), area_cm2=1.0)
    card = with_parameters(load_card("redox_couple"), FIXED)
    return Calibrator(card, {"cv": data}, draws=100, tune=150)


def test_a_run_ranks_every_quantity(calibrator):
    row = calibrator.run(1)
    for name in ("E0", "c_O", "g0", "sigma_a", "sigma_d", LIKELIHOOD):
        assert 0 < row[name] < 1
    assert not set(FIXED) & set(row)
    assert row["ess"] > 10
    assert row["r_hat"] < 1.2


def test_a_run_knows_nothing_of_those_before(calibrator):
    first = calibrator.run(2)
    calibrator.run(3)
    again = calibrator.run(2)
    assert {**again, "seconds": 0} == {**first, "seconds": 0}


def test_readings_below_a_limit_are_hidden_in_each_simulation():
    """The likelihood of the truth is that of what is seen, so it differs from run to run."""
    data = icp(
        {"value": 2.4e-6},
        {"sample": "B", "solvent": "DCM", "lod": 1e-9, "dilution": np.nan},
        hypotheses=[hypothesis("as is", 1.0, 1.0, 0.1, solvent="DCM")],
    )
    prior = LogNormal(median=1e-9, sd_ln=1.0, unit="mol/cm^3", reason="for a test")
    card = with_parameters(load_card("solubility"), {"s": prior, "s_m": 0.02})
    calibrator = Calibrator(card, {"icp": data}, draws=200, tune=300)
    rows = [calibrator.run(seed) for seed in (1, 2)]
    for row in rows:
        assert {"s[0]", "s[1]", "F_dil_icp", LIKELIHOOD} <= set(row)
        assert row["r_hat"] < 1.1
