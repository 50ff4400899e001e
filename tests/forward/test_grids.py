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


def test_no_step_is_much_longer_than_the_mean():
    grid = grids.from_data(TIME, POTENTIAL, 1e-6 * TIME, P.breaks, 500, P.start)
    assert np.diff(grid).max() <= grids.EVENNESS * P.end / 500 * 1.01
