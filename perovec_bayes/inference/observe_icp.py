"""Likelihood of ICP-OES concentrations: replicates, censoring, unknown dilution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr
from jax import Array
from jax import numpy as jnp
from jax.nn import softmax
from jax.scipy.special import logsumexp
from pytensor import tensor as pt

from perovec_bayes.errors import DataError
from perovec_bayes.forward import icp
from perovec_bayes.inference import bridge, icp_blocks
from perovec_bayes.inference.bridge import Tensor
from perovec_bayes.inference.builder import Builder
from perovec_bayes.inference.dilution import (
    Ambiguity,
    ambiguities,
    probability_name,
    report_probability,
    sampled_factors,
)
from perovec_bayes.inference.icp_left_out import Readings, leave_one_out
from perovec_bayes.inference.model import Blocks, Observable, model_in_context
from perovec_bayes.inference.observe import observe

BLANKS_IN_LOD = 3.29
"""A detection limit is 3.29 sd of the blank (Currie)."""
RELATIVE_TOLERANCE = 0.05
"""Scale of the least-squares comparison of a concentration in the search for the optimum."""


def _refuse_over_range(data: xr.Dataset) -> None:
    over = np.flatnonzero(data["censoring"].to_numpy().astype(str) == "right")
    if over.size:
        raise DataError(
            "a concentration above the range of the instrument cannot be fitted",
            file=data.attrs.get("source_file"),
            place=f"measurement {over[0] + 1} ({data['sample'].to_numpy()[over[0]]!s})",
            expected="a value, or one below a limit",
            hint="Dilute that solution and measure again, or leave the row out.",
        )


def _readings(data: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return value (NaN where censored), limit, censored (0 or 1) and additive error."""
    stated, lod = data["sd"].to_numpy(), data["lod"].to_numpy()
    hidden = (data["censoring"].to_numpy().astype(str) == "left").astype(float)
    value = np.where(hidden > 0, np.nan, data["value"].to_numpy())
    limit = np.where(hidden > 0, lod, 0.0)
    floor = np.where(
        np.isfinite(stated), stated, np.where(np.isfinite(lod), lod / BLANKS_IN_LOD, 0.0)
    )
    return value, limit, hidden, floor


