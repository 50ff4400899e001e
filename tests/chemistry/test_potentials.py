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
    anodic_potential,
    cathodic_potential,
    ln_ksp_from_solubility,
    mixed_halide_ln_ksp,
    partial_decomposition_potential,
    saturated_potential,
    trihalide_potential,
)
from perovec_bayes.constants import FARADAY, GAS_CONSTANT, ROOM_TEMPERATURE
from perovec_bayes.errors import StudyError

MOLAR = 1e-3
VT = GAS_CONSTANT * ROOM_TEMPERATURE / FARADAY
CSPB2BR5 = Stoichiometry(1, 2, 5)
PBX2 = Stoichiometry(0, 1, 2)
PC, DCM, DCM_50PPB = 2.38e-3, 2.03e-8, 50e-6 / 207.2  # M
phases = st.sampled_from([CSPBBR3, CS4PBBR6, CSPB2BR5, PBX2])
concentrations = st.floats(1e-12, 1e-2)


@pytest.mark.parametrize(
    ("stoich", "per_ln_ksp", "per_ln_s"),
    [
        (CSPBBR3, 1 / 2, 5 / 2),
        (CS4PBBR6, 1 / 2, 11 / 2),
        (CSPB2BR5, 1 / 4, 2),
        (PBX2, 1 / 2, 3 / 2),
    ],
)
def test_prefactors_of_the_formal_potential(stoich, per_ln_ksp, per_ln_s):
    """Prefactors in units of RT/F."""
    one = cathodic_potential(0.0, 1.0, stoich) - cathodic_potential(0.0, 0.0, stoich)
    np.testing.assert_allclose(one, per_ln_ksp * VT, rtol=1e-12)
    e = [cathodic_potential(0.0, ln_ksp_from_solubility(s, stoich), stoich) for s in (1e-9, 1e-6)]
    np.testing.assert_allclose(e[1] - e[0], per_ln_s * VT * np.log(1e3), rtol=1e-12)


@pytest.mark.parametrize(
    ("millivolt", "value"),
    [
        (1e3 * VT, "25.693"),
        (1e3 * cathodic_potential(0.0, 1.0), "12.846"),
        (-1e3 * anodic_potential(0.0, 1.0), "8.564"),
        (1e3 * cathodic_potential(0.0, np.log(10.0)), "29.58"),
        (1e3 * cathodic_potential(0.0, 5 * np.log(10.0)), "147.9"),
        # (1.9): Cs+ and Br- moving together, 4 ions for 2 electrons
        (1e3 * (actual_potential(0, 0, 1e-4, 1e-4) - actual_potential(0, 0, 1e-3, 1e-3)), "118"),
    ],
)
def test_decade_factors(printed, millivolt, value):
    printed(millivolt, value)


@pytest.mark.parametrize(
    ("s", "eq_3", "saturated", "eq_4"),
    [
        (PC, "-0.346", "-0.078", "0.230"),
        (DCM, "-1.095", "-0.228", "0.730"),
        (DCM_50PPB, "-0.936", "-0.196", None),
    ],
)
def test_shifts_from_the_solubility(printed, s, eq_3, saturated, eq_4):
    ln_ksp = ln_ksp_from_solubility(s * MOLAR)
    printed(cathodic_potential(0.0, ln_ksp), eq_3)
    printed(saturated_potential(0.0, s * MOLAR), saturated)
    if eq_4:
        printed(anodic_potential(0.0, ln_ksp), eq_4)


@pytest.mark.parametrize(
    ("s_1", "s_2", "ratio", "window", "saturated"),
    [(PC, DCM, "1.17e5", "0.750", "0.150"), (PC, DCM_50PPB, None, "0.591", None)],
)
def test_window_between_solvents(printed, s_1, s_2, ratio, window, saturated):
    e = [cathodic_potential(0.0, ln_ksp_from_solubility(s * MOLAR)) for s in (s_1, s_2)]
    printed(e[0] - e[1], window)
    if ratio:
        printed(s_1 / s_2, ratio)
        own = [saturated_potential(0.0, s * MOLAR) for s in (s_1, s_2)]
        printed(own[0] - own[1], saturated)


@pytest.mark.parametrize(
    ("e_lead", "s", "e_dec"),
    [(-0.96, PC, "-1.31"), (-0.96, DCM, "-2.06"), (-0.605, DCM, "-1.70"), (-0.605, PC, "-0.95")],
)
def test_readings_of_the_measured_onset(printed, e_lead, s, e_dec):
    printed(cathodic_potential(e_lead, ln_ksp_from_solubility(s * MOLAR)), e_dec)


def test_temperature_moves_the_dcm_shift_by_3_7_mv_a_kelvin(printed):
    ln_ksp = ln_ksp_from_solubility(DCM * MOLAR)
    warm = cathodic_potential(0.0, ln_ksp, temperature=ROOM_TEMPERATURE + 1.0)
    printed(1e3 * (cathodic_potential(0.0, ln_ksp) - warm), "3.7")


def test_paper_equations_are_the_special_case():
    ln_ksp = -40.0
    np.testing.assert_allclose(cathodic_potential(-0.8, ln_ksp), -0.8 + VT / 2 * ln_ksp)
    np.testing.assert_allclose(anodic_potential(0.7, ln_ksp), 0.7 - VT / 3 * ln_ksp)
    np.testing.assert_allclose(trihalide_potential(0.5, ln_ksp), 0.5 - VT / 2 * ln_ksp)


