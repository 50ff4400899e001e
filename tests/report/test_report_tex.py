from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perovec_bayes.report.content import Cell, Table, code, number, table
from perovec_bayes.report.tex import ascii_numbers, escape, numbers, tabular, unit

COMMANDS = re.compile(
    r"\\(?:text(?:backslash|asciitilde|asciicircum|less|greater|bar|asciigrave|degree|mu)\{\}"
    r"|[{}$&#%_,]|\([^()]*\\\)|\(-\\\)|text(?:super|sub)script\{.\})"
)
EVIL = [
    r"$\input{/etc/passwd}$",
    r"\write18{rm -rf x}",
    "<script>alert(1)</script>",
    '#import "x"',
    "100 % & more_or_less {^~}",
    "line\nbreak % comment",
]


@pytest.mark.parametrize("text", EVIL)
def test_nothing_of_a_user_is_active(text: str) -> None:
    left = COMMANDS.sub("", escape(text))
    assert not re.search(r"[\\$&#%_^~]", left)
    assert "\n" not in left


@given(st.text(max_size=60))
def test_no_text_is_active(text: str) -> None:
    left = COMMANDS.sub("", escape(text))
    assert not re.search(r"[\\$&#%_^\n]", left)
    assert left.count("{") == left.count("}")


@pytest.mark.parametrize(
    ("text", "plain", "tex"),
    [
        ("2.1 × 10⁻¹²", "2.1e-12", r"\num{2.1e-12}"),
        ("(0.31 to 2.17) × 10⁻³⁵", "0.31e-35 to 2.17e-35", r"\num{0.31e-35} to \num{2.17e-35}"),
        ("−0.366 to −0.327", "-0.366 to -0.327", r"\num{-0.366} to \num{-0.327}"),
        ("≤ 9.31 × 10⁻³⁸", "≤ 9.31e-38", r"\(\leq\) \num{9.31e-38}"),
        ("12\u202f345", "12345", r"\num{12345}"),
        ("–", "–", "--"),
    ],
)
def test_numbers(text: str, plain: str, tex: str) -> None:
    assert ascii_numbers(text) == plain
    assert numbers(text) == tex


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("mol/L", r"\unit{\mole\per\litre}"),
        ("nmol/cm²", r"\unit{\nano\mole\per\centi\metre\tothe{2}}"),
        ("mol/cm^2/s", r"\unit{\mole\per\centi\metre\tothe{2}\per\second}"),
        ("1/cm²", r"\unit{\per\centi\metre\tothe{2}}"),
        ("µA", r"\unit{\micro\ampere}"),
        ("1", "1"),
        ("x_y", r"x\_y"),
    ],
)
def test_units(text: str, tex: str) -> None:
    assert unit(text) == tex


def test_a_table_is_whole() -> None:
    rows = [(Cell(r"\evil{", style="code"), number("≤ 1.0 × 10⁻³"), "mol/L")]
    made = tabular(table("k", "50 % & more", ("Name", "Value", "Unit"), rows))
    assert r"\caption{50 \% \& more}" in made
    assert (
        r"\texttt{\textbackslash{}evil\{} & \(\leq\) \num{1.0e-3} & \unit{\mole\per\litre} \\"
        in made
    )
    assert r"\begin{tabular}{@{}l r l@{}}" in made
    lines = made.splitlines()
    rules = [lines.index(rf"\{name}rule") for name in ("top", "mid", "bottom")]
    assert rules == sorted(rules)
    bare = re.sub(r"\\[{}]", "", made)
    assert bare.count("{") == bare.count("}")


def test_groups_have_a_row_of_their_own() -> None:
    row = (Cell("a"), number("1"))
    made = tabular(Table("k", "c", ("A", "B"), (("First", (row,)), ("Second", (row,)))))
    assert made.count(r"\multicolumn{2}") == 2
    assert made.index("First") < made.index("Second")


def test_a_wide_table_is_at_most_as_wide_as_the_page() -> None:
    rows = [(code("dE_formal_if[CsPbBr3, DCM | F_dil preconcentrated]"), *["words " * 20] * 3)]
    made = tabular(table("k", "c", ("Name", "A", "B", "C"), rows))
    shares = [float(each) for each in re.findall(r"p\{([\d.]+)\\linewidth\}", made)]
    assert len(shares) == 4
    assert sum(shares) < 1
    assert r"\_\allowbreak{}" in made  # a name may be broken after its marks


def test_a_long_table_may_be_broken_over_pages() -> None:
    made = tabular(table("k", "c", ("Name", "Value"), [("x", number("1"))] * 60))
    assert r"\begin{longtable}" in made
    assert r"\endhead" in made
    assert "longtable" not in tabular(table("k", "c", ("Name", "Value"), [("x", number("1"))]))
