"""Reports: tables, figures and one self-contained HTML page, made from a saved result.

The package can be called, as `perovec_bayes.report(result, path)`: that is `report` below.
"""

import sys
from pathlib import Path
from types import ModuleType

import xarray as xr

from perovec_bayes.diagnostics.observables import decoded
from perovec_bayes.inference import storage
from perovec_bayes.report.html import write_report

__all__ = ["report", "write_report"]


def report(result: xr.DataTree | str | Path, path: str | Path) -> Path:
    """Write a result as one self-contained HTML page, with the intervals that its study asked for.

    Parameters
    ----------
    result : DataTree, str or Path
        A result, its `posterior.nc`, or the run folder that holds it.
    path : str or Path
        The file to write; it is whole or not there.

    Returns
    -------
    Path
        `path`.
    """
    tree = result if isinstance(result, xr.DataTree) else storage.load(result)
    prob = float(decoded(tree, "study").get("interval_prob", 0.95))
    return write_report(tree, path, prob=prob)


class _Callable(ModuleType):
    """A package that is also the function of its name."""

    __call__ = staticmethod(report)


sys.modules[__name__].__class__ = _Callable
