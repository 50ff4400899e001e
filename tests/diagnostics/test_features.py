"""Features of voltammograms and optical densities of which the answer is known."""

import numpy as np
import pytest

from perovec_bayes.diagnostics.features import clear_start, cv_features, od_features

RATE = 0.01


def scan(cycles=2, step=2e-3, low=-1.5, high=-0.3):
    """Potential from high to low and back, cycle after cycle, at 10 mV/s."""
    down = np.arange(high, low - step / 2, -step)
    one = np.concatenate([down, down[-2:0:-1]])
    potential = np.tile(one, cycles)
    return (
        step / RATE * np.arange(potential.size),
        potential,
        np.repeat(np.arange(1, cycles + 1), one.size),
    )


def going(potential):
    """-1 where the potential falls, 1 where it rises."""
    return np.sign(np.gradient(potential))


def value(features, name, cycle):
    (found,) = [f for f in features if (f.name, f.cycle) == (name, cycle)]
    return found.value


def peaks(potential, cycle):
    """A Gaussian peak in each direction, smaller in each cycle."""
    down = -4e-5 * np.exp(-(((potential + 0.953) / 0.06) ** 2)) / cycle
    up = 3e-5 * np.exp(-(((potential + 0.861) / 0.06) ** 2)) / cycle
    return np.where(going(potential) < 0, down, up)


def test_peaks_are_where_they_were_put():
    """Between the points of the record; the height to what a parabola over 40 mV takes off."""
    time, potential, cycle = scan()
    found = cv_features(time, potential, cycle, peaks(potential, cycle)[None], "A")
    for n in (1, 2):
        assert value(found, "E_c", n)[0] == pytest.approx(-0.953, abs=3e-4)
        assert value(found, "E_a", n)[0] == pytest.approx(-0.861, abs=3e-4)
        assert value(found, "i_c", n)[0] == pytest.approx(-4e-5 / n, rel=0.01)
        assert value(found, "i_a", n)[0] == pytest.approx(3e-5 / n, rel=0.01)
        # area of a Gaussian of width w in E: sqrt(pi) w, in time that over the scan rate
        area = np.sqrt(np.pi) * 0.06 / RATE / n
        assert value(found, "Q_cat", n)[0] == pytest.approx(4e-5 * area, rel=1e-3)
        assert value(found, "Q_an", n)[0] == pytest.approx(3e-5 * area, rel=1e-3)
        assert value(found, "Q_an/Q_cat", n)[0] == pytest.approx(0.75, rel=1e-3)
    assert not any(f.at_end.any() for f in found)
    assert {f.unit for f in found} == {"V", "A", "C", "1"}


def test_the_charge_of_a_triangle_is_half_base_times_height():
    """A current that rises in a straight line through zero: exact, crossing between points."""
    time = np.linspace(0.0, 10.0, 8)
    current = np.linspace(-2e-6, 3e-6, 8)
    found = cv_features(time, np.full(8, -0.4), np.ones(8, int), current[None], "A/cm^2")
    assert [f.name for f in found] == ["Q_cat", "Q_an", "Q_an/Q_cat"]  # a held potential
    assert value(found, "Q_cat", 1)[0] == pytest.approx(0.5 * 4.0 * 2e-6, rel=1e-12)
    assert value(found, "Q_an", 1)[0] == pytest.approx(0.5 * 6.0 * 3e-6, rel=1e-12)
    assert found[0].unit == "C/cm^2"


def test_a_current_that_still_grows_at_the_turn_is_no_peak():
    time, potential, cycle = scan(1)
    wave = np.where(going(potential) <= 0, -1e-5 * np.exp(-(potential + 1.5) / 0.05), 0.0)
    found = cv_features(time, potential, cycle, wave[None], "A")
    (place,) = [f for f in found if f.name == "E_c"]
    assert place.at_end[0]
    assert place.value[0] == pytest.approx(-1.5, abs=2e-3)


def test_noise_moves_the_features_little_and_alike():
    """Peak to noise 40: the spread of 300 noisy series, and their mean against the clean one."""
    time, potential, cycle = scan(1)
    clean = peaks(potential, cycle)
    noisy = clean + np.random.default_rng(1).normal(0, 1e-6, (300, clean.size))
    found = cv_features(time, potential, cycle, np.vstack([clean, noisy]), "A")
    place, height = value(found, "E_c", 1), value(found, "i_c", 1)
    assert np.std(place[1:]) < 8e-3
    assert np.mean(place[1:]) == pytest.approx(place[0], abs=3 * 8e-3 / np.sqrt(300))
    assert np.mean(height[1:]) == pytest.approx(height[0], rel=0.03)
    # the extremum of noise is biased outward; both sides of a comparison are, alike
    assert np.mean(height[1:]) < height[0]


def test_a_cycle_without_a_way_back_has_no_anodic_peak():
    time, potential, cycle = scan(1)
    half = potential.size // 2
    found = cv_features(
        time[:half], potential[:half], cycle[:half], peaks(potential, cycle)[None, :half], "A"
    )
    assert [f.name for f in found] == ["E_c", "i_c", "Q_cat", "Q_an", "Q_an/Q_cat"]
    assert np.isnan(value(found, "Q_an/Q_cat", 1)).sum() == 0


def test_optical_density_left_is_relative_to_the_start():
    time = np.arange(0.0, 400.0, 2.0)
    density = np.column_stack([0.8 * np.exp(-time / 300), 1e-3 + 1e-4 * time])
    noisy = density + np.random.default_rng(2).normal(0, 1e-3, density.shape)
    shares = clear_start(time, noisy)
    assert shares.tolist() == [True, False]
    found = od_features(time, density[None], ["edge", "gap"], [(1, 200.0), (2, 400.0)], shares)
    assert [(f.name, f.cycle, f.band) for f in found] == [
        ("OD left", 1, "edge"),
        ("OD change", 1, "gap"),
        ("OD left", 2, "edge"),
        ("OD change", 2, "gap"),
    ]
    # 2 % of the record are 4 points: 0 to 6 s, 194 to 200 s, 392 to 398 s
    assert found[0].value[0] == pytest.approx(np.exp(-194 / 300), rel=1e-9)
    assert found[2].value[0] == pytest.approx(np.exp(-392 / 300), rel=1e-9)
    assert found[1].value[0] == pytest.approx(1e-4 * 194, rel=1e-9)


def test_a_cycle_that_ends_before_the_record_is_left_out():
    time = np.arange(100.0, 200.0)
    density = np.ones((1, 100, 1))
    found = od_features(time, density, ["edge"], [(1, 50.0), (2, 180.0)], np.array([True]))
    assert [f.cycle for f in found] == [2]
    assert found[0].value[0] == 1.0
