import hashlib
from pathlib import Path

import numpy as np
import pytest

from perovec_bayes.errors import StudyError
from perovec_bayes.inference import cards
from perovec_bayes.inference.cards import Card, card_names, load_card, models_folder

CARD = """
[card]
name = "redox_couple"
title = "A dissolved redox couple"
mechanism = "redox_couple"
description = "One electron, diffusion to a planar electrode."
references = ["Nicholson 1965", "Bard & Faulkner"]

[data]
requires = ["cv"]
optional = ["od"]

[options]
kinetics = "butler_volmer"
electrons = 1
cutoff = 0.5
drift = true
waves = ["I", "II"]

[choices]
kinetics = ["butler_volmer", "nernst"]
waves = ["I", "II", "III"]

[noise]
cv = "correlated"

[parameters.E0]
symbol = "E0'"
unit = "V"
role = "primary"
description = "formal potential"
prior = { distribution = "normal", mean = 250, sd = 200, unit = "mV", reason = "wide", source = "" }

[parameters.k0]
symbol = "k0"
unit = "cm/s"
role = "primary"
description = "rate constant"
prior = { distribution = "lognormal", median = 1e-3, sd_ln = 2.3, unit = "cm/s", reason = "range" }

[parameters.T]
symbol = "T"
unit = "K"
role = "ancillary"
description = "temperature"
fixed = { value = 25.0, unit = "degC", reason = "thermostat" }
"""


