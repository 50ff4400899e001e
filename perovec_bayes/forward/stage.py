"""One implicit stage of an electrode: its unknowns, its equations, and the amounts at its end.

The unknowns are phi - E, the amounts of lead, nuclei, film and shell, and the surface concentration
of the released ions. Those of dissolved lead follow in closed form.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.ad_checkpoint import checkpoint_name

from perovec_bayes.constants import FARADAY
from perovec_bayes.forward import newton
from perovec_bayes.forward.electrode import (
    Affinity,
    Electrode,
    ElectronSupply,
    Nucleation,
    Supply,
    Surface,
    alive,
    rates,
)
from perovec_bayes.forward.kernels import Modes
from perovec_bayes.forward.newton import Scalars
from perovec_bayes.forward.programme import Programme
from perovec_bayes.forward.trbdf2 import Stage

ITERATIONS = 30
"""Most Newton steps of a stage."""
NEAR = 3e-3
"""A Newton step smaller than this is the last: the next would be of the size of its square [1]."""
OF_PEAK = 0.02
"""Currents below this share of the largest so far are as accurate as that share [1]."""
LARGEST_STEP = 0.08
"""Largest Newton step in phi [V]."""
KEPT = 0.1
"""A Newton step leaves at least this share of an amount [1]."""
LEAST_LEAD = 1e-16
"""Amounts of lead below this need not be right [mol cm^-2]."""
LEAST_IONS = 1e-12
"""Concentrations of ions below this need not be right [mol cm^-3]."""


class Amounts(NamedTuple):
    """What the rates of the processes integrate."""

    modes: tuple[Array, ...]
    """Diffusion modes of each lead species, then of the released ions, each shape (modes,)."""
    phi: Array
    q: Scalars
    q_r: Array
    N: Array
    G: Scalars
    G_L: Array
    dissolved: Array
    """Lead gone into the solution [mol cm^-2]."""
    charge: Array
    """Charge passed [C cm^-2]."""


class Memory(NamedTuple):
    """What else a step looks back at."""

    lowest: Scalars
    """Smallest G so far, of each population [mol cm^-2]."""
    peak: Array
    """Largest current density so far [A cm^-2]."""


class Output(NamedTuple):
    """What is recorded, scalars at a time."""

    current: Array
    """Current density j, anodic positive [A cm^-2]."""
    charge: Array
    """Charge since the start [C cm^-2]."""
    film: Array
    """Perovskite left G [mol cm^-2]."""
    film_rate: Array
    """Its time derivative [mol cm^-2 s^-1]."""
    lead: Array
    """Metallic lead, in contact or not [mol cm^-2]."""
    lead_rate: Array
    """Its time derivative [mol cm^-2 s^-1]."""
    residual: Array
    """Metallic lead out of contact [mol cm^-2]."""
    nuclei: Array
    """Nuclei [cm^-2]."""
    shell: Array
    """Ligand shell [mol cm^-2]."""
    dissolved: Array
    """Lead gone into the solution since the start [mol cm^-2]."""
    surface_lead: Array
    """Dissolved lead at the surface, the first species [mol cm^-3]."""
    surface_ions: Array
    """Released Cs+ at the surface [mol cm^-3]."""
    decomposition: Array
    """v_dec [mol cm^-2 s^-1]."""
    deposition: Array
    """v_dep of all species [mol cm^-2 s^-1]."""
    dissolution: Array
    """Dissolution of film and shell [mol cm^-2 s^-1]."""
    potential: Array
    """phi [V]."""


def total(values: Scalars) -> Array:
    """Return the sum of scalars, 0 of none."""
    return sum(values, jnp.zeros(()))


class Layout:
    """Where each unknown stands, for a model put together from parts.

    Parameters
    ----------
    model : Electrode
        Only which parts it has matters.
    """

    def __init__(self, model: Electrode) -> None:
        self.nucleates = isinstance(model.deposit.surface, Nucleation)
        counts = [
            1,
            len(model.deposit.pools),
            int(self.nucleates),
            len(model.film.populations) if model.film else 0,
            int(model.shell is not None),
            int(model.film is not None),
            int(model.film is not None and isinstance(model.film.dissolution, Affinity)),
        ]
        ends = [sum(counts[: i + 1]) for i in range(len(counts))]
        self.lead, self.nuclei, self.film, self.shell, self.ions, self.trial = [
            slice(a, b) for a, b in pairwise(ends)
        ]
        places = range(ends[-1])
        self.bounded = frozenset(places[1 : self.shell.stop])
        """Unknowns that must stay positive."""
        self.dissolved = (*places[self.ions], *places[self.trial])
        """Concentrations at the surface."""
        self.settled = (*places[self.lead], *places[self.film], *places[self.shell])
        """Unknowns whose last Newton step tells how well the stage is solved."""

    def held(self, x: Surface | Amounts) -> Scalars:
        """Return the amounts among the unknowns, in their order.

        Parameters
        ----------
        x : Surface or Amounts
            What they are taken from.
        """
        nuclei = (x.N,) if self.nucleates else ()
        shell = (x.G_L,) if self.shell.stop > self.shell.start else ()
        return (*x.q, *nuclei, *x.G, *shell)

    def pack(self, s: Surface) -> Scalars:
        """Return the unknowns of a surface at the applied potential.

        Parameters
        ----------
        s : Surface
            State of the surface.
        """
        trial = (s.c,) if self.trial.stop > self.trial.start else ()
        ions = (s.y,) if s.G else ()
        return (jnp.zeros(()), *self.held(s), *ions, *trial)


class System(NamedTuple):
    """An electrode, its potential programme, and how well a step is to be solved."""

    model: Electrode
    """Parts and their parameters."""
    layout: Layout
    """Of this model."""
    programme: Programme
    """E(t)."""
    f: float
    """F/RT, scalar [V^-1]."""
    modes: tuple[Modes, ...]
    """Diffusion kernel of each lead species, then of the released ions where there is a film."""
    tolerance: float
    """Relative error of a step, scalar [1]."""


class Diffusion(NamedTuple):
    """How the surface concentrations answer to the fluxes of a stage: c = past + gain J."""

    fade: tuple[Array, ...]
    """Decay of the modes of each species, then of the ions, each shape (modes,) [1]."""
    past: tuple[Array, ...]
    """Concentrations without flux [mol cm^-3]."""
    gain: tuple[Array, ...]
    """Response to the flux [s cm^-1]."""


def _diffusion(
    model: Electrode, modes: tuple[Modes, ...], known: Amounts, coefficient: Array
) -> Diffusion:
    constants = [each.D for each in model.lead] + ([model.film.D_ion] if model.film else [])
    bulk = [each.c_b for each in model.lead] + ([0.0] if model.film else [])
    shared = {id(m): 1 / (1 + coefficient * m.poles) for m in modes}
    fade, past, gain = [], [], []
    for m, D, c_b, y in zip(modes, constants, bulk, known.modes, strict=True):
        d = shared[id(m)]
        root = lax.rsqrt(jnp.asarray(D, dtype=float))
        fade.append(d)
        past.append(c_b + root * jnp.sum(m.weights * d * y))
        gain.append(coefficient * root * jnp.sum(m.weights * d))
    return Diffusion(tuple(fade), tuple(past), tuple(gain))


def _idle(model: Electrode, switch: Array | float) -> Electrode:
    """Return the model with everything that carries current multiplied by 0 or 1."""
    lead = tuple(each._replace(k0=each.k0 * switch) for each in model.lead)
    cell = model.cell
    cell = cell._replace(C_dl=cell.C_dl * switch, g0=cell.g0 * switch, g1=cell.g1 * switch)
    if cell.reduction:
        cell = cell._replace(reduction=cell.reduction._replace(i_r=cell.reduction.i_r * switch))
    deposit = model.deposit
    if isinstance(deposit.surface, Nucleation):
        deposit = deposit._replace(surface=deposit.surface._replace(N0=deposit.surface.N0 * switch))
    film = model.film
    if film:
        how = film.decomposition
        if isinstance(how, ElectronSupply):
            film = film._replace(decomposition=how._replace(k_n=how.k_n * switch))
        else:
            film = film._replace(decomposition=how._replace(k_II=how.k_II * switch))
    return model._replace(lead=lead, cell=cell, deposit=deposit, film=film)


class Given(NamedTuple):
    """What a stage starts from; its solution is differentiated with respect to it."""

    model: Electrode
    """Parts and their parameters, as they are at this time."""
    known: Amounts
    """Explicit part of the amounts."""
    coefficient: Array
    """Weight of the rates at the end of the stage, scalar [s]."""
    E: Array
    """Applied potential at the end of the stage, scalar [V]."""
    living: Scalars
    """Factor of each population's reverse reaction, scalars [1]."""
    past: tuple[Array, ...]
    """Concentrations of each species, then of the ions, without flux, scalars [mol cm^-3]."""
    gain: tuple[Array, ...]
    """Their response to the flux, scalars [s cm^-1]."""
    pace: Array
    """Rate below which amounts need not change rightly, scalar [mol cm^-2 s^-1]."""


