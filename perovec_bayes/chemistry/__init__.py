"""Thermodynamics of halide perovskite electrodes: solubility, potential and stability window.

Plain functions of numbers or numpy arrays (posterior draws), element by element, in the canonical
units (V, cm, mol, mol cm^-3, K), K_sp and activities relative to 1 M; and the tables of solvents
and materials, in which every value has its unit, source and confidence. Equation numbers refer to
docs/theory-thermodynamics.md.
"""

from perovec_bayes.chemistry.activity import (
    bjerrum_length,
    debye_hueckel_a,
    debye_hueckel_b,
    log10_activity_coefficient,
)
from perovec_bayes.chemistry.association import free_fraction, fuoss_constant, stokes_einstein
from perovec_bayes.chemistry.bands import (
    beyond_conduction_band,
    conduction_band_edge,
    conduction_band_edge_sd,
    ksp_needed,
)
from perovec_bayes.chemistry.conditional import conditional_ln_ksp, conditional_metal_potential
from perovec_bayes.chemistry.phases import mixed_halide_ln_ksp, partial_decomposition_potential
from perovec_bayes.chemistry.potentials import (
    actual_potential,
    anodic_potential,
    cathodic_potential,
    saturated_potential,
    trihalide_potential,
)
from perovec_bayes.chemistry.solvation import (
    aqueous_ln_ksp,
    born_slope,
    solvent_shift,
    transfer_estimate,
    transfer_shift,
)
from perovec_bayes.chemistry.stoichiometry import (
    CS4PBBR6,
    CSPBBR3,
    Stoichiometry,
    common_ion_solubility,
    ksp_from_solubility,
    ln_ksp_from_solubility,
    solubility_from_ksp,
    solubility_from_ln_ksp,
)
from perovec_bayes.chemistry.tables import (
    Material,
    Quantity,
    Solvent,
    material,
    materials,
    solvent,
    solvents,
)

__all__ = [
    "CS4PBBR6",
    "CSPBBR3",
    "Material",
    "Quantity",
    "Solvent",
    "Stoichiometry",
    "actual_potential",
    "anodic_potential",
    "aqueous_ln_ksp",
    "beyond_conduction_band",
    "bjerrum_length",
    "born_slope",
    "cathodic_potential",
    "common_ion_solubility",
    "conditional_ln_ksp",
    "conditional_metal_potential",
    "conduction_band_edge",
    "conduction_band_edge_sd",
    "debye_hueckel_a",
    "debye_hueckel_b",
    "free_fraction",
    "fuoss_constant",
    "ksp_from_solubility",
    "ksp_needed",
    "ln_ksp_from_solubility",
    "log10_activity_coefficient",
    "material",
    "materials",
    "mixed_halide_ln_ksp",
    "partial_decomposition_potential",
    "saturated_potential",
    "solubility_from_ksp",
    "solubility_from_ln_ksp",
    "solvent",
    "solvent_shift",
    "solvents",
    "stokes_einstein",
    "transfer_estimate",
    "transfer_shift",
    "trihalide_potential",
]
