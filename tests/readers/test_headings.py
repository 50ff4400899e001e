import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perovec_bayes.readers.headings import choose, heading, named


@pytest.mark.parametrize(
    ("text", "quantity", "unit"),
    [
        ("Ewe/V", "potential", "V"),
        ("<Ewe>/V", "potential", "V"),
        ("<I>/mA", "current", "mA"),
        ("<I/mA>", "current", "mA"),
        ("Potential/V", "potential", "V"),
        ("Time/sec", "time", "s"),
        ("WE(1).Potential (V)", "potential", "V"),
        ("E(V)", "potential", "V"),
        ("Elapsed Time(s)", "time", "s"),
        ("I [uA]", "current", "uA"),
        ("I (µA)", "current", "µA"),
        ("I (μA)", "current", "µA"),
        ("raw_current / [mA]", "current", "mA"),
        ("j (mA/cm2)", "density", "mA/cm^2"),
        ("J / [mA cm$^{-2}$]", "density", "mA*cm^-2"),
        ("current density / A m⁻²", "density", "A*m^-2"),
        ("Stromdichte (mA/cm²)", "density", "mA/cm^2"),
        ("Corriente [µA]", "current", "µA"),
        ("tijd / s", "time", "s"),
        ("TIME (S)", "time", "s"),
        ("cycle number", "cycle", "1"),
        ("Scan", "cycle", "1"),
    ],
)
def test_what_is_understood(text, quantity, unit):
    found = heading(text)
    assert (found.quantity, found.unit) == (quantity, unit)


@pytest.mark.parametrize(
    "text",
    ["Potential (MV)", "CURRENT (MA)", "Time (hh:mm:ss)",
     "Ece/V", "Ewe-Ece/V", "freq/Hz", "step time/s", "E2(V)", "dI/mA", "time", "I/moon", "E/mA",
     "I/9**9**9**9", "(" * 60, "/" * 60, "T/K"],
)  # fmt: skip
def test_what_is_not(text):
    assert heading(text) is None


def test_units_in_a_row_of_their_own_and_a_reference():
    assert heading("Vf", "V vs. Ref.") == ("potential", "V", 0, "")
    assert heading("E", "V vs. SCE").reference == "SCE"
    assert heading("E / V vs Ag/AgCl").reference == "Ag/AgCl"
    assert heading("T", "deg C") is None


def test_the_measured_potential_goes_before_the_applied_one():
    headings = [heading("Potential applied (V)"), None, heading("WE(1).Potential (V)")]
    assert choose(headings, ["potential"]) == 2
    assert choose(headings, ["time"]) is None


@settings(deadline=None)
@given(st.text(max_size=70))
def test_any_text_is_a_heading_or_none(text):
    found = heading(text)
    assert found is None or found.quantity in ("time", "potential", "current", "density", "cycle")


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("Potential", "potential"),
        ("CURRENT (MA)", "current"),
        ("Zeit (hh:mm:ss)", "time"),
        ("x", ""),
    ],
)
def test_what_a_heading_names_whatever_its_unit(text, quantity):
    assert named(text) == quantity
