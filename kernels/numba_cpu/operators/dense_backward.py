"""dense_backward: by register tiles; mask and bias gradient in one pass, then two products."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kernels.numba_cpu.blocked import product_of_transposed, product_with_transposed
from kernels.numba_cpu.compile import compiled
from kernels.numba_cpu.operators.bias_gradient import column_sums
from kernels.numba_cpu.tiled.gradients import gradients, gradients_scratch
from kernels.numba_cpu.tiled.team import call
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import kernel

Array = Any
Function = Callable[..., None]


@compiled()
def _mask_and_sum(out: Array, grad: Array, masked: Array, db: Array) -> None:
    db[:] = 0
    for i in range(grad.shape[0]):
        for j in range(grad.shape[1]):
            g = grad[i, j] if out[i, j] > 0 else 0
            masked[i, j] = g
            db[j] += g


@compiled()
def _weight_product(x: Array, grad: Array, dw: Array) -> None:
    np.dot(x.T, grad, dw)


@compiled()
def _input_product(grad: Array, w: Array, dx: Array) -> None:
    np.dot(grad, w.T, dx)


def _through_activation(space: Space, out: Array, grad: Array, db: Array, activation: str) -> Array:
    """Gradient before the activation; its columns' sums go to db."""
    if activation != "relu":
        column_sums(grad, db)
        return grad
    masked = space.scratch_like("masked gradient", grad)
    _mask_and_sum(out, grad, masked, db)
    return masked


def _with_products(weight_product: Function, input_product: Function) -> Function:
    """dense_backward by these two products."""

    def dense_backward(
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
        grad = _through_activation(space, out, grad, db, activation)
        weight_product(x, grad, dw)
        if dx is not None:
            input_product(grad, w, dx)

    return dense_backward


@kernel(operators.dense_backward, name="tiled", needs_space=True)
def tiled(
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
    key = ("gradients", w.shape, w.dtype)
    scratch = space.constant(key, lambda: gradients_scratch(*w.shape, w.dtype))
    wanted = dw[:0] if dx is None else dx
    call(gradients, x, w, out, grad, dw, db, wanted, scratch, activation == "relu")


fused = kernel(operators.dense_backward, name="fused", needs_space=True)(
    _with_products(_weight_product, _input_product)
)
blocked = kernel(operators.dense_backward, name="blocked", needs_space=True, precision="exact")(
    _with_products(product_of_transposed, product_with_transposed)
)
