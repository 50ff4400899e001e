"""What a built model knows about itself, and the builder that mechanisms use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, cast

import numpy as np
import pymc as pm
import xarray as xr

from perovec_bayes.errors import StudyError
from perovec_bayes.inference.bridge import Frame, Tensor, constant
from perovec_bayes.inference.cards import Card
from perovec_bayes.inference.priors import (
    Beta,
    HalfNormal,
    LogNormal,
    Normal,
    Prior,
    TruncNormal,
    Uniform,
)


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


def distribution(name: str, prior: Prior, dims: str | None = None) -> Tensor:
    """Add a prior to the PyMC model in context.

    Parameters
    ----------
    name : str
        Name of the random variable.
    prior : Prior
        In the canonical unit.
    dims : str, optional
        Dimension along which it is repeated independently.
    """
    match prior:
        case Normal():
            variable: Tensor = pm.Normal(name, prior.mean, prior.sd, dims=dims)
        case LogNormal():
            variable = pm.LogNormal(name, np.log(prior.median), prior.sd_ln, dims=dims)
        case HalfNormal():
            variable = pm.HalfNormal(name, prior.sd, dims=dims)
        case Uniform():
            variable = pm.Uniform(name, prior.lower, prior.upper, dims=dims)
        case TruncNormal():
            variable = pm.TruncatedNormal(
                name, prior.mean, prior.sd, lower=prior.lower, upper=prior.upper, dims=dims
            )
        case Beta():
            if (prior.lower, prior.upper) == (0.0, 1.0):
                variable = pm.Beta(name, prior.alpha, prior.beta, dims=dims)
            else:
                share = pm.Beta(f"{name}_share", prior.alpha, prior.beta, dims=dims)
                variable = pm.Deterministic(
                    name, prior.lower + (prior.upper - prior.lower) * share, dims=dims
                )
    return variable


class Builder:
    """Creates parameters, derived quantities and likelihoods inside a PyMC model.

    Parameters
    ----------
    card : Card
        Merged card.
    datasets : dict
        Dataset name -> validated dataset.
    units : mapping
        Parameter name -> canonical unit, as the mechanism declares them.
    display : mapping
        Parameter name -> unit for tables, where it differs.
    """

    def __init__(
        self,
        card: Card,
        datasets: dict[str, xr.Dataset],
        units: Mapping[str, str],
        display: Mapping[str, str],
    ) -> None:
        self.card = card
        self.info = ModelInfo(card, datasets)
        self._display = display
        self._units = units
        self.values: dict[str, Tensor] = {}

    def of_technique(self, technique: str) -> list[xr.Dataset]:
        """Return the datasets of one technique."""
        return [d for d in self.info.datasets.values() if d.attrs["technique"] == technique]

    def one(self, technique: str) -> xr.Dataset:
        """Return the only dataset of a technique.

        Parameters
        ----------
        technique : str
            "cv", "od" or "icp".

        Raises
        ------
        StudyError
            If there is not exactly one.
        """
        found = self.of_technique(technique)
        if len(found) != 1:
            raise StudyError(
                f"mechanism '{self.card.mechanism}' takes one dataset of technique '{technique}'",
                expected="1",
                found=str(len(found)),
                hint="Give each experiment a study of its own.",
            )
        return found[0]

    def number(self, option: str) -> float:
        """Return an option of the card that is a number.

        Parameters
        ----------
        option : str
            Its name.
        """
        value = self.card.options[option]
        assert not isinstance(value, list)
        return float(value)

    def parameter(
        self, name: str, *, dims: str | None = None, prior: Prior | None = None
    ) -> Tensor:
        """Add a parameter with the card's prior, or as the constant at which the card fixes it.

        Parameters
        ----------
        name : str
            Name in the card.
        dims : str, optional
            Dimension along which it is repeated.
        prior : Prior, optional
            Knowledge that comes with the data (a measured area) and replaces the card's prior;
            canonical unit.
        """
        entry = self.card.parameters[name]
        chosen = prior or entry.canonical_prior()
        if chosen is None:
            value = entry.fixed_value()
            assert value is not None  # the card has either
            self.values[name] = constant(value)
            return self.values[name]
        variable = distribution(name, chosen, dims)
        self.info.quantities[name] = Quantity(
            unit=entry.unit,
            symbol=entry.symbol,
            description=entry.description,
            role=entry.role,
            free=True,
            scale="log" if isinstance(chosen, LogNormal | HalfNormal) else "linear",
            display_unit=self._display.get(name, ""),
        )
        self.values[name] = variable
        return variable

    def limit(self, name: str, limits: tuple[str, ...]) -> None:
        """State which scalars of a parameter the data bound from one side only.

        Parameters
        ----------
        name : str
            A parameter added before; one that the card fixes has no limits.
        limits : tuple of str
            As in `Quantity`.
        """
        if name in self.info.quantities:
            self.info.quantities[name] = replace(self.info.quantities[name], limits=limits)

    def auxiliary(
        self,
        name: str,
        dims: str,
        description: str,
        *,
        effect: bool = False,
        degrees: float | None = None,
    ) -> Tensor:
        """Add standard-normal variables that carry an effect of known spread (non-centred).

        Parameters
        ----------
        name, dims, description : str
            Name, dimension, and what it stands for.
        effect : bool, default False
            As in `Quantity`.
        degrees : float, optional
            Of freedom of Student's t distribution, in place of the normal one.
        """
        self.info.quantities[name] = Quantity(
            unit="1",
            symbol="z",
            description=description,
            role="ancillary",
            free=True,
            effect=effect,
        )
        if degrees is None:
            variable: Tensor = pm.Normal(name, 0.0, 1.0, dims=dims)
        else:
            self.info.degrees[name] = degrees
            variable = pm.StudentT(name, nu=degrees, mu=0.0, sigma=1.0, dims=dims)
        return variable

    def derived(
        self,
        name: str,
        value: Tensor,
        *,
        unit: str,
        symbol: str,
        description: str,
        dims: str | tuple[str, ...] | None = None,
        **shown: Any,
    ) -> Tensor:
        """Add a derived quantity.

        Parameters
        ----------
        name, value
            Name and graph.
        unit, symbol, description
            As in `Quantity`; further keywords likewise.
        dims : str or tuple of str, optional
            Its dimensions.
        """
        self.info.quantities[name] = Quantity(
            unit=unit,
            symbol=symbol,
            description=description,
            **{"role": "derived", **shown},
        )
        variable: Tensor = pm.Deterministic(name, value, dims=dims)
        self.values[name] = variable
        return variable

    def check_parameters(self, required: set[str] | None = None) -> None:
        """Refuse a card whose parameters are not those of its mechanism.

        Parameters
        ----------
        required : set of str, optional
            Parameters that the card's options need; all of the mechanism's unless given.

        Raises
        ------
        StudyError
            Naming the parameters that are missing, unknown, or in another unit.
        """
        have, known = set(self.card.parameters), set(self._units)
        want = known if required is None else required
        for what, names in (("lacks", want - have), ("has unknown", have - known)):
            if names:
                raise StudyError(
                    f"card '{self.card.name}' {what} parameters: {', '.join(sorted(names))}",
                    file=self.card.origin.file,
                    place="parameters",
                    expected=f"those of mechanism '{self.card.mechanism}': "
                    f"{', '.join(sorted(want))}",
                )
        for name, entry in self.card.parameters.items():
            if entry.unit != self._units[name]:
                raise StudyError(
                    f"parameter '{name}' is not in the mechanism's canonical unit",
                    file=self.card.origin.file,
                    place=f"parameters.{name}.unit",
                    expected=f"'{self._units[name]}'",
                    found=f"'{entry.unit}'",
                    hint="The prior itself may be in any unit of that dimension.",
                )
