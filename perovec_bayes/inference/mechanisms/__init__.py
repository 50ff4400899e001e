"""The mechanisms that model cards can name, each with its parameters and their canonical units.

What a mechanism of your own needs is here too: `register` makes it known under a name; `wrap` puts
a JAX function into the model; `area` adds the electrode's; `observe_cv`, `observe_od` and
`observe_icp` compare the model with data; `NOISE_UNITS` and `NOISE_DISPLAY` are the units of the
noise parameters that `observe_cv` adds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import NamedTuple

from perovec_bayes.errors import StudyError
from perovec_bayes.inference.bridge import wrap
from perovec_bayes.inference.builder import Builder
from perovec_bayes.inference.cards import Card, Option
from perovec_bayes.inference.mechanisms import (
    chronoamperometry,
    electrode,
    redox_couple,
    solubility,
    solvent_regression,
)
from perovec_bayes.inference.mechanisms.common import NOISE_DISPLAY, NOISE_UNITS, area
from perovec_bayes.inference.observe import observe_cv, observe_od
from perovec_bayes.inference.observe_icp import observe_icp

__all__ = [
    "MECHANISMS",
    "NOISE_DISPLAY",
    "NOISE_UNITS",
    "Mechanism",
    "area",
    "observe_cv",
    "observe_icp",
    "observe_od",
    "register",
    "wrap",
]


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
_SHIPPED = frozenset(MECHANISMS)


def register(
    name: str,
    add: Callable[[Builder], None],
    *,
    units: Mapping[str, str],
    display: Mapping[str, str] | None = None,
    options: Mapping[str, Option] | None = None,
) -> Mechanism:
    """Make a mechanism known, so that cards can name it; for this Python process.

    Parameters
    ----------
    name : str
        What a card calls it, as `mechanism`. A name registered before is replaced.
    add : callable
        Adds parameters, derived quantities and likelihoods to the PyMC model in context, by the
        `Builder` that it is given.
    units : mapping of str to str
        Canonical unit of each parameter; a card must have these parameters and no other.
    display : mapping of str to str, optional
        Unit for tables, where it differs.
    options : mapping of str to Option, optional
        What a card can choose.

    Returns
    -------
    Mechanism
        What was registered.

    Raises
    ------
    StudyError
        If the package itself has a mechanism of that name.
    """
    if name in _SHIPPED:
        raise StudyError(
            f"the package has a mechanism '{name}' already",
            expected=f"another name than {', '.join(MECHANISMS)}",
            found=f"'{name}'",
        )
    MECHANISMS[name] = Mechanism(add, dict(units), dict(display or {}), dict(options or {}))
    return MECHANISMS[name]
