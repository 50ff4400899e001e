"""Jobs of a cluster: their scripts, the queue, and what is done when they end."""

from types import SimpleNamespace

import pytest

from perovec_bayes.errors import StudyError
from perovec_bayes.workflow.batch import jobs
from perovec_bayes.workflow.batch.engine import environment
from perovec_bayes.workflow.batch.jobs import Watch, job_options, queued
from perovec_bayes.workflow.batch.manifest import Engine


@pytest.mark.parametrize("kind", ["slurm", "pbs"])
def test_the_script_of_a_job(kind):
    from dask_jobqueue.pbs import PBSJob  # noqa: PLC0415
    from dask_jobqueue.slurm import SLURMJob  # noqa: PLC0415

    engine = Engine(
        kind=kind, workers=4, workers_per_job=2, threads=3, memory="2 GB", walltime="08:00:00",
        queue="long", account="chem", directives=["-x y"], prologue=["module load python"],
    )  # fmt: skip
    options = job_options(engine, environment(engine.threads))
    options.pop("silence_logs")
    script = {"slurm": SLURMJob, "pbs": PBSJob}[kind](
        "tcp://1.2.3.4:5", "j", **options
    ).job_script()
    assert ("--cpus-per-task=6" if kind == "slurm" else "ncpus=6") in script
    assert "--nworkers 2" in script
    assert "--nthreads 1" in script
    assert "export PEROVEC_THREADS='3'" in script
    assert script.index("module load python") < script.index("export OMP_NUM_THREADS")
    assert "08:00:00" in script
    assert "-x y" in script
    assert "--no-dashboard" in script


@pytest.mark.parametrize(
    ("kind", "command", "said"),
    [
        ("slurm", "squeue", "101\n7\n"),
        ("pbs", "qstat", "Job id  Name\n------ ----\n101.head  a\n7.head    b\n"),
    ],
)
def test_the_queue(tmp_path, monkeypatch, kind, command, said):
    program = tmp_path / command
    program.write_text(
        f"#!/bin/sh\nprintf '{said}'\n".replace("\n7", "\\n7").replace("\n'", "\\n'")
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert queued(kind) == {"101", "7"}
    program.write_text("#!/bin/sh\nexit 1\n")
    assert queued(kind) is None
    program.unlink()
    assert queued(kind) is None


class Jobs:
    """Jobs whose names and numbers are those of a cluster, without any."""

    def __init__(self, count, group):
        self.group, self.number = group, 0
        self.worker_spec, self.workers = {}, {}
        self.scheduler_info = {"workers": {}}
        self.loop = SimpleNamespace(add_callback=lambda call, *given: call(*given))
        self.scale(count)

    def scale(self, jobs):
        while len(self.worker_spec) < jobs:
            self.number += 1
            name = f"job-{self.number}"
            self.worker_spec[name] = {"group": self.group} if self.group else {}
            self.workers[name] = SimpleNamespace(job_id=f"{self.number}.head")

    def arrive(self):
        names = [f"{name}{suffix}" for name in self.workers for suffix in self.group or [""]]
        self.scheduler_info["workers"] = {f"at {name}": {"name": name} for name in names}


@pytest.mark.parametrize("group", [[], ["-0", "-1"]])
def test_a_job_that_has_ended_is_replaced(monkeypatch, group):
    monkeypatch.setattr(jobs, "ASK_S", 0.0)
    queue = {"1", "2"}
    monkeypatch.setattr(jobs, "queued", lambda kind: queue)
    cluster = Jobs(2, group)
    watch = Watch(cluster, "slurm")
    cluster.arrive()
    watch.tend()
    assert set(cluster.workers) == {"job-1", "job-2"}
    queue.discard("1")
    watch.tend()
    assert set(cluster.workers) == {"job-2", "job-3"}
    queue.add("3")
    watch.tend()
    assert set(cluster.workers) == {"job-2", "job-3"}
    monkeypatch.setattr(jobs, "queued", lambda kind: None)
    watch.tend()
    assert set(cluster.workers) == {"job-2", "job-3"}


def test_jobs_that_end_at_once_end_the_run(monkeypatch):
    monkeypatch.setattr(jobs, "ASK_S", 0.0)
    monkeypatch.setattr(jobs, "queued", lambda kind: set())
    watch = Watch(Jobs(1, []), "slurm")
    for _ in range(jobs.ENDED_AT_ONCE - 1):
        watch.tend()
    with pytest.raises(StudyError, match=r"4 jobs in a row.*engine\.prologue"):
        watch.tend()
