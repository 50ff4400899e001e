"""Tabulated properties of solvents as predictors of solubility, with their errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pytensor import tensor as pt

from perovec_bayes.chemistry import Solvent, solvent
from perovec_bayes.errors import StudyError
from perovec_bayes.inference.bridge import Tensor, constant
from perovec_bayes.inference.builder import Builder


class Predictor(NamedTuple):
    """A property that log10 s is linear in."""

    tabulated: str
    """Name in the table of solvents."""
    unit: str
    """Unit in which it enters."""
    symbol: str
    """Of the property."""
    slope: str
    """Name of its coefficient, without the salt."""
    error: str
    """Parameter with the error of a tabulated value: relative for the permittivity."""
    reference: str
    """Option with the value at which log10 s is the intercept."""

    def of[T: (np.ndarray, Tensor)](self, value: T, reference: float) -> T:
        """Return the predictor of property values: 1/eps - 1/eps_ref, or (DN - DN_ref)/10."""
        if self.tabulated == "relative_permittivity":
            found: T = 1.0 / value - 1.0 / reference
        else:
            found = (value - reference) / 10.0
        return found


PREDICTORS = {
    "permittivity": Predictor("relative_permittivity", "1", "ε_r", "b_eps", "u_eps", "eps_ref"),
    "donor_number": Predictor("donor_number", "kcal/mol", "DN", "b_DN", "u_DN", "DN_ref"),
    "acceptor_number": Predictor("acceptor_number", "1", "AN", "b_AN", "u_AN", "AN_ref"),
}
"""By the names that a card's option `predictors` takes."""
UNITS = {"u_eps": "1", "u_DN": "kcal/mol", "u_AN": "1", "u_recalled": "1"}
"""Canonical units of the errors."""


class Tabulated(NamedTuple):
    """One property of several solvents."""

    value: np.ndarray
    """As in the table, shape (solvents,)."""
    recalled: np.ndarray
    """Whether the value was not traced to a document, shape (solvents,), bool."""


def tabulated(predictor: Predictor, names: Sequence[str]) -> Tabulated:
    """Look up a property of solvents.

    Parameters
    ----------
    predictor : Predictor
        Which.
    names : sequence of str
        Solvents of the table.

    Raises
    ------
    StudyError
        If the table lacks one of the solvents, or the property of one.
    """
    entries = [_solvent(name) for name in names]
    lacking = [entry.name for entry in entries if predictor.tabulated not in entry.quantities]
    if lacking:
        have = next(name for name, other in PREDICTORS.items() if other is predictor)
        raise StudyError(
            f"the table of solvents has no {have.replace('_', ' ')} for some of these solvents",
            place="options.predictors",
            expected="properties that every solvent has",
            found=", ".join(lacking),
            hint=f"Leave '{have}' out of predictors, or these solvents out of the data.",
        )
    return Tabulated(
        np.array([entry.value(predictor.tabulated, predictor.unit) for entry in entries]),
        np.array(
            [
                entry.quantities[predictor.tabulated].confidence.startswith("memory")
                for entry in entries
            ]
        ),
    )


def _solvent(name: str) -> Solvent:
    try:
        return solvent(name)
    except StudyError as error:
        raise error.within(place="solvent") from None


class Design(NamedTuple):
    """The predictors of a study's solvents."""

    names: list[str]
    """Of the predictors, as in `PREDICTORS`."""
    columns: list[Tensor]
    """Each with the errors of the table, shape (solvents,)."""
    spread: np.ndarray
    """Covariance of the tabulated predictors over the solvents, shape (predictors, predictors)."""


def design(builder: Builder, solvents: Sequence[str]) -> Design:
    """Add the properties of solvents, uncertain as the table is, and return the predictors.

    Each property is its tabulated value with an error of the card's size, of `u_recalled` times
    that size where the value was not traced to a document: normal, of the permittivity log-normal.

    Parameters
    ----------
    builder : Builder
        With the parameters of `UNITS` still to be added, and the coordinate "solvent".
    solvents : sequence of str
        Of the study.
    """
    chosen = builder.card.options["predictors"]
    assert isinstance(chosen, list)
    names = [name for name in PREDICTORS if name in chosen]
    recalled = builder.parameter("u_recalled") if names else constant(1.0)
    columns, exact = [], []
    for name in names:
        predictor = PREDICTORS[name]
        found = tabulated(predictor, solvents)
        size = builder.parameter(predictor.error) * (1 + (recalled - 1) * found.recalled)
        label = predictor.reference.removesuffix("_ref")
        z = builder.auxiliary(
            f"{label}_z",
            "solvent",
            f"error of the tabulated {predictor.symbol}, in units of its sd",
        )
        relative = name == "permittivity"
        value = found.value * pt.exp(size * z) if relative else found.value + size * z
        builder.derived(
            label,
            value,
            unit=predictor.unit,
            symbol=predictor.symbol,
            role="ancillary",
            dims="solvent",
            scale="log" if relative else "linear",
            description=f"{name.replace('_', ' ')} of the solvent: the table's, and its error",
        )
        reference = builder.number(predictor.reference)
        columns.append(predictor.of(value, reference))
        exact.append(predictor.of(found.value, reference))
    spread = np.cov(np.array(exact), bias=True) if exact else np.zeros((0, 0))
    return Design(names, columns, np.atleast_2d(spread))
