"""A run of a batch: send what is missing to the workers, note what comes back, write the tables."""

from __future__ import annotations

import hashlib
import logging
import math
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from distributed import KilledWorker

from perovec_bayes.errors import StudyError
from perovec_bayes.workflow.batch.engine import Running, limits_of, running, workers_of
from perovec_bayes.workflow.batch.gather import gather, results, write_results
from perovec_bayes.workflow.batch.manifest import Engine, load_engine, load_manifest
from perovec_bayes.workflow.batch.place import LOGGER, held, logged, refuse_foreign
from perovec_bayes.workflow.batch.plan import Plan, Planned, plan
from perovec_bayes.workflow.batch.records import (
    Done,
    Failed,
    failed_by,
    failure_of,
    folder_of,
    read_done,
    write_failed,
)
from perovec_bayes.workflow.batch.relocate import relocated
from perovec_bayes.workflow.batch.worker import Job, Limits, work
from perovec_bayes.workflow.folder import writing
from perovec_bayes.workflow.interrupt import interruptible
from perovec_bayes.workflow.toml import dumps

TOGETHER = "blackjax"
"""The sampler that can draw chains of several fits in one computation."""
TEND_S = 1.0
"""Between fits the workers are looked after so often [s]."""


@dataclass(frozen=True)
class Step:
    """How far a batch is.

    Parameters
    ----------
    ended, total : int
        Fits of this run that have ended, and all that it does.
    failed : int
        How many of those that ended have no result.
    last : Done or Failed or None
        What ended last.
    """

    ended: int
    total: int
    failed: int
    last: Done | Failed | None = None


@dataclass(frozen=True)
class Summary:
    """What came of a batch.

    Parameters
    ----------
    out : Path
        Its folder.
    plan : Plan
        All fits as they stand now.
    ran : int
        How many fits this run did.
    seconds : float
        Wall time [s].
    written : tuple of Path
        Tables, report and gathered results.
    """

    out: Path
    plan: Plan
    ran: int
    seconds: float
    written: tuple[Path, ...]

    @property
    def failed(self) -> list[Planned]:
        """The fits without a result."""
        return [each for each in self.plan.fits if each.done is None]

    @property
    def gates_failed(self) -> list[Planned]:
        """The fits whose result did not pass the gate."""
        return [each for each in self.plan.fits if each.done and not each.done.passed]


Progress = Callable[[Step], None]


def planned(
    manifest: str | Path,
    out: str | Path,
    *,
    engine: str | Path | None = None,
    retry_failed: bool = False,
) -> tuple[Plan, Engine, int]:
    """Return what a run would do; nothing is written.

    Parameters
    ----------
    manifest, out, engine, retry_failed
        As for `batch`.

    Returns
    -------
    plan : Plan
        The fits.
    engine : Engine
        Where they would run.
    workers : int
        How many at a time.
    """
    found = load_manifest(manifest)
    chosen = found.engine if engine is None else load_engine(engine)
    refuse_foreign(Path(out), found.batch.name)
    made = plan(found, out, retry_failed=retry_failed)
    return made, chosen, workers_of(chosen, len(made.to_do))


