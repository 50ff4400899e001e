"""Models whose posteriors are known by other means, and the comparison of draws with them."""

import numpy as np
import pymc as pm
from arviz_stats.base import array_stats
from builders import hypothesis, icp, with_parameters
from scipy import stats

from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import load_card
from perovec_bayes.inference.model import ModelInfo, Quantity, attach
from perovec_bayes.inference.priors import LogNormal


def effective(draws):
    """Effective number of draws (chain, draw)."""
    return float(array_stats.ess(np.asarray(draws, dtype=float), method="mean"))


def moments(draws):
    """Mean and sd of draws (chain, draw), and the Monte Carlo errors of both."""
    draws = np.asarray(draws, dtype=float)
    errors = [float(array_stats.mcse(draws, method=method)) for method in ("mean", "sd")]
    return np.array([draws.mean(), draws.std(ddof=1)]), np.array(errors)


def apart(one, other):
    """Distance of the means and of the sds, in Monte Carlo errors of their difference."""
    (first, its_error), (second, error) = moments(one), moments(other)
    return np.abs(first - second) / np.hypot(its_error, error)


def described(model):
    """Attach what results and reports need to a model that no card has made."""
    info = ModelInfo(load_card("solubility"), {})
    for variable in (*model.free_RVs, *model.deterministics):
        info.quantities[variable.name] = Quantity(
            "V", variable.name, "for a test", "primary", free=variable in model.free_RVs
        )
    attach(model, info)
    return model


# --- a straight line with a known error: Gaussian ----------------------------------------------

X = np.linspace(-1.0, 2.0, 12)
Y = 0.7 - 0.4 * X + 0.5 * np.sin(5.0 * X)
PRIOR_SD, NOISE = np.array([2.0, 1.0]), 0.5


def line():
    """The model."""
    with pm.Model(coords={"point": range(len(X))}) as model:
        a, b = (pm.Normal(name, 0.0, sd) for name, sd in zip("ab", PRIOR_SD, strict=True))
        pm.Normal("y", a + b * X, NOISE, observed=Y, dims="point")
    return described(model)


def line_exactly():
    """Mean and covariance of its posterior."""
    design = np.stack([np.ones_like(X), X], axis=1)
    precision = design.T @ design / NOISE**2 + np.diag(1 / PRIOR_SD**2)
    covariance = np.linalg.inv(precision)
    return covariance @ design.T @ Y / NOISE**2, covariance


# --- solubilities: measured, bounded from above, with one of two dilutions; errors are fixed -----

PREPARATION, INSTRUMENT = 0.1, 0.05
PRIOR = LogNormal(median=1e-7, sd_ln=3.0, unit="mol/cm^3", reason="for a test")
READINGS = (
    {"sample": "A", "value": 1.00e-6, "sd": 5e-8},
    {"sample": "A", "value": 1.10e-6, "sd": 5e-8, "replicate": 2},
    {"sample": "B", "value": 0.60e-6, "sd": 4e-8, "dilution": 2.0},
    {"sample": "C", "solvent": "DCM", "lod": 5e-8},
)
AMBIGUOUS = {"sample": "D", "solvent": "THF", "value": 3e-8, "sd": 1e-9, "dilution": np.nan}
HYPOTHESES = (
    hypothesis("dilute", 0.6, 30.0, 0.1, solvent="THF"),
    hypothesis("as is", 0.4, 1.0, 0.2, solvent="THF"),
)


def solubilities(*, ambiguous=False):
    """The model; on demand with the third solubility."""
    held = {"s": PRIOR, "s_p": PREPARATION, "s_m": INSTRUMENT}
    data = icp(*READINGS, AMBIGUOUS, hypotheses=HYPOTHESES) if ambiguous else icp(*READINGS)
    return build(with_parameters(load_card("solubility"), held), [data])


def exact_distribution(likelihood, low, high, cases=((1.0, 1.0, PREPARATION),)):
    """Distribution function of ln s by quadrature, and where: the deviation is integrated out.

    Each case of the dilution has its probability, its factor, and the sd of both deviations.
    """
    x = np.linspace(low, high, 8001)
    z = np.linspace(-6, 6, 601)
    weights = stats.norm.pdf(z)
    p = 0.0
    for probability, factor, sd in cases:
        true = np.exp(x[:, None] + sd * z) / factor
        log_p = stats.norm.logpdf(x, np.log(PRIOR.median), PRIOR.sd_ln)
        for per_sample in likelihood:
            log_p = log_p + np.log(np.exp(per_sample(true)) @ weights + 1e-300)
        p = p + probability * np.exp(log_p)
    cumulative = np.cumsum(p)
    return x, cumulative / cumulative[-1]


def hidden(true):
    """Log probability of a reading below the detection limit."""
    square = INSTRUMENT**2
    variance = (5e-8 / 3.29) ** 2 + true**2 * np.expm1(square) * np.exp(square)
    return stats.norm.logcdf((5e-8 - true) / np.sqrt(variance))


SYSTEMS = {
    0: (
        [
            lambda true: (
                stats.norm.logpdf((1.00e-6 - true) / 5e-8)
                + stats.norm.logpdf((1.10e-6 - true) / 5e-8)
            ),
            lambda true: stats.norm.logpdf((0.60e-6 - true / 2) / 4e-8),
        ],
        np.log(2e-7),
        np.log(5e-6),
    ),
    1: ([hidden], np.log(1e-7) - 20, np.log(1e-6)),
    2: (
        [lambda true: stats.norm.logpdf((3e-8 - true) / 1e-9)],
        np.log(1e-8),
        np.log(3e-6),
        [(h["weight"], h["factor"], np.hypot(PREPARATION, h["sd_ln"])) for h in HYPOTHESES],
    ),
}
"""Of each: log likelihoods of its samples, range of ln s for quadrature, cases of the dilution."""
NAMES = ("measured", "below detection", "two dilutions")


def share_below(s, system, q):
    """Share of the draws of s below the exact quantile q of a system, and its standard error."""
    x, cumulative = exact_distribution(*SYSTEMS[system])
    below = np.log(s[..., system]) < np.interp(q, cumulative, x)
    return below.mean(), np.sqrt(q * (1 - q) / effective(below))
