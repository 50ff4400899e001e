"""Noise of spectra, measured in a series of them, and the correlation of a misfit in wavelength.

References
----------
Rousseeuw, P. J.; van Driessen, K. Technometrics 1999, 41, 212 (reweighted covariance). Chen, Y. et
al. IEEE Trans. Signal Process. 2010, 58, 5016 (shrinkage).
"""

from __future__ import annotations

import numpy as np
from scipy import linalg, stats

MISFIT_LENGTH = 20.0
"""Length over which a misfit of the model varies with wavelength [nm]."""
KEPT, INLIERS = 0.8, 0.99
"""Share of the differences of spectra that are kept, were they normal: first and last [1]."""
OVERLAP = 2.31
"""So many third differences in a row say as much as one that stands alone [1]."""
_THIRD = np.array([1.0, -3.0, 3.0, -1.0]) / np.sqrt(20.0)
_FLOOR = 0.2
"""Least noise of a wavelength, as a share of the median of all [1]."""


def differences(absorbance: np.ndarray | None) -> np.ndarray | None:
    """Return third differences of successive spectra, None where there is no noise in them.

    A signal that is a parabola over four spectra leaves nothing in them.

    Parameters
    ----------
    absorbance : ndarray, optional
        Series of spectra, shape (times, wavelengths) [1].
    """
    if absorbance is None or len(absorbance) < len(_THIRD) + 1:
        return None
    count = len(absorbance) - 3
    moved: np.ndarray = sum(
        (weight * absorbance[i : i + count] for i, weight in enumerate(_THIRD)),
        np.zeros((count, absorbance.shape[1])),
    )
    return moved if np.median(np.abs(moved)) > 0 else None


def profile_of(moved: np.ndarray | None, size: int) -> np.ndarray:
    """Return the noise of each wavelength relative to that of all, shape (wavelengths,).

    Parameters
    ----------
    moved : ndarray, optional
        From `differences`; without them all wavelengths have the same noise.
    size : int
        Number of wavelengths.
    """
    if moved is None:
        return np.ones(size)
    spread = np.median(np.abs(moved), axis=0)
    spread = np.maximum(spread, _FLOOR * np.median(spread))
    found: np.ndarray = spread / np.sqrt(np.mean(spread**2))
    return found


def measured_covariance(moved: np.ndarray, analysis: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Return the covariance of the projections of noise, in units of that of the window's average.

    Of the differences of spectra without those that a fast change of the film makes (a reweighted
    robust covariance), shrunk to that of white noise as far as their number leaves it open.

    Parameters
    ----------
    moved : ndarray
        From `differences`, shape (differences, wavelengths) [1].
    analysis : ndarray
        Projections in which white noise would be white, shape (wavelengths, components).
    window : ndarray
        Weights of the window's average, shape (wavelengths,) [1].
    """
    z = moved @ analysis
    size = z.shape[1]
    calm = np.ones(len(z), dtype=bool)
    for cut in (KEPT, KEPT, INLIERS):
        if calm.sum() <= 2 * size:
            break
        root = np.linalg.cholesky(z[calm].T @ z[calm] / calm.sum() + 1e-14 * np.eye(size))
        distance = np.sum(linalg.solve_triangular(root, z.T, lower=True) ** 2, axis=0)
        distance *= stats.chi2.ppf(0.5, size) / np.median(distance)
        calm = distance <= stats.chi2.ppf(cut, size)
    lost = stats.chi2.cdf(stats.chi2.ppf(INLIERS, size), size + 2) / INLIERS
    count, z, average = int(calm.sum()), z[calm], moved[calm] @ window
    share = np.linalg.lstsq(z, average, rcond=None)[0]
    found = z.T @ z / count / lost
    level = share @ found @ share + np.mean((average - z @ share) ** 2)
    covariance: np.ndarray = _shrunk(found / level, count / OVERLAP)
    return covariance


def _shrunk(covariance: np.ndarray, count: float) -> np.ndarray:
    """Return a covariance shrunk to a multiple of the unit matrix (oracle-approximating)."""
    size = len(covariance)
    mean, squares = np.trace(covariance) / size, np.sum(covariance**2)
    over = (count + 1 - 2 / size) * (squares - size * mean**2)
    share = ((1 - 2 / size) * squares + (size * mean) ** 2) / max(over, 1e-300)
    share = min(1.0, share)
    found: np.ndarray = (1 - share) * covariance + share * mean * np.eye(size)
    return found


def smooth_misfit(wavelength: np.ndarray) -> np.ndarray:
    """Return the Matérn-3/2 correlation between wavelengths, shape (wavelengths, wavelengths).

    Parameters
    ----------
    wavelength : ndarray
        l, shape (wavelengths,) [nm].
    """
    a = np.sqrt(3.0) * np.abs(wavelength[:, None] - wavelength) / MISFIT_LENGTH
    correlation: np.ndarray = (1 + a) * np.exp(-a)
    return correlation
