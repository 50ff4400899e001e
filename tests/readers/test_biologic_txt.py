import numpy as np
import pytest
import reader_samples as samples

from perovec_bayes.errors import DataError, StudyError
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


ALL = {"mode": "2", "half cycle": "0", "Q charge/discharge/mA.h": "0", **samples.BIOLOGIC,
       "cycle number": "{cycle}"}  # fmt: skip


def test_blanks_in_headings_do_not_part_them(tmp_path):
    path = tmp_path / "run.dat"
    path.write_text("\n" + samples.columns(ALL))
    ds = read(path)
    assert ds["current"].values == pytest.approx(samples.wave(*samples.triangle(2)))
    assert np.bincount(ds["cycle"].values).tolist() == [0, 80, 80, 1]


def test_what_was_not_under_potential_control_is_no_voltammogram(tmp_path, fails):
    path = tmp_path / "run.dat"
    path.write_text(samples.columns(ALL | {"mode": "1"}))
    fails(DataError, ["no point under potential control", "found 1"], path)
    lines = samples.columns(ALL).split("\n")
    lines[1:6] = [line.replace("2", "3", 1) for line in lines[1:6]]
    path.write_text("\n".join(lines))
    ds = read(path)
    assert ds.sizes["point"] == 156
    assert "5 points at open circuit or under current control left out" in ds.attrs["note"]
