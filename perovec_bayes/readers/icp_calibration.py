"""From intensities to concentrations: a straight line through standards, read backwards.

y = b0 + b1 c + e. The errors e are of constant sd, or proportional to the signal; their scale is
estimated from the standards, or stated. A concentration c = (y - b0)/b1 has

    var(c) = [var(e) + var(b0) + c^2 var(b1) + 2 c cov(b0, b1)] / b1^2,

the first order of error propagation, good while the sd of b1 is small beside b1. If the scale was
estimated with nu degrees of freedom, c is distributed as Student's t; its sd is larger than the
square root above by sqrt[nu/(nu - 2)], so that few standards give wide errors.

References
----------
Danzer, K.; Currie, L. A. Pure Appl. Chem. 1998, 70, 993 (IUPAC: calibration and its reversal).
Currie, L. A. Anal. Chem. 1968, 40, 586 (detection limit, 3.29 sd).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovec_bayes.errors import StudyError

CURRIE = 3.29
FEWEST_FREEDOMS = 3
"""With fewer degrees of freedom the sd of Student's t is not finite."""
STEEPEST_DOUBT = 0.1
"""Largest relative sd of the slope for which the first order will do."""
_ROUNDS = 20


@dataclass(frozen=True)
class Calibration:
    """A calibration line of one emission line.

    Parameters
    ----------
    intercept, slope : float
        b0 [intensity], b1 [intensity per concentration].
    covariance : ndarray
        Of (b0, b1), shape (2, 2).
    scale : float
        sd of an intensity; relative to it if `proportional`.
    proportional : bool
        Whether errors are proportional to the intensity.
    freedoms : float
        Degrees of freedom of the scale; infinite if it was stated.
    points : int
        Number of readings of standards.
    r_squared : float
        Coefficient of determination.
    top : float
        Highest concentration of a standard.
    """

    intercept: float
    slope: float
    covariance: np.ndarray
    scale: float
    proportional: bool
    freedoms: float
    points: int
    r_squared: float
    top: float

    def concentration(self, intensity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return concentrations and their sd.

        Parameters
        ----------
        intensity : ndarray
            y, one reading each.

        Returns
        -------
        concentration, sd : ndarray
            In the unit of the standards.
        """
        c = (intensity - self.intercept) / self.slope
        scatter = self._scatter(intensity) ** 2
        (v0, v01), (_, v1) = self.covariance
        variance = (scatter + v0 + c**2 * v1 + 2 * c * v01) / self.slope**2
        return c, np.sqrt(variance) * self._widening

    @property
    def limit(self) -> float:
        """Detection limit: 3.29 sd of a concentration of zero."""
        _, sd = self.concentration(np.array([self.intercept]))
        return CURRIE * float(sd[0])

    def shared(self, concentration: float) -> float:
        """Return the part of the variance that all readings of this line have in common."""
        (v0, v01), (_, v1) = self.covariance
        common = v0 + concentration**2 * v1 + 2 * concentration * v01
        own = self._scatter(np.array([self.intercept + self.slope * concentration]))[0] ** 2
        return float(common / (common + own))

    def _scatter(self, intensity: np.ndarray) -> np.ndarray:
        if not self.proportional:
            return np.full(np.shape(intensity), self.scale)
        return self.scale * np.abs(intensity)

    @property
    def _widening(self) -> float:
        nu = self.freedoms
        return 1.0 if np.isinf(nu) else float(np.sqrt(nu / (nu - 2)))


def calibrate(
    concentration: np.ndarray,
    intensity: np.ndarray,
    *,
    line: str,
    proportional: bool = False,
    stated_scale: float = np.nan,
) -> Calibration:
    """Fit a calibration line.

    Parameters
    ----------
    concentration, intensity : ndarray
        c and y of each reading of a standard, shape (n,).
    line : str
        Name of the emission line, for messages.
    proportional : bool
        Whether errors are proportional to the signal (weights 1/y^2 with the fitted y), else of
        constant sd.
    stated_scale : float
        sd of a reading, known from elsewhere: relative if `proportional`, else in the unit of the
        intensity; NaN: estimated from the residuals.

    Raises
    ------
    StudyError
        If the standards do not make a line.
    """
    c, y = np.asarray(concentration, float), np.asarray(intensity, float)
    freedoms = c.size - 2.0
    if np.unique(c).size < 2 or (freedoms < FEWEST_FREEDOMS and np.isnan(stated_scale)):
        raise StudyError(
            "too few standards for a calibration",
            place=f"standards of {line}",
            expected=f"{FEWEST_FREEDOMS + 2} readings of two concentrations or more",
            found=f"{c.size} readings of {np.unique(c).size}",
            hint="Add standards or blanks, or state reading_sd.",
        )
    if proportional and not (y > 0).all():
        raise StudyError(
            "an intensity that is not positive",
            place=f"standards of {line}",
            hint="State weights = 'constant'.",
        )
    top = c.max()
    design = np.column_stack([np.ones_like(c), c / top])
    sd = y if proportional else np.ones_like(y)
    beta, *_ = np.linalg.lstsq(design / sd[:, None], y / sd, rcond=None)
    for _ in range(_ROUNDS if proportional else 0):
        fitted = np.maximum(design @ beta, 1e-3 * y)
        if np.allclose(fitted, sd, rtol=1e-9, atol=0.0):
            break
        sd = fitted
        beta, *_ = np.linalg.lstsq(design / sd[:, None], y / sd, rcond=None)
    residuals = (y - design @ beta) / sd
    estimated = np.sqrt(np.sum(residuals**2) / freedoms) if freedoms > 0 else 0.0
    scale = estimated if np.isnan(stated_scale) else stated_scale
    weighted = design / sd[:, None]
    covariance = scale**2 * np.linalg.inv(weighted.T @ weighted)
    units = np.array([1.0, top])
    b0, b1 = beta / units
    covariance = covariance / np.outer(units, units)
    if not b1 > 0 or np.sqrt(covariance[1, 1]) > STEEPEST_DOUBT * b1:
        raise StudyError(
            "the intensities do not rise with the concentration of the standards",
            place=f"standards of {line}",
            expected=f"a slope known to {100 * STEEPEST_DOUBT:g} %",
            found=f"{b1:.4g} +- {np.sqrt(covariance[1, 1]):.2g}",
            hint="Check the labels and concentrations of the standards.",
        )
    total = np.sum((y - y.mean()) ** 2)
    r_squared = 1.0 - float(np.sum((y - design @ beta) ** 2) / total)
    known = not np.isnan(stated_scale)
    return Calibration(
        float(b0),
        float(b1),
        covariance,
        float(scale),
        proportional,
        np.inf if known else freedoms,
        c.size,
        r_squared,
        float(top),
    )
