"""TR-BDF2 with adaptive steps, as one `lax.scan` that reverse mode can pass through.

A step from t to t + h has two implicit stages with the same coefficient d h, d = 1 - 1/sqrt(2): the
trapezoidal rule to t + gamma h, gamma = 2 - sqrt(2), and the second-order backward difference from
there to t + h. The method is of second order, L-stable, of stage order two (so that the square-root
kernel of diffusion does not lower the order), and it conserves every linear combination of the
amounts that the equations conserve.

A step is given up where its error is too large, and its length follows the error. The number of
attempts is fixed; where they would not suffice, steps are lengthened so that the run always ends.
Lengths and decisions carry no gradient: it is that of the discrete solution on the grid found.

References
----------
Bank, R. E. et al., IEEE Trans. Electron Devices 1985, 32, 1992. Hosea, M. E.; Shampine, L. F.,
Appl. Numer. Math. 1996, 20, 21.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

GAMMA = 2 - np.sqrt(2)
"""Place of the first stage in the step [1]."""
IMPLICIT = GAMMA / 2
"""Coefficient of the stages, d [1]."""
LEAP = (1 - GAMMA) ** 2 / (GAMMA * (2 - GAMMA))
"""The second stage starts from y1 + LEAP (y1 - y0) [1]."""
ERROR = (-3 * GAMMA**2 + 4 * GAMMA - 2) / (12 * (2 - GAMMA)) * 2
"""Constant of the error estimate, Bank et al. [1]."""
REJECT = 3.0
"""A step with more than this multiple of the tolerated error is not taken [1]."""
FAILED = 1e12
"""A step with more than this error, or none, is not taken at any price [1]."""
SAFETY = 0.85
GROWTH = 3.0
SHRINKAGE = 0.2
RESERVE = 0.2
"""Share of the attempts that is kept for reaching the end at any price [1]."""
NEGLIGIBLE = 1e-14
"""An amount may be overdrawn by this in the explicit part of a stage [mol cm^-2]."""
KEEP = 0.9
"""An amount must keep at least 1 - KEEP of itself in the explicit part of a stage [1]."""


class Control(NamedTuple):
    """How the steps are chosen (static)."""

    attempts: int = 1600
    """Number of attempted steps [1]."""
    tolerance: float = 1e-3
    """Relative error of a step [1]."""
    shortest: float = 1e-8
    """Shortest step as a share of the whole run [1]; what is shorter counts as converged."""


class Point(NamedTuple):
    """Where the solution stands between two steps."""

    amounts: Any
    """What the rates integrate (NamedTuple of arrays)."""
    rates: Any
    """Their time derivatives, same structure."""
    unknowns: tuple[Array, ...]
    """Solution of the last stage, scalars."""
    slopes: tuple[Array, ...]
    """Time derivatives of the unknowns, scalars."""
    memory: Any
    """What else the equations remember."""


class Stage(NamedTuple):
    """What the equations return for a stage."""

    amounts: Any
    rates: Any
    unknowns: tuple[Array, ...]
    output: Any
    """What is to be recorded (NamedTuple of scalars)."""
    defect: Array
    """How far the iteration was from its end, in units of the tolerance, scalar [1]."""


class Equations(NamedTuple):
    """A system of equations as the integrator sees it."""

    solve: Callable[..., Stage]
    """(known amounts, coefficient [s], time [s], first guess, memory) -> Stage."""
    guess: Callable[..., tuple[Array, ...]]
    """(unknowns, slopes, from time, to time) -> first guess."""
    remember: Callable[..., Any]
    """(memory, amounts and rates at the end of a step) -> memory."""
    error: Callable[..., Array]
    """(rates0, rates1, rates2, amounts, memory, h, estimate) -> error over tolerance, scalar."""
    positive: Callable[[Any], tuple[Array, ...]]
    """Those of the amounts (or rates) that must stay positive, scalars."""


def _mix(a: Any, x: Array | float, b: Any) -> Any:
    return jax.tree.map(lambda p, q: p + x * q, a, b)


def _limit(*, share: float, amounts: tuple[Array, ...], losses: tuple[Array, ...]) -> Array:
    """Return the largest factor up to one with which no amount loses more than its share."""
    factor = jnp.ones(())
    for amount, loss in zip(amounts, losses, strict=True):
        spare = share * amount + NEGLIGIBLE
        short = loss > spare
        factor = jnp.minimum(factor, jnp.where(short, spare / jnp.where(short, loss, 1.0), 1.0))
    return factor


def advance(equations: Equations, point: Point, time: Array, h: Array) -> tuple[Point, Any, Array]:
    """Take one step.

    Where an amount would run out in the explicit part of a stage, both stages fall back towards
    the implicit Euler rule, for all amounts alike: what is conserved stays conserved.

    Parameters
    ----------
    equations : Equations
        The system.
    point : Point
        Start of the step.
    time, h : Array
        Start and length of the step, scalars [s].

    Returns
    -------
    Point
        End of the step.
    output : Any
        Record of its last stage.
    error : Array
        Error over tolerance, scalar [1].
    """
    middle, end = time + GAMMA * h, time + h
    now = equations.positive(point.amounts)
    falls = tuple(-IMPLICIT * h * r for r in equations.positive(point.rates))
    explicit = _limit(share=KEEP, amounts=now, losses=falls) * IMPLICIT
    first = equations.solve(
        _mix(point.amounts, explicit * h, point.rates),
        (GAMMA - explicit) * h,
        middle,
        equations.guess(point.unknowns, point.slopes, time, middle),
        point.memory,
    )
    then = equations.positive(first.amounts)
    falls = tuple(LEAP * (b - a) for a, b in zip(then, now, strict=True))
    leap = _limit(share=KEEP, amounts=then, losses=falls)
    change = jax.tree.map(lambda a, b: a - b, first.amounts, point.amounts)
    rest = (1 - GAMMA) * h
    early = tuple(
        (b - a) / (GAMMA * h) for a, b in zip(point.unknowns, first.unknowns, strict=True)
    )
    last = equations.solve(
        _mix(first.amounts, leap * LEAP, change),
        leap * IMPLICIT * h + (1 - leap) * rest,
        end,
        equations.guess(first.unknowns, early, middle, end),
        point.memory,
    )

    def estimate(r0: Array, r1: Array, r2: Array) -> Array:
        return jnp.abs(ERROR * (r0 / GAMMA - r1 / (GAMMA * (1 - GAMMA)) + r2 / (1 - GAMMA)))

    memory = equations.remember(point.memory, last.amounts, last.rates)
    error = equations.error(point.rates, first.rates, last.rates, last.amounts, memory, h, estimate)
    slopes = tuple((b - a) / rest for a, b in zip(first.unknowns, last.unknowns, strict=True))
    error = jnp.maximum(error, jnp.maximum(first.defect, last.defect))
    error = jnp.where(jnp.isfinite(error), error, 2 * FAILED)
    after = Point(last.amounts, last.rates, last.unknowns, slopes, memory)
    return after, last.output, lax.stop_gradient(error)


class _Clock(NamedTuple):
    time: Array
    h: Array


class Record(NamedTuple):
    """What a run leaves behind, one entry an attempt (after the start)."""

    time: Array
    """Time reached, not decreasing, shape (attempts + 1,) [s]."""
    output: Any
    """Recorded values there, each of shape (attempts + 1,)."""
    taken: Array
    """Whether the attempt was a step, shape (attempts,), bool."""
    forced: Array
    """Whether it was lengthened against its error, shape (attempts,), bool."""


def _join(first: Array | float, rest: Array) -> Array:
    return jnp.concatenate([jnp.asarray(first)[None], rest])


def integrate(
    equations: Equations,
    start: Point,
    first: Any,
    *,
    begin: float,
    breaks: np.ndarray,
    control: Control,
) -> Record:
    """Integrate from `begin` to the last break with steps that follow the error.

    Parameters
    ----------
    equations : Equations
        The system.
    start : Point
        Initial state.
    first : Any
        Record of the initial state.
    begin : float
        Initial time, scalar [s].
    breaks : ndarray
        Times after `begin` that steps must not straddle, increasing; the last is the end,
        shape (breaks,) [s].
    control : Control
        Attempts and tolerance.

    Returns
    -------
    Record
        With `attempts` + 1 entries; once the end is reached they repeat it.
    """
    stops = jnp.asarray(breaks)
    end = float(breaks[-1])
    shortest = control.shortest * (end - begin)
    reach = 1e-10 * (end - begin)

    def attempt(carry: tuple[Point, _Clock, Any], left: Array) -> tuple[Any, Any]:
        point, clock, output = carry
        ahead = stops > clock.time + reach
        stop = jnp.min(jnp.where(ahead, stops, jnp.inf))
        done = ~jnp.isfinite(stop)
        gap = jnp.where(done, 1.0, stop - clock.time)
        spare = jnp.maximum(left - 2 * jnp.sum(ahead), 1)
        needed = (end - clock.time) / spare
        forced = (left < RESERVE * control.attempts) & (needed >= clock.h) & ~done
        wanted = jnp.where(forced, needed, clock.h)
        h = jnp.where(wanted >= 0.999 * gap, gap, jnp.where(wanted > 0.5 * gap, 0.5 * gap, wanted))
        after, record, error = advance(equations, point, clock.time, h)
        good = ((error <= REJECT) | forced | (h <= 1.001 * shortest)) & ~done & (error < FAILED)
        factor = jnp.clip(SAFETY * (error + 1e-9) ** (-1 / 3), SHRINKAGE, GROWTH)
        factor = jnp.where(good, factor, jnp.minimum(factor, 0.7))
        at_stop = good & (h >= gap)
        time = jnp.where(at_stop, stop, jnp.where(good, clock.time + h, clock.time))
        length = jnp.where(done, clock.h, jnp.maximum(h * factor, shortest))
        point, output = jax.tree.map(
            lambda new, old: jnp.where(good, new, old), (after, record), (point, output)
        )
        return (point, _Clock(time, length), output), (time, output, good, forced)

    clock = _Clock(jnp.asarray(begin), jnp.asarray(10 * shortest))
    left = jnp.arange(control.attempts, 0, -1)
    _, (time, output, taken, forced) = lax.scan(attempt, (start, clock, first), left)
    return Record(_join(begin, time), jax.tree.map(_join, first, output), taken, forced)


def march(equations: Equations, start: Point, first: Any, *, grid: np.ndarray) -> Record:
    """Integrate on a given grid.

    Parameters
    ----------
    equations : Equations
        The system.
    start : Point
        Initial state.
    first : Any
        Record of the initial state.
    grid : ndarray
        Times, increasing, first the initial time, shape (steps + 1,) [s].

    Returns
    -------
    Record
        On the grid; nothing is rejected.
    """

    def step(carry: Point, span: tuple[Array, Array]) -> tuple[Point, Any]:
        after, output, _ = advance(equations, carry, span[0], span[1])
        return after, output

    _, output = lax.scan(step, start, (jnp.asarray(grid[:-1]), jnp.asarray(np.diff(grid))))
    steps = len(grid) - 1
    return Record(
        jnp.asarray(grid),
        jax.tree.map(_join, first, output),
        jnp.ones(steps, dtype=bool),
        jnp.zeros(steps, dtype=bool),
    )
