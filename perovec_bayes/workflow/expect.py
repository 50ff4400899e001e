"""The information of a candidate at draws of the posterior."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pymc as pm
import xarray as xr

from perovec_bayes.diagnostics.expected import Measured
from perovec_bayes.errors import PerovecError, StudyError
from perovec_bayes.inference.bridge import Compiled, Mapped
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import Card
from perovec_bayes.inference.fisher import Directions, Planned, information
from perovec_bayes.inference.model import ModelInfo, info_of
from perovec_bayes.inference.priors import Beta
from perovec_bayes.inference.sample import PRIOR_DRAWS, prior_draws
from perovec_bayes.workflow.candidates import Candidate

CHUNK = 8
"""Draws in a call of the compiled function."""
LEAST_SHARE = 0.5
"""Of the draws at which a candidate must have a finite response."""

type Element = tuple[str, tuple[str, ...]]
"""Name of a free variable, and the labels of one of its elements."""


def elements(compiled: Compiled) -> list[Element]:
    """Return the name of each coordinate of a model.

    Parameters
    ----------
    compiled : Compiled
        The model.
    """
    model = compiled.model
    found: list[Element] = []
    for variable, shape in zip(model.free_RVs, compiled.shapes, strict=True):
        dims = model.named_vars_to_dims.get(variable.name) or ()
        labels = [[str(item) for item in model.coords[dim] or ()] for dim in dims]
        if not dims:
            labels = [[str(i) for i in range(length)] for length in shape]
        found += [(str(variable.name), each) for each in itertools.product(*labels)]
    return found


def shown(element: Element, info: ModelInfo) -> str:
    """Return an element as the summary names it; "" for the deviation of one sample.

    Parameters
    ----------
    element : Element
        Of a free variable.
    info : ModelInfo
        Of the model.
    """
    name, labels = element
    name = name if name in info.quantities else name.removesuffix("_share")
    if info.quantities[name].symbol == "z":
        return ""
    return f"{name}[{', '.join(labels)}]" if labels else name


def free_draws(posterior: xr.Dataset, model: pm.Model, card: Card) -> dict[str, np.ndarray]:
    """Return the draws of a model's free variables, shape (chain, draw, ...).

    Parameters
    ----------
    posterior : xr.Dataset
        Of a result.
    model : pm.Model
        The model that it is of.
    card : Card
        Its card.
    """
    found = {}
    for variable in model.free_RVs:
        name = str(variable.name)
        if name in posterior:
            found[name] = posterior[name].to_numpy()
            continue
        stretched = name.removesuffix("_share")
        prior = card.parameters[stretched].canonical_prior()
        assert isinstance(prior, Beta)  # only these are stretched
        value = posterior[stretched].to_numpy()
        found[name] = (value - prior.lower) / (prior.upper - prior.lower)
    return found


class Posterior(NamedTuple):
    """Draws of a study's free variables, and the coordinates in which they are judged."""

    elements: list[Element]
    values: dict[Element, np.ndarray]
    """Of each element at the chosen draws, shape (draws,)."""
    points: np.ndarray
    """Unconstrained, shape (draws, elements)."""
    precision: np.ndarray | None = None
    """At each draw, from `local_precision`."""


def thinned(compiled: Compiled, draws: Mapping[str, np.ndarray], count: int) -> Posterior:
    """Return some draws, evenly spaced.

    Parameters
    ----------
    compiled : Compiled
        The study's model, without frames.
    draws : mapping of str to ndarray
        From `free_draws`.
    count : int
        How many.
    """
    flat = {name: each.reshape(-1, *each.shape[2:]) for name, each in draws.items()}
    length = len(next(iter(flat.values())))
    kept = np.linspace(0, length - 1, min(count, length)).round().astype(int)
    chosen = {name: each[kept] for name, each in flat.items()}
    names = elements(compiled)
    columns = np.concatenate(
        [chosen[str(v.name)].reshape(len(kept), -1) for v in compiled.model.free_RVs], axis=1
    )
    return Posterior(
        names,
        {name: columns[:, i] for i, name in enumerate(names)},
        compiled.unconstrain(chosen),
    )


