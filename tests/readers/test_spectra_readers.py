import io
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instrument_samples import (
    NM,
    agilent_kd,
    andor_asc,
    andor_sif,
    avantes,
    emission_scan,
    jaz,
    jcamp,
    ocean,
    ocean_series,
    princeton_spe,
    spectra_table,
    spectrum,
    stellarnet,
)

from perovec_bayes import schema
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers import describe, read
from perovec_bayes.readers.numbers import decimal_mark, number, read_block


@pytest.fixture
def file(tmp_path):
    def write(content, name="a.dat"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("latin-1"))
        return path

    return write


def is_spectrum(ds, expected=None, atol=1e-2):
    assert schema.validate(ds) is ds
    np.testing.assert_allclose(ds["wavelength"], NM, atol=1e-4)
    np.testing.assert_allclose(
        ds["signal"][0], spectrum() if expected is None else expected, atol=atol
    )


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_ocean(file, decimal, newline):
    ds = read(file(ocean(decimal=decimal, newline=newline)))
    is_spectrum(ds)
    assert ds.attrs["quantity"] == "unknown"
    assert ds.attrs["start_time"] == "2008-01-14T17:36:35 CET"
    assert ds.attrs["exposure_s"] == pytest.approx(0.02)
    assert any("give quantity" in words for words in describe(ds).missing)


def test_ocean_cut_short_says_so(file):
    whole = ocean(end=False)
    ds = read(file(whole[: whole.rindex("\t")]))
    assert ds.sizes["wavelength"] == NM.size - 1
    assert "cut short" in ds.attrs["note"]
    assert "announces 26 pixels and holds 25" in ds.attrs["note"]


def test_ocean_axis_must_be_a_wavelength(file, fails):
    words = ["XAxis mode", "Raman Shifts", "against wavelength"]
    fails(DataError, words, file(ocean(header=["XAxis mode: Raman Shifts"])))


@pytest.mark.parametrize("second_clock", [False, True])
def test_ocean_series(file, second_clock):
    path = file(ocean_series(second_clock=second_clock))
    ds = read(path, quantity="intensity")
    assert schema.validate(ds) is ds
    np.testing.assert_allclose(ds["time"], [0, 0.5, 1, 1.5])
    np.testing.assert_allclose(ds["wavelength"], NM)
    np.testing.assert_allclose(ds["signal"][2], 1.2 * spectrum(), atol=1e-2)
    assert ds.attrs["start_time"] == "2024-05-17T10:29:58 GMT+02:00"
    od = read(path, quantity="absorbance", signal_unit="mOD", meta={"solvent": "DCM"})
    assert od.attrs["technique"] == "od"
    np.testing.assert_allclose(od["absorbance"][0], spectrum() / 1000, atol=1e-5)


def test_jaz_takes_the_sample_or_the_stated_column(file, fails):
    is_spectrum(read(file(jaz())))
    is_spectrum(read(file(jaz()), column="R"), 2000.0)
    fails(StudyError, "D, R, S, P", file(jaz()), column="Q")


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("padded", [False, True])
def test_avantes(file, decimal, padded):
    path = file(avantes(decimal=decimal, padded=padded))
    ds = read(path)
    is_spectrum(ds, (spectrum() - 10) / 1990, atol=1e-5)
    assert (ds.attrs["quantity"], ds.attrs["signal_unit"]) == ("transmittance", "1")
    assert ds.attrs["exposure_s"] == pytest.approx(0.095)
    assert ds.attrs["device_clock_s"] == pytest.approx(25852.61312)
    is_spectrum(read(path, column="Sample"))
    absorbance = read(path, to_absorbance=True)
    is_spectrum(absorbance, -np.log10((spectrum() - 10) / 1990), atol=1e-4)


def test_a_second_column_without_a_unit_needs_one(file, fails):
    content = avantes(ratio="Absorbance", unit="[m]")
    fails(StudyError, "the unit of the absorbance", file(content))


def test_stellarnet(file):
    ds = read(file(stellarnet()))
    is_spectrum(ds, spectrum() / 1000, atol=1e-4)
    assert ds.attrs["quantity"] == "absorbance"
    assert ds.attrs["exposure_s"] == pytest.approx(0.025)
    assert read(file(stellarnet("IRRAD"))).attrs["quantity"] == "unknown"


def test_what_the_file_says_goes_before_the_study(file, fails):
    fails(StudyError, "the file says", file(stellarnet()), quantity="intensity")


