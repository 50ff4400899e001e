"""The list of runs: order, filter, words, and nobody's markup but ours."""

import re
from datetime import UTC, datetime

import pytest

from perovec_bayes.report.browse import Batch, Wish, arranged, list_page, refusal_page
from perovec_bayes.report.runs import Run


def run(name, state="passed", **changes):
    return Run(name, f"place/{name}", state, name=name, **changes)


RUNS = [
    run("b", "failed", card="solubility", seconds=5.0, created=datetime(2026, 1, 2, tzinfo=UTC)),
    run("A", card="redox_couple", seconds=700.0, created=datetime(2026, 1, 1, tzinfo=UTC)),
    run("c", "broken", notes=("summary.csv: no quantities in it",)),
    run("d", "quick", card="bulk_film", seconds=1.0, created=datetime(2026, 1, 3, tzinfo=UTC)),
]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("made-down", "dbAc"),
        ("made-up", "cAbd"),
        ("name-up", "Abcd"),
        ("name-down", "dcbA"),
        ("took-up", "cdbA"),
        ("took-down", "Abdc"),
        ("status-up", "Adbc"),
        ("card-up", "cdAb"),
        ("nonsense", "dbAc"),
        ("name-sideways", "dbAc"),
        ("", "dbAc"),
    ],
)
def test_order(sort, order):
    assert "".join(each.name for each in arranged(RUNS, Wish(sort=sort))) == order


def test_a_heading_pressed_twice_turns_the_order():
    first = Wish().turned("name")
    assert first == "name-up"
    assert Wish(sort=first).turned("name") == "name-down"
    assert Wish(sort="name-down").turned("name") == "name-up"
    assert Wish(sort=first).turned("card") == "card-up"


def test_words_filter_but_never_hide_what_is_ticked():
    assert [each.name for each in arranged(RUNS, Wish(words="GATE passed"))] == ["A"]
    assert [each.name for each in arranged(RUNS, Wish(words="solub"))] == ["b"]
    ticked = arranged(RUNS, Wish(words="solub", ticked=frozenset({"d"})))
    assert {each.name for each in ticked} == {"b", "d"}
    assert "No run has these words" in list_page("x", RUNS, [], Wish(words="nothing like it"))


def test_the_page_says_what_must_be_said():
    page = list_page("runs", RUNS, [Batch("b%20c", "b c", True)], Wish(ticked=frozenset({"A"})))
    assert "4 runs: 1 passed the gate, 1 quick, 1 failed it, 1 broken." in page
    assert "GATE FAILED: do not publish" in page
    assert "quick answer: do not publish" in page
    assert "summary.csv: no quantities in it" in page
    assert '<a href="/files/b%20c/report.html">b c</a>' in page
    boxes = re.findall(r'<input type="checkbox" name="run" value="(\w)"[^>]*?( checked)?>', page)
    assert boxes == [("d", ""), ("b", ""), ("A", " checked")]  # the broken one cannot be chosen
    assert page.count('aria-sort="descending"') == 1
    assert "<script" not in page


def test_words_of_users_are_words():
    evil = "<script>alert(1)</script>\"'"
    one = run(evil, title=evil, card=evil, notes=(evil,))
    broken = run("z", "broken", notes=(evil,))
    wish = Wish(words=evil, ticked=frozenset({"z"}))
    for page in (
        list_page(evil, [one, broken], [Batch(evil, evil, True), Batch(evil, evil, False)], wish),
        refusal_page(evil, evil, [evil]),
    ):
        assert "<script" not in page
        assert "&lt;script&gt;" in page
        assert not re.search(r"=\"[^\"]*<", page)


def test_a_list_with_some_ticked_is_the_way_back():
    assert 'href="/?run=a%2520b&amp;run=c%2Fd"' in refusal_page("t", "w", ["a%20b", "c/d"])
