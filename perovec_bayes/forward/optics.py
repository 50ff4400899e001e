"""Optical density of a film: perovskite plus scattering by deposited lead; its rate and its charge.

Equation numbers are those of the project's specification of the physics (section 4). At wavelength
l [nm] and time t, with G perovskite and q_tot metallic lead [mol cm^-2], all decadic:

    OD(l, t) = e_p(l) G(t) + h(t) (l/l0)^(-n_s) + OD_0(l)                       (4.1)
    h        = kappa_s q_ref (q_tot/q_ref)^u

References
----------
Mulder et al., J. Am. Chem. Soc. 2024, 146, 24415 (windows 500-550 and 550-600 nm, and their
difference).
"""

from __future__ import annotations

from typing import Literal, get_args

import jax.numpy as jnp
import numpy as np
from jax import Array

from perovec_bayes.constants import FARADAY
from perovec_bayes.errors import DataError, StudyError

REFERENCE_WAVELENGTH = 575.0
"""l0 of the scattering law [nm]: the middle of the sub-gap window 550-600 nm."""
ABSORPTION_EDGE = 550.0
"""Bands that begin at or above this wavelength see no band-edge absorption of CsPbBr3 [nm]."""
BAND_EDGE = (500.0, ABSORPTION_EDGE)
"""The band-edge window "b" [nm]."""
SUB_GAP = (ABSORPTION_EDGE, 600.0)
"""The sub-gap window "s" [nm]."""
REFERENCE_LEAD = 1e-7
"""q_ref, the amount of lead at which h = kappa_s q_ref whatever u is [mol cm^-2]."""
TRACE = 1e-6
"""Below this share of the reference amount a power law goes over into a straight line [1]."""
HOLD = 1e-6
"""A sweep slower than this share of the scan rate counts as standing still [1]."""

type Slope = Literal["dOD/dt", "dOD/dE", "dOD/dt/v"]
"""How a rate of change of OD is expressed: by time [s^-1]; by potential, a true derivative [V^-1];
by time and divided by the scan rate, as the paper plots it and calls dOD/dV [V^-1]."""


def _steepness(x: Array, exponent: Array | float) -> Array:
    """Return x^(u - 1), levelling off below `TRACE`; exactly 1 for u = 1."""
    value: Array = ((jnp.maximum(x, 0.0) + TRACE) / (1 + TRACE)) ** (exponent - 1.0)
    return value


def power_from_zero(x: Array | np.ndarray | float, exponent: Array | float) -> Array:
    """Return x^u with finite derivatives at x = 0.

    x [(max(x, 0) + w)/(1 + w)]^(u - 1) with w = `TRACE`: x itself for u = 1, 1 at x = 1, x^u to a
    relative |u - 1| w/x for x well above w, and the straight line x w^(u - 1) well below.

    Parameters
    ----------
    x : Array or float
        Amount over a reference amount, shape (...) [1]. Rounding below zero does no harm.
    exponent : Array or float
        u > 0, scalar [1].

    Returns
    -------
    Array
        Shape (...) [1].
    """
    x = jnp.asarray(x)
    return x * _steepness(x, exponent)


def scattering_amplitude(
    lead: Array | np.ndarray, scattering: Array | float, power: Array | float = 1.0
) -> Array:
    """Scattering by deposited lead at the reference wavelength.

    h = kappa_s q_ref (q_tot/q_ref)^u with q_ref = `REFERENCE_LEAD`: kappa_s keeps the unit
    cm^2 mol^-1, and it is what 1e-7 mol cm^-2 scatter per amount, whatever u is. u = 1: a
    compact deposit; u = 2: a fixed number N of small particles, which scatter with q_tot^2/N. The
    power is that of `power_from_zero`, so that dh/dq_tot stays finite at q_tot = 0 where u < 1.

    Parameters
    ----------
    lead : Array
        Metallic lead, in contact or not, q_tot, shape (points,) [mol cm^-2].
    scattering : Array or float
        kappa_s at 575 nm, scalar [cm^2 mol^-1].
    power : Array or float
        u > 0, scalar [1].

    Returns
    -------
    Array
        h, shape (points,) [1].
    """
    lead = jnp.asarray(lead)
    return scattering * lead * _steepness(lead / REFERENCE_LEAD, power)


def spectra(
    film: Array,
    amplitude: Array,
    *,
    wavelength: np.ndarray,
    absorption: Array | np.ndarray,
    exponent: Array | float,
    offset: Array | np.ndarray | float,
) -> Array:
    """Spectra of the optical density, (4.1).

    Parameters
    ----------
    film : Array
        Perovskite G, shape (points,) [mol cm^-2].
    amplitude : Array
        Scattering h at the reference wavelength, as of `scattering_amplitude`, shape (points,) [1].
    wavelength : ndarray
        l, shape (wavelengths,) [nm].
    absorption : Array
        Decadic molar absorption e_p = alpha V_m/ln 10, shape (wavelengths,) [cm^2 mol^-1].
    exponent : Array or float
        Scattering exponent n_s, scalar [1].
    offset : Array or float
        OD_0, shape (wavelengths,) or scalar [1].

    Returns
    -------
    Array
        OD, shape (points, wavelengths) [1].
    """
    profile = jnp.asarray(wavelength / REFERENCE_WAVELENGTH) ** (-exponent)
    absorbed = film[:, None] * jnp.asarray(absorption)
    return absorbed + amplitude[:, None] * profile + jnp.asarray(offset)


