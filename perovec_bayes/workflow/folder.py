"""The folder of a run: whole under its name, or not there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from perovec_bayes.errors import StudyError

MARK = "provenance.json"
"""A folder that holds this file was made by a run."""
RESULT = "posterior.nc"
"""The result in a run folder."""


def refuse_existing(target: Path, overwrite: bool) -> None:
    """Refuse to write over what is there already.

    Parameters
    ----------
    target : Path
        The folder wanted.
    overwrite : bool
        Whether an earlier run there may be replaced.

    Raises
    ------
    StudyError
        If the folder exists and may not be replaced.
    """
    if not os.path.lexists(target):
        return
    if not overwrite:
        raise StudyError(
            "the folder of results exists already",
            file=target,
            hint="Use --overwrite to replace it, or another --out.",
        )
    earlier_run = target.is_dir() and not target.is_symlink() and (target / MARK).is_file()
    if not earlier_run:
        raise StudyError(
            "not a folder of results, so --overwrite does not replace it",
            file=target,
            expected=f"a folder with {MARK}",
            hint="Use another --out, or another study name.",
        )


@contextmanager
def whole_folder(target: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary sibling of a folder; when the block ends well it takes the folder's name.

    Parameters
    ----------
    target : Path
        The folder wanted; missing parents are made.
    overwrite : bool
        Whether an earlier run there is replaced, at the very end.

    Yields
    ------
    Path
        The temporary folder. On any error, an interrupt included, it is removed, and so are the
        parents that were made for it.

    Raises
    ------
    StudyError
        If the folder exists and may not be replaced, or cannot be made.
    """
    refuse_existing(target, overwrite)
    made = [p for p in (target.parent, *target.parent.parents) if not p.exists()]
    partial = None
    try:
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = _temporary(target, "partial")
        yield partial
        refuse_existing(target, overwrite)
        with writing(target):
            _publish(partial, target)
    except BaseException:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
        with suppress(OSError):  # another run may be using them
            for parent in made:
                parent.rmdir()
        raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure of the file system into one line that names the path.

    Parameters
    ----------
    path : Path
        What is being written.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StudyError(
            f"cannot be written: {reason}", file=path, hint="Choose another --out."
        ) from error


def _temporary(target: Path, kind: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.{kind}-", dir=target.parent))
    mask = os.umask(0)
    os.umask(mask)
    folder.chmod(0o777 & ~mask)
    return folder


def _publish(partial: Path, target: Path) -> None:
    """Rename the finished folder to its name; an earlier one is moved aside first, then deleted."""
    if not target.exists():
        partial.rename(target)
        return
    aside = _temporary(target, "old")
    target.rename(aside)
    try:
        partial.rename(target)
    except BaseException:
        aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)
