"""A small crate, in words that a test understands."""

import hashlib
import json
from pathlib import Path

import pytest

NAME = "ro-crate-metadata.json"


def graph_of(folder):
    """Return the entities of a crate, by their @id."""
    return {each["@id"]: each for each in json.loads((folder / NAME).read_text())["@graph"]}


def refs_of(value):
    """Return the identifiers that a property refers to."""
    return [each["@id"] for each in (value if isinstance(value, list) else [value])]


def all_refs(value):
    """Give every identifier that is referred to, at any depth."""
    if isinstance(value, list):
        for each in value:
            yield from all_refs(each)
    elif isinstance(value, dict):
        if set(value) == {"@id"}:
            yield value["@id"]
        for each in value.values():
            yield from all_refs(each)


def check_crate(folder):
    """Check what is to hold for every crate; return its entities."""
    graph = graph_of(folder)
    files = {key: each for key, each in graph.items() if each["@type"] == "File"}
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(files) == there - {NAME}
    for key, each in files.items():
        content = (folder / key).read_bytes()
        assert each["contentSize"] == str(len(content)), key
        assert each["sha256"] == hashlib.sha256(content).hexdigest(), key
    known = {*graph, "https://w3id.org/ro/crate/1.1"}
    assert set(all_refs(list(graph.values()))) <= known
    assert set(refs_of(graph["./"]["hasPart"])) == set(files)
    text = (folder / NAME).read_text()
    for place in (folder, *folder.parents[:-1]):
        assert f"{place}/" not in text
    assert str(Path.home()) + "/" not in text
    return graph


@pytest.fixture
def crate():
    """`check_crate`."""
    return check_crate


@pytest.fixture
def refs():
    """`refs_of`."""
    return refs_of
