"""One look for all figures, and their way into a page as inline SVG."""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import as_file, files
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

WIDTH = 7.0
"""Width of a figure across both columns of a journal of the ACS [inch]."""
NARROW = 3.25
"""Width of a figure in one column of such a journal [inch]."""
STYLE = "style.mplstyle"
"""The style sheet beside the package `report`."""
SVG = "http://www.w3.org/2000/svg"
"""Name space of SVG files; within HTML there is none."""

INK = "#1a1a1a"
MODEL = "#0059a0"
BAND = "#b5d3ec"
PRIOR = "#767676"
LIMIT = "#b04a00"
CHAINS = (
    (MODEL, "-"),
    (LIMIT, (0, (5, 1.5))),
    (INK, (0, (1, 1))),
    ("#8a8a8a", (0, (3, 1, 1, 1))),
)


@dataclass(frozen=True)
class Drawing:
    """A figure as inline SVG, with the words that go with it.

    Parameters
    ----------
    key : str
        Identifier, unique in a page; all ids in `svg` begin with it.
    title : str
        Short title.
    caption : str
        What is drawn and how to read it.
    svg : str
        The ``<svg>`` element, without width and height.
    size : tuple of float
        Width and height [inch].
    """

    key: str
    title: str
    caption: str
    svg: str
    size: tuple[float, float]

    @property
    def standalone(self) -> str:
        """The SVG as a file of its own."""
        width, height = self.size
        head = f'<svg xmlns="{SVG}" width="{width:g}in" height="{height:g}in"'
        return self.svg.replace("<svg", head, 1)

    @property
    def file(self) -> str:
        """Name of its files, without the ending: the key and the begin of the title."""
        head = unicodedata.normalize("NFKD", self.title.split(":")[0])
        words = re.findall("[a-z0-9]+", head.encode("ascii", "ignore").decode().lower())
        return "-".join([self.key, *words])[:48].rstrip("-")


@contextmanager
def drawing_style() -> Iterator[None]:
    """Hold matplotlib's settings at the ones of our figures, whatever the user's are."""
    with warnings.catch_warnings():
        # A sample may be named in a script that the font lacks; the table has the name in full.
        warnings.filterwarnings(
            "ignore", message="Glyph .* missing from font", category=UserWarning
        )
        with mpl.rc_context(_settings()):
            yield


@cache
def _settings() -> Any:
    """Return matplotlib's defaults with our style sheet over them."""
    with as_file(files("perovec_bayes.report").joinpath(STYLE)) as path:
        own = mpl.rc_params_from_file(path, use_default_template=False)
    settings: Any = {**mpl.rcParamsDefault, **own}
    del settings["backend"]
    return settings


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Return an empty figure of so many inches, laid out so that labels do not collide."""
    return Figure(figsize=(width, height), layout="constrained")


def to_drawing(figure: Figure, key: str, title: str, caption: str) -> Drawing:
    """Render a figure as SVG that can stand with others in one HTML page.

    Parameters
    ----------
    figure : Figure
        The figure, made under `drawing_style`.
    key : str
        Prefix of all ids.
    title, caption : str
        Short title (also the accessible name) and caption (also the description).

    Returns
    -------
    Drawing
        The same text for the same figure, always.
    """
    buffer = io.StringIO()
    FigureCanvasSVG(figure)
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{key}-\1"', text)
    text = text.replace("xlink:href=", "href=")
    text = re.sub(r'href="#([^"]+)"', rf'href="#{key}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{key}-\1)", text)
    text = re.sub(r"\n\s*\n+", "\n", text)
    box = re.search(r'viewBox="[^"]+"', text)
    body = text[text.index(">") + 1 :]
    head = (
        f'<svg {box[0] if box else ""} role="img" aria-labelledby="{key}-t {key}-d">'
        f'<title id="{key}-t">{escape(title)}</title><desc id="{key}-d">{escape(caption)}</desc>'
    )
    width, height = figure.get_size_inches()
    return Drawing(key, title, caption, head + body, (float(width), float(height)))


def dots(axes: Axes, x: np.ndarray, y: np.ndarray, size: float = 1.6, colour: str = INK) -> None:
    """Draw all points as one path of round dots; far smaller in SVG than one element a point."""
    good = np.isfinite(x) & np.isfinite(y)
    vertices = np.repeat(np.column_stack([x[good], y[good]]), 2, axis=0)
    if not len(vertices):
        return
    codes = np.tile([Path.MOVETO, Path.LINETO], len(vertices) // 2)
    path = Path(vertices, codes)
    path.should_simplify = False
    axes.add_patch(PathPatch(path, fill=False, edgecolor=colour, lw=size, capstyle="round"))
    axes.update_datalim(vertices)
    axes.autoscale_view()


def label(axes: Axes, *, x: str = "", y: str = "", title: str = "") -> None:
    """Set labels and title as plain text: a "$" in a user's name is a "$"."""
    if x:
        axes.set_xlabel(x, parse_math=False)
    if y:
        axes.set_ylabel(y, parse_math=False)
    if title:
        axes.set_title(title, parse_math=False)


def with_unit(name: str, unit: str) -> str:
    """Return an axis label as in "current / µA"; a pure number has no unit."""
    return f"{name} / {unit}" if unit else name
