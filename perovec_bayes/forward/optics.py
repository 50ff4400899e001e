"""Optical density of a film in band averages: perovskite plus scattering by deposited lead."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

REFERENCE_WAVELENGTH = 575.0
"""l0 of the scattering law [nm]: the middle of the sub-gap window 550-600 nm."""
ABSORPTION_EDGE = 550.0
"""Bands that begin at or above this wavelength see no band-edge absorption of CsPbBr3 [nm]."""


def scattering_profile(low: np.ndarray, high: np.ndarray, exponent: Array | float) -> Array:
    """Band averages of (l/l0)^(-n).

    Parameters
    ----------
    low, high : ndarray
        Limits of the bands, shape (bands,) [nm].
    exponent : Array or float
        Scattering exponent n_s, scalar [1].

    Returns
    -------
    Array
        Shape (bands,) [1]; their ratio for 500-550 over 550-600 nm is rho_n of the band-edge
        correction (4.3): 1.000, 1.095, 1.200, 1.441 for n = 0, 1, 2, 4.
    """
    fine = np.linspace(low, high, 101) / REFERENCE_WAVELENGTH
    return jnp.trapezoid(jnp.asarray(fine) ** (-exponent), axis=0) / 100


def optical_density(
    film: Array,
    lead: Array,
    *,
    absorption: Array | float,
    scattering: Array | float,
    exponent: Array | float,
    offset: Array,
    low: np.ndarray,
    high: np.ndarray,
) -> Array:
    """Band-averaged optical density.

    OD_b(t) = e_b G(t) + kappa_s q_tot(t) <(l/l0)^(-n_s)>_b + OD_0b

    Lambert-Beer for the perovskite in the bands below its edge (its absorption above is neglected),
    scattering proportional to all metallic lead.

    Parameters
    ----------
    film : Array
        Perovskite G, shape (points,) [mol cm^-2].
    lead : Array
        Metallic lead, in contact or not, q_tot, shape (points,) [mol cm^-2].
    absorption : Array or float
        Decadic molar absorption e_b averaged over the band-edge window, scalar [cm^2 mol^-1].
    scattering : Array or float
        kappa_s at 575 nm, scalar [cm^2 mol^-1].
    exponent : Array or float
        n_s, scalar [1].
    offset : Array
        OD_0 of each band, shape (bands,) [1].
    low, high : ndarray
        Limits of the bands, shape (bands,) [nm].

    Returns
    -------
    Array
        Shape (points, bands) [1].

    References
    ----------
    Mulder et al., J. Am. Chem. Soc. 2024, 146, 24415 (windows 500-550 and 550-600 nm, and their
    difference).
    """
    absorbs = jnp.asarray(low < ABSORPTION_EDGE, dtype=float)
    profile = scattering_profile(low, high, exponent)
    return (
        absorption * film[:, None] * absorbs
        + scattering * lead[:, None] * profile
        + jnp.asarray(offset)
    )