def _constants(
    data: xr.Dataset, name: str, dims: tuple[str, ...]
) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Return the labels and numbers of the measurements that figures need."""
    labels = ("sample", "element", "solute", "solvent", "censoring")
    return {
        f"{name}_{column}": (dims, data[column].to_numpy().astype(str)) for column in labels
    } | {f"{name}_{column}": (dims, data[column].to_numpy()) for column in ("lod", "dilution")}


def _deviation(builder: Builder, name: str, samples: np.ndarray, sample_of: np.ndarray) -> Tensor:
    """Add the preparation error of each sample; return ln of it for each measurement."""
    model_in_context().add_coord(f"{name}_sample", samples.tolist())
    preparation = builder.parameter("s_p")
    z = builder.auxiliary(
        f"{name}_z",
        f"{name}_sample",
        "deviation of a sample from saturation, in units of s_p",
        effect=True,
    )
    deviation: Tensor = preparation * z[sample_of]
    builder.values[f"{name}_deviation"] = deviation
    return deviation


class _Likelihood(NamedTuple):
    """The density of readings, summed over the hypotheses on the dilution of some groups."""

    readings: icp_blocks.Readings
    groups: list[Ambiguity]

    def single(self, value: Any, mean: Any, proportional: Any) -> Any:
        """Return the terms where every dilution is known; 0 where a value is missing (NaN)."""
        given, limit, hidden, floor, _ = self.readings
        missing = jnp.isnan(value)
        filled = jnp.where(missing, given, value)
        terms = icp.log_density(filled, limit, hidden, mean, floor, proportional)
        return jnp.where(missing, 0.0, terms)

    def by_hypothesis(self, value: Any, mean: Any, proportional: Any, y: Any, number: int) -> Any:
        """Return the terms of a group for each of its hypotheses, shape (hypotheses, rows)."""
        group = self.groups[number]
        factors = group.factors * jnp.exp(group.spreads * y[number])
        each = [self.single(value, mean / factor, proportional)[group.rows] for factor in factors]
        return jnp.stack(each)

    def terms(self, value: Any, mean: Any, proportional: Any, y: Any) -> Any:
        """Return terms that sum to the density.

        Those of a group are conditional on those before them (the chain rule).
        """
        terms = self.single(value, mean, proportional)
        for number, group in enumerate(self.groups):
            each = self.by_hypothesis(value, mean, proportional, y, number)
            joint = logsumexp(jnp.cumsum(each, axis=1) + np.log(group.weights)[:, None], axis=0)
            terms = terms.at[group.rows].set(jnp.diff(joint, prepend=0.0))
        return terms

    def probability(self, number: int, mean: Any, proportional: Any, y: Any) -> Any:
        """Return the probability of each hypothesis of a group."""
        each = self.by_hypothesis(self.readings.value, mean, proportional, y, number)
        return softmax(jnp.sum(each, axis=1) + np.log(self.groups[number].weights))

    def fisher(self, values: Sequence[Array], tangents: Sequence[Array], lod: np.ndarray) -> Array:
        """Return the information of new readings; those of unknown dilution are taken to say 0.

        `lod` is where each is censored, minus infinity where it is not.
        """
        mean, proportional = values[:2]
        floor = self.readings.floor

        def sd(mean: Array, proportional: Array) -> Array:
            return icp.standard_deviation(mean, floor, proportional)

        at = (mean, proportional)
        change = jax.vmap(lambda *along: jax.jvp(sd, at, along)[1])(*tangents[:2])
        unknown = [row for group in self.groups for row in group.rows]
        counted = np.isin(np.arange(len(floor)), unknown, invert=True).astype(float)
        m, ms, s = (counted * each for each in icp.fisher(mean, sd(*at), lod))
        move = tangents[0]
        cross = (move * ms) @ change.T
        total: Array = (move * m) @ move.T + cross + cross.T + (change * s) @ change.T
        return total

    def draw(
        self, rng: np.random.Generator, mean: np.ndarray, proportional: np.ndarray, y: np.ndarray
    ) -> np.ndarray:
        """Return new readings."""
        centre = mean.copy()
        for number, group in enumerate(self.groups):
            h = rng.choice(len(group.names), p=group.weights)
            centre[group.rows] /= group.factors[h] * np.exp(group.spreads[h] * y[number])
        sd = np.asarray(icp.standard_deviation(centre, self.readings.floor, proportional))
        return centre + sd * rng.standard_normal(len(centre))


def _left_out(readings: Readings) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Return what `Observable.leave_one_out` asks for, of a mean that includes each deviation."""
    factor = np.where(np.isnan(readings.factor), 1.0, readings.factor)

    def function(
        mean: np.ndarray,
        proportional: np.ndarray,
        y: np.ndarray,
        deviation: np.ndarray,
        spread: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        return leave_one_out(readings, mean * factor * np.exp(-deviation), spread, proportional)

    return function


def observe_icp(
    builder: Builder, data: xr.Dataset, saturated: Tensor, *, sample_dilution: bool = False
) -> list[tuple[Ambiguity, str]]:
    """Compare ICP-OES concentrations with those of saturated solutions.

    A sample (one saturated solution) deviates from the solubility by e^(s_p z), z ~ N(0, 1); its
    readings carry the two-component noise of `forward.icp`. Where a dilution factor is unknown it
    has the prior of the study's hypotheses, a mixture of ln F ~ N(ln F_h, sd_h). The likelihood of
    the group is the sum over the hypotheses, with ln F = ln F_h + sd_h y and y ~ N(0, 1), or F is
    sampled.

    Parameters
    ----------
    builder : Builder
        With the parameters `s_m`, `s_p` still to be added.
    data : xr.Dataset
        Of technique "icp".
    saturated : TensorVariable
        Concentration of the measured element in each saturated solution, shape (measurements,)
        [mol cm^-3].
    sample_dilution : bool
        Whether unknown dilution factors are sampled. Better where only these readings tell the
        concentrations: each hypothesis then has its own, and sampling relative to F (`icp_factor`
        among the builder's values) reaches them all. Where other data tell the concentrations they
        tell F as well, and the sum is better.

    Returns
    -------
    list of (Ambiguity, str)
        Each ambiguous group with the name of the derived quantity that holds its hypotheses'
        probabilities.

    Raises
    ------
    DataError
        If a measurement is censored from the right.
    StudyError
        If a dilution is unknown and the study has no hypotheses that match.
    """
    _refuse_over_range(data)
    name = data.attrs["name"]
    dims = (f"{name}_measurement",)
    samples, sample_of = np.unique(data["sample"].to_numpy().astype(str), return_inverse=True)
    deviation = _deviation(builder, name, samples, sample_of)
    true = saturated * pt.exp(deviation)
    value, limit, hidden, floor = _readings(data)
    # a stated sd is the whole error of the reading;
    # 1e-6 keeps the error of an exact reading positive
    stated = np.isfinite(data["sd"].to_numpy())
    proportional = pt.sqrt(builder.parameter("s_m") ** 2 * ~stated + 1e-12)

    groups = ambiguities(data)
    known = ~np.isnan(data["dilution"].to_numpy())
    plain = np.where(known, data["dilution"].to_numpy(), 1.0)
    if groups:
        model_in_context().add_coord(f"{name}_group", list(range(len(groups))))
        words = "of ln F_dil, as a normal score" if sample_dilution else "of ln F_dil, in sd"
        y = builder.auxiliary(f"{name}_y", f"{name}_group", f"deviation {words}")
    else:
        y = pt.zeros(1)
    factors = bridge.constant(plain)
    if sample_dilution:
        factors = sampled_factors(builder, name, groups, y, plain)
    builder.values[f"{name}_factor"] = factors
    mean = true / factors

    readings = icp_blocks.Readings(np.where(hidden > 0, limit, value), limit, hidden, floor, plain)
    likelihood = _Likelihood(readings, [] if sample_dilution else groups)
    noise = [proportional, y]
    observed = observe(
        name,
        dims,
        readings.value,
        "(n),(n),(g)->(n)",
        likelihood.terms,
        likelihood.draw,
        mean,
        noise,
    )
    parts = icp_blocks.partition(samples, sample_of, groups)
    integrals = icp_blocks.terms(readings, sample_of, groups, parts.part_of)
    terms = bridge.wrap(integrals)(observed, saturated, builder.values["s_p"], proportional)
    for number in range(len(likelihood.groups)):
        probability = bridge.wrap(
            lambda *given, number=number: likelihood.probability(number, *given)
        )
        report_probability(builder, name, groups, number, probability(mean, *noise))

    lod = np.where(np.isfinite(data["lod"].to_numpy()), data["lod"].to_numpy(), -np.inf)
    compared = (hidden == 0) & (known | sample_dilution)
    builder.info.observables.append(
        Observable(
            name=name,
            technique="icp",
            unit="mol/cm^3",
            dims=dims,
            value=value,
            mean=mean,
            noise=[*noise, deviation, builder.values["s_p"]],
            draw=lambda rng, mean, *rest: likelihood.draw(rng, mean, *rest[:2]),
            tolerance=np.where(compared, RELATIVE_TOLERANCE * np.abs(value), np.inf),
            constants=_constants(data, name, dims),
            attrs=dict(data.attrs),
            blocks=Blocks(parts.labels, parts.masks(), terms, pt.sum(terms)),
            leave_one_out=_left_out(
                Readings(value, limit, floor, np.where(known, plain, np.nan), sample_of)
            ),
            fisher=lambda values, tangents: likelihood.fisher(values, tangents, lod),
        )
    )
    return [(group, probability_name(name, groups, n)) for n, group in enumerate(groups)]
