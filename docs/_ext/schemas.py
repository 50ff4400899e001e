"""Sphinx extension: puts the schemas for editors into the site, at its root."""

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from perovec_bayes.workflow.files import editor_schema


def write(app: Sphinx, error: Exception | None) -> None:
    """Write both schemas, and a page at the root that leads to the first one."""
    if error is None and app.builder.format == "html":
        site = Path(app.outdir)
        editor_schema("study", out=site / "study.schema.json")
        editor_schema("card", out=site / "card.schema.json")
        target = f"{app.config.root_doc}.html"
        (site / "index.html").write_text(
            f'<!doctype html><meta charset="utf-8"><title>{app.config.project}</title>'
            f'<meta http-equiv="refresh" content="0; url={target}"><a href="{target}">Start</a>\n',
            encoding="utf-8",
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Write them when the site is done."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
