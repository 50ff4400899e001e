from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from perovec_bayes.diagnostics import GateResult, summarise
from perovec_bayes.diagnostics.intervals import CENTRAL, Interval
from perovec_bayes.report import facts, html, write_report
from perovec_bayes.report.content import Document
from perovec_bayes.report.figures import Figures
from perovec_bayes.report.html import render
from perovec_bayes.report.numbers import interval_text, quote
from perovec_bayes.report.tables import duration, plain, quantities

VOID = {"meta", "br", "link", "img", "hr", "input", "col", "wbr"}


class Page(HTMLParser):
    """Reads a page and keeps what the tests ask for; fails on tags that are not balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> without a start"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the figures, which take most of the time, where a test is about words."""
    monkeypatch.setattr(facts, "draw_all", lambda tree, prob: Figures((), None, None))


@pytest.fixture(scope="module")
def source(content: Document) -> str:
    return html.page(content)


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


def test_page_is_written_whole_and_alone(tree: xr.DataTree, source: str, tmp_path: Path) -> None:
    path = write_report(tree, tmp_path / "report.html")
    assert path.read_text(encoding="utf-8") == source
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_every_quantity_is_named(tree: xr.DataTree, page: Page) -> None:
    for name in summarise(tree)["quantity"]:
        assert page.text.count(name) >= 1


def test_page_loads_nothing(source: str, page: Page) -> None:
    assert "http:" not in source
    assert "https:" not in source
    assert "@import" not in source
    for tag, attrs in page.tags:
        assert tag not in {"script", "link", "img", "iframe", "object", "embed"}
        for name in ("src", "href", "xlink:href"):
            assert (attrs.get(name) or "#").startswith("#")


def test_names_in_angle_brackets_are_text(make_tree: Callable[..., xr.DataTree]) -> None:
    evil = "<script>alert('x')</script>"
    tree = make_tree(sample=evil)
    for name in ("card", "study", "provenance", "observables", "priors"):
        tree.attrs[name] = tree.attrs[name].replace("film", "<script>film")
    tree["posterior"]["alpha"].attrs["description"] = evil
    text = render(tree)
    assert "<script" not in text
    assert evil in Page(text).text


def test_ids_are_unique(page: Page) -> None:
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    labels = [attrs["aria-labelledby"] for _, attrs in page.tags if "aria-labelledby" in attrs]
    assert {part for label in labels for part in (label or "").split()} <= set(ids)


