"""Slow: what voltammogram, optical density and ICP-OES each determine of a film.

`.venv/bin/python -m pytest -m slow tests/inference/test_information.py` takes some 20 s. Nothing is
sampled: the Fisher information of the means of `examples/bulk_film`, every 10th point, with
independent noise of 1 uA, 3 % and 2 mV for the current, 2e-3 for the optical density and 5 % for
one reading of ICP-OES. The truth is that of the study, but for a film that lasts (k_II). With the
k0 of the study the stripping wave gives E0 by itself; that only the sum E_f of E0 and (5/2f) ln s
is known holds where deposition and stripping are slow.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr
from jax import numpy as jnp

from perovec_bayes.diagnostics import identifiability
from perovec_bayes.inference.bridge import Compiled
from perovec_bayes.inference.model import info_of
from perovec_bayes.inference.study import truths
from perovec_bayes.workflow.prepare import build_model, datasets, open_study

pytestmark = pytest.mark.slow

STUDY = Path(__file__).parents[2] / "examples" / "bulk_film" / "study.toml"
LASTING = {"k_II": 1e-11, "icp_z": 0.0}
SLOW = LASTING | {"k0": 1e-8}
NAMES = (
    "E0", "s", "k0", "A_c", "D", "D_ion", "k_II", "A_d", "p", "G0", "k_d", "k_iso", "R_u", "C_dl",
    "g0", "g1", "e_b", "kappa_s",
)  # fmt: skip
SD = np.array(
    [0.3, 7, 2.3, 0.25, 0.4, 0.5, 6, 0.3, 0.3, 0.7, 2.5, 1.5, 0.7, 0.6, 2e-6, 3e-6, 0.3, 1.0]
)
LOG = np.array([name not in {"E0", "A_c", "A_d", "p", "g0", "g1"} for name in NAMES])
EVERY = 10  # points
type Covariance = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def at_truth() -> Callable[[dict[str, float]], Covariance]:
    """Posterior covariance with the prior sds `SD`, by the last technique of which there are data.

    The argument changes the truth of the study.
    """
    study, card = open_study(STUDY)
    data = datasets(study)
    model = build_model(study, card, data)
    truth = truths(card, study)
    means = {o.name: o.mean for o in info_of(model).observables}
    compiled = Compiled(model)
    places = np.array([compiled._slice(name).start for name in NAMES])
    graphs = compiled.function([*means.values(), *(model[name] for name in NAMES)])

    def start(truth: dict[str, float]) -> jax.Array:
        values = {
            rv.name: np.full(
                (1, *shape), truth["n_s"] / 4 if rv.name == "n_s_share" else truth[rv.name]
            )
            for rv, shape in zip(model.free_RVs, compiled.shapes, strict=True)
        }
        return jnp.asarray(compiled.unconstrain(values)[0])

    def outputs(part: jax.Array, at: jax.Array) -> tuple[list[jax.Array], list[jax.Array]]:
        found = graphs(at.at[places].set(part))
        values = jnp.stack(found[len(means) :])
        judged = jnp.where(LOG, jnp.log(jnp.where(LOG, values, 1.0)), values)
        return [*found[: len(means)], judged], found[: len(means)]

    jacobian = jax.jit(jax.jacfwd(outputs, has_aux=True))
    steps = np.abs(np.diff(data["cv"]["potential"].to_numpy(), prepend=np.nan))

    def covariance(changes: dict[str, float]) -> Covariance:
        at = start(truth | changes)
        slopes, values = jacobian(at[places], at)
        rows = {name: np.asarray(slope) for name, slope in zip(means, slopes, strict=False)}
        current, reading = np.asarray(values[0]), np.asarray(values[2])
        slope = np.abs(np.diff(current, prepend=0.0)) / np.where(steps > 1e-3, steps, np.inf)
        noise = np.sqrt(1e-6**2 + (0.03 * current) ** 2 + (2e-3 * slope) ** 2)
        weighted = {
            "cv": (rows["cv"] / noise[:, None])[::EVERY],
            "od": (rows["od"] / 2e-3)[::EVERY].reshape(-1, len(NAMES)),
            "icp": (rows["icp"] / (0.05 * reading[:, None]))[:1],
        }
        information, found = np.diag(SD**-2.0), {}
        for name, row in weighted.items():
            judged = row @ np.linalg.inv(slopes[-1])
            information = information + judged.T @ judged
            found[name] = np.linalg.inv(information)
        return found

    return covariance


@pytest.fixture(scope="module")
def covariance(at_truth: Callable[[dict[str, float]], Covariance]) -> Covariance:
    return at_truth(LASTING)


def sd(covariance: np.ndarray, name: str) -> float:
    return float(np.sqrt(np.diag(covariance))[NAMES.index(name)])


def correlation(covariance: np.ndarray, one: str, other: str) -> float:
    value = covariance[NAMES.index(one), NAMES.index(other)]
    return float(value / (sd(covariance, one) * sd(covariance, other)))


def sd_of_formal_potential(covariance: np.ndarray) -> float:
    weights = np.zeros(len(NAMES))
    weights[[NAMES.index("E0"), NAMES.index("s")]] = 1.0, 2.5 * 0.025693
    return float(np.sqrt(weights @ covariance @ weights))


def pairs(covariance: np.ndarray) -> set[tuple[str, ...]]:
    """Names of the combinations found in draws of a normal posterior."""
    rng = np.random.default_rng(1)
    groups = {
        "prior": rng.normal(size=(1, 4000, len(NAMES))) * SD,
        "posterior": rng.normal(size=(4, 1000, len(NAMES))) @ np.linalg.cholesky(covariance).T,
    }
    tree = {
        group: xr.Dataset(
            {
                name: (("chain", "draw"), draws[..., i], {"free": 1, "unit": "1"})
                for i, name in enumerate(NAMES)
            }
        )
        for group, draws in groups.items()
    }
    found = identifiability(xr.DataTree.from_dict(tree)).combinations
    return {tuple(sorted(member.scalar.name for member in each.members)) for each in found}


def test_optical_density_fixes_the_film(covariance):
    assert sd(covariance["od"], "G0") < 0.3 * sd(covariance["cv"], "G0")
    assert sd(covariance["od"], "p") < 0.8 * sd(covariance["cv"], "p")
    assert sd(covariance["cv"], "e_b") == pytest.approx(0.3, rel=0.01)
    assert sd(covariance["od"], "e_b") < 0.2 * sd(covariance["cv"], "e_b")
    assert correlation(covariance["cv"], "G0", "p") > 0.7
    assert correlation(covariance["od"], "G0", "p") < 0.5
    for name in ("E0", "s", "k0", "A_c", "k_II", "R_u"):  # it gives no potentials and no rates
        assert sd(covariance["od"], name) > 0.95 * sd(covariance["cv"], name)


def test_a_voltammogram_ties_parameters_of_kinetics(covariance):
    assert correlation(covariance["cv"], "k0", "A_c") < -0.8
    assert correlation(covariance["cv"], "R_u", "A_d") > 0.6
    assert correlation(covariance["cv"], "s", "k_II") < -0.8


def test_icp_gives_the_solubility_and_frees_the_rate(covariance):
    assert sd(covariance["icp"], "s") < 0.06
    assert sd(covariance["od"], "s") > 0.2
    assert sd(covariance["icp"], "k_II") < 0.5 * sd(covariance["od"], "k_II")
    assert (
        correlation(covariance["icp"], "s", "k_II")
        > correlation(covariance["od"], "s", "k_II") + 0.2
    )
    assert sd_of_formal_potential(covariance["icp"]) < 0.5 * sd_of_formal_potential(
        covariance["od"]
    )


def test_only_the_formal_potential_is_known_where_stripping_is_slow(at_truth):
    slow = at_truth(SLOW)
    assert correlation(slow["od"], "E0", "s") < -0.95
    assert correlation(slow["od"], "k0", "A_c") < -0.8
    assert sd_of_formal_potential(slow["od"]) < 0.3 * sd(slow["od"], "E0")
    assert sd(slow["icp"], "E0") < 0.3 * sd(slow["od"], "E0")
    assert ("E0", "s") in pairs(slow["od"])
    assert ("E0", "s") not in pairs(slow["icp"])


def test_diffusion_coefficient_stays_at_its_prior(covariance):
    assert all(sd(covariance[upto], "D") > 0.95 * 0.4 for upto in ("cv", "od", "icp"))


def test_the_ties_are_found_in_draws(covariance):
    assert ("k_II", "s") in pairs(covariance["od"])
    assert ("k_II", "s") not in pairs(covariance["icp"])
