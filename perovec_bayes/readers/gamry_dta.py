"""Gamry Framework data (.DTA): CV, LSV, chronoamperometry.

Returns dimension `point` with `time` [s], `potential` [V] (Vf), `current` [A] (Im) or
`current_density` [A cm^-2], and `cycle`, counted from the potential: a CURVE ends where the scan
passes a limit, not where a cycle does. All curves of the main electrode follow each other in one
record; tables of a second electrode (DETECTOR, WE2, RING) are left out unless `table` names them,
tables without a current (open circuit) always. A header area of 1 cm^2 is Gamry's default and
counts as unknown. CONVENTION 1 is anodic positive (a real CV of HO-TEMPO shows it); with another
one, or none, the sign is assumed. Impedance, open circuit, galvanostatic and pulse files are
refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.headings import Heading, heading
from perovec_bayes.readers.layout import Layout, decode_any
from perovec_bayes.readers.potentiostat import (
    Facts,
    Trace,
    check_options,
    chosen,
    dataset,
    join,
    trace,
)
from perovec_bayes.readers.table import parse
from perovec_bayes.readers.tabular import text_table

NAME = "gamry_dta"
DEFAULT_AREAS_CM2 = (0.0, 1.0)
TABLE = re.compile(r"^(\S[^\t]*)\tTABLE(?:\t\s*\d+\s*)?\s*$")
SECOND = re.compile(r"DETECTOR|COLLECTOR|RING|WE2|^BIPOT", re.IGNORECASE)
"""Names of tables of a second electrode."""
REFUSED = {
    r"EIS|IMPED|HYBRID|MOTT|^Z$": "an impedance",
    r"CORPOT|^OCP|OCV": "an open-circuit potential",
    r"CHRONOP|GALV|CHARGE|CCD|^CP": "a galvanostatic measurement",
    r"PULSE|DPV|NPV|RNPV|SQW|SWV|SQUARE|ACV|DPASV|ELECTRONOISE|ESA": "a pulse technique or noise",
}
KNOWN = re.compile(r"^(PWR|PV_)?(CV|LSV|CHRONOA|CHRONOC|COLLECT|COLLECTCHRONOA|MULTISTEPCHRONOA"
                   r"|REPEATCHRONOA|POTDYN|POTENTIODYNAMIC|CYCPOL|PSTATIC|POTSTAT)")  # fmt: skip


class _Block(NamedTuple):
    name: str
    line: int
    """Line of the headings, from 1."""
    end: int
    """The line after the last, from 1."""
    names: tuple[str, ...]
    units: tuple[str, ...]

    def headings(self) -> list[Heading | None]:
        """Return what the columns hold."""
        padded = (*self.units, *[""] * len(self.names))
        return [heading(n, u) if n else None for n, u in zip(self.names, padded, strict=False)]

    def quantities(self) -> set[str]:
        """Return the quantities among the columns."""
        return {h.quantity for h in self.headings() if h is not None}


def sniff(source: Source) -> bool:
    """Whether the first line is EXPLAIN, as in every file of the Framework, and a tag follows."""
    head = source.raw[:400].removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"").lstrip(b"\xff\xfe")
    return re.match(rb"\s*EXPLAIN\s*[\r\n]+\s*TAG\t", head) is not None


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read a Gamry data file.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        What the study says of the measurement (`datasets.CV_META`); all optional here.
    options : mapping
        `potentiostat.OPTIONS`; `table` picks one CURVE by name or number.

    Returns
    -------
    xarray.Dataset
        CV dataset, as the module says.
    """
    check_options(options, NAME)
    content = decode_any(source)
    lines = content.split("\n")
    blocks = _blocks(lines)
    first = blocks[0].line - 1 if blocks else len(lines)
    header = _header(lines[:first])
    _check_technique(source.file, header)
    if not blocks:
        raise DataError(
            "no data table",
            file=source.file,
            expected="a line such as 'CURVE1 TABLE'",
            found=f"a header of {len(lines)} lines",
            hint="The file was cut short: copy it again.",
        )
    taken, notes = _choose(source.file, blocks, options.get("table"))
    decimal = _decimal(lines, taken[0])
    ended = content.endswith("\n")
    pieces = [
        _piece(source.file, lines, block, decimal, ended or block.end <= len(lines))
        for block in taken
    ]
    record = join(pieces)
    facts = _facts(header, taken).noting(*notes)
    return dataset(source, NAME, record, facts, meta, options)


