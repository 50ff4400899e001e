"""Designs of measurements, as [simulate] and [[design.candidate]] tables say, and empty data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

import numpy as np
import xarray as xr
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from perovec_bayes.errors import PerovecError, StudyError, UnitError
from perovec_bayes.forward.exciton import exciton_spectrum
from perovec_bayes.forward.optics import BAND_EDGE
from perovec_bayes.forward.waveform import stairs, triangle
from perovec_bayes.inference import experiments
from perovec_bayes.inference.cards import Quantity, Sequenced, as_study_error, unit_as_study_error
from perovec_bayes.inference.priors import Positive, Table, problem
from perovec_bayes.inference.study import DataEntry, Study
from perovec_bayes.readers.datasets import clock_offset
from perovec_bayes.workflow import referencing
from perovec_bayes.workflow.reduction import FEWEST_WAVELENGTHS
from perovec_bayes.workflow.synthetic import (
    IcpRow,
    cv_table,
    icp_table,
    od_table,
    read_back,
    spectra_table,
)

MOST_POINTS = 1_000_000
MOST_WAVELENGTHS = 10_000
PLACEHOLDER = 1e-3
"""Reading of an ICP template where no detection limit is stated, in the unit of its row."""


class CvDesign(Table):
    """A hold at the first corner and linear sweeps through the others, or potential steps."""

    corners: Annotated[Sequenced[float], Field(min_length=2)] | None = None
    """Potentials of a sweep [V]."""
    scan_rate: Quantity | None = None
    """Of the sweep."""
    hold: Quantity = Quantity(value=0.0, unit="s")
    """Before the sweep."""
    levels: Annotated[Sequenced[float], Field(min_length=2)] | None = None
    """Potentials of steps, the first where the cell starts [V]."""
    durations: Annotated[Sequenced[Positive], Field(min_length=2)] | None = None
    """Length of each step [s]."""
    spacing: Quantity
    """Time between points."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        sweep = {"corners", "scan_rate", "hold"} & self.model_fields_set
        stepped = {"levels", "durations"} & self.model_fields_set
        both = {"levels", "durations"} if stepped else {"corners", "scan_rate"}
        if sweep and stepped:
            raise problem(
                "a sweep and steps in one design",
                expected="corners and scan_rate, or levels and durations",
                found=", ".join(sorted(sweep | stepped)),
            )
        if missing := both - self.model_fields_set:
            raise problem(
                "the design is incomplete",
                expected="corners and scan_rate, or levels and durations",
                found=f"no {' and no '.join(sorted(missing))}",
            )
        if self.levels and self.durations and len(self.levels) != len(self.durations):
            raise problem(
                "not one duration for each level",
                place="durations",
                expected=str(len(self.levels)),
                found=str(len(self.durations)),
            )
        return self


class Wavelengths(Table):
    """Equally spaced wavelengths, both ends included [nm]."""

    low: Annotated[float, Field(ge=200, le=BAND_EDGE[0])]
    high: Annotated[float, Field(gt=BAND_EDGE[1], le=2500)]
    count: Annotated[int, Field(ge=FEWEST_WAVELENGTHS, le=MOST_WAVELENGTHS)]

    @property
    def values(self) -> np.ndarray:
        """Wavelengths, shape (count,) [nm]."""
        return np.linspace(self.low, self.high, self.count)


