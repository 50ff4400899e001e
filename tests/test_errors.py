import pytest

from perovec_bayes.errors import DataError, PerovecError, StudyError, UnitError


def test_every_part_in_one_line():
    error = DataError(
        "text in a number column",
        file="a.csv",
        place="line 3, column 'E'",
        expected="a number",
        found="'abc'",
        hint="Mend it.",
    )
    assert str(error) == (
        "a.csv: line 3, column 'E': text in a number column; "
        "expected a number, found 'abc'. Mend it."
    )


def test_only_what_is_known_is_said():
    assert str(StudyError("no such model")) == "no such model"
    assert str(StudyError("no such model", hint="Try 'x'.")) == "no such model. Try 'x'."
    assert str(DataError("empty", file="a.csv")) == "a.csv: empty"


def test_line_breaks_never_survive():
    assert "\n" not in str(DataError("two\nlines", file="a\nb", found="x\ny"))


@pytest.mark.parametrize(("kind", "code"), [(StudyError, 2), (DataError, 3), (UnitError, 2)])
def test_exit_codes(kind, code):
    assert kind("x").exit_code == code
    assert issubclass(kind, PerovecError)


def test_within_fills_what_is_unknown_and_keeps_the_type():
    inner = StudyError("bad unit", place="columns.time.unit")
    outer = inner.within(file="study.toml", place="[[cv]] 1")
    assert isinstance(outer, StudyError)
    assert str(outer) == "study.toml: [[cv]] 1, columns.time.unit: bad unit"
    assert outer.within(file="other.toml").file == "study.toml"
