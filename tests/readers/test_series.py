import contextlib
import hashlib
import time

import numpy as np
import pytest
from instrument_samples import NM, andor_asc, avantes, lightfield_spe, ocean, spectrum, stellarnet
from test_readers_fuzz import mutate

from perovec_bayes import schema
from perovec_bayes.errors import DataError, PerovecError, StudyError
from perovec_bayes.readers import describe, read, series

OD = {"quantity": "absorbance", "signal_unit": "mOD"}
HALF_SECOND = {"frame_interval": {"value": 500, "unit": "ms"}}


def stamped(number, clock="17:36:%02d"):
    """A file of OceanView whose absorbance [mOD] is 1 + 0.1 n times `spectrum`."""
    rows = "\n".join(
        f"{x:.2f}\t{y:.3f}" for x, y in zip(NM, spectrum() * (1 + 0.1 * number), strict=True)
    )
    whole = ocean(newline="\n").replace("17:36:35", clock % number)
    head, _, _ = whole.partition(">>>>>Begin")
    return f"{head}>>>>>Begin Spectral Data<<<<<\n{rows}\n>>>>>End<<<<<\n"


@pytest.fixture
def folder(tmp_path):
    """Five files whose natural order is not that of the alphabet; the times are 8 to 12 s."""
    path = tmp_path / "spectra"
    path.mkdir()
    for n in range(8, 13):
        (path / f"film {n}.txt").write_text(stamped(n))
    return path


def is_series(ds, times, first=8):
    assert schema.validate(ds) is ds
    assert ds.attrs["technique"] == "od"
    np.testing.assert_allclose(ds["time"], times, atol=1e-9)
    np.testing.assert_allclose(ds["wavelength"], NM)
    expected = [spectrum() / 1000 * (1 + 0.1 * (first + i)) for i in range(len(times))]
    np.testing.assert_allclose(ds["absorbance"], expected, atol=1e-6)


def test_times_from_the_headers(folder):
    for path in (folder, folder / "*.txt", str(folder / "film*")):
        ds = read(path, **OD)
        is_series(ds, [0, 1, 2, 3, 4])
        assert ds.attrs["reader"] == "ocean"
        assert ds.attrs["name"] == "spectra"
        assert ds.attrs["start_time"] == "2008-01-14T17:36:08 CET"
        assert ds.attrs["source_files"] == 5
        note = ds.attrs["note"]
        assert "5 files, 'film 8.txt' to 'film 12.txt'" in note
        assert "time stamps in the headers of the files, clock of the computer, CET" in note
        assert "may be wrong by up to 1 s" in note
    assert "optical density" in str(describe(ds))


def test_the_order_is_that_of_time_not_of_names(folder):
    (folder / "a first look.txt").write_text(stamped(13))
    ds = read(folder, **OD)
    is_series(ds, [0, 1, 2, 3, 4, 5])
    assert "'film 8.txt' to 'a first look.txt'" in ds.attrs["note"]


def test_times_from_the_names(folder):
    ds = read(folder, name_time="film {time:min}.txt", **OD)
    is_series(ds, [0, 60, 120, 180, 240])
    assert "times: in the names of the files, 'film {time:min}.txt'" in ds.attrs["note"]


def test_times_from_a_stated_interval(folder):
    offset = {"clock_offset": {"value": -3, "unit": "s"}}
    ds = read(folder, meta=offset, **HALF_SECOND, **OD)
    is_series(ds, [-3, -2.5, -2, -1.5, -1])
    assert "the stated interval, in the order of the names, from 'film 8.txt'" in ds.attrs["note"]


def test_a_missing_file_is_not_passed_over(folder, fails):
    (folder / "film 10.txt").unlink()
    words = ["after 'film 9.txt'", "found 'film 11.txt'", "with the number as {time}"]
    fails(DataError, words, folder, **HALF_SECOND, **OD)
    is_series(read(folder, name_time="film {time}.txt", **OD).isel(time=[0, 1]), [0, 1])


def test_the_sum_is_over_all_files_and_independent_of_how_they_are_named(folder):
    sums = sorted(
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        for file in folder.iterdir()
    )
    expected = hashlib.sha256("".join(sums).encode()).hexdigest()
    whole = read(folder, **OD)
    assert whole.attrs["source_sha256"] == expected
    assert read(folder / "*.txt", **HALF_SECOND, **OD).attrs["source_sha256"] == expected
    (folder / "film 12.txt").write_text(stamped(12) + "\n")
    assert read(folder, **OD).attrs["source_sha256"] != expected


