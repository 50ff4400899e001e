"""The current of a voltammogram taken apart into its processes, cycle by cycle."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from perovec_bayes.diagnostics.features import is_held
from perovec_bayes.diagnostics.observables import Observable
from perovec_bayes.diagnostics.scalars import dataset
from perovec_bayes.report.figures.bands import thinning
from perovec_bayes.report.figures.cv import COLUMNS, chosen_cycles
from perovec_bayes.report.figures.style import (
    INK,
    LIMIT,
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
from perovec_bayes.report.results import display_unit

GROUP = "current_parts"
LINES = {
    "deposition": ("wave I: dissolved lead reduced", MODEL, "-"),
    "decomposition": ("wave II: film reduced", LIMIT, (0, (5, 1.5))),
    "stripping": ("stripping of lead", INK, (0, (1, 1))),
    "background": ("background", PRIOR, (0, (3, 1, 1, 1))),
    "charging": ("double layer", PRIOR, "-"),
}


def draw_parts(tree: xr.DataTree, found: list[Observable], numbers: Iterator[int]) -> list[Drawing]:
    """Draw the processes of each voltammogram for which they are saved.

    Parameters
    ----------
    tree : DataTree
        A result.
    found : list of Observable
        Its observables.
    numbers : iterator of int
        Numbers of the next figures.

    Returns
    -------
    list of Drawing
        Empty where the result holds none.
    """
    group = dataset(tree, GROUP)
    if group is None:
        return []
    curves = [each for each in found if f"{each.name}_deposition" in group]
    return [_draw(group, each, f"fig{next(numbers)}") for each in curves]


def _draw(group: xr.Dataset, curve: Observable, key: str) -> Drawing:
    shown, factor = display_unit(curve)
    cycle = curve.constants.get("cycle", np.ones(curve.observed.size)).astype(int)
    cycles = chosen_cycles(np.unique(cycle))
    held = is_held(curve.constants["potential"].astype(float))
    across = curve.constants["time" if held else "potential"].astype(float)
    columns = min(len(cycles), COLUMNS)
    rows = -(-len(cycles) // columns)
    figure: Figure = new_figure(2.3 * rows + 0.5, NARROW if columns == 1 else WIDTH)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    step = thinning(curve.observed.size)
    for i, (axes, number) in enumerate(zip(panels.flat, cycles, strict=False)):
        keep = np.flatnonzero(cycle == number)[::step]
        axes.axhline(0, color="#bbbbbb", lw=0.6, zorder=0)
        for name, (words, colour, dashes) in LINES.items():
            values = np.median(group[f"{curve.name}_{name}"].to_numpy(), axis=0) * factor
            axes.plot(across[keep], values[keep], color=colour, ls=dashes, lw=1, label=words)
        axes.locator_params(axis="x", nbins=5)
        reference = curve.info.get("reference", "reference")
        name = "current density" if "cm" in shown else "current"
        label(
            axes,
            x="time / s" if held else f"potential vs {reference} / V",
            y=with_unit(name, pretty_unit(shown)) if i % columns == 0 else "",
            title=f"{curve.name}, cycle {number}",
        )
    for axes in panels.flat[len(cycles) :]:
        axes.set_visible(False)
    handles, words = panels.flat[0].get_legend_handles_labels()
    figure.legend(
        handles, words, loc="outside upper left", ncols=1 if columns == 1 else 3, handlelength=2.4
    )
    draws = group.sizes["part_draw"]
    caption = (
        f"The model's current as the sum of its processes, at the median of {draws} draws of the "
        "posterior. Deposition and stripping are net: where both run, only their difference "
        "is drawn. An anodic current of wave II: the film forms again. Anodic current is positive."
    )
    title = f"Voltammogram {curve.name} taken apart: processes behind the current"
    return to_drawing(figure, key, title, caption)
