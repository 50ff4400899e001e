"""What was understood of a record of current and potential: facts, gaps, and what looks wrong."""

from __future__ import annotations

import numpy as np
import xarray as xr

from perovec_bayes.readers.plausibility import looks_inverted, plain_circuit
from perovec_bayes.readers.summary_words import clock, gaps, known
from perovec_bayes.readers.waveform import ENOUGH, has_steps, scan_rate, still_runs, turning_points

RATE_SPREAD = 0.05
FLAT = 10
"""So many equal extreme currents in a row mean an overloaded range."""
FEW_POINTS = 30
MANY = 12
"""So many cycles or levels are listed one by one."""


def describe_cv(ds: xr.Dataset, facts: list[tuple[str, str]], missing: list[str]) -> list[str]:
    """Add the facts and gaps of a CV dataset, and return what looks wrong.

    Parameters
    ----------
    ds : xarray.Dataset
        CV dataset; it need not have a reference.
    facts : list of (str, str)
        Labels and texts; more are appended.
    missing : list of str
        What is missing; more is appended.

    Returns
    -------
    list of str
        What looks wrong.
    """
    attrs = ds.attrs
    time, potential = ds["time"].to_numpy(), ds["potential"].to_numpy()
    name = "current" if "current" in ds else "current_density"
    current = ds[name].to_numpy()
    unit = "A" if name == "current" else "A/cm^2"
    stepped = has_steps(potential)
    held = ds["hold"].to_numpy() == 1 if "hold" in ds else np.zeros(time.size, bool)
    assumed = bool(attrs.get("current_sign_assumed"))
    sign = attrs["source_current_sign"].replace("_", " ")
    offset = known(attrs["reference_offset_V"], "V", attrs["reference_offset_sd_V"])
    facts += [
        ("points", f"{time.size} (by cycle {_cycles(ds)})"),
        clock(time),
        _steps(time, potential)
        if stepped
        else ("scan rate", f"{attrs['scan_rate_V_s']:.4g} V/s (median of the data)"),
        ("potential", f"{potential.min():.4g} to {potential.max():.4g} V"),
        ("reference", attrs["reference"] or "not stated"),
        ("Fc+/Fc against it", offset),
        (name.replace("_", " "), f"{current.min():.4g} to {current.max():.4g} {unit}"),
        ("sign in file", f"{sign}{' (assumed)' if assumed else ''}; anodic positive here"),
        ("area", known(attrs["area_cm2"], "cm^2", attrs["area_sd_cm2"])),
    ]
    if held.any():
        facts.append(("holds", _holds(time, potential, held)))
    if not attrs["reference"]:
        missing.append("reference not stated: give meta.reference")
    if assumed:
        missing.append("sign of the current: the file may have either; give meta.current_sign")
    if np.isnan(attrs["reference_offset_V"]):
        missing.append("potential of Fc+/Fc against the reference: give meta.reference_offset")
    if np.isnan(attrs["area_cm2"]):
        missing.append("electrode area: give meta.area")
    suspect = [*filter(None, str(attrs.get("warnings", "")).split("\n")), *gaps(time)]
    if np.ptp(potential) == 0:
        suspect.append("the potential never changes: not a voltammogram")
    elif not stepped:
        suspect += _sweeps(time[~held], potential[~held])
    suspect += _physics(potential[~held], current[~held], attrs["scan_rate_V_s"], unit != "A")
    return [*suspect, *_overload(current)]


def technique_of(ds: xr.Dataset) -> str:
    """Return the technique that the potential of a CV dataset shows."""
    potential = ds["potential"].to_numpy()
    if has_steps(potential):
        return "chronoamperometry (potential steps)"
    one = (np.diff(turning_points(potential)) > 1).sum() <= 1  # a first point may lie elsewhere
    return "linear sweep voltammetry" if one else "cyclic voltammetry"


def _cycles(ds: xr.Dataset) -> str:
    cycles, counts = np.unique(ds["cycle"].to_numpy(), return_counts=True)
    parts = [f"{cycle}: {n}" for cycle, n in zip(cycles, counts, strict=True)]
    return ", ".join(parts if len(parts) <= MANY else [*parts[:3], "...", parts[-1]])


def _steps(time: np.ndarray, potential: np.ndarray) -> tuple[str, str]:
    starts, _ = still_runs(time, potential)
    ends = np.append(starts[1:], time.size) - 1
    parts = [
        f"{np.median(potential[a : b + 1]):.4g} V for {time[b] - time[a]:.4g} s"
        for a, b in zip(starts, ends, strict=True)
    ]
    return "levels", ", ".join(parts if len(parts) <= MANY else [*parts[:3], "...", parts[-1]])


def _holds(time: np.ndarray, potential: np.ndarray, held: np.ndarray) -> str:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], held.astype(int), [0]])))
    parts = [
        f"{time[b - 1] - time[a]:.4g} s at {np.median(potential[a:b]):.4g} V ({b - a} points)"
        for a, b in zip(edges[::2], edges[1::2], strict=True)
    ]
    return ", ".join(parts if len(parts) <= MANY else [*parts[:3], "...", parts[-1]])


def _sweeps(time: np.ndarray, potential: np.ndarray) -> list[str]:
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


def _physics(potential: np.ndarray, current: np.ndarray, rate: float, per_area: bool) -> list[str]:
    suspect = []
    thin = slice(None, None, max(1, potential.size // ENOUGH))
    potential, current = potential[thin], current[thin]
    reasons = looks_inverted(potential, current)
    if reasons:
        suspect.append(
            f"the sign of the current seems inverted ({reasons}): check meta.current_sign"
        )
    circuit = plain_circuit(potential, -current if reasons else current, rate, per_area)
    if circuit:
        suspect.append(f"looks like {circuit}")
    return suspect


def _overload(current: np.ndarray) -> list[str]:
    extreme = (current == current.max()) | (current == current.min())
    edges = np.flatnonzero(np.diff(np.concatenate([[0], extreme.astype(int), [0]])))
    longest = int((edges[1::2] - edges[::2]).max())
    if longest < FLAT:
        return []
    return [f"the extreme current repeats {longest} times in a row: was the range overloaded?"]
