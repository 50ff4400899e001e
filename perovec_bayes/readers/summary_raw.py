"""What was understood of spectra and of ICP-OES readings, which no model fits as they are."""

from __future__ import annotations

import numpy as np
import xarray as xr

REPEATED = 5
"""So many equal extreme signals side by side mean a saturated or clipped detector."""


def describe_spectra(ds: xr.Dataset, facts: list[tuple[str, str]], missing: list[str]) -> list[str]:
    """Append the facts of spectra and what is missing; return what looks wrong.

    Parameters
    ----------
    ds : xarray.Dataset
        Of technique "spectra".
    facts, missing : list
        Appended to.
    """
    attrs = ds.attrs
    signal, nm = ds["signal"].to_numpy(), ds["wavelength"].to_numpy()
    time = ds["time"].to_numpy()
    frame, pixel = np.unravel_index(int(signal.argmax()), signal.shape)
    facts += [
        ("time stamp", str(attrs["start_time"]) or "none in the file"),
        ("spectra", str(time.size)),
        ("duration", f"{time[-1] - time[0]:.6g} s, from {time[0]:.6g} s"),
        ("wavelengths", f"{nm.size}, {nm[0]:g} to {nm[-1]:g} nm"),
        ("quantity", f"{attrs['quantity']} [{attrs['signal_unit']}]"),
        ("signal", f"{signal.min():.4g} to {signal.max():.4g}, highest at {nm[pixel]:g} nm"),
    ]
    if not np.isnan(attrs["exposure_s"]):
        facts.append(("integration time", f"{attrs['exposure_s']:g} s"))
    if attrs["quantity"] == "unknown":
        missing.append("what the signal is: give quantity")
    if attrs["quantity"] == "intensity":
        missing.append("for an absorbance, spectra of lamp and dark: give reference and dark")
    return _clipped(signal, nm, int(frame))


def _clipped(signal: np.ndarray, nm: np.ndarray, frame: int) -> list[str]:
    row = signal[frame]
    top = np.concatenate([[0], (row == row.max()).astype(int), [0]])
    edges = np.flatnonzero(np.diff(top))
    lengths = edges[1::2] - edges[::2]
    longest = int(lengths.argmax())
    if lengths[longest] < REPEATED:
        return []
    return [
        f"the highest signal stands at {lengths[longest]} pixels side by side, from "
        f"{nm[edges[2 * longest]]:g} nm: was the detector saturated?"
    ]


def describe_readings(
    ds: xr.Dataset, facts: list[tuple[str, str]], missing: list[str]
) -> list[str]:
    """Append the facts of ICP-OES readings and what is missing; return what looks wrong.

    Parameters
    ----------
    ds : xarray.Dataset
        Of technique "icp_readings".
    facts, missing : list
        Appended to.
    """
    reading = ds["reading"].to_numpy()
    labels = list(dict.fromkeys(map(str, ds["label"].values)))
    shown = ", ".join(labels[:12]) + (f" and {len(labels) - 12} more" if len(labels) > 12 else "")
    unit = ds["unit"].to_numpy().astype(str)
    counted = np.isin(unit, ("c/s", "cps", "counts/s", "counts"))
    facts += [
        ("solutions", f"{reading.shape[0]}: {shown}"),
        ("lines", ", ".join(map(str, ds["line"].values))),
        ("elements", ", ".join(dict.fromkeys(map(str, ds["element"].values)))),
        (
            "readings",
            f"{np.isfinite(reading).sum()}, {np.isnan(reading).sum()} missing or censored",
        ),
    ]
    if counted.any():
        missing.append("a calibration of the intensities: give standards (and blanks)")
    parts = sorted({u for u in unit[~counted] if u.lower() in ("ppm", "ppb", "ppt")})
    if parts:
        missing.append(f"{', '.join(parts)} by volume or by mass: give ppm_is")
    missing.append("which solution is which sample: give solute and solvent, or samples")
    if (reading < 0).any():
        return [f"{int((reading < 0).sum())} readings are negative"]
    return []
