import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perovec_bayes.errors import UnitError
from perovec_bayes.units import convert


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        (50.0, "mV/s", "V/s", 0.05),
        (3.0, "uA", "A", 3e-6),
        (3.0, "µA/cm^2", "A/cm^2", 3e-6),
        (3.0, "μA", "A", 3e-6),
        (7.07, "mm^2", "cm^2", 0.0707),
        (25.0, "degC", "K", 298.15),
        (2.0, "mM", "mol/cm^3", 2e-6),
        (1.0, "mol/L", "mol/cm^3", 1e-3),
        (50.0, "ug/L", "g/cm^3", 5e-8),
        (2.0, "min", "s", 120.0),
        (0.3, "1", "1", 0.3),
    ],
)
def test_known_conversions(value, unit, to, expected):
    assert convert(value, unit, to) == pytest.approx(expected, rel=1e-12)
    array = convert(np.array([value, value]), unit, to)
    assert array == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("unit", ["", "parsec/fortnight!", "V V V(", "mVolts per", "E"])
def test_unknown_unit_is_a_unit_error_of_one_line(unit):
    with pytest.raises(UnitError) as caught:
        convert(1.0, unit, "V")
    assert "\n" not in str(caught.value)


def test_wrong_dimension_names_both():
    with pytest.raises(UnitError, match="'mV' has the wrong dimension"):
        convert(1.0, "mV", "A")


@given(
    st.floats(-1e6, 1e6, allow_subnormal=False),
    st.sampled_from([("mV", "V"), ("uA/cm^2", "A/cm^2"), ("mol/L", "mol/cm^3"), ("h", "s")]),
)
def test_there_and_back(value, pair):
    unit, to = pair
    assert convert(convert(value, unit, to), to, unit) == pytest.approx(
        value, rel=1e-12, abs=1e-300
    )
