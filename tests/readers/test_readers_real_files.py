"""Real files of real instruments, beside the repository in ../shared/real-data."""

import numpy as np
import pytest

from perovec_bayes import schema
from perovec_bayes.errors import DataError, PerovecError, StudyError
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


def peaks(ds):
    """Potentials of the largest and the smallest current."""
    current = ds["current" if "current" in ds else "current_density"].values
    return ds["potential"].values[[np.argmax(current), np.argmin(current)]]


def test_hotempo_half_wave_potential(real):
    ds = read(real / "voltcycle_gamry" / "10mM_HOTEMPO_1_2_ChCl_EG_3.DTA")
    found = peaks(ds)
    assert ds.attrs["reader"] == "gamry_dta"
    assert found.mean() == pytest.approx(0.663, abs=0.001)
    assert found[0] - found[1] == pytest.approx(0.0705, abs=0.001)
    assert -ds["current"].values.max() / ds["current"].values.min() == pytest.approx(1.10, abs=0.01)
    assert ds["cycle"].values.max() == 1
    assert np.isnan(ds.attrs["area_cm2"])
    assert "current_sign_assumed" not in ds.attrs
    assert describe(ds).suspect == ()


def test_aqds(real):
    """The range of SOURCE.txt, -0.066 to -0.038 V, is that of the four other scan rates."""
    path = real / "voltcycle_gamry" / "20MM_2,7-AQDS_1M_H2SO4_100mVs_0.5step.DTA.txt"
    ds = read(path)
    assert ds.sizes["point"] == 3602
    rows = [line.split("\t") for line in path.read_text("latin-1").splitlines()]
    table = [row for row in rows if len(row) > 8 and row[1].isdigit()]
    potential, current = np.array([[float(row[3]), float(row[4])] for row in table]).T
    written = potential[[np.argmax(current), np.argmin(current)]]
    np.testing.assert_array_equal(peaks(ds), written)
    assert written.mean() == pytest.approx(-0.120, abs=0.001)
    assert written[0] - written[1] == pytest.approx(0.304, abs=0.001)
    assert 0.243 < written[0] - written[1] < 0.340
    assert peaks(ds)[0] > peaks(ds)[1]  # the anodic peak lies above: the sign is IUPAC's


INVERTIBLE = [
    "hzb_hysprint/HZB_Echem_2_1_C-1.ITO.hy.mpt",
    "voltcycle_gamry/10mM_HOTEMPO_1_2_ChCl_EG_3.DTA",
    "voltcycle_gamry/20MM_2,7-AQDS_1M_H2SO4_100mVs_0.5step.DTA.txt",
    "hzb_chemical_energy/CV.DTA",
    "hzb_chemical_energy/CV-1T.txt",
    "hzb_chemical_energy/LSV.txt",
    "ixdat_biologic/Pt_poly_cv_CUT.mpt",
    "versastudio_par/N2_HPRR_DW28_0.1MHClO4+10mMH2O2_disk_298.par",
    "echemdb_ccby/schonig_2023_entropic_5948_f1_brown.csv",
    "echemdb_ccby/hermann_2021_effect_138279_f5a_black.csv",
    "echemdb_ccby/berger_2017_lithium_261_f1_black.csv",
    "echemdb_ccby/endo_1999_in-situ_19_f1_b.csv",
]


@pytest.mark.parametrize("name", INVERTIBLE)
def test_an_inverted_real_file_is_told_and_a_right_one_is_not(real, name):
    right = " ".join(describe(read(real / name)).suspect)
    wrong = read(real / name, meta={"current_sign": "cathodic_positive"})
    assert "inverted" not in right
    assert "no wave" not in right
    assert "seems inverted" in " ".join(describe(wrong).suspect)


def test_gamry_with_two_electrodes(real):
    path = real / "hzb_chemical_energy" / "CVCA.DTA"
    ds = read(path)
    assert ds.sizes["point"] == 1001
    assert "left out: CURVE DETECTOR" in ds.attrs["note"]
    ring = read(path, table="CURVE DETECTOR")
    assert ring["potential"].values == pytest.approx(0.5, abs=1e-3)


