"""The integrator on a linear system with a known solution, apart from any electrode."""

from typing import NamedTuple

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from perovec_bayes.forward import trbdf2
from perovec_bayes.forward.trbdf2 import Control, Equations, Stage

FAST, SLOW = 1e4, 1.0


class Amounts(NamedTuple):
    """A -> B -> C, A fast or slow; their sum is conserved."""

    a: jax.Array
    b: jax.Array
    c: jax.Array


class Output(NamedTuple):
    b: jax.Array
    total: jax.Array


def system(first, second, tolerance=1e-3, trouble=None):
    """a' = -first a + cos t, b' = first a - second b, c' = second b - cos t."""

    def solve(known, h, time, guess, memory):
        drive = jnp.cos(time)
        a = (known.a + h * drive) / (1 + h * first)
        b = (known.b + h * first * a) / (1 + h * second)
        rates = Amounts(drive - first * a, first * a - second * b, second * b - drive)
        now = jax.tree.map(lambda x, r: x + h * r, known, rates)
        defect = jnp.zeros(()) if trouble is None else trouble(time, h)
        return Stage(now, rates, (a,), Output(now.b, now.a + now.b + now.c), defect)

    def error(r0, r1, r2, amounts, memory, h, estimate):
        worst = [h * estimate(*each) for each in zip(r0, r1, r2, strict=True)]
        return jnp.max(jnp.stack(worst)) / tolerance

    return Equations(
        solve,
        lambda last, slopes, duration: last,
        lambda memory, amounts, rates: memory + 1,
        error,
        lambda amounts: (),
    )


def start(first, second, a=1.0, b=0.5):
    """Initial state; its rates need not be known."""
    one = jnp.ones(())
    amounts = Amounts(a * one, b * one, 0.0 * one)
    drift = jax.tree.map(lambda x: 1e3 * one, amounts)
    point = trbdf2.begin_at(amounts, (amounts.a,), jnp.asarray(0))._replace(drift=drift)
    return point, Output(amounts.b, a + b + 0.0 * one)


def exact(t, first, second, a=1.0, b=0.5):
    """Solution of b, by complex exponentials."""
    drive = 1 / (1j + first)
    free_a = a - drive.real
    forced = first * drive / (1j + second)
    pull = first * free_a / (second - first)
    decay = pull * (np.exp(-first * t) - np.exp(-second * t))
    return (forced * np.exp(1j * t)).real + decay + (b - forced.real) * np.exp(-second * t)


@pytest.mark.parametrize(("first", "a", "least"), [(3.0, 1.0, 1.9), (FAST, 1e-4, 1.9)])
def test_second_order(first, a, least):
    """Also where the fast part is far from resolved (stage order two)."""
    point, output = start(first, SLOW, a)
    errors = []
    for n in (50, 100, 200):
        grid = np.linspace(0, 3, n + 1)
        record = trbdf2.march(system(first, SLOW), point, output, grid=grid)
        errors.append(np.abs(np.asarray(record.output.b) - exact(grid, first, SLOW, a)).max())
    assert (np.log2(np.array(errors[:-1]) / errors[1:]) > least).all()
    assert errors[-1] < 1e-4


def test_invariant():
    """What the equations conserve is conserved to rounding, by steps of any length."""
    point, output = start(FAST, SLOW)
    grid = np.cumsum(np.append(0, np.geomspace(1e-7, 1, 60)))
    record = trbdf2.march(system(FAST, SLOW), point, output, grid=grid)
    np.testing.assert_allclose(record.output.total, 1.5, rtol=0, atol=1e-14)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5])
def test_adaptive(tolerance):
    """Steps end at the breaks, the error is of the size of the tolerance, the end is reached."""
    point, output = start(FAST, SLOW)
    breaks = np.array([0.3, 1.0, 2.0])
    run = jax.jit(
        lambda point: trbdf2.integrate(
            system(FAST, SLOW, tolerance),
            point,
            output,
            begin=0.0,
            breaks=breaks,
            control=Control(600, tolerance),
        )
    )
    record = run(point)
    t = np.asarray(record.time)
    assert np.isin(breaks, t).all()
    assert (np.diff(t) >= 0).all()
    assert t[-1] == 2
    assert not record.forced.any()
    error = np.abs(np.asarray(record.output.b) - exact(t, FAST, SLOW))
    assert error.max() < 20 * tolerance
    np.testing.assert_allclose(record.output.total, 1.5, rtol=0, atol=1e-13)


def integrate(trouble, attempts, tolerance=1e-4):
    point, output = start(3.0, SLOW)
    return trbdf2.integrate(
        system(3.0, SLOW, tolerance, trouble),
        point,
        output,
        begin=0.0,
        breaks=np.array([3.0]),
        control=Control(attempts, tolerance),
    )


def test_rejected_steps_leave_no_trace():
    """Every third of a run fails where steps are long; what was taken is a march on its times."""
    record = integrate(lambda t, h: jnp.where((t > 1) & (h > 2e-3), 100.0, 0.0), 1500)
    taken = np.asarray(record.taken)
    t = np.asarray(record.time)
    reached = int(np.argmax(t == t[-1]))
    assert (~taken[:reached]).sum() >= 3
    keep = np.append(True, taken)
    assert t[-1] == 3
    still = ~taken[:reached]
    for values in (t, np.asarray(record.output.b)):
        np.testing.assert_array_equal(values[1 : reached + 1][still], values[:reached][still])
    point, output = start(3.0, SLOW)
    again = trbdf2.march(system(3.0, SLOW), point, output, grid=t[keep])
    np.testing.assert_allclose(
        np.asarray(record.output.b)[keep], again.output.b, rtol=0, atol=1e-13
    )


@pytest.mark.parametrize("attempts", [10, 30])
def test_few_attempts_reach_the_end(attempts):
    """Steps are lengthened against their error, and the record says so."""
    record = integrate(None, attempts, tolerance=1e-9)
    assert record.time[-1] == 3
    assert record.forced.any()
    assert np.isfinite(np.asarray(record.output.b)).all()
    assert float(record.output.total[-1]) == pytest.approx(1.5, abs=1e-13)


def test_a_step_that_fails_is_not_taken():
    """Not a number is no solution: shorter steps get past it."""
    record = integrate(lambda t, h: jnp.where((t > 1) & (h > 0.02), jnp.nan, 0.0), 400, 1e-3)
    assert np.isfinite(np.asarray(record.output.b)).all()
    t = np.asarray(record.time)
    assert t[-1] == 3
    late = np.diff(t)[t[1:] > 1.2]
    assert late.max() < 0.1


def test_gradient_is_that_of_the_grid():
    """Steps carry no gradient, and the discrete solution all of it."""

    def final(b, record=None):
        point, output = start(3.0, SLOW)
        point = point._replace(amounts=point.amounts._replace(b=b))
        if record is not None:
            return trbdf2.march(system(3.0, SLOW), point, output, grid=record).output.b[-1]
        return trbdf2.integrate(system(3.0, SLOW), point, output, **span).output.b[-1]

    span = {"begin": 0.0, "breaks": np.array([1.0]), "control": Control(200)}
    found = float(jax.grad(final)(0.5))
    grid = np.unique(trbdf2.integrate(system(3.0, SLOW), *start(3.0, SLOW), **span).time)
    assert found == pytest.approx(float(jax.grad(final)(0.5, grid)), rel=1e-12)
    assert found == pytest.approx(np.exp(-1.0), rel=1e-2)
