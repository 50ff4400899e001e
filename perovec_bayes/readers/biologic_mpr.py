"""EC-Lab binary (.mpr) of BioLogic, by the optional package yadg (GPL, never required).

Returns dimension `point` with `time` [s], `potential` [V], `current` [A] or `current_density`
[A cm^-2], and `cycle`, as for `biologic_mpt`: anodic positive, an area of 0 or 0.001 cm^2 unknown,
points at open circuit left out. Without yadg the file is refused, with words on how to export it as
.mpt, which says more and needs nothing.
"""

from __future__ import annotations

import importlib
import json
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes import units
from perovec_bayes.errors import DataError, UnitError
from perovec_bayes.readers.base import Reader, Source
from perovec_bayes.readers.headings import CANONICAL
from perovec_bayes.readers.potentiostat import Facts, Trace, check_options, dataset

NAME = "biologic_mpr"
MAGIC = b"BIO-LOGIC MODULAR FILE"
DEFAULT_AREAS_CM2 = (0.0, 0.001)
CONTROLLED_POTENTIAL = 2
"""`mode` of EC-Lab."""
REFUSED = ("EIS", "OCV", "CP", "GCPL", "ZIR", "DPV", "SWV", "NPV", "GALV", "MB", "DPA")
"""Parts of the codes of techniques that are not modelled."""
COLUMNS = {
    "time": ("time",),
    "potential": ("Ewe", "<Ewe>"),
    "current": ("<I>", "I"),
    "cycle": ("cycle number",),
}
EXPORT = (
    "Open it in EC-Lab, choose File > Export as Text with time/s, Ewe/V, <I>/mA and cycle number, "
    "and read the .mpt"
)


def sniff(source: Source) -> bool:
    """Whether the file begins as EC-Lab's binary files do."""
    return source.raw.startswith(MAGIC)


def read(source: Source, meta: Mapping[str, Any], options: Mapping[str, Any]) -> xr.Dataset:
    """Read an EC-Lab binary file with yadg, if that is installed.

    Parameters
    ----------
    source : Source
        The file.
    meta : mapping
        What the study says of the measurement (`datasets.CV_META`); all optional here.
    options : mapping
        `potentiostat.OPTIONS`.

    Returns
    -------
    xarray.Dataset
        CV dataset, as the module says.
    """
    check_options(options, NAME)
    if not sniff(source):
        raise DataError(
            "not an EC-Lab binary file", file=source.file, expected=repr(MAGIC.decode())
        )
    data = _extract(source)
    settings = _settings(data)
    technique = str(settings.get("technique", ""))
    if any(part in technique.upper() for part in REFUSED):
        raise DataError(
            f"technique '{technique[:40]}' is not a voltammetry or a chronoamperometry",
            file=source.file,
            expected="CV, CVA, LSV or CA",
            hint="Nothing in this package models it.",
        )
    record, notes = _trace(source.file, data)
    reference = str(settings.get("reference_electrode", ""))
    area = settings.get("electrode_area")
    facts = Facts(
        technique=technique,
        area_cm2=round(float(area), 9) if isinstance(area, (int, float)) else np.nan,
        default_areas=DEFAULT_AREAS_CM2,
        software="EC-Lab",
        reference="" if reference == "nan" else reference,
        notes=("read by yadg", *notes),
    )
    return dataset(source, NAME, record, facts, meta, options)


def _extract(source: Source) -> xr.Dataset:
    """Return yadg's dataset of the file."""
    try:
        module = importlib.import_module("yadg.extractors.eclab.mpr")
    except (ImportError, AttributeError):  # not there, or at odds with what is
        raise DataError(
            "a binary EC-Lab file (.mpr)",
            file=source.file,
            expected="the text export of the same measurement (.mpt)",
            hint=f"{EXPORT}. (With the package yadg installed, .mpr is read too: docs/data.md.)",
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = module.extract(source.raw, timezone="UTC", locale="en_GB", encoding="utf-8")
            data = tree.to_dataset() if hasattr(tree, "to_dataset") else tree
    except Exception as error:  # another package's; it raises whatever its parts raise
        raise DataError(
            f"yadg cannot read it ({type(error).__name__})", file=source.file, hint=f"{EXPORT}."
        ) from error
    if not isinstance(data, xr.Dataset):
        raise DataError("yadg gave no dataset", file=source.file, hint=f"{EXPORT}.")
    return data


def _settings(data: xr.Dataset) -> Mapping[str, Any]:
    found = data.attrs.get("original_metadata", {})
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:
            found = {}
    settings = found.get("settings", {}) if isinstance(found, Mapping) else {}
    return settings if isinstance(settings, Mapping) else {}


def _trace(file: str, data: xr.Dataset) -> tuple[Trace, list[str]]:
    """Return the points under potential control, and words on the others."""
    values: dict[str, np.ndarray] = {}
    for key, names in COLUMNS.items():
        name = next((n for n in names if n in data.variables), None)
        if name is None:
            continue
        values[key] = data[name].to_numpy().astype(float)
        if key != "cycle":
            unit = str(data[name].attrs.get("units", ""))
            try:
                values[key] = units.convert(values[key], unit, CANONICAL[key])
            except UnitError as error:
                raise DataError(error.what, file=file, place=f"column '{name}'") from error
    lacking = [key for key in ("time", "potential", "current") if key not in values]
    if lacking:
        raise DataError(
            f"no column of the {lacking[0]}",
            file=file,
            found=", ".join(map(str, data.data_vars))[:300],
            hint=f"{EXPORT}.",
        )
    size = values["time"].size
    keep = np.logical_and.reduce([np.isfinite(v) for v in values.values()])
    if "mode" in data.variables:
        keep &= data["mode"].to_numpy() == CONTROLLED_POTENTIAL
    if not keep.any():
        raise DataError("no point under potential control", file=file, hint="Read a CV.")
    record = Trace(
        potential=values["potential"],
        current=values["current"],
        is_density=False,
        time=values["time"],
        cycle=values.get("cycle"),
        rows=np.arange(1, size + 1),
        row_word="record",
        units="as yadg gives them",
    )
    left = int(size - keep.sum())
    return record.only(keep), [f"{left} points not under potential control left out"] * (left > 0)


READER = Reader(NAME, "BioLogic EC-Lab binary (.mpr), with the package yadg", sniff, read)
