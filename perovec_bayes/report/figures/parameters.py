"""Prior against posterior, and rank plots: small multiples over the primary quantities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from scipy.stats import rankdata

from perovec_bayes.diagnostics.scalars import Scalar, dataset, scalars
from perovec_bayes.report.figures.style import (
    BAND,
    CHAINS,
    INK,
    MODEL,
    NARROW,
    PRIOR,
    WIDTH,
    Drawing,
    label,
    new_figure,
    to_drawing,
    with_unit,
)
from perovec_bayes.report.numbers import pretty_unit
from perovec_bayes.units import convert

MAX_PANELS = 24
COLUMNS = 3
RANK_BINS = 20
_GRID = 200
_WIDEST = 40  # the axis spans at most so many posterior widths, or a prior would hide a posterior
_DECADE = 10


def draw_prior_posterior(tree: xr.DataTree, key: str) -> Drawing | None:
    """Draw the prior (dashed) and posterior (filled) density of each primary quantity.

    Parameters
    ----------
    tree : DataTree
        A result.
    key : str
        Prefix of the ids in the SVG.

    Returns
    -------
    Drawing or None
        None when there is no primary quantity that varies.
    """
    chosen = primary(tree)
    prior = dataset(tree, "prior")
    before = {} if prior is None else {scalar.name: scalar.draws for scalar in scalars(prior)}
    caption = (
        "Filled: posterior. Dashed grey: prior. Both scaled to the same height; the axis leaves "
        "off the far tails of wide priors. Where the two agree, the data taught nothing."
    )
    return _multiples(
        chosen,
        key,
        "Prior against posterior",
        caption,
        1.5,
        lambda axes, scalar: _densities(axes, scalar, before.get(scalar.name)),
    )


def draw_ranks(tree: xr.DataTree, key: str) -> Drawing | None:
    """Draw the rank histogram of each chain for each primary quantity.

    Parameters
    ----------
    tree : DataTree
        A result.
    key : str
        Prefix of the ids in the SVG.

    Returns
    -------
    Drawing or None
        None when there is no primary quantity that varies.
    """
    caption = (
        "Share of each chain's draws in 20 classes of their rank among all draws, one line a "
        "chain. Chains that agree stay about the shaded range (99 % for independent draws); a "
        "slope or a hump in one chain shows that it saw another distribution."
    )
    return _multiples(primary(tree), key, "Rank plots", caption, 1.35, _ranks)


def primary(tree: xr.DataTree) -> list[Scalar]:
    """Return the primary quantities that vary and are finite.

    Parameters
    ----------
    tree : DataTree
        A result.
    """
    posterior = dataset(tree, "posterior")
    found = [] if posterior is None else scalars(posterior)
    return [
        scalar
        for scalar in found
        if scalar.role == "primary" and not scalar.constant and np.all(np.isfinite(scalar.draws))
    ]


def _multiples(
    chosen: list[Scalar],
    key: str,
    title: str,
    caption: str,
    height: float,
    draw: Callable[[Axes, Scalar], None],
) -> Drawing | None:
    if not chosen:
        return None
    shown = chosen[:MAX_PANELS]
    if len(shown) < len(chosen):
        caption += f" The first {len(shown)} of {len(chosen)} are drawn."
    columns = min(len(shown), COLUMNS)
    rows = -(-len(shown) // columns)
    figure = new_figure(height * rows + 0.2, NARROW if columns == 1 else WIDTH)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, scalar in zip(grid.flat, shown, strict=False):
        draw(axes, scalar)
    for axes in grid.flat[len(shown) :]:
        axes.set_visible(False)
    return to_drawing(figure, key, title, caption)


def _densities(axes: Axes, scalar: Scalar, prior: np.ndarray | None) -> None:
    unit = str(scalar.attrs.get("display_unit", scalar.unit))
    posterior = convert(scalar.draws.ravel(), scalar.unit, unit)
    before = None if prior is None else convert(prior.ravel(), scalar.unit, unit)
    if before is not None:
        before = before[np.isfinite(before)]
        before = before if before.size > 1 and np.ptp(before) > 0 else None
    low, high = span(posterior, before, scalar.log_scale)
    log_axis = scalar.log_scale and low > 0 and high > _DECADE * low
    if log_axis:
        axes.set_xscale("log")
        grid = np.geomspace(low, high, _GRID)
    else:
        grid = np.linspace(low, high, _GRID)
    if before is not None:
        axes.plot(grid, density(before, grid, log_axis), color=PRIOR, lw=1.2, ls=(0, (4, 2)))
    curve = density(posterior, grid, log_axis)
    axes.fill_between(grid, curve, color=BAND, lw=0)
    axes.plot(grid, curve, color=MODEL)
    axes.set_xlim(low, high)
    axes.set_ylim(0, 1.08)
    plain_axes(axes, log_axis)
    label(axes, title=with_unit(scalar.name, pretty_unit(unit)))


def plain_axes(axes: Axes, log_axis: bool) -> None:
    """Take from the axes of a density what tells nothing: its height; and most of the ticks.

    Parameters
    ----------
    axes : Axes
        Its limits are set.
    log_axis : bool
        Whether the quantity is on a logarithmic axis.
    """
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    if log_axis:
        axes.locator_params(axis="x", numticks=5)
        axes.minorticks_off()
    else:
        axes.locator_params(axis="x", nbins=4)


def span(posterior: np.ndarray, prior: np.ndarray | None, log_scale: bool) -> tuple[float, float]:
    """Return the span of the axis: all of the posterior, and of the prior what has room.

    Parameters
    ----------
    posterior, prior : ndarray
        Draws, in the unit of the axis; the prior may be absent.
    log_scale : bool
        Whether the quantity is judged on a logarithmic scale.
    """
    log_scale = log_scale and bool(np.all(posterior > 0))
    if log_scale:
        posterior = np.log10(posterior)
        prior = None if prior is None else np.log10(prior[prior > 0])
    low, high = np.quantile(posterior, [0.001, 0.999])
    width = high - low
    low, high = low - 0.15 * width, high + 0.15 * width
    if prior is not None and prior.size:
        first, last = np.quantile(prior, [0.01, 0.99])
        low = min(low, max(first, low - _WIDEST / 2 * width))
        high = max(high, min(last, high + _WIDEST / 2 * width))
    if log_scale:
        return float(10**low), float(10**high)
    positive = np.all(posterior >= 0) and (prior is None or np.all(prior >= 0))
    return (max(float(low), 0.0) if positive else float(low)), float(high)


def density(values: np.ndarray, grid: np.ndarray, log_axis: bool) -> np.ndarray:
    """Return the kernel density along the axis as drawn, scaled to a greatest value of 1.

    Parameters
    ----------
    values, grid : ndarray
        Draws, and places along the axis, in its unit.
    log_axis : bool
        Whether the axis is logarithmic.
    """
    if log_axis:
        values, grid = np.log10(values[values > 0]), np.log10(grid)
    curve = _kernel_sum(values, grid)
    bounded = not log_axis and grid[0] >= 0  # an axis that reaches below zero has no bound there
    if bounded and np.all(values >= 0):  # what the kernel puts below zero belongs above it
        curve += _kernel_sum(values, -grid)
    return np.asarray(curve / curve.max(), dtype=float)


def _kernel_sum(values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Sum Gaussian kernels of Silverman's width, which the quartiles set: tails may be heavy."""
    spread = np.subtract(*np.quantile(values, [0.75, 0.25])) / 1.349 or np.std(values)
    width = 0.9 * spread * values.size**-0.2
    offsets = (grid[:, None] - values[None, :]) / width
    return np.asarray(np.exp(-0.5 * offsets**2).sum(axis=1), dtype=float)


def _ranks(axes: Axes, scalar: Scalar) -> None:
    chains, length = scalar.draws.shape
    ranks = rankdata(scalar.draws, method="average").reshape(scalar.draws.shape)
    edges = np.linspace(0.5, scalar.draws.size + 0.5, RANK_BINS + 1)
    margin = 2.576 * np.sqrt((RANK_BINS - 1) / length)  # 99 % of a binomial count, over its mean
    axes.axhspan(1 - margin, 1 + margin, color="#e8e8e8", lw=0)
    for chain in range(chains):
        colour, dashes = CHAINS[chain % len(CHAINS)]
        counts = np.histogram(ranks[chain], edges)[0] * RANK_BINS / length
        axes.stairs(
            counts, np.linspace(0, 1, RANK_BINS + 1), baseline=None, color=colour, ls=dashes, lw=1
        )
    axes.axhline(1, color=INK, lw=0.5)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, max(2.0, axes.get_ylim()[1]))
    axes.set_xticks([0, 0.5, 1])
    axes.set_yticks([0, 1, 2])
    label(axes, title=scalar.name)
