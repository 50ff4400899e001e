"""LOO-PIT: the cumulative distribution of PIT values less that of uniform ones."""

from __future__ import annotations

from collections.abc import Sequence

from perovec_bayes.diagnostics.left_out import LeftOut
from perovec_bayes.report.figures.style import (
    BAND,
    LIMIT,
    MODEL,
    NARROW,
    WIDTH,
    Drawing,
    label,
    new_figure,
    to_drawing,
)

COLUMNS = 3


def draw_pit(found: Sequence[LeftOut], key: str) -> Drawing | None:
    """Draw one panel for each observable.

    Parameters
    ----------
    found : sequence of LeftOut
        The observables.
    key : str
        Prefix of the ids in the SVG.

    Returns
    -------
    Drawing or None
        The figure; None when there is nothing to draw.
    """
    if not found:
        return None
    columns = min(len(found), COLUMNS)
    rows = -(-len(found) // columns)
    figure = new_figure(2.2 * rows, NARROW if columns == 1 else WIDTH)
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.ravel()[len(found) :]:
        axes.remove()
    for i, (each, axes) in enumerate(zip(found, panels.ravel(), strict=False)):
        axes.fill_between(
            each.places, each.low - each.places, each.high - each.places, color=BAND, lw=0
        )
        axes.axhline(0, color="#bbbbbb", lw=0.6)
        axes.plot(each.places, each.found - each.places, color=MODEL if each.inside else LIMIT)
        label(
            axes,
            x="PIT",
            y="cumulative share − PIT" if i % columns == 0 else "",
            title=f"{each.name}, {each.values.size} values",
        )
    caption = (
        "Each value's place in its prediction from all other values of the fit (0: below all of "
        "it, 1: above all). Line: share of values with at most that place, less what it would be "
        "for a right model. Band: where the whole line lies in 95 % of such cases, or more, since "
        "neighbours share what they are predicted from. Below zero on the left and above it on the "
        "right means predictions that are too wide, the opposite that they are too narrow."
    )
    return to_drawing(figure, key, "Values left out one at a time (LOO-PIT)", caption)
