"""The only place that knows both JAX and PyTensor."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import numpy as np
import pymc as pm
from jax import Array, lax
from jax import numpy as jnp
from pymc.sampling.jax import get_jaxified_graph
from pytensor import tensor as pt
from pytensor import wrap_jax
from pytensor.compile.mode import Mode
from pytensor.tensor.variable import TensorVariable

jax.config.update("jax_enable_x64", True)

type Tensor = TensorVariable[Any, Any]
"""A variable of the PyTensor graph."""
UNCOMPILED = Mode(linker="py", optimizer="None")
"""How PyTensor evaluates what is evaluated once: compiling it would take seconds."""


def constant(value: float | np.ndarray) -> Tensor:
    """Return a number as a graph in double precision (PyTensor would take 2.0 as a float32).

    Parameters
    ----------
    value : float or ndarray
        Any shape.
    """
    return pt.constant(np.asarray(value, dtype=float))


def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a JAX function of scalars and arrays callable with PyTensor variables.

    Parameters
    ----------
    function : callable
        Pure JAX function; its positional arguments may be PyTensor variables of static shape.

    Returns
    -------
    callable
        The same function on PyTensor variables, with the gradient taken by JAX.
    """
    wrapped: Callable[..., Any] = wrap_jax(function)
    return wrapped


type ScaledGradient = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[Array, Array]]


class Frame(NamedTuple):
    """A sampling coordinate w for a variable with unconstrained value x.

    The place and width of w do not vary. Centre and width are graphs of other variables:
    x = centre + width w, or, where the data bound x from above near the centre,
    x = centre + ln(ln(1 + e^w)), in which e^x grows no faster than w.
    """

    centre: Tensor
    """Shape of the variable."""
    width: Tensor
    """Shape of the variable, positive."""
    bounded: np.ndarray
    """Shape of the variable, bool."""


