from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perovec_bayes.chemistry import (
    CSPBBR3,
    Stoichiometry,
    actual_potential,
    bjerrum_length,
    conditional_ln_ksp,
    conditional_metal_potential,
    debye_hueckel_a,
    debye_hueckel_b,
    free_fraction,
    fuoss_constant,
    log10_activity_coefficient,
    saturated_potential,
    solvent,
    stokes_einstein,
)
from perovec_bayes.constants import ROOM_TEMPERATURE
from perovec_bayes.errors import StudyError

MOLAR = 1e-3
TABLE = [
    # solvent, l_B/nm, A, log K_A: Cs+Br-, TBA+PF6-, Pb2+Br-; TBAPF6 at 0.1 M: free, free I
    ("PC", "0.86", "0.68", "0.1", "0.4", "1.3", "0.82", "0.08"),
    ("MeCN", "1.57", "1.66", "0.9", "0.9", "3.2", "0.66", "0.07"),
    ("PhCN", "2.19", "2.74", "1.7", "1.3", "4.9", "0.50", "0.05"),
    ("THF", "7.54", "17.5", "8.0", "4.9", "19.4", "0.01", "1e-3"),
    ("DCM", "6.35", "13.5", "6.6", "4.1", "16.2", "0.03", "3e-3"),
]


@pytest.mark.parametrize(
    ("name", "length", "a", "cs_br", "tba_pf6", "pb_br", "free", "ionic_strength"), TABLE
)
def test_electrolyte_properties(
    printed, name, length, a, cs_br, tba_pf6, pb_br, free, ionic_strength
):
    eps_r = solvent(name).value("relative_permittivity", "1")
    printed(1e7 * bjerrum_length(eps_r), length)
    printed(debye_hueckel_a(eps_r), a)
    printed(np.log10(fuoss_constant(eps_r, 3.7e-8)), cs_br)
    printed(np.log10(fuoss_constant(eps_r, 6.5e-8)), tba_pf6)
    printed(np.log10(fuoss_constant(eps_r, 3.2e-8, 2)), pb_br)
    alpha = free_fraction(fuoss_constant(eps_r, 6.5e-8), 0.1 * MOLAR)
    printed(alpha, free)
    printed(0.1 * alpha, ionic_strength)


@pytest.mark.parametrize(
    ("name", "strength"),
    [("PC", "0.86"), ("MeCN", "1.6"), ("PhCN", "2.2"), ("THF", "7.5"), ("DCM", "6.4")],
)
def test_validity_of_the_debye_hueckel_law(printed, name, strength):
    """l_B / 2å at å = 5 angstrom; above about 1 the law does not hold for all ions."""
    eps_r = solvent(name).value("relative_permittivity", "1")
    printed(bjerrum_length(eps_r) / (2 * 5e-8), strength)


def test_numerical_forms_at_room_temperature(printed):
    printed(1e7 * bjerrum_length(1.0), "56.05")
    printed(debye_hueckel_a(1.0) * ROOM_TEMPERATURE**1.5, "1.8248e6")
    printed(1e-8 * debye_hueckel_b(1.0) * ROOM_TEMPERATURE**0.5, "50.29")


@pytest.mark.parametrize(("name", "free", "log10"), [("PC", 0.08, "-1.0"), ("MeCN", 0.066, "-2.1")])
def test_product_of_activity_coefficients(printed, name, free, log10):
    """g_Cs g_Pb g_Br^3 at the free ionic strength of 0.1 M TBAPF6."""
    eps_r = solvent(name).value("relative_permittivity", "1")
    single, double = (log10_activity_coefficient(z, free * MOLAR, eps_r) for z in (1, 2))
    printed(4 * single + double, log10)


@given(st.floats(5.0, 100.0), st.floats(0.0, 1.0))
def test_activity_coefficients_are_at_most_one(eps_r, molar):
    assert log10_activity_coefficient(1, molar * MOLAR, eps_r) <= 0.0
    dilute = log10_activity_coefficient(1, 1e-12 * MOLAR, eps_r)
    np.testing.assert_allclose(dilute, -debye_hueckel_a(eps_r) * 1e-6, rtol=1e-3)


@given(st.floats(0.0, 1e12), st.floats(1e-12, 1e-2), st.floats(0.01, 1.0))
def test_free_fraction_obeys_mass_action(association, c, gamma):
    alpha = free_fraction(association, c, gamma)
    assert 0.0 < alpha <= 1.0
    strength = association * gamma**2 * c / MOLAR
    np.testing.assert_allclose(strength * alpha**2 + alpha, 1.0, rtol=1e-12)


def test_conditional_product_and_potential():
    """Same E_dec from total concentrations and conditional constants as from free activities."""
    alpha_b, gamma = 1e6, np.array([0.7, 0.3, 0.6])
    ln_ksp = -57.0
    total_a, total_x = 2e-6, 6e-6
    free = actual_potential(-0.5, ln_ksp, gamma[0] * total_a, gamma[2] * total_x)
    conditional = actual_potential(
        conditional_metal_potential(-0.5, alpha_b, gamma[1]),
        conditional_ln_ksp(
            ln_ksp, alpha_b=alpha_b, gamma_a=gamma[0], gamma_b=gamma[1], gamma_x=gamma[2]
        ),
        total_a,
        total_x,
    )
    np.testing.assert_allclose(conditional, free, rtol=1e-12)


def test_conditional_constants_by_stoichiometry():
    bare = conditional_ln_ksp(-30.0, CSPBBR3)
    assert bare == -30.0
    shifted = conditional_ln_ksp(-30.0, Stoichiometry(1, 2, 5), alpha_a=2.0, alpha_b=3.0, alpha_x=5)
    np.testing.assert_allclose(shifted, -30.0 + np.log(2.0) + 2 * np.log(3.0) + 5 * np.log(5.0))
    np.testing.assert_allclose(
        conditional_metal_potential(0.0, 1.0, 1e-3), saturated_potential(0.0, 1e-3 * MOLAR)
    )


def test_stokes_einstein_in_pc(printed):
    printed(stokes_einstein(2.53e-3, 0.35e-7), "2.47e-6")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bjerrum_length(0.0), "relative permittivity"),
        (lambda: bjerrum_length(10.0, temperature=-3.0), "temperature"),
        (lambda: log10_activity_coefficient(1, -1e-6, 65.0), "ionic strength"),
        (lambda: fuoss_constant(65.0, 0.0), "contact distance"),
        (lambda: fuoss_constant(65.0, 3e-8, 0), "charge product"),
        (lambda: free_fraction(-1.0, 1e-4), "association constant"),
        (lambda: free_fraction(1.0, 1e-4, 1.5), "activity coefficient g"),
        (lambda: stokes_einstein(0.0, 3e-8), "viscosity"),
        (lambda: stokes_einstein(1e-3, -3e-8), "radius"),
        (lambda: conditional_ln_ksp(-30.0, alpha_b=0.5), "side-reaction coefficient of B2"),
        (lambda: conditional_ln_ksp(-30.0, gamma_x=0.0), "activity coefficient of X-"),
        (lambda: conditional_metal_potential(np.nan, 1.0), "standard potential"),
    ],
)
def test_errors(call, message):
    with pytest.raises(StudyError, match=message):
        call()