def test_gamry_steps_and_a_cut_header(real):
    folder = real / "gamry_parser_tests"
    ds = read(folder / "chronoa_data.dta")
    assert dict(describe(ds).facts)["technique"].startswith("chronoamperometry")
    assert ds.sizes["point"] == 10
    assert read(folder / "cv_data.dta").sizes["point"] == 50
    with pytest.raises(DataError, match="no data table"):
        read(folder / "cv_data_incompleteheader.dta")


def test_chi(real):
    ds = read(real / "hzb_chemical_energy" / "CV-1T.txt")
    assert ds.sizes["point"] == 1400
    assert ds.attrs["scan_rate_V_s"] == pytest.approx(0.04)
    assert ds.attrs["current_sign_assumed"] == 1
    assert any("6 segments, the data show 2" in words for words in describe(ds).suspect)
    ds = read(real / "hzb_chemical_energy" / "LSV.txt")
    assert dict(describe(ds).facts)["technique"] == "linear sweep voltammetry"


def test_palmsens_session(real):
    ds = read(real / "hzb_chemical_energy" / "05_N2_LSV_10mV_1600rpm.pssession")
    assert ds.sizes["point"] == 121
    assert ds.attrs["scan_rate_V_s"] == pytest.approx(0.01, rel=1e-3)
    assert ds["current"].values[0] == pytest.approx(-625e-6)
    assert describe(ds).suspect == ()


def test_versastudio(real):
    path = real / "versastudio_par" / "N2_HPRR_DW28_0.1MHClO4+10mMH2O2_disk_298.par"
    still, turning = read(path), read(path, table=4)
    assert still.sizes["point"] == turning.sizes["point"] == 2000
    assert still["time"].values[0] == pytest.approx(5.115)
    assert turning["current"].values.min() < still["current"].values.min() < -1e-3


def test_echemdb_by_its_metadata(real):
    folder = real / "echemdb_ccby"
    ds = read(folder / "schonig_2023_entropic_5948_f1_brown.csv")
    assert ds.attrs["area_cm2"] == pytest.approx(0.196)
    assert ds.attrs["reference"] == "SCE"
    assert ds.attrs["scan_rate_V_s"] == pytest.approx(0.0498, rel=3e-3)
    ds = read(folder / "hermann_2021_effect_138279_f5a_black.csv")
    assert ds.attrs["area_cm2"] == pytest.approx(0.1241)
    assert np.bincount(ds["cycle"].values).tolist() == [0, 8995, 1002]
    ds = read(folder / "berger_2017_lithium_261_f1_black.csv")
    density, time = ds["current_density"].values, ds["time"].values
    assert 1e3 * np.trapezoid(np.minimum(density, 0), time) == pytest.approx(-7.5, rel=0.05)
    assert 1e3 * np.trapezoid(np.maximum(density, 0), time) == pytest.approx(3.1, rel=0.05)


def test_nova_without_metadata(real, tmp_path):
    path = real / "echemdb_ccby" / "hermann_2021_effect_138279_f5a_black.csv"
    alone = tmp_path / "run.txt"
    alone.write_bytes(path.read_bytes())
    ds = read(alone)
    assert ds.attrs["reader"] == "nova"
    assert np.bincount(ds["cycle"].values).tolist() == [0, 8995, 1002]


