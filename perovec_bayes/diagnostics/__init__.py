"""What a set of draws is worth: the gate, the summary, what the data taught, checks of the fit."""

from perovec_bayes.diagnostics.gate import GateResult, Worst, check
from perovec_bayes.diagnostics.identifiability import identifiability
from perovec_bayes.diagnostics.learning import learning
from perovec_bayes.diagnostics.predictive import feature_table
from perovec_bayes.diagnostics.scalars import Scalar, scalars
from perovec_bayes.diagnostics.sensitivity import sensitivity
from perovec_bayes.diagnostics.summary import summarise, write_csv

__all__ = [
    "GateResult",
    "Scalar",
    "Worst",
    "check",
    "feature_table",
    "identifiability",
    "learning",
    "scalars",
    "sensitivity",
    "summarise",
    "write_csv",
]
