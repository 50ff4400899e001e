import numpy as np
import pytest
import reader_samples as samples

from perovec_bayes.errors import DataError
from perovec_bayes.readers import describe, read


@pytest.mark.parametrize(
    ("separator", "decimal"), [(";", "."), ("\t", "."), (",", "."), (";", ","), ("\t", ",")]
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1"])
def test_every_layout(tmp_path, separator, decimal, encoding):
    path = tmp_path / "run.dat"
    text = samples.columns(samples.NOVA, separator, decimal, "\r\n")
    path.write_bytes(text.encode(encoding))
    ds = read(path)
    time, potential = samples.triangle(2)
    assert ds.attrs["reader"] == "nova"
    assert ds["time"].values == pytest.approx(time, abs=1e-3)
    assert ds["potential"].values == pytest.approx(potential, abs=1e-6)
    assert ds["current"].values == pytest.approx(samples.wave(time, potential), rel=1e-5)
    assert np.bincount(ds["cycle"].values).tolist() == [0, 80, 80, 1]
    assert "current_sign_assumed" not in ds.attrs


def test_thousands_marks(tmp_path):
    path = tmp_path / "run.dat"
    path.write_text(samples.columns(samples.NOVA | {"Time (s)": "1'0{t:06.3f}"}, ";"))
    assert read(path)["time"].values[[0, -1]] == pytest.approx([1000.0, 1016.0])


def test_the_applied_potential_is_used_with_a_warning(tmp_path):
    heads = {key: form for key, form in samples.NOVA.items() if key != "WE(1).Potential (V)"}
    path = tmp_path / "run.dat"
    path.write_text(samples.columns(heads, ";"))
    assert any("no measured potential" in words for words in describe(read(path)).suspect)


def test_no_potential(tmp_path, fails):
    heads = {key: samples.NOVA[key] for key in ("Time (s)", "WE(1).Current (A)")}
    path = tmp_path / "run.dat"
    path.write_text(samples.columns(heads, ";"))
    fails(DataError, "no column of the potential", path)
