"""Current, film, lead and surface concentrations of an electrode over a potential programme."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from perovec_bayes.forward import trbdf2
from perovec_bayes.forward.electrode import Electrode, Surface
from perovec_bayes.forward.kernels import Modes, semi_infinite
from perovec_bayes.forward.newton import Scalars
from perovec_bayes.forward.programme import Programme
from perovec_bayes.forward.stage import (
    LARGEST_STEP,
    LEAST_LEAD,
    OF_PEAK,
    Amounts,
    Layout,
    Memory,
    Output,
    System,
    stage,
    total,
)
from perovec_bayes.forward.trbdf2 import Control, Equations, Point, Record

KERNEL_TOLERANCE = 1e-10
"""Of the diffusion kernel for real p; about 1e-5 in the time domain [1]."""
SHORTEST = 1e-14
"""A given grid may have no shorter steps, as a share of the run [1]."""
LEAST_CURRENT = 2e-7
"""Currents below this need not be right [A cm^-2]."""
LEAST_NUCLEI = 1e3
"""Numbers of nuclei below this need not be right [cm^-2]."""
LOOSER = 10.0
"""Lead and nuclei may be wrong by this multiple of the tolerance: what counts is the current."""
GUESS = 5.0
"""The first guess of an amount or concentration is within this factor of the last value [1]."""


def respond(
    model: Electrode,
    programme: Programme,
    f: float,
    *,
    control: Control | None = None,
    grid: np.ndarray | None = None,
    lead_modes: tuple[Modes, ...] | None = None,
    ion_modes: Modes | None = None,
) -> Record:
    """Compute the response of an electrode to a potential programme.

    All amounts advance by TR-BDF2 (`perovec_bayes.forward.trbdf2`), diffusion by the modes of its
    kernel as further amounts, so that lead is conserved to rounding. The unknowns of a stage (phi,
    amounts, surface concentrations) are solved by Newton's method with the exact Jacobian; a last
    step with the Jacobian held constant carries the gradient.

    Parameters
    ----------
    model : Electrode
        Parts and their parameters, which may be traced.
    programme : Programme
        E(t).
    f : float
        F/RT, scalar [V^-1].
    control : Control, optional
        Adaptive steps; the default settles peaks and charges to better than 1 %.
    grid : ndarray, optional
        Times to step over instead, from the start to the end of the programme, shape (steps + 1,)
        [s].
    lead_modes : tuple of Modes, optional
        Diffusion kernel of each lead species; planar and semi-infinite when absent.
    ion_modes : Modes, optional
        Diffusion kernel of the released ions; planar and semi-infinite when absent.

    Returns
    -------
    Record
        Times and `Output` of every attempted step.

    Raises
    ------
    ValueError
        If the grid does not increase, or not by enough.
    """
    control = control or Control()
    duration = programme.end - programme.start
    least = float(np.diff(grid).min()) if grid is not None else control.shortest * duration
    if least < SHORTEST * duration:
        raise ValueError(
            f"the shortest step of the grid is {least:g} s: expected at least {SHORTEST:g} of the "
            "run, increasing; are there times that differ by rounding only?"
        )
    planar = semi_infinite(least, duration, KERNEL_TOLERANCE)
    modes = lead_modes or (planar,) * len(model.lead)
    if model.film:
        modes = (*modes, ion_modes or planar)
    layout = Layout(model)
    system = System(model, layout, programme, f, modes, control.tolerance)
    equations = Equations(
        partial(stage, system),
        _guess(layout),
        _remember,
        _error(model, layout, control.tolerance),
        lambda amounts: (*amounts.q, *amounts.G, *((amounts.G_L,) if model.shell else ())),
    )
    start, first = _start(model, layout, programme, modes)
    if grid is not None:
        return trbdf2.march(equations, start, first, grid=grid)
    return trbdf2.integrate(
        equations, start, first, begin=programme.start, breaks=programme.breaks, control=control
    )


def _start(
    model: Electrode, layout: Layout, programme: Programme, modes: tuple[Modes, ...]
) -> tuple[Point, Output]:
    """Return the state before anything has happened."""
    zero = jnp.zeros(())
    film = model.film
    G = tuple(film.G0 * part.share + zero for part in film.populations) if film else ()
    q = tuple(model.deposit.q0 * pool.share + zero for pool in model.deposit.pools)
    shell = model.shell.G_L0 + zero if model.shell else zero
    phi = jnp.asarray(float(programme.potential[0]))
    amounts = Amounts(
        tuple(jnp.zeros_like(m.poles) for m in modes), phi, q, zero, zero, G, shell, zero, zero
    )
    first = model.lead[0].c_b + zero
    unknowns = layout.pack(Surface(phi, (), first, q, zero, zero, zero, G, shell, ()))
    point = trbdf2.begin_at(amounts, unknowns, Memory(G, zero + LEAST_CURRENT / OF_PEAK))
    output = Output(
        *[zero] * len(Output._fields),
    )._replace(film=sum(G, zero), lead=sum(q, zero), shell=shell, surface_lead=first, potential=phi)
    return point, output


def _guess(layout: Layout) -> Callable[[Scalars, Scalars, Array], Scalars]:
    def guess(unknowns: Scalars, slopes: Scalars, duration: Array) -> Scalars:
        ahead = [z + duration * d for z, d in zip(unknowns, slopes, strict=True)]
        ahead[0] = jnp.clip(ahead[0], unknowns[0] - LARGEST_STEP, unknowns[0] + LARGEST_STEP)
        for i in layout.bounded:
            ahead[i] = jnp.clip(ahead[i], unknowns[i] / GUESS, unknowns[i] * GUESS)
        for i in layout.dissolved:
            far = (GUESS - 1) * jnp.abs(unknowns[i])
            ahead[i] = jnp.clip(ahead[i], unknowns[i] - far, unknowns[i] + far)
        return tuple(ahead)

    return guess


def _remember(memory: Memory, amounts: Amounts, last: Amounts) -> Memory:
    lowest = tuple(jnp.minimum(a, b) for a, b in zip(memory.lowest, amounts.G, strict=True))
    return Memory(lowest, jnp.maximum(memory.peak, jnp.abs(lax.stop_gradient(last.charge))))


def _error(model: Electrode, layout: Layout, tolerance: float) -> Callable[..., Array]:
    """Return the error of a step over the tolerance: of current, film, lead and nuclei."""

    def error(
        r0: Amounts,
        r1: Amounts,
        r2: Amounts,
        amounts: Amounts,
        memory: Memory,
        h: Array,
        estimate: Callable[[Array, Array, Array], Array],
    ) -> Array:
        scale = jnp.abs(r2.charge) + OF_PEAK * memory.peak
        worst = estimate(r0.charge, r1.charge, r2.charge) / scale
        if model.film:
            for a, b, c in zip(r0.G, r1.G, r2.G, strict=True):
                worst = jnp.maximum(worst, h * estimate(a, b, c) / model.film.G0)
        lead = h * estimate(total(r0.q), total(r1.q), total(r2.q)) / (total(amounts.q) + LEAST_LEAD)
        worst = jnp.maximum(worst, lead / LOOSER)
        if layout.nucleates:
            born = h * estimate(r0.N, r1.N, r2.N) / (amounts.N + LEAST_NUCLEI)
            worst = jnp.maximum(worst, born / LOOSER)
        return worst / tolerance

    return error
