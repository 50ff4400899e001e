"""Decomposition potentials of A_a B_b X_x from its solubility product.

All potentials are in V against one reference (Fc+/Fc in the same medium), all activities are
relative to c° = 1 M. Never mix a thermodynamic potential with a conditional solubility product:
see `conditional_ln_ksp` and `conditional_metal_potential`.
"""

from __future__ import annotations

import numpy as np

from perovec_bayes.chemistry._checks import (
    Values,
    frequency,
    ln_activity,
    require_finite,
    require_positive,
)
from perovec_bayes.chemistry.stoichiometry import CSPBBR3, Stoichiometry
from perovec_bayes.constants import ROOM_TEMPERATURE, STANDARD_CONCENTRATION


def cathodic_potential(
    e_metal: Values,
    ln_ksp: Values,
    stoich: Stoichiometry = CSPBBR3,
    *,
    activity_a: Values = 1.0,
    activity_x: Values = 1.0,
    activity_metal: Values = 1.0,
    temperature: float = ROOM_TEMPERATURE,
) -> Values:
    """Return the potential of A_aB_bX_x + 2b e- = b B + a A+ + x X-.

    Equation (1.5), the Nernst equation of reaction (1.2):
    E_dec = E°_B + (1/2bf) [ln K_sp - a ln a_A - x ln a_X - b ln a_B0]. With the default unit
    activities and a, b, x = 1, 1, 3 it is Mulder et al., JACS 2024, 146, 24415, eq. 3; the
    decomposition potentials of semiconductors go back to Gerischer, J. Electroanal. Chem. 1977,
    82, 133.

    Parameters
    ----------
    e_metal : float or ndarray
        E°_B, standard (with a conditional K_sp: conditional) potential of B2+/B, any shape [V].
    ln_ksp : float or ndarray
        ln K_sp, broadcastable shape [1].
    stoich : Stoichiometry
        Ions per formula unit; b >= 1.
    activity_a, activity_x, activity_metal : float or ndarray
        a_A, a_X of the ions at the electrode and a_B0 of the metal, broadcastable shapes [1].
    temperature : float
        T, scalar [K].

    Returns
    -------
    float or ndarray
        E_dec, broadcast shape [V].

    Raises
    ------
    StudyError
        If b = 0, or an activity or T is not positive, or ln K_sp is not finite.
    """
    require_finite("ln K_sp", ln_ksp)
    released = stoich.x * ln_activity("X-", activity_x)
    released = released + stoich.a * ln_activity("A+", activity_a)
    released = released + stoich.b * ln_activity("the metal", activity_metal)
    return e_metal + (ln_ksp - released) / (stoich.cathodic_electrons * frequency(temperature))


def anodic_potential(
    e_halogen: Values,
    ln_ksp: Values,
    stoich: Stoichiometry = CSPBBR3,
    *,
    activity_a: Values = 1.0,
    activity_b: Values = 1.0,
    activity_halogen: Values = 1.0,
    temperature: float = ROOM_TEMPERATURE,
) -> Values:
    """Return the potential of A_aB_bX_x = a A+ + b B2+ + (x/2) X2 + x e-.

    Equation (1.6), the Nernst equation of reaction (1.3):
    E_ox = E°_X2 + (1/xf) [-ln K_sp + a ln a_A + b ln a_B + (x/2) ln a_X2]. With the default unit
    activities and x = 3 it is Mulder et al., JACS 2024, 146, 24415, eq. 4.

    Parameters
    ----------
    e_halogen : float or ndarray
        E°_X2, standard potential of X2/X-, any shape [V].
    ln_ksp : float or ndarray
        ln K_sp, broadcastable shape [1].
    stoich : Stoichiometry
        Ions per formula unit.
    activity_a, activity_b, activity_halogen : float or ndarray
        a_A, a_B of the ions and a_X2 of the halogen, broadcastable shapes [1].
    temperature : float
        T, scalar [K].

    Returns
    -------
    float or ndarray
        E_ox, broadcast shape [V].

    Raises
    ------
    StudyError
        If an activity or T is not positive, or ln K_sp is not finite.
    """
    require_finite("ln K_sp", ln_ksp)
    released = 0.5 * stoich.x * ln_activity("X2", activity_halogen)
    released = released + stoich.a * ln_activity("A+", activity_a)
    released = released + stoich.b * ln_activity("B2+", activity_b)
    return e_halogen + (released - ln_ksp) / (stoich.x * frequency(temperature))


