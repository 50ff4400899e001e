"""Which parts an electrode card switches on, the parameters they need, and the model they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from perovec_bayes.forward import electrode as parts
from perovec_bayes.inference.mechanisms import transport

CELL = {"R_u": "ohm*cm^2", "C_dl": "F/cm^2", "g0": "A/cm^2", "g1": "S/cm^2"}
SIDE = {"i_r": "A/cm^2", "a_r": "1", "E_r": "V"}
LEAD = {"E0": "V", "k0": "cm/s", "A_c": "1", "D": "cm^2/s", "c_b": "mol/cm^3"}
DEPOSIT = {"k_iso": "1/s"}
SURFACES = {
    "flat": {},
    "sites": {"N0": "1/cm^2"},
    "nucleation": {"N0": "1/cm^2", "lnA": "1", "B_n": "V^2"},
}
POOLS: dict[int, dict[str, str]] = {
    1: {},
    2: {"w_2": "1", "dE_2": "V"},
    3: {"w_2": "1", "dE_2": "V", "w_3": "1", "dE_3": "V"},
}
FILM = {"G0": "mol/cm^2", "p": "1", "s": "mol/cm^3", "D_ion": "cm^2/s", "k_d": "cm/s"}
REACTION = {"k_II": "mol/cm^2/s", "A_d": "1"}
SUPPLY = {"k_n": "mol/cm^2/s"}
COMPLEX = {"K_X": "cm^3/mol"}
POPULATIONS: dict[int, dict[str, str]] = {1: {}, 2: {"w_gb": "1", "dE_gb": "V"}}
SHELL = {"G_L0": "mol/cm^2", "k_L": "cm/s", "c_sat": "mol/cm^3"}
LIGAND = {"E0_L": "V", "k0_L": "cm/s", "A_c_L": "1", "D_L": "cm^2/s"}

OPTIONS: dict[str, tuple[Any, ...]] = {
    "deposit": tuple(SURFACES),
    "residual": ("seeds", "inert"),
    "pools": tuple(POOLS),
    "decomposition": ("none", "butler_volmer", "irreversible", "electron_supply"),
    "dissolution": ("noyes_whitney", "affinity", "unhindered", "complexation"),
    "populations": tuple(POPULATIONS),
    "shell": (False, True),
    "side_reaction": (False, True),
    "formal_potential": ("tied", "free"),
    "transport": tuple(transport.TRANSPORTS),
    "loss": (False, True),
}
"""Every choice between rival mechanisms, and its values; the first is the default."""

UNITS = {
    **CELL, **SIDE, **LEAD, **DEPOSIT, **SURFACES["nucleation"], **POOLS[3], **FILM, **REACTION,
    **SUPPLY, **COMPLEX, **POPULATIONS[2], **SHELL, **LIGAND, **transport.UNITS,
}  # fmt: skip
"""Canonical unit of every parameter that a part may need."""


POTENTIALS = ("E0", "E_f", "E_CB", "E0_L", "E_r")
"""Parameters that are potentials against the reference electrode, not differences of such."""


def has_film(options: Mapping[str, Any]) -> bool:
    """Tell whether a film is part of the model.

    Parameters
    ----------
    options : mapping
        Options of the card.
    """
    return str(options["decomposition"]) != "none"


def needed(options: Mapping[str, Any]) -> list[str]:
    """Return the names of the parameters that the chosen parts need (E_f apart).

    Parameters
    ----------
    options : mapping
        Options of the card.
    """
    names = [*LEAD, *CELL, *DEPOSIT, *SURFACES[options["deposit"]], *POOLS[options["pools"]]]
    if options["side_reaction"]:
        names += SIDE
    if has_film(options):
        supply = options["decomposition"] == "electron_supply"
        names += [*FILM, *(SUPPLY if supply else REACTION), *POPULATIONS[options["populations"]]]
        names += COMPLEX if options["dissolution"] == "complexation" else {}
    if options["shell"]:
        names += [*SHELL, *LIGAND]
    return names + transport.needed(options)


def diffusion(options: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """Return the names of the diffusion coefficients of lead species, and of the released ions.

    Parameters
    ----------
    options : mapping
        Options of the card.
    """
    lead = ("D", "D_L") if options["shell"] else ("D",)
    return lead, "D_ion" if has_film(options) else ""


def assemble(options: Mapping[str, Any], v: Mapping[str, Any]) -> parts.Electrode:
    """Put an electrode together.

    Parameters
    ----------
    options : mapping
        Options of the card.
    v : mapping
        Value of each parameter of `needed`, scalars in canonical units; E_f or E_CB [V] too where
        the decomposition has one.

    Returns
    -------
    Electrode
        For `forward.voltammetry.respond`.
    """
    side = parts.Reduction(v["i_r"], v["a_r"], v["E_r"]) if options["side_reaction"] else None
    cell = parts.Cell(v["R_u"], v["C_dl"], v["g0"], v["g1"], side)
    lead = [parts.Lead(v["E0"], v["k0"], v["A_c"], v["D"], v["c_b"])]
    shell = None
    if options["shell"]:
        lead.append(parts.Lead(v["E0_L"], v["k0_L"], v["A_c_L"], v["D_L"]))
        shell = parts.Shell(v["G_L0"], v["k_L"], v["c_sat"])
    surfaces: dict[str, Callable[[], Any]] = {
        "flat": parts.Flat,
        "sites": lambda: parts.Sites(v["N0"]),
        "nucleation": lambda: parts.Nucleation(v["lnA"], v["B_n"], v["N0"]),
    }
    deposit = parts.Deposit(
        surfaces[options["deposit"]](),
        v["k_iso"],
        1.0 if options["residual"] == "seeds" else 0.0,
        pools=_pools(options["pools"], v),
    )
    film = _film(options, v) if has_film(options) else None
    return parts.Electrode(cell, tuple(lead), deposit, film, shell)


def _pools(count: int, v: Mapping[str, Any]) -> tuple[parts.Pool, ...]:
    """Return the pools, each more positive than the one before, the shares by breaking a stick.

    Pool k gets the share w_k of what does not go to pools 2 to k - 1, the first pool the rest: the
    shares add up to one, whatever the w_k. dE_k is the distance from pool k - 1.
    """
    rest: Any = 1.0
    shift: Any = 0.0
    later = []
    for k in range(2, count + 1):
        shift = shift + v[f"dE_{k}"]
        later.append(parts.Pool(rest * v[f"w_{k}"], shift))
        rest = rest * (1.0 - v[f"w_{k}"])
    return (parts.Pool(rest, 0.0), *later)


def _film(options: Mapping[str, Any], v: Mapping[str, Any]) -> parts.Film:
    laws: dict[str, Callable[[], Any]] = {
        "butler_volmer": lambda: parts.ButlerVolmer(v["k_II"], v["A_d"], v["E_f"]),
        "irreversible": lambda: parts.Irreversible(v["k_II"], v["A_d"], v["E_f"]),
        "electron_supply": lambda: parts.ElectronSupply(v["k_n"], v["E_CB"]),
    }
    dissolutions: dict[str, Callable[[], Any]] = {
        "noyes_whitney": lambda: parts.NoyesWhitney(v["k_d"]),
        "affinity": lambda: parts.Affinity(v["k_d"]),
        "unhindered": lambda: parts.Unhindered(v["k_d"]),
        "complexation": lambda: parts.Complexation(v["k_d"], v["K_X"]),
    }
    populations: tuple[parts.Population, ...] = (parts.Population(1.0, 0.0),)
    if options["populations"] == 2:
        share = v["w_gb"]
        populations = (parts.Population(1.0 - share, 0.0), parts.Population(share, v["dE_gb"]))
    return parts.Film(
        v["G0"],
        v["p"],
        v["s"],
        v["D_ion"],
        laws[options["decomposition"]](),
        dissolutions[options["dissolution"]](),
        populations,
    )
