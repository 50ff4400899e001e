"""What physics says about a record of current and potential: an inverted sign, a mere resistor."""

from __future__ import annotations

import itertools

import numpy as np

from perovec_bayes.readers.waveform import has_steps, still_runs, turning_points

BINS = 40
"""Parts of the potential window in which currents are averaged."""
EDGE = 0.05
"""Parts of a sweep near its ends that are left out: there the double layer is charging."""
LOOP = 0.5
"""A loop runs one way if its signed area exceeds this part of its absolute area ..."""
OPEN = 0.02
"""... and its mean width this part of the range of the current."""
FALLING = -0.6
"""A correlation of current and potential below this is a negative resistance."""
STRAIGHT = 0.015
"""Deviations from a circuit, relative to the range of the current, that no wave could hide in."""
COVERED = 0.6
"""A record with points in a smaller part of the window is in pieces."""
CLEAR = 10.0
"""A slope so many times its standard error is no accident."""
STEP_V = 5e-3
"""A smaller step of the potential tells nothing."""


def looks_inverted(potential: np.ndarray, current: np.ndarray) -> str:
    """Say why a current that is called anodic positive looks cathodic positive; '' if it does not.

    In a passive cell the anodic current is larger, the higher the potential; the sweep up runs
    above the sweep down (both the double layer and a diffusing couple do so); the anodic peak lies
    above the cathodic one; and a step of the potential up brings the current up. Of sweeps, two of
    these signs are asked for: one alone may fail (nucleation, inhibition).

    Parameters
    ----------
    potential, current : ndarray
        E [V] and I [A] or j [A cm^-2], shape (n,).

    Returns
    -------
    str
        The reasons in words.
    """
    if has_steps(potential):
        return _steps_inverted(potential, current)
    window = float(np.ptp(potential))
    up, down, _ = _branches(potential, current)
    both = np.isfinite(up) & np.isfinite(down)
    mean = np.where(both, (up + down) / 2, np.where(np.isfinite(up), up, down))
    rising = _correlation(mean)
    reasons = []
    if both.sum() > BINS / 4:
        width = (up - down)[both]
        is_open = np.abs(width).mean() > OPEN * np.ptp(current)
        if is_open and width.sum() < -LOOP * np.abs(width).sum():
            reasons.append("the sweep up runs below the sweep down")
    highest, lowest = potential[np.argmax(current)], potential[np.argmin(current)]
    if highest - lowest < -0.02 * window:
        reasons.append(f"the largest current is at {highest:.3g} V, the smallest at {lowest:.3g} V")
    if rising < FALLING:
        reasons.append("the current falls with the potential")
    return "; ".join(reasons) if len(reasons) > 1 else ""


def _correlation(mean: np.ndarray) -> float:
    known = np.isfinite(mean)
    if known.sum() < 4 or np.ptp(mean[known]) == 0:
        return 0.0
    return float(np.corrcoef(np.flatnonzero(known), mean[known])[0, 1])


def _steps_inverted(potential: np.ndarray, current: np.ndarray) -> str:
    starts, _ = still_runs(np.arange(potential.size, dtype=float), potential)
    ends = np.append(starts[1:], potential.size)
    level = [float(np.median(potential[a:b])) for a, b in zip(starts, ends, strict=True)]
    votes = 0.0
    for k in range(1, starts.size):
        step = level[k] - level[k - 1]
        before, after = current[starts[k - 1] : ends[k - 1]], current[starts[k] : ends[k]]
        jump = after[: max(1, after.size // 20)].mean() - before[-max(1, before.size // 5) :].mean()
        if min(before.size, after.size) >= 3 and abs(step) > STEP_V:
            votes += float(np.sign(step) * jump) / float(np.ptp(current) or 1.0)
    return "a step of the potential up brings the current down" if votes < -LOOP else ""


def _branches(
    potential: np.ndarray, current: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Return the mean current of sweeps up and down in bins of the potential, NaN where none.

    The third element holds direction (+1, -1, or 0 at the ends of sweeps) and bin of each point.
    """
    direction = np.zeros(potential.size)
    turns = turning_points(potential)
    for begin, end in itertools.pairwise(turns):
        edge = int(EDGE * (end - begin)) if turns.size > 2 else 0
        direction[begin + edge : end - edge + (end == turns[-1])] = np.sign(
            potential[end] - potential[begin]
        )
    low, window = float(potential.min()), float(np.ptp(potential))
    place = np.minimum(((potential - low) / (window or 1.0) * BINS).astype(int), BINS - 1)
    sides = []
    for sign in (1, -1):
        mine = direction == sign
        count = np.bincount(place[mine], minlength=BINS)
        total = np.bincount(place[mine], current[mine], minlength=BINS)
        sides.append(np.divide(total, count, out=np.full(BINS, np.nan), where=count > 0))
    return sides[0], sides[1], (direction, place)


def plain_circuit(potential: np.ndarray, current: np.ndarray, rate: float, per_area: bool) -> str:
    """Say of which resistor and capacitor a record could be; '' if there is more in it.

    I = a + E / R + C dE/dt is fitted; what is left over is compared, averaged in bins of the
    potential, with the range of the current and with its noise.

    Parameters
    ----------
    potential, current : ndarray
        E [V] and I [A] or j [A cm^-2], shape (n,).
    rate : float
        Scan rate [V s^-1].
    per_area : bool
        Whether the current is a current density.

    Returns
    -------
    str
        What it looks like, with R (and C).
    """
    if potential.size < BINS or has_steps(potential) or np.ptp(current) == 0:
        return ""
    _, _, (direction, place) = _branches(potential, current)
    swept = direction != 0
    columns = [np.ones(swept.sum()), potential[swept] - potential[swept].mean()]
    loop = np.ptp(direction[swept]) > 0
    if loop:
        columns.append(direction[swept])
    design, measured = np.column_stack(columns), current[swept]
    fit, *_ = np.linalg.lstsq(design, measured, rcond=None)
    left = measured - design @ fit
    bins = place[swept] + BINS * (direction[swept] > 0)
    count = np.bincount(bins, minlength=2 * BINS)
    sums = np.bincount(bins, left, minlength=2 * BINS)
    mean = sums[count > 1] / count[count > 1]
    if np.unique(place[swept]).size < COVERED * BINS:
        return ""
    noise = float(np.std(np.diff(left))) / np.sqrt(2)
    slope, error = fit[1], noise / np.sqrt(np.sum(design[:, 1] ** 2)) if design.size else 0.0
    if not mean.size or not slope > CLEAR * error:
        return ""
    straight = np.sqrt(np.mean(mean**2)) < STRAIGHT * np.ptp(design @ fit)
    expected = noise**2 / count[count > 1]
    if not straight and not np.mean(mean**2 / np.maximum(expected, 1e-300)) < 2:
        return ""
    area, farad = (" cm^2", " F/cm^2") if per_area else ("", " F")
    resistance = f"R = {1 / slope:.4g} ohm{area}"
    if loop and abs(fit[2]) * 10 > slope * np.ptp(potential) / 2:
        capacity = fit[2] / rate if rate > 0 else np.nan
        return f"a resistor ({resistance}) beside a capacitor (C = {capacity:.3g}{farad}): no wave"
    return f"a straight line, a resistor of {resistance}: no wave"
