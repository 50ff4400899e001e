"""What was understood of a file: for `perovec read FILE`, before any fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from perovec_bayes.readers.summary_cv import describe_cv, technique_of
from perovec_bayes.readers.summary_raw import describe_readings, describe_spectra
from perovec_bayes.readers.summary_words import clock, gaps

SATURATED = 3.0
"""An absorbance above this leaves too little light to trust."""


@dataclass(frozen=True)
class Summary:
    """What a dataset says, lacks, and what looks wrong about it.

    Parameters
    ----------
    facts : tuple of (str, str)
        What was understood, as label and text.
    missing : tuple of str
        What a fit needs or could use and the file and study do not say.
    suspect : tuple of str
        What looks wrong.
    """

    facts: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    suspect: tuple[str, ...]

    def __str__(self) -> str:
        """Return the summary as lines of text."""
        wide = max(len(label) for label, _ in self.facts)
        lines = [f"{label:{wide}}  {words}" for label, words in self.facts]
        lines += [f"missing: {words}" for words in self.missing]
        lines += [f"looks wrong: {words}" for words in self.suspect]
        return "\n".join(lines)


def describe(ds: xr.Dataset) -> Summary:
    """Say what was understood of a dataset.

    Parameters
    ----------
    ds : xarray.Dataset
        As returned by `read`; a CV need not have a reference.

    Returns
    -------
    Summary
        Facts, what is missing, and what looks wrong; `str()` of it prints.
    """
    attrs = ds.attrs
    technique = attrs["technique"]
    facts = [
        ("file", f"{attrs['source_file']} ({attrs['reader']})"),
        (
            "technique",
            technique_of(ds)
            if technique == "cv"
            else {
                "od": "optical density",
                "spectra": "spectra",
                "icp_readings": "ICP-OES, readings that are not yet concentrations",
            }.get(technique, "ICP-OES"),
        ),
        ("units in file", str(attrs.get("source_units", "not recorded"))),
    ]
    missing: list[str] = []
    if attrs.get("temperature_assumed"):
        missing.append(f"temperature not stated: {attrs['temperature_K']:g} K assumed")
    tell = {
        "cv": describe_cv,
        "od": _od,
        "icp": _icp,
        "spectra": describe_spectra,
        "icp_readings": describe_readings,
    }[technique]
    suspect = tell(ds, facts, missing)
    facts += [
        (k, str(attrs[k])) for k in ("sample", "solvent", "electrolyte", "note") if attrs.get(k)
    ]
    return Summary(tuple(facts), tuple(missing), tuple(suspect))


def _od(ds: xr.Dataset, facts: list[tuple[str, str]], missing: list[str]) -> list[str]:
    time, absorbance = ds["time"].to_numpy(), ds["absorbance"].to_numpy()
    if "band" in ds.dims:
        edges = zip(
            ds["band"].values, ds["band_low_nm"].values, ds["band_high_nm"].values, strict=True
        )
        across = "bands", ", ".join(f"{b} {low:g}-{high:g} nm" for b, low, high in edges)
    else:
        nm = ds["wavelength"].to_numpy()
        across = "wavelengths", f"{nm.size}, {nm[0]:g} to {nm[-1]:g} nm"
    if ds.attrs.get("start_time"):
        facts.append(("time stamp", str(ds.attrs["start_time"])))
    facts += [
        ("points", str(time.size)),
        clock(time),
        across,
        ("absorbance", f"{absorbance.min():.4g} to {absorbance.max():.4g}"),
    ]
    if ds.attrs["clock_offset_assumed"]:
        missing.append("how the clock differs from that of the CV: give meta.clock_offset")
    else:
        sd = ds.attrs["clock_offset_sd_s"]
        error = f" ± {sd:g}" if sd else ""
        facts.append(("clock offset", f"{ds.attrs['clock_offset_s']:g}{error} s, added"))
    if absorbance.max() > SATURATED:
        return [*gaps(time), f"absorbance up to {absorbance.max():.3g}: saturated"]
    return gaps(time)


def _icp(ds: xr.Dataset, facts: list[tuple[str, str]], missing: list[str]) -> list[str]:
    left = ds["censoring"].to_numpy() != "none"
    facts.append(("measurements", f"{left.size}, {left.sum()} of them censored"))
    over = int((ds["censoring"].to_numpy() == "right").sum())
    suspect = [f"{over} values above the range, which no model fits yet"] if over else []
    for key in ("element", "solute", "solvent"):
        facts.append((f"{key}s", ", ".join(dict.fromkeys(map(str, ds[key].values)))))
    if not left.all():
        value = ds["value"].to_numpy()[~left]
        facts.append(("values", f"{value.min():.4g} to {value.max():.4g} mol/cm^3"))
    for key, words in (("dilution", "dilution: the study must give hypotheses"), ("sd", "sd")):
        unknown = int(np.isnan(ds[key].to_numpy()).sum())
        if unknown:
            missing.append(f"{words} ({unknown} of {left.size} measurements)")
    below = int((ds["value"].to_numpy() < ds["lod"].to_numpy()).sum())
    return suspect + ([f"{below} values below their own lod, kept as numbers"] if below else [])
