"""The report as PDF, and its figures as files, set by typst from their own files alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import matplotlib as mpl
import typst
from matplotlib.ft2font import FT2Font

from perovec_bayes.report.content import Block, Document, Picture, Table
from perovec_bayes.report.figures import Drawing

DPI = 300.0
"""Of figures as bitmaps."""
TALLEST = 8.6
"""Height to which a figure is reduced on a page [inch]."""
MAIN = "main.typ"
_SOFT = "\u200b"
_FIGURE = """\
#let drawn = json("size.json")
#set page(width: drawn.at(0) * 1in, height: drawn.at(1) * 1in, margin: 0pt)
#image("figure.svg", width: 100%)
"""


def pdf(content: Document) -> bytes:
    """Return a report as a PDF.

    typst sees a temporary folder that holds nothing but the template, the report as JSON and the
    figures as SVG. What a user wrote is a string in the JSON and is set as text.

    Parameters
    ----------
    content : Document
        What it says.

    Returns
    -------
    bytes
        The same for the same report.
    """
    text = json.dumps(_plain(content), ensure_ascii=False)
    template = files("perovec_bayes.report").joinpath("templates/report.typ").read_bytes()
    project = {MAIN: template, "report.json": text.encode()}
    project |= {f"{each.key}.svg": each.standalone.encode() for each in content.drawings()}
    return _compile(project, "pdf", text=text, created=content.created)


def figure_files(drawing: Drawing) -> dict[str, bytes]:
    """Return a figure as PDF, SVG and PNG, of its own width.

    Parameters
    ----------
    drawing : Drawing
        The figure.

    Returns
    -------
    dict of str to bytes
        By name of the file. Letters are drawn as outlines: no font is needed.
    """
    project = {
        MAIN: _FIGURE.encode(),
        "size.json": json.dumps(drawing.size).encode(),
        "figure.svg": drawing.standalone.encode(),
    }
    return {
        f"{drawing.file}.svg": project["figure.svg"],
        f"{drawing.file}.pdf": _compile(project, "pdf"),
        f"{drawing.file}.png": _compile(project, "png"),
    }


def _compile(
    project: Mapping[str, bytes], form: Literal["pdf", "png"], *, text: str = "", created: str = ""
) -> bytes:
    with TemporaryDirectory() as folder:
        for name, data in project.items():
            (Path(folder) / name).write_bytes(data)
        made = typst.compile(
            Path(folder) / MAIN,
            root=Path(folder),
            format=form,
            ppi=DPI,
            font_paths=[_fonts()],
            ignore_system_fonts=not _lacks(text),
            timestamp=_timestamp(created),
        )
    assert isinstance(made, bytes)
    return made


def _fonts() -> Path:
    """Return the folder of the fonts that matplotlib brings."""
    return Path(mpl.get_data_path()) / "fonts" / "ttf"


@cache
def _covered() -> frozenset[int]:
    return frozenset(FT2Font(str(_fonts() / "DejaVuSans.ttf")).get_charmap())


def _lacks(text: str) -> bool:
    """Tell whether a text has letters that only the machine's own fonts may have."""
    return any(ord(each) not in _covered() for each in set(text) if each.isprintable())


def _timestamp(created: str) -> datetime:
    try:
        found = datetime.fromisoformat(created)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _plain(content: Document) -> dict[str, Any]:
    return {
        "kicker": content.kicker,
        "title": content.title,
        "subtitle": _words(content.subtitle),
        "banners": [_block(each) for each in content.banners],
        "sections": [
            {"title": each.title, "blocks": [_block(block) for block in each.blocks]}
            for each in content.sections
        ],
        "footer": content.footer,
    }


def _words(parts: Any) -> list[dict[str, Any]]:
    return [
        {"code": not isinstance(part, str), "text": part if isinstance(part, str) else part.text}
        for part in parts
    ]


def _block(block: Block) -> dict[str, Any]:
    """Return a block as JSON knows it."""
    if isinstance(block, Picture):
        return {"kind": block.kind, **_picture(block.drawing)}
    found: dict[str, Any] = {"kind": block.kind, **asdict(block)}
    if isinstance(block, Table):
        found["widths"] = _widths(block)
        found["numbers"] = [block.is_number(i) for i in range(len(block.columns))]
        for _, rows in found["groups"]:
            for cell in (cell for row in rows for cell in row):
                cell["text"] = _breakable(cell["text"], cell["style"])
    if "parts" in found:
        found["parts"] = _words(block.parts)  # type: ignore[union-attr]
    for _, lines in found.get("entries", ()):
        for cell in lines:
            cell["text"] = _breakable(cell["text"], cell["style"])
    return found


def _picture(drawing: Drawing) -> dict[str, Any]:
    width, height = drawing.size
    return {
        "file": f"{drawing.key}.svg",
        "width": width * min(1.0, TALLEST / height),
        "title": drawing.title,
        "caption": drawing.caption,
    }


def _widths(table: Table) -> list[float]:
    """Return the share of each column in the width of the page; 0 for one as wide as it must be.

    A column of numbers or of short words takes what it needs; the others share the rest.
    """
    shares = []
    for i, title in enumerate(table.columns):
        lengths = [max(len(row[i].text), 0.6 * len(row[i].about)) for row in table.rows()]
        longest = max([*lengths, len(title)], default=0)
        mean = sum(lengths) / max(len(lengths), 1)
        needs = table.is_number(i) or (longest <= 14 and i > 0)
        shares.append(0.0 if needs else min(max(mean, 0.45 * longest, 10.0), 60.0) + 4.0)
    if not any(shares):
        shares[0] = 1.0
    return shares


def _breakable(text: str, style: str) -> str:
    """Return text that may be broken into lines: a hash anywhere, a name after its marks."""
    if style == "hash":
        return _SOFT.join(text)
    if style == "code":
        return "".join(each + _SOFT if each in "_[],/.|" else each for each in text)
    return text
