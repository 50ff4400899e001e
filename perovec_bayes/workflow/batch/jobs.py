"""Workers as jobs of SLURM or PBS, and new jobs for those that have ended."""

from __future__ import annotations

import logging
import math
import re
import subprocess
import time
from contextlib import suppress
from typing import Any

from distributed import Status

from perovec_bayes.errors import StudyError
from perovec_bayes.workflow.batch.manifest import Engine

LOGGER = logging.getLogger("perovec_bayes.batch")
ASK_S = 20.0
"""The queue is asked so often [s]."""
ANSWER_S = 60.0
"""A queue that takes longer [s] is taken to be busy."""
CLOSE_S = 5.0
"""How long workers and scheduler may take to end [s]."""
ENDED_AT_ONCE = 4
"""So many jobs in a row that end before a worker was there are a fault of the set-up."""
QUEUE = {
    "slurm": ["squeue", "--noheader", "--me", "--format=%A"],
    "pbs": ["qstat"],
}
"""Commands that list the jobs in the queue, running or waiting, by number."""


def start_jobs(
    engine: Engine, workers: int, environment: dict[str, str], scheduler: dict[str, Any]
) -> Any:
    """Submit jobs whose workers do fits; the scheduler of Dask is in this process.

    Parameters
    ----------
    engine : Engine
        Of kind "slurm" or "pbs".
    workers : int
        Number of workers.
    environment : dict of str to str
        Variables of a worker.
    scheduler : dict of str to Any
        Options of Dask's scheduler.

    Returns
    -------
    dask_jobqueue.JobQueueCluster
        The jobs.

    Raises
    ------
    StudyError
        If dask-jobqueue is not installed, or the jobs cannot be submitted.
    """
    try:
        from dask_jobqueue import PBSCluster, SLURMCluster  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise StudyError(
            f"engine '{engine.kind}' needs dask-jobqueue",
            place="engine.kind",
            hint="Install the extra perovec_bayes[cluster].",
        ) from error
    kinds = {"slurm": SLURMCluster, "pbs": PBSCluster}
    cluster: Any = None
    try:
        cluster = kinds[engine.kind](
            **job_options(engine, environment), scheduler_options=scheduler
        )
        for _ in range(math.ceil(workers / engine.workers_per_job)):
            cluster.worker_spec.update(cluster.new_worker_spec())
        cluster.sync(_submitted, cluster)
    except (RuntimeError, ValueError, OSError) as error:
        if cluster is not None:
            _mark_refused(cluster)
            with suppress(RuntimeError, TimeoutError):
                cluster.close(timeout=CLOSE_S)
        raise StudyError(
            "the jobs cannot be started",
            place="engine",
            found=" ".join(str(error).split()),
            hint="See docs/batches.md.",
        ) from error
    return cluster


def _mark_refused(cluster: Any) -> None:
    """Tell Dask, which would wait for them, of the jobs that were refused."""
    for job in cluster.workers.values():
        if job.job_id is None:
            job.status = Status.failed


async def _submitted(cluster: Any) -> None:
    """Submit the jobs; raise what keeps them from it, which `scale` would only log."""
    await cluster


def job_options(engine: Engine, environment: dict[str, str]) -> dict[str, Any]:
    """Return what dask-jobqueue is told.

    Parameters
    ----------
    engine : Engine
        Of kind "slurm" or "pbs".
    environment : dict of str to str
        Variables of a worker.
    """
    per_job = engine.workers_per_job
    memory = (engine.memory_bytes or 0) * per_job
    exports = [f"export {name}='{value}'" for name, value in environment.items()]
    options: dict[str, Any] = {
        "cores": per_job,
        "processes": per_job,
        "memory": f"{memory} B",
        "walltime": engine.walltime,
        "queue": engine.queue,
        "account": engine.account,
        "interface": engine.interface,
        "job_extra_directives": list(engine.directives),
        "job_script_prologue": [*engine.prologue, *exports],
        "worker_extra_args": ["--no-dashboard"],
        "silence_logs": logging.CRITICAL,
    }
    if engine.kind == "slurm":
        options["job_cpu"] = per_job * engine.threads
    else:
        gigabytes = math.ceil(memory / 1e9)
        options["resource_spec"] = f"select=1:ncpus={per_job * engine.threads}:mem={gigabytes}GB"
    return options


def queued(kind: str) -> set[str] | None:
    """Return the numbers of this user's jobs that run or wait.

    Parameters
    ----------
    kind : str
        "slurm" or "pbs".

    Returns
    -------
    set of str or None
        The numbers; None if the queue does not answer.
    """
    try:
        found = subprocess.run(
            QUEUE[kind], capture_output=True, text=True, timeout=ANSWER_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if found.returncode:
        return None
    return set(re.findall(r"^\s*(\d+)", found.stdout, flags=re.MULTILINE))


class Watch:
    """Replaces jobs that have ended: killed, out of time, or lost with their node.

    Dask's own scaling counts such a job as one that is there.

    Parameters
    ----------
    cluster : dask_jobqueue.JobQueueCluster
        The jobs.
    kind : str
        "slurm" or "pbs".
    """

    def __init__(self, cluster: Any, kind: str) -> None:
        self.cluster, self.kind = cluster, kind
        self.jobs = len(cluster.worker_spec)
        self.asked = time.monotonic()
        self.in_vain = 0
        self.seen: set[str] = set()

    def tend(self) -> None:
        """Ask the queue, if it is time, and submit a job for each that has ended.

        Raises
        ------
        StudyError
            If jobs end again and again before their workers have reached this process.
        """
        self._note_workers()
        if time.monotonic() - self.asked < ASK_S:
            return
        there = queued(self.kind)
        self.asked = time.monotonic()
        if there is None:
            LOGGER.warning("the queue of %s does not answer", self.kind)
            return
        ended = {
            name: job.job_id
            for name, job in dict(self.cluster.workers).items()
            if str(job.job_id).split(".")[0] not in there
        }
        for name, number in ended.items():
            met = name in self.seen
            self.in_vain = 0 if met else self.in_vain + 1
            if number is None:
                LOGGER.warning("a job could not be submitted")
            else:
                LOGGER.warning("job %s has ended%s", number, "" if met else " in vain")
        if self.in_vain >= ENDED_AT_ONCE:
            raise StudyError(
                f"{self.in_vain} jobs in a row have ended before a worker was there",
                place="engine",
                hint="See the output of the last job (slurm-NUMBER.out or the like) and "
                "engine.prologue, engine.interface and engine.memory. What is done is kept.",
            )
        if ended:
            self.cluster.loop.add_callback(self._replace, list(ended))

    def _replace(self, names: list[str]) -> None:
        """Forget jobs, in Dask's thread, as there is nothing of them to be ended; submit others."""
        _mark_refused(self.cluster)
        for name in names:
            self.cluster.worker_spec.pop(name, None)
            self.cluster.workers.pop(name, None)
        self.cluster.scale(jobs=self.jobs)

    def _note_workers(self) -> None:
        """Note the jobs whose workers are there; a job of several has their names with its own."""
        here = {str(each["name"]) for each in self.cluster.scheduler_info["workers"].values()}
        for name, spec in dict(self.cluster.worker_spec).items():
            names = {f"{name}{suffix}" for suffix in spec.get("group", [""])}
            if names & here:
                self.seen.add(name)
                self.in_vain = 0
