"""Real files of real instruments, beside the repository in ../shared/real-data."""

import numpy as np
import pytest

from perovec_bayes import schema
from perovec_bayes.readers import describe, read
from perovec_bayes.readers.waveform import count_cycles

SCE = {"reference": "SCE", "current_sign": "anodic_positive"}
TEI = {
    "time": {"name": "t", "unit": "s"},
    "potential": {"name": "E", "unit": "V"},
    "current": {"name": "I", "unit": "A"},
}


def test_hzb_ferrocyanide(real):
    path = real / "hzb_hysprint" / "HZB_Echem_2_1_C-1.ITO.hy.mpt"
    ds = read(path, meta={"reference": "Ag/AgCl"})
    assert schema.validate(ds) is ds
    assert np.bincount(ds["cycle"].values).tolist() == [0, 594, 594, 595, 596]
    assert (count_cycles(ds["potential"].values) == ds["cycle"].values).all()
    assert ds.attrs["scan_rate_V_s"] == pytest.approx(0.050, rel=1e-4)
    assert np.isnan(ds.attrs["area_cm2"])
    assert "current" in ds
    for cycle in (2, 3, 4):
        one = ds.isel(point=ds["cycle"].values == cycle)
        peaks = one["potential"].values[
            [np.argmax(one["current"].values), np.argmin(one["current"].values)]
        ]
        assert 0.248 <= peaks.mean().round(3) <= 0.253
        assert 0.066 <= np.ptp(peaks).round(3) <= 0.070
        assert peaks[0] > peaks[1]  # the anodic peak lies above: the sign is IUPAC's
    assert describe(ds).suspect == ()


def test_ixdat_decimal_comma(real):
    ds = read(real / "ixdat_biologic" / "Pt_poly_cv_CUT.mpt")
    assert ds.sizes["point"] == 223
    assert ds["time"].values[-1] == pytest.approx(151.8101963525260)
    assert ds["potential"].values[-1] == pytest.approx(0.15471299)
    assert ds["cycle"].values.max() == 5
    assert ds.attrs["scan_rate_V_s"] == pytest.approx(0.1, rel=1e-4)
    assert np.isnan(ds.attrs["area_cm2"])


def test_ixdat_loops(real):
    name = "dataset_with_loop_01_02_CVA_DUSB0_C01.mpt"
    ds = read(real / "ixdat_biologic_large" / name)
    assert np.bincount(ds["cycle"].values).tolist() == [0, 77, 77]
    assert ds.attrs["scan_rate_V_s"] == pytest.approx(0.02, rel=1e-3)
    assert "loops: 2" in ds.attrs["note"]
    assert any("a gap of 11.15 s" in words for words in describe(ds).suspect)


@pytest.mark.parametrize("rate", [10, 20, 50, 100, 200])
def test_diffec_workbook_without_time(real, rate):
    columns = {
        "potential": {"name": "Potential(V)", "unit": "V"},
        "current": {"name": "Current(I)", "unit": "A"},
    }
    ds = read(
        real / "diffec_redox" / "5_mM_Fe(3)_1_M_H2SO4_on_PtE.xlsx",
        "delimited",
        columns=columns,
        sheet=f"{rate} mV s-1",
        scan_rate={"value": rate, "unit": "mV/s"},
        meta=SCE | {"area": {"value": np.pi * 0.85**2, "unit": "mm^2"}},
    )
    assert schema.validate(ds) is ds
    assert ds.sizes["point"] == 577
    assert set(ds["cycle"].values) == {1}
    assert ds.attrs["scan_rate_V_s"] == pytest.approx(rate * 1e-3, rel=1e-3)
    assert ds["time"].values[-1] == pytest.approx(1.40627 / (rate * 1e-3), rel=1e-6)
    reduction = ds["potential"].values[np.argmin(ds["current_density"].values)]
    oxidation = ds["potential"].values[np.argmax(ds["current_density"].values)]
    assert 0.35 < reduction < oxidation < 0.6


def test_kaixin_two_columns(real):
    columns = {
        "potential": {"index": 1, "unit": "V"},
        "current": {"name": "<I>/mA", "unit": "mA"},
    }
    ds = read(
        real / "biologic_txt_kaixin" / "advanced45_C01.txt",
        columns=columns,
        delimiter="tab",
        scan_rate={"value": 50, "unit": "mV/s"},
        meta=SCE,
    )
    assert ds.sizes["point"] == 742
    assert ds["cycle"].values.max() == 2


def test_echemdb_schonig(real):
    path = real / "echemdb_ccby" / "schonig_2023_entropic_5948_f1_brown.csv"
    area = {"value": 0.196, "unit": "cm^2"}
    ds = read(path, columns=TEI, meta=SCE | {"area": area})
    assert ds.sizes["point"] == 5001
    assert ds.attrs["scan_rate_V_s"] == pytest.approx(0.0498, rel=3e-3)
    assert ds["current_density"].values[0] == pytest.approx(-1.8706215e-06 / 0.196)


def test_echemdb_hermann_byte_order_mark_and_cycles(real):
    columns = {
        "time": {"name": "Time (s)", "unit": "s"},
        "potential": {"name": "WE(1).Potential (V)", "unit": "V"},
        "current": {"name": "WE(1).Current (A)", "unit": "A"},
        "cycle": {"name": "Scan"},
    }
    path = real / "echemdb_ccby" / "hermann_2021_effect_138279_f5a_black.csv"
    ds = read(path, columns=columns, delimiter="tab", meta=SCE | {"reference": "Hg/Hg2SO4"})
    assert np.bincount(ds["cycle"].values).tolist() == [0, 8995, 1002]
    assert ds.attrs["scan_rate_V_s"] == pytest.approx(0.010, rel=0.02)


def test_echemdb_berger_charges(real):
    columns = TEI | {"current": {"name": "j", "unit": "A/m^2"}}
    path = real / "echemdb_ccby" / "berger_2017_lithium_261_f1_black.csv"
    ds = read(path, columns=columns, meta=SCE | {"reference": "Pt"})
    density, time = ds["current_density"].values, ds["time"].values
    cathodic = -np.trapezoid(np.minimum(density, 0), time)
    anodic = np.trapezoid(np.maximum(density, 0), time)
    assert 1e3 * cathodic == pytest.approx(7.5, rel=0.05)
    assert anodic / cathodic == pytest.approx(0.41, rel=0.1)
