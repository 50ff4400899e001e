"""A methods paragraph with the run's own numbers, and the bibliography it cites."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from perovec_bayes.report import bibliography
from perovec_bayes.report.facts import Facts
from perovec_bayes.report.figures.bands import bands
from perovec_bayes.report.tables import Quantity

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|$~^@\"'!])")
_NUTS = ("nutpie", "pymc", "numpyro", "blackjax")


@dataclass(frozen=True)
class Cite:
    """A citation.

    Parameters
    ----------
    keys : tuple of str
        Keys of the bibliography.
    """

    keys: tuple[str, ...]


type Part = str | Cite


@dataclass(frozen=True)
class Text:
    """The paragraph, ready to edit.

    Parameters
    ----------
    parts : tuple of (str or Cite)
        Sentences and citations.
    bibliography : str
        What is cited, in BibTeX.
    """

    parts: tuple[Part, ...]
    bibliography: str

    def markdown(self) -> str:
        """Return it in Markdown, with citations as Pandoc reads them."""
        words = [
            _MARKDOWN.sub(r"\\\1", part)
            if isinstance(part, str)
            else f" [{'; '.join(f'@{key}' for key in part.keys)}]"
            for part in self.parts
        ]
        return "".join(words) + "\n"

    def plain(self) -> str:
        """Return it as text, with the keys of the bibliography in brackets."""
        words = [
            part if isinstance(part, str) else f" [{', '.join(part.keys)}]" for part in self.parts
        ]
        return "".join(words)


def methods(facts: Facts) -> Text:
    """Write the methods paragraph of a result; every entry of its bibliography is cited in it.

    Parameters
    ----------
    facts : Facts
        The result.
    """
    references = facts.card.get("references") or []
    named = [str(each) for each in references]
    named += [str(entry.get("source") or "") for entry in facts.priors.values()]
    sources = bibliography.of_sources(named)
    parts = (
        *_data(facts),
        *_model(facts, tuple(sources)),
        *_computation(facts),
        *_checks(facts),
        *_results(facts),
        *_software(facts),
    )
    keys = [key for part in parts if isinstance(part, Cite) for key in part.keys]
    versions = facts.provenance.get("versions") or {}
    return Text(parts, bibliography.bibtex(keys, sources, versions))


def _data(facts: Facts) -> Iterator[Part]:
    words = {"cv": "voltammetry", "od": "optical density", "icp": "ICP-OES"}
    sets = ", ".join(
        f"{row.name} ({words.get(row.technique.lower(), row.technique)}, {row.points} points"
        f"{', synthetic' if row.synthetic else ''})"
        for row in facts.data
    )
    if sets:
        yield f"The data ({sets}) were described by one model and analysed jointly by Bayesian "
        yield "inference, reported after the Bayesian Analysis Reporting Guidelines"
    else:
        yield "The model was analysed by Bayesian inference, reported after the Bayesian Analysis "
        yield "Reporting Guidelines"
    yield Cite(("barg",))
    yield ". "


def _model(facts: Facts, sources: tuple[str, ...]) -> Iterator[Part]:
    card = facts.card
    free = sum(not entry.get("fixed") for entry in facts.priors.values())
    yield f"The model is card {card.get('name', '–')} of perovec_bayes"
    if card.get("title"):
        yield f" ({card['title']})"
    if facts.priors:
        yield f", with {free} free and {len(facts.priors) - free} fixed parameters"
    yield ", whose priors and constants rest on the sources that it names"
    if sources:
        yield Cite(sources)
    yield ". "
    changed = facts.study.get("priors_changed") or []
    if changed:
        yield f"Priors were changed for {', '.join(map(str, changed))}. "
    noise = dict(card.get("noise") or {})
    if any(value == "correlated" for value in noise.values()):
        yield "The noise of the time series is white noise and a misfit of the model that wanders "
        yield "slowly (Matérn-3/2), so that neighbouring points do not count as independent"
        yield Cite(("discrepancy", "statespace"))
        yield ". "
    if "icp" in facts.techniques:
        yield "ICP-OES readings have additive and proportional errors; what was not seen enters "
        yield "as the probability of lying below its detection limit"
        yield Cite(("rocke1995", "currie1968"))
        yield ". "


def _computation(facts: Facts) -> Iterator[Part]:
    chains, draws = facts.shape
    if facts.approximation:
        yield f"The posterior was not sampled: {facts.approximation}. These numbers are not for "
        yield "publication. "
        return
    backend = str(facts.sampler.get("backend") or facts.sampler.get("name") or "an unnamed package")
    package = next((name for name in _NUTS if backend.lower().startswith(name)), "")
    yield f"{chains} chains of {draws} draws"
    if facts.sampler.get("tune"):
        yield f" after {facts.sampler['tune']} warm-up draws each"
    yield f" were made with the No-U-Turn sampler of {backend}"
    yield Cite(("nuts", *((package,) if package and package != "pymc" else ())))
    if facts.provenance.get("seed") is not None:
        yield f" (seed {facts.provenance['seed']})"
    yield ". "
    worst = {each.diagnostic: each for each in facts.gate.worst}
    said = []
    for title, words, digits in (
        ("R-hat", "rank-normalised R-hat is at most {}", 4),
        ("bulk ESS", "the bulk effective sample size at least {}", 0),
        ("tail ESS", "that of the tails at least {}", 0),
        ("E-BFMI", "E-BFMI at least {}", 2),
    ):
        value = next((w.value for name, w in worst.items() if title.lower() in name.lower()), None)
        if value is not None:
            said.append(words.format(f"{value:.{digits}f}"))
    if said:
        yield f"Over all parameters and derived quantities, {'; '.join(said)}"
        yield Cite(("rhat", "ebfmi"))
        yield ". "
    if not facts.gate.passed:
        yield "The diagnostics gate FAILED: these numbers are not for publication. "


def _checks(facts: Facts) -> Iterator[Part]:
    covered = [(each.name, bands(each, facts.interval).coverage()) for each in facts.found]
    said = [f"{inside} of {total} points of {name}" for name, (inside, total) in covered if total]
    if said:
        yield f"The {facts.interval.words} of new data predicted by the posterior hold "
        yield f"{', '.join(said)}. "
    group = facts.tree.children.get("leave_one_out")
    if group is not None and any(str(name).endswith("_pit") for name in group.data_vars):
        yield "Each value was compared with its prediction from all others by Pareto-smoothed "
        yield "importance sampling"
        yield Cite(("loo", "psis"))
        yield ". "
    if facts.checks.sensitivity:
        yield "Sensitivity to prior and data was assessed by power scaling"
        yield Cite(("powerscale",))
        yield ". "


def _results(facts: Facts) -> Iterator[Part]:
    rows = [row for row in facts.rows if row.role == "primary"]
    if rows:
        yield f"Results (median with {facts.percent} interval, or {facts.percent} limit): "
        yield "; ".join(sentence(row) for row in rows)
        yield ". "


def sentence(row: Quantity) -> str:
    """Return a quantity with its interval and the kind of that, or its limit.

    Parameters
    ----------
    row : Quantity
        The quantity.
    """
    unit = f" {row.unit}" if row.unit else ""
    if row.is_limit:
        return f"{row.name} {row.value}{unit} ({row.interval_kind})"
    return f"{row.name} = {row.value}{unit} ({row.interval}{unit}, {row.interval_kind})"


def _software(facts: Facts) -> Iterator[Part]:
    versions = facts.provenance.get("versions") or {}
    keys = bibliography.of_packages(versions)
    if not keys:
        return
    names = [
        f"{bibliography.known()[key]['package']} {versions[bibliography.known()[key]['package']]}"
        for key in keys
    ]
    yield f"Software: {', '.join(names)}"
    yield Cite(tuple(keys))
    yield "."
