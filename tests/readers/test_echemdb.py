import json

import pytest
import reader_samples as samples

from perovec_bayes.errors import DataError
from perovec_bayes.readers import read


@pytest.fixture
def file(tmp_path):
    def write(metadata=samples.YAML, table=samples.ECHEMDB, suffix=".yaml"):
        (tmp_path / f"run{suffix}").write_text(metadata, encoding="utf-8")
        (tmp_path / "run.csv").write_text(table)
        return tmp_path / "run.csv"

    return write


def test_units_area_and_reference_from_the_yaml(file):
    ds = read(file())
    time, potential = samples.triangle(2)
    assert ds.attrs["reader"] == "echemdb"
    assert ds["potential"].values == pytest.approx(potential, abs=1e-5)
    assert ds.attrs["area_cm2"] == pytest.approx(0.196)
    density = samples.wave(time, potential) / 0.196
    assert ds["current_density"].values == pytest.approx(density, rel=1e-5)
    assert ds.attrs["reference"] == "SCE"
    assert ds.attrs["metadata_file"] == "run.yaml"
    assert len(ds.attrs["metadata_sha256"]) == 64


PACKAGE = {
    "resources": [
        {
            "name": "run",
            "path": "../../etc/passwd",
            "schema": {
                "fields": [
                    {"name": "t", "unit": "s"},
                    {"name": "E", "unit": "V"},
                    {"name": "j", "unit": "A / m2"},
                ]
            },
            "metadata": {
                "echemdb": {
                    "system": {"electrodes": [{"name": "REF", "type": "Ag/AgCl"}]},
                    "figureDescription": {
                        "type": "digitized",
                        "scanRate": {"value": 1, "unit": "x"},
                    },
                }
            },
        }
    ]
}
DENSITY = samples.columns({"t": "{t:.3f}", "E": "{E:.5f}", "j": "{I:.6E}"}, ",")


def test_a_data_package(file):
    lines = DENSITY.split("\n")
    lines.insert(5, lines[4])  # a drawn line may be vertical
    ds = read(file(json.dumps(PACKAGE), "\n".join(lines), ".json"))
    expected = 1e-4 * samples.wave(*samples.triangle(2))
    assert ds["current_density"].values == pytest.approx(expected, rel=1e-5)
    assert ds.attrs["reference"] == "Ag/AgCl"
    assert "1 points of repeated times left out" in ds.attrs["note"]


def test_units_of_svgdigitizer_where_none_are_stated(file):
    ds = read(file(samples.YAML[: samples.YAML.index("dataDescription")], DENSITY))
    assert "svgdigitizer" in ds.attrs["note"]
    expected = 1e-4 * samples.wave(*samples.triangle(2))
    assert ds["current_density"].values == pytest.approx(expected, rel=1e-5)


def test_a_yaml_of_something_else_is_left_alone(file, fails):
    fails(DataError, "headings have no units", file("name: x\nvalues: [1, 2]\n"))
    fails(DataError, "no metadata beside the table", file("name: x\n"), "echemdb")


@pytest.mark.parametrize(
    ("metadata", "suffix"),
    [(samples.YAML + "   - : [\n", ".yaml"), ('{"resources": [], "echemdb": ', ".json")],
)
def test_broken_metadata(file, metadata, suffix):
    with pytest.raises(DataError, match="broken metadata"):
        read(file(metadata, suffix=suffix))


def test_an_unknown_unit_is_not_guessed(file, fails):
    path = file(samples.YAML.replace("unit: A\n", "unit: pt\n"))
    fails(DataError, "no column of the current", path)


def test_without_metadata_the_table_is_unknown(tmp_path, fails):
    path = tmp_path / "run.csv"
    path.write_text(samples.ECHEMDB)
    fails(DataError, ["headings have no units", "t, U, I"], path)
