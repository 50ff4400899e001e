"""The ferrocene scale: potentials against any reference whose Fc+/Fc potential is known."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from perovec_bayes.errors import StudyError
from perovec_bayes.inference.bridge import Tensor, constant
from perovec_bayes.inference.builder import Builder
from perovec_bayes.inference.priors import Normal
from perovec_bayes.schema import FERROCENE

UNITS = {"offset": "V"}
"""The potential of Fc+/Fc against the reference of the data."""


class OnFerrocene(NamedTuple):
    """A record whose potentials have been converted with the offset as stated."""

    data: xr.Dataset
    """Potentials against Fc+/Fc, if the offset is what was stated."""
    error: Tensor
    """By how much the true offset exceeds the stated one, scalar [V]: a potential E0' of the model
    appears in `data` at E0' + error."""


def ferrocene_offset(builder: Builder, attrs: Any) -> Tensor:
    """Return the potential of Fc+/Fc against the data's reference, as a parameter if uncertain.

    Parameters
    ----------
    builder : Builder
        With the parameter `offset` still to be added.
    attrs : mapping
        Of a dataset of technique "cv", with an offset.

    Returns
    -------
    TensorVariable
        Scalar [V].

    Raises
    ------
    StudyError
        If the offset has no standard deviation.
    """
    value, sd = float(attrs["reference_offset_V"]), float(attrs["reference_offset_sd_V"])
    if attrs["reference"] == FERROCENE and np.isnan(sd):
        return constant(value)
    if np.isnan(sd):
        raise StudyError(
            "the potential of Fc+/Fc is stated without its uncertainty",
            file=attrs.get("source_file"),
            place="meta.reference_offset.sd",
            expected="a standard deviation",
            found="none",
            hint="State sd (0 where the offset is exact), or name the result of your fit of "
            "ferrocene: reference_offset = { result = 'runs/ferrocene' }.",
        )
    if sd == 0:
        return constant(value)
    stated = Normal(mean=value, sd=sd, unit="V", reason="offset and its sd as stated with the data")
    return builder.parameter("offset", prior=stated)


def on_ferrocene_scale(builder: Builder, data: xr.Dataset) -> OnFerrocene:
    """Convert a record to potentials against Fc+/Fc; what is uncertain about it is a parameter.

    Parameters
    ----------
    builder : Builder
        With the parameter `offset` still to be added.
    data : xr.Dataset
        Of technique "cv".

    Raises
    ------
    StudyError
        If the potential of Fc+/Fc against its reference is not known, or its uncertainty is not.
    """
    stated = float(data.attrs["reference_offset_V"])
    if np.isnan(stated):
        raise StudyError(
            "this card needs potentials against Fc/Fc+",
            file=data.attrs.get("source_file"),
            place="meta.reference_offset",
            expected=f"the potential of Fc+/Fc against {data.attrs['reference']}, with sd",
            found="none",
            hint="Fit a ferrocene voltammogram with card 'redox_couple' and name its result: "
            "reference_offset = { result = 'runs/ferrocene' }.",
        )
    error = ferrocene_offset(builder, data.attrs) - stated
    if data.attrs["reference"] == FERROCENE:
        return OnFerrocene(data, error)
    converted = data.assign(potential=data["potential"] - stated)
    converted.attrs = {
        **data.attrs,
        "reference": FERROCENE,
        "reference_offset_V": 0.0,
        "reference_offset_sd_V": 0.0,
        "measured_against": str(data.attrs["reference"]),
        "measured_offset_V": stated,
        "measured_offset_sd_V": float(data.attrs["reference_offset_sd_V"]),
    }
    return OnFerrocene(converted, error)
