import numpy as np
import pytest
import reader_samples as samples

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers import read

RATE = {"scan_rate": {"value": 100, "unit": "mV/s"}}


@pytest.fixture
def file(tmp_path):
    def write(content=None, encoding="utf-16", **kwargs):
        path = tmp_path / "run.dat"
        path.write_bytes(
            (samples.pstrace(**kwargs) if content is None else content).encode(encoding)
        )
        return path

    return write


@pytest.mark.parametrize(
    ("kwargs", "encoding"),
    [({}, "utf-16"), ({}, "utf-8-sig"), ({"separator": ";", "decimal": ","}, "utf-16-le")],
)
def test_all_scans_of_the_first_voltammogram(file, kwargs, encoding):
    ds = read(file(encoding=encoding, **kwargs), **RATE)
    _, potential = samples.triangle(1)
    assert ds.attrs["reader"] == "pstrace_csv"
    assert np.bincount(ds["cycle"].values).tolist() == [0, 81, 81]
    assert ds["potential"].values[81:] == pytest.approx(potential, abs=1e-6)
    assert np.abs(ds["current"].values).max() == pytest.approx(1.4e-6, rel=0.01)
    assert "Differential Pulse" in ds.attrs["note"]


def test_a_scan_may_end_before_another(file):
    lines = samples.pstrace().rstrip().split("\r\n")
    lines += ["0.001000,0.5,,,,", ""]
    ds = read(file("\r\n".join(lines)), **RATE)
    assert np.bincount(ds["cycle"].values).tolist() == [0, 82, 81]
    assert "warnings" not in ds.attrs


@pytest.mark.parametrize("stamps", [None, ["13:32:13", "13:40:00", "13:50:00"]])
def test_measurements_of_the_same_title_are_not_joined(file, stamps):
    time, potential = samples.triangle(1)
    top = ["Date and time:,2025-03-29 23:18:59", "Notes:", ",".join(["film,"] * 3)]
    if stamps:
        top.append(",".join(f"Date and time measurement:,2025-03-29 {s}" for s in stamps))
    rows = [",".join([f"{e:.5f},{k}"] * 3) for k, e in enumerate(potential)]
    text = "\r\n".join([*top, "V,µA,V,µA,V,µA", *rows, ""])
    ds = read(file(text), **RATE)
    assert ds.sizes["point"] == time.size
    assert "others in the file: 2 'film (2)', 3 'film (3)'" in ds.attrs["note"]
    assert read(file(text), table=3, **RATE).sizes["point"] == time.size


def test_scans_of_one_time_are_joined(file):
    top = ["Date and time:,2025-03-29 23:18:59", "film,,film,",
           ",".join(["Date and time measurement:,2025-03-29 13:32:13"] * 2)]  # fmt: skip
    rows = [",".join([f"{e:.5f},{k}"] * 2) for k, e in enumerate(samples.triangle(1)[1])]
    ds = read(file("\r\n".join([*top, "V,µA,V,µA", *rows, ""])), **RATE)
    assert ds.sizes["point"] == 162


def test_a_scan_rate_is_needed(file, fails):
    line = fails(StudyError, "no time column and no scan rate", file())
    assert "162 points" in line


def test_pulses_are_refused(file, fails):
    fails(DataError, "is not a voltammetry that is modelled", file(), table=2, **RATE)
    pulsed = file(title="Square Wave Voltammetry: i vs E")
    fails(DataError, "Square Wave", pulsed, **RATE)


def test_currents_without_a_potential(file, fails):
    text = samples.pstrace().replace("V,µA", "s,µA")
    fails(DataError, ["no potential with", ".pssession"], file(text))


def test_no_units(file, fails):
    fails(DataError, "no row of units", file(samples.pstrace().replace("µA", "much")))
