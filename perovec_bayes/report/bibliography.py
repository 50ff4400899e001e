"""The BibTeX file of what a result was made with, and of the sources that its card names."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from perovec_bayes.report.tex import escape

_DOI = re.compile(r"10\.\d{4,9}/[^\s,;()\"<>{}\\]+")
_YEAR = re.compile(r"\b(1[89]\d\d|20\d\d)\b")
_HIDDEN = {"type", "use", "package"}
ABSENT = "not installed"
"""What the provenance says of a package that is not there."""


def of_packages(versions: Mapping[str, Any]) -> list[str]:
    """Return the keys of the packages that made a result.

    Parameters
    ----------
    versions : mapping of str to str
        Version of each package, as the provenance has it.
    """
    return [
        key
        for key, entry in known().items()
        if "use" not in entry and versions.get(entry.get("package", ""), ABSENT) != ABSENT
    ]


def of_sources(sources: Iterable[str]) -> dict[str, str]:
    """Return the sources that a card and its priors name, by key.

    Parameters
    ----------
    sources : iterable of str
        As in "Mulder et al., J. Am. Chem. Soc. 2024, 146, 24415, doi:10.1021/jacs.4c06340"; several
        are parted by a semicolon.

    Returns
    -------
    dict of str to str
        Key and words of each, once; a key is the first author with the year, or that of an entry of
        `data/bibliography.toml` with the same DOI.
    """
    found: dict[str, str] = {}
    by_doi = {entry["doi"]: key for key, entry in known().items() if "doi" in entry}
    for words in (part.strip() for text in sources for part in text.split(";")):
        if not words:
            continue
        doi = _DOI.search(words)
        key = by_doi.get(doi[0]) if doi else None
        key = key or _free(_key(words), words, found)
        if key not in found or len(words) > len(found[key]):
            found[key] = words
    return found


def bibtex(keys: Iterable[str], sources: Mapping[str, str], versions: Mapping[str, Any]) -> str:
    """Return entries of BibTeX.

    Parameters
    ----------
    keys : iterable of str
        Of `data/bibliography.toml`, or of `sources`.
    sources : mapping of str to str
        As from `of_sources`.
    versions : mapping of str to str
        Version of each package.
    """
    entries = [
        _known(key, known()[key], versions) if key in known() else _misc(key, sources[key])
        for key in dict.fromkeys(keys)
    ]
    return "\n".join(entries)


@cache
def known() -> dict[str, dict[str, Any]]:
    """Return the entries of `data/bibliography.toml`."""
    text = files("perovec_bayes.report").joinpath("data/bibliography.toml").read_text("utf-8")
    return tomllib.loads(text)


def _known(key: str, entry: Mapping[str, Any], versions: Mapping[str, Any]) -> str:
    fields = {name: str(value) for name, value in entry.items() if name not in _HIDDEN}
    version = versions.get(entry.get("package", ""))
    if version:
        fields["version" if entry["type"] == "software" else "note"] = (
            escape(str(version))
            if entry["type"] == "software"
            else f"Version {escape(str(version))}"
        )
    return _entry(entry["type"], key, fields)


def _misc(key: str, words: str) -> str:
    fields = {"note": escape(words)}
    doi = _DOI.search(words)
    if doi:
        fields["doi"] = doi[0]
    year = _YEAR.search(words)
    if year:
        fields["year"] = year[0]
    return _entry("misc", key, fields)


def _entry(kind: str, key: str, fields: Mapping[str, str]) -> str:
    body = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
    return f"@{kind}{{{key},\n{body}}}\n"


def _key(words: str) -> str:
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    first, year = re.search(r"[a-z]+", plain), _YEAR.search(words)
    return (first[0] if first else "source") + (year[0] if year else "")


def _free(key: str, words: str, found: Mapping[str, str]) -> str:
    """Return a key that stands for these words alone."""
    if key in known() or key not in found or _same(found[key], words):
        return key
    return next(
        other
        for letter in "bcdefghijklmnopqrstuvwxyz"
        if (other := key + letter) not in found or _same(found[other], words)
    )


def _same(one: str, other: str) -> bool:
    """Tell whether two texts name one source: a remark in brackets may follow either."""
    return _bare(one) == _bare(other)


def _bare(words: str) -> str:
    return re.sub(r"\s*\([^()]*\)\s*$", "", words).strip().rstrip(".")
