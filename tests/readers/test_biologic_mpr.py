import sys
import types

import numpy as np
import pytest
import xarray as xr

from perovec_bayes.errors import DataError
from perovec_bayes.readers import read

RAW = b"BIO-LOGIC MODULAR FILE\x1a" + bytes(60)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "run.dat"
    path.write_bytes(RAW)
    return path


@pytest.fixture
def yadg(monkeypatch):
    """Put a module in yadg's place that returns what a test wants."""

    def install(extract):
        for name in ("yadg", "yadg.extractors", "yadg.extractors.eclab"):
            monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
        module = types.ModuleType("yadg.extractors.eclab.mpr")
        module.extract = extract
        monkeypatch.setitem(sys.modules, "yadg.extractors.eclab.mpr", module)

    return install


def test_without_yadg_it_says_how_to_export(file, fails, monkeypatch):
    monkeypatch.setitem(sys.modules, "yadg.extractors.eclab.mpr", None)
    fails(DataError, ["a binary EC-Lab file", ".mpt", "Export as Text"], file)


def as_yadg_gives_it(technique="LSV"):
    """Return a dataset laid out as that of yadg 7.0.1 for a real LSV."""
    potential = np.linspace(0, 1, 50, dtype=np.float32)
    mode = np.full(50, 2, np.uint8)
    mode[:2] = 3
    ds = xr.Dataset(
        {
            "mode": ("uts", mode),
            "time": ("uts", np.arange(50.0), {"units": "s"}),
            "Ewe": ("uts", potential, {"units": "V"}),
            "<I>": ("uts", np.sin(potential * 5), {"units": "mA"}),
        },
        coords={"uts": np.arange(50.0) + 1.7e9},
    )
    settings = {
        "technique": technique,
        "electrode_area": 0.0010000000474974513,
        "reference_electrode": "(unspecified)",
    }
    ds.attrs["original_metadata"] = {"settings": settings}
    return xr.DataTree(ds)


def test_with_yadg(file, yadg):
    yadg(lambda source, **kwargs: as_yadg_gives_it())
    ds = read(file)
    assert ds.attrs["reader"] == "biologic_mpr"
    assert ds.sizes["point"] == 48
    assert np.abs(ds["current"].values).max() == pytest.approx(1e-3, rel=0.01)
    assert np.isnan(ds.attrs["area_cm2"])
    assert "2 points not under potential control" in ds.attrs["note"]


def test_what_yadg_cannot_read_or_we_do_not_model(file, yadg, fails):
    def broken(source, **kwargs):
        raise AssertionError("no settings module")

    yadg(broken)
    fails(DataError, ["yadg cannot read it", "AssertionError"], file)
    yadg(lambda source, **kwargs: as_yadg_gives_it("PEIS"))
    fails(DataError, "'PEIS' is not a voltammetry", file)


def test_another_file_is_not_given_to_yadg(tmp_path, fails):
    path = tmp_path / "run.mpr"
    path.write_text("hello")
    fails(DataError, "not an EC-Lab binary file", path, "biologic_mpr")
