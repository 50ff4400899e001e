"""Sampling coordinates of a regression over solvents: each variable given those before it.

Where the scatter tau of a law is small, its coefficients are tied to the readings; where it is
large, the residuals are. Every variable is therefore measured from its mean, in units of its sd,
in the normal model with the same scatter and reading errors, given the variables before it. A
solvent with a detection limit only has log10 s as its coordinate, on the scale of a bounded
`Frame`, and the coefficients follow it. Coordinates need not be exact: the volume is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr
from jax import numpy as jnp
from jax.scipy.linalg import cho_solve
from pytensor import tensor as pt

from perovec_bayes.constants import STANDARD_CONCENTRATION
from perovec_bayes.inference.bridge import Frame, Tensor, constant, rise, wrap
from perovec_bayes.inference.builder import Builder
from perovec_bayes.inference.dilution import Ambiguity
from perovec_bayes.inference.mechanisms.solubility import Systems, highest_limits
from perovec_bayes.inference.observe_icp import BLANKS_IN_LOD
from perovec_bayes.inference.priors import HalfNormal, Normal

if TYPE_CHECKING:
    from perovec_bayes.inference.mechanisms.solvent_regression import Law

LN10 = np.log(10.0)


class Means(NamedTuple):
    """What the readings say of log10(s/c°) in each system or solvent."""

    value: Tensor
    """Mean of the readings above their limits; 0 where there is none."""
    weight: Tensor
    """One over its variance; 0 where there is none."""
    limit: np.ndarray
    """log10 of the detection limit where the data give only that, NaN elsewhere."""

    def at(self, rows: list[int]) -> Means:
        """Return the means of some systems; -1 stands for one without readings."""
        have, index = np.array(rows) >= 0, np.maximum(rows, 0)
        limit = np.where(have, self.limit[index], np.nan)
        return Means(self.value[index] * have, self.weight[index] * have, limit)


class Readings:
    """The readings above their detection limits and of known dilution.

    Parameters
    ----------
    data : xr.Dataset
        Of technique "icp".
    found : Systems
        Its systems.
    counts : ndarray
        Atoms per formula unit of each measurement, shape (measurements,).
    preparation, instrument : TensorVariable
        s_p and s_m.
    """

    def __init__(
        self,
        data: xr.Dataset,
        found: Systems,
        counts: np.ndarray,
        preparation: Tensor,
        instrument: Tensor,
    ) -> None:
        saturated = data["value"].to_numpy() * data["dilution"].to_numpy() / counts
        used = np.flatnonzero(np.isfinite(saturated) & (saturated > 0))
        value, sd, lod = (data[name].to_numpy()[used] for name in ("value", "sd", "lod"))
        floor = np.where(np.isfinite(sd), sd, np.where(np.isfinite(lod), lod / BLANKS_IN_LOD, 0.0))
        samples = np.unique(data["sample"].to_numpy().astype(str), return_inverse=True)[1]
        self._name = str(data.attrs["name"])
        self._found, self._size, self._preparation = found, int(samples.max()) + 1, preparation
        self._system, self._sample = found.where[used], samples[used]
        self._log = np.log(saturated[used] / STANDARD_CONCENTRATION)
        self._variance = constant((floor / value) ** 2) + instrument**2 * np.isnan(sd)

    def means(self, limit: np.ndarray) -> Means:
        """Return the mean of each system: over readings, then over samples.

        Parameters
        ----------
        limit : ndarray
            Detection limit of each system as a solubility, shape (systems,) [mol cm^-3].
        """
        pairs = np.column_stack([self._system, self._sample])
        flasks, flask = np.unique(pairs, axis=0, return_inverse=True)
        into_flask = _indicator(flask.ravel(), len(flasks))
        into_system = _indicator(flasks[:, 0], len(self._found.pairs))
        weight = pt.dot(into_flask, 1 / self._variance)
        mean = pt.dot(into_flask, self._log / self._variance) / weight
        weight = 1 / (self._preparation**2 + 1 / weight)
        total = pt.dot(into_system, weight)
        unseen = into_system.sum(axis=1) == 0
        only = np.isin(np.arange(len(unseen)), list(self._found.bounded))
        return Means(
            pt.dot(into_system, weight * mean) / (total + unseen) / LN10,
            total * LN10**2,
            np.where(only, np.log10(limit / STANDARD_CONCENTRATION), np.nan),
        )

    def frame_samples(self, builder: Builder, s: Tensor) -> None:
        """Measure the deviation of each sample from what its readings and s leave to it.

        Parameters
        ----------
        builder : Builder
            After `observe_icp`.
        s : TensorVariable
            Solubilities, shape (systems,) [mol cm^-3].
        """
        into = _indicator(self._sample, self._size)
        over = self._log - pt.log(s / STANDARD_CONCENTRATION)[self._system]
        precision = 1 + self._preparation**2 * pt.dot(into, 1 / self._variance)
        centre = self._preparation * pt.dot(into, over / self._variance) / precision
        flat = np.zeros(self._size, dtype=bool)
        builder.info.frames[f"{self._name}_z"] = Frame(centre, 1 / pt.sqrt(precision), flat)


def frame_all(
    builder: Builder,
    data: xr.Dataset,
    found: Systems,
    counts: np.ndarray,
    groups: list[Ambiguity],
    laws: dict[str, Law],
    solvents: list[str],
    s: Tensor,
) -> None:
    """Add the frames of the laws of all salts and of the samples.

    Parameters
    ----------
    builder : Builder
        After `observe_icp`.
    data : xr.Dataset
        Of technique "icp".
    found : Systems
        Its systems.
    counts : ndarray
        Atoms per formula unit of each measurement, shape (measurements,).
    groups : list of Ambiguity
        The measurements of unknown dilution.
    laws : dict
        Name of the salt -> its law; one that depends on another after it.
    solvents : list of str
        Of the laws.
    s : TensorVariable
        Solubilities, shape (systems,) [mol cm^-3].
    """
    readings = Readings(data, found, counts, builder.values["s_p"], builder.values["s_m"])
    means = readings.means(highest_limits(data, found.where, counts, groups))
    for name, law in laws.items():
        _frame_law(builder, law, means.at([found.place(name, each) for each in solvents]))
    readings.frame_samples(builder, s)


def _frame_law(builder: Builder, law: Law, means: Means) -> None:
    """Measure the coefficients with normal priors, the last first, then the residuals.

    A positive coefficient is sampled as itself, below its prior's scale as its logarithm.
    """
    only = np.isfinite(means.limit)
    limit = np.where(only, means.limit, 0.0)
    w = builder.values[law.residual]  # of a solvent with a limit only: its coordinate, see `Frame`
    value = pt.where(only, limit + wrap(rise)(w) / LN10, means.value)
    weight = pt.where(only, law.scale**-2, means.weight / (1 + law.scale**2 * means.weight))

    priors = [builder.card.parameters[name].canonical_prior() for name in law.names]
    framed = [i for i, prior in enumerate(priors) if isinstance(prior, Normal)]
    for name, prior in zip(law.names, priors, strict=True):
        if isinstance(prior, HalfNormal):
            scale, one = constant(np.log(prior.sd)), constant(1.0)
            builder.info.frames[name] = Frame(scale, one, np.ones(1, dtype=bool))
    terms = [b * column for b, column in zip(law.values, law.columns, strict=True)]
    if framed:
        known = sum((terms[i] for i in range(len(terms)) if i not in framed), law.offset)
        matrix = pt.stack([law.columns[i] for i in framed], axis=1)
        about = [[prior.mean, prior.sd] for prior in priors if isinstance(prior, Normal)]
        mean0, sd0 = map(constant, np.array(about).T)
        given = pt.stack([law.values[i] for i in framed])
        centres, widths = wrap(_conditionals)(matrix, value - known, weight, mean0, sd0, given)
        for place in reversed(range(len(framed))):
            frame = Frame(centres[place], widths[place], np.zeros(1, dtype=bool))
            builder.info.frames[law.names[framed[place]]] = frame

    mean = sum(terms, law.offset)
    precision = 1 + law.scale**2 * means.weight
    centre = law.scale * means.weight * (means.value - mean) / precision
    builder.info.frames[law.residual] = Frame(
        pt.where(only, (limit - mean) / law.scale, centre),
        pt.where(only, 1 / (LN10 * law.scale), 1 / pt.sqrt(precision)),
        only,
    )


def _conditionals(
    matrix: Any, rest: Any, weight: Any, mean0: Any, sd0: Any, given: Any
) -> tuple[Any, Any]:
    """Return mean and sd of each coefficient of a linear normal model given the later ones.

    With the Cholesky factor L of the precision P = X'WX + 1/sd0^2: of coefficient j given those
    after it, mean b_j - sum_k>j L_kj (beta_k - b_k)/L_jj and sd 1/L_jj, b = P^-1 (X'Wy + m0/sd0^2).
    """
    precision = matrix.T @ (weight[:, None] * matrix) + jnp.diag(sd0**-2)
    factor = jnp.linalg.cholesky(precision)
    best = cho_solve((factor, True), matrix.T @ (weight * rest) + mean0 / sd0**2)
    later = jnp.tril(factor, -1).T @ (given - best)
    diagonal = jnp.diag(factor)
    return best - later / diagonal, 1 / diagonal


def _indicator(group: np.ndarray, count: int) -> np.ndarray:
    """Return which members each group has, shape (groups, members)."""
    return np.asarray(np.arange(count)[:, None] == group, dtype=float)
