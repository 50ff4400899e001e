"""A quick first answer: the Gaussian at the posterior mode, and how far it can be trusted."""

from __future__ import annotations

import json
import time

import numpy as np
import pymc as pm
import xarray as xr

from perovec_bayes.inference.backends import Progress
from perovec_bayes.inference.psis import smoothed
from perovec_bayes.inference.result import assemble
from perovec_bayes.inference.sample import locate

LABEL = "Laplace approximation, not a posterior sample"
"""Root attribute `approximation` of the result."""
ROUNDING = 1e-6
"""Logarithms of ratios that differ by less are equal [1]."""


def laplace(
    model: pm.Model,
    *,
    chains: int = 4,
    draws: int = 250,
    seed: int = 1,
    progress: Progress | None = None,
) -> xr.DataTree:
    """Draw from the Gaussian that has the posterior's mode and its curvature there.

    It is Gaussian in the sampler's coordinates. The importance ratios of the draws, posterior over
    Gaussian, are the check: see `reliability`. A mode that was not found leaves no trace in them.

    Parameters
    ----------
    model : pm.Model
        From `build`, perhaps extended.
    chains, draws : int
        Independent draws, in as many groups as reports expect of chains.
    seed : int
        Makes the result repeatable on one machine.
    progress : callable, optional
        Called with a phase and the share of it that is done.

    Returns
    -------
    xr.DataTree
        As from `sample`, without `sample_stats`, with the root attribute `approximation`.
    """
    report = progress or (lambda phase, share: None)
    begun = time.perf_counter()
    rng = np.random.default_rng(seed)
    compiled, prior, gradient, best = locate(model, rng, report)
    report("drawing", 0.0)
    z = rng.standard_normal((chains * draws, compiled.size))
    density = np.array([float(gradient(each, best.point, best.factor)[0]) for each in z])
    k, worth = reliability(density + 0.5 * np.sum(z**2, axis=1))
    points = (best.point + z @ best.factor.T).reshape(chains, draws, -1)
    report("results", 0.0)
    tree = assemble(compiled, points, prior, best, rng)
    tree.attrs["approximation"] = LABEL
    tree.attrs["sampler"] = json.dumps(
        {
            "backend": LABEL,
            "chains": chains,
            "draws": draws,
            "seed": seed,
            "pareto_k": k,
            "worth": worth,
            "optimum_log_density": best.starts,
            "modes": len(best.modes),
            "wall_time_s": round(time.perf_counter() - begun, 2),
        }
    )
    report("results", 1.0)
    return tree


def reliability(log_ratios: np.ndarray) -> tuple[float | None, float]:
    """Return what importance ratios say of an approximation.

    Parameters
    ----------
    log_ratios : ndarray
        Logarithms of posterior density over that of the approximation, up to a constant, shape
        (draws,); one that is not finite counts as a ratio of zero.

    Returns
    -------
    k : float or None
        Shape of the Pareto distribution that fits the largest ratios (Vehtari et al. 2024, J. Mach.
        Learn. Res. 25, 72). From about 0.7 on the draws miss where the posterior reaches to; 0
        where all ratios are equal, None where most are zero or no such distribution can be fitted.
    worth : float
        Effective number of draws when weighted to the posterior, as a share of their number: 1
        where the approximation is exact, little where it is too wide.
    """
    finite = np.isfinite(log_ratios)
    if 2 * finite.sum() < len(log_ratios):
        return None, 0.0
    known = np.where(finite, log_ratios, -np.inf)
    if np.ptp(known) < ROUNDING:
        return 0.0, 1.0
    weights, k = smoothed(known)
    worth = weights.sum() ** 2 / np.sum(weights**2) / len(weights)
    return (float(k) if np.isfinite(k) else None), float(worth)
