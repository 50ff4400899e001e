"""The page and the words of a model comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.diagnostics.comparison import Comparison
from perovec_bayes.diagnostics.observables import decoded
from perovec_bayes.files import write_text
from perovec_bayes.report.html import environment

LARGE_ERROR = 0.5
"""An estimate of ln Z with a larger error is not used [1]."""


@dataclass(frozen=True)
class EvidenceRow:
    """The evidence of one model.

    Parameters
    ----------
    name : str
        The run.
    log, error : float
        ln Z and its standard error.
    narrowed : dict
        For parameters that not all models share: by how much ln Z changes if their prior were half
        as wide.
    """

    name: str
    log: float
    error: float
    narrowed: dict[str, float]

    @property
    def usable(self) -> bool:
        """Whether the estimate is good enough to be used."""
        return bool(np.isfinite(self.log) and self.error <= LARGE_ERROR)


def totals(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return a table over all blocks: model, elpd, behind the best, standard error, weight.

    Parameters
    ----------
    comparison : Comparison
        Models from best to worst.
    """
    rows = []
    for place, candidate in enumerate(comparison.candidates):
        d = comparison.difference(place)
        behind = ("–", "–") if not place else (f"{d.elpd:.1f}", _number(d.se))
        weight = f"{comparison.weights[place]:.2f}"
        rows.append((candidate.name, f"{candidate.elpd.sum():.1f}", *behind, weight))
    return [("", "elpd", "behind by", "s.e.", "weight"), *rows]


def by_block(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return a table over blocks: how far each model is behind the best one, and Pareto k.

    Parameters
    ----------
    comparison : Comparison
        Models from best to worst.
    """
    best, *others = comparison.candidates
    head = ["block", "data", f"elpd of {best.name}", "k"]
    for other in others:
        head += [f"{other.name} behind by", "k"]
    rows = [tuple(head)]
    for i, label in enumerate(best.blocks):
        cells = [label, str(int(best.sizes[i])), f"{best.elpd[i]:.1f}", _k(best.pareto_k[i])]
        for other in others:
            cells += [f"{best.elpd[i] - other.elpd[i]:.1f}", _k(other.pareto_k[i])]
        rows.append(tuple(cells))
    return rows


def bayes_factors(rows: Sequence[EvidenceRow]) -> list[str]:
    """Return what the evidences say, as sentences.

    Parameters
    ----------
    rows : sequence of EvidenceRow
        Best first.
    """
    if not rows:
        return []
    said = [f"ln evidence of '{row.name}': {row.log:.2f} ± {row.error:.2f}." for row in rows]
    bad = [row for row in rows if not row.usable]
    said += [
        f"The evidence of '{row.name}' could not be estimated well enough: no Bayes factor with it."
        for row in bad
    ]
    good = [row for row in rows if row.usable]
    for other in good[1:]:
        size = good[0].log - other.log
        said.append(
            f"Bayes factor of '{good[0].name}' over '{other.name}': e^{size:.2f} "
            f"(± {np.hypot(good[0].error, other.error):.2f} in the exponent)."
        )
    for row in good:
        said += [
            f"If the prior of {name} in '{row.name}' were half as wide, ln evidence would change "
            f"by {change:+.2f}."
            for name, change in row.narrowed.items()
        ]
    if len(good) > 1:
        said.append(
            "A Bayes factor weighs priors as much as models: a prior ten times too wide costs "
            "a parameter that the data determine a factor of ten. Believe it only where the "
            "widths are known."
        )
    return said


def write_page(
    comparison: Comparison,
    evidences: Sequence[EvidenceRow],
    trees: Mapping[str, xr.DataTree],
    path: str | Path,
) -> Path:
    """Write a comparison as one self-contained HTML page.

    Parameters
    ----------
    comparison : Comparison
        Models from best to worst.
    evidences : sequence of EvidenceRow
        Best first; may be empty.
    trees : mapping of str to DataTree
        The results, by name.
    path : str or Path
        The file to write; it is whole or not there.

    Returns
    -------
    Path
        `path`.
    """
    page = environment().get_template("comparison.html.j2")
    return write_text(
        path,
        page.render(
            comparison=comparison,
            totals=totals(comparison),
            blocks=by_block(comparison),
            factors=bayes_factors(evidences),
            runs=[_run(each.name, trees[each.name]) for each in comparison.candidates],
        ),
    )


def _run(name: str, tree: xr.DataTree) -> dict[str, Any]:
    """Return what tells one run from another."""
    study, card = decoded(tree, "study"), decoded(tree, "card")
    return {
        "name": name,
        "title": study.get("title", ""),
        "card": card.get("name", ""),
        "options": card.get("options", {}),
        "noise": card.get("noise", {}),
        "fixed": study.get("fixed", []),
        "priors_changed": study.get("priors_changed", []),
        "sha256": study.get("sha256", ""),
        "data": decoded(tree, "provenance").get("data", []),
    }


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.1f}"


def _k(value: float) -> str:
    return "refit" if np.isnan(value) else f"{value:.2f}"