@given(stoich=phases, c_a=concentrations, c_b=concentrations, c_x=concentrations)
def test_at_saturation_decomposition_equals_the_lead_couple(stoich, c_a, c_b, c_x):
    """Any solution saturated with the solid has E_dec = E(B2+/B), whatever K_sp."""
    a, b, x = (c / MOLAR for c in (c_a, c_b, c_x))
    ln_ksp = stoich.a * np.log(a) + stoich.b * np.log(b) + stoich.x * np.log(x)
    lead = -0.8 + VT / 2 * np.log(b)
    np.testing.assert_allclose(actual_potential(-0.8, ln_ksp, c_a, c_x, stoich), lead, rtol=1e-10)


@given(stoich=phases, s=concentrations)
def test_own_saturated_solution_is_the_actual_potential_there(stoich, s):
    ln_ksp = ln_ksp_from_solubility(s, stoich)
    there = actual_potential(-0.8, ln_ksp, max(stoich.a, 1) * s, stoich.x * s, stoich)
    np.testing.assert_allclose(saturated_potential(-0.8, s, stoich), there, rtol=1e-10)


@given(ln_ksp=st.floats(-200, 0), stoich=phases, step=st.floats(0.01, 50))
def test_less_soluble_widens_the_window_on_both_sides(ln_ksp, stoich, step):
    signs = ((cathodic_potential, -1), (anodic_potential, 1), (trihalide_potential, 1))
    for potential, sign in signs:
        change = potential(0.3, ln_ksp - step, stoich) - potential(0.3, ln_ksp, stoich)
        assert np.sign(change) == sign
    assert trihalide_potential(0.3, ln_ksp - step, stoich) > trihalide_potential(
        0.3, ln_ksp, stoich
    )


@given(factor=st.floats(1.01, 100), stoich=phases)
def test_released_ions_hold_the_cathodic_and_push_the_anodic_reaction(factor, stoich):
    base = cathodic_potential(0.0, -40.0, stoich)
    for name in ("activity_x", "activity_metal"):
        assert cathodic_potential(0.0, -40.0, stoich, **{name: factor}) < base
    for potential, names in (
        (anodic_potential, ("activity_b", "activity_halogen")),
        (trihalide_potential, ("activity_b", "activity_trihalide")),
    ):
        for name in names:
            raised = potential(0.0, -40.0, stoich, **{name: factor})
            assert raised > potential(0.0, -40.0, stoich)


@given(ln_ksp=st.floats(-100, -10), ln_x3=st.floats(-10, 0), ln_x2=st.floats(-10, 0))
def test_anodic_and_trihalide_routes_agree_at_equilibrium(ln_ksp, ln_x3, ln_x2):
    """If X3- = X2 + X- is at equilibrium the routes to X2 and to X3- have one potential.

    The couple X3-/X- is E_X2 shifted by K = a_X3/(a_X2 a_X), with a_X from the solid at
    a_A = a_B = 1: a_X^3 = K_sp.
    """
    ln_x = ln_ksp / 3
    e_x2 = 0.7
    e_x3 = e_x2 + VT / 2 * (ln_x2 + ln_x - ln_x3)
    direct = anodic_potential(e_x2, ln_ksp, activity_halogen=np.exp(ln_x2))
    trihalide = trihalide_potential(e_x3, ln_ksp, activity_trihalide=np.exp(ln_x3))
    np.testing.assert_allclose(trihalide, direct, rtol=1e-9)


@given(c_cs=st.floats(1e-5, 1.0), c_pb=st.floats(1e-9, 1e-2), c_br=st.floats(1e-4, 1.0))
def test_partial_decomposition_where_both_solids_are_saturated(c_cs, c_pb, c_br):
    """In a solution saturated with both phases it too equals E(Pb2+/Pb)."""
    ln_113 = np.log(c_cs) + np.log(c_pb) + 3 * np.log(c_br)
    ln_416 = 4 * np.log(c_cs) + np.log(c_pb) + 6 * np.log(c_br)
    e = partial_decomposition_potential(-0.8, ln_113, ln_416, activity_x=c_br)
    np.testing.assert_allclose(e, -0.8 + VT / 2 * np.log(c_pb), rtol=1e-10)


def test_mixed_halide_end_members_and_mixing():
    assert mixed_halide_ln_ksp(-30.0, -45.0, 0.0) == -30.0
    assert mixed_halide_ln_ksp(-30.0, -45.0, 1.0) == -45.0
    np.testing.assert_allclose(mixed_halide_ln_ksp(-30.0, -30.0, 0.5), -30.0 - 3 * np.log(2.0))
    y = np.linspace(0.0, 1.0, 101)
    assert np.all(np.diff(mixed_halide_ln_ksp(-30.0, -31.0, y), 2) > 0)


def test_posterior_draws_broadcast():
    e_lead = np.full((4, 100), -0.8)
    assert cathodic_potential(e_lead, np.linspace(-90, -80, 100)).shape == (4, 100)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cathodic_potential(0, -30, activity_x=0.0), "activity of X-"),
        (lambda: cathodic_potential(0, np.nan), "ln K_sp"),
        (lambda: cathodic_potential(0, -30, Stoichiometry(1, 0, 1)), "gives no metal"),
        (lambda: cathodic_potential(0, -30, temperature=0.0), "temperature"),
        (lambda: anodic_potential(0, -30, activity_b=-1.0), "activity of B2"),
        (lambda: trihalide_potential(0, -30, activity_trihalide=0.0), "activity of X3-"),
        (lambda: actual_potential(0, -30, 0.0, 1e-6), "activity of A"),
        (lambda: saturated_potential(0, -1e-6), "solubility s"),
        (lambda: partial_decomposition_potential(0, -30, -30, activity_x=0.0), "activity of Br-"),
        (lambda: mixed_halide_ln_ksp(-30, -40, 1.2), "from 0 to 1, found 1.2"),
    ],
)
def test_errors(call, message):
    with pytest.raises(StudyError, match=message):
        call()