class Problem:
    """The equations of one stage.

    Parameters
    ----------
    layout : Layout
        Where each unknown stands.
    f : float
        F/RT, scalar [V^-1].
    given : Given
        What the stage starts from.
    """

    def __init__(self, layout: Layout, f: float, given: Given) -> None:
        self.layout, self.f, self.given = layout, f, given
        self.model, self.known = given.model, given.known
        self.coefficient, self.pace = given.coefficient, 1 / given.coefficient

    def losses(self, z: Scalars) -> Scalars:
        """Return how fast each population goes, by its balance [mol cm^-2 s^-1]."""
        found = z[self.layout.film]
        return tuple(self.pace * (k - a) for k, a in zip(self.known.G, found, strict=True))

    def surface(self, z: Scalars) -> Surface:
        """Return the surface that the unknowns describe."""
        layout, model, given, zero = self.layout, self.model, self.given, jnp.zeros(())
        q = z[layout.lead]
        return Surface(
            z[0] + given.E,
            tuple(map(Supply, given.past, given.gain))[: len(model.lead)],
            z[layout.trial][0] if z[layout.trial] else zero,
            q,
            self.known.q_r + self.coefficient * model.deposit.k_iso * total(q),
            z[layout.nuclei][0] if layout.nucleates else zero,
            z[layout.ions][0] if model.film else zero,
            z[layout.film],
            z[layout.shell][0] if model.shell else zero,
            given.living,
        )

    def charging(self, phi: Array) -> Array:
        """Return the current of the double layer [A cm^-2]."""
        return self.model.cell.C_dl * self.pace * (phi - self.known.phi)

    def equations(self, z: Scalars) -> tuple[Scalars, Scalars]:
        """Return the residuals, and what the amounts alone do not tell.

        The latter are dissolution of each population, deposition of the second and further lead
        species, background current and surface concentration of the first species.
        """
        s, given = self.surface(z), self.given
        v = rates(self.model, s, self.f)
        k, model, known = self.coefficient, self.model, self.known
        decomposed = total(v.decomposition)
        gained = total(v.deposition) + decomposed
        current = self.charging(s.phi) - 2 * FARADAY * gained + v.background
        found = [z[0] + model.cell.R_u * current]
        gross = gained + total(v.stripping)
        for q, before, pool, strip in zip(
            s.q, known.q, model.deposit.pools, v.stripping, strict=True
        ):
            own = pool.share * gross - strip if len(s.q) > 1 else gained
            found.append(q - before - k * (own - model.deposit.k_iso * q))
        if self.layout.nucleates:
            found.append(s.N - known.N - k * (v.births - v.deaths))
        for G, before, a, b in zip(s.G, known.G, v.decomposition, v.dissolution, strict=True):
            found.append(G - before + k * (a + b))
        if model.shell:
            found.append(s.G_L - known.G_L + k * v.shedding)
        if model.film:
            freed = decomposed + total(v.dissolution)
            found.append(s.y - given.past[-1] - given.gain[-1] * freed)
        if z[self.layout.trial]:
            found.append(s.c - v.c[0])
        return tuple(found), (*v.dissolution, *v.deposition[1:], v.background, v.c[0])

    def correct(self, z: Scalars) -> tuple[Scalars, Scalars, Array]:
        """Take a Newton step that leaves amounts positive and phi within reach.

        Returns
        -------
        z : tuple of Array
            Where it ends.
        beside : tuple of Array
            What `equations` returns beside the residuals, there.
        size : Array
            How far the step went, scalar [1]: in units of RT/F; of the ions' concentration; of the
            geometric mean of an amount and its change, so that its square tells how wrong the rates
            may be.
        """
        layout = self.layout
        step, beside = newton.correction(self.equations, z)
        taken = [z[0] - jnp.clip(step[0], -LARGEST_STEP, LARGEST_STEP)]
        for i, (a, d) in enumerate(zip(z[1:], step[1:], strict=True), start=1):
            taken.append(jnp.maximum(a - d, KEPT * a) if i in layout.bounded else a - d)
        size = jnp.abs(self.f * step[0])
        least = self.coefficient * self.given.pace + LEAST_LEAD
        before = (self.known.phi, *layout.held(self.known))
        for i in layout.settled:
            change = jnp.abs(taken[i] - before[i]) + least
            size = jnp.maximum(size, jnp.abs(step[i]) * lax.rsqrt((taken[i] + LEAST_LEAD) * change))
        for i in range(layout.ions.start, layout.ions.stop):
            size = jnp.maximum(size, jnp.abs(step[i]) / (jnp.abs(taken[i]) + LEAST_IONS))
        return tuple(taken), beside, size


