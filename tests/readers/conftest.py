from pathlib import Path

import pytest

from perovec_bayes.errors import PerovecError
from perovec_bayes.readers import read

REAL = Path(__file__).parents[3] / "shared" / "real-data"


@pytest.fixture
def real():
    """The folder of real files; a test skips, saying so, where it is absent."""
    if not REAL.is_dir():
        pytest.skip("no ../shared/real-data beside the repository: real files cannot be read")
    return REAL


@pytest.fixture
def fails():
    """Read, and check that it fails in one line of the right kind that names the place."""

    def check(kind, words, path, *args, **kwargs):
        with pytest.raises(PerovecError) as caught:
            read(path, *args, **kwargs)
        error, line = caught.value, str(caught.value)
        assert type(error) is kind, line
        assert error.exit_code == {"StudyError": 2, "DataError": 3}[kind.__name__]
        assert "\n" not in line
        if kind.__name__ == "DataError":
            assert line.startswith(f"{path}: "), line
        for word in [words] if isinstance(words, str) else words:
            assert word in line
        return line

    return check
