"""Real optical and ICP-OES files, beside the repository in ../shared/real-data."""

import csv
import json

import numpy as np
import pytest

from perovec_bayes import schema
from perovec_bayes.errors import DataError
from perovec_bayes.readers import describe, read


def test_andor_binary_is_the_text(real):
    text, binary = (read(real / "andor_sif_asc" / f"raman1.{end}") for end in ("asc", "sif"))
    assert schema.validate(binary) is binary
    np.testing.assert_allclose(binary["wavelength"], text["wavelength"], atol=4e-5)
    np.testing.assert_allclose(binary["signal"], text["signal"], rtol=5e-6)
    assert binary.sizes["wavelength"] == 1024
    assert text.attrs["start_time"] == "2017-09-08T15:03:52"
    assert binary.attrs["start_time"] == "2017-09-08T13:03:52 UTC"
    assert text.attrs["exposure_s"] == binary.attrs["exposure_s"] == pytest.approx(0.1)


def test_perovskite_emission_scan(real):
    (path,) = (real / "hzb_hysprint").glob("*.pl.csv")
    ds = read(path)
    nm, counts = ds["wavelength"].values, ds["signal"].values[0]
    peak = int(np.argmax(counts))
    assert nm[peak] == 773
    half = np.flatnonzero(counts > counts[peak] / 2)
    assert nm[half[-1]] - nm[half[0]] == pytest.approx(47, abs=1.5)
    assert ds.attrs["quantity"] == "intensity"


def test_stellarnet_absorbance(real):
    ds = read(real / "hzb_chemical_energy" / "calib_30min_0.1ppm.ABS")
    nm = ds["wavelength"].values
    assert (nm.size, nm[0], nm[-1]) == (1274, 265.0, 901.5)
    assert ds.attrs["quantity"] == "absorbance"
    assert ds.attrs["exposure_s"] == pytest.approx(0.025)
    assert float(ds["signal"].sel(wavelength=900.5)[0]) == pytest.approx(-2.9396e-2)


def test_princeton_spectrum(real):
    ds = read(real / "princeton_spe" / "step_and_glue_v2_Andor.spe")
    nm = ds["wavelength"].values
    assert nm.size == 4711
    assert nm[0] == pytest.approx(150.0, abs=0.01)
    assert nm[-1] == pytest.approx(850.0, abs=0.3)
    assert ds.attrs["start_time"] == "2024-11-21T11:29:32"
    assert ds.attrs["exposure_s"] == pytest.approx(0.02)


SEAWATER = "250130_Seawaters.csv"
CERTIFIED_MG_KG = {"Ca": 412.0, "Mg": 1290.0, "Sr": 7.9, "K": 399.0}


@pytest.fixture
def seawater(real):
    """Read the samples with the IAPSO standards, whose strengths are in their labels."""
    path = real / "icp_agilent_seawater" / SEAWATER
    with path.open(encoding="utf-8") as lines:
        labels = [row["Solution Label"] for row in csv.DictReader(lines)]
    standards = {
        label: {
            element: {"value": float(label.removeprefix("IAPSOf")) * value, "unit": "mg/L"}
            for element, value in CERTIFIED_MG_KG.items()
        }
        for label in labels
        if label.startswith("IAPSOf")
    }

    def calibrated(lines, **options):
        ds = read(
            path, standards=standards, lines=lines, solute="sea salt", solvent="water", **options
        )
        return ds, json.loads(ds.attrs["calibration"])

    return calibrated


def test_iapso_calibration_lines(seawater):
    lines = ["Ca R 422.673", "Mg R 285.213", "Sr Ax 407.771"]
    ds, fits = seawater(lines, blanks=["Blank"])
    assert schema.validate(ds) is ds
    assert all(fit["points"] == 5 for fit in fits.values())  # one standard was not measured
    assert all(fit["r_squared"] > 0.9998 for fit in fits.values())
    assert ds.sizes["measurement"] == 36
    assert (ds["sd"] < 0.1 * ds["value"]).all()


def test_iapso_potassium_has_a_large_intercept(seawater):
    _, fits = seawater(["K Ax 766.491"], reading_sd=5000.0, samples={"aquarium_main_07/11/24": {}})
    (fit,) = fits.values()
    assert fit["intercept"] > 10 * np.sqrt(fit["var_intercept"])
    assert fit["intercept"] > 1e5


def test_seawater_without_calibration_is_described(real):
    ds = read(real / "icp_agilent_seawater" / SEAWATER)
    assert (ds.sizes["solution"], ds.sizes["line"]) == (18, 35)
    assert np.isnan(ds["reading"].values[1]).all()  # IAPSOf0.6 is empty
    assert any("standards" in words for words in describe(ds).missing)


@pytest.mark.parametrize("name", ["IAPSO.csv", "IAPSO_standard.csv"])
def test_certificates_are_no_measurements(real, name):
    with pytest.raises(DataError, match=r"docs/data\.md"):
        read(real / "icp_agilent_seawater" / name)


def test_stormwater_is_refused_as_it_is(real):
    with pytest.raises(DataError, match=r"name the columns as in docs/data\.md"):
        read(real / "censored_stormwater_wqio" / "testdata.csv")


def test_stormwater_qualifiers(real, tmp_path):
    """The same results under the names of `icp_table`: as many are censored as have ND."""
    symbols = {"Copper": "Cu", "Lead": "Pb", "Zinc": "Zn", "Cadmium": "Cd"}
    path = real / "censored_stormwater_wqio" / "testdata.csv"
    with path.open(encoding="utf-8") as lines:
        rows = [r for r in csv.DictReader(lines) if r["parameter"].split(",")[0] in symbols]
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out)
        table.writerow(
            ["sample", "element", "solute", "solvent", "replicate", "value", "unit", "qualifier"]
        )
        for number, row in enumerate(rows, start=1):
            element = symbols[row["parameter"].split(",")[0]]
            cells = [row["site"], element, "dust", "water", number, row["res"]]
            table.writerow([*cells, row["units"], row["qual"]])
    ds = read(tmp_path / "a.csv")
    found = [row["qual"] for row in rows].count("ND")
    assert found > 50
    assert int((ds["censoring"] == "left").sum()) == found
    assert ds.sizes["measurement"] == len(rows)
