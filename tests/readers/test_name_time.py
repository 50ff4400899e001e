import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers.name_time import natural, seconds_in_names, skipped


def test_natural_order():
    names = ["b10.txt", "b2.txt", "a.txt", "b2a.txt", "b02.txt"]
    assert sorted(names, key=natural) == ["a.txt", "b2.txt", "b02.txt", "b2a.txt", "b10.txt"]


@given(st.lists(st.integers(0, 10**9), min_size=2, unique=True))
def test_natural_order_is_that_of_the_counters(numbers):
    names = sorted((f"film {n} x.txt" for n in numbers), key=natural)
    assert names == [f"film {n} x.txt" for n in sorted(numbers)]


@given(st.lists(st.text(max_size=20), max_size=8))
def test_any_names_can_be_put_in_order(names):
    skipped(sorted(names, key=natural))


@pytest.mark.parametrize(
    ("template", "names", "seconds"),
    [
        ("od_{time}.txt", ["od_0.txt", "od_12.5.txt", "od_12,75.txt"], [0, 12.5, 12.75]),
        ("*_{time:min}m*", ["a_0m.txt", "b_1.5m.csv"], [0, 90]),
        ("{time:ms}.asc", ["250.asc", "1000.asc"], [0.25, 1]),
        (
            "*__{hour}-{minute}-{second}-{ms}.txt",
            ["USB4__0__10-27-35-123.txt", "USB4__1__10-27-36-005.txt"],
            [37655.123, 37656.005],
        ),
        ("{hour}{minute}", ["1230", "1231"], [45000, 45060]),
        ("f {second}, {minute}, {hour}.t", ["f 5.25, 01, 00.t"], [65.25]),
    ],
)
def test_templates(template, names, seconds):
    np.testing.assert_allclose(seconds_in_names(names, template, "f"), seconds, atol=1e-9)


def test_a_date_passes_midnight_and_leap_days():
    template = "{year}-{month}-{day} {hour}.{minute}"
    names = ["2024-02-28 23.59", "2024-02-29 00.01", "2024-03-01 00.00"]
    np.testing.assert_allclose(np.diff(seconds_in_names(names, template, "f")), [120, 86340])


@pytest.mark.parametrize("names", [["23-59", "00-01"], ["01-00", "13-01"]])
def test_times_of_day_that_may_pass_midnight_are_refused(names):
    with pytest.raises(DataError, match=r"midnight.*Let name_time name year"):
        seconds_in_names(names, "{hour}-{minute}", "f")


@pytest.mark.parametrize(
    "template",
    [
        7,
        "",
        "film.txt",
        "{time",
        "time}",
        "{{time}}",
        "{t}",
        "{time:parsec}",
        "{time}{time}",
        "{time}{hour}",
        "{minute}",
        "{hour}{second}",
        "{hour}{minute}{ms}",
        "{year}{hour}",
        "*a*b*c*d{time}",
    ],
)
def test_templates_that_are_not_understood(template):
    with pytest.raises(StudyError, match=r"name_time: not understood; expected such as 'film_"):
        seconds_in_names(["1.txt", "2.txt"], template, "f")


@pytest.mark.parametrize(
    ("template", "name", "words"),
    [
        ("a{time}.txt", "b1.txt", "the name does not say the time"),
        ("a{time}.txt", "a1.txt.bak", "the name does not say the time"),
        ("{hour}-{minute}", "25-00", "not a date and time"),
        ("{year}-{month}-{day} {hour}", "2023-02-29 10", "not a date and time"),
    ],
)
def test_names_that_do_not_fit(template, name, words):
    with pytest.raises(DataError, match=words) as caught:
        seconds_in_names([name], template, "f")
    assert f"file '{name}'" in str(caught.value)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["f1", "f2", "f3"], None),
        (["f0", "f10", "f20"], None),
        (["f1", "f2", "f4"], ("f2", "f4")),
        (["f1", "f3", "f4"], ("f1", "f3")),
        (["a1", "b2", "c9"], None),
        (["a1_5", "a2_9", "a7_1"], None),
        (["f1", "f9"], None),
    ],
)
def test_a_counter_that_skips(names, found):
    assert skipped(names) == found
