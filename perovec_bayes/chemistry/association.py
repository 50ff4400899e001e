"""Ion pairs by the Fuoss model, and diffusion coefficients by Stokes and Einstein.

Concentrations are in mol cm^-3, lengths in cm; constants of association refer to c° = 1 M.
"""

from __future__ import annotations

import numpy as np

from perovec_bayes.chemistry._checks import (
    Values,
    require_between,
    require_non_negative,
    require_positive,
)
from perovec_bayes.chemistry.activity import bjerrum_length
from perovec_bayes.constants import (
    AVOGADRO,
    BOLTZMANN,
    ROOM_TEMPERATURE,
    STANDARD_CONCENTRATION,
)


def fuoss_constant(
    eps_r: Values,
    distance: Values,
    charge_product: int = 1,
    *,
    temperature: float = ROOM_TEMPERATURE,
) -> Values:
    """Return the association constant of a contact ion pair.

    Equation (1.12): K_A = (4 pi N_A å^3 / 3) c° exp(|z+ z-| l_B / å) (Fuoss, J. Am. Chem. Soc.
    1958, 80, 5059). Good to about a decade either way.

    Parameters
    ----------
    eps_r : float or ndarray
        Relative permittivity, any shape [1].
    distance : float or ndarray
        å, distance of the ion centres in contact, broadcastable shape [cm]; 3.7e-8 for Cs+Br-.
    charge_product : int
        |z+ z-| [1]; 2 for Pb2+Br-.
    temperature : float
        T, scalar [K].

    Returns
    -------
    float or ndarray
        K_A relative to c°: its number in M^-1, broadcast shape [1].

    Raises
    ------
    StudyError
        If eps_r, å, |z+ z-| or T is not positive.
    """
    require_positive("contact distance [cm]", distance)
    require_positive("charge product |z+ z-|", charge_product)
    volume = 4.0 * np.pi * AVOGADRO * distance**3 / 3.0
    attraction = charge_product * bjerrum_length(eps_r, temperature=temperature) / distance
    return volume * STANDARD_CONCENTRATION * np.exp(attraction)


def free_fraction(
    association: Values, concentration: Values, activity_coefficient: Values = 1.0
) -> Values:
    """Return the fraction of a 1:1 salt present as free ions.

    Root of the law of mass action of M+ + X- = MX with neutral-pair coefficient 1,
    K_A g^2 (c/c°) alpha^2 = 1 - alpha, written as alpha = 2 / (1 + sqrt(1 + 4 K_A g^2 c/c°)), which
    keeps its digits for weak association. alpha c is the free ionic strength.

    Parameters
    ----------
    association : float or ndarray
        K_A relative to c°, any shape [1].
    concentration : float or ndarray
        c, total salt, broadcastable shape [mol cm^-3].
    activity_coefficient : float or ndarray
        g, mean coefficient of the free ions, broadcastable shape [1]; 1 gives the least free ions.

    Returns
    -------
    float or ndarray
        alpha, broadcast shape [1].

    Raises
    ------
    StudyError
        If K_A or c is negative, or g is not between 0 and 1.
    """
    require_non_negative("association constant", association)
    require_non_negative("concentration [mol cm^-3]", concentration)
    require_between("activity coefficient g", activity_coefficient, 0.0, 1.0)
    strength = association * activity_coefficient**2 * concentration / STANDARD_CONCENTRATION
    return 2.0 / (1.0 + np.sqrt(1.0 + 4.0 * strength))


def stokes_einstein(
    viscosity: Values, radius: Values, *, temperature: float = ROOM_TEMPERATURE
) -> Values:
    """Return the diffusion coefficient of a sphere in a viscous liquid.

    D = kT / (6 pi eta r) (Einstein, Ann. Phys. 1905, 17, 549). For small ions it can be 30 to 50 %
    too low.

    Parameters
    ----------
    viscosity : float or ndarray
        eta, any shape [Pa s].
    radius : float or ndarray
        r, hydrodynamic radius, broadcastable shape [cm].
    temperature : float
        T, scalar [K].

    Returns
    -------
    float or ndarray
        D, broadcast shape [cm^2 s^-1].

    Raises
    ------
    StudyError
        If eta, r or T is not positive.
    """
    require_positive("viscosity [Pa s]", viscosity)
    require_positive("radius [cm]", radius)
    require_positive("temperature T [K]", temperature)
    radius_m = radius / 100.0
    return 1e4 * BOLTZMANN * temperature / (6.0 * np.pi * viscosity * radius_m)
