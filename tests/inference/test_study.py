import hashlib
import json
import re
import tomllib
from pathlib import Path

import pytest

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.inference.cards import load_card
from perovec_bayes.inference.editor import study_json_schema
from perovec_bayes.inference.study import (
    Study,
    data_check,
    load_study,
    merge,
    study_card,
    truths,
)
from perovec_bayes.workflow.templates import CvDesign

CARD = """
[card]
name = "couple"
title = "A redox couple"
mechanism = "redox_couple"
description = "Planar diffusion."
[data]
requires = ["cv"]
optional = ["icp"]
[options]
kinetics = "butler_volmer"
electrons = 1
cutoff = 0.5
drift = true
waves = ["I"]
[choices]
kinetics = ["butler_volmer", "nernst"]
[noise]
cv = "correlated"
icp = "rocke_lorenzato"
[parameters.E0]
symbol = "E0"
unit = "V"
role = "primary"
description = "formal potential"
prior = { distribution = "normal", mean = 250, sd = 200, unit = "mV", reason = "card" }
[parameters.k0]
symbol = "k0"
unit = "cm/s"
role = "primary"
description = "rate constant"
prior = { distribution = "lognormal", median = 1e-3, sd_ln = 2.3, unit = "cm/s", reason = "card" }
[parameters.alpha]
symbol = "alpha"
unit = "1"
role = "ancillary"
description = "transfer coefficient"
fixed = { value = 0.5, unit = "1", reason = "card" }
"""

