from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from perovec_bayes.errors import StudyError
from perovec_bayes.readers import read
from perovec_bayes.report.figures import picture
from perovec_bayes.workflow.files import read_file

RNG = np.random.default_rng(3)
TIME = np.arange(200) * 0.5
SWEEP = 0.3 - np.abs((TIME / 25 + 1) % 2 - 1)
META = {"current_sign": "anodic_positive"}
COLUMNS = {
    "time": {"name": "t", "unit": "s"},
    "potential": {"name": "E", "unit": "V"},
    "current": {"name": "I", "unit": "A"},
}
BANDS = {
    "time": {"name": "t", "unit": "s"},
    "absorbance": {"unit": "1"},
    "bands": {"exciton": {"name": "a", "low_nm": 500, "high_nm": 520}},
}
ICP = """sample,element,solute,solvent,replicate,value,unit,sd,dilution,lod
film $1_2$,Pb,CsPbBr3,PC,1,52.1,ug/L,0.8,100,5
B,Pb,CsPbBr3,DCM,1,ND,ug/L,,1,5
C,Cs,CsPbBr3,DCM,1,>20,ug/L,,,
"""
READINGS = """Rack:Tube,Solution Label,Pb Ax 220.353 nm c/s,Cs R 455.531 c/s
1:1,Blank,101.0,20.1
1:2,film A,3105.0,####
"""


def table(names: str, *columns: np.ndarray) -> str:
    rows = [",".join(f"{cell:.6g}" for cell in row) for row in np.column_stack(columns)]
    return "\n".join([names, *rows, ""])


def steps() -> str:
    return table("t,E,I", TIME, np.where(TIME < 20, 0.0, 0.5), 1e-6 * np.exp(-TIME))


def spectra(unit: str = "s") -> str:
    nm = np.linspace(450, 700, 30)
    head = f"Time ({unit})," + ",".join(f"{x:.2f} nm" for x in nm)
    return table(head, TIME, 0.1 + RNG.random((TIME.size, nm.size)))


CASES = {
    "cv": (table("t,E,I", TIME, SWEEP, 1e-6 * SWEEP), {"columns": COLUMNS, "meta": META}),
    "steps": (steps(), {"columns": COLUMNS, "meta": META}),
    "bands": (table("t,a", TIME, RNG.random(TIME.size)), {"columns": BANDS}),
    "od": (spectra(), {"quantity": "absorbance", "signal_unit": "1"}),
    "spectra": (spectra(), {"quantity": "intensity"}),
    "icp": (ICP, {}),
    "readings": (READINGS, {}),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, dict[str, object]]:
    content, options = CASES[request.param]
    path = tmp_path / "data.csv"
    path.write_text(content)
    return request.param, path, options


WORDS = {
    "cv": ["potential vs a reference not stated / V", "current / nA", "cycle 1", "cycle 2"],
    "steps": ["time / s", "current / µA"],
    "bands": ["absorbance", "exciton"],
    "od": ["wavelength / nm", "absorbance", "450 nm", "99.5 s"],
    "spectra": ["wavelength / nm", "intensity"],
    "icp": ["below this limit", "above this limit", "film $1_2$ Pb", "mol/L"],
    "readings": ["reading / c/s", "Blank", "Pb Ax 220.353"],
}


def test_pictures_say_what_they_show(
    case: tuple[str, Path, dict[str, object]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, path, options = case
    drawn: list[str] = []

    def keep(figure: Figure, *_: object, **__: object) -> None:
        figure.draw_without_rendering()
        drawn.extend(text.get_text() for text in figure.findobj(mpl.text.Text))

    monkeypatch.setattr(Figure, "savefig", keep)
    picture.draw_picture(read(path, **options), tmp_path / "a.png")
    said = "\n".join(drawn).replace("\N{MICRO SIGN}", "µ").replace("\N{GREEK SMALL LETTER MU}", "µ")
    for word in ["data.csv", *WORDS[name]]:
        assert word in said, said


@pytest.mark.parametrize(
    ("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".PDF", b"%PDF")]
)
def test_kinds_of_picture(tmp_path: Path, suffix: str, start: bytes) -> None:
    (tmp_path / "icp.csv").write_text(ICP)
    before = dict(mpl.rcParams)
    target = tmp_path / f"a{suffix}"
    summary = read_file(tmp_path / "icp.csv", plot=target, save=tmp_path / "a.nc")
    assert "ICP-OES" in str(summary)
    assert target.read_bytes().startswith(start)
    assert dict(mpl.rcParams) == before
    assert xr.load_dataset(tmp_path / "a.nc", engine="h5netcdf").sizes["measurement"] == 3


def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "icp.csv").write_text(ICP)
    for name in ("a.png", "a.nc"):
        (tmp_path / name).write_bytes(b"older")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    monkeypatch.setattr(xr.Dataset, "to_netcdf", full)
    for option in ({"plot": tmp_path / "a.png"}, {"save": tmp_path / "a.nc"}):
        with pytest.raises(StudyError, match="cannot be written: No space left"):
            read_file(tmp_path / "icp.csv", **option)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.nc", "a.png", "icp.csv"]
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "a.nc").read_bytes() == b"older"


def test_a_wrong_name_is_told_before_anything_is_read(tmp_path: Path) -> None:
    for option in ({"plot": "a.bmp"}, {"plot": "a"}, {"save": "a.csv"}):
        with pytest.raises(StudyError, match=re.escape("a name that ends in '.")):
            read_file(tmp_path / "none.csv", **option)


def test_a_million_points_make_a_small_picture(tmp_path: Path) -> None:
    time = np.arange(1_000_000) * 1e-3
    data = read_like(time, np.abs(time % 100 - 50) / 100)
    picture.draw_picture(data, tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size < 3_000_000


def read_like(time: np.ndarray, potential: np.ndarray) -> xr.Dataset:
    return xr.Dataset(
        {
            "potential": ("point", potential),
            "current": ("point", 1e-6 * np.sin(time)),
            "cycle": ("point", np.ones(time.size, int)),
        },
        coords={"time": ("point", time)},
        attrs={"technique": "cv", "source_file": "long.mpt", "reference": "SCE"},
    )
