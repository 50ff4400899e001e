"""Results on disk: netCDF files that are whole or not there."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError
from perovec_bayes.files import replacing

ENGINE: Literal["h5netcdf"] = "h5netcdf"
FORMAT = "perovec_bayes result 1"
"""Root attribute `format` of a saved result."""
DROPPED = ("divergence_message",)
"""Variables of `sample_stats` that are texts for developers of samplers."""
RERUN = "Run the fit again, or copy the file again."


def save(tree: xr.DataTree, path: str | Path) -> Path:
    """Save a result as netCDF; a file of that name is replaced once the new one is complete.

    Parameters
    ----------
    tree : xr.DataTree
        A result; attributes that netCDF does not know are stored as JSON, flags as 0 and 1.
    path : str or Path
        The file to write; its folder must exist.

    Returns
    -------
    Path
        `path`.
    """
    plain = storable(tree)
    plain.attrs["format"] = FORMAT
    return write_netcdf(plain, path)


def write_netcdf(data: xr.DataTree | xr.Dataset, path: str | Path) -> Path:
    """Write netCDF to a temporary sibling, flush it to disk, and rename it into place.

    Parameters
    ----------
    data : xr.DataTree or xr.Dataset
        With netCDF-safe attributes.
    path : str or Path
        The file to write.

    Returns
    -------
    Path
        `path`.
    """
    target = Path(path)
    with replacing(target) as temporary:
        data.to_netcdf(temporary, mode="w", engine=ENGINE)
    return target


def load(path: str | Path, groups: Collection[str] | None = None) -> xr.DataTree:
    """Read a saved result into memory.

    Parameters
    ----------
    path : str or Path
        A file that `save` wrote, or the run folder that holds it as `posterior.nc`.
    groups : collection of str, optional
        Groups to read, as far as they are there; all unless given.

    Returns
    -------
    xr.DataTree
        The result.

    Raises
    ------
    DataError
        If the file is missing, damaged, or not a result.
    """
    file = Path(path)
    if file.is_dir():
        file /= "posterior.nc"
    if not file.is_file():
        raise DataError("no such result", file=file, expected="a run folder, or its posterior.nc")
    try:
        with contextlib.closing(xr.open_datatree(file, engine=ENGINE)) as opened:
            wanted = opened if groups is None else _only(opened, groups)
            tree = wanted.load().copy(deep=True)
    except Exception as error:  # h5py and xarray raise unrelated classes for a damaged file
        raise DataError("not a readable netCDF file", file=file, hint=RERUN) from error
    if tree.attrs.pop("format", None) != FORMAT or "posterior" not in tree.children:
        raise DataError(
            "not a complete result of perovec_bayes",
            file=file,
            expected=f"attribute format = '{FORMAT}' and a group 'posterior'",
            hint=RERUN,
        )
    return xr.DataTree.from_dict(
        {node.path: _with_texts(node.to_dataset(inherit=False)) for node in tree.subtree}
    )


def _only(tree: xr.DataTree, groups: Collection[str]) -> xr.DataTree:
    """Return the root and some groups of a result."""
    kept = {name: node for name, node in tree.children.items() if name in groups}
    return xr.DataTree(tree.to_dataset(), children=kept)


def storable(tree: xr.DataTree) -> xr.DataTree:
    """Return a copy that netCDF can hold.

    Parameters
    ----------
    tree : xr.DataTree
        Any result.

    Returns
    -------
    xr.DataTree
        Flags and dictionaries in attributes as numbers and JSON; columns of objects as texts.
    """
    return xr.DataTree.from_dict(
        {node.path: _storable(node.to_dataset(inherit=False)) for node in tree.subtree}
    )


def _storable(data: xr.Dataset) -> xr.Dataset:
    plain = data.drop_vars([name for name in DROPPED if name in data.variables])
    for name in list(plain.variables):
        variable = plain[name].variable
        if variable.dtype.kind in "OT":
            texts = [_text(item) for item in variable.to_numpy().ravel()]
            values = np.array(texts, dtype=str).reshape(variable.shape)
            plain = (
                plain.assign_coords({name: (variable.dims, values, variable.attrs)})
                if (name in plain.coords)
                else plain.assign({name: (variable.dims, values, variable.attrs)})
            )
        plain[name].attrs = _attrs(variable.attrs)
        plain[name].encoding = {}
    plain.attrs = _attrs(data.attrs)
    return plain


def _text(item: object) -> str:
    """Return an object as text; what is missing as an empty one."""
    missing = item is None or (isinstance(item, float) and np.isnan(item))
    return "" if missing else str(item)


def _attrs(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return attributes as netCDF knows them; None is left out."""
    return {str(key): _attr(value) for key, value in attrs.items() if value is not None}


def _attr(value: Any) -> Any:
    if isinstance(value, bool | np.bool_):
        return int(value)
    if isinstance(value, str | int | float | np.number):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf" and value.ndim <= 1:
        return value
    return json.dumps(value, default=_listed)


def _listed(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)


def _with_texts(data: xr.Dataset) -> xr.Dataset:
    """Return texts of fixed width, as they were before they were saved."""
    for name in list(data.variables):
        variable = data[name].variable
        if variable.dtype.kind in "OT":
            fixed = variable.copy(data=np.asarray(variable.to_numpy(), dtype=str))
            data = (
                data.assign_coords({name: fixed})
                if name in data.coords
                else data.assign({name: fixed})
            )
        data[name].encoding = {}
    return data
