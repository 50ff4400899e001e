"""What a set of draws is worth: the gate, the summary table, and what the data taught."""

from perovec_bayes.diagnostics.gate import GateResult, Worst, check
from perovec_bayes.diagnostics.learning import learning
from perovec_bayes.diagnostics.scalars import Scalar, scalars
from perovec_bayes.diagnostics.summary import summarise, write_csv

__all__ = [
    "GateResult",
    "Scalar",
    "Worst",
    "check",
    "learning",
    "scalars",
    "summarise",
    "write_csv",
]