def trihalide_potential(
    e_trihalide: Values,
    ln_ksp: Values,
    stoich: Stoichiometry = CSPBBR3,
    *,
    activity_a: Values = 1.0,
    activity_b: Values = 1.0,
    activity_trihalide: Values = 1.0,
    temperature: float = ROOM_TEMPERATURE,
) -> Values:
    """Return the potential of A_aB_bX_x = a A+ + b B2+ + (x/3) X3- + (2x/3) e-.

    Equation (1.7), the Nernst equation of reaction (1.4):
    E_ox' = E°_X3 + (3/2xf) [-ln K_sp + a ln a_A + b ln a_B + (x/3) ln a_X3]. The first oxidation
    of bromide in aprotic media leads to Br3- (Vojinovic, Mentus and Komnenic, J. Electroanal.
    Chem. 2003, 547, 109), so this, not `anodic_potential`, is then the one that counts.

    Parameters
    ----------
    e_trihalide : float or ndarray
        E°_X3, standard potential of X3- + 2 e- = 3 X-, any shape [V].
    ln_ksp : float or ndarray
        ln K_sp, broadcastable shape [1].
    stoich : Stoichiometry
        Ions per formula unit.
    activity_a, activity_b, activity_trihalide : float or ndarray
        a_A, a_B and a_X3 of the ions, broadcastable shapes [1].
    temperature : float
        T, scalar [K].

    Returns
    -------
    float or ndarray
        E_ox', broadcast shape [V].

    Raises
    ------
    StudyError
        If an activity or T is not positive, or ln K_sp is not finite.
    """
    require_finite("ln K_sp", ln_ksp)
    released = stoich.x / 3.0 * ln_activity("X3-", activity_trihalide)
    released = released + stoich.a * ln_activity("A+", activity_a)
    released = released + stoich.b * ln_activity("B2+", activity_b)
    return e_trihalide + 1.5 * (released - ln_ksp) / (stoich.x * frequency(temperature))


def actual_potential(
    e_metal: Values,
    ln_ksp: Values,
    c_a: Values,
    c_x: Values,
    stoich: Stoichiometry = CSPBBR3,
    *,
    activity_metal: Values = 1.0,
    temperature: float = ROOM_TEMPERATURE,
) -> Values:
    """Return the decomposition potential at the ion concentrations beside the electrode.

    Equation (1.9): `cathodic_potential` with a_A = c_A/c° and a_X = c_X/c° (ideal solution, or
    conditional E and K_sp). Not given in Mulder et al., whose eq. 3 has both at 1 M. If the
    solution is saturated, it equals the Nernst potential of B2+/B whatever K_sp is.

    Parameters
    ----------
    e_metal : float or ndarray
        E°'_B, formal potential of B2+/B, any shape [V].
    ln_ksp : float or ndarray
        ln K_sp, broadcastable shape [1].
    c_a, c_x : float or ndarray
        c_A and c_X at the electrode, broadcastable shapes [mol cm^-3]; `c_a` has no effect on a
        salt without A.
    stoich : Stoichiometry
        Ions per formula unit; b >= 1.
    activity_metal : float or ndarray
        a_B0 of the metal, broadcastable shape [1].
    temperature : float
        T, scalar [K].

    Returns
    -------
    float or ndarray
        E_dec, broadcast shape [V].

    Raises
    ------
    StudyError
        If b = 0, or a concentration, activity or T is not positive.
    """
    return cathodic_potential(
        e_metal,
        ln_ksp,
        stoich,
        activity_a=c_a / STANDARD_CONCENTRATION,
        activity_x=c_x / STANDARD_CONCENTRATION,
        activity_metal=activity_metal,
        temperature=temperature,
    )


def saturated_potential(
    e_metal: Values,
    s: Values,
    stoich: Stoichiometry = CSPBBR3,
    *,
    temperature: float = ROOM_TEMPERATURE,
) -> Values:
    """Return the decomposition potential in a solution saturated by the film alone.

    Equation (1.9) at c_A = a s, c_B = b s, c_X = x s, where it becomes
    E = E°'_B + (1/2f) ln(b s/c°): only one decade of s counts, not a + b + x of them.

    Parameters
    ----------
    e_metal : float or ndarray
        E°'_B, formal potential of B2+/B, any shape [V].
    s : float or ndarray
        Solubility in formula units, broadcastable shape [mol cm^-3].
    stoich : Stoichiometry
        Ions per formula unit; b >= 1.
    temperature : float
        T, scalar [K].

    Returns
    -------
    float or ndarray
        E, broadcast shape [V].

    Raises
    ------
    StudyError
        If b = 0, or s or T is not positive.

    Examples
    --------
    The shift against E°'(Pb2+/Pb) for CsPbBr3 in propylene carbonate:

    >>> print(f"{saturated_potential(0.0, 2.38e-6):.3f} V")
    -0.078 V
    """
    require_positive("solubility s [mol cm^-3]", s)
    ln_b = stoich.b * np.log(stoich.b * s / STANDARD_CONCENTRATION)
    return e_metal + ln_b / (stoich.cathodic_electrons * frequency(temperature))
