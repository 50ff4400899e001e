import logging

import pytest

from perovec_bayes.errors import StudyError
from perovec_bayes.workflow.batch.cache import bring, shared_cache
from perovec_bayes.workflow.batch.place import LOG, LOGGER, held, logged, refuse_foreign


def refused(out, words, name="b"):
    """Whether a folder cannot be held, for the reason stated."""
    with pytest.raises(StudyError, match=words), held(out, name):
        pass


def test_one_run_at_a_time(tmp_path):
    out = tmp_path / "a" / "out"
    with held(out, "b"):
        refused(out, "another run of this batch")
    with held(out, "b"):
        pass


def test_foreign_folders_are_refused(tmp_path):
    (tmp_path / "x.txt").write_text("mine")
    refused(tmp_path, "there is something else, not a batch")
    refused(tmp_path / "x.txt", "there is something else, not a batch")
    with held(tmp_path / "out", "b"):
        pass
    refused(tmp_path / "out", "expected batch 'c', found batch 'b'", name="c")
    assert refuse_foreign(tmp_path / "new", "c") is None


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file" / "out", "cannot be written: Not a directory")


def test_what_a_kill_left_is_removed(tmp_path):
    left = ["fits/.a.partial-x", "fits/.a.old-x", ".cache/.worker-x"]
    kept = ["fits/a", ".cache/abc"]
    for each in left + kept:
        (tmp_path / each).mkdir(parents=True)
    (tmp_path / "failed").mkdir()
    (tmp_path / "failed" / ".a.json.x.part").write_text("{")
    (tmp_path / ".perovec-batch").write_text("b\n")
    with held(tmp_path, "b"):
        assert not any((tmp_path / each).exists() for each in left)
        assert all((tmp_path / each).exists() for each in kept)
        assert not list((tmp_path / "failed").iterdir())


def test_the_log_takes_what_libraries_say_and_gives_the_loggers_back(tmp_path):
    library = logging.getLogger("distributed")
    before = (list(library.handlers), library.level, library.propagate)
    with logged(tmp_path):
        for handler in library.handlers:
            handler.setLevel(logging.CRITICAL)  # as LocalCluster does
        LOGGER.info("one")
        logging.getLogger("distributed.nanny").warning("two")
        logging.getLogger("distributed.nanny").info("three")
    assert (library.handlers, library.level, library.propagate) == before
    lines = (tmp_path / LOG).read_text().splitlines()
    assert [line.rsplit(" ", 1)[1] for line in lines] == ["one", "two"]


def test_caches_share_whole_entries(tmp_path):
    own, shared = tmp_path / "own", shared_cache(tmp_path)
    assert shared_cache(tmp_path) == shared
    assert bring(own, shared) == 0
    (own / "f-cache").write_bytes(b"code")
    (own / "f-atime").write_bytes(b"1")
    assert bring(own, shared) == 1
    assert bring(own, shared) == 0
    assert bring(shared, tmp_path / "other") == 1
    assert (tmp_path / "other" / "f-cache").read_bytes() == b"code"
    assert len(list(shared.iterdir())) == 1
