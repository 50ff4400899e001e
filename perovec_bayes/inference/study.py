"""Study files: which data, which card, what is changed in it, how to sample.

Read from TOML and checked; no data is read here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from perovec_bayes.errors import DataError, StudyError, UnitError
from perovec_bayes.inference import experiments
from perovec_bayes.inference.cards import (
    Card,
    Experiment,
    Fixed,
    Level,
    Name,
    OptionValue,
    Origin,
    ParameterName,
    Quantity,
    Sequenced,
    Technique,
    allowed_option,
    as_study_error,
    is_card_path,
    load_card,
    read_toml,
    unit_as_study_error,
)
from perovec_bayes.inference.credits import Author, WebAddress
from perovec_bayes.inference.planned import DesignTable
from perovec_bayes.inference.priors import Positive, Prior, Table, Text, problem, unknown
from perovec_bayes.readers.series import files_of, is_series
from perovec_bayes.units import convert

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*(\[[^\[\]]+\])?$")]
"""A parameter, or that of one solvent or experiment, as in "E0[PC]"."""
Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9 ._+-]*$", max_length=40)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Probability = Annotated[float, Field(gt=0, lt=1)]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class StudyHead(Table):
    """What the study is."""

    name: Name
    """Name of the folder of results: letters, digits, ".", "_" and "-"."""
    title: str = ""
    notes: str = ""
    """What a reader of the report should know about these data."""
    card: Text
    """Name of a shipped card, or the path of a card relative to the study file."""
    seed: Seed = 1
    """Seed of all random numbers."""
    author: Author | None = None
    """Who states the study and runs it."""
    license: WebAddress | None = None
    """Web address of the licence of the results."""


class Window(Table):
    """A span of time, on the clock of the voltammogram."""

    start: float
    end: float
    unit: str

    @property
    def start_s(self) -> float:
        """Beginning [s]."""
        return convert(self.start, self.unit, "s")

    @property
    def end_s(self) -> float:
        """End [s]."""
        return convert(self.end, self.unit, "s")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        try:
            empty = self.start_s >= self.end_s
        except UnitError as e:
            raise problem(
                e.what, place="unit", expected=e.expected, found=e.found, hint=e.hint
            ) from e
        if empty:
            raise problem(
                "the window is empty",
                expected="start before end",
                found=f"{self.start:g} to {self.end:g}",
            )
        return self


class DataEntry(Table):
    """One data set: where it is and how to read it."""

    technique: Technique
    file: Annotated[
        Sequenced[Text],
        Field(min_length=1),
        BeforeValidator(_as_list, json_schema_input_type=str | list[str]),
    ]
    """The file, relative to the study file; of several, the first that exists is read. A folder, or
    a pattern such as "spectra/*.txt", means files of one spectrum each."""
    experiment: Text | None = None
    """Which of the study's experiments it belongs to; ICP-OES data without one belong to all in
    their solvent."""
    name: ParameterName = Field(default_factory=lambda entry: entry["technique"])
    """Name of the data set in results, unique; the technique unless given."""
    format: Text | None = None
    """File format; found out from the file unless given."""
    obtain: Text | None = None
    """Where to get the file if it is absent."""
    columns: dict[str, Any] = Field(default_factory=dict)
    """Passed on to the reader: which column is what."""
    meta: dict[str, Any] = Field(default_factory=dict)
    """Passed on to the reader: area, reference and whatever else the file does not say."""
    reader_options: dict[str, Any] = Field(default_factory=dict)
    """Passed on to the reader."""
    window: Window | None = None
    """Of spectra: the span of time that is kept."""
    bands: dict[Text, Annotated[Sequenced[float], Field(min_length=2, max_length=2)]] = Field(
        default_factory=dict
    )
    """Of spectra: the bands [nm] over which they are averaged, by name."""
    film: Window | None = None
    """Of spectra that are fitted whole: the span of time in which the film is still untouched."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.bands and self.film:
            raise problem(
                "spectra are averaged over bands or fitted whole",
                expected="bands or film",
                found="both",
            )
        return self


