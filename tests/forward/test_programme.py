"""Potential programmes: corners, jumps, waits and measured records."""

import jax
import numpy as np
import pytest

from perovec_bayes.forward.programme import MOST_CORNERS, Programme, measured, steps, sweeps


def at(programme, time):
    return np.asarray(jax.vmap(programme.at)(np.atleast_1d(np.asarray(time, float))))


def test_sweeps():
    programme = sweeps([-0.4, -2.0, -0.2, -2.0], 0.01)
    np.testing.assert_allclose(programme.time, [0, 160, 340, 520], rtol=1e-14)
    t = np.linspace(0, 520, 2001)
    exact = np.interp(t, programme.time, programme.potential)
    np.testing.assert_allclose(at(programme, t), exact, atol=1e-12)
    assert programme.start == 0
    assert programme.end == pytest.approx(520)
    np.testing.assert_allclose(programme.breaks, [160, 340, 520])
    assert programme.closed(5.0) == 1


def test_wait():
    """Open circuit before the first corner, at its potential; the switch closes after it."""
    programme = sweeps([-0.4, -0.5], 0.01, wait=30.0)
    assert programme.start == -30
    np.testing.assert_allclose(programme.breaks, [0, 10])
    np.testing.assert_allclose(at(programme, [-30, -10, 0, 5]), [-0.4, -0.4, -0.4, -0.45])
    assert [float(programme.closed(t)) for t in (-1.0, 0.0, 1e-9)] == [0, 0, 1]


def test_steps():
    """At a jump the value that it comes from, just after it the new one."""
    programme = steps([-0.5, -1.2, -0.3], [1.0, 2.0, 4.0])
    t = [0.0, 0.5, 1.0, 1.0 + 1e-9, 2.0, 3.0, 3.0 + 1e-9, 7.0]
    exact = [-0.5, -0.5, -0.5, -1.2, -1.2, -1.2, -0.3, -0.3]
    np.testing.assert_allclose(at(programme, t), exact, atol=1e-12)
    np.testing.assert_allclose(programme.breaks, [1, 3, 7])


def test_jump_between_slopes():
    """A slope ends at a jump and another begins after it."""
    programme = Programme(np.array([0.0, 2.0, 2.0, 5.0]), np.array([0.0, 0.2, -1.0, -0.4]))
    t = np.array([0.0, 1.0, 2.0, 2.0 + 1e-9, 3.0, 5.0])
    np.testing.assert_allclose(at(programme, t), [0, 0.1, 0.2, -1.0, -0.8, -0.4], atol=1e-8)


@pytest.mark.parametrize("within", [5e-4, 5e-3])
def test_measured(within):
    """No point further than `within` from the lines; a staircase below that is not followed."""
    exact = sweeps([-0.4, -2.0, -0.2], 0.1)
    t = np.linspace(0, exact.end, 6801)
    E = np.interp(t, exact.time, exact.potential)
    stairs = np.round(E / 2e-4) * 2e-4
    found = measured(t, stairs, within=within)
    assert len(found.time) <= 5
    assert np.abs(at(found, t) - stairs).max() <= within * (1 + 1e-9)
    assert set(found.time) <= set(t)
    assert found.time[1:-1] == pytest.approx(16, abs=0.02)


def test_measured_keeps_a_bend():
    """A curve is followed to the tolerance with about sqrt(E'' T^2/(8 within)) lines."""
    t = np.linspace(0, 1, 2001)
    found = measured(t, t**2, within=1e-3, wait=7.0)
    assert np.abs(at(found, t) - t**2).max() <= 1e-3 * (1 + 1e-9)
    assert 12 <= len(found.time) <= 40
    assert found.start == -7


def test_measured_gives_up_on_noise():
    """Noise does not cost more than the most corners that are allowed."""
    t = np.linspace(0, 100, 5001)
    E = -0.01 * t + 1e-3 * np.random.default_rng(1).normal(size=t.size)
    found = measured(t, E, within=1e-4)
    assert len(found.time) <= MOST_CORNERS
    assert np.abs(at(found, t) - E).max() < 0.02


def test_measured_jumps_just_after_the_earlier_point():
    levels, spacing = [-0.4, -1.2, -0.3], 0.05
    exact = steps(levels, [1.0, 2.0, 4.0])
    t = np.arange(0.0, exact.end + 1e-9, spacing)
    E = at(exact, t) + 1e-4 * np.random.default_rng(1).normal(size=t.size)
    found = measured(t, E)
    np.testing.assert_allclose(found.jumps, [1.0, 3.0])
    assert len(found.time) == 6
    np.testing.assert_allclose(at(found, t), E, atol=6e-4)
    assert at(found, 1.0 + 1e-9)[0] == pytest.approx(-1.2, abs=1e-3)


def test_a_record_may_begin_with_a_jump():
    t = np.arange(0.0, 1.01, 0.1)
    found = measured(t, np.where(t > 0, -1.2, -0.4))
    np.testing.assert_allclose(found.time, [0, 0, 1])
    np.testing.assert_allclose(found.potential, [-0.4, -1.2, -1.2])


@pytest.mark.parametrize("hold", [0.0, 60.0])
def test_a_coarse_sweep_is_no_staircase(hold):
    exact = sweeps([-0.4, -2.0, -0.2], 0.1)
    t = np.arange(-hold, exact.end, 0.5)  # 50 mV between points
    found = measured(t, np.interp(t, exact.time, exact.potential))
    assert found.jumps.size == 0
    assert len(found.time) <= 6
