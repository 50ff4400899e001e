"""From posterior draws to an xarray.DataTree with everything that reports need."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr

from perovec_bayes.inference.bridge import Compiled, Mapped, Tensor
from perovec_bayes.inference.cards import Card
from perovec_bayes.inference.leave_one_out import DRAWS, leave_one_out
from perovec_bayes.inference.log_prior import log_prior
from perovec_bayes.inference.model import ModelInfo, info_of
from perovec_bayes.inference.optimum import Optimum

PREDICTIVE_DRAWS = 200


def assemble(
    compiled: Compiled,
    points: np.ndarray,
    prior: np.ndarray,
    best: Optimum,
    rng: np.random.Generator,
) -> xr.DataTree:
    """Turn unconstrained points into a result.

    Parameters
    ----------
    compiled : Compiled
        The model.
    points : ndarray
        Posterior, shape (chains, draws, size).
    prior : ndarray
        Prior, shape (draws, size).
    best : Optimum
        The mode; if it has rivals they make the group `modes`.
    rng : numpy.random.Generator
        For predictive draws.
    """
    model, info = compiled.model, info_of(compiled.model)
    flat = points.reshape(-1, compiled.size)
    shown = list(info.quantities)
    variables = [model[name] for name in shown]
    terms: Any = model.logp(vars=model.observed_RVs, sum=False)
    blocks = [graph for o in info.observables for graph in (o.blocks.terms, o.blocks.whole)]
    priors = log_prior(model)
    predict = Predictor(compiled, [*variables, *terms, *blocks, *priors.values()])
    chains, draws = points.shape[:2]
    kept = np.linspace(0, len(flat) - 1, min(DRAWS, len(flat))).round().astype(int)
    series, others = predict.both(flat, kept)
    counts = np.cumsum([len(shown), len(terms), len(blocks)])
    posterior = [v.reshape(chains, draws, *v.shape[1:]) for v in others]
    posterior, likelihood, left_out, prior_terms = (
        posterior[begin:end] for begin, end in itertools.pairwise([0, *counts, None])
    )
    posterior_set = _dataset(model, info, shown, posterior)
    _add_conditionals(posterior_set, info, rng)
    groups: dict[str, Any] = {
        "posterior": posterior_set,
        "prior": _dataset(
            model, info, shown, [v[None] for v in predict.others(prior)[: len(shown)]]
        ),
    }
    if best.rivals:
        modes = [best.modes[0], *best.rivals]
        values = predict.others(np.array([mode.point for mode in modes]))[: len(shown)]
        groups["modes"] = _dataset(model, info, shown, [v[None] for v in values]).assign_attrs(
            log_density=np.array([mode.log_density for mode in modes])
        )
    chosen = rng.choice(len(kept), min(PREDICTIVE_DRAWS, len(kept)), replace=False)
    groups["posterior_predictive"] = predict.new_data([v[chosen] for v in series], rng)
    chosen = rng.choice(len(prior), min(PREDICTIVE_DRAWS, len(prior)), replace=False)
    groups["prior_predictive"] = predict(prior[chosen], rng)
    groups["log_likelihood"] = xr.Dataset(
        {
            rv.name: (("chain", "draw", *_dims(model, rv.name)[: t.ndim - 2]), t)
            for rv, t in zip(model.observed_RVs, likelihood, strict=True)
        }
    )
    if info.observables:
        groups["block_log_likelihood"] = _block_densities(info, left_out)
    groups["log_prior"] = xr.Dataset(
        {name: (("chain", "draw"), value) for name, value in zip(priors, prior_terms, strict=True)}
    )
    groups["leave_one_out"] = leave_one_out(info.observables, predict.split(series), rng)
    groups["observed_data"] = xr.Dataset({o.name: (o.dims, o.value) for o in info.observables})
    groups["constant_data"] = xr.Dataset(
        {name: entry for o in info.observables for name, entry in o.constants.items()}
    )
    tree = xr.DataTree.from_dict(groups)
    tree.attrs["card"] = json.dumps(card_summary(info.card))
    tree.attrs["priors"] = json.dumps(prior_table(info))
    tree.attrs["observables"] = json.dumps(observable_table(info))
    return tree


def _block_densities(info: ModelInfo, values: Sequence[np.ndarray]) -> xr.Dataset:
    """Return what cross-validation needs, from the values of every observable's `Blocks`."""
    observables = info.observables
    parts = [(o.name, label) for o in observables for label in o.blocks.labels]
    sizes = [int(mask.sum()) for o in observables for mask in o.blocks.masks]
    return xr.Dataset(
        {
            "part": (("chain", "draw", "part_label"), np.concatenate(values[::2], axis=2)),
            "dataset": (("chain", "draw", "dataset_label"), np.stack(values[1::2], axis=2)),
            "part_size": ("part_label", sizes),
            "dataset_size": ("dataset_label", [o.value.size for o in observables]),
        },
        coords={
            "part_label": [f"{name}: {label}" for name, label in parts],
            "dataset_label": [o.name for o in observables],
        },
    )


