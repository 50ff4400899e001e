"""Solubilities of the lattice and of the ligand salt over solvents: (5.3), and their correlation.

For each salt and solvent i

    log10(s_i/c°) = a + b_eps (1/eps_i - 1/eps_ref) + b_DN (DN_i - DN_ref)/10
                    + b_AN (AN_i - AN_ref)/10 + r_i                                        (5.3)

The residuals of the two salts in one solvent are bivariate Student t with 4 degrees of freedom, the
scales tau of the two and the correlation rho, so that each by itself is StudentT(4, 0, tau).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from pytensor import tensor as pt

from perovec_bayes.constants import STANDARD_CONCENTRATION
from perovec_bayes.errors import StudyError
from perovec_bayes.inference.bridge import Tensor, constant
from perovec_bayes.inference.builder import Builder
from perovec_bayes.inference.cards import Card, Option
from perovec_bayes.inference.mechanisms import solvent_properties
from perovec_bayes.inference.mechanisms.solubility import (
    Systems,
    atoms,
    ligand_over_lattice,
    systems,
)
from perovec_bayes.inference.mechanisms.solvent_frames import frame_all
from perovec_bayes.inference.mechanisms.solvent_properties import PREDICTORS, Design, design
from perovec_bayes.inference.model import model_in_context
from perovec_bayes.inference.observe_icp import observe_icp

DEGREES = 4.0
"""Of freedom of the residuals (5.3)."""
SALTS = ("lattice", "ligand")
OPTIONS = {
    "lattice": Option("CsPbBr3"),
    "ligand": Option("Pb(OA)2"),
    "predictors": Option(list(PREDICTORS), tuple(PREDICTORS)),
    "eps_ref": Option(35.7),
    "DN_ref": Option(14.0),
    "AN_ref": Option(18.9),
    "predict": Option([]),
}
_LAW = ("a", *(predictor.slope for predictor in PREDICTORS.values()), "tau")
UNITS = {
    **{f"{name}_{salt}": "1" for salt in SALTS for name in _LAW},
    "rho": "1",
    **solvent_properties.UNITS,
    "s_p": "1",
    "s_m": "1",
}
DISPLAY: dict[str, str] = {}


def required(card: Card) -> set[str]:
    """Return the parameters that a card must have for its options.

    Parameters
    ----------
    card : Card
        With a study's overrides merged in, and every option.
    """
    chosen = card.options["predictors"]
    assert isinstance(chosen, list)
    left_out = [other for name, other in PREDICTORS.items() if name not in chosen]
    unused = {f"{other.slope}_{salt}" for other in left_out for salt in SALTS}
    return set(UNITS) - unused - {other.error for other in left_out}


class Law(NamedTuple):
    """The regression of one salt: log10(s/c°) = sum of values times columns + offset + scale t."""

    names: list[str]
    """Of the coefficients, the intercept first."""
    values: list[Tensor]
    columns: list[Tensor]
    """What each coefficient multiplies, shape (solvents,)."""
    offset: Tensor
    """What the residual of the other salt adds, shape (solvents,)."""
    scale: Tensor
    """Shape (solvents,)."""
    residual: str
    """Name of t."""
    tau: Tensor
    """Scale of the residuals without the other salt."""
    log_s: Tensor
    """log10(s/c°), shape (solvents,)."""


def add(builder: Builder) -> None:
    """Add the laws of both salts, the solubilities, their correlation and the likelihood.

    Parameters
    ----------
    builder : Builder
        Inside a PyMC model context.
    """
    data = builder.one("icp")
    _check_dilutions(data)
    found = systems(data)
    salts = _salts(builder, data, found)
    solvents = _solvents(builder, found)
    model_in_context().add_coord("solvent", solvents)
    predictors = design(builder, solvents)
    laws = {
        salt: _law(builder, salt, name, predictors, len(solvents)) for salt, name in salts.items()
    }
    by_name = {salts[salt]: law for salt, law in laws.items()}
    s = STANDARD_CONCENTRATION * 10 ** pt.stack(
        [by_name[name].log_s[solvents.index(where)] for name, where in found.pairs]
    )
    _solubilities(builder, found, s, by_name, solvents)
    counts = atoms(data)
    groups = [group for group, _ in observe_icp(builder, data, s[found.where] * counts)]
    frame_all(builder, data, found, counts, groups, by_name, solvents, s)
    if len(laws) == len(SALTS):
        ligand_over_lattice(builder, s, found, dim="both")
        _correlations(builder, laws, predictors, salts, found, solvents)


def _check_dilutions(data: xr.Dataset) -> None:
    """Refuse a reading of unknown dilution that is not below its limit.

    Each hypothesis on its dilution would be a mode of its own in the laws of all solvents.
    """
    seen = np.isnan(data["dilution"].to_numpy()) & np.isfinite(data["value"].to_numpy())
    if seen.any():
        row = int(np.flatnonzero(seen)[0])
        raise StudyError(
            "this card cannot use a reading above its limit without the dilution",
            file=data.attrs.get("source_file"),
            place=f"measurement {row + 1} ({data['sample'].to_numpy()[row]!s})",
            expected="a number in column 'dilution'",
            found="an empty cell",
            hint="State it, leave the reading out, or fit it with card solubility.",
        )


def _salts(builder: Builder, data: xr.Dataset, found: Systems) -> dict[str, str]:
    """Return the names of the salts that were measured; the lattice must be one."""
    salts = {salt: str(builder.card.options[salt]) for salt in SALTS}
    have = list(dict.fromkeys(name for name, _ in found.pairs))
    other = [name for name in have if name not in salts.values()]
    if other or salts["lattice"] not in have:
        raise StudyError(
            "the readings must be of the lattice, and perhaps of the ligand salt",
            file=data.attrs.get("source_file"),
            place="column 'solute'",
            expected=" and ".join(salts.values()),
            found=", ".join(have),
            hint="Name yours under [options], as lattice and ligand.",
        )
    return {salt: name for salt, name in salts.items() if name in have}


def _solvents(builder: Builder, found: Systems) -> list[str]:
    """Return the solvents of the readings, then the others of the option `predict`."""
    asked = builder.card.options["predict"]
    assert isinstance(asked, list)
    return list(dict.fromkeys([*(name for _, name in found.pairs), *map(str, asked)]))


def _law(builder: Builder, salt: str, name: str, predictors: Design, size: int) -> Law:
    """Add the parameters of one salt, given those of the lattice."""
    names = [f"a_{salt}", *(f"{PREDICTORS[each].slope}_{salt}" for each in predictors.names)]
    columns = [pt.ones(size), *predictors.columns]
    values = [builder.parameter(each) for each in names]
    tau = builder.parameter(f"tau_{salt}")
    label, what = f"t_{salt}", f"deviation of {name} from the law, in units of tau"
    if salt == "lattice":
        offset, scale = pt.zeros(size), tau * pt.ones(size)
        t = builder.auxiliary(label, "solvent", what, degrees=DEGREES)
    else:
        # a bivariate t given the first, u: location rho u, scale^2 (1 - rho^2)(4 + u^2)/5
        rho, u = builder.parameter("rho"), builder.values["t_lattice"]
        offset = tau * rho * u
        scale = tau * pt.sqrt((1 - rho**2) * (DEGREES + u**2) / (DEGREES + 1))
        given = f"{what}, given that of the lattice"
        t = builder.auxiliary(label, "solvent", given, degrees=DEGREES + 1)
    builder.values[label] = t
    law = sum((b * x for b, x in zip(values, columns, strict=True)), offset)
    return Law(names, values, columns, offset, scale, label, tau, law + scale * t)


def _solubilities(
    builder: Builder,
    found: Systems,
    s: Tensor,
    laws: dict[str, Law],
    solvents: list[str],
) -> None:
    """Add the solubilities of the systems with readings, and of those without."""
    model_in_context().add_coord("system", [f"{a}, {b}" for a, b in found.pairs])
    shown = {"unit": "mol/cm^3", "display_unit": "mol/L", "role": "primary", "scale": "log"}
    builder.derived(
        "s", s, symbol="s", dims="system", limits=found.limits, **shown,
        description="solubility, moles of formula units per volume of saturated solution; where "
        "the data give a limit only, how far below it is the regression's guess",
    )  # fmt: skip
    rest = [
        (name, i) for name in laws for i, where in enumerate(solvents)
        if (name, where) not in found.pairs
    ]  # fmt: skip
    if rest:
        model_in_context().add_coord("unmeasured", [f"{name}, {solvents[i]}" for name, i in rest])
        builder.derived(
            "log10_s_predicted", pt.stack([laws[name].log_s[i] for name, i in rest]), unit="1",
            symbol="log10 s", dims="unmeasured",
            description="log10 of the solubility in mol/L where there is no reading: the law and "
            "its scatter only",
        )  # fmt: skip


def _correlations(
    builder: Builder,
    laws: dict[str, Law],
    predictors: Design,
    salts: dict[str, str],
    found: Systems,
    solvents: list[str],
) -> None:
    """Add the correlation of the two solubilities over solvents."""
    lattice, ligand = (laws[salt] for salt in SALTS)
    variance = DEGREES / (DEGREES - 2)  # of a t variable of scale 1
    rho = builder.values["rho"]

    def covariance(one: Law, other: Law, correlation: Tensor | float) -> Tensor:
        total: Tensor = constant(variance) * correlation * one.tau * other.tau
        for i, b in enumerate(one.values[1:]):
            for j, c in enumerate(other.values[1:]):
                total = total + float(predictors.spread[i, j]) * b * c
        return total

    names = f"log s of {salts['lattice']} and of {salts['ligand']}"
    builder.derived(
        "corr",
        covariance(lattice, ligand, rho)
        / pt.sqrt(covariance(lattice, lattice, 1.0) * covariance(ligand, ligand, 1.0)),
        unit="1",
        symbol="corr(log s, log s)",
        role="primary",
        threshold=0.0,
        description=f"correlation of {names} over solvents as varied as the {len(solvents)} "
        "of this study; orthogonal: below 0",
    )
    both = [
        i for i, where in enumerate(solvents)
        if all((salts[salt], where) in found.pairs for salt in SALTS)
    ]  # fmt: skip
    if len(both) > 2:  # two points are always on a line
        x, y = (law.log_s[both] - pt.mean(law.log_s[both]) for law in (lattice, ligand))
        builder.derived(
            "corr_measured",
            pt.sum(x * y) / pt.sqrt(pt.sum(x**2) * pt.sum(y**2)),
            unit="1",
            symbol="r(log s, log s)",
            threshold=0.0,
            description=f"correlation of {names} in the {len(both)} measured solvents themselves; "
            "says nothing of others",
        )
