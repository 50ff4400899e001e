"""The likelihood of projections against that of whole spectra, and what it teaches.

The film and its lead are given functions of time here, so that no electrode is solved.
"""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from scipy import optimize, stats

from perovec_bayes.constants import FARADAY
from perovec_bayes.forward import optics, spectral
from perovec_bayes.forward.exciton import exciton_spectrum
from perovec_bayes.inference import bridge, noise, observe_spectra  # noqa: F401 (double precision)

WAVELENGTH = np.linspace(450.0, 700.0, 61)
TIME = np.arange(0.0, 600.0, 6.0)
PURE = exciton_spectrum(WAVELENGTH)
WINDOW = optics.band_weights(WAVELENGTH, np.array([500.0]), np.array([550.0]))[:, 0]
G0 = 1e-7
TAU = 60.0
TRUTH = {
    "ln_e": np.log(1.8e6), "ln_kappa": np.log(4e5), "n": 1.5, "low": 0.012, "high": 0.004,
    "shift": 0.6, "lag": 2.0, "ln_white": np.log(5e-4), "ln_wander": np.log(1e-3),
}  # fmt: skip
PRIOR = {
    "ln_e": (np.log(1.8e6), 0.25), "ln_kappa": (np.log(3e5), 1.0), "n": (1.5, 1.0),
    "low": (0.0, 0.02), "high": (0.0, 0.02), "shift": (0.0, 1.0), "lag": (0.0, 5.0),
    "ln_white": (np.log(1e-3), 0.7), "ln_wander": (np.log(1e-3), 1.0),
}  # fmt: skip
NAMES = tuple(TRUTH)
DIRECTIONS = 6
MISFITS = len(spectral.MISFITS)


def inventory(time):
    """Film and lead of three waves, at any time."""
    gone = sum(0.25 / (1 + jnp.exp(-(time - at) / 12.0)) for at in (100.0, 280.0, 470.0))
    back = sum(0.22 / (1 + jnp.exp(-(time - at) / 15.0)) for at in (170.0, 350.0, 540.0))
    return G0 * (1 - gone), G0 * (gone - back)


def mean(value, parts, error=0.0):
    """The projections of the model at a dictionary of parameters."""
    G, q = inventory(jnp.asarray(TIME) + value["lag"])
    return spectral.coefficients(
        G,
        optics.scattering_amplitude(q, jnp.exp(value["ln_kappa"])),
        parts,
        absorption=jnp.exp(value["ln_e"]),
        exponent=value["n"],
        offset=jnp.stack([value["low"], value["high"]]),
        start=G0,
        shift=value["shift"],
        error=error,
    )


def written_out(value):
    """The same at every wavelength, for a film that is `PURE`."""
    G, q = (np.asarray(each) for each in inventory(jnp.asarray(TIME) + value["lag"]))
    slope = spectral.edge(WAVELENGTH, PURE)
    moved = PURE - value["shift"] * (1 - G[:, None] / G0) * slope
    scattered = np.exp(value["ln_kappa"]) * q[:, None] * (WAVELENGTH / 575.0) ** -value["n"]
    base = np.array([value["low"], value["high"]]) @ spectral.line(WAVELENGTH)
    return np.exp(value["ln_e"]) * G[:, None] * moved + scattered + base


def steps():
    """Distances in time in units of the drift's length."""
    return jnp.asarray(np.diff(TIME, prepend=TIME[0]) / TAU)


def nothing(size):
    """The covariance of no misfit."""
    return observe_spectra.NEGLIGIBLE**2 * jnp.diag(jnp.arange(1.0, size + 1.0))


def prior_draws(rng, count):
    return [{k: rng.normal(*PRIOR[k]) for k in NAMES} for _ in range(count)]


def test_the_projections_say_what_whole_spectra_with_white_noise_say():
    """At draws from the prior the two log densities differ by less than 1e-6."""
    rng = np.random.default_rng(1)
    rows = spectral.components(WAVELENGTH, PURE)
    span = spectral.span(WAVELENGTH, rows, tolerance=1e-13)
    parts = spectral.projected(WAVELENGTH, PURE, span, background=False)
    data = written_out(TRUTH) + 5e-4 * span.profile * rng.standard_normal((100, 61))
    z = data @ span.analysis
    rest = data / span.profile - z @ span.synthesis / span.profile
    for value in prior_draws(rng, 20):
        value["n"] = np.clip(value["n"], *spectral.EXPONENTS)
        white = np.exp(value["ln_white"])
        whole = stats.norm.logpdf(data, written_out(value), white * span.profile).sum()
        found = observe_spectra.log_density(
            z, mean(value, parts), white, nothing(z.shape[1]), steps()
        )
        outside = stats.norm.logpdf(rest / white).sum() - rest.size * np.log(white)
        outside += z.size * np.log(np.sqrt(2 * np.pi))  # of the directions that rest lacks
        outside += z.size * np.log(white) - len(TIME) * np.log(span.profile).sum()
        assert float(found.sum()) + outside == pytest.approx(whole, abs=1e-6, rel=1e-12)


