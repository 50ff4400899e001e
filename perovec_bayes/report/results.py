"""The saved result as reports need it: decoded attributes, observables, predictive draws."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.units import convert


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
        Posterior-predictive draws of new data, and of the noise-free model: first dimension
        ``sample``, then the dimensions of `observed`; None when not saved.
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


def observables(tree: xr.DataTree) -> list[Observable]:
    """List the observables of a result for which it holds data, in the order of the fit."""
    observed = _group(tree, "observed_data")
    predictive = _group(tree, "posterior_predictive")
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


def display_unit(observable: Observable) -> tuple[str, float]:
    """Return the unit in which an observable is shown, and the factor from its canonical one.

    The unit is what the observable asks for by ``display_unit``; else a current is shown in A, mA,
    uA, nA or pA, whatever makes its greatest value at least 1.
    """
    unit = observable.unit
    wanted = str(observable.info.get("display_unit", ""))
    if wanted:
        return wanted, convert(1.0, unit, wanted)
    if observable.technique != "cv":
        return unit, 1.0
    values = np.abs(observable.observed.to_numpy())
    top = float(np.nanmax(values)) if np.any(np.isfinite(values)) else 0.0
    tail = "/cm^2" if "cm" in unit else ""
    prefixes = ("", "m", "u", "n", "p")
    power = next((i for i in range(len(prefixes)) if top * 1e3**i >= 1), 0)
    shown = f"{prefixes[power]}A{tail}"
    return shown, convert(1.0, unit, shown)


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
