"""What a laboratory writes where a concentration should stand."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Kind = Literal["value", "left", "right", "absent", "missing", "over"]

NOT_DETECTED = (
    "nd",
    "nn",
    "<bg",
    "<ng",
    "bdl",
    "bql",
    "<lod",
    "<loq",
    "<dl",
    "<mdl",
    "<rl",
    "udl",
    "u",
)
MISSING = ("-", "--", "---", "na", "n/a", "nan", "none", "uncal", "uncal.", "#n/a", "#value!")
_FLAGGED = re.compile(r"(?P<number>[-+]?[\d.,]+(?:[eE][-+]?\d+)?)\s*(?P<flag>[A-Za-z]{1,2})$")
_FLAGS: dict[str, Kind] = {
    **dict.fromkeys(("u", "uj", "nd"), "left"),
    "o": "over",
    "j": "value",
}
"""Letters behind a number: not detected, over range, estimated."""
_SIGNS: dict[str, Kind] = {"<": "left", "≤": "left", ">": "right", "≥": "right"}


class Cell(NamedTuple):
    """What a cell says.

    Parameters
    ----------
    kind : str
        "value"; "left", below a limit; "right", above one; "absent", not detected, the limit
        elsewhere; "missing", not measured; "over", out of the calibrated range without a limit.
    written : str
        The number or the limit as written, "" where there is none.
    """

    kind: Kind
    written: str


def understand(cell: str) -> Cell:
    """Say what a cell means.

    Parameters
    ----------
    cell : str
        Its text: a number, `<5`, `5 U`, `>500`, `ND`, `--`, `uncal`, `####`.
    """
    bare = cell.replace(" ", "").replace("\u00a0", "")
    lower = bare.lower()
    if not set(bare) - {"#"} or lower in MISSING:
        return Cell("missing", "")
    if lower.replace(".", "") in NOT_DETECTED:
        return Cell("absent", "")
    if bare[0] in _SIGNS:
        return Cell(_SIGNS[bare[0]], bare[1:].removeprefix("="))
    flagged = _FLAGGED.fullmatch(bare)
    if flagged is not None and flagged["flag"].lower() in _FLAGS:
        return Cell(_FLAGS[flagged["flag"].lower()], flagged["number"])
    return Cell("value", bare)
