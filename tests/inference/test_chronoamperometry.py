"""The card `chronoamperometry`: its laws, the step in a record, and the grid of a fit."""

import jax
import numpy as np
import pytest
from builders import cv, icp, with_parameters
from jax import numpy as jnp

from perovec_bayes.constants import thermal_frequency
from perovec_bayes.errors import StudyError
from perovec_bayes.forward import electrode as physics
from perovec_bayes.forward import grids, programme, sampling, transients
from perovec_bayes.forward.voltammetry import respond
from perovec_bayes.inference.bridge import Compiled
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import load_card
from perovec_bayes.inference.mechanisms import chronoamperometry
from perovec_bayes.inference.model import info_of

F = thermal_frequency()
LEVELS = [-0.4, -1.2]
STEPS = programme.steps(LEVELS, [1.0, 20.0])
TIME = np.arange(0.0, 21.01, 0.1)
POTENTIAL = np.where(TIME > 1.0 + 1e-9, *LEVELS[::-1])
CARD = load_card("chronoamperometry")
LAWS = CARD.choices["law"]
ACCURACY = 3e-3
"""Of the current at every point, on the grid of a fit [1]."""
pytestmark = pytest.mark.filterwarnings("ignore:Numba will use object mode")


def record(time=TIME, potential=POTENTIAL, **attrs):
    """Something like a transient."""
    elapsed = np.maximum(time - 1.0, 0.0)
    current = -2e-4 / np.sqrt(elapsed + 0.1) * (1 - np.exp(-elapsed))
    ferrocene = {"reference": "Fc/Fc+", "reference_offset_V": 0.0, "area_cm2": 1.0}
    return cv(time, potential, current, **ferrocene | attrs)


def chosen(**options):
    """The card with other options."""
    return CARD.model_copy(update={"options": {**CARD.options, **options}})


def mean_of(card, data):
    """The model's current at the centre of the priors."""
    model = build(card, data)
    compiled = Compiled(model)
    evaluate = jax.jit(compiled.function([info_of(model).observables[0].mean]))
    return np.asarray(evaluate(compiled.start)[0])


@pytest.mark.parametrize("law", LAWS)
def test_log_density_and_gradient_are_finite(law):
    model = build(chosen(law=law), [record(), icp({"value": 1e-6, "solute": "PbBr2"})])
    info = info_of(model)
    compiled = Compiled(model, info.frames)
    value, slope = jax.jit(jax.value_and_grad(compiled.log_density()))(compiled.start)
    assert np.isfinite(value)
    assert np.isfinite(slope).all()
    names = {each.name for each in model.free_RVs}
    assert {"D", "c_b", "g0", "g1", "sigma_d"} <= names
    assert ("lnA" in names) == (law not in {"cottrell", "instantaneous"})
    assert ("k0" in names) == (law == "engine")
    assert ("A_eta" in info.quantities) == ("lnA" in names)
    assert "c_sqrtD" in info.quantities


def test_the_rate_of_the_closed_forms_is_that_of_the_engine():
    """At a bare electrode, with the concentration of the bulk."""
    model = physics.Electrode(
        physics.Cell(0.0, 0.0, 0.0, 0.0),
        (physics.Lead(-0.95, 1e-3, 0.8, 2e-6, 1e-6),),
        physics.Deposit(physics.Nucleation(6.0, 0.12, 1.0)),
    )
    supply = (physics.Supply(jnp.asarray(1e-6), jnp.zeros(())),)
    nothing = jnp.zeros(())
    for phi in (-1.3, -1.15, -1.04, -1.0):
        surface = physics.Surface(
            jnp.asarray(phi), supply, nothing, (nothing,), *[nothing] * 3, (), nothing, ()
        )
        engine = float(physics.rates(model, surface, F).births)
        eta = chronoamperometry.overpotential_of(-0.95, 1e-6, phi, F, np.log)
        assert float(transients.nucleation_rate(6.0, 0.12, eta)) == pytest.approx(engine, rel=1e-6)


