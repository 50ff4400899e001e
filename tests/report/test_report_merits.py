from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import xarray as xr

from perovec_bayes.report import facts
from perovec_bayes.report.content import Section, Table
from perovec_bayes.report.figures import Figures
from perovec_bayes.report.sections.record import QUANTITATION, merits

type Make = Callable[..., xr.DataTree]


@pytest.fixture
def section(make_tree: Make, monkeypatch: pytest.MonkeyPatch) -> Callable[[xr.DataTree], Section]:
    monkeypatch.setattr(facts, "draw_all", lambda tree, prob: Figures((), None, None))

    def of(tree: xr.DataTree) -> Section:
        found = merits(facts.facts(tree))
        assert found is not None
        return found

    return of


def tables(section: Section) -> dict[str, Table]:
    return {block.key: block for block in section.blocks if isinstance(block, Table)}


def test_limits_readings_and_recovery(
    make_tree: Make, section: Callable[[xr.DataTree], Section]
) -> None:
    rows = list(tables(section(make_tree()))["merits-icp1"].rows())
    assert pytest.approx(3.04, abs=0.005) == QUANTITATION
    assert [cell.text for cell in rows[0][2:5]] == ["1.00 × 10⁻⁷", "3.04 × 10⁻⁷", "0.00248"]
    assert [row[5].text for row in rows] == ["yes", "yes", "yes", "no"]
    assert rows[3][4].text == "not seen"
    assert [row[6].text for row in rows] == ["1", "1", "10", "–"]
    # 4 % above the truth, about which 120 draws lie with a spread of 9 %: three standard errors
    assert float(rows[0][7].text.removesuffix(" %")) == pytest.approx(104, abs=3)
    assert rows[3][7].text == "–"


def test_a_calibration_is_shown_where_there_is_one(
    make_tree: Make, section: Callable[[xr.DataTree], Section]
) -> None:
    tree = make_tree()
    assert "no calibration" in str(section(tree))
    line = {"slope": 2.5, "intercept": 0.1, "scale": 0.02, "points": 6, "r_squared": 0.99991,
            "top": 10.0}  # fmt: skip
    found = json.loads(tree.attrs["observables"])
    found["icp1"]["calibration"] = json.dumps({"Pb 220.353": line})
    tree.attrs["observables"] = json.dumps(found)
    (row,) = tables(section(tree))["calibration-icp1"].rows()
    assert [cell.text for cell in row] == [
        "Pb 220.353", "2.500", "0.1000", "0.02000", "6", "0.99991", "10.00",
    ]  # fmt: skip
    assert "no calibration" not in str(section(tree))
