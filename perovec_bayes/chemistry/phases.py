"""Other solids than the pure ABX3: partial decomposition and mixed halides."""

from __future__ import annotations

import numpy as np

from perovec_bayes.chemistry._checks import (
    Values,
    frequency,
    ln_activity,
    require_between,
    require_finite,
)
from perovec_bayes.constants import ROOM_TEMPERATURE


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
    bracket = 4.0 * ln_ksp_113 - ln_ksp_416 - 6.0 * ln_activity("Br-", activity_x)
    return e_metal + bracket / (6.0 * frequency(temperature))


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
    return fraction * np.log(np.maximum(fraction, np.finfo(float).tiny))
