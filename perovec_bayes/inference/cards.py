"""Model cards: what we claim about a system, as data, read from TOML and checked.

A card names a mechanism, its options, the data it needs, the noise of each technique, and every
parameter with its canonical unit and a prior or a fixed value, each with a reason.
"""

from __future__ import annotations

import hashlib
import math
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    BeforeValidator,
    Field,
    Strict,
    StringConstraints,
    ValidationError,
    model_validator,
)

from perovec_bayes.errors import StudyError, UnitError
from perovec_bayes.inference.priors import Prior, Table, Text, problem, unknown
from perovec_bayes.units import convert

Technique = Literal["cv", "od", "icp"]
Level = Literal["all", "solvent", "experiment"]
"""What shares a parameter, where a study has several experiments."""
ParameterName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$", max_length=100)]
Scalar = bool | int | float | str
type Sequenced[T] = Annotated[tuple[T, ...], Strict(False)]

_EXPECTED = {
    "string_type": "text in quotes",
    "float_type": "a number",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "finite_number": "a finite number",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "list_type": "a list",
    "tuple_type": "a list",
    "string_too_short": "text that is not empty",
    "too_short": "at least one entry",
    "greater_than": "a number greater than {gt:g}",
    "greater_than_equal": "a number not below {ge:g}",
    "less_than": "a number less than {lt:g}",
    "less_than_equal": "a number not above {le:g}",
    "string_pattern_mismatch": "text that matches {pattern}",
    "literal_error": "{expected}",
    "string_too_long": "at most {max_length} characters",
}
_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
}
_CONSEQUENCES = ("default_factory_not_called",)  # always beside the error that caused it


class Origin(Table):
    """The file that a card or study was read from."""

    file: str
    """The file as it was named."""
    sha256: str
    """Checksum of its bytes."""


def _place(location: Sequence[str | int], data: Any, missing: bool) -> str:
    """Return a pydantic location as a dotted path of the file, without pydantic's union labels."""
    parts: list[str] = []
    for depth, step in enumerate(location):
        if isinstance(step, int) and isinstance(data, list):
            parts[-1:] = [f"{parts[-1]}#{step + 1}"]
            data = data[step]
        elif isinstance(data, dict) and step in data:
            parts.append(str(step))
            data = data[step]
        elif missing and depth == len(location) - 1:
            parts.append(str(step))
    return ".".join(parts)


def shown(value: Any) -> str:
    """Return a value of a file for an error message, cut if it is long."""
    text = repr(value) if isinstance(value, str) else str(value)
    text = text.lower() if isinstance(value, bool) else text
    return text if len(text) <= 60 else f"{text[:57]}..."


def as_study_error(error: ValidationError, data: Any, file: str | Path) -> StudyError:
    """Return the first problem that pydantic found as one line, and say how many more there are.

    Parameters
    ----------
    error : ValidationError
        What pydantic raised.
    data : object
        What was validated.
    file : str or Path
        The file that `data` was read from.
    """
    problems = [e for e in error.errors(include_url=False) if e["type"] not in _CONSEQUENCES]
    first = problems[0]
    kind, context, value = first["type"], first.get("ctx", {}), first["input"]
    place = _place(first["loc"], data, missing=kind == "missing")
    expected: object = None
    found: object = None
    hint: str | None = None
    if kind == "perovec":
        what, expected, found = context["what"], context["expected"], context["found"]
        hint = context["hint"]
        place = ".".join(part for part in (place, context["place"]) if part)
    elif kind == "missing":
        what = "a required key is missing"
    elif kind == "literal_error" and isinstance(value, str):
        what = unknown("value", value, re.findall(r"'([^']*)'", context["expected"]))
    else:
        what, found = "the value is not allowed", shown(value)
        expected = _EXPECTED[kind].format_map(context) if kind in _EXPECTED else first["msg"]
    if len(problems) > 1:
        more = f"{len(problems) - 1} more in this file."
        hint = f"{hint} {more}" if hint else more
    return StudyError(what, file=file, place=place, expected=expected, found=found, hint=hint)


def unit_as_study_error(error: UnitError, file: str | Path, place: str) -> StudyError:
    """Return an error about a unit with the file and the place at which the unit stands."""
    return StudyError(
        error.what,
        file=file,
        place=place,
        expected=error.expected,
        found=error.found,
        hint=error.hint,
    )


