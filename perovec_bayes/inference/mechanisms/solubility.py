"""Solubility limits, K_sp and what follows from them, from ICP-OES."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
import xarray as xr
from pytensor import tensor as pt

from perovec_bayes.chemistry import material
from perovec_bayes.constants import (
    ROOM_TEMPERATURE,
    STANDARD_CONCENTRATION,
    thermal_frequency,
)
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.inference.bridge import Frame, Tensor, constant
from perovec_bayes.inference.builder import Builder
from perovec_bayes.inference.cards import Option
from perovec_bayes.inference.dilution import Ambiguity
from perovec_bayes.inference.mechanisms.common import ln_ksp
from perovec_bayes.inference.model import Conditional, model_in_context
from perovec_bayes.inference.observe_icp import observe_icp

OPTIONS = {
    "lattice": Option("CsPbBr3"),
    "ligand": Option("Pb(OA)2"),
    "dissolved_species": Option([5, 4, 3, 2]),
}
UNITS = {"s": "mol/cm^3", "s_p": "1", "s_m": "1"}
DISPLAY = {"s": "mol/L"}


def element_count(solute: str, element: str) -> int:
    """Return how many atoms of an element a formula unit releases.

    Parameters
    ----------
    solute, element : str
        Names, as in "CsPbBr3" and "Pb".

    Raises
    ------
    DataError
        If the element tells nothing about the solute.
    """
    salt = material(solute)
    stoich = salt.stoichiometry
    counts = {"Cs": stoich.a, "Pb": stoich.b}
    counts |= {halide: stoich.x for halide in ("Br", "I", "Cl") if halide in solute}
    found = counts.get(element, 0)
    if found == 0:
        raise DataError(
            f"element {element} does not measure the solubility of {solute}",
            expected=" or ".join(name for name, n in counts.items() if n),
            found=element,
        )
    return found


def atoms(data: xr.Dataset) -> np.ndarray:
    """Return, for each measurement, the atoms of its element per formula unit of its solute."""
    pairs = zip(
        data["solute"].to_numpy().astype(str), data["element"].to_numpy().astype(str), strict=True
    )
    return np.array([element_count(solute, element) for solute, element in pairs], dtype=float)


class Systems(NamedTuple):
    """The systems (a salt in a solvent) of an ICP dataset, in the order of their first reading."""

    pairs: list[tuple[str, str]]
    """Solute and solvent of each."""
    where: np.ndarray
    """The system of each measurement, shape (measurements,), int."""
    bounded: set[int]
    """Those of which every reading is below the detection limit."""

    @property
    def limits(self) -> tuple[str, ...]:
        """Which systems the data bound from above only, as in `Quantity`."""
        return tuple("upper" if i in self.bounded else "" for i in range(len(self.pairs)))

    def place(self, solute: str, solvent: str) -> int:
        """Return the index of a system, -1 if it has no reading."""
        pair = (solute, solvent)
        return self.pairs.index(pair) if pair in self.pairs else -1


def systems(data: xr.Dataset) -> Systems:
    """Return the systems of an ICP dataset.

    Parameters
    ----------
    data : xr.Dataset
        Of technique "icp".
    """
    rows = list(
        zip(
            *(data[name].to_numpy().astype(str).tolist() for name in ("solute", "solvent")),
            strict=True,
        )
    )
    pairs = list(dict.fromkeys(rows))
    where = np.array([pairs.index(pair) for pair in rows])
    hidden = data["censoring"].to_numpy().astype(str) == "left"
    return Systems(pairs, where, {i for i in range(len(pairs)) if hidden[where == i].all()})


def add(builder: Builder) -> None:
    """Add the solubilities of all systems, their derived quantities and the likelihood.

    Parameters
    ----------
    builder : Builder
        Inside a PyMC model context.
    """
    data = builder.one("icp")
    found = systems(data)
    pairs, where, bounded = found
    model_in_context().add_coord("system", [f"{a}, {b}" for a, b in pairs])
    s = builder.parameter("s", dims="system")
    limits = found.limits
    builder.limit("s", limits)
    counts = atoms(data)
    groups = observe_icp(builder, data, s[where] * counts, sample_dilution=True)
    _coordinates(builder, data, where, bounded, counts, [group for group, _ in groups])

    f = thermal_frequency(float(data.attrs.get("temperature_K", ROOM_TEMPERATURE)))
    stoichs = [material(name).stoichiometry for name, _ in pairs]
    ln_k = pt.stack([ln_ksp(s[i], stoich) for i, stoich in enumerate(stoichs)])
    builder.derived(
        "K_sp",
        pt.exp(ln_k),
        unit="1",
        symbol="K_sp",
        role="primary",
        dims="system",
        scale="log",
        limits=limits,
        description="solubility product of the fully dissociating salt, per (mol/L)^n "
        "(27 s^5 for CsPbBr3, 4 s^3 for Pb(OA)2)",
    )
    builder.derived(
        "log10_K_sp",
        ln_k / np.log(10),
        unit="1",
        symbol="log10 K_sp",
        dims="system",
        limits=limits,
        description="decimal logarithm of K_sp",
    )
    electrons = np.array([stoich.cathodic_electrons for stoich in stoichs], dtype=float)
    builder.derived(
        "dE_formal",
        ln_k / (electrons * f),
        unit="V",
        symbol="E0'(salt/Pb) - E0'(Pb2+/Pb)",
        role="primary",
        dims="system",
        limits=limits,
        description="shift of the formal potential, (RT/nF) ln K_sp (eq. 3 of Mulder et al. 2024); "
        "released ions at 1 mol/L",
    )
    builder.derived(
        "dE_saturated",
        pt.log(
            pt.stack([s[i] * stoich.b for i, stoich in enumerate(stoichs)]) / STANDARD_CONCENTRATION
        )
        / (2 * f),
        unit="V",
        symbol="E_dec(saturated) - E0'(Pb2+/Pb)",
        dims="system",
        limits=limits,
        description="the same in a solution saturated by the salt alone",
    )
    _between_solvents(builder, s, pairs, bounded, f)
    ligand_over_lattice(builder, s, found)
    for group, weights in groups:
        members = set(where[group.rows].tolist())
        if len(members) == 1:
            builder.info.conditionals.append(
                Conditional(
                    weights=weights,
                    quantities=("s", "K_sp", "dE_formal"),
                    index=members.pop(),
                    dim=f"{weights}_hypothesis",
                    labels=tuple(f"F_dil {name}" for name in group.names),
                )
            )


def highest_limits(
    data: xr.Dataset, where: np.ndarray, counts: np.ndarray, groups: list[Ambiguity]
) -> np.ndarray:
    """Return the highest detection limit of each system, as a solubility.

    Parameters
    ----------
    data : xr.Dataset
        Of technique "icp".
    where, counts : ndarray
        System and atoms per formula unit of each measurement, shape (measurements,).
    groups : list of Ambiguity
        Of an unknown dilution the largest hypothesis counts.

    Returns
    -------
    ndarray
        Shape (systems,) [mol cm^-3]; NaN where no limit is stated.
    """
    each = _limits(data, counts, groups)
    found = [each[(where == i) & np.isfinite(each)] for i in range(int(where.max()) + 1)]
    return np.array([limits.max() if len(limits) else np.nan for limits in found])


def _limits(data: xr.Dataset, counts: np.ndarray, groups: list[Ambiguity]) -> np.ndarray:
    """Return the detection limit of each measurement, as a solubility."""
    factor = data["dilution"].to_numpy().copy()
    for group in groups:
        factor[group.rows] = group.factors.max()
    return np.asarray(data["lod"].to_numpy() * factor / counts)


def _coordinates(
    builder: Builder,
    data: xr.Dataset,
    where: np.ndarray,
    bounded: set[int],
    counts: np.ndarray,
    groups: list[Ambiguity],
) -> None:
    """Measure ln s from its mean reading in units of its error, or from its detection limit."""
    if "s" not in builder.info.quantities:
        return
    name, value = data.attrs["name"], data["value"].to_numpy()
    deviation = builder.values[f"{name}_deviation"]
    per_unit = pt.log(builder.values[f"{name}_factor"]) - np.log(counts)
    stated = data["sd"].to_numpy() / value
    limit, highest = data["lod"].to_numpy(), _limits(data, counts, groups)
    centres, widths = [], []
    for i in range(int(where.max()) + 1):
        rows = np.flatnonzero((where == i) & np.isfinite(value))
        if len(rows):
            centres.append(pt.mean(np.log(value[rows]) + per_unit[rows] - deviation[rows]))
            known = np.where(np.isfinite(stated[rows]), stated[rows], 0.0)
            reading = pt.sqrt(known**2 + builder.values["s_m"] ** 2 * (known == 0))
            widths.append(pt.sqrt(pt.sum(reading**2)) / len(rows))
        else:
            rows = np.flatnonzero(where == i)
            row = rows[np.argmax(highest[rows])]
            centres.append(np.log(limit[row]) + per_unit[row])
            widths.append(constant(1.0))
    builder.info.frames["s"] = Frame(
        pt.stack(centres), pt.stack(widths), np.isin(np.arange(len(centres)), list(bounded))
    )


def _between_solvents(
    builder: Builder,
    s: Tensor,
    pairs: list[tuple[str, str]],
    bounded: set[int],
    f: float,
) -> None:
    """Add (m/2f) ln(s1/s2) for every pair of solvents of the lattice and each m (1.15).

    m is the number of dissolved species per formula unit.
    """
    lattice = str(builder.card.options["lattice"])
    numbers = builder.card.options["dissolved_species"]
    assert isinstance(numbers, list)
    members = [i for i, (name, _) in enumerate(pairs) if name == lattice]
    rows = [
        (i, j, int(m), f"{pairs[i][1]} - {pairs[j][1]}, m = {int(m)}")
        for i, j in combinations(members, 2)
        for m in numbers
    ]
    if not rows:
        return
    model_in_context().add_coord("solvents", [label for *_, label in rows])
    # an upper limit on s_j bounds the difference from below, one on s_i from above
    limits = tuple(
        {(False, True): "lower", (True, False): "upper"}.get((i in bounded, j in bounded), "")
        for i, j, *_ in rows
    )
    builder.derived(
        "dE_solvents",
        pt.stack([m / (2 * f) * pt.log(s[i] / s[j]) for i, j, m, _ in rows]),
        unit="V",
        symbol="ΔE_dec",
        role="primary",
        dims="solvents",
        limits=limits,
        description=f"difference of the decomposition potential of {lattice} between two "
        "solvents, (m/2f) ln(s1/s2), if lead dissolves as one of m species per formula unit "
        "(m = 5: free ions, m = 2: Cs+ and PbBr3-)",
    )


def ligand_over_lattice(builder: Builder, s: Tensor, found: Systems, dim: str = "solvent") -> None:
    """Add s(ligand salt)/s(lattice) for each solvent in which both were measured.

    Parameters
    ----------
    builder : Builder
        Of a card with the options `lattice` and `ligand`.
    s : TensorVariable
        Solubilities, shape (systems,) [mol cm^-3].
    found : Systems
        Which they are.
    dim : str
        Name of the dimension of those solvents.
    """
    pairs, bounded = found.pairs, found.bounded
    lattice, ligand = str(builder.card.options["lattice"]), str(builder.card.options["ligand"])
    place = {pair: i for i, pair in enumerate(pairs)}
    rows = [
        (place[ligand, solvent], place[lattice, solvent], solvent)
        for solvent in dict.fromkeys(name for _, name in pairs)
        if (ligand, solvent) in place and (lattice, solvent) in place
    ]
    if not rows:
        return
    model_in_context().add_coord(dim, [solvent for *_, solvent in rows])
    limits = tuple(
        {(False, True): "lower", (True, False): "upper"}.get((i in bounded, j in bounded), "")
        for i, j, _ in rows
    )
    builder.derived(
        "ratio",
        pt.stack([s[i] / s[j] for i, j, _ in rows]),
        unit="1",
        symbol=f"s({ligand})/s({lattice})",
        role="primary",
        dims=dim,
        scale="log",
        limits=limits,
        threshold=1.0,
        description="ligand over lattice: below 1 the ligands protect, above 1 the lattice does",
    )


def check_solute(data: xr.Dataset, solute: str, solvent: str) -> None:
    """Refuse ICP data that are not about one solute in one solvent.

    Parameters
    ----------
    data : xr.Dataset
        Of technique "icp".
    solute, solvent : str
        What the film study is about; an empty solvent is not checked.

    Raises
    ------
    StudyError
        Naming what was found.
    """
    for column, wanted in (("solute", solute), ("solvent", solvent)):
        found = sorted(set(data[column].to_numpy().astype(str).tolist()))
        if wanted and found != [wanted]:
            raise StudyError(
                f"the ICP data of a film study must be about its own {column}",
                file=data.attrs.get("source_file"),
                place=f"column '{column}'",
                expected=wanted,
                found=", ".join(found),
            )