OTHERS = ("LICENSE", "SOURCE", "README")
NO_MEASUREMENT = (
    "censored_stormwater_wqio/",
    "icp_agilent_seawater/IAPSO",
    "solvent_properties_chemicals/",
)
"""Tables that are no measurement of a kind that is modelled here: refused with general words."""
KNOWN = {
    "andor_sif_asc/raman1.asc": "andor_asc",
    "andor_sif_asc/raman1.sif": "andor_sif",
    "andor_sif_asc/raman1.info.txt": "Export the spectra themselves",
    "biologic_txt_kaixin/advanced45_C01.txt": "State scan_rate",
    "echemdb_ccby/berger_2017_lithium_261_f1_black.csv": "echemdb",
    "echemdb_ccby/berger_2017_lithium_261_f1_black.yaml": "Read the table",
    "echemdb_ccby/endo_1999_in-situ_19_f1_b.csv": "echemdb",
    "echemdb_ccby/endo_1999_in-situ_19_f1_b.json": "Read the table",
    "echemdb_ccby/hermann_2021_effect_138279_f5a_black.csv": "echemdb",
    "echemdb_ccby/hermann_2021_effect_138279_f5a_black.yaml": "Read the table",
    "echemdb_ccby/schonig_2023_entropic_5948_f1_brown.csv": "echemdb",
    "echemdb_ccby/schonig_2023_entropic_5948_f1_brown.yaml": "Read the table",
    "gamry_parser_tests/chronoa_data.dta": "gamry_dta",
    "gamry_parser_tests/cv_data.dta": "gamry_dta",
    "gamry_parser_tests/cv_data_incompleteheader.dta": "copy it again",
    "hzb_chemical_energy/05_N2_LSV_10mV_1600rpm.pssession": "palmsens_session",
    "hzb_chemical_energy/CV-1T.txt": "chi_txt",
    "hzb_chemical_energy/CV.DTA": "gamry_dta",
    "hzb_chemical_energy/CVCA.DTA": "gamry_dta",
    "hzb_chemical_energy/LSV.txt": "chi_txt",
    "hzb_chemical_energy/calib_30min_0.1ppm.ABS": "stellarnet",
    "hzb_hysprint/HZB_AlFl_20231009_Solarcells-Batch-2-varyHTL_1_0.pl.csv": "emission_scan",
    "hzb_hysprint/HZB_Echem_2_1_C-1.ITO.hy.mpt": "biologic_mpt",
    "icp_agilent_seawater/250130_Seawaters.csv": "agilent_icp",
    "ixdat_biologic/Pt_poly_cv_CUT.mpt": "biologic_mpt",
    "ixdat_biologic_large/dataset_with_loop_01_02_CVA_DUSB0_C01.mpt": "biologic_mpt",
    "princeton_spe/step_and_glue_v2_Andor.spe": "princeton_spe",
    "versastudio_par/N2_HPRR_DW28_0.1MHClO4+10mMH2O2_disk_298.par": "versastudio_par",
    "voltcycle_gamry/10mM_HOTEMPO_1_2_ChCl_EG_3.DTA": "gamry_dta",
    "voltcycle_gamry/20MM_2,7-AQDS_1M_H2SO4_100mVs_0.5step.DTA.txt": "gamry_dta",
}
"""Every real file beside those of `REFUSED`: the format that reads it, or words of the refusal."""
REFUSED = {
    "chi_palmsens_apache/MPN_tab.txt": "a pulse technique",
    "chi_palmsens_apache/MPRN_comma.txt": "a pulse technique",
    "chi_palmsens_apache/multi_column.csv": "'Differential Pulse Voltammetry",
    "chi_palmsens_apache/single_column.csv": "'Differential Pulse Voltammetry",
    "hzb_chemical_energy/LSV_nesd.mpr": "Export as Text",
    "diffec_redox/5_mM_Fe(3)_1_M_H2SO4_on_PtE.xlsx": "'10 mV s-1'",
    "diffec_redox/Boyle_Figure_4a.csv": "map its columns",
}


def test_every_real_file_is_read_or_refused_with_words_on_what_to_do(real):
    files = [path for path in real.rglob("*") if path.is_file()]
    names = {
        path.relative_to(real).as_posix() for path in files if not path.name.startswith(OTHERS)
    }
    known = {name for name in names if name in KNOWN or name in REFUSED}
    known |= {name for name in names if name.startswith(NO_MEASUREMENT)}
    assert names == known, "files that no test knows"
    for name in sorted(names):
        try:
            outcome = read(real / name).attrs["reader"]
        except PerovecError as error:
            outcome = str(error)
        words = "map its columns" if name.startswith(NO_MEASUREMENT) else {**KNOWN, **REFUSED}[name]
        assert words in outcome, f"{name}: {outcome}"


@pytest.mark.parametrize(("name", "words"), REFUSED.items(), ids=REFUSED)
def test_what_is_refused_says_what_to_do(real, name, words):
    with pytest.raises(PerovecError) as caught:
        read(real / name)
    assert words in str(caught.value)


def test_kaixin_needs_a_scan_rate(real):
    path = real / "biologic_txt_kaixin" / "advanced45_C01.txt"
    with pytest.raises(StudyError, match=r"no scan rate.*742 points.*State scan_rate"):
        read(path)
    ds = read(path, scan_rate={"value": 50, "unit": "mV/s"})
    assert ds.attrs["reader"] == "biologic_txt"
    assert ds["cycle"].values.max() == 2
