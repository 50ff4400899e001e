"""Physical constants (CODATA 2018, exact where the SI defines them) and molar masses."""

from __future__ import annotations

FARADAY = 96485.33212
"""Faraday constant F [C mol^-1]."""
GAS_CONSTANT = 8.31446261815324
"""Molar gas constant R [J mol^-1 K^-1]."""
AVOGADRO = 6.02214076e23
"""Avogadro constant N_A [mol^-1]."""
BOLTZMANN = 1.380649e-23
"""Boltzmann constant k [J K^-1]."""
ELEMENTARY_CHARGE = 1.602176634e-19
"""Elementary charge e [C]."""
VACUUM_PERMITTIVITY = 8.8541878128e-12
"""Electric constant eps_0 [F m^-1]."""
ROOM_TEMPERATURE = 298.15
"""Temperature assumed where none is stated [K]."""
STANDARD_CONCENTRATION = 1e-3
"""Standard concentration c° = 1 mol L^-1, in mol cm^-3."""

MOLAR_MASS = {
    "Pb": 207.2,
    "Cs": 132.90545196,
    "Br": 79.904,
    "I": 126.90447,
    "Cl": 35.45,
    "Sn": 118.710,
}
"""Standard atomic weights of the elements measured by ICP-OES [g mol^-1] (IUPAC 2021)."""


def thermal_frequency(temperature: float = ROOM_TEMPERATURE) -> float:
    """Return f = F / RT.

    Parameters
    ----------
    temperature : float
        T, scalar [K].

    Returns
    -------
    float
        f, scalar [V^-1]; 38.922 at 298.15 K.
    """
    return FARADAY / (GAS_CONSTANT * temperature)
