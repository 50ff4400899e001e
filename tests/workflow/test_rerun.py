"""A run made again from its folder."""

import hashlib
import json
import shutil
from datetime import UTC, datetime

import numpy as np
import pytest
import xarray as xr

from perovec_bayes.cli import main
from perovec_bayes.diagnostics import GateResult
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.inference import storage
from perovec_bayes.inference.study import load_study
from perovec_bayes.workflow.crate import NAME, write_crate
from perovec_bayes.workflow.inputs import Input
from perovec_bayes.workflow.rerun import assembled, compared, differences, rerun
from perovec_bayes.workflow.stored_crate import read_crate


@pytest.fixture
def run(finished, tmp_path):
    """A copy of a finished run, far from its study and data."""
    folder = tmp_path / "moved" / "tiny"
    shutil.copytree(finished.folder, folder)
    return folder


def edited(run, change):
    """Change the entities of a crate."""
    metadata = json.loads((run / NAME).read_text())
    graph = {each["@id"]: each for each in metadata["@graph"]}
    change(graph)
    metadata["@graph"] = list(graph.values())
    (run / NAME).write_text(json.dumps(metadata))


def test_the_draws_are_the_same_bit_for_bit(run, tmp_path, capsys, crate):
    assert main(["rerun", str(run), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    assert "the draws are those of the first run, bit for bit" in said.out
    assert "then" not in said.err
    again = tmp_path / "out" / "tiny"
    first, second = (storage.load(each)["posterior"].to_dataset() for each in (run, again))
    xr.testing.assert_identical(first, second)
    assert crate(again)["#fit"]["name"] == "perovec rerun tiny"
    inputs = [path for path in (run / "inputs").rglob("*") if path.is_file()]
    assert len(inputs) == 3
    for path in (*inputs, run / "study.toml", run / "summary.csv"):
        assert (again / path.relative_to(run)).read_bytes() == path.read_bytes(), path.name


def test_data_that_were_not_copied_are_looked_for(run, put, tmp_path, crate):
    study, tree = load_study(put()), storage.load(run)
    table = (run / "inputs" / "data" / "1_icp" / "icp.csv").read_bytes()
    shutil.rmtree(run / "inputs" / "data")
    absent = Input(
        "inputs/data/1_icp/icp.csv", hashlib.sha256(table).hexdigest(), len(table), False
    )
    gate = GateResult.from_json(tree.attrs["gate"])
    write_crate(run, study, tree, gate, [absent], datetime.now(UTC))
    stated = crate(run)["#inputs/data/1_icp/icp.csv"]
    assert stated["@type"] == "CreativeWork"
    assert "not copied" in stated["description"]
    assert absent in read_crate(run).inputs
    with pytest.raises(DataError, match=r"'icp.csv' is not in the run folder \(it was too large"):
        rerun(run, tmp_path / "out")
    data = tmp_path / "data"
    (data / "2026").mkdir(parents=True)
    (data / "icp.csv").write_text("another table of this name")
    with pytest.raises(DataError, match="not the file that the run was made from"):
        rerun(run, tmp_path / "out", data=data)
    assert not (tmp_path / "out").exists()
    (data / "2026" / "icp.csv").write_bytes(table)
    with assembled(read_crate(run), data) as folder:
        assert (folder / absent.path).read_bytes() == table
        again = load_study(folder / "inputs" / "study.toml")
        assert again.data_file(again.data[0]).read_bytes() == table


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("inputs/data/1_icp/icp.csv", "icp.csv: not the file that the run was made from; expected"),
        ("inputs/card/solubility.toml", "solubility.toml: not the file that the run"),
        ("inputs/study.toml", "study.toml: not the file that the run was made from"),
    ],
)
def test_a_changed_input_is_refused(run, tmp_path, capsys, file, words):
    with (run / file).open("a") as stream:
        stream.write("\n")
    assert main(["rerun", str(run), "--out", str(tmp_path / "out")]) == 3
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_what_is_not_as_it_was_is_told(run):
    assert differences(read_crate(run)) == []

    def change(graph):
        (pymc,) = (each for each in graph.values() if each.get("name") == "pymc")
        pymc["softwareVersion"] = "5.0"
        graph["#threads"]["value"] = 4096

    edited(run, change)
    (run / "summary.csv").unlink()
    (run / "report.html").write_text("")
    version = differences(read_crate(run))
    assert version[0].startswith("pymc: 5.0 then, ")
    assert version[1].startswith("threads: 4096 then, ")
    assert version[2:] == [
        "report.html: changed since the run",
        "summary.csv: no longer in the run folder",
    ]


@pytest.mark.parametrize("place", ["../secret", "/etc/hostname"])
def test_a_crate_reaches_nothing_outside(run, tmp_path, place):
    def change(graph):
        graph[place] = graph["study.toml"] | {"@id": place}
        graph["#fit"]["object"].append({"@id": place})

    edited(run, change)
    with pytest.raises(DataError, match="a path leaves the crate"):
        rerun(run, tmp_path / "out")


def test_a_study_of_a_crate_reaches_nothing_outside(run, tmp_path):
    study = run / "inputs" / "study.toml"
    study.write_text(study.read_text().replace('"data/1_icp/icp.csv"', '"../../icp.csv"'))
    sha256 = hashlib.sha256(study.read_bytes()).hexdigest()
    edited(run, lambda graph: graph["inputs/study.toml"].update(sha256=sha256))
    with pytest.raises(DataError, match=r"a path leaves the crate; found '../../icp.csv'"):
        rerun(run, tmp_path / "out")


def test_what_is_no_run_is_told_in_one_line(run, tmp_path):
    with pytest.raises(DataError, match="not a run folder with an RO-Crate; expected ro-crate-m"):
        rerun(tmp_path, tmp_path / "out")
    for text in ("{", "[]", '{"@graph": []}', '{"@graph": [{"@id": "#fit"}]}', '{"@graph": [1]}'):
        (run / NAME).write_text(text)
        with pytest.raises(DataError, match="not the metadata of a run"):
            rerun(run / NAME, tmp_path / "out")


def test_the_run_itself_is_never_replaced(run):
    before = (run / "posterior.nc").read_bytes()
    with pytest.raises(StudyError, match="the run that is to be made again"):
        rerun(run, run.parent, overwrite=True)
    assert (run / "posterior.nc").read_bytes() == before
    with pytest.raises(StudyError, match="--data: no such folder"):
        rerun(run, run.parent / "out", data=run / "none")


def test_how_far_apart_results_are(run):
    first = storage.load(run)
    assert compared(first, first.copy(deep=True)) == (
        True,
        "the draws are those of the first run, bit for bit",
    )
    other = first.copy(deep=True)
    moved = other["posterior"]["s"]
    other["posterior"]["s"] = moved + 0.5 * first["posterior"]["s"].std(("chain", "draw"))
    same, words = compared(first, other)
    assert not same
    assert words.endswith("the largest shift of a median is 0.5 posterior sd (s)")
    fewer = xr.DataTree.from_dict(
        {"posterior": first["posterior"].to_dataset().isel(draw=slice(9))}
    )
    assert compared(first, fewer)[1].startswith("the draws cannot be compared")
    constant = xr.DataTree.from_dict(
        {"posterior": xr.Dataset({"a": (("chain", "draw"), np.ones((2, 3)))})}
    )
    shifted = xr.DataTree.from_dict(
        {"posterior": xr.Dataset({"a": (("chain", "draw"), np.full((2, 3), 2.0))})}
    )
    assert "inf posterior sd" in compared(constant, shifted)[1]
