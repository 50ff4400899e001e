"""The xarray schema of the techniques, and one validator for each.

Canonical units: V, A, s, cm, mol, mol cm^-3, K; anodic current positive. `ARCHITECTURE.md` lists
every variable and attribute. A validator returns the dataset it was given, unchanged, or raises a
`DataError` of one line.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, NamedTuple, NoReturn

import numpy as np
import xarray as xr

from perovec_bayes.errors import DataError

SCHEMA_VERSION = 1
TECHNIQUES = ("cv", "od", "icp", "spectra", "icp_readings")
SPECTRAL_QUANTITIES = (
    "intensity",
    "absorbance",
    "transmittance",
    "reflectance",
    "irradiance",
    "unknown",
)
FERROCENE = "Fc/Fc+"
"""The reference for which `reference_offset_V` is 0 by definition."""
CURRENT_SIGNS = ("anodic_positive", "cathodic_positive")
CENSORING = ("none", "left", "right")

TEMPERATURE_RANGE_K = (150.0, 500.0)
POTENTIAL_LIMIT_V = 20.0
CURRENT_LIMIT_A = 10.0
CURRENT_DENSITY_LIMIT = 10.0
"""Largest plausible magnitude of a current density [A cm^-2]."""
AREA_RANGE_CM2 = (1e-12, 1e4)
SCAN_RATE_LIMIT_V_S = 1e6
WAVELENGTH_RANGE_NM = (100.0, 5000.0)
ABSORBANCE_LIMIT = 10.0
CONCENTRATION_LIMIT = 0.03
"""Largest plausible concentration [mol cm^-3]: 30 mol/L."""


class Origin(NamedTuple):
    """Where a dataset comes from, so that an error can name the file and the line.

    Parameters
    ----------
    file : str
        The file as the user wrote it.
    where : callable
        Gives the place of the i-th point, time or measurement in the file, such as "line 18".
    """

    file: str
    where: Callable[[int], str]


class _Checker:
    """A dataset under validation, with the one way to complain about it."""

    def __init__(self, ds: xr.Dataset, origin: Origin | None) -> None:
        self.ds = ds
        self.origin = origin
        self.file = origin.file if origin else str(ds.attrs.get("source_file", "")) or None

    def fail(self, what: str, place: str, **clauses: object) -> NoReturn:
        hint = clauses.pop("hint", None)
        raise DataError(
            what, file=self.file, place=place, hint=None if hint is None else str(hint), **clauses
        )

    def at(self, name: str, *index: int) -> str:
        place = f"{name}[{', '.join(map(str, index))}]"
        return f"{self.origin.where(index[0])}, {place}" if self.origin else place

    def array(self, name: str, dims: tuple[str, ...], kind: str) -> np.ndarray:
        """Return a variable after checking that it is there with these dims and this kind."""
        if name not in self.ds.variables:
            self.fail("missing variable", name, expected=f"{name}{dims}")
        variable = self.ds[name]
        if variable.dims != dims:
            self.fail("wrong dimensions", name, expected=dims, found=variable.dims)
        values = variable.to_numpy()
        right = {
            "float": lambda: values.dtype.kind == "f",
            "int": lambda: values.dtype.kind in "iu",
            "text": lambda: values.dtype.kind in "UOT" and all(isinstance(v, str) for v in values),
        }[kind]()
        if not right:
            self.fail("wrong type", name, expected=f"{kind} values", found=f"dtype {values.dtype}")
        return values

    def every(
        self, good: np.ndarray, name: str, what: str, *, expected: str, hint: str | None = None
    ) -> None:
        """Fail at the first element of `name` for which `good` is false."""
        if good.all():
            return
        index = tuple(int(i) for i in np.argwhere(~good)[0])
        found = self.ds[name].to_numpy()[index]
        shown = repr(str(found)) if isinstance(found, str) else f"{found:.6g}"
        self.fail(what, self.at(name, *index), expected=expected, found=shown, hint=hint)

    def finite(self, values: np.ndarray, name: str) -> None:
        self.every(np.isfinite(values), name, "not a finite number", expected="a finite number")

    def within(
        self, values: np.ndarray, name: str, low: float, high: float, unit: str, hint: str
    ) -> None:
        good = (values >= low) & (values <= high)
        self.every(good, name, "implausible", expected=f"{low:g} to {high:g} {unit}", hint=hint)

    def increasing(self, values: np.ndarray, name: str, unit: str) -> None:
        bad = np.flatnonzero(np.diff(values) <= 0)
        if not bad.size:
            return
        i = int(bad[0])
        repeated = values[i + 1] == values[i]
        self.fail(
            f"{name} stamp repeated" if repeated else f"{name} goes back",
            self.at(name, i + 1),
            expected=f"more than {values[i]:.9g} {unit} ({self.at(name, i)})",
            found=f"{values[i + 1]:.9g} {unit}",
            hint="Delete the repeated row." if repeated else "Are two runs joined in one file?",
        )

    def attr(self, name: str, kind: type[Any] | tuple[type[Any], ...], expected: str) -> Any:
        if name not in self.ds.attrs:
            self.fail("missing attribute", f"attrs['{name}']", expected=expected)
        value = self.ds.attrs[name]
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, kind):
            self.fail("wrong type", f"attrs['{name}']", expected=expected, found=repr(value))
        return value

    def number(
        self, name: str, good: Callable[[float], bool], expected: str, hint: str | None = None
    ) -> float:
        """Return a numeric attribute after checking it; `good` decides about NaN as well."""
        value = float(self.attr(name, Real, expected))
        if not good(value):
            self.fail("bad value", f"attrs['{name}']", expected=expected, found=value, hint=hint)
        return value

    def choice(self, name: str, known: tuple[object, ...]) -> Any:
        expected = "one of " + ", ".join(map(repr, known))
        value = self.attr(name, (str, Real), expected)
        if value not in known:
            self.fail("unknown value", f"attrs['{name}']", expected=expected, found=repr(value))
        return value


def _common(check: _Checker, technique: str, dim: str, fewest: int) -> None:
    check.choice("technique", (technique,))
    check.choice("schema_version", (SCHEMA_VERSION,))
    for name in ("name", "source_file", "source_sha256", "reader"):
        if not check.attr(name, str, "a text") and name == "name":
            check.fail("empty", "attrs['name']", expected="a name")
    check.choice("synthetic", (0, 1))
    for name, value in check.ds.attrs.items():
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, (str, Integral, Real)):
            check.fail(
                "not storable",
                f"attrs['{name}']",
                expected="a str, int or float",
                found=repr(value),
            )
    found = check.ds.sizes.get(dim, 0)
    if found < fewest:
        check.fail("too short", f"dimension '{dim}'", expected=f"{fewest} or more", found=found)


def _temperature(check: _Checker) -> None:
    low, high = TEMPERATURE_RANGE_K
    check.number(
        "temperature_K", lambda t: low <= t <= high, f"{low:g} to {high:g} K", "Is it in degC?"
    )
    check.choice("temperature_assumed", (0, 1))


def _clock(check: _Checker) -> None:
    check.number("clock_offset_s", np.isfinite, "a finite number")
    check.number("clock_offset_sd_s", lambda s: 0 <= s < np.inf, "0 or more")
    check.choice("clock_offset_assumed", (0, 1))


def _reference(check: _Checker, required: bool) -> None:
    reference = check.attr("reference", str, "the reference electrode")
    if required and not reference.strip():
        check.fail(
            "a potential without a reference",
            "attrs['reference']",
            expected="a reference electrode such as 'Ag/AgCl' or 'Fc/Fc+'",
            found="none",
            hint="State meta.reference.",
        )
    offset = check.number(
        "reference_offset_V",
        lambda v: np.isnan(v) or abs(v) <= POTENTIAL_LIMIT_V,
        f"NaN or at most {POTENTIAL_LIMIT_V:g} V in magnitude",
        "Is it in mV?",
    )
    if reference == FERROCENE and offset != 0:
        check.fail(
            "wrong offset", "attrs['reference_offset_V']", expected="0 against Fc/Fc+", found=offset
        )


def validate_cv(
    ds: xr.Dataset, *, origin: Origin | None = None, reference_required: bool = True
) -> xr.Dataset:
    """Check a cyclic voltammogram against the schema.

    Parameters
    ----------
    ds : xarray.Dataset
        Dimension `point`; `time` [s], `potential` [V], one of `current` [A] and `current_density`
        [A cm^-2], `cycle`.
    origin : Origin, optional
        Lets the error name the line of the file.
    reference_required : bool
        False lets `attrs["reference"]` be empty and the sign of the current be assumed: enough to
        describe a file, not to fit it.

    Returns
    -------
    xarray.Dataset
        `ds`, unchanged.

    Raises
    ------
    DataError
        At the first thing wrong.
    """
    check = _Checker(ds, origin)
    _common(check, "cv", "point", 2)
    dims = ("point",)
    time = check.array("time", dims, "float")
    check.finite(time, "time")
    check.increasing(time, "time", "s")
    potential = check.array("potential", dims, "float")
    check.finite(potential, "potential")
    limit = POTENTIAL_LIMIT_V
    check.within(potential, "potential", -limit, limit, "V", "Is it in mV?")

    area_known = not np.isnan(
        check.number(
            "area_cm2",
            lambda a: np.isnan(a) or AREA_RANGE_CM2[0] <= a <= AREA_RANGE_CM2[1],
            f"NaN or {AREA_RANGE_CM2[0]:g} to {AREA_RANGE_CM2[1]:g} cm^2",
            "Check the unit of the area.",
        )
    )
    both = [name for name in ("current", "current_density") if name in ds.variables]
    if len(both) != 1:
        found = " and ".join(both) or "neither"
        check.fail("ambiguous", "current", expected="current or current_density", found=found)
    name = both[0]
    if name == "current" and area_known:
        check.fail("area known", "current", expected="current_density [A cm^-2]", found="current")
    current = check.array(name, dims, "float")
    check.finite(current, name)
    unit, top = ("A", CURRENT_LIMIT_A) if name == "current" else ("A/cm^2", CURRENT_DENSITY_LIMIT)
    check.within(current, name, -top, top, unit, "Is it in mA or uA, or is the area wrong?")

    cycle = check.array("cycle", dims, "int")
    check.every(cycle >= 1, "cycle", "bad cycle number", expected="whole numbers from 1")
    onward = np.diff(cycle, prepend=cycle[0]) >= 0
    check.every(onward, "cycle", "cycle number goes back", expected="cycles in order of time")

    if "hold" in ds.variables:
        hold = check.array("hold", dims, "int")
        check.every((hold == 0) | (hold == 1), "hold", "bad mark of a hold", expected="0 or 1")
    if "current_sign_assumed" in ds.attrs:
        assumed = check.choice("current_sign_assumed", (0, 1))
        if assumed and reference_required:
            check.fail(
                "the sign of the current is not known",
                "attrs['current_sign_assumed']",
                expected="the sign convention of the file",
                found="a format in which either may be written",
                hint="State meta.current_sign.",
            )
    _reference(check, reference_required)
    for name in ("reference_offset_sd_V", "area_sd_cm2"):
        check.number(name, lambda s: np.isnan(s) or 0 <= s < np.inf, "NaN or 0 or more")
    check.number(
        "scan_rate_V_s",
        lambda v: 0 <= v <= SCAN_RATE_LIMIT_V_S,
        f"0 to {SCAN_RATE_LIMIT_V_S:g} V/s",
        "Is the time in the right unit?",
    )
    check.choice("source_current_sign", CURRENT_SIGNS)
    _temperature(check)
    return ds


def validate_od(ds: xr.Dataset, *, origin: Origin | None = None) -> xr.Dataset:
    """Check an optical-density record against the schema.

    Parameters
    ----------
    ds : xarray.Dataset
        `absorbance(time, band)` or `absorbance(time, wavelength)` [1], `time` [s], and `band`
        with `band_low_nm` and `band_high_nm`, or `wavelength` [nm], perhaps with `film(wavelength)`
        [1], the spectrum of the untouched film.
    origin : Origin, optional
        Lets the error name the line of the file.

    Returns
    -------
    xarray.Dataset
        `ds`, unchanged.

    Raises
    ------
    DataError
        At the first thing wrong.
    """
    check = _Checker(ds, origin)
    _common(check, "od", "time", 2)
    time = check.array("time", ("time",), "float")
    check.finite(time, "time")
    check.increasing(time, "time", "s")
    across = [dim for dim in ("band", "wavelength") if dim in ds.dims]
    if len(across) != 1:
        found = " and ".join(across) or "neither"
        check.fail("ambiguous", "absorbance", expected="band or wavelength", found=found)
    dim = across[0]
    absorbance = check.array("absorbance", ("time", dim), "float")
    check.finite(absorbance, "absorbance")
    limit = ABSORBANCE_LIMIT
    hint = "Is it in mOD, or a transmittance in percent?"
    check.within(absorbance, "absorbance", -limit, limit, "(decadic)", hint)

    inner = _Checker(ds, None)  # bands and wavelengths stand across the file: no line to name
    inner.file = check.file
    low, high = WAVELENGTH_RANGE_NM
    edges = ("wavelength",) if dim == "wavelength" else ("band_low_nm", "band_high_nm")
    for name in edges:
        values = inner.array(name, (dim,), "float")
        inner.within(values, name, low, high, "nm", "Is it in um, eV or cm^-1?")
    if dim == "wavelength":
        inner.increasing(ds["wavelength"].to_numpy(), "wavelength", "nm")
        if "film" in ds:
            inner.finite(inner.array("film", (dim,), "float"), "film")
            check.choice("film_is_measured", (0, 1))
    else:
        names = inner.array("band", ("band",), "text")
        inner.every(names != "", "band", "a band without a name", expected="a name")
        once = np.array([list(names).index(b) == i for i, b in enumerate(names)])
        inner.every(once, "band", "band named twice", expected="each name once")
        wide = ds["band_high_nm"].to_numpy() > ds["band_low_nm"].to_numpy()
        inner.every(wide, "band_high_nm", "empty band", expected="more than band_low_nm")
    _clock(check)
    _temperature(check)
    return ds


def validate_icp(ds: xr.Dataset, *, origin: Origin | None = None) -> xr.Dataset:
    """Check a table of ICP-OES concentrations against the schema.

    Parameters
    ----------
    ds : xarray.Dataset
        Dimension `measurement`; `sample`, `element`, `solute`, `solvent`, `replicate`, `value`,
        `sd`, `lod` [mol cm^-3], `dilution`, `censoring`; `upper` [mol cm^-3] where one of them is
        censored from the right.
    origin : Origin, optional
        Lets the error name the line of the file.

    Returns
    -------
    xarray.Dataset
        `ds`, unchanged.

    Raises
    ------
    DataError
        At the first thing wrong.
    """
    check = _Checker(ds, origin)
    _common(check, "icp", "measurement", 1)
    dims = ("measurement",)
    for name in ("sample", "element", "solute", "solvent"):
        texts = check.array(name, dims, "text")
        check.every(texts != "", name, "empty", expected="a text")
    replicate = check.array("replicate", dims, "int")
    check.every(replicate >= 1, "replicate", "bad replicate", expected="whole numbers from 1")
    above = ["upper"] if "upper" in ds.variables else []
    for name in ("value", "sd", "lod", "dilution", *above):
        values = check.array(name, dims, "float")
        positive = np.isnan(values) | ((values > 0) & np.isfinite(values))
        check.every(positive, name, "not positive", expected="a positive number, or NaN if unknown")
        if name != "dilution":
            plausible = np.isnan(values) | (values <= CONCENTRATION_LIMIT)
            check.every(
                plausible,
                name,
                "implausible",
                expected=f"at most {CONCENTRATION_LIMIT:g} mol/cm^3",
                hint="Is it in mol/L?",
            )
    censoring = check.array("censoring", dims, "text")
    known = np.isin(censoring.astype(str), CENSORING)
    check.every(known, "censoring", "unknown censoring", expected="'none', 'left' or 'right'")
    left, right = censoring == "left", censoring == "right"
    value, lod = ds["value"].to_numpy(), ds["lod"].to_numpy()
    check.every(~left | ~np.isnan(lod), "lod", "left-censored without a limit", expected="a lod")
    check.every(~left | np.isnan(value), "value", "left-censored with a value", expected="NaN")
    if right.any():
        upper = check.array("upper", dims, "float")
        check.every(
            ~right | ~np.isnan(upper), "upper", "right-censored without a limit", expected="a limit"
        )
        check.every(
            ~right | np.isnan(value), "value", "right-censored with a value", expected="NaN"
        )
    hidden = left | right
    check.every(
        hidden | ~np.isnan(value), "value", "no value, yet not censored", expected="a value"
    )
    return ds


def validate_spectra(ds: xr.Dataset, *, origin: Origin | None = None) -> xr.Dataset:
    """Check spectra that are no record of absorbance against the schema.

    Parameters
    ----------
    ds : xarray.Dataset
        `signal(time, wavelength)` in `attrs["signal_unit"]`, `time` [s] (one or more),
        `wavelength` [nm], `attrs["quantity"]`.
    origin : Origin, optional
        Lets the error name the frame.

    Returns
    -------
    xarray.Dataset
        `ds`, unchanged.

    Raises
    ------
    DataError
        At the first thing wrong.
    """
    check = _Checker(ds, origin)
    _common(check, "spectra", "time", 1)
    time = check.array("time", ("time",), "float")
    check.finite(time, "time")
    check.increasing(time, "time", "s")
    signal = check.array("signal", ("time", "wavelength"), "float")
    check.finite(signal, "signal")
    inner = _Checker(ds, None)
    inner.file = check.file
    nm = inner.array("wavelength", ("wavelength",), "float")
    low, high = WAVELENGTH_RANGE_NM
    inner.within(nm, "wavelength", low, high, "nm", "Is it in um, eV or cm^-1?")
    inner.increasing(nm, "wavelength", "nm")
    check.choice("quantity", SPECTRAL_QUANTITIES)
    check.attr("signal_unit", str, "a unit")
    _clock(check)
    check.number("exposure_s", lambda v: np.isnan(v) or 0 < v < np.inf, "NaN or a positive number")
    check.attr("start_time", str, "a time stamp")
    _temperature(check)
    return ds


def validate_icp_readings(ds: xr.Dataset, *, origin: Origin | None = None) -> xr.Dataset:
    """Check ICP-OES readings that are not yet concentrations of an element in mol cm^-3.

    Parameters
    ----------
    ds : xarray.Dataset
        `reading(solution, line)`, NaN where there is none; `label(solution)`; `element(line)`,
        `emission(line)` [nm], `line` (its name), `unit(line)` as in the file.
    origin : Origin, optional
        Lets the error name the line of the file.

    Returns
    -------
    xarray.Dataset
        `ds`, unchanged.

    Raises
    ------
    DataError
        At the first thing wrong.
    """
    check = _Checker(ds, origin)
    _common(check, "icp_readings", "solution", 1)
    reading = check.array("reading", ("solution", "line"), "float")
    finite = np.isnan(reading) | np.isfinite(reading)
    check.every(finite, "reading", "infinite", expected="a finite number, or NaN where missing")
    check.array("label", ("solution",), "text")
    inner = _Checker(ds, None)
    inner.file = check.file
    for name in ("line", "element", "unit"):
        texts = inner.array(name, ("line",), "text")
        inner.every(texts != "", name, "empty", expected="a text")
    inner.finite(inner.array("emission", ("line",), "float"), "emission")
    return ds


def validate(
    ds: xr.Dataset, *, origin: Origin | None = None, reference_required: bool = True
) -> xr.Dataset:
    """Check a dataset of any technique, by `attrs["technique"]`.

    Parameters
    ----------
    ds : xarray.Dataset
        Dataset of one of `TECHNIQUES`.
    origin : Origin, optional
        Lets the error name the line of the file.
    reference_required : bool
        False lets a CV be without a reference, as `validate_cv` says.

    Returns
    -------
    xarray.Dataset
        `ds`, unchanged.

    Raises
    ------
    DataError
        At the first thing wrong.
    """
    technique = _Checker(ds, origin).choice("technique", TECHNIQUES)
    if technique == "cv":
        return validate_cv(ds, origin=origin, reference_required=reference_required)
    checks = {
        "od": validate_od,
        "icp": validate_icp,
        "spectra": validate_spectra,
        "icp_readings": validate_icp_readings,
    }
    return checks[technique](ds, origin=origin)
