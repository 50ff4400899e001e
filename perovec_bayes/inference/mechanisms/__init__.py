"""The mechanisms that model cards can name, each with its parameters and their canonical units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import NamedTuple

from perovec_bayes.inference.builder import Builder
from perovec_bayes.inference.cards import Card, Option
from perovec_bayes.inference.mechanisms import (
    chronoamperometry,
    electrode,
    redox_couple,
    solubility,
    solvent_regression,
)


class Mechanism(NamedTuple):
    """What a mechanism offers to cards."""

    add: Callable[[Builder], None]
    """Adds parameters, derived quantities and likelihoods to the PyMC model in context."""
    units: Mapping[str, str]
    """Canonical unit of each parameter."""
    display: Mapping[str, str]
    """Unit for tables, where it differs."""
    options: Mapping[str, Option]
    """What a card can choose."""
    required: Callable[[Card], set[str]] | None = None
    """Names of the parameters that a card must have, where that depends on its options (of which
    the card has every one)."""
    consumes: Callable[[Card], bool] | None = None
    """Tells whether an experiment uses up its sample; none does unless given."""


def _of(module: ModuleType) -> Mechanism:
    required = getattr(module, "required", None)
    consumes = getattr(module, "consumes", None)
    return Mechanism(
        module.add,
        module.UNITS,
        module.DISPLAY,
        module.OPTIONS,
        required,
        consumes,
    )


MECHANISMS: dict[str, Mechanism] = {
    "solubility": _of(solubility),
    "solvent_regression": _of(solvent_regression),
    "redox_couple": _of(redox_couple),
    "electrode": _of(electrode),
    "chronoamperometry": _of(chronoamperometry),
}
