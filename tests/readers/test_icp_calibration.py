import numpy as np
import pytest

from perovec_bayes.errors import StudyError
from perovec_bayes.readers.icp_calibration import calibrate

# Fluorescein, pg/mL, of Miller & Miller, Statistics and Chemometrics for Analytical Chemistry
CONCENTRATION = np.array([0.0, 2, 4, 6, 8, 10, 12])
INTENSITY = np.array([2.1, 5.0, 9.0, 12.6, 17.3, 21.0, 24.7])


def test_a_line_of_the_textbook():
    fit = calibrate(CONCENTRATION, INTENSITY, line="F")
    assert fit.slope == pytest.approx(1.93, abs=0.005)
    assert fit.intercept == pytest.approx(1.52, abs=0.005)
    assert 5 * fit.scale**2 == pytest.approx(0.9368, abs=5e-5)
    assert np.sqrt(fit.covariance[1, 1]) == pytest.approx(0.0409, abs=5e-5)
    assert np.sqrt(fit.covariance[0, 0]) == pytest.approx(0.2949, abs=1e-4)
    assert np.sqrt(fit.r_squared) == pytest.approx(0.9989, abs=5e-5)
    c, sd = fit.concentration(np.array([2.9, 13.5, 23.0]))
    np.testing.assert_allclose(c, [0.72, 6.21, 11.13], atol=0.006)
    np.testing.assert_allclose(sd / np.sqrt(5 / 3), [0.26, 0.24, 0.26], atol=0.006)


def test_a_stated_scale_is_not_widened():
    fit = calibrate(CONCENTRATION, INTENSITY, line="F", stated_scale=0.4329)
    _, sd = fit.concentration(np.array([13.5]))
    assert sd[0] == pytest.approx(0.24, abs=0.006)
    two = calibrate(CONCENTRATION[[0, 6]], INTENSITY[[0, 6]], line="F", stated_scale=0.4329)
    assert two.slope == pytest.approx((24.7 - 2.1) / 12)


def test_the_unit_of_concentration_does_not_matter():
    fit = calibrate(CONCENTRATION, INTENSITY, line="F")
    small = calibrate(CONCENTRATION * 1e-12, INTENSITY, line="F")
    np.testing.assert_allclose(
        small.concentration(INTENSITY), np.array(fit.concentration(INTENSITY)) * 1e-12, rtol=1e-9
    )


@pytest.mark.parametrize("points", [5, 12])
@pytest.mark.parametrize("proportional", [False, True])
def test_errors_are_as_large_as_they_say(points, proportional):
    """1500 calibrations each: 95 % intervals hold the truth, also with three degrees of freedom."""
    rng = np.random.default_rng(points)
    c = np.linspace(1.0, 10.0, points)
    mean, truth = 50.0 + 100.0 * c, 7.0
    inside, squares = 0, []
    for _ in range(1500):
        sd = 0.02 * mean if proportional else 8.0
        y = mean + sd * rng.standard_normal(points)
        reading = 750.0 + (15.0 if proportional else 8.0) * rng.standard_normal()
        fit = calibrate(c, y, line="Pb", proportional=proportional)
        found, width = fit.concentration(np.array([reading]))
        inside += abs(found[0] - truth) < 1.96 * width[0]
        squares.append(((found[0] - truth) / width[0]) ** 2)
    assert inside / 1500 == pytest.approx(0.95, abs=0.02)
    if points > 7:
        assert np.mean(squares) == pytest.approx(1.0, abs=0.15)


def test_the_detection_limit_is_passed_by_few_blanks():
    """A blank is called detected with probability below 1 % (3.29 sd, one side)."""
    rng = np.random.default_rng(3)
    c = np.repeat([0.0, 1.0, 5.0, 10.0], 3)
    detected = 0
    for _ in range(1500):
        fit = calibrate(c, 20.0 + 100.0 * c + 5.0 * rng.standard_normal(c.size), line="Pb")
        value, _ = fit.concentration(20.0 + 5.0 * rng.standard_normal(1))
        detected += value[0] >= fit.limit
    assert detected / 1500 < 0.01


@pytest.mark.parametrize(
    ("c", "y", "words"),
    [
        ([0, 1, 2, 3], [0, 1, 2, 3], "too few standards"),
        ([2, 2, 2, 2, 2], [1, 2, 3, 4, 5], "too few standards"),
        ([0, 1, 2, 3, 4], [9, 7, 5, 3, 1], "do not rise"),
        ([0, 1, 2, 3, 4], [3, 9, 1, 8, 2], "do not rise"),
    ],
)
def test_what_is_no_calibration(c, y, words):
    with pytest.raises(StudyError, match=words):
        calibrate(np.array(c), np.array(y), line="Pb 220.353")


def test_proportional_errors_need_positive_intensities():
    with pytest.raises(StudyError, match="not positive"):
        calibrate(np.arange(6), np.arange(-1, 5), line="Pb", proportional=True)
