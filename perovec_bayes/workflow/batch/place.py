"""The folder of a batch: one run at a time in it, its log, and what a kill has left."""

from __future__ import annotations

import fcntl
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from perovec_bayes.errors import StudyError
from perovec_bayes.workflow.batch.engine import LIBRARIES
from perovec_bayes.workflow.batch.records import FAILED, FITS, MARK
from perovec_bayes.workflow.folder import writing

LOG = "batch.log"
LOGGER = logging.getLogger("perovec_bayes.batch")
_LEFT = ((FITS, ".*.partial-*"), (FITS, ".*.old-*"), (FAILED, ".*.part"), (".cache", ".worker-*"))
"""What a killed run leaves: folder, and pattern of names."""


@contextmanager
def held(out: Path, name: str) -> Iterator[None]:
    """Keep a folder for one run of one batch as long as the block runs.

    Parameters
    ----------
    out : Path
        The folder; made if absent.
    name : str
        Name of the batch.

    Raises
    ------
    StudyError
        If another run is at work there, it is not the folder of this batch, or it cannot be
        written.
    """
    refuse_foreign(out, name)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        stream = (out / MARK).open("a+", encoding="utf-8")
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StudyError(
                "another run of this batch is at work here",
                file=out,
                hint="Wait until it has ended, or use another --out.",
            ) from error
        with writing(out):
            stream.truncate(0)
            stream.write(f"{name}\n")
            stream.flush()
            _clean(out)
        try:
            yield
        finally:
            with suppress(OSError):
                _clean(out)


def refuse_foreign(out: Path, name: str) -> None:
    """Refuse a folder that holds something else than this batch.

    Parameters
    ----------
    out : Path
        The folder; it need not exist.
    name : str
        Name of the batch.

    Raises
    ------
    StudyError
        If it does.
    """
    with writing(out):
        if not out.exists():
            return
        there = any(out.iterdir()) if out.is_dir() else True
        mark = (out / MARK).read_text(encoding="utf-8").strip() if (out / MARK).is_file() else None
    if there and mark is None:
        raise StudyError(
            "there is something else, not a batch",
            file=out,
            expected="an empty or new folder, or that of this batch",
            hint="Use another --out.",
        )
    if mark and mark != name:
        raise StudyError(
            "the folder belongs to another batch",
            file=out,
            expected=f"batch '{name}'",
            found=f"batch '{mark}'",
            hint="Use another --out.",
        )


def _clean(out: Path) -> None:
    for folder, pattern in _LEFT:
        for path in (out / folder).glob(pattern):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


class _Steady(logging.FileHandler):
    """A log file whose level nobody changes; Dask sets that of all handlers that it finds."""

    def setLevel(self, level: int | str) -> None:
        """Leave the level as it is.

        Parameters
        ----------
        level : int or str
            Ignored.
        """


@contextmanager
def logged(out: Path) -> Iterator[None]:
    """Add what happens to the log of the batch; what Dask says goes there as well, not to stderr.

    Parameters
    ----------
    out : Path
        The folder of the batch.
    """
    with writing(out):
        handler = _Steady(out / LOG, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    loggers = [LOGGER, *(logging.getLogger(name) for name in LIBRARIES)]
    before = [(each, each.level, each.propagate, list(each.handlers)) for each in loggers]
    for each in loggers:
        each.handlers = [handler]
        each.propagate = False
        each.setLevel(logging.DEBUG if each is LOGGER else logging.WARNING)
    try:
        yield
    finally:
        for each, level, propagate, handlers in before:
            each.handlers = handlers
            each.propagate = propagate
            each.setLevel(level)
        handler.close()
