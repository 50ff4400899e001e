"""What the readers of potentiostats' files share: from a table and a header to a CV dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes import units
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.base import Source, check_keys, quantity
from perovec_bayes.readers.datasets import CvColumns, cv_dataset
from perovec_bayes.readers.headings import CANONICAL, Heading, choose
from perovec_bayes.readers.table import Table
from perovec_bayes.readers.waveform import has_steps

OPTIONS = ("table", "scan_rate", "holds")
"""Options that every reader of a potentiostat's file knows."""
HOLDS = ("keep", "drop")
ANODIC = "anodic_positive"
RATE_SPREAD = 0.2
"""A scan rate of the data further than this from that of the header is worth a warning."""
APPLIED = 2
"""Rank of a heading of the applied potential."""


@dataclass(frozen=True)
class Facts:
    """What the header of a file says.

    Parameters
    ----------
    technique : str
        In the words of the instrument; "" unknown.
    area_cm2 : float
        Electrode area [cm^2]; NaN where not stated.
    default_areas : tuple of float
        Areas [cm^2] that the software writes if nobody enters one: they count as unknown.
    software : str
        Whose defaults these are.
    reference : str
        Reference electrode; "" where not stated.
    rate : float
        Scan rate [V s^-1]; NaN where not stated. It gives the time where the table has none.
    sign_assumed : bool
        Whether the file may have either sign of current and does not say which.
    notes, warnings : tuple of str
        What was decided, and what looks wrong.
    """

    technique: str = ""
    area_cm2: float = np.nan
    default_areas: tuple[float, ...] = (0.0,)
    software: str = "the software"
    reference: str = ""
    rate: float = np.nan
    sign_assumed: bool = False
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def noting(self, *notes: str) -> Facts:
        """Return the facts with more notes."""
        return replace(self, notes=(*self.notes, *(note for note in notes if note)))

    def warning(self, *warnings: str) -> Facts:
        """Return the facts with more warnings."""
        return replace(self, warnings=(*self.warnings, *(words for words in warnings if words)))


@dataclass(frozen=True)
class Trace:
    """One record of a potentiostat in canonical units, with the file's sign.

    Parameters
    ----------
    potential, current : ndarray
        E [V] and I [A], or j [A cm^-2] if `is_density`; shape (n,).
    is_density : bool
        Whether `current` is a current density.
    time, cycle : ndarray or None
        t [s] and cycle numbers, shape (n,); None if the file has none.
    rows : ndarray of int
        Line of the file of each point.
    row_word : str
        What a row is called in messages.
    units : str
        The headings as the file has them.
    warnings : tuple of str
        What looks wrong about the rows.
    """

    potential: np.ndarray
    current: np.ndarray
    is_density: bool
    time: np.ndarray | None
    cycle: np.ndarray | None
    rows: np.ndarray
    row_word: str
    units: str
    warnings: tuple[str, ...] = ()

    def where(self, point: int) -> str:
        """Return the place of a point in the file."""
        return f"{self.row_word} {self.rows[point]}"

    def only(self, keep: np.ndarray) -> Trace:
        """Return the trace with these points only."""
        return replace(
            self,
            potential=self.potential[keep],
            current=self.current[keep],
            time=None if self.time is None else self.time[keep],
            cycle=None if self.cycle is None else self.cycle[keep],
            rows=self.rows[keep],
        )


def check_options(options: Mapping[str, Any], name: str, more: Sequence[str] = ()) -> float:
    """Check the options of a reader, and return the stated scan rate [V s^-1], NaN if none."""
    check_keys(options, (*OPTIONS, *more), f"format '{name}'")
    if options.get("holds", "keep") not in HOLDS:
        raise StudyError(
            "unknown treatment of holds",
            place="holds",
            expected=" or ".join(map(repr, HOLDS)),
            found=repr(options["holds"]),
        )
    rate, _ = quantity(options, "scan_rate", "V/s", place="mapping", with_sd=False)
    if not (np.isnan(rate) or rate > 0):
        raise StudyError("not positive", place="scan_rate.value", expected="a positive scan rate")
    return rate


