"""The report: one HTML page that holds everything it shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from perovec_bayes.diagnostics import GateResult, check
from perovec_bayes.diagnostics.observables import decoded, observables
from perovec_bayes.files import write_text
from perovec_bayes.report.checks import checks
from perovec_bayes.report.figures import Drawing, draw_all
from perovec_bayes.report.identifiability import determined
from perovec_bayes.report.tables import (
    duration,
    gate_rows,
    lessons,
    measured,
    other_modes,
    plain,
    quantities,
)

_ROLES = {
    "primary": "Primary quantities",
    "derived": "Derived quantities",
    "ancillary": "Ancillary parameters",
}


def write_report(tree: xr.DataTree, path: str | Path, *, prob: float = 0.95) -> Path:
    """Write a result as one self-contained HTML page.

    The page needs no network and no scripts. The gate's verdict is taken from the result when it
    says "failed"; a stored "passed" is checked again on the draws.

    Parameters
    ----------
    tree : DataTree
        A result, as saved in ``posterior.nc``.
    path : str or Path
        The file to write; it is whole or not there.
    prob : float, default 0.95
        Probability of intervals, limits and bands [1].

    Returns
    -------
    Path
        `path`.
    """
    return write_text(path, render(tree, prob=prob))


def render(tree: xr.DataTree, *, prob: float = 0.95) -> str:
    """Return the page of `write_report` as text.

    Parameters
    ----------
    tree : DataTree
        A result.
    prob : float, default 0.95
        Probability of intervals, limits and bands [1].
    """
    return environment().get_template("report.html.j2").render(_context(tree, prob))


def environment() -> Environment:
    """Return where templates are found, with the filters they use."""
    found = Environment(
        loader=PackageLoader("perovec_bayes.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"plain": plain, "duration": duration, "inline": _inline}
    return found


def _context(tree: xr.DataTree, prob: float) -> dict[str, Any]:
    card, study, provenance = (decoded(tree, name) for name in ("card", "study", "provenance"))
    sampler = provenance.get("sampler") or decoded(tree, "sampler")
    gate = _gate(tree)
    rows = quantities(tree, prob)
    data = measured(observables(tree))
    return {
        "title": str(study.get("title") or study.get("name") or "Result of a fit"),
        "study": study,
        "card": card,
        "provenance": provenance,
        "sampler": sampler,
        "wall_time": provenance.get("wall_time_s", sampler.get("wall_time_s")),
        "prob": f"{100 * prob:g} %",
        "approximation": str(tree.attrs.get("approximation", "")),
        "other_modes": other_modes(tree),
        "gate": gate,
        "gate_rows": gate_rows(gate),
        "headline": [row for row in rows if row.role == "primary"] or rows,
        "groups": [
            (title, chosen)
            for role, title in _ROLES.items()
            if (chosen := [row for row in rows if row.role == role])
        ],
        "lessons": lessons(tree),
        "determined": determined(tree),
        "checks": checks(tree, prob),
        "data": data,
        "synthetic": [row.name for row in data if row.synthetic],
        "priors": [{"name": name, **entry} for name, entry in decoded(tree, "priors").items()],
        "derived_notes": tree.attrs.get("derived_notes", ""),
        "figures": draw_all(tree, prob),
        "references": _references(card.get("references")),
        "shape": _shape(tree),
    }


def _gate(tree: xr.DataTree) -> GateResult:
    text = tree.attrs.get("gate")
    if text:
        stored = GateResult.from_json(str(text))
        if not stored.passed:
            return stored
    return check(tree)


def _shape(tree: xr.DataTree) -> tuple[int, int]:
    """Return the numbers of chains and of draws in each."""
    sizes = tree.children["posterior"].sizes
    return int(sizes["chain"]), int(sizes["draw"])


def _references(found: Any) -> list[str]:
    if not found:
        return []
    if isinstance(found, Mapping):
        return [f"{key}: {plain(value)}" for key, value in found.items()]
    if isinstance(found, list):
        return [plain(value) for value in found]
    return [plain(found)]


def _inline(drawing: Drawing) -> Markup:
    """Pass a drawing's SVG through the escaping: matplotlib made it, and its words are escaped."""
    return Markup(drawing.svg)
