"""A crate that lies in a run folder: what it states, and its metadata after a renewed report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from perovec_bayes.errors import DataError
from perovec_bayes.workflow.crate import (
    COMPLETED,
    FIT,
    NAME,
    PROFILE,
    QUICK,
    ROOT,
    SOFTWARE,
    THREADS,
    Entity,
    identifier,
    listed,
    ref,
    refs,
    save,
    software_entities,
)
from perovec_bayes.workflow.folder import RESULT
from perovec_bayes.workflow.inputs import STUDY, Input
from perovec_bayes.workflow.provenance import machine, versions

_REPORT = "#report-"


@dataclass(frozen=True)
class Crate:
    """What the metadata of a run folder state.

    Parameters
    ----------
    folder : Path
        The run folder.
    entities : dict
        By their `@id`.
    """

    folder: Path
    entities: dict[str, Entity]

    @property
    def fit(self) -> Entity:
        """The action that made the run."""
        return self.entities[FIT]

    @property
    def quick(self) -> bool:
        """Whether the run is an approximation."""
        return bool(self.entities.get(QUICK, {}).get("value"))

    @property
    def inputs(self) -> list[Input]:
        """The files that the run was made from, the study files among them."""
        found = []
        for target in _targets(self.fit.get("object")):
            entity = self.entities.get(target, {})
            if "sha256" in entity:
                path = _inside(self.folder, unquote(target.removeprefix("#")))
                size = int(entity.get("contentSize", 0))
                found.append(Input(path, str(entity["sha256"]), size, not target.startswith("#")))
        return found

    @property
    def results(self) -> dict[str, str]:
        """Checksums of the files that the run made, by path."""
        return {
            _inside(self.folder, unquote(target)): str(self.entities[target]["sha256"])
            for target in _targets(self.fit.get("result"))
            if "sha256" in self.entities.get(target, {})
        }

    @property
    def made_with(self) -> dict[str, str]:
        """Versions of the packages, by name; system, machine and number of threads."""
        tool = self.entities[next(iter(_targets(self.fit["instrument"])))]
        parts = [tool, *(self.entities[each] for each in _targets(tool["softwareRequirements"]))]
        found = {str(each["name"]): str(each["softwareVersion"]) for each in parts}
        found |= {"system": tool["operatingSystem"], "machine": tool["processorRequirements"]}
        return found | {"threads": str(self.entities.get(THREADS, {}).get("value", ""))}


def read_crate(run: str | Path) -> Crate:
    """Read the metadata of a run folder.

    Parameters
    ----------
    run : str or Path
        The folder, or its `ro-crate-metadata.json`.

    Raises
    ------
    DataError
        If there are none, or they do not describe a run of `perovec fit`.
    """
    path = Path(run)
    path = path if path.name == NAME else path / NAME
    try:
        graph = json.loads(path.read_text(encoding="utf-8"))["@graph"]
        crate = Crate(path.parent, {str(each["@id"]): each for each in graph})
        made, stated = crate.made_with, {each.path for each in crate.inputs}
    except FileNotFoundError as error:
        raise DataError(
            "not a run folder with an RO-Crate",
            file=run,
            expected=NAME,
            hint="Runs of earlier versions have none: fit the study again.",
        ) from error
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", file=path) from error
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise _foreign(path) from error
    if SOFTWARE not in made or not {"study.toml", STUDY} <= stated:
        raise _foreign(path)
    return crate


def _foreign(path: Path) -> DataError:
    return DataError(
        "not the metadata of a run",
        file=path,
        expected=f"what perovec fit writes ({PROFILE})",
        hint="Copy the run folder again.",
    )


def _inside(folder: Path, path: str) -> str:
    """Refuse a path that leaves the crate."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        raise DataError("a path leaves the crate", file=folder / NAME, found=path)
    return path


def _targets(value: Any) -> list[str]:
    """Return the identifiers that a property refers to."""
    references = value if isinstance(value, list) else [] if value is None else [value]
    return [str(each["@id"]) for each in references]


def renew_crate(folder: Path, written: Iterable[Path], begun: datetime) -> None:
    """Bring the metadata of a run folder up to date after its report was made again.

    What changed becomes the result of an action of its own. Without metadata nothing is done.

    Parameters
    ----------
    folder : Path
        The run folder.
    written : iterable of Path
        The files of the report.
    begun : datetime
        When it was begun.
    """
    if not (folder / NAME).is_file():
        return
    entities = read_crate(folder).entities
    files = {each["@id"]: each for each in listed(folder).values()}
    names = [identifier(path.relative_to(folder).as_posix()) for path in written]
    changed = [name for name in names if files[name] != entities.get(name)]
    if not changed:
        return
    gone = {name for name, each in entities.items() if _is(each, "File") and name not in files}
    kept = _without({*changed, *gone}, entities)
    action, software = _report_action(kept, changed, begun)
    kept = {each["@id"]: each for each in software} | kept | {action["@id"]: action}
    actions = [name for name, each in kept.items() if _is(each, "CreateAction")]
    kept[ROOT] = {**kept[ROOT], "hasPart": refs(files), "mentions": refs(actions)}
    save(folder, [*(each for each in kept.values() if not _is(each, "File")), *files.values()])


def _is(entity: Entity, kind: str) -> bool:
    return entity.get("@type") == kind


def _without(names: Set[str], entities: Mapping[str, Entity]) -> dict[str, Entity]:
    """Return the entities with these results taken from the actions; none is left without one."""
    found = {}
    for key, each in entities.items():
        if not _is(each, "CreateAction"):
            found[key] = each
        elif left := [name for name in _targets(each.get("result")) if name not in names]:
            found[key] = {**each, "result": refs(left)}
    return found


def _report_action(
    entities: Mapping[str, Entity], changed: Sequence[str], begun: datetime
) -> tuple[Entity, list[Entity]]:
    """Return the action that made these files of a report, and what it was made with."""
    software = [each for each in software_entities(versions(), machine()) if each["@id"] != THREADS]
    number = 1 + max(
        (int(name.removeprefix(_REPORT)) for name in entities if name.startswith(_REPORT)),
        default=0,
    )
    action = {
        "@id": f"{_REPORT}{number}",
        "@type": "CreateAction",
        "name": "perovec report",
        "description": "The report of the stored result, made again.",
        "instrument": ref(software[0]["@id"]),
        "startTime": begun.isoformat(timespec="seconds"),
        "endTime": datetime.now(UTC).isoformat(timespec="seconds"),
        "actionStatus": COMPLETED,
        "object": ref(identifier(RESULT)),
        "result": refs(changed),
    }
    return action, software
