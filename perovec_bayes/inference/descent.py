"""Nonlinear least squares by a trust region on the exact Jacobian, and widths from curvatures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array
from scipy.optimize import least_squares

LARGEST = 1e8
"""Residuals in multiples of their tolerance, and their slopes, are cut here [1]: far from the data
a model may go beyond what squares can hold."""


class Descended(NamedTuple):
    """Where a descent ended."""

    point: np.ndarray
    """Coordinates, shape (size,)."""
    residuals: np.ndarray
    """Shape (values,)."""
    slope: np.ndarray
    """J with J^T J the Gauss-Newton curvature of the cost, shape (values, size); for the linear
    loss the Jacobian of the residuals."""


def descent(residuals: Callable[..., Array], **settings: Any) -> Callable[..., Descended]:
    """Return a function from a start, and data, to the least-squares optimum near it.

    Parameters
    ----------
    residuals : callable
        Pure JAX function from coordinates (size,), of order one, and data, to residuals (values,).
    **settings
        Of `scipy.optimize.least_squares`: loss, tolerances, number of evaluations.
    """
    # one function for both, since compiling is most of what this costs
    slope_and_value = jax.jit(jax.jacfwd(lambda u, *data: (residuals(u, *data),) * 2, has_aux=True))

    def descend(start: np.ndarray, *data: Any) -> Descended:
        last: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

        def at(u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            if not last or not np.array_equal(last[0][0], u):
                slope, value = slope_and_value(u, *data)
                last[:] = [(u.copy(), _cut(value), _cut(slope))]
            return last[0]

        result = least_squares(
            lambda u: at(u)[1], start, jac=lambda u: at(u)[2], method="trf", **settings
        )
        return Descended(result.x, result.fun, result.jac)

    return descend


def inverse_root(curvature: np.ndarray, least: float = 0.0) -> np.ndarray:
    """Return L with L L^T the inverse of a curvature: the covariance of a Gaussian that has it.

    Parameters
    ----------
    curvature : ndarray
        Minus the second derivatives of a log density, symmetric, shape (size, size).
    least : float
        Directions that are less curved, or bent upwards, are given this curvature.
    """
    values, vectors = np.linalg.eigh(curvature)
    values = np.clip(np.where(np.isfinite(values), values, 1.0), least, None)
    root: np.ndarray = vectors / np.sqrt(values)
    return root


def _cut(array: Array) -> np.ndarray:
    finite = np.nan_to_num(np.asarray(array), nan=LARGEST, posinf=LARGEST, neginf=-LARGEST)
    cut: np.ndarray = np.clip(finite, -LARGEST, LARGEST)
    return cut
