"""What a set of draws is worth: the gate, the summary table, what the data taught and determine."""

from perovec_bayes.diagnostics.gate import GateResult, Worst, check
from perovec_bayes.diagnostics.identifiability import identifiability
from perovec_bayes.diagnostics.learning import learning
from perovec_bayes.diagnostics.scalars import Scalar, scalars
from perovec_bayes.diagnostics.summary import summarise, write_csv

__all__ = [
    "GateResult",
    "Scalar",
    "Worst",
    "check",
    "identifiability",
    "learning",
    "scalars",
    "summarise",
    "write_csv",
]
