"""Absorption of a film that nobody has measured: the shape that theory gives it."""

from __future__ import annotations

import numpy as np

from perovec_bayes.constants import ELEMENTARY_CHARGE
from perovec_bayes.forward.optics import BAND_EDGE, band_weights

PHOTON = 6.62607015e-34 * 299792458.0 / ELEMENTARY_CHARGE * 1e9
"""h c [eV nm]."""


def exciton_spectrum(
    wavelength: np.ndarray, peak: float = 517.0, binding: float = 0.033, width: float = 0.025
) -> np.ndarray:
    """Return the shape of the absorption of a direct semiconductor with excitons (Elliott).

    alpha(E) ~ sum_n (4 pi R/n^3) g(E - E_g + R/n^2) + int_{E_g} 2 pi g(E - x)/(1 - e^(-y)) dx

    with y = 2 pi sqrt(R/(x - E_g)) and g the broadening sech(E/width)/(pi width).
    A stand-in for a measured film where data are simulated; nothing is fitted with it.

    Parameters
    ----------
    wavelength : ndarray
        l, shape (wavelengths,) [nm].
    peak : float
        Of the exciton, E_g - R [nm].
    binding, width : float
        R, binding energy of the exciton, and width of the broadening [eV].

    Returns
    -------
    ndarray
        Shape (wavelengths,), 1 on average over 500-550 nm [1].

    References
    ----------
    Elliott, R. J. Phys. Rev. 1957, 108, 1384 (excitons and continuum). Saba, M. et al. Nat. Commun.
    2014, 5, 5049 (broadened by sech; lead-halide perovskites).
    """
    energy = PHOTON / wavelength
    gap = PHOTON / peak + binding
    order = np.arange(1, 6)
    lines = (4 * np.pi * binding / order**3) @ _sech(
        energy - gap + binding / order[:, None] ** 2, width
    )
    above = np.linspace(1e-4, 4.0, 4000)
    x = 2 * np.pi * np.sqrt(binding / above)
    rise = 2 * np.pi / -np.expm1(-x)
    free = rise @ _sech(energy - gap - above[:, None], width) * (above[1] - above[0])
    shape: np.ndarray = lines + free
    low, high = np.array([BAND_EDGE]).T
    return shape / float((shape @ band_weights(wavelength, low, high)).item())


def _sech(energy: np.ndarray, width: float) -> np.ndarray:
    """Return sech(E/width)/(pi width) [eV^-1]."""
    bounded = np.minimum(np.abs(energy) / width, 700.0)
    value: np.ndarray = 1.0 / (np.pi * width * np.cosh(bounded))
    return value
