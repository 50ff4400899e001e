"""JCAMP-DX spectra (4.24, 5.x): labelled records `##LABEL= value`.

Read are XYDATA in the form (X++(Y..Y)), plain or packed (PAC, SQZ, DIF, DUP), and XYPOINTS in the
form (XY..XY), of UV/VIS and other optical spectra against nm, um or 1/cm. Returns what `spectra`
says, of the first block with data.

References
----------
McDonald, R. S.; Wilks, P. A. Appl. Spectrosc. 1988, 42, 151.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.header import head, whole_text
from perovec_bayes.readers.jcamp_numbers import pairs, table
from perovec_bayes.readers.numbers import number
from perovec_bayes.readers.spectra import UNKNOWN, Frames, spectra_dataset

NAME = "jcamp"
_RECORD = re.compile(r"^[ \t]*##([^=\n]*)=", re.MULTILINE)
_X_UNITS = {"NANOMETERS": "nm", "NANOMETER": "nm", "NM": "nm", "MICROMETERS": "um", "1/CM": "1/cm"}
_Y_WORDS = (
    ("ABSORB", "absorbance"),
    ("TRANSMI", "transmittance"),
    ("REFLECT", "reflectance"),
    ("COUNT", "intensity"),
    ("INTENSITY", "intensity"),
)
_DATA = ("XYDATA", "XYPOINTS")
_FORMS = {"(X++(Y..Y))": "XYDATA", "(XY..XY)": "XYPOINTS"}


def sniff(source: Source) -> bool:
    """Whether the first record is the title and another the version or the data type."""
    top = "\n".join(head(source)[:60])
    labels = [_label(found[1]) for found in _RECORD.finditer(top)]
    return bool(labels) and labels[0] == "TITLE" and bool({"JCAMPDX", "DATATYPE"} & set(labels))


def _label(written: str) -> str:
    return re.sub(r"[\s\-/_]", "", written).upper()


def _blocks(content: str) -> list[dict[str, str]]:
    """Return the records of every block that holds data, labels bare of blanks and strokes."""
    blocks: list[dict[str, str]] = [{}]
    found = list(_RECORD.finditer(content))
    for i, record in enumerate(found):
        label = _label(record[1])
        end = found[i + 1].start() if i + 1 < len(found) else len(content)
        if label in ("TITLE", "END"):
            blocks.append({})
        if label != "END":
            blocks[-1].setdefault(label, content[record.end() : end])
    return [block for block in blocks if any(label in block for label in _DATA)]


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a JCAMP-DX spectrum.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        Keys of `datasets.OD_META`.
    options : mapping
        `spectra.SPECTRA_OPTIONS` and `block`, which of several spectra, from 1.

    Returns
    -------
    xarray.Dataset
        Spectra; validated.
    """
    blocks = _blocks(whole_text(source, options))
    if not blocks:
        raise DataError(
            "no data in the file",
            file=source.file,
            expected="##XYDATA or ##XYPOINTS",
            hint="Export the spectrum, not a peak table.",
        )
    which = options.get("block", 1)
    if type(which) is not int or not 1 <= which <= len(blocks):
        raise StudyError(
            "no such block", place="block", expected=f"1 to {len(blocks)}", found=repr(which)
        )
    block = blocks[which - 1]
    axis, signal = _data(source, block)
    unit = _text(block, "XUNITS").upper()
    if unit not in _X_UNITS:
        raise DataError(
            "the axis is no wavelength",
            file=source.file,
            place="##XUNITS",
            found=repr(unit[:40]),
            expected=", ".join(_X_UNITS),
        )
    written = _text(block, "YUNITS")
    quantity = next((q for word, q in _Y_WORDS if word in written.upper()), UNKNOWN)
    if written == "A" and "UV" in _text(block, "DATATYPE").upper():
        quantity = "absorbance"
    ratio = quantity in ("transmittance", "reflectance", "absorbance")
    notes = [f"spectrum {which} of {len(blocks)}"] if len(blocks) > 1 else []
    frames = Frames(
        axis,
        signal[np.newaxis],
        quantity=quantity,
        unit=("%" if "%" in written or "PERCENT" in written.upper() else "1") if ratio else written,
        axis_unit=_X_UNITS[unit],
        start=" ".join(p for p in (_text(block, "DATE"), _text(block, "TIME")) if p)
        or _text(block, "LONGDATE"),
        notes=(*notes, *([f"title {t}"] if (t := _text(block, "TITLE")) else [])),
    )
    return spectra_dataset(source, NAME, frames, meta, options, ("block",))


def _text(block: Mapping[str, str], label: str) -> str:
    """Return the first line of a record, its comment cut off."""
    return block.get(label, "").split("\n", 1)[0].split("$$", 1)[0].strip()


def _number(source: Source, block: Mapping[str, str], label: str, default: float) -> float:
    written = _text(block, label)
    if not written:
        return default
    value = number(written, "," if "," in written and "." not in written else ".")
    if not np.isfinite(value):
        raise DataError("not a number", file=source.file, place=f"##{label}", found=repr(written))
    return value


def _data(source: Source, block: Mapping[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """Return abscissa and ordinate of a block, factors applied."""
    label = next(name for name in _DATA if name in block)
    form, _, body = block[label].partition("\n")
    form = re.sub(r"\s", "", form.split("$$", 1)[0]).upper()
    if form not in _FORMS:
        raise DataError(
            "a form of data not known here",
            file=source.file,
            place=f"##{label}",
            expected=" or ".join(_FORMS),
            found=repr(form[:40]),
        )
    dx, dy = (_number(source, block, name, 1.0) for name in ("XFACTOR", "YFACTOR"))
    count = _number(source, block, "NPOINTS", np.nan)
    place = f"##{label}"
    if _FORMS[form] == "XYPOINTS":
        x, y = pairs(source.file, place, body)
        x = x * dx
    else:
        first, last = (_number(source, block, name, np.nan) for name in ("FIRSTX", "LASTX"))
        x, y = table(source.file, place, body, first, last, count, dx)
    if not np.isnan(count) and count != y.size:
        raise DataError(
            "not as many points as announced",
            file=source.file,
            place=place,
            expected=f"{count:g} points",
            found=str(y.size),
            hint="Was the file cut short?",
        )
    return x, y * dy


READER = Reader(NAME, "JCAMP-DX spectrum (.jdx, .dx)", sniff, read)
