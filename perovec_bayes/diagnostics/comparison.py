"""Which of several models predicts left-out blocks of data better, and whether that can be said."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.loo.compare import compare as arviz_compare
from arviz_stats.loo.loo import loo as arviz_loo
from arviz_stats.utils import ELPDDataLOO
from scipy.stats import t as student

from perovec_bayes.diagnostics.convergence import convergence
from perovec_bayes.diagnostics.gate import GateResult

GROUP = "block_log_likelihood"
Unit = Literal["part", "dataset"]
SMALL = 4.0
"""A smaller difference in elpd says little, whatever its standard error (Sivula, T.; Magnusson, M.;
Matamoros, A. A.; Vehtari, A. (2025), Bayesian Anal., doi:10.1214/25-BA1569)."""
FEW = 10
"""With fewer blocks the standard error itself is hardly known."""
CLEAR = 0.95
"""Probability of the interval of a difference that must not hold zero."""
_loo: Callable[..., Any] = arviz_loo  # ArviZ has no type hints
_compare: Callable[..., Any] = arviz_compare


@dataclass(frozen=True)
class Candidate:
    """One model, and how it predicts each block from all others.

    Parameters
    ----------
    name : str
        Name of the run.
    blocks : tuple of str
        Labels of the blocks.
    sizes : ndarray
        Data in each, shape (blocks,).
    elpd : ndarray
        ln p(block | all other data), shape (blocks,).
    pareto_k : ndarray
        Of the importance weights that leave the block out, shape (blocks,); NaN where the model was
        fitted without it.
    good_k : float
        Up to this k the elpd can be relied on: min(1 - 1/log10(draws), 0.7).
    faults : tuple of str
        What else is wrong, as sentences.
    """

    name: str
    blocks: tuple[str, ...]
    sizes: np.ndarray
    elpd: np.ndarray
    pareto_k: np.ndarray
    good_k: float
    faults: tuple[str, ...] = ()

    @property
    def unreliable(self) -> np.ndarray:
        """Which blocks change the posterior too much for importance sampling, bool."""
        refitted = np.isnan(self.pareto_k) & np.isfinite(self.elpd)
        return ~(refitted | (self.pareto_k <= self.good_k))

    def exactly(self, block: int, elpd: float, fault: str = "") -> Candidate:
        """Return the same with one block from a fit without it.

        Parameters
        ----------
        block : int
            Which.
        elpd : float
            ln p(block | all other data).
        fault : str
            What is wrong with that fit, if anything.
        """
        values, k = self.elpd.copy(), self.pareto_k.copy()
        values[block], k[block] = elpd, np.nan
        faults = (*self.faults, fault) if fault else self.faults
        return replace(self, elpd=values, pareto_k=k, faults=faults)


def leave_out(tree: xr.DataTree, name: str, unit: Unit = "part") -> Candidate:
    """Leave out each block of a result by Pareto-smoothed importance sampling.

    Parameters
    ----------
    tree : DataTree
        A result with the group `block_log_likelihood`.
    name : str
        What to call it.
    unit : str
        "part" (cycle, sweep, sample) or "dataset".

    References
    ----------
    Vehtari, A.; Gelman, A.; Gabry, J. Stat. Comput. 2017, 27, 1413. Vehtari, A.; Simpson, D.;
    Gelman, A.; Yao, Y.; Gabry, J. J. Mach. Learn. Res. 2024, 25, 72. For dependent data: Bürkner,
    P.-C.; Gabry, J.; Vehtari, A. Comput. Stat. 2021, 36, 1243.
    """
    stored = tree[GROUP].to_dataset()
    terms, label = stored[unit], f"{unit}_label"
    chains = terms.transpose(label, "chain", "draw").to_numpy()
    worth = [convergence(each).ess_bulk / each.size for each in chains]
    efficiency = float(np.clip(np.nan_to_num(min(worth), nan=1.0), 1e-3, 1.0))
    groups = xr.DataTree.from_dict(
        {"posterior": xr.Dataset({unit: terms}), "log_likelihood": xr.Dataset({unit: terms})}
    )
    with warnings.catch_warnings():  # about k, which is said below in words
        warnings.simplefilter("ignore")
        found = _loo(groups, pointwise=True, var_name=unit, reff=efficiency)
    return Candidate(
        name,
        tuple(str(each) for each in stored[label].to_numpy()),
        stored[f"{unit}_size"].to_numpy(),
        np.asarray(found.elpd_i, dtype=float),
        np.asarray(found.pareto_k, dtype=float),
        float(found.good_k),
        _faults(tree, name),
    )


def _faults(tree: xr.DataTree, name: str) -> tuple[str, ...]:
    text = tree.attrs.get("gate")
    if not text or GateResult.from_json(str(text)).passed:
        return ()
    failures = json.loads(str(text))["failures"]
    return (f"'{name}' failed its diagnostics gate: {' '.join(failures)}",)


@dataclass(frozen=True)
class Difference:
    """How much better the best model predicts than another.

    Parameters
    ----------
    elpd : float
        Sum over all blocks.
    se : float
        Its standard error, from the spread between blocks; NaN for a single block.
    ahead, blocks : int
        Number of blocks that the best model predicts better, and of all.
    clear : bool
        Whether the difference exceeds `SMALL` and the half-width of its interval (Student's t,
        which with few blocks asks for much more than two standard errors).
    """

    elpd: float
    se: float
    ahead: int
    blocks: int
    clear: bool


@dataclass(frozen=True)
class Comparison:
    """Models from best to worst.

    Parameters
    ----------
    candidates : tuple of Candidate
        Best first.
    weights : ndarray
        Stacking weights, shape (models,).
    """

    candidates: tuple[Candidate, ...]
    weights: np.ndarray

    def difference(self, place: int) -> Difference:
        """Compare the best model with another.

        Parameters
        ----------
        place : int
            Of the other, from 1.
        """
        each = self.candidates[0].elpd - self.candidates[place].elpd
        count = len(each)
        se = float(np.sqrt(count) * each.std(ddof=1)) if count > 1 else np.nan
        width = se * float(student.ppf(0.5 + CLEAR / 2, count - 1)) if count > 1 else np.inf
        total = float(each.sum())
        return Difference(
            total, se, int((each > 0).sum()), count, bool(total > SMALL and total > width)
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against the numbers, as sentences."""
        found = [fault for candidate in self.candidates for fault in candidate.faults]
        for candidate in self.candidates:
            for place in np.flatnonzero(candidate.unreliable):
                found.append(
                    f"'{candidate.name}': leaving out {candidate.blocks[place]} changes the "
                    f"posterior too much for importance sampling (Pareto k = "
                    f"{candidate.pareto_k[place]:.2f}, to be at most {candidate.good_k:.2f}); "
                    "refit without it (--refit)."
                )
        return tuple(found)

    @property
    def reliable(self) -> bool:
        """Whether nothing speaks against the numbers."""
        return not self.warnings

    @property
    def verdict(self) -> tuple[str, ...]:
        """What follows, as sentences."""
        best, *others = self.candidates
        said = []
        if not self.reliable:
            said.append("NO VERDICT: some of these numbers cannot be relied on; see the warnings.")
        for place, other in enumerate(others, start=1):
            d = self.difference(place)
            se = "unknown" if np.isnan(d.se) else f"{d.se:.1f}"
            numbers = (
                f"{d.elpd:.1f} in elpd, standard error {se}, ahead in {d.ahead} of {d.blocks} "
                f"block{'s' * (d.blocks > 1)}"
            )
            if not self.reliable:
                said.append(f"For now '{best.name}' is ahead of '{other.name}' by {numbers}.")
            elif d.clear:
                said.append(f"'{best.name}' predicts better than '{other.name}': {numbers}.")
            else:
                said.append(
                    f"These data do not tell '{best.name}' and '{other.name}' apart: {numbers}."
                )
        blocks = len(best.blocks)
        if blocks < FEW:
            said.append(
                f"A standard error from {blocks} block{'s' * (blocks > 1)} is itself hardly known: "
                "look at each block, and simulate both models to see how often such a difference "
                "misleads."
            )
        said.append("To predict better than a rival is not to be right: look at the misfit.")
        return tuple(said)

    def table(self) -> pd.DataFrame:
        """Return one row a model and block, and one for each model over all blocks.

        Columns: `model`, `block`, `data` (how many), `elpd`, `behind` (best minus this one), `se`
        (of `behind`; totals only), `pareto_k`, `method` ("psis" or "refit"), `reliable`, `weight`
        (totals only).
        """
        rows: list[dict[str, Any]] = []
        for place, candidate in enumerate(self.candidates):
            d = self.difference(place)
            rows.append(
                {
                    "model": candidate.name,
                    "block": "all",
                    "data": int(candidate.sizes.sum()),
                    "elpd": candidate.elpd.sum(),
                    "behind": d.elpd,
                    "se": d.se if place else 0.0,
                    "pareto_k": np.nan,
                    "method": "",
                    "reliable": not candidate.unreliable.any() and not candidate.faults,
                    "weight": self.weights[place],
                }
            )
            rows += [
                {
                    "model": candidate.name,
                    "block": label,
                    "data": int(candidate.sizes[i]),
                    "elpd": candidate.elpd[i],
                    "behind": self.candidates[0].elpd[i] - candidate.elpd[i],
                    "se": np.nan,
                    "pareto_k": candidate.pareto_k[i],
                    "method": "refit" if np.isnan(candidate.pareto_k[i]) else "psis",
                    "reliable": not candidate.unreliable[i],
                    "weight": np.nan,
                }
                for i, label in enumerate(candidate.blocks)
            ]
        return pd.DataFrame(rows)


