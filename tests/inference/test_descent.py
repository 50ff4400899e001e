"""The least-squares descent and the width of its optimum against certified values of NIST."""

import jax
import numpy as np
import pytest
from nist_strd import MODELS, regression

from perovec_bayes.inference.descent import descent, inverse_root

jax.config.update("jax_enable_x64", True)

TIGHT = dict.fromkeys(("ftol", "xtol", "gtol"), 1e-15) | {"max_nfev": 5000}
PRECISION = np.finfo(float).eps


def digits(found, certified):
    """Log relative error, the least of all; the certified values have eleven digits."""
    error = np.abs(found - certified) / np.abs(certified)
    return float(np.min(-np.log10(np.maximum(error, 1e-11))))


def fitted(name, start):
    """Parameters, their standard deviations, and that of the residuals.

    As in a fit of ours, coordinates are of order one: each in units of its first guess in the
    descent, and for the curvature in units in which its own is one.
    """
    data = regression(name)
    scale, spread = np.abs(data.starts[start]), data.y.std()

    def residuals(u):
        return (MODELS[name](scale * u, data.x) - data.y) / spread

    end = descent(residuals, **TIGHT)(data.starts[start] / scale)
    freedom = len(data.y) - len(scale)
    noise = np.sqrt(np.sum(end.residuals**2) / freedom)
    steepness = np.linalg.norm(end.slope, axis=0)
    unit = end.slope / steepness
    root = noise * inverse_root(unit.T @ unit)
    sd = scale / steepness * np.linalg.norm(root, axis=1)
    return scale * end.point, sd, spread * noise


@pytest.mark.parametrize("start", [0, 1], ids=["start 1", "start 2"])
@pytest.mark.parametrize("name", MODELS)
def test_regressions_of_nist(name, start):
    """Six digits of every parameter, four of every standard deviation.

    Where the data are so exact that residuals are rounding errors of the response (Lanczos1), no
    more digits of a standard deviation are asked for than those residuals have.
    """
    data = regression(name)
    point, sd, residual_sd = fitted(name, start)
    rounding = PRECISION * np.abs(data.y).max() / data.residual_sd
    wanted = min(4.0, -np.log10(rounding))
    assert digits(point, data.certified) >= 6
    assert digits(sd, data.sd) >= wanted
    assert digits(residual_sd, data.residual_sd) >= wanted


def test_all_regressions_of_nist_are_there():
    assert len(MODELS) == 27
    assert {data.starts.shape[0] for data in map(regression, MODELS)} == {2}


def test_a_start_where_nothing_is_finite_is_left():
    """Residuals and slopes that overflow are cut, so that the search returns."""
    end = descent(lambda u: jax.numpy.exp(800.0 * u) - 1.0)(np.array([1.0]))
    assert np.isfinite(end.point).all()


def test_the_root_of_a_curvature():
    """L L^T is the inverse; what is flat or bent upwards gets the least curvature."""
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    curvature = turn @ np.diag([4.0, 1e-3, -2.0]) @ turn.T
    root = inverse_root(curvature, least=0.1)
    np.testing.assert_allclose(
        np.linalg.inv(root @ root.T), turn @ np.diag([4.0, 0.1, 0.1]) @ turn.T, atol=1e-12
    )
