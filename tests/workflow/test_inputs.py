"""Which files a fit is made from, and where their copies go."""

import json
import tomllib

import numpy as np
import pytest
import xarray as xr

from perovec_bayes.errors import DataError
from perovec_bayes.inference import storage
from perovec_bayes.inference.cards import card_path, load_card
from perovec_bayes.inference.result import card_summary
from perovec_bayes.inference.study import load_study, study_card
from perovec_bayes.workflow.inputs import LARGEST, STUDY, keep_inputs
from perovec_bayes.workflow.prepare import datasets

OD = """\
[study]
name = "film"
card = "bulk_film"
[[data]]
technique = "od"
file = ["absent", "{file}"]
format = "spectra_table"
[data.reader_options]
name_time = "od_{{time:min}}.txt"
quantity = "intensity"
reference = "{lamp}"
dark = "{dark}"
[data.meta]
clock_offset = {{ value = 5, unit = "s" }}
"""
CV = """\
[study]
name = "couple"
card = "cards/mine.toml"
[[data]]
technique = "cv"
file = "../measured/cv.csv"
format = "delimited"
columns.time = { name = "t", unit = "s" }
columns.potential = { name = "E", unit = "mV" }
columns.current = { name = "I", unit = "uA" }
[data.meta]
reference = "Ag wire"
current_sign = "anodic_positive"
reference_offset = { result = "../runs/fc" }
"""
POINTS = "t,E,I\n0,0,1\n1,50,2\n2,100,3\n3,50,2\n4,0,1\n"


def spectrum(path, level):
    """Write a spectrum of intensities."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{500 + i}\t{level + i}\n" for i in range(5))
    path.write_text(f"wavelength (nm)\tintensity (counts)\n{rows}")


@pytest.fixture
def kept(tmp_path):
    """Read a study and keep its inputs; return the run folder and what was kept."""

    def keep(path, *, largest=LARGEST, meanwhile=lambda: None):
        study = load_study(path)
        card = study_card(study)
        data = datasets(study)
        meanwhile()
        run = tmp_path / "run"
        run.mkdir()
        found = keep_inputs(study, card, data, path.read_bytes(), run, largest=largest)
        return run, found, data

    return keep


def same_again(run, data):
    """Read what was kept, and check that it is what was read before."""
    again = datasets(load_study(run / STUDY))
    for name, each in data.items():
        xr.testing.assert_equal(again[name], each)
        assert again[name].attrs["source_sha256"] == each.attrs["source_sha256"]


@pytest.mark.parametrize(
    ("file", "lamp", "dark", "copies"),
    [
        ("spectra", "spectra/lamp.txt", "cal/dark.txt",
         ["dark.txt", "lamp.txt", "spectra/od_0.txt"]),
        ("spectra/od_*.txt", "lamp.txt", "../cal/dark.txt", ["dark.txt", "lamp.txt", "od_0.txt"]),
        ("spectra/od_*.txt", "../cal/od_0.txt", "../cal/dark.txt",
         ["dark.txt", "od_0.txt", "od_1.txt"]),
    ],
)  # fmt: skip
def test_spectra_with_lamp_and_dark(tmp_path, kept, file, lamp, dark, copies):
    base = tmp_path / "study"
    for minute in range(2):
        spectrum(base / "spectra" / f"od_{minute}.txt", 500 - 100 * minute)
    spectrum(base / "spectra" / "lamp.txt", 1000)
    spectrum(base / "cal" / "od_0.txt", 900)
    spectrum(base / "cal" / "dark.txt", 10)
    (base / "study.toml").write_text(OD.format(file=file, lamp=lamp, dark=dark))
    run, found, data = kept(base / "study.toml")
    place = run / "inputs" / "data" / "1_od"
    there = sorted(path.relative_to(place).as_posix() for path in place.rglob("*.txt"))
    assert there[:3] == copies
    assert len(there) == 4
    assert all(each.copied and (run / each.path).is_file() for each in found)
    same_again(run, data)


def saved_ferrocene(folder):
    draws = {name: (("chain", "draw"), np.random.default_rng(1).normal(0.4, 0.002, (2, 50)))
             for name in ("E0", "E_half")}  # fmt: skip
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset(draws)})
    tree.attrs["card"] = json.dumps(card_summary(load_card("redox_couple")))
    tree.attrs["gate"] = json.dumps({"passed": True})
    tree.attrs["observables"] = json.dumps({"cv": {"technique": "cv", "reference": "Ag wire"}})
    folder.mkdir(parents=True)
    storage.save(tree, folder / "posterior.nc")


@pytest.fixture
def couple(tmp_path):
    """A study whose card, data and reference lie in other folders."""
    base = tmp_path / "study"
    (base / "cards").mkdir(parents=True)
    text = card_path("redox_couple").read_text(encoding="utf-8")
    (base / "cards" / "mine.toml").write_text(text.replace('"redox_couple"', '"mine"', 1))
    (tmp_path / "measured").mkdir()
    (tmp_path / "measured" / "cv.csv").write_text(POINTS)
    saved_ferrocene(tmp_path / "runs" / "fc")
    (base / "study.toml").write_text(CV)
    return base / "study.toml"


def test_card_and_reference_of_other_folders(couple, kept):
    run, found, data = kept(couple)
    assert [each.path for each in found] == [
        "inputs/card/mine.toml",
        "inputs/data/1_cv/cv.csv",
        "inputs/data/1_cv/reference_offset/posterior.nc",
    ]
    content = tomllib.loads((run / STUDY).read_text())
    assert content["study"]["card"] == "card/mine.toml"
    assert content["data"][0]["file"] == "data/1_cv/cv.csv"
    result = content["data"][0]["meta"]["reference_offset"]["result"]
    assert result == "data/1_cv/reference_offset/posterior.nc"
    same_again(run, data)
    assert study_card(load_study(run / STUDY)).name == "mine"


def test_what_is_too_large_is_named_not_copied(couple, kept):
    run, found, _ = kept(couple, largest=len(POINTS))
    assert [each.copied for each in found] == [True, True, False]  # the card in any case
    assert (run / found[1].path).read_text() == POINTS
    assert not (run / found[2].path).exists()
    assert found[2].size > len(POINTS)


def test_a_file_that_changes_meanwhile_is_an_error(couple, kept):
    file = couple.parents[1] / "measured" / "cv.csv"
    with pytest.raises(DataError, match=r"cv.csv: changed since the fit began; expected SHA-256"):
        kept(couple, meanwhile=lambda: file.write_text(POINTS + "5,10,1\n"))