def test_with_drift_they_say_what_the_dense_covariance_says():
    rng = np.random.default_rng(2)
    time, wavelength = TIME[:8], WAVELENGTH[::2]
    rows = spectral.components(wavelength, PURE[::2])
    span = spectral.span(wavelength, rows)
    sizes = 1e-3 * np.exp(rng.standard_normal(len(spectral.MISFITS)))
    shapes = spectral.misfit_shapes(wavelength, PURE[::2], span)
    misfit = spectral.misfit_covariance(jnp.asarray(sizes), shapes, span.wander)
    a = np.sqrt(3) * np.abs(time[:, None] - time) / TAU
    kernel = (1 + a) * np.exp(-a)
    covariance = 4e-4**2 * np.kron(np.eye(8), np.diag(span.profile**2))
    covariance += np.kron(kernel, span.synthesis.T @ np.asarray(misfit) @ span.synthesis)
    path = jnp.asarray(np.diff(time, prepend=time[0]) / TAU)

    def both(y):
        dense = stats.multivariate_normal(np.zeros(y.size), covariance).logpdf(y.ravel())
        z = y @ span.analysis
        found = observe_spectra.log_density(z, 0 * z, 4e-4, misfit, path).sum()
        rest = (y - z @ span.synthesis) / span.profile / 4e-4
        return dense, float(found) - 0.5 * np.sum(rest**2)

    first, *others = (both(1e-3 * rng.standard_normal((8, wavelength.size))) for _ in range(4))
    for dense, found in others:
        assert dense - first[0] == pytest.approx(found - first[1], abs=1e-6, rel=1e-10)


def test_new_data_have_the_moments_of_the_density():
    rng = np.random.default_rng(3)
    span = spectral.span(WAVELENGTH, spectral.components(WAVELENGTH, PURE))
    shapes = spectral.misfit_shapes(WAVELENGTH, PURE, span)
    misfit = np.asarray(spectral.misfit_covariance(jnp.full(5, 2e-4), shapes, span.wander))
    path = np.diff(TIME, prepend=TIME[0]) / TAU
    centre = np.zeros((len(TIME), len(misfit)))
    drawn = np.stack([observe_spectra.draw(rng, centre, 1e-3, misfit, path) for _ in range(400)])
    expected = misfit + 1e-6 * np.eye(len(misfit))
    scale = np.sqrt(np.diag(expected))
    found = np.einsum("rta,rtb->ab", drawn, drawn) / drawn[..., 0].size
    # 400 records of some 3 lengths each
    np.testing.assert_allclose(
        found / np.outer(scale, scale), expected / np.outer(scale, scale), atol=0.15
    )
    whole = np.stack([observe_spectra.new_spectra(rng, z, 1e-3, span) for z in drawn[:50]])
    np.testing.assert_allclose(whole @ span.analysis, drawn[:50], atol=1e-12)
    outside = whole - whole @ span.analysis @ span.synthesis
    free = WAVELENGTH.size - len(misfit)
    assert np.mean((outside / span.profile) ** 2) * 61 / free == pytest.approx(1e-6, rel=0.03)


def test_the_information_of_the_mean_is_that_of_the_dense_covariance():
    rng = np.random.default_rng(4)
    time = TIME[:9]
    slopes = rng.standard_normal((4, 9, 3))
    factor = 1e-3 * rng.standard_normal((3, 3))
    misfit = factor @ factor.T
    a = np.sqrt(3) * np.abs(time[:, None] - time) / TAU
    covariance = np.kron((1 + a) * np.exp(-a), misfit) + 4e-4**2 * np.eye(27)
    flat = slopes.reshape(4, 27)
    expected = flat @ np.linalg.solve(covariance, flat.T)
    path = np.diff(time, prepend=time[0]) / TAU
    at = [jnp.zeros((9, 3)), jnp.asarray(4e-4), jnp.asarray(misfit), jnp.asarray(path)]
    none = [jnp.zeros((4, *np.shape(each))) for each in at[1:]]
    found = observe_spectra.fisher(at, [jnp.asarray(slopes), *none])
    np.testing.assert_allclose(found, expected, rtol=1e-9)


