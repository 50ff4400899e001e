import json
import logging
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import perovec_bayes as pb
from perovec_bayes import readers
from perovec_bayes.diagnostics import GateResult
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.inference.study import load_study
from perovec_bayes.workflow import folder, log, templates
from perovec_bayes.workflow.check import check
from perovec_bayes.workflow.fit import fit
from perovec_bayes.workflow.prepare import datasets, prepare
from perovec_bayes.workflow.simulate import simulate

HYPOTHESES = """
[[dilution]]
where = { solvent = "DCM" }
name = "evaporated"
weight = 0.7
factor = 0.1
sd_ln = 0.1
reason = "a test"
[[dilution]]
where = { solvent = "DCM" }
name = "as is"
weight = 0.3
factor = 1.0
sd_ln = 0.1
reason = "a test"
"""


def test_the_run_folder_is_complete(finished):
    assert sorted(p.name for p in finished.folder.iterdir()) == [
        "features.csv",
        "figures",
        "identifiability.csv",
        "inputs",
        "methods.md",
        "posterior.nc",
        "provenance.json",
        "references.bib",
        "report.html",
        "report.pdf",
        "ro-crate-metadata.json",
        "run.jsonl",
        "sensitivity.csv",
        "study.toml",
        "summary.csv",
        "tables",
    ]
    assert [p.name for p in finished.folder.parent.iterdir()] == ["tiny"]
    original = finished.folder.parents[1] / "study.toml"
    assert (finished.folder / "study.toml").read_bytes() == original.read_bytes()


def test_a_folder_of_spectra_in_a_study(tmp_path):
    folder = tmp_path / "spectra"
    folder.mkdir()
    for k in range(3):
        rows = "".join(f"{500 + i}\t{0.1 + 0.1 * k}\n" for i in range(5))
        (folder / f"od_{k}.txt").write_text(f"wavelength (nm)\tabsorbance\n{rows}")
    (tmp_path / "study.toml").write_text(
        '[study]\nname = "film"\ncard = "bulk_film"\n'
        '[[data]]\ntechnique = "od"\nfile = "spectra/*.txt"\nformat = "spectra_table"\n'
        '[data.reader_options]\nname_time = "od_{time:min}.txt"\n'
        '[data.meta]\nclock_offset = { value = 5, unit = "s" }\n'
    )
    od = datasets(load_study(tmp_path / "study.toml"))["od"]
    np.testing.assert_allclose(od["time"], [5, 65, 125])
    np.testing.assert_allclose(od["absorbance"][:, 0], [0.1, 0.2, 0.3])
    assert od.attrs["source_files"] == 3
    (folder / "od_2.txt").write_text("wavelength (nm)\tabsorbance\n500\t0.1\n501\t0.1\n")
    with pytest.raises(DataError, match=r"od_2.txt: other wavelengths than in 'od_0.txt'"):
        datasets(load_study(tmp_path / "study.toml"))


def test_the_result_says_where_it_comes_from(finished):
    tree = pb.open_result(finished.folder)
    study, record = json.loads(tree.attrs["study"]), json.loads(tree.attrs["provenance"])
    assert (study["name"], study["title"], study["seed"]) == ("tiny", "A tiny table", 7)
    assert GateResult.from_json(tree.attrs["gate"]).passed
    assert record == json.loads((finished.folder / "provenance.json").read_text())
    assert {"python", "perovec_bayes", "pymc", "jaxlib", "nutpie"} <= set(record["versions"])
    assert record["data"][0]["points"] == 4
    assert record["study"]["sha256"] == study["sha256"]
    assert len(record["card"]["sha256"]) == 64
    assert record["command"] == "perovec fit study.toml"
    assert record["sampler"]["draws"] == 1500
    for path in filter(Path.is_file, finished.folder.rglob("*")):
        content = path.read_bytes()
        assert str(finished.folder.parents[1]).encode() not in content, path.name
        assert platform.node().encode() not in content or len(platform.node()) < 6


def test_the_log_has_a_line_for_each_phase(finished):
    lines = (finished.folder / "run.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert [each["event"] for each in events] == [
        "start",
        "data read",
        "model built",
        "sampled",
        "gate",
        "report written",
        "end",
    ]
    times = [each["time"] for each in events]
    assert times == sorted(times)
    assert not log.LOGGER.handlers
    assert log.LOGGER.level == logging.NOTSET


def test_the_same_seed_gives_the_same_draws(put, short, tmp_path):
    study = put(short)
    first, second = (pb.open_result(fit(study, tmp_path / n).folder) for n in "ab")
    xr.testing.assert_identical(first["posterior"].to_dataset(), second["posterior"].to_dataset())


