"""Solubility product and solubility of a salt A_a B_b X_x of A+, B2+ and X-."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from perovec_bayes.chemistry._checks import (
    Values,
    require_finite,
    require_non_negative,
    require_positive,
)
from perovec_bayes.constants import STANDARD_CONCENTRATION
from perovec_bayes.errors import StudyError


@dataclass(frozen=True)
class Stoichiometry:
    """Numbers of ions in a formula unit A_a B_b X_x with A+, B2+ and X-, equation (1.1).

    Parameters
    ----------
    a, b, x : int
        Ions A+, B2+ and X- per formula unit [1]; a + 2b = x.

    Raises
    ------
    StudyError
        If a number is negative or not whole, x is zero, or the charges do not balance.
    """

    a: int
    b: int
    x: int

    def __post_init__(self) -> None:
        found = f"a = {self.a}, b = {self.b}, x = {self.x}"
        counts = (self.a, self.b, self.x)
        if any(n != int(n) or n < 0 for n in counts) or self.x == 0:
            raise StudyError(
                "numbers of ions are impossible", expected="whole a, b >= 0 and x >= 1", found=found
            )
        if self.a + 2 * self.b != self.x:
            raise StudyError("the charges do not balance", expected="a + 2b = x", found=found)

    @property
    def ions(self) -> int:
        """Ions released per formula unit, N = a + b + x [1]."""
        return self.a + self.b + self.x

    @property
    def cathodic_electrons(self) -> int:
        """Electrons per formula unit of (1.2), n_c = 2b [1]; StudyError for a salt without B2+."""
        if self.b == 0:
            raise StudyError("a salt without B2+ gives no metal", expected="b >= 1", found="b = 0")
        return 2 * self.b

    @property
    def ln_prefactor(self) -> float:
        """ln(a^a b^b x^x) [1], with 0^0 = 1; 27 for CsPbBr3."""
        return sum(n * math.log(n) for n in (self.a, self.b, self.x) if n)


CSPBBR3 = Stoichiometry(1, 1, 3)
"""A perovskite ABX3: the paper's case and the default."""
CS4PBBR6 = Stoichiometry(4, 1, 6)
"""The halide-rich phase that partial decomposition may leave behind."""


def ln_ksp_from_solubility(s: Values, stoich: Stoichiometry = CSPBBR3) -> Values:
    """Return ln K_sp of a salt that dissolves congruently into free ions.

    Equation (1.8): K_sp = a^a b^b x^x (s/c°)^(a+b+x), c° = 1 M. For CsPbBr3 it is the
    K_sp = 27 s^5 of Mulder et al., JACS 2024, 146, 24415.

    Parameters
    ----------
    s : float or ndarray
        Solubility s in formula units, any shape [mol cm^-3].
    stoich : Stoichiometry
        Ions per formula unit.

    Returns
    -------
    float or ndarray
        ln K_sp, shape of `s` [1].

    Raises
    ------
    StudyError
        If a solubility is not positive and finite.
    """
    require_positive("solubility s [mol cm^-3]", s)
    return stoich.ln_prefactor + stoich.ions * np.log(s / STANDARD_CONCENTRATION)


def solubility_from_ln_ksp(ln_ksp: Values, stoich: Stoichiometry = CSPBBR3) -> Values:
    """Return the solubility that belongs to ln K_sp: the inverse of `ln_ksp_from_solubility`.

    Parameters
    ----------
    ln_ksp : float or ndarray
        ln K_sp, any shape [1].
    stoich : Stoichiometry
        Ions per formula unit.

    Returns
    -------
    float or ndarray
        s, shape of `ln_ksp` [mol cm^-3].

    Raises
    ------
    StudyError
        If ln K_sp is not finite.
    """
    require_finite("ln K_sp", ln_ksp)
    return STANDARD_CONCENTRATION * np.exp((ln_ksp - stoich.ln_prefactor) / stoich.ions)


