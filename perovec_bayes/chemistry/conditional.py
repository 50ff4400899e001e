"""Constants conditional on total (measured) concentrations instead of activities of free ions."""

from __future__ import annotations

import numpy as np

from perovec_bayes.chemistry._checks import (
    Values,
    frequency,
    require_between,
    require_finite,
    require_positive,
)
from perovec_bayes.chemistry.stoichiometry import CSPBBR3, Stoichiometry
from perovec_bayes.constants import ROOM_TEMPERATURE


def conditional_ln_ksp(
    ln_ksp: Values,
    stoich: Stoichiometry = CSPBBR3,
    *,
    alpha_a: Values = 1.0,
    alpha_b: Values = 1.0,
    alpha_x: Values = 1.0,
    gamma_a: Values = 1.0,
    gamma_b: Values = 1.0,
    gamma_x: Values = 1.0,
) -> Values:
    """Return the logarithm of the product of total concentrations at saturation.

    Equation (1.13):
    K'_sp = c_A^a c_B^b c_X^x = K_sp (alpha_A/g_A)^a (alpha_B/g_B)^b (alpha_X/g_X)^x,
    with the side-reaction coefficient alpha = total / free concentration (Ringbom, Complexation in
    Analytical Chemistry, Interscience 1963). What ICP-OES gives is K'_sp; it goes with
    `conditional_metal_potential`, never with a thermodynamic potential.

    Parameters
    ----------
    ln_ksp : float or ndarray
        ln K_sp, any shape [1].
    stoich : Stoichiometry
        Ions per formula unit.
    alpha_a, alpha_b, alpha_x : float or ndarray
        Side-reaction coefficients of A+, B2+ and X-, at least 1, broadcastable shapes [1].
    gamma_a, gamma_b, gamma_x : float or ndarray
        g, activity coefficients of the free ions, broadcastable shapes [1].

    Returns
    -------
    float or ndarray
        ln K'_sp, broadcast shape [1].

    Raises
    ------
    StudyError
        If ln K_sp is not finite, an alpha is below 1 or a g is not positive.
    """
    require_finite("ln K_sp", ln_ksp)
    shift_a = stoich.a * _ln_ratio("A+", alpha_a, gamma_a)
    shift_b = stoich.b * _ln_ratio("B2+", alpha_b, gamma_b)
    shift_x = stoich.x * _ln_ratio("X-", alpha_x, gamma_x)
    return ln_ksp + shift_a + shift_b + shift_x


def conditional_metal_potential(
    e_metal: Values,
    alpha_b: Values,
    gamma_b: Values = 1.0,
    *,
    temperature: float = ROOM_TEMPERATURE,
) -> Values:
    """Return the formal potential of B2+/B for total instead of free B2+.

    Equation (1.14): E°'_cond = E°_B - (1/2f) ln(alpha_B / g_B), the Nernst equation with
    a_B = g_B c_B / alpha_B (Ringbom, Complexation in Analytical Chemistry, Interscience 1963).

    Parameters
    ----------
    e_metal : float or ndarray
        E°_B, standard potential, any shape [V].
    alpha_b : float or ndarray
        Side-reaction coefficient of B2+, at least 1, broadcastable shape [1].
    gamma_b : float or ndarray
        g, activity coefficient of free B2+, broadcastable shape [1].
    temperature : float
        T, scalar [K].

    Returns
    -------
    float or ndarray
        E°'_cond, broadcast shape [V].

    Raises
    ------
    StudyError
        If alpha is below 1, or g or T is not positive.
    """
    require_finite("standard potential of B2+/B [V]", e_metal)
    return e_metal - _ln_ratio("B2+", alpha_b, gamma_b) / (2.0 * frequency(temperature))


def _ln_ratio(ion: str, alpha: Values, gamma: Values) -> Values:
    require_between(f"side-reaction coefficient of {ion}", alpha, 1.0, np.finfo(float).max)
    require_positive(f"activity coefficient of {ion}", gamma)
    return np.log(alpha / gamma)
