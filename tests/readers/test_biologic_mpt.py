import numpy as np
import pytest
from reader_samples import MPT_COLUMNS, mpt

from perovec_bayes import schema
from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers import describe, read


@pytest.fixture
def file(tmp_path):
    def write(content=None, encoding="utf-8", **kwargs):
        path = tmp_path / "run.dat"  # told by content, not by name
        path.write_bytes((mpt(**kwargs) if content is None else content).encode(encoding))
        return path

    return write


def swap(old, new):
    return tuple(new if column == old else column for column in MPT_COLUMNS)


@pytest.mark.parametrize(
    ("kwargs", "encoding"),
    [
        ({}, "utf-8"),
        ({}, "latin-1"),
        ({}, "utf-8-sig"),
        ({"newline": "\n"}, "utf-8"),
        ({"decimal": ",", "area": "0,001 cm²"}, "latin-1"),
        ({"columns": swap("Ewe/V", "<Ewe>/V")}, "utf-8"),
        ({"columns": swap("<I>/mA", "I/mA")}, "utf-8"),
        ({"technique": "Cyclic Voltammetry Advanced"}, "utf-8"),
    ],
)
def test_every_form_gives_the_same_dataset(file, kwargs, encoding):
    ds = read(file(encoding=encoding, **kwargs))
    assert ds.attrs["reader"] == "biologic_mpt"
    assert ds.sizes["point"] == 161
    assert ds["time"].values[[0, 40]] == pytest.approx([3.5, 7.5])
    assert ds["potential"].values[[0, 40]] == pytest.approx([1e-4, 0.4001])
    assert ds["current"].values[1] == pytest.approx(np.sin(1 / 9) * 1e-3)
    assert np.bincount(ds["cycle"].values).tolist() == [0, 80, 80, 1]
    assert ds.attrs["scan_rate_V_s"] == pytest.approx(0.1)
    assert ds.attrs["source_current_sign"] == "anodic_positive"
    assert np.isnan(ds.attrs["area_cm2"])
    assert "EC-Lab's default" in ds.attrs["note"]


def test_without_reference_described_but_not_fit(file):
    ds = read(file())
    summary = describe(ds)
    assert any("reference not stated" in words for words in summary.missing)
    assert any("area" in words for words in summary.missing)
    assert "not stated" in str(summary)
    with pytest.raises(DataError, match="potential without a reference"):
        schema.validate(ds)
    stated = read(file(), meta={"reference": "Ag/AgCl"})
    assert schema.validate(stated) is stated


@pytest.mark.parametrize(
    ("area", "expected"),
    [
        ("0.001 cm²", np.nan),
        ("0.000 cm²", np.nan),
        ("0,196 cm²", 0.196),
        ("113.100 mm²", 1.131),
        ("0.5 cm\ufffd", 0.5),
        ("nonsense", np.nan),
    ],
)
def test_area_of_the_header(file, area, expected):
    ds = read(file(area=area))
    assert ds.attrs["area_cm2"] == pytest.approx(expected, nan_ok=True)
    assert ("current" in ds) == bool(np.isnan(expected))


def test_the_study_goes_before_the_header(file):
    header = ("Reference electrode : SCE Saturated Calomel Electrode (0.241 V)",)
    ds = read(file(header=header, area="0.2 cm²"))
    assert ds.attrs["reference"].startswith("SCE Saturated")
    assert ds.attrs["area_cm2"] == pytest.approx(0.2)
    meta = {"reference": "SCE", "area": {"value": 0.3, "unit": "cm^2"}}
    ds = read(file(header=header, area="0.2 cm²"), meta=meta)
    assert (ds.attrs["reference"], ds.attrs["area_cm2"]) == ("SCE", 0.3)
    assert "the study's is used" in ds.attrs["note"]
    unspecified = file(header=("Reference electrode : unspecified",))
    assert read(unspecified).attrs["reference"] == ""


def test_sign_may_be_stated_otherwise(file):
    ds = read(file(), meta={"current_sign": "cathodic_positive"})
    assert ds["current"].values[1] == pytest.approx(-np.sin(1 / 9) * 1e-3)


def test_no_cycle_column_counts_cycles(file):
    ds = read(file(columns=MPT_COLUMNS[:-1], technique="Linear Sweep Voltammetry"))
    assert "cycles counted" in ds.attrs["note"]
    assert ds["cycle"].values.max() == 2


def test_flags_and_loops_are_noted(file):
    content = mpt(header=("Number of loops : 2",)).replace("2\t1\t0\t", "2\t1\t1\t", 3)
    note = read(file(content)).attrs["note"]
    assert "loops: 2" in note
    assert "flagged as errors by the instrument: 3" in note


def lines(change):
    """Change the list of lines of a good file; line 11 holds the column names."""
    text = mpt(newline="\n").split("\n")
    change(text)
    return "\n".join(text)


def put(number, old, new):
    def change(text):
        assert old in text[number - 1]
        text[number - 1] = text[number - 1].replace(old, new)

    return lines(change)


