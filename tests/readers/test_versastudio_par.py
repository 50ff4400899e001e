import numpy as np
import pytest
import reader_samples as samples

from perovec_bayes.errors import DataError
from perovec_bayes.readers import describe, read


@pytest.fixture
def file(tmp_path):
    def write(content=None, **kwargs):
        path = tmp_path / "run.dat"
        path.write_text(samples.versastudio(**kwargs) if content is None else content)
        return path

    return write


def test_the_voltammogram_is_read_and_the_hold_is_kept_apart(file):
    ds = read(file())
    time, potential = samples.triangle(2)
    assert ds.attrs["reader"] == "versastudio_par"
    assert ds["time"].values == pytest.approx(time + 5.1, rel=1e-5)
    assert ds["potential"].values == pytest.approx(potential, abs=1e-6)
    assert ds["current"].values == pytest.approx(samples.wave(time, potential), rel=1e-5)
    assert "others in the file: 1 'Chronoamperometry'" in ds.attrs["note"]
    assert np.isnan(ds.attrs["area_cm2"])
    assert ds.attrs["current_sign_assumed"] == 1
    assert describe(ds).suspect == ()


def test_an_action_can_be_picked(file, fails):
    hold = read(file(), table="Chronoamperometry")
    assert hold.sizes["point"] == 5
    fails(DataError, "no action 3", file(), table=3)


def test_area_and_reference_of_the_header(file):
    ds = read(file(area="0.2475", reference="Ag/AgCl (0.197 Volts)"))
    assert ds.attrs["area_cm2"] == pytest.approx(0.2475)
    assert ds.attrs["reference"] == "Ag/AgCl"


def test_an_open_circuit_before_the_voltammogram(file, fails):
    text = samples.versastudio().replace(
        "Segments=1\r\nParentNode=Common\r\nName=Chronoamperometry",
        "ParentNode=Common\r\nName=Open Circuit",
    )
    ds = read(file(text))
    assert "technique in the file: Cyclic Voltammetry" in ds.attrs["note"]
    assert ds.sizes["point"] == 161
    fails(DataError, "'Open Circuit' is not a voltammetry", file(text), table=1)


GOOD = samples.versastudio()
BAD = {
    "no points": (GOOD[: GOOD.index("Definition")], "no data"),
    "no current": (GOOD.replace("I(A)", "J"), "no column of the current"),
    "no segments": (GOOD.replace("Segment #", "Part"), "no column 'Segment #'"),
    "impedance": (
        GOOD.replace("Name=Cyclic Voltammetry (Multiple Cycles)", "Name=Potentiostatic EIS")
            .replace("Name=Chronoamperometry", "Name=Open Circuit"),
        "is not a voltammetry",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD)
def test_bad_file(file, fails, content, words):
    fails(DataError, words, file(content))
