"""gather_batch: pixels and labels in one launch, an element of x a thread."""

from typing import Any

from kernels.cupy_fused.fusion import elementwise
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import Kernel, kernel
from mnist_core.operators.gather_batch import EXACT_PIXELS, PIXEL_MAX

Array = Any

# Row and column come by broadcasting: CuPy divides the index in 32 bits wherever they are enough.
gather = elementwise(
    "gather",
    "raw uint8 images, raw int64 labels, int64 row, int64 column, T by",
    "T x, raw int64 y",
    """
    const ptrdiff_t features = images.shape()[1];
    x = images[row * features + column] / by;
    if (column == 0) y[i / features] = labels[row];
    """,
)


def _kernel(name: str, by: float, precision: str | None) -> Kernel:
    def gather_batch(
        space: Space, images: Array, labels: Array, index: Array, x: Array, y: Array
    ) -> None:
        features = x.shape[1]
        columns = space.constant(
            ("columns", features), lambda: space.xp.arange(features, dtype=space.xp.int64)
        )
        gather(space)(images, labels, index[:, None], columns, by, x, y)

    declared = kernel(
        operators.gather_batch, device="cuda", name=name, needs_space=True, precision=precision
    )
    return declared(gather_batch)


pixel_a_thread = _kernel("pixel_a_thread", PIXEL_MAX, None)
exact = _kernel("exact", EXACT_PIXELS, "exact")