class Predictor:
    """Draws new data, and the noise-free model, for given parameters.

    Parameters
    ----------
    compiled : Compiled
        The model.
    others : sequence of TensorVariable, optional
        What else is wanted of points, compiled together with the data.
    """

    def __init__(self, compiled: Compiled, others: Sequence[Tensor] = ()) -> None:
        self._observables = info_of(compiled.model).observables
        graphs = [graph for o in self._observables for graph in (o.mean, *o.noise)]
        self._count = len(graphs)
        self._evaluate = Mapped(compiled.function([*graphs, *others]))

    def others(self, points: np.ndarray) -> list[np.ndarray]:
        """Return the other graphs' values, each with a leading axis of draws.

        Parameters
        ----------
        points : ndarray
            Coordinates, shape (draws, size).
        """
        return self._evaluate(points, slice(self._count, None))

    def both(
        self, points: np.ndarray, kept: np.ndarray
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return what the data need for some of the points, and the other graphs for all.

        Parameters
        ----------
        points : ndarray
            Coordinates, shape (draws, size).
        kept : ndarray of int
            Which of them, without repetition.

        Returns
        -------
        series : list of ndarray
            As `new_data` and `split` take it.
        others : list of ndarray
            As from `others`.
        """
        whole = self._evaluate(points[kept])
        left = np.ones(len(points), dtype=bool)
        left[kept] = False
        rest = self.others(points[left]) if left.any() else []
        merged = []
        for place, value in enumerate(whole[self._count :]):
            full = np.empty((len(points), *value.shape[1:]), value.dtype)
            full[kept] = value
            if rest:
                full[left] = rest[place]
            merged.append(full)
        return whole[: self._count], merged

    def split(self, series: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
        """Return mean and noise parameters of each observable.

        Parameters
        ----------
        series : sequence of ndarray
            From `both`.
        """
        values = iter(series)
        return [[next(values) for _ in range(1 + len(o.noise))] for o in self._observables]

    def __call__(self, points: np.ndarray, rng: np.random.Generator) -> xr.Dataset:
        """Return `NAME` and `NAME_mean` for every observable.

        Dimensions are chain (1), draw, then the data's.

        Parameters
        ----------
        points : ndarray
            Coordinates, shape (draws, size).
        rng : numpy.random.Generator
            Source of randomness.
        """
        return self.new_data(self._evaluate(points, slice(self._count)), rng)

    def new_data(self, series: Sequence[np.ndarray], rng: np.random.Generator) -> xr.Dataset:
        """Return what `__call__` does, from what has been evaluated already.

        Parameters
        ----------
        series : sequence of ndarray
            From `both`.
        rng : numpy.random.Generator
            Source of randomness.
        """
        variables: dict[str, Any] = {}
        for o, (mean, *noise) in zip(self._observables, self.split(series), strict=True):
            new = [o.draw(rng, mean[i], *(n[i] for n in noise)) for i in range(len(mean))]
            variables[f"{o.name}_mean"] = (("chain", "draw", *o.dims), mean[None])
            variables[o.name] = (("chain", "draw", *o.dims), np.stack(new)[None])
        return xr.Dataset(variables)


def _dims(model: pm.Model, name: str) -> tuple[str, ...]:
    return tuple(model.named_vars_to_dims.get(name, ()))


def _dataset(
    model: pm.Model, info: ModelInfo, names: list[str], values: list[np.ndarray]
) -> xr.Dataset:
    """Label arrays (chain, draw, ...) with dimensions, coordinates and attributes of quantities."""
    variables, coords = {}, {}
    for name, value in zip(names, values, strict=True):
        dims = _dims(model, name)
        for dim in dims:
            coords[dim] = np.array(model.coords[dim])
        variables[name] = xr.Variable(("chain", "draw", *dims), value, quantity_attrs(info, name))
    return xr.Dataset(variables, coords=coords)


def quantity_attrs(info: ModelInfo, name: str) -> dict[str, Any]:
    """Return the netCDF attributes of a quantity.

    Parameters
    ----------
    info : ModelInfo
        Of the model.
    name : str
        Parameter or derived quantity.
    """
    q = info.quantities[name]
    attrs: dict[str, Any] = {
        "unit": q.unit,
        "symbol": q.symbol,
        "role": q.role,
        "description": q.description,
        "free": int(q.free),
        "scale": q.scale,
        "support": "positive" if q.scale == "log" else "real",
    }
    if q.display_unit:
        attrs["display_unit"] = q.display_unit
    if any(q.limits):
        attrs["limits"] = json.dumps(list(q.limits))
    if q.threshold is not None:
        attrs["threshold"] = q.threshold
    return attrs


def _add_conditionals(posterior: xr.Dataset, info: ModelInfo, rng: np.random.Generator) -> None:
    """Add quantities given each hypothesis.

    Every chain is resampled with the hypothesis' probabilities as weights. Systematic resampling
    keeps the order of the draws, so that R-hat and ESS see what the weights cost.
    """
    for conditional in info.conditionals:
        weights = posterior[conditional.weights].to_numpy()
        chains, draws, hypotheses = weights.shape
        chosen = np.empty((chains, draws, hypotheses), dtype=int)
        for chain in range(chains):
            for h in range(hypotheses):
                share = np.cumsum(weights[chain, :, h]) / weights[chain, :, h].sum()
                marks = (np.arange(draws) + rng.random()) / draws
                chosen[chain, :, h] = np.minimum(np.searchsorted(share, marks), draws - 1)
        for name in conditional.quantities:
            base = posterior[name]
            value = np.take(base.to_numpy(), conditional.index, axis=2)
            system = str(base[base.dims[2]].to_numpy()[conditional.index])
            dim = f"{conditional.dim}_if"
            labels = [f"{system} | {label}" for label in conditional.labels]
            given = np.stack(
                [np.take_along_axis(value, chosen[:, :, h], axis=1) for h in range(hypotheses)],
                axis=2,
            )
            attrs = dict(base.attrs)
            if "limits" in attrs:
                limit = json.loads(attrs["limits"])[conditional.index]
                attrs["limits"] = json.dumps([limit] * hypotheses)
            attrs |= {
                "free": 0,
                "role": "derived",
                "description": f"{attrs['description']}; if the dilution hypothesis holds",
            }
            posterior[f"{name}_if"] = xr.Variable(("chain", "draw", dim), given, attrs)
            posterior.coords[dim] = np.array(labels)


def card_summary(card: Card) -> dict[str, Any]:
    """Return what a report says of a card."""
    return {
        **card.card.model_dump(mode="json"),
        "options": dict(card.options),
        "noise": dict(card.noise),
        "sha256": card.origin.sha256,
    }


def observable_table(info: ModelInfo) -> dict[str, Any]:
    """Return technique, unit, dimensions and attributes of every dataset, by name.

    Parameters
    ----------
    info : ModelInfo
        Of the model.
    """
    return {
        o.name: {
            **_plain(o.attrs),
            "technique": o.technique,
            "unit": o.unit,
            "dims": list(o.dims),
        }
        for o in info.observables
    }


def prior_table(info: ModelInfo) -> dict[str, Any]:
    """Return every parameter in use with its prior in words, its reason and its source."""
    table = {}
    for name, entry in info.card.parameters.items():
        prior, fixed = entry.prior, entry.fixed
        if prior is not None and not (name in info.quantities and info.quantities[name].free):
            continue  # not used with these data or options
        if prior is not None:
            text, reason, source = prior.describe(), prior.reason, prior.source
        else:
            assert fixed is not None  # the card has either
            text, reason, source = f"fixed at {fixed.value:g} {fixed.unit}", fixed.reason, None
        table[name] = {
            "symbol": entry.symbol,
            "unit": entry.unit,
            "description": entry.description,
            "text": text,
            "reason": reason,
            "source": source or "",
            "role": entry.role,
            "fixed": fixed is not None,
            "value": entry.fixed_value(),
        }
    return table


def _plain(attrs: dict[str, Any]) -> dict[str, Any]:
    """Make attributes JSON-safe: numpy scalars to Python, NaN to None."""
    result = {}
    for key, value in attrs.items():
        plain = value.item() if isinstance(value, np.generic) else value
        result[key] = None if isinstance(plain, float) and np.isnan(plain) else plain
    return result
