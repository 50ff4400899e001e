"""XML that is read as data: elements, attributes and text; whatever declares or expands is refused.

A document type declaration (which is where entities are declared) is an error, so nothing in a
file can grow when it is read, and nothing outside the file is ever opened.
"""

from __future__ import annotations

from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from perovec_bayes.errors import DataError

MOST_BYTES = 50_000_000
"""A larger document is refused."""
MOST_ELEMENTS = 1_000_000
DEEPEST = 200


class _Builder:
    """Takes what the parser meets, within limits."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.tree = TreeBuilder()
        self.depth = self.count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        self.count += 1
        if self.depth > DEEPEST or self.count > MOST_ELEMENTS:
            raise DataError(
                "XML that is too large",
                file=self.file,
                expected=f"at most {MOST_ELEMENTS} elements, {DEEPEST} deep",
            )
        self.tree.start(tag.rpartition(":")[2], attributes)

    def end(self, tag: str) -> None:
        self.depth -= 1
        self.tree.end(tag.rpartition(":")[2])

    def text(self, words: str) -> None:
        self.tree.data(words)

    def declared(self, *_: object) -> NoReturn:
        raise DataError(
            "XML with a document type or entities: not read",
            file=self.file,
            expected="plain elements",
        )


def parse(file: str, raw: bytes) -> Element:
    """Return the root element of an XML document.

    Parameters
    ----------
    file : str
        The file it stands in, for messages.
    raw : bytes
        The document.

    Returns
    -------
    Element
        Tags are without the prefix of a namespace.

    Raises
    ------
    DataError
        If it is no XML, too large, or declares a document type or entities.
    """
    if len(raw) > MOST_BYTES:
        raise DataError(
            "XML that is too large",
            file=file,
            expected=f"at most {MOST_BYTES // 1_000_000} MB",
            found=f"{len(raw) // 1_000_000} MB",
        )
    builder = _Builder(file)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = builder.declared
    parser.EntityDeclHandler = builder.declared
    parser.ExternalEntityRefHandler = builder.declared
    try:
        parser.Parse(raw, True)
        return builder.tree.close()
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise DataError(
            "XML that cannot be read", file=file, found=str(error).splitlines()[0]
        ) from error
