"""How a table stands in a file, and the text of a file."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.base import Source

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "space": r"\s+"}
LAYOUT_OPTIONS = ("delimiter", "decimal", "header", "skip_rows", "encoding", "comment", "sheet")
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
NO_TEXT = 0.01
"""A larger part of control characters than this is no text."""


@dataclass(frozen=True)
class Layout:
    """How a table stands in a file.

    Parameters
    ----------
    delimiter : str
        One character, or "comma", "semicolon", "tab", "space" (any run of blanks).
    decimal : str
        "." or ",".
    header : int or None
        Line of the column names, counted from 1; 0: there are none; None: the first line that is
        neither blank nor a comment.
    skip_rows : int
        Lines between the header (or the top) and the data, such as a line of units.
    encoding : str
        Text encoding; a byte order mark goes before it.
    comment : str
        Lines that begin so are no data; "" for none.
    sheet : str or int or None
        Sheet of a workbook by name or by number from 1; None: the only one.
    quoted : bool
        Whether a cell may stand in double quotes.
    """

    delimiter: str = ","
    decimal: str = "."
    header: int | None = 1
    skip_rows: int = 0
    encoding: str = "utf-8"
    comment: str = ""
    sheet: str | int | None = None
    quoted: bool = True

    @classmethod
    def from_options(cls, options: Mapping[str, Any], **defaults: Any) -> Layout:
        """Return the layout that the study states, or raise a `StudyError`."""
        stated = {key: options[key] for key in LAYOUT_OPTIONS if key in options}
        rules: dict[str, tuple[Callable[[Any], bool], str]] = {
            "delimiter": (_is_delimiter, "one character, or one of " + ", ".join(DELIMITERS)),
            "decimal": (lambda v: v in (".", ","), "'.' or ','"),
            "header": (lambda v: type(v) is int and v >= 0, "a line number from 1, or 0 for none"),
            "skip_rows": (lambda v: type(v) is int and v >= 0, "a number of lines"),
            "encoding": (_is_encoding, "a text encoding such as 'utf-8' or 'latin-1'"),
            "comment": (lambda v: isinstance(v, str), "the characters that begin a comment"),
            "sheet": (lambda v: type(v) in (str, int), "a sheet's name or number from 1"),
        }
        for key, value in stated.items():
            good, expected = rules[key]
            if not good(value):
                raise StudyError("bad layout", place=key, expected=expected, found=repr(value))
        layout = cls(**{**defaults, **stated})
        if layout.separator == layout.decimal:
            raise StudyError(
                "delimiter and decimal mark are the same",
                place="decimal",
                found=repr(layout.decimal),
                hint="State delimiter = 'semicolon' or 'tab' with decimal = ','.",
            )
        return layout

    @property
    def separator(self) -> str:
        """The delimiter as a character or pattern."""
        return DELIMITERS.get(self.delimiter, self.delimiter)


def _is_delimiter(value: object) -> bool:
    return value in DELIMITERS or (
        isinstance(value, str) and len(value) == 1 and value not in '"\n\r'
    )


def _is_encoding(name: object) -> bool:
    try:
        return isinstance(name, str) and "".encode(name) is not None
    except (LookupError, ValueError):
        return False


def decode(source: Source, *encodings: str) -> str:
    """Return the text of a file with newlines as line ends, by the first encoding that fits."""
    if source.raw.startswith(UTF16_MARKS):
        encodings = ("utf-16",)
    for encoding in encodings:
        try:
            content = source.raw.decode(encoding)
        except UnicodeError:
            continue
        if "\0" in content:
            break
        return content.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    raise DataError(
        "not a text in this encoding",
        file=source.file,
        expected=" or ".join(encodings),
        hint="State encoding = 'latin-1', or export the file as text.",
    )


def decode_any(source: Source) -> str:
    """Return the text of an instrument's file, whatever wrote it.

    UTF-8 and UTF-16, with and without a byte order mark; a byte that is no UTF-8 is taken as
    Windows-1252 (then Latin-1), so that a file of mixed encodings is read as well.

    Parameters
    ----------
    source : Source
        The file.

    Returns
    -------
    str
        The text, lines ended by a newline.

    Raises
    ------
    DataError
        If the file is binary.
    """
    raw = source.raw
    if raw.startswith(UTF16_MARKS):
        content = raw.decode("utf-16", "replace")
    elif looks_utf16(raw):
        content = raw.decode("utf-16-le" if raw[1] == 0 else "utf-16-be", "replace")
    else:
        content = raw.decode("utf-8", "perovec-bytes")
    content = content.removeprefix("\ufeff").rstrip("\ufeff\0\x1a")
    if "\0" in content or control_part(content) > NO_TEXT:
        raise DataError(
            "not a text", file=source.file, hint="Export the measurement as text and read that."
        )
    return content.replace("\r\n", "\n").replace("\r", "\n")


def looks_utf16(raw: bytes) -> bool:
    """Whether bytes without a mark are UTF-16: every second one of the first is 0."""
    head = raw[: min(len(raw), 64) // 2 * 2]
    if len(head) < 4:
        return False
    return (not any(head[1::2]) and all(head[::2])) or (not any(head[::2]) and all(head[1::2]))


def control_part(content: str) -> float:
    """Return the part of control characters, other than blanks, in the first 4000."""
    head = content[:4000]
    return sum(c < " " and c not in "\t\n\r\f\v" for c in head) / max(1, len(head))


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    """Decode the bytes that are no UTF-8 as Windows-1252, or Latin-1 where that has no letter."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    try:
        return wrong.decode("cp1252"), error.end
    except UnicodeDecodeError:
        return wrong.decode("latin-1"), error.end


codecs.register_error("perovec-bytes", _as_windows)
