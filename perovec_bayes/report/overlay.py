"""Chosen runs beside each other: what they share, and why that may mean less than it seems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from perovec_bayes.diagnostics import GateResult
from perovec_bayes.diagnostics.observables import decoded
from perovec_bayes.diagnostics.scalars import Scalar, dataset, scalars
from perovec_bayes.errors import UnitError
from perovec_bayes.report.facts import verdict
from perovec_bayes.report.figures.overlay import LINES, Curve, Panel, draw_overlay
from perovec_bayes.report.figures.style import Drawing
from perovec_bayes.report.runs import Estimate, Run, letters
from perovec_bayes.units import convert

FEWEST, MOST = 2, len(LINES)
GROUPS = ("posterior", "sample_stats")
"""What is read of a result: the draws, and what the gate looks at."""
_POTENTIAL = "V"
_FAILED = "GATE FAILED: do not use"


@dataclass(frozen=True, eq=False)
class Side:
    """One of the runs.

    Parameters
    ----------
    letter : str
        By which figure and table name it.
    run : Run
        What its small files say.
    gate : GateResult
        The verdict, on the draws.
    warning : str
        Why it must not be used; nothing where its gate passed.
    references : frozenset of str
        Reference electrodes of its voltammograms.
    scalars : mapping of str to Scalar
        Its posterior.
    """

    letter: str
    run: Run
    gate: GateResult
    warning: str
    references: frozenset[str]
    scalars: Mapping[str, Scalar]


@dataclass(frozen=True)
class Row:
    """A quantity over the runs.

    Parameters
    ----------
    name, unit : str
        Which quantity; the unit of its numbers.
    role : str
        Its role in the first run that has it.
    about : tuple of str
        What the runs say that it is: one text if they agree.
    cells : tuple of (Estimate or None)
        For each run.
    remark : str
        Why it is not drawn, or not for all; else nothing.
    """

    name: str
    unit: str
    role: str
    about: tuple[str, ...]
    cells: tuple[Estimate | None, ...]
    remark: str


@dataclass(frozen=True, eq=False)
class Overlay:
    """A comparison of chosen runs.

    Parameters
    ----------
    sides : tuple of Side
        The runs.
    rows : tuple of Row
        Primary and derived quantities that two or more of them have, the primary ones first.
    figure : Drawing or None
        Their posteriors over each other.
    remarks : tuple of str
        What must be known before the numbers are compared.
    """

    sides: tuple[Side, ...]
    rows: tuple[Row, ...]
    figure: Drawing | None
    remarks: tuple[str, ...]

    @property
    def warned(self) -> list[Side]:
        """The runs that must not be used."""
        return [side for side in self.sides if side.warning]


def overlay(chosen: Sequence[tuple[Run, xr.DataTree]]) -> Overlay:
    """Put runs beside each other.

    Parameters
    ----------
    chosen : sequence of (Run, DataTree)
        `FEWEST` to `MOST` runs, and at least the groups `GROUPS` of their results.
    """
    lettered = letters(run for run, _ in chosen)
    sides = tuple(
        _side(letter, run, tree)
        for (letter, run), (_, tree) in zip(lettered.items(), chosen, strict=True)
    )
    made = [_row(name, sides) for name in _shared(sides)]
    rows = tuple(row for row, _ in made)
    panels = [panel for row, panel in made if panel is not None and row.role == "primary"]
    figure = draw_overlay(
        panels,
        {side.letter: side.run.place for side in sides},
        {side.letter: side.warning for side in sides},
        "overlay",
    )
    return Overlay(sides, rows, figure, tuple(_remarks(sides)))


def _side(letter: str, run: Run, tree: xr.DataTree) -> Side:
    gate = verdict(tree)
    approximation = str(tree.attrs.get("approximation", ""))
    observables = decoded(tree, "observables")
    posterior = dataset(tree, "posterior")
    found = [] if posterior is None else scalars(posterior)
    return Side(
        letter,
        run,
        gate,
        "" if gate.passed else approximation or _FAILED,
        frozenset(
            str(each.get("reference", "unknown"))
            for each in observables.values()
            if each.get("technique") == "cv"
        ),
        {scalar.name: scalar for scalar in found},
    )


def _shared(sides: Sequence[Side]) -> list[str]:
    """Return the primary and derived quantities of two runs or more, the primary ones first."""
    roles: dict[str, list[str]] = {}
    for side in sides:
        for scalar in side.scalars.values():
            roles.setdefault(scalar.name, []).append(scalar.role)
    shared = {name: found for name, found in roles.items() if len(found) >= FEWEST}
    primary = [name for name, found in shared.items() if "primary" in found]
    derived = [name for name in shared if "derived" in shared[name] and name not in primary]
    return [*primary, *derived]


def _row(name: str, sides: Sequence[Side]) -> tuple[Row, Panel | None]:
    having = [side for side in sides if name in side.scalars]
    first = having[0].scalars[name]
    unit = str(first.attrs.get("display_unit", first.unit))
    stated = [_estimate(side, name, unit) for side in sides]
    about = dict.fromkeys(str(side.scalars[name].attrs.get("description", "")) for side in having)
    primary = any(side.scalars[name].role == "primary" for side in having)
    curves, remarks = [], []
    for side in having:
        curve = _curve(side, name, unit, stated[sides.index(side)])
        if isinstance(curve, str):
            remarks.append(f"{side.letter}: {curve}.")
        else:
            curves.append(curve)
    references = {side.references for side in having if side.references}
    if first.unit == _POTENTIAL and len(references) > 1:
        remarks.append("Not drawn: the runs have different reference electrodes.")
        curves = []
    row = Row(
        name,
        unit,
        "primary" if primary else "derived",
        tuple(text for text in about if text),
        tuple(stated),
        " ".join(remarks),
    )
    panel = Panel(name, unit, first.log_scale, curves) if len(curves) >= FEWEST else None
    return row, panel


def _estimate(side: Side, name: str, unit: str) -> Estimate | None:
    for estimate in side.run.estimates:
        if estimate.name == name:
            try:
                return estimate.within(unit)
            except UnitError:
                return estimate
    return None


def _curve(side: Side, name: str, unit: str, estimate: Estimate | None) -> Curve | str:
    """Return what is drawn of a run, or why nothing is."""
    scalar = side.scalars[name]
    if estimate is None:
        return "its summary has no such quantity"
    if scalar.constant:
        return "does not vary"
    if not np.all(np.isfinite(scalar.draws)):
        return "draws that are not finite"
    try:
        draws = convert(scalar.draws.ravel(), scalar.unit, unit)
    except UnitError:
        return f"not in a unit of the kind of {unit}"
    return Curve(side.letter, draws, estimate.median, estimate.low, estimate.high, estimate.kind)


def _remarks(sides: Sequence[Side]) -> list[str]:
    """Return sentences on data, cards and references."""
    found = []
    users: dict[str, list[str]] = {}
    files: dict[str, str] = {}
    for side in sides:
        for sha, file in (side.run.data or {}).items():
            users.setdefault(sha, []).append(side.letter)
            files.setdefault(sha, file)
    shared = [f"{files[sha]} in {', '.join(who)}" for sha, who in users.items() if len(who) > 1]
    if shared:
        found.append(
            f"The same data in several runs ({'; '.join(shared)}): that these agree confirms "
            "nothing."
        )
    cards = {side.letter: side.run.card for side in sides}
    if len(set(cards.values())) > 1:
        listed = ", ".join(f"{letter} {card}" for letter, card in cards.items())
        found.append(
            f"The model cards differ ({listed}): one name may stand for two things; compare the "
            "descriptions."
        )
    references = {side.letter: side.references for side in sides if side.references}
    if len(set(references.values())) > 1:
        listed = ", ".join(f"{key} {' and '.join(sorted(v))}" for key, v in references.items())
        found.append(
            f"The reference electrodes differ ({listed}): quantities in V are not drawn over each "
            "other. Refer all to Fc⁺/Fc first."
        )
    return found
