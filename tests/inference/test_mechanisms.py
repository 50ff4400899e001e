"""A mechanism that is not of the package: registered, named by a card, built and judged."""

import numpy as np
import pytest
from jax import numpy as jnp

from perovec_bayes.errors import StudyError
from perovec_bayes.inference.bridge import Compiled
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import load_card
from perovec_bayes.inference.mechanisms import (
    MECHANISMS,
    NOISE_UNITS,
    area,
    observe_cv,
    register,
    wrap,
)
from perovec_bayes.inference.model import info_of
from perovec_bayes.readers import read

NOISE = {"sigma_a": 1e-7, "sigma_p": 0.01, "sigma_E": 1e-3, "sigma_d": 1e-6, "ell_d": 0.07}
UNITS = {"C_dl": "F/cm^2", "g0": "A/cm^2", **NOISE_UNITS}


def capacitor(builder):
    data = builder.one("cv")
    rate = np.gradient(data["potential"].to_numpy(), data["time"].to_numpy())
    values = [builder.parameter(name) for name in ("C_dl", "g0")]
    density = wrap(lambda C, g0: C * jnp.asarray(rate) + g0)(*values)
    observe_cv(builder, data, density, area(builder, data))


@pytest.fixture
def registered():
    before = dict(MECHANISMS)
    yield register("capacitor", capacitor, units=UNITS, display={"C_dl": "uF/cm^2"})
    MECHANISMS.clear()
    MECHANISMS.update(before)


@pytest.fixture
def card(tmp_path):
    """Return a card of the mechanism, with what is said of `C_dl`."""

    def write(unit="F/cm^2"):
        lines = [
            "[card]", 'name = "plain"', 'title = "A capacitor"', 'mechanism = "capacitor"',
            'description = "C dE/dt"', "[data]", 'requires = ["cv"]',
        ]  # fmt: skip
        head = 'symbol = "x", role = "ancillary", description = "d"'
        normal = 'distribution = "normal", mean = 0.0, sd = 1e-6, reason = "r"'
        lines += [
            "[parameters]",
            f'C_dl = {{ {head}, unit = "{unit}", prior = {{ distribution = "lognormal", '
            f'median = 2e-5, sd_ln = 1.0, unit = "{unit}", reason = "r" }} }}',
            f'g0 = {{ {head}, unit = "A/cm^2", prior = {{ {normal}, unit = "A/cm^2" }} }}',
        ]
        lines += [
            f'{name} = {{ {head}, unit = "{NOISE_UNITS[name]}", fixed = {{ value = {value}, '
            f'unit = "{NOISE_UNITS[name]}", reason = "r" }} }}'
            for name, value in NOISE.items()
        ]
        path = tmp_path / "plain.toml"
        path.write_text("\n".join(lines) + "\n")
        return load_card(path)

    return write


@pytest.fixture
def record(tmp_path):
    time = np.linspace(0.0, 20.0, 101)
    potential = 0.5 - np.abs(0.1 * (time - 10.0)) / 2
    rows = [f"{t:.3f},{e:.5f},{1e-6:.3e}" for t, e in zip(time, potential, strict=True)]
    (tmp_path / "cv.csv").write_text("\n".join(["time/s,E/V,j/(A/cm2)", *rows]) + "\n")
    columns = {
        "time": {"index": 1, "unit": "s"},
        "potential": {"index": 2, "unit": "V"},
        "current": {"index": 3, "unit": "A/cm^2"},
    }
    meta = {
        "reference": "Fc/Fc+",
        "current_sign": "anodic_positive",
        "area": {"value": 1.0, "unit": "cm^2"},
    }
    return read(tmp_path / "cv.csv", "delimited", meta=meta, columns=columns)


def test_a_card_can_name_a_registered_mechanism(registered, card, record):
    model = build(card(), [record])
    assert {variable.name for variable in model.free_RVs} == {"C_dl", "g0"}
    info = info_of(model)
    assert info.quantities["C_dl"].display_unit == "uF/cm^2"
    (observable,) = info.observables
    compiled = Compiled(model)
    at = {"C_dl": np.array([2e-5]), "g0": np.array([1e-7])}
    (mean,) = compiled.function([observable.mean])(compiled.unconstrain(at)[0])
    # away from the turn dE/dt is 50 mV/s up, then down
    expected = [2e-5 * 0.05 + 1e-7, -2e-5 * 0.05 + 1e-7]
    np.testing.assert_allclose(np.asarray(mean)[[10, 90]], expected, rtol=1e-6)


def test_its_units_are_checked_against_the_card(registered, card, record):
    with pytest.raises(StudyError, match="not in the mechanism's canonical unit"):
        build(card("uF/cm^2"), [record])


def test_a_mechanism_of_ones_own_can_be_replaced(registered):
    again = register("capacitor", capacitor, units={**UNITS, "extra": "1"})
    assert MECHANISMS["capacitor"] is again
    assert "extra" in again.units


def test_a_mechanism_of_the_package_cannot(registered):
    before = MECHANISMS["electrode"]
    with pytest.raises(StudyError, match="has a mechanism 'electrode' already"):
        register("electrode", capacitor, units=UNITS)
    assert MECHANISMS["electrode"] is before
