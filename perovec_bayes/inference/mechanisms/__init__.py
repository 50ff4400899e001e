"""The mechanisms that model cards can name, each with its parameters and their canonical units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from perovec_bayes.inference.cards import Card
from perovec_bayes.inference.mechanisms import electrode, redox_couple, solubility
from perovec_bayes.inference.model import Builder


class Mechanism(NamedTuple):
    """What a mechanism offers to cards."""

    add: Callable[[Builder], None]
    """Adds parameters, derived quantities and likelihoods to the PyMC model in context."""
    units: Mapping[str, str]
    """Canonical unit of each parameter."""
    display: Mapping[str, str]
    """Unit for tables, where it differs."""
    required: Callable[[Card], set[str]] | None = None
    """Names of the parameters that a card must have, where that depends on its options."""


MECHANISMS: dict[str, Mechanism] = {
    "solubility": Mechanism(solubility.add, solubility.UNITS, solubility.DISPLAY),
    "redox_couple": Mechanism(redox_couple.add, redox_couple.UNITS, redox_couple.DISPLAY),
    "electrode": Mechanism(electrode.add, electrode.UNITS, electrode.DISPLAY, electrode.required),
}
