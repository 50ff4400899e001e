"""The potential at which lead strips at a given rate, against its own equation."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from perovec_bayes.constants import thermal_frequency
from perovec_bayes.forward.stripping import overpotential

F = thermal_frequency()


@pytest.mark.parametrize("k0", [1e-7, 1e-4, 1e-3, 1e-2, 10.0])
@pytest.mark.parametrize("A_c", [0.2, 0.8, 1.8])
@pytest.mark.parametrize("flux", [1e-12, 1e-9, 1e-7])
def test_the_rate_there_is_the_given_one(k0, A_c, flux):
    D, time = 1e-5, 10.0
    u = float(overpotential(flux, time, k0, A_c, D, F))
    c = flux * np.sqrt(time / D)
    onward, back = 1e-3 * np.exp((2 - A_c) * F * u), c * np.exp(-A_c * F * u)
    assert k0 * (onward - back) == pytest.approx(flux, abs=1e-6 * k0 * onward)


def test_limits_of_slow_and_fast_kinetics():
    slow = overpotential(1e-9, 10.0, 1e-9, 0.8, 1e-5, F)
    assert float(slow) == pytest.approx(np.log(1e-9 / (1e-9 * 1e-3)) / (1.2 * F), abs=1e-6)
    fast = overpotential(1e-9, 10.0, 1e3, 0.8, 1e-5, F)
    assert float(fast) == pytest.approx(np.log(1e-9 * np.sqrt(1e6) / 1e-3) / (2 * F), abs=1e-6)


def test_gradient():
    def u(x):
        return overpotential(1e-9, 10.0, jnp.exp(x[0]), x[1], 1e-5, F)

    at, h = jnp.array([-7.0, 0.8]), 1e-5
    slope = jax.grad(u)(at)
    steps = np.eye(2) * h
    central = [(u(at + step) - u(at - step)) / (2 * h) for step in steps]
    np.testing.assert_allclose(slope, central, rtol=1e-6)
