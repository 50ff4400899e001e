"""Text, numbers, units and tables for LaTeX (booktabs, siunitx); everything is escaped."""

from __future__ import annotations

import re

from perovec_bayes.report.content import Cell, Table
from perovec_bayes.report.numbers import pretty_unit

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "{''}",
    "`": r"\textasciigrave{}", "-": "{-}", "[": "{[}", "]": "{]}",
    "≤": r"\(\leq\)", "≥": r"\(\geq\)", "−": r"\(-\)", "×": r"\(\times\)", "±": r"\(\pm\)",
    "√": r"\(\surd\)", "∞": r"\(\infty\)", "°": r"\textdegree{}", "µ": r"\textmu{}",
    "–": "--", "ℓ": r"\(\ell\)", "\u202f": r"\,", "\u2009": r"\,", "\u00a0": "~",
}  # fmt: skip
_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi",
    "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "varphi", "χ": "chi", "ψ": "psi",
    "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi",
    "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
_NUMBER = r"[−-]?\d+(?:\u202f\d+)*(?:\.\d+)?"
_POWER = r" × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
_RANGE = re.compile(rf"\(({_NUMBER}) to ({_NUMBER})\){_POWER}")
_SINGLE = re.compile(rf"(?<![\w.])({_NUMBER})(?:{_POWER})?(?![\w.])")
_BASES = {
    "mol": r"\mole", "eV": r"\electronvolt", "ohm": r"\ohm", "V": r"\volt", "A": r"\ampere",
    "F": r"\farad", "S": r"\siemens", "C": r"\coulomb", "s": r"\second", "K": r"\kelvin",
    "L": r"\litre", "m": r"\metre", "min": r"\minute", "h": r"\hour",
}  # fmt: skip
_PREFIXES = {
    "": "", "p": r"\pico", "n": r"\nano", "µ": r"\micro", "m": r"\milli", "c": r"\centi",
    "k": r"\kilo",
}  # fmt: skip
_UNITS = {p + b: prefix + base for p, prefix in _PREFIXES.items() for b, base in _BASES.items()}
_FACTOR = re.compile(r"([A-Za-zµ]+)([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]*)")
LONG = 28
"""A column with longer texts than this gets a width and breaks its lines [characters]."""


def escape(text: str) -> str:
    """Return text as LaTeX prints it, whatever it holds.

    Parameters
    ----------
    text : str
        Any text. Letters beyond those mapped here stay as they are (LuaLaTeX and XeLaTeX set them).

    Returns
    -------
    str
        One line without active characters or commands of the user.
    """
    words = " ".join(text.split())
    return "".join(_character(each) for each in words if each.isprintable() or each in _SPECIAL)


def _character(each: str) -> str:
    if each in _GREEK:
        return rf"\(\{_GREEK[each]}\)"
    if each in _RAISED:
        return rf"\textsuperscript{{{_RAISED[each]}}}"
    if each in _LOWERED:
        return rf"\textsubscript{{{_LOWERED[each]}}}"
    return _SPECIAL.get(each, each)


def ascii_numbers(text: str) -> str:
    """Return text with its numbers as a machine reads them: "2.1 × 10⁻¹²" as "2.1e-12".

    Parameters
    ----------
    text : str
        A number, an interval, or a limit as a report shows it.
    """
    spread = _RANGE.sub(lambda m: f"{m[1]} × 10{m[3]} to {m[2]} × 10{m[3]}", text)
    return _SINGLE.sub(lambda m: _plain(m[1], m[2]), spread)


def numbers(text: str) -> str:
    r"""Return escaped text with its numbers in ``\num{...}`` of siunitx.

    Parameters
    ----------
    text : str
        A number, an interval, or a limit as a report shows it.
    """
    spread = _RANGE.sub(lambda m: f"{m[1]} × 10{m[3]} to {m[2]} × 10{m[3]}", text)
    parts, end = [], 0
    for match in _SINGLE.finditer(spread):
        parts += [escape_within(spread[end : match.start()])]
        parts += [rf"\num{{{_plain(match[1], match[2])}}}"]
        end = match.end()
    return "".join([*parts, escape_within(spread[end:])])


def escape_within(text: str) -> str:
    """Escape a piece of text and keep the spaces at its ends."""
    head = " " if text[:1].isspace() else ""
    tail = " " if text[-1:].isspace() and text.strip() else ""
    return head + escape(text) + tail


def _plain(mantissa: str, power: str | None) -> str:
    digits = mantissa.replace("−", "-").replace("\u202f", "")
    return digits + (f"e{''.join(_RAISED[each] for each in power)}" if power else "")


def unit(text: str) -> str:
    r"""Return a unit as ``\unit{...}`` of siunitx; one that is not known as escaped text.

    Parameters
    ----------
    text : str
        A unit: "nmol/cm²", or "nmol/cm^2".
    """
    parts: list[str] = []
    over, *under = pretty_unit(text).split("/")
    for i, group in enumerate([over, *under]):
        for factor in [] if group.strip() == "1" else group.replace("·", " ").split():
            match = _FACTOR.fullmatch(factor)
            if not match or match[1] not in _UNITS:
                return escape(text)
            power = "".join(_RAISED[each] for each in match[2])
            raised = rf"\tothe{{{power}}}" if power else ""
            parts.append((r"\per" if i else "") + _UNITS[match[1]] + raised)
    return rf"\unit{{{''.join(parts)}}}" if parts else escape(text)


def tabular(table: Table) -> str:
    """Return a table as a LaTeX float; it needs the packages booktabs and siunitx.

    Parameters
    ----------
    table : Table
        The table.

    Returns
    -------
    str
        A ``table`` environment with caption and label.
    """
    head = " & ".join(escape(title) for title in table.columns)
    body: list[str] = []
    for title, rows in table.groups:
        if title:
            body.append(
                rf"\addlinespace \multicolumn{{{len(table.columns)}}}{{@{{}}l@{{}}}}"
                rf"{{\emph{{{escape(title)}}}}} \\"
            )
        body += [" & ".join(_cells(table, row)) + r" \\" for row in rows]
    lines = [
        "% needs \\usepackage{booktabs,siunitx}",
        r"\begin{table}",
        rf"\caption{{{escape(table.caption)}}}",
        rf"\label{{tab:{table.key}}}",
        r"\centering\footnotesize",
        rf"\begin{{tabular}}{{@{{}}{_columns(table)}@{{}}}}",
        r"\toprule",
        head + r" \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _columns(table: Table) -> str:
    """Return the specification of the columns: numbers to the right, long texts in a width."""
    longest = [
        max((len(row[i].text) for row in table.rows()), default=0)
        for i in range(len(table.columns))
    ]
    wide = [
        length > LONG and not table.is_number(i) and table.columns[i] not in {"Unit", ""}
        for i, length in enumerate(longest)
    ]
    share = 0.75 / max(sum(wide), 1)
    kinds = []
    for i, is_wide in enumerate(wide):
        kinds.append("r" if table.is_number(i) else "l")
        if is_wide:
            kinds[-1] = rf"p{{{share:.2f}\linewidth}}"
    return " ".join(kinds)


def _cells(table: Table, row: tuple[Cell, ...]) -> list[str]:
    return [_cell(cell, table.columns[i] == "Unit") for i, cell in enumerate(row)]


def _cell(cell: Cell, is_unit: bool) -> str:
    if is_unit:
        return unit(cell.text)
    if "number" in cell.style:
        return numbers(cell.text)
    if cell.style in {"code", "hash"}:
        return rf"\texttt{{{escape(cell.text)}}}"
    return escape(cell.text)