def ksp_from_solubility(s: Values, stoich: Stoichiometry = CSPBBR3) -> Values:
    """Return K_sp = a^a b^b x^x (s/c°)^(a+b+x) [1]; see `ln_ksp_from_solubility`.

    Underflows to zero below 1e-308 (s of Cs4PbBr6 under 1e-28 M): use the logarithm there.

    Examples
    --------
    CsPbBr3 with 2.38 mmol/L in propylene carbonate:

    >>> print(f"{ksp_from_solubility(2.38e-6):.2e}")
    2.06e-12
    """
    return np.exp(ln_ksp_from_solubility(s, stoich))


def solubility_from_ksp(ksp: Values, stoich: Stoichiometry = CSPBBR3) -> Values:
    """Return s = c° [K_sp / (a^a b^b x^x)]^(1/(a+b+x)) [mol cm^-3]; see `solubility_from_ln_ksp`.

    Raises StudyError if K_sp is not positive and finite.
    """
    require_positive("solubility product K_sp", ksp)
    return solubility_from_ln_ksp(np.log(ksp), stoich)


def common_ion_solubility(
    ln_ksp: Values,
    stoich: Stoichiometry = CSPBBR3,
    *,
    added_a: Values = 0.0,
    added_x: Values = 0.0,
) -> Values:
    """Return the solubility in a solution that already holds A+ or X-.

    Solves (c_A0 + a s)^a (b s)^b (c_X0 + x s)^x = K_sp c°^(a+b+x): mass action with the
    stoichiometric supply of each ion. The logarithm of the left side is an increasing, convex
    function of ln s with slope b to a + b + x, so the root is unique, and Newton's method in ln s
    started at the solubility without additions (an upper bound) descends to it without overshoot.

    Parameters
    ----------
    ln_ksp : float or ndarray
        ln K_sp, or ln of the conditional K'_sp of `conditional_ln_ksp`, any shape [1].
    stoich : Stoichiometry
        Ions per formula unit; b >= 1.
    added_a, added_x : float or ndarray
        c_A0 and c_X0, concentrations of A+ and X- before dissolution, shapes that broadcast with
        `ln_ksp` [mol cm^-3]. `added_a` has no effect on a salt without A.

    Returns
    -------
    float or ndarray
        s, broadcast shape [mol cm^-3].

    Raises
    ------
    StudyError
        If the salt has no B2+, a concentration is negative, or ln K_sp is not finite.

    Examples
    --------
    10 mmol/L of added bromide drives most of the CsPbBr3 out of a saturated solution:

    >>> ln_ksp = ln_ksp_from_solubility(2.38e-6)
    >>> print(f"{common_ion_solubility(ln_ksp, added_x=1e-5) / 2.38e-6:.2f}")
    0.41
    """
    if stoich.b == 0:
        raise StudyError(
            "a salt without B2+ has no unique solubility", expected="b >= 1", found="b = 0"
        )
    require_non_negative("added A+ [mol cm^-3]", added_a)
    require_non_negative("added X- [mol cm^-3]", added_x)
    a, b, x = stoich.a, stoich.b, stoich.x
    c_a, c_x = added_a / STANDARD_CONCENTRATION, added_x / STANDARD_CONCENTRATION
    pure = solubility_from_ln_ksp(ln_ksp, stoich) / STANDARD_CONCENTRATION
    u = np.log(pure) + np.zeros(np.broadcast(ln_ksp, c_a, c_x).shape)
    for _ in range(100):
        s = np.exp(u)
        in_a, in_x = c_a + a * s, c_x + x * s
        value = (b * np.log(b * s) + x * np.log(in_x)) - ln_ksp
        slope = b + x * x * s / in_x
        if a:
            value = value + a * np.log(in_a)
            slope = slope + a * a * s / in_a
        step = value / slope
        u = u - step
        if np.all(np.abs(step) <= 1e-14 * (1.0 + np.abs(u))):
            break
    return STANDARD_CONCENTRATION * np.exp(u)
