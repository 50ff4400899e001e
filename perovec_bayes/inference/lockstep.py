"""Many small fits as one computation: chains of all of them, step by step together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array
from jax.extend import core as jax_core

from perovec_bayes.inference.backends import Drawn, Settings, Target, blackjax_chain, labelled

core: Any = jax_core  # whose classes are not declared
MOST_STEPS = 200
"""A density with more steps that wait for one another is left alone on a processor: lock-step made
draws 3.4 times as fast where it has 120 of them, and no faster where it has 1,200."""
AGREES = 1e-6
"""By so much of their size values and gradients may differ from those of the fit alone [1]."""


class Form(NamedTuple):
    """What a log density computes, apart from its numbers."""

    jaxpr: Any
    """Of z and all numbers."""
    numbers: list[np.ndarray]
    """All that differs between fits of one form: data, whitening, priors."""
    text: str
    """Equal for densities of one form."""
    steps: float
    """How many steps it takes one after the other; infinite where that depends on numbers."""

    def density(self, z: Array, numbers: Sequence[Array]) -> Array:
        """Return the log density of z with other numbers.

        Parameters
        ----------
        z : Array
            Shape (size,).
        numbers : sequence of Array
            As `numbers`.
        """
        count = len(self.jaxpr.constvars)
        closed = core.ClosedJaxpr(self.jaxpr, list(numbers[:count]))
        value: Array = core.jaxpr_as_fun(closed)(z, *numbers[count:])[0]
        return value


def form_of(target: Target) -> Form:
    """Return the form of a posterior's density.

    Parameters
    ----------
    target : Target
        The posterior.
    """
    density, around = target.compiled.log_density(), target.around
    given = [around.point, around.factor, *target.compiled.data]

    def whitened(z: Array, point: Array, factor: Array, *data: Array) -> Array:
        return density(point + factor @ z, *data)

    closed = jax.make_jaxpr(whitened)(np.zeros(target.compiled.size), *given)
    numbers = [np.asarray(each) for each in (*closed.consts, *given)]
    inner = list(_inner(closed.jaxpr))
    parts = [
        str(closed.jaxpr),
        *(f"{each.shape} {each.dtype}" for each in numbers),
        *(np.asarray(each).tobytes().hex() for jaxpr, consts in inner for each in consts),
    ]
    all_of = [closed.jaxpr, *(jaxpr for jaxpr, _ in inner)]
    steps = sum(_steps(eqn) for jaxpr in all_of for eqn in jaxpr.eqns)
    return Form(closed.jaxpr, numbers, "\n".join(parts), steps)


def _steps(eqn: Any) -> float:
    if eqn.primitive.name == "while":
        return float("inf")
    return float(eqn.params["length"]) if eqn.primitive.name == "scan" else 0.0


def worthwhile(form: Form) -> bool:
    """Return whether many densities of a form are faster together than one after the other.

    Parameters
    ----------
    form : Form
        The form.
    """
    return form.steps <= MOST_STEPS or jax.default_backend() != "cpu"


def _inner(jaxpr: Any) -> Iterator[tuple[Any, Sequence[Any]]]:
    """Give what a computation calls, and the numbers which that holds."""
    for eqn in jaxpr.eqns:
        for value in eqn.params.values():
            for each in value if isinstance(value, tuple | list) else [value]:
                if isinstance(each, core.ClosedJaxpr):
                    yield each.jaxpr, each.consts
                    yield from _inner(each.jaxpr)
                elif isinstance(each, core.Jaxpr):
                    yield each, ()
                    yield from _inner(each)


def draw_together(
    targets: Sequence[Target], forms: Sequence[Form], settings: Sequence[Settings], lanes: int
) -> list[Drawn | None]:
    """Sample posteriors whose densities have one form, by blackjax, all in one computation.

    NUTS in lock-step: for each draw all chains make as many steps as the longest trajectory among
    them, and those which have ended wait. What comes of a posterior depends on its own numbers and
    on `lanes`, not on the others.

    Parameters
    ----------
    targets : sequence of Target
        At least one, at most `lanes`.
    forms : sequence of Form
        Of each; alike but for the numbers.
    settings : sequence of Settings
        Of each; alike but for the seed.
    lanes : int
        For how many posteriors the computation is compiled; those that are missing are filled up.

    Returns
    -------
    list of (Drawn or None)
        Coordinates and statistics of each, as from `draw`; None where its density, computed with
        others, is not what it is alone.
    """
    first, size = forms[0], targets[0].compiled.size
    filled = [min(lane, len(targets) - 1) for lane in range(lanes)]
    numbers = [np.stack(each) for each in zip(*(forms[i].numbers for i in filled), strict=True)]
    keys = np.stack([jax.random.key_data(settings[i].keys()) for i in filled])
    starts = np.stack([settings[i].starts(size) for i in filled])

    def chain(key: Array, start: Array, numbers: list[Array]) -> Any:
        run = blackjax_chain(lambda z: first.density(z, numbers), settings[0])
        return run(jax.random.wrap_key_data(key), start)

    def both(z: Array, numbers: list[Array]) -> Any:
        return jax.value_and_grad(first.density)(z, numbers)

    found = _over_lanes(both)(starts, numbers)
    z, stats = _over_lanes(chain)(keys, starts, numbers)
    drawn: list[Drawn | None] = []
    for lane, target in enumerate(targets):
        own = {name: value[lane] for name, value in stats.items()}
        sound = _agree(target, starts[lane], *(part[lane] for part in found))
        drawn.append((target.points(z[lane]), labelled(own)) if sound else None)
    return drawn


def _over_lanes(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function for all chains of all posteriors; numbers come last, one set for each."""

    def mapped(*args: Any) -> Any:
        chains = jax.vmap(function, in_axes=(*(0 for _ in args[:-1]), None))
        return jax.tree.map(np.asarray, jax.jit(jax.vmap(chains))(*args))

    return mapped


def _agree(target: Target, starts: np.ndarray, values: np.ndarray, slopes: np.ndarray) -> bool:
    """Return whether densities and gradients are those of the posterior alone."""
    point, factor = target.around.point, target.around.factor
    for start, value, slope in zip(starts, values, slopes, strict=True):
        alone, rise = target.gradient(start, point, factor)
        near = np.isclose(value, alone, rtol=AGREES, atol=AGREES)
        scale = np.abs(np.asarray(rise)).max()
        if not near or not np.allclose(slope, rise, rtol=0.0, atol=AGREES * max(scale, 1.0)):
            return False
    return True
