"""The [design] table of a study: what `perovec design` ranks, and for what."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from perovec_bayes.inference.cards import Fixed, OptionValue, ParameterName, Quantity
from perovec_bayes.inference.priors import Prior, Table, Text, problem


class DesignCandidate(Table):
    """An experiment that could be done next."""

    name: Text
    repeat: list[Text] = Field(default_factory=list)
    """Data sets of the study that are measured anew, at the same points."""
    scan_rate: Quantity | None = None
    """Of the voltammogram that is repeated; the spectra beside it keep in step."""
    cv: dict[str, Any] | None = None
    """A new voltammogram or record of steps, with the keys of [simulate.cv]."""
    od: dict[str, Any] | None = None
    """Optical densities beside the voltammogram, with the keys of [simulate.od]."""
    icp: list[dict[str, Any]] | None = None
    """Readings, with the keys of [[simulate.icp]]."""
    cell: Literal["new", "same"] = "new"
    """Whether sample, electrode and solution are others than those of the study."""
    shared: list[ParameterName] | None = None
    """Parameters that are the same as in the study; what the mechanism says unless given."""
    card: Text | None = None
    """Card of another experiment; that of the study unless given."""
    priors: dict[ParameterName, Prior] = Field(default_factory=dict)
    """Of the candidate alone, as for weighed-in concentrations."""
    fixed: dict[ParameterName, Fixed] = Field(default_factory=dict)
    options: dict[str, OptionValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.repeat or self.cv or self.od or self.icp):
            raise problem("a candidate without data", expected="repeat, cv, od or icp")
        if self.scan_rate is not None and not self.repeat:
            raise problem(
                "scan_rate belongs to a voltammogram that is repeated",
                place="scan_rate",
                expected="repeat",
                hint="State the rate of a new voltammogram in its cv table.",
            )
        if self.shared is not None and self.cell == "same":
            raise problem(
                "in the same cell every parameter is shared", place="shared", hint="Keep one."
            )
        return self


class DesignTable(Table):
    """The quantity, and the candidates."""

    quantity: Text
    """A scalar of summary.csv, as in "K_sp[CsPbBr3, PC]"."""
    draws: Annotated[int, Field(ge=10, le=1000)] = 40
    """Posterior draws at which the candidates are judged."""
    candidate: list[DesignCandidate] = Field(default_factory=list)
    """The candidates; the obvious ones unless given."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [each.name for each in self.candidate]
        for number, name in enumerate(names, start=1):
            if name in names[: number - 1]:
                what = f"two candidates are named '{name}'"
                raise problem(what, place=f"candidate#{number}.name")
        return self
