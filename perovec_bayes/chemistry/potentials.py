"""Decomposition potentials of A_a B_b X_x from its solubility product.

All potentials are in V against one reference (Fc+/Fc in the same medium), all activities are
relative to c° = 1 M. Never mix a thermodynamic potential with a conditional solubility product:
see `conditional_ln_ksp` and `conditional_metal_potential`.
"""

from __future__ import annotations

import numpy as np

from perovec_bayes.chemistry._checks import (
    Values,
    require_between,
    require_finite,
    require_non_negative,
    require_positive,
)
from perovec_bayes.chemistry.stoichiometry import CSPBBR3, Stoichiometry
from perovec_bayes.constants import ROOM_TEMPERATURE, STANDARD_CONCENTRATION, thermal_frequency
from perovec_bayes.errors import StudyError


def _electrons(stoich: Stoichiometry) -> int:
    if stoich.b == 0:
        raise StudyError("a salt without B2+ has no metal to deposit", expected="b >= 1")
    return stoich.cathodic_electrons


def _frequency(temperature: float) -> float:
    require_positive("temperature T [K]", temperature)
    return thermal_frequency(temperature)


def _ln_activity(name: str, activity: Values) -> Values:
    require_positive(f"activity of {name}", activity)
    return np.log(activity)


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
    released = stoich.x * _ln_activity("X-", activity_x)
    released = released + stoich.a * _ln_activity("A+", activity_a)
    released = released + stoich.b * _ln_activity("the metal", activity_metal)
    return e_metal + (ln_ksp - released) / (_electrons(stoich) * _frequency(temperature))


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
    released = 0.5 * stoich.x * _ln_activity("X2", activity_halogen)
    released = released + stoich.a * _ln_activity("A+", activity_a)
    released = released + stoich.b * _ln_activity("B2+", activity_b)
    return e_halogen + (released - ln_ksp) / (stoich.x * _frequency(temperature))


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
    released = stoich.x / 3.0 * _ln_activity("X3-", activity_trihalide)
    released = released + stoich.a * _ln_activity("A+", activity_a)
    released = released + stoich.b * _ln_activity("B2+", activity_b)
    return e_trihalide + 1.5 * (released - ln_ksp) / (stoich.x * _frequency(temperature))


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
        c_A and c_X at the electrode, broadcastable shapes [mol cm^-3]; c_a only has to be positive
        where the salt has no A.
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
    """
    require_positive("solubility s [mol cm^-3]", s)
    _electrons(stoich)
    ln_b = np.log(stoich.b * s / STANDARD_CONCENTRATION)
    return e_metal + ln_b / (2.0 * _frequency(temperature))


def solvent_shift(
    s_1: Values, s_2: Values, m: Values, *, temperature: float = ROOM_TEMPERATURE
) -> Values:
    """Return E_dec in solvent 1 minus solvent 2 when a formula unit dissolves as m species.

    Equation (1.15): (m/2f) ln(s_1/s_2), from K_m proportional to s^m and two electrons per Pb.
    m = 5 is full dissociation, as in Mulder et al., JACS 2024, 146, 24415 (their 0.75 V);
    m = 4: PbBr+ + Cs+ + 2 Br-; m = 3: PbBr2 + Cs+ + Br-; m = 2: PbBr3- + Cs+. Each m takes its own
    Pb couple as equal in both solvents.

    Parameters
    ----------
    s_1, s_2 : float or ndarray
        Solubilities in the two solvents, any broadcastable shapes [mol cm^-3].
    m : float or ndarray
        Number of dissolved species per formula unit, 1 to 5, broadcastable shape [1].
    temperature : float
        T, scalar [K].

    Returns
    -------
    float or ndarray
        E_dec(1) - E_dec(2), broadcast shape [V].

    Raises
    ------
    StudyError
        If a solubility or T is not positive, or m is outside 1 to 5.
    """
    require_positive("solubility s_1 [mol cm^-3]", s_1)
    require_positive("solubility s_2 [mol cm^-3]", s_2)
    require_between("number of dissolved species m", m, 1, 5)
    return m * np.log(s_1 / s_2) / (2.0 * _frequency(temperature))


def partial_decomposition_potential(
    e_metal: Values,
    ln_ksp_113: Values,
    ln_ksp_416: Values,
    *,
    activity_x: Values = 1.0,
    temperature: float = ROOM_TEMPERATURE,
) -> Values:
    """Return the potential of 4 CsPbBr3 + 6 e- = 3 Pb + Cs4PbBr6 + 6 Br-.

    Equation (1.17): E = E°_Pb + (1/6f) [4 ln K_113 - ln K_416 - 6 ln a_Br], the Nernst equation of
    a decomposition that keeps all Cs+ in the solid (1.5 electrons per CsPbBr3).

    Parameters
    ----------
    e_metal : float or ndarray
        E°_Pb, standard potential of Pb2+/Pb, any shape [V].
    ln_ksp_113, ln_ksp_416 : float or ndarray
        ln K_sp of CsPbBr3 and of Cs4PbBr6, broadcastable shapes [1].
    activity_x : float or ndarray
        a_Br, activity of Br- at the electrode, broadcastable shape [1].
    temperature : float
        T, scalar [K].

    Returns
    -------
    float or ndarray
        E, broadcast shape [V].

    Raises
    ------
    StudyError
        If the activity or T is not positive, or a ln K_sp is not finite.
    """
    require_finite("ln K_sp of CsPbBr3", ln_ksp_113)
    require_finite("ln K_sp of Cs4PbBr6", ln_ksp_416)
    bracket = 4.0 * ln_ksp_113 - ln_ksp_416 - 6.0 * _ln_activity("Br-", activity_x)
    return e_metal + bracket / (6.0 * _frequency(temperature))


def mixed_halide_ln_ksp(ln_ksp_br: Values, ln_ksp_i: Values, y: Values) -> Values:
    """Return ln K_sp of the ideal solid solution APb(Br_(1-y) I_y)3.

    Equation (1.18), stoichiometric saturation with ideal mixing on three halide sites:
    ln K = (1-y) ln K_Br + y ln K_I + 3 [(1-y) ln(1-y) + y ln y]; the ion activity product is
    a_A a_Pb a_Br^(3(1-y)) a_I^(3y). Thorstenson and Plummer's model as reviewed by Glynn and
    Reardon, Am. J. Sci. 1990, 290, 164, with zero excess energy.

    Parameters
    ----------
    ln_ksp_br, ln_ksp_i : float or ndarray
        ln K_sp of the bromide and of the iodide, any shapes that broadcast [1].
    y : float or ndarray
        Iodide fraction of the halide, 0 to 1, broadcastable shape [1].

    Returns
    -------
    float or ndarray
        ln K_sp(y), broadcast shape [1].

    Raises
    ------
    StudyError
        If y is outside 0 to 1 or a ln K_sp is not finite.
    """
    require_between("iodide fraction y", y, 0.0, 1.0)
    require_finite("ln K_sp of the bromide", ln_ksp_br)
    require_finite("ln K_sp of the iodide", ln_ksp_i)
    mixing = _entropy_term(1.0 - y) + _entropy_term(y)
    return (1.0 - y) * ln_ksp_br + y * ln_ksp_i + 3.0 * mixing


def _entropy_term(fraction: Values) -> Values:
    require_non_negative("fraction", fraction)
    return fraction * np.log(np.maximum(fraction, np.finfo(float).tiny))
