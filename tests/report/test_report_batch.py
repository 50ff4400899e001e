"""The page of a batch, from entries and a table."""

import re

import numpy as np
import pandas as pd
import pytest

from perovec_bayes.report import batch
from perovec_bayes.report.batch import Entry, write_batch_report
from perovec_bayes.report.figures.ladder import Rung, draw_ladder

K_SP = {"quantity": "K_sp[PC]", "unit": "1", "shown": "1", "log": True}
S = {"quantity": "s[PC]", "unit": "mol/cm^3", "shown": "mol/L", "log": True}


def entry(name, **changes):
    values = {
        "name": name, "card": "solubility", "status": "done", "passed": True, "approximation": "",
        "words": "", "seconds": 61.0, "link": f"fits/{name}/report.html", "quantities": (K_SP, S),
    }  # fmt: skip
    return Entry(**values | changes)


def table(*names):
    rows = [
        {
            "fit": name, "quantity": each["quantity"], "unit": each["unit"], "median": 2e-6,
            "interval_low": 1e-6, "interval_high": 3e-6, "interval_kind": "eti",
        }
        for name in names
        for each in (K_SP, S)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_failures_come_first_and_are_escaped(tmp_path):
    entries = [
        entry("lost", status="lost", passed=False, link="", words="<b>gone</b>", quantities=()),
        entry("doubt", passed=False, words="R-hat is 1.2"),
        entry("good", metadata={"film": "F1"}, synthetic=True),
    ]
    path = write_batch_report("T", "N", entries, table("doubt", "good"), tmp_path / "r.html")
    page = path.read_text()
    assert "1 without a result, 1 that did not pass the diagnostics gate, 1 passed" in page
    assert page.index(">lost<") < page.index(">doubt<") < page.index(">good<")
    assert "&lt;b&gt;gone&lt;/b&gt;" in page
    assert "<b>gone</b>" not in page
    assert "film = F1" in page
    assert "SYNTHETIC DATA" in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert page.count("<svg") == 2


def test_what_is_not_drawn_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "MOST_LADDERS", 1)
    monkeypatch.setattr(batch, "MOST_RUNGS", 1)
    entries = [entry("a"), entry("b")]
    page = write_batch_report("T", "", entries, table("a", "b"), tmp_path / "r.html").read_text()
    assert "Only the first 1 of 2 quantities are drawn. Only the first 1 fits are drawn." in page
    assert page.count("<svg") == 1


@pytest.mark.parametrize("log", [True, False])
def test_a_ladder_with_limits_and_values_that_are_not_positive(log):
    rungs = [
        Rung("a", 1e-9, 0.0, 2e-9, "upper", True),
        Rung("b", 1e-8, 5e-9, np.inf, "lower", False),
        Rung("$x$ " * 30, 2e-8, -1e-9, 3e-8, "hdi", True),
    ]
    drawing = draw_ladder(rungs, "fig1", "K_sp", "1", log=log)
    assert "in 3 fits" in drawing.caption
    assert "the diagnostics gate failed" in drawing.caption
    other = draw_ladder([Rung("a", -1.0, -2.0, 0.5, "eti", True)], "fig1", "E", "V", log=log)
    assert "gate failed" not in other.caption
