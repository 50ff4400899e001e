"""Prior distributions as data: each has a unit and a reason, and is checked when it is read.

The tables of card and study files derive from `Table`, which refuses unknown keys and names the
nearest known one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError
from scipy import stats as scipy_stats

from perovec_bayes.errors import UnitError
from perovec_bayes.units import convert

stats: Any = scipy_stats  # type checkers do not see its distributions
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Positive = Annotated[float, Field(gt=0)]


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the words for a name that is not known, with the nearest one and all known ones.

    Parameters
    ----------
    kind : str
        What the name stands for, as in "key" or "option".
    name : str
        The name found.
    known : iterable of str
        The names that would have been right.
    """

    def likeness(candidate: str) -> tuple[float, float]:
        pairs = (name.lower(), candidate.lower()), (name, candidate)
        loose, exact = (SequenceMatcher(None, *pair).ratio() for pair in pairs)
        return loose, exact

    names = list(known)
    nearest = max(names, key=likeness, default="")
    close = nearest and likeness(nearest)[0] >= 0.5
    question = f"; did you mean '{nearest}'?" if close else "."
    return f"unknown {kind} '{name}'{question} Known: {', '.join(names) or 'none'}"


def problem(
    what: str,
    *,
    place: str = "",
    expected: object = None,
    found: object = None,
    hint: str | None = None,
) -> PydanticCustomError:
    """Return an exception for a validator; the readers of files turn it into a `StudyError`.

    Parameters
    ----------
    what, expected, found, hint
        As in `perovec_bayes.errors.PerovecError`.
    place : str
        Dotted path below the table that is being validated.
    """
    context = {"what": what, "place": place, "expected": expected, "found": found, "hint": hint}
    return PydanticCustomError("perovec", "{what}", context)


