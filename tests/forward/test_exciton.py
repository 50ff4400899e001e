"""The shape of the absorption against closed forms."""

import numpy as np
import pytest

from perovec_bayes.forward import optics
from perovec_bayes.forward.exciton import exciton_spectrum

WAVELENGTH = np.linspace(450.0, 700.0, 101)
SHAPE = exciton_spectrum(WAVELENGTH)
WINDOW = optics.band_weights(WAVELENGTH, np.array([500.0]), np.array([550.0]))[:, 0]


def test_the_simulated_film_absorbs_like_elliott_says():
    assert float(SHAPE @ WINDOW) == pytest.approx(1.0)
    peak = WAVELENGTH[np.argmax(np.where(WAVELENGTH > 490, SHAPE, 0))]
    assert peak == pytest.approx(517.0, abs=3.0)
    assert SHAPE[WAVELENGTH > 580].max() < 1e-3
    # without binding it is the root law of a free direct gap (far above: no broadening)
    blue = np.linspace(300.0, 560.0, 400)
    free = exciton_spectrum(blue, binding=1e-7, width=0.002)
    gap = 1239.841984 / 517.0 + 1e-7
    above = np.sqrt(1239.841984 / np.array([320.0, 420.0]) - gap)
    ratio = np.interp([320.0, 420.0], blue, free)
    assert ratio[0] / ratio[1] == pytest.approx(above[0] / above[1], rel=5e-3)