class Sampler(Table):
    """How the posterior is sampled."""

    backend: Literal["nutpie", "pymc", "numpyro", "blackjax"] = "nutpie"
    chains: Count = 4
    draws: Count = 1000
    tune: Count = 1000
    seed: Seed | None = None
    """Seed of the sampler; the study's unless given."""
    target_accept: Probability = 0.9
    whiten: bool = True
    """Sample in coordinates scaled by the curvature at the optimum."""


class ReportOptions(Table):
    """What intervals the report gives."""

    interval_prob: Probability = 0.95
    interval_kind: Literal["eti", "hdi"] = "eti"
    """Equal-tailed or highest-density."""


class Dilution(Table):
    """One hypothesis on an unknown ICP dilution factor: ln(factor) is normal around ln `factor`."""

    where: dict[Literal["sample", "element", "solute", "solvent"], str] = Field(min_length=1)
    """The measurements concerned."""
    name: Text
    weight: Annotated[float, Field(gt=0, le=1)]
    """Prior probability; the weights of one `where` sum to 1."""
    factor: Positive
    """Concentration in the saturated solution / concentration in the measured solution."""
    sd_ln: Annotated[float, Field(ge=0)]
    """Standard deviation of ln(factor)."""
    reason: Text


class StudyTables(Table):
    """The tables of a study file."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        key: f"[data.{key}]" for key in ("columns", "meta", "reader_options")
    }

    study: StudyHead
    data: list[DataEntry] = Field(default_factory=list)
    experiments: dict[Label, Experiment] = Field(default_factory=dict)
    """Where the study holds several: their solvents."""
    groups: dict[Level, list[ParameterName]] = Field(default_factory=dict)
    """Parameters that are shared otherwise than the card says."""
    priors: dict[Key, Prior] = Field(default_factory=dict)
    """Priors that replace those of the card; "E0[PC]" for one solvent or experiment."""
    fixed: dict[Key, Fixed] = Field(default_factory=dict)
    """Parameters held at a value."""
    options: dict[str, OptionValue] = Field(default_factory=dict)
    """Options of the card that are changed."""
    noise: dict[Technique, Text] = Field(default_factory=dict)
    """Noise models that replace those of the card."""
    sampler: Sampler = Sampler()
    dilution: list[Dilution] = Field(default_factory=list)
    """Hypotheses on unknown ICP dilution factors."""
    report: ReportOptions = ReportOptions()
    truth: dict[Key, Quantity] = Field(default_factory=dict)
    """True values, for `perovec simulate`."""
    simulate: dict[str, Any] = Field(default_factory=dict)
    """What `perovec simulate` makes."""
    design: DesignTable | None = None
    """What `perovec design` ranks."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names: set[str] = set()
        for number, entry in enumerate(self.data, start=1):
            if entry.name in names:
                raise problem(
                    f"two data sets are named '{entry.name}'",
                    place=f"data#{number}.name",
                    hint="Give each [[data]] table a name of its own.",
                )
            names.add(entry.name)
        for name in self.fixed:
            if name in self.priors:
                what = f"parameter '{name}' is given a prior and fixed"
                raise problem(what, place=f"fixed.{name}", hint="Keep one of the two.")
        self._check_weights()
        return self

    def _check_weights(self) -> None:
        groups: dict[frozenset[tuple[str, str]], list[Dilution]] = {}
        for hypothesis in self.dilution:
            groups.setdefault(frozenset(hypothesis.where.items()), []).append(hypothesis)
        for group in groups.values():
            where = ", ".join(f"{key} = {value}" for key, value in group[0].where.items())
            names = [hypothesis.name for hypothesis in group]
            if len(set(names)) < len(names):
                what = f"two hypotheses for {where} have the same name"
                raise problem(what, place="dilution", found=", ".join(names))
            total = math.fsum(hypothesis.weight for hypothesis in group)
            if abs(total - 1.0) > 1e-6:
                what = f"the weights for {where} do not sum to 1"
                raise problem(what, place="dilution", expected="1", found=f"{total:g}")


