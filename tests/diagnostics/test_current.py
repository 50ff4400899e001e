"""The current taken apart, for an electrode whose double layer is known."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr

from perovec_bayes.diagnostics.current import DRAWS, PROCESSES, current_parts
from perovec_bayes.inference.build import with_every_option
from perovec_bayes.inference.cards import Card, load_card
from perovec_bayes.inference.mechanisms import MECHANISMS, parts

RATE, CAPACITY, AREA = 0.01, 2e-5, 0.5
KNOWN = {"R_u": 0.0, "C_dl": CAPACITY, "g0": 0.0, "g1": 0.0, "c_b": 1e-6, "k_iso": 0.0}


def card() -> Card:
    found = load_card("dissolved_lead")
    return with_every_option(found, MECHANISMS[found.mechanism].options)


def result(unit: str) -> xr.DataTree:
    found = card()
    sweep = np.linspace(-0.4, -1.4, 120)
    potential = np.concatenate([sweep, sweep[-2::-1]])
    time = np.abs(np.diff(potential, prepend=potential[0])).cumsum() / RATE
    values = {}
    for name in parts.needed(found.options):
        entry = found.parameters[name]
        prior, fixed = entry.canonical_prior(), entry.fixed_value()
        values[name] = KNOWN.get(name, fixed if prior is None else float(prior.ppf(0.5)))
    shape = (2, DRAWS)
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(
                {name: (("chain", "draw"), np.full(shape, v)) for name, v in values.items()}
            ),
            "observed_data": xr.Dataset({"cv": ("cv_point", np.sin(potential) * 1e-6)}),
            "constant_data": xr.Dataset(
                {"cv_time": ("cv_point", time), "cv_potential": ("cv_point", potential)}
            ),
        }
    )
    info = {"technique": "cv", "unit": unit, "temperature_K": 298.15, "area_cm2": AREA}
    tree.attrs = {
        "card": json.dumps({"mechanism": found.mechanism, "options": dict(found.options)}),
        "observables": json.dumps({"cv": info}),
    }
    return tree


@pytest.fixture(scope="module")
def taken_apart() -> xr.Dataset:
    found = current_parts(result("A/cm^2"), card())
    assert found is not None
    return found


def test_each_process_has_its_sign(taken_apart: xr.Dataset) -> None:
    assert set(taken_apart) == {f"cv_{name}" for name in PROCESSES}
    assert taken_apart["cv_deposition"].shape[0] == DRAWS
    assert float(taken_apart["cv_deposition"].max()) == 0
    assert float(taken_apart["cv_deposition"].min()) < -1e-5
    assert float(taken_apart["cv_stripping"].min()) == 0
    assert float(taken_apart["cv_stripping"].max()) > 1e-5
    assert not taken_apart["cv_decomposition"].any()
    assert not taken_apart["cv_background"].any()


def test_what_is_left_is_the_double_layer(taken_apart: xr.Dataset) -> None:
    charging = taken_apart["cv_charging"].to_numpy()[0]
    sign = np.repeat([-1.0, 1.0], [120, 119])
    away = np.r_[10:110, 130:229]  # from the start and the turn
    np.testing.assert_allclose(charging[away], CAPACITY * RATE * sign[away], rtol=0.02)


def test_a_current_is_a_density_times_the_area(taken_apart: xr.Dataset) -> None:
    whole = current_parts(result("A"), card())
    assert whole is not None
    assert whole.attrs["unit"] == "A"
    np.testing.assert_allclose(
        whole["cv_deposition"], AREA * taken_apart["cv_deposition"], rtol=1e-9
    )


def test_other_mechanisms_have_none() -> None:
    tree = result("A")
    tree.attrs["card"] = json.dumps({"mechanism": "redox_couple", "options": {}})
    assert current_parts(tree, card()) is None
