"""How the decomposition potential changes from solvent to solvent."""

from __future__ import annotations

import math

import numpy as np

from perovec_bayes.chemistry._checks import (
    Values,
    frequency,
    require_between,
    require_finite,
    require_positive,
)
from perovec_bayes.chemistry.activity import bjerrum_length
from perovec_bayes.chemistry.potentials import cathodic_potential
from perovec_bayes.chemistry.stoichiometry import CSPBBR3, Stoichiometry
from perovec_bayes.chemistry.tables import material, solvent
from perovec_bayes.constants import FARADAY, GAS_CONSTANT, ROOM_TEMPERATURE

_RADII = {"Cs+": 0.170, "Pb2+": 0.119, "Br-": 0.196, "PbBr+": 0.31, "PbBr3-": 0.35}
"""Of ions [nm]; a neutral species does not count."""
_DISSOLVED = {
    5: (("Cs+", 1, 1), ("Pb2+", 1, 2), ("Br-", 3, 1)),
    4: (("Cs+", 1, 1), ("PbBr+", 1, 1), ("Br-", 2, 1)),
    3: (("Cs+", 1, 1), ("Br-", 1, 1)),
    2: (("Cs+", 1, 1), ("PbBr3-", 1, 1)),
}
"""Ions of a formula unit of CsPbBr3 that dissolves as m species: name, number, charge."""


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
    return m * np.log(s_1 / s_2) / (2.0 * frequency(temperature))


def transfer_shift(dg_a: Values, dg_x: Values, stoich: Stoichiometry = CSPBBR3) -> Values:
    """Return the formal decomposition potential in a solvent minus that in water.

    Equation (1.10): -[a DG(A+) + x DG(X-)] / 2bF, with both potentials against Fc+/Fc. B2+ does
    not occur in the full decomposition (1.2), so its solvation cancels. Thermodynamic cycle; the
    single-ion values rest on the TATB convention (Marcus, Pure Appl. Chem. 1983, 55, 977), by
    which Fc+/Fc is taken as equal in all solvents.

    Parameters
    ----------
    dg_a, dg_x : float or ndarray
        DG, Gibbs energies of transfer of A+ and X- from water, broadcastable shapes [kJ mol^-1].
    stoich : Stoichiometry
        Ions per formula unit; b >= 1.

    Returns
    -------
    float or ndarray
        Shift, broadcast shape [V].

    Raises
    ------
    StudyError
        If b = 0 or a transfer energy is not finite.
    """
    require_finite("transfer energy of A+ [kJ/mol]", dg_a)
    require_finite("transfer energy of X- [kJ/mol]", dg_x)
    return -1e3 * (stoich.a * dg_a + stoich.x * dg_x) / (stoich.cathodic_electrons * FARADAY)


def born_slope(m: int) -> float:
    """Return the slope of log10 s over 1/eps_r that Born's law gives for CsPbBr3.

    Equation (5.4): -(l_B/2) sum_i nu_i z_i^2/r_i / (m ln 10) over the m species of `solvent_shift`,
    with the Bjerrum length in vacuum l_B = 56.05 nm at 298.15 K. A rough law: of the solvent it
    knows the permittivity only (Born, Z. Phys. 1920, 1, 45). The radii are from memory.

    Parameters
    ----------
    m : int
        Number of dissolved species, 2 to 5.

    Returns
    -------
    float
        Slope [1].

    Raises
    ------
    StudyError
        If m is outside 2 to 5.
    """
    require_between("number of dissolved species m", m, 2, 5)
    sum_of_squares = math.fsum(nu * z**2 / _RADII[ion] for ion, nu, z in _DISSOLVED[int(m)])
    nm_per_cm = 1e7
    length = nm_per_cm * float(bjerrum_length(1.0))
    return float(-0.5 * length * sum_of_squares / (m * math.log(10.0)))


def aqueous_ln_ksp(*, temperature: float = ROOM_TEMPERATURE) -> float:
    """Return ln K_sp of CsPbBr3 in water, hypothetical since CsPbBr3 converts there.

    ln K(CsPbBr3) = ln K(PbBr2) + ln K(CsBr) + DG_f/RT, where DG_f (negative: more stable) is the
    Gibbs energy of formation from PbBr2 and CsBr. All three numbers with their sources are in
    the materials table; the first two hold at 298.15 K.

    Parameters
    ----------
    temperature : float
        T in DG_f/RT, scalar [K].

    Returns
    -------
    float
        ln K_sp [1].

    Raises
    ------
    StudyError
        If T is not positive.
    """
    require_positive("temperature T [K]", temperature)
    log10 = sum(material(name).value("log10_ksp_water", "1") for name in ("PbBr2", "CsBr"))
    formation = material("CsPbBr3").value("formation_gibbs_energy_from_binaries", "J/mol")
    return math.log(10.0) * log10 + formation / (GAS_CONSTANT * temperature)


def transfer_estimate(name: str, *, temperature: float = ROOM_TEMPERATURE) -> float:
    """Return the estimate of the formal decomposition potential of CsPbBr3 from transfer energies.

    `cathodic_potential` at unit activities (Mulder et al., JACS 2024, 146, 24415, eq. 3) in water
    with `aqueous_ln_ksp`, plus `transfer_shift` (1.10) with the tabulated energies of Cs+ and Br-.
    An estimate meant as a prior, not a measurement: its sd is about 0.12 V in PC and 0.2 V in DCM
    (`decomposition_potential_sd` in the solvents table).

    Parameters
    ----------
    name : str
        Solvent, as in the solvents table; "water" is the reference.
    temperature : float
        T, scalar [K].

    Returns
    -------
    float
        E°_dec against Fc+/Fc in that solvent [V].

    Raises
    ------
    StudyError
        If the solvent is unknown or has no transfer energies, or T is not positive.
    """
    water = solvent("water")
    e_lead = water.value("lead_potential", "V") - water.value("ferrocene_potential", "V")
    in_water = cathodic_potential(
        e_lead, aqueous_ln_ksp(temperature=temperature), temperature=temperature
    )
    if name == water.name:
        return float(in_water)
    target = solvent(name)
    shift = transfer_shift(
        target.value("transfer_energy_Cs", "kJ/mol"), target.value("transfer_energy_Br", "kJ/mol")
    )
    return float(in_water + shift)
