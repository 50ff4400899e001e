"""An electrode with dissolved lead, metallic lead and a perovskite film: the parts and their laws.

A model is put together from parts; a part that is absent (None, or an empty tuple) costs nothing.
`perovec_bayes.forward.voltammetry.respond` runs it over a potential programme.

Symbols: phi potential behind R_u [V]; f = F/RT [V^-1]; c_i surface concentration of lead species i,
y that of released Cs+ [mol cm^-3]; q metallic lead in contact, q_r residual lead [mol cm^-2]; N
nuclei [cm^-2]; G film [mol cm^-2]; c° = 1 mol/L. Anodic current is positive.

References
----------
Mulder et al., J. Am. Chem. Soc. 2024, 146, 24415 (reactions, eq. 3). Noyes, A. A.; Whitney, W. R.,
J. Am. Chem. Soc. 1897, 19, 930; Lasaga, A. C., Kinetic Theory in the Earth Sciences, 1998
(dissolution). Milchev, A., Electrocrystallization, Kluwer 2002 (nucleation rate). Gerischer, H.,
J. Electroanal. Chem. 1977, 82, 133 (electron supply).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from perovec_bayes.constants import STANDARD_CONCENTRATION

AVOGADRO = 6.02214076e23
"""N_A [mol^-1]."""
LEAD_MOLAR_VOLUME = 18.27
"""V_Pb [cm^3 mol^-1]."""
MONOLAYER = 1.56e-9
"""q_m, close-packed monolayer of lead [mol cm^-2]."""
LAST_FRACTION = 0.01
"""w: below this fraction of G0 the film no longer covers its sites and A_f falls linearly [1]."""
GONE = 1e-3
"""A film that has once been well below this fraction of G0 is used up and does not re-form [1]: a
numerical trace must not seed a new film, and how a perovskite nucleates anew on lead is not known.
"""
ANODIC_CAP = 0.2
"""Largest phi - E0' in the anodic exponent of stripping [V]; stripping is complete long before."""
RE_FORMING_CAP = 1.0
"""Largest phi - E_f in the exponent of re-forming the film [V]: there it stops at c_Cs c_X^3 of
(1.5e-9 mol/L)^4, and what is left to react below that moves the current by some nanoamperes."""
BACKGROUND_CENTRE = -1.0
"""phi_m [V]."""
NUCLEATION_WIDTH = 0.01
"""e and w of the nucleation rate: it starts smoothly over this overpotential [V]."""
LEAST_CONCENTRATION = 1e-15
"""Surface concentrations enter the equilibrium potential of nuclei with at least this share of
c° [1]."""
LEAST_LEAD = 1e-20
"""Below this the area of the deposit no longer has a vertical tangent [mol cm^-2]."""
LEAST_LEFT = 1e-60
"""Shares of a film below this count as this in its shape factor: the logarithm stays finite [1]."""
EXPONENT_LIMIT = 100.0
"""Beyond, every reaction is long limited by diffusion [1]."""

Number = Array | float


class Reduction(NamedTuple):
    """A side reaction in the background (2.3)."""

    i_r: Number
    """Its current density at E_r [A cm^-2]."""
    a_r: Number
    """Its transfer coefficient [1]."""
    E_r: Number
    """Potential that i_r is stated for [V]."""


class Cell(NamedTuple):
    """Circuit and background (2.1-2.3)."""

    R_u: Number
    """Uncompensated resistance, area-specific [ohm cm^2]."""
    C_dl: Number
    """Double-layer capacitance [F cm^-2]."""
    g0: Number
    """Background current density at -1.0 V [A cm^-2]."""
    g1: Number
    """Slope of the background [S cm^-2]."""
    reduction: Reduction | None = None
    """Reduction of solvent, oxygen or water."""


class Lead(NamedTuple):
    """A dissolved lead species in slow exchange with the others (2.4-2.6)."""

    E0: Number
    """Conditional formal potential E0'(Pb(II)/Pb) [V]."""
    k0: Number
    """Rate constant of deposition k0 [cm s^-1]."""
    A_c: Number
    """Apparent cathodic transfer coefficient [1]; the anodic one is 2 - A_c."""
    D: Number
    """Diffusion coefficient [cm^2 s^-1]."""
    c_b: Number = 0.0
    """Bulk concentration [mol cm^-3]."""


