"""How far a fit is: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

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