def test_lamp_and_dark_beside_the_files(folder, fails):
    (folder / "lamp.txt").write_text(stamped(0, "17:36:%02d"))
    flat = "\n".join(f"{x:.2f}\t0.000" for x in NM)
    (folder / "dark.txt").write_text(stamped(0).partition("450.00\t")[0] + flat + "\n")
    asked = {"quantity": "intensity", "reference": "lamp.txt", "dark": "dark.txt"}
    ds = read(folder / "*.txt", **asked)
    assert ds.attrs["technique"] == "od"
    np.testing.assert_allclose(
        ds["absorbance"], -np.log10(1 + 0.1 * np.arange(8, 13))[:, None] * np.ones(26), atol=1e-5
    )
    assert ds.attrs["source_files"] == 5
    (folder / "film 9.txt").write_text(stamped(9).replace("450.00\t", "450.00\t-"))
    line = fails(DataError, "no light", folder / "*.txt", **asked)
    assert "file 'film 9.txt', 450 nm" in line


def test_one_file_is_one_spectrum(folder):
    ds = read(folder / "film 8*", **OD)
    assert ds.attrs["technique"] == "spectra"
    assert ds.sizes["time"] == 1


def test_intensities_stay_spectra(folder):
    ds = read(folder, quantity="intensity")
    assert ds.attrs["technique"] == "spectra"
    np.testing.assert_allclose(ds["time"], [0, 1, 2, 3, 4])
    assert ds.attrs["exposure_s"] == pytest.approx(0.02)


def test_files_of_other_formats(tmp_path):
    for i in range(3):
        (tmp_path / f"a{i}.spe").write_bytes(lightfield_spe(1, meta=False))
    ds = read(tmp_path / "*.spe", **HALF_SECOND)
    np.testing.assert_allclose(ds["time"], [0, 0.5, 1])
    assert ds.attrs["reader"] == "princeton_spe"
    for i in range(3):
        clock = f"ticks]{2585261312 + 50_000 * i}"
        (tmp_path / f"b{i}.ttt").write_text(avantes().replace("ticks]2585261312", clock))
    ds = read(tmp_path / "*.ttt", to_absorbance=True)
    np.testing.assert_allclose(ds["time"], [0, 0.5, 1])
    assert "clock of the spectrometer" in ds.attrs["note"]


def test_an_implausible_value_names_its_file(folder, fails):
    (folder / "film 10.txt").write_text(stamped(10).replace("500.00\t", "500.00\t99"))
    assert "file 'film 10.txt', absorbance[2, 5]" in fails(DataError, "implausible", folder, **OD)


def shorter(folder):
    (folder / "film 9.txt").write_text(stamped(9).replace("450.00\t", "449.99\t"))


def empty(folder):
    (folder / "film 9.txt").write_text("")


def foreign(folder):
    (folder / "film 9.txt").write_text(stellarnet())


def many(folder):
    (folder / "film 9.txt").write_text(andor_asc(3, interval=0.5))


def repeated(folder):
    (folder / "film 9.txt").write_text(stamped(10))


def undated(folder):
    (folder / "film 9.txt").write_text(stamped(9).replace("Date:", "Data:"))


def zone(folder):
    (folder / "film 9.txt").write_text(stamped(9).replace("CET", "CEST"))


def exposed(folder):
    (folder / "film 9.txt").write_text(stamped(9).replace("20000", "40000"))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (shorter, ["film 9.txt", "other wavelengths than in 'film 8.txt'", "found 26, 449.99"]),
        (empty, ["film 9.txt", "the file is empty"]),
        (foreign, ["film 9.txt", "no line that begins the spectrum"]),
        (undated, ["film 9.txt", "no time stamp that can be read", "State name_time"]),
        (zone, ["film 9.txt", "another time zone than in 'film 8.txt'", "found CEST"]),
        (repeated, ["film 10.txt", "the same time as 'film 9.txt'", "too coarse"]),
        (exposed, ["film 9.txt", "another exposure than in 'film 8.txt'", "0.04"]),
    ],
)
def test_the_file_that_differs_is_named(folder, spoil, words):
    spoil(folder)
    with pytest.raises(DataError) as caught:
        read(folder)
    line = str(caught.value)
    assert line.startswith(f"{folder}/film ")
    assert all(word in line for word in words), line


