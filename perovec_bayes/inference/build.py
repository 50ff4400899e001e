"""From a card and datasets to a PyMC model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

import pymc as pm
import xarray as xr

from perovec_bayes import schema
from perovec_bayes.errors import StudyError
from perovec_bayes.inference.builder import Builder, experiments_of
from perovec_bayes.inference.cards import Card, with_every_option
from perovec_bayes.inference.mechanisms import MECHANISMS
from perovec_bayes.inference.model import attach


def build(card: Card, datasets: Mapping[str, xr.Dataset] | Iterable[xr.Dataset]) -> pm.Model:
    """Build the PyMC model of a card for given data.

    Parameters
    ----------
    card : Card
        Model card, with a study's overrides merged in.
    datasets : mapping or iterable of xr.Dataset
        Each valid in the schema of its technique and with its own `attrs["name"]`.

    Returns
    -------
    pm.Model
        With named parameters, deterministics and observed variables; extend it as any PyMC model.
        What the package itself needs to know is in its attribute `perovec`, which
        `inference.model.info_of` returns.

    Raises
    ------
    StudyError
        If the card names an unknown mechanism, its options or parameters are not those of the
        mechanism, or the data do not fit it.
    DataError
        If a dataset is not valid.
    """
    mechanism = MECHANISMS.get(card.mechanism)
    if mechanism is None:
        near = get_close_matches(card.mechanism, MECHANISMS, n=1)
        raise StudyError(
            f"unknown mechanism '{card.mechanism}'"
            + (f"; did you mean '{near[0]}'?" if near else ""),
            file=card.origin.file,
            place="card.mechanism",
            expected=f"one of {', '.join(MECHANISMS)}",
        )
    card = with_every_option(card, mechanism.options)
    items = datasets.values() if isinstance(datasets, Mapping) else datasets
    named = {str(data.attrs["name"]): schema.validate(data) for data in items}
    builder = Builder(card, named, mechanism.units, mechanism.display)
    model = pm.Model()
    with model:
        for part in experiments_of(builder):
            part.check_parameters(mechanism.required(part.card) if mechanism.required else None)
            mechanism.add(part)
    attach(model, builder.info)
    return model
