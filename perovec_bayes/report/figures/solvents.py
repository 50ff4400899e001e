"""Solubilities over solvents: the law of each salt, and how the two salts go together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from perovec_bayes.constants import STANDARD_CONCENTRATION
from perovec_bayes.diagnostics.intervals import Interval
from perovec_bayes.diagnostics.observables import decoded
from perovec_bayes.diagnostics.scalars import dataset
from perovec_bayes.report.figures.style import (
    BAND,
    INK,
    LIMIT,
    MODEL,
    PRIOR,
    Drawing,
    label,
    new_figure,
    to_drawing,
)

MECHANISM = "solvent_regression"
_SALTS = ("lattice", "ligand")
_GRID = 60
_CLASSES = 25


class _Axis(NamedTuple):
    """A property of solvents, as `inference.mechanisms.solvent_properties` has it."""

    slope: str
    property: str
    reference: str
    title: str

    def predictor(self, value: np.ndarray, options: Mapping[str, Any]) -> np.ndarray:
        """Return what the coefficient multiplies."""
        reference = float(options[self.reference])
        if self.property == "eps":
            return np.asarray(1.0 / value - 1.0 / reference)
        return np.asarray((value - reference) / 10.0)


_AXES = {
    "permittivity": _Axis("b_eps", "eps", "eps_ref", "1/permittivity"),
    "donor_number": _Axis("b_DN", "DN", "DN_ref", "donor number / (kcal/mol)"),
    "acceptor_number": _Axis("b_AN", "AN", "AN_ref", "acceptor number"),
}


class _Point(NamedTuple):
    """A measured system."""

    solvent: str
    draws: np.ndarray
    """log10(s/c°), shape (draws,)."""
    limit: bool
    """Whether the data bound it from above only."""


class _Study:
    """The draws of a regression."""

    def __init__(self, tree: xr.DataTree) -> None:
        posterior = dataset(tree, "posterior")
        assert posterior is not None
        self._set = posterior
        self.options: dict[str, Any] = decoded(tree, "card")["options"]
        self._priors = decoded(tree, "priors")
        s = posterior["s"]
        names = [str(name).split(", ", maxsplit=1) for name in s["system"].to_numpy()]
        log_s = np.log10(self._flat(s) / STANDARD_CONCENTRATION)
        limits = json.loads(str(s.attrs.get("limits", "[]"))) or [""] * len(names)
        self.points: dict[str, list[_Point]] = {str(self.options[salt]): [] for salt in _SALTS}
        for i, (salt, solvent) in enumerate(names):
            self.points[salt].append(_Point(solvent, log_s[:, i], bool(limits[i])))
        self._solvents = [str(name) for name in posterior["solvent"].to_numpy()]

    @property
    def salts(self) -> list[tuple[str, str]]:
        """The measured salts: "lattice" or "ligand", and its name."""
        pairs = [(salt, str(self.options[salt])) for salt in _SALTS]
        return [(salt, name) for salt, name in pairs if self.points[name]]

    @staticmethod
    def _flat(array: xr.DataArray) -> np.ndarray:
        values = array.to_numpy()
        return np.asarray(values.reshape(-1, *values.shape[2:]), dtype=float)

    def coefficient(self, name: str) -> np.ndarray:
        """Return the draws of a coefficient, or the value at which it is fixed."""
        if name in self._set:
            return self._flat(self._set[name])
        return np.full(
            self._set.sizes["chain"] * self._set.sizes["draw"], self._priors[name]["value"]
        )

    def of_solvent(self, name: str, solvent: str) -> np.ndarray:
        """Return the draws of a solvent's property."""
        return self._flat(self._set[name])[:, self._solvents.index(solvent)]

    def axes(self) -> list[_Axis]:
        """Return the properties in the law."""
        return [axis for name, axis in _AXES.items() if name in self.options["predictors"]]


