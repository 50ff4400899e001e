"""Fits of one card that a worker samples as one computation."""

import json
from pathlib import Path

import numpy as np
import pytest

from perovec_bayes.inference.storage import load
from perovec_bayes.workflow.batch.engine import limits_of
from perovec_bayes.workflow.batch.manifest import Engine, load_manifest
from perovec_bayes.workflow.batch.plan import plan
from perovec_bayes.workflow.batch.records import Done, Failed, folder_of, read_failed
from perovec_bayes.workflow.batch.run import batch, ended, groups, job_of
from perovec_bayes.workflow.folder import RESULT
from perovec_bayes.workflow.rerun import rerun

pytest.importorskip("blackjax")
MANIFEST = """\
[batch]
name = "small"
[engine]
workers = 1
together = 4
[[fits]]
name = "good"
study = "study.toml"
[fits.set]
"sampler.backend" = "blackjax"
"sampler.chains" = 2
"sampler.draws" = 60
"sampler.tune" = 60
[fits.grid]
seed = {seeds}
[[fits]]
name = "bad"
study = "study.toml"
files = {{ icp = "empty.csv" }}
[fits.set]
"sampler.backend" = "blackjax"
[[fits]]
name = "other"
study = "study.toml"
[fits.set]
"sampler.chains" = 1
"sampler.draws" = 60
"sampler.tune" = 60
"""


def put(base, put_into, seeds):
    put_into(base)
    (base / "empty.csv").write_text("")
    (base / "batch.toml").write_text(MANIFEST.format(seeds=seeds))
    return base / "batch.toml"


def draws(out, name):
    posterior = load(folder_of(out, name) / RESULT)["posterior"].to_dataset()
    return {name: values.to_numpy() for name, values in posterior.items()}


def sampler(out, name):
    return json.loads(load(folder_of(out, name) / RESULT).attrs["sampler"])


@pytest.fixture(scope="module")
def done(tmp_path_factory, put_into):
    """A finished batch."""
    base = tmp_path_factory.mktemp("together")
    return base, batch(put(base, put_into, [1, 2, 3]), base / "out")


def test_the_bad_one_fails_by_itself_and_the_rest_is_done(done):
    base, summary = done
    assert [each.name for each in summary.failed] == ["bad"]
    failed = read_failed(base / "out", "bad")
    assert failed.kind == "data"
    assert "empty.csv" in failed.message


def test_results_say_how_they_were_sampled(done):
    out = done[0] / "out"
    assert [sampler(out, f"good-seed{seed}")["together"] for seed in (1, 2, 3)] == [4, 4, 4]
    assert "together" not in sampler(out, "other")


def test_the_draws_of_a_fit_do_not_depend_on_the_batch(done, tmp_path, put_into):
    """One fit of the batch, made alone by a batch of its own: the same bits."""
    batch(put(tmp_path, put_into, [2]), tmp_path / "out")
    name = "good-seed2" if folder_of(tmp_path / "out", "good-seed2").is_dir() else "good"
    one, other = draws(done[0] / "out", "good-seed2"), draws(tmp_path / "out", name)
    assert set(one) == set(other)
    for quantity, values in one.items():
        np.testing.assert_array_equal(values, other[quantity])


def test_a_fit_can_be_made_again_by_itself(done, tmp_path):
    """By `perovec rerun`: compiled for as many fits as in the batch."""
    again = rerun(folder_of(done[0] / "out", "good-seed3"), tmp_path / "again")
    assert again.same_draws, again.compared


def test_seeds_are_different_fits(done):
    one, other = (draws(done[0] / "out", f"good-seed{seed}") for seed in (1, 2))
    assert not any(np.array_equal(values, other[name]) for name, values in one.items())


@pytest.fixture
def jobs(tmp_path, put_into):
    """Fits as they are sent."""
    made = plan(load_manifest(put(tmp_path, put_into, [1, 2, 3, 4, 5])), tmp_path / "out")
    limits = limits_of(Engine(), 1)
    return [job_of(made, each, "run", limits, 4) for each in made.fits]


def test_only_blackjax_fits_of_one_card_make_a_group(jobs):
    cards = ["solubility"] * 4 + ["rival"] + ["solubility"] * 2
    found = groups(jobs, cards, 1)
    names = [[job.name for job in group] for group in found]
    assert names[0] == ["other"]
    assert names[1:] == [
        [*(f"good-seed{seed}" for seed in (1, 2, 3, 4))], ["bad"], ["good-seed5"],
    ]  # fmt: skip


def test_no_worker_is_left_idle(jobs):
    sizes = [len(group) for group in groups(jobs, ["solubility"] * len(jobs), 3)]
    assert sizes == [1, 2, 2, 2]


class Client:
    """Dask, whose workers do what a function says."""

    def __init__(self, answer):
        self.answer, self.sent = answer, []

    def map(self, _, groups, key, pure, retries):
        self.sent += [[job.name for job in group] for group in groups]
        return [Future(name, group, self.answer) for name, group in zip(key, groups, strict=True)]


class Future:
    def __init__(self, key, group, answer):
        self.key, self._group, self._answer = key, group, answer

    def add_done_callback(self, call):
        call(self)

    def exception(self):
        found = self._answer(self._group)
        return found if isinstance(found, Exception) else None

    def result(self):
        return self._answer(self._group)

    def release(self):
        pass


def test_a_group_that_loses_its_workers_is_sent_one_by_one(jobs):
    """One fit that kills its worker costs the others nothing."""
    from distributed import KilledWorker  # noqa: PLC0415

    def answer(group):
        if any(job.name == "good-seed3" for job in group):
            return KilledWorker("task", None, 3)
        return [(True, record(job)) for job in group], 1

    def record(job):
        return {
            "name": job.name, "key": job.key, "card": "solubility", "seed": 1, "passed": True,
            "failures": [], "approximation": "", "seconds": 1.0,
        }  # fmt: skip

    client = Client(answer)
    at_work = type("Running", (), {"client": client, "tend": staticmethod(lambda: None)})
    group = tuple(jobs[:4])
    found = {each.name: each for each in ended(at_work, [group])}
    assert len(client.sent) == 5
    assert {name for name, each in found.items() if isinstance(each, Done)} == {
        "good-seed1", "good-seed2", "good-seed4",
    }  # fmt: skip
    lost = found["good-seed3"]
    assert isinstance(lost, Failed)
    assert lost.kind == "lost"


def test_the_folder_of_a_fit_is_whole(done):
    folder = Path(folder_of(done[0] / "out", "good-seed1"))
    there = {path.name for path in folder.iterdir()}
    assert {RESULT, "summary.csv", "report.html", "fit.json", "study.toml", "run.jsonl"} <= there
