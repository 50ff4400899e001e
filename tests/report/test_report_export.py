from __future__ import annotations

import csv
import io
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typst
import xarray as xr

from perovec_bayes.report import export, facts, pdf, report
from perovec_bayes.report.content import Document, Picture, Table
from perovec_bayes.report.document import document
from perovec_bayes.report.figures import Figures
from perovec_bayes.report.html import page

EVIL = [
    "<script>alert(1)</script>",
    '#import "x": *',
    r"$\input{/etc/passwd}$ \end{table}",
    "\"quoted\" 'too' {braces} [a] `b` *c* _d_ @e #f %g &h ^i ~j",
    "Ünïcode, Λ, плёнка, 薄膜",
]


@pytest.fixture(scope="module")
def files(content: Document) -> dict[str, bytes]:
    return dict(export.contents(content))


def strings(found: object) -> Iterator[str]:
    if isinstance(found, str):
        yield found
    elif isinstance(found, dict):
        for each in found.values():
            yield from strings(each)
    elif isinstance(found, list | tuple):
        for each in found:
            yield from strings(each)


def test_page_and_pdf_have_the_same_words(content: Document) -> None:
    given = [each.replace("\u200b", "") for each in strings(pdf._plain(content))]
    said = " ".join(given)
    for section in content.sections:
        assert section.title in said
    for table in content.tables():
        assert table.caption in said
        for row in table.rows():
            assert all(cell.text in said for cell in row)
    for drawing in content.drawings():
        assert drawing.caption in said
    html = page(content)
    assert html.count("<table") == len(content.tables())
    assert html.count("<figure") == len(content.drawings())
    assert html.count("<h2") == len(content.sections)


def test_a_report_has_every_section_of_the_guidelines(content: Document) -> None:
    keys = [section.key for section in content.sections]
    wanted = ["why", "data", "model", "formal", "prior-predictive", "diagnostics", "posterior",
              "learning", "determined", "fit", "checks", "sensitivity", "decisions", "icp",
              "provenance", "methods", "references"]  # fmt: skip
    assert keys == ["headline", *wanted]


def test_files_of_a_report(content: Document, files: dict[str, bytes]) -> None:
    names = {table.key for table in content.tables()}
    assert len(names) == len(content.tables())
    drawn = {drawing.file for drawing in content.drawings()}
    expected = {"report.html", "report.pdf", "methods.md", "references.bib"}
    expected |= {f"tables/{name}.{end}" for name in names for end in ("tex", "csv")}
    expected |= {f"figures/{name}.{end}" for name in drawn for end in ("pdf", "svg", "png")}
    assert set(files) == expected
    for name, data in files.items():
        head = {"pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<svg"}.get(name.rsplit(".")[-1], b"")
        assert data.startswith(head)
        assert data


def test_figures_have_the_widths_of_columns(content: Document, files: dict[str, bytes]) -> None:
    for drawing in content.drawings():
        assert drawing.size[0] in {3.25, 7.0}
        width = struct.unpack(">I", files[f"figures/{drawing.file}.png"][16:20])[0]
        assert width == pytest.approx(300 * drawing.size[0], abs=1)
        svg = files[f"figures/{drawing.file}.svg"].decode()
        assert f'width="{drawing.size[0]:g}in"' in svg
        assert "<text" not in svg  # outlines: no font is needed


def test_tables_for_machines(content: Document, files: dict[str, bytes]) -> None:
    rows = list(csv.DictReader(io.StringIO(files["tables/posterior-primary.csv"].decode())))
    table = next(each for each in content.tables() if each.key == "posterior-primary")
    assert [row["Quantity"] for row in rows] == [row[0].text for row in table.rows()]
    limit = next(row for row in rows if row["Quantity"] == "s[CsPbBr3, DCM]")
    assert float(limit["Median or limit"].removeprefix("≤ ")) > 0
    assert limit["Kind"] == "upper limit"


def test_the_same_result_gives_the_same_files(content: Document, files: dict[str, bytes]) -> None:
    assert pdf.pdf(content) == files["report.pdf"]


@pytest.mark.parametrize("evil", EVIL)
def test_what_a_user_wrote_is_text(
    make_tree: Callable[..., xr.DataTree], evil: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "draw_all", lambda tree, prob: Figures((), None, None))
    tree = make_tree(sample=evil)
    tree["posterior"]["alpha"].attrs["description"] = evil
    found = document(tree)
    assert evil in found.title
    files = dict(export.contents(found))  # typst would fail at the import of "x"
    assert files["report.pdf"].startswith(b"%PDF")
    assert b"<script" not in files["report.html"]
    merits = files["tables/merits-icp1.tex"].decode()
    assert r"\input" not in merits.replace(r"\textbackslash{}input", "")
    assert merits.count(r"\end{table}") == 1


def test_typst_reads_nothing_from_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    monkeypatch.chdir(tmp_path)
    assert pdf._compile({pdf.MAIN: b'#read("own.txt")', "own.txt": b"own"}, "pdf")
    for path in ("secret.txt", "/secret.txt", "../secret.txt", str(secret), "/etc/passwd"):
        with pytest.raises(typst.TypstError):
            pdf._compile({pdf.MAIN: f'#read("{path}")'.encode()}, "pdf")


def test_export_writes_all_or_leaves_what_was_there(
    tree: xr.DataTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "draw_all", lambda tree, prob: Figures((), None, None))
    (tmp_path / "report.html").write_text("before")
    with monkeypatch.context() as broken:
        broken.setattr(export, "pdf", lambda content: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            export.export(tree, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text() == "before"
    written = export.export(tree, tmp_path)
    assert all(path.is_file() for path in written)
    assert (tmp_path / "report.html").read_text().startswith("<!DOCTYPE html>")
    report(tree, tmp_path / "alone.pdf")
    assert (tmp_path / "alone.pdf").read_bytes() == (tmp_path / "report.pdf").read_bytes()


def test_every_figure_and_table_of_the_content_has_a_name_of_its_own(content: Document) -> None:
    blocks = list(content.blocks())
    files = [block.drawing.file for block in blocks if isinstance(block, Picture)]
    files += [block.key for block in blocks if isinstance(block, Table)]
    assert len(files) == len(set(files))
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in files)
