"""Figures of what light says: drawn from results made here, and the numbers behind them."""

import json

import numpy as np
import pytest
import xarray as xr

from perovec_bayes.diagnostics.intervals import CENTRAL
from perovec_bayes.diagnostics.observables import companion, observables
from perovec_bayes.forward import spectral
from perovec_bayes.forward.exciton import exciton_spectrum
from perovec_bayes.report.figures import draw_all
from perovec_bayes.report.figures.light import corrected
from perovec_bayes.report.figures.spectra import are_spectra, turns
from perovec_bayes.report.numbers import interval_text, quote
from perovec_bayes.report.pdf import figure_files

WAVELENGTH = np.linspace(460.0, 660.0, 81)
FILM = 0.2 * exciton_spectrum(WAVELENGTH)


def result(*, mean=True):
    """A sweep and its return, and whole spectra of a film that goes, as ARCHITECTURE.md says."""
    rng = np.random.default_rng(1)
    clock = np.arange(0.0, 240.0, 2.0)
    potential = np.where(clock < 120, -0.3 - clock / 80, -1.8 + (clock - 120) / 80)
    current = -1e-4 / (1 + np.exp((potential + 1.5) / 0.05))
    time = np.arange(0.0, 236.0, 4.0)
    share = 1 - 0.5 / (1 + np.exp(-(time - 120) / 20))
    spectra = share[:, None] * FILM + (1 - share)[:, None] * 0.02 * (WAVELENGTH / 575) ** -1.5
    span = spectral.span(WAVELENGTH, spectral.components(WAVELENGTH, FILM))
    z = spectra @ span.analysis
    windows = np.stack([abs(WAVELENGTH - middle) < 25 for middle in (525, 575)], axis=1)
    windows = windows / windows.sum(axis=0)
    dims, full = ("od_time", "od_component"), ("chain", "draw", "od_time", "od_component")
    draws = z * rng.normal(1, 0.01, (1, 40, 1, 1))
    predictive = {"cv": (("chain", "draw", "cv_point"), current * np.ones((1, 40, 1)))}
    if mean:
        predictive |= {"od": (full, draws + 1e-3), "od_mean": (full, draws)}
    groups = {
        "posterior": xr.Dataset({"dOD_dQ": (("chain", "draw"), rng.normal(10, 1, (1, 40)))}),
        "observed_data": xr.Dataset({"cv": ("cv_point", current), "od": (dims, z)}),
        "posterior_predictive": xr.Dataset(predictive),
        "constant_data": xr.Dataset(
            {
                "cv_time": ("cv_point", clock),
                "cv_potential": ("cv_point", potential),
                "cv_cycle": ("cv_point", np.ones(clock.size, dtype=int)),
                "od_time": ("od_time", time),
                "od_wavelength": ("od_wavelength", WAVELENGTH),
                "od_synthesis": (("od_component", "od_wavelength"), span.synthesis),
                "od_windows": (("od_component", "od_window"), span.synthesis @ windows),
                "od_film": ("od_wavelength", FILM),
                "od_shown_time": ("od_shown_time", time[::2]),
                "od_shown_wavelength": ("od_shown_wavelength", WAVELENGTH),
                "od_shown": (("od_shown_time", "od_shown_wavelength"), spectra[::2]),
            }
        ),
    }
    tree = xr.DataTree.from_dict(groups)
    tree.attrs["observables"] = json.dumps(
        {
            "cv": {"technique": "cv", "unit": "A/cm^2", "scan_rate_V_s": 0.0125},
            "od": {"technique": "od", "unit": "1"},
        }
    )
    return tree, spectra @ windows


def test_whole_spectra_make_a_map_and_three_figures_of_the_charge():
    tree, _ = result()
    drawings = draw_all(tree).fits
    titles = [drawing.title for drawing in drawings]
    assert [title.split(" od")[0] for title in titles[1:]] == [
        "Change of the spectra",
        "Spectra",
        "Rate of the optical density",
        "Optical density",
    ]
    page = "".join(drawing.svg for drawing in drawings)
    assert len({d.key for d in drawings}) == 5
    assert "data:image/png" in page
    assert len(page) < 1_500_000


def test_a_map_becomes_a_file():
    tree, _ = result()
    files = figure_files(next(d for d in draw_all(tree).fits if "data:image/png" in d.svg))
    heads = {name[-3:]: data[:5] for name, data in files.items()}
    assert heads == {"pdf": b"%PDF-", "svg": b"<svg ", "png": b"\x89PNG\r"}


def test_without_draws_the_data_are_drawn():
    tree, _ = result(mean=False)
    assert len(draw_all(tree).fits) == 5


def test_the_difference_of_the_windows_is_that_of_the_spectra():
    tree, windows = result()
    found = observables(tree)
    seen = corrected(found[1])
    assert are_spectra(found[1])
    np.testing.assert_allclose(seen.data, windows[:, 0] - windows[:, 1], atol=2e-6)
    assert seen.mean.shape == (40, 59)
    np.testing.assert_allclose(turns(companion(found[1], found)), [120.0])


def test_the_slope_of_the_charge_is_said():
    tree, _ = result()
    caption = draw_all(tree).fits[-1].caption
    draws = tree["posterior/dOD_dQ"].to_numpy().ravel()
    said = quote(float(np.median(draws)), *map(float, CENTRAL.ends(draws)))
    assert f"{said.value} cm² C⁻¹ ({interval_text(said)}, central 95 %)" in caption
    assert "95 %" in caption


@pytest.mark.parametrize("bands", [(500.0, 520.0), (560.0, 600.0)])
def test_two_bands_on_one_side_of_the_edge_have_no_difference(bands):
    tree, _ = result()
    observable = observables(tree)[1]
    constants = {"time": observable.constants["time"], "band_low_nm": np.array(bands)}
    assert corrected(type(observable)(**{**vars(observable), "constants": constants})) is None