class Flat(NamedTuple):
    """Lead deposits on the whole electrode (S = 1)."""


class Sites(NamedTuple):
    """Hemispheres on a constant number of sites."""

    N0: Number
    """Number density of particles [cm^-2]."""
    n_crit: Number = 50.0
    """Atoms in the smallest particle: the area that a site always has [1]."""


class Nucleation(NamedTuple):
    """Hemispheres on nuclei that form and die (2.7-2.9, 2.3a)."""

    lnA: Number
    """ln of the pre-exponential rate per site [ln s^-1]."""
    B_n: Number
    """Barrier B_n of exp(-B_n/eta^2) [V^2]."""
    N0: Number
    """Number density of sites [cm^-2]."""
    n_crit: Number = 50.0
    """Atoms in a critical nucleus [1]."""


class Pool(NamedTuple):
    """A kind of deposited lead with its own stripping wave (2.10)."""

    share: Number
    """Share of each deposit increment w_k [1]; they add up to one."""
    dE: Number
    """Shift of its stripping against E0' [V]."""


class Deposit(NamedTuple):
    """Metallic lead."""

    surface: Flat | Sites | Nucleation
    """How the deposit covers the electrode."""
    k_iso: Number = 0.0
    """Rate at which lead loses contact [s^-1]."""
    seeds: Number = 1.0
    """1: lead that has lost contact goes on seeding growth; 0: it has fallen off [1]."""
    q0: Number = 0.0
    """Lead at the start [mol cm^-2]."""
    pools: tuple[Pool, ...] = (Pool(1.0, 0.0),)
    """Kinds of deposit."""


class ButlerVolmer(NamedTuple):
    """Decomposition and its reverse (2.11); k_II -> inf is thermodynamic control (2.14)."""

    k_II: Number
    """Rate at E_f and unit activities [mol cm^-2 s^-1]."""
    A_d: Number
    """Apparent cathodic transfer coefficient [1]."""
    E_f: Number
    """Formal potential of decomposition E_f [V]."""


class Irreversible(NamedTuple):
    """Decomposition without its reverse: only k_II e^(A_d f E_f) and A_d matter."""

    k_II: Number
    """Rate at E_f [mol cm^-2 s^-1]."""
    A_d: Number
    """Apparent cathodic transfer coefficient [1]."""
    E_f: Number
    """Potential that k_II is stated for [V]."""


class ElectronSupply(NamedTuple):
    """Decomposition limited by electrons in the conduction band."""

    k_n: Number
    """Rate with the band edge filled [mol cm^-2 s^-1]."""
    E_CB: Number
    """Conduction band edge [V]."""


class NoyesWhitney(NamedTuple):
    """Dissolution k_d A_f (s - c), slower as the solution fills (C1, 2.17)."""

    k_d: Number
    """Rate constant [cm s^-1]."""


class Affinity(NamedTuple):
    """Dissolution k_d A_f s (1 - Omega^(1/5)), Omega the saturation by Cs+, Pb(II), Br- (2.16)."""

    k_d: Number
    """Rate constant [cm s^-1]."""


class Unhindered(NamedTuple):
    """Dissolution k_d A_f s whatever is in solution (C0)."""

    k_d: Number
    """Rate constant [cm s^-1]."""


class Complexation(NamedTuple):
    """Noyes-Whitney dissolution towards s (1 + K_X c_Br): released bromide helps (C2)."""

    k_d: Number
    """Rate constant [cm s^-1]."""
    K_X: Number
    """Complexation constant [cm^3 mol^-1]."""


class Population(NamedTuple):
    """A part of the film with its own decomposition potential, such as grain boundaries."""

    share: Number
    """Share of G0 [1]; they add up to one."""
    dE: Number
    """Shift of its E_f (or E_CB) [V]."""