def test_means_over_windows():
    """Of t^(-1/2) from 0 to T the mean is twice the value at T."""
    limits = np.array([-1.0, -0.5, 0.0, 0.1, 0.3, 4.0])
    found = transients.mean_between(lambda t: transients.cottrell(t, 1e-6, 2e-6), limits)
    charge = (
        2
        * limits.clip(0)
        * np.asarray(transients.cottrell(np.where(limits > 0, limits, 1.0), 1e-6, 2e-6))
    )
    np.testing.assert_allclose(found, np.diff(charge) / np.diff(limits), rtol=1e-12)
    p = transients.NucleationParameters(1e-6, 2e-6, 1e7, 3.0)
    law = lambda t: transients.heerman_tarallo(t, p)  # noqa: E731
    fine = np.linspace(0.0, 4.0, 4001)
    whole = transients.mean_between(law, fine)
    parts = np.asarray(transients.mean_between(law, np.array([0.0, 0.1, 0.5, 4.0])))
    exact = [whole[:100].mean(), whole[100:500].mean(), whole[500:].mean()]
    np.testing.assert_allclose(parts, exact, rtol=2e-3)


@pytest.mark.parametrize("points", ["mean", "instant"])
def test_fast_kinetics_on_a_flat_electrode_are_cottrells(points):
    """The engine and the closed form, through the card, with the same parameters and background."""
    fast = {"k0": 1e2, "A_c": 1.0, "R_u": 1e-2, "C_dl": 1e-9, "g0": -1e-6, "g1": 1e-6}
    engine = mean_of(with_parameters(chosen(deposit="flat", points=points), fast), [record()])
    background = {name: fast[name] for name in ("g0", "g1")}
    closed = mean_of(with_parameters(chosen(law="cottrell", points=points), background), [record()])
    np.testing.assert_allclose(engine[11:], closed[11:], rtol=2e-3)
    np.testing.assert_allclose(engine[1:11], closed[1:11], rtol=1e-6)  # nothing before the start


def test_a_step_before_the_record_is_that_in_the_record():
    whole = record()
    late = TIME > 1.0 + 1e-9
    cut = record(TIME[late], POTENTIAL[late])
    a = mean_of(chosen(law="heerman_tarallo", points="instant"), [whole])
    b = mean_of(chosen(law="heerman_tarallo", points="instant", delay=0.1), [cut])
    np.testing.assert_allclose(a[late], b, rtol=1e-9)
    step = chronoamperometry.potential_step(
        _Options({"law": "engine", "before": -0.3, "delay": 2.0}), cut
    )
    np.testing.assert_allclose(step.programme.time[:2], [TIME[late][0] - 2.0] * 2)
    np.testing.assert_allclose(step.programme.potential[:3], [-0.3, -1.2, -1.2])
    assert step.level == -1.2


class _Options:
    """As much of a builder as `potential_step` looks at."""

    def __init__(self, options):
        self.card = CARD.model_copy(update={"options": options})

    def number(self, name):
        return float(self.card.options[name])


def test_the_misfit_wanders_in_the_logarithm_of_time():
    path = chronoamperometry._path(TIME, STEPS.jumps)
    assert path[0] == 0.0
    assert path[11] == chronoamperometry.APART
    elapsed = TIME - 1.0
    assert path[150:].sum() == pytest.approx(
        np.log(1 + elapsed[-1] / 0.1) - np.log(1 + elapsed[149] / 0.1)
    )


