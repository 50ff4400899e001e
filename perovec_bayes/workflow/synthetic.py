"""The files that `simulate` writes, and how they are read."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from perovec_bayes.inference.priors import Positive, Table, Text
from perovec_bayes.inference.study import DataEntry
from perovec_bayes.readers import READERS, Source
from perovec_bayes.readers.base import SYNTHETIC_MARK

ICP_COLUMNS = (
    "sample",
    "element",
    "solute",
    "solvent",
    "replicate",
    "value",
    "unit",
    "dilution",
    "lod",
)


SPECTRA = {"quantity": "absorbance", "signal_unit": "1"}
"""The `reader_options` with which simulated spectra are read."""


class IcpRow(Table):
    """One reading."""

    sample: Text
    element: Text
    solute: Text
    solvent: Text
    replicate: Annotated[int, Field(ge=1)] = 1
    unit: Text = "mol/L"
    lod: Positive | None = None
    """Detection limit [unit]; a drawn value below it is written as ND."""
    dilution: Positive | None = None
    """F_dil; not stated: unknown, and drawn from the study's hypotheses."""


def cv_table(
    entry: DataEntry, time: np.ndarray, potential: np.ndarray, current: np.ndarray,
    cycle: np.ndarray | None = None,
) -> str:  # fmt: skip
    """Return a voltammogram as CSV.

    Parameters
    ----------
    entry : DataEntry
        With an area in `meta`, the current is a current density.
    time, potential, current : ndarray
        Shape (points,) [s], [V], [A cm^-2] or [A].
    cycle : ndarray, optional
        Cycle numbers, shape (points,).
    """
    name = "current_density_A_cm2" if "area" in entry.meta else "current_A"
    columns = {"time_s": time, "potential_V": potential, name: current}
    if cycle is not None:
        columns["cycle"] = cycle
    return _table(columns)


def od_table(time: np.ndarray, bands: Mapping[str, np.ndarray]) -> str:
    """Return optical densities as CSV.

    Parameters
    ----------
    time : ndarray
        On the file's clock, shape (times,) [s].
    bands : mapping of str to ndarray
        Absorbance of each band, shape (times,) [1].
    """
    return _table({"time_s": time, **bands})


def spectra_table(time: np.ndarray, wavelength: np.ndarray, absorbance: np.ndarray) -> str:
    """Return a series of spectra as CSV, wavelengths across.

    Parameters
    ----------
    time : ndarray
        On the file's clock, shape (times,) [s].
    wavelength : ndarray
        Shape (wavelengths,) [nm].
    absorbance : ndarray
        Shape (times, wavelengths) [1].
    """
    lines = [",".join(["Time (s)", *(f"{each:.9g} nm" for each in wavelength)])]
    for moment, row in zip(time, absorbance, strict=True):
        lines.append(",".join([f"{moment:.9g}", *(f"{x:.6g}" for x in row)]))
    return "\n".join(lines) + "\n"


def icp_table(rows: Sequence[IcpRow], values: Sequence[float]) -> str:
    """Return ICP-OES readings as a tidy table; those below their detection limit as ND.

    Parameters
    ----------
    rows : sequence of IcpRow
        The design.
    values : sequence of float
        The readings, each in the unit of its row.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(ICP_COLUMNS)
    for row, value in zip(rows, values, strict=True):
        cells = row.model_dump()
        hidden = row.lod is not None and value < row.lod
        cells["value"] = "ND" if hidden else f"{value:.6g}"
        writer.writerow(["" if cells[key] is None else cells[key] for key in ICP_COLUMNS])
    return stream.getvalue()


def _table(columns: Mapping[str, np.ndarray]) -> str:
    whole = {name: values.dtype.kind in "iu" for name, values in columns.items()}
    lines = [",".join(columns)]
    for row in zip(*columns.values(), strict=True):
        cells = zip(whole.values(), row, strict=True)
        lines.append(",".join(str(x) if exact else f"{x:.9g}" for exact, x in cells))
    return "\n".join(lines) + "\n"


def mapping(
    entry: DataEntry, bands: Mapping[str, tuple[float, ...]] | None = None
) -> dict[str, Any]:
    """Return the `columns` with which a simulated table is read.

    Parameters
    ----------
    entry : DataEntry
        The dataset.
    bands : mapping, optional
        Edges of the bands of an OD table [nm].
    """
    time = {"name": "time_s", "unit": "s"}
    if entry.technique == "od":
        edges = {
            name: {"name": name, "low_nm": low, "high_nm": high}
            for name, (low, high) in (bands or {}).items()
        }
        return {"time": time, "absorbance": {"unit": "1"}, "bands": edges}
    density = {"name": "current_density_A_cm2", "unit": "A/cm^2"}
    return {
        "time": time,
        "potential": {"name": "potential_V", "unit": "V"},
        "current": density if "area" in entry.meta else {"name": "current_A", "unit": "A"},
    }


def read_back(
    entry: DataEntry, content: str, bands: Mapping[str, tuple[float, ...]] | None = None
) -> xr.Dataset:
    """Return a simulated table as its reader understands it.

    Parameters
    ----------
    entry : DataEntry
        Whose `meta` is used.
    content : str
        The table.
    bands : mapping, optional
        As in `mapping`; without them the table holds spectra.
    """
    source = Source(Path(f"{entry.name}.csv"), SYNTHETIC_MARK + b"\n" + content.encode())
    if entry.technique == "icp":
        return READERS["icp_table"].read(source, entry.meta, {})
    if entry.technique == "od" and bands is None:
        return READERS["spectra_table"].read(source, entry.meta, SPECTRA)
    options = {"columns": mapping(entry, bands)}
    return READERS["delimited"].read(source, entry.meta, options)
