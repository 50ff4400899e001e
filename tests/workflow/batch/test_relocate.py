import os
from pathlib import Path

from perovec_bayes.workflow.batch.manifest import load_manifest
from perovec_bayes.workflow.batch.plan import plan
from perovec_bayes.workflow.batch.relocate import relocated

EXAMPLE = Path(__file__).parents[3] / "examples" / "batch" / "batch.toml"


def test_every_path_of_a_study_is_moved(tmp_path):
    folder, target = tmp_path / "studies", tmp_path / "out" / "fits" / "a"
    content = {
        "study": {"card": "cards/mine.toml"},
        "data": [
            {"file": "cv.csv", "meta": {"reference_offset": {"result": "../runs/fc"}}},
            {"file": ["x.csv", "../y.csv"], "meta": {"note": "cv.csv"}},
        ],
    }
    found = relocated(content, folder, target)
    first, second = found["data"]
    moved = {
        found["study"]["card"]: folder / "cards" / "mine.toml",
        first["file"]: folder / "cv.csv",
        first["meta"]["reference_offset"]["result"]: tmp_path / "runs" / "fc",
        second["file"][0]: folder / "x.csv",
        second["file"][1]: tmp_path / "y.csv",
    }
    for text, path in moved.items():
        assert not Path(text).is_absolute()
        assert os.path.normpath(target / text) == str(path)
    assert second["meta"] == {"note": "cv.csv"}
    assert content["data"][0]["file"] == "cv.csv"
    shipped = relocated({"study": {"card": "solubility"}}, folder, target)
    assert shipped["study"]["card"] == "solubility"


def test_the_example_is_a_batch_of_sound_studies(tmp_path):
    made = plan(load_manifest(EXAMPLE), tmp_path)
    assert [each.name for each in made.fits] == [
        *(
            f"solubility-{variant}-seed{seed}"
            for variant in ("both", "preconcentrated", "undiluted")
            for seed in (1, 2)
        ),
        "solvents_synthetic",
    ]
    assert [each.problem for each in made.fits] == [None] * 7
    assert len({each.key for each in made.fits}) == 7
    alone = made.fits[2].single.content["dilution"]
    assert [each["name"] for each in alone] == ["preconcentrated"]
