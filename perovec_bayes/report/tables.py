"""The tables of a report: numbers and words from a saved result, as rows of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.diagnostics import GateResult, Scalar, learning, scalars, summarise
from perovec_bayes.diagnostics.intervals import Interval
from perovec_bayes.diagnostics.observables import Observable
from perovec_bayes.diagnostics.scalars import dataset
from perovec_bayes.report.numbers import (
    LIMITS,
    UNKNOWN,
    count,
    decimals,
    interval_words,
    pretty_unit,
    quote,
    significant,
    stated,
)
from perovec_bayes.units import convert


@dataclass(frozen=True)
class Quantity:
    """One scalar of the posterior as text.

    Parameters
    ----------
    name, description, role, unit : str
        What it is; `unit` is the one shown.
    value : str
        The median, or the limit with its sign.
    interval : str
        The interval; nothing for a limit.
    interval_kind : str
        Probability and kind, as in "95 % equal-tailed".
    above : str
        Probability of lying above the value of interest; nothing when none is stated.
    r_hat, ess_bulk, ess_tail : str
        Convergence.
    is_limit : bool
        Whether the quantity is quoted as a limit.
    """

    name: str
    description: str
    role: str
    unit: str
    value: str
    interval: str
    interval_kind: str
    above: str
    r_hat: str
    ess_bulk: str
    ess_tail: str
    is_limit: bool


@dataclass(frozen=True)
class Learned:
    """What the data taught about one quantity, as text.

    Parameters
    ----------
    name, role, ratio, shift, verdict, scale : str
        As in `perovec_bayes.diagnostics.learning`.
    """

    name: str
    role: str
    ratio: str
    shift: str
    verdict: str
    scale: str


@dataclass(frozen=True)
class Measured:
    """One data set as text.

    Parameters
    ----------
    name, technique, file, sha256, points, reference, area, temperature, note : str
        What it is and what is known of it.
    synthetic : bool
        Whether it was simulated.
    """

    name: str
    technique: str
    file: str
    sha256: str
    points: str
    reference: str
    area: str
    temperature: str
    note: str
    synthetic: bool


def quantities(tree: xr.DataTree, interval: Interval) -> list[Quantity]:
    """Return every scalar of the posterior in its display unit, the primary ones first.

    Parameters
    ----------
    tree : DataTree
        A result.
    interval : Interval
        Which intervals are shown, and the probability of limits.
    """
    posterior = dataset(tree, "posterior")
    found = [] if posterior is None else scalars(posterior)
    table = summarise(tree, interval.prob, interval.kind)
    rows = zip(found, table.to_dict("records"), strict=True)
    return [_quantity(scalar, row) for scalar, row in rows]


def other_modes(tree: xr.DataTree) -> list[str]:
    """Say where else the posterior density is high: one sentence for each mode but the best.

    Parameters
    ----------
    tree : DataTree
        A result; it has the group ``modes`` when there is more than one.
    """
    group = dataset(tree, "modes")
    if group is None:
        return []
    found = [scalar for scalar in scalars(group) if scalar.role == "primary"]
    density = np.asarray(group.attrs["log_density"])
    return [
        f"Another mode, {density[0] - density[i]:.1f} lower in log density, is at "
        + ", ".join(_at(scalar, i) for scalar in found)
        for i in range(1, len(density))
    ]


def _at(scalar: Scalar, draw: int) -> str:
    shown = str(scalar.attrs.get("display_unit", scalar.unit))
    value = significant(convert(float(scalar.draws[0, draw]), scalar.unit, shown), 3)
    return f"{scalar.name} = {value} {pretty_unit(shown)}".rstrip()


def lessons(tree: xr.DataTree) -> list[Learned]:
    """Return the prior-to-posterior table.

    Parameters
    ----------
    tree : DataTree
        A result.
    """
    return [
        Learned(
            name=str(row["quantity"]),
            role=str(row["role"]),
            ratio=significant(float(row["sd_ratio"]), 2),
            shift=decimals(float(row["shift"]), 2),
            verdict=str(row["verdict"]),
            scale=str(row["scale"]),
        )
        for row in learning(tree).to_dict("records")
    ]


def measured(found: Sequence[Observable]) -> list[Measured]:
    """Return one row for each data set of the fit.

    Parameters
    ----------
    found : sequence of Observable
        The observables.
    """
    return [
        Measured(
            name=observable.name,
            technique=observable.technique.upper(),
            file=str(observable.info.get("source_file", UNKNOWN)),
            sha256=str(observable.info.get("source_sha256", "")),
            points=_points(observable),
            reference=_reference(observable.info),
            area=_area(observable),
            temperature=_temperature(observable.info),
            note=str(observable.info.get("note", "")),
            synthetic=bool(observable.info.get("synthetic", 0)),
        )
        for observable in found
    ]


def gate_rows(gate: GateResult) -> list[tuple[str, str, str, str, str]]:
    """Return diagnostic, worst value, where, limit and verdict as text."""
    return [
        (
            worst.diagnostic,
            UNKNOWN if worst.value is None else _diagnostic(worst.value),
            worst.where,
            worst.limit.replace(">=", "≥"),
            "passed" if worst.passed else "FAILED",
        )
        for worst in gate.worst
    ]


def plain(value: Any) -> str:
    """Write a value of a JSON file as words: lists with commas, objects as "key: value"."""
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {plain(item)}" for key, item in value.items()) or UNKNOWN
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value) or UNKNOWN
    return f"{value:g}" if isinstance(value, float) else str(value)


def duration(seconds: Any) -> str:
    """Write a time span as in "1 min 31 s"; "–" when it is not a number."""
    if not isinstance(seconds, int | float) or not np.isfinite(seconds):
        return UNKNOWN
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _quantity(scalar: Scalar, row: Mapping[Any, Any]) -> Quantity:
    shown = str(scalar.attrs.get("display_unit", scalar.unit))
    median, low, high = (
        convert(float(row[column]), scalar.unit, shown)
        for column in ("median", "interval_low", "interval_high")
    )
    kind = str(row["interval_kind"])
    words = interval_words(float(row["interval_prob"]), kind)
    if str(scalar.attrs.get("symbol", "")).startswith("P("):  # its mean is the answer (eq. 5.2)
        value, interval, words = decimals(float(row["mean"]), 2), "", "mean of the draws"
    elif scalar.fixed and kind not in LIMITS:
        value, interval, words = quote(median, median, median).value, "does not vary", "constant"
    else:
        value, interval = stated(median, low, high, kind)
    return Quantity(
        name=scalar.name,
        description=str(scalar.attrs.get("description", "")),
        role=scalar.role,
        unit=pretty_unit(shown),
        value=value,
        interval=interval,
        interval_kind=words,
        above=_above(scalar, shown),
        r_hat=_diagnostic(float(row["r_hat"])),
        ess_bulk=_whole(float(row["ess_bulk"])),
        ess_tail=_whole(float(row["ess_tail"])),
        is_limit=kind in LIMITS,
    )


def _above(scalar: Scalar, shown: str) -> str:
    """Write the probability of lying above the threshold; never "0" or "1" of so many draws."""
    threshold = scalar.attrs.get("threshold")
    if threshold is None:
        return ""
    value = significant(convert(float(threshold), scalar.unit, shown), 6, strip=True)
    share, least = float(np.mean(scalar.draws > float(threshold))), 1 / scalar.draws.size
    words = f"= {share:.3f}"
    if share in {0.0, 1.0}:
        words = f"< {least:.2g}" if share == 0 else f"> {1 - least:.4g}"
    return f"P(above {value} {pretty_unit(shown)}".rstrip() + f") {words}"


def _points(observable: Observable) -> str:
    finite = int(np.isfinite(observable.observed.to_numpy().astype(float)).sum())
    missing = observable.observed.size - finite
    if not missing:
        return count(finite)
    word = "censored" if observable.technique == "icp" else "missing"
    return f"{count(finite)} + {count(missing)} {word}"


def _reference(info: Mapping[str, Any]) -> str:
    if info.get("technique") != "cv":
        return UNKNOWN
    reference = str(info.get("reference", "unknown"))
    offset, sd = _number(info, "reference_offset_V"), _number(info, "reference_offset_sd_V")
    if reference.startswith("Fc"):
        if "measured_against" in info:
            measured = _number(info, "measured_offset_V"), _number(info, "measured_offset_sd_V")
            return f"{reference}, converted from {info['measured_against']} ({_offset(*measured)})"
        return f"{reference} (± {significant(sd, 2, strip=True)} V)" if sd else reference
    return f"{reference}; {_offset(offset, sd)}"


def _offset(offset: float | None, sd: float | None) -> str:
    if offset is None:
        return "Fc⁺/Fc against it unknown"
    error = f" ± {significant(sd, 2, strip=True)}" if sd else ""
    return f"Fc⁺/Fc at {significant(offset, 4, strip=True)}{error} V"


def _area(observable: Observable) -> str:
    if observable.technique != "cv":
        return UNKNOWN
    area, sd = _number(observable.info, "area_cm2"), _number(observable.info, "area_sd_cm2")
    if area is None:
        return "unknown"
    error = f" ± {significant(sd, 2, strip=True)}" if sd else ""
    return f"{significant(area, 4, strip=True)}{error}\u00a0cm²"


def _temperature(info: Mapping[str, Any]) -> str:
    value = _number(info, "temperature_K")
    if value is None:
        return "unknown"
    return f"{value:.2f} K" + (" (assumed)" if info.get("temperature_assumed") else "")


def _number(info: Mapping[str, Any], name: str) -> float | None:
    value = info.get(name)
    if not isinstance(value, int | float) or not np.isfinite(value):
        return None
    return float(value)


def _diagnostic(value: float) -> str:
    if np.isnan(value):
        return UNKNOWN
    return _whole(value) if abs(value) >= 10 or value == int(value) else f"{value:.3f}"


def _whole(value: float) -> str:
    return UNKNOWN if np.isnan(value) else f"{value:.0f}"
