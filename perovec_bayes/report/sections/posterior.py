"""How the posterior was computed, what it says, and what it does not determine."""

from __future__ import annotations

from collections.abc import Sequence

from perovec_bayes.report.content import (
    Block,
    Bullets,
    Cell,
    Heading,
    Pairs,
    Picture,
    Section,
    Table,
    cells,
    code,
    number,
    say,
    table,
)
from perovec_bayes.report.facts import Facts
from perovec_bayes.report.identifiability import determined
from perovec_bayes.report.tables import Learned, Quantity, duration, gate_rows, plain

_ROLES = {
    "primary": "Primary quantities",
    "derived": "Derived quantities",
    "ancillary": "Ancillary parameters",
}


def computation(facts: Facts) -> Section:
    """Return software, sampler and convergence."""
    chains, draws = facts.shape
    if facts.approximation:
        said = (
            f"{chains * draws} independent draws; {facts.approximation}. Pareto k is large if the "
            "posterior reaches to where there are none; a mode that was not found leaves no trace "
            "in it."
        )
    else:
        said = (
            f"{chains} chains of {draws} draws. Every scalar of every parameter and derived "
            "quantity is checked; its R-hat and effective sample sizes (ESS) are in the tables of "
            "the posterior. Rank-normalised R-hat; tail ESS at the 5 % and 95 % quantiles."
        )
    wall_time = facts.provenance.get("wall_time_s", facts.sampler.get("wall_time_s"))
    software = Pairs(
        (
            ("Sampler", (Cell(plain(facts.sampler)),)),
            ("Versions", (Cell(plain(facts.provenance.get("versions"))),)),
            ("Wall time", (Cell(duration(wall_time)),)),
        )
    )
    rows = [
        (
            diagnostic,
            number(value),
            code(where),
            number(limit),
            Cell(verdict, style="bad" if verdict == "FAILED" else "text"),
        )
        for diagnostic, value, where, limit, verdict in gate_rows(facts.gate)
    ]
    verdict = "passed" if facts.gate.passed else "FAILED"
    columns = ("Diagnostic", "Worst value", "Where", "Asked for", "Verdict")
    blocks: list[Block] = [
        software,
        say(said),
        table("gate", f"Diagnostics gate: {verdict}", columns, rows),
    ]
    if facts.figures.ranks and not facts.approximation:
        blocks.append(Picture(facts.figures.ranks))
    return Section("diagnostics", "Computation and convergence", tuple(blocks))


def posterior(facts: Facts) -> Section:
    """Return every quantity with its interval."""
    blocks: list[Block] = []
    notes = str(facts.tree.attrs.get("derived_notes", ""))
    if notes:
        blocks.append(say(notes))
    for role, title in _ROLES.items():
        rows = [row for row in facts.rows if row.role == role]
        if rows:
            blocks += [Heading(title), _quantities(role, title, rows, facts)]
    if facts.figures.corner:
        blocks.append(Picture(facts.figures.corner))
    title = f"Posterior ({facts.approximation})" if facts.approximation else "Posterior"
    return Section("posterior", title, tuple(blocks))


def _quantities(role: str, title: str, rows: Sequence[Quantity], facts: Facts) -> Table:
    columns = ("Quantity", "Median or limit", f"{facts.percent} interval", "Unit", "Kind", "R-hat",
               "Bulk ESS", "Tail ESS")  # fmt: skip
    body: list[tuple[Cell | str, ...]] = []
    for row in rows:
        about = "; ".join(part for part in (row.description, row.above) if part)
        figures = (row.value, row.interval or "–", row.unit or "1")
        diagnostics = (row.r_hat, row.ess_bulk, row.ess_tail)
        body.append(
            (code(row.name, about), *map(number, figures),
             number(row.interval_kind.removeprefix(f"{facts.percent} ")),
             *map(number, diagnostics))
        )  # fmt: skip
    caption = f"{title}: median and {facts.percent} interval, or {facts.percent} limit"
    return table(f"posterior-{role}", caption, columns, body)


def learned(facts: Facts) -> Section:
    """Return how the posterior differs from the prior."""
    blocks: list[Block] = []
    if facts.learned:
        if facts.unlearned:
            blocks.append(say(f"Not learned from these data: {', '.join(facts.unlearned)}."))
        blocks += [
            say(
                "Posterior standard deviation over prior standard deviation: below 0.5 "
                '"learned", up to 0.9 "partly", else "not learned from these data", unless the '
                "median moved by half a prior standard deviation or more. What was not learned is "
                "the prior."
            ),
            _lessons(facts.learned),
        ]
    else:
        blocks.append(say("The result holds no prior draws, so this cannot be said."))
    if facts.figures.prior_posterior:
        blocks.append(Picture(facts.figures.prior_posterior))
    return Section("learning", "What the data taught", tuple(blocks))


def _lessons(found: Sequence[Learned]) -> Table:
    columns = ("Quantity", "Role", "sd ratio", "Shift of the median / prior sd", "Scale", "Verdict")
    rows = [
        (
            code(row.name),
            row.role,
            number(row.ratio),
            number(row.shift),
            row.scale,
            Cell(row.verdict, style="note" if row.verdict.startswith("not") else "text"),
        )
        for row in found
    ]
    return table("learned", "From prior to posterior", columns, rows)


def identified(facts: Facts) -> Section:
    """Return which combinations the data determine, and which not."""
    found = determined(facts.tree)
    if not (found.sentences or found.groups):
        text = "The result holds no prior draws of sampled parameters, so this cannot be said."
        return Section("determined", "What the data determine", (say(text),))
    blocks: list[Block] = [
        say(
            "Data often determine a sum of parameters, or of their logarithms, much better than "
            "each parameter. Widths are standard deviations of the posterior; parameters of the "
            "noise are left out."
        )
    ]
    if found.sentences:
        blocks.append(Bullets(found.sentences))
    else:
        text = "No two or three parameters are known much better together than each by itself."
        blocks.append(say(text))
    if found.groups:
        groups = tuple(
            (
                title,
                cells(
                    (row.formula, number(row.sd), number(row.prior_sd), number(row.ratio))
                    for row in rows
                ),
            )
            for title, rows in found.groups
        )
        caption = "Independent combinations of all parameters, each named by its largest members"
        columns = ("Combination", "Known to (sd)", "By the prior alone (sd)", "Ratio")
        blocks.append(Table("combinations", caption, columns, groups))
    return Section("determined", "What the data determine", tuple(blocks))
