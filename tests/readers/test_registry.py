import subprocess
import sys

import numpy as np
import pytest
from reader_samples import mpt, triangle

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers import READERS, describe, read

META = {"current_sign": "anodic_positive"}
COLUMNS = {
    "time": {"name": "t", "unit": "s"},
    "potential": {"name": "E", "unit": "V"},
    "current": {"name": "I", "unit": "A"},
}


def test_names_and_descriptions():
    for name, reader in READERS.items():
        assert name == reader.name
        assert reader.description


def test_unknown_content_lists_the_formats(tmp_path, fails):
    path = tmp_path / "a.mpt"  # the name is no evidence
    path.write_text("hello\n")
    fails(DataError, [*READERS, "format = 'delimited'"], path)


def test_unknown_format_is_the_studys_mistake(tmp_path, fails):
    fails(StudyError, ["unknown format 'mpt'", *READERS], tmp_path / "a", "mpt")


def test_a_stated_format_goes_before_the_content(tmp_path):
    path = tmp_path / "a.mpt"
    path.write_text(mpt(), encoding="utf-8")
    columns = {
        "time": {"name": "time/s", "unit": "s"},
        "potential": {"name": "control/V", "unit": "V"},
        "current": {"name": "<I>/mA", "unit": "mA"},
    }
    ds = read(path, "delimited", columns=columns, meta=META, delimiter="tab", header=10)
    assert ds.attrs["reader"] == "delimited"


def test_readers_import_no_model():
    code = "import sys, perovec_bayes.readers; print({'jax', 'pymc', 'arviz'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.fixture
def summary(tmp_path):
    def make(time, potential, current, meta=META):
        path = tmp_path / "a.csv"
        table = np.column_stack([time, potential, current])
        np.savetxt(path, table, delimiter=",", header="t,E,I", comments="", fmt="%.12g")
        return describe(read(path, columns=COLUMNS, meta=meta))

    return make


def wave(time, potential):
    """A reversible-looking wave: the sweep up runs above the sweep down."""
    return np.tanh((potential - 0.2) / 0.05) + 0.4 * np.sign(np.gradient(potential, time))


def test_summary_of_a_good_cv(summary):
    time, potential = triangle()
    meta = META | {
        "reference": "Ag/AgCl",
        "reference_offset": {"value": 0.4, "unit": "V", "sd": 0.01},
        "area": {"value": 0.07, "unit": "cm^2", "sd": 0.001},
        "temperature": {"value": 25, "unit": "degC"},
        "solvent": "DCM",
    }
    good = summary(time, potential, wave(time, potential) * 1e-6, meta)
    facts = dict(good.facts)
    assert good.missing == ()
    assert good.suspect == ()
    assert facts["points"] == "161 (by cycle 1: 80, 2: 81)"
    assert facts["scan rate"].startswith("0.1 V/s")
    assert facts["Fc+/Fc against it"] == "0.4 +- 0.01 V"
    assert facts["area"] == "0.07 +- 0.001 cm^2"
    assert facts["solvent"] == "DCM"
    assert facts["units in file"] == "time: s, potential: V, current: A"


def test_summary_names_what_is_missing(summary):
    time, potential = triangle()
    missing = " ".join(summary(time, potential, np.sin(time)).missing)
    for words in ("temperature", "meta.reference", "meta.reference_offset", "meta.area"):
        assert words in missing


def test_summary_names_what_looks_wrong(summary):
    time, potential = triangle()
    current = wave(time, potential)
    late = np.where(np.arange(time.size) > 60, time + 30, time)
    assert "a gap of 30.1 s after 6 s" in summary(late, potential, current).suspect[0]
    faster = np.where(np.arange(time.size) > 80, time[80] + (time - time[80]) / 5, time)
    assert "scan rate differs" in summary(faster, potential, current).suspect[0]
    clipped = np.clip(current, -0.5, 0.5)
    assert "overloaded" in summary(time, potential, clipped).suspect[0]
    flat = np.full(time.size, 0.1)
    assert "not a voltammogram" in summary(time, flat, current).suspect[0]
    few = slice(None, None, 4)
    assert "only 10 points" in summary(time[few], potential[few], current[few]).suspect[0]


def test_summary_of_od(tmp_path):
    path = tmp_path / "od.csv"
    path.write_text("t,500,600\n0,0.1,0.2\n1,0.1,3.5\n2,0.1,0.2\n")
    columns = {
        "time": {"name": "t", "unit": "s"},
        "absorbance": {"unit": "1"},
        "wavelengths": {"unit": "nm"},
    }
    summary = describe(read(path, columns=columns))
    assert dict(summary.facts)["wavelengths"] == "2, 500 to 600 nm"
    assert summary.suspect == ("absorbance up to 3.5: saturated",)
    bands = {"blue": {"name": "500", "low_nm": 490, "high_nm": 510}}
    columns = {key: columns[key] for key in ("time", "absorbance")} | {"bands": bands}
    assert dict(describe(read(path, columns=columns)).facts)["bands"] == "blue 490-510 nm"
