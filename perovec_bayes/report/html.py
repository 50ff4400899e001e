"""The report as one HTML page that holds everything it shows."""

from __future__ import annotations

from pathlib import Path

import xarray as xr
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from perovec_bayes.files import write_text
from perovec_bayes.report.content import Document
from perovec_bayes.report.document import document
from perovec_bayes.report.equations import mathml
from perovec_bayes.report.figures import Drawing
from perovec_bayes.report.tables import plain


def write_report(tree: xr.DataTree, path: str | Path) -> Path:
    """Write a result as one self-contained HTML page.

    The page needs no network and no scripts. The gate's verdict is taken from the result when it
    says "failed"; a stored "passed" is checked again on the draws.

    Parameters
    ----------
    tree : DataTree
        A result, as saved in ``posterior.nc``.
    path : str or Path
        The file to write; it is whole or not there.

    Returns
    -------
    Path
        `path`.
    """
    return write_text(path, render(tree))


def render(tree: xr.DataTree) -> str:
    """Return the page of `write_report` as text.

    Parameters
    ----------
    tree : DataTree
        A result.
    """
    return page(document(tree))


def page(content: Document) -> str:
    """Return a report as an HTML page.

    Parameters
    ----------
    content : Document
        What it says.
    """
    equations = content.equations()
    formulas = mathml([each.math for each in equations])
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            report=content,
            formula={
                each.math: Markup(element)
                for each, element in zip(equations, formulas, strict=True)
            },
        )
    )


def environment() -> Environment:
    """Return where templates are found, with the filters they use."""
    found = Environment(
        loader=PackageLoader("perovec_bayes.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"plain": plain, "inline": _inline}
    return found


def _inline(drawing: Drawing) -> Markup:
    """Pass a drawing's SVG through the escaping: matplotlib made it, and its words are escaped."""
    return Markup(drawing.svg)
