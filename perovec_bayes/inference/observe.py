"""Likelihoods of time series: voltammograms and optical densities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import pymc as pm
import xarray as xr
from jax import Array
from jax import numpy as jnp
from pytensor import tensor as pt
from scipy.special import ndtr

from perovec_bayes.errors import StudyError
from perovec_bayes.inference import blocks, bridge, noise
from perovec_bayes.inference.bridge import Tensor
from perovec_bayes.inference.builder import Builder
from perovec_bayes.inference.cards import Technique
from perovec_bayes.inference.model import Observable, model_in_context

FIT_TOLERANCE = 0.01
"""Scale of the least-squares comparison in the search for the optimum: share of the data's span."""


def observe(
    name: str,
    dims: tuple[str, ...],
    value: np.ndarray,
    signature: str,
    log_density: Callable[..., Any],
    draw: Callable[..., np.ndarray],
    mean: Tensor,
    noise_parameters: list[Tensor],
) -> Tensor:
    """Add an observed variable to the PyMC model in context, and return it.

    Parameters
    ----------
    name : str
        Name of the dataset.
    dims : tuple of str
        Dimensions of the values.
    value : ndarray
        Data.
    signature : str
        Core shapes of mean and noise parameters.
    log_density : callable
        JAX function (value, mean, *noise_parameters) -> log-densities of the values, or of rows of
        values, which sum to the joint one; those of values that are NaN are 0.
    draw : callable
        (rng, mean, *noise_parameters) -> new data.
    mean : TensorVariable
        Model.
    noise_parameters : list of TensorVariable
        What the two functions need besides.
    """
    sizes = dict(
        zip(signature.rsplit("->", maxsplit=1)[1].strip("()").split(","), value.shape, strict=True)
    )
    parameters = [pt.as_tensor_variable(p) for p in (mean, *noise_parameters)]
    cores = [
        core.strip("(") for core in signature.split("->", maxsplit=1)[0].rstrip(")").split("),")
    ]
    for core, parameter in zip(cores, parameters, strict=True):
        for axis, letter in enumerate(core.split(",") if core else []):
            if letter not in sizes:
                sizes[letter] = int(parameter.shape[axis].eval(mode=bridge.UNCOMPILED))
    shapes = [tuple(sizes[letter] for letter in core.split(",") if letter) for core in cores]

    def graph(observed: Tensor, *given: Tensor) -> Tensor:
        fixed = [pt.specify_shape(g, shape) for g, shape in zip(given, shapes, strict=True)]
        terms: Tensor = bridge.wrap(log_density)(pt.specify_shape(observed, value.shape), *fixed)
        return terms

    def random(*parameters: Any, rng: Any = None, size: Any = None) -> np.ndarray:
        return draw(np.random.default_rng() if rng is None else rng, *parameters)

    for dim, length in zip(dims, value.shape, strict=True):
        model_in_context().add_coord(dim, list(range(length)))
    variable = pm.CustomDist(
        name,
        *parameters,
        logp=graph,
        random=random,
        signature=signature,
        observed=value,
        dims=dims,
    )
    return cast(Tensor, variable)


def noise_model(builder: Builder, technique: Technique) -> str:
    """Return the noise model that the card names for a technique.

    Parameters
    ----------
    builder : Builder
        With the card.
    technique : str
        "cv" or "od".

    Raises
    ------
    StudyError
        If there is no such noise model.
    """
    model = builder.card.noise.get(technique, "correlated")
    if model not in {"correlated", "independent"}:
        raise StudyError(
            f"unknown noise model '{model}'",
            place=f"noise.{technique}",
            expected="'correlated' or 'independent'",
        )
    return model


class _Current(NamedTuple):
    """A measured current, and what a model's current density is multiplied by to compare."""

    value: np.ndarray
    unit: str
    scale: Tensor


def _current(data: xr.Dataset, area: Tensor) -> _Current:
    known = "current_density" in data
    stated = float(data.attrs["area_cm2"]) if known else 1.0
    if np.isnan(stated):
        raise StudyError(
            "a current density needs the area by which it was divided",
            file=data.attrs.get("source_file"),
            place="meta.area",
            expected="the electrode area",
            found="no area",
            hint="State it under meta.area, or give the current itself.",
        )
    value = data["current_density" if known else "current"].to_numpy()
    return _Current(value, "A/cm^2" if known else "A", area / stated)


