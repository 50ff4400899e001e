import jax
import numpy as np
import pytest
from jax import numpy as jnp
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.special import hyp1f1

from perovec_bayes.constants import FARADAY
from perovec_bayes.forward import transients
from perovec_bayes.forward.transients import (
    INSTANTANEOUS,
    PROGRESSIVE,
    NucleationParameters,
    cottrell,
    dimensionless_transient,
    scharifker_hills,
)

LEAD = NucleationParameters(c=1e-6, D=2.6e-6, N0=1e8, A=0.5)
"""1 mM Pb2+ in propylene carbonate."""
K = np.sqrt(8 * np.pi * LEAD.c * LEAD.V)
LIMITS = [INSTANTANEOUS, PROGRESSIVE]
heerman_tarallo = jax.jit(transients.heerman_tarallo)
sluyters_rehbach = jax.jit(transients.sluyters_rehbach)
MODELS = {
    "cottrell": jax.jit(lambda t, p: cottrell(t, p.c, p.D, p.z)),
    "instantaneous": jax.jit(lambda t, p: scharifker_hills(t, p, INSTANTANEOUS)),
    "progressive": jax.jit(lambda t, p: scharifker_hills(t, p, PROGRESSIVE)),
    "sluyters_rehbach": sluyters_rehbach,
    "heerman_tarallo": heerman_tarallo,
}
NUCLEATION = list(MODELS)[1:]


def plane(t):
    return np.asarray(cottrell(t, LEAD.c, LEAD.D))


def maximum(model, p):
    """Position and height of the greatest |j|, found numerically."""
    current = jax.jit(lambda t: model(t, p))
    rough = np.geomspace(1e-4, 1e4, 801)
    best = np.log(rough[np.argmin(current(rough))])
    found = minimize_scalar(
        lambda u: float(current(np.exp(u))),
        bounds=(best - 0.1, best + 0.1),
        options={"xatol": 1e-9},
    )
    return np.exp(found.x), found.fun


def test_the_constants_are_those_of_scharifker_and_hills():
    """To the last digit printed there (1.95427 stands as 1.9542)."""
    np.testing.assert_allclose(INSTANTANEOUS[1:], [1.2564, 1.9542, 0.1629], rtol=0, atol=1e-4)
    np.testing.assert_allclose(PROGRESSIVE[1:], [2.3367, 1.2254, 0.2598], rtol=0, atol=5e-5)


@pytest.mark.parametrize("limit", LIMITS)
def test_the_root_solves_its_equation(limit):
    x = limit.root
    assert 1 - np.exp(-x) == pytest.approx(2 * limit.order * x * np.exp(-x), rel=1e-14)


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("change", [{}, {"N0": 3e6, "D": 1.3e-5, "A": 20.0, "z": 1.0}])
def test_the_curve_has_the_maximum_and_shape_of_the_limit(limit, change):
    p = LEAD._replace(**change)
    at, height = maximum(lambda t, p: scharifker_hills(t, p, limit), p)
    assert height < 0
    assert height**2 * at / ((p.z * FARADAY * p.c) ** 2 * p.D) == pytest.approx(
        limit.product, rel=1e-7
    )
    ratio = np.array([1e-3, 0.1, 0.5, 1.0, 2.0, 10.0, 100.0])
    np.testing.assert_allclose(
        (scharifker_hills(at * ratio, p, limit) / height) ** 2,
        dimensionless_transient(ratio, limit),
        rtol=1e-6,
    )


@pytest.mark.parametrize("limit", LIMITS)
def test_the_dimensionless_transient_is_one_and_flat_at_its_maximum(limit):
    curve = np.asarray(dimensionless_transient(np.array([0.0, 0.99, 1.0, 1.01]), limit))
    np.testing.assert_allclose(curve[[0, 2]], [0, 1], atol=1e-14)
    assert max(curve[1], curve[3]) < 1
    slope = jax.vmap(jax.grad(lambda tau: dimensionless_transient(tau, limit)))
    at = slope(jnp.array([0.0, 1.0]))
    assert np.isfinite(at).all()
    assert at[1] == pytest.approx(0, abs=1e-13)


def test_cottrell_has_its_value_and_sign():
    """Pb 1 mM in PC after 10 s: 55.5 uA cm^-2 (56 in the specification); j sqrt(t) constant."""
    assert float(cottrell(np.array([10.0]), 1e-6, 2.6e-6)[0]) == pytest.approx(-5.551e-5, rel=1e-4)
    t = np.geomspace(1e-6, 1e4, 11)
    np.testing.assert_allclose(plane(t) * np.sqrt(t / 10), -5.551e-5, rtol=1e-4)


