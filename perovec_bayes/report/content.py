"""What a report says, free of any format: sections of blocks, of which HTML and PDF are made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from perovec_bayes.report.figures import Drawing


@dataclass(frozen=True)
class Code:
    """A name, file or command within a sentence.

    Parameters
    ----------
    text : str
        What is shown in a fixed width.
    """

    text: str


type Words = tuple[str | Code, ...]
Style = Literal["text", "code", "number", "hash", "bad", "bad number", "note"]


@dataclass(frozen=True)
class Paragraph:
    """A paragraph.

    Parameters
    ----------
    parts : tuple of (str or Code)
        Its words.
    """

    parts: Words
    kind: ClassVar[str] = "paragraph"


@dataclass(frozen=True)
class Bullets:
    """A list.

    Parameters
    ----------
    items : tuple of str
        One sentence or more each.
    ordered : bool
        Whether they are numbered.
    bad : bool
        Whether they tell of faults.
    """

    items: tuple[str, ...]
    ordered: bool = False
    bad: bool = False
    kind: ClassVar[str] = "bullets"


@dataclass(frozen=True)
class Banner:
    """What must not be overlooked.

    Parameters
    ----------
    tone : {"failed", "synthetic", "passed"}
        What sort of news it is.
    title, text : str
        Words.
    items : tuple of str
        Reasons.
    """

    tone: Literal["failed", "synthetic", "passed"]
    title: str
    text: str
    items: tuple[str, ...] = ()
    kind: ClassVar[str] = "banner"


@dataclass(frozen=True)
class Pairs:
    """Terms and what is to be said of each.

    Parameters
    ----------
    entries : tuple of (str, tuple of Cell)
        A term, and its lines.
    """

    entries: tuple[tuple[str, tuple[Cell, ...]], ...]
    kind: ClassVar[str] = "pairs"


@dataclass(frozen=True)
class Result:
    """One quantity as a headline.

    Parameters
    ----------
    name, about, value, note : str
        Name, what it is, its value with the unit, and what the value and its interval are.
    """

    name: str
    about: str
    value: str
    note: str


@dataclass(frozen=True)
class Headline:
    """The results.

    Parameters
    ----------
    rows : tuple of Result
        The primary ones.
    """

    rows: tuple[Result, ...]
    kind: ClassVar[str] = "headline"


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Parameters
    ----------
    text : str
        Its content.
    about : str
        Smaller words below it.
    style : str
        How it is set: a number stays on one line, a hash may break anywhere.
    """

    text: str
    about: str = ""
    style: Style = "text"


@dataclass(frozen=True)
class Table:
    """A table; the first cell of a row is its heading.

    Parameters
    ----------
    key : str
        Name of its files.
    caption : str
        What it is.
    columns : tuple of str
        Titles.
    groups : tuple of (str, tuple of rows)
        Title of a group of rows ("": none), and its rows.
    """

    key: str
    caption: str
    columns: tuple[str, ...]
    groups: tuple[tuple[str, tuple[tuple[Cell, ...], ...]], ...]
    kind: ClassVar[str] = "table"

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """Yield the rows of all groups."""
        for _, rows in self.groups:
            yield from rows

    def is_number(self, column: int) -> bool:
        """Tell whether every cell of a column is a number."""
        return all("number" in row[column].style for row in self.rows())


@dataclass(frozen=True)
class Picture:
    """A figure.

    Parameters
    ----------
    drawing : Drawing
        With title and caption.
    """

    drawing: Drawing
    kind: ClassVar[str] = "picture"


@dataclass(frozen=True)
class Equation:
    """An equation of the model.

    Parameters
    ----------
    title : str
        Which law it is.
    math : str
        The equation in typst's notation; never a user's words.
    where : str
        Symbols in words.
    source : str
        Where it comes from.
    """

    title: str
    math: str
    where: str
    source: str
    kind: ClassVar[str] = "equation"


@dataclass(frozen=True)
class Heading:
    """The heading of a part of a section.

    Parameters
    ----------
    text : str
        The heading.
    """

    text: str
    kind: ClassVar[str] = "heading"


type Block = Paragraph | Bullets | Banner | Pairs | Headline | Table | Picture | Equation | Heading


@dataclass(frozen=True)
class Section:
    """A section.

    Parameters
    ----------
    key, title : str
        Identifier and heading.
    blocks : tuple of Block
        Its content.
    """

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A report.

    Parameters
    ----------
    kicker, title, subtitle : str
        What stands above, as and below the title.
    banners : tuple of Banner
        What stands before everything else.
    sections : tuple of Section
        The content.
    footer : str
        The last words.
    methods : str
        The methods paragraph, in Markdown with Pandoc's citations.
    bibliography : str
        What the paragraph cites, in BibTeX.
    created : str
        When the result was made, in ISO 8601.
    """

    kicker: str
    title: str
    subtitle: Words
    banners: tuple[Banner, ...]
    sections: tuple[Section, ...]
    footer: str
    methods: str
    bibliography: str
    created: str = ""

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks of all sections."""
        for section in self.sections:
            yield from section.blocks

    def tables(self) -> list[Table]:
        """Return the tables in their order."""
        return [block for block in self.blocks() if isinstance(block, Table)]

    def drawings(self) -> list[Drawing]:
        """Return the figures in their order."""
        return [block.drawing for block in self.blocks() if isinstance(block, Picture)]

    def equations(self) -> list[Equation]:
        """Return the equations in their order."""
        return [block for block in self.blocks() if isinstance(block, Equation)]


def say(*parts: str | Code) -> Paragraph:
    """Return a paragraph.

    Parameters
    ----------
    *parts : str or Code
        Its words.
    """
    return Paragraph(parts)


def table(
    key: str, caption: str, columns: Iterable[str], rows: Iterable[Iterable[Cell | str]]
) -> Table:
    """Return a table of one group; a cell may be given as mere text.

    Parameters
    ----------
    key, caption : str
        As in `Table`.
    columns : iterable of str
        Titles.
    rows : iterable of iterable of (Cell or str)
        Rows.
    """
    return Table(key, caption, tuple(columns), (("", cells(rows)),))


def cells(rows: Iterable[Iterable[Cell | str]]) -> tuple[tuple[Cell, ...], ...]:
    """Return rows of cells.

    Parameters
    ----------
    rows : iterable of iterable of (Cell or str)
        Rows; mere text becomes a cell.
    """
    return tuple(
        tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in row) for row in rows
    )


def number(text: str) -> Cell:
    """Return a cell with a number."""
    return Cell(text, style="number")


def code(text: str, about: str = "") -> Cell:
    """Return a cell with a name."""
    return Cell(text, about, "code")
