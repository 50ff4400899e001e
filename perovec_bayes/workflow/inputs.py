"""What a fit is made from: study, card and data, copied into the run folder.

`RUN/inputs` holds a study file that works where it stands, the card and the data. A record that is
too large to be copied is named with its checksum, so that it is known again.
"""

from __future__ import annotations

import copy
import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

import xarray as xr

from perovec_bayes.errors import DataError
from perovec_bayes.files import write_text
from perovec_bayes.inference.cards import Card, card_path
from perovec_bayes.inference.study import DataEntry, Study
from perovec_bayes.readers import transmission
from perovec_bayes.readers.series import files_of, is_series, listing
from perovec_bayes.workflow.folder import RESULT
from perovec_bayes.workflow.referencing import KEY
from perovec_bayes.workflow.toml import dumps

FOLDER = "inputs"
STUDY = f"{FOLDER}/study.toml"
LARGEST = 50_000_000
"""A record (a file, or all files of a series) of more bytes is not copied."""
LARGEST_IN_BATCH = 1_000_000
"""The same for each fit of a batch."""
CARD = "card"
"""The record that is always copied."""
_HEAD = (
    "# The study as fitted, with the paths of the copies beside it; the original: ../study.toml\n"
)
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Needed:
    """A file that a fit reads.

    Parameters
    ----------
    source : Path
        Where it lies.
    path : str
        Where its copy goes in the run folder.
    record : str
        Which record it belongs to; the files of a series share one.
    sha256 : str
        Checksum of the record as the fit has read it; nothing where that is not known.
    series : bool
        Whether the record is a series.
    """

    source: Path
    path: str
    record: str
    sha256: str = ""
    series: bool = False


@dataclass(frozen=True)
class Input:
    """A file that a fit has read.

    Parameters
    ----------
    path : str
        Where it lies, or would lie, in the run folder.
    sha256 : str
        Its checksum.
    size : int
        Its size [B].
    copied : bool
        Whether it is in the run folder.
    """

    path: str
    sha256: str
    size: int
    copied: bool


def keep_inputs(
    study: Study,
    card: Card,
    data: Mapping[str, xr.Dataset],
    source: bytes,
    folder: Path,
    *,
    largest: int = LARGEST,
) -> list[Input]:
    """Copy what a fit is made from into its run folder.

    Parameters
    ----------
    study, card, data
        The study, its merged card, its datasets.
    source : bytes
        The study file.
    folder : Path
        The run folder.
    largest : int
        Records of more bytes are named, not copied.

    Returns
    -------
    list of Input
        All files but the study.

    Raises
    ------
    DataError
        If a file has changed since the fit read it.
    """
    files, content = needed(study, card, data, tomllib.loads(source.decode("utf-8-sig")))
    kept = []
    (folder / FOLDER).mkdir()
    for record, group in groupby(files, lambda each: each.record):
        kept += _keep(list(group), folder, None if record == CARD else largest)
    write_text(folder / STUDY, _HEAD + dumps(content))
    return kept


def needed(
    study: Study, card: Card, data: Mapping[str, xr.Dataset], content: Mapping[str, Any]
) -> tuple[list[Needed], dict[str, Any]]:
    """Return the files that a fit reads, and the study's tables with the paths of their copies.

    Parameters
    ----------
    study, card, data
        The study, its merged card, its datasets.
    content : mapping
        The tables of the study file.
    """
    changed = copy.deepcopy(dict(content))
    path = card_path(study.card_source())
    files = [Needed(path, f"{FOLDER}/card/{path.name}", CARD, card.origin.sha256)]
    changed["study"]["card"] = f"card/{path.name}"
    for number, entry in enumerate(study.data, start=1):
        table = changed["data"][number - 1]
        files += _record(study, entry, data[entry.name].attrs, f"data/{number}_{entry.name}", table)
    return files, changed


