"""What is found in a folder, and which of its files may be shown."""

import json
import os
import shutil
import time

import pytest

from perovec_bayes.errors import StudyError
from perovec_bayes.workflow.batch.records import Failed, write_failed
from perovec_bayes.workflow.view.shelf import Refused, Shelf


def states(shelf):
    return {run.place: run.state for run in shelf.look().runs}


def test_runs_are_found_at_any_depth(shelf_of_runs):
    assert states(Shelf(shelf_of_runs)) == {
        "alpha": "passed",
        "deep/beta": "passed",
        "gamma": "failed",
        "delta-quick": "quick",
        "evil ü&": "passed",
        "zeta": "broken",
    }


def test_a_run_folder_itself(shelf_of_runs):
    (run,) = Shelf(shelf_of_runs / "alpha").look().runs
    assert (run.key, run.place, run.state) == (".", "alpha", "passed")


def test_hidden_folders_links_and_other_folders_are_no_runs(put_run, tmp_path):
    put_run(tmp_path / "runs" / ".a.partial-x")
    put_run(tmp_path / "elsewhere")
    (tmp_path / "runs" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "runs" / "design").mkdir()
    (tmp_path / "runs" / "design" / "provenance.json").write_text("{}")
    assert Shelf(tmp_path / "runs").look().runs == ()


def test_the_fits_of_a_batch_that_failed_are_there(put_run, tmp_path):
    put_run(tmp_path / "b" / "fits" / "good")
    (tmp_path / "b" / ".perovec-batch").write_text("b\n")
    write_failed(tmp_path / "b", Failed("bad", "k", "data", "icp.csv: line 3: no number", 1.0, "r"))
    (tmp_path / "b" / "failed" / "worse.json").write_text(json.dumps({"what": 1}))
    found = Shelf(tmp_path).look()
    assert {run.place: run.state for run in found.runs} == {
        "b/fits/good": "passed",
        "b/failed/bad.json": "missing",
        "b/failed/worse.json": "broken",
    }
    assert [run.notes for run in found.runs if run.state == "missing"] == [
        ("data: icp.csv: line 3: no number",)
    ]
    assert [(each.place, each.reported) for each in found.batches] == [("b", False)]


def test_a_run_made_anew_is_read_anew(put_run, tmp_path):
    shelf = Shelf(tmp_path)
    put_run(tmp_path / "a")
    assert states(shelf) == {"a": "passed"}
    shutil.rmtree(tmp_path / "a")
    assert states(shelf) == {}
    put_run(tmp_path / "a", diverging=2)
    assert states(shelf) == {"a": "failed"}


def test_three_hundred_runs_are_quick(put_run, tmp_path):
    first = put_run(tmp_path / "runs" / "run0")
    for number in range(1, 300):
        folder = tmp_path / "runs" / f"run{number}"
        folder.mkdir()
        for path in first.iterdir():
            os.link(path, folder / path.name)
    shelf = Shelf(tmp_path / "runs")
    for most in (6.0, 1.5):  # CPU seconds: at first sight, and when nothing has changed
        begun = time.process_time()
        assert len(shelf.look().runs) == 300
        assert time.process_time() - begun < most


@pytest.mark.parametrize("what", ["nowhere", "file"])
def test_no_folder(tmp_path, what):
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match="no such folder" if what == "nowhere" else "not a folder"):
        Shelf(tmp_path / what)


def test_files_of_runs_are_shown(shelf_of_runs):
    shelf = Shelf(shelf_of_runs)
    for address in ("alpha/report.html", "deep/beta/summary.csv", "evil ü&/study.toml"):
        assert shelf.file(address) == (shelf_of_runs / address).resolve()


@pytest.fixture
def guarded(put_run, tmp_path):
    """A folder with what must not be shown, in it and beside it."""
    root = tmp_path / "runs"
    run = put_run(root / "a")
    (tmp_path / "secret.csv").write_text("secret")
    (tmp_path / "runs2").mkdir()
    (tmp_path / "runs2" / "secret.csv").write_text("secret")
    (root / "notes.md").write_text("not of a run")
    (run / ".hidden.csv").write_text("hidden")
    (run / "out.csv").symlink_to(tmp_path / "secret.csv")
    (run / "tables").symlink_to(tmp_path / "runs2")
    (run / "dangling.csv").symlink_to(tmp_path / "nothing.csv")
    (run / "loop.csv").symlink_to("loop.csv")
    (run / "disguised.csv").symlink_to("posterior.nc")
    (run / "folder.csv").mkdir()
    os.mkfifo(run / "pipe.csv")
    return Shelf(root)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("../secret.csv", 403),
        ("a/../../secret.csv", 403),
        ("a/../a/summary.csv", 403),
        ("/etc/passwd", 403),
        ("//etc/passwd", 403),
        ("../runs2/secret.csv", 403),
        ("a/out.csv", 403),
        ("a/tables/secret.csv", 403),
        ("a/dangling.csv", 404),
        ("a/loop.csv", 404),
        ("a/nothing.csv", 404),
        ("a/folder.csv", 404),
        ("a/pipe.csv", 404),
        ("a/.hidden.csv", 404),
        ("a/posterior.nc", 404),
        ("a/disguised.csv", 404),
        ("a/summary.csv\0", 404),
        ("a/" + "x" * 5000 + ".csv", 404),
        ("notes.md", 404),
        ("a", 404),
        ("", 404),
        (".", 404),
    ],
)
def test_all_else_is_refused(guarded, address, code):
    with pytest.raises(Refused) as refused:
        guarded.file(address)
    assert refused.value.code == code
