"""The regression over solvents: its law, its residuals, and the coordinates it is sampled in."""

import jax
import numpy as np
import pytest
from builders import hypothesis, icp, with_parameters
from scipy import stats

from perovec_bayes.chemistry import solvent
from perovec_bayes.errors import StudyError
from perovec_bayes.inference.bridge import Compiled, Mapped
from perovec_bayes.inference.build import build
from perovec_bayes.inference.cards import load_card
from perovec_bayes.inference.sample import prior_points

CARD = load_card("solvent_regression")
LATTICE, LIGAND = "CsPbBr3", "Pb(OA)2"
DATA = icp(
    {"solvent": "PC", "value": 2.4e-6},
    {"solvent": "MeCN", "value": 4e-7},
    {"solvent": "THF", "value": 3e-9, "lod": 1e-9},
    {"solvent": "DCM", "lod": 2.4e-10},
    {"solute": LIGAND, "solvent": "PC", "value": 5e-8},
    {"solute": LIGAND, "solvent": "DCM", "value": 3.3e-5},
    {"solute": LIGAND, "solvent": "PhCN", "value": 2e-7},
)
SOLVENTS = ["PC", "MeCN", "THF", "DCM", "PhCN"]


def with_options(card, **options):
    return card.model_copy(update={"options": {**card.options, **options}})


@pytest.fixture(scope="module")
def model():
    return build(CARD, [DATA])


@pytest.fixture(scope="module")
def framed(model):
    return Compiled(model, model.perovec.frames)


@pytest.fixture(scope="module")
def evaluate(model, framed):
    """From coordinates to every quantity and free variable by name."""
    names = list(dict.fromkeys([*model.perovec.quantities, *(v.name for v in model.free_RVs)]))
    mapped = Mapped(framed.function([model[name] for name in names]))
    return lambda points: dict(zip(names, mapped(points), strict=True))


@pytest.fixture(scope="module")
def drawn(framed, evaluate):
    """Prior draws: coordinates, and everything by name."""
    points = prior_points(framed, 2000, np.random.default_rng(4))
    return points, evaluate(points)


def law(got, salt, i):
    """log10(s / (mol/L)) of equation (5.3) in solvent i, without its residual."""
    total = got[f"a_{salt}"]
    total = total + got[f"b_eps_{salt}"] * (1 / got["eps"][:, i] - 1 / 35.7)
    total = total + got[f"b_DN_{salt}"] * (got["DN"][:, i] - 14) / 10
    return total + got[f"b_AN_{salt}"] * (got["AN"][:, i] - 18.9) / 10


def test_solubilities_follow_the_law_with_residuals_in_units_of_tau(model, drawn):
    got = drawn[1]
    assert list(model.coords["solvent"]) == SOLVENTS
    u, rho = got["t_lattice"], got["rho"][:, None]
    e = np.sqrt((1 - rho**2) * (4 + u**2) / 5) * got["t_ligand"]
    residuals = {"lattice": u, "ligand": rho * u + e}
    measured = [("lattice", i) for i in range(4)] + [("ligand", i) for i in (0, 3, 4)]
    for place, (salt, i) in enumerate(measured):
        expected = law(got, salt, i) + got[f"tau_{salt}"] * residuals[salt][:, i]
        found = np.log10(got["s"][:, place] / 1e-3)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    unmeasured = [("lattice", 4), ("ligand", 1), ("ligand", 2)]
    labels = [f"{LATTICE}, PhCN", f"{LIGAND}, MeCN", f"{LIGAND}, THF"]
    assert list(model.coords["unmeasured"]) == labels
    for place, (salt, i) in enumerate(unmeasured):
        expected = law(got, salt, i) + got[f"tau_{salt}"] * residuals[salt][:, i]
        found = got["log10_s_predicted"][:, place]
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_residuals_of_the_two_salts_are_bivariate_t(model, framed):
    """The density of (t_lattice, t_ligand), moved to (r, r'), is that of scipy; shape and rho."""
    rho, tau, other = 0.6, 0.4, 1.3
    rng = np.random.default_rng(1)
    for u, e in rng.normal(0, 2, (6, 2)):
        g = np.sqrt((1 - rho**2) * (4 + u**2) / 5)
        density = stats.t.logpdf(u, 4) + stats.t.logpdf(e, 5) - np.log(tau * other * g)
        shape = [[tau**2, rho * tau * other], [rho * tau * other, other**2]]
        joint = stats.multivariate_t(shape=shape, df=4)
        expected = joint.logpdf([tau * u, other * (rho * u + g * e)])
        assert density == pytest.approx(expected, rel=1e-12)
    degrees = {name: rv.owner.inputs[-3].eval() for name in ("t_lattice", "t_ligand")
               for rv in [model[name]]}  # fmt: skip
    assert degrees == model.perovec.degrees == {"t_lattice": 4, "t_ligand": 5}


