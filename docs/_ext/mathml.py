r"""Sphinx extension: LaTeX in the pages becomes MathML, which browsers set without scripts.

The converter is that of docutils. A `\tag{2.4}` is the number of an equation, and its anchor.
"""

import re
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx

_FUNCTION = re.compile(r"<mi>(ln|log|exp|tanh|coth)</mi>")
_TAG = re.compile(r"\\tag\{([^{}]*)\}")


def numbered(math: str, number: str) -> str:
    """Return an equation on a line of its own, with its number at the right."""
    anchor = f' id="eq-{re.sub(r"[^0-9A-Za-z]+", "-", number)}"' if number else ""
    mark = f'<span class="number">({number})</span>' if number else ""
    return f'<div class="equation"{anchor}><div class="formula">{math}</div>{mark}</div>\n'


def _set(text: str, **options: bool) -> str:
    """Return LaTeX as MathML, with some space about the names of functions."""
    return _FUNCTION.sub(
        r'<mo form="prefix" lspace="0.17em" rspace="0.17em">\1</mo>', tex2mathml(text, **options)
    )


def _inline(self: Any, node: nodes.math) -> None:
    self.body.append(_set(node.astext()))
    raise nodes.SkipNode


def _display(self: Any, node: nodes.math_block) -> None:
    text = node.astext()
    tag = _TAG.search(text)
    math = _set(_TAG.sub("", text).strip(), as_block=True)
    self.body.append(numbered(math, tag[1] if tag else ""))
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
