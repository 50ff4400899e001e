import json
import os
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from perovec_bayes.errors import DataError
from perovec_bayes.inference import storage


@pytest.fixture
def tree():
    rng = np.random.default_rng(1)
    posterior = xr.Dataset(
        {
            "s": (
                ("chain", "draw", "system"),
                rng.normal(size=(2, 3, 2)),
                {"unit": "mol/cm^3", "free": 1, "limits": '["", "upper"]', "threshold": 0.5},
            )
        },
        coords={"system": ["CsPbBr3, PC", "Pb(OA)2, γ"]},
    )
    stats = xr.Dataset(
        {
            "diverging": (("chain", "draw"), rng.random((2, 3)) > 0.5),
            "depth": (("chain", "draw"), np.arange(6, dtype=np.uint64).reshape(2, 3)),
            "energy": (("chain", "draw"), np.array([[np.nan, 1, 2], [3, 4, np.inf]])),
            "divergence_message": (("chain", "draw"), np.full((2, 3), np.nan, dtype=object)),
            "remark": (("chain", "draw"), np.array([["a", None, np.nan]] * 2, dtype=object)),
        },
        attrs={"tuned": True, "sample_dims": ["chain", "draw"], "nothing": None},
    )
    constant = xr.Dataset({"icp_solvent": ("row", np.array(["PC", "DCM"]))})
    tree = xr.DataTree.from_dict(
        {"posterior": posterior, "sample_stats": stats, "constant_data": constant}
    )
    tree.attrs["card"] = json.dumps({"name": "solubility", "title": "K_sp, µ"})
    tree.attrs["observables"] = {"icp": {"unit": "mol/cm^3", "dims": ("row",), "n": np.int64(2)}}
    return tree


def test_round_trip(tree, tmp_path):
    path = storage.save(tree, tmp_path / "posterior.nc")
    again = storage.load(path)
    xr.testing.assert_identical(again["posterior"].to_dataset(), tree["posterior"].to_dataset())
    assert again["posterior"]["system"].dtype.kind == "U"
    xr.testing.assert_identical(
        again["constant_data"].to_dataset(), tree["constant_data"].to_dataset()
    )
    stats = again["sample_stats"]
    assert "divergence_message" not in stats
    assert stats["diverging"].dtype == bool
    assert stats["depth"].dtype == np.uint64
    for name in ("diverging", "depth", "energy"):
        np.testing.assert_array_equal(stats[name], tree["sample_stats"][name])
    assert stats["remark"].to_numpy().tolist() == [["a", "", ""]] * 2
    assert stats.attrs == {"tuned": 1, "sample_dims": '["chain", "draw"]'}
    assert json.loads(again.attrs["card"])["title"] == "K_sp, µ"
    assert json.loads(again.attrs["observables"])["icp"] == {
        "unit": "mol/cm^3",
        "dims": ["row"],
        "n": 2,
    }
    assert set(again.attrs) == {"card", "observables"}


def test_some_groups_alone(tree, tmp_path):
    path = storage.save(tree, tmp_path / "posterior.nc")
    some = storage.load(path, ("posterior", "sample_stats", "absent"))
    assert set(some.children) == {"posterior", "sample_stats"}
    assert some.attrs == storage.load(path).attrs
    xr.testing.assert_identical(some["posterior"].to_dataset(), tree["posterior"].to_dataset())
    with pytest.raises(DataError, match="not a complete result"):
        storage.load(path, ("sample_stats",))


def test_what_was_loaded_can_be_saved_over_its_own_file(tree, tmp_path):
    path = storage.save(tree, tmp_path / "posterior.nc")
    once = storage.load(path)
    storage.save(once, path)
    xr.testing.assert_identical(storage.load(path), once)
    assert [p.name for p in tmp_path.iterdir()] == ["posterior.nc"]


def test_the_result_is_not_changed_by_saving(tree, tmp_path):
    before = tree.copy(deep=True)
    storage.save(tree, tmp_path / "posterior.nc")
    assert tree.attrs == before.attrs
    assert "divergence_message" in tree["sample_stats"]


def test_a_run_folder_stands_for_its_result(tree, tmp_path):
    storage.save(tree, tmp_path / "posterior.nc")
    assert "posterior" in storage.load(tmp_path).children


def test_a_failed_write_leaves_the_old_file_alone(tree, tmp_path, monkeypatch):
    path = storage.save(tree, tmp_path / "posterior.nc")
    before = path.read_bytes()

    def fails(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="No space"):
        storage.save(tree, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["posterior.nc"]


def cut(path, share):
    raw = path.read_bytes()
    path.write_bytes(raw[: int(share * len(raw))])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_text("time,potential\n0,1\n"),
        lambda path: path.write_bytes(b""),
        lambda path: cut(path, 0.3),
        lambda path: cut(path, 0.999),
        lambda path: xr.Dataset({"a": 1.0}).to_netcdf(path, engine="h5netcdf"),
        lambda path: xr.DataTree.from_dict({"posterior": xr.Dataset({"a": 1.0})}).to_netcdf(
            path, engine="h5netcdf"
        ),
        lambda path: path.unlink(),
    ],
    ids=["text", "empty", "third", "nearly whole", "other netCDF", "no format", "missing"],
)
def test_bad_files_give_one_line(tree, tmp_path, spoil):
    path = storage.save(tree, tmp_path / "posterior.nc")
    spoil(path)
    with pytest.raises(DataError) as caught:
        storage.load(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line


def test_reading_a_result_needs_no_sampler():
    code = (
        "import sys, perovec_bayes.inference.storage; "
        "sys.exit(bool({'jax', 'pymc', 'nutpie'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