def _blocks(lines: Sequence[str]) -> list[_Block]:
    """Return the tables of the file."""
    found = []
    for number, line in enumerate(lines, start=1):
        match = TABLE.match(line) if "TABLE" in line else None
        if match:
            found.append((match[1].strip(), number + 1))
    blocks = []
    for name, first in found:
        end = first
        while end <= len(lines) and lines[end - 1].startswith("\t"):
            end += 1
        rows = [lines[i - 1].split("\t")[1:] if i <= len(lines) else [] for i in (first, first + 1)]
        names, units = (tuple(cell.strip() for cell in row) for row in rows)
        blocks.append(_Block(name, first, end, names, units))
    return blocks


def _header(lines: Sequence[str]) -> dict[str, str]:
    """Return the value of every tag of the header; of one that is repeated, the first."""
    header: dict[str, str] = {}
    for line in lines:
        cells = line.split("\t")
        if len(cells) >= 3 and cells[0].strip():
            header.setdefault(cells[0].strip(), cells[2].strip())
        elif len(cells) == 2 and cells[0].strip():
            header.setdefault(cells[0].strip(), cells[1].strip())
    return header


def _check_technique(file: str, header: Mapping[str, str]) -> None:
    tag = header.get("TAG", "").upper()
    refused = next((what for form, what in REFUSED.items() if re.search(form, tag)), None)
    if refused is None and {"IINIT", "ISTEP1"} & set(header):
        refused = "a galvanostatic measurement"
    if refused:
        raise DataError(
            f"the file holds {refused} (TAG {tag})",
            file=file,
            expected="CV, LSV or CHRONOA",
            hint="Nothing in this package models it; read the file of a voltammogram.",
        )


def _choose(file: str, blocks: list[_Block], wanted: object) -> tuple[list[_Block], list[str]]:
    """Return the tables that are read, and words on those that are not."""
    index = chosen([block.name for block in blocks], wanted, file)
    measured = [b for b in blocks if {"potential", "current"} <= b.quantities()]
    if index is not None:
        taken = [blocks[index]]
    else:
        main = [b for b in measured if not SECOND.search(b.name)]
        taken = main or measured[:1]
    if not taken:
        raise DataError(
            "no table of potential and current",
            file=file,
            place=f"line {blocks[0].line}",
            expected="columns T, Vf and Im",
            found=", ".join(filter(None, blocks[0].names))[:200],
            hint="Read the file of a CV, an LSV or a chronoamperometry.",
        )
    left = [b.name for b in blocks if b not in taken]
    notes = [f"tables read: {', '.join(b.name for b in taken)}"[:300]]
    if left:
        notes.append(f"tables left out: {', '.join(left)}"[:300] + " (option table)")
    return taken, notes


def _decimal(lines: Sequence[str], block: _Block) -> str:
    body = "".join(lines[block.line + 1 : block.line + 6])
    return "," if re.search(r"\d,\d", body) and not re.search(r"\d\.\d", body) else "."


def _piece(file: str, lines: Sequence[str], block: _Block, decimal: str, ended: bool) -> Trace:
    """Return the points of one table."""
    content = "\n".join(lines[block.line - 1 : block.end - 1]) + ("\n" if ended else "")
    layout = Layout(delimiter="tab", decimal=decimal, header=1, skip_rows=1, quoted=False)
    table = text_table(file, content, layout, spare=True, before=block.line - 1)
    named = [None, *block.headings()]  # every line begins with a tab
    hint = "Read the file of a CV, an LSV or a chronoamperometry."
    return trace(table, named, hint=hint)


def _facts(header: Mapping[str, str], taken: Sequence[_Block]) -> Facts:
    """Return what the header says."""

    def number(key: str) -> float:
        text = header.get(key, "")
        return parse(text.replace(",", "."), ".") if text else np.nan

    tag = header.get("TAG", "")
    convention = header.get("CONVENTION", "")
    unit = 1e-3  # SCANRATE is in mV/s in every technique with controlled potential
    references = [h.reference for b in taken for h in b.headings() if h is not None and h.reference]
    facts = Facts(
        technique=": ".join(filter(None, [tag, header.get("TITLE", "")])),
        area_cm2=number("AREA"),
        default_areas=DEFAULT_AREAS_CM2,
        software="Gamry",
        reference=references[0] if references else "",
        rate=number("SCANRATE") * unit if "SCANRATE" in header else np.nan,
        sign_assumed=convention != "1",
    )
    if header.get("IRCOMP", "0") not in ("0", "F", ""):
        facts = facts.noting("iR compensation was on")
    if not KNOWN.match(tag.upper()):
        facts = facts.warning(f"technique TAG '{tag[:40]}' is not known here: is it a voltammetry?")
    if convention not in ("", "1"):
        facts = facts.warning(f"CONVENTION {convention[:10]}: the current may be cathodic positive")
    return facts


READER = Reader(NAME, "Gamry Framework (.DTA): CV, LSV, chronoamperometry", sniff, read)
