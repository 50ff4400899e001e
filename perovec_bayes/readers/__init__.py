"""Files of instruments to datasets of the schema: one module a format, told by content.

A new format is one module with a `READER`, and its name in `READERS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import xarray as xr

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers import (
    agilent_845x,
    agilent_icp,
    andor_asc,
    andor_sif,
    avantes,
    biologic_mpr,
    biologic_mpt,
    biologic_txt,
    chi_txt,
    delimited,
    echemdb,
    emission_scan,
    foreign,
    gamry_dta,
    icp_table,
    ixdat_csv,
    jcamp,
    labelled_table,
    nova,
    ocean,
    palmsens_session,
    princeton_spe,
    pstrace_csv,
    qtegra,
    spectra_table,
    stellarnet,
    transmission,
    versastudio_par,
)
from perovec_bayes.readers.base import Reader, Source, check_keys, nearest
from perovec_bayes.readers.summary import Summary, describe

__all__ = ["READERS", "Reader", "Source", "Summary", "describe", "read"]

READERS: Mapping[str, Reader] = MappingProxyType(
    {
        module.READER.name: module.READER
        for module in (
            biologic_mpt,
            biologic_mpr,
            gamry_dta,
            versastudio_par,
            palmsens_session,
            andor_sif,
            agilent_845x,
            princeton_spe,
            pstrace_csv,
            chi_txt,
            ixdat_csv,
            echemdb,
            nova,
            biologic_txt,
            ocean,
            avantes,
            stellarnet,
            emission_scan,
            jcamp,
            andor_asc,
            qtegra,
            agilent_icp,
            icp_table,
            spectra_table,
            labelled_table,
            delimited,
        )
    }
)
"""Known formats by name, in the order in which content is tried."""


def read(
    path: str | Path,
    format: str | None = None,
    *,
    meta: Mapping[str, Any] | None = None,
    **mapping: Any,
) -> xr.Dataset:
    """Read a file of measurements.

    Parameters
    ----------
    path : str or Path
        The file.
    format : str, optional
        A key of `READERS`; without it the format is told by the content, or is 'delimited' if
        `columns` are mapped.
    meta : mapping, optional
        What the study says of the measurement: reference, area, current_sign, temperature,
        solvent ...
    **mapping
        How the file is laid out, as the format's module says: columns, delimiter, decimal ...;
        `reference` and `dark` turn transmitted intensities into absorbance (`transmission`).

    Returns
    -------
    xarray.Dataset
        Dataset of one of `schema.TECHNIQUES` that has passed `schema.validate`, save that a CV may
        lack its reference (`attrs["reference"] == ""`), which a fit must have.

    Raises
    ------
    DataError
        If the file is missing, unknown or wrong.
    StudyError
        If the mapping or `meta` is wrong.
    """
    known = ", ".join(READERS)
    if format is not None and format not in READERS:
        hint = nearest(format, READERS)
        raise StudyError(f"unknown format '{format}'", place="format", expected=known, hint=hint)
    source = Source.open(path)
    stated = check_keys({} if meta is None else meta, meta or (), "meta")
    if format is None and mapping.get("columns"):
        format = delimited.NAME
    if format is None:
        format = next((name for name, reader in READERS.items() if reader.sniff(source)), None)
    if format is None and "columns" in mapping:
        format = delimited.NAME
    if format is None:
        foreign.refuse(source)
        raise DataError(
            "not a format known by its content",
            file=source.file,
            expected=f"one of {known}",
            hint="For any table state format = 'delimited' and map its columns; for two columns "
            "without names, wavelength and signal, 'spectra_table'; for results of ICP-OES name "
            "the columns as in docs/data.md.",
        )
    lamp = {key: mapping.pop(key) for key in transmission.OPTIONS if key in mapping}
    data = READERS[format].read(source, stated, mapping)
    if not lamp:
        return data
    return transmission.to_absorbance(
        data, lamp, source.path, lambda other: read(other, format, **mapping)
    )
