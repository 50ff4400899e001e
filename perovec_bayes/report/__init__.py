"""Reports: a self-contained HTML page, a PDF, tables and figures, made from a saved result.

The package can be called, as `perovec_bayes.report(result, path)`: that is `report` below.
"""

import sys
from pathlib import Path
from types import ModuleType

import xarray as xr

from perovec_bayes.files import replacing
from perovec_bayes.inference import storage
from perovec_bayes.report.document import document as contents_of
from perovec_bayes.report.html import write_report
from perovec_bayes.report.pdf import pdf as as_pdf

__all__ = ["report", "write_report"]


SUFFIXES = (".html", ".pdf")
"""Kinds of report in one file."""


def report(result: xr.DataTree | str | Path, path: str | Path) -> Path:
    """Write a result as one HTML page or one PDF, with the intervals that its study asked for.

    Parameters
    ----------
    result : DataTree, str or Path
        A result, its `posterior.nc`, or the run folder that holds it.
    path : str or Path
        The file to write, a PDF if its name ends in ".pdf"; it is whole or not there.

    Returns
    -------
    Path
        `path`.
    """
    tree = result if isinstance(result, xr.DataTree) else storage.load(result)
    if Path(path).suffix.lower() != ".pdf":
        return write_report(tree, path)
    with replacing(path) as temporary:
        temporary.write_bytes(as_pdf(contents_of(tree)))
    return Path(path)


class _Callable(ModuleType):
    """A package that is also the function of its name."""

    __call__ = staticmethod(report)


sys.modules[__name__].__class__ = _Callable
