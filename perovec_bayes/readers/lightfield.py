"""The version 3 of Princeton `.spe` files (LightField): frames, then an XML footer.

The footer (Princeton Instruments, SPE 3.0 File Format Specification) says how the frames are laid
out (regions, each with its width, height and stride, and after them the fields of a meta block,
such as the time stamp of the frame), and which wavelength [nm] every column of the sensor has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers import plain_xml
from perovec_bayes.readers.binary import MOST_VALUES, Bytes, finite
from perovec_bayes.readers.spectra import Frames

FOOTER, BEGIN = 678, 4100
_PIXELS = {
    "MonochromeUnsigned16": "u2",
    "MonochromeUnsigned32": "u4",
    "MonochromeFloating32": "f4",
}
_EXPORT = "Export the spectra from LightField as text (.csv), wavelength against intensity."


@dataclass(frozen=True)
class _Layout:
    """Where the chosen region of every frame lies."""

    frames: int
    stride: int
    dtype: str
    offset: int
    """Of the region in its frame [byte]."""
    width: int
    meta: int
    """Where the meta block of a frame begins in it [byte]."""
    region: Element
    notes: tuple[str, ...]


def frames(data: Bytes, options: Mapping[str, Any]) -> Frames:
    """Return the spectra in a file of LightField.

    Parameters
    ----------
    data : Bytes
        The file.
    options : mapping
        `region`, from 1, where the file holds several regions of the sensor.

    Raises
    ------
    DataError
        If the file is damaged, or holds images, no wavelengths, or a form not known here.
    StudyError
        If a region is to be chosen and is not.
    """
    footer = data.whole("Q", FOOTER)
    if not BEGIN < footer < len(data.raw):
        raise _unknown(data, "no XML footer", f"an offset of {footer} in {len(data.raw)} bytes")
    root = plain_xml.parse(data.file, data.raw[footer:])
    if root.tag != "SpeFormat":
        raise _unknown(data, "not the footer of an .spe file", f"<{root.tag[:40]}>")
    layout = _layout(data, root, footer, options.get("region"))
    signal = _columns(data, layout, layout.dtype, layout.offset, layout.width)
    start, time, notes = _clock(data, root, layout)
    return Frames(
        _wavelengths(data, root, layout),
        finite(data.file, signal),
        np.zeros(1) if layout.frames == 1 else time,
        "intensity",
        "counts",
        start=start,
        exposure=_exposure(root),
        notes=(*layout.notes, *notes),
    )


def _unknown(data: Bytes, what: str, found: str, expected: str | None = None) -> DataError:
    return DataError(
        what, file=data.file, place="footer", expected=expected, found=found, hint=_EXPORT
    )


def _whole(data: Bytes, element: Element, key: str, *, least: int = 1) -> int:
    """Return a whole number among the attributes of an element."""
    written = element.get(key, "")
    if not re.fullmatch(r"\d{1,12}", written) or int(written) < least:
        raise _unknown(data, f"no {key} in <{element.tag}>", repr(written[:40]), "a whole number")
    return int(written)


def _layout(data: Bytes, root: Element, footer: int, wanted: object) -> _Layout:
    block = root.find("DataFormat/DataBlock")
    if block is None or block.get("type") != "Frame":
        raise _unknown(data, "no layout of the frames", "nothing", "<DataBlock type='Frame'>")
    regions = [part for part in block if part.get("type") == "Region"]
    count, stride = _whole(data, block, "count"), _whole(data, block, "stride")
    size, pixel = _whole(data, block, "size"), str(block.get("pixelFormat"))
    if pixel not in _PIXELS:
        raise _unknown(data, "an unknown kind of pixel", repr(pixel[:40]), ", ".join(_PIXELS))
    chosen = _chosen(data, regions, wanted)
    offset = sum(_whole(data, part, "stride") for part in regions[:chosen])
    region = regions[chosen]
    width, height = _whole(data, region, "width"), _whole(data, region, "height")
    if height > 1:
        raise DataError(
            "frames are images, not spectra",
            file=data.file,
            expected="one row",
            found=f"{height} rows of {width} pixels",
            hint="Bin the rows of the region in LightField and export again.",
        )
    inside = offset + width * np.dtype(_PIXELS[pixel]).itemsize <= size <= stride
    if not inside or BEGIN + count * stride > footer or count * width > MOST_VALUES:
        raise _unknown(
            data,
            "an impossible size",
            f"{count} frames of {stride} bytes before byte {footer}, {width} pixels at {offset}",
        )
    notes = [f"region {chosen + 1} of {len(regions)}"] if len(regions) > 1 else []
    if pixel == "MonochromeFloating32":
        notes.append("floating-point counts: LightField has corrected or averaged them")
    return _Layout(count, stride, _PIXELS[pixel], offset, width, size, region, tuple(notes))


def _chosen(data: Bytes, regions: list[Element], wanted: object) -> int:
    """Return which region is read, from 0."""
    if not regions:
        raise _unknown(data, "no region of the sensor", "nothing", "<DataBlock type='Region'>")
    if wanted is None and len(regions) == 1:
        return 0
    if type(wanted) is int and 1 <= wanted <= len(regions):
        return wanted - 1
    listed = [f"{i} ({r.get('width')} x {r.get('height')})" for i, r in enumerate(regions, 1)]
    raise StudyError(
        f"{len(regions)} regions of the sensor in '{data.file}'",
        place="region",
        expected="one of " + ", ".join(listed)[:300],
        found="nothing" if wanted is None else repr(wanted),
        hint="State region, such as region = 1.",
    )


def _columns(data: Bytes, layout: _Layout, dtype: str, offset: int, width: int) -> np.ndarray:
    """Return `width` values from an offset in every frame, shape (frames, width)."""
    whole = data.array("u1", BEGIN, layout.frames * layout.stride)
    size = width * np.dtype(dtype).itemsize
    part = whole.reshape(layout.frames, layout.stride)[:, offset : offset + size]
    return np.ascontiguousarray(part).view(np.dtype(dtype).newbyteorder("<"))


def _wavelengths(data: Bytes, root: Element, layout: _Layout) -> np.ndarray:
    """Return the wavelength of each pixel of the region [nm]; of a bin, the mean of its columns."""
    found = root.find("Calibrations/WavelengthMapping/Wavelength")
    if found is None or not (found.text or "").strip():
        raise _unknown(
            data, "no wavelength calibration", "nothing", "<WavelengthMapping> with <Wavelength>"
        )
    try:
        nm = np.array((found.text or "").split(","), dtype=float)
    except ValueError:
        raise _unknown(data, "wavelengths that are no numbers", "in <Wavelength>") from None
    mapping = _mapping(root, layout.region)
    if mapping is None:
        first, binning, columns = 0, 1, layout.width
        sensor = layout.width
    else:
        first, columns = _whole(data, mapping, "x", least=0), _whole(data, mapping, "width")
        binning = _whole(data, mapping, "xBinning")
        sensor = _whole(data, _sensor(data, root), "width")
    fits = columns == layout.width * binning and first + columns <= sensor
    if nm.size != sensor or not fits:
        raise _unknown(
            data,
            "wavelengths and pixels do not fit",
            f"{nm.size} wavelengths, {layout.width} pixels, {columns} columns from {first} of a "
            f"sensor of {sensor}",
        )
    return np.asarray(nm[first : first + columns].reshape(layout.width, binning).mean(axis=1))


def _mapping(root: Element, region: Element) -> Element | None:
    """Return the part of the sensor that a region is; None for spectra glued from several."""
    ids = region.get("calibrations", "").split(",")
    for mapping in root.iterfind("Calibrations/SensorMapping"):
        if mapping.get("id") in ids:
            return mapping
    return None


def _sensor(data: Bytes, root: Element) -> Element:
    """Return the sensor; it must lie as the wavelengths do."""
    sensor = root.find("Calibrations/SensorInformation")
    wave = root.find("Calibrations/WavelengthMapping")
    if sensor is None or wave is None:
        raise _unknown(data, "no sensor", "nothing", "<SensorInformation>")
    for element in (sensor, wave):
        if element.get("orientation", "Normal") != "Normal":
            raise _unknown(
                data,
                "a sensor that is turned: not a layout known here",
                repr(element.get("orientation")),
                "orientation 'Normal'",
            )
    return sensor


def _exposure(root: Element) -> float:
    """Return the exposure [s], which LightField states in ms; NaN where it does not apply."""
    for found in root.iterfind(".//ShutterTiming/ExposureTime"):
        if found.get("relevance") != "False" and re.fullmatch(r"[\d.eE+-]+", found.text or ""):
            try:
                seconds = float(found.text or "") * 1e-3
            except ValueError:
                continue
            if 0 < seconds < 1e9:
                return seconds
    return np.nan


def _clock(
    data: Bytes, root: Element, layout: _Layout
) -> tuple[str, np.ndarray | None, tuple[str, ...]]:
    """Return the time stamp, the times of the frames [s] if they have any, and words on them."""
    offset = layout.meta
    for field in root.iterfind("MetaFormat/MetaBlock/*"):
        size = _whole(data, field, "bitDepth") // 8
        if field.tag == "TimeStamp" and field.get("event") == "ExposureStarted":
            if size != 8 or field.get("type") != "Int64" or offset + size > layout.stride:
                raise _unknown(data, "time stamps that cannot be read", repr(field.attrib)[:200])
            ticks = _columns(data, layout, "i8", offset, 1)[:, 0].astype(float)
            seconds = ticks / _whole(data, field, "resolution")
            stamp = _stamp(field.get("absoluteTime", ""), seconds[0])
            return stamp, seconds - seconds[0], ("times: start of the exposure of each frame",)
        offset += size
    history = root.find("DataHistories/DataHistory/Origin")
    return _stamp(history.get("created", "") if history is not None else ""), None, ()


def _stamp(written: str, later: float = 0.0) -> str:
    """Return a time stamp, so many seconds later, in ISO 8601 with its zone behind it."""
    try:
        moment = datetime.fromisoformat(written) + timedelta(seconds=later)
    except (ValueError, OverflowError):
        return written[:80]
    zone = "" if moment.tzinfo is None else f" {moment.tzname()}"
    return f"{moment.replace(tzinfo=None).isoformat()}{zone}"
