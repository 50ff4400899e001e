"""A batch from manifest to report, with real workers."""

import contextlib
import io
import json
import logging
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import xarray as xr

from perovec_bayes.cli import main
from perovec_bayes.errors import StudyError
from perovec_bayes.inference.study import load_study
from perovec_bayes.workflow.batch import run
from perovec_bayes.workflow.batch.engine import environment, limits_of, workers_of
from perovec_bayes.workflow.batch.manifest import Engine
from perovec_bayes.workflow.batch.records import Failed

MANIFEST = """\
[batch]
name = "series"
title = "A series"
quick = true
gather = ["posterior"]
[engine]
workers = 1
[[fits]]
study = "study.toml"
[fits.grid]
seed = [1, 2]
[[fits]]
name = "bad-data"
study = "study.toml"
files = { icp = "empty.csv" }
metadata = { film = "F1" }
[[fits]]
name = "bad-study"
study = "study.toml"
set = { "options.nonsense" = 1 }
"""
GOOD = ["tiny-seed1", "tiny-seed2"]


def call(*argv):
    """Run the command; return exit code, stdout and stderr."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = main([str(word) for word in argv])
    return code, stdout.getvalue(), stderr.getvalue()


def listening():
    """Return the addresses at which this process and its children listen."""
    here = psutil.Process()
    return {
        connection.laddr.ip
        for process in [here, *here.children(recursive=True)]
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }


@pytest.fixture(scope="module")
def batch(tmp_path_factory, put_into):
    """A finished batch: folder, what the command said, where it listened."""
    base = tmp_path_factory.mktemp("batch")
    put_into(base)
    (base / "empty.csv").write_text("")
    (base / "batch.toml").write_text(MANIFEST)
    addresses = set()
    tell, original = [], run._note

    def noted(out, found):
        addresses.update(listening())
        tell.append(found)
        original(out, found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "_note", noted)
        said = call("batch", base / "batch.toml", "--out", base / "out", "--gather")
    return base, said, addresses


def test_failures_are_told_first_and_the_rest_is_done(batch):
    base, (code, stdout, stderr), _ = batch
    assert code == 4, stderr
    lines = stdout.splitlines()
    assert lines[0].startswith("bad-data: data: ")
    assert "the file is empty" in lines[0]
    assert lines[1].startswith("bad-study: study: ")
    assert "unknown option 'nonsense'" in lines[1]
    assert "4 fits: 2 without a result, 2 not passed, 0 passed (4 run now" in stdout
    assert "perovec: 4 of 4, 2 failed" in stderr
    assert sorted(p.name for p in (base / "out" / "fits").iterdir()) == GOOD
    log = (base / "out" / "batch.log").read_text()
    assert "tiny-seed1 done in" in log
    assert "bad-data failed (data): " in log
    assert not logging.getLogger("perovec_bayes.batch").handlers


def test_nothing_is_left_but_what_is_whole(batch):
    base, _, _ = batch
    out = base / "out"
    assert sorted(p.name for p in out.iterdir() if not p.name.startswith(".")) == [
        "batch.log", "batch.nc", "batch.parquet", "failed", "fits", "report.html", "summary.csv",
    ]  # fmt: skip
    assert not [p for p in out.rglob(".*") if "partial" in p.name or "part" in p.suffix]
    assert not list((out / ".cache").glob(".worker-*"))


def test_only_this_machine_is_listened_to(batch):
    assert batch[2] == {"127.0.0.1"}


def test_the_second_fit_of_a_card_compiles_nothing(batch):
    base, _, _ = batch
    (shared,) = (p for p in (base / "out" / ".cache").iterdir() if p.is_dir())
    entries = [path.stat().st_mtime for path in shared.glob("*-cache")]
    log = base / "out" / "fits" / "tiny-seed2" / "run.jsonl"
    began = json.loads(log.read_text().splitlines()[0])["time"]
    assert len(entries) > 5
    assert max(entries) <= pd.Timestamp(began).timestamp()


def test_the_study_as_fitted_works_where_it_stands(batch):
    base, _, _ = batch
    folder = base / "out" / "fits" / "tiny-seed2"
    content = tomllib.loads((folder / "study.toml").read_text())
    assert (content["study"]["name"], content["study"]["seed"]) == ("tiny-seed2", 2)
    record = json.loads((folder / "provenance.json").read_text())
    study = load_study(folder / "study.toml")
    assert study.data_file(study.data[0]).resolve() == (base / "icp.csv").resolve()
    assert study.origin.sha256 == record["study"]["sha256"]
    assert record["command"] == "perovec batch batch.toml"
    for path in filter(Path.is_file, folder.rglob("*")):
        assert str(base).encode() not in path.read_bytes(), path.name


def test_a_fit_of_a_batch_is_a_crate_that_can_be_made_again(batch, crate):
    base, _, _ = batch
    folder = base / "out" / "fits" / "tiny-seed2"
    graph = crate(folder)
    assert graph["#fit"]["name"] == "perovec batch batch.toml"
    assert graph["#seed"]["value"] == 2
    assert {"@id": "fit.json"} in graph["#fit"]["result"]
    study = load_study(folder / "inputs" / "study.toml")
    assert study.name == "tiny-seed2"
    assert study.data_file(study.data[0]).read_bytes() == (base / "icp.csv").read_bytes()


def test_the_tables_hold_every_quantity_of_every_fit(batch):
    base, _, _ = batch
    table = pd.read_parquet(base / "out" / "batch.parquet")
    again = pd.read_csv(base / "out" / "summary.csv", keep_default_na=False)
    assert list(table.columns) == list(again.columns)
    assert len(table) == len(again)
    assert list(table["fit"].unique()) == ["bad-data", "bad-study", *GOOD]
    assert list(table["status"].unique()) == ["data", "study", "done"]
    assert table["meta.film"].iloc[0] == "F1"
    for name in GOOD:
        own = pd.read_csv(base / "out" / "fits" / name / "summary.csv")
        mine = table[table["fit"] == name]
        assert list(mine["quantity"]) == list(own["quantity"])
        np.testing.assert_array_equal(mine["median"], own["median"])
        assert set(mine["gate"]) == {"FAILED"}
        assert "Laplace" in mine["method"].iloc[0]
    assert table["seed"].dropna().unique().tolist() == [1, 2]


def test_the_report_tells_failures_first_and_links_the_reports(batch):
    base, _, _ = batch
    page = (base / "out" / "report.html").read_text()
    assert page.index("bad-data") < page.index("tiny-seed1")
    assert "2 OF 4 FITS HAVE NO RESULT" in page
    assert 'href="fits/tiny-seed1/report.html"' in page
    assert page.count("<figure>") == page.count("<svg") > 1
    assert "Median and interval of K_sp[CsPbBr3, PC] in 2 fits" in page
    assert "<script" not in page


def test_all_results_in_one_file(batch):
    base, _, _ = batch
    with xr.open_datatree(base / "out" / "batch.nc", engine="h5netcdf") as tree:
        assert sorted(tree.children) == GOOD
        for name in GOOD:
            own = xr.open_datatree(base / "out" / "fits" / name / "posterior.nc", engine="h5netcdf")
            with own:
                found = tree[f"{name}/posterior"].to_dataset()
                xr.testing.assert_identical(found, own["posterior"].to_dataset())
        assert tree["tiny-seed1"].attrs["seed"] == 1
        assert tree["tiny-seed1"].attrs["gate"] == "FAILED"


def test_a_second_run_has_nothing_to_do(batch, monkeypatch):
    base, _, _ = batch
    out = base / "out"

    def contents():
        return {path: path.stat().st_mtime_ns for path in (out / "fits").rglob("*")}

    before = contents()
    monkeypatch.setattr(run, "running", None)  # no workers are started
    code, stdout, _ = call("batch", base / "batch.toml", "--out", out)
    assert code == 4
    assert "(0 run now" in stdout
    assert contents() == before
    code, stdout, _ = call("batch", base / "batch.toml", "--out", out, "--dry-run")
    assert code == 0
    assert "0 of 4 fits to do" in stdout
    code, stdout, _ = call(
        "batch", base / "batch.toml", "--out", out, "--dry-run", "--retry-failed"
    )
    assert "2 of 4 fits to do: 1 at a time (local)" in stdout


def test_a_dry_run_writes_nothing(batch):
    base, _, _ = batch
    code, stdout, _ = call("batch", base / "batch.toml", "--out", base / "other", "--dry-run")
    assert code == 0
    assert "4 of unknown length" in stdout
    assert not (base / "other").exists()


def test_a_full_disk_ends_the_run(tmp_path):
    full = Failed("a", "k", "write", "cannot be written: No space left", 1.0, "r", fatal=True)
    with pytest.raises(StudyError, match=r"no result can be written any more.*Make room"):
        run._note(tmp_path, full)


def test_what_workers_may_use():
    engine = Engine(kind="local", workers=3, memory="2 GB")
    assert workers_of(engine, 2) == 2
    assert limits_of(engine, 3).memory_bytes == 2_000_000_000
    assert 0 < limits_of(Engine(), 2).memory_bytes < psutil.virtual_memory().total / 2
    assert environment(1)["OMP_NUM_THREADS"] == environment(1)["PEROVEC_THREADS"] == "1"
    assert "eigen=false" in environment(1)["XLA_FLAGS"]
    assert "eigen=false" not in environment(2)["XLA_FLAGS"]