class _Iterate(NamedTuple):
    """Where Newton's method stands."""

    z: Scalars
    beside: Scalars
    size: Array
    """Of the last step."""
    steps: Array


def _newton(problem: Problem, guess: Scalars) -> _Iterate:
    """Take steps until they are small, at most `ITERATIONS`."""

    def unsettled(carry: _Iterate) -> Array:
        return (carry.size > NEAR) & (carry.steps < ITERATIONS)

    def iterate(carry: _Iterate) -> _Iterate:
        return _Iterate(*problem.correct(carry.z), carry.steps + 1)

    beside = jax.eval_shape(problem.equations, guess)[1]
    start = _Iterate(guess, (jnp.zeros(()),) * len(beside), jnp.asarray(jnp.inf), jnp.asarray(0))
    end: _Iterate = lax.while_loop(unsettled, iterate, start)
    return end


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def solution(
    layout: Layout, f: float, given: Given, guess: Scalars
) -> tuple[Scalars, Scalars, Array]:
    """Solve the equations of a stage by Newton's method.

    The derivative is that of one more step with the Jacobian held constant (implicit function
    theorem).

    Parameters
    ----------
    layout : Layout
        Where each unknown stands.
    f : float
        F/RT, scalar [V^-1].
    given : Given
        What the stage starts from.
    guess : tuple of Array
        First guess of the unknowns, scalars; carries no gradient.

    Returns
    -------
    z : tuple of Array
        The unknowns, scalars.
    beside : tuple of Array
        What `Problem.equations` returns beside the residuals, scalars.
    size : Array
        Size of the last step, as of `Problem.correct`, scalar [1].
    """
    end = _newton(Problem(layout, f, given), guess)
    return end.z, end.beside, end.size


