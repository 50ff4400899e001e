"""Sphinx extension: equations as the program's reports state them, so that they exist once.

    ```{equation} electrode: Circuit
    :number: 2.1
    ```

shows the entry of `report/data/equations.toml` of that mechanism and title, with its words and
source. `:noise: independent` or `:source: Heerman` tells entries of one title apart.
"""

import html
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, ClassVar

from cards import toml
from docutils import nodes
from docutils.parsers.rst import directives
from mathml import numbered
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from perovec_bayes.report.equations import mathml

FILE = "data/equations.toml"


@cache
def entries() -> tuple[dict[str, Any], ...]:
    """Return the entries of the file."""
    text = files("perovec_bayes.report").joinpath(FILE).read_text("utf-8")
    return tuple(tomllib.loads(text)["equation"])


def found(mechanism: str, title: str, noise: str | None, source: str = "") -> list[int]:
    """Return the places of the entries that a directive names: one, if it is right."""
    return [
        place
        for place, entry in enumerate(entries())
        if mechanism in entry["mechanism"]
        and entry["title"] == title
        and (noise is None or entry.get("noise") == noise)
        and source in entry["source"]
    ]


def where(entry: dict[str, Any]) -> str:
    """Return which options of a card switch an equation on, in words."""
    conditions = [f"{name} = {_either(values)}" for name, values in entry.get("when", {}).items()]
    if "noise" in entry:
        conditions.append(f"noise.{entry['technique']} = {_either([entry['noise']])}")
    return ", ".join(conditions)


def _either(values: list[Any]) -> str:
    return " or ".join(map(toml, values))


class Equation(SphinxDirective):
    """One equation."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = {
        "number": directives.unchanged,
        "noise": directives.unchanged,
        "source": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        """Return the equation and what is said of it."""
        mechanism, _, title = (part.strip() for part in self.arguments[0].partition(":"))
        places = found(mechanism, title, self.options.get("noise"), self.options.get("source", ""))
        if len(places) != 1:
            raise self.error(f"{FILE} has {len(places)} entries for '{self.arguments[0]}'")
        entry = entries()[places[0]]
        (math,) = mathml([entry["math"]])
        said = [f"{entry['where']}."]
        if conditions := where(entry):
            said.append(f"If {conditions}.")
        if entry["source"]:
            said.append(f"Source: {entry['source']}.")
        words = html.escape(" ".join(said), quote=False)
        block = (
            f'<div class="stated"><p class="title">{html.escape(entry["title"])}</p>\n'
            f'{numbered(math, self.options.get("number", ""))}<p class="words">{words}</p></div>'
        )
        return [nodes.raw("", block, format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("equation", Equation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
