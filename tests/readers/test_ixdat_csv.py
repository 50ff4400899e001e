import numpy as np
import pytest
import reader_samples as samples

from perovec_bayes.errors import DataError
from perovec_bayes.readers import read


@pytest.fixture
def file(tmp_path):
    def write(content=None, **kwargs):
        path = tmp_path / "run.dat"
        path.write_text(samples.ixdat(**kwargs) if content is None else content)
        return path

    return write


def test_one_clock(file):
    ds = read(file())
    time, potential = samples.triangle(2)
    assert ds.attrs["reader"] == "ixdat_csv"
    assert ds["time"].values == pytest.approx(time, abs=1e-3)
    assert ds["current"].values == pytest.approx(samples.wave(time, potential), abs=1e-11)
    assert np.bincount(ds["cycle"].values).tolist() == [0, 80, 80, 1]


def test_names_by_aliases_and_a_calibrated_potential(file):
    text = samples.ixdat().replace("'time/s'", "'t'").replace("time/s", "t", 1)
    text = text.replace("Ewe/V", "$U_{RHE}$ / [V]").replace("I/mA", "$J$ / [mA cm$^{-2}$]")
    aliases = 'aliases = {"raw_current": ["$J$ / [mA cm$^{-2}$]"]}'
    text = text.replace("technique = EC", f"technique = EC\n{aliases}").replace(
        "lines = 8", "lines = 9"
    )
    text = text.replace("\ntime/s,", "\nt,")
    ds = read(file(text))
    assert ds.attrs["reference"] == "RHE"
    assert "current_density" in ds


def test_two_clocks_are_refused(file, fails):
    fails(DataError, ["different clocks", "time_step"], file(clocks=2))


def test_a_header_that_was_cut(file, fails):
    text = samples.ixdat().replace("N_header_lines = 8", "N_header_lines = 3")
    fails(DataError, "no column names where the header should end", file(text))
