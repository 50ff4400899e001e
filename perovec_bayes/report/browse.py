"""The pages of a folder of runs: their list, chosen runs beside each other, and refusals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from perovec_bayes.report.html import environment
from perovec_bayes.report.overlay import FEWEST, MOST, Overlay
from perovec_bayes.report.runs import Run

SHOWN = 3
"""So many quantities of a run are in sight; the others unfold."""
_RANKS = ("passed", "quick", "failed", "broken", "missing")
_LAST = datetime.min.replace(tzinfo=UTC)
COLUMNS: dict[str, tuple[str, Callable[[Run], Any]]] = {
    "name": ("Run", lambda run: (run.name or run.place).casefold()),
    "card": ("Card", lambda run: run.card),
    "status": ("Status", lambda run: _RANKS.index(run.state)),
    "made": ("Made (UTC)", lambda run: run.created or _LAST),
    "took": ("Took", lambda run: -1.0 if run.seconds is None else run.seconds),
}
"""Columns that can be sorted by: heading, and what is compared."""
DEFAULT = "made-down"


@dataclass(frozen=True)
class Wish:
    """What a reader of the list asked for.

    Parameters
    ----------
    sort : str
        A column and "up" or "down", as in "made-down"; `DEFAULT` where it is neither.
    words : str
        Only runs whose name, title, place or card has all of these words.
    ticked : frozenset of str
        Keys of the runs chosen so far.
    asked : bool
        Whether a heading was pressed, so that the keyboard stays there.
    """

    sort: str = DEFAULT
    words: str = ""
    ticked: frozenset[str] = frozenset()
    asked: bool = False

    @property
    def column(self) -> str:
        """The column that is sorted by."""
        name, _, order = self.sort.rpartition("-")
        return name if name in COLUMNS and order in {"up", "down"} else DEFAULT.rpartition("-")[0]

    @property
    def down(self) -> bool:
        """Whether the largest comes first."""
        valid = self.sort == f"{self.column}-up"
        return not valid

    def turned(self, column: str) -> str:
        """Return what a heading asks for when it is pressed: the other order if it is sorted by."""
        return f"{column}-{'down' if column == self.column and not self.down else 'up'}"


@dataclass(frozen=True)
class Batch:
    """A batch among the runs.

    Parameters
    ----------
    key, place : str
        As those of a `Run`.
    reported : bool
        Whether it has a page.
    """

    key: str
    place: str
    reported: bool


def list_page(folder: str, runs: Sequence[Run], batches: Sequence[Batch], wish: Wish) -> str:
    """Return the list of runs.

    Parameters
    ----------
    folder : str
        What to call the folder.
    runs : sequence of Run
        All of them.
    batches : sequence of Batch
        Batches among them.
    wish : Wish
        Which are shown, and in what order.
    """
    return (
        environment()
        .get_template("runs.html.j2")
        .render(
            folder=folder,
            runs=arranged(runs, wish),
            total=len(runs),
            batches=batches,
            counts=_counts(runs),
            wish=wish,
            columns={name: title for name, (title, _) in COLUMNS.items()},
            shown=SHOWN,
            fewest=FEWEST,
            most=MOST,
        )
    )


def arranged(runs: Sequence[Run], wish: Wish) -> list[Run]:
    """Return the runs to show in their order; one that is ticked is never left out.

    Parameters
    ----------
    runs : sequence of Run
        All of them.
    wish : Wish
        Words and order.
    """
    words = wish.words.casefold().split()
    chosen = [run for run in runs if run.key in wish.ticked or _has(run, words)]
    by_name = sorted(chosen, key=lambda run: run.place.casefold())
    return sorted(by_name, key=COLUMNS[wish.column][1], reverse=wish.down)


def _has(run: Run, words: Sequence[str]) -> bool:
    text = f"{run.name} {run.title} {run.place} {run.card} {run.status}".casefold()
    return all(word in text for word in words)


def _counts(runs: Sequence[Run]) -> str:
    """Return how many runs are in which state, as words."""
    words = {
        "passed": "passed the gate",
        "quick": "quick",
        "failed": "failed it",
        "broken": "broken",
        "missing": "without a result",
    }
    states = [run.state for run in runs]
    return ", ".join(f"{states.count(s)} {words[s]}" for s in _RANKS if s in states)


def overlay_page(found: Overlay, left_out: Sequence[str]) -> str:
    """Return the comparison of chosen runs.

    Parameters
    ----------
    found : Overlay
        The comparison.
    left_out : sequence of str
        Which of the chosen could not be read, and why.
    """
    page = environment().get_template("overlay.html.j2")
    back = _list_of([side.run.key for side in found.sides])
    return page.render(found=found, left_out=left_out, back=back)


def refusal_page(title: str, words: str, ticked: Sequence[str] = ()) -> str:
    """Return a page that says why there is nothing else.

    Parameters
    ----------
    title, words : str
        What is wrong.
    ticked : sequence of str
        Keys of runs that stay chosen on the way back to the list.
    """
    page = environment().get_template("refusal.html.j2")
    return page.render(title=title, words=words, back=_list_of(ticked))


def _list_of(ticked: Sequence[str]) -> str:
    """Return the address of the list with some runs ticked."""
    return f"/?{urlencode([('run', key) for key in ticked])}" if ticked else "/"
