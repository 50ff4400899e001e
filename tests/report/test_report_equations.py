from __future__ import annotations

from html.parser import HTMLParser

import pytest

from perovec_bayes.inference.cards import card_names, load_card
from perovec_bayes.inference.mechanisms import MECHANISMS
from perovec_bayes.report.equations import _entries, equations, mathml

FILM = {"decomposition": "butler_volmer", "dissolution": "affinity", "deposit": "sites",
        "formal_potential": "tied", "transport": "semi_infinite", "loss": False, "pools": 1,
        "populations": 1, "shell": False, "side_reaction": False}  # fmt: skip


def titles(card: dict[str, object], *techniques: str) -> list[str]:
    return [each.title for each in equations(card, techniques)]


def test_conditions_name_options_and_values_of_the_mechanisms() -> None:
    for entry in _entries():
        assert set(entry["mechanism"]) <= set(MECHANISMS)
        for option, values in entry.get("when", {}).items():
            owners = [MECHANISMS[name].options for name in entry["mechanism"]]
            choices = [own[option].values for own in owners if option in own]
            assert choices, option
            assert all(any(value in own for own in choices) for value in values), option


def test_every_choice_has_its_equation() -> None:
    for option in ("transport", "dissolution", "deposit"):
        named = {value for entry in _entries() for value in entry.get("when", {}).get(option, [])}
        assert named == set(MECHANISMS["electrode"].options[option].values)
    laws = {value for entry in _entries() for value in entry.get("when", {}).get("law", [])}
    assert laws == set(MECHANISMS["chronoamperometry"].options["law"].values)


@pytest.mark.parametrize("name", card_names())
def test_every_card_has_equations_and_a_likelihood(name: str) -> None:
    card = load_card(name)
    techniques = {"solubility": ["icp"], "solvent_regression": ["icp"]}.get(card.mechanism, ["cv"])
    options = {
        key: option.default for key, option in MECHANISMS[card.mechanism].options.items()
    } | dict(card.options)
    found = titles(
        {"mechanism": card.mechanism, "options": options, "noise": dict(card.noise)}, *techniques
    )
    assert any(title.startswith("Likelihood") for title in found)
    assert len(found) >= 2
    assert len(found) == len(set(found))


def test_options_and_noise_choose() -> None:
    card = {"mechanism": "electrode", "options": FILM, "noise": {"cv": "correlated"}}
    found = titles(card, "cv")
    assert "Dissolution by affinity" in found
    assert "Dissolution" not in found
    assert "Optical density of a band" not in found
    free = {**card, "options": {**FILM, "formal_potential": "free"}}
    assert "Formal potential and solubility product" in found
    assert "Formal potential and solubility product" not in titles(free, "cv")
    correlated = equations(card, ["cv"])[-1]
    independent = equations({**card, "noise": {"cv": "independent"}}, ["cv"])[-1]
    assert correlated.title == independent.title
    assert "cov" in correlated.math
    assert "cov" not in independent.math


def test_an_unknown_mechanism_has_none() -> None:
    assert equations({"mechanism": "other"}, ["cv"]) == []
    assert mathml([]) == []


def test_every_equation_is_mathml() -> None:
    found = mathml([entry["math"] for entry in _entries()])
    assert len(found) == len(_entries())
    for element in found:
        parser = HTMLParser()
        parser.feed(element)
        assert element.startswith("<math")
        assert "http" not in element
        assert "error" not in element
