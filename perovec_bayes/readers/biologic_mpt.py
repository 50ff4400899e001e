"""EC-Lab ASCII (.mpt) of BioLogic potentiostats: CV, CVA, LSV, CA and their kin.

Returns dimension `point` with `time` [s] (the file's clock), `potential` [V], `current` [A] or
`current_density` [A cm^-2], `cycle`, and `hold` where the potential stands still beside sweeps.
EC-Lab writes anodic currents as positive (IUPAC; a real CV of ferrocyanide shows it), so that
sign holds unless the study states another. A header area of 0 or 0.001 cm^2 is EC-Lab's default,
left by people who did not enter one: it counts as unknown. Points at open circuit (`mode` 3) and
under current control (`mode` 1) are left out. Impedance, open circuit and galvanostatic
techniques are refused. None of some fifty real exports looked at, with loops and sequences,
repeats a time stamp; a repeated one is therefore an error here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes import units
from perovec_bayes.errors import DataError
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.biologic_points import controlled
from perovec_bayes.readers.headings import heading
from perovec_bayes.readers.layout import Layout, decode_any
from perovec_bayes.readers.potentiostat import Facts, check_options, dataset, trace
from perovec_bayes.readers.table import Table, parse
from perovec_bayes.readers.tabular import text_table

NAME = "biologic_mpt"
FIRST_LINE = re.compile(rb"(\xef\xbb\xbf)?\s*(EC|BT)-Lab ASCII FILE", re.IGNORECASE)
DEFAULT_AREAS_CM2 = (0.0, 0.001)
KNOWN = re.compile(
    r"voltammetry|chronoamp|chronocoul|potentiostat|polari[sz]ation|potential (step|sweep|scan)"
    r"|constant voltage|modular|modulo",
    re.IGNORECASE,
)
"""Techniques in which the potential is controlled."""
REFUSED = re.compile(r"impedance|pulse|square wave|normal reverse|galvano|ac voltammetry", re.I)


def sniff(source: Source) -> bool:
    """Whether the first line is that of an EC-Lab or BT-Lab text export."""
    head = source.raw[:200]
    return FIRST_LINE.match(head) is not None or "Lab ASCII FILE".encode("utf-16-le") in head


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read an EC-Lab text export.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        What the study says of the measurement (`datasets.CV_META`); all optional here.
    options : mapping
        `potentiostat.OPTIONS`.

    Returns
    -------
    xarray.Dataset
        CV dataset, as the module says; the reference is '' unless the study or the header states
        it.
    """
    check_options(options, NAME)
    content = decode_any(source)
    count, head = _header(source, content)
    technique = _technique(source.file, head)
    body = content.split("\n", count + 3)[count:-1]
    first = next((line for line in body if line.strip()), "")
    decimal = "," if "," in first and "." not in first else "."
    layout = Layout(delimiter="tab", decimal=decimal, header=count, quoted=False)
    table = text_table(source.file, content, layout)
    headings = [heading(name) for name in table.header]
    _check_time(table, headings)
    record = trace(table, headings, hint="Export a CV again from EC-Lab with this column.")
    facts = Facts(
        technique=technique,
        area_cm2=_area(head),
        default_areas=DEFAULT_AREAS_CM2,
        software="EC-Lab",
        reference=_setting(head, "Reference electrode"),
    )
    loops = _setting(head, "Number of loops")
    if loops not in ("", "1"):
        facts = facts.noting(f"loops: {loops}")
    record, facts = controlled(table, record, facts)
    return dataset(source, NAME, record, facts, meta, options)


def _header(source: Source, content: str) -> tuple[int, list[str]]:
    """Return the number of header lines, and these."""
    top = content.split("\n", 2)
    match = re.match(r"\s*Nb header lines\s*:\s*(\d{1,6})\s*$", top[1] if len(top) > 1 else "")
    if not match:
        raise DataError(
            "no count of header lines",
            file=source.file,
            place="line 2",
            expected="'Nb header lines : N'",
            found=repr(top[1][:40]) if len(top) > 1 else "the end of the file",
        )
    count = int(match[1])
    lines = content.split("\n", count)[:count]
    if not 3 <= count <= len(lines) or "\t" not in lines[count - 1]:
        raise DataError(
            "no column names where the header should end",
            file=source.file,
            place=f"line {count}",
            found=repr(lines[count - 1][:40])
            if 3 <= count <= len(lines)
            else f"{len(lines)} lines",
            hint="The header was cut short: export the file again.",
        )
    return count, lines


def _check_time(table: Table, headings: list[Any]) -> None:
    if not any(h is not None and h.quantity == "time" for h in headings):
        raise DataError(
            "no column of the time",
            file=table.file,
            place=f"line {int(table.rows[0]) - 1}",
            expected="time/s",
            found=", ".join(table.header)[:400],
            hint="Export a CV again from EC-Lab with this column.",
        )


def _setting(header: list[str], key: str) -> str:
    """Return the text after `key :` in the header, '' where absent."""
    for line in header:
        name, colon, value = line.partition(" : ")
        if colon and name.strip() == key:
            return value.strip()
    return ""


def _area(header: list[str]) -> float:
    """Return the electrode area of the header [cm^2]; NaN where it has none."""
    match = re.match(r"([\d.,]+)\s*([cm]m)", _setting(header, "Electrode surface area"))
    if not match:
        return np.nan
    value = parse(match[1].replace(",", "."), ".")
    return units.convert(value, f"{match[2]}^2", "cm^2")


def _technique(file: str, header: list[str]) -> str:
    """Return the technique that a full header names; a short header names none."""
    technique = header[3].strip() if len(header) > 4 else ""
    if technique and (REFUSED.search(technique) or not KNOWN.search(technique)):
        raise DataError(
            f"'{technique}' is not a voltammetry or a chronoamperometry",
            file=file,
            place="line 4",
            expected="CV, CVA, LSV or CA",
            hint="To read it as one all the same, map its columns with format = 'delimited'.",
        )
    return technique


READER = Reader(NAME, "BioLogic EC-Lab ASCII (.mpt): CV, CVA, LSV, CA", sniff, read)
