"""Bayesian inference of formal potentials and solubility limits from CV, OD and ICP-OES.

    import perovec_bayes as pb

    data = pb.read("icp.csv")
    model = pb.build(pb.load_card("solubility"), [data])
    result = pb.sample(model)
    pb.report(result, "report.html")

Names are loaded when they are first used: JAX and PyMC take seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perovec_bayes.inference.build import build
    from perovec_bayes.inference.cards import load_card
    from perovec_bayes.inference.laplace import laplace
    from perovec_bayes.inference.sample import sample
    from perovec_bayes.inference.storage import load as open_result
    from perovec_bayes.inference.storage import save as save_result
    from perovec_bayes.inference.study import load_study
    from perovec_bayes.readers import read
    from perovec_bayes.report import report

    __version__: str

__all__ = [
    "__version__",
    "build",
    "laplace",
    "load_card",
    "load_study",
    "open_result",
    "read",
    "report",
    "sample",
    "save_result",
]

_HOMES = {
    "build": ("perovec_bayes.inference.build", "build"),
    "laplace": ("perovec_bayes.inference.laplace", "laplace"),
    "load_card": ("perovec_bayes.inference.cards", "load_card"),
    "load_study": ("perovec_bayes.inference.study", "load_study"),
    "open_result": ("perovec_bayes.inference.storage", "load"),
    "read": ("perovec_bayes.readers", "read"),
    "sample": ("perovec_bayes.inference.sample", "sample"),
    "save_result": ("perovec_bayes.inference.storage", "save"),
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("perovec_bayes")
    if name == "report":
        return import_module("perovec_bayes.report")  # a package that can be called
    if name in _HOMES:
        module, attribute = _HOMES[name]
        return getattr(import_module(module), attribute)
    raise AttributeError(f"module 'perovec_bayes' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