class Film(NamedTuple):
    """A perovskite film (2.11-2.13, 2.16-2.17)."""

    G0: Number
    """Perovskite at the start [mol cm^-2]."""
    p: Number
    """Shape exponent [1]."""
    s: Number
    """Solubility of the perovskite s [mol cm^-3]."""
    D_ion: Number
    """Diffusion coefficient of released Cs+ and Br- [cm^2 s^-1]."""
    decomposition: ButlerVolmer | Irreversible | ElectronSupply
    """Law of the cathodic decomposition."""
    dissolution: NoyesWhitney | Affinity | Unhindered | Complexation
    """Law of the dissolution without current; its lead is the first species."""
    populations: tuple[Population, ...] = (Population(1.0, 0.0),)
    """Parts of the film."""
    c_Cs: Number = 0.0
    """Cs+ in the solution [mol cm^-3]."""
    c_Br: Number = 0.0
    """Br- in the solution [mol cm^-3]."""


class Shell(NamedTuple):
    """Lead-ligand complexes on nanocrystals; their lead is the last species (2.6)."""

    G_L0: Number
    """Complexes at the start [mol cm^-2]."""
    k_L: Number
    """Rate constant of their dissolution [cm s^-1]."""
    c_sat: Number
    """Their solubility [mol cm^-3]."""


class Electrode(NamedTuple):
    """A model put together from parts."""

    cell: Cell
    lead: tuple[Lead, ...]
    deposit: Deposit
    film: Film | None = None
    shell: Shell | None = None


class Supply(NamedTuple):
    """How the solution answers to the flux J of a lead species: c = past + gain J."""

    past: Array
    """Surface concentration without flux, scalar [mol cm^-3]."""
    gain: Array
    """Response to the flux, scalar [s cm^-1]."""


class Surface(NamedTuple):
    """What the laws look at: potential, amounts, and what the solution supplies."""

    phi: Array
    """phi, scalar [V]."""
    supply: tuple[Supply, ...]
    """Of each dissolved lead species."""
    c: Array
    """Trial concentration of the first species for laws that are not linear in it, scalar
    [mol cm^-3]."""
    q: tuple[Array, ...]
    """Metallic lead in contact, of each pool, scalars [mol cm^-2]."""
    q_r: Array
    """Residual lead, scalar [mol cm^-2]."""
    N: Array
    """Nuclei, scalar [cm^-2]."""
    y: Array
    """Released Cs+, scalar [mol cm^-3]."""
    G: tuple[Array, ...]
    """Film, of each population, scalars [mol cm^-2]."""
    G_L: Array
    """Ligand shell, scalar [mol cm^-2]."""
    alive: tuple[Array, ...]
    """Factor of each population's reverse reaction, from `alive`, scalars [1]."""


class Rates(NamedTuple):
    """Rates of all processes, scalars [mol cm^-2 s^-1] unless stated otherwise."""

    c: tuple[Array, ...]
    """Surface concentration of each species that goes with the rates [mol cm^-3]."""
    deposition: tuple[Array, ...]
    """Net deposition v_dep of each species."""
    stripping: tuple[Array, ...]
    """Anodic dissolution of each pool, all species together (part of `deposition`)."""
    births: Array
    """Formation of nuclei [cm^-2 s^-1]."""
    deaths: Array
    """Loss of nuclei [cm^-2 s^-1]."""
    decomposition: tuple[Array, ...]
    """v_dec of each population."""
    dissolution: tuple[Array, ...]
    """N_diss of each population."""
    shedding: Array
    """Loss of the ligand shell."""
    background: Array
    """Background current density [A cm^-2]."""


def _together(function: Callable[[Array], Array], values: dict[str, Array]) -> dict[str, Array]:
    """Apply a function to many scalars in one vector operation, which costs little more than one.

    (A scalar exponential takes as long as four in a vector, and they are most of a step's cost.)
    """
    found = function(jnp.stack([jnp.asarray(value, dtype=float) for value in values.values()]))
    return {name: found[i] for i, name in enumerate(values)}


def _exponentials(values: dict[str, Array]) -> dict[str, Array]:
    return _together(lambda x: jnp.exp(jnp.clip(x, -EXPONENT_LIMIT, EXPONENT_LIMIT)), values)