def read_toml(path: Path, label: str, kind: str) -> tuple[dict[str, Any], Origin]:
    """Read a TOML file.

    Parameters
    ----------
    path : Path
        The file.
    label : str
        How errors and the origin name the file.
    kind : str
        What the file is, as in "study file".

    Returns
    -------
    tables : dict
        The content.
    origin : Origin
        Name and checksum of the file.
    """
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
        tables = tomllib.loads(text)
    except FileNotFoundError as error:
        raise StudyError(f"this {kind} does not exist", file=label) from error
    except OSError as error:
        raise StudyError(f"this {kind} cannot be read ({error.strerror})", file=label) from error
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise StudyError(
            "not UTF-8 text", file=label, place=f"line {line}", hint="Save the file as UTF-8."
        ) from error
    except tomllib.TOMLDecodeError as error:
        match = re.fullmatch(r"(.*) \(at (.*)\)", str(error), flags=re.DOTALL)
        what, place = match.groups() if match else (str(error), None)
        raise StudyError(f"not valid TOML: {what}", file=label, place=place) from error
    return tables, Origin(file=label, sha256=hashlib.sha256(raw).hexdigest())


class Quantity(Table):
    """A number with its unit."""

    value: float
    unit: str

    def canonical(self, unit_to: str) -> float:
        """Return the number in the unit `unit_to`."""
        return convert(self.value, self.unit, unit_to)


class Fixed(Quantity):
    """A value that a parameter is held at, and why."""

    reason: Text


class Parameter(Table):
    """A parameter of a mechanism: it has a prior, or it is fixed."""

    symbol: Text
    unit: str
    """Canonical unit, used in results."""
    role: Literal["primary", "ancillary"]
    description: Text
    prior: Prior | None = None
    fixed: Fixed | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.prior is None) == (self.fixed is None):
            found = "neither" if self.prior is None else "both"
            raise problem(
                "a parameter must be free or fixed", expected="prior or fixed", found=found
            )
        checks: dict[str, Callable[[], object]] = {
            "unit": lambda: convert(1.0, self.unit, self.unit),
            "prior.unit": self.canonical_prior,
            "fixed.unit": self.fixed_value,
        }
        for place, check in checks.items():
            try:
                check()
            except UnitError as e:
                raise problem(
                    e.what, place=place, expected=e.expected, found=e.found, hint=e.hint
                ) from e
        return self

    def canonical_prior(self) -> Prior | None:
        """Return the prior in the canonical unit, None if the parameter is fixed."""
        return None if self.prior is None else self.prior.canonical(self.unit)

    def fixed_value(self) -> float | None:
        """Return the fixed value in the canonical unit, None if the parameter is free."""
        return None if self.fixed is None else self.fixed.canonical(self.unit)


def _plain(value: Any) -> Any:
    """Refuse what is not text, a finite number, true or false, or a list of these."""
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, Scalar) or (isinstance(item, float) and not math.isfinite(item)):
            expected = "text, a finite number, true or false, or a list of these"
            raise problem("this cannot be an option", expected=expected, found=shown(value))
    return value


OptionValue = Annotated[Scalar | list[Scalar], BeforeValidator(_plain)]


def not_allowed(name: str, value: OptionValue, choices: Sequence[Scalar] | None) -> str | None:
    """Return the words for a value that is not among the choices, None if all is well."""
    for item in value if isinstance(value, list) else [value]:
        if choices is not None and item not in choices:
            return unknown(name, str(item), [str(choice) for choice in choices])
    return None


class Option(NamedTuple):
    """What a mechanism knows about an option."""

    default: OptionValue
    """Value where the card has none."""
    values: tuple[Scalar, ...] = ()
    """The values that it may take; none: any of the type of the default."""


def allowed_option(
    name: str, value: OptionValue, default: OptionValue, choices: Sequence[Scalar] | None
) -> OptionValue:
    """Return an option's value in the type of its default.

    Parameters
    ----------
    name : str
        The option.
    value : OptionValue
        What was chosen.
    default : OptionValue
        A value of the type wanted.
    choices : sequence, optional
        The values that it may take.

    Raises
    ------
    StudyError
        If the value is of another type or not among the choices.
    """
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(default):
        raise StudyError(
            f"option '{name}' has the wrong type",
            expected=f"{_KINDS[type(default)]} as in {shown(default)}",
            found=shown(value),
        )
    if what := not_allowed(name, value, choices):
        raise StudyError(what)
    return value


class CardHead(Table):
    """What the card is about."""

    name: Name
    """The file name without ".toml"."""
    title: Text
    mechanism: Text
    """A mechanism known to the package."""
    description: Text
    references: Sequenced[Text] = ()


class CardData(Table):
    """The techniques that the mechanism explains."""

    requires: Sequenced[Technique] = ()
    optional: Sequenced[Technique] = ()


