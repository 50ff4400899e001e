"""The experiments that `perovec design` ranks: which data each would give, and with which card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.errors import PerovecError, StudyError, UnitError
from perovec_bayes.inference.cards import Card, Technique, unit_as_study_error, with_every_option
from perovec_bayes.inference.experiments import shared_anyway
from perovec_bayes.inference.mechanisms import MECHANISMS
from perovec_bayes.inference.planned import DesignCandidate
from perovec_bayes.inference.priors import unknown
from perovec_bayes.inference.study import DataEntry, study_card
from perovec_bayes.workflow.prepare import Prepared
from perovec_bayes.workflow.templates import blank, read_design

MOLAR = 1e3
"""mol/L in a mol cm^-3."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """An experiment, ready to be built.

    Parameters
    ----------
    name, place : str
        Name, and place in the study file for errors.
    card : Card
        Merged with the study's and the candidate's changes.
    datasets : dict of str to xr.Dataset
        All that the model is built from.
    counted : dict of str to ndarray or None
        The datasets that are new, with those of their values that are; None for all.
    repeats : frozenset of str
        Voltammograms of the study once more.
    empty : frozenset of str
        Voltammograms that hold zeros in place of measurements.
    shared : frozenset of str or None
        Parameters that are the same as in the study; None for all.
    """

    name: str
    place: str
    card: Card
    datasets: dict[str, xr.Dataset]
    counted: dict[str, np.ndarray | None]
    repeats: frozenset[str]
    empty: frozenset[str]
    shared: frozenset[str] | None


def candidate(prepared: Prepared, stated: DesignCandidate, place: str) -> Candidate:
    """Return a candidate as a study file states it.

    Parameters
    ----------
    prepared : Prepared
        The study.
    stated : DesignCandidate
        Its table.
    place : str
        Place of the table.

    Raises
    ------
    StudyError
        If its data are not those of its card, or something in it is wrong.
    """
    file = prepared.study.origin.file
    try:
        return _Maker(prepared, stated, place).made()
    except UnitError as error:
        raise unit_as_study_error(error, file, place) from error
    except PerovecError as error:
        known = (error.place or "").startswith(place)
        raise error.within(file=file, place=None if known else place) from error


class _Maker:
    """Makes the data of one candidate."""

    def __init__(self, prepared: Prepared, stated: DesignCandidate, place: str) -> None:
        self.study, self.data = prepared.study, prepared.datasets
        self.stated, self.place = stated, place
        self.card = _card(prepared, stated)
        self.new: dict[str, xr.Dataset] = {}
        self.factor, self.start = 1.0, 0.0

    def made(self) -> Candidate:
        repeated = [self._dataset_named(name) for name in self.stated.repeat]
        self._set_rate(repeated)
        for data in sorted(repeated, key=lambda each: str(each.attrs["technique"])):
            self._repeat(data)
        for technique in ("cv", "od", "icp"):
            content = getattr(self.stated, technique)
            if content:
                self._add(technique, content)
        self._check_techniques()
        counted: dict[str, np.ndarray | None] = dict.fromkeys(self.new)
        datasets = self._beside()
        for name, data in self.new.items():
            if data.attrs["technique"] == "icp" and name in self.data and not self.stated.card:
                measured = self.data[name]
                both = xr.concat(
                    [measured, data[list(measured.data_vars)]],
                    dim="measurement",
                    combine_attrs="override",
                )
                length = both.sizes["measurement"]
                counted[name] = np.arange(length) >= measured.sizes["measurement"]
                datasets[name] = both
            else:
                datasets[name] = data
        sweeps = {name for name, d in self.new.items() if d.attrs["technique"] == "cv"}
        same = frozenset(sweeps & set(self.stated.repeat)) if self.factor == 1.0 else frozenset()
        return Candidate(
            self.stated.name,
            self.place,
            self.card,
            datasets,
            counted,
            same,
            frozenset(sweeps - set(self.stated.repeat)),
            self._shared(),
        )

    def _shared(self) -> frozenset[str] | None:
        if self.stated.cell == "same":
            return None
        if self.stated.shared is None:
            return shared_anyway(self.card)
        for name in self.stated.shared:
            if name not in self.card.parameters:
                raise StudyError(
                    unknown("parameter", name, self.card.parameters),
                    place=f"{self.place}.shared",
                )
        return frozenset(self.stated.shared)

    def _dataset_named(self, name: str) -> xr.Dataset:
        if self.stated.card is not None:
            raise StudyError(
                "data of the study cannot be repeated with another card",
                place=f"{self.place}.repeat",
                expected="cv, od or icp",
            )
        if name not in self.data:
            raise StudyError(unknown("data set", name, self.data), place=f"{self.place}.repeat")
        return self.data[name]

    def _set_rate(self, repeated: list[xr.Dataset]) -> None:
        """Find by how much faster the repeated voltammogram is."""
        if self.stated.scan_rate is None:
            return
        rates = [
            float(each.attrs["scan_rate_V_s"])
            for each in repeated
            if each.attrs["technique"] == "cv"
        ]
        rate = self.stated.scan_rate.canonical("V/s")
        if not (rate > 0 and len(rates) == 1 and rates[0] > 0):
            raise StudyError(
                "a scan rate is for one voltammogram that is repeated",
                place=f"{self.place}.scan_rate",
                expected="a positive rate, and a voltammogram that is swept",
                found=f"{rate:g} V/s for {len(rates)} voltammograms",
            )
        self.factor = rate / rates[0]

    def _repeat(self, data: xr.Dataset) -> None:
        name, technique = str(data.attrs["name"]), str(data.attrs["technique"])
        if technique == "icp":
            self._add("icp", [*new_samples(data)])
            return
        if technique == "cv":
            self.start = float(data["time"][0])
        else:
            self._voltammogram()
        time = self.start + (data["time"].to_numpy() - self.start) / self.factor
        made = data.assign_coords(time=(data["time"].dims, time, data["time"].attrs))
        if technique == "cv":
            made.attrs["scan_rate_V_s"] = float(data.attrs["scan_rate_V_s"]) * self.factor
        self.new[name] = made

    def _voltammogram(self) -> xr.Dataset:
        for data in self.new.values():
            if data.attrs["technique"] == "cv":
                return data
        raise StudyError(
            "optical densities are taken beside a voltammogram",
            place=self.place,
            expected="a voltammogram in this candidate",
            hint="Add cv, or the name of the voltammogram to repeat.",
        )

    def _add(self, technique: Technique, content: Any) -> None:
        """Make the data that a table of the candidate describes."""
        entry = self._entry(technique)
        if entry.name in self.new:
            raise StudyError(
                f"data set '{entry.name}' is given twice",
                place=self.place,
                expected=f"repeat or {technique}",
            )
        if technique == "od":
            self._voltammogram()
        design = read_design(technique, self.place, technique, content, self.study.origin.file)
        if technique == "icp" and any(row.dilution is None for row in design):
            raise StudyError(
                "a planned reading has a known dilution",
                place=f"{self.place}.icp",
                expected="dilution",
                hint="1 where the saturated solution is measured as it is.",
            )
        self.new[entry.name] = blank(self.study, entry, design, self.place, self.new)

    def _entry(self, technique: Technique) -> DataEntry:
        """Return what a study says of its data of a technique."""
        for entry in self.study.data:
            if entry.technique == technique:
                return entry
        if technique == "cv":
            raise StudyError(
                "a voltammogram is planned as the study's own: its reference and area are taken",
                place=f"{self.place}.cv",
                expected="a study with data of technique 'cv'",
            )
        return DataEntry(technique=technique, file=("planned",))

    def _check_techniques(self) -> None:
        for data in self.new.values():
            technique = str(data.attrs["technique"])
            if technique not in self.card.techniques:
                raise StudyError(
                    f"card '{self.card.name}' has no place for data of technique '{technique}'",
                    place=self.place,
                    expected=" or ".join(self.card.techniques),
                    found=f"'{technique}'",
                )

    def _beside(self) -> dict[str, xr.Dataset]:
        """Return data of the study that the card requires besides; they do not count."""
        have = {str(data.attrs["technique"]) for data in self.new.values()}
        missing = set(self.card.data.requires) - have
        if missing and self.stated.card is not None:
            raise StudyError(
                f"card '{self.card.name}' requires data of technique '{min(missing)}'",
                place=self.place,
                expected=", ".join(self.card.data.requires),
            )
        return {
            name: data for name, data in self.data.items() if data.attrs["technique"] in missing
        }


def _card(prepared: Prepared, stated: DesignCandidate) -> Card:
    """Return the card of a candidate, with every option."""
    changes: dict[str, Any] = {
        "priors": stated.priors, "fixed": stated.fixed, "options": stated.options
    }  # fmt: skip
    study = prepared.study
    if stated.card is None:
        kept = {name: entry for name, entry in study.priors.items() if name not in stated.fixed}
        held = {name: entry for name, entry in study.fixed.items() if name not in stated.priors}
        changes = {
            "priors": kept | stated.priors,
            "fixed": held | stated.fixed,
            "options": study.options | stated.options,
        }
    else:
        head = study.study.model_copy(update={"card": stated.card})
        changes |= {"study": head, "noise": {}}
    card = study_card(study.model_copy(update=changes))
    return with_every_option(card, MECHANISMS[card.mechanism].options)


def _row(data: xr.Dataset, i: int) -> dict[str, Any]:
    """Return a reading of the study as a row of a design; an unknown dilution becomes 1."""
    text = {
        name: str(data[name].to_numpy()[i]) for name in ("sample", "element", "solute", "solvent")
    }
    lod, dilution = float(data["lod"].to_numpy()[i]), float(data["dilution"].to_numpy()[i])
    row: dict[str, Any] = {**text, "replicate": int(data["replicate"].to_numpy()[i])}
    row["dilution"] = dilution if np.isfinite(dilution) else 1.0
    if np.isfinite(lod):
        row["lod"] = lod * MOLAR
    return row


def new_samples(data: xr.Dataset, rows: np.ndarray | None = None) -> Iterator[dict[str, Any]]:
    """Yield readings like those of the study, each of a solution that is saturated anew.

    Parameters
    ----------
    data : xr.Dataset
        Of technique "icp".
    rows : ndarray of int, optional
        Which readings; all unless given.
    """
    taken = set(data["sample"].to_numpy().astype(str).tolist())
    for i in range(data.sizes["measurement"]) if rows is None else rows:
        row = _row(data, int(i))
        label = f"{row['sample']} anew"
        while label in taken:
            label += "+"
        yield row | {"sample": label}


def read_again(data: xr.Dataset) -> Iterator[dict[str, Any]]:
    """Yield one more reading of each solution of the study.

    Parameters
    ----------
    data : xr.Dataset
        Of technique "icp".
    """
    samples = data["sample"].to_numpy().astype(str)
    for sample in dict.fromkeys(samples.tolist()):
        rows = np.flatnonzero(samples == sample)
        most = int(data["replicate"].to_numpy()[rows].max())
        yield _row(data, int(rows[0])) | {"replicate": most + 1}


def of_technique(data: Mapping[str, xr.Dataset], technique: str) -> list[xr.Dataset]:
    """Return the datasets of one technique.

    Parameters
    ----------
    data : mapping of str to xr.Dataset
        The study's.
    technique : str
        "cv", "od" or "icp".
    """
    return [each for each in data.values() if each.attrs["technique"] == technique]
