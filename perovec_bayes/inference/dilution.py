"""Unknown dilution factors of ICP-OES measurements: hypotheses on them."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr
from pytensor import tensor as pt

from perovec_bayes.errors import StudyError
from perovec_bayes.forward import mixture
from perovec_bayes.inference import bridge
from perovec_bayes.inference.bridge import Tensor
from perovec_bayes.inference.builder import Builder
from perovec_bayes.inference.model import model_in_context

LEAST_SPREAD = 1e-3
"""A factor that a hypothesis takes as exact is known to 0.1 % where it is sampled."""


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


def sampled_factors(
    builder: Builder, name: str, groups: list[Ambiguity], scores: Tensor, known: np.ndarray
) -> Tensor:
    """Let the dilution factor of each group be a variable, by its normal score.

    With ln F = Q(Phi(score)), Q the quantiles of the mixture of the hypotheses, a standard normal
    score gives ln F its prior. A concentration that only these measurements tell is then sampled
    relative to F, and both hypotheses are reached however far they lie apart.

    Parameters
    ----------
    builder : Builder
        Of the model.
    name : str
        Of the dataset.
    groups : list of Ambiguity
        The groups.
    scores : TensorVariable
        Shape (groups,) [1].
    known : ndarray
        Factors of all measurements, those of the groups arbitrary, shape (measurements,) [1].

    Returns
    -------
    TensorVariable
        Factors of all measurements, shape (measurements,) [1].
    """
    factors = bridge.constant(known)
    for number, group in enumerate(groups):
        shape = group.weights, np.log(group.factors), np.maximum(group.spreads, LEAST_SPREAD)
        log_factor = bridge.wrap(mixture.quantile(*shape))(scores[number])
        factors = pt.set_subtensor(factors[group.rows], pt.exp(log_factor))

        def probability(value: Any, shape: tuple[np.ndarray, ...] = shape) -> Any:
            return jax.nn.softmax(mixture.log_density(value, *shape))

        report_probability(builder, name, groups, number, bridge.wrap(probability)(log_factor))
        builder.derived(
            _label("F_dil", name, groups, number),
            pt.exp(log_factor),
            unit="1",
            symbol="F_dil",
            description="dilution factor that the study does not know",
            role="ancillary",
            scale="log",
        )
    return factors


def report_probability(
    builder: Builder, name: str, groups: list[Ambiguity], number: int, value: Tensor
) -> None:
    """Add the probabilities of a group's hypotheses to the derived quantities.

    Parameters
    ----------
    builder, name, groups
        As for `sampled_factors`.
    number : int
        Of the group.
    value : TensorVariable
        Probability of each hypothesis given the other parameters, shape (hypotheses,) [1].
    """
    label = probability_name(name, groups, number)
    model_in_context().add_coord(f"{label}_hypothesis", list(groups[number].names))
    builder.derived(
        label,
        value,
        unit="1",
        symbol="P(F_dil)",
        description="probability of a dilution hypothesis: the mean over the draws",
        role="ancillary",
        dims=f"{label}_hypothesis",
    )


def probability_name(name: str, groups: list[Ambiguity], number: int) -> str:
    """Return the name of the derived quantity that holds a group's probabilities.

    Parameters
    ----------
    name, groups, number
        As for `report_probability`.
    """
    return _label("p_dilution", name, groups, number)


def _label(quantity: str, name: str, groups: list[Ambiguity], number: int) -> str:
    return f"{quantity}_{name}_{number}" if len(groups) > 1 else f"{quantity}_{name}"
