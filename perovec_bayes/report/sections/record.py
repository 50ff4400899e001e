"""Figures of merit of ICP-OES, how to repeat the analysis, the methods paragraph, references."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from perovec_bayes.diagnostics.observables import Observable
from perovec_bayes.report.content import (
    Block,
    Bullets,
    Cell,
    Code,
    Pairs,
    Section,
    Table,
    code,
    number,
    say,
    table,
)
from perovec_bayes.report.facts import Facts
from perovec_bayes.report.methods import Text
from perovec_bayes.report.numbers import UNKNOWN, significant
from perovec_bayes.report.tables import plain
from perovec_bayes.units import convert

QUANTITATION = 10 / 3.29
"""Limit of quantitation over limit of detection: 10 and 3.29 standard deviations of the blank."""
UNIT = "mol/L"


def merits(facts: Facts) -> Section | None:
    """Return the figures of merit of the ICP-OES readings; None without any."""
    found = [each for each in facts.found if each.technique == "icp"]
    if not found:
        return None
    blocks: list[Block] = [
        say(
            "LOD: limit of detection as stated with the data or from the calibration (3.29 "
            "standard deviations of the blank; Currie 1968). LOQ: 10 of these standard deviations, "
            f"so {QUANTITATION:.2f} LOD. Both are concentrations of the element in the solution "
            "that was measured; a dilution multiplies them. Recovery: the reading over the "
            "median of its prediction by the model."
        )
    ]
    for i, each in enumerate(found, start=1):
        key = _slug(each.name) + (f"-{i}" if len(found) > 1 else "")
        blocks.append(_readings(each, key))
        blocks += list(_calibration(each, key))
    return Section("icp", "Figures of merit of ICP-OES", tuple(blocks))


def _readings(each: Observable, key: str) -> Table:
    columns = ("Sample", "Element", "LOD / (mol/L)", "LOQ / (mol/L)", "Reading / (mol/L)",
               "Above LOQ", "Dilution", "Recovery")  # fmt: skip
    factor = convert(1.0, each.unit, UNIT)
    values = each.observed.to_numpy().astype(float) * factor
    size = values.size
    lod = np.asarray(each.constants.get("lod", np.full(size, np.nan)), dtype=float) * factor
    dilution = np.asarray(each.constants.get("dilution", np.ones(size)), dtype=float)
    middle = np.full(size, np.nan)
    if each.noisy is not None:
        middle = np.median(each.noisy.to_numpy(), axis=0) * factor
    rows = []
    for i in range(size):
        seen, limit = bool(np.isfinite(values[i])), float(lod[i] * QUANTITATION)
        above = UNKNOWN
        if np.isfinite(limit):
            above = "yes" if seen and values[i] >= limit else "no"
        recovery = f"{100 * values[i] / middle[i]:.0f} %" if seen and middle[i] > 0 else UNKNOWN
        rows.append(
            (
                code(str(each.constants.get("sample", np.full(size, each.name))[i])),
                str(each.constants.get("element", np.full(size, UNKNOWN))[i]),
                number(significant(float(lod[i]), 3)),
                number(significant(limit, 3)),
                number(significant(float(values[i]), 3) if seen else "not seen"),
                above,
                number(significant(float(dilution[i]), 4, strip=True)),
                number(recovery),
            )
        )
    return table(f"merits-{key}", f"ICP-OES readings of {each.name}", columns, rows)


def _calibration(each: Observable, key: str) -> Iterator[Block]:
    text = each.info.get("calibration")
    lines = json.loads(str(text)) if text else {}
    if not lines:
        yield say(
            f"{each.name}: concentrations as stated; the data hold no calibration, so slope, "
            "linearity and spiked recoveries are not known here."
        )
        return
    columns = ("Line", "Slope", "Intercept", "Residual sd", "Standards", "R²", "Top standard")
    rows = [
        (
            code(name),
            *(number(significant(float(line[key]), 4)) for key in ("slope", "intercept", "scale")),
            number(f"{int(line['points'])}"),
            number(f"{float(line['r_squared']):.5f}"),
            number(significant(float(line["top"]), 4)),
        )
        for name, line in lines.items()
    ]
    yield table(f"calibration-{key}", f"Calibration lines of {each.name}", columns, rows)


def _slug(name: str) -> str:
    """Return a name as a part of a file's name."""
    kept = "".join(each if each.isascii() and each.isalnum() else "-" for each in name.lower())
    return kept.strip("-")[:24] or "data"


def repeated(facts: Facts) -> Section:
    """Return what is needed to repeat the analysis."""
    provenance = facts.provenance
    entries: list[tuple[str, tuple[Cell, ...]]] = [
        ("Created", (Cell(str(provenance.get("created", UNKNOWN))),)),
        ("Command", (Cell(str(provenance.get("command", UNKNOWN)), style="code"),)),
        ("Seed", (Cell(str(provenance.get("seed", UNKNOWN))),)),
        ("Environment", (Cell(plain(provenance.get("platform"))),)),
        ("Study, SHA-256", (Cell(str(facts.study.get("sha256", UNKNOWN)), style="hash"),)),
    ]
    entries += [
        (
            str(each.get("name", "")),
            (
                Cell(str(each.get("file", UNKNOWN)), style="code"),
                Cell(f"sha256 {each.get('sha256', UNKNOWN)}", style="hash"),
            ),
        )
        for each in provenance.get("data") or []
    ]
    blocks: tuple[Block, ...] = (
        say(
            "The run folder holds the study file, all draws with data and settings (",
            Code("posterior.nc"),
            "), and versions, seed and checksums (",
            Code("provenance.json"),
            "). With the data files and these versions the command below gives the same draws on "
            "the same kind of machine.",
        ),
        Pairs(tuple(entries)),
    )
    return Section("provenance", "Reproducibility", blocks)


def paragraph(found: Text) -> Section:
    """Return the methods paragraph, ready to edit."""
    return Section(
        "methods",
        "Methods paragraph",
        (
            say(
                "To edit for a paper; in brackets the keys of ",
                Code("references.bib"),
                ". The same is in ",
                Code("methods.md"),
                " beside this report.",
            ),
            say(found.plain()),
        ),
    )


def references(facts: Facts) -> Section:
    """Return the references that the card names, and those of the equations."""
    named = [plain(each) for each in facts.card.get("references") or []]
    blocks: tuple[Block, ...] = (say("The model card names none."),)
    if named:
        blocks = (Bullets(tuple(named), ordered=True),)
    return Section("references", "References of the model card", blocks)