def test_headings_step_down_one_at_a_time(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_page_has_a_language_and_tables_have_captions(page: Page) -> None:
    names = [tag for tag, _ in page.tags]
    assert dict(page.tags)["html"] == {"lang": "en"}
    assert names.count("caption") == names.count("table") >= 6


@pytest.mark.usefixtures("no_figures")
def test_synthetic_data_are_announced(source: str, make_tree: Callable[..., xr.DataTree]) -> None:
    assert "SYNTHETIC DATA" in source
    assert "SYNTHETIC DATA" not in render(make_tree(synthetic=0))


@pytest.mark.usefixtures("no_figures")
def test_failed_gate_is_announced_with_its_reasons(
    source: str, make_tree: Callable[..., xr.DataTree]
) -> None:
    assert "do not publish" not in source
    text = Page(render(make_tree(divergences=3))).text
    assert "DIAGNOSTICS GATE FAILED: do not publish" in text
    assert "3 of 2000 draws are divergent" in text


@pytest.mark.usefixtures("no_figures")
def test_stored_pass_is_not_believed_against_the_draws(
    source: str, make_tree: Callable[..., xr.DataTree]
) -> None:
    tree = make_tree(divergences=3)
    tree.attrs["gate"] = GateResult(True, (), ()).to_json()
    assert "do not publish" in render(tree)


def test_limits_are_never_given_as_value_and_interval(tree: xr.DataTree, page: Page) -> None:
    limits = [row for row in quantities(tree, CENTRAL) if row.is_limit]
    assert [row.name for row in limits] == ["s[CsPbBr3, DCM]", "theta_max", "K_sp[DCM]"]
    for row in limits:
        assert row.value.startswith("≤ ")
        assert row.interval == ""
        assert row.interval_kind == "95 % upper limit"
        assert row.value in page.text


def test_display_unit_is_used(tree: xr.DataTree) -> None:
    rows = {row.name: row for row in quantities(tree, CENTRAL)}
    assert (rows["s[CsPbBr3, PC]"].unit, rows["s[CsPbBr3, PC]"].value[:6]) == ("mol/L", "0.0023")
    assert (rows["sigma_i"].unit, rows["sigma_i"].value) == ("µA", "0.200")


@pytest.mark.parametrize(
    "words",
    [
        "film.mpt", "Ag/AgCl; Fc⁺/Fc at 0.4 ± 0.02 V", "298.15 K (assumed)", "3 + 1 censored",
        "Normal(mean −1.7 V, sd 0.3 V)", "wave II in the voltammogram", "fixed at 298.15 K",
        "Gaussian with AR(1) correlation", "not learned from these data", "20240917",
        "perovec fit study.toml --out runs", "1 min 31 s", "pymc: 6.4.0", "jacs.4c06340",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "95 % equal-tailed",
        "P(above −1700 mV) = 0.", "Known best", "Left at the prior",
    ],
)  # fmt: skip
def test_page_says(page: Page, words: str) -> None:
    assert words in page.text


def test_saved_result_gives_the_same_page(tree: xr.DataTree, source: str, tmp_path: Path) -> None:
    path = tmp_path / "posterior.nc"
    tree.to_netcdf(path, engine="h5netcdf")
    with xr.open_datatree(path, engine="h5netcdf") as loaded:
        assert render(loaded) == source


def test_bare_result_is_reported(make_tree: Callable[..., xr.DataTree]) -> None:
    tree = make_tree()
    bare = xr.DataTree.from_dict({"posterior": tree["posterior"].to_dataset()})
    text = Page(render(bare)).text
    assert "do not publish" in text
    assert "no prior draws" in text


@pytest.mark.usefixtures("no_figures")
def test_other_probability_is_printed(make_tree: Callable[..., xr.DataTree]) -> None:
    asked = make_tree()
    study = json.loads(asked.attrs["study"])
    asked.attrs["study"] = json.dumps(study | {"interval_prob": 0.5})
    text = Page(render(asked)).text
    assert "50 % equal-tailed" in text
    assert "95 % equal-tailed" not in text


@pytest.mark.usefixtures("no_figures")
def test_the_kind_of_interval_that_the_study_asks_for_is_shown(
    make_tree: Callable[..., xr.DataTree],
) -> None:
    tree = make_tree()
    skewed = np.random.default_rng(4).lognormal(0.0, 1.0, tree["posterior"]["E_dec"].shape)
    tree["posterior"]["E_dec"] = tree["posterior"]["E_dec"].copy(data=skewed)
    study = json.loads(tree.attrs["study"])
    tree.attrs["study"] = json.dumps(study | {"interval_kind": "hdi"})
    interval = Interval.asked(tree)
    assert interval == Interval(0.95, "hdi")
    (row,) = (row for row in quantities(tree, interval) if row.name == "E_dec")
    table = summarise(tree, interval.prob, interval.kind).set_index("quantity")
    low, high = (1e3 * table.loc["E_dec", f"interval_{end}"] for end in ("low", "high"))
    assert row.interval == interval_text(quote(1e3 * table.loc["E_dec", "median"], low, high))
    (central,) = (row for row in quantities(tree, CENTRAL) if row.name == "E_dec")
    assert central.interval != row.interval
    text = Page(render(tree)).text
    assert row.interval in text
    assert "95 % highest density" in text
    assert "narrowest 95 %" in text
    assert "equal-tailed" not in text
    assert "central 95 %" not in text


@pytest.mark.usefixtures("no_figures")
def test_unknown_area_and_offset_are_called_unknown(make_tree: Callable[..., xr.DataTree]) -> None:
    tree = make_tree()
    found = json.loads(tree.attrs["observables"])
    found["cv1"] |= {"reference_offset_V": None, "area_cm2": 0.5, "area_sd_cm2": 0.02}
    tree.attrs["observables"] = json.dumps(found)
    text = Page(render(tree)).text
    assert "Fc⁺/Fc against it unknown" in text
    assert "0.5 ± 0.02 cm²" in text


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "–"), (True, "yes"), ({"a": [1, 2.50]}, "a: 1, 2.5"), ([], "–"), ("x", "x")],
)
def test_plain_words(value: object, expected: str) -> None:
    assert plain(value) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(None, "–"), (4.25, "4.2 s"), (59.99, "60.0 s"), (91.4, "1 min 31 s"), (7300, "2 h 1 min")],
)
def test_durations(seconds: float | None, expected: str) -> None:
    assert duration(seconds) == expected


@pytest.mark.parametrize(("threshold", "words"), [(-9.0, "> 0.9995"), (9.0, "< 0.0005")])
def test_probabilities_are_not_rounded_to_certainty(
    make_tree: Callable[..., xr.DataTree], threshold: float, words: str
) -> None:
    tree = make_tree()
    tree["posterior"]["E_dec"].attrs["threshold"] = threshold
    assert quantities(tree, CENTRAL)[0].above.endswith(words)