RECORDS = 30
LAST = len(NAMES) - 1


@pytest.fixture(scope="module")
def fits():
    """Mode and sd of each parameter for records with noise of another kind than the model's.

    By L-BFGS from the truth in coordinates whitened by the expected information, whose inverse at
    the mode is the covariance. Every direction has its own error of the film's spectrum.
    """
    rng = np.random.default_rng(5)
    clear, found = written_out(TRUTH), []
    more = MISFITS - 1
    scale = np.array([PRIOR[k][1] for k in NAMES] + [1.0] * (more + DIRECTIONS))
    centre = np.array([PRIOR[k][0] for k in NAMES] + [PRIOR["ln_wander"][0]] * more
                      + [0.0] * DIRECTIONS)  # fmt: skip
    truth = np.array([TRUTH[k] for k in NAMES] + [TRUTH["ln_wander"]] * more + [0.0] * DIRECTIONS)

    def noisy(theta, parts, shapes, smooth):
        value = dict(zip(NAMES, theta, strict=False))
        white = jnp.exp(value["ln_white"])
        misfit = spectral.misfit_covariance(jnp.exp(theta[LAST : LAST + MISFITS]), shapes, smooth)
        root = jnp.linalg.cholesky(white**2 * jnp.eye(DIRECTIONS) + misfit)
        error = observe_spectra.TEMPLATE * root @ theta[LAST + MISFITS :]
        return [mean(value, spectral.Projected(*parts), error), white, misfit, steps()]

    @jax.jit
    def information(u, *known):
        def model(u):
            return noisy(centre + scale * u, *known)

        tangents = jax.vmap(lambda v: jax.jvp(model, (u,), (v,))[1])(jnp.eye(len(scale)))
        return observe_spectra.fisher(model(u), tangents) + jnp.eye(len(scale))

    @jax.jit
    @jax.value_and_grad
    def cost(v, begin, factor, z, *known):
        u = begin + factor @ v
        like = observe_spectra.log_density(z, *noisy(centre + scale * u, *known)).sum()
        return 0.5 * jnp.sum(u**2) - like

    for _ in range(RECORDS):
        flicker = 4e-4 * rng.standard_normal((len(TIME), 1))  # of the lamp, all wavelengths alike
        pixels = 8e-4 * rng.standard_normal((len(TIME), 61))
        pixels[:, 1:] = 0.6 * pixels[:, :-1] + 0.8 * pixels[:, 1:]
        data = clear + drifts(rng) + flicker + pixels
        film = data[:6].mean(axis=0)  # measured, with its noise and baseline
        span = spectral.span(WAVELENGTH, spectral.components(WAVELENGTH, film), data)
        parts = spectral.projected(WAVELENGTH, film, span, background=True)
        shapes = spectral.misfit_shapes(WAVELENGTH, film, span)
        known = (tuple(parts), shapes, span.wander)
        begin = (truth - centre) / scale
        factor = np.linalg.cholesky(np.linalg.inv(information(begin, *known)))
        given = (begin, factor, data @ span.analysis, *known)
        end = optimize.minimize(
            cost, 0 * begin, given, jac=True, method="L-BFGS-B", options={"maxiter": 60}
        )
        best = begin + factor @ end.x
        covariance = np.linalg.inv(information(best, *known))
        found.append((centre + scale * best, scale * np.sqrt(np.diag(covariance))))
    return np.moveaxis(np.array(found), 1, 0)[..., : len(NAMES)]


def drifts(rng):
    """A baseline that wanders in time and is smooth in wavelength: offset, slope and bend."""
    path = np.diff(TIME, prepend=TIME[0]) / TAU
    x = (WAVELENGTH - 575.0) / 125.0
    shapes = np.stack([np.ones_like(x), x, x**2 - 1 / 3])
    sizes = (8e-4, 6e-4, 4e-4)
    return sum(
        np.outer(noise.draw(rng, np.zeros(len(TIME)), np.zeros(len(TIME)), s, path), each)
        for s, each in zip(sizes, shapes, strict=True)
    )


PHYSICAL = slice(0, 7)


def test_truths_come_back_at_nominal_coverage(fits):
    """Flicker, neighbours that share noise, a drift of another kind than the model's."""
    modes, sds = fits
    truth = np.array([TRUTH[k] for k in NAMES])
    z = ((modes - truth) / sds)[:, PHYSICAL]
    for prob, low, high in ((0.5, 0.40, 0.72), (0.9, 0.83, 0.98)):
        inside = np.mean(np.abs(z) < stats.norm.isf((1 - prob) / 2))
        assert low < inside < high, (prob, inside, z.std(axis=0))
    assert np.abs(z.mean(axis=0)).max() < 4.0 / np.sqrt(RECORDS)
    assert z.std(axis=0).max() < 1.5  # one sd of it is 0.13


