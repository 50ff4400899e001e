"""Posteriors of posteriordb through the sampler and the gate: `data/posteriordb/README.md`."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pymc as pm
import pytest
from jax import lax
from jax import numpy as jnp
from known_posteriors import described, moments
from pytensor import tensor as pt

from perovec_bayes.diagnostics import check
from perovec_bayes.diagnostics.scalars import dataset, scalars
from perovec_bayes.inference.bridge import wrap
from perovec_bayes.inference.sample import sample

FOLDER = Path(__file__).parent / "data" / "posteriordb"


def eight_schools(data):
    """Effects of coaching in eight schools, with a spread of their own."""
    with pm.Model(coords={"school": range(1, 1 + data["J"])}) as model:
        mu = pm.Normal("mu", 0.0, 5.0)
        tau = pm.HalfCauchy("tau", 5.0)
        z = pm.Normal("z", 0.0, 1.0, dims="school")
        theta = pm.Deterministic("theta", mu + tau * z, dims="school")
        pm.Normal("y", theta, np.array(data["sigma"], float), observed=data["y"], dims="school")
    return model


def autoregression(data):
    """A time series that depends on its last five values."""
    y, lags = np.array(data["y"]), range(1, 1 + data["K"])
    past = np.stack([y[data["K"] - lag : -lag] for lag in lags], axis=1)
    with pm.Model(coords={"lag": lags, "time": range(len(past))}) as model:
        alpha = pm.Normal("alpha", 0.0, 10.0)
        beta = pm.Normal("beta", 0.0, 10.0, dims="lag")
        sigma = pm.HalfCauchy("sigma", 2.5)
        pm.Normal("y", alpha + past @ beta, sigma, observed=y[data["K"] :], dims="time")
    return model


def regression(data):
    """A linear regression that fixes its coefficients to a ten-thousandth of their prior."""
    coords = {"column": range(1, 1 + data["D"]), "row": range(data["N"])}
    with pm.Model(coords=coords) as model:
        beta = pm.Normal("beta", 0.0, 10.0, dims="column")
        sigma = pm.HalfNormal("sigma", 10.0)
        mean = np.array(data["X"]) @ beta
        pm.Normal("y", mean, sigma, observed=np.array(data["y"]), dims="row")
    return model


def gaussian_process(data):
    """Counts whose logarithm is a smooth function."""
    x = np.array(data["x"], float)
    square = (x[:, None] - x) ** 2
    with pm.Model(coords={"place": range(1, 1 + data["N"])}) as model:
        rho = pm.Gamma("rho", 25.0, 4.0)
        alpha = pm.HalfNormal("alpha", 2.0)
        z = pm.Normal("z", 0.0, 1.0, dims="place")
        covariance = alpha**2 * pt.exp(-0.5 * square / rho**2) + 1e-10 * np.eye(len(x))
        f = pm.Deterministic("f", pt.linalg.cholesky(covariance) @ z, dims="place")
        pm.Poisson("k", pt.exp(f), observed=data["k"], dims="place")
    return model


YEARS, STEPS = 20, 20
"""Years after the first, and Runge-Kutta steps in each."""


def populations(theta, start):
    """Hares and lynx, shape (years + 1, 2), by the classical Runge-Kutta method."""
    alpha, beta, gamma, delta = theta
    h = 1.0 / STEPS

    def slope(z):
        return jnp.stack([(alpha - beta * z[1]) * z[0], (delta * z[0] - gamma) * z[1]])

    def step(z, _):
        k1 = slope(z)
        k2 = slope(z + 0.5 * h * k1)
        k3 = slope(z + 0.5 * h * k2)
        k4 = slope(z + h * k3)
        return z + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), z

    _, path = lax.scan(step, start, length=YEARS * STEPS + 1)
    return path[::STEPS]


def predator_and_prey(data):
    """Pelts of hares and lynx by the equations of Lotka and Volterra, through the JAX bridge."""
    assert data["ts"] == list(range(1, YEARS + 1))
    pelts = np.array([data["y_init"], *data["y"]])
    coords = {"rate": [1, 2, 3, 4], "species": [1, 2], "year": range(YEARS + 1)}
    with pm.Model(coords=coords) as model:
        theta = pm.TruncatedNormal(
            "theta",
            np.array([1.0, 0.05, 1.0, 0.05]),
            np.array([0.5, 0.05, 0.5, 0.05]),
            lower=0.0,
            dims="rate",
        )
        start = pm.LogNormal("z_init", np.log(10.0), 1.0, dims="species")
        sigma = pm.LogNormal("sigma", -1.0, 1.0, dims="species")
        mean = pt.log(wrap(populations)(theta, start))
        pm.LogNormal("y", mean, sigma, observed=pelts, dims=("year", "species"))
    return model


class Reference(NamedTuple):
    """A posterior, and what our sampler needs for it."""

    model: Callable
    target_accept: float = 0.8
    slow: bool = False


REFERENCES = {
    "eight_schools-eight_schools_noncentered": Reference(eight_schools, 0.95),
    "arK-arK": Reference(autoregression),
    "sblrc-blr": Reference(regression),
    "gp_pois_regr-gp_pois_regr": Reference(gaussian_process, 0.9, slow=True),
    "hudson_lynx_hare-lotka_volterra": Reference(predator_and_prey, slow=True),
}


def expected(posterior):
    """Reference: quantity -> (mean, sd) and the Monte Carlo errors of both."""
    with (FOLDER / "reference.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["posterior"] == posterior]
    return {
        row["quantity"]: (
            np.array([float(row["mean"]), float(row["sd"])]),
            np.array([float(row["mcse_mean"]), float(row["mcse_sd"])]),
        )
        for row in rows
    }


EACH = [
    pytest.param(name, marks=[pytest.mark.slow] * reference.slow)
    for name, reference in REFERENCES.items()
]


@pytest.fixture(scope="module", params=EACH)
def sampled(request):
    """One of them, sampled as long as a study is unless it says otherwise."""
    reference = REFERENCES[request.param]
    data = json.loads((FOLDER / f"{request.param.split('-')[0]}.json").read_text())
    model = described(reference.model(data))
    return request.param, sample(model, seed=31, target_accept=reference.target_accept)


def test_the_gate_passes(sampled):
    assert check(sampled[1]).failures == ()


def test_means_and_sds_are_those_of_the_reference(sampled):
    """Every one within 4 combined Monte Carlo errors, which are below 6 % of the sd."""
    posterior, tree = sampled
    found = {scalar.name: scalar.draws for scalar in scalars(dataset(tree, "posterior"))}
    table = expected(posterior)
    assert len(table) >= 6
    for name, (reference, error) in table.items():
        ours, our_error = moments(found[name])
        combined = np.hypot(error, our_error)
        assert (np.abs(ours - reference) < 4 * combined).all(), (name, ours, reference, combined)
        assert (combined < 0.06 * reference[1]).all(), (name, combined)
