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
    avantes_binary,
    biologic_mpr,
    biologic_mpt,
    biologic_txt,
    cary,
    chi_txt,
    delimited,
    echemdb,
    emission_scan,
    foreign,
    gamry_dta,
    genesys,
    icp_table,
    ivium_idf,
    ixdat_csv,
    jcamp,
    labelled_table,
    nova,
    ocean,
    palmsens_session,
    perkinelmer_asc,
    perkinelmer_icp,
    princeton_spe,
    pstrace_csv,
    qtegra,
    series,
    spectra_table,
    stellarnet,
    transmission,
    versastudio_par,
)
from perovec_bayes.readers.base import Reader, Source, check_keys, nearest
from perovec_bayes.readers.spectra import frame
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
            ivium_idf,
            andor_sif,
            avantes_binary,
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
            perkinelmer_asc,
            genesys,
            cary,
            emission_scan,
            jcamp,
            andor_asc,
            qtegra,
            agilent_icp,
            perkinelmer_icp,
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
    """Read a file of measurements, or a folder of single spectra.

    Parameters
    ----------
    path : str or Path
        The file; or a folder, or a pattern such as "spectra/*.txt", of files of one spectrum each,
        which become a series (`series`).
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
    if format is not None and format not in READERS:
        raise StudyError(
            f"unknown format '{format}'",
            place="format",
            expected=", ".join(READERS),
            hint=nearest(format, READERS),
        )
    stated = check_keys({} if meta is None else meta, meta or (), "meta")
    lamp = {key: mapping.pop(key) for key in transmission.OPTIONS if key in mapping}
    several = series.is_series(path)
    if several:
        apart = tuple(name for name in lamp.values() if isinstance(name, str))
        data, where = series.read_series(path, format, stated, mapping, apart, _read_one)
        mapping = {key: value for key, value in mapping.items() if key not in series.OPTIONS}
    else:
        data, where = _read_one(path, format, stated, mapping), frame
    if not lamp:
        return data
    return transmission.to_absorbance(
        data, lamp, Path(path), lambda other: _read_one(other, format, {}, mapping), where
    )


def _read_one(
    path: str | Path, format: str | None, meta: Mapping[str, Any], mapping: Mapping[str, Any]
) -> xr.Dataset:
    """Read one file."""
    source = Source.open(path)
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
            expected=f"one of {', '.join(READERS)}",
            hint="For any table state format = 'delimited' and map its columns; for two columns "
            "without names, wavelength and signal, 'spectra_table'; for results of ICP-OES name "
            "the columns as in docs/data.md.",
        )
    return READERS[format].read(source, meta, mapping)
