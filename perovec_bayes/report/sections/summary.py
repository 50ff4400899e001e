"""What a reader sees first: warnings, results, and by what rules they are judged."""

from __future__ import annotations

from perovec_bayes.diagnostics import gate
from perovec_bayes.diagnostics.sensitivity import THRESHOLD
from perovec_bayes.report.content import (
    Banner,
    Block,
    Code,
    Headline,
    Result,
    Section,
    code,
    number,
    say,
    table,
)
from perovec_bayes.report.facts import Facts
from perovec_bayes.report.sections.glance import glance
from perovec_bayes.report.tables import Quantity, other_modes, plain


def banners(facts: Facts) -> list[Banner]:
    """Return what must be read before any number."""
    found = []
    if not facts.gate.passed:
        if facts.approximation:
            title = f"{facts.approximation}: do not publish"
            text = "The numbers below are of the Gaussian at the most probable parameters."
        else:
            title = "DIAGNOSTICS GATE FAILED: do not publish"
            text = (
                "The draws do not yet describe the posterior. The numbers below are for finding "
                "the fault."
            )
        reasons = tuple(each.replace(">=", "≥") for each in facts.gate.failures)
        found.append(Banner("failed", title, text, reasons))
    modes = other_modes(facts.tree)
    if modes:
        text = (
            "The search for the most probable parameters also ended elsewhere. Look whether the "
            "draws went there."
        )
        found.append(Banner("failed", "MORE THAN ONE MODE", text, tuple(modes)))
    synthetic = [row.name for row in facts.data if row.synthetic]
    if synthetic:
        text = (
            f"{', '.join(synthetic)}: simulated, not measured. Nothing here says anything about a "
            "real sample."
        )
        found.append(Banner("synthetic", "SYNTHETIC DATA", text))
    return found


def result(facts: Facts) -> Section:
    """Return the primary quantities."""
    blocks: list[Block] = [Headline(tuple(_headline(row) for row in facts.headline))]
    if facts.gate.passed:
        chains, draws = facts.shape
        text = f"Diagnostics gate passed: {chains} chains of {draws} draws."
        blocks.append(Banner("passed", "", text))
    if facts.study.get("notes"):
        blocks.append(say(plain(facts.study["notes"])))
    blocks += glance(facts)
    title = f"Result ({facts.approximation})" if facts.approximation else "Result"
    return Section("headline", title, tuple(blocks))


def _headline(row: Quantity) -> Result:
    unit = f" {row.unit}" if row.unit else ""
    above = f"; {row.above}" if row.above else ""
    if row.is_limit:
        note = f"{row.interval_kind}{above}"
    else:
        note = f"median; {row.interval}{unit} ({row.interval_kind} interval){above}"
    return Result(row.name, row.description, f"{row.value}{unit}", note)


def decisions(facts: Facts) -> Section:
    """Return by what rules the report judges, and the probabilities of stated comparisons."""
    rules = [
        ("The draws may be used", f"R-hat < {gate.R_HAT_BELOW:g}, bulk and tail ESS ≥ "
         f"{gate.ESS_AT_LEAST:g}, no divergent draw, E-BFMI ≥ {gate.E_BFMI_AT_LEAST:g}, at least "
         f"{gate.CHAINS_AT_LEAST} chains", "every scalar of every quantity"),
        ("A quantity was learned", "posterior over prior standard deviation below 0.5 (in part: "
         "0.9), or a shift of the median by half a prior standard deviation",
         "each sampled quantity"),
        ("A quantity is quoted as a limit", "the data bound it from one side only: every "
         "reading is below its detection limit", "fixed by the model before sampling"),
        ("A feature is not reproduced", "fewer than 1 % of replicates lie as far out",
         "each feature of the curves"),
        ("The prior matters", f"sensitivity of {THRESHOLD:g} or more for each doubling of its "
         "weight, above the noise of the draws", "primary and derived quantities"),
        ("Importance weights are usable", f"Pareto k < {gate.PARETO_K_BELOW:g}",
         "leave-one-out and sensitivity"),
    ]  # fmt: skip
    blocks: list[Block] = [
        say(
            "No hypothesis is accepted or rejected here; intervals and probabilities are stated. "
            "The criteria below are the program's, the same for every study. Rival models are "
            "compared by ",
            Code("perovec compare"),
            ", by how well they predict what is left out.",
        ),
        table("decisions", "Decision criteria", ("Judgement", "Criterion", "Applied to"), rules),
    ]
    asked = [row for row in facts.rows if row.above]
    if asked:
        rows = [(code(row.name, row.description), number(row.above)) for row in asked]
        blocks.append(
            table("probabilities", "Probabilities of lying above a stated value",
                  ("Quantity", "Probability"), rows)
        )  # fmt: skip
    return Section("decisions", "Decision criteria", tuple(blocks))
