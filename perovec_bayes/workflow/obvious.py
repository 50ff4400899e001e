"""The experiments that come to mind for any study: other scan rates, repeats, what it lacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.inference.cards import Card, Quantity, with_every_option
from perovec_bayes.inference.mechanisms import MECHANISMS
from perovec_bayes.inference.planned import DesignCandidate
from perovec_bayes.workflow.candidates import new_samples, of_technique, read_again
from perovec_bayes.workflow.prepare import Prepared

FACTORS = (0.1, 1 / 3, 3.0, 10.0)
"""Of the scan rate [1]."""
BANDS = {"band_edge": [500.0, 550.0], "sub_gap": [550.0, 600.0]}
"""Windows of the optical density [nm]."""
SPECTRA = 200
"""Spectra during a voltammogram."""
SAMPLES = 3
"""Saturated solutions where a study has none."""
LIMIT = 50.0
"""Detection limit of lead where a study has no ICP-OES [ug/L]."""


def obvious(prepared: Prepared) -> list[DesignCandidate]:
    """Return candidates made from a study's own data.

    Where an experiment uses up its sample the candidates take a new one, else they are done in the
    same cell.

    Parameters
    ----------
    prepared : Prepared
        The study.
    """
    mechanism = MECHANISMS[prepared.card.mechanism]
    card = with_every_option(prepared.card, mechanism.options)
    used_up = mechanism.consumes is not None and mechanism.consumes(card)
    cell = "new" if used_up else "same"
    stated = [*_sweeps(prepared, cell), *_icp(prepared, card)]
    return [DesignCandidate.model_validate(each) for each in stated]


def _sweeps(prepared: Prepared, cell: str) -> Iterator[dict[str, Any]]:
    cvs, ods = (of_technique(prepared.datasets, name) for name in ("cv", "od"))
    if len(cvs) != 1:
        return
    names = [str(each.attrs["name"]) for each in (*cvs, *ods)]
    rate = float(cvs[0].attrs["scan_rate_V_s"])
    for factor in FACTORS if rate > 0 else ():
        faster = Quantity(value=rate * factor, unit="V/s")
        yield {
            "name": f"scan rate x {factor:.2g}: {1e3 * rate * factor:.3g} mV/s",
            "repeat": names,
            "scan_rate": faster,
            "cell": cell,
        }
    yield {"name": f"{' and '.join(names)} once more", "repeat": names, "cell": cell}
    if not ods and "od" in prepared.card.techniques:
        length = float(cvs[0]["time"][-1] - cvs[0]["time"][0])
        yield {
            "name": f"{names[0]} once more, with optical density",
            "repeat": names,
            "od": {"spacing": {"value": length / SPECTRA, "unit": "s"}, "bands": BANDS},
            "cell": cell,
        }


def _icp(prepared: Prepared, card: Card) -> Iterator[dict[str, Any]]:
    measured = of_technique(prepared.datasets, "icp")
    if measured:
        yield from _more_icp(measured[0])
    elif "icp" in card.techniques:
        yield from _first_icp(prepared, card)


def _more_icp(data: xr.Dataset) -> Iterator[dict[str, Any]]:
    columns = ("solute", "solvent", "element")
    systems = np.array([data[name].to_numpy().astype(str) for name in columns]).T
    for system in dict.fromkeys(map(tuple, systems.tolist())):
        row = int(np.flatnonzero((systems == system).all(axis=1))[0])
        (made,) = new_samples(data, np.array([row]))
        unstated = not np.isfinite(float(data["dilution"].to_numpy()[row]))
        yield {
            "name": f"ICP-OES: a new sample of {system[0]} in {system[1]} ({system[2]}"
            f"{', undiluted' if unstated else ''})",
            "icp": [made],
        }
    yield {"name": "ICP-OES: each solution read again", "icp": [*read_again(data)]}


def _first_icp(prepared: Prepared, card: Card) -> Iterator[dict[str, Any]]:
    """Yield samples of the film material, where the solvent is stated."""
    solute = card.options.get("material")
    solvents = {str(each.attrs.get("solvent", "")) for each in prepared.datasets.values()} - {""}
    if not isinstance(solute, str) or len(solvents) != 1:
        return
    (solvent,) = solvents
    rows = [
        {
            "sample": f"S{number}",
            "element": "Pb",
            "solute": solute,
            "solvent": solvent,
            "unit": "ug/L",
            "lod": LIMIT,
            "dilution": 1.0,
        }
        for number in range(1, SAMPLES + 1)
    ]
    yield {
        "name": f"ICP-OES: {SAMPLES} samples of {solute} in {solvent}, undiluted, detection limit "
        f"{LIMIT:g} ug/L",
        "icp": rows,
    }
