import numpy as np
import pytest
from builders import cv, od

from perovec_bayes.errors import StudyError
from perovec_bayes.forward import electrode as physics
from perovec_bayes.forward import programme
from perovec_bayes.inference import bridge
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import load_card
from perovec_bayes.inference.mechanisms import electrode, parts

CARDS = ["bulk_film", "dissolved_lead", "lead_oleate", "nanocrystal_film"]


def sweep():
    """Two hundred points of a sweep, with some current in it."""
    path = programme.sweeps([-0.4, -1.9, -0.2], 0.05)
    time = np.linspace(0, path.end, 200)
    potential = np.interp(time, path.time, path.potential)
    current = -1e-4 * np.exp(-(((potential + 1.2) / 0.1) ** 2)) + 1e-6 * potential
    return cv(time, potential, current, area_cm2=1.0, reference="Fc/Fc+", reference_offset_V=0.0)


def chosen(card, **changes):
    """The card with other options."""
    return card.model_copy(update={"options": {**card.options, **changes}})


@pytest.mark.parametrize("name", CARDS)
def test_a_card_holds_what_every_rival_needs(name):
    card = load_card(name)
    for option, values in card.choices.items():
        for value in values:
            needed = electrode.required(chosen(card, **{option: value}))
            assert needed <= set(card.parameters), (option, value)


@pytest.mark.parametrize(
    ("changes", "where", "part"),
    [
        ({}, ("film", "decomposition"), physics.ButlerVolmer),
        ({"decomposition": "irreversible"}, ("film", "decomposition"), physics.Irreversible),
        ({"decomposition": "electron_supply"}, ("film", "decomposition"), physics.ElectronSupply),
        ({"dissolution": "affinity"}, ("film", "dissolution"), physics.Affinity),
        ({"dissolution": "unhindered"}, ("film", "dissolution"), physics.Unhindered),
        ({"dissolution": "complexation"}, ("film", "dissolution"), physics.Complexation),
        ({"deposit": "sites"}, ("deposit", "surface"), physics.Sites),
        ({"deposit": "flat"}, ("deposit", "surface"), physics.Flat),
        ({"deposit": "nucleation"}, ("deposit", "surface"), physics.Nucleation),
    ],
)
def test_an_option_switches_a_part(changes, where, part):
    card = chosen(load_card("nanocrystal_film"), **changes)
    options = electrode._options(card)
    values = dict.fromkeys([*parts.needed(options), "E_f", "E_CB"], 1.0)
    model = parts.assemble(options, values)
    assert isinstance(getattr(getattr(model, where[0]), where[1]), part)


def test_shares_of_populations_and_pools_add_up():
    options = electrode._options(chosen(load_card("nanocrystal_film"), populations=2, pools=3))
    values = dict.fromkeys([*parts.needed(options), "E_f", "E_CB"], 0.2)
    model = parts.assemble(options, values)
    assert sum(part.share for part in model.film.populations) == pytest.approx(1.0)
    assert sum(pool.share for pool in model.deposit.pools) == pytest.approx(1.0)
    assert len(model.lead) == 2


def test_an_unknown_choice_is_one_clear_line():
    card = chosen(load_card("bulk_film"), dissolution="magic")
    with pytest.raises(StudyError, match=r"options\.dissolution.*noyes_whitney.*found magic"):
        build(card, [sweep()])


def test_a_choice_without_its_parameters_is_refused():
    card = load_card("bulk_film")
    left = {k: v for k, v in card.parameters.items() if k != "lnA"}
    card = chosen(card, deposit="nucleation").model_copy(update={"parameters": left})
    with pytest.raises(StudyError, match="lacks parameters: lnA"):
        build(card, [sweep()])


@pytest.mark.filterwarnings("ignore:Numba will use object mode")
@pytest.mark.parametrize("name", ["dissolved_lead", "nanocrystal_film"])
def test_the_log_density_and_the_observables_are_finite(name):
    data = [sweep()]
    if name == "nanocrystal_film":
        data.append(od(np.linspace(-200.0, 60.0, 20), np.full((20, 2), 0.05)))
    model = build(chosen(load_card(name), steps=300), data)
    compiled = bridge.Compiled(model)
    assert np.isfinite(float(compiled.log_density()(compiled.start)))
