import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perovec_bayes.errors import StudyError
from perovec_bayes.forward import luminescence as pl

NM = 1e-7
"""[cm]"""
LIGHT, HEAVY = 0.126, 0.18
"""The two reduced masses of section 4.4 [electron masses]."""
VOLUME = 119.9
"""V_m of CsPbBr3 [cm^3 mol^-1]."""


def central(function, x, step):
    """Derivative by central differences."""
    return float(function(x + step) - function(x - step)) / (2 * step)


def shift(edge, mass):
    """Confinement energy in meV of a cube with its edge in nm."""
    return 1e3 * np.asarray(pl.gap(np.asarray(edge) * NM, bulk_gap=0.0, mass=mass))


# --- the gap


def test_the_confinement_constant_is_the_printed_one():
    """0.376 eV nm^2; independently 13.605693 eV (Rydberg) x (pi x 0.0529177 nm)^2."""
    constant = pl.CONFINEMENT / NM**2
    assert constant == pytest.approx(0.376, abs=5e-4)
    assert constant == pytest.approx(13.605693123 * (np.pi * 0.0529177210903) ** 2, rel=1e-8)


@pytest.mark.parametrize(("edge", "light", "heavy"), [(8, 140, 98), (10, 90, 63), (12, 62, 44)])
def test_the_printed_shifts(edge, light, heavy):
    """Printed to 1 meV; 10 nm is 89.5 and 62.7, 12 nm 62.2 and 43.5."""
    assert shift(edge, LIGHT) == pytest.approx(light, abs=0.5)
    assert shift(edge, HEAVY) == pytest.approx(heavy, abs=0.5)


@pytest.mark.parametrize(("edge", "printed"), [(8, -35), (9, -25), (10, -18)])
def test_the_printed_slopes(edge, printed):
    got = float(pl.gap_slope(edge * NM, LIGHT)) * 1e3 * NM
    assert got == pytest.approx(printed, abs=0.5)


@pytest.mark.parametrize(
    ("edge", "loss", "volume"), [(8, 0.271, 0.098), (9, 0.381, 0.122), (10, 0.516, 0.147)]
)
def test_a_blue_shift_of_10_mev_in_edge_and_volume(edge, loss, volume):
    """Printed as 0.3-0.5 nm and 10-15 %: so from 8 to 10 nm with mu = 0.126, not linearised."""
    after = np.interp(
        -shift(edge, LIGHT) - 10,
        -shift(np.linspace(5, 12, 70_001), LIGHT),
        np.linspace(5, 12, 70_001),
    )
    assert edge - after == pytest.approx(loss, abs=1e-3)
    assert 1 - (after / edge) ** 3 == pytest.approx(volume, abs=1e-3)


def test_with_the_heavier_mass_10_mev_are_more_volume_than_printed():
    """14 % at 8 nm, 20 % at 10 nm: the printed 10-15 % holds for mu = 0.126 only."""
    lost = [1 - (shift(edge, HEAVY) / (shift(edge, HEAVY) + 10)) ** 1.5 for edge in (8, 10)]
    np.testing.assert_allclose(lost, [0.136, 0.199], atol=1e-3)


def test_bulk_gap_and_coulomb_energy_move_the_gap_as_a_whole():
    got = pl.gap(9 * NM, bulk_gap=2.35, mass=LIGHT, coulomb=0.04)
    assert got == pytest.approx(2.31 + shift(9, LIGHT) / 1e3, rel=1e-14)


@pytest.mark.parametrize("edge", [12 * NM, 8 * NM, 1.01 * NM, 0.99 * NM, 0.0])
def test_the_slope_is_the_derivative_of_the_gap(edge):
    def gap(edge, mass=LIGHT):
        return pl.gap(edge, bulk_gap=2.35, mass=mass)

    slope = float(jax.grad(gap)(edge))
    assert slope == pytest.approx(float(pl.gap_slope(edge, LIGHT)), rel=1e-12)
    assert slope == pytest.approx(central(gap, edge, 1e-11), rel=1e-6)
    by_mass = jax.grad(gap, argnums=1)(edge, LIGHT)
    assert by_mass == pytest.approx(central(lambda m: gap(edge, m), LIGHT, 1e-6), rel=1e-6)


