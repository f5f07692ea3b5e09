"""Networks to judge others by: the operators' references, in any precision and order of sums."""

from collections.abc import Callable

import numpy as np

from mnist_core.arrays import Space
from mnist_core.backends import Backend, array_kernel
from mnist_core.operators import Array, HostArray, dense, dense_backward
from mnist_core.operators.dense import ACTIVATIONS
from mnist_core.operators.dense_backward import through_activation
from mnist_core.precision import Precision

REFERENCE = Backend("reference", space=Space, driven="the operators' references")


def wider(precision: Precision) -> Precision:
    """The precision that ``precision`` is judged by."""
    return Precision("reference", precision.reference, precision.reference)


def own(precision: Precision) -> Backend:
    """NumPy's own way in a precision: the reference, its factors rounded where kernels' may be."""
    return REFERENCE if precision.factor_bits is None else _ordered("own", np.arange, precision)


def permuted(seed: int, number: int, precision: Precision) -> Backend:
    """NumPy's own way with the summation index of every product and sum permuted at random.

    Runs of it, each with its ``number``, show how far apart honest orders of summation drift.
    """
    rng = np.random.RandomState([seed, 7, number])
    return _ordered(f"permuted {number}", rng.permutation, precision)


def _ordered(name: str, order_of: Callable[[int], HostArray], precision: Precision) -> Backend:
    """The reference with products and sums in the order that ``order_of`` gives for a length."""

    @array_kernel(dense, name=name)
    def forward(space: Space, x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
        x, w = precision.factors(x, w)
        order = order_of(len(w))
        out[...] = ACTIVATIONS[activation](x[:, order] @ w[order] + b)

    @array_kernel(dense_backward, name=name)
    def backward(
        space: Space,
        x: Array,
        w: Array,
        out: Array,
        grad: Array,
        dw: Array,
        db: Array,
        dx: Array | None,
        *,
        activation: str,
    ) -> None:
        g = through_activation(out, grad, activation)
        rows, columns = order_of(len(g)), order_of(g.shape[1])
        db[...] = g[rows].sum(axis=0)
        x, w, g = precision.factors(x, w, g)
        dw[...] = x[rows].T @ g[rows]
        if dx is not None:
            dx[...] = g[:, columns] @ w[:, columns].T

    return Backend(name, space=Space, kernels=[forward, backward])
