"""Text written by ixdat (.csv): electrochemistry with one clock.

Returns dimension `point` with `time` [s], `potential` [V], `current` [A] or `current_density`
[A cm^-2], and `cycle` where the file has one. The header says which time belongs to which values
(`timecol 't' for: 'U' and 'J'`) and which columns are potential and current under other names
(`aliases`). ixdat keeps anodic currents positive. Potential and current of different clocks are
refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from perovec_bayes.errors import DataError
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.headings import FORMS, Heading, heading
from perovec_bayes.readers.labelled import split
from perovec_bayes.readers.layout import Layout, decode_any
from perovec_bayes.readers.potentiostat import Facts, check_options, dataset, trace
from perovec_bayes.readers.tabular import text_table

NAME = "ixdat_csv"
ALIASES = {
    "t": ("time", ("t",)),
    "potential": ("potential", ("potential", "raw_potential")),
    "current": ("current", ("current", "raw_current")),
}
DOLLARS = re.compile(r"\$U_\{?RHE\}?\$|U_RHE|\$U\$|^U\b", re.IGNORECASE)


def sniff(source: Source) -> bool:
    """Whether the header has the lines of ixdat."""
    head = source.raw[:4000].replace(b"\0", b"")
    has_count = re.search(rb"^N_header_lines = \d+", head, re.MULTILINE) is not None
    return has_count and (b"timecol" in head or b"ixdat version" in head)


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a csv file of ixdat.

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
        CV dataset, as the module says.
    """
    check_options(options, NAME)
    content = decode_any(source)
    top = content.split("\n", 400)[:400]
    count = _count(source.file, top)
    names = split(top[count - 1], "comma")
    headings = _headings(names, top[:count])
    clocks = _clocks(top[:count])
    headings = _same_clock(source.file, names, headings, clocks)
    table = text_table(source.file, content, Layout(header=count), spare=True)
    record = trace(table, headings, labels=names)
    references = [h.reference for h in headings if h is not None and h.reference]
    facts = Facts(technique=_value(top, "technique"), reference=references[0] if references else "")
    return dataset(source, NAME, record, facts, meta, options)


def _value(lines: Sequence[str], key: str) -> str:
    for line in lines:
        name, equals, value = line.partition(" = ")
        if equals and name.strip() == key:
            return value.strip()
    return ""


def _count(file: str, lines: Sequence[str]) -> int:
    """Return the line of the column names."""
    text = _value(lines, "N_header_lines")
    count = int(text) if re.fullmatch(r"\d{1,3}", text) else 0
    if not 2 <= count <= len(lines) or "," not in lines[count - 1]:
        raise DataError(
            "no column names where the header should end",
            file=file,
            place=f"line {count}",
            expected="names with commas between them",
            hint="The header was cut short: export the file again.",
        )
    return count


def _headings(names: Sequence[str], lines: Sequence[str]) -> list[Heading | None]:
    """Return what the columns hold, by their names and by the aliases of the header."""
    try:
        aliases = json.loads(_value(lines, "aliases") or "{}")
    except (ValueError, RecursionError):
        aliases = {}
    meant: dict[str, str] = {}
    for quantity, keys in ALIASES.values():
        for key in keys:
            others = aliases.get(key, ()) if isinstance(aliases, dict) else ()
            meant |= {o: quantity for o in others if isinstance(o, str)}
    headings = []
    for name in names:
        found = heading(name)
        if found is None and (name in meant or DOLLARS.search(name)):
            found = _aliased(name, meant.get(name, "potential"))
        headings.append(found)
    return headings


def _aliased(name: str, quantity: str) -> Heading | None:
    """Return the meaning of a column whose name is an alias; its unit is in the name."""
    matches = [m for form in FORMS if (m := re.fullmatch(form, name))]
    found = next((h for m in matches if (h := heading(quantity, m["unit"]))), None)
    if found is not None and "RHE" in name and not found.reference:
        return found._replace(reference="RHE")
    return found


def _clocks(lines: Sequence[str]) -> dict[str, str]:
    """Return the column of the time of each column of values."""
    clocks: dict[str, str] = {}
    for line in lines:
        match = re.match(r"timecol '([^']*)' for: (.*)$", line)
        if match:
            clocks |= dict.fromkeys(re.findall(r"'([^']*)'", match[2]), match[1])
    return clocks


def _same_clock(
    file: str,
    names: Sequence[str],
    headings: Sequence[Heading | None],
    clocks: Mapping[str, str],
) -> list[Heading | None]:
    """Return the headings with the time of potential and current only."""
    wanted = ("potential", "current", "density")
    mine = {
        clocks[name]
        for name, h in zip(names, headings, strict=True)
        if h is not None and h.quantity in wanted and name in clocks
    }
    if len(mine) > 1:
        raise DataError(
            "potential and current have different clocks",
            file=file,
            place="header",
            expected="one timecol for both",
            found=", ".join(sorted(mine)),
            hint="Export from ixdat with time_step, which puts them on one clock.",
        )
    time = mine.pop() if mine else None
    kept: list[Heading | None] = []
    for name, h in zip(names, headings, strict=True):
        other_time = h is not None and h.quantity == "time" and time is not None
        other_cycle = h is not None and h.quantity == "cycle" and clocks.get(name, time) != time
        if name == time:
            kept.append(h if h is not None and h.quantity == "time" else heading("t", "s"))
        else:
            kept.append(None if other_time or other_cycle else h)
    return kept


READER = Reader(NAME, "csv written by ixdat: electrochemistry", sniff, read)