def test_the_gap_goes_on_smoothly_below_the_smallest_edge():
    around = pl.SMALLEST_EDGE * np.array([1 - 1e-9, 1.0, 1 + 1e-9])
    gap = jax.vmap(lambda edge: pl.gap(edge, bulk_gap=0.0, mass=LIGHT))
    slope = jax.vmap(jax.grad(lambda edge: pl.gap(edge, bulk_gap=0.0, mass=LIGHT)))
    np.testing.assert_allclose(gap(around), gap(around)[1], rtol=1e-8)
    np.testing.assert_allclose(slope(around), slope(around)[1], rtol=1e-8)


# --- the edge


def test_constant_etching_takes_two_faces():
    """At 1e-12 mol cm^-2 s^-1 for 1000 s: 2 x 119.9 x 1e-9 cm = 2.398 nm."""
    time = np.linspace(0.0, 1000.0, 11)
    got = pl.etched_edge(time, np.full(11, 1e-12), 10 * NM, VOLUME)
    np.testing.assert_allclose(got, 10 * NM - 2.398 * NM * time / 1000, rtol=1e-13)


def test_etching_of_varying_rate_converges_with_the_second_order():
    def error(points):
        time = np.linspace(0.0, 100.0, points)
        rate = 1e-11 * np.sin(np.pi * time / 100)
        exact = 10 * NM - 2 * VOLUME * 1e-11 * 200 / np.pi
        return abs(float(pl.etched_edge(time, rate, 10 * NM, VOLUME)[-1]) - exact)

    assert np.log2(error(51) / error(101)) == pytest.approx(2, abs=0.01)


def test_classes_are_etched_each_at_its_own_rate():
    time = np.linspace(0.0, 500.0, 21)
    rates, edges = np.array([1e-12, 3e-12]), np.array([8.0, 10.0]) * NM
    got = pl.etched_edge(time, np.ones((21, 1)) * rates, edges, VOLUME)
    assert got.shape == (21, 2)
    for i in range(2):
        alone = pl.etched_edge(time, np.full(21, rates[i]), edges[i], VOLUME)
        np.testing.assert_allclose(got[:, i], alone, rtol=1e-14)


def test_a_cube_that_is_used_up_has_no_edge_and_the_gradient_stays_finite():
    time = np.linspace(0.0, 1000.0, 11)

    def last(rate, edge):
        return pl.etched_edge(time, rate * jnp.ones(11), edge, VOLUME)[-1]

    assert last(1e-11, 10 * NM) == 0
    assert np.isfinite(jax.grad(last, argnums=(0, 1))(1e-11, 10 * NM)).all()
    got = jax.grad(last)(1e-12, 10 * NM)
    assert got == pytest.approx(-2 * VOLUME * 1000, rel=1e-12)
    assert got == pytest.approx(central(lambda r: last(r, 10 * NM), 1e-12, 1e-15), rel=1e-7)


def test_etching_of_six_faces_and_the_shrinking_cube_are_the_same():
    """dG/dt = -6 N L^2 v_surf for N cubes of edge L."""
    number, rate, edge0 = 1e12, 2e-12, 9 * NM
    time = np.linspace(0.0, 1000.0, 20_001)
    edge = np.asarray(pl.etched_edge(time, np.full_like(time, rate), edge0, VOLUME))
    film0 = number * edge0**3 / VOLUME
    flow = 6 * number * edge**2 * rate
    lost = np.concatenate([[0.0], np.cumsum((flow[1:] + flow[:-1]) / 2 * np.diff(time))])
    left = pl.remaining_cubes(film0 - lost, film0, edge0, "shrinking")
    np.testing.assert_allclose(left.edge, edge, rtol=1e-5)
    np.testing.assert_array_equal(left.share, 1)


def test_the_shrinking_cube_is_the_cube_root():
    film = np.array([1e-7, 8e-8, 1.25e-8, 1e-9])
    edge, share = pl.remaining_cubes(film, 1e-7, 10 * NM, "shrinking")
    np.testing.assert_allclose(edge, 10 * NM * np.cbrt(film / 1e-7), rtol=1e-4)
    np.testing.assert_allclose(edge[0], 10 * NM, rtol=1e-15)
    np.testing.assert_allclose(edge[2], 5 * NM, rtol=1e-5)
    np.testing.assert_array_equal(share, 1)


def test_all_or_none_keeps_the_edge_and_so_the_line():
    film = np.array([1e-7, 4e-8, 0.0])
    edge, share = pl.remaining_cubes(film, 1e-7, 10 * NM, "all_or_none")
    np.testing.assert_array_equal(edge, 10 * NM)
    np.testing.assert_allclose(share, [1.0, 0.4, 0.0])


