"""From a manifest to single fits: name, study and metadata of each."""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from perovec_bayes.errors import StudyError
from perovec_bayes.inference.cards import read_toml
from perovec_bayes.workflow.batch.manifest import Fits, Manifest
from perovec_bayes.workflow.batch.overrides import changed
from perovec_bayes.workflow.batch.rows import Plain, Row, read_rows

LONGEST = 100
"""Characters of a name."""
MOST_FITS = 100_000
_PATTERN = re.compile(r"[*?[]")


@dataclass(frozen=True)
class Single:
    """One fit of a batch.

    Parameters
    ----------
    name : str
        Unique in the batch; also the name of the study as fitted.
    study : Path
        The study file that it starts from.
    content : dict
        The tables of that file, with all changes.
    metadata : dict
        Columns of the tables of the batch.
    origin : str
        Where in the manifest it comes from.
    """

    name: str
    study: Path
    content: dict[str, Any]
    metadata: dict[str, Plain]
    origin: str


@dataclass(frozen=True)
class _Draft:
    """What is known of a fit while the axes are gone through."""

    parts: tuple[str, ...]
    study: str
    files: Mapping[str, str]
    changes: Mapping[str, Any]
    metadata: Mapping[str, Plain]
    folder: Path
    origin: str

    def extended(
        self, part: str, changes: Mapping[str, Any], metadata: Mapping[str, Plain]
    ) -> _Draft:
        """Return the draft with a further part of its name and further entries."""
        return replace(
            self,
            parts=(*self.parts, part) if part else self.parts,
            changes={**self.changes, **changes},
            metadata={**self.metadata, **metadata},
        )


def expand(manifest: Manifest) -> list[Single]:
    """Return the fits of a manifest, in its order.

    Parameters
    ----------
    manifest : Manifest
        The manifest.

    Raises
    ------
    StudyError
        If a pattern matches nothing, a study file cannot be read, a change has no place, or two
        fits have the same name.
    """
    found: dict[str, Single] = {}
    studies: dict[Path, dict[str, Any]] = {}
    for number, family in enumerate(manifest.fits, start=1):
        place = f"fits#{number}"
        try:
            for single in _family(manifest, family, place, studies):
                _add(manifest, found, single)
        except StudyError as error:
            raise error.within(file=manifest.origin.file, place=place) from error
    return list(found.values())


def _add(manifest: Manifest, found: dict[str, Single], single: Single) -> None:
    """Put a fit under its name in lower case, which is what some file systems go by."""
    folded = single.name.lower()
    other = found.get(folded)
    if other is not None:
        raise StudyError(
            f"two fits are named '{single.name}'",
            file=manifest.origin.file,
            place=single.origin,
            found=f"the other in {other.origin}",
            hint="Set name of [[fits]] or of the row. Capitals make no difference.",
        )
    if len(found) == MOST_FITS:
        raise StudyError(
            "too many fits", file=manifest.origin.file, place=single.origin, expected=str(MOST_FITS)
        )
    found[folded] = single


def _family(
    manifest: Manifest, family: Fits, place: str, studies: dict[Path, dict[str, Any]]
) -> Iterator[Single]:
    for draft in _drafts(manifest, family, place):
        for study in _matches(manifest.folder, draft.study, "study"):
            content = _content(study, studies)
            for files in _each_file(draft, manifest.folder):
                yield _single(draft, study, content, files, family)


def _content(study: Path, studies: dict[Path, dict[str, Any]]) -> dict[str, Any]:
    if study not in studies:
        studies[study] = read_toml(study, str(study), "study file")[0]
    return studies[study]


def _drafts(manifest: Manifest, family: Fits, place: str) -> Iterator[_Draft]:
    """Go through rows, variants and the grid."""
    folder = manifest.folder
    start = _Draft((), family.study or "", family.files, family.set, family.metadata, folder, place)
    for draft in _of_rows(start, family, folder):
        rivals = [
            draft.extended(each.name, each.set, {"variant": each.name, **each.metadata})
            for each in family.variants
        ]
        for rival in rivals or [draft]:
            axes = [[(key, i, v) for i, v in enumerate(vs, 1)] for key, vs in family.grid.items()]
            for values in itertools.product(*axes):
                yield _chosen(rival, values, family)


