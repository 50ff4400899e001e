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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil
from distributed import Reschedule, get_worker
from distributed.core import Status

from perovec_bayes.inference.cards import Origin
from perovec_bayes.inference.study import Study, study_of
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
    together : int
        For how many fits its chains are drawn in one computation; 1: by itself.
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
    together: int = 1


def work(jobs: Sequence[Job]) -> tuple[list[tuple[bool, dict[str, Any]]], int]:
    """Do some fits, in a worker of Dask.

    Fits whose worker was lost are sent again, also those that had ended before: so what is on disk
    counts.

    Parameters
    ----------
    jobs : sequence of Job
        The fits: one, or several that are drawn together.

    Returns
    -------
    ended : list of (bool, dict)
        Of each fit whether there is a result, and the fields of `Done` or `Failed`.
    resident : int
        Memory that the worker holds after them [B].
    """
    _retire_if_worn_out(jobs[0].limits.fits_per_worker)
    ended = run_jobs(jobs)
    return [(isinstance(each, Done), asdict(each)) for each in ended], _resident()


def _resident() -> int:
    return int(psutil.Process().memory_info().rss)


def run_jobs(jobs: Sequence[Job]) -> list[Done | Failed]:
    """Do fits in this process, unless this run of the batch has done them before.

    Parameters
    ----------
    jobs : sequence of Job
        The fits: one, or several that are drawn together.
    """
    known = [_ended(job) for job in jobs]
    to_do = [job for job, end in zip(jobs, known, strict=True) if end is None]
    ahead = iter(_ahead(to_do))
    return [
        _run_job(job, next(ahead)) if end is None else end
        for job, end in zip(jobs, known, strict=True)
    ]


def _ended(job: Job) -> Done | Failed | None:
    """Return how a fit ended in this run of the batch, or its result; None if there is neither."""
    failed = read_failed(Path(job.out), job.name)
    if failed is not None and (failed.key, failed.run) != (job.key, job.run):
        failed = None
    return _published(job, Path(job.out)) or failed


def _ahead(jobs: Sequence[Job]) -> list[Any]:
    """Return what can be done of the fits together; None for those that go by themselves."""
    if not jobs or jobs[0].together == 1:
        return [None] * len(jobs)
    started: list[float] = []
    try:
        with _stopped(jobs, started), _compiled_before(Path(jobs[0].out)):
            _fitter()
            from perovec_bayes.workflow.together import sampled_together

            started.append(time.perf_counter())
            return list(sampled_together([_study(job) for job in jobs], jobs[0].together))
    except Exception:  # each fit meets it again by itself, and says so
        logging.getLogger("perovec_bayes.batch").debug("not together", exc_info=True)
        return [None] * len(jobs)


def _study(job: Job) -> Study:
    return study_of(job.content, Origin(file=job.study, sha256=job.sha256), Path(job.study).parent)


def _run_job(job: Job, ahead: Any) -> Done | Failed:
    out = Path(job.out)
    started: list[float] = []
    try:
        with _stopped([job], started), _compiled_before(out):
            _fitter()  # to load it is no part of the fit's time
            started.append(time.perf_counter())
            return _fitted(job, out, ahead)
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


def _fitted(job: Job, out: Path, ahead: Any) -> Done:
    study = _study(job)
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
        ahead=ahead,
        finish=finish,
    )
    return records[0]


def _since(started: list[float]) -> float:
    """Return how long a fit has run [s]; 0 before it has started."""
    return round(time.perf_counter() - started[0], 3) if started else 0.0


@contextmanager
def _stopped(jobs: Sequence[Job], started: list[float]) -> Iterator[None]:
    """End this process when the fits take too much time or memory; the reason is on disk then."""
    limits, over = jobs[0].limits, threading.Event()
    allowed = None if limits.timeout_s is None else limits.timeout_s * len(jobs)
    who = "it" if len(jobs) == 1 else f"{len(jobs)} fits together (engine.together)"

    def watch() -> None:
        process = psutil.Process()
        while not over.wait(LOOK_EVERY_S):
            seconds, used = _since(started), process.memory_info().rss
            if allowed is not None and seconds > allowed:
                _stop(jobs, "timeout", seconds, f"{who} took more than {allowed:g} s")
            if limits.memory_bytes is not None and used > limits.memory_bytes:
                most = f"allowed are {limits.memory_bytes / 1e6:.0f} (engine.memory)"
                _stop(jobs, "memory", seconds, f"{who} took {used / 1e6:.0f} MB, {most}")

    watcher = threading.Thread(target=watch, name="perovec-limits", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _stop(jobs: Sequence[Job], kind: Kind, seconds: float, message: str) -> None:
    with suppress(OSError):
        for job in jobs:
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
