"""softmax: a thread a row; by the table if exact."""

from typing import Any

from kernels.cupy_fused.fusion import elementwise
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import kernel
from mnist_core.exp_table import ENTRIES, table_on
from mnist_core.precision import ACTIVATION_BITS, GRADIENT_BITS

Array = Any

# Pieces of operations: i is the row, `p` the array that takes what is computed of it.
LARGEST = """
    const ptrdiff_t row = i * classes;
    T top = logits[row];
    for (int j = 1; j < classes; ++j) top = logits[row + j] > top ? logits[row + j] : top;
"""
EXPONENTIALS = """
    T total = 0;
    for (int j = 0; j < classes; ++j) total += p[row + j] = exp(logits[row + j] - top);
"""
EXACT_PROBABILITIES = f"""
    T total = 0;
    for (int j = 0; j < classes; ++j) {{
        const T steps = (top - logits[row + j]) * {1 << ACTIVATION_BITS};
        total += p[row + j] = table[steps < {ENTRIES - 1} ? int(steps) : {ENTRIES - 1}];
    }}
    for (int j = 0; j < classes; ++j)
        p[row + j] = rint(p[row + j] / total * {1 << GRADIENT_BITS}) / {1 << GRADIENT_BITS};
"""

normalise = elementwise(
    "softmax",
    "raw T logits, int32 classes",
    "raw T p",
    LARGEST + EXPONENTIALS + "for (int j = 0; j < classes; ++j) p[row + j] /= total;",
)
exact_normalise = elementwise(
    "softmax_exact",
    "raw T logits, raw T table, int32 classes",
    "raw T p",
    LARGEST + EXACT_PROBABILITIES,
)


@kernel(operators.softmax, device="cuda", name="row_a_thread", needs_space=True)
def softmax(space: Space, logits: Array, out: Array) -> None:
    batch, classes = logits.shape
    normalise(space)(logits, classes, out, size=batch)


@kernel(operators.softmax, device="cuda", name="exact", needs_space=True, precision="exact")
def exact_softmax(space: Space, logits: Array, out: Array) -> None:
    batch, classes = logits.shape
    exact_normalise(space)(logits, table_on(space), classes, out, size=batch)
