"""The nonlinear regressions of the NIST Statistical Reference Datasets: files and models.

Source: https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml
"""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jax import numpy as jnp

FOLDER = Path(__file__).parent / "data" / "nist_strd"


class Regression(NamedTuple):
    """One data set as its file states it."""

    y: np.ndarray
    """Response, shape (values,); the logarithm of Nelson's, which is what his model gives."""
    x: np.ndarray
    """Predictor, shape (values,); of two, shape (2, values)."""
    starts: np.ndarray
    """Starting values, shape (2, parameters)."""
    certified: np.ndarray
    """Parameters, shape (parameters,)."""
    sd: np.ndarray
    """Their standard deviations, shape (parameters,)."""
    residual_sd: float
    """Of y."""


def regression(name):
    """Read the file of a data set."""
    text = (FOLDER / f"{name}.dat").read_text(encoding="ascii")
    _, values = re.split(r"^Data:\s+y\s+x.*\n", text, flags=re.MULTILINE)
    y, *x = np.array([line.split() for line in values.strip().splitlines()], dtype=float).T
    rows = re.findall(r"^\s*b\d+ =(.*)$", text, flags=re.MULTILINE)
    first, second, certified, sd = np.array([row.split() for row in rows], dtype=float).T
    residual_sd = re.search(r"^Residual Standard Deviation:\s*(\S+)", text, flags=re.MULTILINE)
    return Regression(
        np.log(y) if name == "Nelson" else y,
        np.array(x).squeeze(),
        np.array([first, second]),
        certified,
        sd,
        float(residual_sd[1]),
    )


def _gaussians(b, x):
    first = b[2] * jnp.exp(-(((x - b[3]) / b[4]) ** 2))
    second = b[5] * jnp.exp(-(((x - b[6]) / b[7]) ** 2))
    return b[0] * jnp.exp(-b[1] * x) + first + second


def _decays(b, x):
    return b[0] * jnp.exp(-b[1] * x) + b[2] * jnp.exp(-b[3] * x) + b[4] * jnp.exp(-b[5] * x)


def _waves(b, x):
    turn = 2 * jnp.pi * x
    annual = b[1] * jnp.cos(turn / 12) + b[2] * jnp.sin(turn / 12)
    nino = b[4] * jnp.cos(turn / b[3]) + b[5] * jnp.sin(turn / b[3])
    southern = b[7] * jnp.cos(turn / b[6]) + b[8] * jnp.sin(turn / b[6])
    return b[0] + annual + nino + southern


def _cubics(b, x):
    above = b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3
    return above / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3)


MODELS = {
    "Bennett5": lambda b, x: b[0] * (b[1] + x) ** (-1 / b[2]),
    "BoxBOD": lambda b, x: b[0] * (1 - jnp.exp(-b[1] * x)),
    "Chwirut1": lambda b, x: jnp.exp(-b[0] * x) / (b[1] + b[2] * x),
    "Chwirut2": lambda b, x: jnp.exp(-b[0] * x) / (b[1] + b[2] * x),
    "DanWood": lambda b, x: b[0] * x ** b[1],
    "ENSO": _waves,
    "Eckerle4": lambda b, x: b[0] / b[1] * jnp.exp(-0.5 * ((x - b[2]) / b[1]) ** 2),
    "Gauss1": _gaussians,
    "Gauss2": _gaussians,
    "Gauss3": _gaussians,
    "Hahn1": _cubics,
    "Kirby2": lambda b, x: (b[0] + b[1] * x + b[2] * x**2) / (1 + b[3] * x + b[4] * x**2),
    "Lanczos1": _decays,
    "Lanczos2": _decays,
    "Lanczos3": _decays,
    "MGH09": lambda b, x: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "MGH10": lambda b, x: b[0] * jnp.exp(b[1] / (x + b[2])),
    "MGH17": lambda b, x: b[0] + b[1] * jnp.exp(-x * b[3]) + b[2] * jnp.exp(-x * b[4]),
    "Misra1a": lambda b, x: b[0] * (1 - jnp.exp(-b[1] * x)),
    "Misra1b": lambda b, x: b[0] * (1 - (1 + b[1] * x / 2) ** -2),
    "Misra1c": lambda b, x: b[0] * (1 - (1 + 2 * b[1] * x) ** -0.5),
    "Misra1d": lambda b, x: b[0] * b[1] * x / (1 + b[1] * x),
    "Nelson": lambda b, x: b[0] - b[1] * x[0] * jnp.exp(-b[2] * x[1]),
    "Rat42": lambda b, x: b[0] / (1 + jnp.exp(b[1] - b[2] * x)),
    "Rat43": lambda b, x: b[0] / (1 + jnp.exp(b[1] - b[2] * x)) ** (1 / b[3]),
    "Roszman1": lambda b, x: b[0] - b[1] * x - jnp.arctan(b[2] / (x - b[3])) / jnp.pi,
    "Thurber": _cubics,
}
"""Function of parameters (parameters,) and predictors, each as its file gives it."""