def test_emission_scan(file, fails):
    ds = read(file(emission_scan()))
    is_spectrum(ds, atol=1e-5)
    assert ds.attrs["quantity"] == "intensity"
    assert NM[int(np.argmax(ds["signal"].values[0]))] == 520.0
    fails(StudyError, "2 scans", file(emission_scan(2)))
    is_spectrum(read(file(emission_scan(2)), scan=2), 2 * spectrum(), atol=1e-5)


def test_andor_asc(file, fails):
    ds = read(file(andor_asc()))
    is_spectrum(ds)
    assert ds.attrs["start_time"] == "2017-09-08T15:03:52"
    series = read(file(andor_asc(3, interval=0.5)))
    np.testing.assert_allclose(series["time"], [0, 0.5, 1.0])
    np.testing.assert_allclose(series["signal"][1], 2 * spectrum(), rtol=1e-5)
    fails(StudyError, "3 frames without times", file(andor_asc(3)))
    stated = read(file(andor_asc(3)), frame_interval={"value": 250, "unit": "ms"})
    np.testing.assert_allclose(stated["time"], [0, 0.25, 0.5])


@pytest.mark.parametrize("flag", [b"0", b"1"])
def test_andor_sif(file, flag):
    ds = read(file(andor_sif(flag=flag)))
    is_spectrum(ds, atol=1e-3)
    assert ds.attrs["start_time"] == "2017-09-08T13:03:52 UTC"
    assert ds.attrs["exposure_s"] == pytest.approx(0.1)
    series = read(file(andor_sif(3, flag=flag)))
    np.testing.assert_allclose(series["time"], [0, 0.5, 1.0])
    np.testing.assert_allclose(series["signal"][2], 3 * spectrum(), rtol=1e-6)


def test_andor_sif_whose_clocks_disagree_needs_the_interval(file, fails):
    content = andor_sif(3).replace(b"%20d" % 1122186, b"%20d" % 7)
    content = content.replace(b" 0.500000 3e-08", b" 7.500000 3e-08")
    fails(StudyError, "3 frames without times", file(content))


def test_andor_sif_images_are_refused(file, fails):
    fails(DataError, "images, not spectra", file(andor_sif(rows=2)))


@pytest.mark.parametrize("kind", [0, 1, 2, 3, 5])
def test_princeton_spe(file, kind):
    ds = read(file(princeton_spe(kind=kind)))
    is_spectrum(ds, atol=1.0)
    assert ds.attrs["start_time"] == "2024-11-21T11:29:32"
    assert ds.attrs["exposure_s"] == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (princeton_spe(version=4.0), ["version 2 (WinSpec)", "Export the spectra as text"]),
        (princeton_spe(version=3.0), "no XML footer"),
        (princeton_spe(columns=(300, 325, 1)), "a part of the sensor"),
        (princeton_spe(columns=(1, 52, 2)), "binned columns"),
        (princeton_spe(height=2), "images"),
        (princeton_spe(valid=0), "no wavelength calibration"),
        (princeton_spe(unit=6, label=b"Raman shift"), "the axis is no wavelength"),
        (princeton_spe()[:-40], "cut short"),
    ],
)
def test_princeton_spe_that_is_refused(file, fails, content, words):
    fails(DataError, words, file(content), "princeton_spe")


def test_princeton_near_the_edge_of_the_sensor_says_so(file):
    nm = read(file(princeton_spe(columns=(1, 26, 1))))["wavelength"]
    assert "note" not in read(file(princeton_spe(columns=(1, 26, 1)))).attrs
    wide = np.linspace(400.0, 900.0, 1023)
    ds = read(file(princeton_spe(nm=wide, columns=(2, 1024, 1))))
    assert "column 2 of the sensor" in ds.attrs["note"]
    np.testing.assert_allclose(ds["wavelength"], wide)
    np.testing.assert_allclose(nm, NM)


def test_princeton_frames_need_an_interval(file, fails):
    fails(StudyError, "frame_interval", file(princeton_spe(3)))
    ds = read(file(princeton_spe(3)), frame_interval={"value": 2, "unit": "s"})
    np.testing.assert_allclose(ds["time"], [0, 2, 4])


