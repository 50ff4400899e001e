"""Readings of emission lines, and what the study says of them: lines, standards, units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from perovec_bayes import units
from perovec_bayes.constants import MOLAR_MASS
from perovec_bayes.errors import StudyError, UnitError
from perovec_bayes.readers.base import check_keys, nearest, number, quantity

PARTS = {"ppm": "mg", "ppb": "ug", "ppt": "ng"}


@dataclass(frozen=True)
class Line:
    """An emission line, that is, a column.

    Parameters
    ----------
    name : str
        As the study refers to it, such as "Pb 220.353 Ax".
    element : str
        Its element.
    emission : float
        Wavelength [nm].
    unit : str
        Unit of the readings as in the file.
    """

    name: str
    element: str
    emission: float
    unit: str


@dataclass(frozen=True)
class Readings:
    """All readings of a file.

    Parameters
    ----------
    labels : list of str
        Names of the solutions, in order; the same name again is another reading.
    lines : list of Line
        The columns.
    values : ndarray
        Readings, or limits where censored, shape (solutions, lines); NaN where missing.
    kinds : ndarray of str
        "value", "left", "right", "missing", shape (solutions, lines).
    limits : ndarray
        Detection limits in the unit of each line, shape (lines,); NaN where the file has none.
    where : callable
        Place of the i-th solution in the file.
    standards : mapping, optional
        Concentrations of standards in the file: label to {line index: (value, unit)}.
    notes : tuple of str
        What the reader decided, in words.
    """

    labels: list[str]
    lines: list[Line]
    values: np.ndarray
    kinds: np.ndarray
    limits: np.ndarray
    where: Callable[[int], str]
    standards: Mapping[str, Mapping[int, tuple[float, str]]] | None = None
    notes: tuple[str, ...] = ()


def chosen_lines(readings: Readings, options: Mapping[str, Any]) -> list[int]:
    """Return which lines are wanted; several of one element must be chosen by name.

    Parameters
    ----------
    readings : Readings
        All lines.
    options : mapping
        `lines`, names of the wanted ones.
    """
    names = [line.name for line in readings.lines]
    wanted = options.get("lines")
    if wanted is None:
        elements = [line.element for line in readings.lines]
        twice = sorted({e for e in elements if elements.count(e) > 1})
        if twice:
            raise StudyError(
                f"several lines of {', '.join(twice)}: they are not independent measurements",
                place="lines",
                expected="lines = [one of each element wanted]",
                found=", ".join(names)[:400],
            )
        return list(range(len(names)))
    if not isinstance(wanted, list) or not wanted:
        raise StudyError("not a list of lines", place="lines", found=repr(wanted))
    for name in wanted:
        if name not in names:
            raise StudyError(
                f"no line {name!r}",
                place="lines",
                expected=", ".join(names)[:400],
                hint=nearest(str(name), names),
            )
    chosen = [names.index(name) for name in dict.fromkeys(wanted)]
    elements = [readings.lines[i].element for i in chosen]
    if len(set(elements)) < len(elements):
        raise StudyError(
            "two lines of one element: they are not independent measurements",
            place="lines",
            expected="one line of each element",
            found=", ".join(wanted),
        )
    return chosen


def standard_concentrations(
    readings: Readings, chosen: list[int], options: Mapping[str, Any]
) -> dict[str, dict[int, float]]:
    """Return concentrations [mol cm^-3] of the standards by label and line.

    Parameters
    ----------
    readings : Readings
        All readings.
    chosen : list of int
        The wanted lines.
    options : mapping
        `standards`, label to {element: {value, unit}}, or "file"; `ppm_is`, `density`.
    """
    stated = options.get("standards", {})
    if stated == "file":
        if not readings.standards:
            raise StudyError("the file states no standards", place="standards", found="'file'")
        return {
            label: {
                i: value * factor(readings.lines[i].element, unit, options, "standards")
                for i, (value, unit) in row.items()
                if i in chosen
            }
            for label, row in readings.standards.items()
        }
    if not isinstance(stated, Mapping):
        raise StudyError("not a table of standards", place="standards", found=repr(stated))
    result: dict[str, dict[int, float]] = {}
    for label, row in stated.items():
        place = f"standards.{label}"
        if label not in readings.labels:
            raise StudyError(
                "no such solution",
                place=place,
                hint=nearest(str(label), set(readings.labels)),
                expected=", ".join(dict.fromkeys(readings.labels))[:300],
            )
        check_keys(row, MOLAR_MASS, place)
        result[label] = {}
        for i in chosen:
            element = readings.lines[i].element
            if element not in row:
                continue
            entry = check_keys(row[element], ("value", "unit"), f"{place}.{element}")
            value = number(entry, "value", f"{place}.{element}")
            if value < 0:
                raise StudyError("negative", place=f"{place}.{element}.value", found=value)
            unit = str(entry.get("unit", ""))
            result[label][i] = value * factor(element, unit, options, f"{place}.{element}.unit")
    return result


def factor(element: str, unit: str, options: Mapping[str, Any], place: str) -> float:
    """Return mol cm^-3 of the element for one unit of its concentration.

    Parameters
    ----------
    element : str
        Its symbol.
    unit : str
        Unit of a concentration; ppm and the like by `options["ppm_is"]`.
    options : mapping
        `ppm_is`, "mg/L" or "mg/kg", and `density` of the solution for the latter.
    place : str
        For messages.
    """
    if element not in MOLAR_MASS:
        raise StudyError("unknown element", place=place, found=repr(element))
    density = 1.0
    if unit.lower() in PARTS:
        meaning = options.get("ppm_is")
        if meaning not in ("mg/L", "mg/kg"):
            raise StudyError(
                f"{unit}: by volume or by mass?",
                place="ppm_is",
                expected="'mg/L' or 'mg/kg'",
                found="nothing" if meaning is None else repr(meaning),
            )
        unit = f"{PARTS[unit.lower()]}/{meaning[3:]}"
    if unit.endswith("/kg"):
        density, _ = quantity(options, "density", "kg/L", place="mapping", with_sd=False)
        if not density > 0:
            raise StudyError(
                "a concentration by mass needs the density of the solution",
                place="density",
                expected="density = { value = 1.02, unit = 'g/mL' }",
                found="nothing",
            )
        unit = f"{unit.removesuffix('/kg')}/L"
    for target, mass in (("mol/cm^3", 1.0), ("g/cm^3", MOLAR_MASS[element])):
        try:
            return density * units.convert(1.0, unit, target) / mass
        except UnitError:
            continue
    raise StudyError(
        "not a unit of concentration",
        place=place,
        expected="mol/L, mM, uM, mg/L or ug/L",
        found=repr(unit),
    )