def draw_solvents(tree: xr.DataTree, key: str, interval: Interval) -> Drawing | None:
    """Draw log10 s of each salt against each property, the others' effects taken off.

    Parameters
    ----------
    tree : DataTree
        A result of card "solvent_regression".
    key : str
        Prefix of the ids in the SVG.
    interval : Interval
        Of intervals, limits and bands.

    Returns
    -------
    Drawing or None
        None where the law has no property.
    """
    study = _Study(tree)
    columns = study.axes()
    if not columns:
        return None
    rows = study.salts
    figure = new_figure(2.3 * len(rows) + 0.3)
    grid = figure.subplots(len(rows), len(columns), squeeze=False, sharey="row", sharex="col")
    for line, (salt, name) in zip(grid, rows, strict=True):
        for axes, column in zip(line, columns, strict=True):
            _draw_law(axes, study, salt, study.points[name], column, interval)
        label(line[0], y=f"log10 (s / (mol/L)), {name}")
    for axes, column in zip(grid[-1], columns, strict=True):
        label(axes, x=column.title)
    references = ", ".join(f"{c.property} = {study.options[c.reference]:g}" for c in columns)
    caption = (
        f"Points: solubility, median and {interval.words} interval, with the effects of the other "
        f"properties taken off (all at {references}). Arrows: the data give an upper limit only, "
        f"at its {interval.percent} quantile. Line and band: the law without its scatter, median "
        f"and {interval.words}. Where a line with the other sign of the slope fits into the band, "
        "these solvents do not tell the effect of that property."
    )
    return to_drawing(figure, key, "Solubility over solvents: data and law", caption)


def _draw_law(
    axes: Axes, study: _Study, salt: str, points: list[_Point], axis: _Axis, interval: Interval
) -> None:
    inverse = axis.property == "eps"
    others = [other for other in study.axes() if other is not axis]
    places = []
    for point in points:
        own = study.of_solvent(axis.property, point.solvent)
        x = float(np.median(1 / own if inverse else own))
        rest = sum(
            study.coefficient(f"{other.slope}_{salt}")
            * other.predictor(study.of_solvent(other.property, point.solvent), study.options)
            for other in others
        )
        places.append(x)
        _mark(axes, x, point.draws - rest, point.limit, interval, vertical=True)
        _name(axes, point.solvent, x, _shown(point.draws - rest, point.limit, interval))
    low, high = min(places), max(places)
    margin = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    line = np.linspace(low - margin, high + margin, _GRID)
    inside = axis.predictor(1 / np.maximum(line, 1e-9) if inverse else line, study.options)
    slope = study.coefficient(f"{axis.slope}_{salt}")
    law = study.coefficient(f"a_{salt}")[:, None] + slope[:, None] * inside
    axes.fill_between(line, *interval.ends(law), color=BAND, lw=0, zorder=0)
    axes.plot(line, np.median(law, axis=0), color=MODEL, zorder=1)


def _shown(draws: np.ndarray, limit: bool, interval: Interval) -> float:
    """Return where a quantity is marked: at its median, or at its upper limit."""
    return interval.limit(draws, "upper") if limit else float(np.median(draws))


