"""Words that the summaries of several techniques share."""

from __future__ import annotations

import numpy as np

GAP = 5.0
"""A step in time longer than this multiple of the median step is a gap."""


def known(value: float, unit: str, sd: float = np.nan) -> str:
    """Return a number with unit and standard deviation, or "unknown" for NaN."""
    if np.isnan(value):
        return "unknown"
    return f"{value:.5g} {unit}" if np.isnan(sd) else f"{value:.5g} +- {sd:.2g} {unit}"


def clock(time: np.ndarray) -> tuple[str, str]:
    """Return label and text of the duration of a record; `time` in s."""
    return "duration", f"{time[-1] - time[0]:.6g} s, from {time[0]:.6g} s"


def gaps(time: np.ndarray) -> list[str]:
    """Return words on the longest gap between the times [s] of a record, if there is one."""
    steps = np.diff(time)
    longest = int(steps.argmax())
    if steps[longest] <= GAP * np.median(steps):
        return []
    return [
        f"a gap of {steps[longest]:.4g} s after {time[longest]:.6g} s "
        f"(usual step {np.median(steps):.3g} s)"
    ]
