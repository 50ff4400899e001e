import numpy as np
import pytest
from instrument_samples import NM, avantes7, avantes8, counts_of_avantes, spectrum

from perovec_bayes import schema
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers import describe, read

INFRARED = np.linspace(1000.0, 1600.0, NM.size)
TWO = {"devices": (b"1511108U1", b"1501154U1"), "axes": (INFRARED, NM)}


@pytest.fixture
def file(tmp_path):
    def write(content, name="run.dat"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [avantes8(), avantes8(version=b"AVS82", rest=0), avantes7(), avantes7(version=60)],
    ids=["84", "82", "70", "60"],
)
def test_what_avasoft_showed(file, content):
    ds = read(file(content))
    assert schema.validate(ds) is ds
    assert ds.attrs["reader"] == "avantes_binary"
    assert ds.attrs["quantity"] == "transmittance"
    np.testing.assert_allclose(ds["wavelength"], NM, rtol=1e-6)
    np.testing.assert_allclose(ds["signal"], np.full((1, NM.size), 0.1), rtol=1e-6)
    assert "averaged 20 scans" in ds.attrs["note"]
    assert "3 pixels" in ds.attrs["note"]
    assert describe(ds).suspect == ()


@pytest.mark.parametrize(
    ("content", "start", "exposure", "clock"),
    [
        (avantes8(), "2019-07-06T15:48", 0.05, 1140.5925),
        (avantes8(saved=(2019, 13, 6, 15, 48)), "", 0.05, 1140.5925),
        (avantes7(), "2016-03-14T16:39:58", 0.095, 17179.471),
        (avantes7(stamp=(34045, 0)), "", 0.095, 17179.471),
        (avantes7(stamp=(-1, 18542)), "", 0.095, 17179.471),
        (avantes7(version=60), "", 0.095, None),
    ],
)
def test_settings(file, content, start, exposure, clock):
    attrs = read(file(content)).attrs
    assert attrs["start_time"] == start
    assert attrs["exposure_s"] == pytest.approx(exposure)
    assert attrs["device"] == "1305084U1"
    assert attrs.get("device_clock_s") == pytest.approx(clock, abs=2e-3)


@pytest.mark.parametrize(
    ("content", "quantity", "expected"),
    [
        (avantes8(mode=0), "intensity", counts_of_avantes()[0]),
        (avantes7(mode=0), "intensity", counts_of_avantes()[0]),
        (avantes7(single=True), "intensity", counts_of_avantes()[0]),
        (avantes7(single=True, mode=7, version=60), "intensity", counts_of_avantes()[0]),
        (avantes8(mode=5), "reflectance", np.full(NM.size, 0.1)),
    ],
)
def test_modes(file, content, quantity, expected):
    ds = read(file(content))
    assert ds.attrs["quantity"] == quantity
    np.testing.assert_allclose(ds["signal"][0], expected, rtol=1e-6)


@pytest.mark.parametrize("content", [avantes8(mode=1), avantes8(mode=2), avantes7(mode=1)])
def test_a_mode_that_is_not_known_is_asked_for(file, fails, content):
    path = file(content)
    fails(StudyError, ["cannot be told", "column = 'Absorbance'", "column = 'Sample'"], path)
    ds = read(path, column="Absorbance")
    assert ds.attrs["quantity"] == "absorbance"
    np.testing.assert_allclose(ds["signal"], np.ones((1, NM.size)), rtol=1e-6)


@pytest.mark.parametrize("mode", [4, 6, 7, 99])
def test_the_calibration_of_an_irradiance_is_no_lamp(file, fails, mode):
    path = file(avantes8(mode=mode))
    line = fails(StudyError, [f"mode {mode}", "State column = 'Sample'"], path)
    assert "Absorbance" not in line
    for column in ("Absorbance", "Reference"):
        fails(StudyError, "expected Sample, Dark, found", path, column=column)
    np.testing.assert_allclose(
        read(path, column="Sample")["signal"][0], counts_of_avantes()[0], rtol=1e-6
    )


@pytest.mark.parametrize("content", [avantes8(), avantes7()])
def test_every_column_can_be_read(file, fails, content):
    path = file(content)
    for name, expected in zip(("Sample", "Dark", "Reference"), counts_of_avantes(), strict=True):
        ds = read(path, column=name)
        assert (ds.attrs["quantity"], ds.attrs["signal_unit"]) == ("intensity", "counts")
        np.testing.assert_allclose(ds["signal"][0], expected, rtol=1e-6)
    for wrong in ("sample", 1, ["Sample"]):
        fails(StudyError, ["no such column", "Reflectance"], path, column=wrong)
    fails(StudyError, "expected Sample, found", file(avantes7(single=True)), column="Dark")


def test_frames_have_the_times_of_the_spectrometer(file):
    path = file(avantes8(3, mode=2, ticks=[5, 20_005, 100_005]))
    ds = read(path, column="Absorbance")
    assert ds.attrs["technique"] == "od"
    np.testing.assert_allclose(ds["time"], [0, 0.2, 1.0], atol=1e-12)
    np.testing.assert_allclose(ds["absorbance"][:, 7], 1 - np.log10([1, 1.1, 1.2]), rtol=1e-5)