class Table(BaseModel):
    """A table of a card or study file: immutable, strict about types, no unknown keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )
    elsewhere: ClassVar[Mapping[str, str]] = {}
    """Keys that are often looked for here and belong into another table: key = table."""

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key in data:
                if key not in cls.model_fields:
                    table = cls.elsewhere.get(str(key))
                    raise problem(
                        unknown("key", str(key), cls.model_fields),
                        place=str(key),
                        hint=table and f"It belongs to a data set: {table}, below its [[data]].",
                    )
        return data

    def to_json(self) -> str:
        """Return the table as JSON text; `model_validate_json` reads it back."""
        return self.model_dump_json()


def _number(value: float) -> str:
    plain = f"{value:.4g}"
    if value == 0 or 1e-2 <= abs(value) < 1e4:
        return plain
    mantissa, exponent = f"{value:.3e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def _require_distribution(schema: dict[str, Any]) -> None:
    schema["required"].insert(0, "distribution")


class PriorTable(Table, ABC):
    """What all priors have: a unit, a reason, perhaps a source, and the usual functions.

    The numbers of `ppf`, `sample`, `logpdf` and `centre` are in `unit`.
    """

    model_config = ConfigDict(json_schema_extra=_require_distribution)
    in_unit: ClassVar[tuple[str, ...]]
    """The fields that `canonical` scales."""

    unit: str
    """Unit of the numbers of this prior; "1" for a pure number."""
    reason: Text
    """Why this distribution; required."""
    source: str | None = None
    """Where the numbers come from: a publication, a measurement."""

    @abstractmethod
    def frozen(self) -> Any:
        """Return the scipy distribution, in `unit`."""

    @abstractmethod
    def describe(self) -> str:
        """Return the prior in words, as in "Normal(mean 250 mV, sd 200 mV)"."""

    def canonical(self, unit_to: str) -> Self:
        """Return the same prior expressed in another unit.

        Parameters
        ----------
        unit_to : str
            The unit wanted, usually the canonical unit of the parameter.

        Raises
        ------
        UnitError
            If a unit is unknown, of another dimension, or not a multiple of `unit_to`.
        """
        if convert(0.0, self.unit, unit_to) != 0.0:
            raise UnitError(
                f"a prior cannot be given in '{self.unit}': its zero is not that of '{unit_to}'",
                hint=f"Give the prior in '{unit_to}'.",
            )
        factor = convert(1.0, self.unit, unit_to)
        scaled = {name: getattr(self, name) * factor for name in self.in_unit}
        return self.model_copy(update={**scaled, "unit": unit_to})

    def ppf(self, q: ArrayLike) -> NDArray[np.float64]:
        """Return the quantiles [unit] at the probabilities `q`."""
        return np.asarray(self.frozen().ppf(q), dtype=float)

    def logpdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return the natural logarithm of the density [1/unit] at `x` [unit]."""
        return np.asarray(self.frozen().logpdf(x), dtype=float)

    def sample(self, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        """Return `n` independent draws [unit], shape (n,)."""
        return np.asarray(self.frozen().rvs(size=n, random_state=rng), dtype=float)

    def centre(self) -> float:
        """Return the median [unit]."""
        return float(self.ppf(0.5))

    def _with_unit(self, value: float) -> str:
        return _number(value) if self.unit == "1" else f"{_number(value)} {self.unit}"


class BoundedPrior(PriorTable):
    """A prior between two bounds."""

    lower: float
    upper: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.upper <= self.lower:
            raise problem(
                "the upper bound is not above the lower bound",
                place="upper",
                expected=f"a number above {self.lower:g}",
                found=f"{self.upper:g}",
            )
        return self


class Normal(PriorTable):
    """Normal distribution."""

    in_unit = ("mean", "sd")
    distribution: Literal["normal"] = "normal"
    mean: float
    sd: Positive

    def frozen(self) -> Any:
        """Return the scipy distribution, in `unit`."""
        return stats.norm(self.mean, self.sd)

    def describe(self) -> str:
        """Return the prior in words."""
        return f"Normal(mean {self._with_unit(self.mean)}, sd {self._with_unit(self.sd)})"


class LogNormal(PriorTable):
    """Log-normal distribution: ln(x / median) is normal with standard deviation `sd_ln`."""

    in_unit = ("median",)
    distribution: Literal["lognormal"] = "lognormal"
    median: Positive
    sd_ln: Positive
    """Standard deviation of the natural logarithm [1]; 2.303 is one decade."""

    def frozen(self) -> Any:
        """Return the scipy distribution, in `unit`."""
        return stats.lognorm(self.sd_ln, scale=self.median)

    def describe(self) -> str:
        """Return the prior in words."""
        return f"LogNormal(median {self._with_unit(self.median)}, sd of ln {_number(self.sd_ln)})"


class HalfNormal(PriorTable):
    """Half-normal distribution: the absolute value of Normal(0, sd)."""

    in_unit = ("sd",)
    distribution: Literal["halfnormal"] = "halfnormal"
    sd: Positive
    """Standard deviation of the normal distribution that is folded."""

    def frozen(self) -> Any:
        """Return the scipy distribution, in `unit`."""
        return stats.halfnorm(scale=self.sd)

    def describe(self) -> str:
        """Return the prior in words."""
        return f"HalfNormal(sd {self._with_unit(self.sd)})"


class Beta(BoundedPrior):
    """Beta distribution, stretched from (0, 1) to (lower, upper)."""

    in_unit = ("lower", "upper")
    distribution: Literal["beta"] = "beta"
    alpha: Positive
    beta: Positive
    lower: float = 0.0
    upper: float = 1.0

    def frozen(self) -> Any:
        """Return the scipy distribution, in `unit`."""
        return stats.beta(self.alpha, self.beta, loc=self.lower, scale=self.upper - self.lower)

    def describe(self) -> str:
        """Return the prior in words."""
        shape = f"{_number(self.alpha)}, {_number(self.beta)}"
        return f"Beta({shape}; {_number(self.lower)} to {self._with_unit(self.upper)})"


class Uniform(BoundedPrior):
    """Uniform distribution between two bounds."""

    in_unit = ("lower", "upper")
    distribution: Literal["uniform"] = "uniform"

    def frozen(self) -> Any:
        """Return the scipy distribution, in `unit`."""
        return stats.uniform(self.lower, self.upper - self.lower)

    def describe(self) -> str:
        """Return the prior in words."""
        return f"Uniform({_number(self.lower)} to {self._with_unit(self.upper)})"


class TruncNormal(BoundedPrior):
    """Normal distribution cut off at two bounds; `mean` and `sd` are those before the cut."""

    in_unit = ("mean", "sd", "lower", "upper")
    distribution: Literal["truncnormal"] = "truncnormal"
    mean: float
    sd: Positive

    def frozen(self) -> Any:
        """Return the scipy distribution, in `unit`."""
        low, high = (self.lower - self.mean) / self.sd, (self.upper - self.mean) / self.sd
        return stats.truncnorm(low, high, loc=self.mean, scale=self.sd)

    def describe(self) -> str:
        """Return the prior in words."""
        normal = f"mean {self._with_unit(self.mean)}, sd {self._with_unit(self.sd)}"
        return f"TruncNormal({normal}; {_number(self.lower)} to {self._with_unit(self.upper)})"


_PRIORS = (Normal, LogNormal, HalfNormal, Beta, Uniform, TruncNormal)
DISTRIBUTIONS: tuple[str, ...] = tuple(p.model_fields["distribution"].default for p in _PRIORS)
_KEYS = tuple(dict.fromkeys(["distribution", *(key for p in _PRIORS for key in p.model_fields)]))


def _named_distribution(data: Any) -> Any:
    """Tell a missing, misspelt or unknown distribution before the choice among them is made."""
    if not isinstance(data, dict):
        return data
    if "distribution" not in data:
        for key in data:
            if key not in _KEYS:
                raise problem(unknown("key", str(key), _KEYS), place=str(key))
        expected = f"one of {', '.join(DISTRIBUTIONS)}"
        raise problem("a required key is missing", place="distribution", expected=expected)
    name = data["distribution"]
    if name not in DISTRIBUTIONS:
        what = unknown("distribution", str(name), DISTRIBUTIONS)
        raise problem(what, place="distribution")
    return data


Prior = Annotated[
    Normal | LogNormal | HalfNormal | Beta | Uniform | TruncNormal,
    Field(discriminator="distribution"),
    BeforeValidator(_named_distribution),
]
