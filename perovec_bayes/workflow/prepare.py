"""From a study file to datasets and a model: everything that comes before sampling."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pymc as pm
import xarray as xr

from perovec_bayes import readers, schema
from perovec_bayes.errors import DataError, PerovecError, StudyError
from perovec_bayes.inference import experiments
from perovec_bayes.inference.backends import backend_named
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import Card
from perovec_bayes.inference.study import DataEntry, Study, checked_card, load_study
from perovec_bayes.workflow import reduction, referencing

_OWN_KEYS = ("path", "format", "meta", "columns")


class Prepared(NamedTuple):
    """A study that is ready to be sampled."""

    study: Study
    """The study file."""
    card: Card
    """Its card, with the study's changes."""
    datasets: dict[str, xr.Dataset]
    """Validated data, by name."""
    model: pm.Model
    """The PyMC model."""


def open_study(path: str | Path) -> tuple[Study, Card]:
    """Read a study file and the card that it names, and check one against the other.

    Parameters
    ----------
    path : str or Path
        The study file.

    Returns
    -------
    study : Study
        The study.
    card : Card
        The card, with the study's changes.

    Raises
    ------
    StudyError
        If something in them is wrong.
    """
    study = load_study(path)
    return study, checked_card(study)


def check_sampler(study: Study) -> None:
    """Refuse a study whose sampler is not installed, before its data are read.

    Parameters
    ----------
    study : Study
        The study.

    Raises
    ------
    StudyError
        Saying what to install.
    """
    try:
        backend_named(study.sampler.backend)
    except StudyError as error:
        raise error.within(file=study.origin.file, place="sampler.backend") from error


def datasets(study: Study) -> dict[str, xr.Dataset]:
    """Read the data of a study.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    dict of str to xr.Dataset
        By name; valid in the schema, named as in the study, and with the study's dilution
        hypotheses in `attrs["dilution_hypotheses"]` (JSON) where they match.

    Raises
    ------
    DataError
        If a file is missing or wrong.
    StudyError
        If what the study says about a file is wrong.
    """
    found = {}
    for number, entry in enumerate(study.data, start=1):
        found[entry.name] = _reduced(
            study, number, read_entry(study, number, study.data_file(entry))
        )
        experiments.assign(study, entry, number, found[entry.name])
    attach_dilution(study, found)
    return found


def _reduced(study: Study, number: int, data: xr.Dataset) -> xr.Dataset:
    try:
        return reduction.reduced(study.data[number - 1], data)
    except StudyError as error:
        raise error.within(file=study.origin.file, place=f"data#{number}") from error


def read_entry(study: Study, number: int, path: Path) -> xr.Dataset:
    """Read one file as the study's n-th [[data]] table says.

    Parameters
    ----------
    study : Study
        The study.
    number : int
        Which of its [[data]] tables, from 1.
    path : Path
        The file.

    Returns
    -------
    xr.Dataset
        Valid in the schema, named as in the study.
    """
    entry, place = study.data[number - 1], f"data#{number}"
    for key in entry.reader_options:
        if key in _OWN_KEYS:
            raise StudyError(
                f"'{key}' is not an option of a reader",
                file=study.origin.file,
                place=f"{place}.reader_options",
                hint=f"State it as {place}.{key}." if key != "path" else "State file.",
            )
    mapping: dict[str, Any] = dict(entry.reader_options)
    if entry.columns:
        mapping["columns"] = entry.columns
    try:
        meta = referencing.resolved(entry.meta, study.folder)
        data = readers.read(path, entry.format, meta=meta, **mapping)
    except StudyError as error:
        raise error.within(file=study.origin.file, place=place) from error
    return named(data, entry, path, f"{study.origin.file}: {place}")


def named(data: xr.Dataset, entry: DataEntry, path: Path, place: str) -> xr.Dataset:
    """Return a dataset with the study's name, after checking that it is what the study says.

    Parameters
    ----------
    data : xr.Dataset
        As read.
    entry : DataEntry
        What the study says of it.
    path : Path
        The file it was read from.
    place : str
        The study file and the place in it.
    """
    found = str(data.attrs["technique"])
    if found != entry.technique:
        raise DataError(
            "the file holds data of another technique",
            file=path,
            expected=f"'{entry.technique}' ({place}.technique)",
            found=f"'{found}'",
        )
    data.attrs["name"] = entry.name
    try:
        return schema.validate(data)
    except DataError as error:
        raise DataError(
            error.what,
            file=path,
            place=error.place,
            expected=error.expected,
            found=error.found,
            hint=error.hint,
        ) from error


def attach_dilution(study: Study, found: Mapping[str, xr.Dataset]) -> None:
    """Put the study's dilution hypotheses into the ICP datasets that they match.

    Parameters
    ----------
    study : Study
        The study.
    found : mapping of str to xr.Dataset
        Its datasets; their attributes are changed.

    Raises
    ------
    StudyError
        If a hypothesis matches no measurement of unknown dilution.
    """
    tables = [data for data in found.values() if data.attrs["technique"] == "icp"]
    matched: list[list[dict[str, Any]]] = [[] for _ in tables]
    for number, hypothesis in enumerate(study.dilution, start=1):
        hits = [_matches(data, hypothesis.where) for data in tables]
        if not any(hits):
            where = ", ".join(f"{key} = '{value}'" for key, value in hypothesis.where.items())
            raise StudyError(
                "a dilution hypothesis matches no measurement of unknown dilution",
                file=study.origin.file,
                place=f"dilution#{number}.where",
                expected="a measurement with an empty dilution",
                found=where,
                hint="Correct the names, leave the dilution of those rows empty, or remove it.",
            )
        for hit, kept in zip(hits, matched, strict=True):
            if hit:
                kept.append(hypothesis.model_dump(mode="json"))
    for data, kept in zip(tables, matched, strict=True):
        if kept:
            data.attrs["dilution_hypotheses"] = json.dumps(kept)


def _matches(data: xr.Dataset, where: Mapping[Any, str]) -> bool:
    match = np.isnan(data["dilution"].to_numpy())
    for column, wanted in where.items():
        match &= data[column].to_numpy().astype(str) == wanted
    return bool(match.any())


def build_model(study: Study, card: Card, data: Mapping[str, xr.Dataset]) -> pm.Model:
    """Build the model; errors name the study file where they name none.

    Parameters
    ----------
    study, card, data
        The study, its merged card, its datasets.
    """
    try:
        return build(card, data)
    except PerovecError as error:
        raise error.within(file=study.origin.file) from error


def prepare(study_path: str | Path) -> Prepared:
    """Read a study, its card and its data, and build the model.

    Parameters
    ----------
    study_path : str or Path
        The study file.

    Returns
    -------
    Prepared
        Study, card, datasets and model.

    Raises
    ------
    StudyError, DataError
        If something in them is wrong.
    """
    study, card = open_study(study_path)
    data = datasets(study)
    return Prepared(study, card, data, build_model(study, card, data))
