import struct

import numpy as np
import pytest
from instrument_samples import avantes7, avantes8

from perovec_bayes.errors import DataError
from perovec_bayes.readers.avantes_bytes import old_layout, stored
from perovec_bayes.readers.binary import Bytes


def changed(raw, form, offset, value):
    raw = bytearray(raw)
    struct.pack_into(form, raw, offset, value)
    return bytes(raw)


NAN = float("nan")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (avantes8(version=b"AVS99"), "a version of AvaSoft that is not known"),
        (avantes8()[:-1], "do not fit"),
        (avantes8() + b"\0", "do not fit"),
        (changed(avantes8(), "<B", 5, 0), "do not fit"),
        (changed(avantes8(), "<B", 5, 2), "cut short"),
        (changed(avantes8(), "<H", 6 + 85, 40), "an impossible size"),
        (changed(avantes8(), "<H", 6 + 85, 10), "an impossible size"),
        (changed(avantes8(), "<H", 6 + 85, 900), "an impossible size"),
        (changed(avantes8(), "<f", 6 + 322, NAN), "not finite"),
        (avantes7()[:-4], "pixels and size of the file do not fit"),
        (avantes7() + bytes(4), "pixels and size of the file do not fit"),
        (changed(avantes7(version=60), "<f", 80, NAN), "not finite"),
        (bytes(600), "not a binary file of AvaSoft"),
    ],
)
def test_what_is_refused(raw, words):
    with pytest.raises(DataError, match=words):
        stored(Bytes("run.dat", raw))


@pytest.mark.parametrize(
    ("raw", "known"),
    [
        (avantes7(), (70, 30, 55)),
        (avantes7(version=60, single=True), (60, 30, 55)),
        (avantes7()[:399], None),
        (changed(avantes7(), "<f", 4 * 80, 30.0), None),
        (changed(avantes7(), "<f", 4 * 80, 55.5), None),
        (changed(avantes7(), "<f", 4 * 79, NAN), None),
        (changed(avantes7(), "<f", 4, 48.5), None),
        (changed(avantes7(), "<f", 0, 80.0), None),
    ],
)
def test_version_and_pixels_of_old_files(raw, known):
    assert old_layout(raw) == known


def test_spectra_are_stored_one_after_the_other():
    spectra = stored(Bytes("run.dat", avantes8(3, rest=7)))
    assert [one.ticks for one in spectra] == [114_059_250, 114_109_250, 114_159_250]
    assert all(np.array_equal(one.axis, spectra[0].axis) for one in spectra)


def test_a_name_is_kept_without_what_cannot_be_printed():
    (one,) = stored(Bytes("run.dat", avantes8(devices=(b"13\n05\x0784",))))
    assert one.device == "130584"
