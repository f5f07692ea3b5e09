"""relu and relu_backward: a select for each element."""

from typing import Any

from kernels.cupy_fused.fusion import elementwise
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import kernel

Array = Any

# NaN is not below 0: it stays.
rectify = elementwise("rectify", "T z", "T out", "out = z < 0 ? T(0) : z")
mask_gradient = elementwise("mask_gradient", "T out, T grad", "T dz", "dz = out > 0 ? grad : T(0)")


@kernel(operators.relu, device="cuda", name="elementwise", needs_space=True)
def relu(space: Space, z: Array, out: Array) -> None:
    rectify(space)(z, out)


@kernel(operators.relu_backward, device="cuda", name="elementwise", needs_space=True)
def relu_backward(space: Space, out: Array, grad: Array, dz: Array) -> None:
    mask_gradient(space)(out, grad, dz)
