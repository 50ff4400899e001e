"""Where lead strips: the potential at which the anodic current has a given size."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from perovec_bayes.constants import STANDARD_CONCENTRATION

ITERATIONS = 8
"""Newton steps; each at least squares what is left, from some 0.1 V."""


def overpotential(
    flux: ArrayLike, duration: ArrayLike, k0: ArrayLike, A_c: ArrayLike, D: ArrayLike, f: ArrayLike
) -> Array:
    """Return phi - E0' at which lead dissolves at a given rate.

    The rate J = k0 (c° e^((2 - A_c) f u) - c e^(-A_c f u)) of (2.4) on a covered electrode, with
    the surface concentration c = J sqrt(t/D) that it has built up after some time t, is solved for
    u. Slow kinetics and slow diffusion both move it; this says how.

    Parameters
    ----------
    flux : ArrayLike
        Rate J, scalar, positive [mol cm^-2 s^-1].
    duration : ArrayLike
        Time t for which it has flowed, scalar [s].
    k0 : ArrayLike
        Rate constant of deposition, scalar [cm s^-1].
    A_c : ArrayLike
        Apparent cathodic transfer coefficient, scalar between 0 and 2 [1].
    D : ArrayLike
        Diffusion coefficient, scalar [cm^2 s^-1].
    f : ArrayLike
        F/RT, scalar [V^-1].

    Returns
    -------
    Array
        u = phi - E0', scalar [V].
    """
    kinetic = jnp.log(flux / (k0 * STANDARD_CONCENTRATION))
    built_up = jnp.log(flux * jnp.sqrt(duration / jnp.asarray(D)) / STANDARD_CONCENTRATION)
    # ln(e^(kinetic - (2 - A_c) f u) + e^(built_up - 2 f u)) = 0: convex, so that Newton's method
    # climbs to the root from below, which is where either term alone is 1
    fu = jnp.maximum(kinetic / (2 - A_c), built_up / 2)
    for _ in range(ITERATIONS):
        slow, full = kinetic - (2 - A_c) * fu, built_up - 2 * fu
        value = jnp.logaddexp(slow, full)
        share = jnp.exp(slow - value)
        fu = fu + value / (2 - A_c * share)
    return fu / f