@solution.defjvp
def _solution_derivative(
    layout: Layout, f: float, primals: tuple[Given, Scalars], tangents: tuple[Given, Scalars]
) -> tuple[Any, Any]:
    given, guess = primals
    solved = checkpoint_name(_newton(Problem(layout, f, given), guess).z, "solved")

    def last(given: Given) -> tuple[Scalars, Scalars, Array]:
        return Problem(layout, f, given).correct(solved)

    found, change = jax.jvp(last, (given,), (tangents[0],))
    return found, (*change[:2], jnp.zeros(()))


def stage(
    system: System,
    known: Amounts,
    coefficient: Array,
    time: Array,
    guess: Scalars,
    memory: Memory,
) -> Stage:
    """Solve one implicit stage.

    Parameters
    ----------
    system : System
        The electrode and its programme.
    known : Amounts
        Explicit part of the amounts.
    coefficient : Array
        Weight of the rates at the end of the stage, scalar [s].
    time : Array
        End of the stage, scalar [s].
    guess : tuple of Array
        First guess of the unknowns, scalars.
    memory : Memory
        What else is looked back at.

    Returns
    -------
    Stage
        Amounts and rates at its end, and what is recorded.
    """
    model, programme = system.model, system.programme
    living = alive(model.film, memory.lowest) if model.film else ()
    if programme.wait > 0:
        model = _idle(model, programme.closed(time))
    diffusion = _diffusion(model, system.modes, known, coefficient)
    given = Given(
        model,
        known._replace(N=jnp.maximum(known.N, 0.0), modes=()),
        coefficient,
        programme.at(time),
        living,
        diffusion.past,
        diffusion.gain,
        OF_PEAK * memory.peak / (2 * FARADAY),
    )
    z, beside, size = solution(system.layout, system.f, given, guess)
    problem = Problem(system.layout, system.f, given)
    amounts, change, output = _finish(problem, known.modes, diffusion.fade, z, beside)
    return Stage(amounts, change, z, output, lax.stop_gradient(size**2 / system.tolerance))


