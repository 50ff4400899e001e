import struct

import numpy as np
import pytest
from instrument_samples import NM, lightfield_spe, spectrum

from perovec_bayes import schema
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers import describe, read


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "run.spe"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize(
    ("pixel", "atol"),
    [("MonochromeUnsigned16", 1), ("MonochromeUnsigned32", 1), ("MonochromeFloating32", 1e-3)],
)
def test_a_spectrum(file, pixel, atol):
    ds = read(file(lightfield_spe(pixel=pixel)))
    assert schema.validate(ds) is ds
    assert ds.attrs["reader"] == "princeton_spe"
    np.testing.assert_allclose(ds["wavelength"], NM, rtol=1e-9)
    np.testing.assert_allclose(ds["signal"][0], spectrum(), atol=atol)
    assert ds.attrs["exposure_s"] == pytest.approx(0.05)
    assert ("corrected" in ds.attrs.get("note", "")) == (pixel == "MonochromeFloating32")
    assert describe(ds).suspect == ()


def test_frames_have_the_times_of_their_stamps(file):
    ds = read(file(lightfield_spe(4, step=0.25)))
    np.testing.assert_allclose(ds["time"], [0, 0.25, 0.5, 0.75], atol=1e-12)
    np.testing.assert_allclose(ds["signal"][3], 1.3 * spectrum(), atol=1)
    assert ds.attrs["start_time"] == "2022-09-09T17:33:34.487337 UTC+02:00"  # first frame: + 1 ms


def test_frames_without_stamps_need_an_interval(file, fails):
    path = file(lightfield_spe(3, meta=False))
    fails(StudyError, "frame_interval", path)
    ds = read(path, frame_interval={"value": 2, "unit": "s"})
    np.testing.assert_allclose(ds["time"], [0, 2, 4])
    assert ds.attrs["start_time"] == "2022-09-09T17:33:34.464395 UTC+02:00"


def test_a_part_of_the_sensor_and_its_bins(file):
    ds = read(file(lightfield_spe(x=40, binning=2, sensor=120)))
    np.testing.assert_allclose(ds["wavelength"], NM, rtol=1e-9)


def test_glued_spectra_have_wavelengths_of_their_own(file):
    ds = read(file(lightfield_spe(glued=True)))
    np.testing.assert_allclose(ds["wavelength"], NM, rtol=1e-9)


def test_one_region_of_several_must_be_stated(file, fails):
    path = file(lightfield_spe(2, regions=((26, 1), (10, 1), (12, 7)), sensor=40))
    fails(StudyError, ["3 regions", "1 (26 x 1), 2 (10 x 1), 3 (12 x 7)", "State region"], path)
    fails(StudyError, "found 4", path, region=4)
    ds = read(path, region=1)
    np.testing.assert_allclose(ds["signal"][1], 1.1 * spectrum(), atol=1)
    assert "region 1 of 3" in ds.attrs["note"]
    assert read(path, region=2).sizes["wavelength"] == 10
    fails(DataError, "images", path, region=3)


def test_an_exposure_that_does_not_apply_is_unknown(file):
    gated = '<ExposureTime relevance="False" type="Double">50</ExposureTime>'
    assert np.isnan(read(file(lightfield_spe(exposure=gated))).attrs["exposure_s"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lightfield_spe(regions=((26, 2),)), "images"),
        (lightfield_spe(nm=NM[:-1]), "wavelengths and pixels do not fit"),
        (lightfield_spe(x=10, sensor=30), "wavelengths and pixels do not fit"),
        (lightfield_spe(glued=True, nm=NM[:-1]), "wavelengths and pixels do not fit"),
        (lightfield_spe(glued=True, nm=np.linspace(1, 9, 40)), "wavelengths and pixels do not fit"),
        (lightfield_spe(nm=np.array([])), "no wavelength calibration"),
        (lightfield_spe(orientation="FlippedHorizontally"), "a sensor that is turned"),
        (lightfield_spe()[:-40], "XML that cannot be read"),
        (lightfield_spe()[:4150], "no XML footer"),
        (lightfield_spe().replace(b"Unsigned16", b"Unsigned12"), "an unknown kind of pixel"),
        (lightfield_spe().replace(b'count="1" pix', b'count="9" pix'), "an impossible size"),
        (lightfield_spe(meta=False).replace(b'stride="52"', b'stride="x2"'), "no stride"),
        (lightfield_spe().replace(b"SpeFormat", b"SpaFormat"), "not the footer of an .spe file"),
        (lightfield_spe().replace(b"450,", b"45o,"), "wavelengths that are no numbers"),
    ],
)
def test_what_is_refused(file, fails, content, words):
    fails(DataError, words, file(content), "princeton_spe")


@pytest.mark.parametrize(
    "top",
    [
        '<!DOCTYPE SpeFormat [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE SpeFormat [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
    ],
)
def test_entities_are_refused(file, fails, top):
    fails(DataError, "entities", file(lightfield_spe(top=top)), "princeton_spe")


def test_versions_are_told_apart(file, fails):
    raw = bytearray(lightfield_spe())
    struct.pack_into("<f", raw, 1992, 7.0)
    fails(DataError, "version 2 (WinSpec) or 3", file(bytes(raw)), "princeton_spe")