def test_agilent_kinetics_are_absorbance(file, fails):
    ds = read(file(agilent_kd()), meta={"clock_offset": {"value": -1, "unit": "s"}})
    assert schema.validate(ds) is ds
    assert ds.attrs["technique"] == "od"
    assert ds.attrs["start_time"] == "2023-03-31T16:45:14"
    np.testing.assert_allclose(ds["time"], [0.2, 5.2, 10.2])
    np.testing.assert_allclose(ds["wavelength"], NM)
    np.testing.assert_allclose(ds["absorbance"][1], 1.1 * spectrum() / 1000)
    fails(DataError, "several cells", file(agilent_kd(times=[1.2, 1.2, 6.2])))


def test_jcamp_plain(file):
    ds = read(file(jcamp()))
    is_spectrum(ds, np.round(spectrum()) / 1000, atol=1e-9)
    assert ds.attrs["quantity"] == "absorbance"
    assert ds.attrs["start_time"] == "2024/05/17"


@pytest.mark.parametrize(
    ("kind", "quantity"), [("UV/VIS SPECTRUM", "absorbance"), ("PHOTOCURRENT", "unknown")]
)
def test_jcamp_unit_a_is_an_absorbance_in_an_optical_spectrum(file, kind, quantity):
    content = jcamp().replace("ABSORBANCE", "A").replace("UV/VIS SPECTRUM", kind)
    assert read(file(content)).attrs["quantity"] == quantity


def test_jcamp_pairs_with_a_decimal_comma(file):
    data = "\n".join(
        f"{x:.2f}, {y:.3f}".replace(".", ",") for x, y in zip(NM, spectrum(), strict=True)
    )
    ds = read(file(jcamp(data, form="XYPOINTS= (XY..XY)")))
    is_spectrum(ds, spectrum() / 1000, atol=1e-5)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("450+100+101-5+0", [100, 101, -5, 0]),
        ("450A00A01e@", [100, 101, -5, 0]),
        ("450A00Jj06N", [100, 101, -5, 0]),
        ("450A00U", [100, 100, 100]),
        ("450A00JT", [100, 101, 102]),
        ("450A00J\n460A01J", [100, 101, 102]),
    ],
)
def test_jcamp_packed_forms(file, data, expected):
    """Letters by hand from the tables of McDonald and Wilks."""
    nm = 450 + 10 * np.arange(len(expected))
    content = jcamp(data, count=len(expected)).replace("##LASTX= 700.0", f"##LASTX= {nm[-1]}")
    ds = read(file(content))
    np.testing.assert_allclose(ds["signal"][0], np.array(expected) / 1000, atol=1e-12)
    np.testing.assert_allclose(ds["wavelength"], nm)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (jcamp("450A00J\n460A05J", count=3), "check value"),
        (jcamp(count=30), "not as many points"),
        (jcamp(units="SECONDS"), "##XUNITS"),
        (jcamp("450 1 2 ? 4", count=4), "not an ordinate"),
        (jcamp("450A00Z99999999", count=9), "not an ordinate"),
        (jcamp(form="PEAK TABLE=(XY..XY)"), "no data in the file"),
        (jcamp(form="XYDATA=(R++(A..A))"), "a form of data"),
    ],
)
def test_jcamp_that_is_refused(file, fails, content, words):
    fails(DataError, words, file(content), "jcamp")


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize(
    ("delimiter", "decimal"), [(",", "."), (";", ","), ("\t", "."), ("\t", ",")]
)
def test_a_table_in_either_orientation(file, across, delimiter, decimal):
    content = spectra_table(across=across, delimiter=delimiter, decimal=decimal)
    ds = read(file(content), quantity="absorbance", signal_unit="OD")
    assert schema.validate(ds) is ds
    assert ds.attrs["technique"] == "od"
    np.testing.assert_allclose(ds["time"], [0, 0.5, 1, 1.5])
    np.testing.assert_allclose(ds["absorbance"][3], 1.3 * spectrum() / 1000, atol=1e-5)


def test_a_table_of_times_needs_their_unit(file, fails):
    content = spectra_table().replace(" s", "")
    fails(StudyError, "the unit of the times", file(content))
    ds = read(file(content), time_unit="min")
    np.testing.assert_allclose(ds["time"], [0, 30, 60, 90])


def test_two_columns_by_name(file):
    rows = "\n".join(f"{x},{y}" for x, y in zip(NM, spectrum() / 1000, strict=True))
    ds = read(file(f"Wavelength (nm),Absorbance\n{rows}\n"))
    is_spectrum(ds, spectrum() / 1000)
    assert ds.attrs["quantity"] == "absorbance"
    bare = read(file(rows + "\n"), "spectra_table")
    assert bare.attrs["quantity"] == "unknown"


