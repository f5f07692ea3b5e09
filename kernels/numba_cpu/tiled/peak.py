"""How fast multiply-adds can be at all: a register tile whose operands stay in the first cache."""

from time import perf_counter
from typing import Any

import numpy as np

from kernels.numba_cpu.compile import compiled
from kernels.numba_cpu.tiled.arena import aligned
from kernels.numba_cpu.tiled.inner import called
from kernels.numba_cpu.tiled.products import lanes
from kernels.numba_cpu.tiled.region import barrier, on_all_ranks
from kernels.numba_cpu.tiled.target import ROWS, VECTOR_BYTES, VECTORS
from kernels.numba_cpu.tiled.team import call
from kernels.numba_cpu.tiled.tile import fma, store, zeros

Array = Any

_STEPS = 20_000


@called()
def _multiply(rank: int, ranks: int, shared: Array, a: Array, b: Array, out: Array) -> None:
    barrier(shared, ranks)
    acc = zeros(ROWS, VECTORS, out)
    for p in range(_STEPS):
        acc = fma(acc, a, p % 8 * ROWS, 1, b, p % 8 * VECTORS * lanes(b))
    store(acc, out, rank * ROWS * VECTORS * lanes(out), VECTORS * lanes(out))


@compiled(nogil=True)
def _run(shared: Array, ranks: int, a: Array, b: Array, out: Array) -> int:
    on_all_ranks(shared, ranks, _multiply, (a, b, out))
    return ranks


def gflops(dtype: str, seconds: float) -> float:
    """1e9 operations a second on all threads; the best of as many tries as take ``seconds``."""
    columns = VECTORS * VECTOR_BYTES // np.dtype(dtype).itemsize
    a, b = aligned(8 * ROWS, dtype), aligned(8 * columns, dtype)
    out = aligned(1024 * ROWS * columns, dtype)
    ranks, best, end = call(_run, a, b, out), 0.0, perf_counter() + seconds
    while perf_counter() < end:
        start = perf_counter()
        call(_run, a, b, out)
        best = max(best, ranks * _STEPS * ROWS * columns * 2 / (perf_counter() - start) / 1e9)
    return best
