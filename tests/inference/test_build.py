import numpy as np
import pymc as pm
import pytest
from builders import cv, icp, od, with_parameters
from jax import numpy as jnp

from perovec_bayes.constants import thermal_frequency
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.forward import waveform
from perovec_bayes.forward.redox import RedoxParameters, redox_current
from perovec_bayes.inference.bridge import Compiled
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import load_card

TIME = np.linspace(0.0, 10.0, 51)
POTENTIAL = np.interp(TIME, [0.0, 5.0, 10.0], [0.5, 0.0, 0.5])
CURRENT = 1e-5 * np.sin(TIME)
READING = {"value": 1e-9, "solvent": "DCM"}


def sweep(**attrs):
    return cv(TIME, POTENTIAL, CURRENT, **attrs)


def film_sweep(**attrs):
    ferrocene = {"reference": "Fc/Fc+", "reference_offset_V": 0.0, "solvent": "DCM"}
    return sweep(**{"area_cm2": 1.0, **ferrocene, **attrs})


def without(card, name):
    parameters = {key: entry for key, entry in card.parameters.items() if key != name}
    return card.model_copy(update={"parameters": parameters})


def renamed(card, old, new):
    entry = card.parameters[old]
    return card.model_copy(update={"parameters": {**without(card, old).parameters, new: entry}})


# --- what is refused ---------------------------------------------------------------------------


def test_an_unknown_mechanism_is_refused_and_the_nearest_named():
    card = load_card("redox_couple")
    head = card.card.model_copy(update={"mechanism": "redox_cuple"})
    with pytest.raises(StudyError, match=r"unknown mechanism 'redox_cuple'; did you mean 'redox_c"):
        build(card.model_copy(update={"card": head}), [sweep()])


def test_a_card_without_a_parameter_of_its_mechanism_is_refused():
    with pytest.raises(StudyError, match="lacks parameters: k0"):
        build(without(load_card("redox_couple"), "k0"), [sweep()])


def test_a_card_with_a_parameter_unknown_to_its_mechanism_is_refused():
    card = load_card("solubility")
    more = {**card.parameters, "k0": load_card("redox_couple").parameters["k0"]}
    with pytest.raises(StudyError, match="has unknown parameters: k0"):
        build(card.model_copy(update={"parameters": more}), [icp(READING)])


def test_a_misspelt_parameter_is_refused():
    with pytest.raises(StudyError, match="lacks parameters: alpha"):
        build(renamed(load_card("redox_couple"), "alpha", "alfa"), [sweep()])


def test_a_parameter_in_another_than_the_canonical_unit_is_refused():
    card = load_card("redox_couple")
    other = card.parameters["k0"].model_copy(update={"unit": "m/s"})
    card = card.model_copy(update={"parameters": {**card.parameters, "k0": other}})
    with pytest.raises(StudyError, match=r"parameters\.k0\.unit.*expected 'cm/s', found 'm/s'"):
        build(card, [sweep()])


@pytest.mark.parametrize(
    ("card", "data"),
    [
        ("redox_couple", lambda: [sweep(), sweep(name="second")]),
        ("bulk_film", lambda: [film_sweep(), film_sweep(name="second")]),
        ("solubility", lambda: [icp(READING), icp(READING, name="second")]),
        ("redox_couple", lambda: [icp(READING)]),
    ],
    ids=["two couples", "two films", "two tables", "none"],
)
def test_more_or_fewer_than_one_dataset_of_the_leading_technique_is_refused(card, data):
    with pytest.raises(StudyError, match="takes one dataset of technique"):
        build(load_card(card), data())


def test_an_invalid_dataset_is_refused():
    data = sweep()
    data.attrs["temperature_K"] = 25.0
    with pytest.raises(DataError, match="temperature_K"):
        build(load_card("redox_couple"), [data])


def test_an_unknown_noise_model_is_refused():
    card = load_card("redox_couple").model_copy(update={"noise": {"cv": "pink"}})
    with pytest.raises(StudyError, match="unknown noise model 'pink'"):
        build(card, [sweep()])


@pytest.mark.parametrize(
    ("change", "place"),
    [({"solvent": "PC"}, "solvent"), ({"solute": "Pb(OA)2"}, "solute")],
)
def test_readings_of_another_solvent_or_solute_are_refused_in_a_film_study(change, place):
    with pytest.raises(StudyError, match=f"about its own {place}"):
        build(load_card("bulk_film"), [film_sweep(), icp({**READING, **change})])


