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


def fisher(mean: Values, sigma: Values, limit: Values) -> tuple[Array, Array, Array]:
    """Fisher information of readings that are censored below a limit, about mean and sigma.

    With z = (L - mu)/sigma the elements, in units of 1/sigma^2, are

        mu, mu        1 - Phi + z phi + phi^2/Phi
        mu, sigma     (1 + z^2) phi + z phi^2/Phi
        sigma, sigma  2 (1 - Phi) + z (1 + z^2) phi + z^2 phi^2/Phi

    Parameters
    ----------
    mean, sigma : Array
        mu and sigma of each reading before censoring, shape (n,) [mol cm^-3].
    limit : Array
        Limit of detection L below which it is not seen, shape (n,) [mol cm^-3]; minus infinity
        where there is none.

    Returns
    -------
    tuple of Array
        The three elements for each reading, shape (n,) [mol^-2 cm^6].

    References
    ----------
    Gupta, A. K. Biometrika 1952, 39, 260 (moments of censored normal samples; the elements are the
    expectations of products of the scores of `log_density`).
    """
    z = jnp.maximum((limit - mean) / sigma, -30.0)
    seen, density = norm.sf(z), norm.pdf(z)
    hidden = jnp.exp(2 * norm.logpdf(z) - norm.logcdf(z))
    square = 1 + z**2
    elements = (
        seen + z * density + hidden,
        square * density + z * hidden,
        2 * seen + z * square * density + z**2 * hidden,
    )
    one, two, three = (element / sigma**2 for element in elements)
    return one, two, three