def observe_cv(
    builder: Builder,
    data: xr.Dataset,
    density: Tensor,
    area: Tensor,
) -> None:
    """Compare a voltammogram with the model.

    Noise: additive sigma_a, proportional sigma_p |j|, jitter of the potential sigma_E |dj/dE|, and
    a misfit that wanders with sd sigma_d over the potential length ell_d.

    Parameters
    ----------
    builder : Builder
        With the parameters `sigma_a`, `sigma_p`, `sigma_E`, `sigma_d`, `ell_d` still to be added.
    data : xr.Dataset
        Of technique "cv".
    density : TensorVariable
        Model current density at the data's times, shape (points,) [A cm^-2].
    area : TensorVariable
        Area, scalar [cm^2].

    Raises
    ------
    StudyError
        If the potential does not move.
    """
    if not float(data.attrs["scan_rate_V_s"]) > 0:
        raise StudyError(
            "the potential is held: no voltammogram",
            file=data.attrs.get("source_file"),
            expected="a potential that is swept most of the time",
            found=f"a scan rate of {data.attrs['scan_rate_V_s']:g} V/s",
            hint="For the current after a potential step take card 'chronoamperometry'.",
        )
    current = _current(data, area)
    time = data["time"].to_numpy()
    mean = density * current.scale
    sigma_a, sigma_p = builder.parameter("sigma_a"), builder.parameter("sigma_p")
    sigma_E = builder.parameter("sigma_E")
    speed = float(data.attrs["scan_rate_V_s"])

    def white_noise(mean: Any, additive: Any, proportional: Any, jitter: Any) -> Any:
        gradient: Any = jnp.gradient(mean, jnp.asarray(time))
        slope = gradient / speed
        return jnp.sqrt(additive**2 + (proportional * mean) ** 2 + (jitter * slope) ** 2)

    white = bridge.wrap(white_noise)(mean, sigma_a * current.scale, sigma_p, sigma_E)
    path = np.diff(time, prepend=time[0]) * speed
    tolerance = FIT_TOLERANCE * float(np.ptp(current.value))
    parts = blocks.sections(data)
    _add_current(builder, data, current, mean, white, path, "ell_d", tolerance, parts)


def observe_transient(
    builder: Builder,
    data: xr.Dataset,
    density: Tensor,
    area: Tensor,
    path: np.ndarray,
) -> None:
    """Compare a current transient with the model.

    Noise: additive sigma_a, proportional sigma_p |j|, and a misfit that wanders with sd sigma_d
    over ell_t, a length on a logarithmic scale of time.

    Parameters
    ----------
    builder : Builder
        With the parameters `sigma_a`, `sigma_p`, `sigma_d`, `ell_t` still to be added.
    data : xr.Dataset
        Of technique "cv".
    density : TensorVariable
        Model current density at the data's times, shape (points,) [A cm^-2].
    area : TensorVariable
        Area, scalar [cm^2].
    path : ndarray
        Distance of each point from the one before on the scale of ell_t, shape (points,) [1].
    """
    current = _current(data, area)
    mean = density * current.scale
    sigma_a, sigma_p = builder.parameter("sigma_a") * current.scale, builder.parameter("sigma_p")
    white = pt.sqrt(sigma_a**2 + (sigma_p * mean) ** 2)
    # the charging of the double layer exceeds everything else for a point or two
    low, high = np.quantile(current.value, [0.02, 0.98])
    tolerance = FIT_TOLERANCE * float(high - low)
    parts = blocks.stretches(np.minimum(path, 1.0))  # a jump counts as an e-fold of time
    _add_current(builder, data, current, mean, white, path, "ell_t", tolerance, parts)