def band_weights(wavelength: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Weights that average a spectrum, linear between its wavelengths, over bands.

    Parameters
    ----------
    wavelength : ndarray
        l, increasing, shape (wavelengths,) [nm].
    low, high : ndarray
        Limits of the bands, shape (bands,) [nm].

    Returns
    -------
    ndarray
        Shape (wavelengths, bands) [1]; each column adds up to 1.

    Raises
    ------
    DataError
        If the wavelengths do not increase, a band is empty, or one reaches beyond the spectrum.
    """
    if not np.all(np.diff(wavelength) > 0):
        raise DataError("the wavelengths of a spectrum must increase from point to point")
    columns = []
    for begin, end in zip(low, high, strict=True):
        if not wavelength[0] <= begin < end <= wavelength[-1]:
            raise DataError(
                "a band is not within the spectrum",
                expected=f"a part of {wavelength[0]:g} to {wavelength[-1]:g} nm",
                found=f"{begin:g} to {end:g} nm",
            )
        inside = wavelength[(wavelength > begin) & (wavelength < end)]
        knots = np.concatenate([[begin], inside, [end]])
        hats = np.array([np.interp(knots, wavelength, hat) for hat in np.eye(len(wavelength))])
        columns.append(np.trapezoid(hats, knots) / (end - begin))
    return np.stack(columns, axis=-1)


def band_average(
    spectrum: Array | np.ndarray, wavelength: np.ndarray, low: np.ndarray, high: np.ndarray
) -> Array:
    """Average a spectrum over bands, taking it as linear between its wavelengths.

    Parameters
    ----------
    spectrum : Array
        Values at the wavelengths, shape (..., wavelengths), any unit.
    wavelength : ndarray
        l, increasing, shape (wavelengths,) [nm].
    low, high : ndarray
        Limits of the bands, shape (bands,) [nm].

    Returns
    -------
    Array
        Shape (..., bands), the same unit.

    Raises
    ------
    DataError
        As `band_weights`.
    """
    return jnp.asarray(spectrum) @ jnp.asarray(band_weights(wavelength, low, high))


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
    power: Array | float = 1.0,
) -> Array:
    """Band-averaged optical density.

    OD_b(t) = e_b G(t) + h(t) <(l/l0)^(-n_s)>_b + OD_0b

    Lambert-Beer for the perovskite in the bands below its edge (its absorption above is neglected),
    scattering h by all metallic lead as of `scattering_amplitude`: kappa_s q_tot for u = 1.

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
    power : Array or float
        u > 0, scalar [1].

    Returns
    -------
    Array
        Shape (points, bands) [1].
    """
    absorbs = jnp.asarray(low < ABSORPTION_EDGE, dtype=float)
    profile = scattering_profile(low, high, exponent)
    return (
        absorption * film[:, None] * absorbs
        + scattering_amplitude(lead, scattering, power)[:, None] * profile
        + jnp.asarray(offset)
    )


def window_difference(band_edge: Array, sub_gap: Array) -> Array:
    """Return the paper's correction for scattering, OD_corr = O_b - O_s (4.2).

    Parameters
    ----------
    band_edge, sub_gap : Array
        OD averaged over 500-550 nm and over 550-600 nm, shape (...) each [1].

    Returns
    -------
    Array
        OD_corr = e_b G + (rho_n - 1) h_s + const, shape (...) [1]; `window_bias` is its second
        term.
    """
    return band_edge - sub_gap


def window_ratio(exponent: Array | float) -> Array:
    """Scattering in the band-edge window over that in the sub-gap window.

    rho_n = <l^(-n)>_b/<l^(-n)>_s (4.3): 1.000, 1.095, 1.200, 1.441 for n = 0, 1, 2, 4.

    Parameters
    ----------
    exponent : Array or float
        Scattering exponent n_s, scalar [1].

    Returns
    -------
    Array
        rho_n, scalar [1].
    """
    low, high = np.array([BAND_EDGE, SUB_GAP]).T
    band_edge, sub_gap = scattering_profile(low, high, exponent)
    return band_edge / sub_gap


def window_bias(sub_gap_scattering: Array | float, exponent: Array | float) -> Array:
    """Scattering that the difference of the windows leaves in, (rho_n - 1) h_s (4.3).

    The paper takes rho_n as 1. Lead grows while the film goes, so the bias hides loss of film.

    Parameters
    ----------
    sub_gap_scattering : Array or float
        h_s, scattering averaged over the sub-gap window, shape (...) [1].
    exponent : Array or float
        Scattering exponent n_s, scalar [1].

    Returns
    -------
    Array
        Shape (...) [1]; 0.010, 0.020, 0.044 for h_s = 0.1 and n = 1, 2, 4.
    """
    return (window_ratio(exponent) - 1) * jnp.asarray(sub_gap_scattering)


def _check(slope: str, place: str) -> None:
    known = get_args(Slope.__value__)
    if slope not in known:
        raise StudyError(
            "a rate of change of OD needs a known convention",
            place=place,
            expected=" or ".join(known),
            found=slope,
        )


def convert_slope(
    slope: Array | np.ndarray,
    sweep: Array | np.ndarray,
    scan_rate: float,
    *,
    given: Slope,
    wanted: Slope,
) -> Array:
    """Express a rate of change of OD in another convention.

    dOD/dE = (dOD/dt)/(dE/dt) with dE/dt = -v on cathodic and +v on anodic sweeps (4.6). So a film
    that goes has dOD/dt < 0 on either sweep, dOD/dE > 0 on the cathodic and < 0 on the anodic one,
    and (1/v) dOD/dt, which the paper plots as dOD/dV, < 0 on both.

    Parameters
    ----------
    slope : Array
        The rate of change in the convention `given`, shape (...) [s^-1 or V^-1].
    sweep : Array
        dE/dt, signed, of a shape that broadcasts with (...) [V s^-1].
    scan_rate : float
        Nominal scan rate v > 0, scalar [V s^-1].
    given, wanted : {"dOD/dt", "dOD/dE", "dOD/dt/v"}
        The conventions, see `Slope`.

    Returns
    -------
    Array
        Shape (...) [s^-1 or V^-1]. **NaN** where dOD/dE is given or wanted (and not both) and
        the potential stands still, |dE/dt| <= `HOLD` v: at a hold and at a turning point dOD/dE
        does not exist, and from it dOD/dt cannot be had. Leave those points out of a likelihood.
        Derivatives there are 0, so that masked points do not spoil those of the others.

    Raises
    ------
    StudyError
        If a convention is not known.
    """
    _check(given, "given")
    _check(wanted, "wanted")
    slope, sweep = jnp.asarray(slope), jnp.asarray(sweep)
    if given == wanted:
        return slope
    moving = jnp.abs(sweep) > HOLD * scan_rate
    speed = jnp.where(moving, sweep, 1.0)
    rate = slope
    if given == "dOD/dE":
        rate = jnp.where(moving, jnp.where(moving, slope, 0.0) * speed, jnp.nan)
    elif given == "dOD/dt/v":
        rate = slope * scan_rate
    if wanted == "dOD/dE":
        return jnp.where(moving, rate / speed, jnp.nan)
    return rate / scan_rate if wanted == "dOD/dt/v" else rate


def faradaic_rate(
    current: Array,
    dissolution: Array | float,
    *,
    absorption: Array | float,
    electrons: Array | float = 2.0,
) -> Array:
    """Rate of change of OD_corr by decomposition and dissolution.

    dOD_corr/dt = e_b [I_dec/(n_opt F) - N] (4.4, there for n_opt = 2)

    Parameters
    ----------
    current : Array
        Current density of decomposition I_dec, cathodic and so <= 0, shape (points,) [A cm^-2].
    dissolution : Array or float
        Dissolution without current N >= 0, shape (points,) or scalar [mol cm^-2 s^-1].
    absorption : Array or float
        e_b, scalar [cm^2 mol^-1].
    electrons : Array or float
        n_opt, electrons for each formula unit that stops absorbing, scalar [1].

    Returns
    -------
    Array
        Shape (points,) [s^-1].
    """
    return absorption * (current / (electrons * FARADAY) - dissolution)


def faradaic_change(
    charge: Array | float, *, absorption: Array | float, electrons: Array | float = 2.0
) -> Array:
    """Change of OD_corr that a charge of decomposition makes.

    Delta OD = -e_b |Q_dec|/(n_opt F) (4.5)

    n_opt = 2 for CsPbBr3 + 2 e- = Pb + Cs+ + 3 Br-; 1.5 where it stops at Cs4PbBr6, which does not
    absorb at 500-550 nm (4 CsPbBr3 + 6 e- = Cs4PbBr6 + 3 Pb + 6 Br-).

    Parameters
    ----------
    charge : Array or float
        Q_dec, taken without its sign, shape (...) [C cm^-2]. The derivative at 0 is that for a
        charge counted as positive.
    absorption : Array or float
        e_b, scalar [cm^2 mol^-1].
    electrons : Array or float
        n_opt, scalar [1].

    Returns
    -------
    Array
        Delta OD <= 0, shape (...) [1].
    """
    charge = jnp.asarray(charge)
    amount = jnp.where(charge < 0, -charge, charge) / (electrons * FARADAY)
    return -absorption * amount
