"""Before the data speak: goal, data, model, priors, equations, what the prior expects."""

from __future__ import annotations

from typing import Any

from perovec_bayes.report.content import (
    Block,
    Cell,
    Code,
    Pairs,
    Picture,
    Section,
    Table,
    cells,
    code,
    say,
    table,
)
from perovec_bayes.report.equations import equations
from perovec_bayes.report.facts import Facts
from perovec_bayes.report.figures.spectra import are_spectra
from perovec_bayes.report.numbers import pretty_prior
from perovec_bayes.report.tables import plain


def why(facts: Facts) -> Section:
    """Return why the analysis is Bayesian."""
    kinds = {"cv": "voltammograms", "od": "optical densities", "icp": "ICP-OES readings"}
    sources = [kinds.get(each, each) for each in facts.techniques]
    several = " and ".join([", ".join(sources[:-1]), *sources[-1:]])
    joint = f"{several} bear on the same parameters; " if len(sources) > 1 else ""
    return Section(
        "why",
        "Why a Bayesian analysis",
        (
            say(
                f"Several parameters act on the same readings; {joint}and what is known from "
                "elsewhere (areas, dilutions, reference potentials, literature values) is itself "
                "uncertain. A posterior distribution carries all of these "
                "uncertainties into each reported quantity, keeps those apart that the data "
                "determine and those that they do not, and gives limits where a signal was not "
                "seen. Its price is that every prior must be stated and tested: see below."
            ),
        ),
    )


def data(facts: Facts) -> Section:
    """Return what was measured."""
    columns = ("Name", "Technique", "File", "Points", "Reference electrode", "Area", "Temperature",
               "SHA-256")  # fmt: skip
    rows = []
    for row in facts.data:
        about = "; ".join(part for part in ("synthetic" * row.synthetic, row.note) if part)
        rows.append(
            (code(row.name, about), row.technique, code(row.file), Cell(row.points, style="number"),
             row.reference, row.area, row.temperature, Cell(row.sha256, style="hash"))
        )  # fmt: skip
    return Section("data", "Data", (table("data", "Data sets of this fit", columns, rows),))


def model(facts: Facts) -> Section:
    """Return the model, its parameters and their priors."""
    card = facts.card
    blocks: list[Block] = []
    if card.get("description"):
        blocks.append(say(str(card["description"])))
    names = {"mechanism": "Mechanism", "options": "Options", "noise": "Noise model"}
    entries = [(words, (Cell(plain(card[key])),)) for key, words in names.items() if key in card]
    if card.get("sha256"):
        entries.append(("Card, SHA-256", (Cell(str(card["sha256"]), style="hash"),)))
    changed = [
        (words, (Cell(plain(facts.study[key])),))
        for key, words in (("priors_changed", "Priors changed"), ("fixed", "Fixed by the study"))
        if facts.study.get(key)
    ]
    blocks.append(Pairs((*entries, *changed)))
    blocks.append(
        say(
            "Primary parameters are what the study asks for; ancillary ones (cell, noise, "
            "preparation) are needed to describe the data and are integrated out. Every prior has "
            "a reason; a fixed value has one as well. LogNormal: the logarithm is normal; two "
            'thirds of the prior lie within a factor of e to the power of "sd of ln" of the median.'
        )
    )
    if facts.priors:
        blocks.append(_priors(facts))
    return Section("model", "Model", tuple(blocks))


def _priors(facts: Facts) -> Table:
    roles = {"primary": "Primary", "derived": "Derived", "ancillary": "Ancillary"}
    groups = []
    for role, title in roles.items():
        rows = [
            _prior(name, entry)
            for name, entry in facts.priors.items()
            if str(entry.get("role", "ancillary")) == role
        ]
        if rows:
            groups.append((title, cells(rows)))
    columns = ("Parameter", "Prior", "Reason", "Source")
    return Table("priors", "Parameters, their priors, and why", columns, tuple(groups))


def _prior(name: str, entry: dict[str, Any]) -> tuple[Cell | str, ...]:
    symbol = str(entry.get("symbol") or "")
    about = str(entry.get("description") or "")
    about += f" ({symbol})" if symbol and symbol != name else ""
    return (
        code(name, about),
        pretty_prior(str(entry.get("text") or "–")),
        plain(entry.get("reason")),
        plain(entry.get("source")),
    )


def formal(facts: Facts) -> Section:
    """Return the equations that the card switched on."""
    kinds = {"spectra" if are_spectra(each) else each.technique for each in facts.found}
    found = equations(facts.card, kinds)
    if not found:
        return Section(
            "formal",
            "Formal specification",
            (say("The equations of this mechanism are not in the report."),),
        )
    blocks: list[Block] = [
        say(
            "The equations of the parts that the card switched on, with the likelihood of each "
            "kind of data. Names of parameters are those of the table of priors."
        ),
        *found,
    ]
    return Section("formal", "Formal specification", tuple(blocks))


def expected(facts: Facts) -> Section:
    """Return what the prior predicts."""
    drawing = facts.figures.prior_predictive
    if drawing is None:
        blocks: tuple[Block, ...] = (say("The result holds no draws of the prior predictive."),)
    else:
        blocks = (
            say(
                "Parameters drawn from the priors, and data made with them, before any "
                "measurement was looked at. ",
                Code("perovec check"),
                " shows the same without a fit.",
            ),
            Picture(drawing),
        )
    return Section("prior-predictive", "What the prior expects", blocks)
