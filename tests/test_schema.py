import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from perovec_bayes import schema
from perovec_bayes.errors import DataError

COMMON = {
    "schema_version": 1,
    "name": "x",
    "source_file": "x.csv",
    "source_sha256": "0",
    "reader": "test",
    "synthetic": 1,
}


def cv():
    n = 5
    return xr.Dataset(
        {
            "potential": ("point", np.linspace(0, 0.4, n)),
            "current": ("point", np.linspace(0, 1e-6, n)),
            "cycle": ("point", np.ones(n, dtype=np.int64)),
        },
        coords={"time": ("point", np.arange(n) * 1.0)},
        attrs=COMMON
        | {
            "technique": "cv",
            "reference": "Ag/AgCl",
            "reference_offset_V": 0.4,
            "reference_offset_sd_V": np.nan,
            "area_cm2": np.nan,
            "area_sd_cm2": np.nan,
            "scan_rate_V_s": 0.1,
            "source_current_sign": "anodic_positive",
            "temperature_K": 298.15,
            "temperature_assumed": 1,
        },
    )


def od(dim="band"):
    coords = {"time": np.arange(4) * 1.0}
    if dim == "band":
        coords |= {
            "band": ["blue", "red"],
            "band_low_nm": ("band", np.array([450.0, 600.0])),
            "band_high_nm": ("band", np.array([500.0, 650.0])),
        }
    else:
        coords["wavelength"] = np.array([450.0, 500.0])
    return xr.Dataset(
        {"absorbance": (("time", dim), np.full((4, 2), 0.3))},
        coords=coords,
        attrs=COMMON
        | {
            "technique": "od",
            "clock_offset_s": 0.0,
            "clock_offset_sd_s": 0.0,
            "clock_offset_assumed": 0,
            "temperature_K": 298.15,
            "temperature_assumed": 0,
        },
    )


def icp():
    def texts(word):
        return "measurement", np.array([word, word])

    def floats(*values):
        return "measurement", np.array(values)

    return xr.Dataset(
        {
            "sample": texts("s"),
            "element": texts("Pb"),
            "solute": texts("CsPbBr3"),
            "solvent": texts("DCM"),
            "replicate": ("measurement", np.array([1, 2])),
            "value": floats(2e-10, np.nan),
            "sd": floats(np.nan, np.nan),
            "lod": floats(np.nan, 1e-10),
            "dilution": floats(1.0, np.nan),
            "censoring": ("measurement", np.array(["none", "left"])),
        },
        attrs=COMMON | {"technique": "icp"},
    )


def spectra():
    return xr.Dataset(
        {"signal": (("time", "wavelength"), np.array([[1.0, 2.0]]))},
        coords={"time": np.array([0.0]), "wavelength": np.array([450.0, 500.0])},
        attrs=COMMON
        | {
            "technique": "spectra",
            "quantity": "intensity",
            "signal_unit": "counts",
            "start_time": "",
            "exposure_s": np.nan,
            "clock_offset_s": 0.0,
            "clock_offset_sd_s": 0.0,
            "clock_offset_assumed": 0,
            "temperature_K": 298.15,
            "temperature_assumed": 1,
        },
    )


def icp_readings():
    return xr.Dataset(
        {
            "reading": (("solution", "line"), np.array([[1.0, np.nan]])),
            "label": ("solution", np.array(["A"])),
            "element": ("line", np.array(["Pb", "Cs"])),
            "emission": ("line", np.array([220.353, 455.531])),
            "unit": ("line", np.array(["ppm", "ppm"])),
        },
        coords={"line": np.array(["Pb 220.353", "Cs 455.531"])},
        attrs=COMMON | {"technique": "icp_readings"},
    )


VALID = {"cv": cv, "od": od, "wavelengths": lambda: od("wavelength"), "icp": icp}
VALID |= {"spectra": spectra, "icp_readings": icp_readings}


@pytest.mark.parametrize("make", VALID.values(), ids=VALID)
def test_valid_dataset_comes_back_unchanged(make):
    ds = make()
    before = ds.copy(deep=True)
    assert schema.validate(ds) is ds
    xr.testing.assert_identical(ds, before)


@pytest.mark.parametrize("make", VALID.values(), ids=VALID)
def test_valid_after_a_round_trip_through_netcdf(make, tmp_path):
    make().to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "x.nc", engine="h5netcdf") as ds:
        schema.validate(ds.load())


