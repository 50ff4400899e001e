"""Current after a potential step: diffusion alone, and nucleation with diffusion-limited growth.

A deposit of hemispheres grows on sites that fill at the rate dN/dt = A (N0 - N); diffusion zones
spread over the electrode with area pi k D t each, k = (8 pi c V)^(1/2), and overlap at random
(Avrami). With x = N0 pi k D t, every law below is

    j = -z F c (D/(pi t))^(1/2) (g/h) [1 - exp(-x h)]

| law | onset g | extended coverage h |
|---|---|---|
| instantaneous | 1 | 1 |
| progressive | 2At/3 | 2At/3 |
| Sluyters-Rehbach | Phi | Phi |
| Heerman-Tarallo | Phi | Theta |

Phi = 1 - Daw(sqrt(At))/sqrt(At), Theta = 1 - (1 - e^(-At))/(At). While the zones do not overlap
all four are the current of the independent hemispheres, with g their number weighted by
sqrt(age). Charge-transfer kinetics, R_u, C_dl and parallel reactions are neglected.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import dawsn
from scipy.special import lambertw, poch

from perovec_bayes.constants import FARADAY
from perovec_bayes.forward.electrode import LEAD_MOLAR_VOLUME, NUCLEATION_WIDTH

SERIES_BELOW = 0.5
"""Arguments of Phi, Theta and (1 - e^-x)/x below which their power series are used [1]."""
SERIES_TERMS = 16
ASYMPTOTIC_ABOVE = 100.0
"""Argument of Phi above which its asymptotic series is used [1]."""
ASYMPTOTIC_TERMS = 12
GAUSS_POINTS = 8
"""Points in a window that a transient is averaged over [1]."""


class NucleationParameters(NamedTuple):
    """Parameters of the nucleation transients (all scalar, positive)."""

    c: Array | float
    """Bulk concentration of the metal ion c [mol cm^-3]."""
    D: Array | float
    """Its diffusion coefficient D [cm^2 s^-1]."""
    N0: Array | float
    """Number density of nucleation sites N0 [cm^-2]."""
    A: Array | float
    """Nucleation rate per free site A [s^-1]."""
    V: Array | float = LEAD_MOLAR_VOLUME
    """Molar volume of the deposit V [cm^3 mol^-1]; lead by default."""
    z: Array | float = 2.0
    """Electrons per ion z [1]."""


class Limit(NamedTuple):
    """A limiting law of nucleation, x ~ t^order, and the constants of its maximum (I_m, t_m)."""

    order: int
    """Order of growth of the extended coverage x in time [1]."""
    root: float
    """x at the maximum: 1 - e^-x = 2 order x e^-x [1]."""
    scale: float
    """(1 - e^-root)^-2 [1]."""
    product: float
    """I_m^2 t_m / ((zFc)^2 D) = 1/(pi scale) [1]."""


def _limit(order: int) -> Limit:
    slope = 2 * order
    root = -1 / slope - float(lambertw(-math.exp(-1 / slope) / slope, -1).real)
    scale = math.expm1(-root) ** -2
    return Limit(order, root, scale, 1 / (math.pi * scale))


INSTANTANEOUS = _limit(1)
"""All sites are nuclei from the start: 1.2564, 1.9543, 0.1629."""
PROGRESSIVE = _limit(2)
"""Nuclei appear at the constant rate A N0: 2.3367, 1.2254, 0.2598."""


def cottrell(
    time: Array | np.ndarray, c: Array | float, D: Array | float, z: Array | float = 2.0
) -> Array:
    """Diffusion-limited current of a planar electrode; negative, as a deposition is cathodic.

    j = -z F c sqrt(D/(pi t))

    Parameters
    ----------
    time : Array
        Time since the step t, shape (n,) [s].
    c : Array
        Bulk concentration c, scalar [mol cm^-3].
    D : Array
        Diffusion coefficient D, scalar [cm^2 s^-1].
    z : Array
        Electrons per ion z, scalar [1].

    Returns
    -------
    Array
        Current density j <= 0, shape (n,) [A cm^-2]; 0 where t <= 0, before the step. Compare with
        data only for t > 5 R_u C_dl.

    References
    ----------
    Cottrell, F. G. Z. Phys. Chem. 1903, 42, 385.
    """
    started = time > 0
    elapsed = jnp.where(started, time, 1.0)
    return jnp.where(started, -z * FARADAY * c * jnp.sqrt(D / (jnp.pi * elapsed)), 0.0)


def scharifker_hills(
    time: Array | np.ndarray, parameters: NucleationParameters, limit: Limit
) -> Array:
    """Nucleation transient of one of the two limits; negative (cathodic).

    j = -z F c sqrt(D/(pi t)) [1 - e^-x] with x = N0 pi k D t (`INSTANTANEOUS`; A has no effect) or
    x = A N0 pi k' D t^2/2, k' = 4k/3 (`PROGRESSIVE`); k = (8 pi c V)^(1/2)

    Parameters
    ----------
    time : Array
        Time since the step t, shape (n,) [s].
    parameters : NucleationParameters
        Each scalar, units as stated there.
    limit : Limit
        `INSTANTANEOUS` or `PROGRESSIVE`.

    Returns
    -------
    Array
        Current density j <= 0, shape (n,) [A cm^-2]; 0 where t <= 0.

    References
    ----------
    Scharifker, B.; Hills, G. Electrochim. Acta 1983, 28, 879.
    """
    nuclei = (2 * _reduced(time, parameters) / 3) ** (limit.order - 1)
    return _transient(time, parameters, nuclei, nuclei)


def sluyters_rehbach(time: Array | np.ndarray, parameters: NucleationParameters) -> Array:
    """Nucleation transient at any nucleation rate, exact in both limits; negative (cathodic).

    j = -z F c sqrt(D/(pi t)) [1 - exp(-N0 pi k D t Phi)], Phi = 1 - Daw(sqrt(At))/sqrt(At);
    `scharifker_hills` for At >> 1 (instantaneous) and At << 1 (progressive). |j| stays below that
    of `cottrell`.

    Parameters
    ----------
    time : Array
        Time since the step t, shape (n,) [s].
    parameters : NucleationParameters
        Each scalar, units as stated there.

    Returns
    -------
    Array
        Current density j <= 0, shape (n,) [A cm^-2]; 0 where t <= 0.

    References
    ----------
    Sluyters-Rehbach, M.; Wijenberg, J. H. O. J.; Bosco, E.; Sluyters, J. H. J. Electroanal. Chem.
    1987, 236, 1.
    """
    phi = _phi(_reduced(time, parameters))
    return _transient(time, parameters, phi, phi)


def heerman_tarallo(time: Array | np.ndarray, parameters: NucleationParameters) -> Array:
    """Nucleation transient at any nucleation rate, as published; negative (cathodic).

    j = -z F c sqrt(D/(pi t)) (Phi/Theta) {1 - exp[-alpha N0 (pi D t)^(1/2) t^(1/2) Theta]},
    alpha = 2 pi (2 D c V)^(1/2), Phi = 1 - Daw(sqrt(At))/sqrt(At), Theta = 1 - (1 - e^-At)/(At).

    The instantaneous limit (At >> 1) is that of `scharifker_hills`. For At << 1 the progressive one
    is reached only while the zones do not overlap: Phi/Theta -> 4/3, so after full overlap |j| is
    up to 4/3 of that of `cottrell` until At >> 1, and I_m^2 t_m is 16/9 of the progressive value
    with the same shape (I/I_m)^2.

    Parameters
    ----------
    time : Array
        Time since the step t, shape (n,) [s].
    parameters : NucleationParameters
        Each scalar, units as stated there.

    Returns
    -------
    Array
        Current density j <= 0, shape (n,) [A cm^-2]; 0 where t <= 0.

    References
    ----------
    Heerman, L.; Tarallo, A. J. Electroanal. Chem. 1999, 470, 70.
    """
    reduced = _reduced(time, parameters)
    return _transient(time, parameters, _phi(reduced), _theta(reduced))


def dimensionless_transient(ratio: Array | np.ndarray, limit: Limit) -> Array:
    """Square of a transient in units of its maximum, free of all parameters.

    (I/I_m)^2 = scale/tau (1 - exp(-root tau^order))^2, tau = t/t_m

    Parameters
    ----------
    ratio : Array
        tau = t/t_m >= 0, shape (n,) [1].
    limit : Limit
        `INSTANTANEOUS` or `PROGRESSIVE`.

    Returns
    -------
    Array
        (I/I_m)^2, shape (n,) [1]; 0 at tau = 0.

    References
    ----------
    Scharifker, B.; Hills, G. Electrochim. Acta 1983, 28, 879.
    """
    tau = jnp.asarray(ratio)
    rise = limit.root**2 * tau ** (2 * limit.order - 1)
    return limit.scale * rise * _mean_decay(limit.root * tau**limit.order) ** 2


def nucleation_rate(lnA: Array | float, B_n: Array | float, eta: Array | float) -> Array:
    """Nucleation rate of a site at an overpotential, that of the electrode model (2.7).

    A = exp[ln A - B_n/(eta^2 + e^2)]/(1 + exp(eta/w)), e = w = 10 mV

    Parameters
    ----------
    lnA : Array
        ln of the pre-exponential rate, scalar [ln s^-1].
    B_n : Array
        Barrier, scalar [V^2].
    eta : Array
        E - E0' - (RT/2F) ln(c_b/c°), scalar, negative for deposition [V].

    Returns
    -------
    Array
        A, scalar [s^-1].
    """
    barrier = lnA - B_n / (eta * eta + NUCLEATION_WIDTH**2)
    return jnp.exp(barrier) * jax.nn.sigmoid(-eta / NUCLEATION_WIDTH)


def mean_between(law: Callable[[Array | np.ndarray], Array], limits: np.ndarray) -> Array:
    """Return the mean of a transient in windows, by a Gauss rule in the square root of time.

    Parameters
    ----------
    law : callable
        Times since the step, shape (n,) [s], to current densities, shape (n,) [A cm^-2].
    limits : ndarray
        Limits of adjoining windows in times since the step (which is one of them), not decreasing,
        shape (points + 1,) [s].

    Returns
    -------
    Array
        Shape (points,) [A cm^-2]; 0 before the step.
    """
    root = np.sqrt(np.maximum(limits, 0.0))
    x, weight = np.polynomial.legendre.leggauss(GAUSS_POINTS)
    half = np.diff(root)[:, None] / 2
    at = (root[1:] + root[:-1])[:, None] / 2 + half * x
    width = np.diff(limits)
    share = 2 * at * half * weight / np.where(width > 0, width, 1.0)[:, None]
    return jnp.sum(law((at**2).ravel()).reshape(at.shape) * share, axis=1)


def _elapsed(time: Array | np.ndarray) -> Array:
    return jnp.where(time > 0, time, 0.0)


def _reduced(time: Array | np.ndarray, parameters: NucleationParameters) -> Array:
    """Return At, 0 before the step."""
    return parameters.A * _elapsed(time)


def _transient(
    time: Array | np.ndarray, parameters: NucleationParameters, onset: Array, coverage: Array
) -> Array:
    """Return j of the module's docstring, written so that onset and coverage may vanish."""
    p = parameters
    k = jnp.sqrt(8 * jnp.pi * p.c * p.V)
    zones = p.N0 * jnp.pi * k * p.D * _elapsed(time)
    return cottrell(time, p.c, p.D, p.z) * zones * onset * _mean_decay(zones * coverage)


