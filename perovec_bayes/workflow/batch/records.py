"""What is known of each fit, on disk: in its run folder, or in the record of its failure."""

from __future__ import annotations

import errno
import json
import traceback
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import xarray as xr

from perovec_bayes.diagnostics import GateResult
from perovec_bayes.diagnostics.scalars import dataset, scalars
from perovec_bayes.errors import DataError, PerovecError, StudyError
from perovec_bayes.files import write_text

MARK = ".perovec-batch"
"""A folder with this file belongs to a batch, whose name it holds; locked by a run."""
FITS, FAILED = "fits", "failed"
RECORD = "fit.json"
"""In each run folder of a batch."""
Kind = Literal["study", "data", "bug", "timeout", "memory", "lost", "write"]
INFRASTRUCTURE = ("timeout", "memory", "lost", "write")
"""Failures that the next run tries again: not the fit is to blame."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
"""System errors after which no other fit could be written either."""


@dataclass(frozen=True)
class Done:
    """A fit with a result.

    Parameters
    ----------
    name, key, card : str
        Which fit.
    seed : int
        Of the sampler.
    passed : bool
        The verdict of the gate.
    failures : list of str
        What the gate did not pass.
    approximation : str
        What the result is if not a posterior sample; else nothing.
    seconds : float
        Wall time [s].
    quantities : list of dict
        Of each primary quantity: `quantity`, `unit`, `shown` (unit for figures), `log`.
    synthetic : bool
        Whether some of the data were simulated.
    """

    name: str
    key: str
    card: str
    seed: int
    passed: bool
    failures: list[str]
    approximation: str
    seconds: float
    quantities: list[dict[str, Any]] = field(default_factory=list)
    synthetic: bool = False


@dataclass(frozen=True)
class Failed:
    """A fit without a result.

    Parameters
    ----------
    name, key : str
        Which fit.
    kind : str
        What sort of failure.
    message : str
        What went wrong, in one line.
    seconds : float
        How long it had run [s].
    run : str
        The run of the batch in which it failed.
    details : str
        Of a bug: where.
    created : str
        When.
    fatal : bool
        Whether no other fit could be written either.
    """

    name: str
    key: str
    kind: Kind
    message: str
    seconds: float
    run: str
    details: str = ""
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    fatal: bool = False

    @property
    def again(self) -> bool:
        """Whether the next run tries it again."""
        return self.kind in INFRASTRUCTURE


def folder_of(out: Path, name: str) -> Path:
    """Return the run folder of a fit.

    Parameters
    ----------
    out : Path
        The folder of the batch.
    name : str
        The fit.
    """
    return out / FITS / name


def failure_of(out: Path, name: str) -> Path:
    """Return the record of a fit's failure.

    Parameters
    ----------
    out : Path
        The folder of the batch.
    name : str
        The fit.
    """
    return out / FAILED / f"{name}.json"


def read_done(out: Path, name: str) -> Done | None:
    """Return what is known of a fit that has a result; None if it has none.

    Parameters
    ----------
    out : Path
        The folder of the batch.
    name : str
        The fit.
    """
    found = _read(folder_of(out, name) / RECORD)
    return None if found is None else Done(**found)


def read_failed(out: Path, name: str) -> Failed | None:
    """Return what is known of a fit that failed; None if there is no record.

    Parameters
    ----------
    out : Path
        The folder of the batch.
    name : str
        The fit.
    """
    found = _read(failure_of(out, name))
    return None if found is None else Failed(**found)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StudyError(f"cannot be read ({error.strerror})", file=path) from error
    try:
        found = json.loads(text)
    except ValueError as error:
        raise DataError(
            "not a record of a batch", file=path, hint="Remove it; the fit is then done again."
        ) from error
    return dict(found)


def write_done(folder: Path, done: Done) -> None:
    """Write what is known of a fit into its run folder.

    Parameters
    ----------
    folder : Path
        The folder.
    done : Done
        The fit.
    """
    write_text(folder / RECORD, json.dumps(asdict(done), indent=1) + "\n")


def write_failed(out: Path, failed: Failed) -> None:
    """Write the record of a failure, whole or not at all.

    Parameters
    ----------
    out : Path
        The folder of the batch.
    failed : Failed
        The failure.
    """
    path = failure_of(out, failed.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(asdict(failed), indent=1) + "\n")


def done_of(name: str, key: str, seed: int, tree: xr.DataTree, seconds: float) -> Done:
    """Return what a record says of a result.

    Parameters
    ----------
    name, key : str
        Which fit.
    seed : int
        Of the sampler.
    tree : DataTree
        The result.
    seconds : float
        Wall time [s].
    """
    gate = GateResult.from_json(str(tree.attrs["gate"]))
    posterior = dataset(tree, "posterior")
    found = [] if posterior is None else scalars(posterior)
    return Done(
        name=name,
        key=key,
        card=str(json.loads(str(tree.attrs["card"]))["name"]),
        seed=seed,
        passed=gate.passed,
        failures=list(gate.failures),
        approximation=str(tree.attrs.get("approximation", "")),
        seconds=round(seconds, 3),
        quantities=[
            {
                "quantity": each.name,
                "unit": each.unit,
                "shown": str(each.attrs.get("display_unit", each.unit)),
                "log": each.log_scale,
            }
            for each in found
            if each.role == "primary"
        ],
        synthetic=any(
            bool(each.get("synthetic", 0))
            for each in json.loads(str(tree.attrs["observables"])).values()
        ),
    )


def failed_by(error: Exception, name: str, key: str, seconds: float, run: str) -> Failed:
    """Return the record of an exception.

    Parameters
    ----------
    error : Exception
        What ended the fit.
    name, key : str
        Which fit.
    seconds : float
        How long it had run [s].
    run : str
        The run of the batch.
    """
    system = error if isinstance(error, OSError) else error.__cause__
    if isinstance(system, OSError) and not isinstance(system, FileNotFoundError):
        said = error.line() if isinstance(error, PerovecError) else str(error)
        return Failed(name, key, "write", said, seconds, run, fatal=system.errno in FULL)
    if isinstance(error, PerovecError):
        kind: Kind = "data" if isinstance(error, DataError) else "study"
        return Failed(name, key, kind, error.line(), seconds, run)
    said = " ".join(f"{type(error).__name__}: {error}".split())
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in said:
        return Failed(name, key, "memory", f"out of memory ({said})", seconds, run)
    details = "".join(traceback.format_exception(error))
    return Failed(name, key, "bug", f"unexpected error: {said[:500]}", seconds, run, details)
