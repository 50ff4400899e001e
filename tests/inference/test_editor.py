"""The schemas that editors use accept what the program accepts, and mark wrong keys."""

import json
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from perovec_bayes.errors import StudyError
from perovec_bayes.inference.cards import card_names, load_card, models_folder
from perovec_bayes.inference.editor import card_json_schema, study_json_schema
from perovec_bayes.inference.study import load_study

REPOSITORY = Path(__file__).parents[2]
STUDIES = [
    path
    for folder in ("examples", "benchmarks")
    for path in sorted((REPOSITORY / folder).glob("*/*.toml"))
    if "study" in tomllib.loads(path.read_text("utf-8"))
]
STUDY = """\
[study]
name = "couple"
card = "redox_couple"
[[data]]
technique = "cv"
file = "cv.mpt"
[priors.k0]
distribution = "lognormal"
median = 1e-3
sd_ln = 1.0
unit = "cm/s"
reason = "a test"
"""


def mistakes(schema, text):
    found = Draft202012Validator(schema).iter_errors(tomllib.loads(text))
    return [".".join(str(step) for step in error.absolute_path) for error in found]


def accepted(text, folder):
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    try:
        load_study(path)
    except StudyError:
        return False
    return True


@pytest.fixture(scope="module")
def schema():
    return study_json_schema()


@pytest.fixture(scope="module")
def narrow():
    return study_json_schema(load_card("redox_couple"))


def test_the_schemas_are_schemas(schema, narrow):
    for each in (schema, narrow, card_json_schema()):
        Draft202012Validator.check_schema(each)
        json.dumps(each)


def test_what_the_schema_of_studies_says(schema):
    assert "study" in schema["required"]
    assert "origin" not in schema["properties"]
    assert schema["additionalProperties"] is False
    entry = schema["$defs"]["DataEntry"]
    assert entry["required"] == ["technique", "file"]
    assert schema["$defs"]["Beta"]["required"] == [
        "distribution",
        "unit",
        "reason",
        "alpha",
        "beta",
    ]
    assert {branch["type"] for branch in entry["properties"]["file"]["anyOf"]} == {
        "string",
        "array",
    }
    assert "first that exists" in entry["properties"]["file"]["description"]


def test_there_are_studies():
    assert len(STUDIES) >= 7


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_shipped_studies_are_valid(path, schema):
    text = path.read_text("utf-8")
    assert mistakes(schema, text) == []
    card = tomllib.loads(text)["study"]["card"]
    assert card in card_names()
    assert mistakes(study_json_schema(load_card(card)), text) == []


@pytest.mark.parametrize("name", card_names())
def test_shipped_cards_are_valid(name):
    text = (models_folder() / f"{name}.toml").read_text("utf-8")
    assert mistakes(card_json_schema(), text) == []
    assert mistakes(card_json_schema(), text.replace("symbol =", "sybmol =", 1))


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('card = "redox', 'crad = "redox', "study"),
        ("[[data]]", "[[dato]]", ""),
        ('technique = "cv"', 'technique = "vc"', "data.0.technique"),
        ("file =", "flie =", "data.0"),
        ("sd_ln", "sd_lm", "priors.k0"),
        ('"lognormal"', '"log-normal"', "priors.k0"),
        ("sd_ln = 1.0", "sd_ln = -1.0", "priors.k0"),
        ('reason = "a test"', "", "priors.k0"),
        ("[priors.k0]", "[priors.0k]", "priors"),
    ],
)
def test_mistakes_that_the_program_refuses_are_marked(schema, narrow, tmp_path, old, new, place):
    assert old in STUDY
    assert accepted(STUDY, tmp_path)
    assert not mistakes(schema, STUDY)
    text = STUDY.replace(old, new)
    assert not accepted(text, tmp_path)
    assert place in mistakes(schema, text)
    assert mistakes(narrow, text)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("[priors.k0]", "[priors.k_0]", "priors"),
        ('technique = "cv"', 'technique = "icp"', "data.0.technique"),
        ("[priors.k0]", "[options]\nkinetics = 1\n[priors.k0]", "options"),
        (
            "[priors.k0]",
            "[options]\nsteps_per_point = true\n[priors.k0]",
            "options.steps_per_point",
        ),
        ("[priors.k0]", '[groups]\nall = ["k_0"]\n[priors.k0]', "groups.all.0"),
        ("[priors.k0]", '[noise]\nod = "correlated"\n[priors.k0]', "noise"),
    ],
)
def test_with_a_card_its_names_are_known(schema, narrow, old, new, place):
    text = STUDY.replace(old, new)
    assert mistakes(schema, text) == []
    assert mistakes(narrow, text) == [place]


def test_a_parameter_of_one_solvent_is_a_key(narrow):
    assert mistakes(narrow, STUDY.replace("[priors.k0]", '[priors."k0[PC]"]')) == []
    assert mistakes(narrow, STUDY.replace("[priors.k0]", '[priors."k[PC]"]')) == ["priors"]


def test_choices_and_priors_are_shown():
    card = load_card("bulk_film")
    tables = study_json_schema(card)["properties"]
    assert tables["options"]["properties"]["decomposition"]["enum"] == card.choices["decomposition"]
    shown = tables["priors"]["properties"]["E0"]["description"]
    assert card.parameters["E0"].prior.describe() in shown
    assert card.parameters["E0"].prior.reason in shown