class Study(StudyTables):
    """A study, with the file it came from and the folder from which its paths start."""

    origin: Origin
    folder: Path = Field(default=Path(), exclude=True)
    """Not stored: a result does not depend on where it was made."""

    @property
    def name(self) -> str:
        """Name of the study and of its folder of results."""
        return self.study.name

    @property
    def sampler_seed(self) -> int:
        """Seed of the sampler."""
        return self.study.seed if self.sampler.seed is None else self.sampler.seed

    def card_source(self) -> str | Path:
        """Return what `load_card` wants: the name of a shipped card, or a path."""
        card = self.study.card
        return self.folder / card if is_card_path(card) else card

    def data_file(self, entry: DataEntry) -> Path:
        """Return the first of an entry's candidate files, folders or patterns that exists.

        Parameters
        ----------
        entry : DataEntry
            One of `data`.

        Raises
        ------
        DataError
            If none exists; the line says where to get it.
        """
        for candidate in entry.file:
            path = self.folder / candidate
            if path.is_file() or (is_series(path) and files_of(path)):
                return path
        raise DataError(
            f"no file for data set '{entry.name}'",
            file=self.origin.file,
            place=f"data#{self.data.index(entry) + 1}.file",
            expected=" or ".join(str(self.folder / candidate) for candidate in entry.file),
            found="none",
            hint=entry.obtain,
        )


def load_study(path: str | Path) -> Study:
    """Read and check a study file; no data is read.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    study : Study
        The study as it is written.

    Raises
    ------
    StudyError
        If there is no such file, or something in it is wrong.
    """
    content, origin = read_toml(Path(path), str(path), "study file")
    return study_of(content, origin, Path(path).parent)


def study_of(content: Mapping[str, Any], origin: Origin, folder: Path) -> Study:
    """Check the content of a study file; no data is read.

    Parameters
    ----------
    content : mapping
        The tables, as TOML gives them.
    origin : Origin
        The file that errors name, and its checksum.
    folder : Path
        Where the paths in it start.

    Raises
    ------
    StudyError
        If something in it is wrong.
    """
    try:
        tables = StudyTables.model_validate(content)
    except ValidationError as error:
        raise as_study_error(error, content, origin.file) from error
    return Study(**dict(tables), origin=origin, folder=folder)


def merge(card: Card, study: Study) -> Card:
    """Return the card with the study's priors, fixed values, options and noise in place of its own.

    Parameters
    ----------
    card : Card
        The card that the study names.
    study : Study
        The study.

    Raises
    ------
    StudyError
        If the study changes something that the card does not have, or gives it a wrong unit, type
        or value.
    """
    if study.experiments:
        card = experiments.with_experiments(card, study)
    elif study.groups:
        raise StudyError(
            "groups are for several experiments",
            file=study.origin.file,
            place="groups",
            hint="Add [experiments] tables, or remove this one.",
        )
    parameters = dict(card.parameters)
    tables: list[tuple[str, str, Mapping[str, Any]]] = [
        ("priors", "prior", study.priors),
        ("fixed", "fixed", study.fixed),
    ]
    for special in (False, True):  # what is said of one solvent or experiment counts more
        for table, kind, said in tables:
            for name, what in said.items():
                if ("[" in name) is not special:
                    continue
                _in_canonical_unit(card, study, table, name, what.canonical)
                for key in experiments.targets(name, parameters):
                    update = {"prior": None, "fixed": None, kind: what}
                    parameters[key] = parameters[key].model_copy(update=update)
    for technique in study.noise:
        if technique not in card.techniques:
            raise StudyError(
                unknown("technique", technique, card.techniques),
                file=study.origin.file,
                place=f"noise.{technique}",
            )
    options = {
        name: _option(card, study, name, value, "options") for name, value in study.options.items()
    }
    own = {
        label: entry.model_copy(
            update={
                "options": {
                    name: _option(card, study, name, value, f"experiments.{label}.options")
                    for name, value in entry.options.items()
                }
            }
        )
        for label, entry in card.experiments.items()
    }
    return card.model_copy(
        update={
            "parameters": parameters,
            "noise": {**card.noise, **study.noise},
            "options": {**card.options, **options},
            "experiments": own,
        }
    )