class CardTables(Table):
    """The tables of a card file."""

    card: CardHead
    data: CardData
    options: dict[str, OptionValue] = Field(default_factory=dict)
    """Options of the mechanism, with the default of each."""
    choices: dict[str, Annotated[list[Scalar], BeforeValidator(_plain)]] = Field(
        default_factory=dict
    )
    """The values that an option may take."""
    noise: dict[Technique, Text] = Field(default_factory=dict)
    """Noise model of each technique."""
    groups: dict[Level, list[ParameterName]] = Field(default_factory=dict)
    """Parameters that several experiments share: all of them, or those in one solvent; the others
    belong to an experiment. Without it the card is for one experiment."""
    parameters: Annotated[dict[ParameterName, Parameter], Field(min_length=1)]

    @property
    def techniques(self) -> tuple[Technique, ...]:
        """The techniques that the card knows, required ones first."""
        return self.data.requires + self.data.optional

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.techniques or len(set(self.techniques)) < len(self.techniques):
            expected = "each technique once, in requires or optional"
            found = ", ".join(self.techniques) or "none"
            raise problem(
                "the techniques are unclear", place="data", expected=expected, found=found
            )
        for name, choices in self.choices.items():
            if name not in self.options:
                raise problem(unknown("option", name, self.options), place=f"choices.{name}")
            if what := not_allowed(name, self.options[name], choices):
                raise problem(what, place=f"options.{name}")
        for technique in self.noise:
            if technique not in self.techniques:
                what = unknown("technique", technique, self.techniques)
                raise problem(what, place=f"noise.{technique}")
        seen: set[str] = set()
        for level, names in self.groups.items():
            for name in names:
                if name not in self.parameters:
                    what = unknown("parameter", name, self.parameters)
                    raise problem(what, place=f"groups.{level}")
                if name in seen:
                    raise problem(f"'{name}' is in two groups", place=f"groups.{level}")
                seen.add(name)
        return self


class Experiment(Table):
    """One of several experiments of a study."""

    solvent: Text
    """The solvent; experiments in one solvent share what the card's groups say."""
    options: dict[str, OptionValue] = Field(default_factory=dict)
    """Options of the card that are changed for this experiment."""


class Card(CardTables):
    """A model card, with the file it came from and the experiments of the study that uses it."""

    origin: Origin
    experiments: dict[str, Experiment] = Field(default_factory=dict)
    """None: the study is one experiment."""

    @property
    def name(self) -> str:
        """Name of the card."""
        return self.card.name

    @property
    def mechanism(self) -> str:
        """Name of the mechanism."""
        return self.card.mechanism


def with_every_option(card: Card, known: Mapping[str, Option]) -> Card:
    """Return the card with every option of its mechanism, those that it leaves out at the default.

    Parameters
    ----------
    card : Card
        With a study's overrides merged in.
    known : mapping
        The mechanism's options.

    Raises
    ------
    StudyError
        If the card has an option that the mechanism does not know, or a value that it does not.
    """
    options = {name: option.default for name, option in known.items()}
    for name, value in card.options.items():
        try:
            if name not in known:
                raise StudyError(unknown("option", name, known))
            option = known[name]
            options[name] = allowed_option(name, value, option.default, option.values or None)
        except StudyError as error:
            raise error.within(file=card.origin.file, place=f"options.{name}") from error
    return card.model_copy(update={"options": options})


def models_folder() -> Path:
    """Return the folder of the shipped cards: in the package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "models"
    return installed if installed.is_dir() else package.parent / "models"


def card_names() -> list[str]:
    """Return the names of the shipped cards, in alphabetical order."""
    return sorted(path.stem for path in models_folder().glob("*.toml"))


def is_card_path(name_or_path: str | Path) -> bool:
    """Tell whether a card is named by the path of its file, rather than as a shipped one."""
    text = str(name_or_path)
    return isinstance(name_or_path, Path) or text.endswith(".toml") or "/" in text or "\\" in text


def card_path(name_or_path: str | Path) -> Path:
    """Return where the file of a card lies.

    Parameters
    ----------
    name_or_path : str or Path
        As `load_card` takes it.
    """
    if is_card_path(name_or_path):
        return Path(name_or_path)
    return models_folder() / f"{name_or_path}.toml"


def load_card(name_or_path: str | Path) -> Card:
    """Read and check a model card.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a shipped card, or the path of a card file: a `Path`, or text with a "/" or ending
        in ".toml".

    Returns
    -------
    card : Card
        The card as it is written; `Parameter.canonical_prior` converts units.

    Raises
    ------
    StudyError
        If there is no such card, or something in it is wrong.
    """
    path, label = card_path(name_or_path), str(name_or_path)
    if not is_card_path(name_or_path):
        label = f"models/{name_or_path}.toml"
        if str(name_or_path) not in card_names():
            raise StudyError(
                unknown("card", str(name_or_path), card_names()),
                hint="A card of your own is named by its path, ending in '.toml'.",
            )
    content, origin = read_toml(path, label, "model card")
    try:
        tables = CardTables.model_validate(content)
    except ValidationError as error:
        raise as_study_error(error, content, label) from error
    if tables.card.name != path.stem:
        raise StudyError(
            "the card is not named as its file",
            file=label,
            place="card.name",
            expected=f"'{path.stem}'",
            found=f"'{tables.card.name}'",
        )
    return Card(**dict(tables), origin=origin)
