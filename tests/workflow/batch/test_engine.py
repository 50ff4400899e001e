"""Workers of this machine that do not start."""

import pytest

from perovec_bayes.errors import StudyError
from perovec_bayes.workflow.batch import engine
from perovec_bayes.workflow.batch.manifest import Engine


class Cluster:
    def close(self, timeout):
        pass


class Client:
    def __init__(self, *_, **__):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.mark.parametrize("lost", [0, 1, engine.STARTS - 1])
def test_workers_lost_as_they_start_are_started_again(monkeypatch, lost):
    attempts = []

    def start(*_):
        attempts.append(1)
        if len(attempts) <= lost:
            raise RuntimeError("Nanny failed to start.")
        return Cluster()

    monkeypatch.setattr(engine, "_local", start)
    monkeypatch.setattr(engine, "Client", Client)
    with engine.running(Engine(), 1) as at_work:
        assert isinstance(at_work.client, Client)
    assert len(attempts) == lost + 1


def test_workers_that_never_start_are_one_clear_error(monkeypatch):
    def start(*_):
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr(engine, "_local", start)
    with (
        pytest.raises(StudyError, match=r"end as they start \(Nanny failed") as caught,
        engine.running(Engine(), 1),
    ):
        pass
    assert "fewer workers" in caught.value.hint
