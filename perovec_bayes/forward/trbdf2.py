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
Alexander, R. SIAM J. Numer. Anal. 1977, 14, 1006. Bank, R. E. et al., IEEE Trans. Electron Devices
1985, 32, 1992. Hosea, M. E.; Shampine, L. F.,
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

    attempts: int = 2400
    """Number of attempted steps [1]."""
    tolerance: float = 3e-4
    """Relative error of a step [1]."""
    shortest: float = 1e-8
    """Shortest step as a share of the whole run [1]; what is shorter counts as converged."""


class Trend(NamedTuple):
    """Where the unknowns have been heading; no gradient goes through it."""

    last: tuple[Array, ...]
    """Solution of the last stage, scalars."""
    slopes: tuple[Array, ...]
    """Mean time derivatives over it, scalars."""
    bends: tuple[Array, ...]
    """Second ones, from the stage before, scalars."""
    duration: Array
    """Length of the last stage, scalar [s]."""


class Point(NamedTuple):
    """Where the solution stands between two stages."""

    amounts: Any
    """What the rates integrate (NamedTuple of arrays)."""
    drift: Any
    """Rates at the end of a step, within a step the mean ones since its start, same structure."""
    trend: Trend
    """For a first guess of the next solution."""
    memory: Any
    """What else the equations remember."""


def begin_at(amounts: Any, unknowns: tuple[Array, ...], memory: Any) -> Point:
    """Return a start whose rates are not known.

    Parameters
    ----------
    amounts : Any
        What the rates integrate (NamedTuple of arrays).
    unknowns : tuple of Array
        First guess of the unknowns, scalars.
    memory : Any
        What else the equations remember.
    """
    zeros = tuple(jnp.zeros(()) for _ in unknowns)
    trend = Trend(unknowns, zeros, zeros, jnp.zeros(()))
    return Point(amounts, jax.tree.map(jnp.zeros_like, amounts), trend, memory)


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
    """(last solution, expected slopes, duration [s]) -> first guess."""
    remember: Callable[..., Any]
    """(memory, amounts and rates at the end of a stage) -> memory."""
    error: Callable[..., Array]
    """(rates0, rates1, rates2, amounts, memory, h, estimate) -> error over tolerance, scalar."""
    positive: Callable[[Any], tuple[Array, ...]]
    """Those of the amounts (or rates) that must stay positive, scalars."""


class _Span(NamedTuple):
    """A stage of a step: when, and how much of it is explicit."""

    time: Array
    """Its start [s]."""
    duration: Array
    """Its length [s]."""
    explicit: Array
    """Weight of the drift; the rest of the duration is that of the rates at its end [s]."""
    last: Array
    """Whether the step ends with it, bool."""


def _spans(time: Array | np.ndarray, h: Array | np.ndarray, fresh: Array | np.ndarray) -> _Span:
    """Return the stages of steps, each field of shape (2, *steps).

    A fresh step, whose rates at the start are not known, is that of Alexander's method, which does
    not need them: of second order too, with the same coefficient.
    """
    middle = jnp.where(fresh, IMPLICIT, GAMMA) * h
    explicit = jnp.where(fresh, 0.0, IMPLICIT) * h
    never = jnp.zeros_like(fresh, dtype=bool)
    return _Span(
        jnp.stack([time, time + middle]),
        jnp.stack([middle, h - middle]),
        jnp.stack([explicit, h - middle - IMPLICIT * h]),
        jnp.stack([never, ~never]),
    )


def _limit(amounts: tuple[Array, ...], losses: tuple[Array, ...]) -> Array:
    """Return the largest factor up to one with which no amount loses more than it may."""
    factor = jnp.ones(())
    for amount, loss in zip(amounts, losses, strict=True):
        spare = KEEP * amount + NEGLIGIBLE
        short = loss > spare
        factor = jnp.minimum(factor, jnp.where(short, spare / jnp.where(short, loss, 1.0), 1.0))
    return factor


