from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perovec_bayes.chemistry import (
    CS4PBBR6,
    CSPBBR3,
    Stoichiometry,
    actual_potential,
    beyond_conduction_band,
    conduction_band_edge,
    conduction_band_edge_sd,
    ksp_needed,
)
from perovec_bayes.constants import thermal_frequency
from perovec_bayes.errors import StudyError

MOLAR = 1e-3
FORMAL, MILLIMOLAR, THIRD = (MOLAR, MOLAR), (1e-3 * MOLAR, 3e-3 * MOLAR), (1e-6 / 3, 1e-6)


@pytest.mark.parametrize(
    ("gap", "edge"), [(2.38, "-1.88"), (2.45, "-1.95")], ids=["bulk", "nanocrystals"]
)
def test_band_edges(printed, gap, edge):
    printed(conduction_band_edge(0.5, gap), edge)
    printed(conduction_band_edge_sd(0.1, 0.04), "0.11")


def test_tolerance_of_three_kt(printed):
    printed(3.0 / thermal_frequency(), "0.08")


# At E_CB = -1.90 V and d = 0. The entry for -0.96 V at 1 mM Cs+, 3 mM Br- is
# log10 K = 2 x 0.94 / 0.0591597 V per decade + log10(1e-3 x 2.7e-8) = -31.778 - 10.569 = -42.347.
@pytest.mark.parametrize(
    ("e_lead", "concentrations", "log10_ksp", "s"),
    [
        (-0.5, FORMAL, "-47.3", "1.8e-10"),
        (-0.6, FORMAL, "-43.9", "8.4e-10"),
        (-0.8, FORMAL, "-37.2", "1.9e-8"),
        (-0.96, FORMAL, "-31.8", "2.3e-7"),
        (-1.05, FORMAL, "-28.7", "9e-7"),
        (-0.5, MILLIMOLAR, "-57.9", "1.4e-12"),
        (-0.6, MILLIMOLAR, "-54.5", "6.5e-12"),
        (-0.8, MILLIMOLAR, "-47.8", "1.5e-10"),
        (-0.96, MILLIMOLAR, "-42.3", "1.8e-9"),
        (-1.05, MILLIMOLAR, "-39.3", "7e-9"),
        (-0.5, THIRD, "-59.8", None),
        (-0.6, THIRD, "-56.4", None),
        (-0.8, THIRD, "-49.7", None),
        (-0.96, THIRD, "-44.3", None),
        (-1.05, THIRD, "-41.2", None),
    ],
)
def test_ksp_needed(printed, e_lead, concentrations, log10_ksp, s):
    c_a, c_x = concentrations
    ln_ksp, solubility = ksp_needed(e_lead, -1.90, c_a=c_a, c_x=c_x)
    printed(ln_ksp / np.log(10.0), log10_ksp)
    if s:
        printed(solubility / MOLAR, s)


@given(
    e_lead=st.floats(-1.2, -0.3),
    d=st.floats(0.0, 0.2),
    c_a=st.floats(1e-9, 1e-3),
    c_x=st.floats(1e-9, 1e-3),
    stoich=st.sampled_from([CSPBBR3, CS4PBBR6, Stoichiometry(1, 2, 5)]),
)
def test_ksp_needed_is_the_boundary_of_the_decision(e_lead, d, c_a, c_x, stoich):
    ln_ksp, _ = ksp_needed(e_lead, -1.9, tolerance=d, c_a=c_a, c_x=c_x, stoich=stoich)
    below, above = (
        actual_potential(e_lead, ln_ksp + step, c_a, c_x, stoich) for step in (-1e-6, 1e-6)
    )
    assert beyond_conduction_band(below, -1.9, d)
    assert not beyond_conduction_band(above, -1.9, d)


def test_decision_on_draws():
    e_dec = np.array([-2.0, -1.9, -1.85, -1.0])
    np.testing.assert_array_equal(beyond_conduction_band(e_dec, -1.9), [True, False, False, False])
    np.testing.assert_array_equal(
        beyond_conduction_band(e_dec, np.full(4, -1.9), 0.08), [True, True, True, False]
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conduction_band_edge(0.5, -2.0), "band gap"),
        (lambda: conduction_band_edge(np.inf, 2.0), "valence band edge"),
        (lambda: conduction_band_edge_sd(-0.1, 0.1), "sd of the valence band edge"),
        (lambda: beyond_conduction_band(np.nan, -1.9), "decomposition potential"),
        (lambda: beyond_conduction_band(-1.0, -1.9, -0.1), "tolerance d"),
        (lambda: ksp_needed(-0.8, -1.9, c_x=0.0), "activity of X-"),
        (lambda: ksp_needed(np.nan, -1.9), "formal potential"),
        (lambda: ksp_needed(-0.8, -1.9, stoich=Stoichiometry(1, 0, 1)), "gives no metal"),
    ],
)
def test_errors(call, message):
    with pytest.raises(StudyError, match=message):
        call()