def rates(model: Electrode, s: Surface, f: float) -> Rates:
    """Evaluate the laws of all parts.

    Parameters
    ----------
    model : Electrode
        Its parameters.
    s : Surface
        State of the surface.
    f : float
        F/RT, scalar [V^-1].

    Returns
    -------
    Rates
        Each scalar.
    """
    film, surface = model.film, model.deposit.surface
    logs = _together(jnp.log, _logarithms(model, s))
    first = _exponentials(
        _deposit_exponents(model, s, f, logs) | (_film_exponents(film, s, f, logs) if film else {})
    )
    second = {f"bare{k}": -q / MONOLAYER for k, q in enumerate(s.q)}
    second |= {name: -value for name, value in first.items() if name.startswith("area")}
    if film:
        for m, (part, G) in enumerate(zip(film.populations, s.G, strict=True)):
            second[f"gap{m}"] = -G / (film.G0 * part.share * LAST_FRACTION)
    e = first | {f"no_{name}": value for name, value in _exponentials(second).items()}

    release = _release(model, s, e)
    deposition, stripping, c = _exchange(model, s, e, release)
    zero = jnp.zeros(())
    births, deaths = zero, zero
    if isinstance(surface, Nucleation):
        births = _births(surface, s, model.lead, f, c) * e["no_area"]
        # nuclei that have dissolved below the critical size are gone
        loss = jnp.maximum(-sum(deposition), 0.0)
        deaths = s.N * e["size"] * loss / (sum(s.q) + LEAST_LEAD)
    dissolution = tuple(part.rate - part.slope * c[0] for part in release)
    decomposition = _decomposition(model, s, e) if film else ()
    shedding = _shedding(model.shell, s.G_L, c[-1]) if model.shell else zero
    cell = model.cell
    background = cell.g0 + cell.g1 * (s.phi - BACKGROUND_CENTRE)
    if cell.reduction:
        background = background - cell.reduction.i_r * e["reduction"]
    return Rates(
        c, deposition, stripping, births, deaths, decomposition, dissolution, shedding, background
    )


class _Release(NamedTuple):
    """Dissolution of a population: rate - slope c of the first lead species."""

    rate: Array
    slope: Array


def _logarithms(model: Electrode, s: Surface) -> dict[str, Array]:
    """Return what the logarithm is needed of."""
    values = {}
    deposit, surface = model.deposit, model.deposit.surface
    if not isinstance(surface, Flat):
        # a nucleus is born with the area of its critical size; the lead in it is not counted
        number = s.N if isinstance(surface, Nucleation) else jnp.asarray(surface.N0)
        nuclei, germs = number + 1.0, number * surface.n_crit / AVOGADRO
        values["nuclei"] = nuclei
        values["lead"] = sum(s.q) + deposit.seeds * s.q_r + germs + LEAST_LEAD
        if len(s.q) > 1:
            for k, (q, pool) in enumerate(zip(s.q, deposit.pools, strict=True)):
                values[f"lead{k}"] = q + pool.share * (deposit.seeds * s.q_r + germs) + LEAST_LEAD
    if model.film:
        for m, (part, G) in enumerate(zip(model.film.populations, s.G, strict=True)):
            values[f"left{m}"] = G / (model.film.G0 * part.share) + LEAST_LEFT
    return values or {"one": jnp.ones(())}


def _deposit_exponents(
    model: Electrode, s: Surface, f: float, logs: dict[str, Array]
) -> dict[str, Array]:
    """Return the exponents of deposition, stripping, nucleation, area and background."""
    exponents: dict[str, Array] = {}
    deposit, surface = model.deposit, model.deposit.surface
    for i, species in enumerate(model.lead):
        over = s.phi - species.E0
        exponents[f"on{i}"] = -species.A_c * f * over
        for k, pool in enumerate(deposit.pools):
            capped = jnp.minimum(over - pool.dE, ANODIC_CAP)
            exponents[f"off{i}{k}"] = (2 - species.A_c) * f * capped
    if not isinstance(surface, Flat):
        # X of hemispheres (2.8): (9 pi/4)^(1/3) N^(1/3) (V_Pb q)^(2/3)
        constant = np.log(9 * np.pi / 4 * LEAD_MOLAR_VOLUME**2)
        names = [""] + ([str(k) for k in range(len(s.q))] if len(s.q) > 1 else [])
        for own in names:
            exponents[f"area{own}"] = (constant + logs["nuclei"] + 2 * logs[f"lead{own}"]) / 3
    if isinstance(surface, Nucleation):
        seeded = sum(s.q) + deposit.seeds * s.q_r
        exponents["size"] = -seeded * AVOGADRO / ((s.N + 1.0) * surface.n_crit)
    if model.cell.reduction:
        reduction = model.cell.reduction
        exponents["reduction"] = -reduction.a_r * f * (s.phi - reduction.E_r)
    return exponents


