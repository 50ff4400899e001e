import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from perovec_bayes.errors import StudyError
from perovec_bayes.inference.study import load_study
from perovec_bayes.workflow.crate import NAME, PROFILE
from perovec_bayes.workflow.files import remake_report
from perovec_bayes.workflow.fit import fit
from perovec_bayes.workflow.stored_crate import read_crate, renew_crate

CREDITS = """seed = 7
license = "https://creativecommons.org/licenses/by/4.0/"
[study.author]
name = "Josiah Carberry"
orcid = "0000-0002-1825-0097"
affiliation = { name = "Brown University", url = "https://ror.org/05gq02987" }
"""
VALIDATOR = os.environ.get("ROCRATE_VALIDATOR") or shutil.which("rocrate-validator")


def test_a_run_is_a_process_run_crate(finished, crate, refs):
    graph = crate(finished.folder)
    descriptor, root, run = graph[NAME], graph["./"], graph["#fit"]
    assert descriptor["about"] == {"@id": "./"}
    assert refs(descriptor["conformsTo"]) == ["https://w3id.org/ro/crate/1.1", PROFILE]
    assert (root["@type"], root["name"]) == ("Dataset", "A tiny table")
    assert root["conformsTo"] == {"@id": PROFILE}
    assert root["mentions"] == {"@id": "#fit"}
    assert "no licence" in root["license"]
    assert run["@type"] == "CreateAction"
    assert run["name"] == "perovec fit study.toml"
    assert run["actionStatus"] == "http://schema.org/CompletedActionStatus"
    assert run["startTime"] <= run["endTime"]
    assert run["endTime"].startswith(root["datePublished"])
    assert not {"author", "agent"} & {*root, *run}  # nobody is named who is not stated


def test_the_action_tells_what_it_used_and_what_it_made(finished, crate, refs):
    graph = crate(finished.folder)
    run = graph["#fit"]
    assert set(refs(run["object"])) == {
        "study.toml",
        "inputs/study.toml",
        "inputs/card/solubility.toml",
        "inputs/data/1_icp/icp.csv",
        "#seed",
        "#quick",
    }
    made = set(refs(run["result"]))
    assert {"posterior.nc", "report.html", "report.pdf", "summary.csv", "#gate"} <= made
    assert {each for each in made if not each.startswith("#")} == {
        key for key, each in graph.items() if each["@type"] == "File"
    } - set(refs(run["object"]))
    assert graph["#seed"]["value"] == 7
    assert graph["#gate"]["value"] == "passed"
    assert graph["#quick"]["value"] is False


def test_the_software_is_that_of_the_provenance(finished):
    record = json.loads((finished.folder / "provenance.json").read_text())
    found = read_crate(finished.folder).made_with
    assert {key: found[key] for key in record["versions"]} == record["versions"]
    assert (found["system"], found["machine"]) == tuple(record["platform"].values())
    assert int(found["threads"]) >= 1


def test_author_licence_and_a_failed_gate(put, tmp_path, crate):
    outcome = fit(put(("seed = 7\n", CREDITS)), tmp_path / "out", quick=True)
    assert not outcome.gate.passed
    graph = crate(outcome.folder)
    person = "https://orcid.org/0000-0002-1825-0097"
    assert graph["./"]["author"] == graph["#fit"]["agent"] == {"@id": person}
    assert graph[person]["affiliation"] == {"@id": "https://ror.org/05gq02987"}
    assert graph["./"]["license"] == {"@id": "https://creativecommons.org/licenses/by/4.0/"}
    assert graph["#gate"]["value"] == "failed"
    assert graph["#gate"]["description"] == "; ".join(outcome.gate.failures)
    assert graph["#quick"]["value"] is True
    assert graph["#quick"]["description"] == "Laplace approximation, not a posterior sample"
    assert "do not publish" in graph["./"]["description"]
    assert "gate: FAILED" in graph["./"]["description"]
    assert graph["#fit"]["actionStatus"].endswith("CompletedActionStatus")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('license = "CC BY"', "study.license: the value is not allowed"),
        (
            'author = { name = "A", orcid = "0000-0002-1825-0098" }',
            "study.author.orcid: not an ORC",
        ),
        ('author = { name = "A", orcid = "carberry" }', "study.author.orcid: not an ORCID iD"),
        ('author = { orcid = "0000-0002-1825-0097" }', "study.author.name: a required key"),
    ],
)
def test_wrong_credits(put, text, words):
    with pytest.raises(StudyError, match=words):
        load_study(put(("seed = 7", f"seed = 7\n{text}")))


