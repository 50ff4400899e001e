import itertools

import instrument_samples as samples
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instrument_samples import ivium, ivium_rows, ivium_step_rows, staircase

from perovec_bayes.errors import DataError
from perovec_bayes.readers import describe, read

FULL = [0.0, *[0.4, -0.2, 0.0] * 2]
HEADS = {
    "11": bytes(16) + b"\xfb\x00\x00\x00\r\x00Version=11",
    "copied as text": b" " * 16 + b"\xbf   \r Version=12\r",
    "without a version": bytes(16) + b"H\x00\x00\x00\r\nPeaks=false",
    "ids": bytes(16) + b"H\x00\x00\x00\nPeaks=false\n",
}


@pytest.fixture
def idf(tmp_path):
    def write(*args, **kwargs):
        path = tmp_path / "run.dat"
        path.write_bytes(ivium(*args, **kwargs))
        return path

    return write


@pytest.mark.parametrize("newline", ["\r\n", "\n", "\r", "\r\0", "\r "])
def test_a_voltammogram(idf, newline):
    ds = read(idf(newline=newline), meta={"reference": "Ag wire"})
    expected = ivium_rows(staircase(FULL))
    np.testing.assert_allclose(ds["potential"], expected[:, 0], atol=1e-9)
    np.testing.assert_allclose(ds["current"], expected[:, 1], rtol=1e-5)
    np.testing.assert_allclose(ds["time"], 0.2 * np.arange(241), atol=1e-4)  # 10 mV at 50 mV/s
    assert ds.attrs["reader"] == "ivium_idf"
    assert ds.attrs["current_sign_assumed"] == 1
    assert ds["cycle"].max() == 2
    assert np.isnan(ds.attrs["area_cm2"])


def test_the_summary_says_what_was_understood(idf):
    text = str(describe(read(idf())))
    for words in (
        "CyclicVoltammetry, Standard",
        "0.05 V/s",
        "no times in the file: from E step and Scanrate",
        "started 14/10/2024 22:24:04",
        "no measured potential",
        "meta.current_sign",
    ):
        assert words in text
    assert "Area" not in text


def test_a_start_at_a_vertex_and_a_linear_sweep(idf):
    rows = ivium_rows(staircase([0.4, -0.2, 0.4, -0.2, 0.4]))
    assert read(idf(rows, settings={"E start": "0.4"})).sizes["point"] == 241
    rows = ivium_rows(staircase([0.3, -0.1]))
    stated = {"E start": "0.3", "E end": "-0.1", "Vertex 1": None, "N scans": None}
    ds = read(idf(rows, method="LinearSweep", settings=stated))
    assert ds["potential"][-1] == pytest.approx(-0.1)
    assert ds["time"][-1] == pytest.approx(8.0)


def test_chronoamperometry(idf):
    ds = read(idf(method="Transients"))
    expected = ivium_step_rows()
    np.testing.assert_allclose(ds["time"], expected[:, 0], atol=1e-5)
    np.testing.assert_allclose(ds["potential"], expected[:, 2], atol=1e-5)
    np.testing.assert_allclose(ds["current"], expected[:, 1], rtol=1e-5)


def test_the_measurement_that_is_wanted(idf):
    ds = read(idf(parts=3), table=2)
    assert "others in the file: 1 'synthetic film', 3 'synthetic film'" in ds.attrs["note"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (staircase([0.0, 0.4, -0.2, 0.1]), "stopped early, after 1.08 of 2 scans"),
        (staircase([0.0, 0.4, -0.2, 0.0, 0.4, 0.1]), "stopped early, after 1.58 of 2 scans"),
    ],
)
def test_a_measurement_that_was_stopped_is_read_and_named(idf, rows, words):
    ds = read(idf(ivium_rows(rows)))
    assert words in ds.attrs["warnings"]


def test_a_file_that_was_cut_short_is_read_and_named(idf, tmp_path):
    raw = idf().read_bytes()
    path = tmp_path / "cut.idf"
    path.write_bytes(raw[: raw.index(b"ocpdata") - 900])
    ds = read(path)
    kept = ds.sizes["point"]
    assert 200 < kept < 241
    assert f"{kept} of 241 points in the file: it was cut short" in ds.attrs["warnings"]
    np.testing.assert_allclose(ds["potential"], staircase(FULL)[:kept], atol=1e-9)


CV = ivium_rows(staircase(FULL))
MISFITS = {
    "step": ({"E step": "0.005"}, CV, "steps of 0.005 V"),
    "vertex": ({"Vertex 1": "0.5"}, CV, "a corner at 0.5 V"),
    "sense": ({"Vertex 1": "-0.2", "Vertex 2": "0.4"}, CV, "a corner at -0.2 V"),
    "start": ({"E start": "0.1"}, CV, "a corner at 0.1 V"),
    "more scans": ({"N scans": "1"}, CV, "3 sweeps"),
    "fewer scans": ({"N scans": "3"}, CV, "not all scans are in primary_data"),
    "no scans": ({"N scans": "1.5"}, CV, "N scans is no count"),
    "no range": ({"Current Range": None}, CV, "no Current Range in the settings"),
    "range": ({"Current Range": "1uA"}, CV, "currents beyond the range"),
    "milliamperes": ({}, CV * [1, 1e3, 1], "currents beyond the range"),
    "no rate": ({"Scanrate": None}, CV, "no Scanrate in the settings"),
    "no step": ({"E step": "x"}, CV, "no E step in the settings"),
    "relative": ({"Apply wrt OCP": "true"}, CV, "potentials relative to open circuit"),
    "current first": ({}, CV[:, [1, 0, 2]], "beyond the range"),
    "time first": ({}, np.column_stack([0.2 * np.arange(241), CV[:, 1:]]), "steps of 0.01 V"),
    "noise": ({}, CV[np.random.default_rng(1).permutation(241)], "expected 5 sweeps"),
}


