"""Checks of a fit in words and rows: features, values left out, sensitivity to the prior."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from perovec_bayes.diagnostics import feature_table, sensitivity
from perovec_bayes.diagnostics.intervals import Interval
from perovec_bayes.diagnostics.left_out import NARROW, SHIFTED, WIDE, LeftOut, left_out
from perovec_bayes.diagnostics.observables import observables
from perovec_bayes.diagnostics.predictive import LEAST_REPLICATES
from perovec_bayes.diagnostics.sensitivity import CONFLICT, LIMIT, STRONG, TOO_FEW, Sensitivity
from perovec_bayes.report.numbers import (
    UNKNOWN,
    Quoted,
    decimals,
    interval_text,
    pretty_unit,
    quote,
    significant,
)
from perovec_bayes.report.results import display_unit, scaled_unit
from perovec_bayes.units import convert

FEATURES = {
    "E_c": "potential of the most cathodic current",
    "i_c": "most cathodic current",
    "E_a": "potential of the most anodic current",
    "i_a": "most anodic current",
    "Q_cat": "cathodic charge",
    "Q_an": "anodic charge",
    "Q_an/Q_cat": "charge ratio Q_an/Q_cat",
    "OD left": "optical density left",
    "OD change": "change of optical density",
}
"""Names of the features in words."""

_FAULTS = {
    NARROW: "More values than expected lie far from their predictions: the noise is "
    "underestimated, or has outliers. Intervals may be too narrow.",
    WIDE: "More values than expected lie close to their predictions: the noise is overestimated. "
    "Intervals may be wider than need be.",
    SHIFTED: "Values lie on one side of their predictions more often than on the other: the noise "
    "is not symmetric, or the model misses something that changes from point to point.",
}


@dataclass(frozen=True)
class FeatureRow:
    """One feature as text.

    Parameters
    ----------
    data, name, where, unit : str
        Observable, feature in words, cycle and band, unit shown.
    measured, median, interval, p, prior : str
        Value of the data, of the replicates, p, and interval of the prior's replicates.
    outside : bool
        Whether it lies outside the central 99 % of the posterior's replicates.
    """

    data: str
    name: str
    where: str
    unit: str
    measured: str
    median: str
    interval: str
    p: str
    prior: str
    outside: bool


@dataclass(frozen=True)
class SensitivityRow:
    """The sensitivity of one quantity as text.

    Parameters
    ----------
    name, prior, likelihood, prior_noise, prior_shift, likelihood_shift, most_by, verdict : str
        As in `perovec_bayes.diagnostics.sensitivity`.
    """

    name: str
    prior: str
    likelihood: str
    prior_noise: str
    prior_shift: str
    likelihood_shift: str
    most_by: str
    verdict: str


@dataclass(frozen=True)
class Checks:
    """Everything that the report says on how model, data and prior agree.

    Parameters
    ----------
    features : tuple of FeatureRow
        All features.
    feature_words : tuple of str
        One sentence for each that the model does not reproduce.
    feature_note : str
        How many may be outside by chance, or why it cannot be said.
    pit_words : tuple of str
        One sentence for each observable.
    noise : tuple of (str, str)
        Each observable whose values were left out one at a time, and how its predictions are wrong
        (`LeftOut.fault`; nothing if they are right).
    sensitivity : tuple of SensitivityRow
        Primary and derived quantities.
    sensitivity_words : tuple of str
        What the table says.
    """

    features: tuple[FeatureRow, ...]
    feature_words: tuple[str, ...]
    feature_note: str
    pit_words: tuple[str, ...]
    noise: tuple[tuple[str, str], ...]
    sensitivity: tuple[SensitivityRow, ...]
    sensitivity_words: tuple[str, ...]


def checks(tree: xr.DataTree, interval: Interval) -> Checks:
    """Return the checks of a fit as text.

    Parameters
    ----------
    tree : DataTree
        A result.
    interval : Interval
        Of the replicates.
    """
    table = feature_table(tree, interval).to_dict("records")
    units = {
        each.name: display_unit(each)[0] for each in observables(tree) if each.technique == "cv"
    }
    rows = tuple(_feature(row, units) for row in table)
    found, apart = sensitivity(tree), left_out(tree)
    return Checks(
        rows,
        tuple(_not_reproduced(row, interval) for row in rows if row.outside),
        _feature_note(table),
        tuple(_pit_words(each) for each in apart) + tuple(_not_left_out(tree)),
        tuple((each.name, each.fault) for each in apart),
        tuple(_sensitive(row) for row in found.table.to_dict("records")),
        tuple(_sensitivity_words(found)),
    )


def _feature(row: Mapping[Any, Any], units: Mapping[str, str]) -> FeatureRow:
    unit = str(row["unit"])
    shown = _shown_unit(unit, row, units)
    values = {
        key: convert(float(row[key]), unit, shown)
        for key in ("measured", "median", "low", "high", "prior_median", "prior_low", "prior_high")
    }
    quoted = quote(values["median"], values["low"], values["high"])
    ends = values["prior_low"], values["prior_high"]
    before = quote(max(ends, key=abs), *ends)
    known = int(row["replicates"]) > 0
    where = f"cycle {row['cycle']}" if row["cycle"] else "whole record"
    note = " (at the end of a sweep: no peak)" if row["at_end"] else ""
    return FeatureRow(
        data=str(row["data"]),
        name=FEATURES[str(row["feature"])] + note,
        where=f"{where}, {row['band']}" if row["band"] else where,
        unit=pretty_unit(shown),
        measured=_like(values["measured"], values["high"] - values["low"]),
        median=quoted.value if known else UNKNOWN,
        interval=_width_of(quoted) if known else UNKNOWN,
        p=_p(float(row["p"]), int(row["replicates"])),
        prior=interval_text(before) if int(row["prior_replicates"]) else UNKNOWN,
        outside=bool(row["outside"]),
    )


def _shown_unit(unit: str, row: Mapping[Any, Any], units: Mapping[str, str]) -> str:
    if unit.startswith("A"):
        return units.get(str(row["data"]), unit)
    if unit.startswith("C"):
        return scaled_unit(unit, abs(float(row["measured"])))
    return unit


def _like(value: float, width: float) -> str:
    """Write a value to two digits of the half width of its prediction."""
    if not (math.isfinite(width) and width > 0):
        return quote(value, value, value).value
    return quote(value, value - width / 2, value + width / 2).value


def _width_of(quoted: Quoted) -> str:
    return "does not vary" if quoted.low == quoted.high else interval_text(quoted)


def _p(p: float, replicates: int) -> str:
    if not math.isfinite(p):
        return UNKNOWN
    least = 2 / (replicates + 1)
    return f"≤ {significant(least, 1)}" if p <= least else significant(p, 2)


def _not_reproduced(row: FeatureRow, interval: Interval) -> str:
    name = row.name.removesuffix(" (at the end of a sweep: no peak)")
    unit = f" {row.unit}" if row.unit else ""
    return (
        f"The model does not reproduce the {name} of {row.data}, {row.where}: measured "
        f"{row.measured}{unit}, model {row.interval}{unit} ({interval.words} of replicates)."
    )


def _feature_note(table: list[dict[Any, Any]]) -> str:
    if not table:
        return ""
    replicates = int(min(row["replicates"] for row in table))
    if replicates < LEAST_REPLICATES:
        return (
            f"There are {replicates} replicates; at least {LEAST_REPLICATES} are needed to say "
            "that a feature lies outside the central 99 %."
        )
    outside = sum(bool(row["outside"]) for row in table)
    return (
        f"{outside} of {len(table)} features lie outside the central 99 % of their replicates; a "
        f"right model would have {significant(0.01 * len(table), 1)} there by chance, on average."
    )


def _pit_words(found: LeftOut) -> str:
    head = f"{found.name}: "
    if found.inside:
        said = "inside the band; nothing speaks against the noise model."
    else:
        said = f"outside the band. {_FAULTS[found.fault]}"
    if found.unreliable:
        said += (
            f" For {found.unreliable} of {found.values.size} values the importance weights are not "
            "reliable (Pareto k ≥ 0.7): these values alone move the parameters a lot."
        )
    return head + said


def _not_left_out(tree: xr.DataTree) -> list[str]:
    """Say which observables are not compared and why; nothing for a result without any."""
    if "leave_one_out" not in tree.children:
        return []
    group = tree.children["leave_one_out"].to_dataset()
    said = []
    for each in observables(tree):
        if f"{each.name}_pit" not in group:
            said.append(f"{each.name}: {each.observed.size} values are too few to judge.")
        elif each.technique == "icp":
            missing = int(np.isnan(group[f"{each.name}_pit"].to_numpy()).sum())
            if missing:
                said.append(
                    f"{each.name}: {missing} readings of samples with an unknown dilution are left "
                    "out, for what they should be depends on the hypothesis."
                )
    return said


def _sensitive(row: Mapping[Any, Any]) -> SensitivityRow:
    verdict = str(row["verdict"])
    return SensitivityRow(
        name=str(row["quantity"]),
        prior=decimals(float(row["prior"]), 3),
        likelihood=decimals(float(row["likelihood"]), 3),
        prior_noise=decimals(float(row["prior_noise"]), 3),
        prior_shift=decimals(float(row["prior_shift"]), 2),
        likelihood_shift=decimals(float(row["likelihood_shift"]), 2),
        most_by=str(row["most_by"]) if verdict in {CONFLICT, STRONG, LIMIT} else "",
        verdict=verdict,
    )


def _sensitivity_words(found: Sensitivity) -> list[str]:
    if found.table.empty:
        return []
    if not found.reliable:
        worst = max(found.pareto_k, key=lambda part: found.pareto_k[part])
        return [
            f"The importance weights of the {worst} fail (Pareto k {found.pareto_k[worst]:.2f}, "
            "asked for: below 0.7). The numbers below cannot be relied on for any quantity."
        ]
    said = []
    words = {
        CONFLICT: "Prior-data conflict possible: prior and data both move {}. Look whether the "
        "prior is right, then whether the model is.",
        STRONG: "The data say little against a prior on which these rest: {}. Quote them with it.",
        LIMIT: "Limits that depend on the prior, as every limit does: {}.",
        TOO_FEW: "Too few independent draws to tell: {}.",
    }
    for verdict, sentence in words.items():
        rows = found.table[found.table["verdict"] == verdict]
        names = [
            f"{name} (the prior of {by})" if verdict == STRONG and by else str(name)
            for name, by in zip(rows["quantity"], rows["most_by"], strict=True)
        ]
        if names:
            said.append(sentence.format(", ".join(names)))
    if not said:
        said.append("No primary or derived quantity depends on the prior in a way that shows.")
    return said
