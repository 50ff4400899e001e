"""Sphinx extension: what the pages say for a repository browser, said for a site.

A link to a model card leads to the page that `cards` makes of it. A link to another folder is shown
as the folder's name, since the site has no page for it (links to files that are no pages give the
file itself). `<a id="x"></a>` before a paragraph is a target. In
docstrings a bar is a bar, and the star of a file pattern a star.
"""

import os
import re
from pathlib import Path
from typing import Any

from cards import FOLDER
from sphinx.application import Sphinx

_LINK = re.compile(r"(?<!!)\[([^\[\]]+)\]\(([^()\s:#]+)\)")
_ANCHOR = re.compile(r'^<a id="([^"]+)"></a>', re.MULTILINE)


def page_for_site(app: Sphinx, docname: str, source: list[str]) -> None:
    """Mend links to cards and folders, and turn anchors into targets."""
    here, models = Path(app.env.doc2path(docname)).parent, Path(app.srcdir) / "models"

    def mended(link: re.Match[str]) -> str:
        target = (here / link[2]).resolve()
        if models in (target, target.parent):
            name = "index" if target == models else target.stem
            page = Path(app.srcdir) / FOLDER / f"{name}.md"
            return f"[{link[1]}]({Path(os.path.relpath(page, here)).as_posix()})"
        return link[1] if target.is_dir() else link[0]

    source[0] = _ANCHOR.sub(r"(\1)=\n", _LINK.sub(mended, source[0]))


def plain_marks(
    _app: Sphinx, _what: str, _name: str, _object: object, _options: object, lines: list[str]
) -> None:
    """Escape bars of absolute values and stars of patterns, which would be mark-up."""
    lines[:] = [re.sub(r"\||(?<=/)\*", r"\\\g<0>", line) for line in lines]


def setup(app: Sphinx) -> dict[str, Any]:
    """Act on each page and docstring as it is read."""
    app.connect("source-read", page_for_site)
    app.connect("autodoc-process-docstring", plain_marks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
