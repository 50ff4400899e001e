"""Dask, on this machine or on a cluster: workers of one thread, one process each."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import dask
import psutil
from distributed import Client, LocalCluster

from perovec_bayes.errors import StudyError
from perovec_bayes.inference.threads import VARIABLE
from perovec_bayes.workflow.batch.manifest import Engine
from perovec_bayes.workflow.batch.worker import Limits

LOCALHOST = "127.0.0.1"
NO_PAGES = {"dashboard": False, "dashboard_address": f"{LOCALHOST}:0"}
"""Of the scheduler, which always listens for browsers, by itself at a fixed port."""
RESERVE = 0.9
"""Share of this machine's memory that the workers may use."""
CLOSE_S = 5.0
"""How long a worker may take to end [s]."""
LIBRARIES = ("distributed", "tornado.application", "asyncio")
"""Loggers that tell of workers lost and connections closed."""


def settings(engine: Engine) -> dict[str, Any]:
    """Return what Dask is told: no pages for browsers, nothing stored in workers, no guessing.

    Parameters
    ----------
    engine : Engine
        Where and how fits run.
    """
    return {
        "distributed.scheduler.allowed-failures": engine.lost_workers,
        "distributed.scheduler.worker-saturation": 1.0,
        "distributed.scheduler.worker-ttl": "15 minutes",
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
        "distributed.worker.multiprocessing-method": "spawn",
        "distributed.worker.preload": ["perovec_bayes.workflow.batch.deaf"],
        "distributed.worker.profile.enabled": False,
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        # the worker itself says first which fit took too much
        "distributed.worker.memory.terminate": 1.5,
        # a worker that starts again on a busy machine is late, not lost
        "distributed.deploy.lost-worker-timeout": "1 hour",
        "distributed.diagnostics.nvml": False,
        "distributed.admin.system-monitor.gil.enabled": False,
    }


def environment(threads: int) -> dict[str, str]:
    """Return the environment of a worker whose fits use so many threads.

    Parameters
    ----------
    threads : int
        Number of threads.
    """
    count = str(threads)
    bounded = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC", VARIABLE)
    eigen = "--xla_cpu_multi_thread_eigen=false" if threads == 1 else ""
    flags = " ".join(part for part in (os.environ.get("XLA_FLAGS", ""), eigen) if part)
    return dict.fromkeys(bounded, count) | {"XLA_FLAGS": flags, "MALLOC_TRIM_THRESHOLD_": "65536"}


def workers_of(engine: Engine, fits: int) -> int:
    """Return how many workers there shall be.

    Parameters
    ----------
    engine : Engine
        Where and how fits run.
    fits : int
        How many fits there are to do.
    """
    wanted = engine.workers or max(1, len(os.sched_getaffinity(0)) // engine.threads)
    return max(1, min(wanted, fits))


def limits_of(engine: Engine, workers: int) -> Limits:
    """Return what each fit may use.

    Parameters
    ----------
    engine : Engine
        Where and how fits run.
    workers : int
        Number of workers.
    """
    memory = engine.memory_bytes
    if memory is None:
        memory = int(RESERVE * psutil.virtual_memory().total / workers)
    return Limits(engine.timeout_s, memory, engine.fits_per_worker)


@contextmanager
def running(engine: Engine, workers: int) -> Iterator[Client]:
    """Start workers, and end them when the block ends.

    Parameters
    ----------
    engine : Engine
        Where and how fits run.
    workers : int
        Number of workers.

    Yields
    ------
    Client
        To send them fits.

    Raises
    ------
    StudyError
        If what the engine needs is not installed or cannot be started.
    """
    memory = limits_of(engine, workers).memory_bytes
    with dask.config.set(settings(engine)):
        cluster = (
            _local(engine, workers, memory) if engine.kind == "local" else _jobs(engine, workers)
        )
        try:
            with Client(cluster, set_as_default=False) as client:
                try:
                    yield client
                finally:
                    _end_workers(cluster)
        finally:
            with suppress(TimeoutError):
                cluster.close(timeout=CLOSE_S)


def _local(engine: Engine, workers: int, memory: int | None) -> LocalCluster:
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host=LOCALHOST,
        scheduler_kwargs=NO_PAGES,
        memory_limit=memory,
        silence_logs=logging.CRITICAL,
        env=environment(engine.threads),
    )


def _end_workers(cluster: Any) -> None:
    """Kill the workers of this machine: what they were doing would be waited for."""
    for nanny in getattr(cluster, "workers", {}).values():
        process = getattr(getattr(nanny, "process", None), "process", None)
        if process is not None and process.pid is not None:
            nanny.auto_restart = False
            with suppress(psutil.NoSuchProcess):
                psutil.Process(process.pid).kill()


def _jobs(engine: Engine, workers: int) -> Any:
    """Return a cluster of batch jobs; the scheduler of Dask is in this process."""
    try:
        from dask_jobqueue import PBSCluster, SLURMCluster  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise StudyError(
            f"engine '{engine.kind}' needs dask-jobqueue",
            place="engine.kind",
            hint="Install the extra perovec_bayes[cluster].",
        ) from error
    kinds = {"slurm": SLURMCluster, "pbs": PBSCluster}
    options = job_options(engine)
    try:
        cluster = kinds[engine.kind](**options)
        jobs = math.ceil(workers / engine.workers_per_job)
        cluster.adapt(minimum_jobs=jobs, maximum_jobs=jobs)  # replaces jobs whose time is over
    except (RuntimeError, ValueError, OSError) as error:
        raise StudyError(
            f"the jobs cannot be started: {error}", place="engine", hint="See docs/batches.md."
        ) from error
    return cluster


def job_options(engine: Engine) -> dict[str, Any]:
    """Return what dask-jobqueue is told.

    Parameters
    ----------
    engine : Engine
        Of kind "slurm" or "pbs".
    """
    per_job = engine.workers_per_job
    memory = (engine.memory_bytes or 0) * per_job
    exports = [f"export {name}='{value}'" for name, value in environment(engine.threads).items()]
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
        "scheduler_options": dict(NO_PAGES),
        "worker_extra_args": ["--no-dashboard"],
        "silence_logs": logging.CRITICAL,
    }
    if engine.kind == "slurm":
        options["job_cpu"] = per_job * engine.threads
    else:
        gigabytes = math.ceil(memory / 1e9)
        options["resource_spec"] = f"select=1:ncpus={per_job * engine.threads}:mem={gigabytes}GB"
    return options