@pytest.mark.parametrize("digits", ["0000-0002-1694-233X", "https://orcid.org/0000-0001-5109-3700"])
def test_an_orcid_is_taken_as_digits_and_as_an_address(put, digits):
    text = f'seed = 7\nauthor = {{ name = "A", orcid = "{digits}" }}'
    author = load_study(put(("seed = 7", text))).study.author
    assert author.orcid_url == f"https://orcid.org/{digits.removeprefix('https://orcid.org/')}"


@pytest.fixture
def run(finished, tmp_path):
    """A copy of a finished run."""
    folder = tmp_path / "run"
    shutil.copytree(finished.folder, folder)
    return folder


def test_a_report_made_again_is_an_action_of_its_own(run, crate, refs):
    text = (run / NAME).read_text()
    written_by_another_version = text.replace(graph_sha256(text, "report.pdf"), "0" * 64)
    (run / NAME).write_text(written_by_another_version)
    (run / "figures" / "mine.png").write_bytes(b"mine")
    remake_report(run)
    graph = crate(run)
    assert refs(graph["./"]["mentions"]) == ["#fit", "#report-1"]
    again = graph["#report-1"]
    assert again["result"] == {"@id": "report.pdf"}
    assert again["object"] == {"@id": "posterior.nc"}
    assert again["startTime"] <= again["endTime"]
    assert "agent" not in again
    first = set(refs(graph["#fit"]["result"]))
    assert not {"report.pdf", "figures/mine.png"} & first
    assert {"posterior.nc", "report.html", "#gate"} <= first


def graph_sha256(text, name):
    """Return the checksum that metadata state of a file."""
    (found,) = (each["sha256"] for each in json.loads(text)["@graph"] if each["@id"] == name)
    return found


def test_metadata_follow_what_a_report_replaces(run, crate, refs):
    begun = datetime.now(UTC)
    before = (run / NAME).read_bytes()
    renew_crate(run, [run / "methods.md"], begun)
    assert (run / NAME).read_bytes() == before  # the same words: still the work of the fit
    (run / "summary.csv").unlink()
    for text, actions in (("one", ["#fit", "#report-1"]), ("two", ["#fit", "#report-1"])):
        (run / "methods.md").write_text(text)
        renew_crate(run, [run / "methods.md"], begun)
        assert refs(crate(run)["./"]["mentions"]) == actions  # no action is left without a result
    (run / "report.pdf").write_text("three")
    renew_crate(run, [run / "report.pdf"], begun)
    graph = crate(run)
    assert refs(graph["./"]["mentions"]) == ["#fit", "#report-1", "#report-2"]
    assert "summary.csv" not in refs(graph["#fit"]["result"])


def test_a_run_without_metadata_gets_none(run):
    (run / NAME).unlink()
    renew_crate(run, [run / "methods.md"], datetime.now(UTC))
    assert not (run / NAME).exists()


@pytest.mark.slow
@pytest.mark.skipif(not VALIDATOR, reason="rocrate-validator: not on PATH, ROCRATE_VALIDATOR unset")
def test_the_official_validator_accepts_a_run(put, tmp_path):
    anonymous = fit(put(), tmp_path / "a", quick=True).folder
    credited = fit(put(("seed = 7\n", CREDITS)), tmp_path / "b").folder
    for folder, severity, excused in (
        (anonymous, "required", set()),
        # no home of the package (3.2, 5.1) and no publisher (22.3) to be named
        (credited, "recommended",
         {"process-run-crate-0.5_3.2", "process-run-crate-0.5_5.1", "ro-crate-1.1_22.3"}),
    ):  # fmt: skip
        found = tmp_path / f"{severity}.json"
        words = ["-y", "validate", folder, "-p", "process-run-crate", "-l", severity,
                 "--no-paging", "-f", "json", "-o", found]  # fmt: skip
        said = subprocess.run(
            [VALIDATOR, *map(str, words)], capture_output=True, text=True, timeout=300, check=False
        )
        assert found.is_file(), said.stdout + said.stderr
        issues = json.loads(Path(found).read_text())["issues"]
        assert {each["check"]["identifier"] for each in issues} <= excused
