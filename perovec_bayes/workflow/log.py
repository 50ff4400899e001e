"""The log of a run: one JSON object a line."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import MemoryHandler
from pathlib import Path
from typing import Any

LOGGER = logging.getLogger("perovec_bayes.run")
_BUFFERED = 1000


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object: time, level, event, and the fields of the event."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line.

        Parameters
        ----------
        record : logging.LogRecord
            Its attribute `fields`, if there is one, is a dict.
        """
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        return json.dumps(line, default=str)


def event(name: str, **fields: Any) -> None:
    """Record that something happened.

    Parameters
    ----------
    name : str
        What happened.
    **fields
        What is to be known of it.
    """
    LOGGER.info(name, extra={"fields": fields})


class RunLog:
    """Keeps what happens in memory until there is a file for it."""

    def __init__(self) -> None:
        self._handler = MemoryHandler(_BUFFERED, flushLevel=logging.CRITICAL + 1)
        self._file: logging.FileHandler | None = None

    def write_to(self, path: Path) -> None:
        """Write what happened so far, and from now on, to a file.

        Parameters
        ----------
        path : Path
            The file.
        """
        self._file = logging.FileHandler(path, mode="w", encoding="utf-8")
        self._file.setFormatter(JsonLines())
        self._handler.setTarget(self._file)
        self._handler.flush()
        LOGGER.removeHandler(self._handler)
        LOGGER.addHandler(self._file)

    def close(self) -> None:
        """Close the file; nothing more is recorded."""
        LOGGER.removeHandler(self._handler)
        self._handler.setTarget(None)
        self._handler.close()
        if self._file is not None:
            LOGGER.removeHandler(self._file)
            self._file.close()
            self._file = None


@contextmanager
def run_log() -> Iterator[RunLog]:
    """Record the events of a run for as long as the block runs."""
    log = RunLog()
    level = LOGGER.level
    LOGGER.setLevel(logging.INFO)
    LOGGER.addHandler(log._handler)
    try:
        yield log
    finally:
        log.close()
        LOGGER.setLevel(level)