def chosen(names: Sequence[str], wanted: object, file: str, word: str = "table") -> int | None:
    """Return which of several tables the option `table` means; None if it is not stated.

    Parameters
    ----------
    names : sequence of str
        Names of the tables in the file.
    wanted : object
        A name, or a number from 1, or None.
    file, word : str
        The file, and what a table is called there, for messages.
    """
    if wanted is None:
        return None
    listed = ", ".join(f"{i} '{name}'" for i, name in enumerate(names, start=1))
    if type(wanted) is int and 1 <= wanted <= len(names):
        return wanted - 1
    exact = [i for i, name in enumerate(names) if name == wanted]
    part = [
        i for i, name in enumerate(names) if isinstance(wanted, str) and wanted and wanted in name
    ]
    for hits in (exact, part):
        if len(hits) == 1:
            return hits[0]
    raise DataError(
        f"no {word} {wanted!r}" if not part else f"{len(part)} {word}s match {wanted!r}",
        file=file,
        place="table",
        expected=f"a number from 1 to {len(names)}, or a name",
        found=listed[:400],
    )


def trace(
    table: Table,
    headings: Sequence[Heading | None],
    *,
    need_potential: bool = True,
    hint: str = "",
    labels: Sequence[str] = (),
) -> Trace:
    """Return time, potential, current and cycle of a table.

    Parameters
    ----------
    table : Table
        The table.
    headings : sequence of Heading or None
        What every column holds.
    need_potential : bool
        Whether a table without a potential is an error; its potential is NaN otherwise.
    hint : str
        What to do if a column is missing.
    labels : sequence of str
        The headings as the file has them; those of the table unless given.

    Returns
    -------
    Trace
        In canonical units; repeated headings, empty rows and a cut last line are left out.
    """
    labels = labels or table.header
    at = {
        "time": choose(headings, ["time"]),
        "potential": choose(headings, ["potential"]),
        "current": choose(headings, ["current", "density"]),
        "cycle": choose(headings, ["cycle"]),
    }
    for key in ("potential", "current") if need_potential else ("current",):
        if at[key] is None:
            raise DataError(
                f"no column of the {key}",
                file=table.file,
                place=f"line {max(1, int(table.rows[0]) - 1)}",
                expected=f"a heading with its unit, such as '{EXAMPLES[key]}'",
                found=", ".join(labels)[:400],
                hint=hint or None,
            )
    positions = {key: position for key, position in at.items() if position is not None}
    values, keep, warnings = table.measured(positions)
    known = {key: headings[position] for key, position in positions.items()}
    for key, found in known.items():
        if key != "cycle" and found is not None:
            values[key] = units.convert(values[key], found.unit, CANONICAL[found.quantity])
    current, potential = known["current"], known.get("potential")
    if potential is not None and potential.rank >= APPLIED:
        name = labels[positions["potential"]]
        warnings.append(f"no measured potential: '{name}', the applied one, is used")
    return Trace(
        potential=values.get("potential", np.full(keep.size, np.nan)),
        current=values["current"],
        is_density=current is not None and current.quantity == "density",
        time=values.get("time"),
        cycle=values.get("cycle"),
        rows=table.rows[keep],
        row_word=table.row_word,
        units=", ".join(labels[p] for key, p in positions.items() if key != "cycle"),
        warnings=tuple(warnings),
    )


def join(pieces: Sequence[Trace]) -> Trace:
    """Return traces of the same columns, one after the other, as one.

    Parameters
    ----------
    pieces : sequence of Trace
        One or more.
    """
    first = pieces[0]
    if len(pieces) == 1:
        return first
    times = [p.time for p in pieces if p.time is not None]
    cycles = [p.cycle for p in pieces if p.cycle is not None]
    return replace(
        first,
        potential=np.concatenate([p.potential for p in pieces]),
        current=np.concatenate([p.current for p in pieces]),
        time=np.concatenate(times) if len(times) == len(pieces) else None,
        cycle=np.concatenate(cycles) if len(cycles) == len(pieces) else None,
        rows=np.concatenate([p.rows for p in pieces]),
        warnings=tuple(dict.fromkeys(words for p in pieces for words in p.warnings)),
    )


