import numpy as np
import pytest
from instrument_samples import NM, genesys, spectrum

from perovec_bayes import schema
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers import read


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "a.dat"
        path.write_bytes(content.encode())
        return path

    return write


@pytest.mark.parametrize("quoted", [False, True])
def test_a_scan(file, quoted):
    ds = read(file(genesys(quoted=quoted)))
    assert schema.validate(ds) is ds
    assert ds.attrs["reader"] == "genesys"
    assert ds.attrs["quantity"] == "absorbance"
    assert ds.attrs["start_time"] == "12:29am 13Oct23"
    assert "test film[Saved]" in ds.attrs["note"]
    np.testing.assert_allclose(ds["wavelength"], NM)
    np.testing.assert_allclose(ds["signal"][0], spectrum() / 1000, atol=1e-5)


def test_one_of_several_scans(file, fails):
    path = file(genesys(scans=3))
    assert "scan 1 of 3" in read(path).attrs["note"]
    np.testing.assert_allclose(read(path, scan=3)["signal"][0], 1.2 * spectrum() / 1000, atol=1e-5)
    fails(StudyError, "no such scan", path, scan=4)


def test_a_mode_that_is_not_known_is_asked_for(file):
    assert read(file(genesys(mode="Energy"))).attrs["quantity"] == "unknown"


def test_bad_files(file, fails):
    fails(DataError, "no scan", file(genesys().replace("Wavelength", "Time")))
    fails(DataError, "no rows of numbers", file(genesys().split("450.0")[0]))