def _film_exponents(film: Film, s: Surface, f: float, logs: dict[str, Array]) -> dict[str, Array]:
    """Return the exponents of shape and decomposition of each population."""
    exponents: dict[str, Array] = {}
    how = film.decomposition
    for m, part in enumerate(film.populations):
        exponents[f"shape{m}"] = film.p * logs[f"left{m}"]
        if isinstance(how, ElectronSupply):
            exponents[f"empty{m}"] = f * (s.phi - how.E_CB - part.dE)
        else:
            over = f * (s.phi - how.E_f - part.dE)
            exponents[f"onward{m}"] = -how.A_d * over
            exponents[f"back{m}"] = (2 - how.A_d) * jnp.minimum(over, f * RE_FORMING_CAP)
    if isinstance(film.dissolution, Affinity):
        product = _cation(film, s) * _anion(film, s) ** 3 * jnp.maximum(s.c, 0.0)
        own = 27 * (film.s / STANDARD_CONCENTRATION) ** 5
        exponents["saturation"] = 0.2 * jnp.log(product / STANDARD_CONCENTRATION / own + 1e-10)
    return exponents


def _cation(film: Film, s: Surface) -> Array:
    """Return the activity of Cs+ at the surface, c_Cs/c°."""
    return jnp.maximum(film.c_Cs + s.y, 0.0) / STANDARD_CONCENTRATION


def _anion(film: Film, s: Surface) -> Array:
    """Return the activity of Br- at the surface, c_Br/c°."""
    return jnp.maximum(film.c_Br + 3 * s.y, 0.0) / STANDARD_CONCENTRATION


def _births(
    part: Nucleation, s: Surface, lead: tuple[Lead, ...], f: float, c: tuple[Array, ...]
) -> Array:
    """Return the formation of nuclei on a bare electrode from every lead species (2.7)."""
    exponents = {}
    for i, (species, own) in enumerate(zip(lead, c, strict=True)):
        share = jnp.maximum(own / STANDARD_CONCENTRATION, 0.0) + LEAST_CONCENTRATION
        eta = s.phi - species.E0 - jnp.log(share) / (2 * f)
        exponents[f"rate{i}"] = part.lnA - part.B_n / (eta * eta + NUCLEATION_WIDTH**2)
        exponents[f"onset{i}"] = eta / NUCLEATION_WIDTH
    e = _exponentials(exponents)
    pace = sum((e[f"rate{i}"] / (1 + e[f"onset{i}"]) for i in range(len(lead))), jnp.zeros(()))
    rate: Array = pace * (part.N0 - s.N)
    return rate


def _pace(shell: Shell, G_L: Array, c: Array) -> Array:
    """Return how fast the shell answers to the concentration, k_L theta.

    Complexes return only to sites that are free: the shell never exceeds what it was.
    """
    cover = G_L / shell.G_L0
    pace: Array = shell.k_L * cover
    return jnp.where(c < shell.c_sat, pace, pace * jnp.maximum(1 - cover, 0.0))


def _shedding(shell: Shell, G_L: Array, c: Array) -> Array:
    return _pace(shell, G_L, c) * (shell.c_sat - c)


