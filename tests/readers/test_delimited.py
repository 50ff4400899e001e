from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reader_samples import triangle

from perovec_bayes import schema
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers import Source, read
from perovec_bayes.readers.delimited import READER

CV = {
    "time": {"name": "t", "unit": "s"},
    "potential": {"name": "E", "unit": "mV"},
    "current": {"name": "I", "unit": "uA"},
    "cycle": {"name": "cycle"},
}
META = {"current_sign": "anodic_positive", "reference": "Ag/AgCl"}
GOOD = "t,E,I,cycle\n0,0,1,1\n1,100,2,1\n2,200,3,1\n3,100,-2,1\n4,0,-3,2\n"


def only(*names):
    return {name: CV[name] for name in names}


@pytest.fixture
def csv(tmp_path):
    def write(content=GOOD, name="a.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_cv_in_canonical_units(csv):
    path = csv()
    ds = read(path, "delimited", columns=CV, meta=META)
    assert schema.validate(ds) is ds
    assert ds["potential"].values == pytest.approx([0, 0.1, 0.2, 0.1, 0])
    assert ds["current"].values == pytest.approx([1e-6, 2e-6, 3e-6, -2e-6, -3e-6])
    assert ds["cycle"].values.tolist() == [1, 1, 1, 1, 2]
    assert ds.attrs["scan_rate_V_s"] == pytest.approx(0.1)
    assert ds.attrs["source_file"] == "a.csv"
    assert ds.attrs["name"] == "a"
    assert len(ds.attrs["source_sha256"]) == 64
    assert np.isnan(ds.attrs["area_cm2"])
    assert (ds.attrs["temperature_K"], ds.attrs["temperature_assumed"]) == (298.15, 1)


def test_meta_becomes_attributes_and_current_density(csv):
    meta = {
        "name": "run 3",
        "current_sign": "cathodic_positive",
        "reference": "Ag wire",
        "reference_offset": {"value": 380, "unit": "mV", "sd": 10},
        "area": {"value": 7.07, "unit": "mm^2", "sd": 0.2},
        "temperature": {"value": 22, "unit": "degC"},
        "solvent": "DCM",
        "electrolyte": "0.1 M TBAPF6",
        "synthetic": True,
    }
    ds = read(csv(), columns=CV, meta=meta)
    assert ds["current_density"].values[0] == pytest.approx(-1e-6 / 0.0707)
    expected = {
        "name": "run 3",
        "reference": "Ag wire",
        "reference_offset_V": 0.38,
        "reference_offset_sd_V": 0.01,
        "area_cm2": 0.0707,
        "area_sd_cm2": 0.002,
        "temperature_K": 295.15,
        "temperature_assumed": 0,
        "solvent": "DCM",
        "electrolyte": "0.1 M TBAPF6",
        "source_current_sign": "cathodic_positive",
        "synthetic": 1,
    }
    for key, value in expected.items():
        assert ds.attrs[key] == (pytest.approx(value) if isinstance(value, float) else value), key


def test_current_density_in_the_file(csv):
    columns = only("time", "potential") | {"current": {"name": "I", "unit": "mA/cm^2"}}
    ds = read(csv(), columns=columns, meta=META)
    assert ds["current_density"].values[0] == pytest.approx(1e-3)
    assert "current" not in ds


def test_ferrocene_reference_has_offset_zero(csv):
    ds = read(csv(), columns=CV, meta=META | {"reference": "Fc+/Fc"})
    assert ds.attrs["reference"] == "Fc/Fc+"
    assert ds.attrs["reference_offset_V"] == 0.0


def test_no_reference_is_read_but_not_valid_for_a_fit(csv):
    ds = read(csv(), columns=CV, meta={"current_sign": "anodic_positive"})
    assert ds.attrs["reference"] == ""
    with pytest.raises(DataError, match="potential without a reference"):
        schema.validate(ds)


def test_cycles_are_counted_where_no_column_says(csv):
    time, potential = triangle(cycles=3)
    rows = "\n".join(f"{t},{1e3 * e},0.5" for t, e in zip(time, potential, strict=True))
    ds = read(csv("t,E,I\n" + rows), columns=only("time", "potential", "current"), meta=META)
    assert np.bincount(ds["cycle"].values).tolist() == [0, 80, 80, 81]
    assert "cycles counted from the potential" in ds.attrs["note"]


def test_time_from_scan_rate(csv):
    time, potential = triangle()
    rows = "\n".join(f"{1e3 * e},0.5" for e in potential)
    ds = read(
        csv("E,I\n" + rows),
        columns=only("potential", "current"),
        meta=META,
        scan_rate={"value": 100, "unit": "mV/s"},
    )
    assert ds["time"].values == pytest.approx(time)
    assert "time from the path" in ds.attrs["note"]


def test_cycles_from_zero_are_shifted_and_said_so(csv):
    content = GOOD.replace(",1\n", ",0\n").replace(",2\n", ",1\n")
    ds = read(csv(content), columns=CV, meta=META)
    assert ds["cycle"].values.min() == 1
    assert "from 0" in ds.attrs["note"]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b"\xef\xbb\xbf" + GOOD.encode(), {}),
        (GOOD.encode("utf-16"), {}),
        (GOOD.replace("\n", "\r\n").encode(), {}),
        (GOOD.replace("\n", "\r").encode(), {}),
        (GOOD.replace(",", " ; ").encode(), {"delimiter": ";"}),
        (GOOD.replace(",", "   ").encode(), {"delimiter": "space"}),
        (GOOD.replace(",", "\t").encode(), {"delimiter": "tab", "decimal": ","}),
        (b"# made by hand\n" + GOOD.encode() + b"\n# end\n\n", {"comment": "#", "header": 2}),
        (GOOD.replace("\n0,", "\ns,mV,uA,\n0,").encode(), {"skip_rows": 1}),
        (GOOD.replace("\n", ",\n").encode(), {}),
        (GOOD.replace("cycle", "cycle,µ", 1).encode("cp1252"), {"encoding": "cp1252"}),
    ],
    ids=["bom", "utf16", "crlf", "cr", "semicolon", "blanks", "tab", "comments", "units line",
         "trailing delimiter", "cp1252"],
)  # fmt: skip
def test_layouts(csv, content, options):
    ds = read(csv(content), columns=CV, meta=META, **options)
    assert ds["potential"].values == pytest.approx([0, 0.1, 0.2, 0.1, 0])