def test_spectra_outside_the_voltammogram_are_refused():
    spectra = od([0.0, 5.0, 12.0], np.zeros((3, 2)))
    with pytest.raises(DataError, match=r"expected 0 to 10 s, found 0 to 12 s"):
        build(load_card("bulk_film"), [film_sweep(), spectra])


def test_an_element_that_the_solute_does_not_have_is_refused():
    with pytest.raises(DataError, match="element I does not measure"):
        build(load_card("solubility"), [icp({**READING, "element": "I"})])


# --- what is built -----------------------------------------------------------------------------

HELD = {"alpha": 0.45, "D_ratio": 1.3, "c_R": 2e-7, "R_u": 12.0, "g1": 1e-6}


@pytest.fixture(scope="module")
def partly_fixed():
    return build(with_parameters(load_card("redox_couple"), HELD), [sweep(area_cm2=0.5)])


def test_fixed_parameters_are_constants(partly_fixed):
    free = {v.name for v in partly_fixed.free_RVs}
    assert free == {"E0", "k0", "D", "c_O", "C_dl", "g0"} | {
        "sigma_a", "sigma_p", "sigma_E", "sigma_d",
    }  # fmt: skip
    assert not free & set(HELD)
    assert not set(HELD) & set(partly_fixed.perovec.quantities)


def test_the_model_of_a_voltammogram_is_the_forward_model_at_its_parameters(partly_fixed):
    compiled = Compiled(partly_fixed)
    names = ("E0", "k0", "D", "c_O", "C_dl", "g0")
    x = jnp.asarray(compiled.start)
    mean = partly_fixed.perovec.observables[0].mean
    got, *values = compiled.function([mean, *(partly_fixed[name] for name in names)])(x)
    p = {**dict(zip(names, map(float, values), strict=True)), **HELD}
    grid = waveform.grid(TIME, POTENTIAL, 1000)
    D = p.pop("D")
    parameters = RedoxParameters(D_O=D, D_R=D * p.pop("D_ratio"), **p)
    current = redox_current(parameters, grid, thermal_frequency(298.15))
    expected = np.interp(TIME, grid.time, current)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def test_fixed_parameters_are_held_in_double_precision():
    """ln 2 in single precision is 2e-9 off, as is all that is computed from constants alone."""
    card = with_parameters(load_card("redox_couple"), {"D_ratio": 2.0})
    model = build(card, [sweep(area_cm2=0.5)])
    compiled = Compiled(model)
    half, E0 = compiled.function([model["E_half"], model["E0"]])(jnp.asarray(compiled.start))
    shift = np.log(2.0) / (2 * thermal_frequency(298.15))
    assert float(half - E0) == pytest.approx(shift, rel=1e-12)


def test_an_area_stated_with_its_sd_is_a_parameter_with_that_prior():
    model = build(load_card("redox_couple"), [sweep(area_cm2=0.5, area_sd_cm2=0.02)])
    assert "area" in {v.name for v in model.free_RVs}
    logs = np.log(pm.draw(model["area"], draws=4000, random_seed=1))
    assert logs.mean() == pytest.approx(np.log(0.5), abs=0.003)  # 4.7 standard errors
    assert logs.std() == pytest.approx(0.04, rel=0.05)


def test_an_area_stated_without_sd_is_a_constant():
    model = build(load_card("redox_couple"), [sweep(area_cm2=0.5)])
    assert "area" not in {v.name for v in model.free_RVs}
    assert "area" not in model.perovec.quantities


def test_an_area_that_is_not_stated_has_the_prior_of_the_card():
    model = build(load_card("redox_couple"), [sweep()])
    logs = np.log(pm.draw(model["area"], draws=4000, random_seed=1))
    assert logs.mean() == pytest.approx(np.log(0.3), abs=0.075)
    assert logs.std() == pytest.approx(1.0, rel=0.05)
    assert model.perovec.observables[0].unit == "A"


def test_the_current_of_an_unknown_area_is_density_times_area():
    model = build(load_card("redox_couple"), [sweep()])
    known = build(load_card("redox_couple"), [sweep(area_cm2=0.5)])
    compiled, other = Compiled(model), Compiled(known)
    x = jnp.asarray(compiled.start)
    got, area = compiled.function([model.perovec.observables[0].mean, model["area"]])(x)
    place = [v.name for v in model.free_RVs].index("area")
    (density,) = other.function([known.perovec.observables[0].mean])(jnp.delete(x, place))
    np.testing.assert_allclose(got, density * area, rtol=1e-12)