STUDY = """
[study]
name = "ferrocyanide_ito"
title = "Ferrocyanide on ITO"
card = "couple.toml"
seed = 20260101

[[data]]
technique = "cv"
file = ["data/absent.mpt", "data/x.mpt"]
format = "biologic_mpt"
obtain = "Ask the authors."
columns = { potential = "Ewe/V" }
meta = { area_cm2 = 0.2, reference = "Ag/AgCl" }
reader_options = { cycles = [1, 2] }

[[data]]
name = "icp_dcm"
technique = "icp"
file = "data/icp.csv"

[priors.k0]
distribution = "lognormal"
median = 1e-2
sd_ln = 1.0
unit = "mm/s"
reason = "study"

[priors.alpha]
distribution = "beta"
alpha = 5
beta = 5
unit = "1"
reason = "free after all"

[fixed.E0]
value = 230
unit = "mV"
reason = "known"

[options]
kinetics = "nernst"
cutoff = 1

[noise]
cv = "independent"

[sampler]
chains = 2
draws = 300

[report]
interval_prob = 0.89
interval_kind = "hdi"

[[dilution]]
where = { solvent = "DCM", solute = "CsPbBr3" }
name = "evaporated"
weight = 0.7
factor = 0.084
sd_ln = 0.1
reason = "printed value against the detection limit"

[[dilution]]
where = { solute = "CsPbBr3", solvent = "DCM" }
name = "as is"
weight = 0.3
factor = 1.0
sd_ln = 0.2
reason = "no preconcentration"

[truth.E0]
value = 231
unit = "mV"

[truth.alpha]
value = 0.4
unit = "1"

[simulate]
points = 500
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "couple.toml").write_text(CARD)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.mpt").write_text("x")
    return tmp_path


@pytest.fixture
def write(folder):
    def _write(old="", new="", text=STUDY):
        assert old in text
        path = folder / "study.toml"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return path

    return _write


def line_of(call, *arguments, file, error=StudyError):
    with pytest.raises(error) as info:
        call(*arguments)
    line = str(info.value)
    assert "\n" not in line
    assert info.value.exit_code == (2 if error is StudyError else 3)
    assert line.startswith(f"{file}: ")
    return line.removeprefix(f"{file}: ")


def both(path):
    study = load_study(path)
    return load_card(study.card_source()), study


def test_a_good_study(write, folder):
    path = write()
    study = load_study(path)
    assert study.name == "ferrocyanide_ito"
    assert study.folder == folder
    assert study.card_source() == folder / "couple.toml"
    assert [entry.name for entry in study.data] == ["cv", "icp_dcm"]
    assert study.data[0].file == ("data/absent.mpt", "data/x.mpt")
    assert study.data[0].meta == {"area_cm2": 0.2, "reference": "Ag/AgCl"}
    assert study.data[1].file == ("data/icp.csv",)
    assert (study.sampler.chains, study.sampler.draws, study.sampler.tune) == (2, 300, 1000)
    assert (study.sampler.backend, study.sampler.whiten) == ("nutpie", True)
    assert (study.report.interval_prob, study.report.interval_kind) == (0.89, "hdi")
    assert study.dilution[0].where == {"solvent": "DCM", "solute": "CsPbBr3"}
    assert study.simulate == {"points": 500}
    assert study.origin.file == str(path)
    assert study.origin.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_short_study(write):
    study = load_study(write(text='[study]\nname = "a"\ncard = "redox_couple"'))
    assert study.card_source() == "redox_couple"
    assert (study.data, study.priors, study.truth, study.dilution) == ([], {}, {}, [])
    assert (study.report.interval_prob, study.report.interval_kind) == (0.95, "eti")
    assert study.sampler_seed == study.study.seed


def test_the_sampler_may_have_a_seed_of_its_own(write):
    assert load_study(write()).sampler_seed == 20260101
    assert load_study(write("chains = 2", "chains = 2\nseed = 7")).sampler_seed == 7


def test_round_trip(write):
    study = load_study(write())
    stored = study.to_json()
    assert "folder" not in json.loads(stored)
    again = Study.model_validate_json(stored)
    assert again.model_copy(update={"folder": study.folder}) == study
    assert Study.model_validate(study.model_dump(mode="json")) == again


def test_paths_do_not_depend_on_the_working_directory(write, folder, monkeypatch, tmp_path):
    path = write()
    monkeypatch.chdir(folder)
    study = load_study(path.name)
    assert study.folder == Path()
    assert study.card_source() == Path("couple.toml")
    assert study.data_file(study.data[0]) == Path("data/x.mpt")
    assert load_study(path).data_file(study.data[0]) == folder / "data" / "x.mpt"
    absolute = tmp_path / "data" / "x.mpt"
    study = load_study(write('"data/icp.csv"', f"'{absolute}'"))
    assert study.data_file(study.data[1]) == absolute


def test_a_folder_or_a_pattern_means_the_files_in_it(write, folder):
    spectra = folder / "spectra"
    spectra.mkdir()
    for name in ("spectra/*.txt", "spectra"):
        study = load_study(write('"data/icp.csv"', f'["{name}", "data/x.mpt"]'))
        assert study.data_file(study.data[1]) == folder / "data" / "x.mpt"
    (spectra / "a.txt").write_text("1")
    for name in ("spectra/*.txt", "spectra"):
        study = load_study(write('"data/icp.csv"', f'["{name}", "data/x.mpt"]'))
        assert study.data_file(study.data[1]) == folder / name
    study = load_study(write('"data/icp.csv"', '"spectra/*.csv"'))
    line = line_of(study.data_file, study.data[1], file=study.origin.file, error=DataError)
    assert "expected " + str(folder / "spectra" / "*.csv") in line


def test_absent_data_say_where_to_get_them(write, folder):
    path = write()
    study = load_study(path)
    (folder / "data" / "x.mpt").unlink()
    line = line_of(study.data_file, study.data[0], file=path, error=DataError)
    names = " or ".join(str(folder / "data" / name) for name in ("absent.mpt", "x.mpt"))
    assert line == (
        f"data#1.file: no file for data set 'cv'; expected {names}, found none. Ask the authors."
    )
    line = line_of(study.data_file, study.data[1], file=path, error=DataError)
    assert line.startswith("data#2.file: no file for data set 'icp_dcm'; expected ")
    assert line.endswith("found none")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("[options]", "[option]", "option: unknown key 'option'; did you mean 'options'?"),
        ("seed =", "sede =", "study.sede: unknown key 'sede'; did you mean 'seed'?"),
        (
            "file = [",
            "flie = [",
            "data#1.flie: unknown key 'flie'; did you mean 'file'? Known: technique, file, ",
        ),
        ('file = "data/icp.csv"', "", "data#2.file: a required key is missing"),
        (
            'file = "data/icp.csv"',
            "file = []",
            "data#2.file: the value is not allowed; expected at least one entry, found []",
        ),
        (
            'file = "data/icp.csv"',
            "file = 3",
            "data#2.file: the value is not allowed; expected a list, found 3",
        ),
        (
            'file = "data/icp.csv"',
            'file = ["a", 3]',
            "data#2.file#2: the value is not allowed; expected text in quotes, found 3",
        ),
        (
            'technique = "icp"',
            'technique = "ipc"',
            "data#2.technique: unknown value 'ipc'; did you mean 'icp'? Known: cv, od, icp",
        ),
        ('technique = "cv"', "", "data#1.technique: a required key is missing"),
        (
            'name = "icp_dcm"\ntechnique = "icp"',
            'technique = "cv"',
            "data#2.name: two data sets are named 'cv'. "
            "Give each [[data]] table a name of its own.",
        ),
        (
            'name = "icp_dcm"',
            'name = "icp dcm"',
            "data#2.name: the value is not allowed; expected text that matches ",
        ),
        (
            "chains = 2",
            "chain = 2",
            "sampler.chain: unknown key 'chain'; did you mean 'chains'?",
        ),
        (
            "chains = 2",
            "chains = 0",
            "sampler.chains: the value is not allowed; expected a number not below 1, found 0",
        ),
        (
            "chains = 2",
            "chains = 2.5",
            "sampler.chains: the value is not allowed; expected a whole number, found 2.5",
        ),
        (
            "chains = 2",
            'whiten = "yes"',
            "sampler.whiten: the value is not allowed; expected true or false, found 'yes'",
        ),
        (
            "chains = 2",
            "target_accept = 1.0",
            "sampler.target_accept: the value is not allowed; expected a number less than 1, "
            "found 1.0",
        ),
        (
            "chains = 2",
            'backend = "nutpy"',
            "sampler.backend: unknown value 'nutpy'; did you mean 'nutpie'? "
            "Known: nutpie, pymc, numpyro, blackjax",
        ),
        (
            'interval_kind = "hdi"',
            'interval_kind = "hpd"',
            "report.interval_kind: unknown value 'hpd'; did you mean 'hdi'? Known: eti, hdi",
        ),
        ("seed = 20260101", "seed = -1", "study.seed: the value is not allowed; expected a number"),
        (
            "[priors.k0]\ndistribution",
            "[priors.k0]\ndistribtion",
            "priors.k0.distribtion: unknown key 'distribtion'; did you mean 'distribution'?",
        ),
        ('reason = "study"', "", "priors.k0.reason: a required key is missing"),
        ('reason = "known"', "", "fixed.E0.reason: a required key is missing"),
        (
            "[fixed.E0]",
            "[fixed.k0]",
            "fixed.k0: parameter 'k0' is given a prior and fixed. Keep one of the two.",
        ),
        (
            "weight = 0.3",
            "weight = 0.2",
            "dilution: the weights for solvent = DCM, solute = CsPbBr3 do not sum to 1; "
            "expected 1, found 0.9",
        ),
        (
            "weight = 0.3",
            "weight = 0",
            "dilution#2.weight: the value is not allowed; expected a number greater than 0, "
            "found 0",
        ),
        (
            "factor = 1.0",
            "factor = 0.0",
            "dilution#2.factor: the value is not allowed; expected a number greater than 0, "
            "found 0.0",
        ),
        (
            "sd_ln = 0.2",
            "sd_ln = -0.2",
            "dilution#2.sd_ln: the value is not allowed; expected a number not below 0, found -0.2",
        ),
        ('reason = "no preconcentration"', "", "dilution#2.reason: a required key is missing"),
        (
            'where = { solvent = "DCM", solute',
            'where = { solvant = "DCM", solute',
            "dilution#1.where.solvant: unknown value 'solvant'; did you mean 'solvent'? "
            "Known: sample, element, solute, solvent",
        ),
        (
            'where = { solvent = "DCM", solute = "CsPbBr3" }',
            "where = {}",
            "dilution#1.where: the value is not allowed; expected at least one entry, found {}",
        ),
        (
            'name = "as is"',
            'name = "evaporated"',
            "dilution: two hypotheses for solvent = DCM, solute = CsPbBr3 have the same name; "
            "found evaporated, evaporated",
        ),
        (
            "[noise]\ncv",
            "[noise]\ncvv",
            "noise.cvv: unknown value 'cvv'; did you mean 'cv'? Known: cv, od, icp",
        ),
        ("[report]", "[report", "line 52, column 8: not valid TOML: Expected ']'"),
    ],
)
def test_mistakes_are_told_in_one_line(write, old, new, line):
    path = write(old, new)
    assert line_of(load_study, path, file=path).startswith(line)


@pytest.mark.parametrize("table", ["columns", "meta", "reader_options"])
def test_a_table_of_a_data_set_at_the_top_is_sent_there(write, table):
    path = write("[options]", f"[{table}]")
    line = line_of(load_study, path, file=path)
    assert line.startswith(f"{table}: unknown key '{table}'")
    assert line.endswith(f"It belongs to a data set: [data.{table}], below its [[data]].")


@pytest.mark.parametrize(
    "name", ["../up", "a/b", "a\\b", "..", ".", "", ".hidden", "a b", "a\n", "ü", "x" * 101]
)
def test_the_name_cannot_leave_the_results_folder(write, name):
    path = write('"ferrocyanide_ito"', json.dumps(name))
    assert line_of(load_study, path, file=path).startswith("study.name: the value is not allowed; ")


@pytest.mark.parametrize("name", ["a", "2026-01-01_x.1", "_"])
def test_names_that_are_allowed(write, name):
    assert load_study(write("ferrocyanide_ito", name)).name == name


def test_files_that_cannot_be_read(folder):
    path = folder / "absent.toml"
    assert line_of(load_study, path, file=path) == "this study file does not exist"
    assert "this study file cannot be read" in line_of(load_study, folder, file=folder)


def test_weights_of_different_places_are_summed_apart(write):
    text = STUDY.replace("weight = 0.7", "weight = 1").replace("weight = 0.3", "weight = 1.0")
    text = text.replace(
        'where = { solute = "CsPbBr3", solvent = "DCM" }', 'where = { solvent = "PC" }'
    )
    assert len(load_study(write(text=text)).dilution) == 2


def test_merge_takes_the_study_before_the_card(write):
    card, study = both(write())
    merged = merge(card, study)
    assert list(merged.parameters) == ["E0", "k0", "alpha"]
    e0, k0, alpha = merged.parameters.values()
    assert e0.prior is None
    assert e0.fixed_value() == pytest.approx(0.23)
    assert k0.canonical_prior().median == pytest.approx(1e-3)
    assert k0.prior.reason == "study"
    assert k0.canonical_prior().unit == "cm/s"
    assert alpha.fixed is None
    assert alpha.canonical_prior().alpha == 5
    assert alpha.symbol == "alpha"
    assert merged.noise == {"cv": "independent", "icp": "rocke_lorenzato"}
    assert merged.options == {
        "kinetics": "nernst",
        "electrons": 1,
        "cutoff": 1.0,
        "drift": True,
        "waves": ["I"],
    }
    assert type(merged.options["cutoff"]) is float
    assert card.parameters["E0"].prior.reason == "card"
    assert card.options["kinetics"] == "butler_volmer"
    assert type(merged).model_validate_json(merged.to_json()) == merged


def test_merge_of_nothing_is_the_card(write):
    card, study = both(write(text='[study]\nname = "a"\ncard = "couple.toml"'))
    assert merge(card, study) == card


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "[priors.k0]",
            "[priors.k_0]",
            "priors.k_0: unknown prior name 'k_0'; did you mean 'k0'? Known: E0, k0, alpha",
        ),
        (
            "[fixed.E0]",
            "[fixed.E_0]",
            "fixed.E_0: unknown parameter name 'E_0'; did you mean 'E0'? Known: E0, k0, alpha",
        ),
        (
            'unit = "mm/s"',
            'unit = "V"',
            "priors.k0.unit: unit 'V' has the wrong dimension; expected a unit of ",
        ),
        (
            '230\nunit = "mV"',
            '230\nunit = "mVolt5"',
            "fixed.E0.unit: 'mVolt5' is not a unit known here. Write units as in",
        ),
        (
            "cutoff = 1",
            "cutof = 1",
            "options.cutof: unknown option 'cutof'; did you mean 'cutoff'? Known: kinetics, ",
        ),
        (
            'kinetics = "nernst"',
            'kinetics = "nernstt"',
            "options.kinetics: unknown kinetics 'nernstt'; did you mean 'nernst'? "
            "Known: butler_volmer, nernst",
        ),
        (
            'kinetics = "nernst"',
            "kinetics = 3",
            "options.kinetics: option 'kinetics' has the wrong type; expected text as in "
            "'butler_volmer', found 3",
        ),
        (
            "cutoff = 1",
            "electrons = true",
            "options.electrons: option 'electrons' has the wrong type; expected a whole number as "
            "in 1, found true",
        ),
        (
            "cutoff = 1",
            "electrons = 1.0",
            "options.electrons: option 'electrons' has the wrong type; expected a whole number as "
            "in 1, found 1.0",
        ),
        (
            "cutoff = 1",
            'cutoff = "1"',
            "options.cutoff: option 'cutoff' has the wrong type; expected a number as in 0.5, "
            "found '1'",
        ),
        (
            "cutoff = 1",
            "drift = 1",
            "options.drift: option 'drift' has the wrong type; expected true or false as in true, "
            "found 1",
        ),
        (
            "cutoff = 1",
            'waves = "II"',
            "options.waves: option 'waves' has the wrong type; expected a list as in ['I'], "
            "found 'II'",
        ),
        (
            "[noise]\ncv",
            "[noise]\nod",
            "noise.od: unknown technique 'od'. Known: cv, icp",
        ),
    ],
)
def test_overrides_that_do_not_fit_the_card(write, old, new, line):
    path = write(old, new)
    assert line_of(merge, *both(path), file=path).startswith(line)


def test_truths_in_canonical_units(write):
    assert truths(*both(write())) == {"E0": pytest.approx(0.231), "alpha": 0.4}


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "[truth.E0]",
            "[truth.E]",
            "truth.E: unknown parameter name 'E'; did you mean 'E0'? Known: E0, k0, alpha",
        ),
        (
            '231\nunit = "mV"',
            '231\nunit = "s"',
            "truth.E0.unit: unit 's' has the wrong dimension; expected a unit of ",
        ),
    ],
)
def test_wrong_truths(write, old, new, line):
    path = write(old, new)
    assert line_of(truths, *both(path), file=path).startswith(line)


def test_data_check_accepts_what_the_card_wants(write):
    data_check(*both(write()))


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            'technique = "cv"',
            'technique = "icp"',
            "data: card 'couple' requires data of technique 'cv', the study has none; "
            "expected cv, found icp",
        ),
        (
            'technique = "icp"',
            'technique = "od"',
            "data#2.technique: card 'couple' has no place for data of technique 'od'; "
            "expected cv or icp, found 'od'. Remove this [[data]] table, or choose another card.",
        ),
        (
            'technique = "icp"',
            'technique = "cv"',
            "dilution: dilution hypotheses need data of technique 'icp', the study has none",
        ),
    ],
)
def test_data_that_do_not_fit_the_card(write, old, new, line):
    path = write(old, new)
    assert line_of(data_check, *both(path), file=path) == line


def test_a_study_without_data_does_not_fit(write):
    path = write(text='[study]\nname = "a"\ncard = "couple.toml"')
    assert line_of(data_check, *both(path), file=path).endswith("expected cv, found no data")


def test_study_card_reads_and_merges(write):
    card, study = both(write())
    assert study_card(study) == merge(card, study)


@pytest.mark.parametrize(
    ("card", "line"),
    [
        ("no_such_card", "study.card: unknown card 'no_such_card'"),
        ("redox/", "this model card cannot be read"),
    ],
)
def test_a_card_that_does_not_exist_is_told_with_the_study(write, folder, card, line):
    (folder / "redox").mkdir()
    path = write("couple.toml", card)
    file = path if card == "no_such_card" else folder / "redox"
    assert line_of(study_card, load_study(path), file=file).startswith(line)


def test_the_examples_of_the_documentation(folder):
    text = (Path(__file__).parents[2] / "docs" / "study-files.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL)
    study_text, card_text, experiments_text, groups_text, dilution_text, *designs = blocks
    (folder / "my_couple.toml").write_text(card_text, encoding="utf-8")
    path = folder / "example.toml"
    path.write_text(study_text, encoding="utf-8")
    study = load_study(path)
    card = study_card(study)
    data_check(card, study)
    assert card.parameters["k0"].prior.reason == "ferrocyanide on ITO is slow"
    path.write_text(study_text + dilution_text, encoding="utf-8")
    assert [hypothesis.name for hypothesis in load_study(path).dilution] == ["evaporated", "as is"]
    path.write_text(f'[study]\nname = "a"\ncard = "bulk_film"\n{groups_text}{experiments_text}')
    together = study_card(load_study(path))
    assert {"k_II", "k0[film1]", "k0[film2]", "E0[PC]", "E0[DCM]"} <= set(together.parameters)
    assert together.experiments["film2"].options == {"wait": 600.0}
    for design in designs:
        CvDesign.model_validate(tomllib.loads(design)["simulate"]["cv"])
    assert len(designs) == 2


def test_every_table_and_key_is_documented():
    text = (Path(__file__).parents[2] / "docs" / "study-files.md").read_text(encoding="utf-8")
    schema = study_json_schema()
    keys = {key for model in schema["$defs"].values() for key in model.get("properties", {})}
    absent = [key for key in keys if f"`{key}`" not in text]
    tables = [key for key in schema["properties"] if not re.search(rf"`\[+{key}[.\]]", text)]
    assert (absent, tables) == ([], [])
