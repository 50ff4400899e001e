import json

import numpy as np
import pytest
import reader_samples as samples

from perovec_bayes.errors import DataError
from perovec_bayes.readers import read


@pytest.fixture
def file(tmp_path):
    def write(content=None, **kwargs):
        path = tmp_path / "run.dat"
        path.write_bytes(samples.session(**kwargs) if content is None else content)
        return path

    return write


def test_scans_are_laid_one_after_the_other(file):
    ds = read(file())
    time, potential = samples.triangle(1)
    assert ds.attrs["reader"] == "palmsens_session"
    assert np.bincount(ds["cycle"].values).tolist() == [0, 81, 81]
    assert ds["time"].values[:81] == pytest.approx(time)
    assert np.diff(ds["time"].values)[80] == pytest.approx(time[1])
    assert ds["potential"].values[81:] == pytest.approx(potential)
    assert ds["current"].values[81:] == pytest.approx(samples.wave(time, potential))
    assert "others in the file: 1 'Open Circuit'" in ds.attrs["note"]
    assert np.isnan(ds.attrs["area_cm2"])
    assert "current_sign_assumed" not in ds.attrs


def test_one_scan_and_another_unit(file):
    ds = read(file(scans=1, unit="PalmSens.Units.MilliAmpere", method="lsv"))
    assert ds.sizes["point"] == 81
    time, potential = samples.triangle(1)
    assert ds["current"].values == pytest.approx(1e3 * samples.wave(time, potential))


def test_a_measurement_can_be_picked(file, fails):
    assert read(file(), table=2).sizes["point"] == 162
    fails(DataError, "'Open Circuit' is not a voltammetry", file(), table="Open Circuit")
    fails(DataError, "'Cyclic Voltammetry' is not a voltammetry", file(method="eis"), table=2)


def test_without_a_mark_or_in_utf_8(file):
    text = samples.session().decode("utf-16")
    for encoding in ("utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"):
        assert read(file(text.encode(encoding))).sizes["point"] == 162


def test_lower_case_keys_of_earlier_versions(file):
    text = samples.session().decode("utf-16")
    for key in ("Type", "Measurements", "Title", "Method", "DataSet", "Values", "ArrayType",
                "Description", "Unit", "DataValues", "V", "S"):  # fmt: skip
        text = text.replace(f'"{key}": ', f'"{key.lower()}": ')
    assert read(file(text.encode("utf-16"))).equals(read(file()))


def test_a_scan_that_was_stopped_early(file):
    whole = json.loads(samples.session().decode("utf-16").removesuffix("\ufeff"))
    for array in whole["Measurements"][1]["DataSet"]["Values"][-2:]:
        del array["DataValues"][50:]
    ds = read(file(json.dumps(whole).encode()))
    time, _ = samples.triangle(1)
    assert np.bincount(ds["cycle"].values).tolist() == [0, 81, 50]
    assert ds["time"].values[81:] == pytest.approx(time[:50] + time[-1] + time[1])


def put(old, new):
    return samples.session().decode("utf-16").replace(old, new).encode("utf-16")


DEEP = '"x": ' + "[" * 100_000 + "]" * 100_000 + ', "Measurements": '
BAD = {
    "cut short": (samples.session()[:4000], "not JSON"),
    "nested": (put('"Measurements": ', DEEP), "not JSON"),
    "no measurements": (put('"Measurements"', '"Nothing"'), "no measurements"),
    "unknown unit": (put("Units.MicroAmpere", "Units.Poise"), "no potential and current"),
    "text": (put('"V": 0.1, "S": 0}', '"V": "much", "S": 0}'), "values that are no numbers"),
    "infinite": (put('"V": 0.1, "S": 0}', '"V": 1e999, "S": 0}'), "values that are no numbers"),
    "lengths": (put('{"V": 0.1, "S": 0}, ', ""), "arrays of different lengths"),
}


@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD)
def test_bad_file(file, fails, content, words):
    fails(DataError, words, file(content))
