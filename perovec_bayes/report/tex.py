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
_MARKS = "_[],/.|"
_AFTER_MARK = re.compile(f"(?<=[{re.escape(_MARKS)}])")
SIZES = {"footnotesize": 100.0, "scriptsize": 114.0}
"""Fonts of tables, and how many letters fit into a line of 16 cm."""
GAP = 1.4
"""Space between two columns [characters]."""
NARROWEST, WIDEST = 12, 60
"""Least and greatest width asked for by a column whose texts are broken into lines [characters]."""
TALL = 36
"""A table with more lines than this may be broken over pages."""


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
    """Return a table for LaTeX; it needs the packages booktabs and siunitx, a long one longtable.

    Parameters
    ----------
    table : Table
        The table.

    Returns
    -------
    str
        A ``table`` (or ``longtable``) environment with caption and label, at most as wide as the
        text of a page of 16 cm: long texts are broken into lines, and the font is reduced.
    """
    size, shares = _layout(table)
    body: list[str] = []
    for title, rows in table.groups:
        if title:
            body.append(
                rf"\addlinespace \multicolumn{{{len(table.columns)}}}{{@{{}}l@{{}}}}"
                rf"{{\emph{{{escape(title)}}}}} \\"
            )
        body += [" & ".join(_cells(table, row, shares)) + r" \\" for row in rows]
    caption, label = rf"\caption{{{escape(table.caption)}}}", rf"\label{{tab:{table.key}}}"
    head = " & ".join(_head(title) for title in table.columns) + r" \\"
    columns = f"{{@{{}}{_columns(table, shares)}@{{}}}}"
    spaced = rf"\{size}\setlength{{\tabcolsep}}{{3pt}}"
    if _lines(table, shares) > TALL:
        lines = [
            "% needs \\usepackage{booktabs,siunitx,longtable}",
            rf"\begingroup{spaced}",
            rf"\begin{{longtable}}{columns}",
            rf"{caption}{label} \\",
            *(r"\toprule", head, r"\midrule", r"\endhead", *body, r"\bottomrule"),
            r"\end{longtable}",
            r"\endgroup",
        ]
    else:
        lines = [
            "% needs \\usepackage{booktabs,siunitx}",
            *(r"\begin{table}", caption, label, rf"\centering{spaced}"),
            rf"\begin{{tabular}}{columns}",
            *(r"\toprule", head, r"\midrule", *body, r"\bottomrule"),
            *(r"\end{tabular}", r"\end{table}"),
        ]
    return "\n".join(lines) + "\n"


def _layout(table: Table) -> tuple[str, list[float]]:
    """Return the size of the font and each column's share of the line, 0 for its natural width."""
    natural = []
    for i, title in enumerate(table.columns):
        head = max(map(len, _halves(title)))
        natural.append(max(head, *(len(row[i].text) for row in table.rows()), 1))
    flexible = [
        natural[i] > NARROWEST and not table.is_number(i) and title != "Unit"
        for i, title in enumerate(table.columns)
    ]
    asked = [
        min(n, WIDEST) if is_flexible else 0
        for n, is_flexible in zip(natural, flexible, strict=True)
    ]
    fixed = sum(n for n, each in zip(natural, flexible, strict=True) if not each)
    size, line = next(iter(SIZES.items()))
    for size, line in SIZES.items():
        room = line - GAP * len(natural) - fixed
        if sum(n for n, each in zip(natural, flexible, strict=True) if each) <= room:
            return size, [0.0] * len(natural)
        if room >= 1.5 * NARROWEST * sum(flexible):
            break
    room = max(room, NARROWEST * sum(flexible))
    shares = [max(room * each / max(sum(asked), 1), NARROWEST if each else 0) for each in asked]
    scale = min(1.0, room / max(sum(shares), 1))
    return size, [scale * each / line for each in shares]


def _lines(table: Table, shares: list[float]) -> float:
    """Return about how many lines a table has."""
    line = max(SIZES.values())
    return sum(
        max([1.0, *(len(row[i].text) / (share * line) for i, share in enumerate(shares) if share)])
        for row in table.rows()
    ) + 1.5 * len(table.groups)


def _halves(title: str) -> list[str]:
    """Return a title on one line, a long one on two of about the same length."""
    spaces = [i for i, each in enumerate(title) if each == " "]
    if len(title) <= NARROWEST or not spaces:
        return [title]
    middle = min(spaces, key=lambda i: abs(i - len(title) / 2))
    return [title[:middle], title[middle + 1 :]]


def _head(title: str) -> str:
    parts = [escape(each) for each in _halves(title)]
    return parts[0] if len(parts) == 1 else rf"\shortstack[l]{{{r' \\ '.join(parts)}}}"


def _columns(table: Table, shares: list[float]) -> str:
    """Return the specification of the columns: numbers to the right, long texts in a width."""
    return " ".join(
        rf"p{{{share:.3f}\linewidth}}" if share else "r" if table.is_number(i) else "l"
        for i, share in enumerate(shares)
    )


def _cells(table: Table, row: tuple[Cell, ...], shares: list[float]) -> list[str]:
    made = []
    for cell, title, share in zip(row, table.columns, shares, strict=True):
        text = _cell(cell, title == "Unit")
        made.append(rf"{{\raggedright {text}\par}}" if share else text)
    return made


def _cell(cell: Cell, is_unit: bool) -> str:
    if is_unit:
        return unit(cell.text)
    if "number" in cell.style:
        return numbers(cell.text)
    if cell.style in {"code", "hash"}:
        return rf"\texttt{{{_breakable(cell.text, everywhere=cell.style == 'hash')}}}"
    return escape(cell.text)


def _breakable(text: str, *, everywhere: bool) -> str:
    """Escape a name that may be broken after its marks, a hash after any letter."""
    return "".join(
        escape_within(part) + (r"\allowbreak{}" if everywhere or part[-1] in _MARKS else "")
        for part in (text if everywhere else _AFTER_MARK.split(text))
        if part
    )
