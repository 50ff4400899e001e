import os

import pytest

from perovec_bayes.inference.threads import VARIABLE, threads


@pytest.mark.parametrize("stated", ["3", "", "0", "x"])
def test_the_environment_bounds_the_threads(monkeypatch, stated):
    monkeypatch.setenv(VARIABLE, stated)
    assert threads() == (3 if stated == "3" else os.cpu_count())
