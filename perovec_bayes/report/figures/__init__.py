"""The figures of a report, as inline SVG."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from perovec_bayes.diagnostics.left_out import left_out
from perovec_bayes.diagnostics.observables import Observable, companion, decoded, observables
from perovec_bayes.report.figures.cv import draw_cv
from perovec_bayes.report.figures.icp import draw_icp
from perovec_bayes.report.figures.od import draw_od
from perovec_bayes.report.figures.parameters import draw_prior_posterior, draw_ranks
from perovec_bayes.report.figures.pit import draw_pit
from perovec_bayes.report.figures.solvents import MECHANISM, draw_orthogonality, draw_solvents
from perovec_bayes.report.figures.style import Drawing, drawing_style

__all__ = ["Drawing", "Figures", "draw_all"]


@dataclass(frozen=True)
class Figures:
    """The figures of a report.

    Parameters
    ----------
    fits : tuple of Drawing
        One for each observable that can be drawn, then those of a mechanism.
    prior_posterior, ranks : Drawing or None
        Small multiples over the primary quantities; None when there are none.
    pit : Drawing or None
        Measured values against their predictions from all others; None when not saved.
    """

    fits: tuple[Drawing, ...]
    prior_posterior: Drawing | None
    ranks: Drawing | None
    pit: Drawing | None = None


def draw_all(tree: xr.DataTree, prob: float = 0.95) -> Figures:
    """Draw every figure of a report.

    Parameters
    ----------
    tree : DataTree
        A result.
    prob : float, default 0.95
        Probability of predictive bands [1].

    Returns
    -------
    Figures
        The drawings; their keys are "fig1", "fig2", ... in the order of the page.
    """
    found = observables(tree)
    with drawing_style():
        fits: list[Drawing] = []
        for observable in found:
            drawing = _draw_fit(observable, f"fig{len(fits) + 1}", prob, found)
            if drawing is not None:
                fits.append(drawing)
        if decoded(tree, "card").get("mechanism") == MECHANISM:
            for draw in (draw_solvents, draw_orthogonality):
                drawing = draw(tree, f"fig{len(fits) + 1}", prob)
                fits += [drawing] if drawing is not None else []
        return Figures(
            tuple(fits),
            draw_prior_posterior(tree, f"fig{len(fits) + 1}"),
            draw_ranks(tree, f"fig{len(fits) + 2}"),
            draw_pit(left_out(tree), f"fig{len(fits) + 3}"),
        )


def _draw_fit(
    observable: Observable, key: str, prob: float, found: list[Observable]
) -> Drawing | None:
    if observable.observed.size == 0:
        return None
    if observable.technique == "cv" and "potential" in observable.constants:
        return draw_cv(observable, key, prob)
    if observable.technique == "od":
        return draw_od(observable, key, prob, companion(observable, found))
    if observable.technique == "icp":
        return draw_icp(observable, key, prob)
    return None
