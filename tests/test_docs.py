"""The documentation: links, commands, equations, card pages and examples in docstrings hold.

`.ci/run` builds the whole site besides.
"""

import doctest
import importlib
import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest
from cyclopts import CycloptsError
from docutils.utils.math.latex2mathml import tex2mathml
from markdown_it import MarkdownIt
from mdit_py_plugins.front_matter import front_matter_plugin

from perovec_bayes.cli.main import app
from perovec_bayes.inference.cards import card_names, load_card
from perovec_bayes.report.equations import equations

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "notebooks/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
    if "generated" not in path.parts
)
BLOCKS = re.compile(r"^ *```(\w+)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
DISPLAYED = re.compile(r"^\$\$\n(.*?)\n\$\$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(?<![\\$])\$([^$\n]+)\$(?!\$)")
STATED = re.compile(r"^```\{equation\} (\w+): (.*)\n((?::\w+:.*\n)*)```", re.MULTILINE)


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def tokens_of(path):
    parser = MarkdownIt("commonmark").enable("table").use(front_matter_plugin)
    return parser.parse(path.read_text("utf-8"))


def slug(title):
    """The anchor that repository browsers, and MyST, give a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def anchors_of(path):
    tokens, found = tokens_of(path), []
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            words = tokens[place + 1].children
            title = "".join(each.content for each in words if each.type in {"text", "code_inline"})
            found.append(slug(title))
    return {
        *found,
        *(f"{each}-{n}" for each in set(found) for n in range(1, found.count(each))),
        *re.findall(r'<a id="([^"]+)">', path.read_text("utf-8")),
    }


def links_of(path):
    for token in tokens_of(path):
        for child in token.children or ():
            if child.type in {"link_open", "image"}:
                yield str(child.attrGet("href") or child.attrGet("src"))


@pytest.fixture(scope="module")
def extensions():
    """The modules with which the site is built."""
    sys.path.insert(0, str(ROOT / "docs" / "_ext"))
    yield {name: importlib.import_module(name) for name in ("cards", "equations")}
    sys.path.remove(str(ROOT / "docs" / "_ext"))


def test_there_are_pages():
    assert len(PAGES) > 40
    assert "docs/faq.md" in map(name_of, PAGES)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_internal_links_resolve(path):
    broken = []
    for link in links_of(path):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (path.parent / target).resolve() if target else path
        if not file.exists() or (anchor and anchor not in anchors_of(file)):
            broken.append(link)
    assert broken == []


def test_a_broken_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# One & `two`\n\n## One\n\n# One\n\n[a](#one--two) [b](other.md#x)\n", "utf-8")
    assert anchors_of(page) == {"one--two", "one", "one-1"}
    assert list(links_of(page)) == ["#one--two", "other.md#x"]


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_mathematics_can_be_set(path):
    text = path.read_text("utf-8")
    for math in DISPLAYED.findall(text):
        assert "<math" in tex2mathml(re.sub(r"\\tag\{[^{}]*\}", "", math), as_block=True)
    if "theory" in path.parts:
        for math in INLINE.findall(DISPLAYED.sub("", text)):
            assert "<math" in tex2mathml(math)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_commands_exist(path):
    lines = re.findall(r"^ {4}(?:\.venv/bin/)?perovec (.*)$", path.read_text("utf-8"), re.MULTILINE)
    for line in lines:
        words = shlex.split(line, comments=True)
        try:
            app.parse_args(words, exit_on_error=False, print_error=False)
        except CycloptsError as error:
            pytest.fail(f"perovec {line}: {error}")


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_blocks_of_toml_are_toml(path):
    for kind, text in BLOCKS.findall(path.read_text("utf-8")):
        if kind == "toml":
            tomllib.loads(text)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_blocks_of_python_are_python(path):
    for kind, text in BLOCKS.findall(path.read_text("utf-8")):
        if kind == "python":
            compile(text, name_of(path), "exec")


def test_every_equation_of_the_reports_is_in_the_theory_once(extensions):
    module = extensions["equations"]
    stated = []
    for path in sorted((ROOT / "docs" / "theory").glob("*.md")):
        for mechanism, title, options in STATED.findall(path.read_text("utf-8")):
            chosen = dict(re.findall(r"^:(\w+): (.*)$", options, re.MULTILINE))
            places = module.found(mechanism, title, chosen.get("noise"), chosen.get("source", ""))
            assert len(places) == 1, (path.name, title)
            stated += places
    assert sorted(stated) == list(range(len(module.entries())))


@pytest.mark.parametrize("name", card_names())
def test_a_card_has_a_page(extensions, name):
    card, module = load_card(name), extensions["cards"]
    page = module.page(card)
    assert page.startswith(f"# {name}\n")
    for parameter, entry in card.parameters.items():
        known = entry.prior or entry.fixed
        (row,) = re.findall(rf"^\| `{parameter}` \|.*$", page, re.MULTILINE)
        assert module.plain(known.reason) in row
        assert module.plain(entry.description) in row
        if entry.prior is not None:
            assert module.plain(entry.prior.describe()) in row
    for option in card.options:
        assert f"| `{option}` |" in page
    stated = equations({"mechanism": card.mechanism, "options": card.options}, card.techniques)
    assert stated
    assert page.count("<math") == page.count('class="stated"') >= len(stated)
    assert f"[{name}]({name}.md)" in module.index([card])


EXAMPLES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "perovec_bayes").rglob("*.py")
    if re.search(r"^ +>>> ", path.read_text("utf-8"), re.MULTILINE)
)


def test_docstrings_have_examples():
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_in_docstrings(name):
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0
    assert found.failed == 0