def put(name, values):
    return lambda ds: ds.assign({name: (ds[name].dims, np.asarray(values))})


def attr(name, value):
    return lambda ds: ds.assign_attrs({name: value})


def at(name, index, value):
    def change(ds):
        values = ds[name].to_numpy().copy()
        values[index] = value
        return ds.assign({name: (ds[name].dims, values)})

    return change


def no_attr(name):
    def change(ds):
        ds.attrs.pop(name)
        return ds

    return change


BAD = {
    "technique": ("cv", attr("technique", "xrd"), "attrs['technique']"),
    "no technique": ("cv", no_attr("technique"), "attrs['technique']"),
    "version": ("cv", attr("schema_version", 99), "attrs['schema_version']"),
    "no name": ("cv", attr("name", ""), "attrs['name']"),
    "name is number": ("cv", attr("name", 3), "attrs['name']"),
    "synthetic": ("cv", attr("synthetic", 2), "attrs['synthetic']"),
    "bool attr": ("cv", attr("synthetic", True), "attrs['synthetic']"),
    "list attr": ("cv", attr("extra", [1]), "attrs['extra']"),
    "too short": ("cv", lambda d: d.isel(point=slice(1)), "dimension 'point'"),
    "missing variable": ("cv", lambda d: d.drop_vars("potential"), "potential"),
    "wrong dims": ("cv", lambda d: d.rename(point="row"), "dimension 'point'"),
    "int potential": ("cv", put("potential", [0, 1, 2, 3, 4]), "potential"),
    "nan potential": ("cv", at("potential", 3, np.nan), "potential[3]"),
    "inf current": ("cv", at("current", 2, np.inf), "current[2]"),
    "potential in mV": ("cv", at("potential", 1, 250.0), "Is it in mV?"),
    "current in uA": ("cv", at("current", 1, 30.0), "Is it in mA or uA"),
    "time repeats": ("cv", at("time", 2, 1.0), "time[2]: time stamp repeated"),
    "time goes back": ("cv", at("time", 3, 0.5), "time[3]: time goes back"),
    "time nan": ("cv", at("time", 3, np.nan), "time[3]"),
    "cycle 0": ("cv", at("cycle", 0, 0), "cycle[0]"),
    "cycle float": ("cv", put("cycle", [1.0] * 5), "cycle"),
    "cycle goes back": ("cv", put("cycle", [1, 2, 2, 1, 2]), "cycle[3]"),
    "no reference": ("cv", attr("reference", ""), "potential without a reference"),
    "reference missing": ("cv", no_attr("reference"), "attrs['reference']"),
    "ferrocene offset": ("cv", attr("reference", "Fc/Fc+"), "attrs['reference_offset_V']"),
    "offset in mV": ("cv", attr("reference_offset_V", 400.0), "Is it in mV?"),
    "offset sd": ("cv", attr("reference_offset_sd_V", -1.0), "attrs['reference_offset_sd_V']"),
    "area 0": ("cv", attr("area_cm2", 0.0), "attrs['area_cm2']"),
    "area negative": ("cv", attr("area_cm2", -1.0), "attrs['area_cm2']"),
    "area known": ("cv", attr("area_cm2", 0.07), "area known"),
    "both": ("cv", lambda d: d.assign(current_density=d.current), "current and current_density"),
    "neither": ("cv", lambda d: d.drop_vars("current"), "neither"),
    "rate nan": ("cv", attr("scan_rate_V_s", np.nan), "attrs['scan_rate_V_s']"),
    "sign": ("cv", attr("source_current_sign", "up"), "attrs['source_current_sign']"),
    "temperature in degC": ("cv", attr("temperature_K", 25.0), "Is it in degC?"),
    "temperature nan": ("cv", attr("temperature_K", np.nan), "attrs['temperature_K']"),
    "assumed": ("cv", attr("temperature_assumed", 3), "attrs['temperature_assumed']"),
    "absorbance nan": ("od", at("absorbance", (2, 1), np.nan), "absorbance[2, 1]"),
    "absorbance percent": ("od", at("absorbance", (2, 1), 85.0), "percent"),
    "od time": ("od", lambda d: d.assign_coords(time=[0.0, 1.0, 1.0, 2.0]), "time[2]"),
    "band empty": ("od", lambda d: d.assign_coords(band=["blue", ""]), "band[1]"),
    "band twice": ("od", lambda d: d.assign_coords(band=["blue", "blue"]), "band[1]"),
    "band order": ("od", put("band_high_nm", [400.0, 650.0]), "band_high_nm[0]"),
    "band in um": ("od", put("band_low_nm", [0.45, 0.6]), "Is it in um"),
    "no band edges": ("od", lambda d: d.drop_vars("band_low_nm"), "band_low_nm"),
    "no across": ("od", lambda d: d.rename(band="colour"), "neither"),
    "no clock": ("od", no_attr("clock_offset_s"), "attrs['clock_offset_s']"),
    "wavelength order": (
        "wavelengths",
        lambda d: d.assign_coords(wavelength=[500.0, 450.0]),
        "wavelength[1]",
    ),
    "icp empty": ("icp", lambda d: d.isel(measurement=slice(0)), "dimension 'measurement'"),
    "icp no solvent": ("icp", put("solvent", ["DCM", ""]), "solvent[1]"),
    "icp replicate": ("icp", put("replicate", [0, 1]), "replicate[0]"),
    "icp zero": ("icp", put("value", [0.0, np.nan]), "value[0]"),
    "icp negative": ("icp", put("value", [-1e-9, np.nan]), "value[0]"),
    "icp mol/L": ("icp", put("value", [0.5, np.nan]), "Is it in mol/L?"),
    "icp sd": ("icp", put("sd", [0.0, np.nan]), "sd[0]"),
    "icp dilution": ("icp", put("dilution", [1.0, -1.0]), "dilution[1]"),
    "icp no lod": ("icp", put("lod", [np.nan, np.nan]), "lod[1]"),
    "icp left value": ("icp", put("value", [1e-9, 1e-9]), "value[1]"),
    "icp no value": ("icp", put("value", [np.nan, np.nan]), "value[0]"),
    "icp word": ("icp", put("censoring", ["none", "above"]), "censoring[1]"),
    "icp right": ("icp", put("censoring", ["none", "right"]), "missing variable"),
    "spectra twice": ("spectra", lambda d: d.isel(wavelength=[0, 0]), "wavelength stamp repeated"),
    "spectra nan": ("spectra", put("signal", [[1.0, np.nan]]), "signal[0, 1]"),
    "spectra quantity": ("spectra", attr("quantity", "colour"), "attrs['quantity']"),
    "spectra exposure": ("spectra", attr("exposure_s", 0.0), "attrs['exposure_s']"),
    "readings infinite": ("icp_readings", put("reading", [[np.inf, 1.0]]), "reading[0, 0]"),
    "readings unit": ("icp_readings", put("unit", ["ppm", ""]), "unit[1]"),
}


