"""What the command prints on stdout."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perovec_bayes.workflow.batch.manifest import Engine
    from perovec_bayes.workflow.batch.plan import Plan
    from perovec_bayes.workflow.batch.run import Summary
    from perovec_bayes.workflow.compare import Compared
    from perovec_bayes.workflow.design import Ranked
    from perovec_bayes.workflow.fit import Outcome


def say(text: str) -> None:
    """Print text; what the terminal's encoding lacks becomes a question mark.

    Parameters
    ----------
    text : str
        One or more lines, without the last line end.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def outcome_lines(outcome: Outcome) -> str:
    """Return what is to be said after a fit: folder, verdict, primary quantities.

    Parameters
    ----------
    outcome : Outcome
        The fit.
    """
    failed = outcome.approximation or "FAILED: do not use these numbers"
    verdict = "passed" if outcome.gate.passed else failed
    lines = [f"{outcome.folder} ({outcome.seconds:.0f} s)", f"diagnostics gate: {verdict}"]
    lines += [f"  - {failure}" for failure in outcome.gate.failures]
    lines += outcome.other_modes
    rows = [
        (row.name, row.value, row.interval, row.unit, row.interval_kind) for row in outcome.primary
    ]
    return "\n".join([*lines, *columns([("", "median", "interval", "unit", ""), *rows])])


def compared_lines(found: Compared) -> str:
    """Return what is to be said after a comparison: verdict, warnings, tables.

    Parameters
    ----------
    found : Compared
        The comparison.
    """
    from perovec_bayes.report.comparison import (  # noqa: PLC0415 - not before it is needed
        bayes_factors,
        by_block,
        totals,
    )

    lines = [*found.comparison.verdict]
    lines += [f"  - {warning}" for warning in found.comparison.warnings]
    lines += ["", *columns(totals(found.comparison)), "", *columns(by_block(found.comparison))]
    if found.evidences:
        lines += ["", *bayes_factors(found.evidences)]
    if found.written:
        lines += ["", str(found.written)]
    return "\n".join(lines)


def ranked_lines(found: Ranked) -> str:
    """Return what is to be said after a ranking: table, what limits each candidate, notes.

    Parameters
    ----------
    found : Ranked
        The ranking.
    """
    first = found.rows[0]
    scale = {"ln": " of ln", "1": ""}.get(first.scale, f" [{first.scale}]")
    head = ("", "candidate", "expected sd", "5 to 95 %", "factor", "nats")
    rows = [
        (
            str(row.rank),
            row.candidate,
            f"{row.sd_expected:.3g}",
            f"{row.sd_low:.3g} to {row.sd_high:.3g}",
            f"{row.factor:.3f}",
            f"{row.information:.3f} ± {row.information_error:.3f}",
        )
        for row in found.rows
    ]
    return "\n".join(
        [
            f"{first.quantity}: sd{scale} now {first.sd_now:.3g}",
            *columns([head, *rows]),
            "",
            *(f"{row.rank}  {row.limit}" for row in found.rows),
            "",
            *found.notes,
            str(found.folder),
        ]
    )


def planned_lines(made: Plan, engine: Engine, workers: int) -> str:
    """Return what a run of a batch would do.

    Parameters
    ----------
    made : Plan
        The fits.
    engine : Engine
        Where they would run.
    workers : int
        How many at a time.
    """
    from perovec_bayes.report.tables import duration  # noqa: PLC0415 - not before it is needed
    from perovec_bayes.workflow.batch.plan import states  # noqa: PLC0415

    seconds, unknown = made.seconds()
    lines = [*columns([("fit", "card", "state"), *states(made.fits)]), ""]
    lines += [
        f"{len(made.to_do)} of {len(made.fits)} fits to do: {workers} at a time ({engine.kind})"
    ]
    if made.to_do and unknown < len(made.to_do):
        lines += [
            f"about {duration(seconds / workers)}, by the fits of the same cards that are done"
        ]
    if unknown:
        lines += [f"{unknown} of unknown length: no fit of their card is done yet"]
    return "\n".join([*lines, *_stranger_lines(made)])


def batch_lines(found: Summary) -> str:
    """Return what is to be said after a batch: failures first.

    Parameters
    ----------
    found : Summary
        The batch.
    """
    made = found.plan
    lines = []
    for each in found.failed:
        kind, message = (each.failed.kind, each.failed.message) if each.failed else ("missing", "")
        lines.append(f"{each.name}: {kind}: {message}")
    lines += [f"{each.name}: the diagnostics gate FAILED" for each in found.gates_failed]
    good = len(made.fits) - len(found.failed) - len(found.gates_failed)
    lines += [
        f"{len(made.fits)} fits: {len(found.failed)} without a result, "
        f"{len(found.gates_failed)} not passed, {good} passed "
        f"({found.ran} run now, {found.seconds:.0f} s)",
        *_stranger_lines(made),
    ]
    return "\n".join([*lines, *map(str, found.written)])


def _stranger_lines(made: Plan) -> list[str]:
    if not made.strangers:
        return []
    return [f"not in the manifest, and left as they are: {', '.join(made.strangers)}"]


def columns(rows: list[tuple[str, ...]]) -> list[str]:
    """Return rows of cells as lines in which the cells stand below each other.

    Parameters
    ----------
    rows : list of tuple of str
        All of the same length.
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:{wide}}" for cell, wide in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