def test_phases_are_told(put, short, tmp_path):
    told = []
    outcome = fit(put(short), tmp_path, progress=lambda phase, share: told.append((phase, share)))
    assert list(dict.fromkeys(phase for phase, _ in told)) == [
        "reading",
        "building",
        "prior",
        "optimum",
        "sampling",
        "results",
        "diagnostics",
        "report",
    ]
    assert all(0 <= share <= 1 for _, share in told)
    assert not outcome.gate.passed
    assert {row.role for row in outcome.primary} == {"primary"}


def test_a_sampler_that_is_absent_is_told_before_anything_is_made(put, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "numpyro", None)
    study = put(("chains = 2", 'chains = 2\nbackend = "numpyro"'))
    for call in (check, lambda path: fit(path, tmp_path / "out")):
        with pytest.raises(StudyError) as info:
            call(study)
        assert str(info.value).startswith(f"{study}: sampler.backend: the sampler 'numpyro' is not")
    assert not (tmp_path / "out").exists()


def test_the_sampler_of_the_study_is_used(put, short, tmp_path):
    study = put(short, ("chains = 2", 'chains = 2\nbackend = "pymc"'))
    outcome = fit(study, tmp_path)
    record = json.loads((outcome.folder / "provenance.json").read_text())
    assert record["sampler"]["backend"] == f"pymc {record['versions']['pymc']}"


def test_datasets_are_named_as_in_the_study(put):
    study = load_study(put(("technique =", 'name = "table_2"\ntechnique =')))
    data = datasets(study)
    assert list(data) == ["table_2"]
    assert data["table_2"].attrs["name"] == "table_2"
    assert "dilution_hypotheses" not in data["table_2"].attrs


def test_hypotheses_go_to_the_data_they_match(put):
    path = put()
    table = path.parent / "icp.csv"
    table.write_text(table.read_text().replace("ug/L,,1,50", "ug/L,,,50"))
    (path.parent / "other.csv").write_text(
        "sample,element,solute,solvent,replicate,value,unit\nA,Pb,CsPbBr3,PC,1,5,ug/L\n"
    )
    text = path.read_text().replace(
        "[fixed.s_m]",
        '[[data]]\nname = "other"\ntechnique = "icp"\nfile = "other.csv"\n[fixed.s_m]',
    )
    table.with_name("other.csv").write_text(
        table.with_name("other.csv")
        .read_text()
        .replace(",unit", ",unit,dilution")
        .replace("ug/L", "ug/L,1")
    )
    path.write_text(text + HYPOTHESES)
    data = datasets(load_study(path))
    stated = json.loads(data["icp"].attrs["dilution_hypotheses"])
    assert [h["name"] for h in stated] == ["evaporated", "as is"]
    assert stated[0] == {
        "where": {"solvent": "DCM"},
        "name": "evaporated",
        "weight": 0.7,
        "factor": 0.1,
        "sd_ln": 0.1,
        "reason": "a test",
    }
    assert "dilution_hypotheses" not in data["other"].attrs


def test_prepare_gives_a_model(put):
    study, card, data, model = prepare(put())
    assert (study.name, card.name, list(data)) == ("tiny", "solubility", ["icp"])
    assert [v.name for v in model.free_RVs] == ["s", "icp_z"]


# the folder


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "a" / "b" / "run"
    with folder.whole_folder(target) as partial:
        (partial / "x").write_text("1")
        assert not target.exists()
        assert partial.parent == target.parent
    assert [p.name for p in target.parent.iterdir()] == ["run"]

    with pytest.raises(RuntimeError), folder.whole_folder(tmp_path / "c" / "run") as partial:
        raise RuntimeError
    assert not (tmp_path / "c").exists()


def test_overwriting_keeps_the_old_run_until_the_new_one_is_whole(tmp_path):
    target = tmp_path / "run"
    target.mkdir()
    (target / folder.MARK).write_text("old")
    with (
        pytest.raises(KeyboardInterrupt),
        folder.whole_folder(target, overwrite=True) as partial,
    ):
        raise KeyboardInterrupt
    assert (target / folder.MARK).read_text() == "old"
    with folder.whole_folder(target, overwrite=True) as partial:
        (partial / folder.MARK).write_text("new")
    assert (target / folder.MARK).read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_another_run_may_not_take_the_name_meanwhile(tmp_path):
    target = tmp_path / "run"
    with (
        pytest.raises(StudyError, match="exists already"),
        folder.whole_folder(target),
    ):
        target.mkdir()
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


# simulation