GOOD = mpt(newline="\n")
TIME_OF_FIRST = "3.500000000000000E+00"
BAD = {
    "only the first line": ("EC-Lab ASCII FILE\n", "line 2: no count of header lines"),
    "no count": (put(2, "Nb header", "header"), "line 2: no count of header lines"),
    "count no number": (put(2, ": 10", ": ten"), "line 2: no count of header lines"),
    "count too small": (put(2, ": 10", ": 9"), "line 9: no column names"),
    "count too large": (put(2, ": 10", ": 9999"), "line 9999: no column names"),
    "header cut short": ("\n".join(GOOD.split("\n")[:7]), "line 10: no column names"),
    "no data": ("\n".join(GOOD.split("\n")[:10]) + "\n", "line 11: no data rows"),
    "not a voltammetry": (put(4, "Cyclic Voltammetry", "Wait"), "line 4: 'Wait' is not a voltam"),
    "no time": (put(10, "time/s", "t"), "line 10: no column of the time"),
    "no potential": (
        put(10, "control/V\tEwe/V", "control\tEce/V"),
        "line 10: no column of the potential",
    ),
    "no current": (put(10, "<I>/mA", "dI/mA"), "line 10: no column of the current"),
    "time no unit": (put(10, "time/s", "time/moon"), "line 10: "),
    "cell missing": (
        lines(lambda t: t.__setitem__(12, t[12].rsplit("\t", 2)[0])),
        "line 13, column '<I>/mA': an empty cell",
    ),
    "text": (put(12, "\t1.00", "\tXXX"), "line 12, column"),
    "clock time": (
        put(11, TIME_OF_FIRST, "02/03/2025 19:05:45"),
        "line 11, column 'time/s': not a finite number",
    ),
    "mixed decimal marks": (put(13, "3.", "3,"), "line 13, column 'time/s'"),
    "record repeated": (
        lines(lambda t: t.insert(20, t[19])),
        "line 21, time[10]: time stamp repeated",
    ),
    "two runs joined": (GOOD + "\n".join(GOOD.split("\n")[10:]), "line 172, time[161]: time goes"),
    "binary": (GOOD.replace("mode", "mo\0de"), "not a text"),
}


@pytest.mark.parametrize("cut", [30, 20, 3])
def test_a_last_line_that_was_cut_is_left_out(file, cut):
    ds = read(file(GOOD[: GOOD.rindex("\t", 0, -30) + 30 - cut]))
    assert ds.sizes["point"] == 160
    assert any("last line is cut short" in words for words in describe(ds).suspect)


def test_a_broken_counter_gives_way_to_the_potential(file):
    ds = read(file(put(12, "\t1.000000000000000E+00", "\t1.5")))
    assert np.bincount(ds["cycle"].values).tolist() == [0, 80, 81]
    assert any("cycle numbers are broken" in words for words in describe(ds).suspect)
    constant = GOOD
    for cycle in (2, 3):
        constant = constant.replace(f"\t{cycle}.000000000000000E+00\n", "\t1.0E+00\n")
    ds = read(file(constant))
    assert ds["cycle"].values.max() == 2
    assert any("counts one cycle, the potential shows 2" in w for w in describe(ds).suspect)


def test_repeated_headings_and_empty_rows_are_left_out(file):
    text = GOOD.split("\n")
    text[60:60] = [text[9], "", "\t\t\t\t\t\t\t", "   "]
    ds = read(file("\n".join(text)))
    assert ds.sizes["point"] == 161
    assert any("heading is repeated 1 times" in words for words in describe(ds).suspect)


def test_points_that_are_not_under_potential_control_are_left_out(file):
    text = GOOD.split("\n")
    text[10:14] = [line.replace("2\t", "3\t", 1) for line in text[10:14]]
    ds = read(file("\n".join(text)))
    assert ds.sizes["point"] == 157
    assert "4 points at open circuit" in ds.attrs["note"]


@pytest.mark.parametrize("technique", ["Chronoamperometry / Chronocoulometry", "Modulo Bat"])
def test_other_techniques_at_controlled_potential(file, technique):
    assert technique in read(file(technique=technique)).attrs["note"]


@pytest.mark.parametrize(
    "technique",
    ["Open Circuit Voltage", "Chronopotentiometry", "Differential Pulse Voltammetry",
     "Potentio Electrochemical Impedance Spectroscopy",
     "Galvanostatic Cycling with Potential Limitation"],
)  # fmt: skip
def test_techniques_that_are_refused(file, fails, technique):
    fails(DataError, f"'{technique}' is not a voltammetry", file(technique=technique))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_other_encodings(file, encoding):
    assert read(file(encoding=encoding)).sizes["point"] == 161


@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD)
def test_bad_file(file, fails, content, words):
    fails(DataError, words, file(content))


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"columns": {}}, "format 'biologic_mpt': unknown key 'columns'"),
        ({"meta": {"refrence": "SCE"}}, "Did you mean 'reference'?"),
        ({"meta": {"area": {"value": 1, "unit": "V"}}}, "meta.area.unit"),
        ({"meta": {"current_sign": "up"}}, "meta.current_sign"),
    ],
)
def test_bad_study(file, fails, kwargs, words):
    fails(StudyError, words, file(), **kwargs)
