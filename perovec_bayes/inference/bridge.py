"""The only place that knows both JAX and PyTensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import numpy as np
import pymc as pm
from jax import Array, lax
from jax import numpy as jnp
from pytensor import tensor as pt
from pytensor import wrap_jax
from pytensor.compile.mode import Mode
from pytensor.graph.replace import clone_replace
from pytensor.tensor.variable import TensorConstant, TensorVariable

from perovec_bayes.inference.threads import flags_kept, threads

with flags_kept():
    from pymc.sampling.jax import get_jaxified_graph

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
    x = centre + width ln(ln(1 + e^w)), in which e^(x/width) grows no faster than w.

    Frames are applied in their order in the model. In the graphs of one, a variable whose frame
    comes before stands for its value, and one whose frame comes after for its coordinate w.
    """

    centre: Tensor
    """Shape of the variable."""
    width: Tensor
    """Shape of the variable, positive."""
    bounded: np.ndarray
    """Shape of the variable, bool."""


def rise(w: Array) -> Array:
    """Return how far a bounded coordinate of a `Frame` is above its centre, in widths.

    Not by PyTensor's softplus, whose JAX form has no finite gradient beyond 709.
    """
    return jnp.where(w < -30.0, w, jnp.log(jax.nn.softplus(jnp.maximum(w, -30.0))))


class Compiled:
    """A PyMC model as JAX functions of one flat vector of coordinates (unconstrained values).

    Parameters
    ----------
    model : pm.Model
        Any model whose free variables have static shapes.
    frames : dict, optional
        Variable name -> `Frame`, for variables whose sampling coordinate is not their unconstrained
        value; applied in this order.

    Attributes
    ----------
    observed : list of str
        Names of the observed variables.
    data : list of ndarray
        Their values. Others of the same shapes may take their place: densities follow without being
        compiled again (not what a mechanism has worked out from the data, such as a time grid).
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
        observed = {str(rv.name): model.rvs_to_values[rv] for rv in model.observed_RVs}
        fixed = {name: v for name, v in observed.items() if isinstance(v, TensorConstant)}
        self.observed = list(fixed)
        self.data = [np.asarray(value.data) for value in fixed.values()]
        self._given: dict[Any, Any] = {value: value.type() for value in fixed.values()}
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

    def _graph(self, outputs: Sequence[Tensor]) -> Callable[..., list[Array]]:
        values: Any = clone_replace(self.model.replace_rvs_by_values(list(outputs)), self._given)
        graph: Callable[..., Any] = get_jaxified_graph(
            inputs=[*self.value_vars, *self._given.values()], outputs=values
        )
        return lambda x, *data: list(graph(*self.split(x), *(data or self.data)))

    def _values(self, w: Array) -> tuple[Array, Array]:
        """Return the unconstrained values of coordinates, and the log of the stretch in volume."""
        x, volume = w, jnp.zeros(())
        for where, bounded, frame in self._frames:
            centre, width = frame(x)
            part = w[where]
            below = rise(part)
            slope = jnp.where(part < -30.0, 0.0, jax.nn.log_sigmoid(part) - below)
            x = x.at[where].set(centre + width * jnp.where(bounded, below, part))
            volume = volume + jnp.sum(jnp.where(bounded, slope, 0.0) + jnp.log(width))
        return x, volume

    def split(self, x: Array) -> list[Array]:
        """Cut the flat vector into the model's value variables."""
        parts, begin = [], 0
        for shape, size in zip(self.shapes, self.sizes, strict=True):
            parts.append(x[begin : begin + size].reshape(shape))
            begin += size
        return parts

    def function(self, outputs: Sequence[Tensor]) -> Callable[..., list[Array]]:
        """Return a JAX function from coordinates to the given graph outputs.

        Further arguments of the function, if any, take the place of `data`.

        Parameters
        ----------
        outputs : sequence of TensorVariable
            Written in random variables or in value variables.
        """
        graph = self._graph(outputs)
        return lambda w, *data: graph(self._values(w)[0], *data)

    def log_density(self) -> Callable[..., Array]:
        """Return the log posterior density (up to a constant) of coordinates.

        Further arguments of the function, if any, take the place of `data`.
        """
        total: Any = self.model.logp()
        graph = self._graph([total])

        def density(w: Array, *data: Array) -> Array:
            x, volume = self._values(w)
            return graph(x, *data)[0] + volume

        return density

    def scaled_gradient(self) -> ScaledGradient:
        """Return the compiled log density and its gradient in z, at coordinates point + factor z.

        Compiled once for every point (size,), factor (size, size) and `data`, so that the search
        for the mode and the sampler share it.
        """
        density = self.log_density()
        compiled = jax.jit(
            jax.value_and_grad(lambda z, point, factor, data: density(point + factor @ z, *data))
        )
        return lambda z, point, factor: compiled(z, point, factor, self.data)

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
        for where, bounded, frame in reversed(self._frames):
            parts = jax.jit(jax.vmap(frame))(x)
            centre, width = (np.asarray(part).reshape(len(x), -1) for part in parts)
            over = (x[:, where] - centre) / width
            soft = np.exp(np.maximum(np.where(bounded, over, 0.0), -30.0))
            rise = np.where(over < -30.0, over, soft + np.log(-np.expm1(-soft)))
            x[:, where] = np.where(bounded, rise, over)
        return x


class Mapped:
    """A function of coordinates, compiled once and evaluated for any number of draws.

    Parameters
    ----------
    function : callable
        From a vector of shape (size,), and `data`, to a list of arrays.
    chunk : int
        Draws in a call of the compiled function.
    data : list of ndarray, optional
        Further arguments, which may be exchanged between calls.
    """

    def __init__(
        self,
        function: Callable[..., list[Array]],
        chunk: int = 50,
        data: Sequence[np.ndarray] = (),
    ) -> None:
        self._chunk, self._data = chunk, data
        # one draw after the other: a vectorised scan is slower on a CPU than as many single ones
        self._map = jax.jit(lambda draws, data: lax.map(lambda w: function(w, *data), draws))

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
            return [np.asarray(value) for value in self._map(chunk, list(self._data))[outputs]]

        pieces = [piece(first)]  # compiles
        with ThreadPoolExecutor(threads()) as pool:
            pieces += pool.map(piece, others)
        return [np.concatenate(parts)[: len(draws)] for parts in zip(*pieces, strict=True)]