def _stage(equations: Equations, point: Point, span: _Span) -> tuple[Point, Stage]:
    """Take one stage.

    Where an amount would run out in the explicit part, the stage falls back towards the implicit
    Euler rule, for all amounts alike: what is conserved stays conserved.
    """
    now = equations.positive(point.amounts)
    losses = tuple(-span.explicit * r for r in equations.positive(point.drift))
    explicit = _limit(now, losses) * span.explicit
    trend = point.trend
    apart = 0.5 * (trend.duration + span.duration)
    expected = tuple(s + apart * b for s, b in zip(trend.slopes, trend.bends, strict=True))
    found = equations.solve(
        jax.tree.map(lambda a, r: a + explicit * r, point.amounts, point.drift),
        span.duration - explicit,
        span.time + span.duration,
        equations.guess(trend.last, expected, span.duration),
        point.memory,
    )
    pace = 1 / span.duration
    drift = jax.tree.map(
        lambda before, after, rate: jnp.where(span.last, rate, pace * (after - before)),
        point.amounts,
        found.amounts,
        found.rates,
    )
    now_at = lax.stop_gradient(found.unknowns)
    slopes = tuple(pace * (b - a) for a, b in zip(trend.last, now_at, strict=True))
    bends = tuple((b - a) / apart for a, b in zip(trend.slopes, slopes, strict=True))
    trend = Trend(now_at, slopes, bends, span.duration)
    memory = equations.remember(point.memory, found.amounts, found.rates)
    return Point(found.amounts, drift, trend, memory), found


def advance(
    equations: Equations, point: Point, time: Array, h: Array, fresh: Array
) -> tuple[Point, Any, Array]:
    """Take one step.

    Parameters
    ----------
    equations : Equations
        The system.
    point : Point
        Start of the step.
    time, h : Array
        Start and length of the step, scalars [s].
    fresh : Array
        Whether the rates at the start are not known, scalar, bool.

    Returns
    -------
    Point
        End of the step.
    output : Any
        Record of its last stage.
    error : Array
        Error over tolerance, scalar [1].
    """
    after, stages = lax.scan(lambda p, s: _stage(equations, p, s), point, _spans(time, h, fresh))
    middle, last = (jax.tree.map(lambda x, i=i: x[i], stages) for i in range(2))

    def estimate(r0: Array, r1: Array, r2: Array) -> Array:
        return jnp.abs(ERROR * (r0 / GAMMA - r1 / (GAMMA * (1 - GAMMA)) + r2 / (1 - GAMMA)))

    error = equations.error(
        point.drift, middle.rates, last.rates, last.amounts, after.memory, h, estimate
    )
    error = jnp.maximum(error, jnp.maximum(middle.defect, last.defect))
    error = jnp.where(jnp.isfinite(error), error, 2 * FAILED)
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
        Initial state; the drift need not be known.
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
        after, record, error = advance(equations, point, clock.time, h, clock.time <= begin)
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
        Initial state; the drift need not be known.
    first : Any
        Record of the initial state.
    grid : ndarray
        Times, increasing, first the initial time, shape (steps + 1,) [s].

    Returns
    -------
    Record
        On the grid; nothing is rejected.
    """
    fresh = np.arange(len(grid) - 1) == 0
    spans = jax.tree.map(
        lambda x: jnp.swapaxes(x, 0, 1).ravel(), _spans(grid[:-1], np.diff(grid), fresh)
    )

    def step(carry: Point, span: _Span) -> tuple[Point, Any]:
        after, found = _stage(equations, carry, span)
        return after, found.output

    kept = jax.checkpoint_policies.save_only_these_names("solved")
    _, output = lax.scan(jax.checkpoint(step, policy=kept, prevent_cse=False), start, spans)
    steps = len(grid) - 1
    return Record(
        jnp.asarray(grid),
        jax.tree.map(lambda a, b: _join(a, b[1::2]), first, output),
        jnp.ones(steps, dtype=bool),
        jnp.zeros(steps, dtype=bool),
    )