def _mean_decay(x: Array) -> Array:
    """Return (1 - e^-x)/x, the mean of e^-u over 0 < u < x."""
    return _joined(x, SERIES_BELOW, _power_series(2.0), lambda x: -jnp.expm1(-x) / x)


def _theta(x: Array) -> Array:
    """Return 1 - (1 - e^-x)/x."""
    return _joined(x, SERIES_BELOW, _deficit_series(2.0), lambda x: 1 + jnp.expm1(-x) / x)


def _phi(x: Array) -> Array:
    """Return 1 - Daw(sqrt(x))/sqrt(x)."""

    def closed(x: Array) -> Array:
        root = jnp.sqrt(x)
        return 1 - dawsn(root) / root

    def asymptotic(x: Array) -> Array:
        return 1 - jnp.polyval(poch(0.5, np.arange(ASYMPTOTIC_TERMS))[::-1], 1 / x) / (2 * x)

    return _joined(
        x,
        SERIES_BELOW,
        _deficit_series(1.5),
        lambda x: _joined(x, ASYMPTOTIC_ABOVE, closed, asymptotic),
    )


def _power_series(b: float) -> Callable[[Array], Array]:
    """Return Kummer's M(1, b, -x) for small x: (1 - e^-x)/x (b = 2), Daw(sqrt x)/sqrt x (3/2)."""
    n = np.arange(SERIES_TERMS)
    coefficients = (-1.0) ** n / poch(b, n)
    return lambda x: jnp.polyval(coefficients[::-1], x)


def _deficit_series(b: float) -> Callable[[Array], Array]:
    """Return 1 - M(1, b, -x) = (x/b) M(1, b + 1, -x) for small x."""
    series = _power_series(b + 1)
    return lambda x: x / b * series(x)


def _joined(
    x: Array, edge: float, below: Callable[[Array], Array], above: Callable[[Array], Array]
) -> Array:
    """Evaluate each branch only where it is valid, so that derivatives are finite too."""
    is_below = x < edge
    return jnp.where(
        is_below, below(jnp.where(is_below, x, edge)), above(jnp.where(is_below, edge, x))
    )