def test_clocks_that_differ_are_found_to_a_fifth_of_a_second(fits):
    modes, sds = fits
    lag = NAMES.index("lag")
    assert sds[:, lag].max() < 0.2
    error = np.abs(modes[:, lag] - TRUTH["lag"])
    assert np.mean(error < 0.2) >= 0.9
    assert (error / sds[:, lag]).max() < 3.5


def test_the_fit_knows_the_bias_of_the_window_correction(fits):
    """What the paper's difference keeps of scattering, (4.3), from the posterior of the spectra."""
    modes, _ = fits
    low, high = np.array([optics.SUB_GAP]).T
    _, q = inventory(jnp.asarray(TIME))
    largest = float(np.max(q))

    def bias(n, ln_kappa):
        sub = np.exp(ln_kappa) * largest * optics.scattering_profile(low, high, n)[0]
        return float(optics.window_bias(sub, n))

    true = bias(TRUTH["n"], TRUTH["ln_kappa"])
    found = np.array([bias(m[NAMES.index("n")], m[NAMES.index("ln_kappa")]) for m in modes])
    assert np.median(found) == pytest.approx(true, rel=0.15)
    windows = optics.band_weights(WAVELENGTH, *np.array([optics.BAND_EDGE, optics.SUB_GAP]).T)
    bare = TRUTH | {"ln_kappa": -np.inf}
    paper = np.diff((written_out(TRUTH) - written_out(bare)) @ windows[:, ::-1])[:, 0]
    assert paper[np.argmax(q)] == pytest.approx(true, rel=0.05)


@pytest.mark.parametrize("electrons", [1.5, 2.0])
def test_n_opt_is_told_apart_when_thickness_is_known_to_ten_percent(electrons):
    """Charge from the CV to 1 %, thickness to 10 %, e_b to 25 % (its prior): Fisher information."""
    span = spectral.span(WAVELENGTH, spectral.components(WAVELENGTH, PURE))
    parts = spectral.projected(WAVELENGTH, PURE, span, background=False)
    shapes = spectral.misfit_shapes(WAVELENGTH, PURE, span)
    misfit = spectral.misfit_covariance(jnp.full(5, 1e-3), shapes, span.wander)
    G, q = inventory(jnp.asarray(TIME))
    charge = electrons * FARADAY * (G0 - G)  # passed by decomposition, as the CV counts it
    names = ("ln_e", "ln_G0", "ln_n_opt", "ln_gain", "ln_kappa", "n", "low", "high")
    prior = np.array([0.25, 0.1, 0.4, 0.01, 1.0, 1.0, 0.02, 0.02])

    def model(theta):
        v = dict(zip(names, theta, strict=True))
        film = jnp.exp(v["ln_G0"]) - charge * jnp.exp(v["ln_gain"] - v["ln_n_opt"]) / FARADAY
        return spectral.coefficients(
            film,
            optics.scattering_amplitude(q, jnp.exp(v["ln_kappa"])),
            parts,
            absorption=jnp.exp(v["ln_e"]),
            exponent=v["n"],
            offset=jnp.stack([v["low"], v["high"]]),
            start=G0,
        )

    start = [np.log(1.8e6), np.log(G0), np.log(electrons), 0.0, np.log(4e5), 1.5, 0.01, 0.01]
    at = jnp.asarray(start)
    tangent = jnp.moveaxis(jax.jacfwd(model)(at), -1, 0)
    none = [jnp.zeros((len(names), *np.shape(each))) for each in (0.0, misfit, steps())]
    information = observe_spectra.fisher(
        [model(at), jnp.asarray(5e-4), misfit, steps()], [tangent, *none]
    )
    covariance = np.linalg.inv(np.asarray(information) + np.diag(prior**-2))
    sd = float(np.sqrt(covariance[2, 2]))
    assert 0.09 < sd < 0.115  # thickness is what limits it
    assert np.log(2.0 / 1.5) / sd > 2.5
    loose = np.linalg.inv(
        np.asarray(information) + np.diag((prior * [1, 7, 1, 1, 1, 1, 1, 1]) ** -2)
    )
    assert np.log(2.0 / 1.5) / np.sqrt(loose[2, 2]) < 1.5  # without the thickness it is not