class Compiled:
    """A PyMC model as JAX functions of one flat vector of coordinates (unconstrained values).

    Parameters
    ----------
    model : pm.Model
        Any model whose free variables have static shapes.
    frames : dict, optional
        Variable name -> `Frame`, for variables whose sampling coordinate is not their unconstrained
        value.
    """

    def __init__(
        self,
        model: pm.Model,
        frames: dict[str, Frame] | None = None,
    ) -> None:
        self.model = model
        self.value_vars = model.value_vars
        start = model.initial_point()
        self.shapes = [np.shape(start[v.name]) for v in self.value_vars]
        self.sizes = [int(np.prod(shape)) for shape in self.shapes]
        self.size = sum(self.sizes)
        self.start = np.concatenate([np.ravel(start[v.name]) for v in self.value_vars])
        self._frames = [
            (self._slice(name), frame.bounded, self._graph([frame.centre, frame.width]))
            for name, frame in (frames or {}).items()
        ]

        self.bounded = np.zeros(self.size, dtype=bool)
        for where, bounded, _ in self._frames:
            self.bounded[where] = bounded

    def _slice(self, name: str) -> slice:
        """Return where a free variable lies in the flat vector."""
        place = [rv.name for rv in self.model.free_RVs].index(name)
        begin = sum(self.sizes[:place])
        return slice(begin, begin + self.sizes[place])

    def _graph(self, outputs: Sequence[Tensor]) -> Callable[[Array], list[Array]]:
        graph: Callable[..., Any] = get_jaxified_graph(
            inputs=self.value_vars, outputs=self.model.replace_rvs_by_values(list(outputs))
        )
        return lambda x: list(graph(*self.split(x)))

    def _values(self, w: Array) -> tuple[Array, Array]:
        """Return the unconstrained values of coordinates, and the log of the stretch in volume."""
        x, volume = w, jnp.zeros(())
        for where, bounded, frame in self._frames:
            centre, width = frame(w)
            part = w[where]
            soft = jax.nn.softplus(jnp.maximum(part, -30.0))
            below = jnp.where(part < -30.0, part, jnp.log(soft))
            slope = jnp.where(part < -30.0, 0.0, jax.nn.log_sigmoid(part) - jnp.log(soft))
            x = x.at[where].set(centre + jnp.where(bounded, below, width * part))
            volume = volume + jnp.sum(jnp.where(bounded, slope, jnp.log(width)))
        return x, volume

    def split(self, x: Array) -> list[Array]:
        """Cut the flat vector into the model's value variables."""
        parts, begin = [], 0
        for shape, size in zip(self.shapes, self.sizes, strict=True):
            parts.append(x[begin : begin + size].reshape(shape))
            begin += size
        return parts

    def function(self, outputs: Sequence[Tensor]) -> Callable[[Array], list[Array]]:
        """Return a JAX function from coordinates to the given graph outputs.

        Parameters
        ----------
        outputs : sequence of TensorVariable
            Written in random variables or in value variables.
        """
        graph = self._graph(outputs)
        return lambda w: graph(self._values(w)[0])

    def log_density(self) -> Callable[[Array], Array]:
        """Return the log posterior density (up to a constant) of coordinates."""
        total: Any = self.model.logp()
        graph = self._graph([total])

        def density(w: Array) -> Array:
            x, volume = self._values(w)
            return graph(x)[0] + volume

        return density

    def scaled_gradient(self) -> ScaledGradient:
        """Return the compiled log density and its gradient in z, at coordinates point + factor z.

        Compiled once for every point (size,) and factor (size, size), so that the search for the
        mode and the sampler share it.
        """
        density = self.log_density()
        compiled: ScaledGradient = jax.jit(
            jax.value_and_grad(lambda z, point, factor: density(point + factor @ z))
        )
        return compiled

    def unconstrain(self, draws: dict[str, np.ndarray]) -> np.ndarray:
        """Map draws of the free random variables to coordinates.

        Parameters
        ----------
        draws : dict
            Free variable name -> array of shape (draws, ...).

        Returns
        -------
        ndarray
            Shape (draws, size).
        """
        columns = []
        for variable in self.model.free_RVs:
            value = np.asarray(draws[variable.name], dtype=float)
            transform = self.model.rvs_to_transforms[variable]
            if transform is not None:
                moved = transform.forward(value, *variable.owner.inputs)
                value = np.asarray(moved.eval(mode=UNCOMPILED))
            columns.append(value.reshape(len(value), -1))
        x = np.concatenate(columns, axis=1)
        for where, bounded, frame in self._frames:
            parts = jax.jit(jax.vmap(frame))(x)
            centre, width = (np.asarray(part).reshape(len(x), -1) for part in parts)
            over = x[:, where] - centre
            soft = np.exp(np.maximum(over, -30.0))
            rise = np.where(over < -30.0, over, soft + np.log(-np.expm1(-soft)))
            x[:, where] = np.where(bounded, rise, over / width)
        return x


class Mapped:
    """A function of coordinates, compiled once and evaluated for any number of draws.

    Parameters
    ----------
    function : callable
        From a vector of shape (size,) to a list of arrays.
    chunk : int
        Draws in a call of the compiled function.
    """

    def __init__(self, function: Callable[[Array], list[Array]], chunk: int = 50) -> None:
        self._chunk = chunk
        # one draw after the other: a vectorised scan is slower on a CPU than as many single ones
        self._map = jax.jit(lambda draws: lax.map(function, draws))

    def __call__(self, draws: np.ndarray, outputs: slice = slice(None)) -> list[np.ndarray]:
        """Return each output with a leading axis of draws.

        Parameters
        ----------
        draws : ndarray
            Shape (draws, size).
        outputs : slice, optional
            Which outputs to keep.
        """
        padding = -len(draws) % self._chunk
        padded = np.concatenate([draws, np.repeat(draws[-1:], padding, axis=0)])
        first, *others = np.split(padded, len(padded) // self._chunk)

        def piece(chunk: np.ndarray) -> list[np.ndarray]:
            return [np.asarray(value) for value in self._map(chunk)[outputs]]

        pieces = [piece(first)]  # compiles
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            pieces += pool.map(piece, others)
        return [np.concatenate(parts)[: len(draws)] for parts in zip(*pieces, strict=True)]