@pytest.mark.parametrize(("stated", "rows", "words"), MISFITS.values(), ids=MISFITS)
def test_what_the_settings_do_not_bear_out_is_refused(idf, fails, stated, rows, words):
    fails(DataError, [words, "line ", "IviumSoft choose"], idf(rows, settings=stated))


STEPS = ivium_step_rows()
STEP_MISFITS = {
    "interval": ({"Interval time": "0.2"}, STEPS, "column 1 is not the time"),
    "too long": ({"Cycles": "1"}, STEPS, "column 1 is not the time"),
    "level": ({"Levels.E[2]": "-0.4"}, STEPS, "column 3 is not the potential"),
    "order": ({}, STEPS[:, [0, 2, 1]], "beyond the range"),
    "alike": (
        {"Levels.E[1]": "0", "Levels.E[2]": "0"},
        STEPS * [1, 1, 0],
        "cannot be told apart",
    ),
    "levels": ({"Levels": "3"}, STEPS, "no Levels.E[3]"),
}


@pytest.mark.parametrize(("stated", "rows", "words"), STEP_MISFITS.values(), ids=STEP_MISFITS)
def test_steps_that_do_not_fit_are_refused(idf, fails, stated, rows, words):
    fails(DataError, [words, "line "], idf(rows, method="Transients", settings=stated))


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("Impedance", "an impedance"),
        ("DifferentialPulse", "a pulse technique"),
        ("ChronoPotentiometry", "a galvanostatic measurement"),
        ("OpenCircuit", "an open-circuit potential"),
        ("Other", "a technique not known here"),
    ],
)
def test_other_techniques_are_refused(idf, fails, method, words):
    fails(
        DataError,
        [words, "not read here", method, "voltammogram" if method != "Other" else "xport"],
        idf(method=method),
    )


@pytest.mark.parametrize("raw", HEADS.values(), ids=HEADS)
def test_every_head_is_known_and_a_file_without_measurement_says_so(tmp_path, fails, raw):
    path = tmp_path / "run.dat"
    path.write_bytes(raw)
    fails(DataError, ["no measurement", "Method=", "xport"], path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"primary_data", b"other_data", "no data"),
        (b"primary_data    \r\n3", b"primary_data    \r\n4", "another layout"),
        (b"\r\n241", b"\r\nmany", "no size after primary_data"),
        (b"\r\n241", b"\r\n999999999999", "an impossible size"),
        (b"\r\n241 ", b"\r\n100 ", "more rows than the file states"),
        (b"4.00000E-01  ", b"4.00000E-01x ", "not a row of numbers"),
    ],
)
def test_damaged_files_name_the_place(idf, fails, old, new, words):
    path = idf()
    raw = path.read_bytes()
    assert old in raw
    path.write_bytes(raw.replace(old, new))
    fails(DataError, [words, "line "], path)


def test_doubts_about_the_potential_are_named(idf):
    stated = {
        "Apply wrt OCP": None,
        "Data Options.E_correction": "0.2",
        "Data Options.Area": "0.5",
    }
    ds = read(idf(settings=stated))
    assert "Apply wrt OCP" in ds.attrs["warnings"]
    assert "E_correction=0.2" in ds.attrs["warnings"]
    assert "Area=0.5 in the header" in ds.attrs["note"]
    assert np.isnan(ds.attrs["area_cm2"])


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    corners=st.tuples(*[st.integers(-80, 80)] * 3).filter(
        lambda c: abs(c[1] - c[2]) > 20 and min(c[1:]) <= c[0] <= max(c[1:])
    ),
    scans=st.integers(1, 3),
    step=st.sampled_from([0.001, 0.0025, 0.01]),
)
def test_every_programme_within_its_vertices_is_borne_out(tmp_path_factory, corners, scans, step):
    start, first, second = (step * corner for corner in corners)
    path = [start, *[first, second, start] * scans]
    path = [path[0], *[b for a, b in itertools.pairwise(path) if a != b]]
    stated = {"E start": start, "Vertex 1": first, "Vertex 2": second, "E step": step,
              "N scans": scans}  # fmt: skip
    file = tmp_path_factory.mktemp("idf") / "a.idf"
    potential = staircase(path, step)
    file.write_bytes(ivium(ivium_rows(potential), settings=stated))
    ds = read(file)
    np.testing.assert_allclose(ds["potential"], potential, atol=1e-5)
    assert "stopped early" not in ds.attrs.get("warnings", "")


def test_the_samples_say_that_they_are_synthetic():
    assert "synthetic" in samples.IVIUM["Title"]
    assert "synthetic" in samples.IVIUM_STEPS["Title"]
