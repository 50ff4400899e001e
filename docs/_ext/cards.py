"""Sphinx extension: one page for each shipped model card, made from the card at build time."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from perovec_bayes.inference.cards import Card, Parameter, card_names, load_card
from perovec_bayes.report.equations import equations, mathml

FOLDER = Path("docs/generated/cards")


def page(card: Card) -> str:
    """Return the page of a card as Markdown."""
    head = card.card
    parts = [
        f"# {head.name}",
        f"**{plain(head.title)}.** {plain(head.description)}",
        _table(("property", "value"), _facts(card)),
        "## Options",
        "With the default of this card. A study changes one under `[options]`.",
        _table(("option", "default", "values"), _options(card)),
        *_noise(card),
        "## Parameters",
        "Fitted, each with what is believed of it before the data speak. A study replaces a prior "
        "under `[priors.NAME]`, or holds a parameter under `[fixed.NAME]`.",
        *_parameters(card),
        "## Equations",
        "Those that the defaults switch on; [theory](../../theory/index.md) has the rivals.",
        *_equations(card),
    ]
    if head.references:
        parts += ["## Sources", "\n".join(f"- {plain(each)}" for each in head.references)]
    return "\n\n".join(part for part in parts if part) + "\n"


def plain(text: str) -> str:
    """Return text in which nothing is mark-up."""
    return re.sub(r"([\\`*_{}\[\]<>#|$])", r"\\\1", " ".join(text.split()))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = [f"| {' | '.join(row)} |" for row in rows]
    if not body:
        return ""
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *body])


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _facts(card: Card) -> list[tuple[str, str]]:
    facts = [("mechanism", f"`{card.mechanism}`"), ("data required", _names(card.data.requires))]
    if card.data.optional:
        facts.append(("data that may be added", _names(card.data.optional)))
    shared = {"all": "shared by all experiments", "solvent": "shared in one solvent"}
    facts += [(shared[level], _names(names)) for level, names in card.groups.items() if names]
    return facts


def _options(card: Card) -> list[tuple[str, str, str]]:
    return [
        (f"`{name}`", f"`{toml(value)}`", _names(map(toml, card.choices.get(name, []))))
        for name, value in card.options.items()
    ]


def toml(value: Any) -> str:
    """Return an option's value as a study file writes it."""
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _noise(card: Card) -> list[str]:
    if not card.noise:
        return []
    said = ", ".join(f"{technique}: `{model}`" for technique, model in card.noise.items())
    return [f"**Noise.** {said} ([what this means](../../theory/noise.md))."]


def _parameters(card: Card) -> list[str]:
    free = {name: each for name, each in card.parameters.items() if each.prior is not None}
    held = {name: each for name, each in card.parameters.items() if each.fixed is not None}
    parts = []
    for role, title in (("primary", "Of interest"), ("ancillary", "Needed, not of interest")):
        rows = [_row(name, each) for name, each in free.items() if each.role == role]
        if rows:
            parts += [f"### {title}", _table(("parameter", "what it is", "prior", "why"), rows)]
    if held:
        rows = [_row(name, each) for name, each in held.items()]
        parts += ["### Held at a value", _table(("parameter", "what it is", "value", "why"), rows)]
    return parts


def _row(name: str, parameter: Parameter) -> tuple[str, str, str, str]:
    known = parameter.prior or parameter.fixed
    assert known is not None
    said = (
        parameter.prior.describe()
        if parameter.prior
        else f"{known.model_dump()['value']:g} {known.unit}"
    )
    unit = "" if parameter.unit == "1" else f" [{parameter.unit}]"
    source = getattr(known, "source", None)
    why = f"{known.reason} ({source})" if source else known.reason
    what = plain(f"{parameter.symbol}{unit}: {parameter.description}")
    return f"`{name}`", what, plain(said), plain(why)


def _equations(card: Card) -> list[str]:
    whole = {"mechanism": card.mechanism, "options": card.options, "noise": card.noise}
    stated = equations(whole, card.techniques)
    parts = []
    for each, math in zip(stated, mathml([each.math for each in stated]), strict=True):
        source = f" Source: {each.source}." if each.source else ""
        parts.append(
            f'```{{raw}} html\n<div class="stated"><p class="title">{each.title}</p>'
            f'<div class="equation"><div class="formula">{math}</div></div></div>\n```\n\n'
            f"{plain(each.where)}.{plain(source)}"
        )
    return parts


def index(cards: Sequence[Card]) -> str:
    """Return the page that lists the cards."""
    rows = [(f"[{each.name}]({each.name}.md)", plain(each.card.title)) for each in cards]
    tree = "\n".join(each.name for each in cards)
    return (
        "# Model cards\n\n"
        "What the package claims about each system, as it stands in the cards: mechanism, "
        "switches, and every parameter with its prior and the reason for it. A study names one of "
        "them, and may change any of it ([study files](../../study-files.md)).\n\n"
        f"{_table(('card', 'for'), rows)}\n\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n"
    )


def write(app: Sphinx) -> None:
    """Write the pages, those that changed only: the others need not be read again."""
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    cards = [load_card(name) for name in card_names()]
    pages = {card.name: page(card) for card in cards} | {"index": index(cards)}
    for old in folder.glob("*.md"):
        if old.stem not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / f"{name}.md"
        if not path.is_file() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages before the sources are read."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
