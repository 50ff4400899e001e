import numpy as np
import pytest

from perovec_bayes.forward import grids, programme

RATE = 0.01
P = programme.sweeps([-0.4, -1.6, -0.2], RATE)
TIME = np.arange(0.0, P.end + 0.5, 1.0)
POTENTIAL = np.interp(TIME, P.time, P.potential)


def peak(centre, width=1.5):
    """A peak [A cm^-2] on a sloping line."""
    return 1e-4 * np.exp(-(((TIME - centre) / width) ** 2)) + 1e-6 * POTENTIAL


@pytest.mark.parametrize("steps", [300, 1000])
@pytest.mark.parametrize("wait", [0.0, 200.0])
def test_grid_runs_from_start_to_end_and_meets_every_break(steps, wait):
    whole = programme.sweeps([-0.4, -1.6, -0.2], RATE, wait=wait)
    grid = grids.from_data(TIME, POTENTIAL, peak(100.0), whole.breaks, steps, whole.start)
    assert grid[0] == whole.start
    assert grid[-1] == whole.end
    assert (np.diff(grid) > 0).all()
    assert np.isin(whole.breaks, grid).all()
    assert steps * 0.5 < len(grid) < steps * 1.1 + 60


def test_steps_are_short_where_the_current_bends_and_a_little_around():
    grid = grids.from_data(TIME, POTENTIAL, peak(150.0), P.breaks, 400, P.start)
    step = np.interp(TIME[1:-1], grid[1:], np.diff(grid))
    at = np.abs(TIME[1:-1] - 150.0)
    assert step[at < 4].max() < 0.3 * np.median(step[at > 30])
    assert step[at > 4].max() <= grids.COARSEST / RATE * 1.01


def test_a_rest_longer_than_the_sweeps_counts_for_nothing():
    rest = np.arange(0.0, 2 * P.end)
    time = np.concatenate([rest, rest[-1] + 1.0 + TIME])
    potential = np.concatenate([np.full(len(rest), POTENTIAL[0]), POTENTIAL])
    current = np.concatenate([np.zeros(len(rest)), peak(150.0)])
    start = len(rest)
    grid = grids.from_data(time, potential, current, start + P.breaks, 1200, 0.0)
    step = np.interp(TIME[1:-1], grid[1:] - start, np.diff(grid))
    at = np.abs(TIME[1:-1] - 150.0)
    assert step[at < 4].max() < 0.3 * np.median(step[at > 30])
    assert grids._typical(np.abs(np.diff(potential))) == pytest.approx(RATE)


def test_no_step_is_much_longer_than_the_mean():
    grid = grids.from_data(TIME, POTENTIAL, 1e-6 * TIME, P.breaks, 500, P.start)
    assert np.diff(grid).max() <= grids.EVENNESS * P.end / 500 * 1.01


STEPPED = programme.steps([-0.4, -1.25, -0.2, -1.2], [0.5, 30.0, 10.0, 20.0])
SPACING = 0.05


def stepped(jumps=STEPPED.jumps, levels=STEPPED, steps=400):
    t = np.arange(0.0, levels.end + 1e-9, SPACING)
    E = np.array([float(levels.at(each)) for each in t])
    return grids.from_data(t, E, 0 * t, levels.breaks, steps, levels.start, jumps)


def test_after_a_jump_each_step_is_longer_by_the_same_factor():
    grid = stepped()
    assert np.isin(STEPPED.breaks, grid).all()
    assert (grid[0], grid[-1]) == (0.0, STEPPED.end)
    assert 400 < len(grid) < 450
    for begin, end in zip(STEPPED.breaks[:-1], STEPPED.breaks[1:], strict=True):
        step = np.diff(grid[(grid >= begin) & (grid <= end)])
        growth = step[1:] / step[:-1]
        np.testing.assert_allclose(growth[:-1], growth[0], rtol=1e-6)
        assert step[0] < 1.01 * min(1e-6 * (end - begin), 0.01 * SPACING)


def test_a_sweep_after_a_held_potential_is_no_transient():
    corners = np.array([0.0, 1.0, 1.0, 21.0, 61.0]), np.array([-0.4, -0.4, -1.0, -1.0, -0.2])
    mixed = programme.Programme(*corners)
    grid = stepped(mixed.jumps, mixed)
    assert np.isin(mixed.breaks, grid).all()
    assert (np.diff(grid) > 0).all()
    late = np.diff(grid[grid > 22])
    assert late.max() < 2 * np.median(late)
    assert np.diff(grid[(grid >= 1) & (grid < 21)])[0] < 1e-3


def test_a_record_may_begin_after_the_step():
    t = np.arange(0.0, 10.0, SPACING)
    E = np.full(t.size, -1.2)
    grid = grids.from_data(t, E, 0 * t, t[-1:], 300, -0.5, np.array([-0.5]))
    assert grid[0] == -0.5
    assert len(grid) == 301
    assert np.diff(grid)[0] < 1e-4
