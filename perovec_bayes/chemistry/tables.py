"""The tables of solvents and materials that ship with the package: every value with its source."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from itertools import groupby
from types import MappingProxyType

from perovec_bayes.chemistry.stoichiometry import Stoichiometry
from perovec_bayes.constants import AVOGADRO
from perovec_bayes.errors import StudyError
from perovec_bayes.units import convert


@dataclass(frozen=True)
class Quantity:
    """One tabulated value and where it comes from.

    Parameters
    ----------
    value : float
        The number in `unit`.
    unit : str
        Its unit as `perovec_bayes.units` reads it; "1" for a pure number.
    temperature : float or None
        T at which it holds [K]; None where the source does not say.
    source : str
        Document or procedure.
    confidence : str
        "looked up", "computed", or "memory: high", "memory: medium", "memory: low".
    note : str
        Range, phase, caveat; may be empty.
    """

    value: float
    unit: str
    temperature: float | None
    source: str
    confidence: str
    note: str


@dataclass(frozen=True)
class _Record:
    name: str
    quantities: Mapping[str, Quantity] = field(repr=False, hash=False)

    def value(self, quantity: str, unit: str) -> float:
        """Return one tabulated value in the unit asked for.

        Parameters
        ----------
        quantity : str
            Its name in the table, such as "relative_permittivity" or "molar_mass".
        unit : str
            The unit wanted; "1" for a pure number.

        Returns
        -------
        float
            The value in `unit`.

        Raises
        ------
        StudyError
            If the table has no such quantity for this entry; the message lists those it has.
        UnitError
            If the unit is unknown or of another dimension.
        """
        if quantity not in self.quantities:
            raise StudyError(
                f"'{quantity}' is not tabulated for {self.name}",
                expected=f"one of {', '.join(self.quantities)}",
            )
        entry = self.quantities[quantity]
        return convert(entry.value, entry.unit, unit)


@dataclass(frozen=True)
class Solvent(_Record):
    """A solvent.

    Parameters
    ----------
    name : str
        Short name, such as "PC".
    quantities : mapping of str to Quantity
        What is tabulated, by name: "molar_mass", "relative_permittivity", "viscosity", "density",
        "refractive_index", "donor_number", "acceptor_number" and, for some, transfer energies.
    cas : str
        CAS registry number.
    in_paper_five : bool
        True for the five solvents that Mulder et al., JACS 2024, 146, 24415 use throughout.
    """

    cas: str
    in_paper_five: bool


@dataclass(frozen=True)
class Material(_Record):
    """A solid, or a salt of the electrolyte or the ligands.

    Parameters
    ----------
    name : str
        Formula, such as "CsPbBr3".
    quantities : mapping of str to Quantity
        What is tabulated, by name: "molar_mass", "cell_volume", "band_gap", ...
    a, b, x : int
        Ions A+, B2+ (for Pb: atoms) and X- per formula unit [1].
    """

    a: int
    b: int
    x: int

    @property
    def stoichiometry(self) -> Stoichiometry:
        """The ions per formula unit; StudyError for a material that is no salt A_a B_b X_x."""
        try:
            return Stoichiometry(self.a, self.b, self.x)
        except StudyError as error:
            raise error.within(place=f"material {self.name}") from None

    @property
    def molar_volume(self) -> float:
        """V_m [cm^3 mol^-1], tabulated or N_A V_cell/Z; StudyError where neither is known."""
        if "molar_volume" in self.quantities:
            return self.value("molar_volume", "cm**3/mol")
        cell = self.value("cell_volume", "cm**3")
        return AVOGADRO * cell / self.value("formula_units_per_cell", "1")


def _read(table: str) -> list[tuple[dict[str, str], Mapping[str, Quantity]]]:
    text = files("perovec_bayes.chemistry").joinpath("data", table).read_text(encoding="utf-8")
    entries: list[tuple[dict[str, str], Mapping[str, Quantity]]] = []
    for _, group in groupby(csv.DictReader(text.splitlines()), key=lambda row: row["name"]):
        rows = list(group)
        quantities = {
            row["property"]: Quantity(
                value=float(row["value"]),
                unit=row["unit"],
                temperature=float(row["temperature_K"]) if row["temperature_K"] else None,
                source=row["source"],
                confidence=row["confidence"],
                note=row["note"],
            )
            for row in rows
        }
        entries.append((rows[0], MappingProxyType(quantities)))
    return entries


@cache
def solvents() -> tuple[Solvent, ...]:
    """Return all solvents of the table in its order: the paper's five first, water last."""
    return tuple(
        Solvent(row["name"], quantities, row["cas"], row["in_paper_five"] == "1")
        for row, quantities in _read("solvents.csv")
    )


@cache
def materials() -> tuple[Material, ...]:
    """Return all materials of the table in its order."""
    return tuple(
        Material(row["name"], quantities, int(row["a"]), int(row["b"]), int(row["x"]))
        for row, quantities in _read("materials.csv")
    )


def _find[T: _Record](kind: str, name: str, known: tuple[T, ...]) -> T:
    by_name = {entry.name: entry for entry in known}
    if name in by_name:
        return by_name[name]
    folded = {key.casefold(): key for key in by_name}
    near = get_close_matches(name.casefold(), folded, n=3, cutoff=0.4)
    raise StudyError(
        f"unknown {kind}",
        expected=f"one of {', '.join(by_name)}" if not near else None,
        found=f"'{name}'",
        hint=f"Nearest known: {', '.join(folded[key] for key in near)}." if near else None,
    )


def solvent(name: str) -> Solvent:
    """Return a solvent of the table.

    Parameters
    ----------
    name : str
        Its short name, such as "PC".

    Returns
    -------
    Solvent
        The entry.

    Raises
    ------
    StudyError
        If the name is unknown; the message gives the nearest known names.

    Examples
    --------
    >>> solvent("PC").value("relative_permittivity", "1")
    64.91
    """
    return _find("solvent", name, solvents())


def material(name: str) -> Material:
    """Return a material of the table.

    Parameters
    ----------
    name : str
        Its formula, such as "CsPbBr3".

    Returns
    -------
    Material
        The entry.

    Raises
    ------
    StudyError
        If the name is unknown; the message gives the nearest known names.
    """
    return _find("material", name, materials())