def compare(candidates: Sequence[Candidate]) -> Comparison:
    """Order models by their elpd, and weigh them by stacking.

    Parameters
    ----------
    candidates : sequence of Candidate
        With the same blocks.

    References
    ----------
    Yao, Y.; Vehtari, A.; Simpson, D.; Gelman, A. Bayesian Anal. 2018, 13, 917 (stacking).
    """
    ordered = sorted(candidates, key=lambda each: -each.elpd.sum())
    matrix = np.array([each.elpd for each in ordered])
    # densities of currents in A are huge: what all models share is taken off before exponentials
    shifted = matrix - matrix.max(axis=0)
    data = {
        str(place): ELPDDataLOO(
            elpd=float(each.sum()),
            se=0.0,
            p=0.0,
            n_samples=1,
            n_data_points=len(each),
            scale="log",
            warning=False,
            good_k=0.7,
            elpd_i=xr.DataArray(each, dims="block"),
            pareto_k=xr.DataArray(np.zeros(len(each)), dims="block"),
        )
        for place, each in enumerate(shifted)
    }
    table = _compare(data, method="stacking", round_to="none")
    weights = table["weight"].loc[list(data)].to_numpy(dtype=float)
    return Comparison(tuple(ordered), np.clip(weights, 0.0, 1.0))