@pytest.mark.parametrize(
    ("first", "across"), [("Time-WL", True), ("WL-Time", False), ("wavelength_nm", False)]
)
def test_the_first_word_of_the_corner_says_what_stands_below_it(file, first, across):
    content = spectra_table(across=across, first=first).replace(" s", "").replace(" nm", "")
    ds = read(file(content), time_unit="s", quantity="absorbance", signal_unit="1")
    np.testing.assert_allclose(ds["wavelength"], NM)
    np.testing.assert_allclose(ds["time"], [0, 0.5, 1, 1.5])


@pytest.mark.parametrize(
    ("top", "quantity"),
    [
        ("Created as New Dataset,\nnm,A", "absorbance"),
        ("Created as New Dataset,\nnm,%R", "reflectance"),
        ("nm,A", "unknown"),
        ("photocurrent\nnm,A", "unknown"),
    ],
)
def test_the_unit_a_is_an_absorbance_in_a_file_of_uv_winlab_only(file, top, quantity):
    rows = "\n".join(f"{x},{y}" for x, y in zip(NM[::-1], spectrum()[::-1], strict=True))
    assert read(file(f"{top}\n{rows}\n")).attrs["quantity"] == quantity


def test_wavelengths_without_a_value_are_left_out(file):
    pairs = zip(NM, spectrum() / 1000, strict=True)
    rows = "\n".join(f"{x:.5f},{y:.6f}\n{x + 0.5:.5f}, " for x, y in pairs)
    ds = read(file(f'"film - RawData"\n"Wavelength nm.","Abs."\n{rows}\n'))
    is_spectrum(ds, spectrum() / 1000)
    assert ds.attrs["quantity"] == "absorbance"
    assert "26 wavelengths without a value left out" in ds.attrs["note"]


def test_wavelengths_may_fall_or_be_energies(file):
    rows = "\n".join(f"{x},{y}" for x, y in zip(NM[::-1], spectrum()[::-1], strict=True))
    is_spectrum(read(file(f"wavelength nm,counts\n{rows}\n")))
    rows = "\n".join(f"{1239.841984 / x:.9f},{y}" for x, y in zip(NM, spectrum(), strict=True))
    is_spectrum(read(file(f"wavelength,counts\n{rows}\n"), wavelength_unit="eV"))


def lamp_and_dark(file, dark=10.0, exposure=20000):
    def write(name, signal):
        rows = "\n".join(f"{x:.2f}\t{y:.6f}" for x, y in zip(NM, signal, strict=True))
        top = f"Integration Time (usec): {exposure} (A)\n>>>>>Begin Data<<<<<\n"
        return file(top + rows + "\n", name)

    write("dark.txt", np.full(NM.size, dark))
    write("lamp.txt", spectrum() / 0.5 + dark)
    return write("film.txt", spectrum() + dark)


def test_transmitted_intensities_become_absorbance(file):
    path = lamp_and_dark(file)
    options = {"quantity": "intensity", "reference": "lamp.txt"}
    is_spectrum(read(path, **options, dark="dark.txt"), np.log10(2), atol=1e-6)
    wrong = read(path, **options, dark="subtracted")
    assert abs(float(wrong["signal"][0, 0]) - np.log10(2)) > 1e-3  # the dark was not subtracted
    part = read(path, **options, dark="dark.txt", wavelength_range=[500, 600])
    assert part.sizes["wavelength"] == 11


def test_transmitted_intensities_need_lamp_and_dark(file, fails):
    path = lamp_and_dark(file)
    options = {"quantity": "intensity", "reference": "lamp.txt"}
    fails(StudyError, "needs a dark spectrum", path, **options)
    fails(StudyError, "for intensities", path, reference="lamp.txt", dark="dark.txt")
    with pytest.raises(DataError, match="no brighter than the dark"):
        read(path, **options, dark="lamp.txt")


def test_a_pixel_without_light_is_named(file):
    path = lamp_and_dark(file)
    file(path.read_text().replace("\t", "\t-", 1), "film.txt")
    with pytest.raises(DataError, match="frame 1, 450 nm: no light"):
        read(path, quantity="intensity", reference="lamp.txt", dark="dark.txt")