@pytest.mark.parametrize(("make", "change", "words"), BAD.values(), ids=BAD)
def test_bad_dataset(make, change, words):
    ds = change(VALID[make]())
    with pytest.raises(DataError) as caught:
        schema.validate(ds)
    line = str(caught.value)
    assert caught.value.exit_code == 3
    assert line.startswith("x.csv: ")
    assert words in line
    assert "\n" not in line


def test_reference_may_be_missing_when_only_describing():
    ds = cv().assign_attrs(reference="")
    assert schema.validate(ds, reference_required=False) is ds


def test_density_with_unknown_area_is_valid():
    ds = cv().rename(current="current_density")
    assert schema.validate_cv(ds) is ds


def test_origin_names_file_and_line():
    ds = cv()
    ds["potential"][2] = np.nan
    origin = schema.Origin("folder/a.csv", lambda i: f"line {i + 2}")
    with pytest.raises(DataError, match=r"^folder/a\.csv: line 4, potential\[2\]: not a finite"):
        schema.validate(ds, origin=origin)


@given(st.integers(1, 4), st.floats(-1.0, 0.0))
def test_any_step_back_in_time_is_found(index, step):
    ds = cv()
    time = ds["time"].to_numpy().copy()
    time[index:] += time[index - 1] - time[index] + step
    ds = ds.assign_coords(time=("point", time))
    with pytest.raises(DataError, match=rf"time\[{index}\]"):
        schema.validate(ds)
