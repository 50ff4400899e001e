"""Corner plot: the primary quantities against each other."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from scipy.ndimage import gaussian_filter

from perovec_bayes.diagnostics.scalars import Scalar
from perovec_bayes.report.figures.parameters import primary
from perovec_bayes.report.figures.style import (
    BAND,
    MODEL,
    NARROW,
    WIDTH,
    Drawing,
    label,
    new_figure,
    to_drawing,
)
from perovec_bayes.report.numbers import pretty_unit
from perovec_bayes.units import convert

LARGEST = 6
CLASSES = 40
SMOOTH = 1.5
SHARES = (0.95, 0.5)
DECADE = 10.0
"""A quantity on a logarithmic scale that spans less than this factor is drawn itself [1] ..."""
PLAIN = (0.01, 1e4)
"""... if it lies between these, in the unit shown, so that its ticks need no power of ten."""


def draw_corner(tree: xr.DataTree, key: str) -> Drawing | None:
    """Draw the joint posterior of up to six primary quantities that the data did not only bound.

    Parameters
    ----------
    tree : DataTree
        A result.
    key : str
        Prefix of the ids in the SVG.

    Returns
    -------
    Drawing or None
        None with fewer than two such quantities.
    """
    values = [scalar for scalar in primary(tree) if scalar.kind == "value"]
    shown = values[:LARGEST]
    if len(shown) < 2:
        return None
    draws = [_shown(scalar) for scalar in shown]
    size = len(shown)
    width = NARROW if size == 2 else WIDTH
    figure = new_figure(0.92 * width if size == 2 else 1.05 * size + 0.4, width)
    panels = figure.subplots(size, size, sharex="col", squeeze=False)
    for i in range(size):
        for j in range(size):
            axes = panels[i, j]
            if j > i:
                axes.remove()
                continue
            if i == j:
                _margin(axes, draws[i])
            else:
                _pair(axes, draws[j], draws[i])
            axes.locator_params(axis="both", nbins=3)
            axes.tick_params(labelleft=j == 0 and i > 0, labelbottom=i == size - 1)
            axes.tick_params(axis="x", rotation=30)
        label(panels[i, 0], y=_title(shown[i]) if i else "")
        label(panels[-1, i], x=_title(shown[i]))
    shares = " and ".join(f"{100 * share:g} %" for share in SHARES[::-1])
    caption = (
        f"Diagonal: posterior of each quantity. Below: regions of highest density with {shares} of "
        "the draws of each pair, dark and light. A slanted region: the data tell a combination "
        'of the two better than each. "log": the decimal logarithm is drawn.'
    )
    if size < len(values):
        caption += f" The first {size} of {len(values)} are drawn."
    return to_drawing(figure, key, "Corner plot: quantities against each other", caption)


def _shown(scalar: Scalar) -> np.ndarray:
    unit = str(scalar.attrs.get("display_unit", scalar.unit))
    draws = convert(scalar.draws.ravel(), scalar.unit, unit)
    return np.asarray(np.log10(draws) if _logarithmic(scalar, draws) else draws, dtype=float)


def _logarithmic(scalar: Scalar, draws: np.ndarray) -> bool:
    """Tell whether the logarithm is drawn; a number that is plain and well known stays itself."""
    if not (scalar.log_scale and np.all(draws > 0)):
        return False
    low, high = np.quantile(draws, [0.001, 0.999])
    return not (high < DECADE * low and PLAIN[0] <= low and high < PLAIN[1])


def _title(scalar: Scalar) -> str:
    shown = str(scalar.attrs.get("display_unit", scalar.unit))
    unit = pretty_unit(shown)
    logarithmic = _logarithmic(scalar, convert(scalar.draws.ravel(), scalar.unit, shown))
    name = scalar.name.replace("[", "\n[") if len(scalar.name) > 12 else scalar.name
    if logarithmic:
        return f"log {name}" + (f"\n/ ({unit})" if unit else "")
    return name + (f"\n/ {unit}" if unit else "")


def _margin(axes: Axes, draws: np.ndarray) -> None:
    heights, edges = np.histogram(draws, CLASSES)
    axes.stairs(gaussian_filter(heights.astype(float), 1.0), edges, color=MODEL, fill=False)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _pair(axes: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Fill the regions of highest density of a smoothed histogram."""
    counts, across, up = np.histogram2d(x, y, CLASSES, range=[_span(x), _span(y)])
    density = gaussian_filter(counts, SMOOTH)
    ordered = np.sort(density.ravel())[::-1]
    share = np.cumsum(ordered) / ordered.sum()
    levels = [float(ordered[np.searchsorted(share, each)]) for each in SHARES]
    centres = [(edges[1:] + edges[:-1]) / 2 for edges in (across, up)]
    if levels[0] < levels[1] < density.max():
        axes.contourf(
            *centres,
            density.T,
            levels=[*levels, float(density.max())],
            colors=[to_rgb(BAND), to_rgb(MODEL)],
        )


def _span(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.001, 0.999])
    margin = 0.1 * (high - low) or 0.1 * abs(high) or 1.0
    return float(low - margin), float(high + margin)
