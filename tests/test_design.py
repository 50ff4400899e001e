"""Ranking of candidate measurements, from study file to design.csv.

The slow test fits `solubility` again with simulated candidate data. `.venv/bin/python -m pytest -m
slow tests/test_design.py` takes some minutes and rewrites `benchmarks/results/expected_gain.csv`.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import perovec_bayes as pb
from perovec_bayes.cli import main
from perovec_bayes.diagnostics import scalars
from perovec_bayes.diagnostics.convergence import convergence
from perovec_bayes.diagnostics.expected import gain, present
from perovec_bayes.errors import StudyError
from perovec_bayes.inference.bridge import Compiled, Mapped
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import card_names, load_card, with_every_option
from perovec_bayes.inference.experiments import shared_anyway
from perovec_bayes.inference.fisher import Directions, Planned, information
from perovec_bayes.inference.mechanisms import MECHANISMS
from perovec_bayes.inference.model import info_of
from perovec_bayes.inference.planned import DesignCandidate
from perovec_bayes.inference.sample import prior_draws
from perovec_bayes.inference.study import truths
from perovec_bayes.workflow.candidates import candidate
from perovec_bayes.workflow.design import Row, rank
from perovec_bayes.workflow.expect import (
    elements,
    expected,
    free_draws,
    local_precision,
    points_of,
    shown,
    thinned,
)
from perovec_bayes.workflow.fit import fit
from perovec_bayes.workflow.obvious import obvious
from perovec_bayes.workflow.prepare import Prepared, build_model, open_study, prepare
from perovec_bayes.workflow.refit import Refitter
from perovec_bayes.workflow.templates import templates
from tests.conftest import put_study

TABLE = Path(__file__).parents[1] / "benchmarks" / "results" / "expected_gain.csv"
SAMPLE = """
[[design.candidate]]
name = "{name}"
[[design.candidate.icp]]
sample = "{sample}"
element = "Pb"
solute = "CsPbBr3"
solvent = "{solvent}"
unit = "ug/L"
lod = {lod}
dilution = {dilution}
"""
LATTICE = SAMPLE.format(name="lattice", sample="new", solvent="PC", lod=5, dilution=100)
AGAIN = SAMPLE.format(name="A again", sample="A", solvent="PC", lod=5, dilution=100).replace(
    'sample = "A"', 'sample = "A"\nreplicate = 3'
)
OTHER = SAMPLE.format(name="other", sample="new", solvent="THF", lod=5, dilution=1)
SENSITIVE = SAMPLE.format(name="sensitive", sample="new", solvent="DCM", lod=0.01, dilution=1)


def asking(quantity, *candidates):
    """The change to the tiny study that makes it ask."""
    table = f'[design]\nquantity = "{quantity}"\n{"".join(candidates)}'
    return ('card = "solubility"\nseed = 7\n', f'card = "solubility"\nseed = 7\n{table}\n')


@pytest.fixture(scope="module")
def ranked(finished, tmp_path_factory):
    """The tiny study, four candidates, from the finished run."""
    folder = tmp_path_factory.mktemp("design")
    change = asking("K_sp[CsPbBr3, PC]", LATTICE, AGAIN, OTHER, SENSITIVE)
    study = put_study(folder, change)
    return rank(study, folder / "out", result=finished.folder)


def by_name(rows: tuple[Row, ...]) -> dict[str, Row]:
    return {row.candidate: row for row in rows}


# --- what is expected ---------------------------------------------------------------------------


def test_a_further_sample_is_a_weighted_mean(finished, ranked):
    """ln s with one more reading that carries s_p and the error of the reading, times m = 5."""
    tree = pb.open_result(finished.folder)
    (s,) = [
        each for each in scalars(tree["posterior"].to_dataset()) if each.name == "s[CsPbBr3, PC]"
    ]
    now = np.log(s.draws).std(ddof=1)
    reading = np.median(s.draws) / 100 * 207.2 * 1e9  # ug/L in the measured solution
    new = np.sqrt(0.05**2 + 0.02**2 + (5 / 3.29 / reading) ** 2)
    row = by_name(ranked.rows)["lattice"]
    assert row.sd_now == pytest.approx(5 * now, rel=1e-9)
    assert row.sd_expected == pytest.approx(5 / np.sqrt(1 / now**2 + 1 / new**2), rel=0.02)
    assert row.factor == row.sd_expected / row.sd_now
    assert row.information == pytest.approx(-np.log(row.factor), rel=0.05)


def test_the_same_solution_read_again_tells_less_than_a_new_one(ranked):
    found = by_name(ranked.rows)
    assert 0.003 < found["A again"].information < 0.5 * found["lattice"].information


def test_another_solvent_tells_nothing_when_the_errors_are_known(ranked):
    row = by_name(ranked.rows)["other"]
    assert row.information < 1e-6
    assert row.limit.startswith("hardly bears on the quantity")


def test_candidates_are_in_order(ranked):
    found = [row.information for row in ranked.rows]
    assert found == sorted(found, reverse=True)
    assert [row.rank for row in ranked.rows] == [1, 2, 3, 4]
    assert ranked.rows[0].candidate == "lattice"


def test_a_limit_is_lowered_by_a_lower_detection_limit(finished, tmp_path):
    """Of the quantity that is only bounded; the equal limit says little, the lower one much."""
    equal = SENSITIVE.replace("sensitive", "equal").replace("0.01", "50")
    study = put_study(tmp_path, asking("s[CsPbBr3, DCM]", SENSITIVE, equal))
    found = rank(study, tmp_path / "out", result=finished.folder).rows
    assert [row.candidate for row in found] == ["sensitive", "equal"]
    assert found[0].information > 3 * found[1].information
    assert "below its detection limit with probability 1" not in found[0].limit
    assert found[0].sd_low < 0.5 * found[0].sd_high  # it is seen, or it is not


def test_neither_name_nor_unit_of_the_quantity_matters(finished, tmp_path):
    factors = []
    for number, quantity in enumerate(("log10_K_sp[CsPbBr3, PC]", "dE_formal[CsPbBr3, PC]")):
        study = put_study(tmp_path / str(number), asking(quantity, LATTICE))
        factors.append(rank(study, tmp_path / "out" / str(number), result=finished.folder).rows[0])
    assert factors[0].factor == pytest.approx(factors[1].factor, rel=1e-6)
    assert factors[0].scale == "1"
    assert factors[1].scale == "V"


COUPLE = """
[study]
name = "couple"
card = "redox_couple"
[[data]]
technique = "cv"
file = "cv.csv"
[data.meta]
reference = "Ag/AgCl"
area = { value = 1.0, unit = "cm^2" }
current_sign = "anodic_positive"
temperature = { value = 298.15, unit = "K" }
[noise]
cv = "independent"
[priors.c_O]
distribution = "lognormal"
median = 1.0
sd_ln = 0.01
unit = "mmol/L"
reason = "weighed in"
[truth]
E0 = { value = 0.2, unit = "V" }
k0 = { value = 1e-2, unit = "cm/s" }
D = { value = 7e-6, unit = "cm^2/s" }
c_O = { value = 1.0, unit = "mmol/L" }
R_u = { value = 1.0, unit = "ohm*cm^2" }
sigma_a = { value = 2e-6, unit = "A/cm^2" }
[simulate.cv]
corners = [0.5, -0.1, 0.5]
scan_rate = { value = 50, unit = "mV/s" }
spacing = { value = 0.2, unit = "s" }
[fixed]
alpha = { value = 0.5, unit = "1", reason = "a test" }
D_ratio = { value = 1.0, unit = "1", reason = "a test" }
c_R = { value = 1e-6, unit = "mmol/L", reason = "a test" }
C_dl = { value = 1.0, unit = "uF/cm^2", reason = "a test" }
g0 = { value = 0.0, unit = "A/cm^2", reason = "a test" }
g1 = { value = 0.0, unit = "S/cm^2", reason = "a test" }
sigma_p = { value = 0.0, unit = "1", reason = "a test" }
sigma_E = { value = 0.0, unit = "V", reason = "a test" }
"""


@pytest.fixture(scope="module")
def couple(tmp_path_factory):
    """The couple, and its Gaussian posterior at the truth: ln k0 - ln D as the quantity."""
    path = tmp_path_factory.mktemp("couple") / "study.toml"
    path.write_text(COUPLE)
    study, card = open_study(path)
    data = templates(study)
    model = build_model(study, card, data)
    compiled = Compiled(model)
    stated = truths(card, study)
    at = {v.name: np.array([stated[v.name]]) for v in model.free_RVs}
    point = compiled.unconstrain(at)
    size = compiled.size
    along = Directions(np.eye(size), np.zeros((size, 0)))
    planned = [Planned(o) for o in info_of(model).observables]
    about = information(compiled, planned, along)
    (fisher,) = Mapped(lambda w: [about(w)], chunk=1)(point)
    width = np.array([0.5 if v.name == "E0" else 2.3 for v in model.free_RVs])
    names = [v.name for v in model.free_RVs]
    width[names.index("c_O")], width[names.index("D")], width[names.index("R_u")] = 0.01, 0.4, 1.0
    covariance = np.linalg.inv(fisher[0] + np.diag(width**-2.0))
    draws = np.random.default_rng(1).multivariate_normal(point[0], covariance, 600)
    free = {name: np.exp(draws[None, :, i]) for i, name in enumerate(names)}
    free["E0"] = draws[None, :, names.index("E0")]
    apart = draws[:, names.index("k0")] - draws[:, names.index("D")]
    now = present(apart, draws, names)
    return Prepared(study, card, data, model), now, thinned(compiled, free, 8)


@pytest.fixture(scope="module")
def told(couple):
    """What three candidates tell of ln k0 - ln D."""
    prepared, now, posterior = couple
    fast = {"scan_rate": {"value": 500, "unit": "mV/s"}}
    stated = {
        "again": {"cell": "same"},
        "faster": {"cell": "same", **fast},
        "nothing shared": {"shared": [], **fast},
    }
    found = {}
    for name, keys in stated.items():
        asked = DesignCandidate(name=name, repeat=["cv"], **keys)
        made = candidate(prepared, asked, "design")
        found[name] = gain(now, expected(made, posterior, np.random.default_rng(2)).measured)
    return found


def test_another_scan_rate_tells_k0_and_D_apart_better_than_a_repeat(told):
    again, faster = told["again"].information, told["faster"].information
    assert 0.1 < again < np.log(2) / 2 + 0.01  # at most half of the variance is left
    assert faster > 2 * again


def test_sharing_fewer_parameters_never_tells_more(told):
    assert told["nothing shared"].information < 0.1 < told["faster"].information


# --- candidates ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return prepare(put_study(tmp_path_factory.mktemp("tiny")))


def test_the_obvious_candidates_of_a_table(tiny):
    found = [candidate(tiny, each, "design") for each in obvious(tiny)]
    assert [each.name for each in found] == [
        "ICP-OES: a new sample of CsPbBr3 in PC (Pb)",
        "ICP-OES: a new sample of CsPbBr3 in DCM (Pb)",
        "ICP-OES: each solution read again",
    ]
    labels = [each.datasets["icp"]["sample"].to_numpy()[each.counted["icp"]] for each in found]
    assert [list(each) for each in labels] == [["A anew"], ["C anew"], ["A", "B", "C"]]
    rows = found[0].datasets["icp"].isel(measurement=-1)
    assert float(rows["lod"]) == pytest.approx(5e-9 / 207.2, rel=1e-6)
    assert float(rows["dilution"]) == 100


def test_the_obvious_candidates_of_a_voltammogram(couple):
    prepared = couple[0]
    stated = obvious(prepared)
    assert [each.cell for each in stated] == ["same"] * 5
    found = [candidate(prepared, each, "design") for each in stated]
    rates = [float(each.datasets["cv"].attrs["scan_rate_V_s"]) for each in found]
    np.testing.assert_allclose(rates, 0.05 * np.array([0.1, 1 / 3, 3, 10, 1]), rtol=1e-6)
    assert [each.repeats for each in found] == [frozenset()] * 4 + [frozenset({"cv"})]
    first = prepared.datasets["cv"]
    slow = found[0].datasets["cv"]
    np.testing.assert_allclose(np.diff(slow["time"]), 10 * np.diff(first["time"]))
    np.testing.assert_array_equal(slow["potential"], first["potential"])


@pytest.mark.parametrize("name", card_names())
def test_every_card_says_what_belongs_to_the_substances(name):
    shared = shared_anyway(load_card(name))
    assert shared
    assert not {"area", "R_u", "C_dl", "G0", "k_d", "k_II", "sigma_a", "sigma_d"} & shared


def test_a_film_is_used_up_and_a_couple_is_not():
    electrode = MECHANISMS["electrode"]
    film, lead = (
        with_every_option(pb.load_card(name), electrode.options)
        for name in ("nanocrystal_film", "dissolved_lead")
    )
    assert electrode.consumes(film)
    assert not electrode.consumes(lead)
    assert MECHANISMS["redox_couple"].consumes is None


# --- mistakes -----------------------------------------------------------------------------------

READING = {"sample": "X", "element": "Pb", "solute": "CsPbBr3", "solvent": "PC", "dilution": 1.0}


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"repeat": ["icpp"]}, "design.candidate#1.repeat: unknown data set 'icpp'; did you mean "
         "'icp'?"),
        ({"cv": {"spacing": {"value": 1.0, "unit": "s"}}}, "design.candidate#1.cv: a "
         "voltammogram is planned as the study's own"),
        ({"icp": [{**READING, "lodd": 3}]}, "design.candidate#1.icp#1.lodd: unknown key 'lodd'; "
         "did you mean 'lod'?"),
        ({"icp": [{k: v for k, v in READING.items() if k != "dilution"}]},
         "design.candidate#1.icp: a planned reading has a known dilution; expected dilution"),
        ({"icp": [READING], "repeat": ["icp"]}, "design.candidate#1: data set 'icp' is given "
         "twice"),
        ({"icp": [READING], "shared": ["ss_p"]}, "design.candidate#1.shared: unknown parameter "
         "'ss_p'; did you mean 's_p'?"),
        ({"icp": [READING], "card": "redox_couple"}, "design.candidate#1: card 'redox_couple' has "
         "no place for data of technique 'icp'; expected cv, found 'icp'"),
        ({"repeat": ["icp"], "scan_rate": {"value": 1.0, "unit": "V/s"}},
         "design.candidate#1.scan_rate: a scan rate is for one voltammogram"),
        ({"od": {"spacing": {"value": 1.0, "unit": "s"}, "bands": {"b": [500.0, 550.0]}}},
         "design.candidate#1: optical densities are taken beside a voltammogram"),
    ],
)  # fmt: skip
def test_a_wrong_candidate_is_one_clear_error(tiny, stated, words):
    with pytest.raises(StudyError) as caught:
        candidate(tiny, DesignCandidate(name="x", **stated), "design.candidate#1")
    assert str(caught.value).startswith(f"{tiny.study.origin.file}: {words}")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("seed = 7", "seed = 7"), "design: the study does not say which quantity"),
        (asking("K_spp[CsPbBr3, PC]"), "design.quantity: unknown quantity 'K_spp[CsPbBr3, PC]'; "
         "did you mean 'K_sp[CsPbBr3, PC]'?"),
        (asking("s_p", LATTICE), "design.quantity: unknown quantity 's_p'"),
        (asking("s", LATTICE, LATTICE), "design.candidate#2.name: two candidates are named"),
        (asking("s", '[[design.candidate]]\nname = "x"\n'), "design.candidate#1: a candidate "
         "without data"),
        (asking("s", "drawz = 3\n"), "design.drawz: unknown key 'drawz'; did you mean 'draws'?"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_one_clear_error(finished, tmp_path, change, words):
    study = put_study(tmp_path, change)
    with pytest.raises(StudyError) as caught:
        rank(study, tmp_path / "out", result=finished.folder)
    assert str(caught.value).startswith(f"{study}: {words}")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("what", ["priors", "card", "data"])
def test_a_result_of_something_else_is_refused(finished, tmp_path, what):
    study = put_study(tmp_path, asking("K_sp[CsPbBr3, PC]", LATTICE))
    data = tmp_path / "icp.csv"
    if what == "data":
        data.write_text(data.read_text().replace("52.1", "52.2"))
    elif what == "card":
        study.write_text(study.read_text() + '[options]\nligand = "PbBr2"\n')
    else:
        study.write_text(study.read_text().replace("value = 0.05", "value = 0.06"))
    with pytest.raises(StudyError) as caught:
        rank(study, tmp_path / "out", result=finished.folder)
    assert str(caught.value).startswith(f"{finished.folder}: this result is not of study 'tiny'")
    assert f"expected the same {what}," in str(caught.value)


# --- the command --------------------------------------------------------------------------------


def test_the_folder_is_whole_and_is_not_replaced_unasked(ranked, finished):
    names = sorted(path.name for path in ranked.folder.iterdir())
    assert names == ["design.csv", "provenance.json", "study.toml"]
    table = pd.read_csv(ranked.folder / "design.csv")
    assert list(table["rank"]) == [1, 2, 3, 4]
    assert table["candidate"][0] == "lattice"
    assert (table["scale"] == "ln").all()
    assert table["sd_expected"][0] == pytest.approx(ranked.rows[0].sd_expected)
    record = json.loads((ranked.folder / "provenance.json").read_text())
    assert record["command"] == "perovec design study.toml"
    with pytest.raises(StudyError, match="the folder of results exists already"):
        rank(ranked.folder.parents[1] / "study.toml", ranked.folder.parent, result=finished.folder)


def test_the_command_prints_the_ranking_and_makes_a_quick_fit_where_there_is_none(tmp_path, capsys):
    study = put_study(tmp_path, asking("K_sp[CsPbBr3, PC]", LATTICE))
    assert main(["design", str(study), "--out", str(tmp_path / "out")]) == 0
    shown_lines = capsys.readouterr().out.splitlines()
    assert shown_lines[0].startswith("K_sp[CsPbBr3, PC]: sd of ln now 0.2")
    assert shown_lines[2].startswith("1  lattice")
    assert any("a quick fit made for this" in line for line in shown_lines)
    assert any("not a posterior sample" in line for line in shown_lines)
    assert shown_lines[-1] == str(tmp_path / "out" / "tiny-design")


# --- against fits with the data -----------------------------------------------------------------


PLANS = {
    "one new sample": [{**READING, "sample": "N1", "dilution": 100.0, "lod": 5.0, "unit": "ug/L"}],
    "three new samples": [
        {**READING, "sample": f"N{i}", "dilution": 100.0, "lod": 5.0, "unit": "ug/L"}
        for i in (1, 2, 3)
    ],
    "A and B read again": [
        {**READING, "sample": name, "replicate": 9, "dilution": 100.0, "lod": 5.0, "unit": "ug/L"}
        for name in "AB"
    ],
}
SEEDS = range(1, 25)


def refitted(prepared, made, posterior, prior_seed):
    """sd of ln K_sp in PC with the planned readings drawn from the posterior, for each seed."""
    model = build(made.card, made.datasets)
    fitter = Refitter(model, chains=2, draws=1000, tune=400, target_accept=0.95, cores=1)
    compiled = Compiled(model)
    prior = prior_draws(model, len(posterior.points), np.random.default_rng(prior_seed))
    points = points_of(compiled, posterior, prior)
    (o,) = info_of(model).observables
    series = Mapped(compiled.function([o.mean, *o.noise]), chunk=1)
    quantity = Mapped(fitter.compiled.function([model["K_sp"]]))
    found = []
    for seed, point in zip(SEEDS, points, strict=True):
        drawn = o.draw(np.random.default_rng(seed), *(each[0] for each in series(point[None])))
        fitter.exchange({o.name: np.where(made.counted[o.name], drawn, fitter.original[0])})
        sampled = fitter.fit(seed).points
        (values,) = quantity(sampled.reshape(-1, fitter.compiled.size))
        ln_k = np.log(values[:, 0]).reshape(sampled.shape[:2])
        assert convergence(ln_k).ess_bulk > 200  # its sd is then good to 5 %
        found.append(ln_k.std(ddof=1))
    return np.array(found)


@pytest.mark.slow
def test_the_expected_sd_is_that_of_fits_with_the_data(tmp_path):
    text = asking("K_sp[CsPbBr3, PC]")
    study = put_study(tmp_path, text, ("draws = 900", "draws = 4000"))
    fixed = study.read_text()
    begin, end = fixed.index("[fixed.s_m]"), fixed.index("[sampler]")
    study.write_text(fixed[:begin] + fixed[end:])
    outcome = fit(study, tmp_path / "out")
    assert outcome.gate.passed
    prepared = prepare(study)
    tree = pb.open_result(outcome.folder)
    posterior = tree["posterior"].to_dataset()
    compiled = Compiled(prepared.model)
    draws = free_draws(posterior, prepared.model, info_of(prepared.model).card)
    whole = thinned(compiled, draws, posterior.sizes["chain"] * posterior.sizes["draw"])
    some = thinned(compiled, draws, len(SEEDS))
    there = local_precision(compiled, some.points, np.random.default_rng(3))
    some = some._replace(precision=there)
    (k_sp,) = (x.draws for x in scalars(posterior) if x.name == "K_sp[CsPbBr3, PC]")
    names = [shown(each, info_of(prepared.model)) for each in elements(compiled)]
    now = present(np.log(k_sp).ravel(), whole.points, names)
    rows = []
    for name, readings in PLANS.items():
        made = candidate(prepared, DesignCandidate(name=name, icp=readings), "design")
        got = gain(now, expected(made, some, np.random.default_rng(1)).measured)
        true = refitted(prepared, made, some, 2)
        rows.append(
            {
                "candidate": name,
                "fits": len(true),
                "sd_now": now.sd,
                "sd_expected": got.sd,
                "sd_expected_low": got.low,
                "sd_expected_high": got.high,
                "sd_fitted": true.mean(),
                "sd_fitted_error": true.std(ddof=1) / np.sqrt(len(true)),
                "sd_fitted_low": np.quantile(true, 0.05),
                "sd_fitted_high": np.quantile(true, 0.95),
            }
        )
        pd.DataFrame(rows).to_csv(TABLE, index=False, float_format="%.4g")
    table = pd.DataFrame(rows).set_index("candidate")
    ratio = table["sd_expected"] / table["sd_fitted"]
    assert ((ratio > 0.93) & (ratio < 1.2)).all()  # two errors of the fits on the bold side
    assert table["sd_expected"].idxmin() == table["sd_fitted"].idxmin() == "three new samples"
