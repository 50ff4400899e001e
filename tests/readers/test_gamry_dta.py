import numpy as np
import pytest
import reader_samples as samples

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers import describe, read


@pytest.fixture
def file(tmp_path):
    def write(content=None, encoding="utf-8", **kwargs):
        path = tmp_path / "run.dat"
        path.write_bytes((samples.gamry(**kwargs) if content is None else content).encode(encoding))
        return path

    return write


@pytest.mark.parametrize(
    ("kwargs", "encoding"),
    [
        ({}, "utf-8"),
        ({"decimal": ","}, "latin-1"),
        ({}, "utf-8-sig"),
        ({"detector": True}, "utf-16"),
    ],
)
def test_all_curves_are_one_record(file, kwargs, encoding):
    ds = read(file(encoding=encoding, **kwargs))
    time, potential = samples.triangle(2)
    assert ds.attrs["reader"] == "gamry_dta"
    assert ds["time"].values == pytest.approx(time + 0.02)
    assert ds["potential"].values == pytest.approx(potential, abs=1e-6)
    assert ds["current"].values == pytest.approx(samples.wave(time, potential), rel=1e-5)
    assert np.bincount(ds["cycle"].values).tolist() == [0, 80, 81]
    assert ds.attrs["scan_rate_V_s"] == pytest.approx(0.1)
    assert np.isnan(ds.attrs["area_cm2"])
    assert "Gamry's default" in ds.attrs["note"]
    assert "current_sign_assumed" not in ds.attrs
    assert describe(ds).suspect == ()


def test_a_lone_point_among_the_flags_is_no_decimal_point(file):
    text = samples.gamry(decimal=",").replace("...........", ".........v.")
    assert read(file(text)).equals(read(file(decimal=",")))


def test_a_table_can_be_picked(file, fails):
    path = file(detector=True)
    assert "left out: CURVE DETECTOR" in read(path).attrs["note"]
    assert read(path, table="CURVE2").sizes["point"] == 81
    assert read(path, table=2).sizes["point"] == 80
    detector = read(path, table="DETECTOR")
    assert dict(describe(detector).facts)["technique"].startswith("chronoamperometry")
    fails(DataError, ["no table 'ring'", "1 'CURVE DETECTOR'"], path, table="ring")
    fails(DataError, "no table 9", path, table=9)
    fails(DataError, "3 tables match 'CURVE'", path, table="CURVE")


@pytest.mark.parametrize("convention", ["", "0"])
def test_another_convention_leaves_the_sign_open(file, convention):
    ds = read(file(convention=convention))
    assert ds.attrs["current_sign_assumed"] == 1
    assert any("sign of the current" in words for words in describe(ds).missing)
    stated = read(file(convention=convention), meta={"current_sign": "cathodic_positive"})
    assert "current_sign_assumed" not in stated.attrs
    assert stated["current"].values == pytest.approx(-ds["current"].values)


def test_a_real_area_is_used(file):
    assert read(file(area="7.10000E-002")).attrs["area_cm2"] == pytest.approx(0.071)


@pytest.mark.parametrize(
    ("tag", "what"),
    [
        ("EISPOT", "an impedance"),
        ("CORPOT", "an open-circuit potential"),
        ("CHRONOP", "a galvanostatic measurement"),
        ("SQUARE_WAVE", "a pulse technique"),
    ],
)
def test_other_techniques_are_refused(file, fails, tag, what):
    fails(DataError, [f"the file holds {what}", f"TAG {tag}"], file(tag=tag))


def test_a_galvanodynamic_scan_is_refused_whatever_its_tag(file, fails):
    content = samples.gamry(tag="LSV").replace("AREA\t", "IINIT\tQUANT\t0\tInitial i\r\nAREA\t")
    fails(DataError, "a galvanostatic measurement", file(content))


def test_an_unknown_tag_is_read_with_a_warning(file):
    assert any("TAG 'MYSCRIPT'" in words for words in describe(read(file(tag="MYSCRIPT"))).suspect)


def test_the_scan_rate_of_the_header_is_checked(file):
    content = samples.gamry().replace("1.00000E+02", "5.00000E+02", 1)
    assert any("0.5 V/s in the header" in words for words in describe(read(file(content))).suspect)


GOOD = samples.gamry()
BAD = {
    "header only": (GOOD[: GOOD.index("CURVE1")], "no data table"),
    "no current": (GOOD.replace("\tIm\t", "\tVm\t"), "no table of potential and current"),
    "a word": (GOOD.replace("4.00000E-01", "overload", 1), "not a finite number"),
    "no rows": (GOOD[: GOOD.index("bits")] + "bits\r\n", "no data rows"),
}


@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD)
def test_bad_file(file, fails, content, words):
    fails(DataError, words, file(content))


def test_unknown_options_are_the_studys_mistake(file, fails):
    fails(StudyError, "Did you mean 'table'?", file(), tabel=1)
    fails(StudyError, "'keep' or 'drop'", file(), holds="skip")
    fails(StudyError, "not that of the data", file(), scan_rate={"value": 1, "unit": "V/s"})
