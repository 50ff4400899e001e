"""How many threads a fit may use."""

from __future__ import annotations

import os

VARIABLE = "PEROVEC_THREADS"
"""Environment variable that bounds the number."""


def threads() -> int:
    """Return how many threads may run at a time: `VARIABLE`, or all processors."""
    stated = os.environ.get(VARIABLE, "")
    return int(stated) if stated.isdecimal() and int(stated) else os.cpu_count() or 1
