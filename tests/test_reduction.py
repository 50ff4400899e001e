"""Band averages and time windows of spectra."""

import numpy as np
import pytest

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.workflow.prepare import datasets, load_study

STUDY = """
[study]
name = "film"
card = "bulk_film"
[[data]]
technique = "od"
file = "spectra.csv"
format = "delimited"
columns.time = {{ name = "t", unit = "s" }}
columns.absorbance = {{ unit = "1" }}
columns.wavelengths = {{ unit = "nm" }}
meta.clock_offset = {{ value = 10, unit = "s" }}
{more}
"""
NM = np.arange(480, 621, 5)
BANDS = "bands = { edge = [500, 550], gap = [550, 600] }"


@pytest.fixture
def read(tmp_path):
    rows = ["t," + ",".join(f"{nm}" for nm in NM)]
    rows += [f"{t}," + ",".join(f"{1e-3 * t + 1e-3 * (600 - nm):.6f}" for nm in NM)
             for t in range(8)]  # fmt: skip
    (tmp_path / "spectra.csv").write_text("\n".join(rows) + "\n")

    def load(more):
        path = tmp_path / "study.toml"
        path.write_text(STUDY.format(more=more))
        return datasets(load_study(path))["od"]

    return load


def test_a_band_average_of_a_straight_line_is_its_middle(read):
    data = read(BANDS)
    assert data["band"].values.tolist() == ["edge", "gap"]
    expected = 1e-3 * np.arange(8)[:, None] + 1e-3 * (600 - np.array([525.0, 575.0]))
    np.testing.assert_allclose(data["absorbance"], expected, atol=1e-9)
    assert data.attrs["clock_offset_s"] == 10


def test_a_window_is_on_the_clock_of_the_voltammogram(read):
    data = read("window = { start = 0.2, end = 0.25, unit = 'min' }")
    np.testing.assert_allclose(data["time"], [12, 13, 14, 15])
    assert "wavelength" in data.dims


@pytest.mark.parametrize(
    ("kind", "more", "words"),
    [
        (DataError, "bands = { edge = [400, 550] }", "bands: a band is not within the spectrum"),
        (DataError, "window = { start = 30, end = 40, unit = 's' }", "fewer than two spectra"),
        (StudyError, "window = { start = 4, end = 4, unit = 's' }", "the window is empty"),
        (StudyError, "window = { start = 4, end = 5, unit = 'V' }", "window.unit"),
        (StudyError, "bands = { edge = [500] }", "data#1.bands.edge"),
    ],
)
def test_what_is_refused(read, kind, more, words):
    with pytest.raises(kind) as caught:
        read(more)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_spectrum_of_the_untouched_film_is_a_mean(read):
    data = read("film = { start = 10, end = 12.5, unit = 's' }")
    assert data.attrs["film_is_measured"] == 1
    np.testing.assert_allclose(data["film"], data["absorbance"][:3].mean("time"))


def test_the_film_may_lie_outside_of_the_window_that_is_fitted(read):
    span = "film = { start = 10, end = 12.5, unit = 's' }"
    data = read(f"{span}\nwindow = {{ start = 13, end = 17, unit = 's' }}")
    assert data.sizes["time"] == 5
    np.testing.assert_allclose(data["film"], read(span)["film"])


@pytest.mark.parametrize(
    ("kind", "more", "words"),
    [
        (StudyError, f"film = {{ start = 10, end = 12, unit = 's' }}\n{BANDS}", "bands or film"),
        (
            DataError,
            "film = { start = 0, end = 5, unit = 's' }",
            "too few spectra of the untouched",
        ),
        (StudyError, "film = { start = 10, end = 12, unit = 'nm' }", "unit"),
    ],
)
def test_an_unfit_film_is_one_clear_line(read, kind, more, words):
    with pytest.raises(kind, match=words) as found:
        read(more)
    assert "\n" not in str(found.value)
