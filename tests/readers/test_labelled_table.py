import numpy as np
import openpyxl
import pytest
import reader_samples as samples

from perovec_bayes.errors import DataError, StudyError
from perovec_bayes.readers import describe, read

META = {"current_sign": "anodic_positive"}


@pytest.mark.parametrize(
    ("heads", "separator"),
    [
        (samples.PLAIN, "\t"),
        ({"Time (s)": "{t}", "Potential (V)": "{E}", "Current (mA)": "{mA}"}, ";"),
        ({"Elapsed Time(s)": "{t}", "E(V)": "{E}", "I(A)": "{I}"}, ","),
        ({"time/s": "{t}", "E/V": "{E}", "I / [mA]": "{mA}", "cycle": "{cycle}"}, ";"),
        ({"Zeit (s)": "{t}", "Spannung (V)": "{E}", "Strom (mA)": "{mA}"}, ";"),
        ({"Temps / s": "{t}", "Potentiel / V": "{E}", "Courant / mA": "{mA}"}, "\t"),
    ],
)
def test_headings_with_units(tmp_path, heads, separator):
    path = tmp_path / "run.dat"
    path.write_text("a comment\n\n" + samples.columns(heads, separator))
    ds = read(path)
    time, potential = samples.triangle(2)
    assert ds.attrs["reader"] == "labelled_table"
    assert ds["time"].values == pytest.approx(time)
    assert ds["current"].values == pytest.approx(samples.wave(time, potential))
    assert ds.attrs["current_sign_assumed"] == 1
    assert "current_sign_assumed" not in read(path, meta=META).attrs


def test_ivium_text_with_a_column_without_a_name(tmp_path):
    rows = samples.columns({"time/s": "{t:.4E}", "I/A": "{I:.6E}", "E/V": "{E:.5f}"}, " ").split(
        "\n"
    )
    rows[1:-1] = [f"  {row}  0.1" for row in rows[1:-1]]
    path = tmp_path / "run.dat"
    path.write_text("\n".join(["04/03/2021 19:42:30", *rows]))
    ds = read(path)
    assert ds.attrs["reader"] == "labelled_table"
    assert ds["potential"].values == pytest.approx(samples.triangle(2)[1], abs=1e-5)


def test_reference_and_density_in_the_headings(tmp_path):
    path = tmp_path / "run.dat"
    path.write_text(
        samples.columns({"t/s": "{t}", "E/V vs. SCE": "{E}", "j (mA/cm2)": "{mA}"}, "\t")
    )
    ds = read(path)
    assert ds.attrs["reference"] == "SCE"
    assert "current_density" in ds


