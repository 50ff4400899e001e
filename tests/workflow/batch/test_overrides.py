import pytest

from perovec_bayes.errors import StudyError
from perovec_bayes.workflow.batch.overrides import changed, is_place

STUDY = {
    "study": {"name": "s", "card": "redox_couple"},
    "data": [{"technique": "cv", "file": "a.csv"}, {"technique": "icp", "name": "lead"}],
    "priors": {"k0": {"median": 1.0, "unit": "cm/s"}},
}


def test_a_place_is_changed_and_nothing_else():
    found = changed(STUDY, {"seed": 3, "priors.k0.median": 2.0, "sampler.draws": 10})
    assert found["study"] == {"name": "s", "card": "redox_couple", "seed": 3}
    assert found["priors"]["k0"] == {"median": 2.0, "unit": "cm/s"}
    assert found["sampler"] == {"draws": 10}
    assert STUDY["priors"]["k0"]["median"] == 1.0
    assert "sampler" not in STUDY


def test_a_value_replaces_what_is_there_as_a_whole():
    found = changed(STUDY, {"priors.k0": {"mean": 0.0}})
    assert found["priors"]["k0"] == {"mean": 0.0}


def test_data_sets_are_named():
    found = changed(STUDY, {"data.cv.meta.reference": "SCE", "data.lead.file": "b.csv"})
    assert found["data"][0]["meta"] == {"reference": "SCE"}
    assert found["data"][1]["file"] == "b.csv"


def test_a_dot_within_brackets_is_no_step():
    found = changed(STUDY, {"priors.E0[v1.2].sd": 0.1})
    assert found["priors"]["E0[v1.2]"] == {"sd": 0.1}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prior.k0": 1}, "unknown table 'prior'; did you mean 'priors'"),
        ({"data.ir.file": "x"}, "unknown data set 'ir'"),
        ({"data.cv": "x"}, "a place in a data set"),
        ({"sampler": {"draws": 1}}, "'sampler' is a whole table"),
        ({"study.name": "x"}, "the batch names its fits itself"),
        ({"priors.k0.median.x": 1}, "'median' is not a table"),
    ],
)
def test_no_such_place(changes, words):
    with pytest.raises(StudyError) as caught:
        changed(STUDY, changes)
    assert words in caught.value.line()


def test_places_are_told_from_metadata():
    assert [is_place(key) for key in ("seed", "card", "priors.k0", "film", "E0[v1.2]")] == [
        True, True, True, False, False,
    ]  # fmt: skip
