"""Several experiments in one study: what they share, and that nothing else couples them."""

from pathlib import Path

import numpy as np
import pytest
from builders import cv, icp, od

from perovec_bayes.errors import StudyError
from perovec_bayes.forward import programme
from perovec_bayes.inference.bridge import Compiled, Mapped
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import load_card
from perovec_bayes.inference.model import info_of
from perovec_bayes.inference.study import data_check, load_study, study_card, truths
from perovec_bayes.workflow import templates

STUDY = """
[study]
name = "films"
card = "{card}"
[experiments.A]
solvent = "PC"
[experiments.B]
solvent = "PC"
[experiments.C]
solvent = "DCM"
{more}
"""
DATA = """
[[data]]
technique = "cv"
name = "cv{0}"
file = "{0}.csv"
experiment = "{0}"
"""


@pytest.fixture
def card_of(tmp_path):
    def write(more="", card="dissolved_lead"):
        path = Path(tmp_path) / "study.toml"
        path.write_text(STUDY.format(card=card, more=more) + "".join(map(DATA.format, "ABC")))
        study = load_study(path)
        found = study_card(study)
        data_check(found, study)
        return study, found

    return write


PATH = programme.sweeps([-0.4, -1.4, -0.4], 0.1)
TIME = np.linspace(0, PATH.end, 80)
POTENTIAL = np.interp(TIME, PATH.time, PATH.potential)


def sweep(label=None, solvent="PC", height=1.0, **attrs):
    current = -height * 1e-4 * np.exp(-(((POTENTIAL + 1.0) / 0.1) ** 2)) + 1e-6 * POTENTIAL
    given = {"experiment": label} if label else {}
    return cv(
        TIME, POTENTIAL, current, name=f"cv{label or ''}", area_cm2=1.0, reference="Fc/Fc+",
        reference_offset_V=0.0, solvent=solvent, **given, **attrs,
    )  # fmt: skip


THREE = [sweep("A"), sweep("B", height=0.5), sweep("C", solvent="DCM", height=0.2)]


def test_each_level_has_its_parameters(card_of):
    _, card = card_of()
    names = set(info_of(build(card, THREE)).quantities)
    assert {"E0[PC]", "E0[DCM]", "D[PC]", "c_b[A]", "c_b[B]", "c_b[C]", "R_u[A]"} <= names
    assert not {"E0", "E0[A]", "c_b", "c_b[PC]"} & names
    assert {"Q_ratio[A]", "Q_ratio[B]", "Q_ratio[C]"} <= names


def test_the_likelihood_is_the_sum_of_those_of_single_studies(card_of):
    """With what is shared at the same value, each experiment knows nothing of the others."""

    def wholes(model, values):
        compiled = Compiled(model)
        point = model.initial_point()
        for key in point:
            name = key.removesuffix("_log__").removesuffix("_interval__")
            plain = name.partition("[")[0]
            if plain in values:
                point[key] = np.asarray(values[plain])
        graphs = [each.blocks.whole for each in info_of(model).observables]
        flat = np.concatenate([np.ravel(point[each.name]) for each in model.value_vars])
        return [float(each[0]) for each in Mapped(compiled.function(graphs), chunk=1)(flat[None])]

    _, card = card_of()
    values = {"E0": -0.85, "D": np.log(8e-6), "k0": np.log(2e-3), "c_b": np.log(2e-7)}
    together = wholes(build(card, THREE), values)
    alone = [
        wholes(build(load_card("dissolved_lead"), [sweep(None, height=height)]), values)[0]
        for height in (1.0, 0.5, 0.2)
    ]
    np.testing.assert_allclose(together, alone, rtol=1e-9)


def test_a_study_moves_parameters_between_levels(card_of):
    _, card = card_of('[groups]\nall = ["E0"]\nexperiment = ["D"]')
    names = set(info_of(build(card, THREE)).quantities)
    assert {"E0", "D[A]", "D[B]", "D[C]"} <= names
    assert not {"E0[PC]", "D[PC]"} & names


PRIOR = '{{ distribution = "normal", mean = {}, sd = 0.1, unit = "V", reason = "a test" }}'


def test_what_is_said_of_one_solvent_counts_more_than_what_is_said_of_all(card_of):
    said = f'[priors]\nE0 = {PRIOR.format(-0.7)}\n"E0[DCM]" = {PRIOR.format(-0.5)}\n'
    fixed = '[fixed]\n"c_b[B]" = { value = 1, unit = "mmol/L", reason = "a test" }\n'
    study, card = card_of(said + fixed + '[truth]\nE0 = { value = -0.6, unit = "V" }\n'
                          '"E0[PC]" = { value = -0.8, unit = "V" }')  # fmt: skip
    assert card.parameters["E0[PC]"].canonical_prior().mean == -0.7
    assert card.parameters["E0[DCM]"].canonical_prior().mean == -0.5
    assert card.parameters["c_b[B]"].fixed_value() == pytest.approx(1e-6)
    assert card.parameters["c_b[A]"].fixed is None
    assert truths(card, study) == {"E0[PC]": -0.8, "E0[DCM]": -0.6}


