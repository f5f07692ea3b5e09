"""softmax: a warp a row; by the table if exact."""

from typing import Any

from kernels.cuda.launch import blocks, counts, function
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import kernel
from mnist_core.exp_table import table_on

Array = Any

THREADS, ROWS = 128, 4


@kernel(operators.softmax, device="cuda", name="warp", needs_space=True)
def softmax(space: Space, logits: Array, out: Array) -> None:
    launch = function(space, "softmax.cu", "softmax", logits.dtype)
    launch((blocks(len(logits), ROWS),), (THREADS,), (logits, out, *counts(*logits.shape)))


@kernel(operators.softmax, device="cuda", name="exact", needs_space=True, precision="exact")
def exact_softmax(space: Space, logits: Array, out: Array) -> None:
    launch = function(space, "softmax_exact.cu", "softmax", logits.dtype)
    arguments = (logits, table_on(space), out, *counts(*logits.shape))
    launch((blocks(len(logits), THREADS),), (THREADS,), arguments)
