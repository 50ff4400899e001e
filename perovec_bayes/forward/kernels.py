"""Diffusion kernels as relaxation spectra, for states that an implicit scheme integrates.

The surface concentration of a species with diffusion coefficient D that starts at c_b and receives
the flux J is c_s = c_b + D^(-1/2) sum_j w_j y_j with y_j' = -s_j y_j + J, y_j(0) = 0: positive
weights w_j at poles -s_j <= 0 make K^(p) = sum_j w_j / (p + s_j), the Laplace transform of
K(t) = sum_j w_j exp(-s_j t). The steps need not be equal.

Every kernel is the transform of a positive measure on the cut, K^(p) = int dmu(s) / (p + s). The
modes interpolate K^ and dK^/dp at points of the positive axis placed after Zolotarev, which makes
them a Gauss rule of the measure: all weights are positive, and discrete slow poles come out exact
(Ingerman, Druskin & Knizhnerman (2000), Commun. Pure Appl. Math. 53, 1039).

`tolerance` is the largest relative error of K^(p) for real p. The error grows with |arg p|: on the
imaginary axis, and in K(t), it is about the square root of `tolerance`, and up to 30 times that
within a decade of the ends of the range. After smooth peaks of the flux, as in a voltammogram, the
surface concentration is wrong by half the square root: by 1.5e-4 of its largest change for 1e-7,
by 2e-6 for 1e-11, which takes half as many modes again.

Symbols: p Laplace variable [s^-1]; s pole [s^-1]; w weight [s^-1/2]; K^ [s^1/2];
J flux into the solution [mol cm^-2 s^-1]; z = p L^2/D [1].
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.linalg import solve_triangular
from jax.typing import ArrayLike
from scipy.linalg import eigh_tridiagonal
from scipy.special import ellipj, ellipkm1, erfc

FASTEST = 10.0
"""Largest p that matters in units of 1/step: the stages of an implicit step stay below it."""
ORDER = 16
"""Points of a Gauss rule on one panel of a measure."""


class Modes(NamedTuple):
    """Relaxation spectrum of a kernel."""

    poles: Array
    """Rates s_j, shape (modes,), not negative [s^-1]."""
    weights: Array
    """Weights w_j, shape (modes,), positive [s^-1/2]."""


def semi_infinite(shortest: float, longest: float, tolerance: float = 1e-7) -> Modes:
    """Return the modes of K^(p) = p^(-1/2), planar diffusion into a deep solution (3.1).

    Zolotarev's best rational approximation on the real interval from 1/longest to 10/shortest,
    which is the trapezoidal rule on the cut after the substitution s = a sc(u)^2 (Jacobi's sc).

    Parameters
    ----------
    shortest : float
        Smallest time step, scalar [s].
    longest : float
        Duration of the whole run, scalar [s].
    tolerance : float
        Largest relative error of K^ for real p, scalar [1]; see the module for other p.

    Returns
    -------
    Modes
        Static constants, slowest first; about ln(160 longest/shortest) ln(4/tolerance)/20 modes.

    Raises
    ------
    ValueError
        Unless 0 < shortest <= longest and 0 < tolerance < 1.

    References
    ----------
    Hale, N., Higham, N. J. & Trefethen, L. N. (2008), SIAM J. Numer. Anal. 46, 2505.
    """
    low, high = _range(shortest, longest)
    squares, quarter = _places(low, high, tolerance, 4)
    s = low * squares
    w = 2 * quarter / (np.pi * len(s)) * np.sqrt((low + s) * (1 + s / high))
    return Modes(jnp.asarray(s), jnp.asarray(w))


def reflecting(
    diffusivity: ArrayLike, thickness: ArrayLike, shortest: float = 1e-9, tolerance: float = 1e-7
) -> Modes:
    """Return the modes of K^(p) = coth(L sqrt(p/D)) / sqrt(p), a layer with a closed end (3.2).

    Parameters
    ----------
    diffusivity : ArrayLike
        Diffusion coefficient D, scalar [cm^2 s^-1].
    thickness : ArrayLike
        Thickness of the layer L, scalar [cm].
    shortest : float
        Smallest D h/L^2 of a time step h, scalar, static [1]. There is no longest time.
    tolerance : float
        Largest relative error of K^ for real p, scalar, static [1]; see the module for other p.

    Returns
    -------
    Modes
        Differentiable in D and L. The first pole is 0 and its weight sqrt(D)/L, exactly: the
        amount in the layer is conserved.

    Raises
    ------
    ValueError
        Unless `shortest` is positive and finite and 0 < tolerance < 1.
    """
    poles, weights = _layer(1.0, shortest, tolerance)
    closed = (np.append(0.0, poles), np.append(1.0, weights))
    return _scaled(*closed, diffusivity, thickness)


def fixed_concentration(
    diffusivity: ArrayLike, thickness: ArrayLike, shortest: float = 1e-9, tolerance: float = 1e-7
) -> Modes:
    """Return the modes of K^(p) = tanh(delta sqrt(p/D)) / sqrt(p), c fixed at a distance (3.3).

    Parameters
    ----------
    diffusivity : ArrayLike
        Diffusion coefficient D, scalar [cm^2 s^-1].
    thickness : ArrayLike
        Distance delta at which the concentration stays c_b, scalar [cm].
    shortest : float
        Smallest D h/delta^2 of a time step h, scalar, static [1]. There is no longest time.
    tolerance : float
        Largest relative error of K^ for real p, scalar, static [1]; see the module for other p.

    Returns
    -------
    Modes
        Differentiable in D and delta.

    Raises
    ------
    ValueError
        Unless `shortest` is positive and finite and 0 < tolerance < 1.
    """
    return _scaled(*_layer(0.5, shortest, tolerance), diffusivity, thickness)


def porous_film(
    diffusivity: ArrayLike,
    film_diffusivity: ArrayLike,
    thickness: ArrayLike,
    porosity: ArrayLike,
    shortest: float = 1e-5,
    longest: float = 1e6,
    tolerance: float = 1e-6,
) -> Modes:
    """Return the modes of a porous film on a deep solution (3.6).

    With r = e sqrt(D_f/D) and th = L sqrt(p/D_f),
    K^(p) = p^(-1/2) (r + tanh th) / (r (1 + r tanh th)) = int rho(u) du / (p + u),
    rho(u) = 1 / (pi sqrt(u) (cos^2 phi + r^2 sin^2 phi)), phi = L sqrt(u/D_f).

    Parameters
    ----------
    diffusivity : ArrayLike
        Diffusion coefficient in the solution D, scalar [cm^2 s^-1].
    film_diffusivity : ArrayLike
        Diffusion coefficient in the pores D_f, scalar [cm^2 s^-1].
    thickness : ArrayLike
        Thickness of the film L, scalar [cm].
    porosity : ArrayLike
        Open fraction of the cross-section e, scalar [1]. Accurate to 1e-7 for r from 0.2 to 5 and
        to 2e-5 from 0.1 to 10; the weights are positive for any r.
    shortest : float
        Smallest D_f h/L^2 of a time step h, scalar, static [1].
    longest : float
        D_f T/L^2 of the whole run T, scalar, static [1].
    tolerance : float
        Largest relative error of K^ for real p, scalar, static [1]; see the module for other p.

    Returns
    -------
    Modes
        For c_s = c_b + D^(-1/2) sum_j w_j y_j with D of the solution and J for the whole area;
        slowest first, differentiable in D, D_f, L and e.

    Raises
    ------
    ValueError
        Unless 0 < shortest <= longest and 0 < tolerance < 1.
    """
    film = _film(*_range(shortest, longest), tolerance)
    r = porosity * jnp.sqrt(jnp.asarray(film_diffusivity) / diffusivity)
    mean = 1 / r
    density = mean + film.window * (1 / (film.cos2 + r**2 * (1 - film.cos2)) - mean)
    basis, share, drive, centre = film.space
    weighted = basis * density[:, None]
    root = jnp.linalg.cholesky(basis.T @ weighted)
    half = solve_triangular(root, weighted.T @ (share[:, None] * basis), lower=True)
    fraction, vectors = jnp.linalg.eigh(solve_triangular(root, half.T, lower=True))
    push = solve_triangular(root, weighted.T @ drive, lower=True)
    weights = (vectors.T @ push) ** 2 * centre / (1 - fraction)
    poles = centre * fraction / (1 - fraction)
    return _scaled(poles, weights, film_diffusivity, thickness)


def with_loss(modes: Modes, rate: ArrayLike) -> Modes:
    """Return the modes of a species that is also lost by a first-order reaction (3.4).

    Parameters
    ----------
    modes : Modes
        Modes of the kernel without loss.
    rate : ArrayLike
        First-order rate constant k_h, scalar, not negative [s^-1].

    Returns
    -------
    Modes
        The same weights at poles s_j + k_h: K(t) exp(-k_h t), K^(p + k_h).
    """
    return Modes(modes.poles + rate, modes.weights)


def _range(shortest: float, longest: float) -> tuple[float, float]:
    """Return the smallest and largest p that matter."""
    if not 0 < shortest <= longest < np.inf:
        raise ValueError(f"expected 0 < shortest <= longest, found {shortest} and {longest}")
    return 1 / longest, FASTEST / shortest


def _scaled(poles: ArrayLike, weights: ArrayLike, diffusivity: ArrayLike, size: ArrayLike) -> Modes:
    """Return modes in s^-1 from those in units of D/L^2 and sqrt(D)/L."""
    rate = jnp.asarray(diffusivity) / jnp.asarray(size) ** 2
    return Modes(rate * poles, jnp.sqrt(rate) * weights)


def _places(low: float, high: float, tolerance: float, margin: float) -> tuple[np.ndarray, float]:
    """Return sc^2 at n midpoints of the quarter period K, and K.

    -low sc^2 are the poles of Zolotarev's approximation of p^(-1/2) on [low, high], which has the
    error 4 exp(-2 pi n K'/K); with `margin` in place of 4 that is to be within the tolerance.
    """
    if not 0 < tolerance < 1:
        raise ValueError(f"expected a tolerance between 0 and 1, found {tolerance}")
    k1 = low / high  # complementary parameter of the elliptic functions
    quarter, other = ellipkm1(k1), ellipkm1(1 - k1)
    count = int(np.ceil(np.log(margin / tolerance) * quarter / (2 * np.pi * other)))
    u = (np.arange(count) + 0.5) * quarter / count
    sn, cn, _, _ = ellipj(np.minimum(u, quarter - u), 1 - k1)
    near = (sn / cn) ** 2
    return np.where(u <= quarter / 2, near, 1 / (k1 * near)), float(quarter)  # sc(u) sc(K - u)


class _Space(NamedTuple):
    """Span of sqrt(mass) / (s + sigma) for n shifts sigma, on the points s of a measure."""

    basis: np.ndarray
    """Orthonormal after a factor sqrt(s + c), shape (points, n)."""
    share: np.ndarray
    """s / (s + c), shape (points,)."""
    drive: np.ndarray
    """sqrt(mass / (s + c)), shape (points,)."""
    centre: float
    """c, the middle of the range."""


def _space(s: np.ndarray, mass: np.ndarray, low: float, high: float, tolerance: float) -> _Space:
    """Build the space whose Galerkin projection interpolates K^ twice at each shift.

    The shifts are where Zolotarev's approximation of p^(-1/2) on [low, high] is exact.
    """
    squares, _ = _places(low, high, tolerance, 10)
    centre = float(np.sqrt(low * high))
    drive = np.sqrt(mass / (s + centre))
    vectors: list[np.ndarray] = []
    vector, last = drive, centre
    for shift in low * (1 + squares) / (1 + squares * low / high):
        vector = vector * ((s + last) / (s + shift))
        for _ in range(2):  # once more against rounding
            for other in vectors:
                vector = vector - (other @ vector) * other
        vector = vector / np.linalg.norm(vector)
        vectors.append(vector)
        last = shift
    return _Space(np.array(vectors).T, s / (s + centre), drive, centre)


@cache
def _layer(first: float, shortest: float, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Return poles and weights of 2 sum_k 1/(z + (first + k)^2 pi^2), k = 0, 1, 2, ..."""
    if not 0 < shortest < np.inf:
        raise ValueError(f"expected a positive shortest D h/L^2, found {shortest}")
    high = FASTEST / shortest
    k, count = _comb(np.sqrt(high) + 1e4)
    s = (np.pi * (first + k)) ** 2
    low = (np.pi / 2) ** 2  # not above the first pole: below it K^ is analytic
    basis, share, drive, centre = _space(s, 2 * count, low, max(high, 10 * low), tolerance)
    fraction, vectors = np.linalg.eigh(basis.T @ (share[:, None] * basis))
    weights = (vectors.T @ (basis.T @ drive)) ** 2 * centre / (1 - fraction)
    return centre * fraction / (1 - fraction), weights


class _Film(NamedTuple):
    """Constants of a porous film in units of D_f/L^2."""

    space: _Space
    """The space for r = 1, on the points s = phi^2."""
    cos2: np.ndarray
    """cos^2 phi, shape (points,)."""
    window: np.ndarray
    """Part of the ripple of the density that is kept, shape (points,): far out it averages out."""


@cache
def _film(low: float, high: float, tolerance: float) -> _Film:
    """Return the space of the measure (2/pi) d phi, and what multiplies it by the density."""
    quarter = np.pi / 2
    fine, calm, spread = 24, 20.0, 4.0  # quarter periods; middle and width of the window
    far = int(np.ceil(np.log2(max(1.0, np.sqrt(high) / (fine * quarter)))))
    near = int(np.ceil(np.log2(quarter / np.sqrt(low)))) + 5
    edges = np.concatenate(
        [
            [0.0],
            quarter * 0.5 ** np.arange(near, 0, -1),
            quarter * np.arange(1, fine + 1),
            quarter * fine * 2.0 ** np.arange(1, far + 1),
        ]
    )
    phi, length = (np.concatenate(x) for x in zip(_panels(edges), _tail(edges[-1]), strict=True))
    space = _space(phi**2, 2 / np.pi * length, low, high, tolerance)
    return _Film(space, np.cos(phi) ** 2, erfc((phi - calm) / spread) / 2)


def _panels(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return points and weights of a Gauss rule on each panel between the edges."""
    x, weight = np.polynomial.legendre.leggauss(ORDER)
    middle, half = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
    return (middle[:, None] + half[:, None] * x).ravel(), (half[:, None] * weight).ravel()


def _tail(start: float) -> tuple[np.ndarray, np.ndarray]:
    """Return points and weights for the integral from `start` to infinity of 1/(z + x^2)."""
    x, weight = _panels(np.array([0.0, 1.0]))
    return start / x, start * weight / x**2


def _comb(reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Return points and weights for a sum over k = 0, 1, 2, ...

    In blocks of 1, 2, 4, ... terms up to `reach` the Gauss rules of the discrete Chebyshev (Gram)
    polynomials, which are the terms themselves in small blocks; then the integral.
    """
    points, weights, start, terms = [], [], 0, 1
    while start < reach:
        i = np.arange(1, min(terms, ORDER))
        beside = np.sqrt(i**2 * (terms**2 - i**2) / (4 * (4 * i**2 - 1)))
        k, vectors = eigh_tridiagonal(np.full(len(i) + 1, (terms - 1) / 2), beside)
        points.append(start + k)
        weights.append(terms * vectors[0] ** 2)
        start, terms = start + terms, 2 * terms
    k, weight = _tail(start - 0.5)
    return np.concatenate([*points, k]), np.concatenate([*weights, weight])
