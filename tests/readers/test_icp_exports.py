import json

import numpy as np
import openpyxl
import pytest
from instrument_samples import AGILENT_ICP, STANDARDS, qtegra, turned

from perovec_bayes import schema
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers import describe, read
from perovec_bayes.readers.icp_cells import understand

PB, CS = 207.2, 132.90545196
SYSTEM = {"solute": "CsPbBr3", "solvent": "PC"}
LINES = {"lines": ["Pb Ax 220.353", "Cs R 455.531"]}
CALIBRATED = {"standards": STANDARDS, "blanks": ["Blank"], **LINES, **SYSTEM}


@pytest.fixture
def file(tmp_path):
    def write(content, name="a.txt"):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return write


def values(ds, element, sample):
    mine = (ds["element"] == element) & (ds["sample"] == sample)
    return ds.isel(measurement=mine.values)


def test_intensities_without_a_calibration_are_described(file):
    ds = read(file(AGILENT_ICP))
    assert schema.validate(ds) is ds
    assert ds.attrs["technique"] == "icp_readings"
    assert ds["line"].values.tolist() == ["Pb Ax 220.353", "Pb R 261.418", "Cs R 455.531"]
    assert np.isnan(ds["reading"].values[-2:, 2]).all()  # #### and -- are missing, not 0
    missing = " ".join(describe(ds).missing)
    for word in ("standards", "blanks", "solute", "samples"):
        assert word in missing


def test_intensities_through_a_calibration(file):
    ds = read(file(AGILENT_ICP), **CALIBRATED, dilution=100)
    assert schema.validate(ds) is ds
    lead = values(ds, "Pb", "film A")
    assert lead["replicate"].values.tolist() == [1, 2]
    np.testing.assert_allclose(lead["value"], np.array([3.0, 3.016]) * 1e-6 / PB, rtol=5e-3)
    assert ((lead["sd"] > 0) & (lead["sd"] < 0.02 * lead["value"])).all()
    assert (ds["dilution"] == 100).all()
    cesium = values(ds, "Cs", "film A")
    assert cesium["value"].size == 1  # the other is ####
    np.testing.assert_allclose(cesium["value"], 5.8e-6 / CS, rtol=1e-2)
    blank_like = values(ds, "Pb", "film B")
    assert blank_like["censoring"].values.tolist() == ["left"]
    assert np.isnan(blank_like["value"]).all()
    kept = json.loads(ds.attrs["calibration"])["Pb Ax 220.353"]
    assert kept["points"] == 5
    assert kept["intercept"] == pytest.approx(100, abs=5)
    assert "common to all samples" in ds.attrs["note"]
    assert "2 readings are missing" in ds.attrs["note"]


def test_samples_by_label(file):
    samples = {
        "film A": {"sample": "A", "dilution": 10},
        "film B": {"sample": "A", "solvent": "DCM"},
    }
    ds = read(file(AGILENT_ICP), **CALIBRATED, samples=samples)
    lead = ds.isel(measurement=(ds["element"] == "Pb").values)
    assert lead["sample"].values.tolist() == ["A", "A", "A"]
    assert lead["replicate"].values.tolist() == [1, 2, 3]
    assert lead["solvent"].values.tolist() == ["PC", "PC", "DCM"]
    np.testing.assert_equal(lead["dilution"].values, [10, 10, np.nan])


def test_the_same_export_as_a_workbook(tmp_path, file):
    book = openpyxl.Workbook()
    for i, line in enumerate(AGILENT_ICP.splitlines()):
        cells = line.split(",")
        book.active.append(cells[:2] + [float(c) if i and c[0].isdigit() else c for c in cells[2:]])
    book.save(tmp_path / "a.xlsx")
    one, other = read(tmp_path / "a.xlsx", **CALIBRATED), read(file(AGILENT_ICP), **CALIBRATED)
    np.testing.assert_allclose(one["value"], other["value"])


def test_concentrations_need_to_know_what_ppm_is(file, fails):
    rows = "Solution Label;Pb 220.353 nm ppm\nA;2,5\nB;<0,1\nC;>50\nD;uncal\nE;3 o\n"
    path = file(rows)
    assert read(path, decimal=",").attrs["technique"] == "icp_readings"
    fails(StudyError, "ppm: by volume or by mass?", path, decimal=",", **SYSTEM)
    ds = read(path, decimal=",", ppm_is="mg/L", **SYSTEM)
    assert ds["censoring"].values.tolist() == ["none", "left", "right"]
    assert ds["value"].values[0] == pytest.approx(2.5e-6 / PB)
    assert ds["lod"].values[1] == pytest.approx(0.1e-6 / PB)
    assert ds["upper"].values[2] == pytest.approx(50e-6 / PB)
    assert np.isnan(ds["sd"]).all()
    assert "over range" in ds.attrs["note"]
    mass = {"ppm_is": "mg/kg", "decimal": ","}
    fails(StudyError, "needs the density", path, **mass, **SYSTEM)
    heavy = read(path, **mass, density={"value": 1.2, "unit": "g/mL"}, **SYSTEM)
    assert heavy["value"].values[0] == pytest.approx(1.2 * 2.5e-6 / PB)


