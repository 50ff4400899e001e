"""VersaStudio data (.par) of Princeton Applied Research (AMETEK): CV, LSV, CA.

Returns dimension `point` with `time` [s], `potential` [V] (`E(V)`), `current` [A] (`I(A)`) or
`current_density` [A cm^-2], and `cycle`, counted from the potential. A file holds several
actions; the first voltammogram is read (or the first record under potential control), the summary
names the others, and `table` picks one by number or by name. VersaStudio writes anodic currents
as positive by default, but has an option for the opposite that the file does not record: the sign
is assumed. A header area of 1 cm^2 is the default and counts as unknown. The layout resembles XML
but is not; no XML parser reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.headings import heading
from perovec_bayes.readers.layout import Layout, decode_any
from perovec_bayes.readers.potentiostat import Facts, check_options, chosen, dataset, trace
from perovec_bayes.readers.table import parse
from perovec_bayes.readers.tabular import text_table

NAME = "versastudio_par"
DEFAULT_AREAS_CM2 = (0.0, 1.0)
SECTION = re.compile(r"^<(/?)([A-Za-z]+)(\d*)>\s*$")
VOLTAMMETRY = re.compile(r"voltammetry|linear (scan|sweep)|potentiodynamic|tafel", re.IGNORECASE)
STEPPED = re.compile(r"chronoamp|potentiostatic|potential step|chronocoul", re.IGNORECASE)
PULSED = re.compile(r"pulse|square wave|impedance|eis|galvan|chronopot|open circuit", re.I)

OPEN_CIRCUIT = re.compile(r"open circuit", re.IGNORECASE)
"""It measures one segment, and does not say so as others do."""


class _Action(NamedTuple):
    name: str
    settings: dict[str, str]


def sniff(source: Source) -> bool:
    """Whether the file begins with the section of the application VersaStudio."""
    head = source.raw[:600].replace(b"\0", b"")
    return b"<Application>" in head and b"Name=VersaStudio" in head


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a VersaStudio file.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        What the study says of the measurement (`datasets.CV_META`); all optional here.
    options : mapping
        `potentiostat.OPTIONS`; `table` picks one action by number from 1 or by name.

    Returns
    -------
    xarray.Dataset
        CV dataset, as the module says.
    """
    check_options(options, NAME)
    content = decode_any(source)
    lines = content.split("\n")
    actions, definition, last = _sections(lines)
    if definition is None:
        raise DataError(
            "no data",
            file=source.file,
            expected="a section <Segment1> with a line 'Definition='",
            hint="The file has no measured points, or was cut short.",
        )
    table = text_table(
        source.file,
        "\n".join(lines[: last - 1]) + ("\n" if last <= len(lines) else ""),
        Layout(delimiter="comma", header=definition, quoted=False),
        spare=True,
    )
    names = [name.removeprefix("Definition=").strip() for name in table.header]
    headings = [heading(name) for name in names]
    if "Segment #" not in names:
        raise DataError(
            "no column 'Segment #'", file=source.file, place=f"line {definition}",
            found=", ".join(names)[:300],
        )  # fmt: skip
    record = trace(table, headings, labels=names)
    kept = np.isin(table.rows, record.rows)
    segment = table.numbers({"segment": names.index("Segment #")})["segment"][kept]
    labels = _labels(np.unique(segment), actions)
    taken = _choose(source.file, labels, options.get("table"))
    number, action = list(labels.items())[taken]
    _refuse(source.file, action)
    common = next((a.settings for a in actions if a.name == "Common"), {})
    facts = _facts(action, common)
    others = [f"{i} '{a.name}'" for i, a in enumerate(labels.values(), 1) if i != taken + 1]
    facts = facts.noting(
        f"action read: {taken + 1} '{action.name}'",
        f"others in the file: {', '.join(others)} (option table)" if others else "",
    )
    return dataset(source, NAME, record.only(segment == number), facts, meta, options)


def _sections(lines: Sequence[str]) -> tuple[list[_Action], int | None, int]:
    """Return the actions, the line of the column names (None: none), and the line after the data.

    Lines are counted from 1.
    """
    actions: list[_Action] = []
    settings: dict[str, str] = {}
    section, definition = "", None
    for number, line in enumerate(lines, start=1):
        match = SECTION.match(line) if line.startswith("<") else None
        if match:
            if match[1] and section == "Action":
                actions.append(_Action(settings.get("Name", ""), settings))
            if match[1] and section == "Segment" and definition is not None:
                return actions, definition, number
            section, settings = ("", {}) if match[1] else (match[2], {})
        elif section == "Action":
            key, equals, value = line.partition("=")
            if equals:
                settings.setdefault(key.strip(), value.strip())
                if key.strip() == "Name":
                    settings["Name"] = value.strip()
        elif section == "Segment" and definition is None and line.startswith("Definition="):
            definition = number
    return actions, definition, len(lines) + 1


def _labels(segments: np.ndarray, actions: Sequence[_Action]) -> dict[float, _Action]:
    """Return the action that measured each segment; an unknown one where they do not match up."""
    measuring = []
    for action in actions:
        silent = "1" if OPEN_CIRCUIT.search(action.name) else "0"
        count = parse(action.settings.get("Segments", silent), ".")
        if action.name != "Common" and np.isfinite(count):
            measuring += [action] * min(int(count), 1000)
    fits = segments.size <= len(measuring) and segments.size > 0
    unknown = _Action("", {})
    return {
        float(s): measuring[int(s)] if fits and 0 <= s < len(measuring) else unknown
        for s in segments
    }


def _choose(file: str, labels: Mapping[float, _Action], wanted: object) -> int:
    """Return which of the measuring actions is read."""
    names = [action.name for action in labels.values()]
    index = chosen(names, wanted, file, "action")
    if index is not None:
        return index
    for form in (VOLTAMMETRY, STEPPED):
        good = [i for i, n in enumerate(names) if form.search(n) and not PULSED.search(n)]
        if good:
            return good[0]
    return 0


def _refuse(file: str, action: _Action) -> None:
    if PULSED.search(action.name):
        raise DataError(
            f"'{action.name}' is not a voltammetry or a chronoamperometry",
            file=file,
            expected="CV, LSV or CA",
            hint="Nothing in this package models it; pick another action with the option table.",
        )


def _facts(action: _Action, common: Mapping[str, str]) -> Facts:
    rate = parse(action.settings.get("Scan Rate (V/s)", "x"), ".")
    reference = common.get("Reference Electrode", "").split("(")[0].strip()
    facts = Facts(
        technique=action.name,
        area_cm2=parse(common.get("Working Electrode Area (cm2)", "x"), "."),
        default_areas=DEFAULT_AREAS_CM2,
        software="VersaStudio",
        reference=reference,
        rate=rate if rate > 0 else np.nan,
        sign_assumed=True,
    )
    compensation = action.settings.get("iR Compensation", "Disabled")
    if compensation.lower() not in ("disabled", "", "none"):
        facts = facts.noting(f"iR compensation was on: {compensation[:60]}")
    if not action.name:
        facts = facts.warning("the action that measured these points is not known")
    return facts


READER = Reader(NAME, "VersaStudio (.par): CV, LSV, CA", sniff, read)
