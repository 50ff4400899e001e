"""How to read the results, and whether they may be used, in a few lines before everything else."""

from __future__ import annotations

from collections.abc import Iterator

from perovec_bayes.diagnostics.left_out import NARROW, SHIFTED, WIDE
from perovec_bayes.report.content import Block, Cell, Heading, Style, say, table
from perovec_bayes.report.facts import Facts

_NOISE = {
    NARROW: "no, intervals may be too narrow",
    WIDE: "not quite, intervals may be wider than need be",
    SHIFTED: "no, the data lie to one side of the model",
}
_TAILS = {
    "eti": "with as much probability below it as above it",
    "hdi": "the narrowest of all such intervals",
}


def glance(facts: Facts) -> tuple[Block, ...]:
    """Return how to read the results, and what the checks further down say of them.

    Parameters
    ----------
    facts : Facts
        A result.
    """
    kind = _TAILS[facts.interval.kind]
    said = (
        "How to read this: given this model, these data and what was assumed before them (the "
        f"priors), each quantity lies in its interval with a probability of {facts.percent}, "
        f"{kind}. Below the median it lies with a probability of 50 %. "
    )
    if any(row.is_limit for row in facts.headline):
        said += (
            "A limit stands where the data bound a quantity from one side only: it lies on the "
            f"stated side with a probability of {facts.percent}. "
        )
    said += "If the model is wrong, so are the intervals; the checks say how far it goes."
    columns = ("Question", "Answer", "More under")
    rows = list(_rows(facts))
    return (
        say(said),
        Heading("May these numbers be used?"),
        table("glance", "What the checks of this report found", columns, rows),
    )


def _rows(facts: Facts) -> Iterator[tuple[Cell | str, ...]]:
    if facts.approximation:
        computed = _answer(f"no: {facts.approximation}", bad=True)
    elif facts.gate.passed:
        computed = _answer("yes, by all diagnostics")
    else:
        computed = _answer("NO: see the top of this report", bad=True)
    yield "Do the draws describe the posterior?", computed, "Computation and convergence"
    features = facts.checks.features
    if features:
        outside = sum(row.outside for row in features)
        judged = f"{outside} of {len(features)} features not reproduced" if outside else "yes"
        yield (
            "Does the model make the curves that were measured?",
            _answer(judged, bad=outside > 0),
            "Does the model reproduce the data: features",
        )
    noise = facts.checks.noise
    if noise:
        said = "; ".join(f"{name}: {_NOISE.get(fault, 'yes')}" for name, fault in noise)
        yield (
            "Do the data scatter about the model as it says?",
            _answer(said, bad=any(fault for _, fault in noise)),
            "Does the model reproduce the data: values left out",
        )
    asked = {row.name for row in facts.headline}
    if facts.learned:
        missed = [name for name in facts.unlearned if name in asked]
        yield (
            "Which results show the prior, for the data tell nothing of them?",
            _answer(", ".join(missed) or "none", bad=bool(missed)),
            "What the data taught",
        )
    if facts.checks.sensitivity:
        leaning: dict[str, list[str]] = {}
        for row in facts.checks.sensitivity:
            if row.name in asked and row.verdict:
                of = f" (of {row.most_by})" if row.most_by else ""
                leaning.setdefault(row.verdict, []).append(row.name + of)
        said = "; ".join(f"{verdict}: {', '.join(names)}" for verdict, names in leaning.items())
        yield (
            "Which results would move with a prior?",
            _answer(said or "none that shows", bad=bool(leaning)),
            "Does the prior matter",
        )


def _answer(text: str, *, bad: bool = False) -> Cell:
    style: Style = "note" if bad else "text"
    return Cell(text, style=style)
