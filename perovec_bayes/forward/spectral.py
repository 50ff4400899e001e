"""Whole spectra of a film: the few directions in wavelength in which a model of them can move.

A series of spectra Y(t, l) is compared with a model sum_k a_k(t) s_k(l) of few components. What the
data say of the a_k is in the projections of Y on the span of the components, a few numbers for each
spectrum, which are worked out once. The projections are chosen such that the noise of one tells
nothing of that of another: neither the noise from spectrum to spectrum, whose covariance between
wavelengths is measured in the data, nor a misfit that is smooth in wavelength. Their density is
exact for any model; what is left out lies outside the span.

References
----------
Kay, S. M. Fundamentals of Statistical Signal Processing: Estimation Theory, 1993, ch. 4 (linear
model, whitening). Kennedy, M. C.; O'Hagan, A. J. R. Stat. Soc. B 2001, 63, 425 (misfit).
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy import linalg

from perovec_bayes.forward.optics import BAND_EDGE, REFERENCE_WAVELENGTH, band_weights
from perovec_bayes.forward.spectral_noise import (
    differences,
    measured_covariance,
    profile_of,
    smooth_misfit,
)

EXPONENTS = (0.0, 4.0)
"""Range of the scattering exponent n_s, grey to Rayleigh [1]."""
TOLERANCE = 1e-4
"""Directions that hold less than this share of the components are left out [1]."""
EDGE_WIDTH = 3.0
"""Width of the Gaussian that smooths a measured spectrum before its slope is taken [nm]."""


class Span(NamedTuple):
    """Projections z = y A of spectra y, and the way back."""

    analysis: np.ndarray
    """A, shape (wavelengths, components): white noise of each z has the sd sigma_od."""
    synthesis: np.ndarray
    """Shape (components, wavelengths): z @ synthesis is the part of y in the span."""
    wander: np.ndarray
    """sd of each z for a misfit with unit sd at every wavelength, shape (components,) [1]."""
    profile: np.ndarray
    """White noise of each wavelength alone, in units of sigma_od, shape (wavelengths,) [1]."""


def line(wavelength: np.ndarray) -> np.ndarray:
    """Return the two straight lines that are 1 at one end of the spectrum and 0 at the other.

    Parameters
    ----------
    wavelength : ndarray
        l, increasing, shape (wavelengths,) [nm].

    Returns
    -------
    ndarray
        Shape (2, wavelengths) [1].
    """
    share = (wavelength - wavelength[0]) / (wavelength[-1] - wavelength[0])
    return np.stack([1.0 - share, share])


def edge(wavelength: np.ndarray, film: np.ndarray) -> np.ndarray:
    """Return the slope of a measured spectrum, smoothed over `EDGE_WIDTH`.

    Parameters
    ----------
    wavelength : ndarray
        l, increasing, shape (wavelengths,) [nm].
    film : ndarray
        Spectrum, shape (wavelengths,), any unit.

    Returns
    -------
    ndarray
        Shape (wavelengths,), that unit per nm.
    """
    weight = np.exp(-0.5 * ((wavelength[:, None] - wavelength) / EDGE_WIDTH) ** 2)
    smooth = (weight * np.gradient(wavelength)) @ film / (weight @ np.gradient(wavelength))
    slope: np.ndarray = np.gradient(smooth, wavelength)
    return slope


def components(wavelength: np.ndarray, film: np.ndarray) -> np.ndarray:
    """Return spectra that span the model: film, its slope, baseline, scattering of any exponent.

    Parameters
    ----------
    wavelength : ndarray
        l, increasing, shape (wavelengths,) [nm].
    film : ndarray
        Spectrum of the film, shape (wavelengths,) [1].

    Returns
    -------
    ndarray
        Each of unit length, shape (spectra, wavelengths) [1].
    """
    n = np.linspace(*EXPONENTS, 17)[:, None]
    scattering = (wavelength / REFERENCE_WAVELENGTH) ** -n
    rows = np.vstack([film, edge(wavelength, film), line(wavelength), scattering])
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    found: np.ndarray = rows[lengths[:, 0] > 0] / lengths[lengths[:, 0] > 0]
    return found


def span(
    wavelength: np.ndarray,
    rows: np.ndarray,
    absorbance: np.ndarray | None = None,
    tolerance: float = TOLERANCE,
) -> Span:
    """Find the projections of spectra on the span of components.

    Parameters
    ----------
    wavelength : ndarray
        l, increasing, shape (wavelengths,) [nm]; they cover the band-edge window.
    rows : ndarray
        Components as of `components`, shape (spectra, wavelengths) [1].
    absorbance : ndarray, optional
        Series of spectra in which the noise is measured, shape (times, wavelengths) [1]. Without
        it, or without noise in it, the noise is white in wavelength.
    tolerance : float, default TOLERANCE
        As described there.

    Returns
    -------
    Span
        Its unit of noise is that of the average over the band-edge window, 500-550 nm.
    """
    window = _window(wavelength)
    moved = differences(absorbance)
    profile = profile_of(moved, wavelength.size)
    basis, sizes, _ = np.linalg.svd((rows / profile).T, full_matrices=False)
    basis = basis[:, sizes > tolerance * sizes[0]]
    noise = np.eye(basis.shape[1]) / np.sum((window * profile) ** 2)
    if moved is not None:
        noise = measured_covariance(moved, basis / profile[:, None], window)
    misfit = (basis.T / profile) @ smooth_misfit(wavelength) @ (basis / profile[:, None])
    root = np.linalg.cholesky(noise)
    whitened = linalg.solve_triangular(root, misfit, lower=True)
    whitened = linalg.solve_triangular(root, whitened.T, lower=True)
    sizes, axes = np.linalg.eigh(0.5 * (whitened + whitened.T))
    mix = linalg.solve_triangular(root, axes, lower=True, trans="T")
    return Span(
        analysis=basis @ mix / profile[:, None],
        synthesis=(axes.T @ root.T) @ (basis.T * profile),
        wander=np.sqrt(np.maximum(sizes, 0.0)),
        profile=profile / np.sqrt(np.sum((window * profile) ** 2)),
    )


def _window(wavelength: np.ndarray) -> np.ndarray:
    """Return the weights of the average over the band-edge window, shape (wavelengths,)."""
    low, high = np.array([BAND_EDGE]).T
    weights: np.ndarray = band_weights(wavelength, low, high)[:, 0]
    return weights


MISFITS = ("offset", "tilt", "film", "edge", "smooth")
"""What may be wrong with a model of spectra and wander in time: see `misfit_covariance`."""


def misfit_shapes(wavelength: np.ndarray, film: np.ndarray, found: Span) -> np.ndarray:
    """Return the projections of shapes that a misfit can have, the first four of `MISFITS`.

    Offset: 1 everywhere. Tilt: a line from -1 to 1. Film: its spectrum, 1 on average over the
    band-edge window. Edge: the slope of that, 1 where it is steepest.

    Parameters
    ----------
    wavelength : ndarray
        l, increasing, shape (wavelengths,) [nm].
    film : ndarray
        Spectrum of the untouched film, shape (wavelengths,) [1].
    found : Span
        The projections.

    Returns
    -------
    ndarray
        Shape (4, components) [1].
    """
    low, high = line(wavelength)
    slope = edge(wavelength, film)
    shapes = [low + high, high - low, film / (film @ _window(wavelength))]
    shapes.append(slope / np.abs(slope).max())
    projections: np.ndarray = np.stack(shapes) @ found.analysis
    return projections


def misfit_covariance(sizes: Array, shapes: Array | np.ndarray, smooth: np.ndarray) -> Array:
    """Return the covariance of a misfit between projections.

    sum_j sizes_j^2 v_j v_j' + sizes_smooth^2 diag(smooth^2): each shape wanders by itself, beside
    a misfit of no known shape that is smooth in wavelength.

    Parameters
    ----------
    sizes : Array
        sd of each of `MISFITS`, shape (5,) [1].
    shapes : Array
        v, from `misfit_shapes`, shape (4, components) [1].
    smooth : ndarray
        `Span.wander`, shape (components,) [1].

    Returns
    -------
    Array
        Shape (components, components) [1].
    """
    moved = jnp.asarray(shapes) * sizes[:-1, None]
    return moved.T @ moved + jnp.diag((sizes[-1] * jnp.asarray(smooth)) ** 2)


class Projected(NamedTuple):
    """What the model needs of the components, in the coordinates of a `Span`."""

    film: np.ndarray
    """Spectrum of the untouched film, shape (components,)."""
    slope: np.ndarray
    """Its slope, shape (components,) [nm^-1]."""
    line: np.ndarray
    """Baseline, shape (2, components)."""
    film_mean: float
    """Average of the film's spectrum over the band-edge window [1]."""
    line_mean: np.ndarray
    """That of the baseline, shape (2,) [1]."""
    background: float
    """1 where the film's spectrum holds the baseline OD_0 (it is measured), 0 where it does not."""
    wavelength: np.ndarray
    """l, shape (wavelengths,) [nm]."""
    analysis: np.ndarray
    """A of the span, shape (wavelengths, components)."""