def test_lamp_with_another_integration_time_is_refused(file, fails):
    path = lamp_and_dark(file)
    text = (path.parent / "lamp.txt").read_text().replace("20000", "30000")
    file(text, "lamp.txt")
    options = {"quantity": "intensity", "reference": "lamp.txt", "dark": "dark.txt"}
    with pytest.raises(DataError, match="another integration time"):
        read(path, **options)


def test_summary_names_a_saturated_detector(file):
    nm = np.linspace(500, 540, 41)
    rows = "\n".join(f"{x},{y}" for x, y in zip(nm, np.minimum(spectrum(nm), 700.0), strict=True))
    (words,) = describe(read(file(f"wavelength nm,counts\n{rows}\n"))).suspect
    assert "saturated" in words


BINARIES = {
    "a store-to-RAM file of AvaSoft": b"STR84\x01" + b"\0" * 60,
    ".xlsx": b"\xd0\xcf\x11\xe0" + b"\0" * 60,
    "SpectraSuite": b"PK\x03\x04" + b"\0" * 26 + b"ps_0.xml",
}


@pytest.mark.parametrize("word", BINARIES)
def test_binary_files_that_are_known_say_how_to_export(file, fails, word):
    fails(DataError, ["not read here", word], file(BINARIES[word]))


def test_a_comma_that_may_be_either_mark_is_not_guessed(file, fails):
    rows = "\n".join(f"{450 + i},{i:03d}\t1,{i:03d}" for i in range(9))
    path = file(f">>>>>Begin Data<<<<<\n{rows}\n")
    fails(DataError, "thousands mark", path)
    assert float(read(path, decimal=",")["wavelength"][1]) == pytest.approx(451.001)


@pytest.mark.parametrize(
    ("cell", "decimal", "value"),
    [
        ("1,234.5", ".", 1234.5),
        ("1.234,5", ",", 1234.5),
        ("12,34", ",", 12.34),
        ("12,34", ".", np.nan),
        ("1e3", ".", 1000.0),
        ("1,234,567", ".", 1234567.0),
        ("1,234", ".", np.nan),
        ("1.234", ",", np.nan),
        ("1_0", ".", np.nan),
        ("12.34", ",", np.nan),
    ],
)
def test_numbers(cell, decimal, value):
    np.testing.assert_equal(number(cell, decimal), value)


finite = st.floats(-1e12, 1e12, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(finite, finite, finite), min_size=2, max_size=20),
    decimal=st.sampled_from(".,"),
    delimiter=st.sampled_from(["\t", ";", ""]),
    blanks=st.integers(0, 3),
    end=st.sampled_from(["", "\n", "\n\n \n"]),
)
def test_a_block_gives_back_what_was_written(rows, decimal, delimiter, blanks, end):
    cells = [[f"{value!r}".replace(".", decimal) for value in row] for row in rows]
    body = "\n".join((delimiter or "  ").join(row) for row in cells)
    text = "top\n" + "\n" * blanks + body + end
    block = read_block("a", text, 4, delimiter=delimiter, decimal=decimal)
    np.testing.assert_array_equal(block.values, np.array(rows))
    assert block.where(0) == f"line {2 + blanks}"


def test_a_bad_cell_is_named_with_its_line():
    with pytest.raises(DataError, match="a: line 4: not a row of numbers"):
        read_block("a", "top\n1 2\n3 4\nx 6\n7 8\n", 4)
    with pytest.raises(DataError, match="a: line 3: a row of another length"):
        read_block("a", "top\n1 2\n3\n7 8\n", 4)


def test_repeated_headers_and_blank_rows_are_passed_over():
    block = read_block("a", "x y\n1 2\n\nx y\n3 4\n", 4, headers=["x y"])
    np.testing.assert_array_equal(block.values, [[1, 2], [3, 4]])
    assert block.notes == ("1 repeated header lines passed over",)


def test_the_decimal_mark_is_told_by_the_cells():
    assert decimal_mark("a", "1,5\t2,25", "\t") == ","
    assert decimal_mark("a", "1.5\t2.25", "\t") == "."
    assert decimal_mark("a", "1,234.5\t2.0", "\t") == "."
    assert decimal_mark("a", "1,5", ",") == "."
    assert decimal_mark("a", "1.234,5\t2", "\t") == ","
    assert decimal_mark("a", "0.5\t1,234", "\t") == "."
    assert number("1,234", ".", sure=True) == 1234
    with pytest.raises(DataError, match="thousands mark"):
        decimal_mark("a", "<1,234\t2", "\t")