TRUTH = """
[truth]
s = { value = 25, unit = "umol/L" }
[[simulate.icp]]
sample = "A"
element = "Pb"
solute = "CsPbBr3"
solvent = "PC"
unit = "ug/L"
lod = 5
dilution = 100
[[simulate.icp]]
sample = "B"
element = "Cs"
solute = "CsPbBr3"
solvent = "PC"
replicate = 2
dilution = 1
[[simulate.icp]]
sample = "C"
element = "Pb"
solute = "CsPbBr3"
solvent = "DCM"
unit = "mg/L"
lod = 5000
dilution = 1
"""
SYNTHETIC = ('file = "icp.csv"', 'file = "made/icp.csv"\nmeta.synthetic = true')


@pytest.fixture
def truth(put):
    """A study that can be simulated; with changes."""

    def make(*changes):
        path = put(SYNTHETIC)
        text = path.read_text() + TRUTH
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        return path

    return make


def test_simulated_concentrations(truth, tmp_path):
    path = truth()
    made = simulate(path, tmp_path / "made")
    assert [p.name for p in made] == ["icp.csv", "truth.json"]
    head = made[0].read_text().splitlines()[0]
    assert head == (
        "# SYNTHETIC data written by perovec simulate from card solubility, study tiny, seed 7"
    )
    data = datasets(load_study(path))["icp"]
    assert data.attrs["synthetic"] == 1
    assert pb.read(made[0]).attrs["synthetic"] == 1  # the file itself says so
    assert data["censoring"].to_numpy().tolist() == ["none", "none", "left"]
    assert data["replicate"].to_numpy().tolist() == [1, 2, 1]
    saturated = (data["value"] * data["dilution"]).to_numpy()
    np.testing.assert_allclose(saturated[:2], 25e-9, rtol=0.3)
    truth_ = json.loads(made[1].read_text())
    assert truth_["parameters"]["s"] == {
        "value": pytest.approx([25e-9, 25e-9]),
        "unit": "mol/cm^3",
    }
    assert len(truth_["parameters"]["icp_z"]["value"]) == 3
    np.testing.assert_allclose(
        truth_["derived"]["log10_K_sp"]["value"], np.log10(27 * 25e-6**5), rtol=1e-9
    )


def test_the_seed_makes_the_data(truth, tmp_path):
    path = truth()
    first, same, other = (
        simulate(path, tmp_path / name, seed=seed)[0].read_text().split("\n", 1)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first == same
    assert first[1] != other[1]


def test_files_are_not_overwritten_by_accident(truth, tmp_path):
    path = truth()
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "truth.json").write_text("mine")
    with pytest.raises(StudyError, match="exists already"):
        simulate(path, tmp_path / "made")
    assert [p.name for p in (tmp_path / "made").iterdir()] == ["truth.json"]
    simulate(path, tmp_path / "made", overwrite=True)
    assert json.loads((tmp_path / "made" / "truth.json").read_text())["seed"] == 7


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('s = { value = 25, unit = "umol/L" }', ""), "truth: no true value for s"),
        (("[truth]", '[truth]\ns_p.value = 1\ns_p.unit = "1"'), "truth.s_p: 's_p' is not a free"),
        (("value = 25", "value = -25"), "truth: the model has no finite value"),
        (("simulate.icp", "simulate.od"), "simulate: no design for data set 'icp'"),
        (('element = "Cs"', 'elemnt = "Cs"'), "simulate.icp#2.elemnt: unknown key"),
        (("lod = 5\n", "lod = -5\n"), "simulate.icp#1.lod"),
        (('unit = "mg/L"', 'unit = "V"'), "data#1, "),
        (("[truth]", "[simulate.cv]\ncorners = [0, 1]\n[truth]"), "[simulate.cv] belongs to no"),
        (('meta.synthetic = true', 'format = "delimited"\ncolumns.potential.name = "E"'),
         "data#1: these settings do not read"),
    ],
)  # fmt: skip
def test_wrong_simulations(truth, tmp_path, change, words):
    path = truth(change)
    with pytest.raises(StudyError) as caught:
        simulate(path, tmp_path / "made")
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)
    assert not (tmp_path / "made").exists()


def test_no_data_are_made_where_the_steps_do_not_suffice(tmp_path):
    text = (Path(__file__).parents[1] / "examples/bulk_film/study.toml").read_text()
    path = tmp_path / "study.toml"
    path.write_text(text.replace("[sampler]", "[options]\nattempts = 150\n\n[sampler]"))
    with pytest.raises(StudyError, match=r"truth: the model needs more time steps.*attempts"):
        simulate(path, tmp_path / "made")
    assert not (tmp_path / "made").exists()


