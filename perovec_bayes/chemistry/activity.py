"""Debye-Hueckel activity coefficients; concentrations in mol cm^-3, lengths in cm."""

from __future__ import annotations

import math

import numpy as np

from perovec_bayes.chemistry._checks import Values, require_non_negative, require_positive
from perovec_bayes.constants import (
    AVOGADRO,
    BOLTZMANN,
    ELEMENTARY_CHARGE,
    ROOM_TEMPERATURE,
    STANDARD_CONCENTRATION,
    VACUUM_PERMITTIVITY,
)


def bjerrum_length(eps_r: Values, *, temperature: float = ROOM_TEMPERATURE) -> Values:
    """Return the distance at which two unit charges attract with kT.

    l_B = e^2 / (4 pi eps_0 eps_r k T), from Coulomb's law.

    Parameters
    ----------
    eps_r : float or ndarray
        Relative permittivity, any shape [1].
    temperature : float
        T, scalar [K].

    Returns
    -------
    float or ndarray
        l_B, shape of `eps_r` [cm].

    Raises
    ------
    StudyError
        If eps_r or T is not positive.

    Examples
    --------
    >>> print(f"{1e7 * bjerrum_length(64.9):.2f} nm")
    0.86 nm
    """
    require_positive("relative permittivity", eps_r)
    require_positive("temperature T [K]", temperature)
    energy_times_metre = ELEMENTARY_CHARGE**2 / (4.0 * np.pi * VACUUM_PERMITTIVITY)
    return 100.0 * energy_times_metre / (eps_r * BOLTZMANN * temperature)


def debye_hueckel_b(eps_r: Values, *, temperature: float = ROOM_TEMPERATURE) -> Values:
    """Return B of the extended Debye-Hueckel law, the inverse Debye length at I = 1 M.

    B = sqrt(8 pi l_B N_A c°) (Debye and Hueckel, Phys. Z. 1923, 24, 185).

    Parameters
    ----------
    eps_r : float or ndarray
        Relative permittivity, any shape [1].
    temperature : float
        T, scalar [K].

    Returns
    -------
    float or ndarray
        B, shape of `eps_r` [cm^-1].

    Raises
    ------
    StudyError
        If eps_r or T is not positive.
    """
    length = bjerrum_length(eps_r, temperature=temperature)
    return np.sqrt(8.0 * np.pi * AVOGADRO * STANDARD_CONCENTRATION * length)


def debye_hueckel_a(eps_r: Values, *, temperature: float = ROOM_TEMPERATURE) -> Values:
    """Return A of the Debye-Hueckel law for decadic logarithms and I/c°.

    A = l_B B / (2 ln 10) (Debye and Hueckel, Phys. Z. 1923, 24, 185).

    Parameters
    ----------
    eps_r : float or ndarray
        Relative permittivity, any shape [1].
    temperature : float
        T, scalar [K].

    Returns
    -------
    float or ndarray
        A, shape of `eps_r` [1].

    Raises
    ------
    StudyError
        If eps_r or T is not positive.
    """
    length = bjerrum_length(eps_r, temperature=temperature)
    return length * debye_hueckel_b(eps_r, temperature=temperature) / (2.0 * math.log(10.0))


def log10_activity_coefficient(
    charge: int,
    ionic_strength: Values,
    eps_r: Values,
    ion_size: Values = 5e-8,
    *,
    temperature: float = ROOM_TEMPERATURE,
) -> Values:
    """Return log10 of the activity coefficient of a free ion.

    Equation (1.11), the extended law of Debye and Hueckel, Phys. Z. 1923, 24, 185:
    log10 g = -A z^2 sqrt(I/c°) / (1 + B å sqrt(I/c°)). It needs l_B |z+ z-| / 2å of about 1 or
    less: usable in PC, marginal in MeCN and PhCN, meaningless in THF and DCM unless I counts the
    free ions only.

    Parameters
    ----------
    charge : int
        z, charge number [1].
    ionic_strength : float or ndarray
        I of the free ions, any shape [mol cm^-3].
    eps_r : float or ndarray
        Relative permittivity, broadcastable shape [1].
    ion_size : float or ndarray
        å, distance of closest approach, broadcastable shape [cm]; 4e-8 to 6e-8 is usual.
    temperature : float
        T, scalar [K].

    Returns
    -------
    float or ndarray
        log10 g, broadcast shape [1].

    Raises
    ------
    StudyError
        If I or å is negative, or eps_r or T is not positive.
    """
    require_non_negative("ionic strength [mol cm^-3]", ionic_strength)
    require_non_negative("ion size [cm]", ion_size)
    root = np.sqrt(ionic_strength / STANDARD_CONCENTRATION)
    a = debye_hueckel_a(eps_r, temperature=temperature)
    b = debye_hueckel_b(eps_r, temperature=temperature)
    return -a * charge**2 * root / (1.0 + b * ion_size * root)
