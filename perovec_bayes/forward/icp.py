"""The ICP-OES measurement: two-component noise and left censoring."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.stats import norm

type Values = Array | np.ndarray


def standard_deviation(mean: Values, floor: Values, proportional: Values) -> Array:
    """Rocke-Lorenzato two-component error of a measured concentration.

    sigma^2 = s_a^2 + mu^2 (e^(s_m^2) - 1) e^(s_m^2)

    Parameters
    ----------
    mean : Array
        True concentration mu of the measured solution, shape (...) [mol cm^-3].
    floor : Array
        Additive error s_a (referred to concentration), shape (...) [mol cm^-3].
    proportional : Array
        Proportional error s_m, the sd of ln, shape (...) [1].

    Returns
    -------
    Array
        sigma, shape (...) [mol cm^-3].

    References
    ----------
    Rocke, D. M.; Lorenzato, S. Technometrics 1995, 37, 176.
    """
    square = proportional**2
    return jnp.sqrt(floor**2 + mean**2 * jnp.expm1(square) * jnp.exp(square))


def log_density(
    value: Values,
    limit: Values,
    censored: Values,
    mean: Values,
    floor: Values,
    proportional: Values,
) -> Array:
    """Log-likelihood of a concentration that was measured, or not seen above a limit.

    ln N(y; mu, sigma) where measured; ln Phi((L - mu)/sigma) where censored at L: the true
    likelihood, no substitution.

    Parameters
    ----------
    value : Array
        Measured concentration y, shape (n,) [mol cm^-3]; ignored where censored.
    limit : Array
        Limit of detection L, shape (n,) [mol cm^-3]; ignored where measured.
    censored : Array
        1 where censored, shape (n,).
    mean, floor, proportional : Array
        As in `standard_deviation`, shape (n,) each.

    Returns
    -------
    Array
        Shape (n,) [ln of 1/(mol cm^-3) where measured].

    References
    ----------
    Currie, L. A. Anal. Chem. 1968, 40, 586 (detection limits); Helsel, D. R. Statistics for
    Censored Environmental Data.
    """
    sigma = standard_deviation(mean, floor, proportional)
    hidden = censored > 0
    return jnp.where(
        hidden,
        norm.logcdf((jnp.where(hidden, limit, mean) - mean) / sigma),
        norm.logpdf(jnp.where(hidden, mean, value), mean, sigma),
    )
