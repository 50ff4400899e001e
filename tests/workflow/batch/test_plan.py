"""Keys and states: what is done, and what has to be done again."""

from dataclasses import replace

import pytest

from perovec_bayes.errors import StudyError
from perovec_bayes.inference.cards import models_folder
from perovec_bayes.workflow.batch.manifest import load_manifest
from perovec_bayes.workflow.batch.plan import plan, states
from perovec_bayes.workflow.batch.records import (
    Done,
    Failed,
    failed_by,
    folder_of,
    read_failed,
    write_done,
    write_failed,
)


@pytest.fixture
def planned(put, tmp_path):
    """Plan a batch of one study."""
    put()
    (tmp_path / "batch.toml").write_text('[batch]\nname = "b"\n[[fits]]\nstudy = "study.toml"\n')

    def call(**options):
        made = plan(load_manifest(tmp_path / "batch.toml"), tmp_path / "out", **options)
        return made.fits[0]

    return call


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def put_done(folder, key, seconds=8.0):
    target = folder_of(folder / "out", "tiny")
    target.mkdir(parents=True)
    write_done(target, Done("tiny", key, "solubility", 7, True, [], "", seconds))


def test_comments_and_places_do_not_change_the_key(planned, tmp_path):
    key = planned().key
    edit(tmp_path / "study.toml", 'title = "A tiny table"', 'title  =  "A tiny table" # a remark')
    assert planned().key == key
    (tmp_path / "sub").mkdir()
    (tmp_path / "icp.csv").rename(tmp_path / "sub" / "icp.csv")
    edit(tmp_path / "study.toml", '"icp.csv"', '"sub/icp.csv"')
    assert planned().key == key


def test_data_study_seed_and_version_change_the_key(planned, tmp_path, monkeypatch):
    keys = [planned().key]
    edit(tmp_path / "icp.csv", "52.1", "52.2")
    keys.append(planned().key)
    edit(tmp_path / "study.toml", "seed = 7", "seed = 8")
    keys.append(planned().key)
    edit(tmp_path / "study.toml", "tune = 500", "tune = 501")
    keys.append(planned().key)
    edit(tmp_path / "batch.toml", 'name = "b"', 'name = "b"\nquick = true')
    keys.append(planned().key)
    monkeypatch.setattr("perovec_bayes.workflow.batch.keys.version", lambda name: "99")
    keys.append(planned().key)
    (tmp_path / "icp.csv").unlink()
    keys.append(planned().key)
    assert len(set(keys)) == len(keys)


def test_the_card_and_what_a_table_names_change_the_key(planned, tmp_path):
    card = (models_folder() / "solubility.toml").read_text()
    (tmp_path / "solubility.toml").write_text(card)
    edit(tmp_path / "study.toml", 'card = "solubility"', 'card = "./solubility.toml"')
    first = planned().key
    (tmp_path / "solubility.toml").write_text(card + "# other\n")
    second = planned().key
    edit(tmp_path / "study.toml", "[fixed.s_m]", 'reader_options = { line = "b.csv" }\n[fixed.s_m]')
    (tmp_path / "b.csv").write_text("1")
    third = planned().key
    (tmp_path / "b.csv").write_text("2")
    assert len({first, second, third, planned().key}) == 4


def test_the_states_of_a_fit(planned, tmp_path):
    first = planned()
    assert first.state == "new"
    out = tmp_path / "out"
    lost = Failed("tiny", first.key, "lost", "gone", 1.0, "r")
    write_failed(out, lost)
    assert planned().state == "again"
    write_failed(out, replace(lost, kind="data"))
    assert planned().state == "failed"
    assert planned(retry_failed=True).state == "again"
    put_done(tmp_path, first.key)
    assert planned().state == "done"
    edit(tmp_path / "icp.csv", "52.1", "52.2")
    assert planned().state == "changed"


def test_a_study_that_is_wrong_is_that_fits_own_failure(planned, tmp_path):
    edit(tmp_path / "study.toml", "[fixed.s_m]", "[fixed.s_x]")
    found = planned()
    assert (found.state, found.card) == ("new", "")
    assert "unknown parameter name 's_x'" in found.problem.line()
    write_failed(tmp_path / "out", failed_by(found.problem, "tiny", found.key, 0.0, "r"))
    assert planned().state == "failed"
    assert "unknown parameter name" in states([planned()])[0][2]
    edit(tmp_path / "study.toml", "[fixed.s_x]", "[fixed.s_m]")
    assert planned().state == "changed"


def test_the_time_left_is_told_by_fits_of_the_same_card(planned, tmp_path):
    key = planned().key
    put_done(tmp_path, key, 8.0)
    edit(tmp_path / "batch.toml", "study.toml", 'study.toml"\n[fits.grid]\nseed = [7, 1, 2]\n#"')
    made = plan(load_manifest(tmp_path / "batch.toml"), tmp_path / "out")
    assert made.counts == {"new": 3}
    assert made.strangers == ("tiny",)
    assert made.seconds() == (0, 3)
    edit(tmp_path / "batch.toml", "[[fits]]", '[[fits]]\nstudy = "study.toml"\n[[fits]]')
    made = plan(load_manifest(tmp_path / "batch.toml"), tmp_path / "out")
    assert made.counts == {"new": 3, "done": 1}
    assert made.seconds() == (24.0, 0)


def test_a_damaged_record_is_named(planned, tmp_path):
    write_failed(tmp_path / "out", Failed("tiny", "k", "lost", "gone", 1.0, "r"))
    path = tmp_path / "out" / "failed" / "tiny.json"
    assert read_failed(tmp_path / "out", "tiny").again
    path.write_text("{")
    with pytest.raises(Exception, match=r"tiny.json: not a record of a batch. Remove it"):
        planned()


def test_failures_have_kinds():
    full = StudyError("cannot be written")
    full.__cause__ = OSError(28, "No space left on device")
    denied = StudyError("no such file")
    denied.__cause__ = FileNotFoundError(2, "absent")
    kinds = {
        "write": full,
        "study": denied,
        "memory": MemoryError(),
        "bug": ValueError("a\nb"),
    }
    for kind, error in kinds.items():
        found = failed_by(error, "n", "k", 1.0, "r")
        assert found.kind == kind
        assert "\n" not in found.message
        assert found.fatal is (kind == "write")
        assert found.again is (kind in ("write", "memory"))
    assert "ValueError: a b" in failed_by(kinds["bug"], "n", "k", 1.0, "r").message
    assert "ValueError" in failed_by(kinds["bug"], "n", "k", 1.0, "r").details
