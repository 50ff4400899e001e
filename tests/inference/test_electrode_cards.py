import numpy as np
import pytest
from builders import cv, od

from perovec_bayes.constants import thermal_frequency
from perovec_bayes.errors import StudyError
from perovec_bayes.forward import electrode as physics
from perovec_bayes.forward import programme
from perovec_bayes.inference import bridge
from perovec_bayes.inference.bridge import Compiled, Mapped
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import load_card, with_every_option
from perovec_bayes.inference.mechanisms import MECHANISMS, electrode, parts

CARDS = ["bulk_film", "chronoamperometry", "dissolved_lead", "lead_oleate", "nanocrystal_film"]
VOLTAMMETRY = [name for name in CARDS if name != "chronoamperometry"]


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


def complete(card, **changes):
    """Every option of the card, with some changed."""
    return with_every_option(chosen(card, **changes), electrode.OPTIONS).options


@pytest.mark.parametrize("name", CARDS)
def test_a_card_holds_what_every_rival_needs(name):
    card = load_card(name)
    mechanism = MECHANISMS[card.mechanism]
    for option, values in card.choices.items():
        for value in values:
            whole = with_every_option(chosen(card, **{option: value}), mechanism.options)
            assert mechanism.required(whole) <= set(card.parameters), (option, value)


def test_the_stability_window_under_three_conditions():
    """By the closed forms of `chemistry`, at a point of the parameters."""
    names = ("E_CB", "E_f", "window", "window_ions", "window_saturated", "log10_K_sp_CB", "E0", "s")
    model = build(load_card("nanocrystal_film"), [sweep()])
    compiled = Compiled(model)
    at = Mapped(compiled.function([model[name] for name in names]), chunk=1)(compiled.start[None])
    E_CB, E_f, window, ions, saturated, log10_k, E0, s = (float(np.ravel(each)[0]) for each in at)
    f = thermal_frequency(298.15)
    assert window == pytest.approx(E_CB - E_f)
    assert ions == pytest.approx(window + np.log(1e-3 * 3e-3**3) / (2 * f))
    assert saturated == pytest.approx(E_CB - E0 - np.log(1e3 * s) / (2 * f))
    assert E0 + log10_k * np.log(10) / (2 * f) == pytest.approx(E_CB)


@pytest.mark.parametrize("name", CARDS)
def test_every_card_offers_transports_and_those_for_voltammograms_pools(name):
    choices = load_card(name).choices
    names = ["semi_infinite", "reflecting", "fixed_distance"]
    assert choices["transport"][:3] == names
    assert choices["loss"] == [False, True]
    if name in VOLTAMMETRY:
        assert choices["pools"] == [1, 2, 3]


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
    options = complete(load_card("nanocrystal_film"), **changes)
    values = dict.fromkeys([*parts.needed(options), "E_f", "E_CB"], 1.0)
    model = parts.assemble(options, values)
    assert isinstance(getattr(getattr(model, where[0]), where[1]), part)


def test_shares_of_populations_and_pools_add_up():
    options = complete(load_card("nanocrystal_film"), populations=2, pools=3)
    values = dict.fromkeys([*parts.needed(options), "E_f", "E_CB"], 0.2)
    model = parts.assemble(options, values)
    assert sum(part.share for part in model.film.populations) == pytest.approx(1.0)
    assert len(model.lead) == 2
    pools = model.deposit.pools
    assert [pool.share for pool in pools] == pytest.approx([0.64, 0.2, 0.16])
    assert [pool.dE for pool in pools] == pytest.approx([0.0, 0.2, 0.4])


@pytest.mark.parametrize("count", [2, 3])
def test_no_share_of_a_pool_is_negative_or_exceeds_one(count):
    options = complete(load_card("dissolved_lead"), pools=count)
    for w in (1e-9, 0.5, 1 - 1e-9):
        values = dict.fromkeys(parts.needed(options), w)
        shares = [pool.share for pool in parts.assemble(options, values).deposit.pools]
        assert min(shares) >= 0
        assert sum(shares) == pytest.approx(1.0)


def test_an_unknown_choice_is_one_clear_line():
    card = chosen(load_card("bulk_film"), dissolution="magic")
    with pytest.raises(
        StudyError, match=r"options\.dissolution: unknown dissolution 'magic'.*noyes_wh"
    ):
        build(card, [sweep()])


def test_a_held_potential_is_no_voltammogram():
    time = np.arange(0.0, 10.0, 0.1)
    potential = np.where(time > 1.0, -1.2, -0.4)
    data = cv(time, potential, -time, area_cm2=1.0, reference="Fc/Fc+", reference_offset_V=0.0)
    with pytest.raises(StudyError, match=r"the potential is held: no voltammogram.*chronoamp"):
        build(load_card("dissolved_lead"), [data])


def test_an_option_that_the_mechanism_does_not_know_is_refused():
    with pytest.raises(StudyError, match=r"options\.stepps: unknown option 'stepps'; did you mean"):
        build(chosen(load_card("bulk_film"), stepps=100), [sweep()])


def test_an_option_of_another_type_is_refused():
    with pytest.raises(StudyError, match=r"options\.pools: option 'pools' has the wrong type"):
        build(chosen(load_card("bulk_film"), pools=True), [sweep()])


def test_an_option_that_the_card_leaves_out_has_its_default():
    card = load_card("dissolved_lead")
    left = {k: v for k, v in card.options.items() if k not in {"transport", "steps"}}
    whole = with_every_option(card.model_copy(update={"options": left}), electrode.OPTIONS)
    assert whole.options["transport"] == "semi_infinite"
    assert whole.options["steps"] == 800
    assert whole.options["wait"] == 0.0


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
