"""The manifest of a batch: which studies, with which data and changes, and how they are run."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from dask.utils import parse_bytes
from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from perovec_bayes.errors import StudyError, UnitError
from perovec_bayes.inference.cards import (
    Name,
    Origin,
    ParameterName,
    Quantity,
    as_study_error,
    read_toml,
)
from perovec_bayes.inference.priors import Table, Text, problem
from perovec_bayes.inference.study import Count

TABLE_SUFFIX = ".csv"
SECOND_AT_LEAST = 1.0


def _bytes(text: str) -> str:
    try:
        size = parse_bytes(text)
    except ValueError:
        size = 0
    if size < 1:
        raise problem("not an amount of memory", expected="text such as '4 GB'", found=repr(text))
    return text


Memory = Annotated[Text, AfterValidator(_bytes)]
Walltime = Annotated[str, StringConstraints(pattern=r"^(\d+-)?\d{1,3}:\d{2}:\d{2}$")]


class Engine(Table):
    """Where the fits run, and what each may use."""

    kind: Literal["local", "slurm", "pbs"] = "local"
    """This machine, or jobs of a cluster."""
    workers: Count | None = None
    """Fits at a time; on this machine as many as it has processors unless given."""
    threads: Count = 1
    """Of each fit."""
    memory: Memory | None = None
    """Of each worker, as in "4 GB"; on this machine its share of the whole unless given."""
    timeout: Quantity | None = None
    """Longest time of one fit; no limit unless given."""
    together: Count = 1
    """Fits of one card whose chains a worker draws as one computation; by "blackjax" only."""
    fits_per_worker: Count = 100
    """After so many fits a worker is replaced by a new one."""
    lost_workers: Annotated[int, Field(ge=0)] = 3
    """How many workers a fit may lose before it is given up."""
    workers_per_job: Count = 1
    queue: Text | None = None
    """Queue or partition of the cluster."""
    account: Text | None = None
    walltime: Walltime | None = None
    """Of a job, as in "08:00:00"."""
    interface: Text | None = None
    """Network interface over which workers reach this process, as in "ib0"."""
    directives: list[Text] = Field(default_factory=list)
    """Further lines for the head of a job script, without #SBATCH or #PBS."""
    prologue: list[Text] = Field(default_factory=list)
    """Commands that a job runs first, as in "module load python"."""

    @property
    def timeout_s(self) -> float | None:
        """Longest time of one fit [s]."""
        return None if self.timeout is None else self.timeout.canonical("s")

    @property
    def memory_bytes(self) -> int | None:
        """Memory of each worker [B]."""
        return None if self.memory is None else int(parse_bytes(self.memory))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        try:
            seconds = self.timeout_s
        except UnitError as e:
            raise problem(
                e.what, place="timeout", expected=e.expected, found=e.found, hint=e.hint
            ) from e
        if seconds is not None and seconds < SECOND_AT_LEAST:
            raise problem(
                "no fit is so quick",
                place="timeout",
                expected=f"at least {SECOND_AT_LEAST:g} s",
                found=f"{seconds:g} s",
            )
        needed = ("workers", "memory", "walltime")
        if self.kind != "local" and (missing := [k for k in needed if getattr(self, k) is None]):
            raise problem(
                "a cluster has to be told what a job may use",
                place=missing[0],
                expected=", ".join(needed),
                found=f"no {' and no '.join(missing)}",
            )
        foreign = {"queue", "account", "walltime", "interface", "directives", "prologue"}
        if self.kind == "local" and (said := sorted(foreign & self.model_fields_set)):
            raise problem(
                "this belongs to a cluster",
                place=said[0],
                expected="kind = 'slurm' or 'pbs' with it",
                found="kind = 'local'",
            )
        return self


class Variant(Table):
    """One of several rival forms of the same fit."""

    name: Name
    set: dict[Text, Any] = Field(default_factory=dict)
    """Place in the study file = value."""
    metadata: dict[Text, str | int | float | bool] = Field(default_factory=dict)


class Fits(Table):
    """A family of fits: every combination of what is listed."""

    study: Text | None = None
    """Study file, or a pattern of study files, relative to the manifest."""
    name: Name | None = None
    """First part of the names of the fits; that of the study unless given."""
    rows: Text | None = None
    """Table (.csv) with one fit a row."""
    files: dict[ParameterName, Text] = Field(default_factory=dict)
    """Data set = file, relative to the manifest; or a pattern: then one fit for each file."""
    set: dict[Text, Any] = Field(default_factory=dict)
    """Place in the study file = value, in all fits."""
    grid: dict[Text, Annotated[list[Any], Field(min_length=1)]] = Field(default_factory=dict)
    """Place in the study file = list of values."""
    variants: list[Variant] = Field(default_factory=list)
    metadata: dict[Text, str | int | float | bool] = Field(default_factory=dict)
    """Columns that the tables of the batch get."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.study is None and self.rows is None:
            raise problem("no study file", place="study", expected="study, or rows with a column")
        return self


class BatchHead(Table):
    """What the batch is."""

    name: Name
    title: str = ""
    notes: str = ""
    quick: bool = False
    """Laplace approximations in place of posterior samples."""
    gather: Annotated[list[Text], Field(min_length=1)] = Field(
        default_factory=lambda: ["posterior", "sample_stats", "observed_data"]
    )
    """Groups of each result that `--gather` puts together."""


class ManifestTables(Table):
    """The tables of a manifest."""

    batch: BatchHead
    engine: Engine = Engine()
    fits: Annotated[list[Fits], Field(min_length=1)]


class Manifest(ManifestTables):
    """A manifest, with the file it came from and the folder from which its paths start."""

    origin: Origin
    folder: Path = Field(default=Path(), exclude=True)


class _EngineFile(Table):
    engine: Engine


def load_manifest(path: str | Path) -> Manifest:
    """Read and check a manifest; no study is read.

    Parameters
    ----------
    path : str or Path
        A TOML file; or a table (.csv) with one fit a row, which stands for a manifest with these
        rows only.

    Raises
    ------
    StudyError
        If there is no such file, or something in it is wrong.
    """
    path = Path(path)
    if path.suffix.lower() == TABLE_SUFFIX:
        return _of_table(path)
    content, origin = read_toml(path, str(path), "manifest")
    try:
        tables = ManifestTables.model_validate(content)
    except ValidationError as error:
        raise as_study_error(error, content, path) from error
    return Manifest(**dict(tables), origin=origin, folder=path.parent)


def load_engine(path: str | Path) -> Engine:
    """Read the [engine] table of a file that holds nothing else.

    Parameters
    ----------
    path : str or Path
        A TOML file.

    Raises
    ------
    StudyError
        If there is no such file, or something in it is wrong.
    """
    content, _ = read_toml(Path(path), str(path), "engine file")
    try:
        return _EngineFile.model_validate(content).engine
    except ValidationError as error:
        raise as_study_error(error, content, path) from error


def _of_table(path: Path) -> Manifest:
    content = {"batch": {"name": path.stem}, "fits": [{"rows": path.name}]}
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise StudyError(f"cannot be read ({error.strerror})", file=path) from error
    try:
        tables = ManifestTables.model_validate(content)
    except ValidationError as error:
        raise as_study_error(error, content, path) from error
    origin = Origin(file=str(path), sha256=hashlib.sha256(raw).hexdigest())
    return Manifest(**dict(tables), origin=origin, folder=path.parent)
