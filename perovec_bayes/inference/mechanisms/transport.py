"""How dissolved species leave the surface: kernels that a card can name, and their parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from perovec_bayes.forward import kernels
from perovec_bayes.forward.kernels import Modes
from perovec_bayes.forward.voltammetry import KERNEL_TOLERANCE
from perovec_bayes.inference.cards import Card

TRANSPORTS: dict[str, dict[str, str]] = {
    "semi_infinite": {},
    "reflecting": {"L_layer": "cm"},
    "fixed_distance": {"delta": "cm"},
    "porous": {"L_film": "cm", "porosity": "1", "tortuosity": "1"},
}
"""Kernels by name, and the canonical units of their parameters."""
LOSS = {"k_h": "1/s"}
UNITS = {name: unit for own in [*TRANSPORTS.values(), LOSS] for name, unit in own.items()}
DISPLAY = {"L_layer": "um", "delta": "um", "L_film": "nm"}
POROUS_TOLERANCE = 1e-8
"""Of the kernel of a porous film for real p: its own constants are good to 1e-7 [1]."""
TAIL = 1e-3
"""The kernels are accurate for parameters between these quantiles of their priors [1]."""


class Span(NamedTuple):
    """What a kernel must be accurate for (static)."""

    shortest: float
    """Smallest step, scalar [s]."""
    longest: float
    """Duration of the run, scalar [s]."""
    limits: Mapping[str, tuple[float, float]]
    """Smallest and largest value of each parameter of a kernel, in its canonical unit."""


def needed(options: Mapping[str, Any]) -> list[str]:
    """Return the names of the parameters that the chosen transport needs.

    Parameters
    ----------
    options : mapping
        Options of the card.
    """
    return [*TRANSPORTS[options["transport"]], *(LOSS if options["loss"] else ())]


def limits(card: Card, names: Iterable[str]) -> dict[str, tuple[float, float]]:
    """Return between which values the card expects parameters.

    Parameters
    ----------
    card : Card
        With a study's overrides merged in.
    names : iterable of str
        Parameters of it.
    """
    found = {}
    for name in names:
        entry = card.parameters[name]
        prior, fixed = entry.canonical_prior(), entry.fixed_value()
        if prior is not None:
            low, high = prior.ppf([TAIL, 1 - TAIL]).tolist()
            found[name] = (low, high)
        elif fixed is not None:
            found[name] = (fixed, fixed)
    return found


def modes(
    options: Mapping[str, Any], v: Mapping[str, Any], span: Span, lead: tuple[str, ...], ion: str
) -> dict[str, Any]:
    """Return the diffusion kernels, as `forward.voltammetry.respond` takes them.

    All species diffuse through the same layers. A loss is a first-order reaction of dissolved lead
    by which its concentration goes back to that of the bulk.

    Parameters
    ----------
    options : mapping
        Options of the card.
    v : mapping
        Value of each parameter, scalars in canonical units.
    span : Span
        Steps, duration and range of the parameters.
    lead : tuple of str
        Diffusion coefficient of each lead species.
    ion : str
        That of the released ions; "" where there are none.

    Returns
    -------
    dict
        `lead_modes` and `ion_modes`; empty where all species diffuse into a deep solution.
    """
    name, loss = options["transport"], options["loss"]
    if name == "semi_infinite" and not loss:
        return {}
    kinds: dict[str, Callable[..., Modes]] = {
        "reflecting": kernels.reflecting,
        "fixed_distance": kernels.fixed_concentration,
    }
    deep = kernels.semi_infinite(span.shortest, span.longest, KERNEL_TOLERANCE)

    def kernel(D: str) -> Modes:
        if name == "semi_infinite":
            return deep
        if name == "porous":
            thin, thick = span.limits["L_film"]
            most = span.limits["tortuosity"][1]
            slowest, fastest = span.limits[D][0] / most / thick**2, span.limits[D][1] / thin**2
            return kernels.porous_film(
                v[D],
                v[D] / v["tortuosity"],
                v["L_film"],
                v["porosity"],
                slowest * span.shortest,
                fastest * span.longest,
                POROUS_TOLERANCE,
            )
        (size,) = TRANSPORTS[name]
        slowest = span.limits[D][0] / span.limits[size][1] ** 2
        return kinds[name](v[D], v[size], slowest * span.shortest, KERNEL_TOLERANCE)

    found = {D: kernel(D) for D in (*lead, ion) if D}
    lost = {D: kernels.with_loss(found[D], v["k_h"]) if loss else found[D] for D in lead}
    return {"lead_modes": tuple(lost[D] for D in lead), "ion_modes": found.get(ion)}
