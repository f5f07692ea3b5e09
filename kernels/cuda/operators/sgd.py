"""sgd over all parameters in one launch."""

from typing import Any

from kernels.cuda.launch import blocks, counts, function
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import kernel

Array = Any

THREADS = 256


@kernel(operators.sgd, device="cuda", name="vectorised", needs_space=True)
def sgd(space: Space, param: Array, grad: Array, *, lr: float) -> None:
    launch = function(space, "sgd.cu", "sgd", param.dtype)
    rate = param.dtype.type(lr)
    launch((blocks(param.size, 4 * THREADS),), (THREADS,), (param, grad, rate, *counts(param.size)))
