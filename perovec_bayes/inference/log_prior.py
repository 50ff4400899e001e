"""The prior density of each parameter, for taking the prior to a power."""

from __future__ import annotations

from typing import Any

import pymc as pm
from pytensor import tensor as pt
from pytensor.tensor.random.basic import LogNormalRV

from perovec_bayes.inference.bridge import Tensor
from perovec_bayes.inference.model import info_of


def log_prior(model: pm.Model) -> dict[str, Tensor]:
    """Return graphs of the log prior density of each sampled variable.

    A density is that of the variable itself; where the prior is log-normal, that of its logarithm.
    Then a prior taken to the power a is of the same family with the same centre: normal and
    log-normal ones have their variance divided by a, uniform ones stay. Deviations whose spread is
    a parameter (`Quantity.effect`) are part of the model, not of the prior, and are left out.

    Parameters
    ----------
    model : pm.Model
        From `build`, perhaps extended.

    Returns
    -------
    dict of str to TensorVariable
        Name of the variable -> scalar, summed over its elements.

    References
    ----------
    Kallioinen, N.; Paananen, T.; Bürkner, P.-C.; Vehtari, A. Stat. Comput. 2024, 34, 57 (which
    part of a hierarchical model counts as prior).
    """
    quantities = info_of(model).quantities
    chosen = [
        rv
        for rv in model.free_RVs
        if not (rv.name in quantities and quantities[str(rv.name)].effect)
    ]
    terms: Any = model.logp(vars=chosen, jacobian=False, sum=False)
    return {
        str(rv.name): pt.sum(
            term + pt.log(rv) if isinstance(rv.owner.op, LogNormalRV) else pt.as_tensor(term)
        )
        for rv, term in zip(chosen, terms, strict=True)
    }
