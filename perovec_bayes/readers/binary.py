"""Binary files: every number is fetched within bounds, every size is checked before use."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from perovec_bayes.errors import DataError

MOST_VALUES = 100_000_000
"""More numbers than this in one file are refused."""


@dataclass(frozen=True)
class Bytes:
    """The bytes of a file, little-endian, with bounds.

    Parameters
    ----------
    file : str
        The file, for messages.
    raw : bytes
        Its content.
    """

    file: str
    raw: bytes

    def number(self, form: str, offset: int) -> float | int:
        """Return the number at an offset; `form` as in `struct`, without byte order."""
        size = struct.calcsize("<" + form)
        self.need(offset, size)
        found: float | int = struct.unpack_from("<" + form, self.raw, offset)[0]
        return found

    def whole(self, form: str, offset: int) -> int:
        """Return the whole number at an offset."""
        return int(self.number(form, offset))

    def words(self, offset: int, size: int) -> str:
        """Return the text that ends at the first NUL."""
        self.need(offset, size)
        return self.raw[offset : offset + size].split(b"\0", 1)[0].decode("latin-1").strip()

    def array(self, dtype: str, offset: int, count: int) -> np.ndarray:
        """Return `count` numbers from an offset, as a view."""
        if not 0 < count <= MOST_VALUES:
            raise DataError(
                "an impossible size",
                file=self.file,
                place=f"byte {offset}",
                expected=f"1 to {MOST_VALUES} numbers",
                found=str(count),
            )
        kind = np.dtype(dtype).newbyteorder("<")
        self.need(offset, count * kind.itemsize)
        return np.frombuffer(self.raw, kind, count, offset)

    def need(self, offset: int, size: int) -> None:
        """Fail if the file ends before `offset + size`."""
        if offset < 0 or offset + size > len(self.raw):
            raise DataError(
                "the file is cut short",
                file=self.file,
                place=f"byte {offset}",
                expected=f"{size} bytes there",
                found=f"a file of {len(self.raw)} bytes",
            )


def finite(file: str, values: np.ndarray) -> np.ndarray:
    """Return values as floats, or raise a `DataError` if one is not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        result = values.astype(float)
    if not np.isfinite(result).all():
        raise DataError("numbers that are not finite: the data are damaged", file=file)
    return result
