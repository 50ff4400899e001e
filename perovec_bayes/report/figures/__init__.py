"""The figures of a report, as inline SVG."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import xarray as xr

from perovec_bayes.diagnostics.intervals import CENTRAL, Interval
from perovec_bayes.diagnostics.left_out import left_out
from perovec_bayes.diagnostics.observables import Observable, companion, decoded, observables
from perovec_bayes.report.figures.corner import draw_corner
from perovec_bayes.report.figures.cv import draw_cv
from perovec_bayes.report.figures.icp import draw_icp
from perovec_bayes.report.figures.light import draw_light
from perovec_bayes.report.figures.od import draw_od
from perovec_bayes.report.figures.parameters import draw_prior_posterior, draw_ranks
from perovec_bayes.report.figures.parts import draw_parts
from perovec_bayes.report.figures.pit import draw_pit
from perovec_bayes.report.figures.prior_predictive import draw_prior_predictive
from perovec_bayes.report.figures.solvents import MECHANISM, draw_orthogonality, draw_solvents
from perovec_bayes.report.figures.spectra import are_spectra
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
    prior_predictive, corner : Drawing or None
        What the prior expects; the primary quantities against each other.
    parts : tuple of Drawing
        The current taken apart into its processes, for each voltammogram where that is saved.
    """

    fits: tuple[Drawing, ...]
    prior_posterior: Drawing | None
    ranks: Drawing | None
    pit: Drawing | None = None
    prior_predictive: Drawing | None = None
    corner: Drawing | None = None
    parts: tuple[Drawing, ...] = ()


def draw_all(tree: xr.DataTree, interval: Interval = CENTRAL) -> Figures:
    """Draw every figure of a report.

    Parameters
    ----------
    tree : DataTree
        A result.
    interval : Interval, default the central 95 %
        Of predictive bands.

    Returns
    -------
    Figures
        The drawings; their keys are "fig1", "fig2", ...
    """
    found = observables(tree)
    with drawing_style():
        numbers = count(1)
        prior = observables(tree, "prior_predictive")
        expected = draw_prior_predictive(prior, f"fig{next(numbers)}", interval)
        ranks = draw_ranks(tree, f"fig{next(numbers)}")
        corner = draw_corner(tree, f"fig{next(numbers)}")
        learned = draw_prior_posterior(tree, f"fig{next(numbers)}")
        fits: list[Drawing | None] = []
        for each in found:
            fits.append(_draw_fit(each, f"fig{next(numbers)}", interval, found))
            if each.technique == "od" and each.observed.size:
                fits += draw_light(tree, each, numbers, interval, companion(each, found))
        if decoded(tree, "card").get("mechanism") == MECHANISM:
            fits += [
                draw(tree, f"fig{next(numbers)}", interval)
                for draw in (draw_solvents, draw_orthogonality)
            ]
        parts = draw_parts(tree, found, numbers)
        pit = draw_pit(left_out(tree), f"fig{next(numbers)}")
    drawn = tuple(each for each in fits if each is not None)
    return Figures(drawn, learned, ranks, pit, expected, corner, tuple(parts))


def _draw_fit(
    observable: Observable, key: str, interval: Interval, found: list[Observable]
) -> Drawing | None:
    if observable.observed.size == 0:
        return None
    if observable.technique == "cv" and "potential" in observable.constants:
        return draw_cv(observable, key, interval)
    if observable.technique == "od" and not are_spectra(observable):
        return draw_od(observable, key, interval, companion(observable, found))
    if observable.technique == "icp":
        return draw_icp(observable, key, interval)
    return None