@pytest.mark.parametrize("loss", ["shrinking", "all_or_none"])
def test_gap_and_gradient_are_finite_down_to_the_empty_film(loss):
    def gap(film):
        return pl.gap(pl.remaining_cubes(film, 1e-7, 10 * NM, loss).edge, bulk_gap=2.35, mass=LIGHT)

    for film in (0.0, 1e-20, 1e-12):
        assert np.isfinite([gap(film), jax.grad(gap)(film)]).all()
    assert jax.grad(gap)(6e-8) == pytest.approx(central(gap, 6e-8, 1e-12), rel=1e-6)


def test_an_unknown_way_of_loss_is_an_error():
    with pytest.raises(StudyError, match="expected shrinking or all_or_none, found melting"):
        pl.remaining_cubes(np.ones(1), 1.0, NM, "melting")


# --- the line


def test_cubes_of_one_size_give_the_line_of_one_cube():
    line = pl.emission_line(
        9 * NM * np.ones(3), np.ones(3), bulk_gap=2.35, mass=LIGHT, coulomb=0.04, fwhm0=0.085
    )
    gap = pl.gap(9 * NM, bulk_gap=2.35, mass=LIGHT, coulomb=0.04)
    np.testing.assert_allclose([line.peak, line.fwhm], [gap, 0.085], rtol=1e-12)


@pytest.mark.parametrize("mean", [8, 10])
def test_a_spread_of_edges_broadens_as_the_summed_spectra_do(mean):
    """The spectrum itself, its width read off at half its height; sd of the edge 5 %."""
    spread, fwhm0 = 0.05 * mean, 0.060
    edge = np.linspace(mean - 4 * spread, mean + 4 * spread, 401)
    weight = np.exp(-0.5 * ((edge - mean) / spread) ** 2)
    line = pl.emission_line(edge * NM, weight, bulk_gap=2.35, mass=LIGHT, fwhm0=fwhm0)
    energies = np.linspace(2.2, 2.8, 6001)
    centres = 2.35 + shift(edge, LIGHT) / 1e3
    width = fwhm0 / np.sqrt(8 * np.log(2))
    lines = np.exp(-0.5 * ((energies[:, None] - centres) / width) ** 2)
    spectrum = lines @ weight
    above = energies[spectrum > spectrum.max() / 2]
    assert line.fwhm == pytest.approx(above[-1] - above[0], rel=0.01)
    assert line.peak == pytest.approx(np.average(energies, weights=spectrum), abs=1e-5)
    without = np.sqrt(fwhm0**2 + (float(pl.gap_slope(mean * NM, LIGHT)) * spread * NM) ** 2)
    assert without < 0.97 * (above[-1] - above[0])  # the formula without 8 ln 2


def test_etching_that_differs_from_cube_to_cube_shifts_to_the_blue_and_broadens():
    time = np.linspace(0.0, 600.0, 61)
    rates = np.linspace(0.5e-12, 1.5e-12, 11) * np.ones((61, 1))
    edge = pl.etched_edge(time, rates, 10 * NM, VOLUME)
    line = pl.emission_line(edge, np.ones(11), bulk_gap=2.35, mass=LIGHT, fwhm0=0.085)
    assert line.peak.shape == line.fwhm.shape == (61,)
    assert (np.diff(line.peak) > 0).all()
    assert (np.diff(line.fwhm) > 0).all()


def test_weights_count_relatively_and_a_line_without_light_stays_finite():
    edge = np.array([8.0, 9.0, 10.0]) * NM
    shared = {"bulk_gap": 2.35, "mass": LIGHT, "fwhm0": 0.085}
    faint = pl.emission_line(edge, 1e-25 * np.array([1.0, 2.0, 1.0]), **shared)
    bright = pl.emission_line(edge, np.array([1.0, 2.0, 1.0]), **shared)
    np.testing.assert_allclose(faint, bright, rtol=1e-12)
    dark = pl.emission_line(edge, np.zeros(3), **shared)
    np.testing.assert_allclose(dark, pl.emission_line(edge, np.ones(3), **shared), rtol=1e-14)


