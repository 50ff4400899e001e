"""Compiled code that all workers of a batch share, whole entries only.

JAX writes an entry of its cache in place: a process that is killed meanwhile leaves a part of it,
which is never replaced. So each worker has a cache of its own, and whole entries are linked from
and to the shared one between fits.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from importlib.metadata import version
from pathlib import Path

from perovec_bayes.files import replacing

ENTRIES = "*-cache"
_CPU = Path("/proc/cpuinfo")


def shared_cache(base: Path) -> Path:
    """Return the folder that workers on machines like this one share.

    Code compiled for one processor may not run on another.

    Parameters
    ----------
    base : Path
        The folder of all caches.
    """
    lines = _CPU.read_text(encoding="utf-8").splitlines() if _CPU.is_file() else []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    text = "\n".join([platform.machine(), platform.processor(), flags, version("jaxlib")])
    return base / hashlib.sha256(text.encode()).hexdigest()[:12]


def bring(source: Path, target: Path) -> int:
    """Put every entry of one cache into another that lacks it.

    Parameters
    ----------
    source, target : Path
        Folders of caches; made if absent.

    Returns
    -------
    int
        Number of entries that were missing.
    """
    for folder in (source, target):
        folder.mkdir(parents=True, exist_ok=True)
    there = {path.name for path in target.glob(ENTRIES)}
    missing = [path for path in source.glob(ENTRIES) if path.name not in there]
    for path in missing:
        _put(path, target / path.name)
    return len(missing)


def _put(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        with replacing(target) as temporary:
            shutil.copyfile(path, temporary)
