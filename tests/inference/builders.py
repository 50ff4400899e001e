"""Small datasets, and cards in which parameters are fixed or have other priors."""

import json

import numpy as np
import xarray as xr

from perovec_bayes.inference.cards import Fixed

COMMON = {
    "schema_version": 1,
    "source_file": "made.csv",
    "source_sha256": "0" * 64,
    "reader": "none",
    "synthetic": 1,
}


def cv(time, potential, current, name="cv", **attrs):
    """A voltammogram: with `area_cm2`, the current is a density [A cm^-2]."""
    values = np.asarray(current, dtype=float)
    stated = {
        "technique": "cv",
        "name": name,
        "reference": "Ag/AgCl",
        "reference_offset_V": np.nan,
        "reference_offset_sd_V": np.nan,
        "area_cm2": np.nan,
        "area_sd_cm2": np.nan,
        "scan_rate_V_s": float(np.median(np.abs(np.diff(potential) / np.diff(time)))),
        "source_current_sign": "anodic_positive",
        "temperature_K": 298.15,
        "temperature_assumed": 0,
        **attrs,
    }
    known = np.isfinite(stated["area_cm2"])
    return xr.Dataset(
        {
            "potential": ("point", np.asarray(potential, dtype=float)),
            "current_density" if known else "current": ("point", values),
            "cycle": ("point", np.ones(len(values), dtype=int)),
        },
        coords={"time": ("point", np.asarray(time, dtype=float))},
        attrs=COMMON | stated,
    )


def od(time, absorbance, name="od", bands=((500.0, 550.0), (550.0, 600.0))):
    """Band averages, shape (times, bands)."""
    low, high = np.array(bands, dtype=float).T
    labels = [f"{a:g}-{b:g}" for a, b in bands]
    return xr.Dataset(
        {
            "absorbance": (("time", "band"), np.asarray(absorbance, dtype=float)),
            "band_low_nm": ("band", low),
            "band_high_nm": ("band", high),
        },
        coords={"time": np.asarray(time, dtype=float), "band": labels},
        attrs=COMMON
        | {
            "technique": "od",
            "name": name,
            "clock_offset_s": 0.0,
            "clock_offset_sd_s": 0.0,
            "clock_offset_assumed": 0,
            "temperature_K": 298.15,
            "temperature_assumed": 0,
        },
    )


def icp(*rows, name="icp", hypotheses=()):
    """Readings, each a dict; a row with `lod` and without `value` is censored at it."""
    usual = {
        "element": "Pb",
        "solute": "CsPbBr3",
        "solvent": "PC",
        "replicate": 1,
        "value": np.nan,
        "sd": np.nan,
        "dilution": 1.0,
        "lod": np.nan,
    }
    full = [{"sample": f"S{number}", **usual, **row} for number, row in enumerate(rows)]
    columns = {key: np.array([row[key] for row in full]) for key in full[0]}
    columns["censoring"] = np.where(np.isnan(columns["value"]), "left", "none")
    attrs = COMMON | {"technique": "icp", "name": name}
    if hypotheses:
        attrs["dilution_hypotheses"] = json.dumps(list(hypotheses))
    return xr.Dataset({key: ("measurement", value) for key, value in columns.items()}, attrs=attrs)


def hypothesis(name, weight, factor, sd_ln, **where):
    """A dilution hypothesis, as a study states it."""
    return {"where": where, "name": name, "weight": weight, "factor": factor, "sd_ln": sd_ln}


def with_parameters(card, changes):
    """The card with parameters held at a number in their canonical unit, or with another prior."""
    parameters = dict(card.parameters)
    for name, change in changes.items():
        entry = parameters[name]
        if isinstance(change, int | float):
            held = Fixed(value=float(change), unit=entry.unit, reason="for a test")
            update = {"prior": None, "fixed": held}
        else:
            update = {"prior": change, "fixed": None}
        parameters[name] = entry.model_copy(update=update)
    return card.model_copy(update={"parameters": parameters})
