"""The scalars of a posterior: every element of every variable, under a readable name."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

SAMPLE_DIMS = ("chain", "draw")
ROLES = ("primary", "derived", "ancillary")
KINDS = ("value", "upper_limit", "lower_limit")


@dataclass(frozen=True, eq=False)
class Scalar:
    """One scalar quantity and its draws.

    Parameters
    ----------
    name : str
        Name with coordinates, as in ``s[CsPbBr3, DCM]``.
    variable : str
        The variable it belongs to.
    index : tuple of int
        Its position along the dimensions of the variable that are not sample dimensions.
    draws : ndarray, shape (chain, draw)
        The draws, in the unit of `attrs`.
    attrs : Mapping
        Attributes of the variable.
    kind : {"value", "upper_limit", "lower_limit"}
        Whether the quantity is quoted with two ends or as a limit.
    """

    name: str
    variable: str
    index: tuple[int, ...]
    draws: np.ndarray
    attrs: Mapping[str, Any]
    kind: str

    @property
    def role(self) -> str:
        """The role: "primary", "derived" or "ancillary" (also when none is stated)."""
        role = str(self.attrs.get("role", "ancillary"))
        return role if role in ROLES else "ancillary"

    @property
    def unit(self) -> str:
        """The unit of the draws; "1" when none is stated."""
        return str(self.attrs.get("unit", "1"))

    @property
    def log_scale(self) -> bool:
        """Whether the quantity is judged and drawn on a logarithmic scale."""
        return str(self.attrs.get("scale", "linear")) == "log"

    @property
    def constant(self) -> bool:
        """Whether all draws are equal."""
        return bool(np.all(self.draws == self.draws.flat[0]))

    @property
    def fixed(self) -> bool:
        """Whether the quantity is not sampled and does not vary, so that it has no diagnostics."""
        return self.constant and int(self.attrs.get("free", 1)) == 0


def scalars(group: xr.Dataset) -> list[Scalar]:
    """List the scalars of a group of draws, the primary ones first.

    Parameters
    ----------
    group : Dataset
        Variables with the dimensions ``chain`` and ``draw``, and possibly more.

    Returns
    -------
    list of Scalar
        One for each element of each variable, in order of role, then of appearance.
    """
    found = [scalar for array in group.data_vars.values() for scalar in _of_variable(array)]
    return sorted(found, key=lambda scalar: ROLES.index(scalar.role))


def dataset(tree: xr.DataTree, group: str) -> xr.Dataset | None:
    """Return a group of the result as a dataset, or None when the result lacks it."""
    return tree.children[group].to_dataset() if group in tree.children else None


def _of_variable(array: xr.DataArray) -> Iterator[Scalar]:
    others = [str(dim) for dim in array.dims if dim not in SAMPLE_DIMS]
    values = array.transpose(*SAMPLE_DIMS, *others).to_numpy().astype(float)
    shape = values.shape[len(SAMPLE_DIMS) :]
    labels = [[_label(item) for item in array[dim].to_numpy()] for dim in others]
    kinds = _kinds(array.attrs, int(np.prod(shape)))
    variable = str(array.name)
    positions = itertools.product(*(range(size) for size in shape))
    for place, (index, kind) in enumerate(zip(positions, kinds, strict=True)):
        where = ", ".join(names[i] for names, i in zip(labels, index, strict=True))
        yield Scalar(
            name=f"{variable}[{where}]" if index else variable,
            variable=variable,
            index=index,
            draws=values.reshape(*values.shape[:2], -1)[:, :, place],
            attrs=array.attrs,
            kind=kind,
        )


def _label(item: Any) -> str:
    return f"{item:g}" if isinstance(item, float | np.floating) else str(item)


def _kinds(attrs: Mapping[Any, Any], size: int) -> list[str]:
    """Return the kind of each element: as `limits` or the mask says, else the variable's."""
    common = str(attrs.get("kind", "value"))
    kinds = [common if common in KINDS else "value"] * size
    mask = json.loads(str(attrs.get("upper_limit_mask", "[]")))
    limits = json.loads(str(attrs.get("limits", "[]"))) or [
        "upper" if flag else "" for flag in mask
    ]
    if limits and len(limits) != size:
        raise ValueError(f"limits are stated for {len(limits)} of {size} elements")
    for i, side in enumerate(limits):
        if side:
            kinds[i] = f"{side}_limit"
    return kinds
