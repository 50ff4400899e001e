"""The tables of a batch, and all its results in one file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from perovec_bayes.diagnostics.summary import COLUMNS
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.files import replacing, write_text
from perovec_bayes.inference import storage
from perovec_bayes.report.batch import Entry, write_batch_report
from perovec_bayes.workflow.batch.plan import Plan, Planned
from perovec_bayes.workflow.batch.records import FITS, folder_of

CSV, PARQUET, REPORT, GATHERED = "summary.csv", "batch.parquet", "report.html", "batch.nc"
HEAD = ("fit", "status", "gate", "error", "card", "seed", "seconds", "key")
_NUMBERS = (
    "mean", "sd", "median", "interval_low", "interval_high", "interval_prob",
    "r_hat", "ess_bulk", "ess_tail",
)  # fmt: skip


@dataclass(frozen=True)
class Results:
    """What a batch has found.

    Parameters
    ----------
    plan : Plan
        Its fits as they stand.
    table : DataFrame
        One row for each quantity of each fit, and one for each fit without a result; failures
        first. Columns `HEAD`, those of `summary.csv` of a run, and the metadata with "meta." before
        their names.
    """

    plan: Plan
    table: pd.DataFrame


def results(made: Plan) -> Results:
    """Put the summaries of all fits into one table.

    Parameters
    ----------
    made : Plan
        The fits as they stand.

    Raises
    ------
    DataError
        If a run folder is damaged.
    """
    rows: list[dict[str, Any]] = []
    for each in sorted(made.fits, key=_rank):
        rows += _rows(made.out, each)
    meta = list(dict.fromkeys(f"meta.{key}" for each in made.fits for key in each.single.metadata))
    table = pd.DataFrame(rows, columns=[*HEAD, *COLUMNS, *meta])
    for name in table.columns:
        if name in (*_NUMBERS, "seconds"):
            table[name] = pd.to_numeric(table[name]).astype("float64")
        elif name == "seed":
            table[name] = table[name].astype("Int64")
        else:
            table[name] = _texts_or_numbers(table[name], text=not name.startswith("meta."))
    return Results(made, table)


def _rank(each: Planned) -> int:
    if each.done is None:
        return 0
    return 2 if each.done.passed else 1


def _texts_or_numbers(column: pd.Series[Any], *, text: bool) -> pd.Series[Any]:
    """Return a column of one type: numbers where all entries are, else text."""
    stated = column.dropna()
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in stated)
    if len(stated) and numbers and not text:
        return column.astype("float64")
    return column.map(lambda v: "" if pd.isna(v) else str(v)).astype("str")


def _rows(out: Path, each: Planned) -> list[dict[str, Any]]:
    meta = {f"meta.{key}": value for key, value in each.single.metadata.items()}
    head: dict[str, Any] = {
        "fit": each.name,
        "status": status_of(each),
        "error": "",
        "card": each.card,
        "key": each.key if each.problem is None else "",
        **meta,
    }
    if each.done is None:
        said = each.failed.message if each.failed else "not done yet"
        return [head | {"error": said, "seconds": each.failed.seconds if each.failed else None}]
    done = each.done
    head |= {
        "gate": "passed" if done.passed else "FAILED",
        "error": " ".join(done.failures),
        "seed": done.seed,
        "seconds": done.seconds,
    }
    path = folder_of(out, each.name) / "summary.csv"
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise DataError(
            "not a summary of a fit",
            file=path,
            found=str(error),
            hint="Remove the folder; the fit is then done again.",
        ) from error
    return [{**head, **{str(k): v for k, v in row.items()}} for row in table.to_dict("records")]


def status_of(each: Planned) -> str:
    """Return the state of a fit in a word: "done", the kind of its failure, or "missing".

    Parameters
    ----------
    each : Planned
        The fit.
    """
    if each.done is not None:
        return "done"
    return each.failed.kind if each.failed is not None else "missing"


def write_results(found: Results) -> list[Path]:
    """Write `summary.csv`, `batch.parquet` and `report.html`, each whole or not at all.

    Parameters
    ----------
    found : Results
        The table.

    Returns
    -------
    list of Path
        The files.
    """
    out = found.plan.out
    head = found.plan.manifest.batch
    write_text(out / CSV, found.table.to_csv(index=False, lineterminator="\n"))
    with replacing(out / PARQUET) as temporary:
        found.table.to_parquet(temporary, index=False, engine="pyarrow")
    entries = [_entry(each) for each in sorted(found.plan.fits, key=_rank)]
    write_batch_report(head.title or head.name, head.notes, entries, found.table, out / REPORT)
    return [out / CSV, out / PARQUET, out / REPORT]


def _entry(each: Planned) -> Entry:
    done, failed = each.done, each.failed
    words = "not done yet"
    if done is not None:
        words = " ".join(done.failures)
    elif failed is not None:
        words = failed.message
    return Entry(
        name=each.name,
        card=each.card,
        status=status_of(each),
        passed=done is not None and done.passed,
        approximation="" if done is None else done.approximation,
        words=words,
        seconds=done.seconds if done else failed.seconds if failed else None,
        metadata=dict(each.single.metadata),
        link=f"{FITS}/{each.name}/report.html" if done else "",
        quantities=tuple(done.quantities) if done else (),
        synthetic=done is not None and done.synthetic,
    )


def gather(made: Plan) -> Path:
    """Put groups of all results into one netCDF file, `batch.nc`: a DataTree with a node a fit.

    One result at a time is in memory.

    Parameters
    ----------
    made : Plan
        The fits as they stand; those without a result are left out.

    Returns
    -------
    Path
        The file. `xarray.open_datatree` reads it; node NAME/posterior holds the draws of fit NAME,
        the attributes of NAME its key, card, gate and metadata.

    Raises
    ------
    StudyError
        If no fit has a result, or none has a group that the manifest names.
    DataError
        If a result is damaged.
    """
    chosen = [each for each in made.fits if each.done is not None]
    if not chosen:
        raise StudyError("no fit has a result to gather", file=made.out)
    head = made.manifest.batch
    target, seen = made.out / GATHERED, set()
    with replacing(target) as temporary:
        root = xr.Dataset(attrs={"batch": head.name, "title": head.title})
        root.to_netcdf(temporary, mode="w", engine=storage.ENGINE)
        for each in chosen:
            tree = storage.storable(storage.load(folder_of(made.out, each.name)))
            node = xr.Dataset(attrs=_attrs(each))
            node.to_netcdf(temporary, mode="a", group=each.name, engine=storage.ENGINE)
            for group in head.gather:
                if group in tree.children:
                    seen.add(group)
                    data = tree.children[group].to_dataset(inherit=False)
                    where = f"{each.name}/{group}"
                    data.to_netcdf(temporary, mode="a", group=where, engine=storage.ENGINE)
        if not seen:
            raise StudyError(
                "no result has such a group",
                file=made.manifest.origin.file,
                place="batch.gather",
                found=", ".join(head.gather),
            )
    return target


def _attrs(each: Planned) -> dict[str, Any]:
    done = each.done
    if done is None:
        raise ValueError(each.name)
    meta = {
        f"meta.{k}": int(v) if isinstance(v, bool) else v for k, v in each.single.metadata.items()
    }
    return {
        "key": done.key,
        "card": done.card,
        "seed": done.seed,
        "gate": "passed" if done.passed else "FAILED",
        "seconds": done.seconds,
        "approximation": done.approximation,
        **meta,
    }
