"""What every section of a report looks at, worked out once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xarray as xr

from perovec_bayes.diagnostics import GateResult, check
from perovec_bayes.diagnostics.intervals import Interval
from perovec_bayes.diagnostics.observables import Observable, decoded, observables
from perovec_bayes.report.checks import Checks, checks
from perovec_bayes.report.figures import Figures, draw_all
from perovec_bayes.report.tables import Learned, Measured, Quantity, lessons, measured, quantities


@dataclass(frozen=True, eq=False)
class Facts:
    """A result, and what is read off it more than once.

    Parameters
    ----------
    tree : DataTree
        The result.
    interval : Interval
        Which intervals and bands are shown, and the probability of limits.
    card, study, provenance, sampler, priors : mapping
        Its root attributes.
    gate : GateResult
        The verdict: the stored one where that is "failed", else that on the draws.
    rows : tuple of Quantity
        Every scalar of the posterior.
    learned : tuple of Learned
        What the data taught of each scalar; empty without prior draws.
    found : tuple of Observable
        The observables.
    data : tuple of Measured
        The data sets.
    checks : Checks
        How model, data and prior agree.
    figures : Figures
        The drawings.
    approximation : str
        What the draws are if not a posterior sample; else nothing.
    """

    tree: xr.DataTree
    interval: Interval
    card: Mapping[str, Any]
    study: Mapping[str, Any]
    provenance: Mapping[str, Any]
    sampler: Mapping[str, Any]
    priors: Mapping[str, Any]
    gate: GateResult
    rows: tuple[Quantity, ...]
    learned: tuple[Learned, ...]
    found: tuple[Observable, ...]
    data: tuple[Measured, ...]
    checks: Checks
    figures: Figures
    approximation: str

    @property
    def percent(self) -> str:
        """The probability of intervals, as in "95 %"."""
        return self.interval.percent

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of chains and of draws in each."""
        sizes = self.tree.children["posterior"].sizes
        return int(sizes["chain"]), int(sizes["draw"])

    @property
    def headline(self) -> tuple[Quantity, ...]:
        """The primary quantities; all where there are none."""
        return tuple(row for row in self.rows if row.role == "primary") or self.rows

    @property
    def unlearned(self) -> list[str]:
        """Names of what the data tell nothing of."""
        return [row.name for row in self.learned if row.verdict.startswith("not")]

    @property
    def techniques(self) -> list[str]:
        """The techniques of the data, each once, in their order."""
        return list(dict.fromkeys(each.technique for each in self.found))


def facts(tree: xr.DataTree) -> Facts:
    """Read a result.

    Parameters
    ----------
    tree : DataTree
        A result.
    """
    interval = Interval.asked(tree)
    provenance = decoded(tree, "provenance")
    found = observables(tree)
    return Facts(
        tree=tree,
        interval=interval,
        card=decoded(tree, "card"),
        study=decoded(tree, "study"),
        provenance=provenance,
        sampler=provenance.get("sampler") or decoded(tree, "sampler"),
        priors=decoded(tree, "priors"),
        gate=verdict(tree),
        rows=tuple(quantities(tree, interval)),
        learned=tuple(lessons(tree)),
        found=tuple(found),
        data=tuple(measured(found)),
        checks=checks(tree, interval),
        figures=draw_all(tree, interval),
        approximation=str(tree.attrs.get("approximation", "")),
    )


def verdict(tree: xr.DataTree) -> GateResult:
    """Return the gate's verdict: the stored one where that is "failed", else that on the draws.

    Parameters
    ----------
    tree : DataTree
        A result.
    """
    text = tree.attrs.get("gate")
    if text:
        stored = GateResult.from_json(str(text))
        if not stored.passed:
            return stored
    return check(tree)
