from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perovec_bayes.chemistry import (
    CS4PBBR6,
    CSPBBR3,
    Stoichiometry,
    common_ion_solubility,
    ksp_from_solubility,
    ln_ksp_from_solubility,
    solubility_from_ksp,
    solubility_from_ln_ksp,
)
from perovec_bayes.errors import StudyError

MOLAR = 1e-3
PHASES = {
    "CsPbBr3": CSPBBR3,
    "Cs4PbBr6": CS4PBBR6,
    "CsPb2Br5": Stoichiometry(1, 2, 5),
    "PbX2": Stoichiometry(0, 1, 2),
}
phases = st.sampled_from(list(PHASES.values()))
ln_solubilities = st.floats(np.log(1e-30), np.log(1e-2))


@pytest.mark.parametrize(
    ("phase", "electrons", "prefactor", "power"),
    [
        ("CsPbBr3", 2, "27", 5),
        ("Cs4PbBr6", 2, "1.194e7", 11),
        ("CsPb2Br5", 4, "1.25e4", 8),
        ("PbX2", 2, "4", 3),
    ],
)
def test_prefactors(printed, phase, electrons, prefactor, power):
    stoich = PHASES[phase]
    assert stoich.cathodic_electrons == electrons
    assert stoich.ions == power
    printed(np.exp(stoich.ln_prefactor), prefactor)
    s = 0.01  # M
    np.testing.assert_allclose(
        ksp_from_solubility(s * MOLAR, stoich) / s**power, np.exp(stoich.ln_prefactor), rtol=1e-12
    )


@pytest.mark.parametrize(
    ("phase", "s", "ksp"),
    [
        ("CsPbBr3", 2.38e-3, "2.06e-12"),  # PC
        ("CsPbBr3", 2.03e-8, "9.31e-38"),  # DCM, upper limit
        ("CsPbBr3", 2.413e-7, "2.2e-32"),  # DCM, 50 ppb of Pb undiluted
        ("PbX2", 33e-3, "1.4e-4"),  # Pb(OA)2 in DCM
        ("PbX2", 50e-6, "5.0e-13"),  # Pb(OA)2 in PC
    ],
)
def test_solubility_products(printed, phase, s, ksp):
    printed(ksp_from_solubility(s * MOLAR, PHASES[phase]), ksp)


@given(ln_s=ln_solubilities, stoich=phases)
def test_round_trip_in_logarithms(ln_s, stoich):
    s = np.exp(ln_s)
    back = solubility_from_ln_ksp(ln_ksp_from_solubility(s, stoich), stoich)
    np.testing.assert_allclose(back, s, rtol=1e-12)


@given(log10_s=st.floats(-28, -2), stoich=phases)
def test_round_trip(log10_s, stoich):
    s = 10.0**log10_s
    np.testing.assert_allclose(
        solubility_from_ksp(ksp_from_solubility(s, stoich), stoich), s, rtol=1e-11
    )


@given(ln_s=ln_solubilities, factor=st.floats(1.0001, 1e3), stoich=phases)
def test_more_soluble_means_larger_ksp(ln_s, factor, stoich):
    s = np.exp(ln_s)
    assert ln_ksp_from_solubility(factor * s, stoich) > ln_ksp_from_solubility(s, stoich)


def test_logarithm_survives_where_ksp_underflows():
    s = 1e-31 * MOLAR
    assert ksp_from_solubility(s, CS4PBBR6) == 0.0
    expected = 11 * np.log(1e-31) + 4 * np.log(4) + 6 * np.log(6)
    np.testing.assert_allclose(ln_ksp_from_solubility(s, CS4PBBR6), expected, rtol=1e-14)


def test_arrays_and_scalars_agree():
    s = np.array([1e-6, 2e-8, 3e-11])
    together = ln_ksp_from_solubility(s)
    assert together.shape == (3,)
    np.testing.assert_array_equal(together, [ln_ksp_from_solubility(v) for v in s])


def bisect(ln_ksp: float, stoich: Stoichiometry, c_a: float, c_x: float) -> float:
    """Solve the common-ion equation slowly, in mol/L, by bisection in log10 s."""
    low, high = -100.0, 3.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        s = 10.0**middle
        product = stoich.b * np.log(stoich.b * s)
        product += stoich.x * np.log(c_x + stoich.x * s)
        if stoich.a:
            product += stoich.a * np.log(c_a + stoich.a * s)
        low, high = (middle, high) if product < ln_ksp else (low, middle)
    return 10.0**low


