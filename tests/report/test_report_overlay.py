"""Runs beside each other: what is drawn, and what is said about it."""

import json
import re

import numpy as np
import pytest

from perovec_bayes.report.browse import overlay_page
from perovec_bayes.report.figures.overlay import LINES, Curve, Panel, draw_overlay
from perovec_bayes.report.overlay import MOST, overlay
from perovec_bayes.report.runs import read_run


@pytest.fixture
def side(put_run, make_result, tmp_path):
    """Return a run read from a folder, and the result it was made from."""

    def put(name, **choices):
        folder = put_run(tmp_path / name, **choices)
        return read_run(folder, tmp_path, name, name), make_result(name=name, **choices)

    return put


def rows_of(found):
    return {row.name: row for row in found.rows}


def test_what_two_runs_share(side):
    found = overlay([side("a", seed=1), side("b", seed=2, shift=0.01)])
    assert [s.letter for s in found.sides] == ["A", "B"]
    assert [(row.name, row.role) for row in found.rows] == [
        ("E0", "primary"), ("K_sp[PC]", "primary"), ("K_sp[DCM]", "primary"), ("D", "derived"),
    ]  # fmt: skip
    potential = rows_of(found)["E0"]
    first, second = potential.cells
    assert potential.unit == "mV"
    assert second.median - first.median == pytest.approx(10, abs=0.5)
    assert not found.warned
    assert not found.remarks
    page = overlay_page(found, [])
    assert page.count("95 % upper limit") == 2
    assert page.count("≤ ") >= 2
    assert "GATE" not in page
    assert 'href="/?run=a&amp;run=b"' in page


def test_a_failed_gate_is_told_everywhere(side):
    good, (run, tree) = side("a"), side("b", seed=2, diverging=3)
    found = overlay([good, (run, tree)])
    assert [s.letter for s in found.warned] == ["B"]
    page = overlay_page(found, [])
    assert "NOT ALL GATES PASSED: do not publish" in page
    assert "3 of 1600 draws are divergent" in page
    assert page.count("GATE FAILED: do not use") == 3  # banner, list of runs, table
    assert "did not pass its gate" in found.figure.caption


def test_a_stored_verdict_is_not_believed(side):
    run, tree = side("b", seed=2, diverging=3)
    gate = json.loads(tree.attrs["gate"])
    tree.attrs["gate"] = json.dumps({**gate, "passed": True, "failures": []})
    assert [s.letter for s in overlay([side("a"), (run, tree)]).warned] == ["B"]


def test_an_approximation_says_what_it_is(side):
    found = overlay([side("a"), side("b", seed=2, approximation="Laplace approximation")])
    assert found.warned[0].warning == "Laplace approximation"
    assert found.warned[0].gate.passed is False


def test_shared_data_other_cards_other_references(side):
    one = side("a", seed=1, data="f" * 64)
    other = side("b", seed=2, data="f" * 64, card="bulk_film", reference="SCE", about="another")
    found = overlay([one, other])
    same, cards, references = found.remarks
    assert "ffff.csv in A, B" in same
    assert "A redox_couple, B bulk_film" in cards
    assert "A Ag/AgCl, B SCE" in references
    rows = rows_of(found)
    assert "different reference electrodes" in rows["E0"].remark
    assert rows["K_sp[PC]"].about == ("solubility product", "another")
    titles = re.findall("<!-- (.*?) -->", found.figure.svg)
    assert not titles  # letters are outlines: what is drawn is told by the number of axes
    assert len(re.findall(r'id="overlay-axes_\d+"', found.figure.svg)) == 2


def test_three_panels_where_the_references_agree(side):
    figure = overlay([side("a"), side("b", seed=2)]).figure
    assert len(re.findall(r'id="overlay-axes_\d+"', figure.svg)) == 3


def test_what_cannot_be_drawn_is_said(side):
    run, tree = side("b", seed=2)
    posterior = tree["posterior"].to_dataset()
    posterior["E0"].attrs["unit"] = "cm"
    posterior["K_sp"] = posterior["K_sp"] * 0 + 1e-12
    posterior["D"][0, 0] = np.nan
    tree["posterior"] = tree["posterior"].copy()
    tree = type(tree).from_dict(
        {"/": tree.to_dataset(), "posterior": posterior, "sample_stats": tree["sample_stats"].ds}
    )
    found = overlay([side("a"), (run, tree)])
    rows = rows_of(found)
    assert rows["E0"].remark == "B: not in a unit of the kind of mV."
    assert rows["K_sp[PC]"].remark == "B: does not vary."
    assert rows["D"].remark == "B: draws that are not finite."
    assert found.figure is None
    assert found.warned


def test_nothing_shared(side):
    run, tree = side("b", seed=2)
    renamed = tree["posterior"].to_dataset().rename(E0="E1", K_sp="K_x", D="D_x")
    tree = type(tree).from_dict(
        {"/": tree.to_dataset(), "posterior": renamed, "sample_stats": tree["sample_stats"].ds}
    )
    found = overlay([side("a"), (run, tree)])
    assert (found.rows, found.figure) == ((), None)
    assert "No primary or derived quantity has the same name" in overlay_page(found, [])


def test_a_result_that_cannot_be_read_is_named(side):
    page = overlay_page(overlay([side("a"), side("b", seed=2)]), ["<c>: damaged"])
    assert "LEFT OUT" in page
    assert "&lt;c&gt;: damaged" in page


def curve(letter, mean, sd):
    draws = np.random.default_rng(1).normal(mean, sd, 500)
    return Curve(letter, draws, mean, mean - 2 * sd, mean + 2 * sd, "eti")


def test_lines_can_be_told_apart_in_grey():
    assert len({str(dashes) for _, dashes in LINES}) == len(LINES) == MOST


def test_a_narrow_posterior_beside_a_wide_one_is_seen():
    """On a grid common to both, the narrow one would fall between two points."""
    panel = Panel("x", "1", False, [curve("A", 0.0, 1.0), curve("B", 0.1, 1e-5)])
    drawing = draw_overlay([panel], {"A": "wide", "B": "narrow"}, {"A": "", "B": ""}, "key")
    assert "nan" not in drawing.svg
    paths = re.findall(r'<path d="([^"]+)" clip-path[^>]*stroke: #b04a00', drawing.svg)
    heights = [float(y) for d in paths for y in re.findall(r"[ML] \S+ (\S+)", d)]
    assert max(heights) - min(heights) > 40  # of the panel's height, in points


def test_names_are_no_formulas_and_too_many_panels_are_told():
    panels = [
        Panel(f"$x_{i}$", "1", False, [curve("A", 1, 1), curve("B", 1, 1)]) for i in range(26)
    ]
    drawing = draw_overlay(panels, {"A": "$a$", "B": "b" * 200}, {"A": "", "B": "bad"}, "key")
    assert "The first 24 of 26 quantities are drawn." in drawing.caption
    assert draw_overlay([], {}, {}, "key") is None