def _mark(
    axes: Axes, at: float, draws: np.ndarray, limit: bool, interval: Interval, *, vertical: bool
) -> None:
    """Draw an interval with its median, or an arrow down from an upper limit."""
    middle = _shown(draws, limit, interval)
    if limit:
        tip = (0, -18) if vertical else (-18, 0)
        arrow = {"arrowstyle": "<-", "color": LIMIT, "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
        where = (at, middle) if vertical else (middle, at)
        axes.annotate("", xy=where, xytext=tip, textcoords="offset points", arrowprops=arrow)
        axes.plot(*where, color=LIMIT, marker="_" if vertical else "|", ms=8, ls="none")
        return
    low, high = interval.ends(draws)
    ends = ([at, at], [low, high]) if vertical else ([low, high], [at, at])
    axes.plot(*ends, color=INK, lw=0.9)
    axes.plot(*((at, middle) if vertical else (middle, at)), color=INK, marker="o", ms=3.5)


def _name(axes: Axes, solvent: str, x: float, y: float) -> None:
    """Write the name of a solvent beside its point."""
    axes.annotate(solvent, (x, y), xytext=(5, 4), textcoords="offset points", fontsize=7, color=INK)


def draw_orthogonality(tree: xr.DataTree, key: str, interval: Interval) -> Drawing | None:
    """Draw the two salts' solubilities against each other, and prior and posterior of `corr`.

    Parameters
    ----------
    tree : DataTree
        A result of card "solvent_regression".
    key : str
        Prefix of the ids in the SVG.
    interval : Interval
        Of intervals and limits.

    Returns
    -------
    Drawing or None
        None where only one salt was measured.
    """
    posterior, prior = dataset(tree, "posterior"), dataset(tree, "prior")
    if posterior is None or "corr" not in posterior:
        return None
    study = _Study(tree)
    (_, lattice), (_, ligand) = study.salts
    figure = new_figure(3.0)
    left, right = figure.subplots(1, 2)
    ligands = {point.solvent: point for point in study.points[ligand]}
    for point in study.points[lattice]:
        if point.solvent not in ligands:
            continue
        other = ligands[point.solvent]
        x, y = (_shown(each.draws, each.limit, interval) for each in (point, other))
        _mark(left, y, point.draws, point.limit, interval, vertical=False)
        _mark(left, x, other.draws, other.limit, interval, vertical=True)
        _name(left, point.solvent, x, y)
    label(left, x=f"log10 (s / (mol/L)), {lattice}", y=f"log10 (s / (mol/L)), {ligand}")
    edges = np.linspace(-1, 1, _CLASSES + 1)
    after = posterior["corr"].to_numpy().ravel()
    right.stairs(np.histogram(after, edges, density=True)[0], edges, fill=True, color=BAND)
    right.stairs(np.histogram(after, edges, density=True)[0], edges, color=MODEL)
    before = None if prior is None or "corr" not in prior else prior["corr"].to_numpy().ravel()
    if before is not None:
        heights = np.histogram(before, edges, density=True)[0]
        right.stairs(heights, edges, color=PRIOR, ls=(0, (4, 2)), lw=1.2)
    right.axvline(0, color=INK, lw=0.5)
    right.set_yticks([])
    right.set_xlim(-1, 1)
    label(
        right, x="correlation of the two log10 s over solvents", title="prior (dashed), posterior"
    )
    caption = (
        f"Left: solubilities in the same solvent, median and {interval.words} interval; "
        f"arrows at the {interval.percent} upper limit where the data give no more. Right: the "
        "correlation over solvents as varied as those of this study. "
        f"{verdict(after, before, interval)}"
    )
    return to_drawing(figure, key, "Are the two solubilities orthogonal?", caption)


def verdict(after: np.ndarray, before: np.ndarray | None, interval: Interval) -> str:
    """Say in words what is determined of a correlation, and what is not.

    Parameters
    ----------
    after, before : ndarray
        Draws of the posterior and, where there are any, of the prior.
    interval : Interval
        Of the interval.
    """
    low, high = interval.ends(after)
    negative = _share(after)
    if before is not None:
        negative += f" (before the data {_share(before)})"
    said = f"It is negative with probability {negative}; {interval.words}: {low:.2f} to {high:.2f}."
    if low < 0 < high:
        return f"{said} The interval contains 0: its sign is not determined."
    sign = "negative" if high < 0 else "positive"
    if high - low > 0.5:
        return f"{said} It is {sign}; how strong it is, is not determined."
    return f"{said} It is {sign}."


def _share(draws: np.ndarray) -> str:
    """Write the probability that a correlation is negative; draws do not make it 0 or 1."""
    share = float(np.mean(draws < 0))
    if share > 0.99:
        return "above 0.99"
    return "below 0.01" if share < 0.01 else f"{share:.2f}"
