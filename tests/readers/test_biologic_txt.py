import numpy as np
import pytest
import reader_samples as samples

from perovec_bayes.errors import StudyError
from perovec_bayes.readers import read


@pytest.mark.parametrize(("decimal", "newline"), [(".", "\n"), (",", "\r\n")])
def test_columns_of_ec_lab_without_its_header(tmp_path, decimal, newline):
    path = tmp_path / "run.dat"
    path.write_text(samples.columns(samples.BIOLOGIC, "\t", decimal, newline), newline="")
    ds = read(path)
    time, potential = samples.triangle(2)
    assert ds.attrs["reader"] == "biologic_txt"
    assert ds["time"].values == pytest.approx(time)
    assert ds["current"].values == pytest.approx(samples.wave(time, potential))
    assert np.bincount(ds["cycle"].values).tolist() == [0, 80, 81]
    assert ds.attrs["source_current_sign"] == "anodic_positive"


def test_two_columns_need_a_scan_rate(tmp_path, fails):
    path = tmp_path / "run.dat"
    heads = {key: samples.BIOLOGIC[key] for key in ("Ewe/V", "<I>/mA")}
    path.write_text(samples.columns(heads))
    fails(StudyError, ["no time column and no scan rate", "161 points"], path)
    ds = read(path, scan_rate={"value": 100, "unit": "mV/s"})
    assert ds["time"].values == pytest.approx(samples.triangle(2)[0])
