"""Files that are known by their content and not read here: what they are, and what to do."""

from __future__ import annotations

from perovec_bayes.errors import DataError
from perovec_bayes.readers.base import Source

_AVASOFT = "Export from AvaSoft as text (.ttt or .txt)."
_KNOWN = (
    (b"AVS82", "an Avantes raw file", _AVASOFT),
    (b"AVS84", "an Avantes raw file", _AVASOFT),
    (b"\x89HDF", "an HDF5 or netCDF file", "Export the spectra or the table as text."),
    (b"%PDF", "a PDF report", "Export the numbers from the instrument's software as text."),
    (b"\xd0\xcf\x11\xe0", "an old .xls workbook or another OLE file", "Save it as .xlsx or text."),
)
_ZIPPED = (
    (b"ps_0.xml", "an Ocean Optics ProcSpec archive", "Export from SpectraSuite as text."),
    (b"mimetype", "an OpenDocument file", "Save it as .xlsx."),
)
_MEMBER_NAME = 30
"""Offset of the first member's name in a zip archive."""


def refusal(source: Source) -> DataError | None:
    """Return why a file is not read and how to export it, or None if it is not known.

    Parameters
    ----------
    source : Source
        The file.
    """
    known = next((entry for entry in _KNOWN if source.raw.startswith(entry[0])), None)
    if known is None and source.is_workbook:
        name = source.raw[_MEMBER_NAME : _MEMBER_NAME + 40]
        known = next((entry for entry in _ZIPPED if name.startswith(entry[0])), None)
    if known is None:
        return None
    return DataError(f"{known[1]}, which is not read here", file=source.file, hint=known[2])
