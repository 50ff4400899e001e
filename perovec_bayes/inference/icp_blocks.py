"""ICP-OES samples left out one at a time: their deviation from saturation integrated out.

A sample (one saturated solution) deviates from the solubility by e^(s_p z), z ~ N(0, 1). Left out
with all its readings, nothing is known of its z: its density is an integral over z, not the density
at the z that its own readings have taught. Importance weights stay moderate that way. An unknown
dilution factor, which no other readings tell, is likewise summed over its prior.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

NODES, FACTOR_NODES = 81, 51
"""Nodes of the integral over z, and of that over a dilution factor for each hypothesis on it."""
HIDDEN_NODES, HIDDEN_FACTOR_NODES = 201, 121
"""The same where a reading is below its detection limit: the integrand then has an edge, which the
linear propagation of errors does not place."""
REACH = 9.0
"""Integrals end so many prior standard deviations beyond where the readings point to [1]."""


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
    shared = [
        [group for group in groups if (index[group.rows] == b).any()]
        for b in range(index.max() + 1)
    ]

    def log_densities(value: Any, saturated: Any, preparation: Any, proportional: Any) -> Array:
        left_out = _LeftOut(readings._replace(value=value), saturated, preparation, proportional)
        blocks = zip(members, shared, strict=True)
        return jnp.stack([left_out.block(samples, own) for samples, own in blocks])

    return log_densities


class _LeftOut(NamedTuple):
    """What the densities of all blocks start from."""

    readings: Readings
    saturated: Any
    """Without deviation, before dilution, shape (measurements,) [mol cm^-3]."""
    preparation: Any
    """s_p."""
    proportional: Any
    """Shape (measurements,) [1]."""

    def block(self, samples: Sequence[np.ndarray], groups: Sequence[Ambiguity]) -> Array:
        """Return ln p of the readings of some samples, dilutions summed over their prior."""
        unknown = np.zeros(self.readings.dilution.shape, dtype=bool)
        for group in groups:
            unknown[group.rows] = True
        return self._given(self.readings.dilution, ~unknown, samples, list(groups))

    def _given(
        self,
        dilution: Any,
        known: np.ndarray,
        samples: Sequence[np.ndarray],
        groups: list[Ambiguity],
    ) -> Array:
        """Return ln p where the dilution of the `known` measurements is given."""
        if not groups:
            spread = self.preparation
            return sum((self._sample(rows, dilution, spread) for rows in samples), jnp.zeros(()))
        group, *others = groups
        inside = np.zeros(known.shape, dtype=bool)
        inside[group.rows] = True
        if len(samples) == 1 and inside[samples[0]].all():
            return self._one_sample(samples[0], group)
        hidden = self.readings.hidden[group.rows].any()
        count = HIDDEN_FACTOR_NODES if hidden else FACTOR_NODES

        def hypothesis(factor: Array, spread: Array) -> Array:
            nominal = jnp.where(inside, factor, dilution)
            deviations, log_weights = _nodes(
                *self._factor_place(nominal, known, inside, samples, spread), count
            )

            def case(deviation: Array) -> Array:
                given = jnp.where(inside, factor * jnp.exp(spread * deviation), dilution)
                return self._given(given, known | inside, samples, others)

            return logsumexp(jax.vmap(case)(deviations) + log_weights)

        each = jax.vmap(hypothesis)(jnp.asarray(group.factors), jnp.asarray(group.spreads))
        return logsumexp(each + np.log(group.weights))

    def _one_sample(self, rows: np.ndarray, group: Ambiguity) -> Array:
        """Return ln p where all readings of one sample share an unknown dilution.

        Deviation and dilution shift the same logarithm, so that their sum, which is normal too,
        takes one integral in place of two.
        """

        def hypothesis(factor: Array, spread: Array) -> Array:
            dilution = jnp.full(self.readings.dilution.shape, factor)
            return self._sample(rows, dilution, jnp.sqrt(self.preparation**2 + spread**2))

        each = jax.vmap(hypothesis)(jnp.asarray(group.factors), jnp.asarray(group.spreads))
        return logsumexp(each + np.log(group.weights))

    def _sample(self, rows: np.ndarray, dilution: Any, spread: Any) -> Array:
        """Return ln of the integral of p(readings | z) N(z; 0, 1) over z.

        The concentration is e^(spread z) times that of a saturated solution.
        """
        r = Readings(*(column[rows] for column in self.readings))
        measured, proportional = self.saturated[rows] / dilution[rows], self.proportional[rows]
        off, precision = self._off(rows, dilution)
        count = HIDDEN_NODES if r.hidden.any() else NODES
        z, log_weights = _nodes(*_place(spread, off, precision), count)
        mean = measured * jnp.exp(spread * z[:, None])
        density = icp.log_density(r.value, r.limit, r.hidden, mean, r.floor, proportional)
        return logsumexp(jnp.sum(density, axis=1) + log_weights)

    def _factor_place(
        self, nominal: Any, known: np.ndarray, inside: np.ndarray, samples: Any, spread: Any
    ) -> tuple[Array, Array]:
        """Return about where the deviation u of a factor lies, ln F = ln nominal + spread u.

        What is left of a sample's own deviation is what the readings of known dilution leave open.
        """
        off, precision = [], []
        for rows in samples:
            centre, width = _place(self.preparation, *self._off(rows[known[rows]], nominal))
            away, weight = self._off(rows[inside[rows]], nominal)
            total = jnp.sum(weight)
            mean = jnp.sum(away * weight) / jnp.where(total > 0, total, 1.0)
            off.append(self.preparation * centre - mean)
            precision.append(total / (1 + (self.preparation * width) ** 2 * total))
        return _place(spread, jnp.stack(off), jnp.stack(precision))

    def _off(self, rows: np.ndarray, dilution: Any) -> tuple[Array, Array]:
        """Return how far readings are from the saturated solution, and how well they tell it.

        Deviations of the logarithm and their inverse variances by linear propagation of errors;
        nothing where hidden or not positive.
        """
        read, floor = self.readings.value[rows], self.readings.floor[rows]
        seen = (self.readings.hidden[rows] == 0) & (read > 0)
        value = jnp.where(seen, read, 1.0)
        variance = self.proportional[rows] ** 2 + (floor / value) ** 2
        off = jnp.log(value * dilution[rows] / self.saturated[rows])
        return jnp.where(seen, off, 0.0), jnp.where(seen, 1 / variance, 0.0)


def _place(scale: Any, off: Array, precision: Array) -> tuple[Array, Array]:
    """Return mean and sd of x ~ N(0, 1) after what is known of scale x: `off`, with `precision`."""
    width = 1 / jnp.sqrt(1 + scale**2 * jnp.sum(precision))
    return width**2 * scale * jnp.sum(off * precision), width


def _nodes(centre: Array, width: Array, count: int) -> tuple[Array, Array]:
    """Return nodes x for an integral over N(x; 0, 1) dx, and ln of their weights.

    By the trapezoidal rule in t, x = centre + width sinh t: nodes are dense where the integrand is,
    however narrow that is, and reach to where the prior ends.
    """
    end = jnp.arcsinh((REACH + jnp.abs(centre)) / width)
    t = end * jnp.linspace(-1.0, 1.0, count)
    x = centre + width * jnp.sinh(t)
    return x, norm.logpdf(x) + jnp.log(width * jnp.cosh(t) * 2 * end / (count - 1))
