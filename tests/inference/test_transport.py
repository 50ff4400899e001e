import jax
import numpy as np
import pytest
from builders import cv
from jax import numpy as jnp

from perovec_bayes.constants import FARADAY, thermal_frequency
from perovec_bayes.forward import electrode as physics
from perovec_bayes.forward import programme
from perovec_bayes.forward.voltammetry import respond
from perovec_bayes.inference.bridge import Compiled
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import load_card
from perovec_bayes.inference.mechanisms import transport

D, C = 2e-6, 1e-6
VALUES = {"D": D, "L_layer": 0.02, "delta": 0.03, "k_h": 0.05} | {
    "L_film": 1e-3,
    "porosity": 0.4,
    "tortuosity": 1.6,
}
SPAN = transport.Span(1e-3, 1e3, {name: (v / 3, v * 3) for name, v in VALUES.items()})
P = np.geomspace(0.01, 100, 50)
"""Laplace variable [1/s]."""


def found(name, p=P, loss=False, **changes):
    """Transform of the kernel of lead that an option switches on."""
    options = {"transport": name, "loss": loss}
    made = transport.modes(options, VALUES | changes, SPAN, ("D",), "")
    (modes,) = made["lead_modes"]
    return (np.asarray(modes.weights) / (p[:, None] + np.asarray(modes.poles))).sum(axis=1)


def test_a_deep_solution_is_left_to_the_engine():
    assert (
        transport.modes({"transport": "semi_infinite", "loss": False}, {}, SPAN, ("D",), "") == {}
    )


def test_a_closed_layer():
    exact = 1 / np.tanh(0.02 * np.sqrt(P / D)) / np.sqrt(P)
    np.testing.assert_allclose(found("reflecting"), exact, rtol=1e-9)


def test_a_concentration_held_at_a_distance():
    exact = np.tanh(0.03 * np.sqrt(P / D)) / np.sqrt(P)
    np.testing.assert_allclose(found("fixed_distance"), exact, rtol=1e-9)


@pytest.mark.parametrize("thickness", [5e-4, 1e-3, 2e-3])
def test_a_porous_film(thickness):
    inside = D / 1.6
    r = 0.4 * np.sqrt(inside / D)
    tanh = np.tanh(thickness * np.sqrt(P / inside))
    exact = (r + tanh) / (r * (1 + r * tanh)) / np.sqrt(P)
    np.testing.assert_allclose(found("porous", L_film=thickness), exact, rtol=1e-6)


def test_a_loss_shifts_the_laplace_variable():
    np.testing.assert_allclose(found("semi_infinite", loss=True), 1 / np.sqrt(P + 0.05), rtol=1e-9)


def test_only_lead_is_lost_and_each_species_has_its_own_kernel():
    values = VALUES | {"D_L": 1e-6, "D_ion": 4e-6}
    limits = SPAN.limits | {"D_L": (1e-6, 1e-6), "D_ion": (4e-6, 4e-6)}
    options = {"transport": "reflecting", "loss": True}
    made = transport.modes(options, values, SPAN._replace(limits=limits), ("D", "D_L"), "D_ion")
    first, second = made["lead_modes"]
    assert float(first.poles[0]) == pytest.approx(0.05)
    assert float(second.weights[0]) == pytest.approx(np.sqrt(1e-6) / 0.02)
    assert float(made["ion_modes"].poles[0]) == 0.0


def test_the_range_of_a_parameter_is_that_of_its_prior():
    low, high = transport.limits(load_card("dissolved_lead"), ["D"])["D"]
    assert low == pytest.approx(2.5e-6 * np.exp(-3.0902 * 0.4), rel=1e-3)
    assert high == pytest.approx(2.5e-6 * np.exp(3.0902 * 0.4), rel=1e-3)
    assert transport.limits(load_card("bulk_film"), ["c_b"])["c_b"] == (0.0, 0.0)


def test_an_electrode_before_a_layer_reaches_its_limiting_current():
    """j -> -2F D c/delta; and a closed layer gives all its lead, 2F c L."""
    steps = programme.steps([-0.4, -1.6], [1.0, 600.0])
    model = physics.Electrode(
        physics.Cell(1.0, 1e-6, 0.0, 0.0),
        (physics.Lead(-0.9, 1e-1, 1.0, D, C),),
        physics.Deposit(physics.Flat()),
    )
    grid = np.concatenate([[0.0, 0.5], 1.0 + np.append(0.0, np.geomspace(1e-4, 600.0, 300))])

    @jax.jit
    def run(delta, layer):
        values = VALUES | {"delta": delta, "L_layer": layer}
        kinds = [
            transport.modes({"transport": name, "loss": False}, values, SPAN, ("D",), "")
            for name in ("fixed_distance", "reflecting")
        ]
        records = [respond(model, steps, thermal_frequency(), grid=grid, **kind) for kind in kinds]
        return records[0].output.current[-1], records[1].output.lead[-1]

    current, lead = run(jnp.asarray(0.01), jnp.asarray(0.01))
    assert float(current) == pytest.approx(-2 * FARADAY * D * C / 0.01, rel=1e-4)
    assert float(lead) == pytest.approx(C * 0.01, rel=1e-4)


def stepped():
    """A hundred points of a transient."""
    time = np.arange(0.0, 10.0, 0.1)
    potential = np.where(time > 1.0, -1.2, -0.4)
    current = np.where(time > 1.0, -1e-4 / np.sqrt(np.maximum(time - 1.0, 0.1)), 0.0)
    return cv(time, potential, current, area_cm2=1.0, reference="Fc/Fc+", reference_offset_V=0.0)


def swept():
    """Two hundred points of a sweep, with some current in it."""
    path = programme.sweeps([-0.4, -1.9, -0.2], 0.05)
    time = np.linspace(0, path.end, 200)
    potential = np.interp(time, path.time, path.potential)
    current = -1e-4 * np.exp(-(((potential + 1.2) / 0.1) ** 2)) + 1e-6 * potential
    return cv(time, potential, current, area_cm2=1.0, reference="Fc/Fc+", reference_offset_V=0.0)


@pytest.mark.filterwarnings("ignore:Numba will use object mode")
@pytest.mark.parametrize(
    ("card", "data", "options"),
    [
        ("chronoamperometry", stepped, {"transport": "semi_infinite", "loss": True}),
        ("chronoamperometry", stepped, {"transport": "reflecting"}),
        ("dissolved_lead", swept, {"transport": "fixed_distance", "pools": 3}),
        ("nanocrystal_film", swept, {"transport": "porous", "loss": True, "shell": False}),
    ],
)
def test_log_density_and_gradient_are_finite(card, data, options):
    """The modes depend on traced parameters; the gradient is checked along each of theirs."""
    card = load_card(card)
    card = card.model_copy(update={"options": card.options | {"steps": 300} | options})
    model = build(card, [data()])
    compiled = Compiled(model)
    both = jax.jit(jax.value_and_grad(compiled.log_density()))
    value, slope = both(compiled.start)
    assert np.isfinite(value)
    assert np.isfinite(slope).all()
    names = [each.name for each in model.free_RVs]
    for name in {*transport.UNITS, "w_2", "dE_2", "w_3", "dE_3"} & set(names):
        along = 1e-5 * np.eye(len(names))[names.index(name)]
        rise = float(both(compiled.start + along)[0] - both(compiled.start - along)[0])
        assert slope[names.index(name)] == pytest.approx(rise / 2e-5, rel=1e-3, abs=1e-2), name
