"""Points of a BioLogic text that were measured under potential control: column `mode`."""

from __future__ import annotations

import numpy as np

from perovec_bayes.errors import DataError
from perovec_bayes.readers.potentiostat import Facts, Trace
from perovec_bayes.readers.table import Table, parse

CONTROLLED_POTENTIAL = 2
"""`mode` of EC-Lab: 1 current control, 2 potential control, 3 open circuit."""


def controlled(table: Table, record: Trace, facts: Facts) -> tuple[Trace, Facts]:
    """Return the points under potential control, and what was left out.

    Parameters
    ----------
    table : Table
        The table, with or without these columns.
    record : Trace
        Its points.
    facts : Facts
        What is known of the file.

    Raises
    ------
    DataError
        If there is no such point.
    """
    extra = _extra(table, record.rows)
    flagged = int(np.count_nonzero(extra.get("error", np.zeros(0))))
    if flagged:
        facts = facts.noting(f"points flagged as errors by the instrument: {flagged}")
    if "mode" not in extra:
        return record, facts
    swept = extra["mode"] == CONTROLLED_POTENTIAL
    if not swept.any():
        raise DataError(
            "no point under potential control",
            file=table.file,
            place="column 'mode'",
            expected="2 (potential control)",
            found=", ".join(f"{mode:g}" for mode in np.unique(extra["mode"])[:5]),
            hint="Read the file of a CV, an LSV or a CA.",
        )
    if swept.all():
        return record, facts
    words = f"{int((~swept).sum())} points at open circuit or under current control left out"
    return record.only(swept), facts.noting(words)


def _extra(table: Table, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns `mode` and `error` of the rows, where the file has them."""
    positions = {k: table.header.index(k) for k in ("mode", "error") if k in table.header}
    kept = np.isin(table.rows, rows)
    frame = table.load(list(positions.values()), True)
    return {
        key: np.array([parse(cell, table.decimal) for cell in frame[p].to_numpy()[kept]])
        for key, p in positions.items()
    }
