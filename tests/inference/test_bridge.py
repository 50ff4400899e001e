import jax
import numpy as np
import pymc as pm
import pytensor
import pytest
from builders import cv, hypothesis, icp, with_parameters
from jax import numpy as jnp
from pytensor import tensor as pt

from perovec_bayes.inference import bridge
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import load_card


def wavy(a, x):
    """A scalar and a vector to a vector and a scalar."""
    return a * jnp.sin(x), jnp.sum(x**2) * jnp.exp(a)


NUMBA = pytest.mark.filterwarnings("ignore:Numba will use object mode")
"""PyTensor's default linker calls JAX as it is, and says so."""

COSTS = {
    # the cotangents of the two outputs are not 1, and depend on the outputs
    "both outputs": lambda u, v: pt.sum(np.array([1.0, -2.0, 0.5]) * u**2) + 3.0 * v**2,
    "vector alone": lambda u, v: pt.sum(np.array([0.3, 2.0, -4.0]) * u),
    "scalar alone": lambda u, v: -7.0 * v,
}


@NUMBA
@pytest.mark.parametrize("mode", [None, "JAX"], ids=["default linker", "JAX linker"])
@pytest.mark.parametrize("cost", COSTS)
def test_a_wrapped_function_has_the_value_and_the_gradient_of_the_original(cost, mode):
    """By central differences of a numpy evaluation, to 1e-7."""
    a, x = pt.scalar("a"), pt.vector("x", shape=(3,))
    total = COSTS[cost](*bridge.wrap(wavy)(a, x))
    function = pytensor.function([a, x], [total, *pytensor.grad(total, [a, x])], mode=mode)

    def plain(packed):
        u, v = packed[0] * np.sin(packed[1:]), np.sum(packed[1:] ** 2) * np.exp(packed[0])
        return float(np.asarray(COSTS[cost](pt.constant(u), pt.constant(v)).eval()))

    at = np.array([0.7, 0.2, -1.1, 0.9])
    value, by_a, by_x = function(at[0], at[1:])
    assert value == pytest.approx(plain(at), rel=1e-12)
    differences = [(plain(at + h) - plain(at - h)) / 2e-6 for h in 1e-6 * np.eye(4)]
    np.testing.assert_allclose([by_a, *by_x], differences, rtol=1e-7, atol=1e-7)


@pytest.fixture(scope="module")
def table():
    """Four systems: measured, hidden by the limit of detection, of unknown dilution, measured."""
    return build(
        load_card("solubility"),
        [
            icp(
                {"value": 2.4e-6, "sample": "A"},
                {"value": 2.2e-6, "sample": "B", "sd": 5e-8},
                {"solvent": "DCM", "lod": 2.4e-10},
                {"solvent": "THF", "value": 3e-8, "dilution": np.nan},
                {"solvent": "PC", "solute": "Pb(OA)2", "value": 5e-8, "lod": 2e-9},
                hypotheses=[
                    hypothesis("half", 0.6, 2.0, 0.1, solvent="THF"),
                    hypothesis("whole", 0.4, 1.0, 0.2, solvent="THF"),
                ],
            )
        ],
    )


@pytest.fixture(scope="module")
def couple():
    """A voltammogram with correlated noise, most parameters free."""
    time = np.linspace(0.0, 10.0, 41)
    potential = np.interp(time, [0.0, 5.0, 10.0], [0.5, 0.0, 0.5])
    current = 1e-5 * np.sin(time)
    card = with_parameters(load_card("redox_couple"), {"c_O": 1e-9, "g1": 0.0})
    return build(card, [cv(time, potential, current, area_cm2=0.5, area_sd_cm2=0.02)])


def draws(model, count, seed=3):
    """Prior draws of the free variables, by name."""
    with model:
        values = pm.draw(model.free_RVs, draws=count, random_seed=seed)
    return dict(zip((v.name for v in model.free_RVs), values, strict=True))


@NUMBA
@pytest.mark.parametrize("which", ["table", "couple"])
def test_the_density_is_that_of_pymc(which, request):
    model = request.getfixturevalue(which)
    compiled = bridge.Compiled(model)
    density, reference = jax.jit(compiled.log_density()), model.compile_logp()
    for x in compiled.unconstrain(draws(model, 5)):
        point = {
            v.name: np.asarray(part)
            for v, part in zip(model.value_vars, compiled.split(x), strict=True)
        }
        assert float(density(x)) == pytest.approx(float(reference(point)), rel=1e-10)


