"""The only place that knows both JAX and PyTensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
import pymc as pm
from jax import Array, lax
from pymc.sampling.jax import get_jaxified_graph
from pytensor import wrap_jax
from pytensor.tensor.variable import TensorVariable

jax.config.update("jax_enable_x64", True)


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


class Compiled:
    """A PyMC model as JAX functions of one flat vector of unconstrained values.

    Parameters
    ----------
    model : pm.Model
        Any model whose free variables have static shapes.
    """

    def __init__(self, model: pm.Model) -> None:
        self.model = model
        self.value_vars = model.value_vars
        start = model.initial_point()
        self.shapes = [np.shape(start[v.name]) for v in self.value_vars]
        self.sizes = [int(np.prod(shape)) for shape in self.shapes]
        self.size = sum(self.sizes)
        self.start = np.concatenate([np.ravel(start[v.name]) for v in self.value_vars])

    def split(self, x: Array) -> list[Array]:
        """Cut the flat vector into the model's value variables."""
        parts, begin = [], 0
        for shape, size in zip(self.shapes, self.sizes, strict=True):
            parts.append(x[begin : begin + size].reshape(shape))
            begin += size
        return parts

    def function(self, outputs: Sequence[TensorVariable]) -> Callable[[Array], list[Array]]:
        """Return a JAX function from the flat vector to the given graph outputs.

        Parameters
        ----------
        outputs : sequence of TensorVariable
            Written in random variables or in value variables.
        """
        graph = get_jaxified_graph(
            inputs=self.value_vars, outputs=self.model.replace_rvs_by_values(list(outputs))
        )
        return lambda x: list(graph(*self.split(x)))

    def log_density(self) -> Callable[[Array], Array]:
        """Return the log posterior density (up to a constant) of the flat vector."""
        graph = get_jaxified_graph(inputs=self.value_vars, outputs=[self.model.logp()])
        return lambda x: graph(*self.split(x))[0]

    def pointwise(self) -> Callable[[Array], list[Array]]:
        """Return the pointwise log-likelihood of each observed variable."""
        terms = self.model.logp(vars=self.model.observed_RVs, sum=False)
        graph = get_jaxified_graph(inputs=self.value_vars, outputs=terms)
        return lambda x: list(graph(*self.split(x)))

    def unconstrain(self, draws: dict[str, np.ndarray]) -> np.ndarray:
        """Map draws of the free random variables to flat unconstrained vectors.

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
                value = np.asarray(transform.forward(value, *variable.owner.inputs).eval())
            columns.append(value.reshape(len(value), -1))
        return np.concatenate(columns, axis=1)


def over_draws(
    function: Callable[[Array], Any], draws: np.ndarray, batch: int = 64
) -> list[np.ndarray]:
    """Evaluate a function of the flat vector for many draws.

    Parameters
    ----------
    function : callable
        From a vector of shape (size,) to a list of arrays.
    draws : ndarray
        Shape (draws, size).
    batch : int
        Draws evaluated side by side.

    Returns
    -------
    list of ndarray
        Each output with a leading axis of draws.
    """
    result = jax.jit(lambda x: lax.map(function, x, batch_size=batch))(draws)
    return [np.asarray(part) for part in result]