def test_a_comma_is_a_decimal_mark_only_where_it_must_be(file, fails):
    """A factor of a thousand: asked for, not guessed."""
    path = file("Solution Label;Pb 220.353 nm mg/L\nA;1,234\nB;2,500\n")
    fails(DataError, "thousands mark", path, **SYSTEM)
    for decimal, first in ((",", 1.234), (".", 1234.0)):
        ds = read(path, decimal=decimal, **SYSTEM)
        assert ds["value"].values[0] == pytest.approx(first * 1e-6 / PB)
    told = file("Solution Label;Pb 220.353 nm mg/L\nA;1,234\nB;2,5\n")
    assert read(told, **SYSTEM)["value"].values[0] == pytest.approx(1.234e-6 / PB)


@pytest.mark.parametrize("cell", ["0", "-0.2"])
def test_zero_is_never_a_concentration(file, fails, cell):
    path = file(f"Solution Label,Pb 220.353 nm mg/L\nA,{cell}\n")
    fails(DataError, ["line 2", "not positive", "<limit"], path, **SYSTEM)


def test_not_detected_needs_a_limit(file, fails):
    path = file("Solution Label,Pb 220.353 nm mg/L\nA,ND\n")
    fails(DataError, ["line 2", "not detected, but no limit"], path)


@pytest.mark.parametrize(("delimiter", "decimal"), ["\t.", ";.", ";,", ",."])
def test_qtegra_concentrations(file, delimiter, decimal):
    path = file(qtegra(delimiter=delimiter, decimal=decimal))
    samples = {"film A": {}, "film B": {}}
    ds = read(path, ppm_is="mg/L", samples=samples, **SYSTEM)
    assert schema.validate(ds) is ds
    lead = values(ds, "Pb", "film A")
    np.testing.assert_allclose(lead["value"], np.array([3.001, 3.02]) * 1e-6 / PB)
    assert np.isnan(ds["sd"]).all()  # scatter of exposures is not the error of a concentration
    assert values(ds, "Cs", "film A")["value"].size == 1  # the other is N/A
    below = values(ds, "Pb", "film B")
    assert below["censoring"].values.tolist() == ["left"]
    assert below["lod"].values[0] == pytest.approx(0.02e-6 / PB)
    assert values(ds, "Cs", "film B")["lod"].values[0] == pytest.approx(0.04e-6 / CS)


def test_qtegra_with_one_solution_a_column(file):
    upright = read(file(qtegra().replace("Y (ppm)", "Y [ppm]")))
    assert read(file(turned(qtegra()))).equals(upright)
    assert set(upright["unit"].values) == {"ppm"}


def test_qtegra_with_names_that_run_long(file):
    lines = qtegra().split("\n")
    wide = [
        line + "\t" + "\t".join([cell] * 2000) if line else ""
        for line, cell in zip(lines, ["IntCal.Other", "0", "", "Y"] + [""] * 20, strict=False)
    ]
    assert read(file("\n".join(wide))).equals(read(file(qtegra())))


def test_qtegra_intensities_and_the_standards_of_the_file(file):
    ds = read(file(qtegra()), standards="file", ppm_is="mg/L", **SYSTEM)
    lead = values(ds, "Pb", "film A")
    np.testing.assert_allclose(lead["value"], np.array([3.0, 3.017]) * 1e-6 / PB, rtol=5e-3)
    assert (lead["sd"] > 0).all()
    assert "block Raw.Average" in ds.attrs["note"]
    assert set(ds["sample"].values) == {"film A", "film B"}


WRONG = {
    "two lines of an element": ({"lines": None}, "several lines of Pb"),
    "two lines chosen": ({"lines": ["Pb Ax 220.353", "Pb R 261.418"]}, "two lines of one element"),
    "no such line": ({"lines": ["Pb Ax 220.35"]}, "Did you mean 'Pb Ax 220.353'?"),
    "no such standard": ({"standards": {"Std 9": {}}}, "no such solution"),
    "no such blank": ({"blanks": ["Blnk"]}, "no such solution"),
    "no standards": ({"standards": {}}, "too few standards"),
    "no solvent": ({"solvent": ""}, "no solvent of a sample"),
    "weights": ({"weights": "1/x"}, "unknown weights"),
    "dilution": ({"dilution": 0}, "not positive"),
    "ppm standard": ({"standards": {"Std 1": {"Pb": {"value": 1, "unit": "ppb"}}}}, "by mass?"),
    "unit": ({"standards": {"Std 1": {"Pb": {"value": 1, "unit": "V"}}}}, "not a unit of conc"),
    "standard and sample": ({"samples": {"Std 1": {}}}, "a standard or blank, and a sample"),
    "unknown sample": ({"samples": {"film Z": {}}}, "unknown key 'film Z'"),
}


@pytest.mark.parametrize(("changes", "words"), WRONG.values(), ids=WRONG)
def test_what_the_study_says_wrongly(file, fails, changes, words):
    options = {k: v for k, v in (CALIBRATED | changes).items() if v is not None}
    fails(StudyError, words, file(AGILENT_ICP), **options)


@pytest.mark.parametrize(
    ("cell", "kind", "written"),
    [
        ("5.2", "value", "5.2"),
        ("< 5", "left", "5"),
        ("<=5", "left", "5"),
        ("5 U", "left", "5"),
        ("5J", "value", "5"),
        (">500", "right", "500"),
        ("123.4 o", "over", "123.4"),
        ("n.d.", "absent", ""),
        ("<LOD", "absent", ""),
        ("BDL", "absent", ""),
        ("U", "absent", ""),
        ("", "missing", ""),
        ("--", "missing", ""),
        ("Uncal", "missing", ""),
        ("#####", "missing", ""),
        ("1e3", "value", "1e3"),
    ],
)
def test_what_cells_mean(cell, kind, written):
    assert understand(cell) == (kind, written)