def test_an_option_of_one_experiment(card_of):
    _, card = card_of('[experiments.A.options]\ndeposit = "flat"')
    names = set(info_of(build(card, THREE)).quantities)
    assert "lnA[DCM]" in names or "N0[C]" in names
    assert "N0[A]" not in names


@pytest.mark.parametrize(
    ("more", "card", "words"),
    [
        ('[groups]\nall = ["E_0"]', "dissolved_lead", "unknown parameter 'E_0'; did you mean 'E0'"),
        (f'[priors]\n"E0[PCC]" = {PRIOR.format(-1)}', "dissolved_lead", "'E0[PCC]'; did you mean"),
        ("[experiments.A.options]\ndeposits = 1", "dissolved_lead", "experiments.A.options"),
        ("", "solubility", "card 'solubility' takes one experiment"),
        ('[experiments.D]\nsolvent = "THF"', "dissolved_lead", "experiment 'D' has no data"),
    ],
)
def test_what_is_refused(card_of, more, card, words):
    with pytest.raises(StudyError) as caught:
        card_of(more, card)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_groups_without_experiments_are_refused(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text('[study]\nname = "a"\ncard = "dissolved_lead"\n[groups]\nall = ["E0"]\n')
    with pytest.raises(StudyError, match="groups are for several experiments"):
        study_card(load_study(path))


def test_shared_parameters_that_data_state_differently_are_refused(card_of):
    _, card = card_of('[groups]\nall = ["area"]')
    data = [sweep("A", area_sd_cm2=0.1), sweep("B", area_sd_cm2=0.2), sweep("C", "DCM")]
    with pytest.raises(StudyError, match=r"share parameter 'area'.*groups\.experiment"):
        build(card, data)


def test_readings_of_a_solvent_belong_to_all_in_it(card_of):
    _, card = card_of(card="bulk_film")
    readings = icp({"value": 1e-8, "solvent": "PC"}, {"value": 1.1e-8, "solvent": "PC"})
    names = set(info_of(build(card, [*THREE, readings])).quantities)
    assert {"s[PC]", "s[DCM]", "K_sp[PC]", "K_sp[DCM]", "E_f[PC]", "G0[A]", "E_CB", "s_m"} <= names
    assert {"film_left[B]", "window[DCM]", "log10_K_sp_CB[PC]"} <= names
    with pytest.raises(StudyError, match="these data belong to no experiment"):
        build(card, [*THREE, icp({"value": 1e-8, "solvent": "THF"})])


def test_spectra_of_each_experiment_have_bands_of_their_own(card_of):
    _, card = card_of(card="bulk_film")
    spectra = []
    for label, bands in (("A", ((500, 550), (550, 600))), ("B", ((505, 545),))):
        seen = od(np.linspace(1, 19, 5), np.zeros((5, len(bands))), name=f"od{label}", bands=bands)
        spectra.append(seen.assign_attrs(experiment=label))
    model = build(card, [*THREE, *spectra])
    assert model["od_0[A]"].type.ndim == 1
    assert len(model.coords["band[A]"]) == 2
    assert len(model.coords["band[B]"]) == 1
    assert "e_b" in model.named_vars


SIMULATED = """
[simulate.cvA]
corners = [-0.4, -1.0, -0.4]
scan_rate = {{ value = 100, unit = "mV/s" }}
spacing = {{ value = 100, unit = "ms" }}
[simulate.cvB]
corners = [-0.4, -1.2, -0.4]
scan_rate = {{ value = 100, unit = "mV/s" }}
spacing = {{ value = 100, unit = "ms" }}
[simulate.cvC]
corners = [-0.4, -1.2, -0.4]
scan_rate = {{ value = 50, unit = "mV/s" }}
spacing = {{ value = 100, unit = "ms" }}
"""


def test_designs_know_their_experiment(tmp_path):
    path = tmp_path / "study.toml"
    meta = 'meta = { reference = "Fc/Fc+", current_sign = "anodic_positive", solvent = "DCM" }\n'
    text = STUDY.format(card="dissolved_lead", more="") + "".join(map(DATA.format, "ABC"))
    path.write_text(text.rstrip() + "\n" + meta + SIMULATED.format())
    with pytest.raises(StudyError, match="meta"):  # A and B have no reference
        templates.templates(load_study(path))
    parts = text.split("[[data]]")
    solvents = dict(zip("ABC", ("PC", "PC", "DCM"), strict=True))
    whole = parts[0] + "".join(
        f"[[data]]{part}" + meta.replace("DCM", solvents[label])
        for part, label in zip(parts[1:], "ABC", strict=True)
    )
    path.write_text(whole + SIMULATED.format())
    found = templates.templates(load_study(path))
    assert [data.attrs["experiment"] for data in found.values()] == ["A", "B", "C"]
    path.write_text(whole.replace('solvent = "DCM" }', 'solvent = "THF" }') + SIMULATED.format())
    with pytest.raises(StudyError, match="experiment 'C' is in another solvent"):
        templates.templates(load_study(path))
