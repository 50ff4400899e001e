import numpy as np
import pytest
from instrument_samples import STANDARDS, perkinelmer_icp

from perovec_bayes import schema
from perovec_bayes.constants import MOLAR_MASS
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers import read

SYSTEM = {"solute": "CsPbBr3", "solvent": "PC"}


@pytest.fixture
def file(tmp_path):
    def write(content=None, encoding="utf-8", **kwargs):
        path = tmp_path / "a.dat"
        path.write_bytes(
            (perkinelmer_icp(**kwargs) if content is None else content).encode(encoding)
        )
        return path

    return write


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(",", "utf-8"), ("\t", "utf-16"), (";", "utf-8-sig")]
)
def test_intensities_are_described(file, delimiter, encoding):
    ds = read(file(delimiter=delimiter, encoding=encoding))
    assert schema.validate(ds) is ds
    assert ds.attrs["reader"] == "perkinelmer_icp"
    assert ds["label"].values.tolist() == [
        "Blank", "Std 1", "Std 2", "Std 3", "Std 4", "film A", "film A",
    ]  # fmt: skip
    assert ds["line"].values.tolist() == ["Pb 220.353", "Cs 455.531", "Sc"]
    assert ds["emission"].values.tolist() == [220.353, 455.531, 361.376]
    assert ds["reading"].values[6].tolist() == [3121.0, 322.1, 1e6]
    assert set(ds["unit"].values) == {"counts"}


def test_intensities_through_a_calibration(file):
    ds = read(file(), lines=["Pb 220.353"], blanks=["Blank"], standards=STANDARDS, **SYSTEM)
    mass = ds["value"].values * MOLAR_MASS["Pb"] * 1e6  # mg/L
    np.testing.assert_allclose(mass, [3.0, 3.017], rtol=5e-3)
    assert (ds["sd"] > 0).all()


def test_concentrations_need_their_unit(file, fails):
    path = file()
    fails(StudyError, "does not state the unit of 'Conc (Samp)'", path, reading="Conc (Samp)")
    ds = read(
        path,
        reading="Conc (Samp)",
        reading_unit="mg/L",
        lines=["Pb 220.353"],
        samples={"film A": {}},
        **SYSTEM,
    )
    np.testing.assert_allclose(ds["value"] * MOLAR_MASS["Pb"] * 1e6, [3.105, 3.121])
    fails(StudyError, "no such reading", path, reading="Conc")
    fails(StudyError, "an intensity needs no unit", path, reading_unit="mg/L")


def test_a_line_that_comes_again_is_another_solution(file):
    ds = read(file(perkinelmer_icp().replace("Std 2", "Std 1")))
    assert ds["label"].values.tolist()[:3] == ["Blank", "Std 1", "Std 1"]
    assert np.isfinite(ds["reading"]).all()


def test_bad_files(file, fails):
    fails(DataError, "not an emission line", file(perkinelmer_icp().replace("Pb 220.353", "lead")))
    fails(DataError, "not an emission line", file(perkinelmer_icp().replace("361.376", "")))
    fails(DataError, "not a number", file(perkinelmer_icp().replace("3105.000", "much")))
