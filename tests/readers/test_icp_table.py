from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perovec_bayes import schema
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers import Source, describe, read
from perovec_bayes.readers.icp_table import READER

HEADER = "sample,element,solute,solvent,replicate,value,unit,sd,dilution,lod,comment"
PB = 207.2
ROW = "A,Pb,CsPbBr3,DCM,1,50,ug/L,2,1,5,"


@pytest.fixture
def file(tmp_path):
    def write(*rows, header=HEADER):
        path = tmp_path / "icp.txt"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    return write


def one(ds, name):
    assert ds.sizes["measurement"] == 1
    return ds[name].values[0]


def test_mass_concentration(file):
    ds = read(file(ROW))
    assert schema.validate(ds) is ds
    assert one(ds, "value") == pytest.approx(2.413e-10, rel=1e-3)  # 50 ug/L Pb is 0.2413 uM
    assert one(ds, "value") == pytest.approx(50e-9 / PB)
    assert one(ds, "sd") == pytest.approx(2e-9 / PB)
    assert one(ds, "lod") == pytest.approx(5e-9 / PB)
    assert one(ds, "dilution") == 1.0
    assert one(ds, "censoring") == "none"


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("2", "mM", 2e-6),
        ("2", "uM", 2e-9),
        ("2", "µM", 2e-9),
        ("2", "mol/L", 2e-3),
        ("2", "mmol/l", 2e-6),
        ("2.072", "mg/L", 1e-8),
        ("2e-1", "nmol/mL", 2e-10),
    ],
)
def test_units(file, value, unit, expected):
    ds = read(file(f"A,Pb,CsPbBr3,DCM,1,{value},{unit},,,,"))
    assert one(ds, "value") == pytest.approx(expected)
    assert np.isnan(one(ds, "dilution"))
    assert np.isnan(one(ds, "sd"))


@pytest.mark.parametrize("word", ["ND", "nd", "n.d.", "BDL", "<LOD", "< LOD"])
def test_not_detected_is_censored_at_its_lod(file, word):
    ds = read(file(f"A,Pb,CsPbBr3,DCM,1,{word},ug/L,,1,5,"))
    assert one(ds, "censoring") == "left"
    assert np.isnan(one(ds, "value"))
    assert one(ds, "lod") == pytest.approx(5e-9 / PB)


@pytest.mark.parametrize("bound", ["<50", "< 50", "<=50"])
def test_a_stated_bound_is_the_limit(file, bound):
    ds = read(file(f"A,Pb,CsPbBr3,DCM,1,{bound},ug/L,,1,5,"))
    assert one(ds, "censoring") == "left"
    assert one(ds, "lod") == pytest.approx(50e-9 / PB)
    assert "censored at 50, its lod is 5" in ds.attrs["note"]


@pytest.mark.parametrize("word", ["", "--", "-", "NA"])
def test_missing_rows_are_dropped_and_noted(file, word):
    ds = read(file(ROW, f"B,Pb,CsPbBr3,DCM,1,{word},ug/L,,1,5,"))
    assert ds.sizes["measurement"] == 1
    assert "no value, dropped: line 3" in ds.attrs["note"]


def test_comments_and_layouts(tmp_path, file):
    commented = file("# between", ROW, header="# by hand\n\n" + HEADER)
    semicolons = tmp_path / "b.csv"
    semicolons.write_text(
        HEADER.replace(",", ";") + "\nA;Pb;CsPbBr3;DCM;1;50,5;ug/L;;;;\n", encoding="utf-8-sig"
    )
    ds = read(semicolons, decimal=",", delimiter="semicolon")
    assert one(ds, "value") == pytest.approx(50.5e-9 / PB)
    assert one(read(commented), "value") == pytest.approx(50e-9 / PB)
    book = openpyxl.Workbook()
    book.active.append(HEADER.split(","))
    book.active.append(["A", "Pb", "CsPbBr3", "DCM", 1, 50, "ug/L", None, None, 5])
    book.save(tmp_path / "c.xlsx")
    ds = read(tmp_path / "c.xlsx")
    assert (ds.attrs["reader"], one(ds, "replicate")) == ("icp_table", 1)
    assert one(ds, "value") == pytest.approx(50e-9 / PB)


def test_optional_columns_may_be_absent(file):
    ds = read(file("A,Pb,CsPbBr3,DCM,1,2,mM", header=HEADER.partition(",sd")[0]))
    assert np.isnan([one(ds, name) for name in ("sd", "lod", "dilution")]).all()


def test_summary(file):
    summary = describe(
        read(file(ROW, "B,Pb,CsPbBr3,PC,1,3,ug/L,,,5,", "C,Cs,CsPbBr3,PC,1,<4,ug/L,,,,"))
    )
    assert "3, 1 of them censored" in str(summary)
    assert any("dilution" in words and "(2 of 3" in words for words in summary.missing)
    assert summary.suspect == ("1 values below their own lod, kept as numbers",)


