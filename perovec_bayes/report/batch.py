"""The page of a batch: what failed, every quantity over all fits, and links to their reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from perovec_bayes.files import write_text
from perovec_bayes.report.figures.ladder import Rung, draw_ladder
from perovec_bayes.report.figures.style import Drawing
from perovec_bayes.report.html import environment
from perovec_bayes.report.tables import duration
from perovec_bayes.units import convert

MOST_LADDERS = 16
MOST_RUNGS = 120
"""More would be a page that no browser likes."""


@dataclass(frozen=True)
class Entry:
    """One fit of a batch, for its page.

    Parameters
    ----------
    name, card : str
        Which fit.
    status : str
        "done", "missing", or the kind of its failure.
    passed : bool
        Whether it has a result that passed its gate.
    approximation : str
        What the result is if not a posterior sample; else nothing.
    words : str
        What went wrong; nothing where all is well.
    seconds : float or None
        Its time [s].
    metadata : dict
        What the manifest says of it.
    link : str
        Its report, as seen from the page; nothing if there is none.
    quantities : tuple of dict
        Of each primary quantity: `quantity`, `unit`, `shown` (unit for figures), `log`.
    synthetic : bool
        Whether some of the data were simulated.
    """

    name: str
    card: str
    status: str
    passed: bool
    approximation: str
    words: str
    seconds: float | None
    metadata: dict[str, Any] = field(default_factory=dict)
    link: str = ""
    quantities: tuple[dict[str, Any], ...] = ()
    synthetic: bool = False

    @property
    def done(self) -> bool:
        """Whether there is a result."""
        return bool(self.link)

    @property
    def time(self) -> str:
        """Its time as text."""
        return "–" if self.seconds is None else duration(self.seconds)

    @property
    def said(self) -> str:
        """The metadata as text."""
        return ", ".join(f"{key} = {value}" for key, value in self.metadata.items())


def write_batch_report(
    title: str, notes: str, entries: Sequence[Entry], table: pd.DataFrame, path: str | Path
) -> Path:
    """Write the page of a batch as one self-contained HTML page.

    Parameters
    ----------
    title, notes : str
        What the batch is.
    entries : sequence of Entry
        Its fits: those without a result first, then those whose gate failed.
    table : DataFrame
        Summaries of all fits, with the columns `fit`, `quantity`, `median`, `interval_low`,
        `interval_high`, `interval_kind`.
    path : str or Path
        The file to write; it is whole or not there.
    """
    figures, left_out = _ladders(entries, table)
    page = environment().get_template("batch.html.j2")
    return write_text(
        path,
        page.render(
            title=title,
            notes=notes,
            entries=entries,
            failed=[each for each in entries if not each.done],
            doubtful=[each for each in entries if each.done and not each.passed],
            passed=[each for each in entries if each.passed],
            approximate=any(each.approximation for each in entries),
            synthetic=[each.name for each in entries if each.synthetic],
            figures=figures,
            left_out=left_out,
        ),
    )


def _ladders(entries: Sequence[Entry], table: pd.DataFrame) -> tuple[list[Drawing], str]:
    """Return a ladder for each quantity, and words on what is not drawn."""
    axes: dict[str, dict[str, Any]] = {}
    for entry in entries:
        for each in entry.quantities:
            axes.setdefault(str(each["quantity"]), dict(each))
    passed = {entry.name: entry.passed for entry in entries}
    rows = table[table["quantity"] != ""]
    drawings, cut = [], False
    for number, (quantity, axis) in enumerate(list(axes.items())[:MOST_LADDERS], start=1):
        chosen = rows[rows["quantity"] == quantity]
        rungs = [_rung(row, axis, passed) for row in chosen.to_dict("records")]
        cut |= len(rungs) > MOST_RUNGS
        shown, log = str(axis["shown"]), bool(axis["log"])
        drawings.append(draw_ladder(rungs[:MOST_RUNGS], f"fig{number}", quantity, shown, log=log))
    said = []
    if len(axes) > MOST_LADDERS:
        said.append(f"Only the first {MOST_LADDERS} of {len(axes)} quantities are drawn.")
    if cut:
        said.append(f"Only the first {MOST_RUNGS} fits are drawn.")
    return drawings, " ".join([*said, "All are in summary.csv."] if said else said)


def _rung(row: dict[Any, Any], axis: dict[str, Any], passed: dict[str, bool]) -> Rung:
    unit, shown = str(row["unit"]), str(axis["shown"])
    median, low, high = (
        convert(float(row[name]), unit, shown)
        for name in ("median", "interval_low", "interval_high")
    )
    fit = str(row["fit"])
    return Rung(fit, median, low, high, str(row["interval_kind"]), passed[fit])