@pytest.mark.parametrize("part", ["peak", "fwhm"])
def test_the_gradient_of_the_line(part):
    direction = np.array([0.3, -1.0, 0.7])
    edge, weight = np.array([8.0, 9.0, 10.0]) * NM, np.array([1.0, 2.0, 0.0])

    def line(edge, weight, mass):
        both = pl.emission_line(edge, weight, bulk_gap=2.35, mass=mass, fwhm0=0.085)
        return getattr(both, part)

    by_edge, by_weight, by_mass = jax.grad(line, argnums=(0, 1, 2))(edge, weight, LIGHT)
    expected = central(lambda x: line(edge + x * NM * direction, weight, LIGHT), 0.0, 1e-4)
    assert by_edge @ direction * NM == pytest.approx(expected, rel=1e-6)
    expected = central(lambda x: line(edge, weight + x * direction, LIGHT), 0.0, 1e-5)
    assert by_weight @ direction == pytest.approx(expected, rel=1e-6)
    assert by_mass == pytest.approx(central(lambda m: line(edge, weight, m), LIGHT, 1e-6), rel=1e-6)
    hard = [(np.full(3, 9 * NM), weight), (np.zeros(3), weight), (edge, np.zeros(3))]
    for edge, weight in hard:  # one size; nothing left; no light
        gradient = jax.grad(line, argnums=(0, 1, 2))(edge, weight, LIGHT)
        assert all(np.isfinite(g).all() for g in gradient)


# --- the intensity

BRIGHT = pl.Brightness(scale=2e-12, k_r=1e8, k_q0=4e8, E_t=-1.1, k_Pb=5e15)


def test_traps_are_filled_negative_of_their_level():
    """Half filled at it, a decade for each (RT/F) ln 10 = 59.16 mV, no overflow far away."""
    got = np.asarray(pl.empty_traps(np.array([-1.1, -1.1 - 4 * 0.05915935]), -1.1))
    np.testing.assert_allclose(got, [0.5, 1 / (1 + 1e4)], rtol=1e-5)
    np.testing.assert_array_equal(pl.empty_traps(np.array([-100.0, 100.0]), -1.1), [0.0, 1.0])
    warm = float(pl.empty_traps(-1.2, -1.1, temperature=330.0))
    assert warm > float(pl.empty_traps(-1.2, -1.1))


def test_the_intensity_by_hand():
    """Half of the traps empty, 30 % passivated; quenching 1.4e8 + 5e7 against 1e8 s^-1."""
    got = pl.intensity(BRIGHT, np.array([1e12]), np.array([-1.1]), np.array([1e-8]), 0.3)
    np.testing.assert_allclose(got, [2 * 1e8 / (1e8 + 1.4e8 + 5e7)], rtol=1e-14)


def test_light_rises_where_traps_fill_and_falls_with_lead():
    phi, none, number = np.linspace(-0.6, -1.6, 101), np.zeros(101), np.full(101, 1e12)
    rising = np.asarray(pl.intensity(BRIGHT, number, phi, none, 0.0))
    assert (np.diff(rising) > 0).all()
    assert rising[0] == pytest.approx(2 / 5, rel=1e-3)
    assert rising[-1] == pytest.approx(2, rel=1e-3)
    falling = pl.intensity(BRIGHT, number, phi[-1] + none, np.linspace(0.0, 1e-7, 101), 0.0)
    assert (np.diff(falling) < 0).all()


def test_passivation_removes_the_effect_of_potential():
    got = pl.intensity(BRIGHT, np.ones(2), np.array([-0.5, -1.7]), np.zeros(2), 1.0)
    np.testing.assert_allclose(got, 2e-12, rtol=1e-14)


@pytest.mark.parametrize(("visible", "lead"), [(1e12, 3e-8), (1e12, 0.0), (0.0, 0.0)])
def test_the_gradient_of_the_intensity(visible, lead):
    def value(ln, phi, visible, lead):
        scale, k_r, k_q0, k_Pb = jnp.exp(ln)
        parameters = pl.Brightness(scale, k_r, k_q0, -1.1, k_Pb)
        return pl.intensity(parameters, visible, phi, lead, 0.2)

    ln = jnp.log(jnp.array([BRIGHT.scale, BRIGHT.k_r, BRIGHT.k_q0, BRIGHT.k_Pb]))
    at = (ln, -1.13, visible, lead)
    got = jax.grad(value, argnums=(0, 1, 2, 3))(*at)
    assert all(np.isfinite(part).all() for part in got)
    for i, step in enumerate([1e-5, 1e-5, 1e7, 1e-13]):
        direction = np.array([1.0, -0.5, 0.3, 0.8]) if i == 0 else 1.0
        moved = lambda x, i=i, d=direction: value(*at[:i], at[i] + x * d, *at[i + 1 :])  # noqa: E731
        expected = central(moved, 0.0, step)
        assert np.sum(got[i] * direction) == pytest.approx(expected, rel=1e-6, abs=1e-18)
    for phi in (-1000.0, 1000.0):
        assert np.isfinite(jax.grad(value, argnums=1)(ln, phi, visible, lead))