def _finish(
    problem: Problem, modes: tuple[Array, ...], fade: tuple[Array, ...], z: Scalars, beside: Scalars
) -> tuple[Amounts, Amounts, Output]:
    """Return the amounts at the end of a stage, their rates, and what is recorded.

    They change by what the found unknowns imply: what Newton's method has left open is in the
    laws, not in the balances, and no amount becomes negative.
    """
    s, gone = problem.surface(z), problem.losses(z)
    known, model, pace, k = problem.known, problem.model, problem.pace, problem.coefficient
    count = len(gone)
    lost, others = total(beside[:count]), beside[count : count + len(model.lead) - 1]
    background, first = beside[-2:]
    shed = pace * (known.G_L - s.G_L)
    isolation = model.deposit.k_iso * total(s.q)
    metal = pace * (total(s.q) - total(known.q)) + isolation
    decomposed = total(gone) - lost
    deposited = metal - decomposed
    current = problem.charging(s.phi) - 2 * FARADAY * metal + background
    flux = [lost - (deposited - total(others)), *(-each for each in others)]
    flux[-1] = flux[-1] + shed
    into = (*flux, *((total(gone),) if model.film else ()))
    now = tuple((y + k * j) * d for y, j, d in zip(modes, into, fade, strict=True))
    change = Amounts(
        modes=tuple(pace * (a - b) for a, b in zip(now, modes, strict=True)),
        phi=pace * (s.phi - known.phi),
        q=tuple(pace * (a - b) for a, b in zip(s.q, known.q, strict=True)),
        q_r=isolation,
        N=pace * (s.N - known.N),
        G=tuple(-x for x in gone),
        G_L=-shed,
        dissolved=total(tuple(flux)),
        charge=current,
    )
    amounts = Amounts(
        modes=now,
        phi=s.phi,
        q=s.q,
        q_r=s.q_r,
        N=s.N,
        G=s.G,
        G_L=s.G_L,
        dissolved=known.dissolved + k * change.dissolved,
        charge=known.charge + k * current,
    )
    output = Output(
        current=current,
        charge=amounts.charge,
        film=total(s.G),
        film_rate=-total(gone),
        lead=total(s.q) + s.q_r,
        lead_rate=metal,
        residual=s.q_r,
        nuclei=s.N,
        shell=s.G_L,
        dissolved=amounts.dissolved,
        surface_lead=first,
        surface_ions=s.y,
        decomposition=decomposed,
        deposition=deposited,
        dissolution=lost + shed,
        potential=s.phi,
    )
    return amounts, change, output
