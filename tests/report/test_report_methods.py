from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
import xarray as xr

from perovec_bayes.report import bibliography, facts
from perovec_bayes.report.content import Document
from perovec_bayes.report.document import document
from perovec_bayes.report.figures import Figures

type Make = Callable[..., xr.DataTree]


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "draw_all", lambda tree, prob: Figures((), None, None))


def test_what_is_cited_is_in_the_bibliography_and_nothing_else(content: Document) -> None:
    cited = set(re.findall(r"(?<!\\)@([\w-]+)", content.methods))
    entries = re.findall(r"^@\w+\{([^,]+),", content.bibliography, flags=re.MULTILINE)
    assert len(entries) == len(set(entries))
    assert set(entries) == cited
    assert {"barg", "mulder2024", "pymc", "nuts", "rhat", "rocke1995"} <= cited


def test_the_paragraph_has_the_runs_own_numbers(content: Document) -> None:
    words = content.methods.replace("\\", "")
    assert "4 chains of 500 draws" in words
    assert "seed 20240917" in words
    assert "cv1 (voltammetry, 360 points, synthetic)" in words
    assert "s[CsPbBr3, DCM] ≤ " in words
    assert "95 % upper limit" in words
    assert "±" not in words
    assert "pymc 6.4.0" in words


@pytest.mark.usefixtures("no_figures")
def test_a_failed_gate_is_in_the_paragraph(make_tree: Make) -> None:
    assert "gate FAILED" in document(make_tree(divergences=3)).methods


@pytest.mark.usefixtures("no_figures")
def test_an_approximation_is_in_the_paragraph(make_tree: Make) -> None:
    tree = make_tree()
    tree.attrs["approximation"] = "Laplace approximation"
    tree.attrs["sampler"] = json.dumps({"worth": 0.5, "pareto_k": 0.3})
    words = document(tree).methods
    assert "was not sampled: Laplace approximation" in words
    assert "No-U-Turn" not in words


@pytest.mark.usefixtures("no_figures")
def test_markdown_of_a_user_is_text(make_tree: Make) -> None:
    tree = make_tree()
    evil = "[@evil] *bold* <b> `x` ![](http) $a$"
    tree.attrs["card"] = tree.attrs["card"].replace("Cathodic decomposition of a film", evil)
    words = document(tree).methods
    assert r"\[\@evil\] \*bold\* \<b\> \`x\` \!\[\](http) \$a\$" in words


def test_sources_are_told_apart() -> None:
    found = bibliography.of_sources(
        [
            "Mulder et al. 2024, doi:10.1021/jacs.4c06340",
            "Mulder et al., J. Am. Chem. Soc. 2024, 146, 24415, doi:10.1021/jacs.4c06340 (eq. 3)",
            "Smith 2020, one; Smith 2020, another",
            "",
            "Smith 2020, one (again)",
            "12 % without a name",
        ]
    )
    assert list(found) == ["mulder2024", "smith2020", "smith2020b", "without"]
    assert "eq. 3" in found["mulder2024"]


def test_a_source_of_a_user_is_text() -> None:
    evil = r"Evil 2021, \write18{rm} } @article{x, doi:10.1000/a}b"
    found = bibliography.of_sources([evil])
    entry = bibliography.bibtex(found, found, {})
    assert entry.count("@misc{evil2021") == 1
    assert r"\textbackslash{}write18\{rm\}" in entry
    bare = re.sub(r"\\[{}]", "", entry)
    assert bare.count("{") == bare.count("}")
    assert "doi = {10.1000/a}" in entry


def test_every_entry_that_is_shipped_is_complete() -> None:
    for key, entry in bibliography.known().items():
        assert {"type", "author", "title"} <= set(entry), key
        if entry["type"] == "article":
            assert {"journal", "year", "volume", "pages"} <= set(entry), key
        for value in entry.values():
            assert str(value).count("{") == str(value).count("}"), key