@given(
    ln_s=st.floats(np.log(1e-9), np.log(1e-3)),
    stoich=phases,
    log10_a=st.floats(-12, 0.5),
    log10_x=st.floats(-12, 0.5),
)
def test_common_ion_matches_bisection(ln_s, stoich, log10_a, log10_x):
    ln_ksp = ln_ksp_from_solubility(np.exp(ln_s), stoich)
    c_a, c_x = 10.0**log10_a, 10.0**log10_x
    s = common_ion_solubility(ln_ksp, stoich, added_a=c_a * MOLAR, added_x=c_x * MOLAR)
    np.testing.assert_allclose(s / MOLAR, bisect(ln_ksp, stoich, c_a, c_x), rtol=1e-9)


@given(ln_s=st.floats(np.log(1e-14), np.log(1e-8)), stoich=phases, c_x=st.floats(0.1, 5.0))
def test_large_excess_of_halide(ln_s, stoich, c_x):
    """Limit s = [K / (c_A0^a b^b c_X0^x)]^(1/b), with c_A0 in large excess too where A exists."""
    ln_ksp = ln_ksp_from_solubility(np.exp(ln_s), stoich)
    c_a = 0.7
    s = common_ion_solubility(ln_ksp, stoich, added_a=c_a * MOLAR, added_x=c_x * MOLAR) / MOLAR
    ln_limit = ln_ksp - stoich.a * np.log(c_a) - stoich.x * np.log(c_x)
    limit = np.exp(ln_limit / stoich.b) / stoich.b
    np.testing.assert_allclose(s, limit, rtol=1e-3)


@given(ln_s=ln_solubilities, stoich=phases)
def test_without_additions_the_solubility_is_the_plain_one(ln_s, stoich):
    s = np.exp(ln_s)
    found = common_ion_solubility(ln_ksp_from_solubility(s, stoich), stoich)
    np.testing.assert_allclose(found, s, rtol=1e-11)


@given(ln_s=st.floats(np.log(1e-12), np.log(1e-3)), c_x=st.floats(1e-9, 1e-3))
def test_a_common_ion_lowers_the_solubility(ln_s, c_x):
    ln_ksp = ln_ksp_from_solubility(np.exp(ln_s))
    added = np.array([0.0, c_x, 2 * c_x])
    assert np.all(np.diff(common_ion_solubility(ln_ksp, added_x=added)) < 0)


def test_common_ion_broadcasts():
    ln_ksp = ln_ksp_from_solubility(np.array([1e-6, 1e-8]))[:, None]
    s = common_ion_solubility(ln_ksp, added_x=np.array([0.0, 1e-6, 1e-4]), added_a=1e-7)
    assert s.shape == (2, 3)


@pytest.mark.parametrize("bad", [0.0, -1e-6, np.nan, np.inf, np.array([1e-6, -1e-6])])
def test_impossible_solubility_is_an_error(bad):
    with pytest.raises(StudyError, match="expected a finite number > 0, found"):
        ksp_from_solubility(bad)


@pytest.mark.parametrize("bad", [0.0, -1e-12])
def test_impossible_ksp_is_an_error(bad):
    with pytest.raises(StudyError, match="solubility product K_sp"):
        solubility_from_ksp(bad)


def test_other_errors():
    with pytest.raises(StudyError, match="ln K_sp is out of range"):
        solubility_from_ln_ksp(np.nan)
    with pytest.raises(StudyError, match="added X-"):
        common_ion_solubility(-30.0, added_x=-1e-6)
    with pytest.raises(StudyError, match="without B2"):
        common_ion_solubility(-3.0, Stoichiometry(1, 0, 1))
    with pytest.raises(StudyError, match="gives no metal"):
        _ = Stoichiometry(1, 0, 1).cathodic_electrons


@pytest.mark.parametrize(
    ("ions", "message"),
    [
        ((1, 1, 2), "do not balance"),
        ((-1, 1, 1), "numbers of ions"),
        ((0, 0, 0), "numbers of ions"),
        ((0.5, 0.25, 1), "numbers of ions"),
    ],
)
def test_impossible_stoichiometry(ions, message):
    with pytest.raises(StudyError, match=message):
        Stoichiometry(*ions)