def test_other_data_take_the_place_of_those_the_model_was_built_with(couple):
    compiled = bridge.Compiled(couple, couple.perovec.frames)
    gradient, z, factor = compiled.scaled_gradient(), np.zeros(compiled.size), np.eye(compiled.size)
    before = float(gradient(z, compiled.start, factor)[0])
    (current,) = compiled.data
    new = current + 1e-7 * np.cos(np.arange(len(current)))
    explicit = float(compiled.log_density()(jnp.asarray(compiled.start), new))
    compiled.data[:] = [new]
    assert float(gradient(z, compiled.start, factor)[0]) == pytest.approx(explicit, rel=1e-12)
    terms = bridge.Mapped(
        compiled.function([couple.logp(vars=couple.observed_RVs)]), chunk=1, data=compiled.data
    )
    there = terms(compiled.start[None])[0][0]
    compiled.data[:] = [current]
    assert float(gradient(z, compiled.start, factor)[0]) == before
    assert there - terms(compiled.start[None])[0][0] == pytest.approx(explicit - before, rel=1e-9)


def test_the_flat_vector_is_cut_into_the_variables_in_their_order(table):
    compiled = bridge.Compiled(table)
    assert compiled.size == sum(compiled.sizes) == len(compiled.start)
    parts = compiled.split(np.arange(float(compiled.size)))
    assert [part.shape for part in parts] == [tuple(shape) for shape in compiled.shapes]
    np.testing.assert_array_equal(np.concatenate([p.ravel() for p in parts]), range(compiled.size))


@pytest.mark.parametrize("framed", [False, True])
def test_unconstrain_inverts_the_map_from_coordinates_to_parameters(table, framed):
    compiled = bridge.Compiled(table, table.perovec.frames if framed else None)
    given = draws(table, 30)
    # far below its limit of detection, and far above, too
    given["s"][:4] = np.array([1e-30, 1e-14, 1e-9, 1e-4])[:, None]
    w = compiled.unconstrain(given)
    back = bridge.Mapped(compiled.function(table.free_RVs))(w)
    for variable, value in zip(table.free_RVs, back, strict=True):
        np.testing.assert_allclose(value, given[variable.name], rtol=1e-9, atol=1e-12)


def test_a_bounded_coordinate_is_marked_as_such(table):
    compiled = bridge.Compiled(table, table.perovec.frames)
    place = [v.name for v in table.free_RVs].index("s")
    begin = sum(compiled.sizes[:place])
    assert np.flatnonzero(compiled.bounded).tolist() == [begin + 1]  # the DCM system


def test_the_density_of_coordinates_carries_the_volume_that_they_stretch(table):
    """log p(w) = log p(x) + ln |dx/dw|, the Jacobian by central differences."""
    plain, framed = bridge.Compiled(table), bridge.Compiled(table, table.perovec.frames)
    parameters = bridge.Mapped(framed.function(table.free_RVs))
    names = [v.name for v in table.free_RVs]

    def unconstrained(w):
        return plain.unconstrain(dict(zip(names, parameters(w), strict=True)))

    in_x, in_w = jax.jit(plain.log_density()), jax.jit(framed.log_density())
    rng, h = np.random.default_rng(2), 1e-5
    for _ in range(4):
        w = rng.normal(0.0, 1.5, framed.size)
        x = unconstrained(np.concatenate([[w], w + h * np.eye(len(w)), w - h * np.eye(len(w))]))
        jacobian = (x[1 : 1 + len(w)] - x[1 + len(w) :]) / (2 * h)
        sign, volume = np.linalg.slogdet(jacobian)
        assert sign > 0
        assert float(in_w(w)) == pytest.approx(float(in_x(x[0])) + volume, abs=1e-5)


def test_the_scaled_gradient_is_that_of_the_density_at_the_scaled_point(table):
    compiled = bridge.Compiled(table, table.perovec.frames)
    rng = np.random.default_rng(5)
    point, z = rng.normal(0, 0.5, compiled.size), rng.normal(0, 1, compiled.size)
    factor = 0.3 * rng.normal(0, 1, (compiled.size, compiled.size))
    value, slope = compiled.scaled_gradient()(z, point, factor)
    density = jax.jit(compiled.log_density())
    assert float(value) == pytest.approx(float(density(point + factor @ z)), rel=1e-12)
    h = 1e-5
    along = [
        (float(density(point + factor @ (z + e))) - float(density(point + factor @ (z - e)))) / 2e-5
        for e in h * np.eye(compiled.size)
    ]
    np.testing.assert_allclose(slope, along, rtol=1e-5, atol=1e-5 * np.abs(along).max())


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 11])
def test_a_mapped_function_gives_each_draw_whatever_the_chunk(count):
    mapped = bridge.Mapped(lambda x: [jnp.sum(x), jnp.outer(x, x)], chunk=4)
    given = np.random.default_rng(count).normal(size=(count, 3))
    sums, products = mapped(given)
    np.testing.assert_allclose(sums, given.sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(products, given[:, :, None] * given[:, None, :], rtol=1e-12)