@pytest.mark.parametrize("ticks", [[5, 5, 9], [2**32 - 1, 3, 9]])
def test_a_clock_that_does_not_go_on_is_not_used(file, fails, ticks):
    path = file(avantes8(3, ticks=ticks))
    fails(StudyError, "frame_interval", path)
    ds = read(path, frame_interval={"value": 2, "unit": "s"})
    np.testing.assert_allclose(ds["time"], [0, 2, 4])


def test_counts_of_several_integration_times_are_refused(file, fails):
    path = file(avantes8(2, exposures=(50.0, 80.0)))
    fails(DataError, ["integration time changes", "0.05 s, 0.08 s"], path, column="Sample")
    ds = read(path)
    assert np.isnan(ds.attrs["exposure_s"])
    assert "integration time changes" in ds.attrs["note"]


def test_one_spectrometer_of_several_must_be_stated(file, fails):
    path = file(avantes8(2, **TWO))
    listed = "1 (1511108U1, 1000 to 1600 nm), 2 (1501154U1, 450 to 700 nm)"
    fails(StudyError, [listed, "State channel"], path)
    for wrong in (0, 3, True, "2"):
        fails(StudyError, f"found {wrong!r}", path, channel=wrong)
    for channel, axis in ((1, INFRARED), (2, NM)):
        ds = read(path, channel=channel)
        np.testing.assert_allclose(ds["wavelength"], axis, rtol=1e-6)
        np.testing.assert_allclose(ds["signal"][:, 3], [0.1, 0.11], rtol=1e-6)
        np.testing.assert_allclose(ds["time"], [0, 0.5])
        assert f"channel {channel} (" in ds.attrs["note"]


def test_no_light_in_the_reference(file, fails):
    sample, dark, reference = counts_of_avantes()
    reference[[0, 1, 25]] = dark[[0, 1, 25]]
    path = file(avantes8(mode=5, counts=(sample, dark, reference)))
    line = fails(DataError, ["no brighter than the dark", "none at 3 of 26", "450 nm"], path)
    assert "within 470.00 to 690.00 nm" in line
    ds = read(path, wavelength_range=[470, 690])
    np.testing.assert_allclose(ds["signal"], 0.1, rtol=1e-6)
    black = file(avantes8(counts=(sample, dark, dark)))
    fails(DataError, ["none at 26 of 26", "column = 'Sample'"], black)


def test_no_light_through_the_sample(file, fails):
    sample, dark, reference = counts_of_avantes()
    sample[4] = 0
    path = file(avantes8(counts=(sample, dark, reference)))
    assert read(path)["signal"].values[0, 4] == pytest.approx(-10 / spectrum()[4])
    fails(DataError, ["no light", "490 nm"], path, column="Absorbance")


def test_a_folder_has_the_clock_of_the_spectrometer(tmp_path):
    for i in range(3):
        content = avantes8(ticks=[60_000_000 + 4_000_000 * i], saved=(2019, 7, 6, 15, 48 + i // 2))
        (tmp_path / f"film{i}.TRM8").write_bytes(content)
    ds = read(tmp_path / "*.TRM8", to_absorbance=True)
    np.testing.assert_allclose(ds["time"], [0, 40, 80])
    assert "clock of the spectrometer" in ds.attrs["note"]
    restarted = avantes8(ticks=[100], saved=(2019, 7, 6, 15, 50))
    (tmp_path / "film3.TRM8").write_bytes(restarted)
    with pytest.raises(
        DataError, match=r"film0.TRM8: no time stamp.*with seconds.*State name_time"
    ):
        read(tmp_path / "*.TRM8", to_absorbance=True)


def test_a_folder_of_avasoft_7_whose_clock_began_again_has_the_times_of_the_computer(tmp_path):
    for i, tick in enumerate((4_294_000_000, 1000)):
        content = avantes7(tick=tick, stamp=(34040 + 2 * i, 18542))
        (tmp_path / f"film{i}.TRM").write_bytes(content)
    ds = read(tmp_path / "*.TRM")
    np.testing.assert_allclose(ds["time"], [0, 4])
    assert "clock of the computer" in ds.attrs["note"]


def test_a_lamp_in_a_file_of_its_own(file):
    _, dark, reference = counts_of_avantes()
    file(avantes8(mode=0, counts=(reference, dark, dark)), "lamp.Raw8")
    file(avantes8(mode=0, counts=(dark, dark, dark)), "dark.Raw8")
    ds = read(file(avantes8(3, mode=0)), reference="lamp.Raw8", dark="dark.Raw8")
    np.testing.assert_allclose(ds["absorbance"][0], 1.0, rtol=1e-5)


def test_frames_of_several_modes(file, fails):
    raw = bytearray(avantes8(2))
    raw[len(raw) // 2 + 3 + 5] = 4
    path = file(bytes(raw))
    fails(StudyError, "expected Sample, Dark, found Transmittance; mode 4, irradiance", path)
    fails(StudyError, "expected Sample, Dark, found 'Absorbance'", path, column="Absorbance")
    assert read(path, column="Sample").sizes["time"] == 2
