"""Which solution in an export of emission lines is which sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from perovec_bayes.errors import StudyError
from perovec_bayes.readers.base import check_keys, nearest, number, text

SAMPLE_OPTIONS = ("samples", "solute", "solvent", "dilution")
_KEYS = ("sample", "solute", "solvent", "dilution")


class Place(NamedTuple):
    """What a solution is.

    Parameters
    ----------
    sample, solute, solvent : str
        Labels of the schema.
    replicate : int
        Which reading of the sample, from 1.
    dilution : float
        Dilution factor; NaN unknown.
    """

    sample: str
    solute: str
    solvent: str
    replicate: int
    dilution: float

    def record(self, element: str, **values: Any) -> dict[str, Any]:
        """Return a measurement of an element in this solution."""
        return {**self._asdict(), "element": element, "upper": np.nan, **values}


def place_samples(
    labels: list[str], taken: set[str], options: Mapping[str, Any]
) -> dict[int, Place]:
    """Return what each solution is, by its row; rows of standards and blanks are left out.

    Parameters
    ----------
    labels : list of str
        Names of the solutions in the file; the same sample again is another replicate.
    taken : set of str
        Labels of standards and blanks.
    options : mapping
        `samples`, label to {sample, solute, solvent, dilution}: only these are read if it is
        stated; `solute`, `solvent` and `dilution` for all others.

    Raises
    ------
    StudyError
        If a label is unknown, or solute or solvent is not stated.
    """
    table = check_keys(options.get("samples", {}), dict.fromkeys(labels), "samples")
    for label in table:
        if label in taken:
            raise StudyError("a standard or blank, and a sample", place=f"samples.{label}")
    seen: Counter[str] = Counter()
    result = {}
    for row, label in enumerate(labels):
        if label in taken or (table and label not in table):
            continue
        place = f"samples.{label}"
        said = {**{k: options[k] for k in _KEYS[1:] if k in options}}
        said |= check_keys(table.get(label, {}), _KEYS, place)
        sample = text(said, "sample", place) or label
        for key in ("solute", "solvent"):
            if not text(said, key, place):
                raise StudyError(
                    f"no {key} of a sample",
                    place=place,
                    expected=f"{key} = '...'",
                    hint=nearest(key, said) or f"State {key}, of all samples or of this one.",
                )
        dilution = number(said, "dilution", place) if "dilution" in said else np.nan
        if dilution <= 0:
            raise StudyError("not positive", place=f"{place}.dilution", found=dilution)
        seen[sample] += 1
        result[row] = Place(
            sample,
            text(said, "solute", place),
            text(said, "solvent", place),
            seen[sample],
            dilution,
        )
    if not result:
        raise StudyError(
            "no solution is a sample", place="samples", found="standards and blanks only"
        )
    return result
