"""Changes of a study file by the place of what is changed, as in "priors.k0.median"."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from perovec_bayes.errors import StudyError
from perovec_bayes.inference.cards import shown
from perovec_bayes.inference.priors import unknown
from perovec_bayes.inference.study import StudyTables

SHORT = {"card": "study.card", "seed": "study.seed"}
"""Places that have a short name."""
_STEP = re.compile(r"\.(?![^\[]*\])")


def is_place(key: str) -> bool:
    """Tell whether a heading of a table is the place of a change, rather than metadata.

    Parameters
    ----------
    key : str
        The heading.
    """
    return key in SHORT or bool(_STEP.search(key))


def changed(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables of a study with changes.

    Parameters
    ----------
    content : mapping
        The tables; they stay as they are.
    changes : mapping
        Place = value. The value replaces what is there as a whole. Data sets are named:
        "data.cv.meta.reference".

    Raises
    ------
    StudyError
        If there is no such place; what is below a table is checked with the study.
    """
    result = copy.deepcopy(dict(content))
    for key, value in changes.items():
        _change(result, key, copy.deepcopy(value))
    return result


def _change(content: dict[str, Any], key: str, value: Any) -> None:
    steps = _STEP.split(SHORT.get(key, key))
    if steps[0] not in StudyTables.model_fields:
        raise StudyError(unknown("table", steps[0], StudyTables.model_fields))
    if len(steps) == 1 and not isinstance(value, list):
        raise StudyError(
            f"'{key}' is a whole table",
            expected=f'the place of one value in quotation marks, as in "{key}.NAME"',
            found=f"{key} = {shown(value)}",
        )
    if steps == ["study", "name"]:
        raise StudyError("the batch names its fits itself", hint="Set name of [[fits]].")
    table: Any = content
    if steps[0] == "data":
        table, steps = _entry(content, steps), steps[2:]
    for step in steps[:-1]:
        table = table.setdefault(step, {})
        if not isinstance(table, dict):
            raise StudyError(f"'{step}' is not a table", found=shown(table))
    table[steps[-1]] = value


def _entry(content: dict[str, Any], steps: list[str]) -> Any:
    """Return the [[data]] table that a place means."""
    entries = content.get("data", [])
    names = {str(each.get("name", each.get("technique", ""))): each for each in entries}
    if len(steps) < 3:
        raise StudyError("a place in a data set", expected='"data.NAME.KEY"', found=".".join(steps))
    if steps[1] not in names:
        raise StudyError(unknown("data set", steps[1], names))
    return names[steps[1]]
