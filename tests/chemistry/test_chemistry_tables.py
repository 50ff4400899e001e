from __future__ import annotations

import csv
from pathlib import Path

import pytest

from perovec_bayes.chemistry import (
    CSPBBR3,
    bjerrum_length,
    debye_hueckel_a,
    material,
    materials,
    solvent,
    solvents,
    stokes_einstein,
)
from perovec_bayes.constants import FARADAY
from perovec_bayes.errors import StudyError, UnitError
from perovec_bayes.units import convert

DATA = Path(__file__).parent / "data"
CONFIDENCES = {"looked up", "computed", "memory: high", "memory: medium", "memory: low"}


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("entry", [*solvents(), *materials()], ids=lambda entry: entry.name)
def test_every_value_has_unit_source_and_confidence(entry):
    assert "molar_mass" in entry.quantities
    for name, quantity in entry.quantities.items():
        assert convert(quantity.value, quantity.unit, quantity.unit) == pytest.approx(
            quantity.value
        ), name
        assert quantity.source, name
        assert quantity.confidence in CONFIDENCES, name
        assert quantity.temperature is None or 273.0 < quantity.temperature < 373.0, name


def test_names_are_unique_and_complete():
    assert len({s.name for s in solvents()}) == len(solvents()) == 44
    assert len({s.cas for s in solvents()}) == 44
    assert [s.name for s in solvents() if s.in_paper_five] == ["PC", "MeCN", "PhCN", "THF", "DCM"]
    assert len({m.name for m in materials()}) == len(materials()) == 17


@pytest.mark.parametrize("row", rows("solvent_derived.csv"), ids=lambda row: row["name"])
def test_derived_solvent_columns(printed, row):
    """Bjerrum length, A and D of a 0.35 nm ion, all at 298.15 K, against the reference figures.

    The reference A rests on the prefactor 1.82483e6; CODATA 2018 gives 1.82481e6, 1e-5 less.
    """
    entry = solvent(row["name"])
    eps_r = entry.value("relative_permittivity", "1")
    printed(1e7 * bjerrum_length(eps_r), row["bjerrum_nm"])
    a = debye_hueckel_a(eps_r)
    printed(a, row["debye_hueckel_a"], 1.1e-5 * a)
    printed(stokes_einstein(entry.value("viscosity", "Pa*s"), 0.35e-7), row["diffusion_cm2_s"])


@pytest.mark.parametrize("row", rows("material_derived.csv"), ids=lambda row: row["name"])
def test_derived_material_columns(printed, row):
    """The reference used molar volumes before they were rounded to 0.01 cm3/mol."""
    entry = material(row["name"])
    if row["electrons"]:
        assert 2 * entry.b == int(row["electrons"])
    if row["molar_volume_cm3_mol"]:
        volume = entry.molar_volume
        printed(volume, row["molar_volume_cm3_mol"])
        printed(entry.value("molar_mass", "g/mol") / volume, row["density_g_cm3"])
    if row["amount_per_nm_mol_cm2"]:
        amount = 1e-7 / volume
        charge = 1e3 * 2 * entry.b * FARADAY * amount
        doubt = 0.005 / volume if "molar_volume" in entry.quantities else 0.0
        printed(amount, row["amount_per_nm_mol_cm2"], amount * doubt)
        printed(charge, row["charge_per_nm_mC_cm2"], charge * doubt)


def test_values_of_the_source_compilation():
    pc = solvent("PC")
    assert (pc.cas, pc.in_paper_five) == ("108-32-7", True)
    assert pc.value("viscosity", "Pa*s") == pytest.approx(2.53e-3)
    assert pc.value("donor_number", "kcal/mol") == 15.1
    assert pc.quantities["donor_number"].confidence == "memory: high"
    assert solvent("EC").quantities["viscosity"].temperature == 313.15
    perovskite = material("CsPbBr3")
    assert perovskite.stoichiometry == CSPBBR3
    assert perovskite.value("band_gap", "eV") == 2.36
    assert "NC 2.40-2.46" in perovskite.quantities["band_gap"].note
    assert perovskite.value("exciton_binding_energy", "eV") == pytest.approx(0.0325)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: solvent("dcm"), "unknown solvent; found 'dcm'. Nearest known: DCM"),
        (lambda: solvent("xyzzy"), "expected one of PC, MeCN"),
        (lambda: material("CsPBr3"), "Nearest known: CsPbBr3"),
        (lambda: solvent("EC").value("acceptor_number", "1"), "not tabulated for EC; expected one"),
        (lambda: material("Pb").stoichiometry, "material Pb"),
        (lambda: material("CsOA").molar_volume, "'cell_volume' is not tabulated for CsOA"),
    ],
)
def test_errors(call, message):
    with pytest.raises(StudyError, match=message):
        call()


def test_wrong_unit():
    with pytest.raises(UnitError, match="wrong dimension"):
        solvent("PC").value("viscosity", "eV")
