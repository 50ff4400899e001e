"""How many threads a fit may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "PEROVEC_THREADS"
"""Environment variable that bounds the number."""
FLAGS = "XLA_FLAGS"
"""Environment variable that JAX reads when it computes for the first time."""


def threads() -> int:
    """Return how many threads may run at a time: `VARIABLE`, or all processors."""
    stated = os.environ.get(VARIABLE, "")
    return int(stated) if stated.isdecimal() and int(stated) else os.cpu_count() or 1


@contextmanager
def flags_kept() -> Iterator[None]:
    """Put `FLAGS` back as they were when the block ends.

    PyMC's module for JAX asks there, when it is imported, for a hundred devices. JAX then keeps a
    hundred threads at work also where a fit is allowed one.
    """
    stated = os.environ.get(FLAGS)
    try:
        yield
    finally:
        if stated is None:
            os.environ.pop(FLAGS, None)
        else:
            os.environ[FLAGS] = stated