def test_headerless_by_index(csv):
    columns = {
        "time": {"index": 1, "unit": "s"},
        "potential": {"index": 2, "unit": "mV"},
        "current": {"index": 3, "unit": "uA"},
    }
    ds = read(csv(GOOD.split("\n", 1)[1]), columns=columns, meta=META, header=0)
    assert ds["potential"].values == pytest.approx([0, 0.1, 0.2, 0.1, 0])


def workbook(path, sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


ROWS = [
    ["t", "E", "I", "cycle"],
    [0.0, 0, 1, 1],
    [1.0, 100, 2, 1],
    [2.0, 200, 3, 1],
    [3.0, 100, -2, 1],
    [4.0, 0, -3, 2],
]


@pytest.mark.parametrize("sheet", ["fast", 2])
def test_xlsx_sheet_by_name_or_number(tmp_path, sheet):
    path = workbook(tmp_path / "a.xlsx", {"slow": [["x"]], "fast": ROWS})
    ds = read(path, columns=CV, meta=META, sheet=sheet)
    assert ds["potential"].values == pytest.approx([0, 0.1, 0.2, 0.1, 0])


def test_xlsx_errors_name_sheet_and_row(tmp_path, fails):
    broken = [*ROWS[:3], [2.0, "over", 3, 1], *ROWS[4:]]
    path = workbook(tmp_path / "a.xlsx", {"one": ROWS, "two": broken})
    args = {"columns": CV, "meta": META}
    fails(DataError, "sheet 'two', row 4, column 'E'", path, sheet="two", **args)
    fails(DataError, ["no sheet 'tow'", "Did you mean 'two'?"], path, sheet="tow", **args)
    fails(DataError, "no sheet 3", path, sheet=3, **args)
    fails(StudyError, ["2 sheets", "State sheet"], path, **args)
    fails(DataError, "no data rows", workbook(tmp_path / "b.xlsx", {"s": ROWS[:1]}), **args)
    (tmp_path / "c.xlsx").write_bytes(b"PK\x03\x04 not really")
    fails(DataError, "not a readable .xlsx", tmp_path / "c.xlsx", **args)
    (tmp_path / "d.xls").write_bytes(b"\xd0\xcf\x11\xe0 old")
    fails(DataError, "Save it as .xlsx", tmp_path / "d.xls", **args)


BAD_FILE = {
    "text in a number column": (GOOD.replace("100,2", "over,2"), {}, "line 3, column 'E'"),
    "the text is shown": (GOOD.replace("100,2", "over,2"), {}, "'over'"),
    "NaN": (GOOD.replace("100,2", "NaN,2"), {}, "line 3, column 'E'"),
    "inf": (GOOD.replace("100,2", "inf,2"), {}, "line 3, column 'E'"),
    "true": (GOOD.replace(",1\n", ",True\n").replace(",2\n", ",True\n"), {}, "column 'cycle'"),
    "empty cell": (GOOD.replace("100,2", ",2"), {}, "line 3, column 'E': an empty cell"),
    "blank lines keep the count": (GOOD.replace("\n1,100", "\n\n\n1,x"), {}, "line 5, column 'E'"),
    "decimal comma": ("t;E;I;cycle\n0,5;1;1;1\n1;2;2;1\n", {"delimiter": ";"}, "decimal mark"),
    "decimal comma in commas": ("t,E,I,cycle\n0,5,1,2,1\n1,2,3,1\n", {}, "line 2: more cells"),
    "point under decimal comma": (
        GOOD.replace(",", ";").replace("100", "1.5"),
        {"delimiter": ";", "decimal": ","},
        "line 3, column 'E'",
    ),
    "cut short": (GOOD[:-6], {}, "was the file cut short?"),
    "missing column": (GOOD.replace("E,", "Ewe,", 1), {}, "no column 'E'; found 't', 'Ewe'"),
    "nearest name": (GOOD.replace("cycle", "cycles"), {}, "Did you mean 'cycles'?"),
    "wrong delimiter": (GOOD.replace(",", ";"), {}, "Is the delimiter right?"),
    "named twice": (GOOD.replace("I,", "E,", 1), {}, "2 columns are named 'E'"),
    "repeated time": (GOOD.replace("\n2,", "\n1,"), {}, "line 4, time[2]: time stamp repeated"),
    "repeated time names the first": (GOOD.replace("\n2,", "\n1,"), {}, "(line 3, time[1])"),
    "time back": (GOOD.replace("\n3,", "\n0.5,"), {}, "line 5, time[3]: time goes back"),
    "one row": (GOOD[:20], {}, "line 2: fewer than two points"),
    "only a header": ("t,E,I,cycle\n", {}, "no data rows below the header"),
    "empty": ("", {}, "the file is empty"),
    "blank": ("  \n \n", {}, "the file is empty"),
    "binary": (b"t,E\0,I\n1,2,3\n", {}, "not a text in this encoding"),
    "not utf-8": (GOOD.replace("t,", "µ,", 1).encode("cp1252"), {}, "encoding = 'latin-1'"),
    "header beyond the end": (GOOD, {"header": 99}, "line 99: no such header line"),
    "open quote": (GOOD.replace("\n1,", '\n"1,'), {}, ": "),
    "cycle 1.5": (GOOD.replace("200,3,1", "200,3,1.5"), {}, "line 4: bad cycle number"),
    "cycle back": (GOOD.replace("200,3,1", "200,3,2"), {}, "line 5, cycle[3]"),
    "potential in mV": (GOOD.replace("200", "99000"), {}, "Is it in mV?"),
    "current in A": (GOOD.replace("100,2", "100,2e9"), {}, "Is it in mA or uA"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "options", "words"), BAD_FILE.values(), ids=BAD_FILE)
def test_bad_file(csv, fails, content, options, words):
    fails(DataError, words, csv(content), "delimited", columns=CV, meta=META, **options)


def test_missing_file_and_folder(tmp_path, fails):
    fails(DataError, "no such file", tmp_path / "none.csv", columns=CV, meta=META)
    fails(DataError, "no files", tmp_path, columns=CV, meta=META)


def test_a_folder_of_voltammograms_is_no_series(tmp_path, csv):
    csv()
    with pytest.raises(DataError, match=r"not a file of one spectrum.*found technique 'cv'"):
        read(tmp_path, columns=CV, meta=META)


def test_column_number_beyond_the_table(csv, fails):
    columns = CV | {"current": {"index": 9, "unit": "uA"}}
    fails(DataError, "no column 9; found 4 columns", csv(), columns=columns, meta=META)


def test_constant_potential_gives_no_time(csv, fails):
    rate = {"value": 1, "unit": "V/s"}
    columns = only("potential", "current")
    content = "E,I\n1,1\n1,2\n1,3\n"
    fails(DataError, "never changes", csv(content), columns=columns, meta=META, scan_rate=rate)


def col(key, **entry):
    return {"columns": CV | {key: entry}}


def meta(**entries):
    return {"meta": META | entries}


BAD_STUDY = {
    "unknown format": ({"format": "delimted"}, "Did you mean 'delimited'?"),
    "no columns": ({"columns": {}}, "columns: no mapping of columns"),
    "columns no table": ({"columns": "E"}, "columns: no mapping of columns"),
    "unknown column": (col("voltage", name="E"), "columns: unknown key 'voltage'"),
    "no current": ({"columns": only("time", "potential")}, "columns.current"),
    "unknown key": (col("time", name="t", units="s"), "columns.time: unknown key 'units'"),
    "entry no table": ({"columns": CV | {"time": "t"}}, "columns.time: not a table"),
    "name and index": (col("time", name="t", index=1, unit="s"), "either a name or an index"),
    "neither": (col("time", unit="s"), "either a name or an index"),
    "index 0": (col("time", index=0, unit="s"), "columns.time.index"),
    "name a number": (col("time", name=3, unit="s"), "columns.time.name"),
    "name without header": ({"header": 0}, "a column by name in a table without header"),
    "no unit": (col("time", name="t"), "columns.time.unit: a unit is missing"),
    "unknown unit": (col("time", name="t", unit="sek"), "columns.time.unit: 'sek' is not a unit"),
    "wrong dimension": (col("potential", name="E", unit="mA"), "columns.potential.unit"),
    "current in V": (col("current", name="I", unit="V"), "columns.current.unit"),
    "no time": ({"columns": only("potential", "current")}, "no time column and no scan rate"),
    "rate unit": ({"scan_rate": {"value": 1, "unit": "V"}}, "scan_rate.unit"),
    "rate 0": ({"scan_rate": {"value": 0, "unit": "V/s"}}, "scan_rate.value"),
    "rate wrong": ({"scan_rate": {"value": 1, "unit": "V/s"}}, "not that of the data"),
    "unknown option": ({"delimeter": ";"}, "Did you mean 'delimiter'?"),
    "delimiter": ({"delimiter": "ab"}, "delimiter: bad layout"),
    "decimal": ({"decimal": ";"}, "decimal: bad layout"),
    "same marks": ({"decimal": ","}, "the same"),
    "header": ({"header": -1}, "header: bad layout"),
    "skip_rows": ({"skip_rows": "2"}, "skip_rows: bad layout"),
    "encoding": ({"encoding": "utf-99"}, "encoding: bad layout"),
    "encoding bytes": ({"encoding": "hex"}, "encoding: bad layout"),
    "no sign": ({"meta": {"reference": "SCE"}}, "meta.current_sign"),
    "bad sign": (meta(current_sign="positive"), "meta.current_sign"),
    "unknown meta": (meta(temprature=3), "Did you mean 'temperature'?"),
    "meta no table": ({"meta": [1]}, "meta: not a table"),
    "area bare": (meta(area=0.07), "meta.area: not a table"),
    "area no unit": (meta(area={"value": 1}), "meta.area.unit"),
    "area unit": (meta(area={"value": 1, "unit": "cm"}), "meta.area.unit"),
    "area 0": (meta(area={"value": 0, "unit": "cm^2"}), "meta.area.value"),
    "area text": (meta(area={"value": "1", "unit": "cm^2"}), "meta.area.value"),
    "area sd": (meta(area={"value": 1, "unit": "cm^2", "sd": -1}), "meta.area.sd"),
    "temperature sd": (
        meta(temperature={"value": 300, "unit": "K", "sd": 1}),
        "meta.temperature: unknown key 'sd'",
    ),
    "reference number": (meta(reference=3), "meta.reference: not a text"),
    "offset of Fc": (
        meta(reference="Fc/Fc+", reference_offset={"value": 1, "unit": "V"}),
        "meta.reference_offset",
    ),
    "synthetic": (meta(synthetic="no"), "meta.synthetic"),
}


@pytest.mark.parametrize(("change", "words"), BAD_STUDY.values(), ids=BAD_STUDY)
def test_bad_mapping_is_the_studys_mistake(csv, fails, change, words):
    fails(StudyError, words, csv(), **{"columns": CV, "meta": META} | change)


OD_BANDS = {
    "time": {"name": "t", "unit": "min"},
    "absorbance": {"unit": "mOD"},
    "bands": {
        "blue": {"name": "A1", "low_nm": 480, "high_nm": 520},
        "red": {"name": "A2", "low_nm": 600.0, "high_nm": 650},
    },
}


def test_od_bands(csv):
    path = csv("t,A1,A2\n0,100,200\n1,150,250\n")
    clock = {"clock_offset": {"value": -3, "unit": "s"}}
    ds = read(path, columns=OD_BANDS, meta=clock)
    assert schema.validate(ds) is ds
    assert ds["absorbance"].values == pytest.approx(np.array([[0.1, 0.2], [0.15, 0.25]]))
    assert ds["time"].values == pytest.approx([-3, 57])
    assert ds["band"].values.tolist() == ["blue", "red"]
    assert ds["band_high_nm"].values.tolist() == [520, 650]
    assert ds.attrs["clock_offset_s"] == -3
    assert (ds.attrs["clock_offset_sd_s"], ds.attrs["clock_offset_assumed"]) == (0, 0)


OD_MATRIX = {
    "time": {"name": "t", "unit": "s"},
    "absorbance": {"unit": "1"},
    "wavelengths": {"unit": "nm", "ignore": ["lamp"]},
}


def test_od_matrix_is_sorted_by_wavelength(csv):
    ds = read(csv("t,500 nm,lamp,450\n0,0.1,x,0.2\n1,0.3,y,0.4\n"), columns=OD_MATRIX)
    assert schema.validate(ds) is ds
    assert ds["wavelength"].values.tolist() == [450, 500]
    assert ds["absorbance"].values == pytest.approx(np.array([[0.2, 0.1], [0.4, 0.3]]))
    assert ds.attrs["clock_offset_assumed"] == 1


@pytest.mark.parametrize(
    ("kind", "content", "columns", "words"),
    [
        (DataError, "t,500,lamp\n0,x,1\n1,2,1\n", OD_MATRIX, "line 2, column '500'"),
        (DataError, "t,500,lamp,dark\n0,1,1,1\n", OD_MATRIX, "found 'dark'"),
        (DataError, "t,lamp\n0,1\n", OD_MATRIX, "no column of a wavelength"),
        (DataError, "t,0.5,lamp\n0,1,1\n1,1,1\n", OD_MATRIX, "Is it in um"),
        (DataError, "t,500,lamp\n0,85,1\n1,84,1\n", OD_MATRIX, "line 2, absorbance[0, 0]"),
        (DataError, "t,500,lamp\n0,1,1\n0,1,1\n", OD_MATRIX, "line 3, time[1]"),
        (StudyError, "t\n0\n", OD_MATRIX | {"absorbance": {"unit": "%"}}, "absorbance.unit"),
        (StudyError, "t\n0\n", {"absorbance": {"unit": "1"}}, "incomplete mapping"),
        (StudyError, "t\n0\n", OD_MATRIX | {"bands": {}}, "incomplete mapping"),
        (StudyError, "t\n0\n", OD_MATRIX | {"wavelengths": {"ignore": "a"}}, "ignore"),
        (StudyError, "t\n0\n", OD_BANDS | {"bands": {}}, "columns.bands"),
        (
            StudyError,
            "t,A\n0,1\n",
            OD_BANDS | {"bands": {"b": {"name": "A", "low_nm": 5, "high_nm": 4}}},
            "columns.bands.b: empty band",
        ),
    ],
)
def test_bad_od(csv, fails, kind, content, columns, words):
    fails(kind, words, csv(content), columns=columns)


DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "space": "  "}
SCALES = {"V": 1.0, "mV": 1e3, "uV": 1e6}


