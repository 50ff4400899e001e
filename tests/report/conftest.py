"""A synthetic result that follows the contract of ARCHITECTURE.md, made without any sampler."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from perovec_bayes.diagnostics import check
from perovec_bayes.report.content import Document
from perovec_bayes.report.document import document

CHAINS, DRAWS, KEPT = 4, 500, 60
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def attrs(unit: str, role: str, description: str, **more: object) -> dict[str, object]:
    common = {"unit": unit, "symbol": "", "role": role, "description": description}
    return {**common, "free": 1, "kind": "value", "scale": "linear", **more}


def parameters(rng: np.random.Generator, shape: tuple[int, ...], prior: bool) -> xr.Dataset:
    """Draw the parameters; those of the prior are wide, save `alpha`, which is not learned."""
    wide = 1.0 if prior else 0.0

    def normal(mean: float, before: float, after: float, *extra: int) -> np.ndarray:
        return rng.normal(mean, before if wide else after, (*shape, *extra))

    sample = ("chain", "draw")
    log_k = np.stack([normal(-11.7, 3.0, 0.12), -37.0 - np.abs(normal(0, 4.0, 2.5))], axis=-1)
    films = np.stack([(log_k[..., 0] - np.log10(27)) / 5, (log_k[..., 1] - np.log10(27)) / 5], -1)
    ligands = np.array([-4.3, -1.48]) + normal(0, 0.8, 0.05, 2)
    log_s = np.stack([films, ligands], axis=-2)
    variables = {
        "E_dec": (
            sample,
            normal(-1.7, 0.3, 0.004),
            attrs("V", "primary", "decomposition potential", threshold=-1.7, display_unit="mV"),
        ),
        "K_sp": (
            (*sample, "solvent"),
            10**log_k,
            attrs(
                "1",
                "derived",
                "solubility product, standard state 1 mol/L",
                free=0,
                scale="log",
                upper_limit_mask="[false, true]",
            ),
        ),
        "s": (
            (*sample, "solute", "solvent"),
            1e-3 * 10**log_s,
            attrs(
                "mol cm^-3",
                "primary",
                "solubility",
                scale="log",
                display_unit="mol/L",
                upper_limit_mask="[false, true, false, false]",
            ),
        ),
        "D_Pb": (
            sample,
            10 ** normal(-5.6, 0.4, 0.03),
            attrs("cm^2/s", "primary", "diffusion coefficient of Pb2+", scale="log"),
        ),
        "alpha": (sample, normal(0.5, 0.1, 0.1), attrs("1", "primary", "transfer coefficient")),
        "theta_max": (
            sample,
            np.abs(normal(0, 0.1, 0.05)),
            attrs(
                "1", "primary", "share of lead left behind", kind="upper_limit", support="positive"
            ),
        ),
        "n_electrons": (sample, np.full(shape, 2.0), attrs("1", "derived", "electrons", free=0)),
        "sigma_i": (
            sample,
            2e-7 * np.exp(normal(0, 1.0, 0.03)),
            attrs("A", "ancillary", "noise of the current", scale="log", display_unit="uA"),
        ),
    }
    coords = {"solvent": ["PC", "DCM"], "solute": ["CsPbBr3", "Pb(OA)2"]}
    return xr.Dataset(variables, coords=coords)


def voltammogram(rng: np.random.Generator, cycles: int) -> tuple[xr.Dataset, ...]:
    half = 60
    sweep = np.concatenate([np.linspace(-0.2, -2.0, half), np.linspace(-2.0, -0.2, half)])
    potential = np.tile(sweep, cycles)
    cycle = np.repeat(np.arange(1, cycles + 1), 2 * half)
    time = np.arange(potential.size) * 3.0
    down = np.tile(np.repeat([1.0, 0.0], half), cycles)
    curve = -4e-6 / (1 + np.exp((potential + 1.75) / 0.04)) / cycle * (0.4 + 0.6 * down)
    curve += 1.5e-6 * (1 - down) * np.exp(-(((potential + 1.0) / 0.08) ** 2))
    scale = rng.normal(1, 0.02, (2, KEPT, 1))
    mean = curve * scale
    noisy = mean + rng.normal(0, 1e-7, mean.shape)
    dim = "cv1_point"
    observed = xr.Dataset({"cv1": (dim, curve + rng.normal(0, 1e-7, curve.shape))})
    predictive = xr.Dataset(
        {"cv1": (("chain", "draw", dim), noisy), "cv1_mean": (("chain", "draw", dim), mean)}
    )
    constant = xr.Dataset(
        {"cv1_time": (dim, time), "cv1_potential": (dim, potential), "cv1_cycle": (dim, cycle)}
    )
    return observed, predictive, constant


def absorbance(rng: np.random.Generator, time: np.ndarray) -> tuple[xr.Dataset, ...]:
    clock = time[::4]
    curve = np.column_stack([0.8 / (1 + np.exp((clock - 500) / 120)), 0.02 + 1e-5 * clock])
    mean = curve * rng.normal(1, 0.01, (2, KEPT, 1, 1))
    noisy = mean + rng.normal(0, 0.004, mean.shape)
    dims = ("od1_time", "od1_band")
    coords = {"od1_time": clock, "od1_band": ["band_edge", "sub_gap"]}
    observed = xr.Dataset({"od1": (dims, curve + rng.normal(0, 0.004, curve.shape))}, coords)
    full = ("chain", "draw", *dims)
    predictive = xr.Dataset({"od1": (full, noisy), "od1_mean": (full, mean)}, coords)
    constant = xr.Dataset(
        {
            "od1_time": ("od1_time", clock),
            "od1_band": ("od1_band", ["band_edge", "sub_gap"]),
            "od1_band_low_nm": ("od1_band", [500.0, 550.0]),
            "od1_band_high_nm": ("od1_band", [550.0, 600.0]),
        }
    )
    return observed, predictive, constant


def solubility(
    rng: np.random.Generator, sample: str, censored: list[bool]
) -> tuple[xr.Dataset, ...]:
    solute = ["CsPbBr3", "CsPbBr3", "Pb(OA)2", "CsPbBr3"]
    solvent = ["PC", "PC", "DCM", "DCM"]
    truth = np.array([2.38e-6, 2.38e-6, 3.3e-6, 1.1e-11])
    mean = truth * np.exp(rng.normal(0, 0.04, (2, KEPT, 4)))
    noisy = mean * np.exp(rng.normal(0, 0.08, mean.shape))
    noisy[..., 3] = mean[..., 3] + rng.normal(0, 1e-10, mean.shape[:2])
    left = np.array(censored)
    dim = "icp1_measurement"
    observed = xr.Dataset({"icp1": (dim, np.where(left, np.nan, truth * [1.04, 0.93, 1.01, 1.5]))})
    full = ("chain", "draw", dim)
    predictive = xr.Dataset({"icp1": (full, noisy), "icp1_mean": (full, mean)})
    constant = xr.Dataset(
        {
            "icp1_sample": (dim, [sample] * 4),
            "icp1_element": (dim, ["Pb"] * 4),
            "icp1_solute": (dim, solute),
            "icp1_solvent": (dim, solvent),
            "icp1_replicate": (dim, [1, 2, 1, 1]),
            "icp1_dilution": (dim, [1.0, 1.0, 10.0, np.nan]),
            "icp1_lod": (dim, [1e-10, 1e-10, 1e-10, 2.4e-10]),
            "icp1_sd": (dim, truth * [0.05, 0.05, 0.05, np.nan]),
            "icp1_censoring": (dim, np.where(left, "left", "none")),
        }
    )
    return observed, predictive, constant


def root(sample: str, synthetic: int) -> dict[str, str]:
    common = {"source_sha256": SHA, "synthetic": synthetic, "temperature_K": 298.15}
    common |= {"temperature_assumed": 1, "sample": sample, "solvent": "DCM"}
    observables = {
        "cv1": {
            "technique": "cv",
            "unit": "A",
            "dims": ["cv1_point"],
            "source_file": "film.mpt",
            "reference": "Ag/AgCl",
            "reference_offset_V": 0.4,
            "reference_offset_sd_V": 0.02,
            "area_cm2": float("nan"),
            "scan_rate_V_s": 0.01,
            "reader": "eclab",
            **common,
        },
        "od1": {
            "technique": "od",
            "unit": "1",
            "dims": ["od1_time", "od1_band"],
            "source_file": "film-od.csv",
            "clock_offset_s": 2.0,
            "clock_offset_sd_s": 0.0,
            "clock_offset_assumed": 0,
            "reader": "table",
            **common,
        },
        "icp1": {
            "technique": "icp",
            "unit": "mol cm^-3",
            "dims": ["icp1_measurement"],
            "source_file": "icp.xlsx",
            "reader": "icp",
            **common,
        },
    }
    priors = {
        "E_dec": {
            "symbol": "E_dec",
            "unit": "V",
            "description": "decomposition potential",
            "text": "Normal(mean -1.7 V, sd 0.3 V)",
            "reason": "wave II in the voltammogram",
            "source": "doi:10.1021/jacs.4c06340",
            "role": "primary",
            "fixed": False,
        },
        "alpha": {
            "symbol": "α",
            "unit": "1",
            "description": "transfer coefficient",
            "text": "Normal(mean 0.5, sd 0.1)",
            "reason": "symmetric barrier",
            "source": "",
            "role": "primary",
            "fixed": False,
        },
        "T": {
            "symbol": "T",
            "unit": "K",
            "description": "temperature",
            "text": "fixed at 298.15 K",
            "reason": "room temperature, not measured",
            "source": "",
            "role": "ancillary",
            "fixed": True,
        },
    }
    card = {
        "name": "film-decomposition",
        "title": "Cathodic decomposition of a film",
        "description": "The film is reduced to lead; the lead is stripped on the return sweep.",
        "mechanism": "film_decomposition",
        "options": {"nucleation": True, "species": ["Pb", "Br"]},
        "noise": {"cv1": "Gaussian with AR(1) correlation", "od1": "Gaussian"},
        "references": [
            "Mulder et al., J. Am. Chem. Soc. 2024, 146, 24415, doi:10.1021/jacs.4c06340"
        ],
    }
    provenance = {
        "versions": {"perovec_bayes": "0.1.0", "pymc": "6.4.0", "python": "3.12.4"},
        "seed": 20240917,
        "command": "perovec fit study.toml --out runs",
        "created": "2025-01-31T12:00:00Z",
        "wall_time_s": 91.4,
        "sampler": {"name": "nutpie", "chains": CHAINS, "draws": DRAWS},
        "data": [{"name": "cv1", "file": "film.mpt", "sha256": SHA}],
    }
    study = {"name": "demo", "title": f"Demonstration on {sample}", "notes": "Made up."}
    values = {
        "card": card,
        "study": study,
        "observables": observables,
        "priors": priors,
        "provenance": provenance,
    }
    return {name: json.dumps(value) for name, value in values.items()}


def make(
    *,
    sample: str = "film A",
    cycles: int = 3,
    censored: tuple[bool, ...] = (False, False, False, True),
    synthetic: int = 1,
    divergences: int = 0,
) -> xr.DataTree:
    rng = np.random.default_rng(7)
    cv = voltammogram(rng, cycles)
    od = absorbance(rng, cv[2]["cv1_time"].to_numpy())
    icp = solubility(rng, sample, list(censored))
    observed, predictive, constant = (xr.merge(parts) for parts in zip(cv, od, icp, strict=True))
    diverging = np.zeros((CHAINS, DRAWS), dtype=bool)
    diverging.flat[:divergences] = True
    energy = rng.normal(50, 3, (CHAINS, DRAWS))
    stats = xr.Dataset(
        {"diverging": (("chain", "draw"), diverging), "energy": (("chain", "draw"), energy)}
    )
    tree = xr.DataTree.from_dict(
        {
            "posterior": parameters(rng, (CHAINS, DRAWS), prior=False),
            "prior": parameters(rng, (1, DRAWS), prior=True),
            "posterior_predictive": predictive,
            "observed_data": observed,
            "constant_data": constant,
            "sample_stats": stats,
        }
    )
    tree.attrs = root(sample, synthetic)
    tree.attrs["gate"] = check(tree).to_json()
    return tree


@pytest.fixture(scope="session")
def make_tree() -> Callable[..., xr.DataTree]:
    return make


@pytest.fixture(scope="session")
def tree() -> xr.DataTree:
    return make()


@pytest.fixture(scope="session")
def content(tree: xr.DataTree) -> Document:
    return document(tree)
