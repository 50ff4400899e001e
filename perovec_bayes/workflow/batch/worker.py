"""What a worker does: one fit after the other in one process, and an end when it is worn out."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil
from distributed import Reschedule, get_worker
from distributed.core import Status

from perovec_bayes.inference.cards import Origin
from perovec_bayes.inference.study import study_of
from perovec_bayes.workflow.batch.cache import bring, shared_cache
from perovec_bayes.workflow.batch.records import (
    Done,
    Failed,
    Kind,
    done_of,
    failed_by,
    folder_of,
    read_done,
    read_failed,
    write_done,
    write_failed,
)
from perovec_bayes.workflow.inputs import LARGEST_IN_BATCH

# PyMC is loaded when the first fit begins.
# ruff: noqa: PLC0415

LOOK_EVERY_S = 0.1
STOPPED = 3
"""Exit status of a worker that stops a fit that has taken too much."""
_counted = {"fits": 0}


@dataclass(frozen=True)
class Limits:
    """What a fit may use.

    Parameters
    ----------
    timeout_s : float or None
        Time [s].
    memory_bytes : int or None
        Resident memory of the process [B].
    fits_per_worker : int
        After so many fits the process is replaced.
    """

    timeout_s: float | None = None
    memory_bytes: int | None = None
    fits_per_worker: int = 100


@dataclass(frozen=True)
class Job:
    """A fit as it is sent to a worker.

    Parameters
    ----------
    name, key : str
        Which fit.
    content : dict
        The tables of its study.
    study : str
        The study file that it starts from.
    source : str
        The study as text, as seen from the run folder.
    sha256 : str
        Of `source`.
    out : str
        The folder of the batch.
    run : str
        The run of the batch.
    command : str
        For provenance.
    quick : bool
        Whether to make an approximation.
    limits : Limits
        What it may use.
    """

    name: str
    key: str
    content: dict[str, Any]
    study: str
    source: str
    sha256: str
    out: str
    run: str
    command: str
    quick: bool
    limits: Limits


def work(job: Job) -> tuple[bool, dict[str, Any], int]:
    """Do a fit, in a worker of Dask.

    A fit whose worker was lost is sent again, also if it was lost after the fit had ended: so what
    is on disk counts.

    Parameters
    ----------
    job : Job
        The fit.

    Returns
    -------
    ok : bool
        Whether there is a result.
    record : dict
        Fields of `Done` or `Failed`.
    resident : int
        Memory that the worker holds after it [B].
    """
    _retire_if_worn_out(job.limits.fits_per_worker)
    found = run_job(job)
    return isinstance(found, Done), asdict(found), psutil.Process().memory_info().rss


def run_job(job: Job) -> Done | Failed:
    """Do a fit in this process, unless this run of the batch has done it before.

    Parameters
    ----------
    job : Job
        The fit.
    """
    out = Path(job.out)
    earlier = read_done(out, job.name)
    if earlier is not None and earlier.key == job.key:
        return earlier
    failed = read_failed(out, job.name)
    if failed is not None and (failed.key, failed.run) == (job.key, job.run):
        return failed
    started: list[float] = []
    try:
        with _stopped(job, started), _compiled_before(out):
            _fitter()  # to load it is no part of the fit's time
            started.append(time.perf_counter())
            return _fitted(job, out)
    except Exception as error:
        found = _published(job, out) or failed_by(
            error, job.name, job.key, _since(started), job.run
        )
        if isinstance(found, Failed) and not found.fatal:
            write_failed(out, found)
        return found
    finally:
        _counted["fits"] += 1
        _tidy()


@cache
def _fitter() -> Callable[..., Any]:
    """Return `fit_study`; PyMC and the rest are loaded once."""
    from perovec_bayes.workflow.fit import fit_study

    gc.freeze()  # the libraries stay: to search them for garbage after each fit takes long
    return fit_study


def _published(job: Job, out: Path) -> Done | None:
    """Return the result that another worker, believed lost, has put there meanwhile."""
    found = read_done(out, job.name)
    return found if found is not None and found.key == job.key else None


def _fitted(job: Job, out: Path) -> Done:
    study = study_of(job.content, Origin(file=job.study, sha256=job.sha256), Path(job.study).parent)
    records: list[Done] = []

    def finish(folder: Path, tree: Any, seconds: float) -> None:
        records.append(done_of(job.name, job.key, study.sampler_seed, tree, seconds))
        write_done(folder, records[0])

    _fitter()(
        study,
        job.source.encode(),
        folder_of(out, job.name),
        command=job.command,
        overwrite=True,
        quick=job.quick,
        page_only=True,
        largest_copy=LARGEST_IN_BATCH,
        finish=finish,
    )
    return records[0]


def _since(started: list[float]) -> float:
    """Return how long a fit has run [s]; 0 before it has started."""
    return round(time.perf_counter() - started[0], 3) if started else 0.0


@contextmanager
def _stopped(job: Job, started: list[float]) -> Iterator[None]:
    """End this process when the fit takes too much time or memory; the reason is on disk then."""
    limits, over = job.limits, threading.Event()

    def watch() -> None:
        process = psutil.Process()
        while not over.wait(LOOK_EVERY_S):
            seconds, used = _since(started), process.memory_info().rss
            if limits.timeout_s is not None and seconds > limits.timeout_s:
                _stop(job, "timeout", seconds, f"it took more than {limits.timeout_s:g} s")
            if limits.memory_bytes is not None and used > limits.memory_bytes:
                said = f"it took {used / 1e6:.0f} MB, allowed are {limits.memory_bytes / 1e6:.0f}"
                _stop(job, "memory", seconds, f"{said} (engine.memory)")

    watcher = threading.Thread(target=watch, name="perovec-limits", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _stop(job: Job, kind: Kind, seconds: float, message: str) -> None:
    with suppress(OSError):
        write_failed(Path(job.out), Failed(job.name, job.key, kind, message, seconds, job.run))
    os._exit(STOPPED)


@contextmanager
def _compiled_before(out: Path) -> Iterator[None]:
    """Let the block use what other workers have compiled, and give them what it compiles."""
    own, shared = _own_cache(out), shared_cache(out / ".cache")
    bring(shared, own)
    try:
        yield
    finally:
        bring(own, shared)


@cache
def _own_cache(out: Path) -> Path:
    base = out / ".cache"
    base.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".worker-", dir=base))
    import jax

    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return folder


def _tidy() -> None:
    """Give back what the fit has left in memory."""
    jax = sys.modules.get("jax")
    if jax is not None:
        jax.clear_caches()
    gc.collect()
    with suppress(OSError, AttributeError):  # glibc only
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _retire_if_worn_out(most: int) -> None:
    """Replace this process by a new one if it has done enough; the task goes elsewhere."""
    worker = get_worker()
    if _counted["fits"] < most or worker.nanny is None:
        return
    # while it closes its connections, Dask may still try one: a traceback that means nothing
    logging.getLogger("tornado.application").setLevel(logging.CRITICAL)
    leaving = worker.close_gracefully(restart=True, reason="worn out")
    loop: Any = worker.loop
    asyncio.run_coroutine_threadsafe(leaving, loop.asyncio_loop)
    while worker.status is Status.running:
        time.sleep(0.01)
    raise Reschedule