@pytest.fixture
def write(tmp_path):
    def _write(text, name="redox_couple.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def line_of(path):
    with pytest.raises(StudyError) as info:
        load_card(path)
    line = str(info.value)
    assert "\n" not in line
    assert line.startswith(f"{path}: ")
    assert info.value.exit_code == 2
    return line.removeprefix(f"{path}: ")


def test_a_good_card(write):
    path = write(CARD)
    card = load_card(path)
    assert (card.name, card.mechanism) == ("redox_couple", "redox_couple")
    assert card.card.references == ("Nicholson 1965", "Bard & Faulkner")
    assert card.techniques == ("cv", "od")
    assert card.options == {
        "kinetics": "butler_volmer",
        "electrons": 1,
        "cutoff": 0.5,
        "drift": True,
        "waves": ["I", "II"],
    }
    assert card.options["drift"] is True
    assert type(card.options["electrons"]) is int
    assert card.noise == {"cv": "correlated"}
    assert list(card.parameters) == ["E0", "k0", "T"]
    assert card.origin.file == str(path)
    assert card.origin.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_values_in_canonical_units(write):
    parameters = load_card(write(CARD)).parameters
    assert parameters["E0"].prior.mean == 250
    prior = parameters["E0"].canonical_prior()
    assert (prior.unit, prior.mean, prior.sd) == ("V", 0.25, pytest.approx(0.2))
    assert parameters["E0"].fixed_value() is None
    assert parameters["T"].canonical_prior() is None
    assert parameters["T"].fixed_value() == pytest.approx(298.15)


def test_round_trip(write):
    card = load_card(write(CARD))
    assert Card.model_validate_json(card.to_json()) == card
    assert Card.model_validate(card.model_dump(mode="json")) == card


def test_byte_order_mark_and_windows_lines(write):
    path = write("")
    path.write_bytes(b"\xef\xbb\xbf" + CARD.replace("\n", "\r\n").encode())
    assert load_card(path).name == "redox_couple"


def test_shipped_cards_are_found_by_name(write, tmp_path, monkeypatch):
    write(CARD)
    write("", "zeta.toml")
    monkeypatch.setattr(cards, "models_folder", lambda: tmp_path)
    assert card_names() == ["redox_couple", "zeta"]
    assert load_card("redox_couple").origin.file == "models/redox_couple.toml"
    with pytest.raises(StudyError) as info:
        load_card("redox_cuple")
    assert str(info.value).startswith(
        "unknown card 'redox_cuple'; did you mean 'redox_couple'? Known: redox_couple, zeta"
    )
    with pytest.raises(StudyError, match=r"^models/zeta.toml: card: a required key is missing"):
        load_card("zeta")


def test_the_models_folder_is_in_the_package_or_beside_it(tmp_path, monkeypatch):
    assert models_folder().name == "models"
    module = tmp_path / "perovec_bayes" / "inference" / "cards.py"
    monkeypatch.setattr(cards, "__file__", str(module))
    assert models_folder() == tmp_path / "models"
    installed = tmp_path / "perovec_bayes" / "models"
    installed.mkdir(parents=True)
    assert models_folder() == installed
    assert card_names() == []


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "[parameters.E0]",
            "[paramters.E0]",
            "paramters: unknown key 'paramters'; did you mean 'parameters'? Known: card, data, ",
        ),
        ("title =", "titel =", "card.titel: unknown key 'titel'; did you mean 'title'?"),
        (
            "requires =",
            "require =",
            "data.require: unknown key 'require'; did you mean 'requires'?",
        ),
        (
            'role = "primary"',
            'roll = "primary"',
            "parameters.E0.roll: unknown key 'roll'; did you mean 'role'?",
        ),
        (
            'distribution = "normal"',
            'distribtion = "normal"',
            "parameters.E0.prior.distribtion: unknown key 'distribtion'; "
            "did you mean 'distribution'?",
        ),
        (
            'distribution = "normal"',
            'distribution = "norml"',
            "parameters.E0.prior.distribution: unknown distribution 'norml'; did you mean "
            "'normal'?",
        ),
        (
            'distribution = "normal", ',
            "",
            "parameters.E0.prior.distribution: a required key is missing; expected one of normal, ",
        ),
        (
            "sd = 200",
            "sdd = 200",
            "parameters.E0.prior.sdd: unknown key 'sdd'; did you mean 'sd'?",
        ),
        (
            "value = 25.0",
            "vlaue = 25.0",
            "parameters.T.fixed.vlaue: unknown key 'vlaue'; did you mean 'value'? Known: value, ",
        ),
        ('reason = "wide", ', "", "parameters.E0.prior.reason: a required key is missing"),
        (
            'reason = "wide"',
            'reason = " "',
            "parameters.E0.prior.reason: the value is not allowed; expected text that is not "
            "empty, "
            "found ' '",
        ),
        (', reason = "thermostat"', "", "parameters.T.fixed.reason: a required key is missing"),
        (
            "sd = 200",
            "sd = -200",
            "parameters.E0.prior.sd: the value is not allowed; expected a number greater than 0, "
            "found -200",
        ),
        (
            "sd = 200",
            "sd = inf",
            "parameters.E0.prior.sd: the value is not allowed; expected a finite number, found inf",
        ),
        (
            "mean = 250",
            'mean = "250"',
            "parameters.E0.prior.mean: the value is not allowed; expected a number, found '250'",
        ),
        (
            'unit = "mV"',
            'unit = "K"',
            "parameters.E0.prior.unit: unit 'K' has the wrong dimension; expected a unit of ",
        ),
        (
            'unit = "mV"',
            'unit = "mVolz"',
            "parameters.E0.prior.unit: 'mVolz' is not a unit known here",
        ),
        (
            'unit = "degC"',
            'unit = "V"',
            "parameters.T.fixed.unit: unit 'V' has the wrong dimension",
        ),
        (
            'unit = "V"\nrole',
            'unit = "Volz"\nrole',
            "parameters.E0.unit: 'Volz' is not a unit known here",
        ),
        (
            'fixed = { value = 25.0, unit = "degC", reason = "thermostat" }',
            'prior = { distribution = "normal", mean = 25, sd = 1, unit = "degC", reason = "r" }',
            "parameters.T.prior.unit: a prior cannot be given in 'degC': its zero is not "
            "that of 'K'",
        ),
        (
            'fixed = { value = 25.0, unit = "degC", reason = "thermostat" }',
            "",
            "parameters.T: a parameter must be free or fixed; expected prior or fixed, "
            "found neither",
        ),
        (
            'fixed = { value = 25.0, unit = "degC", reason = "thermostat" }',
            'fixed = { value = 25.0, unit = "degC", reason = "thermostat" }\n'
            'prior = { distribution = "halfnormal", sd = 1, unit = "K", reason = "r" }',
            "parameters.T: a parameter must be free or fixed; expected prior or fixed, found both",
        ),
        (
            'role = "ancillary"',
            'role = "ancilary"',
            "parameters.T.role: unknown value 'ancilary'; did you mean 'ancillary'? "
            "Known: primary, ancillary",
        ),
        (
            'requires = ["cv"]',
            'requires = ["cvs"]',
            "data.requires#1: unknown value 'cvs'; did you mean 'cv'? Known: cv, od, icp",
        ),
        (
            'requires = ["cv"]',
            "requires = [1]",
            "data.requires#1: the value is not allowed; expected 'cv', 'od' or 'icp', found 1",
        ),
        (
            'requires = ["cv"]',
            'requires = "cv"',
            "data.requires: the value is not allowed; expected a list, found 'cv'",
        ),
        (
            'requires = ["cv"]',
            'requires = ["cv", "od"]',
            "data: the techniques are unclear; expected each technique once, in requires or "
            "optional, found cv, od, od",
        ),
        (
            'requires = ["cv"]\noptional = ["od"]',
            "",
            "data: the techniques are unclear; expected each technique once, in requires or "
            "optional, found none",
        ),
        (
            'cv = "correlated"',
            'vc = "correlated"',
            "noise.vc: unknown value 'vc'; did you mean 'cv'? Known: cv, od, icp",
        ),
        (
            'cv = "correlated"',
            'icp = "rocke"',
            "noise.icp: unknown technique 'icp'. Known: cv, od",
        ),
        (
            'kinetics = ["butler',
            'kinetic = ["butler',
            "choices.kinetic: unknown option 'kinetic'; did you mean 'kinetics'? Known: kinetics, ",
        ),
        (
            'kinetics = "butler_volmer"',
            'kinetics = "butler_vollmer"',
            "options.kinetics: unknown kinetics 'butler_vollmer'; did you mean 'butler_volmer'? "
            "Known: butler_volmer, nernst",
        ),
        (
            'waves = ["I", "II"]',
            'waves = ["I", "IV"]',
            "options.waves: unknown waves 'IV'; did you mean 'I'? Known: I, II, III",
        ),
        (
            "electrons = 1",
            "electrons = { n = 1 }",
            "options.electrons: this cannot be an option; expected text, a finite number, true or "
            "false, or a list of these, found {'n': 1}",
        ),
        (
            "cutoff = 0.5",
            "cutoff = nan",
            "options.cutoff: this cannot be an option; expected text, ",
        ),
        (
            '["butler_volmer", "nernst"]',
            '[["nernst"]]',
            "choices.kinetics: this cannot be an option; expected text, a finite number, ",
        ),
        (
            '["butler_volmer", "nernst"]',
            '"nernst"',
            "choices.kinetics: the value is not allowed; expected a list, found 'nernst'",
        ),
        (
            'symbol = "k0"',
            "symbol = true",
            "parameters.k0.symbol: the value is not allowed; expected text in quotes, found true",
        ),
        (
            'name = "redox_couple"',
            'name = "redox"',
            "card.name: the card is not named as its file; expected 'redox_couple', found 'redox'",
        ),
        (
            "[parameters.k0]",
            '[parameters."k 0"]',
            "parameters.k 0: the value is not allowed; expected text that matches ",
        ),
        (
            '[card]\nname = "redox_couple"\ntitle',
            "card = 3\n[extra]\ntitle",
            "extra: unknown key 'extra'",
        ),
        ("[choices]", "[choices", "line 20, column 9: not valid TOML: Expected ']'"),
    ],
)
def test_mistakes_are_told_in_one_line(write, old, new, line):
    assert old in CARD
    assert line_of(write(CARD.replace(old, new, 1))).startswith(line)