@pytest.mark.parametrize("model", NUCLEATION)
def test_deposition_is_negative_and_nothing_flows_before_the_step(model):
    j = np.asarray(MODELS[model](np.array([-1.0, 0.0, 1e-9, 1e-3, 1.0, 1e3, 1e6]), LEAD))
    np.testing.assert_array_equal(j[:2], 0)
    assert (j[2:] < 0).all()


def over_ages(power, reduced):
    """Sum over nuclei of (age/t)^power, each site becoming one at the rate A: At = `reduced`."""
    end = min(reduced, 45.0)
    return quad(lambda v: np.exp(-v) * (1 - v / reduced) ** power, 0, end, epsabs=0, epsrel=1e-12)[
        0
    ]


def independent_hemispheres(t, p):
    """Current of nuclei born at the rate A N0 e^(-A u), each a hemisphere that knows no other."""
    each = p.z * FARADAY * np.pi * (2 * p.D * p.c) ** 1.5 * np.sqrt(p.V)
    return -each * p.N0 * np.sqrt(t) * over_ages(0.5, p.A * t)


@pytest.mark.parametrize("model", [heerman_tarallo, sluyters_rehbach])
@pytest.mark.parametrize("reduced", [1e-6, 0.01, 0.499, 0.501, 3.0, 99.9, 100.1, 1e4, 1e8])
def test_without_overlap_the_nuclei_are_independent(model, reduced):
    """Fixes Phi, k and alpha by a growth law that neither formula was written from."""
    p = LEAD._replace(N0=1e-9, A=reduced / 2)
    got = float(model(np.array([2.0]), p)[0])
    assert got == pytest.approx(independent_hemispheres(2.0, p), rel=1e-10)


@pytest.mark.parametrize("reduced", [1e-6, 0.01, 0.499, 0.501, 3.0, 99.9, 100.1, 1e4, 1e8])
def test_heerman_tarallo_is_the_published_formula(reduced):
    """With Phi and Theta by quadrature over the ages of the nuclei."""
    t, phi, theta = 2.0, over_ages(0.5, reduced), over_ages(1.0, reduced)
    for N0 in (1e5, 1e8, 1e11):
        p = LEAD._replace(N0=N0, A=reduced / t)
        alpha = 2 * np.pi * np.sqrt(2 * p.D * p.c * p.V)
        exponent = alpha * N0 * np.sqrt(np.pi * p.D * t) * np.sqrt(t) * theta
        expected = plane(np.array([t])) * phi / theta * -np.expm1(-exponent)
        np.testing.assert_allclose(heerman_tarallo(np.array([t]), p), expected, rtol=1e-10)


@pytest.mark.parametrize("model", [heerman_tarallo, sluyters_rehbach])
def test_fast_nucleation_is_instantaneous(model):
    t = np.geomspace(1e-4, 1e4, 81)
    p = LEAD._replace(A=1e15)
    np.testing.assert_allclose(model(t, p), MODELS["instantaneous"](t, p), rtol=1e-11)


def slow(t_m=1.0):
    """Sites so many and so slow that At << 1 when the zones overlap: At_m = 1e-9."""
    A = 1e-9 / t_m
    return LEAD._replace(A=A, N0=1.5 * PROGRESSIVE.root / (A * np.pi * K * LEAD.D * t_m**2))


def test_slow_nucleation_is_progressive_by_sluyters_rehbach():
    t = np.geomspace(1e-4, 1e2, 61)
    np.testing.assert_allclose(
        sluyters_rehbach(t, slow()), MODELS["progressive"](t, slow()), rtol=1e-7
    )


def test_slow_nucleation_by_heerman_tarallo_passes_the_planar_current():
    """Progressive while zones are apart; 4/3 of Cottrell's current after, in the same shape."""
    p = slow()
    early, late = np.array([1e-4, 1e-3]), np.array([1e1, 1e2])
    np.testing.assert_allclose(
        heerman_tarallo(early, p), MODELS["progressive"](early, p), rtol=1e-5
    )
    np.testing.assert_allclose(heerman_tarallo(late, p), 4 / 3 * plane(late), rtol=1e-7)
    at, height = maximum(heerman_tarallo, p)
    product = height**2 * at / ((p.z * FARADAY * p.c) ** 2 * p.D)
    assert product == pytest.approx(16 / 9 * PROGRESSIVE.product, rel=1e-7)
    ratio = np.array([0.1, 0.5, 1.0, 2.0, 10.0])
    np.testing.assert_allclose(
        (heerman_tarallo(at * ratio, p) / height) ** 2,
        dimensionless_transient(ratio, PROGRESSIVE),
        rtol=1e-6,
    )