def test_above_a_limit_is_censored_from_the_right(file):
    ds = read(file(row(value=">500", sd="", lod="")))
    assert schema.validate(ds) is ds
    assert one(ds, "censoring") == "right"
    assert np.isnan(one(ds, "value"))
    assert one(ds, "upper") == pytest.approx(500e-9 / PB)
    assert any("above the range" in words for words in describe(ds).suspect)
    assert "upper" not in read(file(ROW))


@pytest.mark.parametrize("word", ["uncal", "####", "--", "N/A", ""])
def test_not_measured_is_missing_never_zero(file, word):
    ds = read(file(ROW, row(sample="B", value=word)))
    assert one(ds, "sample") == "A"
    assert "no value, dropped: line 3" in ds.attrs["note"]


@pytest.mark.parametrize(
    ("value", "qualifier", "kind"),
    [
        ("5", "=", "none"),
        ("5", "J", "none"),
        ("5", "ND", "left"),
        ("5", "U", "left"),
        ("5 U", "", "left"),
        ("5", "<", "left"),
        ("5", ">", "right"),
    ],
)
def test_qualifiers(file, value, qualifier, kind):
    header = HEADER.replace("comment", "qualifier")
    ds = read(file(row(value=value, comment=qualifier), header=header))
    assert one(ds, "censoring") == kind
    name = {"none": "value", "left": "lod", "right": "upper"}[kind]
    assert one(ds, name) == pytest.approx(5e-9 / PB)


def test_an_unknown_qualifier_is_refused(file, fails):
    header = HEADER.replace("comment", "qualifier")
    fails(DataError, "unknown qualifier", file(row(comment="Z"), header=header))


def row(**changes):
    cells = dict(zip(HEADER.split(","), ROW.split(","), strict=True)) | changes
    return ",".join(cells.values())


BAD = {
    "zero": (row(value="0"), "line 2, column 'value': not positive"),
    "negative": (row(value="-3"), "line 2, column 'value': not positive"),
    "text": (row(value="much"), "line 2, column 'value': not a number"),
    "nan bound": (row(value="<x"), "line 2, column 'value': not a number"),
    "zero bound": (row(value="<0"), "line 2, column 'value': not positive"),
    "above range": (row(value="100 o"), "line 2, column 'value': above the range"),
    "nd without lod": (row(value="ND", lod=""), "line 2, column 'lod': not detected, but no limit"),
    "ppb": (row(unit="ppb"), "line 2, column 'unit': by mass or by volume?"),
    "ppm": (row(unit="ppm"), "ug/L"),
    "unit empty": (row(unit=""), "line 2, column 'unit'"),
    "unit unknown": (row(unit="drops"), "line 2, column 'unit': not a unit of concentration"),
    "unit of something else": (row(unit="V"), "line 2, column 'unit'"),
    "element": (row(element="pb"), "Did you mean 'Pb'?"),
    "element with line": (row(element="Pb 220.353"), "line 2, column 'element': unknown element"),
    "no sample": (row(sample=""), "line 2, column 'sample': empty"),
    "no solvent": (row(solvent=""), "line 2, column 'solvent': empty"),
    "replicate": (row(replicate="1.5"), "line 2, column 'replicate': bad replicate"),
    "replicate empty": (row(replicate=""), "line 2, column 'replicate'"),
    "sd 0": (row(sd="0"), "line 2, column 'sd'"),
    "sd text": (row(sd="5%"), "line 2, column 'sd'"),
    "dilution": (row(dilution="-1"), "line 2, column 'dilution'"),
    "lod": (row(lod="0"), "line 2, column 'lod'"),
    "unit slip": (row(value="900", unit="mol/L"), "line 2, value[0]: implausible"),
    "twice": (ROW + "\n" + ROW, "line 3, column 'replicate': the same measurement twice"),
    "first named": (ROW + "\n\n" + ROW, "First at line 2"),
    "nothing": (row(value="--"), "no row has a value"),
    "no rows": ("# only this", "no data rows"),
    "too many cells": (ROW + ",,x", "line 2: more cells than column names"),
}


@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD)
def test_bad_row(file, fails, content, words):
    fails(DataError, words, file(content))


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (HEADER.replace("lod", "lood"), "Did you mean 'lod'?"),
        (HEADER.replace("lod", "line"), "unknown column 'line'"),
        (HEADER.replace("lod", "sd"), "column 'sd' stands twice"),
        (HEADER.replace("solute,", ""), "no column 'solute'"),
    ],
)
def test_bad_header(file, fails, header, words):
    fails(DataError, words, file(ROW, header=header), "icp_table")


