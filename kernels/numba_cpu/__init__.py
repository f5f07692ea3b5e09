"""Loops compiled by Numba for the CPU: register tiles, and whole epochs in one function."""

from mnist_core.backends import Backend, Part, kernels_in

_operators = kernels_in("kernels.numba_cpu.operators")
_tiled = kernels_in("kernels.numba_cpu.tiled")


def _kernels() -> list[Part]:
    return _operators() + _tiled()


numba = Backend(
    "numba",
    base="numpy",
    kernels=_kernels,
    requires=("numba", "scipy"),
    driven="a whole epoch in one compiled function, products by register tiles on all threads",
)

numba_sparse = Backend(
    "numba-sparse",
    base="numba",
    kernels=kernels_in("kernels.numba_cpu.zero_skipping"),
    driven="as numba, but without the first layer's products with zeros where they are many",
)
