import jax
import numpy as np
import pytest
from jax import numpy as jnp
from scipy.special import dawsn

from perovec_bayes.forward import kernels

SHORTEST, LONGEST = 1e-5, 2000.0
"""Smallest step and duration of a run [s]."""
TOLERANCES = (1e-4, 1e-7, 1e-10)
D, DF, L = 7e-6, 2e-6, 3e-4
"""Diffusion coefficients in solution and film [cm^2 s^-1], thickness [cm]."""
RATIOS = (0.2, 0.5, 1.0, 1.0001, 3.0, 5.0)
"""r = e sqrt(D_f/D) of porous films."""


def exact_semi_infinite(p):
    return 1 / np.sqrt(p)


def exact_reflecting(p):
    return 1 / (np.tanh(L * np.sqrt(p / D)) * np.sqrt(p))


def exact_fixed(p):
    return np.tanh(L * np.sqrt(p / D)) / np.sqrt(p)


def exact_porous(p, r):
    tanh = np.tanh(L * np.sqrt(p / DF))
    return (r + tanh) / (r * (1 + r * tanh)) / np.sqrt(p)


def porous(r, tolerance=1e-6):
    return kernels.porous_film(D, DF, L, r * np.sqrt(D / DF), tolerance=tolerance)


def case(name, tolerance):
    """Modes, exact K^, and the smallest and largest real p that matter."""
    rate, film = D / L**2, DF / L**2
    if name == "semi-infinite":
        modes = kernels.semi_infinite(SHORTEST, LONGEST, tolerance)
        return modes, exact_semi_infinite, 1 / LONGEST, 10 / SHORTEST
    if name == "reflecting":
        return kernels.reflecting(D, L, 1e-9, tolerance), exact_reflecting, 1e-4 * rate, 1e10 * rate
    if name == "fixed":
        modes = kernels.fixed_concentration(D, L, 1e-9, tolerance)
        return modes, exact_fixed, 1e-4 * rate, 1e10 * rate
    r = float(name)
    return porous(r, tolerance), lambda p: exact_porous(p, r), 1e-6 * film, 1e6 * film


NAMES = ("semi-infinite", "reflecting", "fixed", *map(str, RATIOS))


def laplace(modes, p):
    return (modes.weights / (p[:, None] + modes.poles)).sum(axis=1)


def in_time(modes, t):
    poles, weights = np.asarray(modes.poles), np.asarray(modes.weights)
    return np.exp(-np.outer(t, poles)) @ weights


@pytest.mark.parametrize("tolerance", TOLERANCES)
@pytest.mark.parametrize("name", NAMES)
def test_the_weights_are_positive_and_the_poles_distinct(name, tolerance):
    modes, *_ = case(name, tolerance)
    assert modes.poles.shape == modes.weights.shape
    assert modes.poles[0] >= 0
    assert (np.diff(modes.poles) > 0).all()
    assert (np.asarray(modes.weights) > 0).all()


@pytest.mark.parametrize("r", [0.01, 0.1, 10.0, 100.0])
def test_the_weights_of_a_film_are_positive_beyond_the_range_of_accuracy(r):
    modes = porous(r)
    assert (np.asarray(modes.poles) > 0).all()
    assert (np.asarray(modes.weights) > 0).all()


@pytest.mark.parametrize("tolerance", TOLERANCES)
@pytest.mark.parametrize("name", NAMES)
def test_the_transform_is_as_exact_as_asked_for_on_the_real_axis(name, tolerance):
    modes, exact, low, high = case(name, tolerance)
    p = np.geomspace(low, high, 4001)
    floor = 1e-7 if name in map(str, RATIOS) else 0.0  # the measure of a film is cut to panels
    assert np.abs(laplace(modes, p) / exact(p) - 1).max() < max(tolerance, floor)


@pytest.mark.parametrize("tolerance", TOLERANCES)
@pytest.mark.parametrize("name", NAMES)
def test_the_error_on_the_imaginary_axis_is_the_square_root(name, tolerance):
    modes, exact, low, high = case(name, tolerance)
    root = np.sqrt(tolerance)
    p = 1j * np.geomspace(low, high, 4001)
    error = np.abs(laplace(modes, p) / exact(p) - 1)
    assert error.max() < 30 * root
    assert error[(abs(p) > 10 * low) & (abs(p) < high / 10)].max() < 1.6 * root