def test_the_prior_prefers_no_sign_of_the_correlation(drawn):
    """Symmetric by construction: 4 standard errors of 2000 draws."""
    corr = drawn[1]["corr"]
    assert abs(np.mean(corr < 0) - 0.5) < 4 * 0.5 / np.sqrt(len(corr))
    assert np.all(np.abs(corr) <= 1)


def test_the_correlation_is_that_of_new_solvents(drawn):
    """Residuals of t with 4 degrees of freedom on solvents drawn from the study's five."""
    got = drawn[1]
    spread = np.cov(
        [
            [1 / solvent(name).value("relative_permittivity", "1") for name in SOLVENTS],
            [solvent(name).value("donor_number", "kcal/mol") / 10 for name in SOLVENTS],
            [solvent(name).value("acceptor_number", "1") / 10 for name in SOLVENTS],
        ],
        bias=True,
    )
    b, c = (
        np.array([got[f"{slope}_{salt}"] for slope in ("b_eps", "b_DN", "b_AN")])
        for salt in ("lattice", "ligand")
    )
    t, other = got["tau_lattice"], got["tau_ligand"]
    both = np.einsum("in,ij,jn->n", b, spread, c) + 2 * got["rho"] * t * other
    first = np.einsum("in,ij,jn->n", b, spread, b) + 2 * t**2
    second = np.einsum("in,ij,jn->n", c, spread, c) + 2 * other**2
    np.testing.assert_allclose(got["corr"], both / np.sqrt(first * second), rtol=1e-6, atol=1e-9)


def test_of_two_solvents_no_correlation_is_reported():
    pairs = [
        {"solute": salt, "solvent": name, "value": 1e-6}
        for salt in (LATTICE, LIGAND)
        for name in ("PC", "DCM")
    ]
    two = build(CARD, [icp(*pairs)])
    assert "corr" in two.perovec.quantities
    assert "corr_measured" not in two.perovec.quantities
    three = [*pairs, *({**pair, "solvent": "THF"} for pair in pairs[::2])]
    assert "corr_measured" in build(CARD, [icp(*three)]).perovec.quantities


def test_the_correlation_of_the_measured_solvents():
    rows = [
        {"solute": salt, "solvent": name, "value": 1e-6}
        for salt in (LATTICE, LIGAND)
        for name in ("PC", "MeCN", "THF", "DCM")
    ]
    model = build(CARD, [icp(*rows)])
    compiled = Compiled(model)
    points = prior_points(compiled, 5, np.random.default_rng(2))
    s, found = Mapped(compiled.function([model["s"], model["corr_measured"]]))(points)
    expected = [np.corrcoef(np.log(each[:4]), np.log(each[4:]))[0, 1] for each in s]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


# --- coordinates -------------------------------------------------------------------------------


def test_coordinates_are_inverted(framed, drawn):
    points, values = drawn
    given = {v.name: values[v.name][:50] for v in framed.model.free_RVs}
    np.testing.assert_allclose(framed.unconstrain(given), points[:50], rtol=1e-6, atol=1e-6)


def test_the_density_in_coordinates_carries_their_volume(model, framed, evaluate):
    """Frames that build on each other, one of them bounded: by central differences."""
    plain, h = Compiled(model), 1e-5
    w = np.random.default_rng(3).normal(0.0, 0.8, framed.size)
    around = np.concatenate([[w], w + h * np.eye(len(w)), w - h * np.eye(len(w))])
    x = plain.unconstrain(evaluate(around))
    jacobian = (x[1 : 1 + len(w)] - x[1 + len(w) :]) / (2 * h)
    volume = np.linalg.slogdet(jacobian)[1]
    in_x, in_w = jax.jit(plain.log_density()), jax.jit(framed.log_density())
    assert float(in_w(w)) == pytest.approx(float(in_x(x[0])) + volume, abs=1e-4)


