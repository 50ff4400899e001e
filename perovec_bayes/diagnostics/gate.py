"""The gate: whether the draws of a fit may be used at all."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import xarray as xr

from perovec_bayes.diagnostics.convergence import Convergence, convergence, e_bfmi
from perovec_bayes.diagnostics.scalars import Scalar, dataset, scalars

R_HAT_BELOW = 1.01
ESS_AT_LEAST = 400.0
E_BFMI_AT_LEAST = 0.3
CHAINS_AT_LEAST = 2
PARETO_K_BELOW = 0.7
"""Of importance ratios (Vehtari et al. 2024, J. Mach. Learn. Res. 25, 72)."""


@dataclass(frozen=True)
class Worst:
    """The worst value of one diagnostic.

    Parameters
    ----------
    diagnostic : str
        What was looked at.
    value : float or None
        The worst value met; None when it could not be computed.
    where : str
        The scalar or the chain that has it.
    limit : str
        What is asked for, as in "< 1.01".
    passed : bool
        Whether that is met.
    """

    diagnostic: str
    value: float | None
    where: str
    limit: str
    passed: bool


@dataclass(frozen=True)
class GateResult:
    """Verdict of the diagnostics gate.

    Parameters
    ----------
    passed : bool
        Whether every rule is met.
    failures : tuple of str
        One plain sentence for each rule that is not met, with numbers and what to do.
    worst : tuple of Worst
        The worst value of each diagnostic.
    """

    passed: bool
    failures: tuple[str, ...]
    worst: tuple[Worst, ...]

    def to_json(self) -> str:
        """Return the verdict as JSON, to be stored with the result."""
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> GateResult:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text : str
            A JSON object.
        """
        stored = json.loads(text)
        return cls(
            passed=bool(stored["passed"]),
            failures=tuple(stored["failures"]),
            worst=tuple(Worst(**entry) for entry in stored["worst"]),
        )


@dataclass(frozen=True)
class _Finding:
    """One diagnostic looked at: its worst value, and a sentence when the rule is not met."""

    worst: Worst
    failure: str | None


@dataclass(frozen=True)
class _Rule:
    """A rule on one number of every scalar."""

    diagnostic: str
    limit: str
    value: Callable[[Convergence], float]
    passes: Callable[[float], bool]
    badness: Callable[[float], float]
    advice: str


_RULES = (
    _Rule(
        "R-hat",
        f"< {R_HAT_BELOW:g}",
        lambda found: found.r_hat,
        lambda value: value < R_HAT_BELOW,
        lambda value: value,
        "The chains disagree: take more warm-up and draws; if it stays, look at the rank plots "
        "for a second mode or for a parameter that the data do not determine.",
    ),
    _Rule(
        "bulk ESS",
        f">= {ESS_AT_LEAST:g}",
        lambda found: found.ess_bulk,
        lambda value: value >= ESS_AT_LEAST,
        lambda value: -value,
        "Medians are too noisy: take more draws, or reparametrise.",
    ),
    _Rule(
        "tail ESS",
        f">= {ESS_AT_LEAST:g}",
        lambda found: found.ess_tail,
        lambda value: value >= ESS_AT_LEAST,
        lambda value: -value,
        "Interval ends are too noisy: take more draws, or reparametrise.",
    ),
)


def check(tree: xr.DataTree) -> GateResult:
    """Apply the diagnostics gate to every parameter and derived quantity of a result.

    Asked for: at least 2 chains; finite draws; rank-normalised R-hat < 1.01, bulk and tail ESS
    >= 400 for every scalar of the posterior (except one that is not sampled and does not vary);
    no divergences; E-BFMI >= 0.3 in every chain. What cannot be computed counts as failed. Draws
    of an approximation never pass.

    Parameters
    ----------
    tree : DataTree
        A result with the groups ``posterior`` and ``sample_stats``, or with the root attribute
        ``approximation``.

    Returns
    -------
    GateResult
        The verdict.
    """
    posterior, stats = dataset(tree, "posterior"), dataset(tree, "sample_stats")
    found = [] if posterior is None else scalars(posterior)
    if "approximation" in tree.attrs:
        return _verdict([_approximate(tree), _pareto(tree), _finite(found)])
    findings = [_chains(posterior), _finite(found)]
    moving = [(scalar.name, convergence(scalar.draws)) for scalar in found if not scalar.fixed]
    findings += [_judge(rule, moving) for rule in _RULES]
    return _verdict([*findings, _divergences(stats), _energy(stats)])


def _verdict(findings: list[_Finding]) -> GateResult:
    failures = tuple(finding.failure for finding in findings if finding.failure is not None)
    return GateResult(not failures, failures, tuple(finding.worst for finding in findings))


def _approximate(tree: xr.DataTree) -> _Finding:
    label = str(tree.attrs["approximation"])
    worth = 100 * json.loads(str(tree.attrs["sampler"]))["worth"]
    return _Finding(
        Worst("method", None, label, "a posterior sample", False),
        f"This is a {label}: sample before you publish. If its draws are weighted to make them "
        f"draws of the posterior, they are worth {worth:.0f} % of their number.",
    )


