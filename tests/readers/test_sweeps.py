import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reader_samples import triangle

from perovec_bayes.readers.waveform import (
    count_cycles,
    has_steps,
    holds,
    scan_rate,
    time_from_path,
    turning_points,
)


def test_turning_points_of_a_triangle():
    _, potential = triangle(cycles=2, points=40)
    assert turning_points(potential).tolist() == [0, 40, 80, 120, 160]


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_noise_adds_no_cycle(seed, cycles):
    _, potential = triangle(cycles)
    noisy = potential + np.random.default_rng(seed).uniform(-3e-3, 3e-3, potential.size)
    counted = count_cycles(noisy)
    assert counted[-1] == cycles
    clean = count_cycles(potential)
    assert np.count_nonzero(counted != clean) <= 2 * cycles


def test_start_inside_the_window_counts_as_ec_lab_does():
    down = np.arange(0.25, -0.1, -0.01)
    up = np.arange(-0.1, 0.9, 0.01)
    back = np.arange(0.9, -0.1, -0.01)
    cycle = count_cycles(np.concatenate([down, up, back, up, back]))
    change = np.flatnonzero(np.diff(cycle)) + 1
    potential = np.concatenate([down, up, back, up, back])
    assert potential[change] == pytest.approx([0.25, 0.25], abs=0.0101)
    assert cycle[-1] == 3


def test_single_sweep_and_constant_are_one_cycle():
    assert set(count_cycles(np.linspace(0, 1, 30))) == {1}
    assert set(count_cycles(np.full(30, 0.2))) == {1}
    assert set(count_cycles(np.array([0.1, 0.2]))) == {1}


def test_scan_rate_of_oversampled_noisy_data():
    time = np.arange(20001) * 1e-3
    potential = 0.5 - np.abs(0.05 * time - 0.5)
    noisy = potential + np.random.default_rng(1).normal(0, 2e-4, time.size)
    assert scan_rate(time, noisy) == pytest.approx(0.05, rel=0.02)
    assert scan_rate(time, potential) == pytest.approx(0.05, rel=1e-9)


def test_time_from_path_is_exact_for_a_clean_trace():
    time, potential = triangle()
    found, even = time_from_path(potential, 0.1)
    assert not even
    assert found == pytest.approx(time)


def test_time_from_path_of_a_noisy_trace_keeps_the_duration():
    time, potential = triangle(points=400)
    noisy = potential + np.random.default_rng(2).normal(0, 1e-3, potential.size)
    found, even = time_from_path(noisy, 0.1)
    assert even
    assert found[-1] == pytest.approx(time[-1], rel=0.02)
    assert (np.diff(found) > 0).all()


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(60, 200), st.floats(0, 3e-4))
def test_holds_beside_sweeps_are_found(seed, before, noise):
    _, potential = triangle(2, 400)
    held = np.concatenate([np.zeros(before), potential, np.full(100, potential[-1])])
    held += noise * np.random.default_rng(seed).normal(size=held.size)
    found = holds(np.arange(held.size) * 0.01, held)
    assert not has_steps(held)
    assert found[: before - 5].all()
    assert not found[before + 10 : -115].any()
    assert found[-80:].all()


def test_sweeps_alone_have_no_holds():
    for points in (5, 10, 40, 400, 20_000):
        time, potential = triangle(2, points)
        assert not has_steps(potential)
        assert not holds(time, potential).any()


@pytest.mark.parametrize("lasts", [2, 15, 25])
def test_steps_are_told_from_sweeps(lasts):
    time = np.arange(0, 60, 0.1)
    levels = np.where((time // lasts) % 2 == 1, 0.3, 0.0)
    levels += 1e-4 * np.random.default_rng(1).normal(size=time.size)
    assert has_steps(levels)
    assert holds(time, levels).all()


def test_a_gap_without_points_is_no_hold():
    _, potential = triangle(1, 400)
    time = np.arange(potential.size) * 0.01
    time[300:] += 60.0
    assert not holds(time, potential).any()
