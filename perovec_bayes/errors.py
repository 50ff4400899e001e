"""The errors a user can meet: one line each, naming file, place, expectation, finding and cure."""

from __future__ import annotations

from pathlib import Path


class PerovecError(Exception):
    """A mistake that the user can mend, told in one line.

    Parameters
    ----------
    what : str
        What is wrong, in a short clause without a final stop.
    file : str or Path, optional
        The file in which it was found.
    place : str, optional
        Where in the file: a line, a column, a table key.
    expected, found : object, optional
        What should have been there, and what was.
    hint : str, optional
        What to do about it.

    Examples
    --------
    >>> print(PerovecError("the area is negative", file="study.toml", expected="a number above 0"))
    study.toml: the area is negative; expected a number above 0
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        file: str | Path | None = None,
        place: str | None = None,
        expected: object = None,
        found: object = None,
        hint: str | None = None,
    ) -> None:
        self.what = what
        self.file = None if file is None else str(file)
        self.place = place
        self.expected = expected
        self.found = found
        self.hint = hint
        super().__init__(self.line())

    def line(self) -> str:
        """Return the whole message as one line."""
        head = ": ".join(part for part in (self.file, self.place, self.what) if part)
        clauses = []
        if self.expected is not None:
            clauses.append(f"expected {self.expected}")
        if self.found is not None:
            clauses.append(f"found {self.found}")
        text = "; ".join([head, ", ".join(clauses)]) if clauses else head
        if self.hint:
            text = f"{text}. {self.hint}"
        return " ".join(text.split())

    def within(self, *, file: str | Path | None = None, place: str | None = None) -> PerovecError:
        """Return the same error with the file or the place filled in where it was unknown.

        Parameters
        ----------
        file : str or Path, optional
            The file to name.
        place : str, optional
            The place to name, put before a place that is there already.
        """
        places = [p for p in (place, self.place) if p]
        return type(self)(
            self.what,
            file=self.file if self.file is not None else file,
            place=", ".join(places) or None,
            expected=self.expected,
            found=self.found,
            hint=self.hint,
        )


class StudyError(PerovecError):
    """Something is wrong with the command, the study file or the model card (exit code 2)."""

    exit_code = 2


class DataError(PerovecError):
    """Something is wrong with a data file or a dataset (exit code 3)."""

    exit_code = 3


class UnitError(PerovecError):
    """A unit is unknown or of the wrong dimension; callers add the file and the place."""

    exit_code = 2
