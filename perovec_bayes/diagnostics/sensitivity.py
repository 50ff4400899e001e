"""How far the answers hang on the prior, and how far on the data (power scaling)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.base.array import array_stats
from arviz_stats.psense import psense

from perovec_bayes.diagnostics.convergence import convergence
from perovec_bayes.diagnostics.gate import PARETO_K_BELOW
from perovec_bayes.diagnostics.scalars import SAMPLE_DIMS, Scalar, dataset, scalars

COLUMNS = (
    "quantity",
    "role",
    "kind",
    "scale",
    "prior",
    "likelihood",
    "prior_noise",
    "likelihood_noise",
    "prior_shift",
    "likelihood_shift",
    "most_by",
    "verdict",
)
THRESHOLD = 0.05
"""Sensitivity from which a quantity is said to react (Kallioinen et al. 2024) [1]."""
NOISE = 0.7
"""Sensitivity to a density that the quantity has nothing to do with, in units of sd(ln density)
over the root of the effective number of draws: median 0.3 and 99 % quantile 0.56 to 0.74 in 800
simulated cases of 3 to 60 normal parameters and 240 to 1000 draws [1]."""
ALPHAS = (0.99, 1.01)
"""Powers between which a sensitivity is a difference [1]."""
ROUNDING = 1e-9
"""Log densities that differ by less are equal [1]."""
ROLES = ("primary", "derived")

CONFLICT = "prior and data may disagree"
STRONG = "rests on the prior"
LIMIT = "a limit: the prior decides the open side"
TOO_FEW = "cannot tell: too few independent draws"
UNRELIABLE = "cannot tell: the importance weights fail"
_psense: Callable[..., xr.Dataset] = psense  # ArviZ has no type hints
_khat: Callable[..., Any] = array_stats.pareto_khat


@dataclass(frozen=True)
class Sensitivity:
    """What power scaling found.

    Parameters
    ----------
    table : DataFrame
        One row for each primary and derived scalar, columns `COLUMNS`; empty where it could not be
        done.
    pareto_k : dict of str to float
        Of the weights of "prior" and "likelihood", the worse of the two directions.
    """

    table: pd.DataFrame
    pareto_k: dict[str, float]

    @property
    def reliable(self) -> bool:
        """Whether the weights can be trusted."""
        return all(k < PARETO_K_BELOW for k in self.pareto_k.values())


def sensitivity(tree: xr.DataTree) -> Sensitivity:
    """Raise prior or likelihood to a power near 1 and see how far each quantity moves.

    Parameters
    ----------
    tree : DataTree
        A result with the groups ``posterior``, ``log_prior`` and ``log_likelihood``; without them
        the table is empty.

    Returns
    -------
    Sensitivity
        In the table `prior` and `likelihood` are the sensitivities: the change of the cumulative
        distribution (its Jensen-Shannon distance) for each doubling of the power, on the scale on
        which the quantity is judged (`scale`). `prior_noise` and `likelihood_noise` are how large
        they may be by chance. `prior_shift` and `likelihood_shift` are the movement of the mean for
        each doubling [sd of the posterior], and `most_by` is the parameter whose prior alone moves
        mean and sd most. `verdict` is `STRONG` if only the prior's sensitivity is at least 0.05 and
        above the noise, `CONFLICT` if that of the likelihood is so as well, `LIMIT` in place of
        both for what is bounded from one side only, `TOO_FEW` if the prior's is at least 0.05 but
        not above the noise, `UNRELIABLE` for all if Pareto k of the weights is 0.7 or more, else
        empty.

    References
    ----------
    Kallioinen, N.; Paananen, T.; Bürkner, P.-C.; Vehtari, A. Stat. Comput. 2024, 34, 57.
    """
    nothing = Sensitivity(pd.DataFrame(columns=list(COLUMNS)), {})
    posterior, before, data = (
        dataset(tree, name) for name in ("posterior", "log_prior", "log_likelihood")
    )
    if posterior is None or not before or not data:
        return nothing
    chosen = [each for each in scalars(posterior) if each.role in ROLES and _varies(each)]
    parts = {"prior": _joint(before), "likelihood": _joint(data)}
    if not chosen or not all(np.isfinite(part).all() for part in parts.values()):
        return nothing
    found = _power_scaled(chosen, parts)
    priors = {str(name): array.transpose(*SAMPLE_DIMS).to_numpy() for name, array in before.items()}
    sampled = "approximation" not in tree.attrs
    rows = []
    for i, scalar in enumerate(chosen):
        both = (float(found["prior"][f"q{i}"]), float(found["likelihood"][f"q{i}"]))
        rows.append(_row(scalar, both, parts, priors, sampled))
    pareto_k = {part: _worst_k(values) for part, values in parts.items()}
    result = Sensitivity(pd.DataFrame(rows, columns=list(COLUMNS)), pareto_k)
    if not result.reliable:
        result.table["verdict"] = UNRELIABLE
    return result


def _varies(scalar: Scalar) -> bool:
    """Tell whether a scalar varies, draw by draw with the densities.

    Quantities given a hypothesis (`NAME_if`) are resampled, so that their draws are not those that
    the densities belong to.
    """
    if scalar.variable.endswith("_if"):
        return False
    return not scalar.constant and bool(np.isfinite(_judged(scalar)).all())


def _judged(scalar: Scalar) -> np.ndarray:
    """Return the draws on the scale on which the quantity is judged."""
    if not scalar.log_scale:
        return scalar.draws
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(scalar.draws)


def _joint(group: xr.Dataset) -> np.ndarray:
    """Sum all log densities of a group, shape (chain, draw)."""
    sums = [
        array.sum([dim for dim in array.dims if dim not in SAMPLE_DIMS]).transpose(*SAMPLE_DIMS)
        for array in group.data_vars.values()
    ]
    return np.sum([each.to_numpy() for each in sums], axis=0)


def _power_scaled(chosen: list[Scalar], parts: dict[str, np.ndarray]) -> dict[str, xr.Dataset]:
    draws = {f"q{i}": (SAMPLE_DIMS, _judged(scalar)) for i, scalar in enumerate(chosen)}
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(draws),
            "log_prior": xr.Dataset({"sum": (SAMPLE_DIMS, parts["prior"])}),
            "log_likelihood": xr.Dataset({"sum": (SAMPLE_DIMS, parts["likelihood"])}),
        }
    )
    none = xr.Dataset(dict.fromkeys(draws, 0.0))
    return {
        part: _psense(tree, group=part, alphas=ALPHAS) if np.ptp(values) > ROUNDING else none
        for part, values in parts.items()
    }


def _worst_k(values: np.ndarray) -> float:
    if np.ptp(values) <= ROUNDING:
        return 0.0
    return max(float(_khat((a - 1) * values, log_weights=True, r_eff=1.0)) for a in ALPHAS)


def _row(
    scalar: Scalar,
    found: tuple[float, float],
    parts: dict[str, np.ndarray],
    priors: dict[str, np.ndarray],
    sampled: bool,
) -> tuple[Any, ...]:
    draws = _judged(scalar)
    effective = float(draws.size)
    if sampled:
        quality = convergence(scalar.draws)
        effective = min(effective, quality.ess_bulk, quality.ess_tail)
    noise = [NOISE * float(np.std(part)) / np.sqrt(effective) for part in parts.values()]
    moves = {name: _movement(draws, value) for name, value in priors.items()}
    return (
        scalar.name,
        scalar.role,
        scalar.kind,
        "log" if scalar.log_scale else "linear",
        *found,
        *noise,
        _shift(draws, parts["prior"]),
        _shift(draws, parts["likelihood"]),
        max(moves, key=lambda name: moves[name]),
        _verdict(found, noise, scalar.kind),
    )


def _shift(draws: np.ndarray, density: np.ndarray) -> float:
    """Return d(mean)/d(log2 of the power) in units of the sd: ln 2 cov(draws, density)/sd."""
    centred = draws - draws.mean()
    return float(np.log(2) * np.mean(centred * (density - density.mean())) / np.std(draws))


def _movement(draws: np.ndarray, density: np.ndarray) -> float:
    """Return the size of the changes of the mean [sd] and of ln(sd) for each doubling."""
    centred = draws - draws.mean()
    return float(
        np.hypot(_shift(draws, density), 0.5 * _shift(centred**2, density) * _bend(centred))
    )


def _bend(centred: np.ndarray) -> float:
    """Return the sd of the square of the draws in units of their variance."""
    return float(np.std(centred**2) / np.mean(centred**2))


def _verdict(found: tuple[float, float], noise: list[float], kind: str) -> str:
    if not np.isfinite(noise).all():
        return TOO_FEW
    prior, likelihood = (
        each >= max(THRESHOLD, least) for each, least in zip(found, noise, strict=True)
    )
    if not prior:
        return TOO_FEW if found[0] >= THRESHOLD else ""
    if kind != "value":
        return LIMIT
    return CONFLICT if likelihood else STRONG