class OdDesign(Table):
    """Band averages or spectra at equal times, from the first to the last point of the CV."""

    spacing: Quantity
    """Time between spectra."""
    bands: (
        Annotated[
            dict[str, Annotated[Sequenced[float], Field(min_length=2, max_length=2)]],
            Field(min_length=1),
        ]
        | None
    ) = None
    """Name = [low, high] [nm]."""
    wavelengths: Wavelengths | None = None
    """Of whole spectra."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.bands is None) == (self.wavelengths is None):
            raise problem(
                "optical densities are designed as bands or as spectra",
                expected="bands or wavelengths",
                found="neither" if self.bands is None else "both",
            )
        return self


_DESIGNS: dict[str, TypeAdapter[Any]] = {
    technique: TypeAdapter(dict[str, dict[str, design]])  # type: ignore[valid-type]
    for technique, design in (
        ("cv", CvDesign),
        ("od", OdDesign),
        ("icp", Annotated[list[IcpRow], Field(min_length=1)]),
    )
}
"""By technique; within two tables, so that errors name the place in the file."""


def templates(study: Study) -> dict[str, xr.Dataset]:
    """Return datasets of the study's design, with zeros in place of measurements.

    Parameters
    ----------
    study : Study
        With a [simulate] table for each dataset, under its name or its technique.

    Returns
    -------
    dict of str to xr.Dataset
        Valid in the schema, made by the readers from the study's `meta`.

    Raises
    ------
    StudyError
        If a design is missing or wrong.
    """
    designs = _designs(study)
    found: dict[str, xr.Dataset] = {}
    for number, entry in sorted(
        enumerate(study.data, start=1),
        key=lambda item: ["cv", "icp", "od"].index(item[1].technique),
    ):
        place = f"data#{number}"
        found[entry.name] = blank(study, entry, designs[entry.name], place, found)
        experiments.assign(study, entry, number, found[entry.name])
    return {entry.name: found[entry.name] for entry in study.data}


def blank(
    study: Study, entry: DataEntry, design: Any, place: str, found: Mapping[str, xr.Dataset]
) -> xr.Dataset:
    """Return one dataset of a design, with zeros in place of measurements.

    Parameters
    ----------
    study : Study
        The study.
    entry : DataEntry
        Name, technique and `meta` of the dataset.
    design : object
        From `read_design`.
    place : str
        The place in the study file that errors name.
    found : mapping of str to xr.Dataset
        The datasets made so far, with the voltammogram that spectra are taken beside.

    Raises
    ------
    StudyError
        If the design is wrong.
    """
    try:
        entry = entry.model_copy(
            update={"meta": dict(referencing.resolved(entry.meta, study.folder))}
        )
        if entry.technique == "cv":
            made = _cv(entry, design)
        elif entry.technique == "icp":
            made = _icp(entry, design)
        else:
            made = _od(entry, design, _clock(study, entry, found))
    except UnitError as error:
        unit_place = f"simulate.{entry.name}" if place.startswith("data") else place
        raise unit_as_study_error(error, study.origin.file, unit_place) from error
    except PerovecError as error:
        wrong = StudyError(
            error.what,
            place=error.place,
            expected=error.expected,
            found=error.found,
            hint=error.hint,
        )
        raise wrong.within(file=study.origin.file, place=place) from error
    made.attrs["name"] = entry.name
    return made


def read_design(technique: str, table: str, key: str, content: Any, file: str) -> Any:
    """Check one table of a design.

    Parameters
    ----------
    technique : str
        "cv", "od" or "icp".
    table, key : str
        Where it stands, as in [table.key].
    content : object
        The table as it is written.
    file : str
        The study file.

    Raises
    ------
    StudyError
        If something in it is wrong.
    """
    whole = {table: {key: content}}
    try:
        return _DESIGNS[technique].validate_python(whole)[table][key]
    except ValidationError as error:
        raise as_study_error(error, whole, file) from error


def _designs(study: Study) -> dict[str, Any]:
    """Return the design of each dataset; every [simulate] table must belong to one."""
    file, tables = study.origin.file, study.simulate
    result: dict[str, Any] = {}
    used = set()
    for entry in study.data:
        key = entry.name if entry.name in tables else entry.technique
        if key not in tables:
            raise StudyError(
                f"no design for data set '{entry.name}'",
                file=file,
                place="simulate",
                expected=f"[simulate.{entry.name}]",
                found=", ".join(tables) or "nothing",
            )
        used.add(key)
        result[entry.name] = read_design(entry.technique, "simulate", key, tables[key], file)
    for key in tables:
        if key not in used:
            expected = ", ".join(entry.name for entry in study.data) or "no table"
            raise StudyError(
                f"[simulate.{key}] belongs to no data set", file=file, place="simulate",
                expected=expected,
            )  # fmt: skip
    return result


def _clock(study: Study, entry: DataEntry, found: Mapping[str, xr.Dataset]) -> tuple[float, float]:
    for data in found.values():
        if data.attrs["technique"] == "cv" and data.attrs.get("experiment") == entry.experiment:
            return float(data["time"][0]), float(data["time"][-1])
    raise StudyError(
        "optical densities are simulated on the clock of a voltammogram",
        file=study.origin.file,
        place="data",
        expected="data of technique 'cv'",
    )


def _cv(entry: DataEntry, design: CvDesign) -> xr.Dataset:
    spacing, hold = design.spacing.canonical("s"), design.hold.canonical("s")
    rate = design.scan_rate.canonical("V/s") if design.scan_rate else 1.0
    if not (rate > 0 and hold >= 0 and spacing > 0):
        raise StudyError("scan rate and spacing must be positive, the hold not negative")
    levels, durations = list(design.levels or ()), list(design.durations or ())
    corners = list(design.corners or ())
    length = sum(durations) + hold + float(np.abs(np.diff(corners)).sum()) / rate
    if not 2 <= length / spacing <= MOST_POINTS:
        raise StudyError(
            "unreasonable number of points",
            expected=f"2 to {MOST_POINTS}",
            found=f"{length / spacing:.3g}",
        )
    if levels:
        time, potential = stairs(levels, durations, spacing)
    else:
        time, potential = triangle(corners, rate, hold, spacing)
    return read_back(entry, cv_table(entry, time, potential, np.zeros(time.size)))


def _od(entry: DataEntry, design: OdDesign, clock: tuple[float, float]) -> xr.Dataset:
    spacing = design.spacing.canonical("s")
    if not (clock[1] - clock[0]) / MOST_POINTS <= spacing < clock[1] - clock[0]:
        raise StudyError(
            "unreasonable spacing of the spectra",
            expected=f"a positive time below {clock[1] - clock[0]:g} s",
            found=f"{spacing:g} s",
        )
    # an uncertain clock needs room at the end
    end = clock[1] - 3 * float(clock_offset(entry.meta)["clock_offset_sd_s"])
    time = np.arange(clock[0], end + 1e-9 * spacing, spacing)
    if design.wavelengths is not None:
        nm = design.wavelengths.values
        empty = read_back(entry, spectra_table(time, nm, np.zeros((time.size, nm.size))))
        empty["film"] = ("wavelength", exciton_spectrum(empty["wavelength"].to_numpy()))
        empty.attrs["film_is_measured"] = 0
    else:
        bands = design.bands or {}
        empty = read_back(
            entry,
            od_table(time, {name: np.zeros(time.size) for name in bands}),
            {name: tuple(edges) for name, edges in bands.items()},
        )
    # the template is on the clock of the CV; its file is earlier by the stated offset
    return empty.assign_coords(time=("time", time, {"unit": "s"}))


def _icp(entry: DataEntry, rows: Sequence[IcpRow]) -> xr.Dataset:
    return read_back(entry, icp_table(rows, [row.lod or PLACEHOLDER for row in rows]))


def icp_rows(study: Study, name: str) -> list[IcpRow]:
    """Return the design of one ICP dataset.

    Parameters
    ----------
    study : Study
        The study.
    name : str
        The dataset.
    """
    rows: list[IcpRow] = _designs(study)[name]
    return rows
