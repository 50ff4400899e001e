"""Band edges, and whether decomposition lies beyond the conduction band edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perovec_bayes.chemistry._checks import (
    Values,
    frequency,
    ln_activity,
    require_finite,
    require_non_negative,
)
from perovec_bayes.chemistry.stoichiometry import (
    CSPBBR3,
    Stoichiometry,
    solubility_from_ln_ksp,
)
from perovec_bayes.constants import ROOM_TEMPERATURE, STANDARD_CONCENTRATION


def conduction_band_edge(e_vb: Values, gap: Values) -> Values:
    """Return E_CB = E_VB - E_gap.

    On the potential scale 1 eV of gap is 1 V. Mulder et al., JACS 2024, 146, 24415, take
    E_VB = +0.5 V vs Fc+/Fc and the optical gap; the transport gap, larger by the exciton binding
    energy, is the right one.

    Parameters
    ----------
    e_vb : float or ndarray
        E_VB, valence band edge, any shape [V].
    gap : float or ndarray
        E_gap, broadcastable shape [eV].

    Returns
    -------
    float or ndarray
        E_CB, broadcast shape [V].

    Raises
    ------
    StudyError
        If E_VB is not finite or the gap is negative.
    """
    require_finite("valence band edge [V]", e_vb)
    require_non_negative("band gap [eV]", gap)
    return e_vb - gap


def conduction_band_edge_sd(sd_e_vb: Values, sd_gap: Values) -> Values:
    """Return the standard deviation of E_CB for independent errors, sqrt(sd_VB^2 + sd_gap^2).

    Parameters
    ----------
    sd_e_vb, sd_gap : float or ndarray
        Standard deviations of E_VB [V] and of E_gap [eV], broadcastable shapes.

    Returns
    -------
    float or ndarray
        Standard deviation of E_CB, broadcast shape [V].

    Raises
    ------
    StudyError
        If a standard deviation is negative.
    """
    require_non_negative("sd of the valence band edge [V]", sd_e_vb)
    require_non_negative("sd of the band gap [eV]", sd_gap)
    return np.hypot(sd_e_vb, sd_gap)


def beyond_conduction_band(
    e_dec: Values, e_cb: Values, tolerance: Values = 0.0
) -> np.bool_ | NDArray[np.bool_]:
    """Tell, draw by draw, whether electrons reach the conduction band before decomposition.

    Equation (1.16): E_dec < E_CB + d. The criterion is that of Mulder et al., JACS 2024, 146,
    24415 (after Gerischer, J. Electroanal. Chem. 1977, 82, 133); the tolerance is added here. It
    is thermodynamic: slow kinetics can widen the window. The mean over posterior draws is
    P(E_dec < E_CB + d | data).

    Parameters
    ----------
    e_dec, e_cb : float or ndarray
        E_dec and E_CB, broadcastable shapes [V].
    tolerance : float or ndarray
        d, broadcastable shape [V]; 3/f = 0.08 V where the electron density three kT above the band
        edge counts as charging.

    Returns
    -------
    bool or ndarray of bool
        True where charging comes first, broadcast shape.

    Raises
    ------
    StudyError
        If a potential is not finite or d is negative.
    """
    require_finite("decomposition potential [V]", e_dec)
    require_finite("conduction band edge [V]", e_cb)
    require_non_negative("tolerance d [V]", tolerance)
    return np.less(e_dec, e_cb + tolerance)


def ksp_needed(
    e_metal: Values,
    e_cb: Values,
    *,
    tolerance: Values = 0.0,
    c_a: Values = STANDARD_CONCENTRATION,
    c_x: Values = STANDARD_CONCENTRATION,
    stoich: Stoichiometry = CSPBBR3,
    temperature: float = ROOM_TEMPERATURE,
) -> tuple[Values, Values]:
    """Return the K_sp and the solubility below which charging comes before decomposition.

    Equation (1.16) solved for K_sp with (1.9), 2b electrons per formula unit:
    ln K_sp = 2bf (E_CB + d - E°'_B) + a ln(c_A/c°) + x ln(c_X/c°); s then follows from (1.8).
    The solubility is a measure of K_sp (pure solvent, full dissociation), not the solubility in
    presence of c_A and c_X.

    Parameters
    ----------
    e_metal : float or ndarray
        E°'_B, formal potential of B2+/B, any shape [V].
    e_cb : float or ndarray
        E_CB, broadcastable shape [V].
    tolerance : float or ndarray
        d, broadcastable shape [V].
    c_a, c_x : float or ndarray
        Concentrations of A+ and X- at the electrode, broadcastable shapes [mol cm^-3]; 1 M each
        gives the formal criterion.
    stoich : Stoichiometry
        Ions per formula unit; b >= 1.
    temperature : float
        T, scalar [K].

    Returns
    -------
    ln_ksp : float or ndarray
        ln K_sp, broadcast shape [1]: the logarithm, since K_sp can be below any float.
    s : float or ndarray
        Solubility by (1.8), broadcast shape [mol cm^-3].

    Raises
    ------
    StudyError
        If b = 0, a concentration or T is not positive, or d is negative.
    """
    require_finite("formal potential of B2+/B [V]", e_metal)
    require_finite("conduction band edge [V]", e_cb)
    require_non_negative("tolerance d [V]", tolerance)
    released = stoich.a * ln_activity("A+", c_a / STANDARD_CONCENTRATION)
    released = released + stoich.x * ln_activity("X-", c_x / STANDARD_CONCENTRATION)
    slope = stoich.cathodic_electrons * frequency(temperature)
    ln_ksp = slope * (e_cb + tolerance - e_metal) + released
    return ln_ksp, solubility_from_ln_ksp(ln_ksp, stoich)