def batch(
    manifest: str | Path,
    out: str | Path,
    *,
    engine: str | Path | None = None,
    retry_failed: bool = False,
    gathered: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Do all fits of a manifest that are not done yet.

    Each result appears whole or not at all, whatever ends this process or its workers.

    Parameters
    ----------
    manifest : str or Path
        The manifest: TOML, or a table with one fit a row.
    out : str or Path
        The folder of the batch; made if absent.
    engine : str or Path, optional
        A file with the [engine] table to use in place of the manifest's.
    retry_failed : bool
        Do again also what failed for reasons of its own.
    gathered : bool
        Put all results into one file.
    progress : callable, optional
        Called with a `Step` when a fit has ended, and once before.

    Returns
    -------
    Summary
        What there is now.

    Raises
    ------
    StudyError
        If the manifest is wrong, or the folder cannot be used. What is wrong with single fits is
        recorded, and does not keep the others from running.
    """
    begun = time.perf_counter()
    out = Path(out)
    tell = progress or (lambda step: None)
    with interruptible():
        name = load_manifest(manifest).batch.name
        with held(out, name), logged(out):
            made, chosen, workers = planned(manifest, out, engine=engine, retry_failed=retry_failed)
            ran = len(made.to_do)
            _log_plan(made, chosen, workers)
            try:
                _run(made, chosen, workers, tell)
            except KeyboardInterrupt:
                LOGGER.warning("interrupted; run the same command again to go on")
                raise
            now = plan(made.manifest, out)
            with writing(out):
                written = write_results(results(now))
                written += [gather(now)] if gathered else []
            seconds = time.perf_counter() - begun
            LOGGER.info("end after %.1f s: %s", seconds, _counted(now))
    return Summary(out, now, ran, seconds, tuple(written))


def _log_plan(made: Plan, engine: Engine, workers: int) -> None:
    LOGGER.info(
        "start: %d fits (%s); %s, %d workers of %d threads",
        len(made.fits), _counted(made), engine.kind, workers, engine.threads,
    )  # fmt: skip


def _counted(made: Plan) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(made.counts.items()))


def _run(made: Plan, engine: Engine, workers: int, tell: Progress) -> None:
    run, total = uuid.uuid4().hex, len(made.to_do)
    sound = [each for each in made.to_do if each.problem is None]
    with writing(made.out):
        for each in made.to_do:
            failure_of(made.out, each.name).unlink(missing_ok=True)
        wrong = [_wrong(made.out, each, run) for each in made.to_do if each.problem is not None]
    counts: Counter[bool] = Counter({False: len(wrong)})
    tell(Step(len(wrong), total, len(wrong), wrong[-1] if wrong else None))
    if not sound:
        return
    limits = limits_of(engine, workers)
    jobs = [job_of(made, each, run, limits, engine.together) for each in sound]
    alike = [each.card for each in sound]
    with running(engine, workers) as at_work:
        for found in ended(at_work, groups(jobs, alike, workers)):
            counts[isinstance(found, Done)] += 1
            _note(made.out, found)
            tell(Step(counts.total(), total, counts[False], found))


def _wrong(out: Path, each: Planned, run: str) -> Failed:
    if each.problem is None:
        raise ValueError(each.name)
    failed = failed_by(each.problem, each.name, each.key, 0.0, run)
    write_failed(out, failed)
    _log_end(failed)
    return failed


def job_of(made: Plan, each: Planned, run: str, limits: Limits, together: int = 1) -> Job:
    """Return a fit as it is sent to a worker.

    Parameters
    ----------
    made : Plan
        The batch.
    each : Planned
        The fit.
    run : str
        The run of the batch.
    limits : Limits
        What the fit may use.
    together : int
        For how many fits a computation draws chains, where the sampler of the study can do so.
    """
    single = each.single
    quick, sampler = made.manifest.batch.quick, single.content.get("sampler", {})
    lanes = together if sampler.get("backend") == TOGETHER and not quick else 1
    moved = relocated(single.content, single.study.parent, folder_of(made.out, each.name))
    head = (
        f"# Made by perovec batch from {single.study.name}; paths are as seen from this folder.\n"
    )
    source = f"{head}\n{dumps(moved)}"
    return Job(
        name=each.name,
        key=each.key,
        content=single.content,
        study=str(single.study.absolute()),
        source=source,
        sha256=hashlib.sha256(source.encode()).hexdigest(),
        out=str(made.out.absolute()),
        run=run,
        command=f"perovec batch {Path(made.manifest.origin.file).name}",
        quick=quick,
        limits=limits,
        together=lanes,
    )


def groups(jobs: Sequence[Job], cards: Sequence[str], workers: int) -> list[tuple[Job, ...]]:
    """Return the fits as they are sent: one by one, or several of one card to be drawn together.

    Parameters
    ----------
    jobs : sequence of Job
        The fits.
    cards : sequence of str
        The card of each.
    workers : int
        A group is no larger than what would leave one of them idle.
    """
    found: list[tuple[Job, ...]] = []
    families: dict[str, list[Job]] = {}
    for job, card in zip(jobs, cards, strict=True):
        if job.together == 1:
            found.append((job,))
        else:
            families.setdefault(card, []).append(job)
    for family in families.values():
        size = min(family[0].together, math.ceil(len(family) / workers))
        found += [tuple(each) for each in batched(family, size)]
    return found


def ended(at_work: Running, jobs: Sequence[tuple[Job, ...]]) -> Iterator[Done | Failed]:
    """Send fits to the workers and give what comes back, in the order in which they end.

    Parameters
    ----------
    at_work : Running
        The workers.
    jobs : sequence of tuple of Job
        The fits, as from `groups`. Those of a group whose workers were lost again and again are
        sent one by one, so that one of them does not cost the others their results.

    Yields
    ------
    Done or Failed
        What came of a fit.
    """
    of: dict[str, tuple[Job, ...]] = {}
    ready: SimpleQueue[Any] = SimpleQueue()

    def send(some: Sequence[tuple[Job, ...]]) -> None:
        keys = [f"fit-{len(of) + n}-{len(s)}-{s[0].key[:16]}" for n, s in enumerate(some)]
        futures = at_work.client.map(work, list(some), key=keys, pure=False, retries=0)
        of.update(zip((str(future.key) for future in futures), some, strict=True))
        for future in futures:
            future.add_done_callback(ready.put)

    send(jobs)
    while of:
        at_work.tend()
        try:
            future = ready.get(timeout=TEND_S)
        except Empty:
            continue
        sent = of.pop(future.key)
        if len(sent) > 1 and isinstance(future.exception(), KilledWorker):
            LOGGER.warning("the worker of %d fits was lost: they are sent one by one", len(sent))
            send([(job,) for job in sent])
        else:
            yield from _found(future, sent)
        future.release()


def _found(future: Any, jobs: Sequence[Job]) -> list[Done | Failed]:
    error = future.exception()
    if error is not None:
        return [_lost(error, job) for job in jobs]
    records, resident = future.result()
    LOGGER.debug("%s: worker holds %.0f MB", jobs[-1].name, resident / 1e6)
    return [Done(**record) if ok else Failed(**record) for ok, record in records]


def _lost(error: Exception, job: Job) -> Done | Failed:
    """Return what there is of a fit whose worker gave no answer."""
    done = read_done(Path(job.out), job.name)
    if done is not None and done.key == job.key:
        return done
    if isinstance(error, KilledWorker):
        said = (
            f"its worker was lost {error.allowed_failures + 1} times: the system may have killed "
            "it for want of memory, or the code crashed (engine.lost_workers, engine.memory)"
        )
        return Failed(job.name, job.key, "lost", said, 0.0, job.run)
    return failed_by(error, job.name, job.key, 0.0, job.run)


def _note(out: Path, found: Done | Failed) -> None:
    """Log how a fit ended; end the run if no other could be written."""
    _log_end(found)
    if not isinstance(found, Failed):
        return
    if found.fatal:
        raise StudyError(
            f"no result can be written any more ({found.message})",
            file=out,
            hint="What is there is whole. Make room, then run the same command again.",
        )
    if not failure_of(out, found.name).is_file():
        with writing(out):
            write_failed(out, found)


def _log_end(found: Done | Failed) -> None:
    if isinstance(found, Failed):
        LOGGER.error("%s failed (%s): %s", found.name, found.kind, found.message)
        return
    gate = "gate passed" if found.passed else "gate FAILED"
    LOGGER.log(
        logging.INFO if found.passed else logging.WARNING,
        "%s done in %.1f s, %s",
        found.name, found.seconds, gate,
    )  # fmt: skip