def test_a_conjugate_case_has_its_closed_form_posterior():
    """No scatter, stated errors: the coefficients are normal, and their coordinates standard."""
    rows = [
        {"solvent": name, "value": value, "sd": 1e-3 * value, "sample": f"{name} {n}"}
        for name, value in (("PC", 2.4e-6), ("MeCN", 4e-7), ("PhCN", 3e-7), ("DCM", 3e-9))
        for n in (1, 2, 3)
    ]
    held = {"s_p": 0.05, "s_m": 0.02, "tau_lattice": 1e-9, "u_eps": 0.0}
    card = with_parameters(with_options(CARD, predictors=["permittivity"]), held)
    model = build(card, [icp(*rows)])
    compiled = Compiled(model, model.perovec.frames)

    names = [row["solvent"] for row in rows]
    x = 1 / np.array([solvent(n).value("relative_permittivity", "1") for n in names]) - 1 / 35.7
    X = np.column_stack([np.ones(len(x)), x])
    y = np.log10(np.array([row["value"] for row in rows]) / 1e-3)
    variance = (0.05**2 + 1e-6) / np.log(10) ** 2
    precision = X.T @ X / variance + np.diag([1.5**-2, 40.0**-2])
    mean = np.linalg.solve(precision, X.T @ y / variance + np.array([-3.5 / 1.5**2, -55 / 40**2]))

    values = jax.jit(compiled.function([model["a_lattice"], model["b_eps_lattice"]]))
    wanted = ["a_lattice", "b_eps_lattice", "icp_z"]
    sizes = np.cumsum([0, *compiled.sizes])
    free = [v.name for v in model.free_RVs]
    place = np.concatenate(
        [np.arange(sizes[free.index(n)], sizes[free.index(n) + 1]) for n in wanted]
    )
    at_mean = np.zeros(compiled.size)
    np.testing.assert_allclose(np.ravel(values(at_mean)), mean, rtol=1e-6)
    units = [np.ravel(values(at_mean + np.eye(compiled.size)[i])) for i in place[:2]]
    factor = np.array(units).T - mean[:, None]
    np.testing.assert_allclose(factor @ factor.T, np.linalg.inv(precision), rtol=1e-6)
    density = jax.jit(compiled.log_density())
    rng = np.random.default_rng(6)
    for _ in range(5):
        w = np.zeros(compiled.size)
        w[place] = rng.normal(0, 1, len(place))
        fall = float(density(w)) - float(density(np.zeros(compiled.size)))
        assert fall == pytest.approx(-0.5 * np.sum(w**2), abs=0.05)


# --- what is refused ---------------------------------------------------------------------------


def test_a_solvent_that_the_table_does_not_know_is_refused():
    with pytest.raises(StudyError, match=r"solvent: unknown solvent; found 'propylene'"):
        build(CARD, [icp({"solvent": "propylene", "value": 1e-6})])


def test_a_solvent_without_a_tabulated_property_is_refused():
    data = icp({"solvent": "2-MeTHF", "value": 1e-6})
    with pytest.raises(StudyError, match=r"no acceptor number.*found 2-MeTHF.*Leave 'acceptor"):
        build(CARD, [data])
    chosen = with_options(CARD, predictors=["permittivity", "donor_number"])
    assert "b_AN_lattice" not in build(chosen, [data]).perovec.quantities


@pytest.mark.parametrize("solutes", [[LIGAND], [LATTICE, "PbBr2"]])
def test_other_salts_than_the_two_are_refused(solutes):
    rows = [{"solute": name, "value": 1e-6} for name in solutes]
    with pytest.raises(StudyError, match=r"must be of the lattice.*expected CsPbBr3 and Pb\(OA\)2"):
        build(CARD, [icp(*rows)])


def test_the_lattice_alone_has_no_correlation():
    model = build(CARD, [icp({"value": 1e-6}, {"solvent": "DCM", "lod": 1e-9})])
    assert not {"rho", "corr", "ratio", "a_ligand"} & set(model.perovec.quantities)


def test_a_reading_of_unknown_dilution_is_refused_unless_it_is_a_limit():
    known = (hypothesis("as is", 1.0, 1.0, 0.2, solvent="DCM"),)
    rows = {"value": 1e-6}, {"sample": "B", "solvent": "DCM", "dilution": np.nan}
    with pytest.raises(StudyError, match=r"measurement 2 \(B\).*fit it with card solubility"):
        build(CARD, [icp(rows[0], rows[1] | {"value": 1e-8}, hypotheses=known)])
    build(CARD, [icp(rows[0], rows[1] | {"lod": 1e-8}, hypotheses=known)])