def _record(
    study: Study, entry: DataEntry, attrs: Mapping[Any, Any], place: str, table: dict[str, Any]
) -> Iterator[Needed]:
    """Give the files of a [[data]] table, and put their new paths into it."""
    path = study.data_file(entry)
    said = (entry.reader_options.get(key) for key in transmission.OPTIONS)
    lamps = tuple(each for each in said if isinstance(each, str))
    files, inside = [path], f"{FOLDER}/{place}"
    table["file"] = f"{place}/{path.name}"
    if series := is_series(path):
        files = files_of(path, lamps)
        if path.is_dir():
            name = path.resolve().name
            table["file"], inside = f"{place}/{name}", f"{inside}/{name}"
    for each in files:
        yield Needed(each, f"{inside}/{each.name}", place, str(attrs["source_sha256"]), series)
    if beside := str(attrs.get("metadata_file", "")):
        yield Needed(
            path.parent / beside, f"{inside}/{beside}", f"{place} metadata",
            str(attrs["metadata_sha256"]),
        )  # fmt: skip
    yield from _lamps(entry, path, {each.name for each in files}, place, table)
    offset = entry.meta.get(KEY)
    if isinstance(offset, Mapping) and isinstance(offset.get("result"), str):
        found = study.folder / offset["result"]
        found = found / RESULT if found.is_dir() else found
        table["meta"][KEY]["result"] = f"{place}/{KEY}/{found.name}"
        yield Needed(found, f"{FOLDER}/{place}/{KEY}/{found.name}", f"{place} {KEY}")


def _lamps(
    entry: DataEntry, path: Path, taken: set[str], place: str, table: dict[str, Any]
) -> Iterator[Needed]:
    """Give the spectra of lamp and dark, which a reader finds from the folder of the data."""
    for key in transmission.OPTIONS:
        stated = entry.reader_options.get(key)
        if not isinstance(stated, str) or stated == transmission.SUBTRACTED:
            continue
        name = PurePosixPath(stated).name
        name = f"{key}/{name}" if name in taken else name
        taken.add(name)
        table["reader_options"][key] = name
        yield Needed(path.parent / stated, f"{FOLDER}/{place}/{name}", f"{place} {key}")


def _keep(files: list[Needed], folder: Path, largest: int | None) -> list[Input]:
    """Copy the files of a record, or name them if they are too large."""
    size = sum(each.source.stat().st_size for each in files)
    copied = largest is None or size <= largest
    found = []
    for each in files:
        target = folder / each.path if copied else None
        sha256, size = copy_of(each.source, target)
        found.append(Input(each.path, sha256, size, copied))
    record = found[0].sha256
    if files[0].series:
        sums = [(each.sha256, need.source.name) for each, need in zip(found, files, strict=True)]
        record = hashlib.sha256(listing(sums)).hexdigest()
    if files[0].sha256 not in ("", record):
        raise DataError(
            "changed since the fit began",
            file=files[0].source.parent if files[0].series else files[0].source,
            expected=f"SHA-256 {files[0].sha256}",
            found=record,
            hint="Fit again when nothing writes to it.",
        )
    return found


def stated_paths(content: Mapping[str, Any]) -> Iterator[str]:
    """Give the paths that the tables of a study name: card, data, lamps, results.

    Parameters
    ----------
    content : mapping
        Tables that are valid.
    """
    yield content["study"]["card"]
    for entry in content.get("data", []):
        yield from [entry["file"]] if isinstance(entry["file"], str) else entry["file"]
        for key in transmission.OPTIONS:
            if isinstance(stated := entry.get("reader_options", {}).get(key), str):
                yield stated
        offset = entry.get("meta", {}).get(KEY)
        if isinstance(offset, Mapping) and isinstance(offset.get("result"), str):
            yield offset["result"]


def copy_of(source: Path, target: Path | None) -> tuple[str, int]:
    """Copy a file, its content alone, and return checksum and size [B] of what was copied.

    Parameters
    ----------
    source : Path
        The file.
    target : Path, optional
        Where the copy goes; its folder is made. Without it the file is only read.
    """
    digest, size = hashlib.sha256(), 0
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as stream:
        copied = None if target is None else target.open("xb")
        try:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                if copied is not None:
                    copied.write(chunk)
        finally:
            if copied is not None:
                copied.close()
    return digest.hexdigest(), size
