import contextlib

import pytest
import reader_samples as samples
from hypothesis import given, settings
from hypothesis import strategies as st

from perovec_bayes.readers import plain_yaml

TEXT = """
# comment
a:
  - name: x   # of the item
    value: 1.5e-3
  -
    name: "quoted: # text"
  - 'it''s'
b: []
empty:
flag: true
number: -12
folded: one
  two
block: |
  first
  second: line
"key: odd": 3
e: 1e5
list:
- 1
- 2
"""


def test_everything_that_metadata_use():
    assert plain_yaml.load(TEXT) == {
        "a": [{"name": "x", "value": 1.5e-3}, {"name": "quoted: # text"}, "it's"],
        "b": [],
        "empty": None,
        "flag": True,
        "number": -12,
        "folded": "one two",
        "block": "first\nsecond: line",
        "key: odd": 3,
        "e": 1e5,
        "list": [1, 2],
    }


def test_a_sample_of_echemdb():
    data = plain_yaml.load(samples.YAML)
    assert data["dataDescription"]["fieldMapping"] == {"U": "E", "t": "t", "I": "I"}
    assert data["system"]["electrodes"][1]["geometricElectrolyteContactArea"]["value"] == 0.196


def test_nothing_grows_and_nothing_is_made():
    text = "a: &x [1, 2]\nb: *x\nc: !!python/object/apply:os.system ['true']\n"
    data = plain_yaml.load(text)
    assert data["b"] == "*x"
    assert data["c"].startswith("!!python")


@pytest.mark.parametrize(
    "text", ["a:\n    b: 2\n  c: 3\n", "\n".join(" " * k + "a:" for k in range(60))]
)
def test_what_is_not_understood_is_an_error(text):
    with pytest.raises(plain_yaml.PlainYamlError, match="line "):
        plain_yaml.load(text)


@settings(deadline=None)
@given(st.text(alphabet="ab:- \n'\"#|>[]{}&*!1.", max_size=80))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(plain_yaml.PlainYamlError):
        plain_yaml.load(text)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(alphabet="abcxyz µ/^2", min_size=1, max_size=9).map(str.strip).filter(bool),
)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4),
        st.dictionaries(st.text(alphabet="abc", min_size=1, max_size=4), inner, min_size=1),
    ),
    max_leaves=12,
)
WORDS = {"None": "null", "True": "true", "False": "false"}


def written(value, indent=0):
    """Write data as plain YAML."""
    if isinstance(value, dict):
        return "".join(f"{' ' * indent}{k}:{nested(v, indent)}" for k, v in value.items())
    return "".join(f"{' ' * indent}-{nested(v, indent)}" for v in value)


def nested(value, indent):
    if isinstance(value, (dict, list)):
        return "\n" + written(value, indent + 2)
    return f" {WORDS.get(repr(value), repr(value))}\n"


@settings(deadline=None)
@given(st.dictionaries(st.text(alphabet="abc", min_size=1, max_size=4), DATA, min_size=1))
def test_what_is_written_is_read_again(data):
    assert plain_yaml.load(written(data)) == data
