"""Networks to judge others by: the operators' references, in any precision and order of sums."""

import numpy as np

from mnist_core.arrays import Space
from mnist_core.backends import Backend, array_kernel
from mnist_core.operators import Array, dense, dense_backward
from mnist_core.operators.dense import ACTIVATIONS
from mnist_core.operators.dense_backward import through_activation
from mnist_core.precision import Precision

REFERENCE = Backend("reference", space=Space, driven="the operators' references")


def wider(precision: Precision) -> Precision:
    """The precision that ``precision`` is judged by."""
    return Precision("reference", precision.reference, precision.reference)


def permuted(seed: int, number: int) -> Backend:
    """The reference with the summation index of every product and sum permuted at random.

    Runs of it in the precision at hand, each with its ``number``, show how far apart honest orders
    of summation drift.
    """
    rng = np.random.RandomState([seed, 7, number])

    @array_kernel(dense, name="permuted")
    def forward(space: Space, x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
        order = rng.permutation(len(w))
        out[...] = ACTIVATIONS[activation](x[:, order] @ w[order] + b)

    @array_kernel(dense_backward, name="permuted")
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
        rows, columns = rng.permutation(len(g)), rng.permutation(g.shape[1])
        dw[...] = x[rows].T @ g[rows]
        db[...] = g[rows].sum(axis=0)
        if dx is not None:
            dx[...] = g[:, columns] @ w[:, columns].T

    return Backend(f"permuted {number}", space=Space, kernels=[forward, backward])
