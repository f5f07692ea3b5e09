"""How every kernel here is launched: in CuPy's current stream, and without waiting for it."""

from typing import Any

from numba import config, cuda

from mnist_core.arrays import Space

Array = Any

# The grids of a small network are small: each of its calls would warn of it.
config.CUDA_LOW_OCCUPANCY_WARNINGS = 0


def blocks_over(length: int, size: int) -> int:
    """Blocks of ``size`` that cover ``length``."""
    return (length + size - 1) // size


def launch(space: Space, kernel: Any, blocks: Any, threads: Any, *arrays: Array) -> None:
    """Ask for a kernel over a grid of blocks, behind all that CuPy was asked for before."""
    if space.device != "cuda":
        # Numba's simulator: NumPy's arrays, and no stream but its own.
        kernel[blocks, threads](*arrays)
        return
    current = space.xp.cuda.get_current_stream().ptr
    # A pointer of 0 is the default stream, Numba's as well as CuPy's.
    stream = cuda.external_stream(current) if current else 0
    # Left to itself, Numba waits on the host for the stream that an array names.
    views = [cuda.as_cuda_array(array, sync=False) for array in arrays]
    kernel[blocks, threads, stream](*views)
