"""A run folder as an RO-Crate: what was made, from what, with what, and by whom if that is stated.

`ro-crate-metadata.json` follows RO-Crate 1.1 (https://w3id.org/ro/crate/1.1) and the profile
Process Run Crate 0.5 (Leo et al., PLoS ONE 2024, 19, e0309210).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import xarray as xr

from perovec_bayes.diagnostics import GateResult
from perovec_bayes.files import write_text
from perovec_bayes.inference.credits import Author
from perovec_bayes.inference.study import Study
from perovec_bayes.inference.threads import VARIABLE, threads
from perovec_bayes.workflow.inputs import FOLDER, STUDY, Input, copy_of
from perovec_bayes.workflow.provenance import ABSENT

NAME = "ro-crate-metadata.json"
SPECIFICATION = "https://w3id.org/ro/crate/1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
ROOT = "./"
FIT, SEED, QUICK, GATE, THREADS = "#fit", "#seed", "#quick", "#gate", "#threads"
SOFTWARE = "perovec_bayes"
COMPLETED = "http://schema.org/CompletedActionStatus"
CONTEXT = [
    f"{SPECIFICATION}/context",
    {
        "sha256": "http://schema.org/sha256",
        "environment": "https://w3id.org/ro/terms/workflow-run#environment",
    },
]
NO_LICENCE = "The study states no licence: ask who made it before you use more than the law allows."
Entity = dict[str, Any]
_BYTES = "application/octet-stream"
_FORMATS = {
    ".bib": "application/x-bibtex",
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown",
    ".nc": "application/x-netcdf",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".tex": "text/x-tex",
    ".toml": "application/toml",
    ".txt": "text/plain",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_DESCRIPTIONS = {
    "features.csv": "Peaks, charges and optical density left: measured, and as the model has them",
    "fit.json": "Key, verdict and time of a fit of a batch",
    "identifiability.csv": "Which combinations of parameters the data determine",
    "methods.md": "A methods paragraph with the numbers of the run",
    "posterior.nc": "All draws, the data as fitted and the settings",
    "provenance.json": "Versions, seed and checksums",
    "references.bib": "What the methods paragraph cites",
    "report.html": "Report, a page",
    "report.pdf": "Report, for print",
    "run.jsonl": "Log of the run",
    "sensitivity.csv": "How far each quantity hangs on the prior and on the data",
    "study.toml": "The study file as the user wrote it",
    "summary.csv": "Median, interval and diagnostics of every quantity",
    STUDY: "The study file with the paths of the copies in the crate: it works where it stands",
}
_HOMES = ("homepage", "repository", "source", "source-code")


def write_crate(
    folder: Path,
    study: Study,
    tree: xr.DataTree,
    gate: GateResult,
    inputs: Iterable[Input],
    begun: datetime,
) -> None:
    """Write the metadata of a run folder in which all else is complete.

    Parameters
    ----------
    folder : Path
        The run folder.
    study : Study
        The study.
    tree : DataTree
        The result.
    gate : GateResult
        The verdict of the diagnostics gate.
    inputs : iterable of Input
        What the fit was made from.
    begun : datetime
        When the run began.
    """
    ended = datetime.now(UTC)
    record = json.loads(tree.attrs["provenance"])
    approximation = str(tree.attrs.get("approximation", ""))
    files = listed(folder)
    absent = [_absent(each) for each in inputs if not each.copied]
    used = [name for name in files if name == "study.toml" or name.startswith(f"{FOLDER}/")]
    software = software_entities(record["versions"], record["platform"])
    values = _values(study, gate, approximation)
    people = [] if study.study.author is None else author_entities(study.study.author)
    fit = {
        "@id": FIT,
        "@type": "CreateAction",
        "name": str(record["command"]),
        "description": f"{approximation or 'Posterior sample'}: study '{study.name}', card "
        f"'{record['card']['name']}'. The run is complete; the diagnostics gate {_verdict(gate)}.",
        "instrument": ref(software[0]["@id"]),
        "startTime": begun.isoformat(timespec="seconds"),
        "endTime": ended.isoformat(timespec="seconds"),
        "actionStatus": COMPLETED,
        "environment": ref(THREADS),
        "object": refs([*map(identifier, used), *(e["@id"] for e in absent), SEED, QUICK]),
        "result": refs([*(identifier(name) for name in files if name not in used), GATE]),
        **_said("agent", people),
    }
    root = _root(study, record, gate, approximation, ended) | _said("author", people)
    root |= {"hasPart": refs(map(identifier, files)), "mentions": ref(FIT)}
    licence = []
    if (url := study.study.license) is not None:
        licence = [_work(url, url, "Licence of the results")]
    root["license"] = NO_LICENCE if url is None else ref(url)
    graph = [*_frame(root), fit, *software, *values, *people, *licence, *absent]
    save(folder, [*graph, *files.values()])


def listed(folder: Path) -> dict[str, Entity]:
    """Return an entity for each file in a run folder, by its path, without the metadata.

    Parameters
    ----------
    folder : Path
        The run folder.
    """
    paths = sorted(each for each in folder.rglob("*") if each.is_file() and each.name != NAME)
    found = {}
    for path in paths:
        name = path.relative_to(folder).as_posix()
        sha256, size = copy_of(path, None)
        about = _DESCRIPTIONS.get(name)
        found[name] = {
            "@id": identifier(name),
            "@type": "File",
            "name": path.name,
            **({} if about is None else {"description": about}),
            "encodingFormat": _FORMATS.get(path.suffix.lower(), _BYTES),
            "contentSize": str(size),
            "sha256": sha256,
        }
    return found


def identifier(path: str) -> str:
    """Return the `@id` of a file in a crate.

    Parameters
    ----------
    path : str
        As seen from the run folder.
    """
    return quote(path)


def ref(target: str) -> Entity:
    """Return a reference to an entity."""
    return {"@id": target}


def refs(targets: Iterable[str]) -> Entity | list[Entity]:
    """Return references to entities: one alone stands without a list."""
    found = [ref(each) for each in targets]
    return found[0] if len(found) == 1 else found


def save(folder: Path, graph: list[Entity]) -> None:
    """Write the metadata of a crate, whole or not at all.

    Parameters
    ----------
    folder : Path
        The run folder.
    graph : list of dict
        Its entities.
    """
    text = json.dumps({"@context": CONTEXT, "@graph": graph}, indent=1, ensure_ascii=False)
    write_text(folder / NAME, f"{text}\n")


def software_entities(versions: Mapping[str, str], platform: Mapping[str, str]) -> list[Entity]:
    """Return the package and what it was run with, itself first.

    Parameters
    ----------
    versions : mapping
        Of each package, and of Python.
    platform : mapping
        `system` and `machine`.
    """
    present = [name for name, each in versions.items() if each != ABSENT]
    others = [name for name in present if name != SOFTWARE]
    found = [_application(name, versions[name]) for name in (SOFTWARE, *others)]
    found[0] |= {
        "operatingSystem": platform["system"],
        "processorRequirements": platform["machine"],
        "softwareRequirements": refs(each["@id"] for each in found[1:]),
    }
    threads_used = {
        **_value(THREADS, VARIABLE, threads()),
        "description": "How many threads a fit may use; all processors unless the variable is set",
    }
    return [*found, threads_used]


def author_entities(author: Author) -> list[Entity]:
    """Return the entities of an author, the person first."""
    person: Entity = {"@id": author.orcid_url or "#author", "@type": "Person", "name": author.name}
    if author.affiliation is None:
        return [person]
    url = author.affiliation.url
    place = {"@id": url or "#affiliation", "@type": "Organization", "name": author.affiliation.name}
    place |= {} if url is None else {"url": url}
    return [{**person, "affiliation": ref(place["@id"])}, place]


def _verdict(gate: GateResult) -> str:
    return "passed" if gate.passed else "FAILED"


def _root(
    study: Study, record: Mapping[str, Any], gate: GateResult, approximation: str, ended: datetime
) -> Entity:
    """Return the root of the crate, without its parts."""
    sentences = [
        f"Run '{study.name}' of perovec_bayes {record['versions'][SOFTWARE]} with card "
        f"'{record['card']['name']}'.",
        f"{approximation}: do not publish." if approximation else "",
        f"Diagnostics gate: {_verdict(gate)}.",
        study.study.notes,
    ]
    return {
        "@id": ROOT,
        "@type": "Dataset",
        "name": study.study.title or study.name,
        "description": " ".join(filter(None, sentences)),
        "datePublished": ended.date().isoformat(),
        "conformsTo": ref(PROFILE),
    }


def _frame(root: Entity) -> list[Entity]:
    """Return what every crate begins with: its descriptor, its root, its profile."""
    descriptor = {
        "@id": NAME,
        "@type": "CreativeWork",
        "about": ref(ROOT),
        "conformsTo": refs([SPECIFICATION, PROFILE]),
    }
    profile = _work(PROFILE, "Process Run Crate", "Profile of the crate") | {"version": "0.5"}
    return [descriptor, root, profile]


def _values(study: Study, gate: GateResult, approximation: str) -> list[Entity]:
    return [
        _value(SEED, "seed of the sampler", study.sampler_seed),
        _value(QUICK, "quick", bool(approximation))
        | {"description": approximation or "The result is a posterior sample"},
        _value(GATE, "diagnostics gate", _verdict(gate).lower())
        | {"description": "; ".join(gate.failures) or "No diagnostic has failed"},
    ]


def _value(name: str, label: str, value: object) -> Entity:
    return {"@id": name, "@type": "PropertyValue", "name": label, "value": value}


def _work(target: str, name: str, description: str) -> Entity:
    return {"@id": target, "@type": "CreativeWork", "name": name, "description": description}


def _said(key: str, people: list[Entity]) -> Entity:
    return {key: ref(people[0]["@id"])} if people else {}


def _absent(each: Input) -> Entity:
    """Return the entity of a file that was read but is not in the crate."""
    about = "Read by the fit and not copied into the crate because of its size"
    name = PurePosixPath(each.path).name
    sums = {"contentSize": str(each.size), "sha256": each.sha256}
    return _work(f"#{identifier(each.path)}", name, about) | sums


def _application(name: str, version: str) -> Entity:
    """Return the entity of a package, with its home where its own metadata say one."""
    home = "https://www.python.org/" if name == "python" else _home(name)
    return {
        "@id": f"{home or ''}#{name}-{version}",
        "@type": "SoftwareApplication",
        "name": name,
        "softwareVersion": version,
        **({} if home is None else {"url": home}),
    }


def _home(package: str) -> str | None:
    try:
        said = metadata(package)
    except PackageNotFoundError:
        return None
    pairs = [each.partition(",") for each in said.get_all("Project-URL") or ()]
    urls = {label.strip().lower(): url.strip() for label, _, url in pairs}
    return next((urls[key] for key in _HOMES if key in urls), said.get("Home-page"))
