from __future__ import annotations

from collections.abc import Callable
from itertools import count

import numpy as np
import xarray as xr

from perovec_bayes.diagnostics.observables import observables
from perovec_bayes.report.figures.parts import draw_parts
from perovec_bayes.report.figures.style import drawing_style


def test_the_current_is_drawn_taken_apart(make_tree: Callable[..., xr.DataTree]) -> None:
    tree = make_tree(cycles=1)
    size = tree["observed_data"].sizes["cv1_point"]
    names = ("deposition", "decomposition", "stripping", "background", "charging")
    tree["current_parts"] = xr.DataTree(
        xr.Dataset(
            {
                f"cv1_{name}": (("part_draw", "cv1_point"), np.full((3, size), 1e-6 * i))
                for i, name in enumerate(names)
            }
        )
    )
    with drawing_style():
        (drawing,) = draw_parts(tree, observables(tree), count(7))
    assert drawing.key == "fig7"
    assert drawing.title.startswith("Voltammogram cv1 taken apart")
    assert drawing.size[0] == 3.25
    assert "3 draws" in drawing.caption
