"""What a built model knows about itself, and the builder that mechanisms use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import numpy as np
import pymc as pm
import xarray as xr
from jax import Array

from perovec_bayes.inference.bridge import Frame, Tensor
from perovec_bayes.inference.cards import Card


@dataclass(frozen=True)
class Quantity:
    """How a parameter or derived quantity is to be shown.

    Parameters
    ----------
    unit, display_unit : str
        Canonical unit, and the one for tables.
    symbol, description : str
        For people.
    role : str
        "primary", "derived" or "ancillary".
    free : bool
        Whether it is sampled.
    scale : str
        "log" or "linear".
    limits : tuple of str
        For each scalar "", "upper" or "lower": the data bound it from one side only.
    threshold : float, optional
        A value of interest, in the canonical unit: the probability of lying above it is reported.
    effect : bool
        Whether it is a deviation whose spread is a parameter, and so part of the model rather than
        of the prior.
    """

    unit: str
    symbol: str
    description: str
    role: str
    free: bool = False
    scale: str = "linear"
    display_unit: str = ""
    limits: tuple[str, ...] = ()
    threshold: float | None = None
    effect: bool = False


class Blocks(NamedTuple):
    """The parts of a dataset that cross-validation leaves out, one at a time."""

    labels: tuple[str, ...]
    """Names, as in "cycle 2"."""
    masks: np.ndarray
    """Which data belong to each, shape (blocks, *shape of the data), bool."""
    terms: Tensor
    """ln p(data of the block | all other data, parameters), shape (blocks,)."""
    whole: Tensor
    """ln p(all data of the dataset | parameters), scalar."""


@dataclass(frozen=True)
class Observable:
    """A dataset as the model sees it.

    Parameters
    ----------
    name, technique, unit : str
        Dataset name, technique and the unit of its values.
    dims : tuple of str
        Dimensions of the values in the result.
    value : ndarray
        Data; NaN where censored.
    mean : TensorVariable
        Model, same shape.
    noise : list of TensorVariable
        What `draw` needs.
    draw : callable
        (rng, mean, *noise) -> new data.
    tolerance : ndarray
        Scale on which the optimiser compares data and model, same shape; infinite where there is
        nothing to compare.
    constants : dict
        Coordinates and labels for figures, name -> (dims, array).
    attrs : dict
        Of the dataset.
    blocks : Blocks
        What cross-validation leaves out.
    leave_one_out : callable, optional
        (mean, *noise), each with a leading axis of draws -> P(new value <= value | all other
        values), or <= limit where censored, and ln of the density (or probability) of the value
        given all others, each of shape (draws, ...); NaN where that is not known.
    fisher : callable, optional
        ([mean, *noise], their tangents with a leading axis of directions) -> expected Fisher
        information of new data about these directions, shape (directions, directions).
    expand : callable, optional
        (rng, new data, mean, *noise) -> new measurements of which these are the projections, where
        `value` is not what was measured but projections of it.
    """

    name: str
    technique: str
    unit: str
    dims: tuple[str, ...]
    value: np.ndarray
    mean: Tensor
    noise: list[Tensor]
    draw: Callable[..., np.ndarray]
    tolerance: np.ndarray
    constants: dict[str, tuple[tuple[str, ...], np.ndarray]]
    attrs: dict[str, Any]
    blocks: Blocks
    leave_one_out: Callable[..., tuple[np.ndarray, np.ndarray]] | None = None
    fisher: Callable[[Sequence[Array], Sequence[Array]], Array] | None = None
    expand: Callable[..., np.ndarray] | None = None


@dataclass(frozen=True)
class Conditional:
    """Quantities to be reported given each of several exclusive hypotheses.

    Parameters
    ----------
    weights : str
        Deterministic of shape (hypotheses,): probability of each, given the other parameters.
    quantities : tuple of str
        Names of derived quantities, reported as `NAME_if`.
    index : int
        Which element of the quantities' first dimension.
    dim : str
        Name of the hypotheses' dimension.
    labels : tuple of str
        Coordinates of that dimension.
    """

    weights: str
    quantities: tuple[str, ...]
    index: int
    dim: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Requirement:
    """What must not exceed zero for the model's numbers to be trusted.

    Parameters
    ----------
    excess : TensorVariable
        Scalar.
    what, hint : str
        Of the error where it does.
    """

    excess: Tensor
    what: str
    hint: str


@dataclass
class ModelInfo:
    """Everything about a built model that PyMC does not keep; `info_of(model)` returns it."""

    card: Card
    datasets: dict[str, xr.Dataset]
    quantities: dict[str, Quantity] = field(default_factory=dict)
    observables: list[Observable] = field(default_factory=list)
    conditionals: list[Conditional] = field(default_factory=list)
    frames: dict[str, Frame] = field(default_factory=dict)
    """Coordinates for the sampler, as `bridge.Compiled` takes them."""
    degrees: dict[str, float] = field(default_factory=dict)
    """Degrees of freedom of the auxiliary variables that are not normal but Student's t."""
    requirements: list[Requirement] = field(default_factory=list)
    """Checked where data are made from the model."""


def attach(model: pm.Model, info: ModelInfo) -> None:
    """Keep what is known about a model in its attribute `perovec`.

    Parameters
    ----------
    model : pm.Model
        Just built.
    info : ModelInfo
        What `info_of` is to return.
    """
    vars(model)["perovec"] = info


def info_of(model: pm.Model) -> ModelInfo:
    """Return what the package knows about a model that `build` made.

    Parameters
    ----------
    model : pm.Model
        From `build`, perhaps extended.
    """
    info: ModelInfo = vars(model)["perovec"]
    return info


def model_in_context() -> pm.Model:
    """Return the PyMC model in context, to which coordinates can be added."""
    return cast(pm.Model, pm.modelcontext(None))