EXAMPLES = {"potential": "Ewe/V' or 'Potential (V)", "current": "<I>/mA' or 'Current (A)"}


def dataset(
    source: Source,
    reader: str,
    record: Trace,
    facts: Facts,
    meta: Mapping[str, Any],
    options: Mapping[str, Any],
) -> xr.Dataset:
    """Return the CV dataset of a record and the header of its file.

    Parameters
    ----------
    source : Source
        The file.
    reader : str
        Name of the format.
    record : Trace
        The points.
    facts : Facts
        What the header says.
    meta : mapping
        What the study says (`datasets.CV_META`): it goes before the header.
    options : mapping
        `scan_rate` and `holds` are used here.

    Returns
    -------
    xarray.Dataset
        CV dataset, validated, save that the reference may be missing.
    """
    stated = check_options({k: v for k, v in options.items() if k in OPTIONS}, reader)
    meta, notes = _area(facts, meta)
    meta, more = _reference(facts, meta)
    rate = stated
    if record.time is None and np.isnan(rate) and not np.isnan(facts.rate):
        rate = facts.rate
        more = [*more, "scan rate from the header"]
    technique = [f"technique in the file: {facts.technique}"] if facts.technique else []
    columns = CvColumns(
        potential=record.potential,
        current=record.current,
        is_density=record.is_density,
        time=record.time,
        cycle=record.cycle,
        where=record.where,
        units=record.units,
        notes=(*technique, *facts.notes, *notes, *more),
        warnings=(*record.warnings, *facts.warnings),
        sign=ANODIC,
        sign_assumed=facts.sign_assumed,
        own_counter=True,
    )
    ds = cv_dataset(source, reader, columns, meta, rate)
    measured = ds.attrs["scan_rate_V_s"]
    differs = abs(facts.rate - measured) > RATE_SPREAD * facts.rate
    if record.time is not None and np.isnan(stated) and differs and not has_steps(record.potential):
        words = f"scan rate {facts.rate:.4g} V/s in the header, {measured:.4g} V/s in the data"
        ds.attrs["warnings"] = "\n".join(filter(None, [ds.attrs.get("warnings", ""), words]))
    if options.get("holds") == "drop" and "hold" in ds:
        ds = _swept(ds)
    return ds


def _swept(ds: xr.Dataset) -> xr.Dataset:
    """Return the dataset without the points of holds."""
    left = ds["hold"].to_numpy() == 0
    dropped = int((~left).sum())
    ds = ds.isel(point=left).drop_vars("hold")
    ds.attrs["note"] = "; ".join(
        filter(None, [ds.attrs.get("note", ""), f"{dropped} points of holds left out"])
    )
    return ds


def _area(facts: Facts, meta: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """Return meta with the header's area where the study states none and the header's is real."""
    area = facts.area_cm2
    if not np.isfinite(area) or area < 0:
        return meta, []
    if any(np.isclose(area, default, rtol=1e-9, atol=0) for default in facts.default_areas):
        words = f"area {area:g} cm^2 in the header is {facts.software}'s default"
        return meta, [f"{words}: counts as unknown"]
    if "area" in meta:
        return meta, [f"area in the header: {area:g} cm^2; the study's is used"]
    return {**meta, "area": {"value": area, "unit": "cm^2"}}, ["area from the header"]


def _reference(facts: Facts, meta: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """Return meta with the header's reference electrode where the study states none."""
    stated = facts.reference.strip()
    if not stated or "unspecified" in stated.lower():
        return meta, []
    if "reference" in meta:
        return meta, [f"reference electrode in the header: {stated}; the study's is used"]
    return {**meta, "reference": stated}, ["reference electrode from the header"]