def _add_current(
    builder: Builder,
    data: xr.Dataset,
    current: _Current,
    mean: Tensor,
    white: Tensor,
    path: np.ndarray,
    length_name: str,
    tolerance: float,
    parts: blocks.Parts,
) -> None:
    """Add the likelihood of a current with white noise and a misfit that wanders along a path."""
    name = data.attrs["name"]
    if noise_model(builder, "cv") == "correlated":
        wander = builder.parameter("sigma_d") * current.scale
        length = builder.parameter(length_name)
    else:
        wander, length = bridge.constant(0.0), bridge.constant(1.0)
    steps = bridge.constant(path) / length
    dims = (f"{name}_point",)
    noise_parameters = [white, wander, steps]

    def leave_out(*given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        score, density = noise.leave_one_out(current.value, *given)
        return ndtr(score), density

    observed = observe(
        name,
        dims,
        current.value,
        "(n),(n),(),(n)->(n)",
        noise.log_density,
        noise.draw,
        mean,
        noise_parameters,
    )
    builder.info.observables.append(
        Observable(
            name=name,
            technique="cv",
            unit=current.unit,
            dims=dims,
            value=current.value,
            mean=mean,
            noise=noise_parameters,
            draw=noise.draw,
            tolerance=np.full(len(current.value), tolerance),
            constants={
                f"{name}_time": (dims, data["time"].to_numpy()),
                f"{name}_potential": (dims, data["potential"].to_numpy()),
                f"{name}_cycle": (dims, data["cycle"].to_numpy()),
            },
            attrs=dict(data.attrs),
            blocks=blocks.of_series(
                noise.log_density, parts.labels, parts.masks(), observed, mean, *noise_parameters
            ),
            leave_one_out=leave_out,
            fisher=noise.fisher,
        )
    )


def observe_od(builder: Builder, data: xr.Dataset, density: Tensor) -> None:
    """Compare band-averaged optical densities with the model.

    Noise of each band: independent sigma_od and a drift that wanders with sd sigma_drift over the
    time tau_drift.

    Parameters
    ----------
    builder : Builder
        With the parameters `sigma_od`, `sigma_drift`, `tau_drift` still to be added.
    data : xr.Dataset
        Of technique "od", with bands.
    density : TensorVariable
        Model OD, shape (times, bands) [1].
    """
    name = data.attrs["name"]
    value = data["absorbance"].to_numpy()
    time = data["time"].to_numpy()
    bands = data["band"].to_numpy()
    white = builder.parameter("sigma_od") * pt.ones(value.shape)
    if noise_model(builder, "od") == "correlated":
        wander, length = builder.parameter("sigma_drift"), builder.parameter("tau_drift")
    else:
        wander, length = bridge.constant(0.0), bridge.constant(1.0)
    steps = bridge.constant(np.diff(time, prepend=time[0])) / length

    series = range(value.shape[1])

    def log_density(y: Any, mu: Any, sd: Any, sigma: Any, r: Any) -> Any:
        columns = [noise.log_density(y[:, b], mu[:, b], sd[:, b], sigma, r) for b in series]
        return jnp.stack(columns, axis=1)

    def draw(
        rng: np.random.Generator, mu: np.ndarray, sd: np.ndarray, sigma: float, r: np.ndarray
    ) -> np.ndarray:
        return np.stack([noise.draw(rng, mu[:, b], sd[:, b], sigma, r) for b in series], axis=1)

    def leave_out(
        mu: np.ndarray, sd: np.ndarray, sigma: np.ndarray, r: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        each = [noise.leave_one_out(value[:, b], mu[..., b], sd[..., b], sigma, r) for b in series]
        score, density = (np.stack(parts, axis=-1) for parts in zip(*each, strict=True))
        return ndtr(score), density

    def fisher(values: Sequence[Array], tangents: Sequence[Array]) -> Array:
        mu, sd, sigma, r = values
        d_mu, d_sd, *others = tangents
        each = [
            noise.fisher((mu[:, b], sd[:, b], sigma, r), (d_mu[:, :, b], d_sd[:, :, b], *others))
            for b in series
        ]
        return jnp.sum(jnp.stack(each), axis=0)

    dims = (f"{name}_time", f"{name}_band")
    noise_parameters = [white, wander, steps]
    observed = observe(
        name, dims, value, "(n,b),(n,b),(),(n)->(n,b)", log_density, draw, density, noise_parameters
    )
    parts = blocks.at_times(builder.of_technique("cv"), time)
    masks = np.repeat(parts.masks()[:, :, None], value.shape[1], axis=2)
    builder.info.observables.append(
        Observable(
            name=name,
            technique="od",
            unit="1",
            dims=dims,
            value=value,
            mean=density,
            noise=noise_parameters,
            draw=draw,
            tolerance=np.broadcast_to(
                np.maximum(FIT_TOLERANCE * np.ptp(value), 1e-4), value.shape
            ).copy(),
            constants={
                f"{name}_time": ((dims[0],), time),
                f"{name}_band": ((dims[1],), bands),
                f"{name}_band_low_nm": ((dims[1],), data["band_low_nm"].to_numpy()),
                f"{name}_band_high_nm": ((dims[1],), data["band_high_nm"].to_numpy()),
            },
            attrs=dict(data.attrs),
            blocks=blocks.of_series(
                log_density, parts.labels, masks, observed, density, *noise_parameters
            ),
            leave_one_out=leave_out,
            fisher=fisher,
        )
    )