def projected(
    wavelength: np.ndarray, film: np.ndarray, found: Span, *, background: bool
) -> Projected:
    """Project what does not depend on parameters.

    Parameters
    ----------
    wavelength : ndarray
        l, increasing, shape (wavelengths,) [nm].
    film : ndarray
        Spectrum of the untouched film, shape (wavelengths,) [1].
    found : Span
        The projections.
    background : bool
        Whether that spectrum holds the baseline OD_0 (it is measured) or not (it is absorption).
    """
    window = _window(wavelength)
    return Projected(
        film=film @ found.analysis,
        slope=edge(wavelength, film) @ found.analysis,
        line=line(wavelength) @ found.analysis,
        film_mean=float(film @ window),
        line_mean=line(wavelength) @ window,
        background=float(background),
        wavelength=wavelength,
        analysis=found.analysis,
    )


def coefficients(
    film: Array,
    amplitude: Array,
    parts: Projected,
    *,
    absorption: Array | float,
    exponent: Array | float,
    offset: Array,
    start: Array | float,
    shift: Array | float = 0.0,
    error: Array | float = 0.0,
) -> Array:
    """Project the model of the spectra, (4.1) with an absorption that may move as the film goes.

    OD(l, t) = e_b G(t) [phi(l) - d (1 - G/G_0) phi'(l)] + h(t) (l/l0)^(-n_s) + OD_0(l)

    OD_0 is a straight line, and phi = (O_film - OD_0 - x)/<O_film - OD_0>_b the film's own
    absorption: what was measured of the untouched film less the baseline and less an error x, 1 on
    average over 500-550 nm (but for the error).

    Parameters
    ----------
    film : Array
        Perovskite G, shape (times,) [mol cm^-2].
    amplitude : Array
        Scattering h at 575 nm, shape (times,) [1].
    parts : Projected
        The components.
    absorption : Array or float
        e_b, decadic molar absorption averaged over 500-550 nm, scalar [cm^2 mol^-1].
    exponent : Array or float
        n_s, scalar [1].
    offset : Array
        OD_0 at the two ends of the spectrum, shape (2,) [1].
    start : Array or float
        G_0, perovskite at the start, scalar [mol cm^-2].
    shift : Array or float
        d, how far the absorption has moved to longer wavelengths when the film is gone, scalar
        [nm].
    error : Array or float
        x, noise and misfit in the spectrum of the untouched film, shape (components,) [1].

    Returns
    -------
    Array
        Shape (times, components) [1].
    """
    baseline = offset @ jnp.asarray(parts.line)
    per_window = parts.film_mean - parts.background * (offset @ jnp.asarray(parts.line_mean))
    phi = (jnp.asarray(parts.film) - parts.background * baseline - error) / per_window
    tilt = jnp.asarray(parts.slope) / per_window
    law = jnp.asarray(parts.wavelength / REFERENCE_WAVELENGTH) ** (-exponent)
    scattered = law @ jnp.asarray(parts.analysis)
    absorbed = (absorption * film)[:, None]
    moved = (shift * (1.0 - film / start))[:, None]
    return absorbed * (phi - moved * tilt) + amplitude[:, None] * scattered + baseline
