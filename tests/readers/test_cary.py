import numpy as np
import pytest
from instrument_samples import NM, cary, spectrum

from perovec_bayes import schema
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers import read

INTERVAL = {"frame_interval": {"value": 60, "unit": "s"}}


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "a.dat"
        path.write_bytes(content.encode())
        return path

    return write


@pytest.mark.parametrize(
    "layout",
    [{}, {"report": True}, {"delimiter": ";", "decimal": ","}, {"delimiter": "\t"}],
    ids=str,
)
def test_one_of_several_spectra(file, layout):
    path = file(cary(**layout))
    ds = read(path, column="film 2")
    assert schema.validate(ds) is ds
    assert ds.attrs["reader"] == "cary"
    assert ds.attrs["quantity"] == "absorbance"
    assert ds.attrs["start_time"] == "5/17/2024 10:31:00 AM"
    assert "spectrum 2 of 3: film 2" in ds.attrs["note"]
    np.testing.assert_allclose(ds["wavelength"], NM)
    np.testing.assert_allclose(ds["signal"][0], 1.1 * spectrum() / 1000, atol=1e-6)
    shorter = read(path, column=3)
    assert shorter.attrs["quantity"] == "transmittance"
    np.testing.assert_allclose(shorter["wavelength"], NM[6:])
    np.testing.assert_allclose(shorter["signal"][0], 0.012 * spectrum()[6:] / 1000, atol=1e-8)


def test_a_lone_spectrum_needs_no_choice(file):
    ds = read(file(cary(ordinates=("Abs",), short=False)))
    np.testing.assert_allclose(ds["signal"][0], spectrum() / 1000, atol=1e-6)


def test_a_series_needs_the_interval(file, fails):
    path = file(cary(ordinates=("Abs", "Abs"), short=False))
    line = fails(StudyError, "2 spectra in the file", path)
    assert "1 'film 1', 2 'film 2'" in line
    ds = read(path, **INTERVAL)
    assert ds.attrs["technique"] == "od"
    np.testing.assert_allclose(ds["time"], [0, 60])
    np.testing.assert_allclose(ds["absorbance"][1], 1.1 * spectrum() / 1000, atol=1e-6)


def test_what_is_no_series(file, fails):
    fails(DataError, "different wavelengths", file(cary()), **INTERVAL)
    mixed = file(cary(ordinates=("Abs", "%T"), short=False))
    fails(DataError, ["different quantities", "%T, Abs"], mixed, **INTERVAL)


def test_bad_files(file, fails):
    fails(StudyError, "Did you mean 'film 1'?", file(cary()), column="film_1")
    damaged = cary(ordinates=("Abs",), short=False).replace("690.000000,", "690.000000,x", 1)
    fails(DataError, ["not a wavelength and a signal", "line 4"], file(damaged))
    empty = cary(ordinates=("Abs",), short=False).split("\r\n")[:2]
    fails(DataError, "no rows of numbers", file("\r\n".join([*empty, "", ""])))
