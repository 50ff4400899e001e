from __future__ import annotations

import numpy as np
import pytest

from perovec_bayes.chemistry import (
    Stoichiometry,
    aqueous_ln_ksp,
    born_slope,
    cathodic_potential,
    ln_ksp_from_solubility,
    solvent_shift,
    transfer_estimate,
    transfer_shift,
)
from perovec_bayes.errors import StudyError

PC, DCM = 2.38e-6, 2.03e-11  # mol/cm3


@pytest.mark.parametrize(("m", "volt"), [(5, "0.75"), (4, "0.60"), (3, "0.45"), (2, "0.30")])
def test_number_of_dissolved_species(printed, m, volt):
    printed(solvent_shift(PC, DCM, m), volt)


def test_full_dissociation_is_the_difference_of_the_formal_potentials():
    e = [cathodic_potential(0.0, ln_ksp_from_solubility(s)) for s in (PC, DCM)]
    np.testing.assert_allclose(solvent_shift(PC, DCM, 5), e[0] - e[1], rtol=1e-12)


def test_m_as_a_sampled_index():
    draws = np.array([5, 2, 3])
    np.testing.assert_allclose(solvent_shift(PC, DCM, draws), draws * solvent_shift(PC, DCM, 1))


@pytest.mark.parametrize(
    ("name", "volt"),
    [
        ("water", "-0.76"),
        ("PC", "-1.19"),
        ("MeCN", "-1.28"),
        ("DMF", "-1.27"),
        ("DMSO", "-1.12"),
        ("DCM", "-1.49"),
    ],
)
def test_transfer_energy_estimates(printed, name, volt):
    printed(transfer_estimate(name), volt)


def test_estimate_in_water_rests_on_this_solubility_product(printed):
    printed(aqueous_ln_ksp() / np.log(10.0), "-7.9")


def test_pc_dcm_difference_by_transfer_energies(printed):
    printed(transfer_estimate("PC") - transfer_estimate("DCM"), "0.30")


def test_transfer_shift_counts_ions_and_electrons():
    assert transfer_shift(0.0, 0.0) == 0.0
    one_volt = 96.48533212  # kJ/mol for one electron
    np.testing.assert_allclose(transfer_shift(one_volt, one_volt), -2.0)
    np.testing.assert_allclose(transfer_shift(one_volt, one_volt, Stoichiometry(1, 2, 5)), -1.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: solvent_shift(0.0, DCM, 5), "s_1"),
        (lambda: solvent_shift(PC, -1.0, 5), "s_2"),
        (lambda: solvent_shift(PC, DCM, 7), "from 1 to 5, found 7"),
        (lambda: solvent_shift(PC, DCM, 5, temperature=-1.0), "temperature"),
        (lambda: transfer_shift(np.nan, 1.0), "transfer energy of A"),
        (lambda: aqueous_ln_ksp(temperature=0.0), "temperature"),
        (lambda: transfer_estimate("THF"), "'transfer_energy_Cs' is not tabulated for THF"),
        (lambda: transfer_estimate("PCC"), "unknown solvent"),
    ],
)
def test_errors(call, message):
    with pytest.raises(StudyError, match=message):
        call()


@pytest.mark.parametrize(("m", "decades"), [(5, "13.1"), (4, "5.8"), (3, "4.4"), (2, "5.2")])
def test_born_slopes_predict_these_decades_from_pc_to_dcm(printed, m, decades):
    printed(born_slope(m) * (1 / 64.91 - 1 / 8.82), decades)


@pytest.mark.parametrize("m", [1, 6])
def test_born_slope_of_an_impossible_number_of_species_is_refused(m):
    with pytest.raises(StudyError, match="number of dissolved species m"):
        born_slope(m)
