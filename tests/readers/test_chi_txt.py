import numpy as np
import pytest
import reader_samples as samples

from perovec_bayes import schema
from perovec_bayes.errors import DataError
from perovec_bayes.readers import describe, read


@pytest.fixture
def file(tmp_path):
    def write(content=None, **kwargs):
        path = tmp_path / "run.dat"
        path.write_bytes((samples.chi(**kwargs) if content is None else content).encode())
        return path

    return write


@pytest.mark.parametrize("kwargs", [{}, {"separator": "\t"}, {"header": False}])
def test_time_follows_from_the_scan_rate_of_the_header(file, kwargs):
    ds = read(file(**kwargs))
    time, potential = samples.triangle(2)
    assert ds.attrs["reader"] == "chi_txt"
    assert ds["time"].values == pytest.approx(time, abs=1e-6)
    assert ds["potential"].values == pytest.approx(potential, abs=5e-4)
    assert ds["current"].values == pytest.approx(samples.wave(time, potential), rel=1e-3)
    assert ds["cycle"].values.max() == 2
    assert describe(ds).suspect == ()


def test_the_sign_is_open_until_stated(file):
    ds = read(file(), meta={"reference": "Ag/AgCl"})
    assert any("sign of the current" in words for words in describe(ds).missing)
    with pytest.raises(DataError, match=r"sign of the current is not known.*meta.current_sign"):
        schema.validate(ds)
    stated = read(file(), meta={"reference": "Ag/AgCl", "current_sign": "anodic_positive"})
    assert schema.validate(stated) is stated


def test_an_inverted_file_is_told_by_its_physics_and_left_as_it_is(file):
    lines = samples.chi().split("\r\n")
    start = lines.index("Potential/V, Current/A") + 2
    for k in range(start, len(lines) - 1):
        e, i = lines[k].split(", ")
        lines[k] = f"{e}, {-float(i):.3e}"
    inverted = read(file("\r\n".join(lines)))
    assert inverted["current"].values == pytest.approx(-read(file())["current"].values)
    assert any("seems inverted" in words for words in describe(inverted).suspect)
    mended = read(file("\r\n".join(lines)), meta={"current_sign": "cathodic_positive"})
    assert describe(mended).suspect == ()


def test_segments_that_were_not_exported_are_missed(file):
    text = samples.chi().replace("Segment = 4", "Segment = 12")
    assert any(
        "12 segments, the data show 4" in words for words in describe(read(file(text))).suspect
    )


def test_two_electrodes(file):
    lines = samples.chi(heads="Potential/V, i1/A, i2/A").split("\r\n")
    start = lines.index("Potential/V, i1/A, i2/A") + 2
    lines[start:-1] = [line + ", 2e-9" for line in lines[start:-1]]
    path = file("\r\n".join(lines))
    assert "left out: i2/A" in read(path).attrs["note"]
    assert read(path, table="i2/A")["current"].values == pytest.approx(2e-9)
    assert read(path, table=2)["current"].values == pytest.approx(2e-9)


def steps(technique, settings, times):
    rows = [f"{t:.4f}, {1e-6 / np.sqrt(t):.4e}" for t in times]
    top = ["June 13, 2024", technique, "Instrument Model:  CHI760E", "", *settings, ""]
    return "\n".join([*top, "Time/sec, Current/A", "", *rows]) + "\n"


@pytest.mark.parametrize(("polarity", "levels"), [("P", (0.5, -0.2)), ("N", (-0.2, 0.5))])
def test_potential_steps_follow_from_the_header(file, polarity, levels):
    settings = ["Init E (V) = 0", "High E (V) = 0.5", "Low E (V) = -0.2",
                f"Init P/N = {polarity}", "Step = 2", "Pulse Width (sec) = 1"]  # fmt: skip
    ds = read(file(steps("Chronoamperometry", settings, np.arange(0.1, 2.0, 0.1))))
    assert ds["potential"].values[[0, 8, 10, -1]].tolist() == [levels[0]] * 2 + [levels[1]] * 2
    assert dict(describe(ds).facts)["technique"].startswith("chronoamperometry")
    assert "potential from the header" in ds.attrs["note"]


def test_amperometric_curve_has_one_potential(file, fails):
    text = steps(
        "Amperometric i-t Curve", ["Init E (V) = 0.7", "Quiet Time (sec) = 0"], range(1, 9)
    )
    assert set(read(file(text))["potential"].values) == {0.7}
    fails(DataError, "Init E", file(text.replace("Init E (V) = 0.7", "")))
    broken = steps("Chronoamperometry", ["Init E (V) = 0", "Pulse Width (sec) = 1"], range(1, 9))
    fails(DataError, "programme of the potential", file(broken))


@pytest.mark.parametrize(
    ("technique", "what"),
    [
        ("Differential Pulse Voltammetry", "a pulse technique"),
        ("A.C. Impedance", "an impedance"),
        ("Open Circuit Potential - Time", "an open-circuit potential"),
        ("Chronopotentiometry", "a galvanostatic measurement"),
    ],
)
def test_other_techniques_are_refused(file, fails, technique, what):
    fails(DataError, what, file(technique=technique))


def test_pulses_are_told_without_the_name_of_the_technique(file, fails):
    fails(DataError, "pulse", file(header=False, more=["Amplitude (V) = 0.025"]))


def test_a_header_without_a_table(file, fails):
    text = samples.chi()
    fails(DataError, "no table of the current", file(text[: text.index("Potential/V")]))
