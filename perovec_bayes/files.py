"""Writing files so that they are whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary sibling to write to; flush it to disk and rename it into place at the end.

    Whatever goes wrong meanwhile, nothing is left and an older file at `path` stays as it was.

    Parameters
    ----------
    path : str or Path
        Where the file shall be; its folder must exist.
    """
    target = Path(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: str | Path, text: str) -> Path:
    """Write UTF-8 text, whole or not at all.

    Parameters
    ----------
    path : str or Path
        Where the text shall be; its folder must exist.
    text : str
        The content; line ends are written as they are.

    Returns
    -------
    Path
        `path`.
    """
    target = Path(path)
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
    return target