def local_precision(compiled: Compiled, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the precision of parameters at draws, from the prior and data like those at hand.

    Parameters
    ----------
    compiled : Compiled
        The study's model, without frames.
    points : ndarray
        The draws, shape (draws, size).
    rng : numpy.random.Generator
        For the prior.

    Returns
    -------
    ndarray
        Shape (draws, size, size); NaN where the model has no finite response.
    """
    size = compiled.size
    planned = [Planned(o) for o in info_of(compiled.model).observables]
    about = information(compiled, planned, Directions(np.eye(size), np.zeros((size, 0))))
    (found,) = Mapped(lambda w: [about(w)], chunk=CHUNK)(points)
    prior = compiled.unconstrain(prior_draws(compiled.model, PRIOR_DRAWS, rng))
    return np.asarray(found + np.diag(1 / prior.var(axis=0, ddof=1)))


class Expected(NamedTuple):
    """What a candidate's data would say."""

    measured: Measured
    hidden: float
    """Share of its ICP-OES readings whose mean lies below the detection limit, NaN without."""


def expected(candidate: Candidate, now: Posterior, rng: np.random.Generator) -> Expected:
    """Return the information of a candidate at draws.

    What the candidate has in common with the study has the values of the draws, what is new has
    values from its prior. A parameter that both have and that is not shared differs from the
    study's by a difference that is as wide as its prior.

    Parameters
    ----------
    candidate : Candidate
        The candidate.
    now : Posterior
        The draws.
    rng : numpy.random.Generator
        For what is new.

    Raises
    ------
    StudyError
        If the model cannot be built, has no finite response, or bounds a common parameter otherwise
        than the study does.
    """
    compiled = Compiled(_model(candidate, _with_records(candidate, now, rng)))
    prior = prior_draws(compiled.model, PRIOR_DRAWS, rng)
    points = points_of(compiled, now, prior)
    _check_scales(candidate, compiled, now, points)
    along, used, new, places = _directions(candidate, compiled, now)
    info = info_of(compiled.model)
    planned = [
        Planned(o, candidate.counted[o.name], o.name in candidate.repeats)
        for o in info.observables
        if o.name in candidate.counted
    ]
    about = information(compiled, planned, along)
    tables = [each for each in planned if each.observable.technique == "icp"]
    graphs = [each.observable.mean for each in tables]
    read = compiled.function(graphs) if graphs else (lambda w: [])
    found, *levels = Mapped(lambda w: [about(w), *read(w)], chunk=CHUNK)(points)
    below = [_below(info, each, level) for each, level in zip(tables, levels, strict=True)]
    variance = compiled.unconstrain(prior).var(axis=0, ddof=1)
    finite = _finite(candidate, found)
    there = None if now.precision is None else now.precision[finite]
    return Expected(
        Measured(found[finite], used, new, variance[places], there),
        float(np.mean(below)) if below else np.nan,
    )


def _with_records(
    candidate: Candidate, now: Posterior, rng: np.random.Generator
) -> dict[str, xr.Dataset]:
    """Return a candidate's data, with what is to be expected where a voltammogram is empty.

    The time steps of some models follow the record.
    """
    datasets = dict(candidate.datasets)
    if not candidate.empty:
        return datasets
    compiled = Compiled(_model(candidate, datasets))
    point = points_of(compiled, now, prior_draws(compiled.model, len(now.points), rng))[:1]
    sweeps = [o for o in info_of(compiled.model).observables if o.name in candidate.empty]
    means = Mapped(compiled.function([o.mean for o in sweeps]), chunk=1)(point)
    for o, mean in zip(sweeps, means, strict=True):
        data = datasets[o.name]
        name = "current" if "current" in data else "current_density"
        datasets[o.name] = data.assign({name: (data[name].dims, mean[0], data[name].attrs)})
    return datasets


def _finite(candidate: Candidate, found: np.ndarray) -> np.ndarray:
    """Return at which draws the information is finite."""
    finite = np.isfinite(found).all(axis=(1, 2))
    if finite.mean() < LEAST_SHARE:
        raise StudyError(
            f"the model of candidate '{candidate.name}' has no finite response",
            place=candidate.place,
            expected=f"one at {100 * LEAST_SHARE:.0f} % of the draws",
            found=f"{100 * finite.mean():.0f} %",
        )
    return np.asarray(finite)


def _below(info: ModelInfo, planned: Planned, level: np.ndarray) -> float:
    """Return the share of planned readings whose mean is below the detection limit."""
    limit = info.datasets[planned.observable.name]["lod"].to_numpy()
    hidden = level < limit  # a limit that is not stated is NaN, and nothing is below it
    return float(np.mean(hidden if planned.rows is None else hidden[:, planned.rows]))


def _model(candidate: Candidate, datasets: Mapping[str, xr.Dataset]) -> pm.Model:
    try:
        return build(candidate.card, datasets)
    except PerovecError as error:
        raise StudyError(
            f"candidate '{candidate.name}' cannot be fitted: {error.what}",
            place=candidate.place,
            expected=error.expected,
            found=error.found,
            hint=error.hint,
        ) from error


def points_of(compiled: Compiled, now: Posterior, prior: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return coordinates of a candidate's model at each draw.

    Parameters
    ----------
    compiled : Compiled
        The candidate's model.
    now : Posterior
        The draws, for what it has in common with the study.
    prior : mapping of str to ndarray
        Draws of its free variables, for the rest.

    Returns
    -------
    ndarray
        Shape (draws, size).
    """
    count = len(now.points)
    columns = np.concatenate(
        [prior[str(v.name)][:count].reshape(count, -1) for v in compiled.model.free_RVs], axis=1
    )
    for i, element in enumerate(elements(compiled)):
        if element in now.values:
            columns[:, i] = now.values[element]
    draws, begin = {}, 0
    for variable, shape in zip(compiled.model.free_RVs, compiled.shapes, strict=True):
        size = int(np.prod(shape))
        draws[str(variable.name)] = columns[:, begin : begin + size].reshape(count, *shape)
        begin += size
    return compiled.unconstrain(draws)


def _directions(
    candidate: Candidate, compiled: Compiled, now: Posterior
) -> tuple[Directions, np.ndarray, tuple[str, ...], list[int]]:
    """Return directions, places in the study, names of what is new, and its coordinates."""
    own = elements(compiled)
    place = {element: i for i, element in enumerate(now.elements)}
    common = [i for i, element in enumerate(own) if element in place]
    info = info_of(compiled.model)
    new, names = [], []
    for i, element in enumerate(own):
        if element not in place:
            new.append(i)
            names.append(shown(element, info))
        elif not _is_shared(candidate, info, element[0]):
            new.append(i)
            names.append(f"{shown(element, info)} (it may differ from the study's)")
    unit = np.eye(len(own))
    return (
        Directions(unit[:, common], unit[:, new]),
        np.array([place[own[i]] for i in common], dtype=int),
        tuple(names),
        new,
    )


def _is_shared(candidate: Candidate, info: ModelInfo, name: str) -> bool:
    if candidate.shared is None or name.removesuffix("_share") in candidate.shared:
        return True
    # the deviation of a sample is that of the solution, whoever reads it
    return name in info.quantities and info.quantities[name].symbol == "z"


def _check_scales(
    candidate: Candidate, compiled: Compiled, now: Posterior, points: np.ndarray
) -> None:
    """Refuse a common parameter that is bounded otherwise, so that its coordinate differs."""
    place = {element: i for i, element in enumerate(now.elements)}
    for i, element in enumerate(elements(compiled)):
        if element in place and not np.allclose(points[:, i], now.points[:, place[element]]):
            raise StudyError(
                f"card '{candidate.card.name}' bounds '{element[0]}' otherwise than the study",
                place=candidate.place,
                expected="the same kind of prior with the same ends",
                hint=f"Give the candidate such a prior in priors.{element[0]}.",
            )
