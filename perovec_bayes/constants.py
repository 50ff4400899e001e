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
    "Ag": 107.8682, "Al": 26.9815384, "As": 74.921595, "Au": 196.96657, "B": 10.81, "Ba": 137.327,
    "Be": 9.0121831, "Bi": 208.9804, "Br": 79.904, "C": 12.011, "Ca": 40.078, "Cd": 112.414,
    "Ce": 140.116, "Cl": 35.45, "Co": 58.933194, "Cr": 51.9961, "Cs": 132.90545196, "Cu": 63.546,
    "Fe": 55.845, "Ga": 69.723, "Ge": 72.63, "Hf": 178.486, "Hg": 200.592, "I": 126.90447,
    "In": 114.818, "Ir": 192.217, "K": 39.0983, "La": 138.90547, "Li": 6.94, "Mg": 24.305,
    "Mn": 54.938043, "Mo": 95.95, "N": 14.007, "Na": 22.98976928, "Nb": 92.90637, "Ni": 58.6934,
    "P": 30.973761998, "Pb": 207.2, "Pd": 106.42, "Pt": 195.084, "Rb": 85.4678, "Rh": 102.90549,
    "Ru": 101.07, "S": 32.06, "Sb": 121.76, "Sc": 44.955907, "Se": 78.971, "Si": 28.085,
    "Sn": 118.71, "Sr": 87.62, "Ta": 180.94788, "Te": 127.6, "Th": 232.0377, "Ti": 47.867,
    "Tl": 204.38, "U": 238.02891, "V": 50.9415, "W": 183.84, "Y": 88.905838, "Zn": 65.38,
    "Zr": 91.222,
}  # fmt: skip
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