FILM = """
[study]
name = "film"
card = "bulk_film"
[[data]]
technique = "cv"
file = "cv.csv"
[data.meta]
reference = "Fc/Fc+"
current_sign = "cathodic_positive"
area = { value = 2, unit = "cm^2" }
[[data]]
technique = "od"
name = "light"
file = "light.csv"
meta = { clock_offset = { value = -3, unit = "s" } }
[simulate.cv]
corners = [0.0, -1.0, 0.0]
scan_rate = { value = 100, unit = "mV/s" }
hold = { value = 0.1, unit = "min" }
spacing = { value = 500, unit = "ms" }
[simulate.od]
spacing = { value = 2, unit = "s" }
bands = { edge = [500, 550] }
"""


def test_designs_of_voltammograms_and_spectra(tmp_path):
    path = tmp_path / "film.toml"
    path.write_text(FILM)
    found = templates.templates(load_study(path))
    assert list(found) == ["cv", "light"]
    cv, light = found["cv"], found["light"]
    assert float(cv["time"][-1]) == pytest.approx(26)
    np.testing.assert_allclose(cv["potential"][[0, 12, 32, 52]], [0, 0, -1, 0], atol=1e-9)
    assert "current_density" in cv
    assert cv.attrs["source_current_sign"] == "cathodic_positive"
    np.testing.assert_allclose(light["time"], np.arange(0, 27, 2))
    assert light.attrs["clock_offset_s"] == -3
    assert (float(light["band_low_nm"][0]), float(light["band_high_nm"][0])) == (500, 550)
    assert cv.attrs["synthetic"] == light.attrs["synthetic"] == 1


def test_a_design_of_potential_steps(tmp_path):
    path = tmp_path / "film.toml"
    head, tail = FILM.split("[simulate.cv]")
    steps = (
        "\nlevels = [-0.4, -1.2]\ndurations = [1.0, 5.0]\nspacing.value = 0.1\nspacing.unit = 's'\n"
    )
    path.write_text(f"{head}[simulate.cv]{steps}[simulate.od]{tail.split('[simulate.od]')[1]}")
    cv = templates.templates(load_study(path))["cv"]
    np.testing.assert_allclose(cv["time"], np.arange(61) * 0.1)
    np.testing.assert_allclose(cv["potential"], np.where(np.arange(61) > 10, -1.2, -0.4))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("corners = [0.0, -1.0, 0.0]\n", "", "simulate.cv: the design is incomplete; expected "
         "corners and scan_rate, or levels and durations, found no corners"),
        ("spacing = { value = 500", "levels = [0, -1]\nspacing = { value = 500",
         "simulate.cv: a sweep and steps in one design"),
        ('corners = [0.0, -1.0, 0.0]\nscan_rate = { value = 100, unit = "mV/s" }\n'
         'hold = { value = 0.1, unit = "min" }', "levels = [0, -1]\ndurations = [1.0]",
         "simulate.cv.durations: the value is not allowed; expected at least one entry"),
        ('corners = [0.0, -1.0, 0.0]\nscan_rate = { value = 100, unit = "mV/s" }\n'
         'hold = { value = 0.1, unit = "min" }', "levels = [0, -1]\ndurations = [1.0, 2.0, 3.0]",
         "simulate.cv.durations: not one duration for each level; expected 2, found 3"),
        ('corners = [0.0, -1.0, 0.0]\nscan_rate = { value = 100, unit = "mV/s" }\n'
         'hold = { value = 0.1, unit = "min" }', "levels = [0, -1]\ndurations = [1.0, -2.0]",
         "simulate.cv.durations#2: the value is not allowed; expected a number greater than 0"),
    ],
)  # fmt: skip
def test_wrong_designs_of_a_voltammogram(tmp_path, old, new, words):
    assert old in FILM
    path = tmp_path / "film.toml"
    path.write_text(FILM.replace(old, new))
    with pytest.raises(StudyError) as caught:
        templates.templates(load_study(path))
    assert str(caught.value).startswith(f"{path}: {words}")


# the public names


def test_the_package_is_light_until_it_is_used():
    code = (
        "import sys, perovec_bayes as pb; pb.__version__; dir(pb); "
        "sys.exit(bool({'jax', 'pymc', 'xarray', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_names():
    for name in pb.__all__:
        assert getattr(pb, name) is not None
        assert name in dir(pb)
    assert pb.read is readers.read
    with pytest.raises(AttributeError, match="nonsense"):
        _ = pb.nonsense


def test_the_steps_by_hand(put, tmp_path):
    data = pb.read(put().parent / "icp.csv")
    model = pb.build(pb.load_card("solubility"), [data])
    result = pb.sample(model, chains=2, draws=40, tune=40, seed=3)
    path = pb.save_result(result, tmp_path / "result.nc")
    pb.report(result, tmp_path / "a.html")
    pb.report(path, tmp_path / "b.html")
    assert (tmp_path / "a.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert (tmp_path / "b.html").is_file()
