"""Column headings of potentiostats: which quantity, in which unit.

Understood forms: `Ewe/V`, `<I>/mA`, `<I/mA>`, `Potential (V)`, `E(V)`, `I [uA]`, `raw_current /
[mA]`, `potential / V`, `WE(1).Current (A)`, `j (mA/cm2)`, and a name with its unit in another
row. A heading without a unit means nothing, save that of a cycle number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from perovec_bayes import units
from perovec_bayes.errors import UnitError

CANONICAL = {"time": "s", "potential": "V", "current": "A", "density": "A/cm^2", "cycle": "1"}
NAMES: dict[str, tuple[tuple[str, ...], ...]] = {
    "time": (
        ("time", "t", "elapsed time", "time elapsed", "projected time",
         "zeit", "temps", "tiempo", "tempo", "tijd"),
        ("corrected time", "total time", "test time"),
    ),
    "potential": (
        ("ewe", "we(1).potential", "vf", "e", "potential", "u", "voltage", "raw_potential",
         "e vs. ref", "working electrode potential", "measured potential", "we potential",
         "potenzial", "spannung", "potentiel", "tension", "potencial", "potenziale", "potentiaal",
         "spanning"),
        ("ewe-ir", "e_corr"),
        ("control", "potential applied", "e applied", "applied potential", "setpoint"),
    ),
    "current": (
        ("i", "we(1).current", "im", "current", "raw_current", "i1", "we current", "j",
         "current density", "i_we", "i density",
         "strom", "stromstärke", "stromdichte", "courant", "densité de courant", "corriente",
         "densidad de corriente", "corrente", "densità di corrente", "stroom", "stroomdichtheid"),
        ("i2", "i3", "i4", "i5", "i6", "i7", "i8", "we(2).current"),
    ),
    "cycle": (
        ("cycle number", "cycle", "scan", "cycle no", "cycle no.", "cycle #", "scan number",
         "cycle_number", "cyclenumber", "zyklus"),
    ),
}  # fmt: skip
"""Names of each quantity in lower case, the best first; English, then other languages."""
RANKS = {
    name: (quantity, rank)
    for quantity, groups in NAMES.items()
    for rank, group in enumerate(groups)
    for name in group
}
FORMS = (
    r"<(?P<name>[^<>/]+)/(?P<unit>[^<>]+)>",
    r"(?P<name>.+?)\s*/\s*\[(?P<unit>[^\]]*)\]",
    r"(?P<name>.+?)\s*\[(?P<unit>[^\]]*)\]",
    r"(?P<name>.*[^\s(])\s*\((?P<unit>[^()]*)\)",
    r"(?P<name>[^/]+?)\s*/\s*(?P<unit>.+)",
)
AGAINST = re.compile(r"^(?P<unit>\S+?)\s+vs\.?\s*(?P<reference>.+)$", re.IGNORECASE)
UNIT = re.compile(r"[A-Za-zµ]{1,9}(\^-?[1-3])?([*/][A-Za-zµ]{1,9}(\^-?[1-3])?){0,3}")
"""What may be a unit; nothing else reaches the unit parser."""
MEGA = re.compile(r"M[VA]")
"""In headings written in capitals it means milli: not taken."""
LONGEST = 60
"""No heading has more characters."""
NO_REFERENCE = ("ref", "ref.", "reference", "")


class Heading(NamedTuple):
    """What a column holds."""

    quantity: str
    """A key of `CANONICAL`."""
    unit: str
    """Its unit, in a form that `units.convert` knows."""
    rank: int
    """How good a source of the quantity it is; 0 is the best."""
    reference: str = ""
    """The reference electrode, where the unit says it (`V vs. SCE`)."""


def heading(text: str, unit: str | None = None) -> Heading | None:
    """Return what a column heading means, or None if it names no quantity with a unit.

    Parameters
    ----------
    text : str
        The heading, or the name alone where the unit stands elsewhere.
    unit : str, optional
        The unit, where it stands in a row of its own.

    Returns
    -------
    Heading or None
        Quantity, unit and rank.
    """
    text = " ".join(str(text).split())
    if len(text) > LONGEST:
        return None
    name = _plain(text)
    if unit is None and RANKS.get(name, ("",))[0] == "cycle":
        return Heading("cycle", "1", 0)
    pairs = [(name, unit)] if unit is not None else []
    if unit is None:
        matches = [re.fullmatch(form, text) for form in FORMS]
        pairs = [(_plain(m["name"]), m["unit"]) for m in matches if m]
    for name, written in pairs:
        quantity, rank = RANKS.get(name, ("", 0))
        found = _unit(quantity, written) if quantity else None
        if found:
            return Heading(found[0], found[1], rank, found[2])
    return None


def named(text: str) -> str:
    """Return the quantity that a heading names whatever its unit, a key of `NAMES`; "" for none."""
    text = " ".join(text.split())[:LONGEST]
    matches = [re.fullmatch(form, text) for form in FORMS]
    names = [_plain(text), *(_plain(m["name"]) for m in matches if m)]
    return next((RANKS[name][0] for name in names if name in RANKS), "")


def _plain(name: str) -> str:
    return re.sub(r"[<>]", "", name).strip().lower()


def _unit(quantity: str, written: str) -> tuple[str, str, str] | None:
    """Return quantity, unit and reference if the unit is one of the quantity, else None."""
    reference = ""
    match = AGAINST.match(written.strip())
    if match and quantity == "potential":
        written, reference = match["unit"], match["reference"].strip()
        if reference.lower() in NO_REFERENCE:
            reference = ""
    unit = plain_unit(written)
    if quantity == "time":
        unit = unit.lower()  # no time is in siemens or megaseconds
    if not UNIT.fullmatch(unit) or MEGA.match(unit):
        return None
    kinds = ("current", "density") if quantity == "current" else (quantity,)
    for kind in kinds:
        try:
            units.convert(1.0, unit, CANONICAL[kind])
        except UnitError:
            continue
        return kind, unit, reference
    return None


def plain_unit(written: str) -> str:
    """Return a unit in the form that `units.convert` knows, e.g. `mA/cm^2` for `mA cm⁻²`.

    Parameters
    ----------
    written : str
        The unit as the file has it.
    """
    unit = written.strip().replace("μ", "µ")
    unit = unit.translate(str.maketrans("⁰¹²³⁻·", "0123-*"))
    unit = re.sub(r"[{}$]", "", unit)
    unit = re.sub(r"\b([cmk]?m)\^?(-?2)\b", r"\1^\2", unit)
    unit = re.sub(r"\s*/\s*", "/", unit)
    unit = re.sub(r"\s+", "*", unit)
    return {"sec": "s", "sec.": "s", "seconds": "s", "hr": "h", "secs": "s"}.get(unit.lower(), unit)


def choose(headings: Sequence[Heading | None], quantity: Iterable[str]) -> int | None:
    """Return the column that holds one of the quantities best; None if there is none.

    Parameters
    ----------
    headings : sequence of Heading or None
        What every column holds.
    quantity : iterable of str
        Keys of `CANONICAL`.

    Returns
    -------
    int or None
        Position of the first column of the best rank.
    """
    wanted = set(quantity)
    found = [(h.rank, i) for i, h in enumerate(headings) if h is not None and h.quantity in wanted]
    return min(found)[1] if found else None
