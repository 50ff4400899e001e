"""From measurements of concentrations to an ICP dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.readers.base import Source
from perovec_bayes.readers.datasets import add_notes
from perovec_bayes.schema import Origin, validate

VARIABLES = {
    "sample": "",
    "element": "",
    "solute": "",
    "solvent": "",
    "replicate": "",
    "value": "mol/cm^3",
    "sd": "mol/cm^3",
    "lod": "mol/cm^3",
    "upper": "mol/cm^3",
    "dilution": "1",
    "censoring": "",
}


def icp_dataset(
    source: Source,
    reader: str,
    records: list[dict[str, Any]],
    meta: Mapping[str, Any],
    notes: list[str],
    units: str,
    where: Callable[[int], str],
) -> xr.Dataset:
    """Make an ICP dataset from measurements.

    Parameters
    ----------
    source : Source
        The file.
    reader : str
        Name of the format.
    records : list of dict
        Keys of `VARIABLES`, concentrations in mol cm^-3.
    meta : mapping
        What the study says of the measurement.
    notes : list of str
        What the reader decided.
    units : str
        The units of the file, for the record.
    where : callable
        Place of the i-th measurement in the file.

    Returns
    -------
    xarray.Dataset
        Dimension `measurement`; `upper` only if a measurement is censored from the right;
        validated.
    """
    over = any(record["censoring"] == "right" for record in records)
    ds = xr.Dataset(
        {
            key: (
                "measurement",
                np.array([record[key] for record in records]),
                {"unit": unit} if unit else {},
            )
            for key, unit in VARIABLES.items()
            if over or key != "upper"
        },
        attrs=source.attrs(reader, "icp", meta) | {"source_units": units},
    )
    add_notes(ds, notes)
    return validate(ds, origin=Origin(source.file, where))
