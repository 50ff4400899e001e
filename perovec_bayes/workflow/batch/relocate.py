"""A study file that works from another folder."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perovec_bayes.inference.cards import is_card_path
from perovec_bayes.workflow.referencing import KEY


def relocated(content: Mapping[str, Any], folder: Path, target: Path) -> dict[str, Any]:
    """Return the tables of a study with its paths as seen from another folder.

    Parameters
    ----------
    content : mapping
        Tables that are valid.
    folder : Path
        The folder from which their paths start.
    target : Path
        The folder from which they shall start.
    """

    def moved(path: str) -> str:
        return Path(os.path.relpath(folder / path, target)).as_posix()

    result = copy.deepcopy(dict(content))
    if is_card_path(card := result["study"]["card"]):
        result["study"]["card"] = moved(card)
    for entry in result.get("data", []):
        file = entry["file"]
        entry["file"] = moved(file) if isinstance(file, str) else [moved(each) for each in file]
        offset = entry.get("meta", {}).get(KEY)
        if isinstance(offset, dict) and isinstance(offset.get("result"), str):
            offset["result"] = moved(offset["result"])
    return result
