import numpy as np
import pytest

from perovec_bayes.forward import waveform


def test_a_triangle_holds_sweeps_and_turns_at_its_corners():
    t, e = waveform.triangle([0.1, -0.4, 0.2], scan_rate=0.1, hold=2.0, spacing=0.5)
    np.testing.assert_allclose(t, 0.5 * np.arange(27), atol=1e-12)
    assert t[-1] == pytest.approx(2.0 + 5.0 + 6.0)
    np.testing.assert_allclose(e[t <= 2.0], 0.1)
    sweep = (t >= 2.0) & (t <= 7.0)
    np.testing.assert_allclose(e[sweep], 0.1 - 0.1 * (t[sweep] - 2.0), atol=1e-12)
    np.testing.assert_allclose(e[t >= 7.0], -0.4 + 0.1 * (t[t >= 7.0] - 7.0), atol=1e-12)


def test_a_triangle_without_hold_starts_to_sweep_at_once():
    t, e = waveform.triangle([0.0, -1.0], scan_rate=0.5, hold=0.0, spacing=0.1)
    np.testing.assert_allclose(e, -0.5 * t, atol=1e-12)
    assert e[-1] == pytest.approx(-1.0)


def test_the_last_point_is_not_beyond_the_programme():
    t, e = waveform.triangle([0.0, 1.0], scan_rate=1.0, hold=0.0, spacing=0.3)
    np.testing.assert_allclose(t, [0.0, 0.3, 0.6, 0.9], atol=1e-12)
    np.testing.assert_allclose(e, t, atol=1e-12)


def test_a_grid_is_uniform_and_linear_between_irregular_points():
    time, potential = np.array([1.0, 1.7, 4.0, 5.0]), np.array([0.0, 0.7, -1.6, -1.6])
    g = waveform.grid(time, potential, 40)
    assert g.dt == pytest.approx(0.1)
    np.testing.assert_allclose(g.time, 1.0 + 0.1 * np.arange(41), atol=1e-12)
    expected = np.select(
        [g.time <= 1.7, g.time <= 4.0], [g.time - 1.0, 0.7 - (g.time - 1.7)], default=-1.6
    )
    np.testing.assert_allclose(g.potential, expected, atol=1e-12)


@pytest.mark.parametrize("steps", [10, 37, 4001])
def test_sampling_is_exact_for_a_series_that_is_linear_in_time(steps):
    """At irregular times, at both ends and on grid points."""
    rng = np.random.default_rng(steps)
    grid_time = np.linspace(3.0, 11.0, steps + 1)
    inside = rng.uniform(3.0, 11.0, 200)
    time = np.sort(np.concatenate([[3.0, 11.0], inside, rng.choice(grid_time, 5)]))
    index, weight = waveform.sampling(grid_time, time)
    assert index.min() >= 0
    assert index.max() < steps
    assert ((weight >= 0) & (weight <= 1)).all()

    def at(series):
        return (1 - weight) * series[index] + weight * series[index + 1]

    np.testing.assert_allclose(at(2.0 * grid_time - 5.0), 2.0 * time - 5.0, atol=1e-12)
    series = rng.normal(size=steps + 1)
    np.testing.assert_allclose(at(series), np.interp(time, grid_time, series), atol=1e-9)
