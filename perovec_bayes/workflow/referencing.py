"""The potential of ferrocene against a reference electrode, from the result of the user's own fit.

A study says `reference_offset = { result = "runs/ferrocene" }`; the posterior of E0' of that fit
becomes the offset and its uncertainty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import StudyError
from perovec_bayes.inference import storage
from perovec_bayes.inference.priors import unknown

KEY = "reference_offset"
MECHANISM = "redox_couple"
QUANTITIES = ("E0", "E_half")
"""What of the fit may be the zero of the scale; the first unless stated."""


def resolved(meta: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Return what a study says of a record, with a named result replaced by what it found.

    Parameters
    ----------
    meta : mapping
        The study's `meta` table.
    folder : Path
        Of the study; the result's path starts there.

    Returns
    -------
    mapping
        `meta` itself where its offset does not name a result.

    Raises
    ------
    StudyError
        If the result is not a fit of one couple, was against another reference or in another
        solvent, or failed its diagnostics.
    DataError
        If there is no such result.
    """
    stated = meta.get(KEY)
    if not isinstance(stated, Mapping) or "result" not in stated:
        return meta
    place = f"meta.{KEY}"
    for key in stated:
        if key not in ("result", "quantity"):
            raise StudyError(
                unknown("key", key, ("result", "quantity")),
                place=place,
                hint="The value and its sd come from the result.",
            )
    quantity = stated.get("quantity", QUANTITIES[0])
    if quantity not in QUANTITIES:
        raise StudyError(unknown("quantity", str(quantity), QUANTITIES), place=f"{place}.quantity")
    if not isinstance(stated["result"], str) or not stated["result"].strip():
        raise StudyError(
            "not a path", place=f"{place}.result", expected="a run folder or its posterior.nc"
        )
    path = folder / stated["result"]
    tree = storage.load(path)
    _check(tree, meta, path, f"{place}.result")
    draws = tree["posterior"][quantity].to_numpy().ravel()
    value = {"value": float(np.mean(draws)), "unit": "V", "sd": float(np.std(draws, ddof=1))}
    return {**meta, KEY: value}


def _check(tree: xr.DataTree, meta: Mapping[str, Any], path: Path, place: str) -> None:
    """Refuse a result that does not tell where ferrocene lies on this record's scale."""
    card = json.loads(tree.attrs["card"])
    if card["mechanism"] != MECHANISM:
        raise StudyError(
            f"{path} is not a fit of a dissolved couple",
            place=place,
            expected=f"a result of card '{MECHANISM}', fitted to a voltammogram of ferrocene",
            found=f"card '{card['name']}'",
        )
    if not json.loads(tree.attrs["gate"])["passed"]:
        raise StudyError(
            f"{path} did not pass its diagnostics",
            place=place,
            expected="a fit whose posterior can be trusted",
            found="a gate that failed",
            hint="Sample it again with more draws, and not with --quick.",
        )
    (record,) = json.loads(tree.attrs["observables"]).values()
    for key, what in (("reference", "another reference electrode"), ("solvent", "another solvent")):
        theirs, ours = str(record.get(key, "")), str(meta.get(key, "")).strip()
        if ours != theirs and (key == "reference" or (ours and theirs)):
            raise StudyError(
                f"{path} was measured {'against' if key == 'reference' else 'in'} {what}",
                place=place,
                expected=f"meta.{key} = '{theirs}', as in that fit",
                found=f"'{ours}'",
            )