@pytest.mark.parametrize(
    ("options", "data", "words"),
    [
        ({}, lambda: record(TIME, np.interp(TIME, [0, 10, 21], [-0.4, -1.5, -0.4])),
         "no potential step in this record"),
        ({"delay": -1.0}, lambda: record(TIME, np.full(TIME.size, -1.2)),
         "options.delay: the step comes after the first point"),
        ({"before": -1.2}, lambda: record(TIME, np.full(TIME.size, -1.2)),
         "options.before: the potential before the step is that after it"),
        ({"law": "cottrell"}, lambda: record(TIME, np.where(TIME > 10.05, -0.4, POTENTIAL)),
         "law 'cottrell' is for one step"),
        ({"law": "cottrell"}, lambda: record(TIME, POTENTIAL + 0.01 * np.maximum(TIME - 9, 0)),
         "law 'cottrell' is for one step"),
        ({"law": "progressive", "transport": "reflecting"}, record,
         "options.transport: option 'transport' needs law = 'engine'"),
        ({"law": "progresive"}, record, "unknown law 'progresive'; did you mean 'progressive'?"),
        ({}, lambda: record(reference="Ag/AgCl", reference_offset_V=np.nan),
         "meta.reference_offset: this card needs potentials against Fc/Fc+"),
    ],
)  # fmt: skip
def test_what_is_refused(options, data, words):
    with pytest.raises(StudyError) as caught:
        build(chosen(**options), [data()])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_steps_in_one_record():
    levels = programme.steps([-0.4, -1.2, -0.3, -1.3], [1.0, 5.0, 5.0, 5.0])
    time = np.arange(0.0, 16.01, 0.1)
    data = record(time, np.array([float(levels.at(t)) for t in time]))
    step = chronoamperometry.potential_step(_Options({"law": "engine"}), data)
    np.testing.assert_allclose(step.programme.jumps, [1.0, 6.0, 11.0])
    assert step.level == pytest.approx(-1.3)


CASES = [
    {},
    {"N0": 3e8, "lnA": 9.0, "D": 4e-6, "k0": 1e-2, "R_u": 120.0},
    {"N0": 1e6, "lnA": 3.0, "c_b": 3e-7, "k0": 3e-4},
    {"N0": 3e9, "lnA": 2.0, "B_n": 0.06, "A_c": 0.5, "k0": 0.1, "C_dl": 3e-5},
    {"N0": 3e5, "lnA": 12.0, "B_n": 0.3, "D": 1e-6, "c_b": 5e-6},
]
"""Maxima from below the first point to the end of the record."""


def test_the_grid_of_a_fit_is_fine_enough():
    """Against one of eight times as many steps.

    Over the whole prior (400 draws, record as here) the worst point of the worst draw is off by
    0.14 % of |j| plus 1 % of its maximum; with half the steps by 1 %.
    """
    usual = {"E0": -0.95, "k0": 1e-3, "A_c": 0.8, "D": 2.5e-6, "c_b": 1e-6, "N0": 5e6} | {
        "lnA": 6.0, "B_n": 0.12, "R_u": 60.0, "C_dl": 8e-6,
    }  # fmt: skip
    limits = sampling.windows(TIME, STEPS.jumps)

    def run(steps):
        grid = grids.from_data(
            TIME, POTENTIAL, 0 * TIME, STEPS.breaks, steps, STEPS.start, STEPS.jumps
        )

        @jax.jit
        def current(p):
            model = physics.Electrode(
                physics.Cell(p["R_u"], p["C_dl"], -2e-7, 1e-6),
                (physics.Lead(p["E0"], p["k0"], p["A_c"], p["D"], p["c_b"]),),
                physics.Deposit(physics.Nucleation(p["lnA"], p["B_n"], p["N0"])),
            )
            out = respond(model, STEPS, F, grid=grid)
            return sampling.averages(out.time, out.output.charge, out.output.current, limits)

        return current

    coarse, fine = run(CARD.options["steps"]), run(8 * CARD.options["steps"])
    for changes in CASES:
        found, exact = coarse(usual | changes), np.asarray(fine(usual | changes))
        assert np.abs(found / exact - 1)[11:].max() < ACCURACY, changes
