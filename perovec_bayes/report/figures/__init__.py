"""The figures of a report, as inline SVG."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from perovec_bayes.report.figures.cv import draw_cv
from perovec_bayes.report.figures.icp import draw_icp
from perovec_bayes.report.figures.od import draw_od
from perovec_bayes.report.figures.parameters import draw_prior_posterior, draw_ranks
from perovec_bayes.report.figures.style import Drawing, drawing_style
from perovec_bayes.report.results import Observable, observables

__all__ = ["Drawing", "Figures", "draw_all"]


@dataclass(frozen=True)
class Figures:
    """The figures of a report.

    Parameters
    ----------
    fits : tuple of Drawing
        One for each observable that can be drawn.
    prior_posterior, ranks : Drawing or None
        Small multiples over the primary quantities; None when there are none.
    """

    fits: tuple[Drawing, ...]
    prior_posterior: Drawing | None
    ranks: Drawing | None


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
        return Figures(
            tuple(fits),
            draw_prior_posterior(tree, f"fig{len(fits) + 1}"),
            draw_ranks(tree, f"fig{len(fits) + 2}"),
        )


def _draw_fit(
    observable: Observable, key: str, prob: float, found: list[Observable]
) -> Drawing | None:
    if observable.observed.size == 0:
        return None
    if observable.technique == "cv" and "potential" in observable.constants:
        return draw_cv(observable, key, prob)
    if observable.technique == "od":
        return draw_od(observable, key, prob, _companion(observable, found))
    if observable.technique == "icp":
        return draw_icp(observable, key, prob)
    return None


def _companion(observable: Observable, found: list[Observable]) -> Observable | None:
    """Return the voltammogram on the same clock: that of the same sample, or the only one."""
    curves = [
        other
        for other in found
        if other.technique == "cv" and {"time", "potential"} <= set(other.constants)
    ]
    sample = observable.info.get("sample")
    same = [other for other in curves if sample and other.info.get("sample") == sample]
    if same:
        return same[0]
    return curves[0] if len(curves) == 1 else None
