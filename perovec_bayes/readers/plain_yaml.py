"""The plain part of YAML that metadata are written in: mappings, lists, texts, numbers.

Blocks by indentation, `key: value`, `- item`, quoted texts, comments, block texts (`|`, `>`), and
`[]`/`{}`. Anchors, aliases, tags and merges are not followed: they stay texts, so that nothing in a
file can grow or be made.
"""

from __future__ import annotations

import copy
import re
from typing import Any, NamedTuple

DEEPEST = 40
WORDS: dict[str, Any] = {
    "~": None, "null": None, "": None, "true": True, "false": False, "[]": [], "{}": {},
}  # fmt: skip
KEY = re.compile(
    r"""(?P<key>"[^"]*"|'[^']*'|[^\s#\-\[\]{}"'][^#]*?|-[^\s#][^#]*?)\s*:(?:\s+(?P<rest>.*))?$"""
)


class PlainYamlError(ValueError):
    """A line that this part of YAML does not have; the message names it."""


class _Line(NamedTuple):
    number: int
    indent: int
    text: str


def load(content: str) -> Any:
    """Return the data in a text of plain YAML.

    Parameters
    ----------
    content : str
        The text, lines ended by a newline.

    Returns
    -------
    dict, list, str, float, int, bool or None
        The data.

    Raises
    ------
    PlainYamlError
        If a line is not understood; the message names it.
    """
    raw = content.split("\n")
    lines = []
    for number, line in enumerate(raw, start=1):
        text = line.strip()
        if text and not text.startswith("#") and text not in ("---", "..."):
            lines.append(_Line(number, len(line) - len(line.lstrip(" ")), _bare(text)))
    if not lines:
        return None
    value, after = _block(lines, 0, 0)
    if after < len(lines):
        raise PlainYamlError(f"line {lines[after].number}: unexpected indentation")
    return value


def _bare(text: str) -> str:
    """Return a line without its comment."""
    quote = ""
    for i, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and (i == 0 or text[i - 1] in " :-[{,"):
            quote = character
        elif character == "#" and i and text[i - 1] in " \t":
            return text[:i].rstrip()
    return text


def _block(lines: list[_Line], at: int, depth: int) -> tuple[Any, int]:
    """Return the value of the block that begins at a line, and the line after it."""
    if depth > DEEPEST:
        raise PlainYamlError(f"line {lines[at].number}: nested too deeply")
    first = lines[at]
    if first.text == "-" or first.text.startswith("- "):
        return _list(lines, at, depth)
    if KEY.match(first.text):
        return _mapping(lines, at, depth)
    return scalar(first.text), at + 1


def _list(lines: list[_Line], at: int, depth: int) -> tuple[list[Any], int]:
    indent, items = lines[at].indent, []
    while at < len(lines) and lines[at].indent == indent and re.match(r"-(\s|$)", lines[at].text):
        rest = lines[at].text[1:].lstrip()
        if not rest:
            value, at = _child(lines, at, indent, depth)
        elif KEY.match(rest) and not rest.startswith(("'", '"', "[", "{")):
            inner = indent + len(lines[at].text) - len(rest)
            lines[at] = _Line(lines[at].number, inner, rest)
            value, at = _mapping(lines, at, depth + 1)
        else:
            value, at = _scalar_or_text(lines, at, indent, rest)
        items.append(value)
    return items, at


def _mapping(lines: list[_Line], at: int, depth: int) -> tuple[dict[str, Any], int]:
    if depth > DEEPEST:
        raise PlainYamlError(f"line {lines[at].number}: nested too deeply")
    indent, table = lines[at].indent, {}
    while at < len(lines) and lines[at].indent == indent:
        match = KEY.match(lines[at].text)
        if not match or re.match(r"-(\s|$)", lines[at].text):
            break
        rest = match["rest"] or ""
        if rest:
            value, at = _scalar_or_text(lines, at, indent, rest)
        else:
            value, at = _child(lines, at, indent, depth)
        table[str(scalar(match["key"].strip()))] = value
    if at < len(lines) and lines[at].indent > indent:
        raise PlainYamlError(f"line {lines[at].number}: unexpected indentation")
    return table, at


def _child(lines: list[_Line], at: int, indent: int, depth: int) -> tuple[Any, int]:
    """Return what stands below a key or a dash; a list may stand at the indent of its key."""
    following = lines[at + 1] if at + 1 < len(lines) else None
    is_list = following is not None and re.match(r"-(\s|$)", following.text) is not None
    below = following is not None and following.indent > indent
    same = following is not None and following.indent == indent and is_list
    if below or (same and not re.match(r"-(\s|$)", lines[at].text)):
        return _block(lines, at + 1, depth + 1)
    return None, at + 1


def _scalar_or_text(lines: list[_Line], at: int, indent: int, rest: str) -> tuple[Any, int]:
    """Return a scalar, with the lines that continue it, or the lines of a block text."""
    after, words = at + 1, []
    while after < len(lines) and lines[after].indent > indent:
        words.append(lines[after].text)
        after += 1
    if re.fullmatch(r"[|>][+-]?\d?", rest):
        return "\n".join(words), after
    return scalar(" ".join([rest, *words])), after


def scalar(text: str) -> Any:
    """Return the value of a scalar.

    Parameters
    ----------
    text : str
        As written: a quoted or plain text, a number, true, false, null, [] or {}.
    """
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return _quoted(text)
    if text in WORDS:
        return copy.copy(WORDS[text])
    if re.fullmatch(r"[-+]?\d{1,15}", text):
        return int(text)
    if re.fullmatch(r"[-+]?(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d{1,3})?", text):
        return float(text)
    return text


def _quoted(text: str) -> str:
    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    escapes = {r"\t": "\t", r"\n": "\n", r"\"": '"', r"\\": "\\"}
    return re.sub(r'\\[tn"\\]', lambda match: escapes[match[0]], text[1:-1])
