"""The observables of a saved result: data, predictive draws, and what belongs to them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr


@dataclass(frozen=True, eq=False)
class Observable:
    """One observable of a fit: data, predictive draws, and what belongs to them.

    Parameters
    ----------
    name : str
        Its name in the result.
    info : Mapping
        Its entry in the root attribute ``observables``.
    observed : DataArray
        The data, in the unit of `info`.
    noisy, mean : DataArray or None
        Predictive draws of new data, and of the noise-free model: first dimension ``sample``, then
        the dimensions of `observed`; None when not saved.
    constants : Mapping of str to ndarray
        What ``constant_data`` holds under ``NAME_``: "time", "potential", "cycle", ...
    """

    name: str
    info: Mapping[str, Any]
    observed: xr.DataArray
    noisy: xr.DataArray | None
    mean: xr.DataArray | None
    constants: Mapping[str, np.ndarray]

    @property
    def technique(self) -> str:
        """The technique: "cv", "od" or "icp"."""
        return str(self.info.get("technique", ""))

    @property
    def unit(self) -> str:
        """The canonical unit of the data."""
        return str(self.info.get("unit", "1"))


def decoded(tree: xr.DataTree, name: str) -> dict[str, Any]:
    """Return a root attribute that is a JSON object; an empty one when it is not there."""
    text = tree.attrs.get(name)
    value = json.loads(str(text)) if text else {}
    return value if isinstance(value, dict) else {}


def observables(tree: xr.DataTree, group: str = "posterior_predictive") -> list[Observable]:
    """List the observables of a result for which it holds data, in the order of the fit.

    Parameters
    ----------
    tree : DataTree
        A result.
    group : str, default "posterior_predictive"
        Where the predictive draws are taken from.
    """
    observed = _group(tree, "observed_data")
    predictive = _group(tree, group)
    constant = _group(tree, "constant_data")
    found = []
    names = [str(name) for name in observed.data_vars]
    for name, info in decoded(tree, "observables").items():
        if name not in observed:
            continue
        longer = [other for other in names if other != name and other.startswith(f"{name}_")]
        own = {
            str(key).removeprefix(f"{name}_"): constant[key].to_numpy()
            for key in constant.variables
            if str(key).startswith(f"{name}_")
            and not any(str(key).startswith(f"{other}_") for other in longer)
        }
        data = observed[name]
        noisy = _draws(predictive, name, data)
        mean = _draws(predictive, f"{name}_mean", data)
        found.append(Observable(name, info, data, noisy, mean, own))
    return found


def companion(observable: Observable, found: Sequence[Observable]) -> Observable | None:
    """Return the voltammogram on the same clock: of the same experiment or sample, or the only one.

    Parameters
    ----------
    observable : Observable
        Optical density, say.
    found : sequence of Observable
        All of the fit.
    """
    curves = [
        other
        for other in found
        if other.technique == "cv" and {"time", "potential"} <= set(other.constants)
    ]
    for key in ("experiment", "sample"):
        mine = observable.info.get(key)
        same = [other for other in curves if mine and other.info.get(key) == mine]
        if same:
            return same[0]
    return curves[0] if len(curves) == 1 else None


def _group(tree: xr.DataTree, name: str) -> xr.Dataset:
    return tree.children[name].to_dataset() if name in tree.children else xr.Dataset()


def _draws(group: xr.Dataset, name: str, data: xr.DataArray) -> xr.DataArray | None:
    """Return the draws of a predictive variable, stacked along a first dimension ``sample``."""
    if name not in group:
        return None
    array = group[name]
    others = [dim for dim in array.dims if dim not in data.dims]
    values = array.transpose(*others, *data.dims).to_numpy()
    return xr.DataArray(values.reshape(-1, *data.shape), dims=("sample", *data.dims))
