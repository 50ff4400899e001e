"""Slow: the log density and its gradient are finite wherever a card's prior may lead.

`.venv/bin/python -m pytest -m slow tests/inference/test_prior_draws.py` takes some 15 minutes on
one core and rewrites `benchmarks/results/prior_draws.csv`; `PRIOR_DRAWS=300` makes it shorter.
"""

from __future__ import annotations

import os
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest
from builders import cv, icp, od
from jax import lax
from jax import numpy as jnp

from perovec_bayes.forward import programme
from perovec_bayes.inference.bridge import Compiled
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import load_card
from perovec_bayes.inference.sample import prior_points

DRAWS = int(os.environ.get("PRIOR_DRAWS", "10000"))
CHUNK = 50
TABLE = Path(__file__).parents[2] / "benchmarks" / "results" / "prior_draws.csv"


def voltammogram(reference="Fc/Fc+", corners=(-0.35, -2.0, -0.2, -2.0, -0.2, -2.0, -0.2)):
    """Three cycles with waves of some 100 uA."""
    path = programme.sweeps(list(corners), 0.01)
    time = np.arange(0.0, path.end, 1.0)
    potential = np.interp(time, path.time, path.potential)
    down = np.gradient(potential) < 0
    waves = np.where(
        down,
        -2e-4 * np.exp(-(((potential + 1.75) / 0.1) ** 2)),
        4e-4 * np.exp(-(((potential + 0.95) / 0.05) ** 2)),
    )
    offset = {"reference_offset_V": 0.0} if reference == "Fc/Fc+" else {}
    return cv(time, potential, waves, area_cm2=1.0, reference=reference, **offset)


def transient():
    """Ten seconds after a step from -0.4 to -1.3 V."""
    time = np.append(-0.05, np.geomspace(0.01, 10.0, 200))
    potential = np.where(time < 0, -0.4, -1.3)
    current = np.where(time < 0, 0.0, -2e-4 / np.sqrt(np.abs(time) + 0.1))
    return cv(time, potential, current, area_cm2=1.0, reference="Fc/Fc+", reference_offset_V=0.0)


def spectra():
    """Optical density in two bands."""
    time = np.arange(0.0, 1050.0, 10.0)
    return od(time, np.linspace([0.18, 0.02], [0.05, 0.03], len(time)))


def solubilities(*solutes):
    """Two readings and a detection limit, of each solute."""
    return icp(
        *(
            {"solute": solute, "sample": f"{solute} {sample}", **reading}
            for solute in solutes or ("CsPbBr3",)
            for sample, reading in (
                ("A", {"value": 2.4e-6, "sd": 1e-7}),
                ("B", {"value": 2.2e-6, "sd": 1e-7}),
                ("C", {"solvent": "DCM", "lod": 2e-10}),
            )
        )
    )


DATA = {
    "redox_couple": lambda: [voltammogram("Ag/AgCl", (0.0, 0.6, -0.1, 0.6, 0.0))],
    "solubility": lambda: [solubilities()],
    "dissolved_lead": lambda: [voltammogram()],
    "lead_oleate": lambda: [voltammogram()],
    "bulk_film": lambda: [voltammogram(), spectra()],
    "nanocrystal_film": lambda: [voltammogram(), spectra()],
    "chronoamperometry": lambda: [transient()],
    "solvent_regression": lambda: [solubilities("CsPbBr3", "Pb(OA)2")],
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Numba will use object mode")
@pytest.mark.parametrize("name", DATA)
def test_every_draw_has_a_finite_log_density_and_gradient(name: str) -> None:
    model = build(load_card(name), DATA[name]())
    compiled = Compiled(model, model.perovec.frames)
    points = prior_points(compiled, DRAWS, np.random.default_rng(1))
    both = jax.value_and_grad(compiled.log_density())
    many = jax.jit(lambda draws: lax.map(both, draws))
    found = [many(jnp.asarray(points[i : i + CHUNK])) for i in range(0, DRAWS, CHUNK)]
    value = np.concatenate([np.asarray(v) for v, _ in found])
    slope = np.concatenate([np.asarray(g) for _, g in found])
    bad = {
        "values_not_finite": int((~np.isfinite(value)).sum()),
        "gradients_not_finite": int((~np.isfinite(slope).all(axis=1)).sum()),
    }
    row = {"card": name, "draws": DRAWS, "parameters": points.shape[1], **bad}
    rows = pd.read_csv(TABLE) if TABLE.exists() else pd.DataFrame(columns=list(row))
    rows = pd.concat([rows[rows["card"] != name], pd.DataFrame([row])]).sort_values("card")
    rows.to_csv(TABLE, index=False)
    assert set(bad.values()) == {0}
