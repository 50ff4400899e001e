"""A report as sections of blocks, from a saved result."""

from __future__ import annotations

import xarray as xr

from perovec_bayes.report.content import Code, Document, Words
from perovec_bayes.report.facts import Facts, facts
from perovec_bayes.report.methods import methods
from perovec_bayes.report.sections import agreement, posterior, record, setup, summary


def document(tree: xr.DataTree) -> Document:
    """Return everything that a report says.

    Parameters
    ----------
    tree : DataTree
        A result; its study says which intervals are shown.

    Returns
    -------
    Document
        HTML and PDF are made of it, so that both say the same.

    References
    ----------
    Kruschke, J. K. Nat. Hum. Behav. 2021, 5, 1282 (what to report of a Bayesian analysis).
    """
    found = facts(tree)
    paragraph = methods(found)
    sections = (
        summary.result(found),
        setup.why(found),
        setup.data(found),
        setup.model(found),
        setup.formal(found),
        setup.expected(found),
        posterior.computation(found),
        posterior.posterior(found),
        posterior.learned(found),
        posterior.identified(found),
        agreement.fit(found),
        agreement.checked(found),
        agreement.sensitive(found),
        summary.decisions(found),
        record.merits(found),
        record.repeated(found),
        record.paragraph(paragraph),
        record.references(found),
    )
    name = found.approximation
    return Document(
        kicker=f"A quick first answer: {name}" if name else "Report of a Bayesian fit",
        title=_title(found),
        subtitle=_subtitle(found),
        banners=tuple(summary.banners(found)),
        sections=tuple(section for section in sections if section is not None),
        footer="Intervals are statements about the model named above, given these data and these "
        "priors.",
        methods=paragraph.markdown(),
        bibliography=paragraph.bibliography,
        created=str(found.provenance.get("created", "")),
    )


def _title(found: Facts) -> str:
    return str(found.study.get("title") or found.study.get("name") or "Result of a fit")


def _subtitle(found: Facts) -> Words:
    title = f": {found.card['title']}" if found.card.get("title") else ""
    return ("Model card ", Code(str(found.card.get("name", "–"))), title)
