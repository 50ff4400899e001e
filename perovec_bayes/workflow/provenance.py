"""What a result was made from and with: versions, seeds, checksums; nothing about the host."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath
from typing import Any

import xarray as xr

from perovec_bayes.inference.cards import Card
from perovec_bayes.inference.study import Study

PACKAGES = (
    "perovec_bayes",
    "pymc",
    "pytensor",
    "jax",
    "jaxlib",
    "nutpie",
    "arviz",
    "numpy",
    "scipy",
    "xarray",
)
ABSENT = "not installed"
"""In place of a version."""
_LENGTHS = {"cv": "point", "od": "time", "icp": "measurement"}


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that make the numbers."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ABSENT
    return found


def machine() -> dict[str, str]:
    """Return the kind of machine, not which one."""
    return {"system": platform.system(), "machine": platform.machine()}


def study_record(study: Study) -> dict[str, Any]:
    """Return what a result says of its study.

    Parameters
    ----------
    study : Study
        The study.
    """
    return {
        "name": study.name,
        "title": study.study.title,
        "notes": study.study.notes,
        "seed": study.study.seed,
        "sha256": study.origin.sha256,
        "interval_prob": study.report.interval_prob,
        "interval_kind": study.report.interval_kind,
        "priors_changed": sorted(study.priors),
        "fixed": sorted(study.fixed),
    }


def provenance(
    study: Study,
    card: Card,
    data: Mapping[str, xr.Dataset],
    *,
    sampler: Mapping[str, Any],
    command: str,
    seconds: float,
) -> dict[str, Any]:
    """Return the provenance of a result.

    Parameters
    ----------
    study, card, data
        The study, its merged card, its datasets.
    sampler : mapping
        What the sampler says of itself.
    command : str
        The command, without folders.
    seconds : float
        Wall time so far [s].

    Returns
    -------
    dict
        JSON-safe; no host name, user or path is in it.
    """
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "seed": study.study.seed,
        "wall_time_s": round(seconds, 2),
        "versions": versions(),
        "platform": machine(),
        "sampler": dict(sampler),
        "study": {"name": study.name, "sha256": study.origin.sha256},
        "card": {"name": card.name, "sha256": card.origin.sha256},
        "data": [
            {
                "name": name,
                "file": PurePath(str(each.attrs["source_file"])).name,
                "sha256": str(each.attrs["source_sha256"]),
                "technique": str(each.attrs["technique"]),
                "points": int(each.sizes[_LENGTHS[str(each.attrs["technique"])]]),
                "synthetic": int(each.attrs["synthetic"]),
            }
            for name, each in data.items()
        ],
    }