def workbook(path, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def rows(heads=("t (s)", "Potential (V)", "Current (mA)")):
    time, potential = samples.triangle(2)
    current = 1e3 * samples.wave(time, potential)
    points = zip(time.tolist(), potential.tolist(), current.tolist(), strict=True)
    return [["film 3", None], [], list(heads), *map(list, points)]


def test_a_workbook(tmp_path, fails):
    path = workbook(tmp_path / "run.xlsx", notes=[["film 3"]], CV=rows())
    ds = read(path)
    time, potential = samples.triangle(2)
    assert ds.attrs["reader"] == "labelled_table"
    assert ds["time"].values == pytest.approx(time)
    assert ds["current"].values == pytest.approx(samples.wave(time, potential))
    fails(StudyError, ["no such sheet", "'notes', 'CV'"], path, sheet="C")
    fails(DataError, "no table of potential and current", path, "labelled_table", sheet=1)


def test_a_workbook_of_several_voltammograms(tmp_path, fails):
    path = workbook(tmp_path / "run.xlsx", A=rows(), B=rows())
    fails(StudyError, ["2 sheets with potential and current", "'A', 'B'"], path)
    assert read(path, sheet="B").sizes["point"] == 161


def test_an_impedance_is_no_voltammogram(tmp_path, fails):
    heads = {"Potential (V)": "{E}", "Current (A)": "{I}", "Elapsed Time (s)": "{t}",
             "Frequency (Hz)": "0", "Zre (ohms)": "0", "Zim (ohms)": "0"}  # fmt: skip
    path = tmp_path / "run.dat"
    path.write_text(samples.columns(heads))
    fails(DataError, "the table holds an impedance", path)


def test_two_columns_of_the_same_name(tmp_path, fails):
    path = tmp_path / "run.dat"
    path.write_text("t/s,E/V,I/A,E/V\n0,0,1e-6,0\n1,0.1,1e-6,0.1\n2,0.2,1e-6,0.2\n")
    fails(DataError, "2 columns are named 'E/V'", path)


def test_a_resistor_comes_out_as_one(tmp_path):
    path = tmp_path / "run.dat"
    path.write_text(samples.columns({"t/s": "{t}", "E/V": "{E}", "I/mA": "{E}"}, "\t"))
    assert any(
        "resistor of R = 1000 ohm" in words for words in describe(read(path, meta=META)).suspect
    )


def test_a_text_without_numbers_is_no_table(tmp_path, fails):
    path = tmp_path / "run.dat"
    path.write_text("t/s,E/V,I/A\nmany,words,here\n")
    fails(DataError, "not a format known", path)
    fails(DataError, "no table of potential and current", path, "labelled_table")


@pytest.mark.parametrize("holds", ["keep", "drop"])
def test_holds_are_kept_apart(tmp_path, holds):
    time, potential = samples.triangle(2)
    hold = np.arange(60) * 0.1
    time, potential = np.append(hold, time + 6), np.append(np.zeros(60), potential)
    current = samples.wave(time, potential)
    rows = [f"{t:.4f}\t{e:.5f}\t{i:.5e}" for t, e, i in zip(time, potential, current, strict=True)]
    path = tmp_path / "run.dat"
    path.write_text("\n".join(["t/s\tE/V\tI/A", *rows]) + "\n")
    ds = read(path, holds=holds)
    assert ds.attrs["scan_rate_V_s"] == pytest.approx(0.1)
    assert ds["cycle"].values.max() == 2
    if holds == "keep":
        assert 60 <= ds["hold"].values.sum() <= 62
        assert "at 0 V" in dict(describe(ds).facts)["holds"]
    else:
        assert ds.sizes["point"] <= 161
        assert "points of holds left out" in ds.attrs["note"]


def test_a_first_point_elsewhere_does_not_make_a_sweep_a_cycle(tmp_path):
    potential = np.concatenate([[0.63], np.linspace(-0.3, 1.5, 200)])
    points = zip(np.arange(201) * 0.1, potential, 1e-6 * potential, strict=True)
    path = tmp_path / "run.dat"
    path.write_text("t/s,E/V,I/A\n" + "\n".join(f"{t:g},{e:g},{i:g}" for t, e, i in points) + "\n")
    assert dict(describe(read(path)).facts)["technique"] == "linear sweep voltammetry"


UNITS_BELOW = {
    "plain": ("Time,Potential,Current", "s,V,mA", ","),
    "brackets": ("Time;Potential;Current", "(s);(V);(mA)", ";"),
    "square, German": ("Zeit\tSpannung\tStrom", "[s]\t[V]\t[mA]", "\t"),
    "a blank line between": ("Time;Potential;Current;", "\ns;V;mA;;", ";"),
    "some above": ("Time (s);Potential;Current", ";V vs. SCE;mA", ";"),
}


@pytest.mark.parametrize(("names", "units", "separator"), UNITS_BELOW.values(), ids=UNITS_BELOW)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_units_in_the_line_below_the_names(tmp_path, names, units, separator, encoding):
    decimal = "." if separator == "," else ","
    table = samples.columns({"a": "{t:.4f}", "b": "{E:.4f}", "c": "{mA:.7f}"}, separator, decimal)
    path = tmp_path / "run.dat"
    path.write_text("\n".join(["film 3", names, units, table.split("\n", 1)[1]]), encoding=encoding)
    ds = read(path)
    time, potential = samples.triangle(2)
    assert ds["time"].values == pytest.approx(time)
    assert ds["potential"].values == pytest.approx(potential)
    assert ds["current"].values == pytest.approx(samples.wave(time, potential), abs=1e-10)
    assert ds.attrs["reference"] == ("SCE" if "SCE" in units else "")


def test_units_below_in_a_workbook(tmp_path):
    table = rows(["Time", "Potential", "Current"])
    path = workbook(tmp_path / "run.xlsx", CV=[*table[:3], ["s", "V", "mA"], *table[3:]])
    assert read(path)["current"].values == pytest.approx(samples.wave(*samples.triangle(2)))


def test_a_line_of_numbers_or_of_other_words_is_no_line_of_units(tmp_path, fails):
    path = tmp_path / "run.dat"
    for below in ("0,0,0", "s,V,moons", "V,s,A"):
        path.write_text(f"Time,Potential,Current\n{below}\n0,0,1\n1,0.1,2\n2,0.2,3\n")
        fails(DataError, ["line 1", "headings have no units", "Time, Potential, Current"], path)


@pytest.mark.parametrize("mark", [",", "."])
@pytest.mark.parametrize("scale", [100, 500, 700])
def test_marks_that_may_part_thousands_are_asked_about(tmp_path, fails, mark, scale):
    path = tmp_path / "run.dat"
    points = [f"{scale * k:,};{10 * k};{k}".replace(",", mark) for k in range(30)]
    path.write_text("\n".join(["Time (ms);Potential (mV);Current (nA)", *points, ""]))
    fails(DataError, [f"'1{mark}", "of thousands", "line ", "'Time (ms)'"], path)


def test_three_decimals_are_no_thousands(tmp_path):
    path = tmp_path / "run.dat"
    points = [f"{1 + 0.125 * k:.3f};{10 * k};{k}".replace(".", ",") for k in range(30)]
    path.write_text("\n".join(["Time (s);Potential (mV);Current (nA)", *points, ""]))
    assert read(path)["time"].values == pytest.approx(1 + 0.125 * np.arange(30))


def test_the_largest_numbers_beside_decimal_marks(tmp_path):
    path = tmp_path / "run.dat"
    points = [f"{1 + 0.125 * k:.3f};{10 * k};{k}".replace(".", ",") for k in range(30)]
    points[-1] = "1e307;10;4"
    path.write_text("\n".join(["Time (s);Potential (mV);Current (nA)", *points, ""]))
    assert read(path)["time"].values[-1] == 1e307


def test_capital_units_are_not_taken_for_millions(tmp_path, fails):
    path = tmp_path / "run.dat"
    heads = {"TIME (S)": "{t}", "POTENTIAL (MV)": "{E}", "CURRENT (MA)": "{mA}"}
    path.write_text(samples.columns(heads, ","))
    fails(DataError, ["no units that are understood", "POTENTIAL (MV)"], path)


def test_decimal_commas_between_commas(tmp_path, fails):
    time, potential = samples.triangle(2)
    points = list(zip(time, potential, 1e6 * samples.wave(time, potential), strict=True))
    path = tmp_path / "run.dat"
    cells = [[f"{value:.5f}".replace(".", ",") for value in point] for point in points]
    heads = ["Time (s)", "Potential (V)", "Current (µA)"]
    path.write_text("\n".join(",".join(row) for row in [heads, *cells]) + "\n", encoding="utf-8")
    fails(DataError, ["line 2", "decimal mark as well", "expected 3 cells, found 6 cells"], path)
    quoted = [[f'"{cell}"' for cell in row] for row in [heads, *cells]]
    path.write_text("\n".join(map(",".join, quoted)) + "\n", encoding="utf-8")
    ds = read(path)
    assert ds["time"].values == pytest.approx(time, abs=1e-5)
    assert ds["current"].values == pytest.approx(samples.wave(time, potential), abs=1e-11)
