import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perovec_bayes.workflow.toml import dumps

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False))
PLAIN = st.one_of(TEXTS, st.booleans(), NUMBERS)
VALUES = st.recursive(
    PLAIN, lambda v: st.one_of(st.lists(v, max_size=3), st.dictionaries(TEXTS, v, max_size=3))
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_what_is_written_is_read_back(content):
    assert tomllib.loads(dumps(content)) == content


EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*/*.toml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_examples_are_written_as_they_were_read(path):
    content = tomllib.loads(path.read_text())
    assert tomllib.loads(dumps(content)) == content