def test_an_exposure_does_not_matter_to_an_absorbance(folder):
    exposed(folder)
    ds = read(folder, **OD)
    assert np.isnan(ds.attrs["exposure_s"])


def test_files_of_several_spectra_are_refused(folder, fails):
    many(folder)
    fails(DataError, "no files", folder / "*.csv")
    with pytest.raises(DataError, match=r"film 9.txt: not a file of one spectrum.*3 of them"):
        read(folder / "film 9*", "andor_asc")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({**HALF_SECOND, "name_time": "film {time}.txt"}, "two statements on the times"),
        ({"frame_interval": {"value": 0, "unit": "s"}}, "not positive"),
        ({"name_time": "{nonsense}"}, "not understood"),
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"meta": {"area": 1}}, "unknown key 'area'"),
    ],
)
def test_options_that_are_wrong(folder, fails, options, words):
    fails(StudyError, words, folder, **{**OD, **options})


def test_a_repeated_time_in_the_names(folder):
    (folder / "film 08.txt").write_text(stamped(20))
    with pytest.raises(DataError, match=r"the same time as .* Is name_time complete"):
        read(folder, name_time="film {time}.txt", **OD)


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path):
    path = tmp_path / "film [1].txt"
    path.write_text(stamped(1))
    assert not series.is_series(path)
    assert read(path).attrs["source_file"] == "film [1].txt"


def test_hidden_files_and_folders_are_left_out(folder):
    (folder / ".DS_Store").write_bytes(b"\0\1")
    (folder / "older").mkdir()
    is_series(read(folder, **OD), [0, 1, 2, 3, 4])


def test_limits(folder, fails, monkeypatch):
    monkeypatch.setattr(series, "MOST_FILES", 4)
    fails(DataError, ["too many files", "found 5 files"], folder)
    monkeypatch.setattr(series, "MOST_FILES", 5)
    monkeypatch.setattr(series, "MOST_BYTES", 1000)
    fails(DataError, "too many files, or too large ones", folder)
    monkeypatch.setattr(series, "MOST_BYTES", 1_000_000)
    monkeypatch.setattr(series, "MOST_VALUES", 100)
    fails(DataError, "too many spectra", folder)


def test_synthetic_is_kept(folder):
    assert read(folder, meta={"synthetic": True}, **OD).attrs["synthetic"] == 1
    assert read(folder, **OD).attrs["synthetic"] == 0


def fuzz(folder, rounds):
    rng = np.random.default_rng(5)
    names = ["film 8.txt", "film 10.txt", "film 12.txt"]
    good, longest, messages = 0, 0.0, []
    for _ in range(rounds):
        path = folder / names[rng.integers(3)]
        number = int(path.stem.removeprefix("film "))
        path.write_bytes(mutate(stamped(number).encode(), rng))
        begin = time.process_time()
        try:
            ds = read(folder, **OD)
        except PerovecError as error:
            messages.append((isinstance(error, DataError), str(error)))
        else:
            good += 1
            assert str(describe(ds))
        longest = max(longest, time.process_time() - begin)
        path.write_text(stamped(number))
    assert not any("\n" in line for _, line in messages)
    assert all(line.startswith(str(folder)) for of_data, line in messages if of_data)
    assert 0 < good < rounds
    assert longest < 2.0


def test_only_our_own_errors_escape(folder):
    fuzz(folder, 60)


@pytest.mark.slow
def test_only_our_own_errors_escape_10_000_times(folder):
    fuzz(folder, 10_000)


@pytest.mark.parametrize("pattern", ["**", "film**.txt", "film [!x]*"])
def test_a_pattern_never_goes_into_subfolders(folder, pattern):
    (folder / "film older").mkdir()
    (folder / "film older" / "film 1.txt").write_text(stamped(1))
    is_series(read(folder / pattern, **OD), [0, 1, 2, 3, 4])


@pytest.mark.parametrize("path", ["none/*.txt", "none", "\0*", "*" * 300])
def test_paths_that_do_not_exist(tmp_path, path):
    with contextlib.chdir(tmp_path), pytest.raises(DataError):
        read(path)
