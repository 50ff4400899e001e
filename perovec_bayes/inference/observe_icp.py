"""Likelihood of ICP-OES concentrations: replicates, censoring, unknown dilution."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jax import numpy as jnp
from jax.scipy.special import logsumexp
from pytensor import tensor as pt

from perovec_bayes.errors import StudyError
from perovec_bayes.forward import icp
from perovec_bayes.inference import bridge
from perovec_bayes.inference.bridge import Tensor
from perovec_bayes.inference.model import Builder, Observable, model_in_context
from perovec_bayes.inference.observe import observe

BLANKS_IN_LOD = 3.29
"""A detection limit is 3.29 sd of the blank (Currie)."""
RELATIVE_TOLERANCE = 0.05
"""Scale of the least-squares comparison of a concentration in the search for the optimum."""


class Ambiguity(NamedTuple):
    """Measurements whose dilution factor is known only as a set of hypotheses."""

    rows: np.ndarray
    """Their indices, int."""
    names: tuple[str, ...]
    """Names of the hypotheses."""
    weights: np.ndarray
    """Prior probabilities, shape (hypotheses,)."""
    factors: np.ndarray
    """Dilution factors, shape (hypotheses,) [1]."""
    spreads: np.ndarray
    """sd of their logarithms, shape (hypotheses,) [1]."""


def ambiguities(data: xr.Dataset) -> list[Ambiguity]:
    """Return the groups of measurements with dilution hypotheses.

    Parameters
    ----------
    data : xr.Dataset
        Of technique "icp"; the study's hypotheses are in `attrs["dilution_hypotheses"]` (JSON).

    Raises
    ------
    StudyError
        If a measurement of unknown dilution has no hypotheses, or hypotheses match none.
    """
    stated: list[dict[str, Any]] = json.loads(data.attrs.get("dilution_hypotheses", "[]"))
    unknown = np.isnan(data["dilution"].to_numpy())
    groups: dict[str, list[dict[str, Any]]] = {}
    for hypothesis in stated:
        groups.setdefault(json.dumps(hypothesis["where"], sort_keys=True), []).append(hypothesis)
    result, covered = [], np.zeros(len(unknown), dtype=bool)
    for where, hypotheses in groups.items():
        match = unknown.copy()
        for column, wanted in json.loads(where).items():
            match &= data[column].to_numpy().astype(str) == wanted
        if not match.any():
            raise StudyError(
                "dilution hypotheses match no measurement of unknown dilution",
                place=f"dilution, where = {where}",
                expected="a measurement with an empty dilution",
                hint="Leave the dilution of that row empty, or remove the hypotheses.",
            )
        if (covered & match).any():
            raise StudyError(
                "two sets of dilution hypotheses match the same measurement",
                place=f"dilution, where = {where}",
                hint="Make each where table match measurements of its own.",
            )
        covered |= match
        result.append(
            Ambiguity(
                np.flatnonzero(match),
                tuple(h["name"] for h in hypotheses),
                np.array([h["weight"] for h in hypotheses]),
                np.array([h["factor"] for h in hypotheses]),
                np.array([h["sd_ln"] for h in hypotheses]),
            )
        )
    if (unknown & ~covered).any():
        row = int(np.flatnonzero(unknown & ~covered)[0])
        raise StudyError(
            "the dilution of a measurement is unknown and the study gives no hypotheses",
            file=data.attrs.get("source_file"),
            place=f"measurement {row + 1} ({data['sample'].to_numpy()[row]!s})",
            expected="a number in column 'dilution', or [[dilution]] tables in the study",
            found="an empty cell",
        )
    return result


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


def observe_icp(
    builder: Builder, data: xr.Dataset, saturated: Tensor
) -> list[tuple[Ambiguity, str]]:
    """Compare ICP-OES concentrations with those of saturated solutions.

    A sample (one saturated solution) deviates from the solubility by e^(s_p z), z ~ N(0, 1); its
    readings carry the two-component noise of `forward.icp`. Where a dilution factor is unknown the
    likelihood of the group is the sum over the study's hypotheses, ln F = ln F_h + sd_h y with
    y ~ N(0, 1).

    Parameters
    ----------
    builder : Builder
        With the parameters `s_m`, `s_p` still to be added.
    data : xr.Dataset
        Of technique "icp".
    saturated : TensorVariable
        Concentration of the measured element in each saturated solution, shape (measurements,)
        [mol cm^-3].

    Returns
    -------
    list of (Ambiguity, str)
        Each ambiguous group with the name of the derived quantity that holds its hypotheses'
        probabilities.
    """
    name = data.attrs["name"]
    dims = (f"{name}_measurement",)
    samples, sample_of = np.unique(data["sample"].to_numpy().astype(str), return_inverse=True)
    model_in_context().add_coord(f"{name}_sample", samples.tolist())
    preparation, instrument = builder.parameter("s_p"), builder.parameter("s_m")
    z = builder.auxiliary(
        f"{name}_z", f"{name}_sample", "deviation of a sample from saturation, in units of s_p"
    )
    deviation = builder.values[f"{name}_deviation"] = preparation * z[sample_of]
    true = saturated * pt.exp(deviation)

    stated = data["sd"].to_numpy()
    value, limit, hidden, floor = _readings(data)
    # a stated sd is the whole error of the reading;
    # 1e-6 keeps the error of an exact reading positive
    proportional = pt.sqrt(instrument**2 * np.isnan(stated) + 1e-12)

    groups = ambiguities(data)
    known = np.ones(len(value), dtype=bool)
    for group in groups:
        known[group.rows] = False
    plain = np.where(known, data["dilution"].to_numpy(), 1.0)
    if groups:
        model_in_context().add_coord(f"{name}_group", list(range(len(groups))))
        y = builder.auxiliary(
            f"{name}_y", f"{name}_group", "deviation of ln F_dil, in units of its sd"
        )
    else:
        y = pt.zeros(1)

    def likelihood(value: Any, mean: Any, proportional: Any, factor: Any) -> Any:
        return icp.log_density(value, limit, hidden, mean / factor, floor, proportional)

    def by_hypothesis(value: Any, mean: Any, proportional: Any, y: Any, number: int) -> Any:
        group = groups[number]
        factors = group.factors * jnp.exp(group.spreads * y[number])
        each = [likelihood(value, mean, proportional, factor)[group.rows] for factor in factors]
        return jnp.stack(each)

    def log_density(value: Any, mean: Any, proportional: Any, y: Any) -> Any:
        terms = likelihood(value, mean, proportional, plain)
        for number, group in enumerate(groups):
            each = by_hypothesis(value, mean, proportional, y, number)
            joint = logsumexp(jnp.cumsum(each, axis=1) + np.log(group.weights)[:, None], axis=0)
            # by the chain rule: the terms of a group are conditional on those before, and sum to
            # its joint density
            terms = terms.at[group.rows].set(jnp.diff(joint, prepend=0.0))
        return terms

    def draw(
        rng: np.random.Generator, mean: np.ndarray, proportional: np.ndarray, y: np.ndarray
    ) -> np.ndarray:
        factor = plain.copy()
        for number, group in enumerate(groups):
            h = rng.choice(len(group.names), p=group.weights)
            factor[group.rows] = group.factors[h] * np.exp(group.spreads[h] * y[number])
        centre = mean / factor
        sd = np.asarray(icp.standard_deviation(centre, floor, proportional))
        return centre + sd * rng.standard_normal(len(centre))

    filled = np.where(hidden > 0, limit, value)
    noise = [proportional, y]
    observe(name, dims, filled, "(n),(n),(g)->(n)", log_density, draw, true, noise)

    reported = []
    for number, group in enumerate(groups):
        label = f"p_dilution_{name}_{number}" if len(groups) > 1 else f"p_dilution_{name}"
        model_in_context().add_coord(f"{label}_hypothesis", list(group.names))

        def probability(
            mean: Any, proportional: Any, y: Any, number: int = number, group: Ambiguity = group
        ) -> Any:
            each = by_hypothesis(filled, mean, proportional, y, number)
            score = jnp.sum(each, axis=1) + np.log(group.weights)
            return jnp.exp(score - logsumexp(score))

        builder.derived(
            label,
            bridge.wrap(probability)(true, proportional, y),
            unit="1",
            symbol="P(F_dil)",
            description="probability of a dilution hypothesis",
            role="ancillary",
            dims=f"{label}_hypothesis",
        )
        reported.append((group, label))

    builder.info.observables.append(
        Observable(
            name=name,
            technique="icp",
            unit="mol/cm^3",
            dims=dims,
            value=value,
            mean=true / plain,
            noise=noise,
            draw=lambda rng, mean, *rest: draw(rng, mean * plain, *rest),
            tolerance=np.where((hidden > 0) | ~known, np.inf, RELATIVE_TOLERANCE * np.abs(value)),
            constants=_constants(data, name, dims),
            attrs=dict(data.attrs),
        )
    )
    return reported
