import numpy as np
import pytest
from instrument_samples import NM, perkinelmer_asc, spectrum

from perovec_bayes import schema
from perovec_bayes.errors import DataError
from perovec_bayes.readers import read


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "a.dat"
        path.write_bytes(content.encode("latin-1"))
        return path

    return write


@pytest.mark.parametrize(
    ("ordinate", "quantity"),
    [("A", "absorbance"), ("%T", "transmittance"), ("%R", "reflectance")],
)
def test_quantity_by_the_unit_of_the_ordinate(file, ordinate, quantity):
    ds = read(file(perkinelmer_asc(ordinate=ordinate)))
    assert schema.validate(ds) is ds
    assert ds.attrs["reader"] == "perkinelmer_asc"
    assert ds.attrs["quantity"] == quantity
    assert ds.attrs["start_time"] == "24/05/17 10:30:00.00"  # its order of the digits is not stated
    assert "title film on FTO" in ds.attrs["note"]
    np.testing.assert_allclose(ds["wavelength"], NM)
    np.testing.assert_allclose(ds["signal"][0], spectrum() / 1000, atol=1e-5)


def test_a_fluorimeter_does_not_say_what_it_shows(file):
    path = file(perkinelmer_asc(kind="FL", ordinate=""))
    assert read(path).attrs["quantity"] == "unknown"
    assert read(path, quantity="intensity").attrs["quantity"] == "intensity"


BAD = {
    "missing at the end": (perkinelmer_asc(rows=20), "points are missing"),
    "missing in between": (perkinelmer_asc(drop=5), "points are missing"),
    "no data": (perkinelmer_asc()[:200], "no data"),
    "another abscissa": (perkinelmer_asc().replace("600.000000", "601.000000"), "does not fit"),
    "three columns": (perkinelmer_asc().replace("\t", "\t1\t"), "not a wavelength and a signal"),
}


@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD)
def test_bad_file(file, fails, content, words):
    fails(DataError, words, file(content))