@settings(deadline=None)
@given(
    st.lists(st.floats(-5, 5, allow_subnormal=False), min_size=2, max_size=12),
    st.sampled_from(list(DELIMITERS)),
    st.sampled_from([".", ","]),
    st.sampled_from(list(SCALES)),
    st.sampled_from(["\n", "\r\n"]),
    st.permutations(["t", "E", "I"]),
    st.booleans(),
)
def test_however_it_is_written_the_values_are_the_same(
    potential, delimiter, decimal, unit, newline, order, bom
):
    if decimal == "," and delimiter == "comma":
        delimiter = "semicolon"
    table = {"t": np.arange(len(potential)) / 7, "E": np.array(potential) * SCALES[unit]}
    table["I"] = np.array(potential) * 1e-3
    mark = DELIMITERS[delimiter]
    rows = [
        mark.join(repr(float(table[c][i])).replace(".", decimal) for c in order)
        for i in range(len(potential))
    ]
    content = newline.join([mark.join(order), *rows])
    raw = content.encode("utf-8-sig" if bom else "utf-8")
    columns = {
        "time": {"name": "t", "unit": "s"},
        "potential": {"index": order.index("E") + 1, "unit": unit},
        "current": {"name": "I", "unit": "A"},
    }
    options = {"columns": columns, "delimiter": delimiter, "decimal": decimal}
    ds = READER.read(Source(Path("x.csv"), raw), META, options)
    assert ds["potential"].values == pytest.approx(np.array(potential), rel=1e-12, abs=1e-300)
    assert ds["current"].values == pytest.approx(table["I"], rel=1e-14, abs=0)
    assert (ds["cycle"].values >= 1).all()


def test_quoted_delimiters_and_short_rows(csv, fails):
    content = GOOD.replace("cycle", 'cycle,"note, if any",empty').replace(",1\n", ',1,"a, b"\n')
    ds = read(csv(content), columns=CV, meta=META)
    assert ds["potential"].values == pytest.approx([0, 0.1, 0.2, 0.1, 0])
    columns = CV | {"current": {"name": "empty", "unit": "uA"}}
    fails(
        DataError, "line 2, column 'empty': an empty cell", csv(content), columns=columns, meta=META
    )
