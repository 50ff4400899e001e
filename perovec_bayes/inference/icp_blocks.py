"""ICP-OES samples left out one at a time: their deviation from saturation integrated out.

A sample (one saturated solution) deviates from the solubility by e^(s_p z), z ~ N(0, 1). Left out
with all its readings, nothing is known of its z: its density is an integral over z, not the density
at the z that its own readings have taught. Importance weights stay moderate that way. An unknown
dilution factor, which no other readings tell, is likewise summed over its prior.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.scipy.special import logsumexp
from jax.scipy.stats import norm

from perovec_bayes.forward import icp
from perovec_bayes.inference.blocks import Parts
from perovec_bayes.inference.dilution import Ambiguity

NODES = 201
"""Nodes of the integral over z."""
REACH = 9.0
"""The integral ends so many prior standard deviations beyond the likely z [1]."""
FACTORS, FACTOR_REACH = 121, 9.0
"""Values of a dilution factor for each hypothesis on it, and how far they reach [its sd]."""


class Readings(NamedTuple):
    """What was read, each of shape (measurements,)."""

    value: np.ndarray
    """Concentration, or the detection limit where hidden [mol cm^-3]."""
    limit: np.ndarray
    """Detection limit where hidden [mol cm^-3]."""
    hidden: np.ndarray
    """1 where below it."""
    floor: np.ndarray
    """Additive error [mol cm^-3]."""
    dilution: np.ndarray
    """F_dil, 1 where unknown [1]."""


def partition(samples: np.ndarray, sample_of: np.ndarray, groups: Sequence[Ambiguity]) -> Parts:
    """Return the blocks: samples, together if they share an unknown dilution.

    Parameters
    ----------
    samples : ndarray of str
        Names of the samples.
    sample_of : ndarray of int
        Sample of each measurement, shape (measurements,).
    groups : sequence of Ambiguity
        Measurements of unknown dilution.
    """
    block = np.arange(len(samples))
    for group in groups:
        together = np.unique(block[sample_of[group.rows]])
        block[np.isin(block, together)] = together[0]
    found, block = np.unique(block, return_inverse=True)
    names = [[str(s) for s in samples[block == b]] for b in range(len(found))]
    labels = tuple(f"sample{'s' * (len(each) > 1)} {', '.join(each)}" for each in names)
    return Parts(labels, block[sample_of])


def terms(
    readings: Readings, sample_of: np.ndarray, groups: Sequence[Ambiguity], index: np.ndarray
) -> Callable[..., Array]:
    """Return the function for `Blocks.terms`.

    Its arguments are the readings, the concentrations of the saturated solutions without deviation
    (measurements,) [mol cm^-3], s_p, and the proportional errors (measurements,).

    Parameters
    ----------
    readings : Readings
        The data.
    sample_of, groups
        As in `partition`.
    index : ndarray of int
        Block of each measurement.
    """
    members = [
        [np.flatnonzero((index == b) & (sample_of == s)) for s in np.unique(sample_of[index == b])]
        for b in range(index.max() + 1)
    ]
    dilutions = [
        _dilutions(readings, [group for group in groups if (index[group.rows] == b).any()])
        for b in range(index.max() + 1)
    ]

    def log_densities(value: Any, saturated: Any, preparation: Any, proportional: Any) -> Array:
        def sample(rows: np.ndarray, dilution: Any) -> Array:
            mean = saturated[rows] / dilution[rows]
            return _integral(_rows(readings, value, rows), mean, preparation, proportional[rows])

        def block(b: int) -> Array:
            log_weights, factors = dilutions[b]
            each = [jax.vmap(partial(sample, rows))(factors) for rows in members[b]]
            return logsumexp(sum(each) + log_weights)

        return jnp.stack([block(b) for b in range(len(members))])

    return log_densities


def _dilutions(readings: Readings, groups: Sequence[Ambiguity]) -> tuple[np.ndarray, np.ndarray]:
    """Return ln of the weights (cases,) and the dilutions (cases, measurements) of a quadrature."""
    nodes = np.linspace(-FACTOR_REACH, FACTOR_REACH, FACTORS)
    shares = np.exp(-0.5 * nodes**2)
    log_weights, factors = np.zeros(1), readings.dilution[None]
    for group in groups:
        value = group.factors[:, None] * np.exp(group.spreads[:, None] * nodes)
        weight = group.weights[:, None] * shares / shares.sum()
        log_weights = (log_weights[:, None] + np.log(weight.ravel())).ravel()
        factors = np.repeat(factors, value.size, axis=0)
        factors[:, group.rows] = np.tile(value.ravel(), len(factors) // value.size)[:, None]
    return log_weights, factors


def _rows(readings: Readings, value: Any, rows: np.ndarray) -> Readings:
    """Return some of the readings, with the values given."""
    return Readings(value[rows], *(column[rows] for column in readings[1:]))


def _integral(r: Readings, measured: Any, preparation: Any, proportional: Any) -> Array:
    """Return ln of the integral of p(readings | z) N(z; 0, 1) over z.

    By the trapezoidal rule in t, z = c + w sinh t, with c and w mean and sd of z that follow from
    the readings by linear propagation of errors: nodes are dense where the integrand is, however
    narrow that is, and reach to where the prior ends.
    """
    seen = (r.hidden == 0) & (r.value > 0)
    value = jnp.where(seen, r.value, 1.0)
    relative = jnp.sqrt(proportional**2 + (r.floor / value) ** 2)
    precision = jnp.where(seen, (preparation / relative) ** 2, 0.0)
    off = jnp.where(seen, jnp.log(value / measured), 0.0)
    w = 1 / jnp.sqrt(1 + jnp.sum(precision))
    c = w**2 * jnp.sum(jnp.where(seen, preparation * off / relative**2, 0.0))
    end = jnp.arcsinh((REACH + jnp.abs(c)) / w)
    t = end * jnp.linspace(-1.0, 1.0, NODES)
    z = c + w * jnp.sinh(t)
    mean = measured * jnp.exp(preparation * z[:, None])
    density = icp.log_density(r.value, r.limit, r.hidden, mean, r.floor, proportional)
    step = jnp.log(w * jnp.cosh(t) * 2 * end / (NODES - 1))
    return logsumexp(jnp.sum(density, axis=1) + norm.logpdf(z) + step)