def _pareto(tree: xr.DataTree) -> _Finding:
    k, limit = json.loads(str(tree.attrs["sampler"]))["pareto_k"], f"< {PARETO_K_BELOW:g}"
    passed = k is not None and k < PARETO_K_BELOW
    worst = Worst("Pareto k", k, "importance ratios", limit, passed)
    if passed:
        return _Finding(worst, None)
    shown = "not computable" if k is None else _digits(k)
    return _Finding(
        worst,
        f"Pareto k of the importance ratios is {shown} (asked for: {limit}). The posterior reaches "
        "to where the approximation has no draws: its intervals may be wrong by any factor.",
    )


def _chains(posterior: xr.Dataset | None) -> _Finding:
    chains = 0 if posterior is None else int(posterior.sizes.get("chain", 0))
    passed = chains >= CHAINS_AT_LEAST
    worst = Worst("chains", chains, "posterior", f">= {CHAINS_AT_LEAST}", passed)
    if passed:
        return _Finding(worst, None)
    return _Finding(
        worst,
        f"There {'is 1 chain' if chains == 1 else f'are {chains} chains'}, so nothing shows "
        f"that the sampler found the same answer twice. Run at least {CHAINS_AT_LEAST}, better 4.",
    )


def _finite(found: list[Scalar]) -> _Finding:
    bad = {scalar.name: int(np.sum(~np.isfinite(scalar.draws))) for scalar in found}
    name = max(bad, key=lambda key: bad[key], default="")
    count = bad.get(name, 0)
    passed = bool(found) and count == 0
    worst = Worst("non-finite draws", count, name if count else "all", "= 0", passed)
    if not found:
        return _Finding(worst, "The posterior holds no quantities. Run the fit again.")
    if passed:
        return _Finding(worst, None)
    total = sum(1 for value in bad.values() if value)
    return _Finding(
        worst,
        f"{count} draws of {name} are not finite ({total} of {len(found)} scalars have such "
        "draws). The model fails somewhere in the prior's range: narrow the prior, or report it "
        "as a fault of the model.",
    )


def _judge(rule: _Rule, moving: list[tuple[str, Convergence]]) -> _Finding:
    values = {name: rule.value(found) for name, found in moving}
    if not values:
        return _Finding(Worst(rule.diagnostic, None, "no scalar varies", rule.limit, True), None)
    unknown = [name for name, value in values.items() if math.isnan(value)]
    failed = [name for name, value in values.items() if not rule.passes(value)]
    if unknown:
        name, value = unknown[0], None
        head = f"{rule.diagnostic} cannot be computed for {name}"
        advice = "It has one chain, too few draws, or draws that are not finite or never change."
    else:
        name = max(values, key=lambda key: rule.badness(values[key]))
        value = values[name]
        head = f"{rule.diagnostic} is {_digits(value)} for {name}"
        advice = rule.advice
    worst = Worst(rule.diagnostic, value, name, rule.limit, not failed)
    if not failed:
        return _Finding(worst, None)
    count = f"{len(failed)} of {len(values)} scalars fail"
    return _Finding(worst, f"{head} (asked for: {rule.limit}; {count}). {advice}")


def _divergences(stats: xr.Dataset | None) -> _Finding:
    if stats is None or "diverging" not in stats:
        return _Finding(
            Worst("divergences", None, "not saved", "= 0", False),
            "Divergences cannot be counted, for the result does not hold 'diverging'. "
            "Run the fit again.",
        )
    flags = stats["diverging"].to_numpy().astype(bool)
    count = int(flags.sum())
    worst = Worst("divergences", count, "all chains", "= 0", count == 0)
    if count == 0:
        return _Finding(worst, None)
    return _Finding(
        worst,
        f"{count} of {flags.size} draws {'is' if count == 1 else 'are'} divergent, so part of the "
        "posterior was not explored. Raise the target acceptance rate (as to 0.95), or look for a "
        "narrow corner of the posterior and reparametrise.",
    )


def _energy(stats: xr.Dataset | None) -> _Finding:
    limit = f">= {E_BFMI_AT_LEAST:g}"
    if stats is None or "energy" not in stats:
        return _Finding(
            Worst("E-BFMI", None, "not saved", limit, False),
            "E-BFMI cannot be computed, for the result does not hold 'energy'. Run the fit again.",
        )
    energy = stats["energy"].transpose("chain", "draw").to_numpy().astype(float)
    values = e_bfmi(energy)
    failed = ~(values >= E_BFMI_AT_LEAST)
    unknown = np.isnan(values)
    chain = int(np.argmax(unknown)) if unknown.any() else int(np.argmin(values))
    value = None if unknown.any() else float(values[chain])
    worst = Worst("E-BFMI", value, f"chain {chain}", limit, not failed.any())
    if not failed.any():
        return _Finding(worst, None)
    shown = "not computable" if value is None else _digits(value)
    return _Finding(
        worst,
        f"E-BFMI is {shown} in chain {chain} (asked for: {limit}; {int(failed.sum())} of "
        f"{values.size} chains fail). The sampler cannot follow the tails of the energy: take more "
        "warm-up, or reparametrise a parameter whose scale varies strongly.",
    )


def _digits(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.0f}"
