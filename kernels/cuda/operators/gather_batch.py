"""gather_batch: a block a row."""

from typing import Any

from kernels.cuda.launch import counts, function
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import Kernel, kernel
from mnist_core.operators.gather_batch import EXACT_PIXELS, PIXEL_MAX
from mnist_core.precision import EXACT, Precision

Array = Any

FILE = "gather_batch.cu"


def threads(features: int) -> int:
    """Threads of a block: four pixels each, in whole warps."""
    return min(256, 32 * (1 + (features - 1) // 128))


def divisor(precision: Precision) -> float:
    """What pixels are divided by."""
    return EXACT_PIXELS if precision is EXACT else PIXEL_MAX


def _kernel(name: str, by: float, precision: str | None) -> Kernel:
    def gather_batch(
        space: Space, images: Array, labels: Array, index: Array, x: Array, y: Array
    ) -> None:
        batch, features = x.shape
        launch = function(space, FILE, "gather_batch", x.dtype)
        arguments = (images, labels, index, x, y, *counts(features), x.dtype.type(by))
        launch((batch,), (threads(features),), arguments)

    declared = kernel(
        operators.gather_batch, device="cuda", name=name, needs_space=True, precision=precision
    )
    return declared(gather_batch)


row_a_block = _kernel("row_a_block", PIXEL_MAX, None)
exact = _kernel("exact", EXACT_PIXELS, "exact")
