"""The comparison of finished runs, and what it refuses."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
from scipy.stats import norm

from perovec_bayes.cli import main
from perovec_bayes.errors import StudyError
from perovec_bayes.inference import storage
from perovec_bayes.inference.cards import load_card
from perovec_bayes.workflow.compare import compare_runs, open_runs
from tests.conftest import SHORT, put_study

RIVAL = (
    ('"tiny"', '"wide"'),
    ("value = 0.05", "value = 0.2"),
    ("chains = 2", "chains = 2\ntarget_accept = 0.95"),
)
"""The same readings with a larger preparation error."""


@pytest.fixture(scope="module")
def rival(finished):
    """A run that fails its gate."""
    folder = finished.folder.parents[1]
    study = put_study(folder, *RIVAL, SHORT, name="wide.toml")
    assert main(["fit", str(study), "--out", str(folder / "short")]) == 5
    return folder / "short" / "wide"


@pytest.fixture(scope="module")
def rivals(finished):
    """Two studies of the same readings and their runs, which pass the gate."""
    folder = finished.folder.parents[1]
    study = put_study(folder, *RIVAL, name="wide.toml")
    assert main(["fit", str(study), "--out", str(folder / "out")]) == 0
    return (folder / "study.toml", study), (finished.folder, folder / "out" / "wide")


@pytest.fixture
def run(capsys):
    def call(*argv):
        code = main([str(word) for word in argv])
        return code, *capsys.readouterr()

    return call


def test_importance_sampling_says_where_it_cannot_tell(finished, rival, run, tmp_path):
    """Leaving out the only sample in DCM leaves its solubility to the prior."""
    code, stdout, _ = run("compare", finished.folder, rival, "--out", tmp_path / "c.csv")
    assert "'wide' failed its diagnostics gate" in stdout
    assert code == 5
    assert stdout.startswith("NO VERDICT")
    assert "leaving out icp: sample C changes the posterior too much for importance" in stdout
    with (tmp_path / "c.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["block"] for row in rows[:4]] == [
        "all", "icp: sample A", "icp: sample B", "icp: sample C",
    ]  # fmt: skip
    assert {row["method"] for row in rows} == {"", "psis"}
    assert rows[3]["reliable"] == "False"
    assert stdout.splitlines()[-1] == str(tmp_path / "c.csv")


@pytest.mark.slow
def test_refitting_and_evidence_give_a_verdict(rivals, run, tmp_path):
    """What is left to the prior of s (sd of ln: 7) has the density of quadrature."""
    studies, runs = rivals
    page = tmp_path / "c.html"
    named = [word for study in studies for word in ("--study", study)]
    code, stdout, stderr = run("compare", *runs, "--refit", "--bayes-factor", *named, "--out", page)
    assert "NO VERDICT" not in stdout, stderr
    assert code == 0
    assert "hardly known" in stdout
    assert "Bayes factor of 'tiny' over 'wide': e^" in stdout
    (line,) = [each for each in stdout.splitlines() if each.startswith("icp: sample C")]
    assert float(line.split()[4]) == pytest.approx(np.log(unseen_by_the_prior()), abs=0.15)
    text = page.read_text()
    assert "<script" not in text
    assert "Bayes factor of &#39;tiny&#39; over" in text


def unseen_by_the_prior():
    """Probability, before any reading in DCM, that lead is below the detection limit there."""
    prior = load_card("solubility").parameters["s"].canonical_prior()
    s = prior.ppf((np.arange(4000) + 0.5) / 4000)
    limit = 50e-6 / 207.2 / 1e3  # mol cm^-3
    sd = np.hypot(limit / 3.29, 0.02 * s)
    return norm.cdf((limit - s) / sd).mean()


@pytest.mark.slow
def test_leaving_out_the_only_dataset_is_the_evidence(rivals):
    """To predict everything from the prior: ln Z, by two ways that share little."""
    studies, runs = rivals
    found = compare_runs(runs, unit="dataset", refit=True, bayes_factor=True, studies=studies)
    for row in found.evidences:
        (candidate,) = [c for c in found.comparison.candidates if c.name == row.name]
        assert candidate.blocks == ("icp",)
        assert np.isnan(candidate.pareto_k[0])
        assert row.error < 0.3
        assert candidate.elpd[0] == pytest.approx(row.log, abs=1.5)


def refused(*paths, **options):
    with pytest.raises(StudyError) as caught:
        compare_runs(paths, **options)
    assert caught.value.line().count("\n") == 0
    return caught.value.line()


def test_one_run_is_no_comparison(finished):
    assert "takes two or more runs" in refused(finished.folder)
    assert "takes two or more runs" in refused(finished.folder, finished.folder / ".")


def test_other_data_are_refused(finished, run, tmp_path):
    other = shutil.copytree(finished.folder, tmp_path / "other")
    tree = storage.load(other)
    record = json.loads(tree.attrs["provenance"])
    record["data"][0]["sha256"] = 64 * "0"
    tree.attrs["provenance"] = json.dumps(record)
    storage.save(tree, other / "posterior.nc")
    line = refused(finished.folder, other)
    assert str(other) in line
    assert f"was fitted to other data than {finished.folder}" in line
    assert "different: icp" in line
    code, stdout, stderr = run("compare", finished.folder, other)
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)


def test_the_same_file_read_otherwise_is_refused(finished, tmp_path):
    copy = shutil.copytree(finished.folder, tmp_path / "copy")
    tree = storage.load(copy)
    tree["observed_data"]["icp"].data[0] *= 2.0
    storage.save(tree, copy / "posterior.nc")
    assert "understood the same files otherwise" in refused(finished.folder, copy)


def test_what_is_not_a_sample_or_lacks_the_blocks_is_refused(finished, tmp_path):
    copy = shutil.copytree(finished.folder, tmp_path / "copy")
    tree = storage.load(copy)
    tree.attrs["approximation"] = "Laplace approximation, not a posterior sample"
    storage.save(tree, copy / "posterior.nc")
    assert "without --quick" in refused(finished.folder, copy)
    del tree.attrs["approximation"]
    del tree["block_log_likelihood"]
    storage.save(tree, copy / "posterior.nc")
    assert "Fit the study again" in refused(finished.folder, copy)


def test_runs_of_the_same_study_go_by_their_folders(finished, tmp_path):
    copy = shutil.copytree(finished.folder, tmp_path / "copy")
    names = [run.name for run in open_runs([finished.folder, copy])]
    assert names == [str(finished.folder), str(copy)]


def test_to_fit_again_the_studies_are_needed(finished, rival):
    study = finished.folder.parents[1] / "study.toml"
    line = refused(finished.folder, rival, refit=True, studies=[study])
    assert line.startswith(f"{rival}: --study: to fit again, the study of this run is needed")
    assert "'wide'" in line


def test_a_page_without_refits(finished, rival, tmp_path):
    found = compare_runs([finished.folder, rival], out=tmp_path / "c.html")
    text = (tmp_path / "c.html").read_text()
    assert found.evidences == ()
    assert "NO VERDICT: do not publish" in text
    assert "icp: sample B" in text
    assert "Bayes factors" not in text


def test_an_out_of_another_kind_is_refused_before_anything_is_read(tmp_path):
    assert "ends in .html or .csv" in refused("none", "such", out=tmp_path / "c.pdf")