def _chosen(draft: _Draft, values: tuple[tuple[str, int, Any], ...], family: Fits) -> _Draft:
    for key, number, value in values:
        plain = isinstance(value, str | int | float | bool)
        shown = value if plain else f"{key.rpartition('.')[2]}{number}"
        label = str(value) if isinstance(value, str) else f"{key.rpartition('.')[2]}{value}"
        part = (label if plain else str(shown)) if len(family.grid[key]) > 1 else ""
        draft = draft.extended(part, {key: value}, {key: shown})
    return draft


def _of_rows(start: _Draft, family: Fits, folder: Path) -> Iterator[_Draft]:
    if family.rows is None:
        yield start
        return
    table = folder / family.rows
    for row in read_rows(table):
        draft = _of_row(start, row, table)
        if not draft.study:
            raise StudyError(
                "no study file", file=table, place=row.place, expected="a column 'study'"
            )
        yield draft


def _of_row(start: _Draft, row: Row, table: Path) -> _Draft:
    part = row.name or f"row{row.place.split()[-1]}"
    said = {k: v if isinstance(v, Plain) else str(v) for k, v in row.changes.items()}
    draft = start.extended(part, row.changes, {**said, **row.metadata})
    return replace(
        draft,
        files={**start.files, **row.files},
        study=row.study or start.study,
        origin=f"{start.origin}, {table.name}, {row.place}",
    )


def _matches(folder: Path, pattern: str, what: str) -> list[Path]:
    """Return the path that is meant, or all that a pattern matches, in order."""
    path = folder / pattern
    if not _PATTERN.search(pattern) or path.exists():
        return [path]
    found = sorted(Path(each) for each in glob.glob(str(path), recursive=True))
    if not found:
        raise StudyError("the pattern matches no file", place=what, found=str(path))
    return found


def _each_file(draft: _Draft, folder: Path) -> Iterator[dict[str, Path]]:
    """Give the data files of each fit; one pattern may match several."""
    found = {name: _matches(folder, path, f"files.{name}") for name, path in draft.files.items()}
    several = [name for name, paths in found.items() if len(paths) > 1]
    if len(several) > 1:
        raise StudyError(
            "several patterns: which files belong together?",
            place="files",
            expected="one pattern",
            found=", ".join(several),
            hint="Put the files into a table, one fit a row (rows).",
        )
    first = {name: paths[0] for name, paths in found.items()}
    for path in found[several[0]] if several else [None]:
        yield first if path is None else {**first, several[0]: path}


def _single(
    draft: _Draft,
    study: Path,
    content: Mapping[str, Any],
    files: Mapping[str, Path],
    family: Fits,
) -> Single:
    several = [name for name, path in files.items() if _PATTERN.search(draft.files[name])]
    head = str(content.get("study", {}).get("name", study.parent.name or study.stem))
    named = family.rows is not None and not draft.parts[0].startswith("row")
    first = [family.name] if family.name else [] if named else [head]
    parts = [*first, *draft.parts, *(files[name].stem for name in several)]
    changes = {
        **draft.changes,
        **{f"data.{name}.file": _relative(path, study.parent) for name, path in files.items()},
    }
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", "-".join(parts)).lstrip(".-")
    if len(name) > LONGEST:
        raise StudyError(
            "the name of a fit is too long", place=draft.origin, found=name,
            expected=f"at most {LONGEST} characters", hint="Give variants and files shorter names.",
        )  # fmt: skip
    made = changed(content, changes)
    made["study"] = {**made.get("study", {}), "name": name}
    metadata = {**draft.metadata, **{f"file.{n}": p.name for n, p in files.items()}}
    return Single(name, study, made, metadata, draft.origin)


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()
