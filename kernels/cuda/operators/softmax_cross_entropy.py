"""softmax_cross_entropy in three rungs, and exact."""

from typing import Any

from kernels.cuda.launch import blocks, counts, function
from kernels.cuda.operators.softmax import THREADS
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import Kernel, kernel
from mnist_core.exp_table import table_on

Array = Any

NAME = "softmax_cross_entropy"


def _rung(name: str, file: str, rows: int) -> Kernel:
    """A kernel with ``rows`` rows of logits a block."""

    def softmax_cross_entropy(
        space: Space, logits: Array, labels: Array, loss: Array, dlogits: Array
    ) -> None:
        launch = function(space, file, NAME, logits.dtype)
        arguments = (logits, labels, loss, dlogits, *counts(*logits.shape))
        launch((blocks(len(logits), rows),), (THREADS,), arguments)

    declared = kernel(operators.softmax_cross_entropy, device="cuda", name=name, needs_space=True)
    return declared(softmax_cross_entropy)


online = _rung("online", "softmax_cross_entropy_3_online.cu", rows=4)
warp = _rung("warp", "softmax_cross_entropy_2_warp.cu", rows=4)
thread = _rung("thread", "softmax_cross_entropy_1_thread.cu", rows=THREADS)


@kernel(
    operators.softmax_cross_entropy,
    device="cuda",
    name="exact",
    needs_space=True,
    precision="exact",
)
def exact(space: Space, logits: Array, labels: Array, loss: Array, dlogits: Array) -> None:
    launch = function(space, "softmax_exact.cu", NAME, logits.dtype)
    arguments = (logits, labels, table_on(space), loss, dlogits, *counts(*logits.shape))
    launch((blocks(len(logits), THREADS),), (THREADS,), arguments)
