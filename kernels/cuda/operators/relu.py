"""relu in two rungs, and relu_backward."""

from typing import Any

from kernels.cuda.launch import blocks, counts, function
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import kernel

Array = Any

THREADS = 256
VECTORISED = "relu_2_vectorised.cu"


@kernel(operators.relu, device="cuda", name="vectorised", needs_space=True)
def relu(space: Space, z: Array, out: Array) -> None:
    launch = function(space, VECTORISED, "relu", z.dtype)
    launch((blocks(z.size, 4 * THREADS),), (THREADS,), (z, out, *counts(z.size)))


@kernel(operators.relu, device="cuda", name="scalar", needs_space=True)
def scalar(space: Space, z: Array, out: Array) -> None:
    launch = function(space, "relu_1_scalar.cu", "relu", z.dtype)
    launch((blocks(z.size, THREADS),), (THREADS,), (z, out, *counts(z.size)))


@kernel(operators.relu_backward, device="cuda", name="vectorised", needs_space=True)
def relu_backward(space: Space, out: Array, grad: Array, dz: Array) -> None:
    launch = function(space, VECTORISED, "relu_backward", out.dtype)
    launch((blocks(out.size, 4 * THREADS),), (THREADS,), (out, grad, dz, *counts(out.size)))
