"""The equations of a run: those of its mechanism that its card and data switch on."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import typst

from perovec_bayes.report.content import Equation


def equations(card: Mapping[str, Any], techniques: Collection[str]) -> list[Equation]:
    """Return the equations that a card switches on.

    Parameters
    ----------
    card : mapping
        With `mechanism`, `options` and `noise`, as a result holds it.
    techniques : collection of str
        Techniques of the data: "cv", "od" (bands), "spectra", "icp".

    Returns
    -------
    list of Equation
        In the order of `data/equations.toml`; none for a mechanism that has none there.
    """
    return [
        Equation(entry["title"], entry["math"], entry["where"], entry["source"])
        for entry in _entries()
        if _holds(entry, card, techniques)
    ]


def _holds(entry: Mapping[str, Any], card: Mapping[str, Any], techniques: Collection[str]) -> bool:
    if card.get("mechanism") not in entry["mechanism"]:
        return False
    technique = entry.get("technique")
    if technique and technique not in techniques:
        return False
    noise = entry.get("noise")
    if noise and dict(card.get("noise") or {}).get(technique, "correlated") != noise:
        return False
    options = dict(card.get("options") or {})
    # an option that the mechanism does not have rules nothing out
    return all(
        options[name] in values for name, values in entry.get("when", {}).items() if name in options
    )


def mathml(math: Sequence[str]) -> list[str]:
    """Return equations as MathML, which browsers set without scripts or network.

    Parameters
    ----------
    math : sequence of str
        In typst's notation.

    Returns
    -------
    list of str
        One ``<math>`` element each.
    """
    return list(_mathml(tuple(math))) if math else []


@cache
def _mathml(math: tuple[str, ...]) -> tuple[str, ...]:
    source = "\n\n".join(f"$ {each} $" for each in math)
    page = typst.compile(source.encode(), format="html", ignore_system_fonts=True)
    assert isinstance(page, bytes)
    found = tuple(re.findall(r"<math\b.*?</math>", page.decode(), flags=re.DOTALL))
    assert len(found) == len(math)
    return found


@cache
def _entries() -> tuple[dict[str, Any], ...]:
    text = files("perovec_bayes.report").joinpath("data/equations.toml").read_text("utf-8")
    return tuple(tomllib.loads(text)["equation"])
