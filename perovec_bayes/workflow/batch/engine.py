"""Dask, on this machine or on a cluster: workers of one thread, one process each."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import dask
import psutil
from distributed import Client, LocalCluster

from perovec_bayes.errors import StudyError
from perovec_bayes.inference.threads import VARIABLE
from perovec_bayes.workflow.batch.jobs import CLOSE_S, Watch, start_jobs
from perovec_bayes.workflow.batch.manifest import Engine
from perovec_bayes.workflow.batch.worker import Limits

LOCALHOST = "127.0.0.1"
NO_PAGES = {"dashboard": False, "dashboard_address": f"{LOCALHOST}:0"}
"""Of the scheduler, which always listens for browsers, by itself at a fixed port."""
STARTS = 4
"""How often it is tried to start workers."""
RESERVE = 0.9
"""Share of this machine's memory that the workers may use."""
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


class Running(NamedTuple):
    """Workers at work."""

    client: Client
    """To send them fits."""
    tend: Callable[[], None]
    """Replaces workers that are lost for good; to be called now and then."""


@contextmanager
def running(engine: Engine, workers: int) -> Iterator[Running]:
    """Start workers, and end them when the block ends.

    Parameters
    ----------
    engine : Engine
        Where and how fits run.
    workers : int
        Number of workers.

    Yields
    ------
    Running
        The workers.

    Raises
    ------
    StudyError
        If what the engine needs is not installed or cannot be started.
    """
    memory = limits_of(engine, workers).memory_bytes
    with dask.config.set(settings(engine)):
        tend = _nothing
        if engine.kind == "local":
            cluster = _started(engine, workers, memory)
        else:
            environ = environment(engine.threads)
            cluster = start_jobs(engine, workers, environ, dict(NO_PAGES))
            tend = Watch(cluster, engine.kind).tend
        try:
            with Client(cluster, set_as_default=False) as client:
                try:
                    yield Running(client, tend)
                finally:
                    _end_workers(cluster)
        finally:
            with suppress(TimeoutError):
                cluster.close(timeout=CLOSE_S)


def _nothing() -> None:
    """Tend the workers of this machine, which their nannies replace."""


def _started(engine: Engine, workers: int, memory: int | None) -> LocalCluster:
    """Start the workers of this machine; again if one is lost (killed, say) as it starts."""
    lost: Exception | None = None
    for _ in range(STARTS):
        try:
            return _local(engine, workers, memory)
        except (RuntimeError, OSError) as error:
            lost = error
    raise StudyError(
        f"the workers end as they start ({lost})",
        place="engine",
        hint="The system may have killed them for want of memory: set fewer workers.",
    ) from lost


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
