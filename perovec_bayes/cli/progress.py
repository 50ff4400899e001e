"""How far a fit is: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from perovec_bayes.workflow.batch.run import Step

EVERY_S = 5.0
"""Seconds between two lines."""
QUICK = ("reading", "building", "prior", "results", "diagnostics", "report")
"""Phases that get no line of their own."""
Tell = Callable[[str, float], None]


@contextmanager
def show_progress(label: str) -> Iterator[Tell]:
    """Show on stderr how far a fit is for as long as the block runs.

    Parameters
    ----------
    label : str
        What is being fitted.

    Yields
    ------
    callable
        To be called with a phase and the share of it that is done.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lines(label)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(label, total=1.0)

        def tell(phase: str, share: float) -> None:
            bar.update(task, description=f"{label}: {phase}", completed=share)

        yield tell


def lines(label: str, clock: Callable[[], float] = time.monotonic) -> Tell:
    """Return a function that prints a line when a long phase begins, and then now and then.

    Parameters
    ----------
    label : str
        What is being fitted.
    clock : callable
        Gives the time [s].
    """
    last_phase, last_time = "", -EVERY_S

    def tell(phase: str, share: float) -> None:
        nonlocal last_phase, last_time
        now = clock()
        if phase in QUICK or (phase == last_phase and now - last_time < EVERY_S):
            return
        last_phase, last_time = phase, now
        sys.stderr.write(f"perovec: {label}: {phase} {100 * share:.0f} %\n")
        sys.stderr.flush()

    return tell


@contextmanager
def show_batch(label: str) -> Iterator[Callable[[Step], None]]:
    """Show on stderr how far a batch is for as long as the block runs.

    Parameters
    ----------
    label : str
        The batch.

    Yields
    ------
    callable
        To be called with a `Step` whenever a fit has ended.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _tell_batch
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(label, total=None)

        def tell(step: Step) -> None:
            said = f"{label}: {step.failed} failed" if step.failed else label
            if step.last is not None:
                said += f", last {step.last.name}"
            bar.update(task, description=said, completed=step.ended, total=step.total)

        yield tell


def _tell_batch(step: Step) -> None:
    last = "" if step.last is None else f", last {step.last.name}"
    sys.stderr.write(f"perovec: {step.ended} of {step.total}, {step.failed} failed{last}\n")
    sys.stderr.flush()