def _exchange(
    model: Electrode, s: Surface, e: dict[str, Array], release: tuple[_Release, ...]
) -> tuple[tuple[Array, ...], tuple[Array, ...], tuple[Array, ...]]:
    """Return v_dep of each species, stripping of each pool, and concentrations (2.6, 2.10).

    Each flux is linear in its surface concentration, which is eliminated: a fast couple needs no
    small difference of large rates.
    """
    deposit = model.deposit
    flat = isinstance(deposit.surface, Flat)
    covered = 1.0 if flat else 1 - e["no_area"] ** 2
    deposition, concentrations = [], []
    stripping = [jnp.zeros(()) for _ in s.q]
    for i, (species, supply) in enumerate(zip(model.lead, s.supply, strict=True)):
        onward = species.k0 * covered * e[f"on{i}"]
        back = jnp.zeros(())
        for k in range(len(s.q)):
            own = covered if flat or len(s.q) == 1 else 1 - e[f"no_area{k}"] ** 2
            active = (1 - e[f"no_bare{k}"]) * STANDARD_CONCENTRATION
            strip = species.k0 * own * active * e[f"off{i}{k}"]
            stripping[k] = stripping[k] + strip
            back = back + strip
        source, slope = jnp.zeros(()), jnp.zeros(())
        if i == 0:
            source = sum((part.rate for part in release), source)
            slope = sum((part.slope for part in release), slope)
        if model.shell and i == len(model.lead) - 1:
            bare = (supply.past + supply.gain * (source + back)) / (
                1 + supply.gain * (slope + onward)
            )
            pace = _pace(model.shell, s.G_L, bare)
            source, slope = source + pace * model.shell.c_sat, slope + pace
        free = supply.past + supply.gain * source
        weight = 1 + supply.gain * slope
        scale = 1 / (weight + supply.gain * onward)
        concentrations.append((free + supply.gain * back) * scale)
        deposition.append((onward * free - back * weight) * scale)
    return tuple(deposition), tuple(stripping), tuple(concentrations)


def _area(part: Population, e: dict[str, Array], m: int) -> Array:
    """Return A_f of a population: g^p (1 - exp(-g/w)), times its share."""
    area: Array = part.share * e[f"shape{m}"] * (1 - e[f"no_gap{m}"])
    return area


def _release(model: Electrode, s: Surface, e: dict[str, Array]) -> tuple[_Release, ...]:
    """Return the dissolution of each population (2.16, 2.17)."""
    film = model.film
    if film is None:
        return ()
    law, zero = film.dissolution, jnp.zeros(())
    bare = 1 - s.G_L / model.shell.G_L0 if model.shell else 1.0
    found = []
    for m, part in enumerate(film.populations):
        pace = law.k_d * _area(part, e, m) * bare
        if isinstance(law, Affinity):
            found.append(_Release(pace * film.s * (1 - e["saturation"]), zero))
        elif isinstance(law, Unhindered):
            found.append(_Release(pace * film.s, zero))
        elif isinstance(law, Complexation):
            ions = _anion(film, s) * STANDARD_CONCENTRATION
            found.append(_Release(pace * film.s * (1 + law.K_X * ions), pace))
        else:
            found.append(_Release(pace * film.s, pace))
    return tuple(found)


def _decomposition(model: Electrode, s: Surface, e: dict[str, Array]) -> tuple[Array, ...]:
    """Return v_dec of each population (2.11)."""
    film = model.film
    assert film is not None
    how = film.decomposition
    bare = jnp.ones(())
    for k in range(len(s.q)):
        bare = bare * e[f"no_bare{k}"]
    found = []
    for m, (part, alive_) in enumerate(zip(film.populations, s.alive, strict=True)):
        if isinstance(how, ElectronSupply):
            rate = how.k_n / (1 + e[f"empty{m}"])
        else:
            rate = how.k_II * e[f"onward{m}"]
            if isinstance(how, ButlerVolmer):
                ions = _cation(film, s) * _anion(film, s) ** 3 * (1 - bare) * alive_
                rate = rate - how.k_II * ions * e[f"back{m}"]
        found.append(_area(part, e, m) * rate)
    return tuple(found)


def alive(film: Film, lowest: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the factor that keeps a used-up film from re-forming, of each population.

    Parameters
    ----------
    film : Film
        Its parameters.
    lowest : tuple of Array
        Smallest G so far, scalars [mol cm^-2].
    """
    return tuple(
        -jnp.expm1(-((G / (GONE * film.G0 * part.share)) ** 2))
        for G, part in zip(lowest, film.populations, strict=True)
    )
