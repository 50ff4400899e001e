"""What mechanisms build a model with: parameters, derived quantities, frames; by experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr
from pytensor.graph.traversal import ancestors

from perovec_bayes.errors import StudyError
from perovec_bayes.inference.bridge import Frame, Tensor, constant
from perovec_bayes.inference.cards import Card, Level
from perovec_bayes.inference.experiments import base, key_at, level_of, of_experiment, owner
from perovec_bayes.inference.model import ModelInfo, Quantity, model_in_context
from perovec_bayes.inference.priors import (
    Beta,
    HalfNormal,
    LogNormal,
    Normal,
    Prior,
    TruncNormal,
    Uniform,
)


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
        self._stated: dict[str, Prior] = {}

    def _key(self, name: str) -> str:
        """Return the name under which the model knows a parameter."""
        return name

    def _derived_key(self, name: str, value: Tensor) -> str:
        """Return the name under which the model knows a derived quantity."""
        return name

    def dim(self, name: str) -> str:
        """Return the name under which the model knows a dimension of the mechanism's.

        Parameters
        ----------
        name : str
            As the mechanism calls it.
        """
        return name

    def is_free(self, name: str) -> bool:
        """Tell whether a parameter, added before, is sampled.

        Parameters
        ----------
        name : str
            Name in the card.
        """
        return self._key(name) in self.info.quantities

    def frame(self, name: str, frame: Frame) -> None:
        """Set the coordinate in which a variable is sampled; the first one set counts.

        Parameters
        ----------
        name : str
            A parameter added before; one that the card fixes has no coordinate.
        frame : Frame
            Its coordinate.
        """
        if self.is_free(name):
            self.info.frames.setdefault(self._key(name), frame)

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
                hint="Give each experiment a study of its own, or an [experiments] table.",
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
        entry, key = self.card.parameters[name], self._key(name)
        chosen = prior or entry.canonical_prior()
        if chosen is None:
            value = entry.fixed_value()
            assert value is not None  # the card has either
            self.values[name] = constant(value)
            return self.values[name]
        if key in self.info.quantities:  # another experiment has added it
            if prior != self._stated.get(key):
                raise StudyError(
                    f"experiments share parameter '{key}', and their data state different values",
                    place="groups",
                    hint=f"Add it to each experiment's own: groups.experiment = ['{name}'].",
                )
            self.values[name] = model_in_context()[key]
            return self.values[name]
        if prior is not None:
            self._stated[key] = prior
        variable = distribution(key, chosen, dims)
        self.info.quantities[key] = Quantity(
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
        if self.is_free(name):
            key = self._key(name)
            self.info.quantities[key] = replace(self.info.quantities[key], limits=limits)

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
        key = self._derived_key(name, value)
        if key not in self.info.quantities:
            suffix = key.removeprefix(name)
            self.info.quantities[key] = Quantity(
                unit=unit,
                symbol=f"{symbol} {suffix}" if suffix else symbol,
                description=description,
                **{"role": "derived", **shown},
            )
            pm.Deterministic(key, value, dims=dims)
        self.values[name] = model_in_context()[key]
        return self.values[name]

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


class ExperimentBuilder(Builder):
    """What a mechanism uses to add one of several experiments to a model.

    Parameters
    ----------
    whole : Builder
        With the card of all experiments.
    label : str
        The experiment.
    """

    def __init__(self, whole: Builder, label: str) -> None:
        super().__init__(
            of_experiment(whole.card, label), whole.info.datasets, whole._units, whole._display
        )
        self.info = whole.info
        self._stated = whole._stated
        self._whole, self._label = whole, label

    def _key(self, name: str) -> str:
        return key_at(self._whole.card, name, level_of(self._whole.card, name), self._label)

    def _derived_key(self, name: str, value: Tensor) -> str:
        """Name a derived quantity for what shares all that it depends on."""
        above = {variable.name for variable in ancestors([value])}
        parameters = {base(key) for key in self.info.quantities if key in above}
        levels = {level_of(self._whole.card, each) for each in parameters & {*self.card.parameters}}
        level: Level = "all"
        for wider in ("solvent", "experiment"):
            level = wider if wider in levels else level
        return key_at(self._whole.card, name, level, self._label)

    def dim(self, name: str) -> str:
        """Return the name of the experiment's own dimension."""
        return f"{name}[{self._label}]"

    def of_technique(self, technique: str) -> list[xr.Dataset]:
        """Return the experiment's datasets of one technique."""
        found = super().of_technique(technique)
        return [data for data in found if owner(data, self._whole.card) == self._label]


def experiments_of(builder: Builder) -> list[Builder]:
    """Return a builder for each experiment of its card; itself, where the study is one experiment.

    Parameters
    ----------
    builder : Builder
        Of the whole model.

    Raises
    ------
    StudyError
        If data belong to no experiment.
    """
    if not builder.card.experiments:
        return [builder]
    for data in builder.info.datasets.values():
        owner(data, builder.card)
    return [ExperimentBuilder(builder, label) for label in builder.card.experiments]