def study_card(study: Study) -> Card:
    """Read the card that a study names, and return it merged with the study.

    Parameters
    ----------
    study : Study
        The study.

    Raises
    ------
    StudyError
        As `load_card` and `merge` do.
    """
    try:
        return merge(load_card(study.card_source()), study)
    except StudyError as error:
        if error.file is not None:
            raise
        raise error.within(file=study.origin.file, place="study.card") from error


def _in_canonical_unit[T](
    card: Card, study: Study, table: str, name: str, canonical: Callable[[str], T]
) -> T:
    """Call `canonical` with the unit of the card's parameter `name`, which must exist."""
    found = experiments.targets(name, card.parameters)
    if not found:
        kind = {"priors": "prior name", "fixed": "parameter name", "truth": "parameter name"}[table]
        raise StudyError(
            unknown(kind, name, card.parameters), file=study.origin.file, place=f"{table}.{name}"
        )
    try:
        return canonical(card.parameters[found[0]].unit)
    except UnitError as error:
        place = f"{table}.{name}.unit"
        raise unit_as_study_error(error, study.origin.file, place) from error


def _option(card: Card, study: Study, name: str, value: OptionValue, table: str) -> OptionValue:
    """Return an option of the study, one of the card's, in the type of the card's default."""
    file, place = study.origin.file, f"{table}.{name}"
    if name not in card.options:
        raise StudyError(unknown("option", name, card.options), file=file, place=place)
    try:
        return allowed_option(name, value, card.options[name], card.choices.get(name))
    except StudyError as error:
        raise error.within(file=file, place=place) from error


def truths(card: Card, study: Study) -> dict[str, float]:
    """Return the study's true values of parameters in the canonical units of the card.

    Parameters
    ----------
    card : Card
        The card that the study names.
    study : Study
        The study; its [truth] need not be complete.

    Raises
    ------
    StudyError
        If a parameter is unknown, or a unit wrong.
    """
    found: dict[str, float] = {}
    for name, value in sorted(study.truth.items(), key=lambda item: "[" in item[0]):
        number = _in_canonical_unit(card, study, "truth", name, value.canonical)
        found |= dict.fromkeys(experiments.targets(name, card.parameters), number)
    return found


def data_check(card: Card, study: Study) -> None:
    """Check that the study has the techniques that the card requires, and none unknown to it.

    Parameters
    ----------
    card : Card
        The card that the study names.
    study : Study
        The study.

    Raises
    ------
    StudyError
        If it does not, or gives dilution hypotheses without ICP data.
    """
    file = study.origin.file
    given = {entry.technique for entry in study.data}
    for technique in card.data.requires:
        if technique not in given:
            raise StudyError(
                f"card '{card.name}' requires data of technique '{technique}', the study has none",
                file=file,
                place="data",
                expected=", ".join(card.data.requires),
                found=", ".join(sorted(given)) or "no data",
            )
    for number, entry in enumerate(study.data, start=1):
        if entry.technique not in card.techniques:
            raise StudyError(
                f"card '{card.name}' has no place for data of technique '{entry.technique}'",
                file=file,
                place=f"data#{number}.technique",
                expected=" or ".join(card.techniques),
                found=f"'{entry.technique}'",
                hint="Remove this [[data]] table, or choose another card.",
            )
    experiments.check_techniques(card, study)
    if study.dilution and "icp" not in given:
        raise StudyError(
            "dilution hypotheses need data of technique 'icp', the study has none",
            file=file,
            place="dilution",
        )


def checked_card(study: Study) -> Card:
    """Read the card that a study names, with the study's changes, and check one against the other.

    Parameters
    ----------
    study : Study
        The study.

    Raises
    ------
    StudyError
        If something in them is wrong.
    """
    card = study_card(study)
    data_check(card, study)
    truths(card, study)
    return card
