"""Likelihood of whole spectra, by their projections on the components of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr
from jax import Array
from jax import numpy as jnp

from perovec_bayes.forward import spectral
from perovec_bayes.forward.optics import BAND_EDGE, SUB_GAP, band_weights
from perovec_bayes.forward.spectral import Span
from perovec_bayes.inference import blocks, bridge, noise
from perovec_bayes.inference.bridge import Tensor
from perovec_bayes.inference.builder import Builder
from perovec_bayes.inference.model import Observable, model_in_context
from perovec_bayes.inference.observe import FIT_TOLERANCE, noise_model, observe

MOST_SHOWN = (300, 300)
"""Times and wavelengths of the measured spectra that are kept for figures, at most."""


TEMPLATE = 5.0
"""Spread of the error of the film's own spectrum, in units of the noise of one spectrum: so wide
that the first spectra, which it is the mean of, are not counted twice [1]."""


NEGLIGIBLE = 1e-13
"""sd of a misfit that is no misfit [1]."""


class SpectralNoise(NamedTuple):
    """Noise of the projections."""

    white: Tensor
    """sigma_od, scalar [1]."""
    misfit: Tensor
    """Covariance of the misfit, shape (components, components) [1]."""
    steps: Tensor
    """Distance to the time before in units of tau_drift, shape (times,) [1]."""


def log_density(value: Array, mean: Array, white: Array, misfit: Array, steps: Array) -> Array:
    """Return the one-step predictive log-densities of projections with a common misfit.

    The misfit wanders with one covariance in time and another between the projections, the white
    noise is the same in all: along the axes of that covariance the series are independent, and
    their densities are those of `noise.log_density`.

    Parameters
    ----------
    value, mean : Array
        Data and model, shape (times, components). A time at which all are NaN is not known.
    white : Array
        sd of the white noise, scalar.
    misfit : Array
        Covariance of the misfit, positive, no two eigenvalues equal, shape (components,
        components).
    steps : Array
        As in `noise.log_density`, shape (times,) [1].

    Returns
    -------
    Array
        Shape (times,).
    """
    level = white * jnp.ones(value.shape[0])
    sizes, axes = jnp.linalg.eigh(misfit)
    wander = jnp.sqrt(jnp.maximum(sizes, NEGLIGIBLE**2))
    turned = (value - mean) @ axes

    def series(y: Array, sigma: Array) -> Array:
        return noise.log_density(y, jnp.zeros(y.shape), level, sigma, steps)

    return jnp.sum(jax.vmap(series, in_axes=(1, 0))(turned, wander), axis=0)


def draw(
    rng: np.random.Generator,
    mean: np.ndarray,
    white: float,
    misfit: np.ndarray,
    steps: np.ndarray,
) -> np.ndarray:
    """Draw new projections from the noise model.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    mean, white, misfit, steps
        As in `log_density`.
    """
    level = np.full(len(mean), float(white))
    sizes, axes = np.linalg.eigh(misfit)
    columns = [
        noise.draw(rng, np.zeros(len(mean)), level, float(sigma), steps)
        for sigma in np.sqrt(np.maximum(sizes, 0.0))
    ]
    drawn: np.ndarray = mean + np.stack(columns, axis=1) @ axes.T
    return drawn


def fisher(values: Sequence[Array], tangents: Sequence[Array]) -> Array:
    """Return the expected Fisher information of the projections, see `noise.fisher`.

    Of the covariance of the misfit only what moves its sizes is counted: a lower bound, as there.

    Parameters
    ----------
    values : sequence of Array
        Mean, white, misfit and steps, as `log_density` takes them.
    tangents : sequence of Array
        Their derivatives along each direction, with a leading axis of directions.
    """
    mean, white, misfit, steps = values
    d_mean, d_white, d_misfit, d_steps = tangents
    level = jnp.ones(mean.shape[0])
    sizes, axes = jnp.linalg.eigh(misfit)
    wander = jnp.sqrt(jnp.maximum(sizes, NEGLIGIBLE**2))
    d_wander = jnp.einsum("ak,dab,bk->dk", axes, d_misfit, axes) / (2 * wander)

    def series(sigma: Array, d_mu: Array, d_sigma: Array) -> Array:
        at = (jnp.zeros(mean.shape[0]), white * level, sigma, steps)
        return noise.fisher(at, (d_mu, d_white[:, None] * level, d_sigma, d_steps))

    each = jax.vmap(series, in_axes=(0, 2, 1))(wander, d_mean @ axes, d_wander)
    return jnp.sum(each, axis=0)


def new_spectra(
    rng: np.random.Generator, projections: np.ndarray, white: float, span: Span
) -> np.ndarray:
    """Return whole spectra that have given projections, with noise outside their span.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    projections : ndarray
        Shape (times, components).
    white : float
        sigma_od [1].
    span : Span
        For noise that is white in wavelength.

    Returns
    -------
    ndarray
        Shape (times, wavelengths) [1].
    """
    fuzz = white * span.profile * rng.standard_normal((len(projections), span.profile.size))
    outside = fuzz - fuzz @ span.analysis @ span.synthesis
    found: np.ndarray = projections @ span.synthesis + outside
    return found


def spectral_noise(builder: Builder, data: xr.Dataset, span: Span) -> SpectralNoise:
    """Add the parameters of the noise.

    Each projection has independent noise sigma_od (in the unit of a band average, its covariance
    between wavelengths as measured); and each of `spectral.MISFITS` wanders with its own sd
    sigma_drift over the time tau_drift.

    Parameters
    ----------
    builder : Builder
        With the parameters `sigma_od`, `sigma_drift`, `tau_drift` still to be added.
    data : xr.Dataset
        Of technique "od", with wavelengths and the spectrum of the untouched film.
    span : Span
        The projections.
    """
    time, size = data["time"].to_numpy(), len(span.wander)
    dim = builder.dim("misfit")
    white = builder.parameter("sigma_od")
    if noise_model(builder, "od") == "correlated":
        model_in_context().add_coord(dim, list(spectral.MISFITS))
        length = builder.parameter("tau_drift")
        shapes = spectral.misfit_shapes(
            data["wavelength"].to_numpy(), data["film"].to_numpy(), span
        )

        def covariance(sizes: Any) -> Any:
            return spectral.misfit_covariance(sizes, shapes, span.wander)

        misfit = bridge.wrap(covariance)(builder.parameter("sigma_drift", dims=dim))
    else:
        misfit = bridge.constant(NEGLIGIBLE**2 * np.diag(np.arange(1.0, size + 1.0)))
        length = bridge.constant(1.0)
    steps = bridge.constant(np.diff(time, prepend=time[0])) / length
    return SpectralNoise(white, misfit, steps)


def film_error(builder: Builder, name: str, size: int, known: SpectralNoise) -> Tensor:
    """Add the error of the spectrum of the untouched film, which was measured with the same noise.

    Parameters
    ----------
    builder : Builder
        Its model is in context.
    name : str
        Of the dataset.
    size : int
        Number of projections.
    known : SpectralNoise
        From `spectral_noise`.

    Returns
    -------
    TensorVariable
        Shape (components,) [1].
    """
    dim = builder.dim("component")
    model_in_context().add_coord(dim, [f"c{i + 1}" for i in range(size)])
    what = "error of the spectrum of the untouched film, in each projection"
    z = builder.auxiliary(f"{name}_film", dim, what, effect=True)

    def error(z: Any, white: Any, misfit: Any) -> Any:
        return TEMPLATE * jnp.linalg.cholesky(white**2 * jnp.eye(size) + misfit) @ z

    found: Tensor = bridge.wrap(error)(z, known.white, known.misfit)
    return found


def observe_spectra(
    builder: Builder, data: xr.Dataset, density: Tensor, span: Span, known: SpectralNoise
) -> None:
    """Compare whole spectra with the model.

    Parameters
    ----------
    builder : Builder
        Its model is in context.
    data : xr.Dataset
        Of technique "od", with wavelengths.
    density : TensorVariable
        Model of the projections, shape (times, components) [1].
    span : Span
        The projections.
    known : SpectralNoise
        From `spectral_noise`.
    """
    name = data.attrs["name"]
    value = data["absorbance"].to_numpy() @ span.analysis
    time, size = data["time"].to_numpy(), value.shape[1]
    dims = (f"{name}_time", f"{name}_component")
    given = list(known)

    observed = observe(
        name, dims, value, "(n,k),(),(k,k),(n)->(n,k)", log_density, draw, density, given
    )
    parts = blocks.at_times(builder.of_technique("cv"), time)
    masks = np.repeat(parts.masks()[:, :, None], size, axis=2)
    builder.info.observables.append(
        Observable(
            name=name,
            technique="od",
            unit="1",
            dims=dims,
            value=value,
            mean=density,
            noise=given,
            draw=draw,
            tolerance=np.full(value.shape, max(FIT_TOLERANCE * float(np.ptp(value)), 1e-4)),
            constants=_constants(name, data, span, dims),
            attrs=dict(data.attrs),
            blocks=blocks.of_series(log_density, parts.labels, masks, observed, density, *given),
            fisher=fisher,
            expand=lambda rng, drawn, mean, white, *_: new_spectra(rng, drawn, float(white), span),
        )
    )


def _constants(
    name: str, data: xr.Dataset, span: Span, dims: tuple[str, ...]
) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Return what figures need: the way back to spectra and bands, and some measured spectra."""
    wavelength, absorbance = data["wavelength"].to_numpy(), data["absorbance"].to_numpy()
    low, high = np.array([BAND_EDGE, SUB_GAP]).T
    high = np.minimum(high, wavelength[-1])
    windows = band_weights(wavelength, low, high)
    outside = absorbance - absorbance @ span.analysis @ span.synthesis
    across, shown = f"{name}_wavelength", f"{name}_shown_time"
    rows, columns = (
        np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))
        for n, most in zip(absorbance.shape, MOST_SHOWN, strict=True)
    )
    return {
        f"{name}_time": ((dims[0],), data["time"].to_numpy()),
        across: ((across,), wavelength),
        f"{name}_synthesis": ((dims[1], across), span.synthesis),
        f"{name}_windows": ((dims[1], f"{name}_window"), span.synthesis @ windows),
        f"{name}_film": ((across,), data["film"].to_numpy()),
        f"{name}_noise": ((across,), span.profile),
        f"{name}_outside": ((across,), np.sqrt(np.mean(outside**2, axis=0))),
        shown: ((shown,), data["time"].to_numpy()[rows]),
        f"{name}_shown_wavelength": ((f"{name}_shown_wavelength",), wavelength[columns]),
        f"{name}_shown": (
            (shown, f"{name}_shown_wavelength"),
            absorbance[np.ix_(rows, columns)].astype(np.float32),
        ),
    }