@pytest.mark.slow
@pytest.mark.parametrize("series", [False, True])
def test_a_million_numbers_take_seconds_and_little_memory(file, series):
    """Under 5 s and 10 times the file, on a machine of 2020."""
    count = 1_000_000
    if series:
        nm = np.linspace(300, 900, 1000)
        table = np.column_stack([np.arange(1000) * 0.1, np.tile(np.sin(nm), (1000, 1))])
        top = "Time (s)," + ",".join(f"{x:.3f}" for x in nm)
        text = io.StringIO()
        np.savetxt(text, table, fmt="%.5f", delimiter=",", header=top, comments="")
        content, options = text.getvalue(), {"quantity": "absorbance", "signal_unit": "1"}
    else:
        nm = np.linspace(300, 900, count)
        text = io.StringIO()
        np.savetxt(text, np.column_stack([nm, np.sin(nm)]), fmt="%.6f", delimiter="\t")
        content, options = ">>>>>Begin Data<<<<<\n" + text.getvalue(), {}
    path = file(content)
    size = path.stat().st_size
    del text, content
    tracemalloc.start()
    begin = time.process_time()
    ds = read(path, **options)
    took, (_, most) = time.process_time() - begin, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert ds.sizes["time"] * ds.sizes["wavelength"] == count
    assert took < 5
    assert most < 10 * size


NM_DOWN = "\n".join(f"{x:.1f};{0.1 + x / 1e4:.4f}".replace(".", ",") for x in NM)
WAVELENGTHS = ",".join(f"{x:.1f}" for x in NM)
TIMED = "\n".join(f"{t}," + ",".join(f"{0.1 * (t + 1):.2f}" for _ in NM) for t in (0, 1))
ABSORBANCE = {"quantity": "absorbance", "signal_unit": "1"}


@pytest.mark.parametrize(
    ("names", "encoding"),
    [
        ("Wavelength;Absorbance\nnm;1", "utf-8"),
        ("Wellenlänge;Extinktion\n[nm];[1]", "utf-8"),
        ("Wellenlänge (nm);Absorbanz", "cp1252"),
        ("Wellenlänge (nm);Absorbanz", "utf-8"),
        ("Longueur d'onde (nm);Absorbance", "utf-8"),
    ],
)
def test_names_in_other_languages_and_units_below(tmp_path, names, encoding):
    path = tmp_path / "run.dat"
    path.write_text(f"{names}\n{NM_DOWN}\n", encoding=encoding)
    ds = read(path)
    assert ds.attrs["quantity"] == "absorbance"
    assert ds["wavelength"].values == pytest.approx(NM, abs=0.1)
    assert ds["signal"].values[0] == pytest.approx(0.1 + NM / 1e4, abs=1e-4)


def test_units_below_wavelengths_across(tmp_path):
    path = tmp_path / "run.dat"
    path.write_text(f"Zeit,{WAVELENGTHS}\ns{',nm' * NM.size}\n{TIMED}\n")
    ds = read(path, **ABSORBANCE)
    assert ds["time"].values == pytest.approx([0, 1])
    assert ds["wavelength"].values == pytest.approx(NM, abs=0.1)


@pytest.mark.parametrize("label", ["{}", "{} s", "film {}"])
def test_wavelengths_across_below_the_name_of_a_column_of_them(tmp_path, fails, label):
    rows = "\n".join(
        ",".join([label.format(k), *row.split(",")[1:]]) for k, row in enumerate(TIMED.split("\n"))
    )
    path = tmp_path / "run.dat"
    path.write_text(f"Wavelength (nm),{WAVELENGTHS}\n{rows}\n")
    fails(DataError, ["wavelengths across", "line 1", "Name the first column"], path, **ABSORBANCE)


def test_times_that_could_be_wavelengths_stay_times(tmp_path):
    times = ",".join(str(100 * k) for k in range(1, 9))
    rows = "\n".join(f"{x:.1f}," + ",".join(["0.2"] * 8) for x in NM)
    path = tmp_path / "run.dat"
    path.write_text(f"Wavelength (nm),{times}\n{rows}\n")
    ds = read(path, time_unit="s", **ABSORBANCE)
    assert ds["time"].values == pytest.approx(100 * np.arange(1, 9))


def test_a_table_that_is_cut_off_below_its_names_is_not_known(tmp_path, fails):
    path = tmp_path / "run.dat"
    path.write_text("Wavelength (nm)\tAbsorbance\n\n")
    fails(DataError, "not a format known", path)