@pytest.mark.parametrize(("tolerance", "modes"), [(1e-6, 19), (1e-8, 25), (1e-10, 30)])
def test_few_modes_are_enough(tolerance, modes):
    assert len(kernels.semi_infinite(SHORTEST, LONGEST, tolerance).poles) == modes


@pytest.mark.parametrize(("shortest", "longest"), [(1.0, 1.0), (1e-9, 1e7), (1e-3, 10.0)])
def test_any_range_of_times_is_served(shortest, longest):
    modes = kernels.semi_infinite(shortest, longest, 1e-8)
    p = np.geomspace(1 / longest, 10 / shortest, 4001)
    assert np.abs(laplace(modes, p) * np.sqrt(p) - 1).max() < 1e-8


def test_the_semi_infinite_kernel_in_time():
    modes = kernels.semi_infinite(SHORTEST, LONGEST, 1e-12)
    t = np.geomspace(10 * SHORTEST, LONGEST / 10, 500)
    np.testing.assert_allclose(in_time(modes, t), 1 / np.sqrt(np.pi * t), rtol=2e-6)


@pytest.mark.parametrize(("name", "first"), [("reflecting", 1.0), ("fixed", 0.5)])
def test_a_layer_in_time(name, first):
    modes, *_ = case(name, 1e-12)
    tau = np.geomspace(1e-8, 10, 500)
    image = np.arange(1, 20)
    sign = 1.0 if name == "reflecting" else (-1.0) ** image
    short = (1 + 2 * (sign * np.exp(-np.outer(1 / tau, image**2))).sum(axis=1)) / np.sqrt(
        np.pi * tau
    )
    k = first + np.arange(2000)
    long = first * 2 - 1 + 2 * np.exp(-np.outer(tau, (np.pi * k) ** 2)).sum(axis=1)
    exact = np.where(tau < 0.3, short, long) * np.sqrt(D) / L
    found = in_time(modes, tau * L**2 / D)
    np.testing.assert_allclose(found, exact, rtol=2e-6)
    late = tau > 0.3  # the slow poles are the exact ones
    np.testing.assert_allclose(found[late], exact[late], rtol=1e-8)


@pytest.mark.parametrize("r", [0.2, 0.5, 3.0])
def test_a_film_in_time(r):
    modes = porous(r, 1e-8)
    tau = np.geomspace(1e-3, 1e4, 400)
    image = np.arange(1, 400)
    part = (-(1 - r) / (1 + r)) ** image
    series = 1 + 2 * (part * np.exp(-np.outer(1 / tau, image**2))).sum(axis=1)
    t = tau * L**2 / DF
    np.testing.assert_allclose(in_time(modes, t), series / (r * np.sqrt(np.pi * t)), rtol=5e-4)


@pytest.mark.parametrize("tolerance", [1e-7, 1e-9, 1e-11])
def test_a_peak_of_the_flux_is_followed_to_half_the_square_root(tolerance):
    modes = kernels.semi_infinite(SHORTEST, LONGEST, tolerance)
    s, w = np.asarray(modes.poles), np.asarray(modes.weights)
    t = np.linspace(0.1, LONGEST, 4001)
    found = exact = 0.0
    for rate, sign in ((0.05, 1.0), (0.2, -1.0)):  # J = exp(-0.05 t) - exp(-0.2 t)
        found = found + sign * (np.exp(-rate * t)[:, None] - np.exp(-np.outer(t, s))) @ (
            w / (s - rate)
        )
        exact = exact + sign * 2 / np.sqrt(np.pi * rate) * dawsn(np.sqrt(rate * t))
    assert np.abs(found - exact).max() < 0.7 * np.sqrt(tolerance) * np.abs(exact).max()


def test_a_closed_layer_keeps_what_flows_in():
    modes = kernels.reflecting(D, L)
    assert modes.poles[0] == 0
    np.testing.assert_allclose(modes.weights[0] / np.sqrt(D), 1 / L, rtol=1e-15)


def test_the_resistance_of_a_layer_to_a_steady_flux():
    modes = kernels.fixed_concentration(D, L)
    np.testing.assert_allclose((modes.weights / modes.poles).sum(), L / np.sqrt(D), rtol=1e-9)


@pytest.mark.parametrize("layer", [kernels.reflecting, kernels.fixed_concentration])
def test_a_thick_layer_is_a_deep_solution(layer):
    thick = layer(D, 0.3)
    p = np.geomspace(0.05, 1e5, 200)
    np.testing.assert_allclose(laplace(thick, p) * np.sqrt(p), 1, rtol=1e-6)


