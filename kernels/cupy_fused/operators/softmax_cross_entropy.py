"""softmax_cross_entropy: maximum, sum, loss and gradient in one launch, a thread a row."""

from typing import Any

from kernels.cupy_fused.fusion import elementwise
from kernels.cupy_fused.operators.softmax import (
    EXACT_PROBABILITIES,
    EXPONENTIALS,
    LARGEST,
)
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import kernel
from mnist_core.exp_table import table_on

Array = Any

# Labels and losses are elements of the loop: there are as many threads as rows.
LOSS = "loss = log(total) - (logits[row + label] - top);"

loss_and_gradient = elementwise(
    "softmax_cross_entropy",
    "raw T logits, int64 label, int32 classes",
    "T loss, raw T p",
    LARGEST
    + EXPONENTIALS
    + LOSS
    + """
    for (int j = 0; j < classes; ++j)
        p[row + j] = (p[row + j] / total - T(j == label)) / T(_ind.size());
    """,
)
exact_loss_and_gradient = elementwise(
    "softmax_cross_entropy_exact",
    "raw T logits, raw T table, int64 label, int32 classes",
    "T loss, raw T p",
    LARGEST + EXACT_PROBABILITIES + LOSS + "p[row + label] -= 1;",
)


@kernel(operators.softmax_cross_entropy, device="cuda", name="row_a_thread", needs_space=True)
def softmax_cross_entropy(
    space: Space, logits: Array, labels: Array, loss: Array, dlogits: Array
) -> None:
    loss_and_gradient(space)(logits, labels, logits.shape[1], loss, dlogits)


@kernel(
    operators.softmax_cross_entropy,
    device="cuda",
    name="exact",
    needs_space=True,
    precision="exact",
)
def exact(space: Space, logits: Array, labels: Array, loss: Array, dlogits: Array) -> None:
    launch = exact_loss_and_gradient(space)
    launch(logits, table_on(space), labels, logits.shape[1], loss, dlogits)
