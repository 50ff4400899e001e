"""JSON Schemas of study and card files, with which an editor completes keys and marks mistakes.

A schema knows the names, types and ranges of keys, not what only the data or another table can
tell: `load_study` and `perovec check` have the last word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from perovec_bayes.inference.cards import Card, CardTables, OptionValue, Parameter
from perovec_bayes.inference.priors import Table
from perovec_bayes.inference.study import StudyTables

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def card_json_schema() -> dict[str, Any]:
    """Return the JSON Schema of model cards."""
    return _root("model card", CardTables)


def study_json_schema(card: Card | None = None) -> dict[str, Any]:
    """Return the JSON Schema of study files.

    Parameters
    ----------
    card : Card, optional
        With it the schema admits only the parameters, options and techniques of this card, and
        shows the prior of each parameter.

    Returns
    -------
    dict
        A JSON Schema of the dialect 2020-12.
    """
    schema = _root("study", StudyTables)
    if card is not None:
        _narrow(schema, card)
    return schema


def _root(title: str, tables: type[Table]) -> dict[str, Any]:
    """Return the schema of a file that holds these tables."""
    schema: dict[str, Any] = _closed(tables.model_json_schema())
    return {"$schema": DIALECT, **schema, "title": title}


def _closed(schema: Any) -> Any:
    """Return a schema in which a table whose keys have a pattern admits no other keys."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    known = {key: _closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **known} if "patternProperties" in known else known


def _narrow(schema: dict[str, Any], card: Card) -> None:
    """Restrict a study's schema to what a card has."""
    schema["title"] = f"study with the card {card.name}"
    tables = schema["properties"]
    for table in ("priors", "fixed", "truth"):
        (entry,) = tables[table].pop("patternProperties").values()
        schema["$defs"][f"{table}_entry"] = entry
        tables[table] |= _keys(table, card.parameters)
    options = {name: _option(value, card.choices.get(name)) for name, value in card.options.items()}
    experiment = schema["$defs"]["Experiment"]["properties"]
    for place in (tables["options"], experiment["options"]):
        place |= {"properties": options, "additionalProperties": False}
    techniques = list(card.techniques)
    tables["noise"]["propertyNames"] = {"enum": techniques}
    schema["$defs"]["DataEntry"]["properties"]["technique"]["enum"] = techniques
    for shared in _lists(tables["groups"]):
        shared["items"] = {"enum": list(card.parameters)}


def _keys(table: str, parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    """Return what a table with a key for each parameter may hold.

    A parameter of one solvent or experiment, as in "E0[PC]", is a key as well.
    """
    entry = f"#/$defs/{table}_entry"
    names = "|".join(re.escape(name) for name in parameters)
    return {
        "properties": {
            name: {"$ref": entry, "description": _description(parameter)}
            for name, parameter in parameters.items()
        },
        "patternProperties": {rf"^({names})\[[^\[\]]+\]$": {"$ref": entry}},
        "additionalProperties": False,
    }


def _description(parameter: Parameter) -> str:
    known = parameter.prior or parameter.fixed
    assert known is not None  # a card is checked: one of the two is there
    said = (
        parameter.prior.describe()
        if parameter.prior is not None
        else f"fixed at {known.model_dump()['value']:g} {known.unit}"
    )
    head = f"{parameter.symbol} [{parameter.unit}]: {parameter.description}"
    return f"{head}. Card: {said}; {known.reason}."


def _option(value: OptionValue, choices: list[Any] | None) -> dict[str, Any]:
    """Return the schema of an option from its default and the values that it may take."""
    if isinstance(value, list):
        items = {"enum": choices} if choices else {}
        return {"type": "array", "items": items, "default": value}
    kind: dict[str, Any] = {"enum": choices} if choices else {"type": _TYPES[type(value)]}
    return {**kind, "default": value}


def _lists(table: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the schemas of lists among the values of a table, where they are held."""
    held = [table.get("additionalProperties"), *table.get("patternProperties", {}).values()]
    return [each for each in held if isinstance(each, dict) and each.get("type") == "array"]
