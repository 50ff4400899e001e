"""What was understood of a file: for `perovec read FILE`, before any fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from perovec_bayes.readers.summary_raw import describe_readings, describe_spectra
from perovec_bayes.readers.waveform import scan_rate, turning_points

GAP = 5.0
"""A step in time longer than this multiple of the median step is a gap."""
RATE_SPREAD = 0.05
FLAT = 10
"""So many equal extreme currents in a row mean an overloaded range."""
FEW_POINTS = 30
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
            {
                "cv": "cyclic voltammetry",
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
        "cv": _cv,
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


def _known(value: float, unit: str, sd: float = np.nan) -> str:
    if np.isnan(value):
        return "unknown"
    return f"{value:.5g} {unit}" if np.isnan(sd) else f"{value:.5g} +- {sd:.2g} {unit}"


def _clock(time: np.ndarray) -> tuple[str, str]:
    return "duration", f"{time[-1] - time[0]:.6g} s, from {time[0]:.6g} s"


def _gaps(time: np.ndarray) -> list[str]:
    steps = np.diff(time)
    longest = int(steps.argmax())
    if steps[longest] <= GAP * np.median(steps):
        return []
    return [
        f"a gap of {steps[longest]:.4g} s after {time[longest]:.6g} s "
        f"(usual step {np.median(steps):.3g} s)"
    ]


def _cv(ds: xr.Dataset, facts: list[tuple[str, str]], missing: list[str]) -> list[str]:
    attrs = ds.attrs
    time, potential = ds["time"].to_numpy(), ds["potential"].to_numpy()
    name = "current" if "current" in ds else "current_density"
    current = ds[name].to_numpy()
    unit = "A" if name == "current" else "A/cm^2"
    counted = np.unique(ds["cycle"].to_numpy(), return_counts=True)
    cycles = ", ".join(f"{cycle}: {n}" for cycle, n in zip(*counted, strict=True))
    offset = _known(attrs["reference_offset_V"], "V", attrs["reference_offset_sd_V"])
    facts += [
        ("points", f"{time.size} (by cycle {cycles})"),
        _clock(time),
        ("scan rate", f"{attrs['scan_rate_V_s']:.4g} V/s (median of the data)"),
        ("potential", f"{potential.min():.4g} to {potential.max():.4g} V"),
        ("reference", attrs["reference"] or "not stated"),
        ("Fc+/Fc against it", offset),
        (name.replace("_", " "), f"{current.min():.4g} to {current.max():.4g} {unit}"),
        ("sign in file", f"{attrs['source_current_sign'].replace('_', ' ')}; anodic positive here"),
        ("area", _known(attrs["area_cm2"], "cm^2", attrs["area_sd_cm2"])),
    ]
    if not attrs["reference"]:
        missing.append("reference not stated: give meta.reference")
    if np.isnan(attrs["reference_offset_V"]):
        missing.append("potential of Fc+/Fc against the reference: give meta.reference_offset")
    if np.isnan(attrs["area_cm2"]):
        missing.append("electrode area: give meta.area")
    return [*_gaps(time), *_sweeps(time, potential), *_overload(current)]


def _sweeps(time: np.ndarray, potential: np.ndarray) -> list[str]:
    if np.ptp(potential) == 0:
        return ["the potential never changes: not a voltammogram"]
    suspect = []
    turns = turning_points(potential)
    points = np.diff(turns)
    whole = turns[:-1][points > 0.2 * points.max()]
    rates = []
    for begin in whole:
        end = turns[np.searchsorted(turns, begin) + 1] + 1
        rates.append(scan_rate(time[begin:end], potential[begin:end]))
    if max(rates) - min(rates) > RATE_SPREAD * max(rates):
        suspect.append(
            f"scan rate differs between sweeps: {min(rates):.4g} to {max(rates):.4g} V/s"
        )
    if points.max() < FEW_POINTS:
        suspect.append(f"only {points.max()} points in the longest sweep")
    return suspect


def _overload(current: np.ndarray) -> list[str]:
    extreme = (current == current.max()) | (current == current.min())
    edges = np.flatnonzero(np.diff(np.concatenate([[0], extreme.astype(int), [0]])))
    longest = int((edges[1::2] - edges[::2]).max())
    if longest < FLAT:
        return []
    return [f"the extreme current repeats {longest} times in a row: was the range overloaded?"]


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
        _clock(time),
        across,
        ("absorbance", f"{absorbance.min():.4g} to {absorbance.max():.4g}"),
        ("clock offset", f"{ds.attrs['clock_offset_s']:g} s, added"),
    ]
    if absorbance.max() > SATURATED:
        return [*_gaps(time), f"absorbance up to {absorbance.max():.3g}: saturated"]
    return _gaps(time)


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