def test_bad_study(file, fails):
    fails(StudyError, "unknown key 'reference'", file(ROW), meta={"reference": "SCE"})
    fails(StudyError, "unknown key 'columns'", file(ROW), columns={})
    fails(StudyError, "the same", file(ROW), decimal=",")


CELLS = st.tuples(
    st.floats(1e-3, 1e3), st.sampled_from(["value", "<", "ND"]), st.sampled_from(["Pb", "Cs", "Br"])
)


@settings(deadline=None)
@given(
    st.lists(CELLS, min_size=1, max_size=6),
    st.sampled_from([("uM", 1.0), ("nmol/mL", 1.0), ("nM", 1e3), ("mM", 1e-3)]),
    st.sampled_from([(",", "."), (";", ","), (";", "."), ("\t", ",")]),
    st.permutations(HEADER.split(",")),
)
def test_however_it_is_written_the_values_are_the_same(measured, unit, marks, order):
    delimiter, decimal = marks
    rows = []
    for i, (micromolar, kind, element) in enumerate(measured):
        written = repr(micromolar * unit[1]).replace(".", decimal)
        cells = {
            "sample": f"s{i}",
            "element": element,
            "solute": "CsPbBr3",
            "solvent": "DCM",
            "replicate": "1",
            "value": {"value": written, "<": "<" + written, "ND": "ND"}[kind],
            "unit": unit[0],
            "sd": "",
            "dilution": "2",
            "lod": written,
            "comment": "x",
        }
        rows.append(delimiter.join(cells[column] for column in order))
    content = "\n".join([delimiter.join(order), *rows])
    source = Source(Path("x"), content.encode())
    assert READER.sniff(source)
    ds = READER.read(source, {}, {"decimal": decimal, "delimiter": delimiter})
    expected = np.array([m[0] * 1e-9 for m in measured])
    seen = np.array([m[1] == "value" for m in measured])
    assert ds["value"].values[seen] == pytest.approx(expected[seen], rel=1e-12)
    assert ds["lod"].values == pytest.approx(expected, rel=1e-12)
    assert ((ds["censoring"].values == "none") == seen).all()


NAMES = "sample;element;solute;solvent;replicate;value;unit;lod"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_a_table_of_a_spreadsheet_with_decimal_comma(tmp_path, encoding):
    path = tmp_path / "icp.csv"
    rows = ["Blümel;Pb;CsPbBr3;PC;1;52,1;µg/L;", "B;Pb;CsPbBr3;PC;1;<0,05;µg/L;",
            "C;Pb;CsPbBr3;PC;1;n.n.;µg/L;0,5"]  # fmt: skip
    text = "\r\n".join(["ICP-OES, 3 May", "", NAMES.title(), *rows, ""])
    path.write_bytes(text.encode(encoding))
    ds = read(path)
    lead = 1e-9 / 207.2  # mol cm^-3 for one ug/L
    assert ds["value"].values[0] == pytest.approx(52.1 * lead)
    assert ds["lod"].values[1:] == pytest.approx([0.05 * lead, 0.5 * lead])
    assert list(ds["censoring"].values) == ["none", "left", "left"]
    assert ds["sample"].values[0] == "Blümel"


def test_a_comma_that_may_part_thousands_is_asked_for(tmp_path, fails):
    path = tmp_path / "icp.csv"
    path.write_text(f"{NAMES}\nA;Pb;CsPbBr3;PC;1;1,234;ug/L;\nB;Pb;CsPbBr3;PC;1;12,345;ug/L;\n")
    fails(DataError, ["a decimal mark or a thousands mark?", "'1,234'", "State decimal"], path)
    assert read(path, decimal=",")["value"].values[0] == pytest.approx(1.234e-9 / 207.2)


def sheets(path, **tables):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in tables.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_a_workbook_with_titles_and_numbers_beside_texts(tmp_path, fails):
    table = [["Results"], [], NAMES.split(";"), ["A", "Pb", "CsPbBr3", "PC", 1, 52.1, "ug/L", 0.5],
             ["B", "Pb", "CsPbBr3", "PC", 1, "<0,05", "ug/L", None]]  # fmt: skip
    ds = read(sheets(tmp_path / "icp.xlsx", notes=[["hello"]], results=table))
    assert ds["value"].values[0] == pytest.approx(52.1e-9 / 207.2)
    assert ds["lod"].values == pytest.approx([0.5e-9 / 207.2, 0.05e-9 / 207.2])
    two = sheets(tmp_path / "two.xlsx", May=table, June=table)
    fails(StudyError, ["2 tables of results", "'May', 'June'", "State sheet"], two)
    assert read(two, sheet="June").sizes["measurement"] == 2