def test_several_mistakes_are_counted(write):
    text = CARD.replace('reason = "wide", ', "").replace("sd_ln = 2.3", "sd_ln = -1")
    assert line_of(write(text)) == (
        "parameters.E0.prior.reason: a required key is missing. 1 more in this file."
    )
    text = CARD.replace("sd = 200, ", "").replace('unit = "degC"', 'unit = "foo"')
    assert line_of(write(text)).endswith("missing. 1 more in this file.")
    text = CARD.replace('unit = "mV"', 'unit = "foo"').replace('unit = "degC"', 'unit = "bar"')
    assert line_of(write(text)).endswith("'1' for a pure number. 1 more in this file.")


def test_a_table_in_place_of_a_value_and_the_reverse(write):
    head = CARD[: CARD.index("[parameters.E0]")]
    assert line_of(write(head + "[parameters]\nE1 = 3")).startswith(
        "parameters.E1: the value is not allowed; expected a table, found 3"
    )
    assert line_of(write(head + "[parameters]")).startswith(
        "parameters: the value is not allowed; expected at least one entry, found {}"
    )
    assert line_of(write(CARD.replace('title = "A dissolved redox couple"', "title = 3"))) == (
        "card.title: the value is not allowed; expected text in quotes, found 3"
    )
    text = CARD.replace('prior = { distribution = "normal"', "prior = 3 #")
    assert line_of(write(text)).startswith(
        "parameters.E0.prior: the value is not allowed; expected a table, found 3"
    )


def test_a_long_value_is_cut(write):
    line = line_of(write(CARD.replace("mean = 250", f'mean = "{"9" * 500}"')))
    assert line.endswith("9...")
    assert len(line) < 200


def test_files_that_cannot_be_read(tmp_path, write):
    assert line_of(tmp_path / "absent.toml") == "this model card does not exist"
    assert line_of(tmp_path).startswith("this model card cannot be read (")
    path = write("")
    path.write_bytes(b'[card]\nname = "\xff"')
    assert line_of(path) == "line 2: not UTF-8 text. Save the file as UTF-8."
    assert line_of(write("[card")).startswith("end of document: not valid TOML: ")


def test_text_with_a_slash_or_an_ending_is_a_path(write):
    path = write(CARD)
    assert load_card(str(path)).name == "redox_couple"
    with pytest.raises(StudyError, match=r"^nowhere\.toml: this model card does not exist"):
        load_card("nowhere.toml")
    with pytest.raises(StudyError, match=r"^a/nowhere: this model card does not exist"):
        load_card("a/nowhere")
    with pytest.raises(StudyError, match=r"^nowhere: this model card does not exist"):
        load_card(Path("nowhere"))


def test_provenance_may_not_be_written_by_hand(write):
    line = line_of(write(f'{CARD}\n[origin]\nfile = "x"\nsha256 = "y"'))
    assert line.startswith("origin: unknown key 'origin'")


def test_a_prior_of_the_card_can_be_sampled(write):
    prior = load_card(write(CARD)).parameters["E0"].canonical_prior()
    assert np.mean(prior.sample(np.random.default_rng(1), 2000)) == pytest.approx(0.25, abs=0.02)
