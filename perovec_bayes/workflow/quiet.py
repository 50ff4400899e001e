"""Warnings of the libraries that no user can act on."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

HARMLESS = (
    r".*Numba will use object mode.*",
    r".*could not link to a BLAS.*",
    r".*BLAS flags are empty.*",
    r".*os\.fork\(\) was called.*",
)
"""Patterns of the messages; anything else is shown."""


@contextmanager
def quiet() -> Iterator[None]:
    """Hide the harmless warnings, and only those, for as long as the block runs."""
    with warnings.catch_warnings():
        for message in HARMLESS:
            warnings.filterwarnings("ignore", message=message)
        yield