def test_a_film_like_the_solution_is_a_deep_solution():
    p = np.geomspace(1e-6, 1e6, 2001) * DF / L**2
    np.testing.assert_allclose(laplace(porous(1.0), p) * np.sqrt(p), 1, rtol=1e-6)


def test_a_film_is_not_seen_slowly_and_all_that_is_seen_fast():
    r, p = 0.4, np.geomspace(1e-6, 1e6, 13) * DF / L**2
    found = laplace(porous(r), p) * np.sqrt(p)
    np.testing.assert_allclose(found[0], 1, rtol=3e-3)
    np.testing.assert_allclose(found[-4:], 1 / r, rtol=2e-6)


@pytest.mark.parametrize("build", [porous, lambda _: kernels.reflecting(D, L)])
def test_a_loss_moves_the_poles(build):
    modes = build(0.5)
    lossy = kernels.with_loss(modes, 0.3)
    t = np.geomspace(0.01, 10, 50)
    np.testing.assert_allclose(in_time(lossy, t), in_time(modes, t) * np.exp(-0.3 * t), rtol=1e-12)
    p = np.geomspace(0.1, 100, 50)
    np.testing.assert_allclose(laplace(lossy, p), laplace(modes, p + 0.3), rtol=1e-12)


def layer_of(build):
    return lambda x, p: laplace(build(x[0], x[1]), p)


def film_of(x, p):
    return laplace(kernels.porous_film(*x), p)


@pytest.mark.parametrize(
    ("transform", "where"),
    [
        (layer_of(kernels.reflecting), (D, L)),
        (layer_of(kernels.fixed_concentration), (D, L)),
        *((film_of, (D, DF, L, r * np.sqrt(D / DF))) for r in RATIOS),
    ],
)
def test_the_gradients_are_those_of_central_differences(transform, where):
    p = jnp.geomspace(1e-3, 1e3, 25) * DF / L**2
    x = jnp.array(where)
    logarithmic = jax.jacfwd(transform)(x, p) * x / transform(x, p)[:, None]
    assert np.isfinite(logarithmic).all()
    backward = jax.jacrev(transform)(x, p) * x / transform(x, p)[:, None]
    np.testing.assert_allclose(logarithmic, backward, atol=1e-9)
    step = 1e-4
    for i in range(len(where)):
        up, down = (transform(x.at[i].mul(np.exp(h)), p) for h in (step, -step))
        np.testing.assert_allclose(
            logarithmic[:, i], jnp.log(up / down) / (2 * step), rtol=1e-6, atol=2e-8
        )


@pytest.mark.parametrize("r", RATIOS)
def test_the_gradient_of_a_film_is_that_of_the_exact_transform(r):
    p = jnp.geomspace(1e-5, 1e5, 200) * DF / L**2

    def exact(ratio):
        tanh = jnp.tanh(L * jnp.sqrt(p / DF))
        return (ratio + tanh) / (ratio * (1 + ratio * tanh)) / jnp.sqrt(p)

    found = jax.jacfwd(lambda ratio: laplace(porous(ratio), p))(r)
    np.testing.assert_allclose(found / exact(r), jax.jacfwd(exact)(r) / exact(r), atol=1e-5)


def test_a_film_can_be_compiled_and_mapped():
    ratios = jnp.array(RATIOS)
    many = jax.jit(jax.vmap(porous))(ratios)
    for i, r in enumerate(RATIOS):
        np.testing.assert_allclose(many.weights[i], porous(r).weights, rtol=1e-6)


@pytest.mark.parametrize(
    "build",
    [
        lambda: kernels.semi_infinite(0.0, 1.0),
        lambda: kernels.semi_infinite(2.0, 1.0),
        lambda: kernels.semi_infinite(1.0, np.inf),
        lambda: kernels.semi_infinite(1e-3, 1.0, 0.0),
        lambda: kernels.semi_infinite(1e-3, 1.0, 1.0),
        lambda: kernels.reflecting(D, L, -1.0),
        lambda: kernels.fixed_concentration(D, L, np.nan),
        lambda: kernels.fixed_concentration(D, L, 1e-9, 2.0),
        lambda: kernels.porous_film(D, DF, L, 0.4, 1.0, 0.1),
    ],
)
def test_a_range_or_tolerance_without_sense_is_refused(build):
    with pytest.raises(ValueError, match="expected"):
        build()
