"""Who a study is by, and under which licence its results may be used."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import StringConstraints, model_validator

from perovec_bayes.inference.priors import Table, Text, problem

WebAddress = Annotated[str, StringConstraints(pattern=r"^https?://[^\s<>\"{}|\\^`]+$")]
ORCID = "https://orcid.org/"
_ORCID = re.compile(r"(?:\d{4}-){3}\d{3}[\dX]")


class Affiliation(Table):
    """Where an author works."""

    name: Text
    url: WebAddress | None = None
    """Its page, or its entry in ror.org."""


class Author(Table):
    """Who states a study and runs it."""

    name: Text
    orcid: Text | None = None
    """The ORCID iD: 16 digits in groups of four, or its web address."""
    affiliation: Affiliation | None = None

    @property
    def orcid_url(self) -> str | None:
        """The ORCID iD as a web address."""
        return None if self.orcid is None else ORCID + self.orcid.removeprefix(ORCID)

    @model_validator(mode="after")
    def _orcid_is_one(self) -> Self:
        if self.orcid is not None and not _is_orcid(self.orcid.removeprefix(ORCID)):
            raise problem(
                "not an ORCID iD",
                place="orcid",
                expected="16 digits as in '0000-0002-1825-0097', the last a check digit",
                found=f"'{self.orcid}'",
                hint="Copy it from orcid.org.",
            )
        return self


def _is_orcid(text: str) -> bool:
    """Tell whether a text is an ORCID iD with the right check digit (ISO 7064, MOD 11-2)."""
    if not _ORCID.fullmatch(text):
        return False
    total = 0
    for digit in text.replace("-", "")[:-1]:
        total = 2 * (total + int(digit))
    return text[-1] == "0123456789X"[(12 - total % 11) % 11]
