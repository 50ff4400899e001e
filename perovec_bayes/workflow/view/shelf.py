"""A folder of runs: which runs and batches are in it, and which of its files may be shown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from perovec_bayes.errors import PerovecError, StudyError
from perovec_bayes.report.browse import Batch
from perovec_bayes.report.export import FIGURES, PAGE, TABLES
from perovec_bayes.report.runs import FILES, LOG, RECORD, RESULT, SUMMARY, Run, read_run
from perovec_bayes.workflow.batch.records import FAILED, MARK, read_failed

TYPES = {
    ".html": "text/html; charset=UTF-8",
    ".pdf": "application/pdf",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    **dict.fromkeys(
        (".csv", ".tex", ".md", ".bib", ".json", ".jsonl", ".toml"), "text/plain; charset=UTF-8"
    ),
}
"""Kinds of files of a run that are shown."""


class Refused(Exception):
    """A file that is not shown.

    Parameters
    ----------
    code : int
        Of HTTP: 403 outside the folder, 404 otherwise.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Found:
    """What is in a folder of runs.

    Parameters
    ----------
    runs : tuple of Run
        Runs, damaged ones too, and fits of batches that have no result.
    batches : tuple of Batch
        Batches.
    """

    runs: tuple[Run, ...]
    batches: tuple[Batch, ...]


type _Stamps = tuple[tuple[int, int] | None, ...]


class Shelf:
    """A folder of runs.

    Parameters
    ----------
    folder : str or Path
        The folder, or a run folder itself.

    Raises
    ------
    StudyError
        If it is not a folder that can be read.
    """

    def __init__(self, folder: str | Path) -> None:
        path = Path(folder)
        if not path.is_dir():
            raise StudyError(
                "not a folder" if path.exists() else "no such folder",
                file=path,
                expected="a folder of runs",
                hint="It is the --out of 'perovec fit' or 'perovec batch'.",
            )
        self.root = path.resolve()
        self.title = str(path) if path.name else str(self.root)
        self._known: dict[Path, tuple[_Stamps, Run]] = {}
        try:
            os.listdir(self.root)
        except OSError as error:
            raise StudyError(f"cannot be read ({error.strerror})", file=path) from error

    def look(self) -> Found:
        """Return what is in the folder now; of runs that have not changed nothing is read again."""
        runs: list[Run] = []
        batches: list[Batch] = []
        for folder in self._folders():
            if _is_run(folder):
                runs.append(self._run(folder))
            if _is_batch(folder):
                batches.append(Batch(*self._names(folder), (folder / PAGE).is_file()))
                runs += self._failed(folder)
        return Found(tuple(runs), tuple(batches))

    def folder_of(self, run: Run) -> Path:
        """Return the folder of a run that `look` has found."""
        return next(path for path, (_, known) in self._known.items() if known.key == run.key)

    def file(self, address: str) -> Path:
        """Return the file of a run or of a batch that an address asks for.

        Parameters
        ----------
        address : str
            Path below the folder of runs, decoded.

        Raises
        ------
        Refused
            If it lies outside the folder, by its name or by a link, or is not a report, table,
            figure or record.
        """
        parts = PurePosixPath(address).parts
        if address.startswith("/") or ".." in parts:
            raise Refused(403)
        asked = self.root.joinpath(*parts)
        try:
            found = asked.resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            raise Refused(404) from None
        if not found.is_relative_to(self.root):
            raise Refused(403)
        hidden = any(part.startswith(".") for part in parts)
        if hidden or not found.is_file() or not {asked.suffix, found.suffix} <= TYPES.keys():
            raise Refused(404)
        home = asked.parent.parent if asked.parent.name in {TABLES, FIGURES} else asked.parent
        if not (_is_run(home) or _is_batch(home)):
            raise Refused(404)
        return found

    def _folders(self) -> Iterator[Path]:
        """Yield the folder and all below it; hidden ones, links, tables and figures are passed."""
        for place, names, _ in os.walk(self.root):
            names[:] = sorted(
                name for name in names if not name.startswith(".") and name not in {TABLES, FIGURES}
            )
            yield Path(place)

    def _names(self, folder: Path) -> tuple[str, str]:
        """Return a folder as part of an address, and to be read."""
        relative = folder.relative_to(self.root).as_posix()
        readable = os.fsencode(relative).decode(errors="replace")
        return quote(os.fsencode(relative)), self.root.name if relative == "." else readable

    def _run(self, folder: Path) -> Run:
        stamps = tuple(_stamp(folder / name) for name in FILES)
        known = self._known.get(folder)
        if known is not None and known[0] == stamps:
            return known[1]
        run = read_run(folder, self.root, *self._names(folder))
        self._known[folder] = (stamps, run)
        return run

    def _failed(self, batch: Path) -> Iterator[Run]:
        """Yield the fits of a batch that failed and have no result."""
        for path in sorted((batch / FAILED).glob("*.json")):
            key, place = self._names(path)
            if path.name.startswith(".") or not path.resolve().is_relative_to(self.root):
                continue
            try:
                failed = read_failed(batch, path.stem)
            except (PerovecError, TypeError, ValueError):
                yield Run(key, place, "broken", name=path.stem, notes=("not a record of a batch",))
                continue
            if failed is not None:
                note = f"{failed.kind}: {failed.message}"
                yield Run(key, place, "missing", name=path.stem, notes=(note,))


def _is_run(folder: Path) -> bool:
    """Tell whether a folder holds a result, or what is left of one."""
    has = {name for name in FILES if (folder / name).exists()}
    return RESULT in has or (RECORD in has and bool(has & {SUMMARY, LOG}))


def _is_batch(folder: Path) -> bool:
    return (folder / MARK).is_file()


def _stamp(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        found = path.stat()
        return found.st_mtime_ns, found.st_size
    return None
