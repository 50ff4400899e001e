"""Potentials against any reference, and clocks that differ by more or less than is stated."""

import numpy as np
import pytest
from builders import cv, od

from perovec_bayes.errors import StudyError
from perovec_bayes.forward import programme
from perovec_bayes.inference.bridge import Compiled, Mapped
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import load_card
from perovec_bayes.inference.model import info_of

STATED = 0.38
OFFSET = {"reference": "Ag/AgCl", "reference_offset_V": STATED, "reference_offset_sd_V": 0.02}
PATH = programme.sweeps([-0.4, -1.9, -0.4], 0.1)
TIME = np.linspace(0, PATH.end, 150)
POTENTIAL = np.interp(TIME, PATH.time, PATH.potential)
CURRENT = -1e-4 * np.exp(-(((POTENTIAL + 1.2) / 0.1) ** 2)) + 1e-6 * POTENTIAL


def sweep(shift=0.0, **attrs):
    """A voltammogram whose potentials are `shift` above those against Fc+/Fc."""
    ferrocene = {"reference": "Fc/Fc+", "reference_offset_V": 0.0, "area_cm2": 1.0}
    return cv(TIME, POTENTIAL + shift, CURRENT, **{**ferrocene, **attrs})


class Evaluated:
    """Log-likelihood and graphs of a model at given values of some parameters."""

    def __init__(self, model, graphs=()):
        self.model = model
        self.compiled = Compiled(model)
        observed = list(info_of(model).observables)
        self.graphs = Mapped(
            self.compiled.function([each.blocks.whole for each in observed] + list(graphs)), chunk=1
        )

    def at(self, **changes):
        point = self.model.initial_point()
        for name, value in changes.items():
            (found,) = [key for key in point if key.removesuffix("_log__") == name]
            point[found] = np.asarray(np.log(value) if found.endswith("_log__") else value)
        flat = np.concatenate([np.ravel(point[each.name]) for each in self.model.value_vars])
        return [np.asarray(each)[0] for each in self.graphs(flat[None])]


@pytest.fixture(scope="module")
def against_silver():
    return Evaluated(build(load_card("bulk_film"), [sweep(STATED, **OFFSET)]))


def test_potentials_are_those_on_the_ferrocene_scale(against_silver):
    (plain,) = Evaluated(build(load_card("bulk_film"), [sweep()])).at(E0=-0.8)
    (found,) = against_silver.at(E0=-0.8, offset=STATED)
    assert found == pytest.approx(plain, rel=1e-9)


def test_data_tell_the_formal_potential_plus_the_offset(against_silver):
    (at,) = against_silver.at(E0=-0.8, offset=STATED)
    (same,) = against_silver.at(E0=-0.83, offset=STATED + 0.03)
    (other,) = against_silver.at(E0=-0.8, offset=STATED + 0.03)
    assert same == pytest.approx(at, rel=1e-9)
    assert abs(other - at) > 1.0


def test_the_prior_of_the_offset_is_what_the_data_state(against_silver):
    draws = against_silver.model["offset"].owner.inputs
    assert [float(each.eval()) for each in draws[-2:]] == [STATED, 0.02]
    attrs = info_of(against_silver.model).observables[0].attrs
    assert (attrs["reference"], attrs["measured_against"]) == ("Fc/Fc+", "Ag/AgCl")


def test_an_exact_offset_is_no_parameter():
    model = build(load_card("bulk_film"), [sweep(STATED, **OFFSET | {"reference_offset_sd_V": 0})])
    assert "offset" not in model.named_vars


def test_ferrocene_itself_may_be_uncertain():
    model = build(load_card("dissolved_lead"), [sweep(reference_offset_sd_V=0.005)])
    assert "offset" in model.named_vars


@pytest.mark.parametrize("card", ["bulk_film", "redox_couple"])
def test_an_offset_needs_its_uncertainty(card):
    data = sweep(STATED, **OFFSET | {"reference_offset_sd_V": np.nan})
    with pytest.raises(StudyError, match=r"meta\.reference_offset\.sd.*without its uncertainty"):
        build(load_card(card), [data])


def test_a_film_needs_an_offset():
    data = sweep(STATED, **OFFSET | {"reference_offset_V": np.nan})
    with pytest.raises(StudyError, match=r"Fc\+/Fc against Ag/AgCl, with sd, found none"):
        build(load_card("bulk_film"), [data])


# --- clocks ------------------------------------------------------------------------------------

SEEN = np.linspace(2.0, 20.0, 10)


def spectra(times, **attrs):
    data = od(times, np.zeros((len(times), 2)))
    data.attrs |= attrs
    return data


def test_a_lag_moves_the_spectra_along_the_voltammogram():
    late = build(load_card("bulk_film"), [sweep(), spectra(SEEN, clock_offset_sd_s=3.0)])
    shifted = build(load_card("bulk_film"), [sweep(), spectra(SEEN + 4.0)])
    model = {name: info_of(each).observables[1].mean for name, each in
             (("late", late), ("shifted", shifted))}  # fmt: skip
    *_, seen = Evaluated(late, [model["late"]]).at(lag=4.0, k_d=1e-3)
    *_, known = Evaluated(shifted, [model["shifted"]]).at(k_d=1e-3)
    np.testing.assert_allclose(seen, known, rtol=1e-9)
    *_, early = Evaluated(late, [model["late"]]).at(lag=0.0, k_d=1e-3)
    assert np.abs(early - known).max() > 1e-3


def test_an_uncertain_clock_needs_room_behind_the_last_spectrum():
    with pytest.raises(Exception, match="not all within the time of the voltammogram"):
        build(load_card("bulk_film"), [sweep(), spectra(SEEN, clock_offset_sd_s=4.0)])


def test_a_clock_that_nobody_stated_is_refused():
    with pytest.raises(StudyError, match=r"meta\.clock_offset: the clock of the spectra"):
        build(load_card("bulk_film"), [sweep(), spectra(SEEN, clock_offset_assumed=1)])
