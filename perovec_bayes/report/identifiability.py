"""What the data determine, in words: sentences and a table of directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from perovec_bayes.diagnostics.identifiability import (
    Combination,
    Identifiability,
    Member,
    identifiability,
)
from perovec_bayes.diagnostics.observables import observables
from perovec_bayes.diagnostics.scalars import Scalar
from perovec_bayes.report.numbers import MINUS, pretty_unit, significant
from perovec_bayes.units import convert

SHOWN = 10
"""Directions of each sort in the table; `identifiability.csv` has all."""

HINTS: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("E0", "s"): (
        ("icp", "ICP-OES in the same solvent"),
        ("", "a voltammogram of dissolved lead in the same solvent"),
    ),
    ("k0", "A_c"): (("", "other scan rates"),),
    ("G0", "p"): (("od", "optical density"),),
    ("G0", "e_b"): (("", "the film thickness, measured independently"),),
    ("R_u", "k0"): (("", "impedance"), ("", "other scan rates")),
    ("R_u", "A_d"): (("", "impedance"), ("", "other scan rates")),
    ("D", "s"): (("icp", "ICP-OES in the same solvent"),),
    ("s", "k_II"): (("icp", "ICP-OES in the same solvent"),),
    ("lnA", "B_n"): (("", "potential steps to several potentials"),),
}
"""Two parameters by name: the measurements that tell them apart, each with the technique ("": none
of these) that makes it known already."""


@dataclass(frozen=True)
class Direction:
    """One direction as text.

    Parameters
    ----------
    formula : str
        Its largest members.
    sd, prior_sd : str
        Standard deviations in the posterior and in the prior, with unit.
    ratio : str
        The one over the other.
    """

    formula: str
    sd: str
    prior_sd: str
    ratio: str


@dataclass(frozen=True)
class Determined:
    """What the data determine, as text.

    Parameters
    ----------
    sentences : tuple of str
        One for each combination that is known much better than its parts.
    groups : tuple of (str, tuple of Direction)
        Title and directions: those known best, those known in part, those left at the prior.
    """

    sentences: tuple[str, ...]
    groups: tuple[tuple[str, tuple[Direction, ...]], ...]


def determined(tree: xr.DataTree) -> Determined:
    """Return what the data determine, in words.

    Parameters
    ----------
    tree : DataTree
        A result.
    """
    found = identifiability(tree)
    measured = {observable.technique for observable in observables(tree)}
    said = [_sentence(combination, measured) for combination in found.combinations]
    if found.left_out:
        said.append(f"Too few independent draws to judge: {', '.join(found.left_out)}.")
    return Determined(tuple(said), _groups(found))


def _groups(found: Identifiability) -> tuple[tuple[str, tuple[Direction, ...]], ...]:
    sorts = (
        ("Known best", found.determined[:SHOWN]),
        ("Known in part", found.partly[:SHOWN]),
        ("Left at the prior", found.at_prior[::-1][:SHOWN]),
    )
    return tuple((title, tuple(_direction(d) for d in chosen)) for title, chosen in sorts if chosen)


def _direction(direction: Combination) -> Direction:
    first = direction.members[0].scalar
    return Direction(
        formula(direction),
        _width(first, direction.sd),
        _width(first, direction.prior_sd),
        _short(direction.sd / direction.prior_sd),
    )


def _sentence(combination: Combination, measured: set[str]) -> str:
    """Say that a combination is known, its parts less well, and what would tell them apart."""
    what, first = formula(combination), combination.members[0].scalar
    width = _width(first, combination.sd)
    if combination.only:
        said = f"Only {what} is determined (to {width})"
    else:
        said = f"{what} is known to {width}"
    parts = _parts(combination.members)
    return " ".join([f"{said}; separately, {parts}.", *_hints(combination, measured)])


def _parts(members: Sequence[Member]) -> str:
    """Say how well each parameter is known by itself."""
    sides = {"upper_limit": "above", "lower_limit": "below"}
    known: list[str] = []
    bounded: list[str] = []
    for member in members:
        name, side = _name(member.scalar), sides.get(member.scalar.kind)
        if side:
            bounded.append(f"{name} is bounded from {side} only")
        else:
            known.append(f"{name} {'' if known else 'is known '}to {_alone(member)}")
    return _listed(known + bounded, "and")


def _hints(combination: Combination, measured: set[str]) -> list[str]:
    """Say for each known pair what would tell its two apart and has not been measured."""
    names = {member.scalar.variable: _name(member.scalar) for member in combination.members}
    said = []
    for (one, other), hints in HINTS.items():
        words = [words for technique, words in hints if technique not in measured]
        if one in names and other in names and words:
            said.append(f"To tell {names[one]} and {names[other]} apart: {_listed(words, 'or')}.")
    return said


def formula(combination: Combination) -> str:
    """Write a sum of parameters in symbols and display units.

    Parameters
    ----------
    combination : Combination
        The sum.

    Returns
    -------
    str
        As in "E0'(Pb2+/Pb) + 0.0642 V × ln s".
    """
    first, *others = combination.members
    text = _term(first.scalar)
    for member in others:
        sign = MINUS if member.coefficient < 0 else "+"
        text += f" {sign} {_factor(member, first)}{_term(member.scalar)}"
    return text if combination.whole else f"{text} + …"


def _name(scalar: Scalar) -> str:
    symbol = str(scalar.attrs.get("symbol", "")) or scalar.variable
    return symbol + scalar.name.removeprefix(scalar.variable)


def _term(scalar: Scalar) -> str:
    return f"ln {_name(scalar)}" if scalar.log_scale else _name(scalar)


def _factor(member: Member, first: Member) -> str:
    """Write the factor of a member with its unit, that of the first over its own."""
    top, bottom = _display(first.scalar), _display(member.scalar)
    own = 1.0 if member.scalar.log_scale else convert(1.0, bottom, member.scalar.unit)
    shared = 1.0 if first.scalar.log_scale else convert(1.0, first.scalar.unit, top)
    size = significant(abs(member.coefficient) * own * shared, 3, strip=True)
    if top == bottom:
        return "" if size == "1" else f"{size} "
    text, per = f"{size} {pretty_unit(top)}".rstrip(), pretty_unit(bottom)
    if per:
        text += f"/({per})" if "/" in per or " " in per else f"/{per}"
    return f"{text} × "


def _display(scalar: Scalar) -> str:
    """Return the unit in which a parameter is shown; that of a logarithm is "1"."""
    return "1" if scalar.log_scale else str(scalar.attrs.get("display_unit", scalar.unit))


def _width(scalar: Scalar, sd: float) -> str:
    """Write a standard deviation on the scale of a parameter, with unit."""
    unit = _display(scalar)
    value = sd if scalar.log_scale else convert(sd, scalar.unit, unit)
    if unit == "V" and value < 1:
        unit, value = "mV", 1e3 * value
    return f"{_short(value)} {pretty_unit(unit)}".rstrip()


def _alone(member: Member) -> str:
    """Write the width of a parameter by itself; of a logarithm as a factor or in percent."""
    if not member.scalar.log_scale:
        return _width(member.scalar, member.sd)
    if member.sd < 0.2:
        return f"{_short(100 * member.sd)} %"
    return f"a factor of {_short(float(np.exp(member.sd)))}"


def _short(value: float) -> str:
    """Write two digits, or three where two would need a power of ten."""
    return significant(value, 3 if value >= 99.5 else 2)


def _listed(items: Sequence[str], word: str) -> str:
    *most, last = items
    return f"{', '.join(most)} {word} {last}" if most else last
