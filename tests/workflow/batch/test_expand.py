import pytest

from perovec_bayes.errors import StudyError
from perovec_bayes.workflow.batch.expand import expand
from perovec_bayes.workflow.batch.manifest import load_manifest

HEAD = '[batch]\nname = "b"\n'


@pytest.fixture
def singles(put, tmp_path):
    """Expand the [[fits]] tables of a manifest beside a study file."""
    put()

    def call(text, rows=None):
        if rows is not None:
            (tmp_path / "rows.csv").write_text(rows)
        (tmp_path / "batch.toml").write_text(HEAD + text)
        return expand(load_manifest(tmp_path / "batch.toml"))

    return call


def names(found):
    return [each.name for each in found]


def test_a_study_as_it_is(singles):
    (one,) = singles('[[fits]]\nstudy = "study.toml"\n')
    assert (one.name, one.content["study"]["seed"], one.metadata) == ("tiny", 7, {})


def test_every_combination_of_grid_and_variants(singles):
    text = """[[fits]]
study = "study.toml"
[fits.set]
"sampler.draws" = 5
[fits.grid]
seed = [1, 2]
"sampler.chains" = [2, 3]
"sampler.tune" = [9]
[[fits.variants]]
name = "wide"
set = { "fixed.s_p.value" = 0.5 }
[[fits.variants]]
name = "narrow"
metadata = { remark = "as it is" }
"""
    found = singles(text)
    assert names(found) == [
        f"tiny-{variant}-seed{seed}-chains{chains}"
        for variant in ("wide", "narrow")
        for seed in (1, 2)
        for chains in (2, 3)
    ]
    sampler = [each.content["sampler"] for each in found]
    assert all(each["draws"] == 5 and each["tune"] == 9 for each in sampler)
    assert [each.content["fixed"]["s_p"]["value"] for each in found] == [0.5] * 4 + [0.05] * 4
    assert found[1].metadata == {
        "variant": "wide", "seed": 1, "sampler.chains": 3, "sampler.tune": 9,
    }  # fmt: skip
    assert found[-1].metadata["remark"] == "as it is"


def test_one_fit_for_each_file(singles, tmp_path):
    (tmp_path / "films").mkdir()
    for name in ("b", "a 1"):
        (tmp_path / "films" / f"{name}.csv").write_text("x")
    found = singles('[[fits]]\nname = "f"\nstudy = "study.toml"\nfiles = { icp = "films/*.csv" }\n')
    assert names(found) == ["f-a_1", "f-b"]
    assert [each.content["data"][0]["file"] for each in found] == ["films/a 1.csv", "films/b.csv"]
    assert found[0].metadata == {"file.icp": "a 1.csv"}


def test_rows_with_files_changes_and_metadata(singles):
    rows = (
        "name,study,file.icp,sampler.draws,data.icp.meta.note,film,seed\n"
        'one,study.toml,icp.csv,11,"a, b",F1,\n'
        ",study.toml,,,,,3\n"
    )
    first, second = singles('[[fits]]\nrows = "rows.csv"\n', rows)
    assert first.name == "one"
    assert first.content["sampler"]["draws"] == 11
    assert first.content["data"][0]["meta"]["note"] == "a, b"
    assert first.metadata["film"] == "F1"
    assert first.content["study"]["seed"] == 7
    assert (second.name, second.content["study"]["seed"]) == ("tiny-row3", 3)
    assert second.origin == "fits#1, rows.csv, line 3"


@pytest.mark.parametrize(
    ("text", "rows", "words"),
    [
        ('[[fits]]\nstudy = "no*.toml"\n', None, "fits#1, study: the pattern matches no file"),
        ('[[fits]]\nstudy = "no.toml"\n', None, "no.toml: fits#1: this study file does not exist"),
        ('[[fits]]\nstudy = "study.toml"\n' * 2, None, "two fits are named 'tiny'"),
        (
            '[[fits]]\nstudy = "study.toml"\nfiles = { icp = "*.csv", cv = "*.toml" }\n',
            "x\n",
            "several patterns: which files belong together?",
        ),
        (
            '[[fits]]\nstudy = "study.toml"\n[fits.grid]\n"sampler.x.y" = [1]\nxx = [1]\n',
            None,
            "unknown table 'xx'",
        ),
        ('[[fits]]\nrows = "rows.csv"\n', "name\na\n", "line 2: no study file"),
        ('[[fits]]\nrows = "rows.csv"\n', "name,study\na\n", "expected 2, found 1"),
        ('[[fits]]\nrows = "rows.csv"\n', "name,name\na,b\n", "two columns are headed 'name'"),
        ('[[fits]]\nrows = "rows.csv"\n', "name,study\n", "rows.csv: fits#1: no rows"),
        ('[[fits]]\nrows = "absent.csv"\n', None, "absent.csv: fits#1: cannot be read"),
        ('[[fits]]\nrows = "rows.csv"\n', "study,film\ns,[1]\n", "metadata are numbers or text"),
    ],
)
def test_what_cannot_be_expanded(singles, text, rows, words):
    with pytest.raises(StudyError) as caught:
        singles(text, rows)
    assert words in caught.value.line()