@pytest.mark.parametrize("A", [1e-6, 1e-2, 1.0, 1e2, 1e6])
def test_general_transients_lie_between_their_bounds(A):
    t, p = np.geomspace(1e-5, 1e5, 201), LEAD._replace(A=A)
    published, exact = heerman_tarallo(t, p) / plane(t), sluyters_rehbach(t, p) / plane(t)
    rounding = 1 + 1e-12
    assert (exact <= rounding).all()
    assert (exact <= published * rounding).all()
    assert (published <= 4 / 3 * rounding).all()


def test_phi_and_theta_keep_every_digit():
    """Against Kummer's function with positive terms only: Phi = (2x/3) e^-x M(3/2, 5/2, x)."""
    x = np.concatenate([np.geomspace(1e-300, 1e-3, 50), np.geomspace(1e-3, 300, 500)])
    phi = 2 * x / 3 * np.exp(-x) * hyp1f1(1.5, 2.5, x)
    theta = x / 2 * np.exp(-x) * hyp1f1(2.0, 3.0, x)
    np.testing.assert_allclose(jax.jit(transients._phi)(x), phi, rtol=1e-13)
    np.testing.assert_allclose(jax.jit(transients._theta)(x), theta, rtol=1e-13)


TIMES = [1e-9, 1e-3, 0.1, 1.0, 30.0, 1e5]
RATES = [1e-12, 1e-3, 0.5, 5.0, 1e3, 1e12]
SITES = [1e4, 1e8, 1e13]
POINTS = np.log([[t, *LEAD._replace(N0=N0, A=A)] for t in TIMES for A in RATES for N0 in SITES])
"""Ordinary points, and early and late times with slow and fast nucleation, sparse and dense."""


def at_logarithms(model):
    return lambda u: MODELS[model](jnp.exp(u[0]), NucleationParameters(*jnp.exp(u[1:])))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("mode", [jax.jacfwd, jax.jacrev])
def test_gradients_agree_with_central_differences(model, mode):
    """In ln t and ln of each parameter; five points, so that their error is below 1e-10 of j."""
    many = jax.jit(jax.vmap(at_logarithms(model)))
    j = np.asarray(many(POINTS))
    got = np.asarray(jax.jit(jax.vmap(mode(at_logarithms(model))))(POINTS))
    assert np.isfinite(got).all()
    h = 2e-3
    for i in range(POINTS.shape[1]):
        step = h * np.eye(POINTS.shape[1])[i]
        near, far = (np.asarray(many(POINTS + m * step) - many(POINTS - m * step)) for m in (1, 2))
        expected = (8 * near - far) / (12 * h)
        np.testing.assert_array_less(
            np.abs(got[:, i] - expected), 1e-6 * np.abs(expected) + 1e-10 * np.abs(j)
        )


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("time", [-1.0, 0.0])
@pytest.mark.parametrize("mode", [jax.jacfwd, jax.jacrev])
def test_gradients_vanish_before_the_step(model, time, mode):
    slope = mode(MODELS[model], argnums=(0, 1))(time, LEAD)
    np.testing.assert_array_equal(jnp.array(jax.tree.leaves(slope)), 0)


@pytest.mark.parametrize("model", [heerman_tarallo, sluyters_rehbach])
def test_without_nucleation_the_slope_in_its_rate_is_progressive(model):
    none = LEAD._replace(A=0.0)
    slope = jax.grad(lambda A: model(1.0, none._replace(A=A)))(0.0)
    tiny = LEAD._replace(A=1e-12)
    assert float(model(1.0, none)) == 0
    assert float(slope) == pytest.approx(
        float(scharifker_hills(1.0, tiny, PROGRESSIVE)) / 1e-12, rel=1e-9
    )


@pytest.mark.parametrize("x", [101.0, 1e5, 1e9, 1e14])
def test_the_slope_of_phi_does_not_cancel_when_nucleation_is_fast(x):
    """Phi = 1 - 1/(2x) - 1/(4x^2) - 3/(8x^3) - 15/(16x^4) - ..."""
    expected = (1 + 1 / x + 9 / (4 * x**2) + 15 / (2 * x**3)) / (2 * x**2)
    assert float(jax.grad(transients._phi)(x)) == pytest.approx(expected, rel=1e-6)
