"""Photoluminescence of nanocrystals: where the line is, how wide, and how bright.

Equation numbers are those of the project's specification of the physics (section 4.4). Lengths are
in cm here as elsewhere: 8 nm is 8e-7 cm, and 1 meV nm^-1 is 1e4 eV cm^-1.

    E_g(L) = E_inf + 3 hbar^2 pi^2/(2 mu L^2) - E_C                             (4.7)
    I_PL   = C N_vis QY,   QY = k_r/(k_r + k_q)
    k_q    = k_q0 (1 - theta_pass) F_t(phi) + k_Pb q_tot

Intensity has too many mechanisms to be read as an amount: its onset potential, and the position of
the line, are the evidence.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import jax.numpy as jnp
import numpy as np
from jax import Array, nn
from scipy import constants as codata

from perovec_bayes.constants import ROOM_TEMPERATURE, thermal_frequency
from perovec_bayes.errors import StudyError
from perovec_bayes.forward.optics import power_from_zero

CONFINEMENT: float = 1e4 * (codata.hbar * codata.pi) ** 2 / (2 * codata.m_e) / codata.e
"""hbar^2 pi^2/(2 m_0), from CODATA: 0.376 eV nm^2 [eV cm^2]."""
SMALLEST_EDGE = 1e-7
"""Below this edge the gap is continued along its tangent [cm]: (4.7) holds above 6 nm, but a cube
that is used up must have a gap."""
VARIANCE_OF_FWHM = 8 * np.log(2)
"""FWHM^2 of a normal distribution over its variance [1]."""

type Loss = Literal["shrinking", "all_or_none"]
"""How cubes go: all of them get smaller, or one after the other disappears at full size."""


class Cubes(NamedTuple):
    """What is left of a population of cubes, each of shape (points,)."""

    edge: Array
    """Edge L of those left [cm]."""
    share: Array
    """Number left over number at the start [1]."""


class Line(NamedTuple):
    """Position and width of the luminescence, each of shape (points,) or scalar."""

    peak: Array
    """Photon energy at the peak [eV]."""
    fwhm: Array
    """Full width at half maximum [eV]."""


class Brightness(NamedTuple):
    """Parameters of `intensity` (all scalar)."""

    scale: Array | float
    """C, signal of one cube per area with a quantum yield of 1 [signal cm^2]."""
    k_r: Array | float
    """Rate constant of radiative recombination k_r > 0 [s^-1]."""
    k_q0: Array | float
    """Quenching by traps that are all empty and not passivated k_q0 [s^-1]."""
    E_t: Array | float
    """Potential at which half of the traps are filled E_t [V]."""
    k_Pb: Array | float
    """Quenching by metallic lead k_Pb [cm^2 mol^-1 s^-1]."""


def gap(
    edge: Array | np.ndarray | float,
    *,
    bulk_gap: Array | float,
    mass: Array | float,
    coulomb: Array | float = 0.0,
) -> Array:
    """Gap of a cube with infinite walls in the effective-mass approximation.

    E_g(L) = E_inf + 3 hbar^2 pi^2/(2 mu L^2) - E_C (4.7), for L > 6 nm. E_C is held constant; a
    Coulomb energy that grows as 1/L makes the true slope flatter than `gap_slope`.

    Parameters
    ----------
    edge : Array or float
        L, shape (...) [cm]; below `SMALLEST_EDGE` the gap is continued linearly in L, with
        continuous slope, so that value and gradient are finite at L = 0.
    bulk_gap : Array or float
        E_inf, scalar [eV].
    mass : Array or float
        Reduced effective mass mu over the electron mass, scalar [1]; 0.126 to 0.18 for CsPbBr3.
    coulomb : Array or float
        E_C, scalar [eV].

    Returns
    -------
    Array
        E_g, shape (...) [eV].
    """
    edge = jnp.asarray(edge)
    tangent_at = jnp.maximum(edge, SMALLEST_EDGE)
    inverse_square = tangent_at**-2 - 2 * (edge - tangent_at) * tangent_at**-3
    return bulk_gap + 3 * CONFINEMENT / mass * inverse_square - coulomb


def gap_slope(edge: Array | np.ndarray | float, mass: Array | float) -> Array:
    """Slope of the gap, dE_g/dL = -3 hbar^2 pi^2/(mu L^3), the derivative of (4.7).

    Parameters
    ----------
    edge : Array or float
        L, shape (...) [cm]; below `SMALLEST_EDGE` the slope is that at `SMALLEST_EDGE`.
    mass : Array or float
        mu over the electron mass, scalar [1].

    Returns
    -------
    Array
        Shape (...) [eV cm^-1]; -35, -25, -18 meV nm^-1 at 8, 9, 10 nm for mu = 0.126.
    """
    return -6 * CONFINEMENT / mass * jnp.maximum(jnp.asarray(edge), SMALLEST_EDGE) ** -3


def etched_edge(time: np.ndarray, rate: Array, edge: Array | float, molar_volume: float) -> Array:
    """Edge of a cube that is etched on all faces.

    dL/dt = -2 V_m v_surf, two opposite faces; trapezium rule in time.

    Parameters
    ----------
    time : ndarray
        t, increasing, shape (points,) [s].
    rate : Array
        Etching v_surf per area of the true facets (not of the electrode), shape (points,) or, for
        classes of cubes that differ by their ligands, (points, classes) [mol cm^-2 s^-1].
    edge : Array or float
        L at time[0], scalar or shape (classes,) [cm].
    molar_volume : float
        V_m, scalar [cm^3 mol^-1].

    Returns
    -------
    Array
        L, of the shape of `rate` [cm]; 0 once the cube is used up.
    """
    rate = jnp.asarray(rate)
    steps = ((rate[1:] + rate[:-1]).T / 2 * np.diff(time)).T
    etched = jnp.concatenate([jnp.zeros_like(rate[:1]), jnp.cumsum(steps, axis=0)])
    return jnp.maximum(edge - 2 * molar_volume * etched, 0.0)


def remaining_cubes(
    film: Array | np.ndarray, film0: Array | float, edge: Array | float, loss: Loss
) -> Cubes:
    """Cubes that make up what is left of the film.

    "shrinking": L = L0 (G/G0)^(1/3), their number is constant. "all_or_none": L = L0, their number
    goes as G/G0: the film fades and the line stays.

    Parameters
    ----------
    film : Array
        Perovskite G, shape (points,) [mol cm^-2].
    film0 : Array or float
        G0, at which the edge is L0, scalar [mol cm^-2].
    edge : Array or float
        L0, scalar [cm].
    loss : {"shrinking", "all_or_none"}
        How cubes go.

    Returns
    -------
    Cubes
        Edge and number; dL/dG is finite at G = 0 (the cube root is `optics.power_from_zero`).

    Raises
    ------
    StudyError
        If the way of loss is not known.
    """
    left = jnp.asarray(film) / film0
    match loss:
        case "shrinking":
            return Cubes(edge * power_from_zero(left, 1 / 3), jnp.ones_like(left))
        case "all_or_none":
            return Cubes(edge * jnp.ones_like(left), left)
    raise StudyError(
        "this way of losing cubes is not known",
        expected=" or ".join(get_args(Loss.__value__)),
        found=loss,
    )


def emission_line(
    edge: Array | np.ndarray,
    weight: Array | np.ndarray,
    *,
    bulk_gap: Array | float,
    mass: Array | float,
    coulomb: Array | float = 0.0,
    fwhm0: Array | float,
) -> Line:
    """Position and width of the line of cubes of several sizes.

    The peak is the PL-weighted mean of E_g(L); FWHM^2 = FWHM0^2 + 8 ln 2 (dE_g/dL)^2 var(L), the
    slope at the mean edge. (Section 4.4 leaves 8 ln 2 out, which turns a variance into the square
    of a FWHM for normal distributions.)

    Parameters
    ----------
    edge : Array
        L of each class, shape (..., classes) [cm].
    weight : Array
        Share of each class in the luminescence, in any unit, shape (..., classes). Where all are
        0 there is no line, and its place is by convention that of equal weights.
    bulk_gap, mass, coulomb : Array or float
        As in `gap`, scalar [eV], [1], [eV].
    fwhm0 : Array or float
        FWHM0 > 0 of cubes of one size, scalar [eV].

    Returns
    -------
    Line
        Peak and width, shape (...) each [eV].
    """
    edge, weight = jnp.asarray(edge), jnp.asarray(weight)
    dark = jnp.sum(weight, axis=-1, keepdims=True) <= 0
    weight = jnp.where(dark, 1.0, weight)
    share = weight / jnp.sum(weight, axis=-1, keepdims=True)
    energy = gap(edge, bulk_gap=bulk_gap, mass=mass, coulomb=coulomb)
    mean = jnp.sum(share * edge, axis=-1)
    variance = jnp.sum(share * (edge - mean[..., None]) ** 2, axis=-1)
    broadening = VARIANCE_OF_FWHM * gap_slope(mean, mass) ** 2 * variance
    return Line(jnp.sum(share * energy, axis=-1), jnp.sqrt(fwhm0**2 + broadening))


def empty_traps(
    phi: Array | np.ndarray | float, E_t: Array | float, temperature: float = ROOM_TEMPERATURE
) -> Array:
    """Share of traps that hold no electron, F_t = 1/(1 + exp(-f (phi - E_t))).

    Parameters
    ----------
    phi : Array or float
        Potential at the electrode, shape (...) [V].
    E_t : Array or float
        Potential at which half are filled, scalar [V].
    temperature : float
        T, scalar [K].

    Returns
    -------
    Array
        F_t, shape (...) [1]: 0 well negative of E_t, 1 well positive.
    """
    return nn.sigmoid(thermal_frequency(temperature) * (jnp.asarray(phi) - E_t))


def quantum_yield(
    radiative: Array | np.ndarray | float, quenching: Array | np.ndarray | float
) -> Array:
    """Return QY = k_r/(k_r + k_q).

    Parameters
    ----------
    radiative : Array or float
        k_r > 0, shape (...) [s^-1].
    quenching : Array or float
        k_q >= 0, shape (...) [s^-1].

    Returns
    -------
    Array
        QY, shape (...) [1].
    """
    return jnp.asarray(radiative / (radiative + quenching))


def intensity(
    parameters: Brightness,
    visible: Array | np.ndarray,
    phi: Array | np.ndarray,
    lead: Array | np.ndarray,
    passivation: Array | np.ndarray | float,
    temperature: float = ROOM_TEMPERATURE,
) -> Array:
    """Intensity of the luminescence.

    I_PL = C N_vis k_r/(k_r + k_q) with k_q = k_q0 (1 - theta_pass) F_t(phi) + k_Pb q_tot. Only
    k_q0/k_r and k_Pb/k_r can be told from it, and C only together with N_vis.

    Parameters
    ----------
    parameters : Brightness
        Each scalar, units as stated there.
    visible : Array
        Number of cubes that are seen N_vis, shape (points,) [cm^-2].
    phi : Array
        Potential at the electrode, shape (points,) [V].
    lead : Array
        Metallic lead q_tot, shape (points,) [mol cm^-2].
    passivation : Array or float
        Share of traps that are passivated theta_pass, shape (points,) or scalar [1].
    temperature : float
        T, scalar [K].

    Returns
    -------
    Array
        I_PL, shape (points,) [signal].
    """
    p = parameters
    traps = p.k_q0 * (1 - passivation) * empty_traps(phi, p.E_t, temperature)
    quenching = traps + p.k_Pb * jnp.asarray(lead)
    return p.scale * jnp.asarray(visible) * quantum_yield(p.k_r, quenching)
