import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reader_samples import triangle, wave

from perovec_bayes.readers.plausibility import looks_inverted, plain_circuit


def cv(cycles=2, points=200):
    time, potential = triangle(cycles, points)
    return time, potential, wave(time, potential)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 0.2), st.booleans())
def test_an_inverted_voltammogram_is_told(seed, noise, upside_down):
    _, potential, current = cv()
    noisy = current + noise * 1e-6 * np.random.default_rng(seed).normal(size=current.size)
    reasons = looks_inverted(potential, -noisy if upside_down else noisy)
    assert bool(reasons) == upside_down


def test_a_single_sweep_and_steps():
    potential = np.linspace(-0.2, 0.7, 300)
    current = 1e-6 * np.exp(potential / 0.1)
    assert looks_inverted(potential, current) == ""
    assert "falls" in looks_inverted(potential, -current)
    time = np.arange(0, 20, 0.05)
    levels = np.where(time < 5, 0.0, np.where(time < 12, 0.5, -0.1))
    since = np.where(time < 5, 5.0, np.where(time < 12, time - 4.95, time - 11.95))
    cottrell = np.sign(levels) / np.sqrt(since)
    assert looks_inverted(levels, cottrell) == ""
    assert "step" in looks_inverted(levels, -cottrell)
    assert looks_inverted(levels, levels / 2e3) == ""  # a resistor


def test_a_nucleation_loop_is_not_called_inverted():
    time, potential = triangle(1, 400, start=0.2, turn=-0.4)
    down = np.gradient(potential, time) < 0
    deposition = np.where(potential < np.where(down, -0.3, -0.15), -1.0, 0.0)
    stripping = np.where(down, 0.0, np.exp(-(((potential - 0.0) / 0.05) ** 2)))
    assert looks_inverted(potential, deposition + stripping) == ""


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.1])
def test_a_resistor_is_called_one(noise):
    _, potential, _ = cv()
    current = potential / 2e3
    rng = np.random.default_rng(3)
    current = current + noise * np.ptp(current) * rng.normal(size=current.size)
    words = plain_circuit(potential, current, 0.1, False)
    assert "a straight line, a resistor of R = " in words
    assert float(words.split("R = ")[1].split()[0]) == pytest.approx(2e3, rel=0.02)


def test_a_resistor_beside_a_capacitor():
    time, potential, _ = cv()
    current = potential / 1e5 + 2e-5 * np.sign(np.gradient(potential, time)) * 0.1
    words = plain_circuit(potential, current, 0.1, True)
    assert "R = 1e+05 ohm cm^2" in words
    assert "C = 2e-05 F/cm^2" in words


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.03))
def test_a_wave_is_not_a_resistor(seed, noise):
    _, potential, current = cv()
    noisy = current + noise * 1e-6 * np.random.default_rng(seed).normal(size=current.size)
    assert plain_circuit(potential, noisy, 0.1, False) == ""


def test_noise_alone_is_nothing():
    _, potential, current = cv()
    noise = np.random.default_rng(5).normal(size=current.size)
    assert plain_circuit(potential, noise, 0.1, False) == ""
    assert plain_circuit(potential, np.zeros(potential.size), 0.1, False) == ""
