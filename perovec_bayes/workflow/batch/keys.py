"""What identifies a fit: the hash of all that its result depends on."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from perovec_bayes.errors import PerovecError
from perovec_bayes.inference.cards import Card
from perovec_bayes.inference.study import Study
from perovec_bayes.readers.echemdb import SUFFIXES
from perovec_bayes.readers.series import files_of, is_series
from perovec_bayes.workflow.folder import RESULT


def key_of(study: Study, card: Card, content: dict[str, Any], *, quick: bool) -> str:
    """Return the hash of study, data, card, version of the package, and seed.

    Parameters
    ----------
    study : Study
        The study.
    card : Card
        The card that it names.
    content : dict
        The tables of the study, with all changes; comments do not count, nor in which folder a data
        file lies.
    quick : bool
        Whether the fit is an approximation.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    plain = copy.deepcopy(content)
    for entry in plain.get("data", []):
        entry.pop("file", None)
    parts = {
        "study": plain,
        "seed": [study.study.seed, study.sampler_seed],
        "card": card.origin.sha256,
        "version": version("perovec_bayes"),
        "quick": quick,
        "data": [_data(study, number) for number in range(len(study.data))],
    }
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _data(study: Study, number: int) -> list[tuple[str, str]]:
    """Return name and checksum of all files that a [[data]] table means."""
    entry = study.data[number]
    try:
        path = study.data_file(entry)
        files = files_of(path) if is_series(path) else [path]
    except PerovecError as error:
        return [("absent", error.what)]
    beside = [path.with_suffix(suffix) for suffix in SUFFIXES if not is_series(path)]
    stated = entry.model_dump(mode="json", exclude={"file"})
    said = sorted({*_named(stated, (study.folder, path.parent))})
    return [(each.name, _sha256(each)) for each in [*files, *beside, *said] if each.is_file()]


def _named(value: Any, folders: tuple[Path, ...]) -> Iterator[Path]:
    """Give the files that texts in a table name: a result, the spectra of lamp and dark."""
    if isinstance(value, dict):
        for each in value.values():
            yield from _named(each, folders)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _named(each, folders)
    elif isinstance(value, str) and 0 < len(value) < 1000 and "\0" not in value:
        for folder in folders:
            yield from (folder / value, folder / value / RESULT)


def _sha256(path: Path) -> str:
    try:
        found = path.stat()
        return _read(os.path.realpath(path), found.st_mtime_ns, found.st_size)
    except OSError as error:
        return f"cannot be read: {error.strerror}"


@lru_cache(maxsize=4096)
def _read(path: str, modified: int, size: int) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
